/* Where a window's taps lie. */
#ifndef STOA_KERNELS_POOL_WINDOW_H
#define STOA_KERNELS_POOL_WINDOW_H

#include "base/size.h"
#include "base/vector.h"
#include "kernels/pool.h"

/* Channels whose results stay in registers over all taps of a window. */
#define WIDE 64

/* In front of a loop over channels: left whole, so that it is vectorised even where its count is a small constant. */
#if defined(__GNUC__) && !defined(__clang__)
#define KEEP_LOOP _Pragma("GCC unroll 1")
#else
#define KEEP_LOOP
#endif

/* Runs the call for blocks [c, c + count) of channels, nearly always with a constant count, so that numbers of channels
 * that are no multiple fill vectors too: the last block may overlap the one before it, and few channels are one block
 * that reaches beyond them, where `room` says that so many elements may be read and, being written later, be written.
 */
#define FOR_CHANNELS(channels, room, c, count, call)                                                                   \
    do {                                                                                                               \
        const size_t all_ = (channels), room_ = (room);                                                                \
        size_t c = 0;                                                                                                  \
        for (const size_t count = WIDE; c + count <= all_; c += count)                                                 \
            call;                                                                                                      \
        BLOCKS_TO(all_, c, count, WIDE / 4, call)                                                                      \
        BLOCK_BEYOND(all_, room_, c, count, WIDE / 4, WIDE / 8, call)                                                  \
        BLOCKS_TO(all_, c, count, WIDE / 8, call)                                                                      \
        BLOCK_BEYOND(all_, room_, c, count, WIDE / 8, 1, call)                                                         \
        BLOCKS_TO(all_, c, count, WIDE / 16, call)                                                                     \
        for (const size_t count = all_; c < all_; c = all_)                                                            \
            call;                                                                                                      \
    } while (0)
#define BLOCKS_TO(all, c, count, constant, call)                                                                       \
    for (const size_t count = (constant); count <= (all) && c < (all); c += count) {                                   \
        c = stoa_size_min(c, (all)-count);                                                                             \
        call;                                                                                                          \
    }
#define BLOCK_BEYOND(all, room, c, count, constant, most, call)                                                        \
    for (const size_t count = (constant); c == 0 && (all) > (most) && count <= (room); c = (all))                      \
        call;

/* The same without constant counts, for what need not be so fast. */
#define FOR_WIDE(channels, c, count, call)                                                                             \
    do {                                                                                                               \
        const size_t all_ = (channels);                                                                                \
        for (size_t c = 0; c < all_; c += WIDE) {                                                                      \
            const size_t count = stoa_size_min(all_ - c, WIDE);                                                        \
            call;                                                                                                      \
        }                                                                                                              \
    } while (0)

/* The taps first <= t < end that lie inside the image along one axis, and where tap 0 would lie. */
struct taps {
    size_t first, end;
    ptrdiff_t origin;
};

static STOA_INLINE struct taps clip(const struct pool_shape *shape, int axis, size_t out)
{
    size_t step = shape->dilation[axis], begin = out * shape->stride[axis], pad = shape->pad[axis];
    size_t beyond = shape->size[axis] + pad; /* the first place past the image, counted from the padding's edge */
    struct taps taps = {.origin = (ptrdiff_t)begin - (ptrdiff_t)pad};
    taps.first = begin < pad ? (pad - begin + step - 1) / step : 0;
    taps.end = shape->kernel[axis];
    if (begin + (taps.end - 1) * step >= beyond)
        taps.end = begin < beyond ? (beyond - begin + step - 1) / step : 0;
    return taps;
}

static STOA_INLINE size_t place(const struct taps *taps, size_t tap, size_t dilation)
{
    return (size_t)(taps->origin + (ptrdiff_t)(tap * dilation));
}

/* The planes that a window sees: `count` of them, `step` elements apart, the first at x + offset. */
struct planes {
    size_t first, count, step, offset;
};

static STOA_INLINE struct planes planes_of(const struct pool_shape *shape, size_t out)
{
    const struct taps taps = clip(shape, 0, out);
    return (struct planes){.first = taps.first,
                           .count = taps.end - taps.first,
                           .step = shape->dilation[0] * shape->x_plane,
                           .offset = place(&taps, taps.first, shape->dilation[0]) * shape->x_plane};
}

/* FOR_CHANNELS' room at a window: in rows without gaps, to the end of the row. */
static STOA_INLINE size_t room_at(const struct pool_shape *shape, const struct taps *columns, size_t ox)
{
    size_t last = place(columns, columns->end - 1, shape->dilation[2]);
    if (shape->x_column != shape->channels || shape->y_column != shape->channels)
        return shape->channels;
    return stoa_size_min(shape->size[2] - last, shape->out[2] - ox) * shape->channels;
}

/* Taps along one axis that lie inside the padded image. */
static STOA_INLINE size_t padded_taps(const struct pool_shape *shape, int axis, size_t out)
{
    size_t begin = out * shape->stride[axis];
    size_t end = shape->size[axis] + shape->pad[axis] + shape->pad[axis + 3];
    return stoa_size_min(shape->kernel[axis], end > begin ? stoa_size_ceil_div(end - begin, shape->dilation[axis]) : 0);
}

#endif
