/* Pooling, a row of windows at a time; the innermost loops run over channels. */
#include "kernels/pool.h"

#include "kernels/pool_window.h"

/* NaN if either is (for types that have it); for floats one maximum, one comparison and one blend. */
#define LARGER(candidate, best) ((candidate) != (candidate) ? (candidate) : (candidate) > (best) ? (candidate) : (best))

/* One window's channels [c, c + count): copies of this with a constant count keep `best` in registers. */
#define DEFINE_MAX_POOL_ROW(NAME, TYPE)                                                                                \
    static STOA_INLINE void NAME##_block(const struct pool_shape *shape, const struct taps *rows,                      \
                                         const struct taps *columns, size_t count, const TYPE *x, TYPE *y)             \
    {                                                                                                                  \
        TYPE best[WIDE];                                                                                               \
        const TYPE *corner = x + place(rows, rows->first, shape->dilation[0]) * shape->x_row +                         \
                             place(columns, columns->first, shape->dilation[1]) * shape->x_column;                     \
        KEEP_LOOP                                                                                                      \
        for (size_t c = 0; c < count; c++)                                                                             \
            best[c] = corner[c];                                                                                       \
        for (size_t ky = rows->first; ky < rows->end; ky++) {                                                          \
            const TYPE *row = x + place(rows, ky, shape->dilation[0]) * shape->x_row;                                  \
            for (size_t kx = columns->first; kx < columns->end; kx++) {                                                \
                const TYPE *in = row + place(columns, kx, shape->dilation[1]) * shape->x_column;                       \
                KEEP_LOOP                                                                                              \
                for (size_t c = 0; c < count; c++)                                                                     \
                    best[c] = LARGER(in[c], best[c]);                                                                  \
            }                                                                                                          \
        }                                                                                                              \
        KEEP_LOOP                                                                                                      \
        for (size_t c = 0; c < count; c++)                                                                             \
            y[c] = best[c];                                                                                            \
    }                                                                                                                  \
    STOA_CLONES void NAME(const struct pool_shape *shape, size_t oy, const TYPE *x, TYPE *y)                           \
    {                                                                                                                  \
        const struct taps rows = clip(shape, 0, oy);                                                                   \
        for (size_t ox = 0; ox < shape->out[1]; ox++, y += shape->y_column) {                                          \
            const struct taps columns = clip(shape, 1, ox);                                                            \
            FOR_CHANNELS(shape->channels, room_at(shape, &columns, ox), c, count,                                      \
                         NAME##_block(shape, &rows, &columns, count, x + c, y + c));                                   \
        }                                                                                                              \
    }

DEFINE_MAX_POOL_ROW(stoa_max_pool_row, float)
DEFINE_MAX_POOL_ROW(stoa_max_pool_row_uint8, uint8_t)
DEFINE_MAX_POOL_ROW(stoa_max_pool_row_int8, int8_t)

void stoa_max_pool_row_index(const struct pool_shape *shape, size_t oy, int column_major, int64_t start, const float *x,
                             float *y, int64_t *index)
{
    const size_t height = shape->size[0], width = shape->size[1];
    const struct taps rows = clip(shape, 0, oy);
    for (size_t ox = 0; ox < shape->out[1]; ox++) {
        const struct taps columns = clip(shape, 1, ox);
        for (size_t c = 0; c < shape->channels; c++) {
            float best = 0;
            size_t best_y = 0, best_x = 0;
            int any = 0;
            for (size_t ky = rows.first; ky < rows.end; ky++)
                for (size_t kx = columns.first; kx < columns.end; kx++) {
                    size_t iy = place(&rows, ky, shape->dilation[0]), ix = place(&columns, kx, shape->dilation[1]);
                    float value = x[iy * shape->x_row + ix * shape->x_column + c];
                    if (any && !(value > best) && !(value != value && best == best))
                        continue;
                    any = 1;
                    best = value;
                    best_y = iy;
                    best_x = ix;
                }
            size_t at = column_major ? best_x * height + best_y : best_y * width + best_x;
            y[ox * shape->y_column + c] = best;
            index[ox * shape->y_column + c] = start + (int64_t)(c * height * width + at);
        }
    }
}

static STOA_INLINE void average_block(const struct pool_shape *shape, const struct taps *rows,
                                      const struct taps *columns, float divisor, size_t count, const float *x, float *y)
{
    float sum[WIDE];
    KEEP_LOOP
    for (size_t c = 0; c < count; c++)
        sum[c] = 0;
    for (size_t ky = rows->first; ky < rows->end; ky++) {
        const float *row = x + place(rows, ky, shape->dilation[0]) * shape->x_row;
        for (size_t kx = columns->first; kx < columns->end; kx++) {
            const float *in = row + place(columns, kx, shape->dilation[1]) * shape->x_column;
            KEEP_LOOP
            for (size_t c = 0; c < count; c++)
                sum[c] += in[c];
        }
    }
    KEEP_LOOP
    for (size_t c = 0; c < count; c++)
        y[c] = sum[c] / divisor;
}

STOA_CLONES void stoa_average_pool_row(const struct pool_shape *shape, size_t oy, int count_pad, const float *x,
                                       float *y)
{
    const struct taps rows = clip(shape, 0, oy);
    for (size_t ox = 0; ox < shape->out[1]; ox++, y += shape->y_column) {
        const struct taps columns = clip(shape, 1, ox);
        size_t taps = (rows.end - rows.first) * (columns.end - columns.first);
        const float divisor = (float)(count_pad ? padded_taps(shape, 0, oy) * padded_taps(shape, 1, ox) : taps);
        FOR_CHANNELS(shape->channels, room_at(shape, &columns, ox), c, count,
                     average_block(shape, &rows, &columns, divisor, count, x + c, y + c));
    }
}
