/* More functions of one element, each from its definition; `p` holds the attributes.
 *
 * Slack: as in activation.c; what the C library has is granted 8 roundings, what only moves or picks values none. */
#include <math.h>
#include <string.h>

#include "reference/internal.h"

/* `expression` of x, and how many roundings of its result it may be off. */
#define FUNCTION_AS(name, roundings, expression)                                                                       \
    double name(double x, const double *p, double *slack)                                                              \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        double y = (expression);                                                                                       \
        *slack = (roundings)*fabs(y);                                                                                  \
        return y;                                                                                                      \
    }

#define FUNCTION(name, roundings, expression) static FUNCTION_AS(name##_of, roundings, expression)

static double nearest(double x)
{
    double below = floor(x), rest = x - below;
    if (!isfinite(x))
        return x;
    if (rest == 0.5)
        return fmod(below, 2) == 0 ? below : below + 1;
    return rest < 0.5 ? below : below + 1;
}

FUNCTION(magnitude, 0, x < 0 ? -x : x)
FUNCTION(negative, 0, -x)
FUNCTION(below, 0, floor(x))
FUNCTION(above, 0, ceil(x))
FUNCTION(rounded, 0, nearest(x))
FUNCTION(sign, 0, x > 0 ? 1 : x < 0 ? -1 : x)
FUNCTION_AS(stoa_reference_thresholded_relu_of, 0, x <= p[0] ? 0 : x)
FUNCTION(shrink, 1, x<-p[0] ? x + p[1] : x> p[0] ? x - p[1] : isnan(x) ? x : 0)
FUNCTION(reciprocal, 1, 1 / x)
FUNCTION_AS(stoa_reference_softsign_of, 3, isinf(x) ? (x > 0 ? 1 : -1) : x / (1 + fabs(x)))
FUNCTION(mish, 24, x *tanh((x > 0 ? x : 0) + log1p(exp(-fabs(x)))))
#define LIBRARY(name) FUNCTION(name, 8, name(x))
LIBRARY(erf)
LIBRARY(log)
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

/* alpha * (exp(x / alpha) - 1): as Elu's, and the quotient's rounding. */
static double celu_of(double x, const double *p, double *slack)
{
    if (!(x < 0)) {
        *slack = 0;
        return x;
    }
    double e = exp(x / p[0]), y = p[0] * expm1(x / p[0]);
    *slack = isinf(x) ? fabs(y) : (8 * p[0] + fabs(x)) * e + 3 * fabs(y);
    return y;
}

/* x / (1 + exp(-u)), u = alpha*x: the gate's roundings are Sigmoid's, and that of u weighs as the slope of its
 * logarithm.
 */
static double swish_of(double x, const double *p, double *slack)
{
    double u = p[0] * x, y = x / (1 + exp(-u));
    *slack = (14 + fabs(u) / (1 + exp(u))) * fabs(y) + REFERENCE_TINY * fabs(x);
    return y;
}

/* x/2 * (1 + t), t being erf(x / sqrt(2)) or the tanh of u = sqrt(2/pi) * (x + 0.044715 x^3). t is granted 8 roundings
 * and its argument 8, which weigh as the slope of t; the sum and the products have one each. */
static double gelu(double x, double t, double bend, double *slack)
{
    double y = 0.5 * x * (1 + t);
    *slack = 0.5 * fabs(x) * (8 * fabs(t) + 2 + 8 * bend) + 3 * fabs(y);
    return y;
}

static double gelu_of(double x, const double *p, double *slack)
{
    (void)p;
    double z = x / sqrt(2);
    return gelu(x, erf(z), fabs(z) * exp(-z * z) * 2 / sqrt(acos(-1)), slack);
}

static double gelu_tanh_of(double x, const double *p, double *slack)
{
    (void)p;
    double u = sqrt(2 / acos(-1)) * (x + 0.044715 * x * x * x), s = 1 / cosh(u);
    return gelu(x, tanh(u), fabs(u) * s * s, slack);
}

enum stoa_status stoa_reference_gelu(struct reference_run *run)
{
    static const char *const ways[] = {"none", "tanh", NULL};
    bool by_tanh = stoa_read_choice(&run->reader, "approximate", ways);
    return stoa_reference_map(run, by_tanh ? gelu_tanh_of : gelu_of, NULL, 1.2);
}

static const struct {
    const char *type;
    reference_function f;
    double steepness;
    const char *attributes[2];
    float defaults[2];
} functions[] = {
    {"Abs", magnitude_of},
    {"Acos", acos_of},
    {"Acosh", acosh_of},
    {"Asin", asin_of},
    {"Asinh", asinh_of},
    {"Atan", atan_of},
    {"Atanh", atanh_of},
    {"Ceil", above_of},
    {"Celu", celu_of, 0, {"alpha"}, {1}},
    {"Cos", cos_of, 1},
    {"Cosh", cosh_of},
    {"Erf", erf_of},
    {"Floor", below_of},
    {"Log", log_of},
    {"Mish", mish_of, 1.1},
    {"Neg", negative_of},
    {"Reciprocal", reciprocal_of},
    {"Round", rounded_of},
    {"Shrink", shrink_of, 0, {"lambd", "bias"}, {0.5f, 0}},
    {"Sign", sign_of},
    {"Sin", sin_of, 1},
    {"Sinh", sinh_of},
    {"Softsign", stoa_reference_softsign_of},
    {"Swish", swish_of, 1.1, {"alpha"}, {1}},
    {"Tan", tan_of},
    {"ThresholdedRelu", stoa_reference_thresholded_relu_of, 0, {"alpha"}, {1}},
};

enum stoa_status stoa_reference_function(struct reference_run *run)
{
    size_t i = 0;
    while (strcmp(functions[i].type, run->call->type) != 0)
        i++;
    double p[2] = {0};
    for (size_t k = 0; k < 2 && functions[i].attributes[k]; k++)
        p[k] = (double)stoa_read_float(&run->reader, functions[i].attributes[k], functions[i].defaults[k]);
    return stoa_reference_map(run, functions[i].f, p, functions[i].steepness);
}
