/* Functions of one float. e^x and log x are our own (kernels/exp.h, kernels/log.h). No branches, so that compilers
 * vectorise the loops. */
#include "kernels/activation.h"

#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/exp.h"
#include "kernels/log.h"
#include "kernels/sigmoid.h"

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

#define FUNCTION_OF(CLONES, name, expression)                                                                          \
    CLONES static void each_##name(size_t count, float alpha, float beta, const float *x, float *y)                    \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        STOA_INDEPENDENT                                                                                               \
        for (size_t i = 0; i < count; i++) {                                                                           \
            float v = x[i];                                                                                            \
            y[i] = expression;                                                                                         \
        }                                                                                                              \
    }
#define FUNCTION(name, expression) FUNCTION_OF(STOA_CLONES, name, expression)
#define RARE(name, expression) FUNCTION_OF(STOA_FEW_CLONES, name, expression)

float stoa_squash(const struct squash *f, float x)
{
    if (f->swishes)
        return x * stoa_bound(f->slope * x + f->offset, 0.0f, 1.0f);
    return f->given ? stoa_bound(x, f->least, f->most) : x;
}

static STOA_INLINE float softplus(float x)
{
    return (x < 0.0f ? 0.0f : x) + log_one_more(exponential_below(-fabsf(x)));
}

static STOA_INLINE float elu(float x, float alpha)
{
    float m = alpha * exponential_less_one(x < 0.0f ? x : 0.0f);
    return x < 0.0f ? m : x;
}

/* tanh(log(1 + e^x)) = ((1 + e^x)^2 - 1) / ((1 + e^x)^2 + 1), through e^-|x|, which cannot overflow. */
static STOA_INLINE float mish_gate(float x)
{
    float e = exponential_below(-fabsf(x));
    float above = x < 0.0f ? e * (e + 2.0f) : 1.0f + 2.0f * e;
    return above / (above + (x < 0.0f ? 2.0f : 2.0f * e * e));
}

FUNCTION(relu, v < 0.0f ? 0.0f : v)
FUNCTION(clip, stoa_bound(v, alpha, beta))
FUNCTION(leaky_relu, v < 0.0f ? alpha * v : v)
FUNCTION(sqrt, sqrtf(v))
FUNCTION(hard_sigmoid, stoa_bound(alpha *v + beta, 0.0f, 1.0f))
FUNCTION(hard_swish, v *stoa_bound(alpha *v + beta, 0.0f, 1.0f))
RARE(softplus, softplus(v))
RARE(elu, elu(v, alpha))
RARE(selu, beta *elu(v, alpha))
RARE(celu, v < 0.0f ? alpha * exponential_less_one((v < 0.0f ? v : 0.0f) / alpha) : v)
RARE(mish, v *mish_gate(v))
RARE(log, logarithm(v))
RARE(abs, fabsf(v))
RARE(neg, -v)
RARE(floor, floorf(v))
RARE(ceil, ceilf(v))
RARE(round, rintf(v))
RARE(sign, v > 0.0f ? 1.0f : v < 0.0f ? -1.0f : v)
RARE(reciprocal, 1.0f / v)
/* From 2^25 on, 1 + |x| is |x|: so infinity is no exception. */
RARE(softsign, fabsf(v) >= 0x1p25f ? copysignf(1.0f, v) : v / (1.0f + fabsf(v)))
RARE(thresholded_relu, v <= alpha ? 0.0f : v)
RARE(shrink, v<-alpha ? v + beta : v> alpha ? v - beta : v != v ? v : 0.0f)

/* Those that have no loop here go through double, one by one. */
void stoa_activate(const struct activation *activation, size_t count, const float *x, float *y)
{
    typedef void (*each)(size_t count, float alpha, float beta, const float *x, float *y);
    static const each loops[ACTIVATION_COUNT] = {
        [ACTIVATION_RELU] = each_relu,
        [ACTIVATION_CLIP] = each_clip,
        [ACTIVATION_LEAKY_RELU] = each_leaky_relu,
        [ACTIVATION_HARD_SIGMOID] = each_hard_sigmoid,
        [ACTIVATION_HARD_SWISH] = each_hard_swish,
        [ACTIVATION_SQRT] = each_sqrt,
        [ACTIVATION_SOFTPLUS] = each_softplus,
        [ACTIVATION_ELU] = each_elu,
        [ACTIVATION_SELU] = each_selu,
        [ACTIVATION_CELU] = each_celu,
        [ACTIVATION_MISH] = each_mish,
        [ACTIVATION_LOG] = each_log,
        [ACTIVATION_ABS] = each_abs,
        [ACTIVATION_NEG] = each_neg,
        [ACTIVATION_FLOOR] = each_floor,
        [ACTIVATION_CEIL] = each_ceil,
        [ACTIVATION_ROUND] = each_round,
        [ACTIVATION_SIGN] = each_sign,
        [ACTIVATION_RECIPROCAL] = each_reciprocal,
        [ACTIVATION_SOFTSIGN] = each_softsign,
        [ACTIVATION_THRESHOLDED_RELU] = each_thresholded_relu,
        [ACTIVATION_SHRINK] = each_shrink,
    };
    if (stoa_rests_on_sigmoid(activation->kind))
        stoa_sigmoids(activation, count, x, y);
    else if (loops[activation->kind])
        loops[activation->kind](count, activation->alpha, activation->beta, x, y);
    else if (activation->kind != ACTIVATION_NONE)
        for (size_t i = 0; i < count; i++)
            y[i] = (float)stoa_activation_double(activation, (double)x[i]);
    else if (x != y && count)
        memmove(y, x, count * sizeof *y);
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
