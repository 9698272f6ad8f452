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

/* p(r) of |r| <= 0.35. Both halves of q at once: the terms one after another would take half as long again. */
static STOA_INLINE float exp_less_one_near(float r)
{
    float r2 = r * r;
    float low = 0x1.0p-1f + 0x1.5554dcp-3f * r;
    float high = 0x1.5554e8p-5f + 0x1.120be8p-7f * r + 0x1.6d43b4p-10f * r2;
    return r + r2 * (low + r2 * high);
}

/* *r, and n + bias as the low bits of *shifted. */
static STOA_INLINE void exp_split(float x, float bias, float *shifted, float *r)
{
    const float rounder = 0x1.8p23f + bias; /* adding it leaves the nearest whole number in the low bits */
    *shifted = x * 0x1.715476p0f + rounder;
    float n = *shifted - rounder;
    /* log 2 in two parts, of which n times the first is exact. */
    *r = x - n * 0x1.62e4p-1f - n * 0x1.7f7d1cp-20f;
}

/* Beyond [-104, 89] e^x is 0 or infinity in float, and the ends of the range give just that. (1 + p) * 2^n, the scale
 * being a product of two, since n itself may be out of a float's exponent range: the first product is exact, so that
 * only the last one rounds where the result is subnormal. */
static STOA_INLINE float exponential(float x)
{
    float shifted, r;
    x = x < -104.0f ? -104.0f : x;
    x = x > 89.0f ? 89.0f : x;
    exp_split(x, 0, &shifted, &r);
    int32_t whole = (int32_t)(to_bits(shifted) - to_bits(0x1.8p23f));
    int32_t half = whole >> 1;
    float scale_a = from_bits((uint32_t)(half + 127) << 23);
    float scale_b = from_bits((uint32_t)(whole - half + 127) << 23);
    return (1.0f + exp_less_one_near(r)) * scale_a * scale_b;
}

/* Below these, e^x is 0 in float, and e^x - 1 is -1. Where GCC 12 knows the number, it follows what becomes of it, with
 * selections all along the way instead of one maximum: hot loops hide it (sigmoid.c), and the other bounds here. */
#define EXP_LEAST (-104.0f)
#define EXP_LESS_ONE_LEAST (-80.0f)

/* The same, of x <= 0 alone, so that n + 64 is within range and the other scale always 2^-64. */
static STOA_INLINE float exponential_from(float least, float x)
{
    float shifted, r;
    x = x < least ? least : x;
    exp_split(x, 127 + 64, &shifted, &r);
    return (1.0f + exp_less_one_near(r)) * from_bits(to_bits(shifted) << 23) * 0x1p-64f;
}

static STOA_INLINE float exponential_below(float x)
{
    return exponential_from(EXP_LEAST, x);
}

/* 1 / (1 + e^x), as 2^-64 / (2^-64 + 2^-64 * e^x): so the scale is within range until the quotient is 0, at MOST. Below
 * LEAST, e^x is lost beside 1. */
#define LOGISTIC_LEAST (-43.0f)
#define LOGISTIC_MOST 104.0f
static STOA_INLINE float logistic_of_negative(float least, float most, float x)
{
    float shifted, r;
    x = x < least ? least : x;
    x = x > most ? most : x;
    exp_split(x, 127 - 64, &shifted, &r);
    return 0x1p-64f / ((1.0f + exp_less_one_near(r)) * from_bits(to_bits(shifted) << 23) + 0x1p-64f);
}

/* e^x - 1 = 2^n * p + (2^n - 1) for x <= 0. */
static STOA_INLINE float exponential_less_one_from(float least, float x)
{
    float shifted, r;
    x = x < least ? least : x;
    exp_split(x, 127, &shifted, &r);
    float scale = from_bits(to_bits(shifted) << 23);
    return scale * exp_less_one_near(r) + (scale - 1.0f);
}

static STOA_INLINE float exponential_less_one(float x)
{
    return exponential_less_one_from(EXP_LESS_ONE_LEAST, x);
}

#endif
