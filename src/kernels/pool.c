/* Pooling, a row of windows at a time; the innermost loops run over channels. Pictures of floats, which networks have
 * most of, are in pool_picture.c. */
#include "kernels/pool.h"

#include <math.h>
#include <stdbool.h>

#include "kernels/pool_window.h"

/* NaN if either is (for types that have it); for floats one maximum, one comparison and one blend. */
#define LARGER(candidate, best) ((candidate) != (candidate) ? (candidate) : (candidate) > (best) ? (candidate) : (best))

/* One window's channels [c, c + count), over `depth` planes that are plane_step elements apart. */
#define DEFINE_MAX_POOL_ROW(LINKAGE, NAME, TYPE)                                                                       \
    static STOA_INLINE void NAME##_block(const struct pool_shape *shape, size_t depth, size_t plane_step,              \
                                         const struct taps *rows, const struct taps *columns, size_t count,            \
                                         const TYPE *plane, TYPE *y)                                                   \
    {                                                                                                                  \
        TYPE best[WIDE];                                                                                               \
        const TYPE *corner = plane + place(rows, rows->first, shape->dilation[1]) * shape->x_row +                     \
                             place(columns, columns->first, shape->dilation[2]) * shape->x_column;                     \
        for (size_t c = 0; c < count; c++)                                                                             \
            best[c] = corner[c];                                                                                       \
        for (size_t kz = 0; kz < depth; kz++, plane += plane_step)                                                     \
            for (size_t ky = rows->first; ky < rows->end; ky++) {                                                      \
                const TYPE *row = plane + place(rows, ky, shape->dilation[1]) * shape->x_row;                          \
                for (size_t kx = columns->first; kx < columns->end; kx++) {                                            \
                    const TYPE *in = row + place(columns, kx, shape->dilation[2]) * shape->x_column;                   \
                    for (size_t c = 0; c < count; c++)                                                                 \
                        best[c] = LARGER(in[c], best[c]);                                                              \
                }                                                                                                      \
            }                                                                                                          \
        for (size_t c = 0; c < count; c++)                                                                             \
            y[c] = best[c];                                                                                            \
    }                                                                                                                  \
    LINKAGE void NAME(const struct pool_shape *shape, struct pool_row at, const TYPE *x, TYPE *y)                      \
    {                                                                                                                  \
        const struct planes planes = planes_of(shape, at.plane);                                                       \
        const struct taps rows = clip(shape, 1, at.row);                                                               \
        x += planes.offset;                                                                                            \
        for (size_t ox = 0; ox < shape->out[2]; ox++, y += shape->y_column) {                                          \
            const struct taps columns = clip(shape, 2, ox);                                                            \
            FOR_WIDE(shape->channels, c, count,                                                                        \
                     NAME##_block(shape, planes.count, planes.step, &rows, &columns, count, x + c, y + c));            \
        }                                                                                                              \
    }

DEFINE_MAX_POOL_ROW(STOA_FEW_CLONES static, max_pool_row, float)
DEFINE_MAX_POOL_ROW(, stoa_max_pool_row_uint8, uint8_t)
DEFINE_MAX_POOL_ROW(, stoa_max_pool_row_int8, int8_t)

static bool is_picture(const struct pool_shape *shape)
{
    return shape->kernel[0] == 1 && shape->size[0] == 1;
}

void stoa_max_pool_row(const struct pool_shape *shape, struct pool_row at, const float *x, float *y)
{
    if (is_picture(shape))
        stoa_max_pool_picture(shape, at.row, x, y);
    else
        max_pool_row(shape, at, x, y);
}

/* The place of the first maximum of one channel's window, x[D][H][W] being the channel: *value <- it. */
static void find_max(const struct pool_shape *shape, const struct taps taps[3], const float *x, float *value,
                     size_t place_of[3])
{
    bool any = false;
    *value = 0;
    for (size_t kz = taps[0].first; kz < taps[0].end; kz++)
        for (size_t ky = taps[1].first; ky < taps[1].end; ky++)
            for (size_t kx = taps[2].first; kx < taps[2].end; kx++) {
                size_t iz = place(&taps[0], kz, shape->dilation[0]), iy = place(&taps[1], ky, shape->dilation[1]);
                size_t ix = place(&taps[2], kx, shape->dilation[2]);
                float here = x[iz * shape->x_plane + iy * shape->x_row + ix * shape->x_column];
                if (any && !(here > *value) && !(here != here && *value == *value))
                    continue;
                any = true;
                *value = here;
                place_of[0] = iz;
                place_of[1] = iy;
                place_of[2] = ix;
            }
}

void stoa_max_pool_row_index(const struct pool_shape *shape, struct pool_row at, int column_major, int64_t start,
                             const float *x, float *y, int64_t *index)
{
    const size_t depth = shape->size[0], height = shape->size[1], width = shape->size[2];
    struct taps taps[3] = {clip(shape, 0, at.plane), clip(shape, 1, at.row)};
    for (size_t ox = 0; ox < shape->out[2]; ox++) {
        taps[2] = clip(shape, 2, ox);
        for (size_t c = 0; c < shape->channels; c++) {
            size_t best[3] = {0};
            find_max(shape, taps, x + c, &y[ox * shape->y_column + c], best);
            size_t within = column_major ? (best[2] * height + best[1]) * depth + best[0]
                                         : (best[0] * height + best[1]) * width + best[2];
            index[ox * shape->y_column + c] = start + (int64_t)(c * depth * height * width + within);
        }
    }
}

static STOA_INLINE void average_block(const struct pool_shape *shape, size_t depth, size_t plane_step,
                                      const struct taps *rows, const struct taps *columns, float divisor, size_t count,
                                      const float *plane, float *y)
{
    float sum[WIDE];
    for (size_t c = 0; c < count; c++)
        sum[c] = 0;
    for (size_t kz = 0; kz < depth; kz++, plane += plane_step)
        for (size_t ky = rows->first; ky < rows->end; ky++) {
            const float *row = plane + place(rows, ky, shape->dilation[1]) * shape->x_row;
            for (size_t kx = columns->first; kx < columns->end; kx++) {
                const float *in = row + place(columns, kx, shape->dilation[2]) * shape->x_column;
                for (size_t c = 0; c < count; c++)
                    sum[c] += in[c];
            }
        }
    for (size_t c = 0; c < count; c++)
        y[c] = sum[c] / divisor;
}

STOA_FEW_CLONES static void average_deep(const struct pool_shape *shape, struct pool_row at, int count_pad,
                                         const float *x, float *y)
{
    const struct planes planes = planes_of(shape, at.plane);
    const struct taps rows = clip(shape, 1, at.row);
    const size_t lines = count_pad ? padded_taps(shape, 0, at.plane) * padded_taps(shape, 1, at.row)
                                   : planes.count * (rows.end - rows.first);
    x += planes.offset;
    for (size_t ox = 0; ox < shape->out[2]; ox++, y += shape->y_column) {
        const struct taps columns = clip(shape, 2, ox);
        const float divisor = (float)(lines * (count_pad ? padded_taps(shape, 2, ox) : columns.end - columns.first));
        FOR_WIDE(shape->channels, c, count,
                 average_block(shape, planes.count, planes.step, &rows, &columns, divisor, count, x + c, y + c));
    }
}

void stoa_average_pool_row(const struct pool_shape *shape, struct pool_row at, int count_pad, const float *x, float *y)
{
    if (is_picture(shape))
        stoa_average_pool_picture(shape, at.row, count_pad, x, y);
    else
        average_deep(shape, at, count_pad, x, y);
}

static STOA_INLINE void lp_block(const struct pool_shape *shape, const struct taps *planes, const struct taps *rows,
                                 const struct taps *columns, int p, size_t count, const float *x, float *y)
{
    float sum[WIDE];
    for (size_t c = 0; c < count; c++)
        sum[c] = 0;
    for (size_t kz = planes->first; kz < planes->end; kz++)
        for (size_t ky = rows->first; ky < rows->end; ky++)
            for (size_t kx = columns->first; kx < columns->end; kx++) {
                const float *in = x + place(planes, kz, shape->dilation[0]) * shape->x_plane +
                                  place(rows, ky, shape->dilation[1]) * shape->x_row +
                                  place(columns, kx, shape->dilation[2]) * shape->x_column;
                for (size_t c = 0; c < count; c++)
                    sum[c] += p == 2 ? in[c] * in[c] : p == 1 ? fabsf(in[c]) : powf(fabsf(in[c]), (float)p);
            }
    for (size_t c = 0; c < count; c++)
        y[c] = p == 2 ? sqrtf(sum[c]) : p == 1 ? sum[c] : powf(sum[c], 1 / (float)p);
}

STOA_FEW_CLONES void stoa_lp_pool_row(const struct pool_shape *shape, struct pool_row at, int p, const float *x,
                                      float *y)
{
    const struct taps planes = clip(shape, 0, at.plane), rows = clip(shape, 1, at.row);
    for (size_t ox = 0; ox < shape->out[2]; ox++, y += shape->y_column) {
        const struct taps columns = clip(shape, 2, ox);
        FOR_WIDE(shape->channels, c, count, lp_block(shape, &planes, &rows, &columns, p, count, x + c, y + c));
    }
}
