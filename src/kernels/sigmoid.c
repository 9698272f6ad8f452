/* Each element the same way wherever it stands: what compilers make of a sum and a product, one rounding or two, does
 * not depend on the vector. No branches, so that they vectorise the loops. */
#include "kernels/sigmoid.h"

#include <math.h>

#include "kernels/exp.h"
#include "kernels/isa.h"

static STOA_INLINE float hyperbolic_tangent(float least, float x)
{
    float m = exponential_less_one_from(least, -2.0f * fabsf(x));
    return copysignf(m / (2.0f + m), x);
}

/* erf x = 1 - e^-q(a), a = |x|, q(a) = -log(erfc a) = a + a*r(a) with r a polynomial of degree 8 (as in kernels/log.h;
 * erf is off by at most 2^-27.8 of itself because of it). So small x need no case of their own, and towards 1 errors of
 * q weigh ever less. Beyond 4 it is 1. */
static STOA_INLINE float error_function(float least, float x)
{
    float a = fabsf(x);
    a = a > 4.0f ? 4.0f : a;
    float a2 = a * a; /* pairs of terms, so that they need not wait for each other */
    float high = 0x1.b745fcp-10f - 0x1.4e2b92p-11f * a + (0x1.f290e6p-14f - 0x1.3b0996p-17f * a) * a2;
    float low = 0x1.a4f8c4p-4f - 0x1.39b7c8p-6f * a - 0x1.637f3ep-13f * a2;
    float r = 0x1.06eba8p-3f + 0x1.45f300p-1f * a + (low + high * a2 * a) * a2;
    return copysignf(exponential_less_one_from(least, -(a + a * r)), x);
}

/* The compiler does not know *value from here on. */
static STOA_INLINE void hide(float *value)
{
    __asm__("" : "+m"(*value));
}

/* `low` and `high`: see exp.h; `minus` is -alpha. */
#define FUNCTION(name, low, high, expression)                                                                          \
    STOA_RARE static void each_##name(size_t count, float minus, const float *x, float *y)                             \
    {                                                                                                                  \
        float least = low, most = high;                                                                                \
        hide(&least);                                                                                                  \
        hide(&most);                                                                                                   \
        (void)minus;                                                                                                   \
        STOA_INDEPENDENT                                                                                               \
        for (size_t i = 0; i < count; i++) {                                                                           \
            float v = x[i];                                                                                            \
            y[i] = expression;                                                                                         \
        }                                                                                                              \
    }

FUNCTION(exp, EXP_LEAST, 0, exponential(v))
FUNCTION(sigmoid, LOGISTIC_LEAST, LOGISTIC_MOST, logistic_of_negative(least, most, -v))
FUNCTION(silu, LOGISTIC_LEAST, LOGISTIC_MOST, v *logistic_of_negative(least, most, minus *v))
FUNCTION(tanh, EXP_LESS_ONE_LEAST, 0, hyperbolic_tangent(least, v))
FUNCTION(erf, EXP_LESS_ONE_LEAST, 0, error_function(least, v))
FUNCTION(gelu, EXP_LESS_ONE_LEAST, 0, 0.5f * v * (1.0f + error_function(least, v * 0x1.6a09e6p-1f)))
/* (1 + tanh u) / 2 is the sigmoid of 2u. */
FUNCTION(gelu_tanh, LOGISTIC_LEAST, LOGISTIC_MOST,
         v *logistic_of_negative(least, most, v * -0x1.988454p0f * (1.0f + 0x1.6e4e26p-5f * v * v)))

STOA_COPY(stoa_sigmoids, (const struct activation *activation, size_t count, const float *x, float *y),
          (activation, count, x, y))
{
    const float minus = -activation->alpha;
    switch (activation->kind) {
    case ACTIVATION_EXP:
        each_exp(count, minus, x, y);
        break;
    case ACTIVATION_SIGMOID:
        each_sigmoid(count, minus, x, y);
        break;
    case ACTIVATION_SILU:
        each_silu(count, minus, x, y);
        break;
    case ACTIVATION_TANH:
        each_tanh(count, minus, x, y);
        break;
    case ACTIVATION_ERF:
        each_erf(count, minus, x, y);
        break;
    case ACTIVATION_GELU:
        each_gelu(count, minus, x, y);
        break;
    case ACTIVATION_GELU_TANH:
        each_gelu_tanh(count, minus, x, y);
        break;
    default:
        break;
    }
}
