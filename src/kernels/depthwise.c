/* A vector of channels of several neighbouring pixels stays in registers over all taps, so that a vector of weights,
 * once loaded, serves all of them. Pixels that see less than the whole filter are few and go one by one.
 *
 * In groups of several channels a vector of outputs needs the inputs of its groups in other lanes than they lie in:
 * they are loaded once and spread by a shuffle for each channel of a group. */
#include "kernels/depthwise.h"

#include "kernels/isa.h"

/* Pixels of a block: sums enough to hide the latency of their additions. */
#define BLOCK 8

/* The narrowest copy, where there are wider ones, is for CPUs of long ago and small: it goes by blocks alone. */
#if defined(STOA_ISA_SEVERAL)
#define SMALL true
#else
#define SMALL false
#endif

typedef int32_t places __attribute__((vector_size(LANES * sizeof(int32_t))));

#define UNROLLED _Pragma("GCC unroll 8")

/* The taps that a pixel sees: rows x [first, end) columns. */
struct taps {
    size_t first, end;
};

static STOA_INLINE struct taps taps_of(const struct depthwise *d, size_t ox)
{
    size_t begin = ox * d->stride; /* column of the pixel in the padded image */
    struct taps taps = {.first = 0, .end = d->columns};
    while (taps.first < d->columns && begin + taps.first * d->dilation < d->pad)
        taps.first++;
    while (taps.end > taps.first && begin + (taps.end - 1) * d->dilation >= d->pad + d->W)
        taps.end--;
    return taps;
}

/* *to <- from[where[i]] in lane i: groups of at most half of DEPTHWISE_LANES channels lie within eight floats. */
static STOA_INLINE void spread(const float *from, const places *where, lanes *to)
{
#if defined(__clang__) || LANES < 8
    for (int i = 0; i < LANES; i++)
        (*to)[i] = from[(*where)[i]];
#else
    *to = __builtin_shuffle(*(const lanes *)from, *where);
#endif
}

/* Channels [o, o + LANES) of `pixels` pixels, which see the same `columns` taps of each row, the first of them at x.
 * `pixels` and `in` are known where this is inlined, and so is `columns` in most cases. in = 0: one channel to one. */
static STOA_INLINE void block(const struct depthwise *d, size_t pixels, size_t columns, size_t in, const places *where,
                              const float *x, const float *weights, const float *bias, float *y)
{
    size_t width = d->width, tap = d->dilation * d->x_pixel, one = d->stride * d->x_pixel;
    /* Addresses as a fourth pixel's and a step from there: one for each pixel would not fit the registers. */
    const size_t step[4] = {0, one, 2 * one, 3 * one};
    lanes sums[BLOCK];
    UNROLLED
    for (size_t p = 0; p < pixels; p++)
        sums[p] = bias ? *(const lanes *)bias : (lanes){0};
    for (size_t r = 0; r < d->rows; r++) {
        const float *from = x + r * d->row_step, *w = weights + r * d->columns * d->in * width;
        for (size_t s = 0; s < columns; s++, from += tap) {
            const float *at[2] = {from, from + 4 * one};
            if (in == 0) {
                lanes weight = *(const lanes *)w;
                UNROLLED
                for (size_t p = 0; p < pixels; p++)
                    sums[p] += *(const lanes *)(at[p / 4] + step[p % 4]) * weight;
                w += width;
                continue;
            }
            for (size_t j = 0; j < d->in; j++, w += width) {
                lanes weight = *(const lanes *)w;
                UNROLLED
                for (size_t p = 0; p < pixels; p++) {
                    lanes inputs;
                    spread(at[p / 4] + step[p % 4], &where[j], &inputs);
                    sums[p] += inputs * weight;
                }
            }
        }
    }
    squash(&d->squash, pixels, sums);
    UNROLLED
    for (size_t p = 0; p < pixels; p++)
        *(lanes *)(y + p * d->y_pixel) = sums[p];
}

/* A channel at a time, where there is not a vector of them; one channel to one. */
static STOA_INLINE void scalars(const struct depthwise *d, size_t ox, struct taps taps, const float *x,
                                const float *weights, const float *bias, float *y)
{
    for (size_t c = 0; c < d->groups; c++) {
        float sum = bias ? bias[c] : 0;
        for (size_t r = 0; r < d->rows; r++)
            for (size_t s = taps.first; s < taps.end; s++)
                sum += x[r * d->row_step + (ox * d->stride + s * d->dilation - d->pad) * d->x_pixel + c] *
                       weights[(r * d->columns + s) * d->width + c];
        y[ox * d->y_pixel + c] = stoa_squash(&d->squash, sum);
    }
}

/* All vectors of channels of `pixels` pixels from ox on, which see the same taps. where[j]: the place of each output's
 * input j, from the first group's first channel on. */
static STOA_INLINE void pixels_at(const struct depthwise *d, size_t pixels, size_t in, const places *where, size_t ox,
                                  struct taps taps, const float *x, const float *weights, const float *bias, float *y)
{
    size_t C = d->groups * d->in, OC = d->groups * d->out, columns = taps.end - taps.first;
    if (columns > 0) /* else no tap lies inside the image, and the first may lie to its left */
        x += (ox * d->stride + taps.first * d->dilation - d->pad) * d->x_pixel;
    y += ox * d->y_pixel;
    weights += taps.first * d->in * d->width;
    for (size_t c = 0; c < OC; c += LANES) {
        size_t o = c < OC - LANES ? c : OC - LANES, first = in ? o / d->out * d->in : o;
        const places *here = where;
        places moved[DEPTHWISE_LANES];
        if (in && first > C - LANES) { /* a whole vector, but none beyond the last channel */
            for (size_t j = 0; j < d->in; j++)
                moved[j] = where[j] + (int32_t)(first - (C - LANES));
            first = C - LANES;
            here = moved;
        }
        const float *start = bias ? bias + o : bias;
        if (!in && columns == 3 && !SMALL)
            block(d, pixels, 3, in, here, x + first, weights + o, start, y + o);
        else
            block(d, pixels, columns, in, here, x + first, weights + o, start, y + o);
    }
}

/* Filters of three or five columns over SPAN pixels at a stride of 1 or 2: each column of the image is loaded once for
 * all the taps that see it. Some of the first and of the last columns may be missing. One channel to one; `taps` and
 * `stride` are known where this is inlined, and so is `rows` where it is `taps`. */
#define SPAN 7
static STOA_INLINE void span(const struct depthwise *d, size_t taps, size_t stride, size_t rows, size_t first,
                             size_t end, const float *x, const float *weights, const float *bias, float *y)
{
    const size_t columns = (SPAN - 1) * stride + taps;
    lanes sums[SPAN];
    UNROLLED
    for (size_t p = 0; p < SPAN; p++)
        sums[p] = bias ? *(const lanes *)bias : (lanes){0};
    for (size_t r = 0; r < rows; r++, x += d->row_step) {
        const float *from = x;
        lanes tap[5];
        UNROLLED
        for (size_t s = 0; s < taps; s++)
            tap[s] = *(const lanes *)(weights + s * d->width);
        weights += taps * d->width;
        _Pragma("GCC unroll 17") for (size_t i = 0; i < columns; i++)
        {
            if (i % 3 == 0) {
                from += i ? 3 * d->x_pixel : 0;
                __asm__("" : "+r"(from)); /* else GCC 12 takes an addition for each column */
            }
            if ((i < taps / 2 && i < first) || (i >= columns - taps / 2 && i >= end))
                continue;
            lanes in = *(const lanes *)(from + i % 3 * d->x_pixel);
            UNROLLED
            for (size_t s = 0; s < taps; s++)
                if (i >= s && (i - s) % stride == 0 && (i - s) / stride < SPAN)
                    sums[(i - s) / stride] += in * tap[s];
        }
    }
    squash(&d->squash, SPAN, sums);
    UNROLLED
    for (size_t p = 0; p < SPAN; p++)
        *(lanes *)(y + p * d->y_pixel) = sums[p];
}

/* Asks the L2 cache for `count` floats of each row, of x, or of y before it is written. Without the empty statement
 * calls have no effect that the compiler knows of, and it drops them. */
STOA_RARE static void fetch(size_t rows, size_t count, size_t row_step, const float *x)
{
    __asm__ volatile("");
    for (size_t r = 0; r < rows; r++, x += row_step)
        for (size_t j = 0; j < count; j += 16)
            __builtin_prefetch(x + j, 0, 2);
}

/* A row in spans, of which the last may overlap the one before it. A copy of what is given: for all the compiler knows,
 * stores to y would change the caller's. */
static STOA_INLINE void spans(const struct depthwise *given, size_t taps, size_t stride, const float *x,
                              const float *weights, const float *bias, float *y)
{
    const struct depthwise copy = *given, *d = &copy;
    for (size_t i = 0; i < d->OW; i += SPAN) {
        size_t ox = i + SPAN > d->OW ? d->OW - SPAN : i, begin = ox * stride; /* in the padded image */
        size_t first = begin < d->pad ? d->pad - begin : 0, end = d->W + d->pad - begin;
        /* Missing columns lie in front of the image, or of the row. */
        const float *from = x + (ptrdiff_t)(begin * d->x_pixel) - (ptrdiff_t)(d->pad * d->x_pixel);
        const float *w = weights, *start = bias;
        float *to = y + ox * d->y_pixel;
        for (size_t left = d->groups, step;; left -= step, from += step, w += step, to += step) {
            if (d->ahead) {
                size_t c = d->groups - left;
                fetch(given->ahead, SPAN * stride * LANES, d->row_step,
                      x + d->rows * d->row_step + begin * d->x_pixel + c * SPAN * stride);
                fetch(SPAN, 1, d->y_pixel, to);
            }
            if (taps == 3 && d->rows == 3)
                span(d, taps, stride, 3, first, end, from, w, start, to);
            else
                span(d, taps, stride, d->rows, first, end, from, w, start, to);
            if (left == LANES)
                break;
            step = left < 2 * LANES ? left - LANES : LANES; /* the last vector may overlap the one before */
            start = start ? start + step : start;
        }
    }
}

/* Whether a row is one of those. No more columns may be missing on either side than lie on that side of a filter's
 * middle. */
static bool has_spans(const struct depthwise *d)
{
    size_t beyond = d->columns / 2;
    return !SMALL && (d->columns == 3 || d->columns == 5) && d->in == 1 && d->out == 1 && d->dilation == 1 &&
           d->stride <= 2 && d->groups >= LANES && d->pad <= beyond && d->OW >= SPAN && d->W >= d->columns &&
           (d->OW - 1) * d->stride + d->columns <= d->W + d->pad + beyond;
}

static STOA_INLINE bool see_the_same(const struct depthwise *d, size_t ox, size_t count, struct taps taps)
{
    if (ox + count > d->OW)
        return false;
    struct taps last = taps_of(d, ox + count - 1);
    return last.first == taps.first && last.end == taps.end;
}

/* `in` is known where this is inlined. */
static STOA_INLINE void row(const struct depthwise *d, size_t in, const float *x, const float *weights,
                            const float *bias, float *y)
{
    places where[DEPTHWISE_LANES];
    for (size_t j = 0; in && j < d->in; j++)
        for (size_t i = 0; i < LANES; i++)
            where[j][i] = (int32_t)(i / d->out * d->in + j);
    bool narrow = d->groups * d->out < LANES;
    for (size_t ox = 0; ox < d->OW;) {
        struct taps taps = taps_of(d, ox);
        if (narrow) {
            scalars(d, ox, taps, x, weights, bias, y);
            ox++;
        } else if (see_the_same(d, ox, BLOCK, taps)) {
            pixels_at(d, BLOCK, in, where, ox, taps, x, weights, bias, y);
            ox += BLOCK;
        } else if (see_the_same(d, ox, 4, taps)) {
            pixels_at(d, 4, in, where, ox, taps, x, weights, bias, y);
            ox += 4;
        } else {
            pixels_at(d, 1, in, where, ox, taps, x, weights, bias, y);
            ox++;
        }
    }
}

STOA_COPY(stoa_depthwise_row,
          (const struct depthwise *d, const float *x, const float *weights, const float *bias, float *y),
          (d, x, weights, bias, y))
{
    bool has = has_spans(d), three = d->columns == 3;
    if (has && three && d->stride == 1)
        spans(d, 3, 1, x, weights, bias, y);
    else if (has && three)
        spans(d, 3, 2, x, weights, bias, y);
    else if (has && d->stride == 1)
        spans(d, 5, 1, x, weights, bias, y);
    else if (has)
        spans(d, 5, 2, x, weights, bias, y);
    else if (d->in == 1 && d->out == 1)
        row(d, 0, x, weights, bias, y);
    else
        row(d, 1, x, weights, bias, y);
}
