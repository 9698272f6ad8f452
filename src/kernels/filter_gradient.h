/* Gradients of filters without products of matrices: of shallow images, whose products would be too thin, and of groups
 * of one channel.
 *
 * The columns of an output row stand in one another: column[W'][kh][C] holds what is below each other in the image, so
 * that the taps [kw][kh][C] of any pixel are one run of floats, and each float of the image is copied kh times rather
 * than kh*kw times. */
#ifndef STOA_KERNELS_FILTER_GRADIENT_H
#define STOA_KERNELS_FILTER_GRADIENT_H

#include <stddef.h>

#include "kernels/im2col.h"

#define FILTER_GRADIENT_LANES 16
/* Taps behind the last one that may be read, and written in sums. */
#define FILTER_GRADIENT_EXCESS 24

/* The columns of shallow images: what stoa_im2col_rows makes of output rows [first, first + rows) with a kernel one
 * wide and horizontal stride 1, IM2COL_EXCESS included. */
void stoa_filter_columns(const struct im2col_window *window, const float *x, size_t first, size_t rows, float *columns);

/* A few output rows of one image. */
struct filter_gradient {
    size_t rows, pixels;   /* of dy */
    size_t taps;           /* of a run: kw*kh*C, or kw*kh where each channel has its own */
    size_t x_row, x_step;  /* floats from row to row and from pixel to pixel, of the columns */
    size_t x_tap;          /* one channel to one: from tap to tap */
    size_t y_row, y_pixel; /* of dy */
};

/* sums[taps][channels] += column[...][tap] * dy[...][channel], over all pixels. Channels go by vectors of
 * FILTER_GRADIENT_LANES; rows of sums are as many vectors long, those of dy are readable as far. */
void stoa_filter_gradient(const struct filter_gradient *f, size_t channels, const float *columns, const float *dy,
                          float *sums);

/* sums[taps][FILTER_GRADIENT_LANES] += column[...][tap][lane] * dy[...][lane], over all pixels: one vector of channels,
 * each with a filter of its own. */
void stoa_filter_gradient_depthwise(const struct filter_gradient *f, const float *columns, const float *dy,
                                    float *sums);

#endif
