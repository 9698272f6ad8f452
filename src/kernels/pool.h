/* Pooling windows over channels-last images of up to three spatial axes. */
#ifndef STOA_KERNELS_POOL_H
#define STOA_KERNELS_POOL_H

#include <stddef.h>
#include <stdint.h>

/* Arrays hold the values of depth, height and width; a picture's depth is 1, and so is a signal's height. Padding is
 * clipping: a tap that falls outside the image is left out. */
struct pool_shape {
    size_t kernel[3], stride[3], dilation[3];
    size_t pad[6];  /* in front, top, left, at the back, bottom, right */
    size_t size[3]; /* D, H, W */
    size_t out[3];  /* OD, OH, OW */
    size_t channels;
    size_t x_plane, x_row, x_column; /* elements from one plane, row or pixel to the next; channels lie side by side */
    size_t y_plane, y_row, y_column;
};

/* Which row: of an output, or of an image. */
struct pool_row {
    size_t plane, row;
};

/* y[OW][C] <- max over the window's taps of x[D][H][W][C], for that output row. NaN if any tap is; every window must
 * have a tap inside the image. */
void stoa_max_pool_row(const struct pool_shape *shape, struct pool_row at, const float *x, float *y);
void stoa_max_pool_row_uint8(const struct pool_shape *shape, struct pool_row at, const uint8_t *x, uint8_t *y);
void stoa_max_pool_row_int8(const struct pool_shape *shape, struct pool_row at, const int8_t *x, int8_t *y);
/* The same, and index[OW][C] <- the place of the first tap that is the maximum (or NaN): start + c*D*H*W plus (iz*H +
 * iy)*W + ix or, with `column_major`, (ix*H + iy)*D + iz. */
void stoa_max_pool_row_index(const struct pool_shape *shape, struct pool_row at, int column_major, int64_t start,
                             const float *x, float *y, int64_t *index);
/* y[OW][C] <- mean over the window's taps of x[D][H][W][C], of those inside the image or, with `count_pad`, inside the
 * padded image, where the padding is 0. */
void stoa_average_pool_row(const struct pool_shape *shape, struct pool_row at, int count_pad, const float *x, float *y);
/* Those two of pictures, with D and the kernel's depth 1, for row oy. */
void stoa_max_pool_picture(const struct pool_shape *shape, size_t oy, const float *x, float *y);
void stoa_average_pool_picture(const struct pool_shape *shape, size_t oy, int count_pad, const float *x, float *y);
/* y[OW][C] <- (sum over the window's taps of |x[D][H][W][C]|^p)^(1/p); p is at least 1. */
void stoa_lp_pool_row(const struct pool_shape *shape, struct pool_row at, int p, const float *x, float *y);

#endif
