/* Finding the largest elements. */
#include "kernels/select.h"

#include <string.h>

#include "base/size.h"
#include "base/tensor.h"

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
#define REAL_LOOPS(constant, name, type) LOOPS(name, type, real_key, REAL_BEYOND)
/* Turning the sign's bit puts negative numbers below the others. */
#define WHOLE_LOOPS(constant, name, type)                                                                              \
    static uint64_t name##_key(type x)                                                                                 \
    {                                                                                                                  \
        return (type)-1 < 1 ? (uint64_t)(int64_t)x ^ SIGN : (uint64_t)x;                                               \
    }                                                                                                                  \
    LOOPS(name, type, name##_key, NOT_BEYOND)
STOA_REAL_DTYPES(REAL_LOOPS)
STOA_WHOLE_DTYPES(WHOLE_LOOPS)

#define LOOPS_OF(constant, name, type) [constant] = {name##_extreme, name##_keys},

const struct select_loops *stoa_select_loops(enum stoa_dtype dtype)
{
    static const struct select_loops loops[STOA_DTYPE_LIMIT] = {STOA_REAL_DTYPES(LOOPS_OF) STOA_WHOLE_DTYPES(LOOPS_OF)};
    return loops[dtype].keys ? &loops[dtype] : NULL;
}
