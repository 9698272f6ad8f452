/* Columns from channels-last images. What a filter row sees of a pixel is one run of kw*C floats there (without
 * dilation and with all channels), so most of this is copying short runs: by whole vectors, whose excess the next run
 * overwrites.
 */
#include "kernels/im2col.h"

#include <stdbool.h>

#include "base/vector.h"

typedef float lanes4 __attribute__((vector_size(16), aligned(sizeof(float)), may_alias));
typedef float lanes8 __attribute__((vector_size(32), aligned(sizeof(float)), may_alias));

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

/* Whether the taps of a filter row lie side by side in memory. */
static inline bool has_whole_rows(const struct im2col_window *window)
{
    return window->dilation[1] == 1 && window->channels == window->pixel_stride;
}

/* run[kw*C] <- the taps of one filter row over one pixel, from image row x[W][C]. */
static STOA_INLINE void filter_row(const struct im2col_window *window, const float *x, size_t ox, float *run)
{
    size_t channels = window->channels;
    for (size_t s = 0; s < window->kernel[1]; s++) {
        size_t ix = coordinate(window, 1, ox, s);
        if (ix < window->W)
            copy(run + s * channels, x + ix * window->pixel_stride, channels);
        else
            clear(run + s * channels, channels);
    }
}

/* One pixel at any place. */
static STOA_INLINE void pixel(const struct im2col_window *window, const float *x, size_t oy, size_t ox, float *col)
{
    size_t run = window->kernel[1] * window->channels;
    for (size_t r = 0; r < window->kernel[0]; r++, col += run) {
        size_t iy = coordinate(window, 0, oy, r);
        if (iy < window->H)
            filter_row(window, x + iy * window->W * window->pixel_stride, ox, col);
        else
            clear(col, run);
    }
    clear(col, window->tail);
}

/* The runs of a pixel whose filter rows [above, below) lie inside the image. */
struct runs {
    size_t rows, columns; /* of runs */
    size_t x_row, x_column, length;
    size_t above, below; /* floats of a column that lie above and below the image, or behind it all */
};

static STOA_INLINE void move(float *to, const float *from, size_t lanes)
{
    if (lanes == 4)
        *(lanes4 *)to = *(const lanes4 *)from;
    else if (lanes == 8)
        *(lanes8 *)to = *(const lanes8 *)from;
    else
        for (size_t i = 0; i < lanes; i += 8)
            *(lanes8 *)(to + i) = *(const lanes8 *)(from + i);
}

/* Each run takes `vectors` of `lanes`, which are known where this is inlined: up to lanes-1 floats too much. */
static STOA_INLINE void inside(const struct runs *runs, size_t lanes, size_t vectors, const float *x, size_t step,
                               size_t count, float *col)
{
    const struct runs run = *runs;
    for (size_t i = 0; i < count; i++, x += step) {
        clear(col, run.above);
        col += run.above;
        for (size_t r = 0; r < run.rows; r++)
            for (size_t s = 0; s < run.columns; s++, col += run.length)
                for (size_t v = 0; v < vectors; v++)
                    move(col + v * lanes, x + r * run.x_row + s * run.x_column + v * lanes, lanes);
        clear(col, run.below);
        col += run.below;
    }
}

/* col[count][kh*kw*C] <- pixels that see no column outside the image. */
STOA_CLONES static void copy_inside(const struct runs *runs, const float *x, size_t step, size_t count, float *col)
{
    size_t length = runs->length;
    if (length <= 4)
        inside(runs, 4, 1, x, step, count, col);
    else if (length <= 8)
        inside(runs, 8, 1, x, step, count, col);
    else if (length <= 16)
        inside(runs, 16, 1, x, step, count, col);
    else if (length <= 32)
        inside(runs, 16, 2, x, step, count, col);
    else if (length <= 48)
        inside(runs, 16, 3, x, step, count, col);
    else
        inside(runs, 16, (length + 15) / 16, x, step, count, col);
}

static size_t excess_of(size_t length)
{
    size_t lanes = length <= 4 ? 4 : length <= 8 ? 8 : IM2COL_EXCESS + 1;
    return (lanes - length % lanes) % lanes;
}

/* Pixels [first, end) of output row oy, the column of `first` at col. Those in the middle go by copy_inside, as far as
 * its last run's excess stays inside the image. */
static void output_row(const struct im2col_window *window, const float *x, size_t oy, size_t first, size_t end,
                       float *col)
{
    size_t kh = window->kernel[0], kw = window->kernel[1], stride = window->stride[1];
    size_t run = kw * window->channels, depth = kh * run + window->tail, row = window->W * window->pixel_stride;
    bool whole = has_whole_rows(window);
    size_t r = 0, r_end = kh, ox = first, inside_end = first;
    while (r < kh && coordinate(window, 0, oy, r) >= window->H)
        r++;
    while (r_end > r && coordinate(window, 0, oy, r_end - 1) >= window->H)
        r_end--;
    struct runs runs = {
        .rows = r_end - r,
        .columns = whole ? 1 : kw,
        .x_row = window->dilation[0] * row,
        .x_column = window->dilation[1] * window->pixel_stride,
        .length = whole ? run : window->channels,
        .above = r * run,
        .below = (kh - r_end) * run + window->tail,
    };
    size_t reach = (kw - 1) * window->dilation[1];
    while (ox < end && coordinate(window, 1, ox, 0) >= window->W)
        ox++;
    if (r < r_end && reach < window->W) {
        size_t last = window->W - 1 - reach; /* column of the last pixel that sees the whole filter row */
        size_t lowest = coordinate(window, 0, oy, r_end - 1), excess = excess_of(runs.length);
        size_t spare = (window->H - 1 - lowest) * row; /* floats of the image behind its lowest row that is seen */
        while (spare < excess && last > 0) {
            last--;
            spare += window->pixel_stride;
        }
        if (spare >= excess && last + window->pad[1] >= ox * stride)
            inside_end = (last + window->pad[1]) / stride + 1;
        inside_end = inside_end < end ? inside_end : end;
    }
    for (size_t i = first; i < ox; i++)
        pixel(window, x, oy, i, col + (i - first) * depth);
    if (ox < inside_end) {
        copy_inside(&runs, x + coordinate(window, 0, oy, r) * row + coordinate(window, 1, ox, 0) * window->pixel_stride,
                    stride * window->pixel_stride, inside_end - ox, col + (ox - first) * depth);
        ox = inside_end;
    }
    for (; ox < end; ox++)
        pixel(window, x, oy, ox, col + (ox - first) * depth);
}

void stoa_im2col_rows(const struct im2col_window *window, const float *x, size_t first, size_t count, float *col)
{
    size_t depth = window->kernel[0] * window->kernel[1] * window->channels + window->tail;
    size_t oy = first / window->OW, ox = first % window->OW;
    while (count > 0) {
        size_t end = window->OW - ox < count ? window->OW : ox + count;
        output_row(window, x, oy, ox, end, col);
        col += (end - ox) * depth;
        count -= end - ox;
        ox = 0;
        oy++;
    }
}
