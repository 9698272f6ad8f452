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

/* The same where as many channels of a group go in as out, fewer than a vector has: either half of a narrow vector
 * then is of the same half of the inputs, and to spread them across halves would take AVX2 four times as long. */
static STOA_INLINE void spread_alike(const float *from, const places *where, lanes *to)
{
#if defined(__AVX__) && !defined(__AVX512F__)
    *to = (lanes)_mm256_permutevar_ps(_mm256_loadu_ps(from), (__m256i)*where);
#else
    spread(from, where, to);
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

/* Filters of three or five columns over SPAN pixels at a stride of 1 or 2: each column of the image is loaded, and
 * spread, once for all the taps that see it. Some of the first and of the last columns may be missing. As many channels
 * of a group in as out. `taps` and `stride` are known where this is inlined, so are `rows` where it is `taps`, and `in`
 * where it is 1, or LANES: it is 0 for what lies between. */
#define SPAN DEPTHWISE_SPAN

/* One row of the taps for input channel j of each group, and what they see, from the first column on. */
static STOA_INLINE void add_row(const struct depthwise *d, size_t taps, size_t stride, size_t in, size_t j,
                                const places *where, size_t first, size_t end, const float *x, const lanes tap[5],
                                lanes sums[SPAN])
{
    const size_t columns = (SPAN - 1) * stride + taps;
    x += in == LANES ? j : 0;
    _Pragma("GCC unroll 17") for (size_t i = 0; i < columns; i++)
    {
        if (i % 3 == 0) {
            x += i ? 3 * d->x_pixel : 0;
            __asm__("" : "+r"(x)); /* else GCC 12 takes an addition for each column */
        }
        if ((i < taps / 2 && i < first) || (i >= columns - taps / 2 && i >= end))
            continue;
        const float *from = x + i % 3 * d->x_pixel;
        lanes column;
        if (in == 0)
            spread_alike(from, &where[j], &column);
        else if (in == LANES)
            column = *from - (lanes){0};
        else
            column = *(const lanes *)from;
        if (taps == 3 && (stride == 1 || in != 1))
            in_register(&column); /* else GCC 12 loads it for each tap */
        UNROLLED
        for (size_t s = 0; s < taps; s++)
            if (i >= s && (i - s) % stride == 0 && (i - s) / stride < SPAN)
                sums[(i - s) / stride] += column * tap[s];
    }
}

static STOA_INLINE void span(const struct depthwise *d, size_t taps, size_t stride, size_t rows, size_t in,
                             const places *where, size_t first, size_t end, const float *x, const float *weights,
                             const float *bias, float *y)
{
    size_t inputs = in ? in : d->in;
    lanes sums[SPAN];
    UNROLLED
    for (size_t p = 0; p < SPAN; p++)
        sums[p] = bias ? *(const lanes *)bias : (lanes){0};
    for (size_t r = 0; r < rows; r++, x += d->row_step, weights += (taps - 1) * inputs * d->width)
        _Pragma("GCC unroll 1") for (size_t j = 0; j < inputs; j++, weights += d->width)
        {
            lanes tap[5];
            UNROLLED
            for (size_t s = 0; s < taps; s++)
                tap[s] = *(const lanes *)(weights + s * inputs * d->width);
            add_row(d, taps, stride, in, j, where, first, end, x, tap, sums);
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

/* All vectors of `channels` channels of a span. `next`: what to ask the caches for, or null. */
static STOA_INLINE void vectors(const struct depthwise *d, size_t taps, size_t stride, size_t in, const places *where,
                                size_t channels, size_t first, size_t end, const float *x, const float *weights,
                                const float *bias, float *y, const float *next)
{
    for (size_t left = channels, step;; left -= step, x += step, weights += step, y += step) {
        if (next) {
            fetch(d->ahead, SPAN * stride * LANES, d->row_step, next + (channels - left) * SPAN * stride);
            fetch(SPAN, 1, d->y_pixel, y);
        }
        if (taps == 3 && d->rows == 3 && in == 1)
            span(d, taps, stride, 3, in, where, first, end, x, weights, bias, y);
        else
            span(d, taps, stride, d->rows, in, where, first, end, x, weights, bias, y);
        if (left == LANES)
            break;
        step = left < 2 * LANES ? left - LANES : LANES; /* the last vector may overlap the one before */
        bias = bias ? bias + step : bias;
    }
}

/* Functions of their own, so that the loops around leave the registers to them. A copy of what is given: for all the
 * compiler knows, stores to y would change the caller's. */
#define VECTORS(name, taps, stride, in)                                                                                \
    STOA_RARE static void name(const struct depthwise *d, const places *where, size_t channels, size_t first,          \
                               size_t end, const float *x, const float *weights, const float *bias, float *y,          \
                               const float *next)                                                                      \
    {                                                                                                                  \
        const struct depthwise copy = *d;                                                                              \
        vectors(&copy, taps, stride, in, where, channels, first, end, x, weights, bias, y, next);                      \
    }
VECTORS(vectors_3_1, 3, 1, 1)
VECTORS(vectors_3_2, 3, 2, 1)
VECTORS(vectors_5_1, 5, 1, 1)
VECTORS(vectors_5_2, 5, 2, 1)
VECTORS(spread_3_1, 3, 1, 0)
VECTORS(spread_3_2, 3, 2, 0)
VECTORS(groups_3_1, 3, 1, LANES)
VECTORS(groups_3_2, 3, 2, LANES)

/* Channels [c, c + channels) of span `i` of a row, at whose first pixels x and y are. */
static void span_of_row(const struct depthwise *d, const places *where, size_t i, size_t c, size_t channels,
                        const float *x, const float *weights, const float *bias, float *y)
{
    size_t ox = (i + 1) * SPAN > d->OW ? d->OW - SPAN : i * SPAN; /* the last may overlap the one before it */
    size_t begin = ox * d->stride;                                /* in the padded image */
    size_t first = begin < d->pad ? d->pad - begin : 0, end = d->W + d->pad - begin;
    x += begin * d->x_pixel;
    const float *next = d->ahead ? x + d->rows * d->row_step + c * SPAN * d->stride : NULL;
    /* A group that fills the widest vector is not taken at all. */
    static const __typeof__(&vectors_3_1) runs[2][4] = {
        {vectors_3_1, vectors_5_1, spread_3_1, LANES < DEPTHWISE_LANES ? groups_3_1 : NULL},
        {vectors_3_2, vectors_5_2, spread_3_2, LANES < DEPTHWISE_LANES ? groups_3_2 : NULL}};
    size_t kind = d->in == 1 ? d->columns / 2 - 1 : d->in < LANES ? 2 : 3;
    /* Missing columns lie in front of the image, or of the row. */
    runs[d->stride - 1][kind](d, where, channels, first, end, x + c - d->pad * d->x_pixel, weights + c,
                              bias ? bias + c : NULL, y + ox * d->y_pixel + c, next);
}

/* Floats of x that stay in the L1 cache from one row to the next, and about how many channels of a span go together
 * where all of them would be more. */
#define NEAR_FLOATS 7424
#define NEAR_CHANNELS 64

/* Floats of `count` spans that a row and the next see. */
static size_t seen_by(const struct depthwise *d, size_t count)
{
    return ((count * SPAN - 1) * d->stride + d->columns) * d->groups * d->in * (d->rows + d->x_down / d->row_step);
}

/* Rows in spans. The loops go down the image over as many spans, or channels of one, as leave in the L1 cache what the
 * next row sees again, which on Zen 3 takes a twelfth to a fifth less time. Filters of 3x3 at stride 1 gain nothing by
 * it, and lose where channels are few: their rows are not divided, so that they are read in the order of memory. */
static void spans(const struct depthwise *d, const places *where, const float *x, const float *weights,
                  const float *bias, float *y)
{
    size_t count = (d->OW + SPAN - 1) / SPAN, width = count, C = d->groups * d->in, channels = C, here;
    if (d->OH > 1 && (d->columns > 3 || d->stride > 1)) {
        while (width > 1 && seen_by(d, width) > NEAR_FLOATS)
            width--;
        if (seen_by(d, width) > NEAR_FLOATS) {
            size_t parts = (C + NEAR_CHANNELS - 1) / NEAR_CHANNELS;
            channels = ((C + parts - 1) / parts + LANES - 1) / LANES * LANES;
        }
    }
    for (size_t tile = 0; tile < count; tile += width)
        for (size_t c = 0; c < C; c += here) {
            here = C - c < channels + LANES ? C - c : channels; /* never less than a vector */
            for (size_t oy = 0; oy < d->OH; oy++)
                for (size_t i = tile; i < tile + width && i < count; i++)
                    span_of_row(d, where, i, c, here, x + oy * d->x_down, weights, bias, y + oy * d->y_down);
        }
}

/* Whether a row is one of those. No more columns may be missing on either side than lie on that side of a filter's
 * middle. */
static bool has_spans(const struct depthwise *d)
{
    size_t beyond = d->columns / 2;
    return !SMALL && (d->columns == 3 || (d->columns == 5 && d->in == 1)) && d->in == d->out && d->in <= LANES &&
           d->dilation == 1 && d->stride <= 2 && d->groups * d->in >= LANES && d->pad <= beyond && d->OW >= SPAN &&
           d->W >= d->columns && (d->OW - 1) * d->stride + d->columns <= d->W + d->pad + beyond;
}

static STOA_INLINE bool see_the_same(const struct depthwise *d, size_t ox, size_t count, struct taps taps)
{
    if (ox + count > d->OW)
        return false;
    struct taps last = taps_of(d, ox + count - 1);
    return last.first == taps.first && last.end == taps.end;
}

/* `in` is known where this is inlined. */
static STOA_INLINE void row(const struct depthwise *d, size_t in, const places *where, const float *x,
                            const float *weights, const float *bias, float *y)
{
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

STOA_COPY(stoa_depthwise_rows,
          (const struct depthwise *d, const float *x, const float *weights, const float *bias, float *y),
          (d, x, weights, bias, y))
{
    places where[DEPTHWISE_LANES];
    for (size_t j = 0; d->out > 1 && j < d->in; j++)
        for (size_t i = 0; i < LANES; i++)
            where[j][i] = (int32_t)(i / d->out * d->in + j);
    if (has_spans(d)) {
        spans(d, where, x, weights, bias, y);
        return;
    }
    for (size_t oy = 0; oy < d->OH; oy++, x += d->x_down, y += d->y_down)
        if (d->in == 1 && d->out == 1)
            row(d, 0, where, x, weights, bias, y);
        else
            row(d, 1, where, x, weights, bias, y);
}
