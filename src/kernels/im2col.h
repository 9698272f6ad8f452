/* Columns from images. */
#ifndef STOA_KERNELS_IM2COL_H
#define STOA_KERNELS_IM2COL_H

#include <stddef.h>

/* One image (or the channels of one group of it) and the window that moves over it. */
struct im2col_window {
    size_t H, W;
    size_t channels;     /* taken into the columns */
    size_t pixel_stride; /* floats from one pixel to the next: all channels of the image */
    size_t OW;           /* output pixels are numbered oy * OW + ox */
    size_t kernel[2], stride[2], dilation[2];
    size_t pad[2]; /* top, left */
    size_t tail;   /* zeros behind each column */
};

/* Floats behind the columns that stoa_im2col_rows may overwrite. */
#define IM2COL_EXCESS 15

/* col[count][kh*kw*C + tail] <- x[H][W][C] for output pixels [first, first + count); outside the image there is 0. */
void stoa_im2col_rows(const struct im2col_window *window, const float *x, size_t first, size_t count, float *col);

#endif
