/* Philox, many blocks at a time: each of the four words is an array, so that the rounds vectorise. */
#include "kernels/dropout.h"

#include <string.h>

#include "base/size.h"
#include "base/vector.h"

#define BLOCKS 64
#define ROUNDS 10

static STOA_INLINE void philox(const struct dropout *dropout, uint64_t first, uint32_t words[4][BLOCKS])
{
    uint32_t key[2] = {dropout->key[0], dropout->key[1]};
    for (size_t b = 0; b < BLOCKS; b++) {
        words[0][b] = (uint32_t)(first + b);
        words[1][b] = (uint32_t)((first + b) >> 32);
        words[2][b] = dropout->counter[0];
        words[3][b] = dropout->counter[1];
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (size_t b = 0; b < BLOCKS; b++) {
            const uint64_t p = UINT64_C(0xd2511f53) * words[0][b], q = UINT64_C(0xcd9e8d57) * words[2][b];
            words[0][b] = (uint32_t)(q >> 32) ^ words[1][b] ^ key[0];
            words[1][b] = (uint32_t)q;
            words[2][b] = (uint32_t)(p >> 32) ^ words[3][b] ^ key[1];
            words[3][b] = (uint32_t)p;
        }
        key[0] += UINT32_C(0x9e3779b9);
        key[1] += UINT32_C(0xbb67ae85);
    }
}

STOA_CLONES void stoa_dropout_keep(const struct dropout *dropout, uint64_t start, size_t count, uint8_t *keep)
{
    uint32_t words[4][BLOCKS];
    uint8_t kept[4 * BLOCKS];
    /* Below 2^32 the comparison is one of 32 bits. */
    const uint32_t threshold = (uint32_t)dropout->threshold;
    const uint8_t some = dropout->threshold >> 32 == 0;
    for (size_t i = 0; i < count; i += 4 * BLOCKS) {
        philox(dropout, (start + i) / 4, words);
        for (size_t b = 0; b < BLOCKS; b++)
            for (size_t w = 0; w < 4; w++)
                kept[4 * b + w] = words[w][b] >= threshold ? some : 0;
        memcpy(keep + i, kept, stoa_size_min(4 * BLOCKS, count - i));
    }
}

STOA_CLONES void stoa_dropout_apply(size_t count, const uint8_t *keep, float scale, const float *x, float *y)
{
    STOA_INDEPENDENT
    for (size_t i = 0; i < count; i++)
        y[i] = (int32_t)keep[i] ? x[i] * scale : 0.0f;
}

#define DEFINE_BACKWARD(NAME, TYPE)                                                                                    \
    STOA_CLONES void NAME(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)              \
    {                                                                                                                  \
        const float scale = *(const float *)context;                                                                   \
        float *dx = (float *)data[0];                                                                                  \
        const float *dy = (const float *)data[1];                                                                      \
        const TYPE *mask = (const TYPE *)data[2];                                                                      \
        if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1) {                                                   \
            STOA_INDEPENDENT                                                                                           \
            for (size_t i = 0; i < count; i++)                                                                         \
                dx[i] = mask[i] != 0 ? dy[i] * scale : 0.0f;                                                           \
        } else {                                                                                                       \
            for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)                                                           \
                dx[i * strides[0]] = mask[i * strides[2]] != 0 ? dy[i * strides[1]] * scale : 0.0f;                    \
        }                                                                                                              \
    }

DEFINE_BACKWARD(stoa_dropout_backward_loop, uint8_t)
DEFINE_BACKWARD(stoa_dropout_backward_loop_float, float)
