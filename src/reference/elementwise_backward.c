/* Gradients of the elementwise operators, written from the derivatives.
 *
 * Slack: as many roundings as the product with the derivative has; where terms of the derivative cancel, roundings
 * count with the terms' magnitudes. What is summed down to an operand's dims adds (K + 1) * sum |term|. */
#include <float.h>
#include <math.h>

#include "reference/internal.h"

/* g * f'(x), given x or y = f(x) as the operator keeps it. */
typedef double (*derivative)(double g, double kept, const double *p, double *slack);

static enum stoa_status map(struct reference_run *run, derivative f, const double *p)
{
    const struct reference_tensor *g = stoa_reference_input(run, 0), *kept = stoa_reference_input(run, 1);
    struct reference_tensor *dx;
    STOA_TRY(run->reader.status);
    if (!stoa_reference_same_dims(g, kept))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "the gradient and what was kept differ in dims");
    STOA_TRY(stoa_reference_output_like(run, g, &dx));
    for (size_t i = 0; i < stoa_reference_count(g); i++)
        dx->values[i] = f(g->values[i], kept->values[i], p, &dx->slack[i]);
    return STOA_OK;
}

static double relu(double g, double y, const double *p, double *slack)
{
    (void)p;
    *slack = 0;
    return y <= 0 ? 0 : g;
}

static double leaky_relu(double g, double x, const double *p, double *slack)
{
    double dx = x > 0 ? g : p[0] * g;
    *slack = x > 0 ? 0 : fabs(dx);
    return dx;
}

/* g * alpha * exp(x): the exponential's 8, two products. */
static double elu(double g, double x, const double *p, double *slack)
{
    double dx = x > 0 ? g : g * p[0] * exp(x);
    *slack = x > 0 ? 0 : 11 * fabs(dx);
    return dx;
}

static double selu(double g, double x, const double *p, double *slack)
{
    double dx = x > 0 ? g * p[1] : g * p[1] * p[0] * exp(x);
    *slack = x > 0 ? fabs(dx) : 12 * fabs(dx);
    return dx;
}

/* y within its bounds, which themselves pass nothing on, as in PyTorch's hardtanh and relu6. */
static double clip(double g, double y, const double *p, double *slack)
{
    *slack = 0;
    return y <= p[0] || y >= p[1] ? 0 : g;
}

static double sigmoid(double g, double y, const double *p, double *slack)
{
    (void)p;
    double dx = g * y * (1 - y);
    *slack = 4 * fabs(dx);
    return dx;
}

/* g * (1 - y^2), for those who square first too, where the terms cancel. */
static double tangent(double g, double y, const double *p, double *slack)
{
    (void)p;
    double dx = g * (1 - y) * (1 + y);
    *slack = 5 * fabs(dx) + fabs(g) * y * y;
    return dx;
}

static double hard_sigmoid(double g, double y, const double *p, double *slack)
{
    double dx = y <= 0 || y >= 1 ? 0 : p[0] * g;
    *slack = fabs(dx);
    return dx;
}

/* Of x * (x / 6 + 1/2) between -3 and 3: x / 3 + 1/2, whose terms may cancel. */
static double hard_swish(double g, double x, const double *p, double *slack)
{
    (void)p;
    *slack = 0;
    if (x <= -3)
        return 0 * g;
    if (x >= 3)
        return g;
    *slack = fabs(g) * (2 * fabs(x / 3) + 2 * fabs(x / 3 + 0.5));
    return g * (x / 3 + 0.5);
}

/* y = log(1 + e^x), so that the derivative, 1 / (1 + e^-x), is 1 - e^-y. */
static double softplus(double g, double y, const double *p, double *slack)
{
    (void)p;
    double dx = -g * expm1(-y);
    *slack = 8 * fabs(g) * exp(-y) + 3 * fabs(dx);
    return dx;
}

static double square_root(double g, double y, const double *p, double *slack)
{
    (void)p;
    double dx = g / (2 * y);
    *slack = 2 * fabs(dx);
    return dx;
}

static double exponential(double g, double y, const double *p, double *slack)
{
    (void)p;
    *slack = fabs(g * y);
    return g * y;
}

enum stoa_status stoa_reference_relu_backward(struct reference_run *run)
{
    return map(run, relu, NULL);
}

enum stoa_status stoa_reference_leaky_relu_backward(struct reference_run *run)
{
    return map(run, leaky_relu, (double[]){(double)stoa_read_float(&run->reader, "alpha", 0.01f)});
}

enum stoa_status stoa_reference_elu_backward(struct reference_run *run)
{
    return map(run, elu, (double[]){(double)stoa_read_float(&run->reader, "alpha", 1)});
}

enum stoa_status stoa_reference_selu_backward(struct reference_run *run)
{
    return map(run, selu,
               (double[]){(double)stoa_read_float(&run->reader, "alpha", 1.67326319217681884765625f),
                          (double)stoa_read_float(&run->reader, "gamma", 1.05070102214813232421875f)});
}

/* A bound, from the attribute before opset 11 and from the input since. */
static enum stoa_status clip_bound(struct reference_run *run, const char *attribute, size_t input, double fallback,
                                   double *bound)
{
    *bound = fallback;
    if (run->call->opset < 11 && stoa_reader_has(&run->reader, attribute))
        *bound = (double)stoa_read_float(&run->reader, attribute, 0);
    const struct reference_tensor *tensor = stoa_reference_input(run, input);
    if (tensor && stoa_reference_count(tensor) != 1)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu must be one number", input);
    if (tensor)
        *bound = tensor->values[0];
    return STOA_OK;
}

enum stoa_status stoa_reference_clip_backward(struct reference_run *run)
{
    double bounds[2];
    STOA_TRY(clip_bound(run, "min", 2, -(double)FLT_MAX, &bounds[0]));
    STOA_TRY(clip_bound(run, "max", 3, (double)FLT_MAX, &bounds[1]));
    return map(run, clip, bounds);
}

enum stoa_status stoa_reference_sigmoid_backward(struct reference_run *run)
{
    return map(run, sigmoid, NULL);
}

enum stoa_status stoa_reference_tanh_backward(struct reference_run *run)
{
    return map(run, tangent, NULL);
}

enum stoa_status stoa_reference_hard_sigmoid_backward(struct reference_run *run)
{
    double alpha = (double)stoa_read_float(&run->reader, "alpha", 0.2f);
    (void)stoa_read_float(&run->reader, "beta", 0.5f);
    return map(run, hard_sigmoid, &alpha);
}

enum stoa_status stoa_reference_hard_swish_backward(struct reference_run *run)
{
    return map(run, hard_swish, NULL);
}

enum stoa_status stoa_reference_softplus_backward(struct reference_run *run)
{
    return map(run, softplus, NULL);
}

enum stoa_status stoa_reference_sqrt_backward(struct reference_run *run)
{
    return map(run, square_root, NULL);
}

enum stoa_status stoa_reference_exp_backward(struct reference_run *run)
{
    return map(run, exponential, NULL);
}

/* What one operand's gradient sums, at one index of dY; x[i] is operand i there. */
#define OPERANDS 3
typedef double (*term)(double g, const double *x, double *slack);

/* Output `output` <- the terms summed down to the dims of `operand`; the terms see the inputs from 1 on. */
static enum stoa_status sum_down(struct reference_run *run, term f, size_t operand, size_t output)
{
    const struct reference_tensor *g = stoa_reference_input(run, 0), *to = stoa_reference_input(run, operand);
    size_t rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0}, inputs = run->call->input_count;
    STOA_TRY(stoa_reference_broadcast(run, g, &rank, dims));
    for (size_t i = 1; i < inputs; i++)
        STOA_TRY(stoa_reference_broadcast(run, stoa_reference_input(run, i), &rank, dims));
    struct reference_tensor *dx, common = {.rank = rank};
    for (size_t i = 0; i < rank; i++)
        common.dims[i] = dims[i];
    if (!stoa_reference_same_dims(&common, g))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "an operand does not broadcast to the gradient");
    STOA_TRY(stoa_reference_output(run, output, to->dtype, to->rank, to->dims, &dx));
    if (!dx)
        return STOA_OK;
    size_t results = stoa_reference_count(dx), count = stoa_reference_count(g);
    double K = results ? (double)count / (double)results : 0, roundings = K > 1 ? K + 1 : 0;
    for (size_t at = 0; at < count; at++, stoa_reference_next(rank, dims, index)) {
        double x[OPERANDS], own = 0;
        for (size_t i = 1; i < inputs && i <= OPERANDS; i++) {
            const struct reference_tensor *input = stoa_reference_input(run, i);
            x[i - 1] = input->values[stoa_reference_offset(input, rank, index)];
        }
        double value = f(g->values[at], x, &own);
        size_t offset = stoa_reference_offset(dx, rank, index);
        dx->values[offset] += value;
        dx->slack[offset] += own + roundings * fabs(value);
    }
    return STOA_OK;
}

static double itself(double g, const double *x, double *slack)
{
    (void)x;
    *slack = 0;
    return g;
}

enum stoa_status stoa_reference_sum_to(struct reference_run *run)
{
    return sum_down(run, itself, 1, 0);
}
