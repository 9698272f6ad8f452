/* The inner loops of resizing. */
#ifndef STOA_KERNELS_RESIZE_H
#define STOA_KERNELS_RESIZE_H

#include <stddef.h>

/* y[i*y_step] <- x[from[i]*x_step], or x[i*x_step] where from is null */
void stoa_resize_gather(size_t count, const size_t *from, const float *x, size_t x_step, float *y, size_t y_step);
/* y[i*y_step] <- sum over t < taps of weights[t] * x[offsets[t] + i*x_step] */
void stoa_resize_blend(size_t count, size_t taps, const size_t *offsets, const float *weights, const float *x,
                       size_t x_step, float *y, size_t y_step);
/* y[i*y_step] <- sum over t < taps of weights[i*taps + t] * x[from[i*taps + t]] */
void stoa_resize_line(size_t count, size_t taps, const size_t *from, const float *weights, const float *x, float *y,
                      size_t y_step);

/* Which output indices read each input index i: from[k] with weights[k] for first[i] <= k < first[i + 1]. */
struct resize_lists {
    const size_t *first, *from;
    const float *weights;
};
/* y[i*y_step] += weight * x[i*x_step] */
void stoa_resize_add(size_t count, float weight, const float *x, size_t x_step, float *y, size_t y_step);
/* y[i*y_step] <- sum over i's list of weights[k] * x[from[k]] */
void stoa_resize_collect(size_t count, const struct resize_lists *lists, const float *x, float *y, size_t y_step);

#endif
