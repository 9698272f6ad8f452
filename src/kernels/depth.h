/* Volumes as pictures (ops/volume.h): what lies at one place of several planes becomes channels of one pixel, and back.
 */
#ifndef STOA_KERNELS_DEPTH_H
#define STOA_KERNELS_DEPTH_H

#include <stddef.h>

/* The taps of a window along the depth: from one to the next it is `step` elements; those outside
 * [first, end) are beyond the volume. */
struct depth_taps {
    size_t count, first, end;
    size_t step;
};

/* z[pixels][C][taps] <- x[taps][pixels][C], 0 beyond the volume; pixels of x are x_stride elements apart. x is where
 * tap `first` is, and is not read where all are beyond. */
void stoa_depth_fold(size_t pixels, size_t channels, const struct depth_taps *taps, const float *x, size_t x_stride,
                     float *z);
/* y[pixels][C] += tap `tap` of z[pixels][C][taps]; pixels of y are y_stride elements apart. */
void stoa_depth_add(size_t pixels, size_t channels, size_t taps, size_t tap, const float *z, float *y, size_t y_stride);
/* y[pixels][C] <- bias[C], or 0 where that is null. */
void stoa_depth_begin(size_t pixels, size_t channels, const float *bias, float *y, size_t y_stride);

#endif
