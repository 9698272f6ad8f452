/* Functions of one float. e^x is our own, since libm's works on one number at a time: with n = round(x / log 2) and
 * r = x - n*log 2 (|r| <= 0.35), e^x = 2^n * (1 + p(r)), p(r) = r + r^2*q(r) approximating e^r - 1 with q a polynomial
 * of degree 4 (interpolated at Chebyshev nodes; its error times r^2 is below 2^-26). Keeping p apart from the 1 gives
 * e^x - 1 without cancellation, on which tanh and the ELUs rest. No branches, so that compilers vectorise the loops. */
#include "kernels/activation.h"

#include <math.h>
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

/* log(1 + e) for 0 <= e <= 1, as 2*artanh(t) = 2t + 2t^3*q(t^2) with t = e / (2 + e) <= 1/3. */
static STOA_INLINE float log_one_more(float e)
{
    float t = e / (2.0f + e), z = t * t;
    float q = 0x1.dbef8ep-4f;
    q = q * z + 0x1.bc7bep-4f;
    q = q * z + 0x1.24c9bep-3f;
    q = q * z + 0x1.9998d2p-3f;
    q = q * z + 0x1.555556p-2f;
    return 2.0f * (t + t * z * q);
}

#define FUNCTION(name, expression)                                                                                     \
    STOA_CLONES void stoa_##name(size_t count, float alpha, float beta, const float *x, float *y)                      \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        STOA_INDEPENDENT                                                                                               \
        for (size_t i = 0; i < count; i++) {                                                                           \
            float v = x[i];                                                                                            \
            y[i] = expression;                                                                                         \
        }                                                                                                              \
    }

static STOA_INLINE float bound(float value, float least, float most)
{
    value = value < least ? least : value;
    return value > most ? most : value;
}

static STOA_INLINE float sigmoid(float x)
{
    /* Through e^-|x|, which cannot overflow. */
    float e = exponential(-fabsf(x));
    return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}

static STOA_INLINE float hyperbolic_tangent(float x)
{
    float m = exponential_less_one(-2.0f * fabsf(x));
    return copysignf(m / (2.0f + m), x);
}

static STOA_INLINE float softplus(float x)
{
    return (x < 0.0f ? 0.0f : x) + log_one_more(exponential(-fabsf(x)));
}

static STOA_INLINE float elu(float x, float alpha)
{
    float m = alpha * exponential_less_one(x < 0.0f ? x : 0.0f);
    return x < 0.0f ? m : x;
}

FUNCTION(relu, v < 0.0f ? 0.0f : v)
FUNCTION(clip, bound(v, alpha, beta))
FUNCTION(leaky_relu, v < 0.0f ? alpha * v : v)
FUNCTION(sqrt, sqrtf(v))
FUNCTION(hard_sigmoid, bound(alpha *v + beta, 0.0f, 1.0f))
FUNCTION(hard_swish, v *bound(alpha *v + beta, 0.0f, 1.0f))
FUNCTION(exp, exponential(v))
FUNCTION(sigmoid, sigmoid(v))
FUNCTION(tanh, hyperbolic_tangent(v))
FUNCTION(softplus, softplus(v))
FUNCTION(elu, elu(v, alpha))
FUNCTION(selu, beta *elu(v, alpha))
