/* Depthwise convolution: each channel with a filter of its own. */
#ifndef STOA_KERNELS_DEPTHWISE_H
#define STOA_KERNELS_DEPTHWISE_H

#include <stddef.h>

struct depthwise {
    size_t C, W, OW;         /* of one image */
    size_t x_pixel, y_pixel; /* floats from one pixel to the next */
    size_t rows, columns;    /* taps: rows of them that lie inside the image here, and kw */
    size_t row_step;         /* floats of x from one such row to the next */
    size_t stride, dilation; /* horizontal */
    size_t pad;              /* left */
};

/* One output row: y[OW][C] <- bias[C] (zeros where null) + sum over taps of x * weights.
 * y[ox][c] += x[r*row_step + (ox*stride + s*dilation - pad)*x_pixel + c] * weights[(r*columns + s)*C + c]
 * for r < rows, s < columns where the pixel lies in [0, W). x points at the first row's first pixel. */
void stoa_depthwise_row(const struct depthwise *d, const float *x, const float *weights, const float *bias, float *y);

#endif
