/* Finding the largest elements. */
#include "kernels/select.h"

#include <string.h>

#include "base/size.h"

#define LANES 64 /* taken side by side, so that memory is read in its order */
#define SIGN ((uint64_t)1 << 63)

/* Bits of a real number in the order of its value: those of negative numbers count downwards. */
static uint64_t real_key(double x)
{
    uint64_t bits;
    x = x == 0 ? 0 : x; /* of either sign */
    memcpy(&bits, &x, sizeof bits);
    return x != x ? UINT64_MAX : bits & SIGN ? ~bits : bits | SIGN;
}

static uint64_t whole_key(int64_t x)
{
    return (uint64_t)x ^ SIGN;
}

static uint64_t natural_key(uint64_t x)
{
    return x;
}

/* `a` is x(r, l), b the best before it. */
#define LOOPS(name, type, key, beyond)                                                                                 \
    static void name##_extreme(const struct block *block, bool least, bool last, const void *x, int64_t *place)        \
    {                                                                                                                  \
        for (size_t first = 0; first < block->lanes; first += LANES) {                                                 \
            const size_t lanes = stoa_size_min(LANES, block->lanes - first);                                           \
            type best[LANES];                                                                                          \
            for (size_t r = 0; r < block->count; r++)                                                                  \
                for (size_t l = 0; l < lanes; l++) {                                                                   \
                    const type a = ((const type *)x)[r * block->x_step + (first + l) * block->x_lane];                 \
                    const type b = r ? best[l] : a;                                                                    \
                    bool better = beyond(a, b) || (!beyond(b, a) && (least ? a < b : a > b));                          \
                    bool same = !beyond(a, b) && !beyond(b, a) && !(a < b) && !(a > b);                                \
                    if (r == 0 || better || (last && same)) {                                                          \
                        best[l] = a;                                                                                   \
                        place[first + l] = (int64_t)r;                                                                 \
                    }                                                                                                  \
                }                                                                                                      \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_keys(size_t count, size_t step, const void *x, uint64_t *keys)                                  \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++)                                                                             \
            keys[i] = key(((const type *)x)[i * step]);                                                                \
    }

/* Whether a is NaN and b is not. */
#define REAL_BEYOND(a, b) ((a) != (a) && (b) == (b))
#define NOT_BEYOND(a, b) false
LOOPS(double, double, real_key, REAL_BEYOND)
LOOPS(float, float, real_key, REAL_BEYOND)
LOOPS(int64, int64_t, whole_key, NOT_BEYOND)
LOOPS(int32, int32_t, whole_key, NOT_BEYOND)
LOOPS(int8, int8_t, whole_key, NOT_BEYOND)
LOOPS(uint8, uint8_t, natural_key, NOT_BEYOND)

#define TABLE(name)                                                                                                    \
    {                                                                                                                  \
        name##_extreme, name##_keys                                                                                    \
    }

const struct select_loops *stoa_select_loops(enum stoa_dtype dtype)
{
    static const struct select_loops loops[] = {
        [STOA_FLOAT] = TABLE(float), [STOA_DOUBLE] = TABLE(double), [STOA_INT64] = TABLE(int64),
        [STOA_INT32] = TABLE(int32), [STOA_INT8] = TABLE(int8),     [STOA_UINT8] = TABLE(uint8),
    };
    return (size_t)dtype < sizeof loops / sizeof *loops && loops[dtype].keys ? &loops[dtype] : NULL;
}
