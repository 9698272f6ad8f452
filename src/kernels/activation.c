/* Functions of one float. e^x is our own (kernels/exp.h), in parts that give e^x - 1 without cancellation, on which
 * tanh and the ELUs rest. No branches, so that compilers vectorise the loops. */
#include "kernels/activation.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/exp.h"

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
    STOA_CLONES static void each_##name(size_t count, float alpha, float beta, const float *x, float *y)               \
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
FUNCTION(silu, v *sigmoid(v))
FUNCTION(tanh, hyperbolic_tangent(v))
FUNCTION(softplus, softplus(v))
FUNCTION(elu, elu(v, alpha))
FUNCTION(selu, beta *elu(v, alpha))

void stoa_activate(const struct activation *activation, size_t count, const float *x, float *y)
{
    float alpha = activation->alpha, beta = activation->beta;
    switch (activation->kind) {
    case ACTIVATION_NONE:
        if (x != y && count)
            memmove(y, x, count * sizeof *y);
        return;
    case ACTIVATION_RELU:
        each_relu(count, alpha, beta, x, y);
        return;
    case ACTIVATION_CLIP:
        each_clip(count, alpha, beta, x, y);
        return;
    case ACTIVATION_LEAKY_RELU:
        each_leaky_relu(count, alpha, beta, x, y);
        return;
    case ACTIVATION_HARD_SIGMOID:
        each_hard_sigmoid(count, alpha, beta, x, y);
        return;
    case ACTIVATION_HARD_SWISH:
        each_hard_swish(count, alpha, beta, x, y);
        return;
    case ACTIVATION_SQRT:
        each_sqrt(count, alpha, beta, x, y);
        return;
    case ACTIVATION_EXP:
        each_exp(count, alpha, beta, x, y);
        return;
    case ACTIVATION_SIGMOID:
        each_sigmoid(count, alpha, beta, x, y);
        return;
    case ACTIVATION_SILU:
        each_silu(count, alpha, beta, x, y);
        return;
    case ACTIVATION_TANH:
        each_tanh(count, alpha, beta, x, y);
        return;
    case ACTIVATION_SOFTPLUS:
        each_softplus(count, alpha, beta, x, y);
        return;
    case ACTIVATION_ELU:
        each_elu(count, alpha, beta, x, y);
        return;
    case ACTIVATION_SELU:
        each_selu(count, alpha, beta, x, y);
        return;
    }
}

/* Arrays with gaps pass through a buffer. */
void stoa_activation_loop(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const struct activation *activation = context;
    float *y = (float *)data[0], buffer[256];
    const float *x = (const float *)data[1];
    if (strides[0] == 1 && strides[1] == 1) {
        stoa_activate(activation, count, x, y);
        return;
    }
    const size_t capacity = sizeof buffer / sizeof *buffer;
    for (size_t done = 0; done < count; done += capacity) {
        ptrdiff_t first = (ptrdiff_t)done, part = (ptrdiff_t)stoa_size_min(capacity, count - done);
        for (ptrdiff_t i = 0; i < part; i++)
            buffer[i] = x[(first + i) * strides[1]];
        stoa_activate(activation, (size_t)part, buffer, buffer);
        for (ptrdiff_t i = 0; i < part; i++)
            y[(first + i) * strides[0]] = buffer[i];
    }
}
