/* What pooling keeps for its backward pass, and that pass, over channels-last images (kernels/pool.h). Each row of dx
 * gathers what the windows above its pixels hold, in the order of the windows: rows need not wait for each other. */
#ifndef STOA_KERNELS_POOL_BACKWARD_H
#define STOA_KERNELS_POOL_BACKWARD_H

#include "kernels/pool.h"

/* tap[OD][OH][OW][C], of which element (kz*kh + ky)*kw + kx of its window each output of a maximum was. */
struct pool_taps {
    void *data;                /* of uint8_t or int32_t */
    size_t plane, row, column; /* elements from one plane, row or pixel to the next */
};

/* The most taps that a window of uint8_t ones has. */
#define POOL_MOST_BYTE_TAPS 256

/* y[OW][C] as stoa_max_pool_row has it, and tap[OW][C] of that row <- the first tap that is the maximum; if there are
 * NaN, the last of them. */
void stoa_max_pool_row_taps(const struct pool_shape *shape, struct pool_row at, const float *x, float *y,
                            const struct pool_taps *taps);
/* The same with taps of int32_t. */
void stoa_max_pool_row_taps_int32(const struct pool_shape *shape, struct pool_row at, const float *x, float *y,
                                  const struct pool_taps *taps);

/* In what follows shape's x is dx and its y is dy. */

/* dx[W][C] of that row <- sum of dy[OD][OH][OW][C] over the outputs whose tap the pixel is */
void stoa_max_pool_row_backward(const struct pool_shape *shape, struct pool_row at, const float *dy,
                                const struct pool_taps *taps, float *dx);
void stoa_max_pool_row_backward_int32(const struct pool_shape *shape, struct pool_row at, const float *dy,
                                      const struct pool_taps *taps, float *dx);
/* dx[W][C] of that row <- sum of dy[OD][OH][OW][C] / taps over the windows that hold the pixel, which have so many taps
 * inside the image or, with `count_pad`, inside the padded image */
void stoa_average_pool_row_backward(const struct pool_shape *shape, struct pool_row at, int count_pad, const float *dy,
                                    float *dx);

#endif
