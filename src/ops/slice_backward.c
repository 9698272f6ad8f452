/* Gradient of Slice: what was taken gets its gradient, all else 0. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/move.h"
#include "ops/op.h"
#include "ops/table.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_slice, error);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *dy = &call->inputs[0], *dx = &call->outputs[0];
    struct stoa_tensor y;
    struct slice_range ranges[STOA_MAX_RANK];
    const struct op_call forward = stoa_backward_forward(call, &y);
    STOA_TRY(stoa_slice_ranges(&forward, error, ranges));
    if (stoa_tensor_elements(dy) != stoa_tensor_elements(dx))
        stoa_backward_clear(dx, run->pool);
    if (stoa_tensor_elements(dy) == 0)
        return STOA_OK;
    struct nd nd = stoa_nd_over(dy);
    stoa_slice_walk(ranges, dx, &nd.operands[0]);
    stoa_nd_read(&nd, dy);
    stoa_nd_copy_nest(&nd, run->pool);
    return STOA_OK;
}

const struct op stoa_op_slice_backward = {
    .type = "SliceBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 6,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1,
    .params_size = sizeof(struct slice_params),
    .parse = stoa_slice_parse,
    .infer = infer,
    .run = run,
};
