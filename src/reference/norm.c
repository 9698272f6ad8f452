/* Normalisations. Each states its slack beside the function. */
#include <math.h>

#include "reference/norm.h"

static enum stoa_status check_channel_inputs(struct reference_run *run, size_t first, size_t last, size_t channels)
{
    for (size_t i = first; i <= last; i++) {
        const struct reference_tensor *tensor = stoa_reference_input(run, i);
        if (tensor->rank != 1 || tensor->dims[0] != channels)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu must be one number for each of the %zu channels",
                             i, channels);
    }
    return STOA_OK;
}

/* y = (x - mean) * s + b, s = scale / sqrt(var + epsilon). s has four roundings, and those who fold it all into
 * x * s + (b - mean * s) see the terms cancel: 8 * (|x*s| + |mean*s| + |b|). */
enum stoa_status stoa_reference_batch_norm(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    int64_t training = stoa_read_int(&run->reader, "training_mode", 0, 0, 1);
    int64_t spatial = stoa_read_int(&run->reader, "spatial", 1, 0, 1);
    STOA_TRY(run->reader.status);
    if (!spatial)
        return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "spatial is 0");
    if (training || (run->call->opset < 14 && run->call->output_count > 1))
        return stoa_reference_batch_norm_training(run);
    if (!x->rank)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 is a scalar");
    size_t channels = x->rank > 1 ? x->dims[1] : 1;
    STOA_TRY(check_channel_inputs(run, 1, 4, channels));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));

    size_t pixels = stoa_reference_product(x, x->rank > 1 ? 2 : 1, x->rank);
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        size_t c = i / pixels % channels;
        double s = stoa_reference_input(run, 1)->values[c] / sqrt(stoa_reference_input(run, 4)->values[c] + epsilon);
        double b = stoa_reference_input(run, 2)->values[c], mean = stoa_reference_input(run, 3)->values[c];
        y->values[i] = (x->values[i] - mean) * s + b;
        y->slack[i] = 8 * (fabs(x->values[i] * s) + fabs(mean * s) + fabs(b)) + (x->slack ? x->slack[i] * fabs(s) : 0);
    }
    return STOA_OK;
}

/* Elements that are normalised together, K in all, of which `each` one after the other share a scale and a bias: one
 * channel of one image, or a group of them. A float mean of K elements is off by at most E = (K + 1) * mean |x|. The
 * deviations d = x - mean inherit that, so that the variance (as the mean of d*d: the textbook's E[x^2] - mean^2
 * cancels and is not granted) is off by V = (K + 6) * var + 2 E mean |d| + u E^2. Through s = scale / sqrt(var +
 * epsilon) that weighs |s*d| V / (2 (var + epsilon)). Then E again for x - mean, the roundings of s and of the last
 * steps, and room for x * s + (b - mean * s). */
static void normalise(size_t K, const double *x, size_t each, const double *scales, const double *biases,
                      double epsilon, double *y, double *slack)
{
    double count = (double)K, sum = 0, magnitude = 0, squares = 0, spread = 0;
    for (size_t i = 0; i < K; i++) {
        sum += x[i];
        magnitude += fabs(x[i]);
    }
    double mean = sum / count;
    for (size_t i = 0; i < K; i++) {
        squares += (x[i] - mean) * (x[i] - mean);
        spread += fabs(x[i] - mean);
    }
    double variance = squares / count;
    double mean_error = (count + 1) * magnitude / count;
    double variance_error =
        (count + 6) * variance + 2 * mean_error * spread / count + mean_error * mean_error * 0x1p-24;
    for (size_t i = 0; i < K; i++) {
        double d = x[i] - mean, s = scales[i / each] / sqrt(variance + epsilon), b = biases[i / each];
        y[i] = d * s + b;
        slack[i] = fabs(s) * mean_error + fabs(s * d) * (variance_error / (2 * (variance + epsilon)) + 6) +
                   4 * (fabs(x[i] * s) + fabs(mean * s) + fabs(b));
    }
}

enum stoa_status stoa_reference_instance_norm(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    double epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    if (x->rank < 3)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has rank %zu, must be 3 or more", x->rank);
    size_t channels = x->dims[1], pixels = stoa_reference_product(x, 2, x->rank);
    STOA_TRY(check_channel_inputs(run, 1, 2, channels));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t plane = 0; plane < x->dims[0] * channels; plane++)
        normalise(pixels, x->values + plane * pixels, pixels, stoa_reference_input(run, 1)->values + plane % channels,
                  stoa_reference_input(run, 2)->values + plane % channels, epsilon, y->values + plane * pixels,
                  y->slack + plane * pixels);
    return STOA_OK;
}

enum stoa_status stoa_reference_group_norm_read(struct reference_run *run, const struct reference_tensor *x,
                                                struct group_norm *norm)
{
    *norm = (struct group_norm){.epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f),
                                .groups = (size_t)stoa_read_int(&run->reader, "num_groups", 1, 1, INT32_MAX),
                                .by_group = run->call->opset < 21};
    if (!norm->by_group)
        stoa_read_int(&run->reader, "stash_type", 1, 1, 1);
    STOA_TRY(run->reader.status);
    if (x->rank < 3 || x->dims[1] % norm->groups)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "there are no images whose channels fall into %zu groups",
                         norm->groups);
    norm->size = x->dims[1] / norm->groups;
    return STOA_OK;
}

/* Scale and bias are one number a channel, before opset 21 one a group. */
enum stoa_status stoa_reference_group_norm(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct group_norm norm;
    STOA_TRY(stoa_reference_group_norm_read(run, x, &norm));
    const size_t pixels = stoa_reference_product(x, 2, x->rank);
    STOA_TRY(check_channel_inputs(run, 1, 2, norm.by_group ? norm.groups : x->dims[1]));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    const size_t K = norm.size * pixels, each = norm.by_group ? K : pixels;
    for (size_t i = 0; K && i < x->dims[0] * norm.groups; i++) {
        const size_t first = i % norm.groups * (norm.by_group ? 1 : norm.size);
        normalise(K, x->values + i * K, each, stoa_reference_input(run, 1)->values + first,
                  stoa_reference_input(run, 2)->values + first, norm.epsilon, y->values + i * K, y->slack + i * K);
    }
    return STOA_OK;
}

/* y = x / t^beta, t = bias + alpha/size * (sum of n squares). t is off by E = (n + 4) * alpha/size * squares + |t|; the
 * power is granted 8 and, for those who write it as exp(beta * log t), 2 |beta log t|:
 * |y| * (|beta| E / |t| + 10 + 2 |beta log t|). */
enum stoa_status stoa_reference_lrn(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    double alpha = (double)stoa_read_float(&run->reader, "alpha", 0.0001f);
    double beta = (double)stoa_read_float(&run->reader, "beta", 0.75f);
    double bias = (double)stoa_read_float(&run->reader, "bias", 1);
    int64_t size = stoa_read_int(&run->reader, "size", 0, 1, INT32_MAX);
    STOA_TRY(run->reader.status);
    if (!size)
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute size is missing");
    if (x->rank < 2)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has rank %zu, must be 2 or more", x->rank);
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));

    size_t channels = x->dims[1], pixels = stoa_reference_product(x, 2, x->rank);
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        int64_t c = (int64_t)(i / pixels % channels), first = c - (size - 1) / 2, last = c + size / 2;
        double squares = 0, terms = 0;
        for (int64_t k = first < 0 ? 0 : first; k <= last && k < (int64_t)channels; k++, terms++) {
            double element = x->values[(int64_t)i + (k - c) * (int64_t)pixels];
            squares += element * element;
        }
        double share = alpha / (double)size * squares, t = bias + share;
        double error = (terms + 4) * fabs(share) + fabs(t);
        y->values[i] = x->values[i] / pow(t, beta);
        y->slack[i] = fabs(y->values[i]) * (fabs(beta) * error / fabs(t) + 10 + 2 * fabs(beta * log(fabs(t))));
    }
    return STOA_OK;
}
