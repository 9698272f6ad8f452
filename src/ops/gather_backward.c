/* Gradient of Gather: every part adds to the place it was picked from, in the order of the indices. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/move.h"
#include "ops/op.h"
#include "ops/table.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_gather, error);
}

static void add(void *pool, const struct stoa_tensor *dx, const struct stoa_tensor *dy)
{
    struct nd nd = stoa_nd_over(dx);
    stoa_nd_read(&nd, dx);
    stoa_nd_read(&nd, dy);
    stoa_nd_run(&nd, pool, stoa_arithmetic_loop(ARITHMETIC_ADD, dx->dtype), NULL);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    stoa_backward_clear(&call->outputs[0], run->pool);
    return stoa_gather_walk(call, &call->outputs[0], &call->inputs[2], &call->inputs[0], add, run->pool, error);
}

const struct op stoa_op_gather_backward = {
    .type = "GatherBackward",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1,
    .params_size = sizeof(struct gather_params),
    .parse = stoa_gather_parse,
    .infer = infer,
    .run = run,
};
