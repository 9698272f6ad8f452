/* log x in plain arithmetic, so that loops over it vectorise. With x = 2^n * m, sqrt(1/2) <= m < sqrt(2), and f = m - 1
 * (exact), log x = n*log 2 + f - f^2/2 + f^3*p(f), p a polynomial of degree 8 that approximates what is left of
 * log(1 + f) (least squares at Chebyshev nodes, weighted until the largest errors were even; its error is below 2^-30
 * of the whole). The same to the last bit whatever the vector width. */
#ifndef STOA_KERNELS_LOG_H
#define STOA_KERNELS_LOG_H

#include <float.h>
#include <math.h>

#include "kernels/exp.h"

static STOA_INLINE float logarithm(float x)
{
    const uint32_t root = 0x3f3504f3; /* sqrt(1/2) */
    bool subnormal = x < FLT_MIN;
    uint32_t bits = to_bits(subnormal ? x * 0x1p24f : x) - root;
    float n = (float)((int32_t)bits >> 23) - (subnormal ? 24.0f : 0.0f);
    float f = from_bits((bits & 0x7fffff) + root) - 1.0f, z = f * f;
    float p = 0x1.147610p-4f;
    p = p * f - 0x1.de02bep-4f;
    p = p * f + 0x1.e6bf3ap-4f;
    p = p * f - 0x1.fc2886p-4f;
    p = p * f + 0x1.233ba8p-3f;
    p = p * f - 0x1.555c46p-3f;
    p = p * f + 0x1.99a476p-3f;
    p = p * f - 0x1.000006p-2f;
    p = p * f + 0x1.555548p-2f;
    /* log 2 in two parts, of which n times the first is exact. */
    float small = f * z * p + n * 0x1.7f7d1cp-20f;
    float y = (f + (small - 0.5f * z)) + n * 0x1.62e4p-1f;
    y = x > FLT_MAX ? x : y;
    y = x == 0.0f ? -INFINITY : y;
    return x >= 0.0f ? y : NAN;
}

#endif
