/* Transposed convolution without a product: for outputs of few channels. */
#ifndef STOA_KERNELS_DIRECT_TRANSPOSE_H
#define STOA_KERNELS_DIRECT_TRANSPOSE_H

#include <stddef.h>

#define DIRECT_TRANSPOSE_LANES 16
/* The most floats of a run. */
#define DIRECT_TRANSPOSE_WIDEST (3 * DIRECT_TRANSPOSE_LANES)

struct direct_transpose {
    size_t depth;   /* channels of x */
    size_t taps;    /* rows of the filter */
    size_t width;   /* of a run: what a pixel of x adds to a row of y, kw*OC floats */
    size_t x_pixel; /* floats from pixel to pixel of x */
    size_t y_pixel; /* floats from where a pixel's run begins to where the next one's does */
    size_t y_tap;   /* floats from filter row to filter row, in y */
};

/* For a row of pixels p < count, filter rows t < taps and j < width:
 * y[t*y_tap + p*y_pixel + j] += sum over k < depth of x[p*x_pixel + k] * weights[k][t][j],
 * j being padded to whole vectors in the weights, and y readable and writable as far. */
void stoa_direct_transpose_row(const struct direct_transpose *direct, size_t count, const float *x,
                               const float *weights, float *y);

#endif
