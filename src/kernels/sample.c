/* Sums of pixels with weights, a vector of channels at a time. */
#include "kernels/sample.h"

#include "base/vector.h"

/* Channels of one block: its sums stay in registers. */
#define BLOCK 16

static STOA_INLINE void sum(size_t channels, size_t count, const struct sample_tap *taps, const float *x, size_t first,
                            float sums[BLOCK])
{
    for (size_t c = 0; c < channels; c++)
        sums[c] = 0;
    for (size_t t = 0; t < count; t++) {
        const float *from = x + taps[t].offset + first, weight = taps[t].weight;
        for (size_t c = 0; c < channels; c++)
            sums[c] += weight * from[c];
    }
}

#define SAMPLE(name, expression)                                                                                       \
    STOA_FEW_CLONES void name(size_t C, size_t count, const struct sample_tap *taps, const float *x, float *y)         \
    {                                                                                                                  \
        float sums[BLOCK];                                                                                             \
        size_t first = 0;                                                                                              \
        for (; first + BLOCK <= C; first += BLOCK) {                                                                   \
            sum(BLOCK, count, taps, x, first, sums);                                                                   \
            for (size_t c = 0; c < BLOCK; c++) {                                                                       \
                float s = sums[c], *at = &y[first + c];                                                                \
                *at = expression;                                                                                      \
            }                                                                                                          \
        }                                                                                                              \
        sum(C - first, count, taps, x, first, sums);                                                                   \
        for (size_t c = 0; c < C - first; c++) {                                                                       \
            float s = sums[c], *at = &y[first + c];                                                                    \
            *at = expression;                                                                                          \
        }                                                                                                              \
    }
SAMPLE(stoa_sample, s)
SAMPLE(stoa_sample_add, *at + s)
SAMPLE(stoa_sample_max, s > *at || s != s ? s : *at)
