/* GroupNormalization: y = (x - mean) / sqrt(variance + epsilon) * scale + bias, the mean and variance being those of a
 * group of channels of one image; scale and bias are one number a channel, before opset 21 one a group.
 *
 * The moments of each channel are taken as InstanceNormalization's are, and joined in double: a group's variance is the
 * mean of its channels' variances and of the squares by which their means are away from its own (Chan, Golub, LeVeque:
 * Algorithms for computing the sample variance, 1983). So channels lie as they like, and none is read across. */
#include "ops/group_norm.h"

#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "ops/check.h"
#include "ops/norm.h"

enum stoa_status stoa_group_norm_parse(struct attribute_reader *reader, void *out)
{
    struct group_norm_params *params = out;
    params->epsilon = stoa_norm_epsilon(reader);
    stoa_reader_require(reader, "num_groups");
    params->groups = (size_t)stoa_read_int(reader, "num_groups", 1, 1, INT32_MAX);
    params->by_group = reader->opset < 21;
    int64_t stash_type = params->by_group ? STOA_FLOAT : stoa_read_int(reader, "stash_type", STOA_FLOAT, 0, INT32_MAX);
    if (stash_type != STOA_FLOAT)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute stash_type is %d, only 1 (float) is supported",
                         (int)stash_type);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"X", "scale", "bias"};
    const struct group_norm_params *params = call->params;
    STOA_TRY(stoa_check_float(call, X, names[X], error));
    STOA_TRY(stoa_check_least_rank(call, X, names[X], 3, error));
    const size_t channels = call->inputs[X].dims[1];
    if (channels % params->groups)
        return stoa_fail(error, STOA_ERROR_SHAPE, "attribute num_groups is %zu, which does not divide X's %zu channels",
                         params->groups, channels);
    for (size_t i = SCALE; i <= BIAS; i++) {
        STOA_TRY(stoa_check_float(call, i, names[i], error));
        STOA_TRY(stoa_check_vector(call, i, names[i], params->by_group ? params->groups : channels,
                                   params->by_group ? "attribute num_groups" : "C of input X", error));
    }
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

static unsigned takes(const struct op_call *call)
{
    (void)call;
    return OP_TAKES_ACTIVATION;
}

/* In scratch: of each channel of each image the mean and the variance, which become what to subtract and the factor;
 * then a bias for each channel. */
static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    const struct stoa_tensor *x = &call->inputs[X];
    size_t floats;
    if (!stoa_size_mul(x->dims[0], 2, &floats) || !stoa_size_add(floats, 1, &floats) ||
        !stoa_size_mul(floats, x->dims[1], &floats) || !stoa_size_mul(floats, sizeof(float), &call->shared_scratch))
        return stoa_fail(error, STOA_ERROR_LIMIT, "input X has too many channels");
    return STOA_OK;
}

struct moments {
    const float *x;
    float *mean, *variance;
};

static void moments_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct moments *moments = context;
    const size_t at = unit->outer * walk->block.lanes + unit->lane;
    stoa_norm_moments(moments->x, walk, unit, moments->mean + at, moments->variance + at);
}

void stoa_group_norm_moments(const float *x, const struct walk *walk, struct pool *pool, float *mean, float *variance)
{
    struct moments moments = {.x = x, .mean = mean, .variance = variance};
    stoa_walk_run(walk, pool, moments_unit, &moments);
}

void stoa_group_norm_join(size_t count, const float *means, const float *variances, double *mean, double *variance)
{
    double sum = 0, squares = 0;
    for (size_t c = 0; c < count; c++)
        sum += (double)means[c];
    *mean = sum / (double)count;
    for (size_t c = 0; c < count; c++) {
        double away = (double)means[c] - *mean;
        squares += (double)variances[c] + away * away;
    }
    *variance = squares / (double)count;
}

struct grouping {
    struct norm norm;
    size_t channels;
    float *mean, *factor, *bias;
};

static void normalise_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct grouping *grouping = context;
    const size_t at = unit->outer * grouping->channels + unit->lane;
    stoa_normalise(&grouping->norm, walk, unit, grouping->mean + at, grouping->factor + at,
                   grouping->bias + unit->lane);
}

/* The channels of a group have these means and variances; they get what they are to be normalised by. */
static void join(const struct group_norm_params *params, size_t count, const float *scale, float *mean, float *factor)
{
    double joint, variance;
    stoa_group_norm_join(count, mean, factor, &joint, &variance);
    const double deviation = sqrt(variance + (double)params->epsilon);
    for (size_t c = 0; c < count; c++) {
        mean[c] = (float)joint;
        factor[c] = (float)((double)scale[params->by_group ? 0 : c] / deviation);
    }
}

static void plan(const struct op_call *call, bool elementwise, struct walk *walk)
{
    static const bool pixels[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};
    const struct stoa_tensor *x = &call->inputs[X];
    stoa_walk_plan(x->rank, x->dims, x->strides, call->outputs[0].strides, pixels, 1, elementwise, walk);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct group_norm_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[X];
    const float *scale = call->inputs[SCALE].data, *bias = call->inputs[BIAS].data;
    const size_t images = x->dims[0], channels = x->dims[1], each = channels / params->groups;
    float *mean = run->shared, *factor = mean + images * channels;
    struct grouping grouping = {
        .norm = {.x = x->data, .y = call->outputs[0].data, .activation = call->epilogue.activation},
        .channels = channels,
        .mean = mean,
        .factor = factor,
        .bias = factor + images * channels};
    struct walk walk;
    plan(call, false, &walk);
    stoa_group_norm_moments(x->data, &walk, run->pool, mean, factor);
    for (size_t c = 0; c < channels; c++)
        grouping.bias[c] = bias[params->by_group ? c / each : c];
    for (size_t c = 0; c < images * channels; c += each)
        join(params, each, scale + c % channels / (params->by_group ? each : 1), mean + c, factor + c);
    plan(call, true, &walk);
    stoa_walk_run(&walk, run->pool, normalise_unit, &grouping);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"GroupNormalizationBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, X}, {OP_INPUT, SCALE}}, 3, {X, SCALE, BIAS}},
};

static const struct op_fusion fusion = {.takes = takes};

const struct op stoa_op_group_normalization = {
    .type = "GroupNormalization",
    .since = 18,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .parameters = 1 << SCALE | 1 << BIAS,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct group_norm_params),
    .fusion = &fusion,
    .parse = stoa_group_norm_parse,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
