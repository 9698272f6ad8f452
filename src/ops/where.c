/* Where: elements of X where the condition is true and of Y where it is not, all three broadcast with each other. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "kernels/relation.h"
#include "ops/arguments.h"
#include "ops/op.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    enum stoa_dtype condition = call->inputs[0].dtype, x = call->inputs[1].dtype, y = call->inputs[2].dtype;
    if (condition != STOA_BOOL)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input condition is of type %s, must be bool",
                         stoa_dtype_name(condition));
    if (x != y)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input Y is of type %s, input X of %s", stoa_dtype_name(y),
                         stoa_dtype_name(x));
    call->outputs[0].dtype = x;
    return stoa_infer_broadcast(call, error);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *output = &call->outputs[0];
    struct nd nd = stoa_nd_over(output);
    for (size_t i = 0; i < 3; i++)
        stoa_nd_read(&nd, &call->inputs[i]);
    stoa_nd_run(&nd, run->pool, stoa_choice_loop(stoa_dtype_size(output->dtype)), NULL);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"WhereBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {1}},
    {"WhereBackwardOther", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 2}}, 1, {2}},
};

const struct op stoa_op_where = {
    .type = "Where",
    .since = 9,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .elementwise = true,
    .gradients = gradients,
    .gradient_count = sizeof gradients / sizeof *gradients,
    .infer = infer,
    .run = run,
};
