/* Gradients of GatherElements and ScatterElements. What was gathered adds to where it came from. What was scattered
 * gets the gradient of its place, and what lay there before gets none, unless the two were added. Each place is meant
 * to be written once: where it is not, all its updates get its gradient. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/scatter_elements.h"
#include "ops/table.h"

static enum stoa_status infer_gather(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_gather_elements, error);
}

static enum stoa_status run_gather(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct elements_params params = *(const struct elements_params *)call->params;
    params.reduction = SCATTER_ADD;
    stoa_backward_clear(&call->outputs[0], run->pool);
    return stoa_elements_scatter(&params, &call->outputs[0], &call->inputs[2], &call->inputs[0], error);
}

enum stoa_status stoa_scatter_backward_infer(const struct op_call *call, const struct op *forward, size_t input,
                                             enum scatter_reduction reduction, struct stoa_error *error)
{
    if (reduction != SCATTER_NONE && reduction != SCATTER_ADD)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "there are no gradients where attribute reduction is \"%s\"",
                         reduction == SCATTER_MUL   ? "mul"
                         : reduction == SCATTER_MAX ? "max"
                                                    : "min");
    STOA_TRY(stoa_backward_check(call, forward, error));
    stoa_same_as_input(call, input, 0);
    return STOA_OK;
}

static enum stoa_status infer_scatter(const struct op_call *call, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    return stoa_scatter_backward_infer(call, &stoa_op_scatter_elements, 1, params->reduction, error);
}

static enum stoa_status run_scatter(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    const struct stoa_tensor *dy = &call->inputs[0];
    stoa_nd_copy(dy, &call->outputs[0], run->pool);
    if (params->reduction != SCATTER_NONE)
        return STOA_OK;
    struct stoa_tensor zeros = stoa_backward_zeros(&call->inputs[3]);
    return stoa_elements_scatter(params, &call->outputs[0], &call->inputs[2], &zeros, error);
}

static enum stoa_status infer_updates(const struct op_call *call, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    return stoa_scatter_backward_infer(call, &stoa_op_scatter_elements, 3, params->reduction, error);
}

static enum stoa_status run_updates(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct elements_params *params = call->params;
    return stoa_elements_gather(params->axis, &call->inputs[0], &call->inputs[2], &call->outputs[0], run->pool, error);
}

SCATTER_BACKWARD(gather_elements_backward, "GatherElementsBackward", 3, struct elements_params,
                 stoa_gather_elements_parse, infer_gather, run_gather)
SCATTER_BACKWARD(scatter_elements_backward, "ScatterElementsBackward", 4, struct elements_params,
                 stoa_scatter_elements_parse, infer_scatter, run_scatter)
SCATTER_BACKWARD(scatter_elements_backward_updates, "ScatterElementsBackwardUpdates", 4, struct elements_params,
                 stoa_scatter_elements_parse, infer_updates, run_updates)
