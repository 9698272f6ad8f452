/* Backward passes of ReduceMean, GlobalAveragePool and GlobalMaxPool. A mean's gradient goes to all of its elements in
 * equal parts, a maximum's to the first that has it (to the last NaN, if there are any), as in PyTorch. */
#include "ops/reduce.h"

#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/block_backward.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/walk.h"

enum { DY, X };

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

/* dx <- dy / the number of elements that share it */
static void share(const struct op_call *call, const struct op_run *run, const size_t *dy_strides)
{
    const struct stoa_tensor *dx = &call->outputs[0], *dy = &call->inputs[DY];
    struct nd nd = stoa_nd_over(dx);
    size_t elements = stoa_tensor_elements(dx);
    const float part = elements ? (float)((double)stoa_tensor_elements(dy) / (double)elements) : 0;
    nd.operand_count = 2;
    nd.operands[1] = (struct nd_operand){.data = dy->data, .size = sizeof(float)};
    for (size_t i = 0; i < dx->rank; i++)
        nd.operands[1].strides[i] = (ptrdiff_t)dy_strides[i];
    stoa_nd_run(&nd, run->pool, stoa_scale_loop, &part);
}

static enum stoa_status mean_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct mean_params *params = call->params;
    const struct stoa_tensor *dx = &call->outputs[0];
    bool reduced[STOA_MAX_RANK];
    size_t strides[STOA_MAX_RANK];
    STOA_TRY(stoa_mean_axes(params, dx->rank, error, reduced));
    stoa_mean_strides(params, reduced, dx, &call->inputs[DY], strides);
    share(call, run, strides);
    return STOA_OK;
}

static enum stoa_status global_average_run(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *dy = &call->inputs[DY];
    size_t strides[STOA_MAX_RANK] = {dy->strides[0], dy->strides[1]};
    share(call, run, strides);
    return STOA_OK;
}

struct maximum {
    const struct stoa_tensor *dy;
    const float *x;
    float *dx;
};

/* A unit has all elements of some channels of one image; y is dx. */
static void maximum_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct maximum *maximum = context;
    const struct block *block = &unit->block;
    const struct stoa_tensor *dy = maximum->dy;
    const float *of = (const float *)dy->data + unit->outer * dy->strides[0];
    float best[WALK_LANES];
    float *place[WALK_LANES] = {0};
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, dx_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &dx_offset);
        const float *x = maximum->x + unit->x_offset + x_offset;
        float *dx = maximum->dx + unit->y_offset + dx_offset;
        for (size_t r = 0; r < block->count; r++)
            for (size_t l = 0; l < block->lanes; l++) {
                float value = x[r * block->x_step + l * block->x_lane];
                float *at = &dx[r * block->y_step + l * block->y_lane];
                *at = 0;
                if (place[l] && !(value > best[l]) && !isnan(value))
                    continue;
                best[l] = value;
                place[l] = at;
            }
    }
    for (size_t l = 0; l < block->lanes; l++)
        if (place[l])
            *place[l] = of[(unit->lane + l) * dy->strides[1]];
}

static enum stoa_status global_max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    static const bool pixels[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};
    const struct stoa_tensor *x = &call->inputs[X], *dx = &call->outputs[0];
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, dx->strides, pixels, 1, false, &walk);
    struct maximum maximum = {.dy = &call->inputs[DY], .x = x->data, .dx = dx->data};
    stoa_walk_run(&walk, run->pool, maximum_unit, &maximum);
    return STOA_OK;
}

const struct op stoa_op_reduce_mean_backward = {
    .type = "ReduceMeanBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << X,
    .params_size = sizeof(struct mean_params),
    .parse = stoa_mean_parse,
    .infer = infer,
    .run = mean_run,
};

const struct op stoa_op_global_average_pool_backward = {
    .type = "GlobalAveragePoolBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << X,
    .infer = infer,
    .run = global_average_run,
};

const struct op stoa_op_global_max_pool_backward = {
    .type = "GlobalMaxPoolBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .infer = infer,
    .run = global_max_run,
};
