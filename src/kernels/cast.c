/* Conversions between element types, and powers, whose base and exponent may be of different types. */
#include <math.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/tensor.h"
#include "base/vector.h"
#include "kernels/arithmetic.h"

/* A double that is a whole number or NaN, kept within the range of a type of integers. */
#define NEAREST(constant, name, type)                                                                                  \
    static STOA_INLINE type name##_from_real(double x)                                                                 \
    {                                                                                                                  \
        /* The first power of two above the type's range is exact as a double. */                                      \
        const bool has_sign = (type)-1 < 1;                                                                            \
        const double past = (double)((uint64_t)1 << (8 * sizeof(type) - 1)) * (has_sign ? 1 : 2);                      \
        const type most = (type)(UINT64_MAX >> (64 - 8 * sizeof(type) + has_sign));                                    \
        if (has_sign && x <= -past)                                                                                    \
            return (type)(-(int64_t)most - 1);                                                                         \
        return x != x || (!has_sign && x <= 0) ? 0 : x >= past ? most : (type)x;                                       \
    }
STOA_WHOLE_DTYPES(NEAREST)

#define CAST(from, source, to, target, expression)                                                                     \
    static void from##_to_##to(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)         \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        target *y = (target *)data[0];                                                                                 \
        const source *x = (const source *)data[1];                                                                     \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            source v = x[i * strides[1]];                                                                              \
            y[i * strides[0]] = expression;                                                                            \
        }                                                                                                              \
    }

#define CASTS_FROM_REAL(constant, from, source)                                                                        \
    CAST(from, source, float, float, (float)v)                                                                         \
    CAST(from, source, double, double, (double)v)                                                                      \
    CAST(from, source, int64, int64_t, int64_from_real((double)v))                                                     \
    CAST(from, source, int32, int32_t, int32_from_real((double)v))                                                     \
    CAST(from, source, int16, int16_t, int16_from_real((double)v))                                                     \
    CAST(from, source, int8, int8_t, int8_from_real((double)v))                                                        \
    CAST(from, source, uint64, uint64_t, uint64_from_real((double)v))                                                  \
    CAST(from, source, uint32, uint32_t, uint32_from_real((double)v))                                                  \
    CAST(from, source, uint16, uint16_t, uint16_from_real((double)v))                                                  \
    CAST(from, source, uint8, uint8_t, uint8_from_real((double)v))                                                     \
    CAST(from, source, truth, uint8_t, v != 0)

#define CASTS_FROM_INTEGER(from, source, value)                                                                        \
    CAST(from, source, float, float, (float)(value))                                                                   \
    CAST(from, source, double, double, (double)(value))                                                                \
    CAST(from, source, int64, int64_t, (int64_t)(value))                                                               \
    CAST(from, source, int32, int32_t, (int32_t)(value))                                                               \
    CAST(from, source, int16, int16_t, (int16_t)(value))                                                               \
    CAST(from, source, int8, int8_t, (int8_t)(value))                                                                  \
    CAST(from, source, uint64, uint64_t, (uint64_t)(value))                                                            \
    CAST(from, source, uint32, uint32_t, (uint32_t)(value))                                                            \
    CAST(from, source, uint16, uint16_t, (uint16_t)(value))                                                            \
    CAST(from, source, uint8, uint8_t, (uint8_t)(value))                                                               \
    CAST(from, source, truth, uint8_t, (value) != 0)
#define CASTS_FROM_WHOLE(constant, from, source) CASTS_FROM_INTEGER(from, source, v)

STOA_REAL_DTYPES(CASTS_FROM_REAL)
STOA_WHOLE_DTYPES(CASTS_FROM_WHOLE)
CASTS_FROM_INTEGER(truth, uint8_t, v != 0)

#define CASTS(constant, from, type)                                                                                    \
    [constant] = {                                                                                                     \
        [STOA_FLOAT] = from##_to_float,   [STOA_DOUBLE] = from##_to_double, [STOA_INT64] = from##_to_int64,            \
        [STOA_INT32] = from##_to_int32,   [STOA_INT16] = from##_to_int16,   [STOA_INT8] = from##_to_int8,              \
        [STOA_UINT64] = from##_to_uint64, [STOA_UINT32] = from##_to_uint32, [STOA_UINT16] = from##_to_uint16,          \
        [STOA_UINT8] = from##_to_uint8,   [STOA_BOOL] = from##_to_truth,                                               \
    },

nd_loop stoa_cast_loop(enum stoa_dtype from, enum stoa_dtype to)
{
    static const nd_loop loops[STOA_DTYPE_LIMIT][STOA_DTYPE_LIMIT] = {STOA_REAL_DTYPES(CASTS) STOA_WHOLE_DTYPES(CASTS)
                                                                          CASTS(STOA_BOOL, truth, uint8_t)};
    return loops[from][to];
}

static uint64_t positive_power(int64_t base, uint64_t exponent)
{
    uint64_t result = 1, square = (uint64_t)base;
    for (; exponent; exponent >>= 1, square *= square)
        if (exponent & 1)
            result *= square;
    return result;
}

static uint64_t whole_power(int64_t base, int64_t exponent)
{
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent & 1 ? UINT64_MAX : 1) : 0;
    return positive_power(base, (uint64_t)exponent);
}

#define POWER(base, type, exponent, exponent_type, expression)                                                         \
    static void base##_to_the_##exponent(const void *context, size_t count, char *const *data,                         \
                                         const ptrdiff_t *strides)                                                     \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        type *y = (type *)data[0];                                                                                     \
        const type *p = (const type *)data[1];                                                                         \
        const exponent_type *q = (const exponent_type *)data[2];                                                       \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            type a = p[i * strides[1]];                                                                                \
            exponent_type b = q[i * strides[2]];                                                                       \
            y[i * strides[0]] = expression;                                                                            \
        }                                                                                                              \
    }

#define POWERS_OF_REAL(base, type)                                                                                     \
    POWER(base, type, double, double, (type)pow((double)a, b))                                                         \
    POWER(base, type, int64, int64_t, (type)pow((double)a, (double)b))                                                 \
    POWER(base, type, int32, int32_t, (type)pow((double)a, (double)b))                                                 \
    POWER(base, type, int16, int16_t, (type)pow((double)a, (double)b))                                                 \
    POWER(base, type, int8, int8_t, (type)pow((double)a, (double)b))                                                   \
    POWER(base, type, uint64, uint64_t, (type)pow((double)a, (double)b))                                               \
    POWER(base, type, uint32, uint32_t, (type)pow((double)a, (double)b))                                               \
    POWER(base, type, uint16, uint16_t, (type)pow((double)a, (double)b))                                               \
    POWER(base, type, uint8, uint8_t, (type)pow((double)a, (double)b))

#define POWERS_OF_WHOLE(base, type)                                                                                    \
    POWER(base, type, float, float, base##_from_real(pow((double)a, (double)b)))                                       \
    POWER(base, type, double, double, base##_from_real(pow((double)a, (double)b)))                                     \
    POWER(base, type, int64, int64_t, (type)whole_power(a, b))                                                         \
    POWER(base, type, int32, int32_t, (type)whole_power(a, b))                                                         \
    POWER(base, type, int16, int16_t, (type)whole_power(a, b))                                                         \
    POWER(base, type, int8, int8_t, (type)whole_power(a, b))                                                           \
    POWER(base, type, uint64, uint64_t, (type)positive_power(a, b))                                                    \
    POWER(base, type, uint32, uint32_t, (type)whole_power(a, b))                                                       \
    POWER(base, type, uint16, uint16_t, (type)whole_power(a, b))                                                       \
    POWER(base, type, uint8, uint8_t, (type)whole_power(a, b))

/* Squares are what networks ask of Pow most. */
POWER(float, float, float, float, b == 2.0f ? a * a : powf(a, b))
POWER(double, double, float, float, pow(a, (double)b))
POWERS_OF_REAL(float, float)
POWERS_OF_REAL(double, double)
POWERS_OF_WHOLE(int64, int64_t)
POWERS_OF_WHOLE(int32, int32_t)

#define POWERS(base)                                                                                                   \
    {                                                                                                                  \
        [STOA_FLOAT] = base##_to_the_float, [STOA_DOUBLE] = base##_to_the_double, [STOA_INT64] = base##_to_the_int64,  \
        [STOA_INT32] = base##_to_the_int32, [STOA_INT16] = base##_to_the_int16, [STOA_INT8] = base##_to_the_int8,      \
        [STOA_UINT64] = base##_to_the_uint64, [STOA_UINT32] = base##_to_the_uint32,                                    \
        [STOA_UINT16] = base##_to_the_uint16, [STOA_UINT8] = base##_to_the_uint8,                                      \
    }

nd_loop stoa_power_loop(enum stoa_dtype base, enum stoa_dtype exponent)
{
    static const nd_loop loops[STOA_DTYPE_LIMIT][STOA_DTYPE_LIMIT] = {
        [STOA_FLOAT] = POWERS(float),
        [STOA_DOUBLE] = POWERS(double),
        [STOA_INT64] = POWERS(int64),
        [STOA_INT32] = POWERS(int32),
    };
    return loops[base][exponent];
}
