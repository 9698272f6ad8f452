/* Conversions between element types, and powers, whose base and exponent may be of different types. */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

#include "base/vector.h"
#include "kernels/arithmetic.h"

/* A double that is a whole number or NaN, kept within the range of a type of integers. */
#define NEAREST(type, least, past)                                                                                     \
    static STOA_INLINE type type##_from_real(double x)                                                                 \
    {                                                                                                                  \
        /* `past` is the first power of two above the type's range, and so exact as a double. */                       \
        if (!(x > (double)(least)))                                                                                    \
            return x != x ? 0 : (least);                                                                               \
        return x >= (past) ? (type) ~(uint64_t)(least) : (type)x;                                                      \
    }
NEAREST(int64_t, INT64_MIN, 0x1p63)
NEAREST(int32_t, INT32_MIN, 0x1p31)
NEAREST(int8_t, INT8_MIN, 0x1p7)
NEAREST(uint8_t, 0, 0x1p8)

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

#define CASTS_FROM_REAL(from, source)                                                                                  \
    CAST(from, source, float, float, (float)v)                                                                         \
    CAST(from, source, double, double, (double)v)                                                                      \
    CAST(from, source, int64, int64_t, int64_t_from_real((double)v))                                                   \
    CAST(from, source, int32, int32_t, int32_t_from_real((double)v))                                                   \
    CAST(from, source, int8, int8_t, int8_t_from_real((double)v))                                                      \
    CAST(from, source, uint8, uint8_t, uint8_t_from_real((double)v))                                                   \
    CAST(from, source, bool, uint8_t, v != 0)

#define CASTS_FROM_WHOLE(from, source, value)                                                                          \
    CAST(from, source, float, float, (float)(value))                                                                   \
    CAST(from, source, double, double, (double)(value))                                                                \
    CAST(from, source, int64, int64_t, (int64_t)(value))                                                               \
    CAST(from, source, int32, int32_t, (int32_t)(value))                                                               \
    CAST(from, source, int8, int8_t, (int8_t)(value))                                                                  \
    CAST(from, source, uint8, uint8_t, (uint8_t)(value))                                                               \
    CAST(from, source, bool, uint8_t, (value) != 0)

CASTS_FROM_REAL(float, float)
CASTS_FROM_REAL(double, double)
CASTS_FROM_WHOLE(int64, int64_t, v)
CASTS_FROM_WHOLE(int32, int32_t, v)
CASTS_FROM_WHOLE(int8, int8_t, v)
CASTS_FROM_WHOLE(uint8, uint8_t, v)
CASTS_FROM_WHOLE(truth, uint8_t, v != 0)

#define CASTS(from)                                                                                                    \
    {                                                                                                                  \
        [STOA_FLOAT] = from##_to_float, [STOA_DOUBLE] = from##_to_double, [STOA_INT64] = from##_to_int64,              \
        [STOA_INT32] = from##_to_int32, [STOA_INT8] = from##_to_int8, [STOA_UINT8] = from##_to_uint8,                  \
        [STOA_BOOL] = from##_to_bool,                                                                                  \
    }

nd_loop stoa_cast_loop(enum stoa_dtype from, enum stoa_dtype to)
{
    static const nd_loop loops[STOA_DOUBLE + 1][STOA_DOUBLE + 1] = {
        [STOA_FLOAT] = CASTS(float), [STOA_DOUBLE] = CASTS(double), [STOA_INT64] = CASTS(int64),
        [STOA_INT32] = CASTS(int32), [STOA_INT8] = CASTS(int8),     [STOA_UINT8] = CASTS(uint8),
        [STOA_BOOL] = CASTS(truth),
    };
    return loops[from][to];
}

static int64_t whole_power(int64_t base, int64_t exponent)
{
    if (exponent < 0)
        return base == 1 ? 1 : base == -1 ? (exponent & 1 ? -1 : 1) : 0;
    uint64_t result = 1, square = (uint64_t)base;
    for (; exponent; exponent >>= 1, square *= square)
        if (exponent & 1)
            result *= square;
    return (int64_t)result;
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
    POWER(base, type, int32, int32_t, (type)pow((double)a, (double)b))

#define POWERS_OF_WHOLE(base, type)                                                                                    \
    POWER(base, type, float, float, type##_from_real(pow((double)a, (double)b)))                                       \
    POWER(base, type, double, double, type##_from_real(pow((double)a, b)))                                             \
    POWER(base, type, int64, int64_t, (type)whole_power(a, b))                                                         \
    POWER(base, type, int32, int32_t, (type)whole_power(a, b))

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
        [STOA_INT32] = base##_to_the_int32,                                                                            \
    }

nd_loop stoa_power_loop(enum stoa_dtype base, enum stoa_dtype exponent)
{
    static const nd_loop loops[STOA_DOUBLE + 1][STOA_DOUBLE + 1] = {
        [STOA_FLOAT] = POWERS(float),
        [STOA_DOUBLE] = POWERS(double),
        [STOA_INT64] = POWERS(int64),
        [STOA_INT32] = POWERS(int32),
    };
    return loops[base][exponent];
}
