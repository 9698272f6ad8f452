/* Backward pooling, a row of pixels at a time; the innermost loops run over channels. */
#include "kernels/pool_backward.h"

#include <string.h>

#include "kernels/pool_window.h"

/* One window's channels [c, c + count), over planes as in pool.c. Tap numbers stay in the registers of a float's width
 * until they are stored. */
#define DEFINE_MAX_POOL_ROW_TAPS(CLONES, NAME, TYPE)                                                                   \
    static STOA_INLINE void NAME##_block(const struct pool_shape *shape, size_t depth, const struct planes *planes,    \
                                         const struct taps *rows, const struct taps *columns, size_t count,            \
                                         const float *x, float *y, TYPE *tap)                                          \
    {                                                                                                                  \
        const size_t row_step = shape->dilation[1] * shape->x_row, column_step = shape->dilation[2] * shape->x_column; \
        float best[WIDE];                                                                                              \
        int32_t which[WIDE];                                                                                           \
        int32_t first = (int32_t)(rows->first * shape->kernel[2] + columns->first);                                    \
        const float *corner = x + place(rows, rows->first, shape->dilation[1]) * shape->x_row +                        \
                              place(columns, columns->first, shape->dilation[2]) * shape->x_column;                    \
        if (shape->kernel[0] > 1)                                                                                      \
            first += (int32_t)(planes->first * shape->kernel[1] * shape->kernel[2]);                                   \
        KEEP_LOOP                                                                                                      \
        for (size_t c = 0; c < count; c++) {                                                                           \
            best[c] = corner[c];                                                                                       \
            which[c] = first;                                                                                          \
        }                                                                                                              \
        for (size_t kz = 0; kz < depth; kz++) {                                                                        \
            const float *row = corner;                                                                                 \
            int32_t row_tap = first;                                                                                   \
            for (size_t ky = rows->first; ky < rows->end;                                                              \
                 ky++, row += row_step, row_tap += (int32_t)shape->kernel[2]) {                                        \
                const float *in = row;                                                                                 \
                int32_t here = row_tap;                                                                                \
                for (size_t kx = columns->first; kx < columns->end; kx++, in += column_step, here++) {                 \
                    KEEP_LOOP                                                                                          \
                    for (size_t c = 0; c < count; c++) {                                                               \
                        int better = (in[c] > best[c]) | (in[c] != in[c]);                                             \
                        which[c] = better ? here : which[c];                                                           \
                        best[c] = better ? in[c] : best[c];                                                            \
                    }                                                                                                  \
                }                                                                                                      \
            }                                                                                                          \
            if (depth > 1) {                                                                                           \
                corner += planes->step;                                                                                \
                first += (int32_t)(shape->kernel[1] * shape->kernel[2]);                                               \
            }                                                                                                          \
        }                                                                                                              \
        KEEP_LOOP                                                                                                      \
        for (size_t c = 0; c < count; c++) {                                                                           \
            y[c] = best[c];                                                                                            \
            tap[c] = (TYPE)which[c];                                                                                   \
        }                                                                                                              \
    }                                                                                                                  \
    CLONES void NAME(const struct pool_shape *shape, struct pool_row at, const float *x, float *y,                     \
                     const struct pool_taps *taps)                                                                     \
    {                                                                                                                  \
        const struct planes planes = planes_of(shape, at.plane);                                                       \
        const struct taps rows = clip(shape, 1, at.row);                                                               \
        TYPE *tap = (TYPE *)taps->data + at.plane * taps->plane + at.row * taps->row;                                  \
        x += planes.offset;                                                                                            \
        for (size_t ox = 0; ox < shape->out[2]; ox++, y += shape->y_column, tap += taps->column) {                     \
            const struct taps columns = clip(shape, 2, ox);                                                            \
            if (sizeof(TYPE) == 1 && shape->kernel[0] == 1)                                                            \
                FOR_CHANNELS(shape->channels,                                                                          \
                             taps->column == shape->channels ? room_at(shape, &columns, ox) : shape->channels, c,      \
                             count, NAME##_block(shape, 1, &planes, &rows, &columns, count, x + c, y + c, tap + c));   \
            else                                                                                                       \
                FOR_WIDE(shape->channels, c, count,                                                                    \
                         NAME##_block(shape, planes.count, &planes, &rows, &columns, count, x + c, y + c, tap + c));   \
        }                                                                                                              \
    }

DEFINE_MAX_POOL_ROW_TAPS(STOA_FEW_CLONES, stoa_max_pool_row_taps, uint8_t)
/* Of windows of more than 256 taps, which hardly a network has: without the loops for which counts are constant. */
DEFINE_MAX_POOL_ROW_TAPS(, stoa_max_pool_row_taps_int32, int32_t)

/* The windows first <= o < end whose reach, holes and all, covers a pixel, as the pixel moves on. With p the pixel's
 * distance from the padding's edge they are (p - reach) / stride + 1 and p / stride + 1, kept without dividing. */
struct cover {
    size_t first, end, out; /* end may be beyond out */
    size_t p, first_phase, end_phase, reach, stride;
};

static STOA_INLINE struct cover cover_at(const struct pool_shape *shape, int axis, size_t pixel)
{
    struct cover cover = {.out = shape->out[axis], .stride = shape->stride[axis], .p = pixel + shape->pad[axis]};
    cover.reach = (shape->kernel[axis] - 1) * shape->dilation[axis] + 1;
    cover.end = cover.p / cover.stride + 1;
    cover.end_phase = cover.p % cover.stride;
    if (cover.p >= cover.reach) {
        cover.first = (cover.p - cover.reach) / cover.stride + 1;
        cover.first_phase = (cover.p - cover.reach) % cover.stride;
    }
    return cover;
}

static STOA_INLINE void move_on(struct cover *cover)
{
    if (++cover->end_phase == cover->stride) {
        cover->end_phase = 0;
        cover->end++;
    }
    if (cover->p++ < cover->reach) {
        cover->first = cover->p == cover->reach;
    } else if (++cover->first_phase == cover->stride) {
        cover->first_phase = 0;
        cover->first++;
    }
}

/* Whether the pixel is a tap of window o along this axis, and which. */
static STOA_INLINE bool tap_of(const struct cover *cover, size_t o, size_t dilation, size_t *tap)
{
    size_t distance = cover->p - o * cover->stride;
    *tap = dilation == 1 ? distance : distance / dilation;
    return dilation == 1 || *tap * dilation == distance;
}

static STOA_INLINE bool are_apart(const struct pool_shape *shape, int axis)
{
    return shape->dilation[axis] == 1 && shape->stride[axis] >= shape->kernel[axis];
}

/* The windows of a pixel go through dx one after another: nearly always there are one or two. */
#define DEFINE_MAX_POOL_ROW_BACKWARD(CLONES, NAME, TYPE)                                                               \
    static STOA_INLINE void NAME##_pixel(const struct pool_shape *shape, bool deep, const struct cover *planes,        \
                                         const struct cover *rows, const struct cover *columns, const float *dy,       \
                                         const struct pool_taps *taps, float *restrict dx)                             \
    {                                                                                                                  \
        const size_t planes_first = deep ? planes->first : 0;                                                          \
        const size_t planes_end = deep ? stoa_size_min(planes->end, planes->out) : 1;                                  \
        const size_t rows_end = stoa_size_min(rows->end, rows->out);                                                   \
        const size_t columns_end = stoa_size_min(columns->end, columns->out);                                          \
        bool any = false;                                                                                              \
        size_t kz = 0, ky, kx;                                                                                         \
        for (size_t oz = planes_first; oz < planes_end; oz++) {                                                        \
            if (deep && !tap_of(planes, oz, shape->dilation[0], &kz))                                                  \
                continue;                                                                                              \
            for (size_t oy = rows->first; oy < rows_end; oy++) {                                                       \
                if (!tap_of(rows, oy, shape->dilation[1], &ky))                                                        \
                    continue;                                                                                          \
                for (size_t ox = columns->first; ox < columns_end; ox++) {                                             \
                    if (!tap_of(columns, ox, shape->dilation[2], &kx))                                                 \
                        continue;                                                                                      \
                    const int32_t here = (int32_t)((kz * shape->kernel[1] + ky) * shape->kernel[2] + kx);              \
                    const float *from = dy + oz * shape->y_plane + oy * shape->y_row + ox * shape->y_column;           \
                    const TYPE *which =                                                                                \
                        (const TYPE *)taps->data + oz * taps->plane + oy * taps->row + ox * taps->column;              \
                    if (any)                                                                                           \
                        for (size_t c = 0; c < shape->channels; c++)                                                   \
                            dx[c] += (int32_t)which[c] == here ? from[c] : 0.0f;                                       \
                    else                                                                                               \
                        for (size_t c = 0; c < shape->channels; c++)                                                   \
                            dx[c] = (int32_t)which[c] == here ? from[c] : 0.0f;                                        \
                    any = true;                                                                                        \
                }                                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        if (!any)                                                                                                      \
            memset(dx, 0, shape->channels * sizeof *dx);                                                               \
    }                                                                                                                  \
    /* Windows apart: a pixel is in one at most, and each window has its part of the row. */                           \
    static STOA_INLINE void NAME##_window(const struct taps *columns, size_t count, const float *dy, const TYPE *tap,  \
                                          int32_t first, size_t x_column, float *restrict dx)                          \
    {                                                                                                                  \
        for (size_t kx = columns->first; kx < columns->end; kx++, first++, dx += x_column) {                           \
            KEEP_LOOP                                                                                                  \
            for (size_t c = 0; c < count; c++) {                                                                       \
                float value = dy[c]; /* whatever the tap is: loads are whole vectors */                                \
                dx[c] = (int32_t)tap[c] == first ? value : 0;                                                          \
            }                                                                                                          \
        }                                                                                                              \
    }                                                                                                                  \
    static STOA_INLINE void NAME##_apart(const struct pool_shape *shape, struct pool_row at, const float *dy,          \
                                         const struct pool_taps *taps, float *dx)                                      \
    {                                                                                                                  \
        const size_t pz = at.plane + shape->pad[0], oz = pz / shape->stride[0], kz = pz % shape->stride[0];            \
        const size_t py = at.row + shape->pad[1], oy = py / shape->stride[1], ky = py % shape->stride[1];              \
        const bool covered =                                                                                           \
            oz < shape->out[0] && kz < shape->kernel[0] && oy < shape->out[1] && ky < shape->kernel[1];                \
        const TYPE *tap = (const TYPE *)taps->data + oz * taps->plane + oy * taps->row;                                \
        const size_t first_tap = (kz * shape->kernel[1] + ky) * shape->kernel[2];                                      \
        dy += oz * shape->y_plane + oy * shape->y_row;                                                                 \
        /* Pixels from `end` on are in no window, nor are those in gaps between them. */                               \
        const size_t end = stoa_size_min(shape->out[2] * shape->stride[2] - shape->pad[2], shape->size[2]);            \
        const bool gaps = shape->stride[2] > shape->kernel[2];                                                         \
        const bool dense = !gaps && taps->column == shape->channels && shape->x_column == shape->channels &&           \
                           shape->y_column == shape->channels;                                                         \
        if (!covered || gaps || end < shape->size[2])                                                                  \
            for (size_t ix = 0; ix < shape->size[2]; ix++)                                                             \
                memset(dx + ix * shape->x_column, 0, shape->channels * sizeof *dx);                                    \
        for (size_t ox = 0; covered && ox < shape->out[2]; ox++, dy += shape->y_column, tap += taps->column) {         \
            const struct taps columns = clip(shape, 2, ox);                                                            \
            const int32_t first = (int32_t)(first_tap + columns.first);                                                \
            float *to = dx + place(&columns, columns.first, 1) * shape->x_column;                                      \
            const size_t room =                                                                                        \
                dense ? stoa_size_min(shape->out[2] - ox, end - place(&columns, columns.end - 1, 1)) * shape->channels \
                      : shape->channels;                                                                               \
            FOR_CHANNELS(shape->channels, room, c, count,                                                              \
                         NAME##_window(&columns, count, dy + c, tap + c, first, shape->x_column, to + c));             \
        }                                                                                                              \
    }                                                                                                                  \
    CLONES void NAME(const struct pool_shape *shape, struct pool_row at, const float *dy,                              \
                     const struct pool_taps *taps, float *dx)                                                          \
    {                                                                                                                  \
        if (are_apart(shape, 0) && are_apart(shape, 1) && are_apart(shape, 2)) {                                       \
            NAME##_apart(shape, at, dy, taps, dx);                                                                     \
            return;                                                                                                    \
        }                                                                                                              \
        const bool flat = shape->kernel[0] == 1 && shape->size[0] == 1;                                                \
        const struct cover planes = cover_at(shape, 0, at.plane), rows = cover_at(shape, 1, at.row);                   \
        struct cover columns = cover_at(shape, 2, 0);                                                                  \
        for (size_t ix = 0; ix < shape->size[2]; ix++, dx += shape->x_column, move_on(&columns))                       \
            if (flat)                                                                                                  \
                NAME##_pixel(shape, false, &planes, &rows, &columns, dy, taps, dx);                                    \
            else                                                                                                       \
                NAME##_pixel(shape, true, &planes, &rows, &columns, dy, taps, dx);                                     \
    }

DEFINE_MAX_POOL_ROW_BACKWARD(STOA_FEW_CLONES, stoa_max_pool_row_backward, uint8_t)
DEFINE_MAX_POOL_ROW_BACKWARD(, stoa_max_pool_row_backward_int32, int32_t)

/* Taps along one axis that an average counts; averages have no holes. */
static STOA_INLINE size_t counted(const struct pool_shape *shape, int axis, int count_pad, size_t out)
{
    if (count_pad)
        return padded_taps(shape, axis, out);
    size_t begin = out * shape->stride[axis], pad = shape->pad[axis];
    return stoa_size_min(begin + shape->kernel[axis], shape->size[axis] + pad) - stoa_size_max(begin, pad);
}

static STOA_INLINE void average_pixel(const struct pool_shape *shape, bool deep, const struct cover *planes,
                                      const struct cover *rows, const struct cover *columns, int count_pad,
                                      const float *dy, float *restrict dx)
{
    const size_t planes_first = deep ? planes->first : 0;
    const size_t planes_end = deep ? stoa_size_min(planes->end, planes->out) : 1;
    const size_t rows_end = stoa_size_min(rows->end, rows->out);
    const size_t columns_end = stoa_size_min(columns->end, columns->out);
    bool any = false;
    for (size_t oz = planes_first; oz < planes_end; oz++)
        for (size_t oy = rows->first; oy < rows_end; oy++) {
            const size_t outer = (deep ? counted(shape, 0, count_pad, oz) : 1) * counted(shape, 1, count_pad, oy);
            for (size_t ox = columns->first; ox < columns_end; ox++) {
                const float *from = dy + oz * shape->y_plane + oy * shape->y_row + ox * shape->y_column;
                const float share = 1 / (float)(outer * counted(shape, 2, count_pad, ox));
                if (any)
                    for (size_t c = 0; c < shape->channels; c++)
                        dx[c] += from[c] * share;
                else
                    for (size_t c = 0; c < shape->channels; c++)
                        dx[c] = from[c] * share;
                any = true;
            }
        }
    if (!any)
        memset(dx, 0, shape->channels * sizeof *dx);
}

STOA_CLONES void stoa_average_pool_row_backward(const struct pool_shape *shape, struct pool_row at, int count_pad,
                                                const float *dy, float *dx)
{
    const struct cover rows = cover_at(shape, 1, at.row);
    struct cover columns = cover_at(shape, 2, 0);
    if (shape->kernel[0] == 1 && shape->size[0] == 1) {
        for (size_t ix = 0; ix < shape->size[2]; ix++, dx += shape->x_column, move_on(&columns))
            average_pixel(shape, false, NULL, &rows, &columns, count_pad, dy, dx);
        return;
    }
    const struct cover planes = cover_at(shape, 0, at.plane);
    for (size_t ix = 0; ix < shape->size[2]; ix++, dx += shape->x_column, move_on(&columns))
        average_pixel(shape, true, &planes, &rows, &columns, count_pad, dy, dx);
}
