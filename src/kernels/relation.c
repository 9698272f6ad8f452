/* Comparisons, logic, choices. The plain loops do: compilers make a case of their own of operands in line. */
#include "kernels/relation.h"

#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tensor.h"
#include "base/vector.h"

#define LOOP(clones, name, type, expression)                                                                           \
    clones static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)            \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        uint8_t *y = (uint8_t *)data[0];                                                                               \
        const type *p = (const type *)data[1], *q = (const type *)data[2];                                             \
        ptrdiff_t sy = strides[0], sp = strides[1], sq = strides[2], n = (ptrdiff_t)count;                             \
        STOA_INDEPENDENT                                                                                               \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                            \
            type a = p[i * sp], b = q[i * sq];                                                                         \
            y[i * sy] = expression;                                                                                    \
        }                                                                                                              \
    }

#define COMPARISONS(clones, name, type)                                                                                \
    LOOP(clones, name##_equal, type, a == b)                                                                           \
    LOOP(clones, name##_less, type, a < b)                                                                             \
    LOOP(clones, name##_less_or_equal, type, a <= b)

#define WHOLE_COMPARISONS(constant, name, type) COMPARISONS(, name, type)
COMPARISONS(STOA_FEW_CLONES, float, float)
COMPARISONS(, double, double)
STOA_WHOLE_DTYPES(WHOLE_COMPARISONS)
LOOP(, truth_equal, uint8_t, !a == !b)
LOOP(, truth_and, uint8_t, a &&b)
LOOP(, truth_or, uint8_t, a || b)
LOOP(, truth_xor, uint8_t, !a != !b)

nd_loop stoa_relation_loop(enum relation relation, enum stoa_dtype dtype)
{
#define LOOPS(constant, name, type) [constant] = {name##_equal, name##_less, name##_less_or_equal},
    static const nd_loop loops[STOA_DTYPE_LIMIT][RELATION_COUNT] = {
        STOA_REAL_DTYPES(LOOPS)
            STOA_WHOLE_DTYPES(LOOPS)[STOA_BOOL] = {truth_equal, NULL, NULL, truth_and, truth_or, truth_xor},
    };
    return loops[dtype][relation];
}

#define CLASS(name, type)                                                                                              \
    static void name##_class(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)           \
    {                                                                                                                  \
        const struct number_class *wanted = context;                                                                   \
        uint8_t *y = (uint8_t *)data[0];                                                                               \
        const type *x = (const type *)data[1];                                                                         \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            type v = x[i * strides[1]];                                                                                \
            y[i * strides[0]] = isnan(v)   ? wanted->nan                                                               \
                                : isinf(v) ? (v > 0 ? wanted->positive_infinity : wanted->negative_infinity)           \
                                           : false;                                                                    \
        }                                                                                                              \
    }
CLASS(float, float)
CLASS(double, double)

nd_loop stoa_class_loop(enum stoa_dtype dtype)
{
    return dtype == STOA_FLOAT ? float_class : dtype == STOA_DOUBLE ? double_class : NULL;
}

/* Elements by size alone, whatever their type is. */
typedef uint8_t __attribute__((may_alias)) unit1;
typedef uint16_t __attribute__((may_alias)) unit2;
typedef uint32_t __attribute__((may_alias)) unit4;
typedef uint64_t __attribute__((may_alias)) unit8;

#define CHOICE(unit)                                                                                                   \
    static void choose_##unit(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)          \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        unit *y = (unit *)data[0];                                                                                     \
        const uint8_t *c = (const uint8_t *)data[1];                                                                   \
        const unit *p = (const unit *)data[2], *q = (const unit *)data[3];                                             \
        ptrdiff_t sy = strides[0], sc = strides[1], sp = strides[2], sq = strides[3], n = (ptrdiff_t)count;            \
        STOA_INDEPENDENT                                                                                               \
        for (ptrdiff_t i = 0; i < n; i++) {                                                                            \
            unit a = p[i * sp], b = q[i * sq];                                                                         \
            y[i * sy] = c[i * sc] ? a : b;                                                                             \
        }                                                                                                              \
    }
CHOICE(unit1)
CHOICE(unit2)
CHOICE(unit4)
CHOICE(unit8)

nd_loop stoa_choice_loop(size_t size)
{
    return size == 1 ? choose_unit1 : size == 2 ? choose_unit2 : size == 4 ? choose_unit4 : choose_unit8;
}
