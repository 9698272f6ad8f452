/* Rounding to 16-bit floats. A double added to one and a half times 2^52 units of the last place that is wanted loses
 * what lies below that place, rounded as any sum is; taken away again, the number is left. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/tensor.h"
#include "base/vector.h"
#include "kernels/arithmetic.h"

/* `bits` of significand; numbers are multiples of 2^least; `past` is the first that rounds to one too large. */
static STOA_INLINE float to_half(double x, int bits, int least, double past)
{
    if (!(fabs(x) < past))
        return x != x ? (float)x : x < 0 ? -INFINITY : INFINITY;
    uint64_t pattern;
    memcpy(&pattern, &x, sizeof pattern);
    int place = (int)(pattern >> 52 & 2047) - 1023 - (bits - 1);
    place = place < least ? least : place;
    double shift;
    pattern = (uint64_t)(place + 52 + 1023) << 52 | (uint64_t)1 << 51;
    memcpy(&shift, &pattern, sizeof shift);
    return (float)copysign((x + shift) - shift, x);
}

#define ROUND(name, type, half, bits, least, past)                                                                     \
    static void name##_to_##half(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)       \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        float *y = (float *)data[0];                                                                                   \
        const type *x = (const type *)data[1];                                                                         \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)                                                               \
            y[i * strides[0]] = to_half((double)x[i * strides[1]], bits, least, past);                                 \
    }
#define ROUNDS(constant, name, type)                                                                                   \
    ROUND(name, type, float16, 11, -24, 65520.0)                                                                       \
    ROUND(name, type, bfloat16, 8, -133, 0x1.ffp127)
STOA_REAL_DTYPES(ROUNDS)
STOA_WHOLE_DTYPES(ROUNDS)

nd_loop stoa_half_loop(enum half half, enum stoa_dtype from)
{
#define LOOPS(constant, name, type) [constant] = {name##_to_float16, name##_to_bfloat16},
    static const nd_loop loops[STOA_DTYPE_LIMIT][2] = {STOA_REAL_DTYPES(LOOPS) STOA_WHOLE_DTYPES(LOOPS)};
    /* 0 and 1 are the same in all of them. */
    return from == STOA_BOOL ? stoa_cast_loop(STOA_BOOL, STOA_FLOAT) : loops[from][half == HALF_BFLOAT16];
}
