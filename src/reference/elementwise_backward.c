/* Gradients of the elementwise operators, written from the derivatives.
 *
 * Slack: as many roundings as the product with the derivative has; where terms of the derivative cancel, roundings
 * count with the terms' magnitudes. What is summed down to an operand's dims adds (K + 1) * sum |term|. */
#include <float.h>
#include <math.h>

#include "reference/internal.h"

enum stoa_status stoa_reference_map_backward(struct reference_run *run, reference_derivative f, const double *p)
{
    const struct reference_tensor *g = stoa_reference_input(run, 0), *kept = stoa_reference_input(run, 1);
    struct reference_tensor *dx;
    STOA_TRY(run->reader.status);
    if (!stoa_reference_same_dims(g, kept))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "the gradient and what was kept differ in dims");
    STOA_TRY(stoa_reference_output_like(run, g, &dx));
    for (size_t i = 0; i < stoa_reference_count(g); i++) {
        double unused;
        dx->values[i] = f(g->values[i], kept->values[i], p, &dx->slack[i]);
        if (g->slack) /* derivatives are linear in g */
            dx->slack[i] += fabs(f(g->slack[i], kept->values[i], p, &unused));
    }
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

/* Of x * (x / 6 + 1/2) between -3 and 3: x / 3 + 1/2, whose terms may cancel. At -3 that, and at 3 one, as PyTorch's
 * vectors have it (its single elements, 3/2 at 3). */
static double hard_swish(double g, double x, const double *p, double *slack)
{
    (void)p;
    *slack = 0;
    if (x < -3)
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
    return stoa_reference_map_backward(run, relu, NULL);
}

enum stoa_status stoa_reference_leaky_relu_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, leaky_relu,
                                       (double[]){(double)stoa_read_float(&run->reader, "alpha", 0.01f)});
}

enum stoa_status stoa_reference_elu_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, elu, (double[]){(double)stoa_read_float(&run->reader, "alpha", 1)});
}

enum stoa_status stoa_reference_selu_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(
        run, selu,
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
    return stoa_reference_map_backward(run, clip, bounds);
}

enum stoa_status stoa_reference_sigmoid_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, sigmoid, NULL);
}

enum stoa_status stoa_reference_tanh_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, tangent, NULL);
}

enum stoa_status stoa_reference_hard_sigmoid_backward(struct reference_run *run)
{
    double alpha = (double)stoa_read_float(&run->reader, "alpha", 0.2f);
    (void)stoa_read_float(&run->reader, "beta", 0.5f);
    return stoa_reference_map_backward(run, hard_sigmoid, &alpha);
}

enum stoa_status stoa_reference_hard_swish_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, hard_swish, NULL);
}

enum stoa_status stoa_reference_softplus_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, softplus, NULL);
}

enum stoa_status stoa_reference_sqrt_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, square_root, NULL);
}

enum stoa_status stoa_reference_exp_backward(struct reference_run *run)
{
    return stoa_reference_map_backward(run, exponential, NULL);
}

/* One index of dY. */
#define OPERANDS 32
struct place {
    size_t operand, count; /* x[operand] is the operand whose gradient it is */
    double x[OPERANDS];    /* the inputs from 1 on */
};
/* What the operand's gradient sums there. */
typedef double (*term)(double g, const struct place *at, double *slack);

/* Output `output` <- the terms summed down to the dims of `operand`; the terms see the inputs from 1 on. */
static enum stoa_status sum_down(struct reference_run *run, term f, size_t operand, size_t output)
{
    const struct reference_tensor *g = stoa_reference_input(run, 0), *to = stoa_reference_input(run, operand);
    size_t rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0}, inputs = run->call->input_count;
    if (inputs > OPERANDS)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "%zu inputs, at most %d are taken", inputs, OPERANDS);
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
        struct place place = {.operand = operand - 1, .count = inputs - 1};
        double own = 0;
        for (size_t i = 1; i < inputs; i++) {
            const struct reference_tensor *input = stoa_reference_input(run, i);
            place.x[i - 1] = input->values[stoa_reference_offset(input, rank, index)];
        }
        double value = f(g->values[at], &place, &own);
        size_t offset = stoa_reference_offset(dx, rank, index);
        dx->values[offset] += value;
        dx->slack[offset] += own + roundings * fabs(value);
    }
    return STOA_OK;
}

static double itself(double g, const struct place *at, double *slack)
{
    (void)at;
    *slack = 0;
    return g;
}

enum stoa_status stoa_reference_sum_to(struct reference_run *run)
{
    return sum_down(run, itself, 1, 0);
}

static double minus(double g, const struct place *at, double *slack)
{
    (void)at;
    *slack = 0;
    return -g;
}

static double product(double g, const struct place *at, double *slack)
{
    *slack = fabs(g * at->x[0]);
    return g * at->x[0];
}

static double quotient(double g, const struct place *at, double *slack)
{
    *slack = 2 * fabs(g / at->x[0]);
    return g / at->x[0];
}

/* Of a / b: -g * a / b^2. */
static double divisor(double g, const struct place *at, double *slack)
{
    double a = at->x[0], b = at->x[1], db = -g * a / (b * b);
    *slack = 5 * fabs(db);
    return db;
}

/* Of x^e: g * e * x^(e - 1), the power by exp((e - 1) * log x) or not, e - 1 rounded. */
static double base(double g, const struct place *at, double *slack)
{
    double e = at->x[0], b = at->x[1];
    if (e == 0)
        return *slack = 0;
    double db = g * e * pow(b, e - 1);
    *slack = b == 0 ? 0 : (11 + 3 * fabs((e - 1) * log(fabs(b)))) * fabs(db);
    return db;
}

/* And g * x^e * log x, which tends to 0 with x where e > 0. Below 0 there is none. */
static double exponent(double g, const struct place *at, double *slack)
{
    double b = at->x[0], e = at->x[1];
    if (b == 0 && e >= 0)
        return *slack = 0;
    double de = g * pow(b, e) * log(b);
    *slack = b == 0 ? 0 : (18 + 2 * fabs(e * log(fabs(b)))) * fabs(de);
    return de;
}

static double prelu(double g, const struct place *at, double *slack)
{
    return leaky_relu(g, at->x[1], &at->x[0], slack);
}

static double slope(double g, const struct place *at, double *slack)
{
    double ds = at->x[0] > 0 ? 0 : g * at->x[0];
    *slack = fabs(ds);
    return ds;
}

enum stoa_status stoa_reference_sub_backward(struct reference_run *run)
{
    return sum_down(run, minus, 1, 0);
}

enum stoa_status stoa_reference_mul_backward(struct reference_run *run)
{
    return sum_down(run, product, 2, 0);
}

enum stoa_status stoa_reference_div_backward(struct reference_run *run)
{
    return sum_down(run, quotient, 2, 0);
}

enum stoa_status stoa_reference_div_backward_divisor(struct reference_run *run)
{
    return sum_down(run, divisor, 2, 0);
}

enum stoa_status stoa_reference_pow_backward(struct reference_run *run)
{
    return sum_down(run, base, 2, 0);
}

enum stoa_status stoa_reference_pow_backward_exponent(struct reference_run *run)
{
    return sum_down(run, exponent, 2, 0);
}

enum stoa_status stoa_reference_prelu_backward(struct reference_run *run)
{
    return sum_down(run, prelu, 2, 0);
}

enum stoa_status stoa_reference_prelu_backward_slope(struct reference_run *run)
{
    return sum_down(run, slope, 2, 0);
}

enum stoa_status stoa_reference_sum_backward(struct reference_run *run)
{
    for (size_t i = 0; i < run->call->output_count; i++)
        STOA_TRY(sum_down(run, itself, i + 1, i));
    return STOA_OK;
}

static double share(double g, const struct place *at, double *slack)
{
    *slack = 2 * fabs(g) / (double)at->count;
    return g / (double)at->count;
}

enum stoa_status stoa_reference_mean_backward(struct reference_run *run)
{
    for (size_t i = 0; i < run->call->output_count; i++)
        STOA_TRY(sum_down(run, share, i + 1, i));
    return STOA_OK;
}

/* Of Where, whose condition is x[0]. */
static double chosen(double g, const struct place *at, double *slack)
{
    *slack = 0;
    return at->x[0] != 0 ? g : 0;
}

static double not_chosen(double g, const struct place *at, double *slack)
{
    *slack = 0;
    return at->x[0] != 0 ? 0 : g;
}

enum stoa_status stoa_reference_where_backward(struct reference_run *run)
{
    return sum_down(run, chosen, 2, 0);
}

enum stoa_status stoa_reference_where_backward_other(struct reference_run *run)
{
    return sum_down(run, not_chosen, 2, 0);
}

/* Of Max and Min, whose y is x[0]: the operands that are y, or NaN, share g evenly. */
static double extreme(double g, const struct place *at, double *slack)
{
    double ties = 0;
    for (size_t i = 1; i < at->count; i++)
        ties += at->x[i] == at->x[0] || isnan(at->x[i]);
    double own = at->x[at->operand];
    *slack = 0;
    if (own != at->x[0] && !isnan(own))
        return 0;
    *slack = fabs(g / ties);
    return g / ties;
}

enum stoa_status stoa_reference_extreme_backward(struct reference_run *run)
{
    for (size_t i = 0; i < run->call->output_count; i++)
        STOA_TRY(sum_down(run, extreme, i + 2, i));
    return STOA_OK;
}
