/* ReduceMean, GlobalAveragePool and GlobalMaxPool: one result for all elements along some axes. The mean of no elements
 * is NaN, as 0 / 0 is; the maximum of none is refused. */
#include "ops/reduce.h"

#include <math.h>

#include "base/status.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/walk.h"

enum stoa_status stoa_mean_parse(struct attribute_reader *reader, void *out)
{
    struct mean_params *params = out;
    stoa_read_integers(reader, "axes", &params->axes);
    params->keep = stoa_read_int(reader, "keepdims", 1, 0, 1) != 0;
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_mean_axes(const struct mean_params *params, size_t rank, struct stoa_error *error,
                                bool reduced[STOA_MAX_RANK])
{
    for (size_t i = 0; i < rank; i++)
        reduced[i] = true;
    return params->axes.count ? stoa_check_axes("axes", &params->axes, rank, error, reduced) : STOA_OK;
}

static enum stoa_status mean_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct mean_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    bool reduced[STOA_MAX_RANK];
    STOA_TRY(stoa_check_float(call, 0, "data", error));
    STOA_TRY(stoa_mean_axes(params, x->rank, error, reduced));
    y->dtype = STOA_FLOAT;
    y->rank = 0;
    for (size_t i = 0; i < x->rank; i++)
        if (!reduced[i] || params->keep)
            y->dims[y->rank++] = reduced[i] ? 1 : x->dims[i];
    return STOA_OK;
}

struct reduction {
    const float *x;
    float *y;
    bool maximum;
};

static void reduce_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct reduction *reduction = context;
    const struct block *block = &unit->block;
    float result[WALK_LANES];
    for (size_t l = 0; l < block->lanes; l++)
        result[l] = reduction->maximum ? -INFINITY : 0;
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, y_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &y_offset);
        const float *x = reduction->x + unit->x_offset + x_offset;
        if (reduction->maximum)
            stoa_block_max(block, x, result);
        else
            stoa_block_sum(block, x, result);
    }
    float *y = reduction->y + unit->y_offset;
    for (size_t l = 0; l < block->lanes; l++)
        y[l * block->y_lane] = reduction->maximum ? result[l] : result[l] / (float)walk->reduced;
}

static void reduce(const struct op_call *call, const struct op_run *run, const bool *reduced, const size_t *y_strides,
                   bool maximum)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, y_strides, reduced, WALK_ANY_AXIS, false, &walk);
    struct reduction reduction = {.x = x->data, .y = call->outputs[0].data, .maximum = maximum};
    stoa_walk_run(&walk, run->pool, reduce_unit, &reduction);
}

void stoa_mean_strides(const struct mean_params *params, const bool *reduced, const struct stoa_tensor *x,
                       const struct stoa_tensor *y, size_t strides[STOA_MAX_RANK])
{
    for (size_t i = 0, at = 0; i < x->rank; i++) {
        strides[i] = reduced[i] ? 0 : y->strides[at];
        at += !reduced[i] || params->keep;
    }
}

static enum stoa_status mean_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct mean_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    bool reduced[STOA_MAX_RANK];
    size_t y_strides[STOA_MAX_RANK];
    STOA_TRY(stoa_mean_axes(params, x->rank, error, reduced));
    stoa_mean_strides(params, reduced, x, y, y_strides);
    reduce(call, run, reduced, y_strides, false);
    return STOA_OK;
}

static enum stoa_status global_infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_least_rank(call, 0, "X", 3, error));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 2; i < call->outputs[0].rank; i++)
        call->outputs[0].dims[i] = 1;
    return STOA_OK;
}

static enum stoa_status global_max_infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(global_infer(call, error));
    for (size_t i = 2; i < call->inputs[0].rank; i++)
        if (call->inputs[0].dims[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input X has no elements along axis %zu to take a maximum of", i);
    return STOA_OK;
}

static void global_run(const struct op_call *call, const struct op_run *run, bool maximum)
{
    static const bool reduced[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};
    size_t y_strides[STOA_MAX_RANK] = {call->outputs[0].strides[0], call->outputs[0].strides[1]};
    reduce(call, run, reduced, y_strides, maximum);
}

static enum stoa_status global_average_run(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    global_run(call, run, false);
    return STOA_OK;
}

static enum stoa_status global_max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    global_run(call, run, true);
    return STOA_OK;
}

static const struct op_gradient mean_gradients[] = {
    {"ReduceMeanBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};
static const struct op_gradient average_gradients[] = {
    {"GlobalAveragePoolBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};
static const struct op_gradient max_gradients[] = {
    {"GlobalMaxPoolBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

const struct op stoa_op_reduce_mean = {
    .type = "ReduceMean",
    .since = 1,
    .until = 17,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = mean_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct mean_params),
    .parse = stoa_mean_parse,
    .infer = mean_infer,
    .run = mean_run,
};

const struct op stoa_op_global_average_pool = {
    .type = "GlobalAveragePool",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = average_gradients,
    .gradient_count = 1,
    .infer = global_infer,
    .run = global_average_run,
};

/* NaN propagates: the maximum of elements that include a NaN is NaN. */
const struct op stoa_op_global_max_pool = {
    .type = "GlobalMaxPool",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = max_gradients,
    .gradient_count = 1,
    .infer = global_max_infer,
    .run = global_max_run,
};
