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
    taps.end = begin < beyond ? stoa_size_min(shape->kernel[axis], (beyond - begin + step - 1) / step) : 0;
    return taps;
}

static STOA_INLINE size_t place(const struct taps *taps, size_t tap, size_t dilation)
{
    return (size_t)(taps->origin + (ptrdiff_t)(tap * dilation));
}

/* Taps along one axis that lie inside the padded image. */
static STOA_INLINE size_t padded_taps(const struct pool_shape *shape, int axis, size_t out)
{
    size_t begin = out * shape->stride[axis];
    size_t end = shape->size[axis] + shape->pad[axis] + shape->pad[axis + 2];
    return stoa_size_min(shape->kernel[axis], end > begin ? end - begin : 0);
}

#endif
