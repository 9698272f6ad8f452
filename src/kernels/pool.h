/* Pooling windows over channels-last images. */
#ifndef STOA_KERNELS_POOL_H
#define STOA_KERNELS_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Arrays hold the vertical value first. Padding is clipping: a tap that falls outside the image is left out. */
struct pool_shape {
    size_t kernel[2], stride[2], dilation[2];
    size_t pad[4];  /* top, left, bottom, right */
    size_t size[2]; /* H, W */
    size_t out[2];  /* OH, OW */
    size_t channels;
    size_t x_row, x_column; /* elements from one row or pixel to the next; channels lie side by side */
    size_t y_row, y_column;
};

/* y[OW][C] <- max over the window's taps of x[H][W][C], for output row oy. NaN if any tap is; every window must have a
 * tap inside the image. */
void stoa_max_pool_row(const struct pool_shape *shape, size_t oy, const float *x, float *y);
void stoa_max_pool_row_uint8(const struct pool_shape *shape, size_t oy, const uint8_t *x, uint8_t *y);
void stoa_max_pool_row_int8(const struct pool_shape *shape, size_t oy, const int8_t *x, int8_t *y);
/* The same, and index[OW][C] <- the place of the first tap that is the maximum (or NaN): start + c*H*W plus iy*W + ix
 * or, with `column_major`, ix*H + iy. */
void stoa_max_pool_row_index(const struct pool_shape *shape, size_t oy, int column_major, int64_t start, const float *x,
                             float *y, int64_t *index);
/* y[OW][C] <- mean over the window's taps of x[H][W][C], of those inside the image or, with `count_pad`, inside the
 * padded image, where the padding is 0. */
void stoa_average_pool_row(const struct pool_shape *shape, size_t oy, int count_pad, const float *x, float *y);

#endif
