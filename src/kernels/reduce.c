/* Folds of elements of any type. Each type names the widest of its kind, in which it is folded: doubles for real
 * numbers, so that long sums of floats lose nothing; 64 bits, computed in without a sign, where running over is
 * defined, for integers. */
#include "kernels/reduce.h"

#include <math.h>
#include <stddef.h>

#include "base/tensor.h"

#define FOLD(member, expression)                                                                                       \
    for (size_t r = 0; r < block->count; r++)                                                                          \
        for (size_t l = 0; l < block->lanes; l++) {                                                                    \
            const wide v = (wide)p[r * block->x_step + l * block->x_lane], a = result[l].member;                       \
            result[l].member = expression;                                                                             \
        }                                                                                                              \
    break

#define ADD_REAL(a, b) ((a) + (b))
#define MULTIPLY_REAL(a, b) ((a) * (b))
#define ADD_WHOLE(a, b) ((wide)((uint64_t)(a) + (uint64_t)(b)))
#define MULTIPLY_WHOLE(a, b) ((wide)((uint64_t)(a) * (uint64_t)(b)))

#define EXP_REAL(a, v) ((a) + exp((v)-shift[l].real))
#define EXP_WHOLE(a, v) ((void)(v), (a))

#define IS_NAN_REAL(v) ((v) != (v))
#define IS_NAN_WHOLE(v) 0

#define NEGATIVE_REAL(v) (-(v))
#define NEGATIVE_WHOLE(v) ((wide)(0 - (uint64_t)(v)))

/* What the loops of a type are made of. `kind` is REAL or WHOLE; the least and the most are those of `wide_type`. */
#define LOOPS(name, type, wide_type, member, kind, least, most)                                                        \
    static void name##_fold(enum reduce_step step, const struct block *block, const void *x,                           \
                            const union reduce_value *shift, union reduce_value *result)                               \
    {                                                                                                                  \
        typedef wide_type wide;                                                                                        \
        const type *p = x;                                                                                             \
        (void)shift;                                                                                                   \
        switch (step) {                                                                                                \
        case REDUCE_SUM:                                                                                               \
            FOLD(member, ADD_##kind(a, v));                                                                            \
        case REDUCE_MAGNITUDES:                                                                                        \
            FOLD(member, ADD_##kind(a, v > 0 ? v : NEGATIVE_##kind(v)));                                               \
        case REDUCE_SQUARES:                                                                                           \
            FOLD(member, ADD_##kind(a, MULTIPLY_##kind(v, v)));                                                        \
        case REDUCE_EXP:                                                                                               \
            FOLD(member, EXP_##kind(a, v));                                                                            \
        case REDUCE_MAX:                                                                                               \
            FOLD(member, v > a || IS_NAN_##kind(v) ? v : a);                                                           \
        case REDUCE_MIN:                                                                                               \
            FOLD(member, v < a || IS_NAN_##kind(v) ? v : a);                                                           \
        case REDUCE_PRODUCT:                                                                                           \
            FOLD(member, MULTIPLY_##kind(a, v));                                                                       \
        }                                                                                                              \
    }                                                                                                                  \
    static void name##_dot(const struct block *block, const void *x, const void *y, union reduce_value *result)        \
    {                                                                                                                  \
        typedef wide_type wide;                                                                                        \
        const type *p = x, *q = y;                                                                                     \
        for (size_t r = 0; r < block->count; r++)                                                                      \
            for (size_t l = 0; l < block->lanes; l++) {                                                                \
                const wide v = (wide)p[r * block->x_step + l * block->x_lane];                                         \
                const wide w = (wide)q[r * block->y_step + l * block->y_lane];                                         \
                result[l].member = ADD_##kind(result[l].member, MULTIPLY_##kind(v, w));                                \
            }                                                                                                          \
    }                                                                                                                  \
    static union reduce_value name##_neutral(enum reduce_step step)                                                    \
    {                                                                                                                  \
        return (union reduce_value){.member = step == REDUCE_MAX       ? (least)                                       \
                                              : step == REDUCE_MIN     ? (most)                                        \
                                              : step == REDUCE_PRODUCT ? 1                                             \
                                                                       : 0};                                           \
    }                                                                                                                  \
    static void name##_divide(size_t lanes, size_t count, union reduce_value *result)                                  \
    {                                                                                                                  \
        for (size_t l = 0; l < lanes; l++)                                                                             \
            result[l].member /= (wide_type)count;                                                                      \
    }                                                                                                                  \
    static void name##_store(size_t lanes, const union reduce_value *result, void *y, size_t step)                     \
    {                                                                                                                  \
        for (size_t l = 0; l < lanes; l++)                                                                             \
            ((type *)y)[l * step] = (type)result[l].member;                                                            \
    }                                                                                                                  \
    static void name##_scan(const struct block *block, int exclusive, int backwards, const void *x,                    \
                            union reduce_value *result, void *y)                                                       \
    {                                                                                                                  \
        typedef wide_type wide;                                                                                        \
        for (size_t i = 0; i < block->count; i++) {                                                                    \
            size_t r = backwards ? block->count - 1 - i : i;                                                           \
            const type *p = (const type *)x + r * block->x_step;                                                       \
            type *q = (type *)y + r * block->y_step;                                                                   \
            for (size_t l = 0; l < block->lanes; l++) {                                                                \
                const wide before = result[l].member, after = ADD_##kind(before, (wide)p[l * block->x_lane]);          \
                q[l * block->y_lane] = (type)(exclusive ? before : after);                                             \
                result[l].member = after;                                                                              \
            }                                                                                                          \
        }                                                                                                              \
    }

#define REAL_LOOPS(constant, name, type) LOOPS(name, type, double, real, REAL, -INFINITY, INFINITY)
#define SIGNED_LOOPS(name, type) LOOPS(name, type, int64_t, whole, WHOLE, INT64_MIN, INT64_MAX)
#define UNSIGNED_LOOPS(name, type) LOOPS(name, type, uint64_t, natural, WHOLE, 0, UINT64_MAX)
STOA_REAL_DTYPES(REAL_LOOPS)
SIGNED_LOOPS(int64, int64_t)
SIGNED_LOOPS(int32, int32_t)
SIGNED_LOOPS(int16, int16_t)
SIGNED_LOOPS(int8, int8_t)
UNSIGNED_LOOPS(uint64, uint64_t)
UNSIGNED_LOOPS(uint32, uint32_t)
UNSIGNED_LOOPS(uint16, uint16_t)
UNSIGNED_LOOPS(uint8, uint8_t)

#define LOOPS_OF(constant, name, type)                                                                                 \
    [constant] = {name##_fold, name##_dot, name##_neutral, name##_divide, name##_store, name##_scan},

const struct reduce_loops *stoa_reduce_loops(enum stoa_dtype dtype)
{
    static const struct reduce_loops loops[STOA_DTYPE_LIMIT] = {STOA_REAL_DTYPES(LOOPS_OF) STOA_WHOLE_DTYPES(LOOPS_OF)};
    return loops[dtype].fold ? &loops[dtype] : NULL;
}
