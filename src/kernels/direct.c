/* Outputs of several pixels times several vectors of channels stay in registers over all taps; each float of x is
 * spread over a vector and multiplied with a vector of weights, which serves all the pixels. Weights of shallow images
 * lie in the L1 cache, and x is read where it stands: that is what this has ahead of products, which want columns of x
 * written first and the bias added behind.
 *
 * How much fits depends on the registers: with 32 of 16 floats up to 64 channels at once, otherwise 16, which are two
 * or four registers. */
#include "kernels/direct.h"

#include <stdbool.h>
#include <string.h>

#include "kernels/isa.h"

/* Vectors of DIRECT_LANES channels. */
#define PARTS (DIRECT_LANES / LANES)
#define MOST_SUMS 24

/* Exactly `count` < LANES floats. */
static STOA_INLINE void store_part(const lanes *sums, size_t count, float *y)
{
    const char *from = (const char *)sums;
    if (LANES > 8 && count & 8) {
        memcpy(y, from, 8 * sizeof *y);
        from += 8 * sizeof *y;
        y += 8;
    }
    if (LANES > 4 && count & 4) {
        memcpy(y, from, 4 * sizeof *y);
        from += 4 * sizeof *y;
        y += 4;
    }
    if (count & 2) {
        memcpy(y, from, 2 * sizeof *y);
        from += 2 * sizeof *y;
        y += 2;
    }
    if (count & 1)
        memcpy(y, from, sizeof *y);
}

/* Loops over sums are single and of known length, so that the compiler unrolls them before it gives out registers. */
#define UNROLLED _Pragma("GCC unroll 32")

/* How many channels vector v has. */
static STOA_INLINE size_t channels_of(size_t v, size_t vectors, size_t channels)
{
    if (PARTS == 1 && v + 1 < vectors)
        return LANES;
    return channels <= v * LANES ? 0 : channels - v * LANES < LANES ? channels - v * LANES : LANES;
}

/* `pixels` and `vectors` are known where this is inlined. weights: `width` floats from one k to the next. `whole`: the
 * vectors may be stored with all their lanes. */
static STOA_INLINE void block(const struct direct *d, size_t pixels, size_t vectors, size_t channels, bool whole,
                              const float *x, const float *weights, size_t width, const float *bias, float *y)
{
    lanes sums[MOST_SUMS], start[DIRECT_WIDEST / DIRECT_LANES * PARTS];
    size_t y_pixel = d->y_pixel;
    UNROLLED
    for (size_t v = 0; v < vectors; v++) {
        size_t count = channels_of(v, vectors, channels);
        start[v] = (lanes){0};
        if (bias && count == LANES)
            start[v] = *(const lanes *)(bias + v * LANES);
        else if (bias && count)
            memcpy(&start[v], bias + v * LANES, count * sizeof(float));
    }
    UNROLLED
    for (size_t i = 0; i < pixels * vectors; i++)
        sums[i] = start[i % vectors];
    /* Addresses as a fourth pixel's and a step from there: one for each pixel would not fit the registers. */
    const size_t step[4] = {0, d->x_pixel, 2 * d->x_pixel, 3 * d->x_pixel};
    const float *at[3] = {x, x + 4 * d->x_pixel, x + 8 * d->x_pixel};
    for (size_t k = 0; k < d->depth; k++, weights += width) {
        const float *from[3] = {at[0] + d->offsets[k], at[1] + d->offsets[k], at[2] + d->offsets[k]};
        UNROLLED
        for (size_t i = 0; i < pixels * vectors; i++)
            sums[i] += from[i / vectors / 4][step[i / vectors % 4]] * *(const lanes *)(weights + i % vectors * LANES);
    }
    if (whole || channels == vectors * LANES) {
        UNROLLED
        for (size_t i = 0; i < pixels * vectors; i++)
            *(lanes *)(y + i / vectors * y_pixel + i % vectors * LANES) = sums[i];
        return;
    }
    UNROLLED
    for (size_t i = 0; i < pixels * vectors; i++) {
        size_t count = channels_of(i % vectors, vectors, channels);
        if (count == LANES) {
            *(lanes *)(y + i / vectors * y_pixel + i % vectors * LANES) = sums[i];
        } else {
            lanes part = sums[i]; /* the address of a sum would keep all of them out of registers */
            store_part(&part, count, y + i / vectors * y_pixel + i % vectors * LANES);
        }
    }
}

/* Blocks of `part` pixels while there are so many; then one that overlaps the one before, if more than `less` are left:
 * the next smaller blocks would take longer. */
#define STEP(part, less)                                                                                               \
    for (; (part) <= most && (part) <= limit && i < count; i += (part)) {                                              \
        bool fits = i + (part) <= count;                                                                               \
        if (!fits && (count - i <= (less) || count < (part)))                                                          \
            break;                                                                                                     \
        size_t first = fits ? i : count - (part);                                                                      \
        block(d, part, vectors, channels, first + (part) + beyond <= count, x + first * d->x_pixel, weights, width,    \
              bias, y + first * d->y_pixel);                                                                           \
    }

static STOA_INLINE void row(const struct direct *d, size_t most, size_t vectors, size_t channels, size_t count,
                            const float *x, const float *weights, size_t width, const float *bias, float *y)
{
    /* Lanes too many may fall on pixels that come later. */
    size_t beyond = vectors == PARTS && d->y_pixel == channels ? DIRECT_LANES / channels : count;
    /* Blocks as even as can be: of so many pixels at most. */
    size_t blocks = (count + most - 1) / most, limit = count ? ((count + blocks - 1) / blocks + 1) / 2 * 2 : 0;
    size_t i = 0;
    STEP(12, 10)
    STEP(10, 8)
    STEP(8, 6)
    STEP(6, 4)
    STEP(4, 2)
    STEP(2, 1)
    STEP(1, 0)
}

/* `most` and `vectors` are known where this is inlined. */
static STOA_INLINE void all(const struct direct *d, size_t most, size_t vectors, size_t channels, size_t rows,
                            size_t count, const float *x, const float *weights, size_t width, const float *bias,
                            float *y)
{
    for (size_t r = 0; r < rows; r++)
        row(d, most, vectors, channels, count, x + r * d->x_row, weights, width, bias, y + r * d->y_row);
}

STOA_COPY(stoa_direct_rows,
          (const struct direct *d, size_t rows, size_t count, const float *x, const float *weights, const float *bias,
           float *y),
          (d, rows, count, x, weights, bias, y))
{
#if LANES == DIRECT_LANES
    if (d->channels <= LANES)
        all(d, 12, 1, d->channels, rows, count, x, weights, LANES, bias, y);
    else if (d->channels <= 2 * LANES)
        all(d, 12, 2, d->channels, rows, count, x, weights, 2 * LANES, bias, y);
    else if (d->channels <= 3 * LANES)
        all(d, 8, 3, d->channels, rows, count, x, weights, 3 * LANES, bias, y);
    else
        all(d, 6, 4, d->channels, rows, count, x, weights, 4 * LANES, bias, y);
#else
    size_t width = (d->channels + DIRECT_LANES - 1) / DIRECT_LANES * DIRECT_LANES;
    for (size_t j = 0; j < d->channels; j += DIRECT_LANES)
        all(d, DIRECT_NARROW_BLOCK, PARTS, d->channels - j < DIRECT_LANES ? d->channels - j : DIRECT_LANES, rows, count,
            x, weights + j, width, bias ? bias + j : bias, y + j);
#endif
}
