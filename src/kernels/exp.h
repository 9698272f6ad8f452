/* e^x in plain arithmetic, so that loops over it vectorise, which libm's does not allow. With n = round(x / log 2) and
 * r = x - n*log 2 (|r| <= 0.35), e^x = 2^n * (1 + p(r)), p(r) = r + r^2*q(r) approximating e^r - 1 with q a polynomial
 * of degree 4 (interpolated at Chebyshev nodes; its error times r^2 is below 2^-26). The same to the last bit whatever
 * the vector width. */
#ifndef STOA_KERNELS_EXP_H
#define STOA_KERNELS_EXP_H

#include <stdint.h>
#include <string.h>

#include "base/vector.h"

static STOA_INLINE float from_bits(uint32_t bits)
{
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static STOA_INLINE uint32_t to_bits(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* Returns p and sets the scale 2^n as a product of two, since n itself may be out of a float's exponent range. Beyond
 * [-104, 89] e^x is 0 or infinity in float, and the ends of the range give just that. NaN stays NaN in p. */
static STOA_INLINE float exp_parts(float x, float *scale_a, float *scale_b)
{
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    const float rounder = 0x1.8p23f; /* adding it leaves the nearest whole number in the low bits */
    float shifted = x * 0x1.715476p0f + rounder;
    float n = shifted - rounder;
    /* log 2 in two parts, of which n times the first is exact. */
    float r = x - n * 0x1.62e4p-1f;
    r = r - n * 0x1.7f7d1cp-20f;
    float q = 0x1.6d43b4p-10f;
    q = q * r + 0x1.120be8p-7f;
    q = q * r + 0x1.5554e8p-5f;
    q = q * r + 0x1.5554dcp-3f;
    q = q * r + 0x1.0p-1f;
    int32_t whole = (int32_t)(to_bits(shifted) - to_bits(rounder));
    int32_t half = whole >> 1;
    *scale_a = from_bits((uint32_t)(half + 127) << 23);
    *scale_b = from_bits((uint32_t)(whole - half + 127) << 23);
    return r + r * r * q;
}

/* (1 + p) * 2^n: the first product is exact, so that only the last one rounds where the result is subnormal. */
static STOA_INLINE float exponential(float x)
{
    float scale_a, scale_b, p = exp_parts(x, &scale_a, &scale_b);
    return (1.0f + p) * scale_a * scale_b;
}

/* e^x - 1 = 2^n * p + (2^n - 1) for x <= 0. */
static STOA_INLINE float exponential_less_one(float x)
{
    float scale_a, scale_b, p = exp_parts(x, &scale_a, &scale_b);
    float scale = scale_a * scale_b;
    return scale * p + (scale - 1.0f);
}

#endif
