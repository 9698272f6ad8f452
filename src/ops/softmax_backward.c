/* Backward passes of Softmax, dx = y * (dy - sum(y * dy)), and LogSoftmax, dx = dy - e^y * sum(dy): both from y, along
 * the same axes. */
#include "ops/softmax.h"

#include "base/status.h"
#include "kernels/block_backward.h"
#include "ops/walk.h"

enum { Y, DY };

struct backward {
    const float *y, *dy;
    float *dx;
    bool logarithm;
};

static void unit_of_rows(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct backward *backward = context;
    const struct block *block = &unit->block;
    const float *y = backward->y + unit->x_offset, *dy = backward->dy + unit->y_offset;
    struct block of_dy = *block;
    of_dy.x_step = block->y_step;
    of_dy.x_lane = block->y_lane;
    float sum[WALK_LANES] = {0};
    size_t i, y_far, dy_far, dx_far;
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets(&walk->far, i, &y_far, &dy_far);
        if (backward->logarithm)
            stoa_block_sum(&of_dy, dy + dy_far, sum);
        else
            stoa_block_sum_products(block, y + y_far, dy + dy_far, sum);
    }
    for (i = 0; i < walk->far.count; i++) {
        stoa_walk_offsets_three(&walk->far, i, &y_far, &dy_far, &dx_far);
        float *dx = backward->dx + unit->z_offset + dx_far;
        if (backward->logarithm)
            stoa_block_subtract_exp(block, y + y_far, dy + dy_far, sum, dx);
        else
            stoa_block_subtract_times(block, y + y_far, dy + dy_far, sum, dx);
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, bool logarithm,
                            struct stoa_error *error)
{
    const struct stoa_tensor *y = &call->inputs[Y], *dy = &call->inputs[DY], *dx = &call->outputs[0];
    bool reduced[STOA_MAX_RANK];
    STOA_TRY(stoa_softmax_axes(call, error, reduced));
    struct walk walk;
    stoa_walk_plan_three(y->rank, y->dims, y->strides, dy->strides, dx->strides, reduced, WALK_ANY_AXIS, false, &walk);
    struct backward backward = {.y = y->data, .dy = dy->data, .dx = dx->data, .logarithm = logarithm};
    stoa_walk_run(&walk, run->pool, unit_of_rows, &backward);
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

const struct op stoa_op_softmax_backward = {
    .type = "SoftmaxBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .params_size = sizeof(struct softmax_params),
    .parse = stoa_softmax_parse,
    .infer = stoa_softmax_infer,
    .run = softmax_run,
};

const struct op stoa_op_log_softmax_backward = {
    .type = "LogSoftmaxBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .params_size = sizeof(struct softmax_params),
    .parse = stoa_softmax_parse,
    .infer = stoa_softmax_infer,
    .run = log_softmax_run,
};
