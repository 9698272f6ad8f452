/* The backward pass of LRN. */
#include "base/size.h"
#include "base/status.h"
#include "ops/check.h"
#include "ops/lrn.h"
#include "ops/walk.h"

enum { DY, X };

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

static void plan(const struct op_call *call, struct walk *walk)
{
    static const bool reduced[STOA_MAX_RANK] = {false, true};
    const struct stoa_tensor *x = &call->inputs[X];
    stoa_walk_plan_three(x->rank, x->dims, x->strides, call->inputs[DY].strides, call->outputs[0].strides, reduced,
                         WALK_ANY_AXIS, false, walk);
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    struct walk walk;
    plan(call, &walk);
    if (!stoa_size_mul(walk.block.count, 2 * sizeof(float) * stoa_size_min(walk.lanes, walk.block.lanes),
                       &call->worker_scratch))
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu channels are too many", walk.block.count);
    return STOA_OK;
}

struct context {
    struct lrn lrn;
    const struct op_call *call;
    const struct op_run *run;
};

static void unit_of_pixels(void *argument, const struct walk *walk, const struct walk_unit *unit)
{
    (void)walk; /* one axis is reduced, so there is no far part */
    const struct context *context = argument;
    const struct op_call *call = context->call;
    stoa_lrn_backward_block(&context->lrn, &unit->block, (const float *)call->inputs[X].data + unit->x_offset,
                            (const float *)call->inputs[DY].data + unit->y_offset,
                            stoa_op_worker(context->run, unit->worker),
                            (float *)call->outputs[0].data + unit->z_offset);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct walk walk;
    plan(call, &walk);
    struct context context = {.lrn = stoa_lrn_within(call->params, call->inputs[X].dims[1]), .call = call, .run = run};
    stoa_walk_run(&walk, run->pool, unit_of_pixels, &context);
    return STOA_OK;
}

const struct op stoa_op_lrn_backward = {
    .type = "LRNBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .params_size = sizeof(struct lrn),
    .parse = stoa_lrn_parse,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
