/* Gradients of GatherND and ScatterND, as scatter_elements_backward.c has them for single elements. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/scatter_nd.h"
#include "ops/table.h"

static enum stoa_status infer_gather(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_gather_nd, error);
}

static enum stoa_status run_gather(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    stoa_backward_clear(&call->outputs[0], run->pool);
    return stoa_tuples_walk(call->params, &call->outputs[0], &call->inputs[2], &call->inputs[0], stoa_part_add,
                            run->pool, error);
}

static enum stoa_status infer_scatter(const struct op_call *call, struct stoa_error *error)
{
    const struct tuples_params *params = call->params;
    return stoa_scatter_backward_infer(call, &stoa_op_scatter_nd, 1, params->reduction, error);
}

static enum stoa_status run_scatter(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct tuples_params *params = call->params;
    const struct stoa_tensor *dy = &call->inputs[0], *dx = &call->outputs[0];
    stoa_nd_copy(dy, dx, run->pool);
    if (params->reduction != SCATTER_NONE)
        return STOA_OK;
    struct stoa_tensor zeros = stoa_backward_zeros(&call->inputs[3]);
    return stoa_tuples_walk(params, dx, &call->inputs[2], &zeros, stoa_part_put, run->pool, error);
}

static enum stoa_status infer_updates(const struct op_call *call, struct stoa_error *error)
{
    const struct tuples_params *params = call->params;
    return stoa_scatter_backward_infer(call, &stoa_op_scatter_nd, 3, params->reduction, error);
}

static enum stoa_status run_updates(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return stoa_tuples_walk(call->params, &call->inputs[0], &call->inputs[2], &call->outputs[0], stoa_part_take,
                            run->pool, error);
}

SCATTER_BACKWARD(gather_nd_backward, "GatherNDBackward", 3, struct tuples_params, stoa_gather_nd_parse, infer_gather,
                 run_gather)
SCATTER_BACKWARD(scatter_nd_backward, "ScatterNDBackward", 4, struct tuples_params, stoa_scatter_nd_parse,
                 infer_scatter, run_scatter)
SCATTER_BACKWARD(scatter_nd_backward_updates, "ScatterNDBackwardUpdates", 4, struct tuples_params,
                 stoa_scatter_nd_parse, infer_updates, run_updates)
