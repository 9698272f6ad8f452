/* Outputs of several pixels times several vectors of channels stay in registers over all taps; each float of x is
 * spread over a vector and multiplied with a vector of weights, which serves all the pixels. Weights of shallow images
 * lie in the L1 cache, and x is read where it stands: that is what this has ahead of products, which want columns of x
 * written first and the bias added behind.
 *
 * How much fits depends on the registers: with 32 of 16 floats up to 64 channels at once, otherwise 16, which are two
 * or four registers (and a panel: rows of weights further apart would share few sets of the cache). */
#include "kernels/direct.h"

#include <stdbool.h>
#include <string.h>

#include "kernels/isa.h"

/* Vectors of DIRECT_LANES channels. */
#define PARTS (DIRECT_LANES / LANES)
#define MOST_SUMS 24
#define MOST_PIXELS 12
/* Steps of k at a time where they cost as many instructions as there are sums to add to. */
#define STEPS (LANES == 8 ? 4 : 1)

/* Pixels from a block to those whose lines of y are asked for: lines from memory take as long as some blocks. */
#define AHEAD 18

/* Pixels of a block of the narrowest copy: fewer, hence less code, where there are better ones and only 16 registers.
 */
#if defined(STOA_ISA_SEVERAL)
#define BASELINE_BLOCK 2
#else
#define BASELINE_BLOCK DIRECT_NARROW_BLOCK
#endif

/* Exactly `count` < LANES floats of each pixel's sums. */
STOA_RARE static void store_parts(const lanes *sums, size_t pixels, size_t count, size_t y_pixel, float *y)
{
    for (size_t i = 0; i < pixels; i++, y += y_pixel) {
        const char *from = (const char *)&sums[i];
        float *to = y;
        __asm__("" : "+r"(count)); /* else GCC makes a loop for each count */
        if (LANES > 8 && count & 8) {
            memcpy(to, from, 8 * sizeof *to);
            from += 8 * sizeof *to;
            to += 8;
        }
        if (LANES > 4 && count & 4) {
            memcpy(to, from, 4 * sizeof *to);
            from += 4 * sizeof *to;
            to += 4;
        }
        if (count & 2) {
            memcpy(to, from, 2 * sizeof *to);
            from += 2 * sizeof *to;
            to += 2;
        }
        if (count & 1)
            memcpy(to, from, sizeof *to);
    }
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

/* Keeps the compiler from putting an address off, into one for each pixel, or sums of what is on the stack. */
#define SETTLE(address) __asm__("" : "+r"(address))

/* Where a block's pixels are: every third one's address, and the bytes from one to the next. */
#define APART 3
struct place {
    const char *from[MOST_PIXELS / APART];
    size_t one;
};

/* Element k of pixel i in all lanes. Left to itself, GCC 12 keeps an address for each pixel and moves it on. */
static STOA_INLINE lanes spread(const struct place *place, size_t i, size_t k)
{
    const char *from = place->from[i / APART];
#if defined(__AVX2__) && !defined(__AVX512F__) && !defined(__clang__)
    if (__builtin_constant_p(i) && __builtin_constant_p(k)) {
        lanes all;
        if (i % APART == 0)
            __asm__("vbroadcastss %c3(%1), %0" : "=x"(all) : "r"(from), "m"(*from), "i"(k * sizeof(float)));
        else
            __asm__("vbroadcastss %c3(%1, %4, %c5), %0"
                    : "=x"(all)
                    : "r"(from), "m"(*from), "i"(k * sizeof(float)), "r"(place->one), "i"(i % APART));
        return all;
    }
#endif
    float value;
    memcpy(&value, from + i % APART * place->one + k * sizeof(float), sizeof value);
    return value - (lanes){0};
}

/* sums += element k of a run of each pixel, times a row of weights. */
static STOA_INLINE void add_element(const struct place *place, size_t k, const float *weights, size_t pixels,
                                    size_t vectors, lanes *sums)
{
    lanes line[DIRECT_WIDEST / DIRECT_LANES * PARTS];
    UNROLLED
    for (size_t v = 0; v < vectors; v++)
        line[v] = *(const lanes *)(weights + v * LANES);
    UNROLLED
    for (size_t i = 0; i < pixels; i++) {
        lanes a = spread(place, i, k);
        UNROLLED
        for (size_t v = 0; v < vectors; v++)
            add_product(a, line[v], &sums[i * vectors + v]);
    }
}

static STOA_INLINE void advance(struct place *place, size_t pixels, size_t count)
{
    UNROLLED
    for (size_t i = 0; i < pixels; i += APART) {
        place->from[i / APART] += count * sizeof(float);
        SETTLE(place->from[i / APART]);
    }
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
        lanes part = {0};
        if (bias && count == LANES) {
            part = *(const lanes *)(bias + v * LANES);
        } else if (bias && count) {
            float some[LANES] = {0}; /* the address of `part` would keep it out of registers */
            memcpy(some, bias + v * LANES, count * sizeof(float));
            part = *(const lanes *)some;
        }
        start[v] = part;
    }
    UNROLLED
    for (size_t i = 0; i < pixels * vectors; i++)
        sums[i] = start[i % vectors];
    /* Stores go to the cache in order, each waiting for its line: these are there by then. */
    UNROLLED
    for (size_t i = 0; i < pixels; i++)
        __builtin_prefetch(y + (i + AHEAD) * y_pixel, 1);
    size_t one = d->x_pixel * sizeof(float);
    struct place place = {.one = one};
    SETTLE(x);
    for (size_t r = 0; r < d->runs; r++) {
        place.from[0] = (const char *)(x + d->offsets[r]);
        SETTLE(place.from[0]);
        UNROLLED
        for (size_t i = APART; i < pixels; i += APART) {
            place.from[i / APART] = place.from[i / APART - 1] + APART * one;
            SETTLE(place.from[i / APART]);
        }
        size_t k = d->run;
        for (; STEPS > 1 && k >= STEPS; k -= STEPS, weights += STEPS * width) {
            UNROLLED
            for (size_t i = 0; i < STEPS; i++)
                add_element(&place, i, weights + i * width, pixels, vectors, sums);
            advance(&place, pixels, STEPS);
        }
        for (; k; k--, weights += width) {
            add_element(&place, 0, weights, pixels, vectors, sums);
            advance(&place, pixels, 1);
        }
    }
    SETTLE(y);
    squash(&d->squash, pixels * vectors, sums);
    if (whole || channels == vectors * LANES) {
        UNROLLED
        for (size_t i = 0; i < pixels * vectors; i++)
            *(lanes *)(y + i / vectors * y_pixel + i % vectors * LANES) = sums[i];
        return;
    }
    lanes parts[MOST_PIXELS]; /* the address of a sum would keep all of them out of registers */
    UNROLLED
    for (size_t i = 0; i < pixels * vectors; i++) {
        size_t count = channels_of(i % vectors, vectors, channels);
        if (count == LANES)
            *(lanes *)(y + i / vectors * y_pixel + i % vectors * LANES) = sums[i];
        else if (count)
            parts[i / vectors] = sums[i];
    }
    if (channels % LANES)
        store_parts(parts, pixels, channels % LANES, y_pixel, y + channels / LANES * LANES);
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
    size_t beyond = vectors <= PARTS && d->y_pixel == channels ? vectors * LANES / channels : count;
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
#elif LANES == 8
    if (d->channels <= LANES)
        all(d, 8, 1, d->channels, rows, count, x, weights, DIRECT_LANES, bias, y);
    else
        all(d, DIRECT_NARROW_BLOCK, PARTS, d->channels, rows, count, x, weights, DIRECT_LANES, bias, y);
#else
    size_t width = (d->channels + DIRECT_LANES - 1) / DIRECT_LANES * DIRECT_LANES;
    for (size_t j = 0; j < d->channels; j += DIRECT_LANES)
        all(d, BASELINE_BLOCK, PARTS, d->channels - j < DIRECT_LANES ? d->channels - j : DIRECT_LANES, rows, count, x,
            weights + j, width, bias ? bias + j : bias, y + j);
#endif
}
