/* Planes of a volume side by side in a pixel's channels. */
#include "kernels/depth.h"

#include "base/vector.h"

static STOA_INLINE void fold(size_t pixels, size_t channels, size_t count, const struct depth_taps *taps,
                             const float *x, size_t x_stride, float *restrict z)
{
    for (size_t p = 0; p < pixels; p++, x += x_stride, z += channels * count)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < count; t++)
                z[c * count + t] = t >= taps->first && t < taps->end ? x[c + (t - taps->first) * taps->step] : 0;
}

/* The same where no tap is beyond the volume. */
static STOA_INLINE void fold_whole(size_t pixels, size_t channels, size_t count, size_t step, const float *x,
                                   size_t x_stride, float *restrict z)
{
    for (size_t p = 0; p < pixels; p++, x += x_stride, z += channels * count)
        for (size_t c = 0; c < channels; c++)
            for (size_t t = 0; t < count; t++)
                z[c * count + t] = x[c + t * step];
}

STOA_CLONES void stoa_depth_fold(size_t pixels, size_t channels, const struct depth_taps *taps, const float *x,
                                 size_t x_stride, float *z)
{
    if (taps->first > 0 || taps->end < taps->count)
        fold(pixels, channels, taps->count, taps, x, x_stride, z);
    else if (taps->count == 3)
        fold_whole(pixels, channels, 3, taps->step, x, x_stride, z);
    else
        fold_whole(pixels, channels, taps->count, taps->step, x, x_stride, z);
}

STOA_CLONES void stoa_depth_add(size_t pixels, size_t channels, size_t taps, size_t tap, const float *z,
                                float *restrict y, size_t y_stride)
{
    for (size_t p = 0; p < pixels; p++, y += y_stride, z += channels * taps)
        for (size_t c = 0; c < channels; c++)
            y[c] += z[c * taps + tap];
}

void stoa_depth_begin(size_t pixels, size_t channels, const float *bias, float *y, size_t y_stride)
{
    for (size_t p = 0; p < pixels; p++, y += y_stride)
        for (size_t c = 0; c < channels; c++)
            y[c] = bias ? bias[c] : 0;
}
