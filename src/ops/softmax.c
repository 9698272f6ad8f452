/* Softmax and LogSoftmax: y = e^(x - m) / sum(e^(x - m)) with m the maximum, so that nothing overflows; its logarithm
 * is x - m - log(sum). Until opset 12 the tensor is taken as a matrix, split before `axis`, whose rows are normalised;
 * since 13 each line along `axis` is. Either way some axes are normalised together and the others are kept. */
#include "ops/softmax.h"

#include <math.h>

#include "base/status.h"
#include "ops/check.h"
#include "ops/walk.h"

enum stoa_status stoa_softmax_parse(struct attribute_reader *reader, void *out)
{
    struct softmax_params *params = out;
    params->flat = reader->opset < 13;
    params->axis = stoa_read_int(reader, "axis", params->flat ? 1 : -1, -STOA_MAX_RANK, STOA_MAX_RANK);
    return stoa_reader_finish(reader);
}

static enum stoa_status softmax_axis(const struct op_call *call, struct stoa_error *error, size_t *axis)
{
    const struct softmax_params *params = call->params;
    /* Split before or after everything, a matrix is still one. */
    return stoa_check_axis("axis", params->axis, call->inputs[0].rank, params->flat, error, axis);
}

enum stoa_status stoa_softmax_infer(const struct op_call *call, struct stoa_error *error)
{
    size_t axis;
    STOA_TRY(stoa_check_float(call, 0, "input", error));
    STOA_TRY(softmax_axis(call, error, &axis));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

enum stoa_status stoa_softmax_axes(const struct op_call *call, struct stoa_error *error, bool reduced[STOA_MAX_RANK])
{
    const struct softmax_params *params = call->params;
    size_t axis, rank = call->inputs[0].rank;
    STOA_TRY(softmax_axis(call, error, &axis));
    for (size_t i = 0; i < rank; i++)
        reduced[i] = i >= axis && (params->flat || i == axis);
    return STOA_OK;
}

struct softmax {
    const float *x;
    float *y;
    bool logarithm;
};

static void softmax_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct softmax *softmax = context;
    const struct block *block = &unit->block;
    struct block in_place = *block;
    in_place.x_step = block->y_step;
    in_place.x_lane = block->y_lane;
    const float *x = softmax->x + unit->x_offset;
    float *y = softmax->y + unit->y_offset;
    float most[WALK_LANES], sum[WALK_LANES];
    size_t i, x_far, y_far;

    for (size_t l = 0; l < block->lanes; l++) {
        most[l] = -INFINITY;
        sum[l] = 0;
    }
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_far, &y_far);
        stoa_block_max(block, x + x_far, most);
    }
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_far, &y_far);
        if (softmax->logarithm) {
            stoa_block_sum_exp(block, x + x_far, most, sum);
        } else {
            stoa_block_exp(block, x + x_far, most, y + y_far);
            stoa_block_sum(&in_place, y + y_far, sum);
        }
    }
    if (softmax->logarithm)
        for (size_t l = 0; l < block->lanes; l++)
            sum[l] = logf(sum[l]);
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &x_far, &y_far);
        if (softmax->logarithm)
            stoa_block_subtract(block, x + x_far, most, sum, y + y_far);
        else
            stoa_block_divide(&in_place, y + y_far, sum, y + y_far);
    }
}

static void normalise(const struct stoa_tensor *x, const struct stoa_tensor *y, const bool *reduced, bool logarithm,
                      struct pool *pool)
{
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, y->strides, reduced, WALK_ANY_AXIS, false, &walk);
    struct softmax softmax = {.x = x->data, .y = y->data, .logarithm = logarithm};
    stoa_walk_run(&walk, pool, softmax_unit, &softmax);
}

void stoa_log_softmax(const struct stoa_tensor *x, const struct stoa_tensor *y, const bool *reduced, struct pool *pool)
{
    normalise(x, y, reduced, true, pool);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, bool logarithm,
                            struct stoa_error *error)
{
    bool reduced[STOA_MAX_RANK];
    STOA_TRY(stoa_softmax_axes(call, error, reduced));
    normalise(&call->inputs[0], &call->outputs[0], reduced, logarithm, run->pool);
    return STOA_OK;
}

static enum stoa_status softmax_run(const struct op_call *call, const struct op_run *op_run, struct stoa_error *error)
{
    return run(call, op_run, false, error);
}

static enum stoa_status log_softmax_run(const struct op_call *call, const struct op_run *op_run,
                                        struct stoa_error *error)
{
    return run(call, op_run, true, error);
}

static const struct op_gradient gradients[] = {
    {"SoftmaxBackward", 2, {{OP_OUTPUT, 0}, {OP_GRADIENT, 0}}, 1, {0}},
};
static const struct op_gradient log_gradients[] = {
    {"LogSoftmaxBackward", 2, {{OP_OUTPUT, 0}, {OP_GRADIENT, 0}}, 1, {0}},
};

/* The entry serves every opset: parse sees which meaning holds. */
const struct op stoa_op_softmax = {
    .type = "Softmax",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct softmax_params),
    .parse = stoa_softmax_parse,
    .infer = stoa_softmax_infer,
    .run = softmax_run,
};

const struct op stoa_op_log_softmax = {
    .type = "LogSoftmax",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = log_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct softmax_params),
    .parse = stoa_softmax_parse,
    .infer = stoa_softmax_infer,
    .run = log_softmax_run,
};
