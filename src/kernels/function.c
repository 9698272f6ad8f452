/* The functions of kernels/activation.h for other types than float: of double by the C library, one by one; of whole
 * numbers those that ONNX has. */
#include <math.h>
#include <stdint.h>

#include "base/tensor.h"
#include "kernels/activation.h"

#define FUNCTION(name, expression)                                                                                     \
    static double each_##name(double x, double alpha, double beta)                                                     \
    {                                                                                                                  \
        (void)alpha;                                                                                                   \
        (void)beta;                                                                                                    \
        return expression;                                                                                             \
    }

static double bound(double value, double least, double most)
{
    value = value < least ? least : value;
    return value > most ? most : value;
}

static double sigmoid(double x)
{
    double e = exp(-fabs(x));
    return (x < 0 ? e : 1) / (1 + e);
}

static double softplus(double x)
{
    return (x < 0 ? 0 : x) + log1p(exp(-fabs(x)));
}

FUNCTION(none, x)
FUNCTION(relu, x < 0 ? 0 : x)
FUNCTION(clip, bound(x, alpha, beta))
FUNCTION(leaky_relu, x < 0 ? alpha * x : x)
FUNCTION(hard_sigmoid, bound(alpha *x + beta, 0, 1))
FUNCTION(hard_swish, x *bound(alpha *x + beta, 0, 1))
FUNCTION(sigmoid, sigmoid(x))
FUNCTION(silu, x *sigmoid(alpha *x))
FUNCTION(softplus, softplus(x))
FUNCTION(elu, x < 0 ? alpha * expm1(x) : x)
FUNCTION(selu, beta *(x < 0 ? alpha * expm1(x) : x))
FUNCTION(celu, x < 0 ? alpha * expm1(x / alpha) : x)
FUNCTION(mish, x *tanh(softplus(x)))
FUNCTION(gelu, 0.5 * x * (1 + erf(x * sqrt(0.5))))
FUNCTION(gelu_tanh, 0.5 * x * (1 + tanh(sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x))))
FUNCTION(neg, -x)
FUNCTION(sign, x > 0 ? 1 : x < 0 ? -1 : x)
FUNCTION(reciprocal, 1 / x)
FUNCTION(softsign, isinf(x) ? copysign(1, x) : x / (1 + fabs(x)))
FUNCTION(thresholded_relu, x <= alpha ? 0 : x)
FUNCTION(shrink, x<-alpha ? x + beta : x> alpha ? x - beta : isnan(x) ? x : 0)
#define LIBRARY(name) FUNCTION(name, name(x))
LIBRARY(sqrt)
LIBRARY(exp)
LIBRARY(tanh)
LIBRARY(erf)
LIBRARY(log)
LIBRARY(fabs)
LIBRARY(floor)
LIBRARY(ceil)
LIBRARY(rint)
LIBRARY(sin)
LIBRARY(cos)
LIBRARY(tan)
LIBRARY(asin)
LIBRARY(acos)
LIBRARY(atan)
LIBRARY(sinh)
LIBRARY(cosh)
LIBRARY(asinh)
LIBRARY(acosh)
LIBRARY(atanh)

typedef double (*function)(double x, double alpha, double beta);
static const function functions[ACTIVATION_COUNT] = {
    [ACTIVATION_NONE] = each_none,
    [ACTIVATION_RELU] = each_relu,
    [ACTIVATION_CLIP] = each_clip,
    [ACTIVATION_LEAKY_RELU] = each_leaky_relu,
    [ACTIVATION_HARD_SIGMOID] = each_hard_sigmoid,
    [ACTIVATION_HARD_SWISH] = each_hard_swish,
    [ACTIVATION_SQRT] = each_sqrt,
    [ACTIVATION_EXP] = each_exp,
    [ACTIVATION_SIGMOID] = each_sigmoid,
    [ACTIVATION_SILU] = each_silu,
    [ACTIVATION_TANH] = each_tanh,
    [ACTIVATION_SOFTPLUS] = each_softplus,
    [ACTIVATION_ELU] = each_elu,
    [ACTIVATION_SELU] = each_selu,
    [ACTIVATION_CELU] = each_celu,
    [ACTIVATION_MISH] = each_mish,
    [ACTIVATION_GELU] = each_gelu,
    [ACTIVATION_GELU_TANH] = each_gelu_tanh,
    [ACTIVATION_ERF] = each_erf,
    [ACTIVATION_LOG] = each_log,
    [ACTIVATION_ABS] = each_fabs,
    [ACTIVATION_NEG] = each_neg,
    [ACTIVATION_FLOOR] = each_floor,
    [ACTIVATION_CEIL] = each_ceil,
    [ACTIVATION_ROUND] = each_rint,
    [ACTIVATION_SIGN] = each_sign,
    [ACTIVATION_RECIPROCAL] = each_reciprocal,
    [ACTIVATION_SOFTSIGN] = each_softsign,
    [ACTIVATION_THRESHOLDED_RELU] = each_thresholded_relu,
    [ACTIVATION_SHRINK] = each_shrink,
    [ACTIVATION_SIN] = each_sin,
    [ACTIVATION_COS] = each_cos,
    [ACTIVATION_TAN] = each_tan,
    [ACTIVATION_ASIN] = each_asin,
    [ACTIVATION_ACOS] = each_acos,
    [ACTIVATION_ATAN] = each_atan,
    [ACTIVATION_SINH] = each_sinh,
    [ACTIVATION_COSH] = each_cosh,
    [ACTIVATION_ASINH] = each_asinh,
    [ACTIVATION_ACOSH] = each_acosh,
    [ACTIVATION_ATANH] = each_atanh,
};

double stoa_activation_double(const struct activation *activation, double x)
{
    return functions[activation->kind](x, (double)activation->alpha, (double)activation->beta);
}

static void double_loop(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const struct activation *activation = context;
    double *y = (double *)data[0];
    const double *x = (const double *)data[1];
    for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++)
        y[i * strides[0]] = stoa_activation_double(activation, x[i * strides[1]]);
}

/* Computed in unsigned numbers, where running over is defined. */
#define WHOLE_LOOP(name, type, expression)                                                                             \
    static void name(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)                   \
    {                                                                                                                  \
        (void)context;                                                                                                 \
        type *y = (type *)data[0];                                                                                     \
        const type *x = (const type *)data[1];                                                                         \
        for (ptrdiff_t i = 0; i < (ptrdiff_t)count; i++) {                                                             \
            type v = x[i * strides[1]];                                                                                \
            y[i * strides[0]] = (type)(expression);                                                                    \
        }                                                                                                              \
    }
#define WHOLE_LOOPS(constant, name, type)                                                                              \
    WHOLE_LOOP(name##_abs, type, v < 1 ? 0 - (uint64_t)v : (uint64_t)v)                                                \
    WHOLE_LOOP(name##_neg, type, 0 - (uint64_t)v)                                                                      \
    WHOLE_LOOP(name##_relu, type, v < 1 ? 0 : v)                                                                       \
    WHOLE_LOOP(name##_sign, type, v > 0 ? 1 : v == 0 ? 0 : -1)
STOA_WHOLE_DTYPES(WHOLE_LOOPS)

nd_loop stoa_activation_loop_of(enum activation_kind kind, enum stoa_dtype dtype)
{
#define LOOPS(constant, name, type) [constant] = {name##_abs, name##_neg, name##_relu, name##_sign},
    static const nd_loop whole[STOA_DTYPE_LIMIT][4] = {STOA_WHOLE_DTYPES(LOOPS)};
    if (dtype == STOA_FLOAT)
        return stoa_activation_loop;
    if (dtype == STOA_DOUBLE)
        return double_loop;
    switch (kind) {
    case ACTIVATION_ABS:
        return whole[dtype][0];
    case ACTIVATION_NEG:
        return whole[dtype][1];
    case ACTIVATION_RELU:
        return whole[dtype][2];
    case ACTIVATION_SIGN:
        return whole[dtype][3];
    default:
        return NULL;
    }
}
