/* The 16-bit floats that files hold: float16 (IEEE 754 binary16) and bfloat16 (the upper half of a float). The engine
 * computes in float: they are widened as they are read, which is exact. */
#ifndef STOA_BASE_HALF_H
#define STOA_BASE_HALF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* With ONNX's numbers (TensorProto.DataType). */
enum half { HALF_NONE = 0, HALF_FLOAT16 = 10, HALF_BFLOAT16 = 16 };

static inline enum half stoa_half_of(int32_t data_type)
{
    return data_type == HALF_FLOAT16 || data_type == HALF_BFLOAT16 ? (enum half)data_type : HALF_NONE;
}

static inline float stoa_half_widen(enum half half, uint16_t bits)
{
    uint32_t wide = (uint32_t)bits << 16;
    if (half == HALF_FLOAT16) {
        uint32_t sign = wide & 0x80000000u, exponent = bits >> 10 & 31, fraction = bits & 1023;
        if (exponent == 0) { /* below the normal range: a float has room for them */
            float value = (float)fraction * 0x1p-24f;
            return sign ? -value : value;
        }
        wide = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    }
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

/* to[count] <- little-endian 16-bit floats at any address */
static inline void stoa_half_widen_all(enum half half, const uint8_t *bytes, size_t count, float *to)
{
    for (size_t i = 0; i < count; i++)
        to[i] = stoa_half_widen(half, (uint16_t)(bytes[2 * i] | bytes[2 * i + 1] << 8));
}

#endif
