/* Derivatives, in the same plain arithmetic as the functions themselves (kernels/activation.c), so that the loops
 * vectorise. */
#include "kernels/gradient.h"

#include <math.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/exp.h"

/* g: the gradient, v: what the forward pass kept; result may be either. */
#define DERIVATIVE(name, expression)                                                                                   \
    STOA_FEW_CLONES static void each_##name(size_t count, float alpha, float beta, const float *p, const float *q,     \
                                            float *result)                                                             \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        STOA_INDEPENDENT                                                                                               \
        for (size_t i = 0; i < count; i++) {                                                                           \
            float g = p[i], v = q[i];                                                                                  \
            result[i] = expression;                                                                                    \
        }                                                                                                              \
    }

/* Of Elu, alpha apart: e^x where x <= 0. */
static STOA_INLINE float tail(float x)
{
    return exponential_below(x > 0.0f ? 0.0f : x);
}

static STOA_INLINE float hard_swish(float x, float alpha, float beta)
{
    float gate = alpha * x + beta, slope = 2.0f * alpha * x + beta;
    return gate < 0.0f ? 0.0f : gate >= 1.0f ? 1.0f : slope;
}

/* Of x*t, t = tanh(log(1 + e^x)): t + x*(1 - t^2)/(1 + e^-x), all of it through e^-|x|. */
static STOA_INLINE float mish(float x)
{
    float e = exponential_below(-fabsf(x));
    float above = x < 0.0f ? e * (e + 2.0f) : 1.0f + 2.0f * e;
    float below = above + (x < 0.0f ? 2.0f : 2.0f * e * e);
    float bend = (x < 0.0f ? e : e * e) * (1.0f + e);
    return above / below + x * (4.0f * bend / (below * below));
}

/* A NaN that was kept is no reason to give 0. */
DERIVATIVE(relu, v <= 0.0f ? 0.0f : g)
DERIVATIVE(clip, v <= alpha || v >= beta ? 0.0f : g)
DERIVATIVE(leaky_relu, v > 0.0f ? g : alpha * g)
DERIVATIVE(hard_sigmoid, v <= 0.0f || v >= 1.0f ? 0.0f : alpha * g)
DERIVATIVE(hard_swish, g *hard_swish(v, alpha, beta))
DERIVATIVE(sqrt, g / (2.0f * v))
DERIVATIVE(exp, g *v)
DERIVATIVE(sigmoid, g *(v *(1.0f - v)))
DERIVATIVE(tanh, g *((1.0f - v) * (1.0f + v)))
DERIVATIVE(softplus, -g *exponential_less_one(-v))
DERIVATIVE(elu, v > 0.0f ? g : g * (alpha * tail(v)))
DERIVATIVE(selu, v > 0.0f ? g * beta : g * (beta * alpha * tail(v)))

DERIVATIVE(celu, v > 0.0f ? g : g * tail(v / alpha))
DERIVATIVE(mish, g *mish(v))
DERIVATIVE(erf, g *(0x1.20dd76p0f * exponential_below(-v * v)))
DERIVATIVE(log, g / v)
DERIVATIVE(abs, v > 0.0f ? g : v < 0.0f ? -g : v)
DERIVATIVE(reciprocal, -g *v *v)
DERIVATIVE(softsign, g / (1.0f + fabsf(v)) / (1.0f + fabsf(v)))
DERIVATIVE(thresholded_relu, v <= alpha ? 0.0f : g)
DERIVATIVE(shrink, v >= -alpha && v <= alpha ? 0.0f : g)

/* Those whose functions go by double, and those of Gelu and SiLU. */
static double slope_in_double(const struct activation *activation, double v)
{
    switch (activation->kind) {
    case ACTIVATION_SILU: {
        double u = (double)activation->alpha * v, gate = 1 / (1 + exp(-u));
        return gate + u * gate / (1 + exp(u));
    }
    case ACTIVATION_GELU:
        return 0.5 * erfc(-v * sqrt(0.5)) + v * exp(-v * v / 2) / sqrt(2 * acos(-1));
    case ACTIVATION_GELU_TANH: {
        double slope = sqrt(2 / acos(-1)), t = tanh(slope * (v + 0.044715 * v * v * v));
        return 0.5 * (1 + t) + 0.5 * v * (1 - t) * (1 + t) * slope * (1 + 3 * 0.044715 * v * v);
    }
    case ACTIVATION_SIN:
        return cos(v);
    case ACTIVATION_COS:
        return -sin(v);
    case ACTIVATION_TAN:
        return 1 + v * v;
    case ACTIVATION_ASIN:
        return 1 / sqrt((1 - v) * (1 + v));
    case ACTIVATION_ACOS:
        return -1 / sqrt((1 - v) * (1 + v));
    case ACTIVATION_ATAN:
        return 1 / (1 + v * v);
    case ACTIVATION_SINH:
        return cosh(v);
    case ACTIVATION_COSH:
        return sinh(v);
    case ACTIVATION_ASINH:
        return 1 / sqrt(v * v + 1);
    case ACTIVATION_ACOSH:
        return 1 / sqrt((v - 1) * (v + 1));
    default: /* Atanh */
        return 1 / ((1 - v) * (1 + v));
    }
}

static void each_in_double(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const struct activation *activation = context;
    float *result = (float *)data[0];
    const float *g = (const float *)data[1], *v = (const float *)data[2];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)
        result[i * strides[0]] =
            (float)((double)g[i * strides[1]] * slope_in_double(activation, (double)v[i * strides[2]]));
}

typedef void (*each)(size_t count, float alpha, float beta, const float *p, const float *q, float *result);
static const each derivatives[ACTIVATION_SIN] = {
    [ACTIVATION_RELU] = each_relu,
    [ACTIVATION_CLIP] = each_clip,
    [ACTIVATION_LEAKY_RELU] = each_leaky_relu,
    [ACTIVATION_HARD_SIGMOID] = each_hard_sigmoid,
    [ACTIVATION_HARD_SWISH] = each_hard_swish,
    [ACTIVATION_SQRT] = each_sqrt,
    [ACTIVATION_EXP] = each_exp,
    [ACTIVATION_SIGMOID] = each_sigmoid,
    [ACTIVATION_TANH] = each_tanh,
    [ACTIVATION_SOFTPLUS] = each_softplus,
    [ACTIVATION_ELU] = each_elu,
    [ACTIVATION_SELU] = each_selu,
    [ACTIVATION_CELU] = each_celu,
    [ACTIVATION_MISH] = each_mish,
    [ACTIVATION_ERF] = each_erf,
    [ACTIVATION_LOG] = each_log,
    [ACTIVATION_ABS] = each_abs,
    [ACTIVATION_RECIPROCAL] = each_reciprocal,
    [ACTIVATION_SOFTSIGN] = each_softsign,
    [ACTIVATION_THRESHOLDED_RELU] = each_thresholded_relu,
    [ACTIVATION_SHRINK] = each_shrink,
};

/* Arrays with gaps pass through buffers. */
static void each_in_float(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const struct activation *activation = context;
    each derivative = derivatives[activation->kind];
    float *result = (float *)data[0], gradient[256], kept[256];
    const float *g = (const float *)data[1], *v = (const float *)data[2];
    if (strides[0] == 1 && strides[1] == 1 && strides[2] == 1) {
        derivative(count, activation->alpha, activation->beta, g, v, result);
        return;
    }
    const size_t capacity = sizeof kept / sizeof *kept;
    for (size_t done = 0; done < count; done += capacity) {
        ptrdiff_t first = (ptrdiff_t)done, part = (ptrdiff_t)stoa_size_min(capacity, count - done);
        for (ptrdiff_t i = 0; i < part; i++) {
            gradient[i] = g[(first + i) * strides[1]];
            kept[i] = v[(first + i) * strides[2]];
        }
        derivative((size_t)part, activation->alpha, activation->beta, gradient, kept, gradient);
        for (ptrdiff_t i = 0; i < part; i++)
            result[(first + i) * strides[0]] = gradient[i];
    }
}

nd_loop stoa_activation_gradient(enum activation_kind kind)
{
    if (kind >= ACTIVATION_SIN || kind == ACTIVATION_GELU || kind == ACTIVATION_GELU_TANH || kind == ACTIVATION_SILU)
        return each_in_double;
    return derivatives[kind] ? each_in_float : NULL;
}

/* One loop of three operands for the strides that matter, once more for any. */
#define TERNARY(clones, name, expression)                                                                              \
    clones static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)            \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        float *result = (float *)data[0];                                                                              \
        const float *p = (const float *)data[1], *q = (const float *)data[2], *r = (const float *)data[3];             \
        ptrdiff_t s0 = strides[0], sp = strides[1], sq = strides[2], sr = strides[3], n = (ptrdiff_t)count;            \
        if (s0 == 1 && sp == 1 && sq == 1 && sr == 1) {                                                                \
            STOA_INDEPENDENT                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                float a = p[i], b = q[i], c = r[i];                                                                    \
                result[i] = expression;                                                                                \
            }                                                                                                          \
        } else if (s0 == 1 && sp == 1 && sq == 0 && sr == 1) {                                                         \
            float b = *q;                                                                                              \
            STOA_INDEPENDENT                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                float a = p[i], c = r[i];                                                                              \
                result[i] = expression;                                                                                \
            }                                                                                                          \
        } else {                                                                                                       \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                float a = p[i * sp], b = q[i * sq], c = r[i * sr];                                                     \
                result[i * s0] = expression;                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

/* The powers go by double, whose range covers what they are multiplied by. */
static float base_gradient(float g, float e, float x)
{
    return e == 0.0f ? 0.0f : (float)((double)g * (double)e * pow((double)x, (double)e - 1));
}

static float exponent_gradient(float g, float x, float e)
{
    return x == 0.0f && e >= 0.0f ? 0.0f : (float)((double)g * pow((double)x, (double)e) * log((double)x));
}

TERNARY(STOA_FEW_CLONES, divisor, -a *((b / c) / c))
TERNARY(, base, base_gradient(a, b, c))
TERNARY(, exponent, exponent_gradient(a, b, c))
TERNARY(STOA_FEW_CLONES, prelu, c > 0.0f ? a : b * a)
TERNARY(STOA_FEW_CLONES, count_extremes, c + (a == b || b != b ? 1.0f : 0.0f))
TERNARY(STOA_FEW_CLONES, extreme, a == b || b != b ? c : 0.0f)

/* Where's: g where the condition holds, or where it does not. */
#define CHOSEN(name, held, dropped)                                                                                    \
    static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)                   \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        float *result = (float *)data[0];                                                                              \
        const float *p = (const float *)data[1];                                                                       \
        const uint8_t *condition = (const uint8_t *)data[2];                                                           \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            float g = p[i * strides[1]];                                                                               \
            result[i * strides[0]] = condition[i * strides[2]] ? (held) : (dropped);                                   \
        }                                                                                                              \
    }
CHOSEN(chosen, g, 0.0f)
CHOSEN(not_chosen, 0.0f, g)

/* Mean's; context is the number of operands, a float. */
STOA_FEW_CLONES static void share(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const float operands = *(const float *)context;
    float *result = (float *)data[0];
    const float *g = (const float *)data[1];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)
        result[i * strides[0]] = g[i * strides[1]] / operands;
}

/* PRelu's slope. */
STOA_FEW_CLONES static void prelu_slope(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    (void)context;
    float *result = (float *)data[0];
    const float *g = (const float *)data[1], *x = (const float *)data[2];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {
        float v = x[i * strides[2]];
        result[i * strides[0]] = v > 0.0f ? 0.0f : g[i * strides[1]] * v;
    }
}

STOA_FEW_CLONES static void minus(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    (void)context;
    float *result = (float *)data[0];
    const float *g = (const float *)data[1];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)
        result[i * strides[0]] = -g[i * strides[1]];
}

nd_loop stoa_arithmetic_gradient(enum arithmetic_gradient kind)
{
    static const nd_loop loops[] = {
        [GRADIENT_MINUS] = minus,
        [GRADIENT_DIVISOR] = divisor,
        [GRADIENT_BASE] = base,
        [GRADIENT_EXPONENT] = exponent,
        [GRADIENT_PRELU] = prelu,
        [GRADIENT_SLOPE] = prelu_slope,
        [GRADIENT_COUNT_EXTREMES] = count_extremes,
        [GRADIENT_EXTREME] = extreme,
        [GRADIENT_CHOSEN] = chosen,
        [GRADIENT_NOT_CHOSEN] = not_chosen,
        [GRADIENT_SHARE] = share,
    };
    return loops[kind];
}

static float log_sum_gradient(float g, float x, float y)
{
    (void)x;
    return (float)((double)g * exp(-(double)y));
}

#define BINARY(name, expression)                                                                                       \
    STOA_FEW_CLONES static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)   \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        float *result = (float *)data[0];                                                                              \
        const float *p = (const float *)data[1], *q = (const float *)data[2];                                          \
        ptrdiff_t s0 = strides[0], sp = strides[1], sq = strides[2], n = (ptrdiff_t)count;                             \
        if (s0 == 1 && sp == 1 && sq == 1) {                                                                           \
            STOA_INDEPENDENT                                                                                           \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                float g = p[i], v = q[i];                                                                              \
                result[i] = expression;                                                                                \
            }                                                                                                          \
        } else {                                                                                                       \
            for (ptrdiff_t i = 0; i < n; i++) {                                                                        \
                float g = p[i * sp], v = q[i * sq];                                                                    \
                result[i * s0] = expression;                                                                           \
            }                                                                                                          \
        }                                                                                                              \
    }

/* Operands: g, x, y, whose strides are 0 where several x share them. */
BINARY(magnitude, v > 0.0f ? g : v < 0.0f ? -g : g * v)
BINARY(square, g *(2.0f * v))
TERNARY(STOA_FEW_CLONES, norm, c == 0.0f ? 0.0f : a * (b / c))
TERNARY(, log_sum, log_sum_gradient(a, b, c))
TERNARY(STOA_FEW_CLONES, log_sum_exp, a *exponential(b - c))

nd_loop stoa_reduction_gradient(enum reduction_gradient kind)
{
    static const nd_loop loops[] = {
        [GRADIENT_L1] = magnitude,
        [GRADIENT_L2] = norm,
        [GRADIENT_SUM_SQUARE] = square,
        [GRADIENT_LOG_SUM] = log_sum,
        [GRADIENT_LOG_SUM_EXP] = log_sum_exp,
    };
    return loops[kind];
}
