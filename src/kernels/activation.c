/* Functions of one float. e^x is our own (kernels/exp.h), in parts that give e^x - 1 without cancellation, on which
 * tanh and the ELUs rest. No branches, so that compilers vectorise the loops. */
#include "kernels/activation.h"

#include <math.h>

#include "base/vector.h"
#include "kernels/exp.h"

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
