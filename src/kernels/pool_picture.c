/* Pooling of pictures of floats, a row of windows at a time: some vectors of channels stay in registers over all taps.
 */
#include <math.h>

#include "kernels/isa.h"
#include "kernels/pool.h"
#include "kernels/pool_window.h"

/* Vectors of channels at a time, as far as there are so many. */
#define VECTORS 4
#define UNROLLED _Pragma("GCC unroll 4")

/* y[vectors*LANES] <- the maximum, or where `mean` the sum / divisor, of one window's taps. Sizes of vectors are known
 * where this is inlined. */
static STOA_INLINE void window(const struct pool_shape *shape, const struct taps *rows, const struct taps *columns,
                               bool mean, float divisor, size_t vectors, const float *x, float *y)
{
    lanes all[VECTORS];
    lane_bits nan[VECTORS];
    size_t row_step = shape->dilation[1] * shape->x_row, step = shape->dilation[2] * shape->x_column;
    UNROLLED
    for (size_t v = 0; v < vectors; v++) {
        all[v] = (lanes){0} + (mean ? 0 : -INFINITY);
        nan[v] = (lane_bits){0};
    }
    x += place(rows, rows->first, shape->dilation[1]) * shape->x_row +
         place(columns, columns->first, shape->dilation[2]) * shape->x_column;
    for (size_t ky = rows->first; ky < rows->end; ky++, x += row_step) {
        const float *in = x;
        for (size_t kx = columns->first; kx < columns->end; kx++, in += step) {
            UNROLLED
            for (size_t v = 0; v < vectors; v++)
                if (mean)
                    all[v] += *(const lanes *)(in + v * LANES);
                else
                    larger(*(const lanes *)(in + v * LANES), &all[v], &nan[v]);
        }
    }
    UNROLLED
    for (size_t v = 0; v < vectors; v++)
        if (mean)
            *(lanes *)(y + v * LANES) = all[v] / divisor;
        else
            *(lanes *)(y + v * LANES) = (lanes)((lane_bits)all[v] | nan[v]);
}

/* One channel. */
STOA_RARE static float channel(const struct pool_shape *shape, const struct taps *rows, const struct taps *columns,
                               bool mean, float divisor, const float *x)
{
    float all = mean ? 0 : -INFINITY;
    for (size_t ky = rows->first; ky < rows->end; ky++)
        for (size_t kx = columns->first; kx < columns->end; kx++) {
            float in = x[place(rows, ky, shape->dilation[1]) * shape->x_row +
                         place(columns, kx, shape->dilation[2]) * shape->x_column];
            if (mean)
                all += in;
            else
                all = isnan(in) || in > all ? in : all;
        }
    return mean ? all / divisor : all;
}

/* Whether a vector may be read from the window's last tap on, and written at y, though pixels have fewer channels: in
 * rows without gaps, to the end of the row, as what follows is written later. */
static bool has_room(const struct pool_shape *shape, const struct taps *columns, size_t ox)
{
    size_t last = place(columns, columns->end - 1, shape->dilation[2]);
    return shape->x_column == shape->channels && shape->y_column == shape->channels &&
           stoa_size_min(shape->size[2] - last, shape->out[2] - ox) * shape->channels >= LANES;
}

/* Whole vectors of channels, the last of which may overlap the one before it. */
static STOA_INLINE void row(const struct pool_shape *shape, size_t oy, bool mean, bool count_pad, const float *x,
                            float *y)
{
    const struct taps rows = clip(shape, 1, oy);
    size_t C = shape->channels, padded_rows = padded_taps(shape, 1, oy);
    for (size_t ox = 0; ox < shape->out[2]; ox++, y += shape->y_column) {
        const struct taps columns = clip(shape, 2, ox);
        size_t taps = count_pad ? padded_rows * padded_taps(shape, 2, ox)
                                : (rows.end - rows.first) * (columns.end - columns.first);
        float divisor = (float)taps;
        size_t c = 0;
        for (; c + VECTORS * LANES <= C; c += VECTORS * LANES)
            window(shape, &rows, &columns, mean, divisor, VECTORS, x + c, y + c);
        if (C < LANES && !has_room(shape, &columns, ox))
            for (; c < C; c++)
                y[c] = channel(shape, &rows, &columns, mean, divisor, x + c);
        for (; c < C; c += LANES) {
            size_t at = c + LANES > C && C > LANES ? C - LANES : c;
            window(shape, &rows, &columns, mean, divisor, 1, x + at, y + at);
        }
    }
}

STOA_COPY(stoa_max_pool_picture, (const struct pool_shape *shape, size_t oy, const float *x, float *y),
          (shape, oy, x, y))
{
    row(shape, oy, false, false, x, y);
}

STOA_COPY(stoa_average_pool_picture,
          (const struct pool_shape *shape, size_t oy, int count_pad, const float *x, float *y),
          (shape, oy, count_pad, x, y))
{
    row(shape, oy, true, count_pad, x, y);
}
