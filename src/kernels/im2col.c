/* Columns from channels-last images. A filter row over a pixel is one run of kw*C floats there (without dilation and
 * with all channels), so most of this is copying runs. */
#include "kernels/im2col.h"

#include "base/vector.h"

/* Runs are short, so a loop beats a call. */
static STOA_INLINE void copy(float *to, const float *from, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = from[i];
}

static STOA_INLINE void clear(float *to, size_t count)
{
    for (size_t i = 0; i < count; i++)
        to[i] = 0;
}

/* Input coordinate of output `o` at tap `t`; wraps below 0 to a huge number, so that one comparison finds it. */
static inline size_t coordinate(const struct im2col_window *window, int axis, size_t o, size_t t)
{
    return o * window->stride[axis] + t * window->dilation[axis] - window->pad[axis];
}

/* run[kw*C] <- the taps of one filter row over one pixel, from image row x[W][C]. */
static void filter_row(const struct im2col_window *window, const float *x, size_t ox, float *run)
{
    size_t channels = window->channels, kw = window->kernel[1];
    size_t left = coordinate(window, 1, ox, 0);
    if (window->dilation[1] == 1 && channels == window->pixel_stride && left < window->W && kw <= window->W - left) {
        copy(run, x + left * channels, kw * channels);
        return;
    }
    for (size_t s = 0; s < kw; s++) {
        size_t ix = coordinate(window, 1, ox, s);
        if (ix < window->W)
            copy(run + s * channels, x + ix * window->pixel_stride, channels);
        else
            clear(run + s * channels, channels);
    }
}

void stoa_im2col_rows(const struct im2col_window *window, const float *x, size_t first, size_t count, float *col)
{
    size_t run = window->kernel[1] * window->channels;
    size_t oy = first / window->OW, ox = first % window->OW;
    for (size_t i = 0; i < count; i++) {
        for (size_t r = 0; r < window->kernel[0]; r++, col += run) {
            size_t iy = coordinate(window, 0, oy, r);
            if (iy < window->H)
                filter_row(window, x + iy * window->W * window->pixel_stride, ox, col);
            else
                clear(col, run);
        }
        if (++ox == window->OW) {
            ox = 0;
            oy++;
        }
    }
}

/* to[count] <- channel `x` of output pixels from (oy, ox) on at tap (r, s). */
static void tap_row(const struct im2col_window *window, const float *x, size_t r, size_t s, size_t oy, size_t ox,
                    size_t count, float *to)
{
    size_t step = window->stride[1] * window->pixel_stride;
    while (count > 0) {
        size_t length = window->OW - ox < count ? window->OW - ox : count;
        size_t iy = coordinate(window, 0, oy, r);
        if (iy >= window->H) {
            clear(to, length);
        } else {
            const float *row = x + iy * window->W * window->pixel_stride;
            size_t ix = coordinate(window, 1, ox, s), i = 0;
            for (; i < length && ix >= window->W; i++, ix += window->stride[1])
                to[i] = 0;
            if (i < length) {
                const float *from = row + ix * window->pixel_stride;
                size_t inside = (window->W - 1 - ix) / window->stride[1] + 1;
                size_t end = inside < length - i ? i + inside : length;
                if (step == 1)
                    copy(to + i, from, end - i);
                else
                    for (size_t j = i; j < end; j++)
                        to[j] = from[(j - i) * step];
                i = end;
            }
            for (; i < length; i++)
                to[i] = 0;
        }
        to += length;
        count -= length;
        ox = 0;
        oy++;
    }
}

void stoa_im2col_columns(const struct im2col_window *window, const float *x, size_t first, size_t count, float *col)
{
    size_t oy = first / window->OW, ox = first % window->OW;
    for (size_t r = 0; r < window->kernel[0]; r++)
        for (size_t s = 0; s < window->kernel[1]; s++)
            for (size_t c = 0; c < window->channels; c++, col += count)
                tap_row(window, x + c, r, s, oy, ox, count, col);
}
