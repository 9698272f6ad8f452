/* Quantisation. x / scale is one rounding of the exact quotient, as the definition has it: a product with 1 / scale
 * would fall on the other side of a tie now and then. */
#include "kernels/quantize.h"

#include <math.h>
#include <stdint.h>

#include "base/tensor.h"

#define QUANTIZE(from, source, to, target, least, most)                                                                \
    static void from##_to_##to(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)         \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        target *y = (target *)data[0];                                                                                 \
        const source *x = (const source *)data[1];                                                                     \
        const float *scale = (const float *)data[2];                                                                   \
        const target *zero = (const target *)data[3];                                                                  \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            float v = rintf((float)x[i * strides[1]] / scale[i * strides[2]]) + (float)zero[i * strides[3]];           \
            y[i * strides[0]] = (target)(v != v ? 0 : v < (least) ? (least) : v > (most) ? (most) : v);                \
        }                                                                                                              \
    }
QUANTIZE(float, float, uint8, uint8_t, 0, 255)
QUANTIZE(float, float, int8, int8_t, -128, 127)
QUANTIZE(int32, int32_t, uint8, uint8_t, 0, 255)
QUANTIZE(int32, int32_t, int8, int8_t, -128, 127)

nd_loop stoa_quantize_loop(enum stoa_dtype from, enum stoa_dtype to)
{
    static const nd_loop loops[STOA_DTYPE_LIMIT][STOA_DTYPE_LIMIT] = {
        [STOA_FLOAT] = {[STOA_UINT8] = float_to_uint8, [STOA_INT8] = float_to_int8},
        [STOA_INT32] = {[STOA_UINT8] = int32_to_uint8, [STOA_INT8] = int32_to_int8},
    };
    return loops[from][to];
}

#define DEQUANTIZE(from, source)                                                                                       \
    static void from##_to_float(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)        \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        float *y = (float *)data[0];                                                                                   \
        const source *x = (const source *)data[1], *zero = (const source *)data[3];                                    \
        const float *scale = (const float *)data[2];                                                                   \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)                                                               \
            y[i * strides[0]] =                                                                                        \
                (float)((int64_t)x[i * strides[1]] - (int64_t)zero[i * strides[3]]) * scale[i * strides[2]];           \
    }
DEQUANTIZE(uint8, uint8_t)
DEQUANTIZE(int8, int8_t)
DEQUANTIZE(int32, int32_t)

nd_loop stoa_dequantize_loop(enum stoa_dtype from)
{
    static const nd_loop loops[STOA_DTYPE_LIMIT] = {
        [STOA_UINT8] = uint8_to_float, [STOA_INT8] = int8_to_float, [STOA_INT32] = int32_to_float};
    return loops[from];
}

void stoa_range_around_zero(size_t count, const float *x, float *least, float *most)
{
    float low = 0, high = 0;
    for (size_t i = 0; i < count; i++) {
        low = x[i] < low ? x[i] : low;
        high = x[i] > high ? x[i] : high;
    }
    *least = low;
    *most = high;
}
