/* Convolution in groups of few channels: depthwise, with or without a multiplier, and a little beyond. */
#ifndef STOA_KERNELS_DEPTHWISE_H
#define STOA_KERNELS_DEPTHWISE_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/activation.h"

/* Channels of one vector, and the fewest pixels of a row for which each column is loaded once for all its taps. */
#define DEPTHWISE_LANES 16
#define DEPTHWISE_SPAN 7

struct depthwise {
    size_t groups, in, out;  /* channels of a group */
    size_t width;            /* floats of weights from one tap's input channel to the next: all output channels */
    size_t W, OW;            /* of one image */
    size_t x_pixel, y_pixel; /* floats from one pixel to the next */
    size_t rows, columns;    /* taps: rows of them that lie inside the image here, and kw */
    size_t row_step;         /* floats of x from one such row to the next */
    size_t OH;               /* output rows, all of which see so many rows */
    size_t x_down, y_down;   /* floats from what one of them sees, and from it, to the next */
    size_t stride, dilation; /* horizontal */
    size_t pad;              /* left */
    size_t ahead;            /* rows behind those, as far apart, to ask the caches for: the next output row's */
    struct squash squash;    /* of y, at last */
};

/* Whether the kernel below takes groups like these: one channel to one; or in <= out where a vector holds several
 * whole groups and there is at least a vector of channels on either side. */
static inline bool stoa_depthwise_takes(size_t groups, size_t in, size_t out)
{
    return (in == 1 && out == 1) || (in <= out && out < DEPTHWISE_LANES && DEPTHWISE_LANES % out == 0 &&
                                     groups * in >= DEPTHWISE_LANES && groups * out >= DEPTHWISE_LANES);
}

/* Output rows of all the groups, or of some of them where C and OC are more, with C = groups*in, OC = groups*out:
 * y[OH][OW][OC] <- bias[OC] (zeros where null) + sum over taps and the group's channels of x * weights.
 * y[oy*y_down + ox*y_pixel + o] +=
 * x[oy*x_down + r*row_step + (ox*stride + s*dilation - pad)*x_pixel + o/out*in + j] *
 * weights[((r*columns + s)*in + j)*width + o]
 * for r < rows, s < columns where the pixel lies in [0, W), j < in. x points at the first row's first pixel. */
void stoa_depthwise_rows(const struct depthwise *d, const float *x, const float *weights, const float *bias, float *y);

#endif
