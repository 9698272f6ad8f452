/* Resizing: gathering for the nearest element, weighted sums for interpolation. */
#include "kernels/resize.h"

#include <string.h>

#include "base/vector.h"

STOA_CLONES void stoa_resize_gather(size_t count, const size_t *from, const float *x, size_t x_step, float *y,
                                    size_t y_step)
{
    if (!from && x_step == 1 && y_step == 1)
        memcpy(y, x, count * sizeof *y);
    else if (!from)
        for (size_t i = 0; i < count; i++)
            y[i * y_step] = x[i * x_step];
    else
        for (size_t i = 0; i < count; i++)
            y[i * y_step] = x[from[i] * x_step];
}

static STOA_INLINE void blend(size_t count, size_t taps, const size_t *offsets, const float *weights, const float *x,
                              size_t x_step, float *restrict y, size_t y_step)
{
    if (taps == 4) {
        const float *a = x + offsets[0], *b = x + offsets[1], *c = x + offsets[2], *d = x + offsets[3];
        const float p = weights[0], q = weights[1], r = weights[2], s = weights[3];
        for (size_t i = 0; i < count; i++)
            y[i * y_step] = (p * a[i * x_step] + q * b[i * x_step]) + (r * c[i * x_step] + s * d[i * x_step]);
        return;
    }
    for (size_t t = 0; t < taps; t++) {
        const float *from = x + offsets[t];
        const float weight = weights[t];
        if (t == 0)
            for (size_t i = 0; i < count; i++)
                y[i * y_step] = weight * from[i * x_step];
        else
            for (size_t i = 0; i < count; i++)
                y[i * y_step] += weight * from[i * x_step];
    }
}

STOA_CLONES void stoa_resize_blend(size_t count, size_t taps, const size_t *offsets, const float *weights,
                                   const float *x, size_t x_step, float *y, size_t y_step)
{
    if (x_step == 1 && y_step == 1)
        blend(count, taps, offsets, weights, x, 1, y, 1);
    else
        blend(count, taps, offsets, weights, x, x_step, y, y_step);
}

STOA_CLONES void stoa_resize_line(size_t count, size_t taps, const size_t *from, const float *weights, const float *x,
                                  float *y, size_t y_step)
{
    if (taps == 2) {
        for (size_t i = 0; i < count; i++)
            y[i * y_step] = weights[2 * i] * x[from[2 * i]] + weights[2 * i + 1] * x[from[2 * i + 1]];
        return;
    }
    for (size_t i = 0; i < count; i++) {
        float sum = 0;
        for (size_t t = i * taps; t < (i + 1) * taps; t++)
            sum += weights[t] * x[from[t]];
        y[i * y_step] = sum;
    }
}
