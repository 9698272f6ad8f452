/* Inner loops of two operands. Each is compiled for the strides that matter: both operands in line, or one of them the
 * same number throughout; any other strides take the plain loop. */
#include "kernels/arithmetic.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tensor.h"
#include "base/vector.h"

#define LOOP(clones, name, type, expression)                                                                           \
    clones static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)            \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        type *y = (type *)data[0];                                                                                     \
        const type *p = (const type *)data[1], *q = (const type *)data[2];                                             \
        ptrdiff_t sy = strides[0], sp = strides[1], sq = strides[2], n = (ptrdiff_t)count;                             \
        if (sy == 1 && sp == 1 && sq == 1) {                                                                           \
            STOA_INDEPENDENT                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                type a = p[i], b = q[i];                                                                               \
                y[i] = expression;                                                                                     \
            }                                                                                                          \
        } else if (sy == 1 && sp == 1 && sq == 0) {                                                                    \
            type b = *q;                                                                                               \
            STOA_INDEPENDENT                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                type a = p[i];                                                                                         \
                y[i] = expression;                                                                                     \
            }                                                                                                          \
        } else if (sy == 1 && sp == 0 && sq == 1) {                                                                    \
            type a = *p;                                                                                               \
            STOA_INDEPENDENT                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                type b = q[i];                                                                                         \
                y[i] = expression;                                                                                     \
            }                                                                                                          \
        } else {                                                                                                       \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                type a = p[i * sp], b = q[i * sq];                                                                     \
                y[i * sy] = expression;                                                                                \
            }                                                                                                          \
        }                                                                                                              \
    }

#define REAL_LOOPS(clones, prefix, type)                                                                               \
    LOOP(clones, prefix##_add, type, a + b)                                                                            \
    LOOP(clones, prefix##_sub, type, a - b)                                                                            \
    LOOP(clones, prefix##_mul, type, a *b)                                                                             \
    LOOP(clones, prefix##_div, type, a / b)                                                                            \
    /* A comparison with NaN is false: the second test lets a NaN in a through, the first one in b. */                 \
    LOOP(clones, prefix##_max, type, a > b || a != a ? a : b)                                                          \
    LOOP(clones, prefix##_min, type, a < b || a != a ? a : b)

/* Computed in unsigned numbers, where running over is defined. */
#define INTEGER_LOOPS(prefix, type)                                                                                    \
    LOOP(, prefix##_add, type, (type)((uint64_t)a + (uint64_t)b))                                                      \
    LOOP(, prefix##_sub, type, (type)((uint64_t)a - (uint64_t)b))                                                      \
    LOOP(, prefix##_mul, type, (type)((uint64_t)a * (uint64_t)b))                                                      \
    LOOP(, prefix##_div, type, b == 0 ? 0 : b == (type)-1 && (type)-1 < 1 ? (type)(0 - (uint64_t)a) : (type)(a / b))   \
    LOOP(, prefix##_max, type, a > b ? a : b)                                                                          \
    LOOP(, prefix##_min, type, a < b ? a : b)

REAL_LOOPS(STOA_CLONES, float, float)
REAL_LOOPS(, double, double)
#define INTEGER_LOOPS_OF(constant, name, type) INTEGER_LOOPS(name, type)
STOA_WHOLE_DTYPES(INTEGER_LOOPS_OF)
LOOP(STOA_CLONES, float_prelu, float, a < 0.0f ? b * a : a)

/* The remainders and shifts, which nothing is gained by vectorising. A divisor of -1 leaves nothing, and might
 * overflow.
 */
#define PLAIN_LOOP(name, type, expression)                                                                             \
    static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)                   \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        type *y = (type *)data[0];                                                                                     \
        const type *p = (const type *)data[1], *q = (const type *)data[2];                                             \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            type a = p[i * strides[1]], b = q[i * strides[2]];                                                         \
            y[i * strides[0]] = (type)(expression);                                                                    \
        }                                                                                                              \
    }
#define LEFT(a, b, type) (b == 0 || (b == (type)-1 && (type)-1 < 1) ? 0 : a % b)
#define REMAINDERS(constant, name, type)                                                                               \
    PLAIN_LOOP(name##_mod, type, LEFT(a, b, type) != 0 && (a < 1) != (b < 1) ? a % b + b : LEFT(a, b, type))           \
    PLAIN_LOOP(name##_remainder, type, LEFT(a, b, type))
#define SHIFTS(name, type)                                                                                             \
    PLAIN_LOOP(name##_shift_left, type, b < 8 * sizeof a ? (uint64_t)a << b : 0)                                       \
    PLAIN_LOOP(name##_shift_right, type, b < 8 * sizeof a ? a >> b : 0)
STOA_WHOLE_DTYPES(REMAINDERS)
PLAIN_LOOP(float_remainder, float, fmodf(a, b))
PLAIN_LOOP(double_remainder, double, fmod(a, b))
SHIFTS(uint64, uint64_t)
SHIFTS(uint32, uint32_t)
SHIFTS(uint16, uint16_t)
SHIFTS(uint8, uint8_t)

#define LOOPS(prefix)                                                                                                  \
    {                                                                                                                  \
        prefix##_add, prefix##_sub, prefix##_mul, prefix##_div, prefix##_max, prefix##_min                             \
    }

#define LOOPS_OF(constant, name, type) [constant] = LOOPS(name),
#define REMAINDERS_OF(constant, name, type) [constant] = {name##_mod, name##_remainder},

nd_loop stoa_arithmetic_loop(enum arithmetic operation, enum stoa_dtype dtype)
{
    static const nd_loop loops[STOA_DTYPE_LIMIT][ARITHMETIC_PRELU + 1] = {
        [STOA_FLOAT] = {float_add, float_sub, float_mul, float_div, float_max, float_min, float_prelu},
        [STOA_DOUBLE] = LOOPS(double),
        STOA_WHOLE_DTYPES(LOOPS_OF)};
    static const nd_loop remainders[STOA_DTYPE_LIMIT][2] = {[STOA_FLOAT] = {NULL, float_remainder},
                                                            [STOA_DOUBLE] = {NULL, double_remainder},
                                                            STOA_WHOLE_DTYPES(REMAINDERS_OF)};
    static const nd_loop shifts[STOA_DTYPE_LIMIT][2] = {
        [STOA_UINT64] = {uint64_shift_left, uint64_shift_right},
        [STOA_UINT32] = {uint32_shift_left, uint32_shift_right},
        [STOA_UINT16] = {uint16_shift_left, uint16_shift_right},
        [STOA_UINT8] = {uint8_shift_left, uint8_shift_right},
    };
    if (operation >= ARITHMETIC_SHIFT_LEFT)
        return shifts[dtype][operation - ARITHMETIC_SHIFT_LEFT];
    if (operation >= ARITHMETIC_MOD)
        return remainders[dtype][operation - ARITHMETIC_MOD];
    return loops[dtype][operation];
}
