/* Convolutions of volumes, by those of pictures. What the taps along the depth see is laid side by side in the channels
 * of a picture: with kd taps
 *
 *     z[od][H][W][c*kd + k] <- x[od*stride + k*dilation - pad][H][W][c]      (0 beyond the volume)
 *
 * so that the convolution of x is a convolution of the pictures z with kd times the channels, and the weights
 * [OC][C/groups][kd][kh][kw] lie as it wants them: [OC][C/groups*kd][kh][kw]. Every lowering serves, Winograd's too;
 * the copy costs 1/(OC*kh*kw) of the products. A transposed convolution goes the other way: it makes pictures
 * z[d][OH][OW][oc*kd + k], of which each plane of y is the sum of what falls on it. */
#ifndef STOA_OPS_VOLUME_H
#define STOA_OPS_VOLUME_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "base/pool.h"
#include "lower/lower.h"

/* A convolution of one to three spatial axes. Of signals and pictures `plane` is all; of volumes it is what happens
 * within a plane, N being the number of volumes. */
struct volume {
    struct conv_shape plane;
    bool deep; /* of volumes; else each of the following is 1, pads 0 */
    size_t D, OD;
    size_t kernel, stride, dilation, pad[2];
};

/* Multiply-adds by the textbook's count, given those of the plane. */
double stoa_volume_macs(const struct volume *volume, bool transposed, double plane);

/* The planes of a volume that a window along the depth goes over: those folded together or added to. */
struct volume_window {
    size_t narrow, wide; /* planes: of windows, and of what they go over */
    size_t kernel, stride, dilation, pad;
};

/* z[first .. first+count)[pixels][C][kd] <- planes of x[N][wide][pixels][C], all N*narrow windows being numbered. */
void stoa_volume_fold(const struct volume_window *window, size_t first, size_t count, size_t rows, size_t row_pixels,
                      size_t channels, const float *x, size_t x_stride, struct pool *pool, float *z);
/* y[wide][pixels][C] <- bias[C] (null: 0) + what of z[narrow][pixels][C][kd] falls there. */
void stoa_volume_unfold(const struct volume_window *window, size_t rows, size_t row_pixels, size_t channels,
                        const float *z, const float *bias, struct pool *pool, float *y, size_t y_stride);

#endif
