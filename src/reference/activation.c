/* Functions of one element. Each computes y and its slack; `p` holds the attributes.
 *
 * Slack: one rounding is |y|; a library's exp, tanh or the like is granted 8; where terms cancel, the roundings count
 * with the terms' magnitudes. Relu and Clip move values and are exact. NaN gives NaN everywhere. */
#include <float.h>
#include <math.h>

#include "reference/internal.h"

void stoa_reference_carry(reference_function f, double x, double x_slack, const double *p, double steepness, double y,
                          double *slack)
{
    double own = *slack, off = 0;
    if (!(x_slack > 0) || !isfinite(x))
        return;
    for (int side = -1; side <= 1; side += 2) {
        double there = 0, end = f(x + side * x_slack * 0x1p-24, p, &there);
        own = fmax(own, there);
        off = fmax(off, fabs(end - y) * 0x1p24);
    }
    *slack = own + fmax(off, steepness * x_slack);
}

enum stoa_status stoa_reference_map(struct reference_run *run, reference_function f, const double *p, double steepness)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    bool integer = stoa_reference_is_integer(x->dtype);
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        y->values[i] = f(x->values[i], p, &y->slack[i]);
        if (integer)
            y->values[i] = stoa_reference_convert(STOA_INT64, x->dtype, y->values[i]);
        if (x->slack)
            stoa_reference_carry(f, x->values[i], x->slack[i], p, steepness, y->values[i], &y->slack[i]);
    }
    return STOA_OK;
}

static enum stoa_status map(struct reference_run *run, reference_function f, const double *p)
{
    return stoa_reference_map(run, f, p, 0);
}

double stoa_reference_relu_of(double x, const double *p, double *slack)
{
    (void)p;
    *slack = 0;
    return x < 0 ? 0 : x;
}

double stoa_reference_leaky_relu_of(double x, const double *p, double *slack)
{
    double y = x < 0 ? p[0] * x : x;
    *slack = x < 0 ? fabs(y) : 0;
    return y;
}

/* alpha * (exp(x) - 1): the exponential, the subtraction, the product. */
double stoa_reference_elu_of(double x, const double *p, double *slack)
{
    if (!(x < 0)) {
        *slack = 0;
        return x;
    }
    double y = p[0] * expm1(x);
    *slack = 8 * fabs(p[0]) * exp(x) + 3 * fabs(y);
    return y;
}

/* gamma * (alpha * exp(x) - alpha), the constants' product rounded or not. */
static double selu(double x, const double *p, double *slack)
{
    double alpha = p[0], gamma = p[1];
    if (x > 0) {
        *slack = fabs(gamma * x);
        return gamma * x;
    }
    double y = gamma * alpha * expm1(x);
    *slack = 10 * fabs(gamma * alpha) * exp(x) + 4 * fabs(y);
    return y;
}

static double clip(double x, const double *p, double *slack)
{
    *slack = 0;
    double y = x < p[0] ? p[0] : x;
    return y > p[1] ? p[1] : y;
}

/* 1 / (1 + exp(-x)): the exponential's error weighs at most 1, two roundings follow. */
double stoa_reference_sigmoid_of(double x, const double *p, double *slack)
{
    (void)p;
    double y = 1 / (1 + exp(-x));
    *slack = 12 * y + REFERENCE_TINY;
    return y;
}

double stoa_reference_tanh_of(double x, const double *p, double *slack)
{
    (void)p;
    double y = tanh(x);
    *slack = 8 * fabs(y);
    return y;
}

/* max(0, min(1, alpha*x + beta)): the two terms may cancel; exact where the sum is beyond 0 or 1 for certain. */
double stoa_reference_hard_sigmoid_of(double x, const double *p, double *slack)
{
    double sum = p[0] * x + p[1], bound = 3 * fabs(p[0] * x) + fabs(p[1]);
    *slack = sum < -bound * 0x1p-24 || sum > 1 + bound * 0x1p-24 ? 0 : bound;
    return sum < 0 ? 0 : sum > 1 ? 1 : sum;
}

/* x * hard_sigmoid(x) with alpha = 1/6 (itself rounded in float) and beta = 1/2. */
static double hard_swish(double x, const double *p, double *slack)
{
    (void)p;
    static const double sixth[] = {1.0 / 6, 0.5};
    double y = x * stoa_reference_hard_sigmoid_of(x, sixth, slack);
    *slack = *slack * fabs(x) + 2 * fabs(y);
    return y;
}

/* log(1 + exp(x)), written so that nothing overflows; a float implementation has to do so too. */
double stoa_reference_softplus_of(double x, const double *p, double *slack)
{
    (void)p;
    double y = (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
    *slack = 12 * y + REFERENCE_TINY;
    return y;
}

static double square_root(double x, const double *p, double *slack)
{
    (void)p;
    double y = sqrt(x);
    *slack = 2 * y;
    return y;
}

static double exponential(double x, const double *p, double *slack)
{
    (void)p;
    double y = exp(x);
    *slack = 8 * y + REFERENCE_TINY;
    return y;
}

enum stoa_status stoa_reference_relu(struct reference_run *run)
{
    return map(run, stoa_reference_relu_of, NULL);
}

enum stoa_status stoa_reference_leaky_relu(struct reference_run *run)
{
    return map(run, stoa_reference_leaky_relu_of, (double[]){(double)stoa_read_float(&run->reader, "alpha", 0.01f)});
}

enum stoa_status stoa_reference_elu(struct reference_run *run)
{
    return map(run, stoa_reference_elu_of, (double[]){(double)stoa_read_float(&run->reader, "alpha", 1)});
}

enum stoa_status stoa_reference_selu(struct reference_run *run)
{
    return map(run, selu,
               (double[]){(double)stoa_read_float(&run->reader, "alpha", 1.67326319217681884765625f),
                          (double)stoa_read_float(&run->reader, "gamma", 1.05070102214813232421875f)});
}

enum stoa_status stoa_reference_sigmoid(struct reference_run *run)
{
    return map(run, stoa_reference_sigmoid_of, NULL);
}

enum stoa_status stoa_reference_tanh(struct reference_run *run)
{
    return map(run, stoa_reference_tanh_of, NULL);
}

enum stoa_status stoa_reference_hard_sigmoid(struct reference_run *run)
{
    return map(run, stoa_reference_hard_sigmoid_of,
               (double[]){(double)stoa_read_float(&run->reader, "alpha", 0.2f),
                          (double)stoa_read_float(&run->reader, "beta", 0.5f)});
}

enum stoa_status stoa_reference_hard_swish(struct reference_run *run)
{
    return stoa_reference_map(run, hard_swish, NULL, 1.5);
}

enum stoa_status stoa_reference_softplus(struct reference_run *run)
{
    return map(run, stoa_reference_softplus_of, NULL);
}

enum stoa_status stoa_reference_sqrt(struct reference_run *run)
{
    return map(run, square_root, NULL);
}

enum stoa_status stoa_reference_exp(struct reference_run *run)
{
    return map(run, exponential, NULL);
}

/* A bound of Clip: attributes before opset 11, inputs since. Left out, it is float's largest number; whole numbers
 * have no bound then. */
static enum stoa_status clip_bound(struct reference_run *run, size_t input, const char *attribute, float fallback,
                                   double *bound)
{
    *bound = stoa_reference_input(run, 0)->dtype == STOA_FLOAT ? (double)fallback : fallback < 0 ? -INFINITY : INFINITY;
    if (run->call->opset < 11) {
        if (stoa_reader_has(&run->reader, attribute))
            *bound = (double)stoa_read_float(&run->reader, attribute, fallback);
        return run->reader.status;
    }
    const struct reference_tensor *tensor = stoa_reference_input(run, input);
    if (tensor && stoa_reference_count(tensor) != 1)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu must be one number", input);
    if (tensor)
        *bound = tensor->values[0];
    return STOA_OK;
}

enum stoa_status stoa_reference_clip(struct reference_run *run)
{
    double bounds[2];
    STOA_TRY(clip_bound(run, 1, "min", -FLT_MAX, &bounds[0]));
    STOA_TRY(clip_bound(run, 2, "max", FLT_MAX, &bounds[1]));
    return map(run, clip, bounds);
}

enum stoa_status stoa_reference_prelu(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *slope = stoa_reference_input(run, 1);
    size_t rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0};
    STOA_TRY(stoa_reference_broadcast(run, x, &rank, dims));
    /* Before opset 7 a slope a channel, or one. */
    struct reference_tensor aligned = *slope;
    if (run->call->opset < 7)
        while (aligned.rank + 1 < x->rank)
            aligned.dims[aligned.rank++] = 1;
    slope = &aligned;
    STOA_TRY(stoa_reference_broadcast(run, slope, &rank, dims));
    struct reference_tensor *y, common = {.rank = rank};
    for (size_t i = 0; i < rank; i++)
        common.dims[i] = dims[i];
    if (!stoa_reference_same_dims(&common, x))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 does not broadcast to input 0");
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(rank, dims, index))
        y->values[i] = stoa_reference_leaky_relu_of(
            x->values[i], &slope->values[stoa_reference_offset(slope, rank, index)], &y->slack[i]);
    return STOA_OK;
}
