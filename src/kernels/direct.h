/* Dense convolution without a product: for images of few channels. */
#ifndef STOA_KERNELS_DIRECT_H
#define STOA_KERNELS_DIRECT_H

#include <stddef.h>

#include "base/vector.h"
#include "kernels/activation.h"

/* Output channels of one vector, and the most of one call. */
#define DIRECT_LANES 16
#define DIRECT_WIDEST (4 * DIRECT_LANES)

struct direct {
    size_t runs, run;         /* floats of x that an output pixel sees: so many, of so many side by side */
    const ptrdiff_t *offsets; /* [runs]: where they begin, from the first */
    size_t x_pixel;           /* floats of x from one output pixel's to the next one's */
    size_t channels;          /* of the output, at most DIRECT_WIDEST */
    size_t y_pixel;
    size_t x_row, y_row;  /* the same from one row of output pixels to the next */
    struct squash squash; /* of y, at last */
};

/* Pixels of a block of so many vectors of channels. */
#define DIRECT_NARROW_BLOCK 6
static inline size_t stoa_direct_block(size_t vectors)
{
    static const size_t blocks[] = {12, 12, 8, 6};
    return stoa_has_wide_registers() ? blocks[vectors - 1] : DIRECT_NARROW_BLOCK;
}

/* Output channels of one panel of weights: all that one call takes, or what registers hold. */
static inline size_t stoa_direct_panel(void)
{
    return stoa_has_wide_registers() ? DIRECT_WIDEST : DIRECT_LANES;
}

/* y[rows][count][channels] <- bias[channels] (zeros where null) + sum over k < runs * run of x * weights:
 * y[r][i][j] += x[r*x_row + i*x_pixel + offsets[k / run] + k % run] * weights[k*width + j],
 * width being `channels` rounded up to whole vectors; weights beyond `channels` count for nothing, but are read. Each
 * output is summed in this order whatever the counts are. */
void stoa_direct_rows(const struct direct *direct, size_t rows, size_t count, const float *x, const float *weights,
                      const float *bias, float *y);

#endif
