/* Gradients of the functions in function.c, written from the derivatives.
 *
 * Slack: roundings of the product with the derivative; where terms of the derivative cancel or an argument is rounded,
 * those weigh as they come. */
#include <math.h>
#include <string.h>

#include "reference/internal.h"

/* The derivative at the x (or y) that is kept, and how many roundings g times it may be off. */
#define DERIVATIVE(name, roundings, expression)                                                                        \
    static double name##_of(double g, double x, const double *p, double *slack)                                        \
    {                                                                                                                  \
        (void)p;                                                                                                       \
        double dx = g * (expression);                                                                                  \
        *slack = (roundings)*fabs(dx);                                                                                 \
        return dx;                                                                                                     \
    }

DERIVATIVE(magnitude, 0, x > 0 ? 1 : x < 0 ? -1 : x)
DERIVATIVE(thresholded, 0, x <= p[0] ? 0 : 1)
DERIVATIVE(shrink, 0, x >= -p[0] && x <= p[0] ? 0 : 1)
DERIVATIVE(reciprocal, 3, -x *x)
DERIVATIVE(softsign, 6, 1 / ((1 + fabs(x)) * (1 + fabs(x))))
DERIVATIVE(log, 2, 1 / x)
DERIVATIVE(erf, 12 + 2 * x * x, 2 / sqrt(acos(-1)) * exp(-x * x))
DERIVATIVE(celu, x > 0 ? 0 : 11 + 2 * fabs(x / p[0]), x > 0 ? 1 : exp(x / p[0]))
DERIVATIVE(sin, 9, cos(x))
DERIVATIVE(cos, 9, -sin(x))
DERIVATIVE(tan, 4, 1 + x * x)
DERIVATIVE(asin, 8, 1 / sqrt((1 - x) * (1 + x)))
DERIVATIVE(acos, 8, -1 / sqrt((1 - x) * (1 + x)))
DERIVATIVE(atan, 4, 1 / (1 + x * x))
DERIVATIVE(sinh, 9, cosh(x))
DERIVATIVE(cosh, 9, sinh(x))
DERIVATIVE(asinh, 5, 1 / sqrt(1 + x * x))
DERIVATIVE(acosh, 8, 1 / sqrt((x - 1) * (x + 1)))
DERIVATIVE(atanh, 6, 1 / ((1 - x) * (1 + x)))

/* Of x * t, t = tanh(log(1 + e^x)): t + x * (1 - t^2) / (1 + e^-x), which cancel around x = -1.2. */
static double mish_of(double g, double x, const double *p, double *slack)
{
    (void)p;
    double t = tanh((x > 0 ? x : 0) + log1p(exp(-fabs(x)))), s = 1 / cosh((x > 0 ? x : 0) + log1p(exp(-fabs(x))));
    double bend = x * s * s / (1 + exp(-x));
    *slack = 32 * fabs(g) * (fabs(t) + fabs(bend)) + fabs(g) * REFERENCE_TINY * (1 + fabs(x));
    return g * (t + bend);
}

/* Of x * s, s = 1 / (1 + e^-u), u = alpha*x: s + u * s * (1 - s), which cancel around u = -1.3; u is rounded. */
static double swish_of(double g, double x, const double *p, double *slack)
{
    double u = p[0] * x, s = 1 / (1 + exp(-u)), bend = u * s / (1 + exp(u));
    *slack = 16 * fabs(g) * (s + fabs(bend)) * (1 + fabs(u)) + fabs(g) * REFERENCE_TINY * (1 + fabs(u));
    return g * (s + bend);
}

/* Of Gelu, x/2 * (1 + t): the terms (1 + t)/2 and x/2 * t', which cancel left of 0; `bend` is the last. Both are
 * granted the roundings of t and of its argument u. */
static double gelu_slope(double g, double t, double bend, double u, double *slack)
{
    *slack = 32 * fabs(g) * (1 + fabs(bend) * (1 + fabs(u))) + fabs(g) * REFERENCE_TINY;
    return g * (0.5 * (1 + t) + bend);
}

static double gelu_of(double g, double x, const double *p, double *slack)
{
    (void)p;
    return gelu_slope(g, erf(x / sqrt(2)), x * exp(-x * x / 2) / sqrt(2 * acos(-1)), x * x, slack);
}

static double gelu_tanh_of(double g, double x, const double *p, double *slack)
{
    (void)p;
    double slope = sqrt(2 / acos(-1)), u = slope * (x + 0.044715 * x * x * x), s = 1 / cosh(u);
    return gelu_slope(g, tanh(u), 0.5 * x * s * s * slope * (1 + 3 * 0.044715 * x * x), u, slack);
}

enum stoa_status stoa_reference_gelu_backward(struct reference_run *run)
{
    static const char *const ways[] = {"none", "tanh", NULL};
    bool by_tanh = stoa_read_choice(&run->reader, "approximate", ways);
    return stoa_reference_map_backward(run, by_tanh ? gelu_tanh_of : gelu_of, NULL);
}

static const struct {
    const char *type;
    reference_derivative f;
    const char *attributes[2];
    float defaults[2];
} derivatives[] = {
    {"AbsBackward", magnitude_of},
    {"AcosBackward", acos_of},
    {"AcoshBackward", acosh_of},
    {"AsinBackward", asin_of},
    {"AsinhBackward", asinh_of},
    {"AtanBackward", atan_of},
    {"AtanhBackward", atanh_of},
    {"CeluBackward", celu_of, {"alpha"}, {1}},
    {"CosBackward", cos_of},
    {"CoshBackward", cosh_of},
    {"ErfBackward", erf_of},
    {"LogBackward", log_of},
    {"MishBackward", mish_of},
    {"ReciprocalBackward", reciprocal_of},
    {"ShrinkBackward", shrink_of, {"lambd", "bias"}, {0.5f, 0}},
    {"SinBackward", sin_of},
    {"SinhBackward", sinh_of},
    {"SoftsignBackward", softsign_of},
    {"SwishBackward", swish_of, {"alpha"}, {1}},
    {"TanBackward", tan_of},
    {"ThresholdedReluBackward", thresholded_of, {"alpha"}, {1}},
};

enum stoa_status stoa_reference_function_backward(struct reference_run *run)
{
    size_t i = 0;
    while (strcmp(derivatives[i].type, run->call->type) != 0)
        i++;
    double p[2] = {0};
    for (size_t k = 0; k < 2 && derivatives[i].attributes[k]; k++)
        p[k] = (double)stoa_read_float(&run->reader, derivatives[i].attributes[k], derivatives[i].defaults[k]);
    return stoa_reference_map_backward(run, derivatives[i].f, p);
}
