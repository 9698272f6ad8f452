/* The gradients of arithmetic with broadcasting. Each operator here is one operand's: what a function makes of dY and
 * the forward operands at each index of Y, summed down to the operand's dims. The operand itself comes last, where only
 * its dims matter those alone; SumTo is the case where the function is dY itself. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "kernels/nd_sum.h"
#include "ops/check.h"
#include "ops/op.h"

/* Whether the tensor broadcasts to the dims of dY. */
static bool fits(const struct stoa_tensor *tensor, const struct stoa_tensor *gradient)
{
    if (tensor->rank > gradient->rank)
        return false;
    for (size_t i = 0; i < tensor->rank; i++)
        if (tensor->dims[i] != 1 && tensor->dims[i] != gradient->dims[gradient->rank - tensor->rank + i])
            return false;
    return true;
}

static enum stoa_status check(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *gradient = &call->inputs[0];
    STOA_TRY(stoa_check_float(call, 0, "dY", error));
    for (size_t i = 1; i < call->input_count; i++) {
        const struct stoa_tensor *operand = &call->inputs[i];
        char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        STOA_TRY(stoa_check_float(call, i, "operand", error));
        if (!fits(operand, gradient))
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %zu has dims %s, which do not broadcast to %s of dY", i,
                             stoa_dims_text(operand->rank, operand->dims, mine),
                             stoa_dims_text(gradient->rank, gradient->dims, its));
    }
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(check(call, error));
    stoa_same_as_input(call, call->input_count - 1, 0);
    return STOA_OK;
}

/* The nest of one gradient: it, dY and `operands` of the others. */
static struct nd nest(const struct op_call *call, const struct stoa_tensor *result, size_t operands)
{
    struct nd nd = stoa_nd_sum_over(&call->inputs[0], result);
    for (size_t i = 0; i <= operands; i++)
        stoa_nd_read(&nd, &call->inputs[i]);
    return nd;
}

/* A null loop passes dY on. */
static void sum_down(const struct op_call *call, const struct op_run *run, const struct nd *nd,
                     const struct stoa_tensor *result, nd_loop loop)
{
    if (!stoa_tensor_same_dims(result, &call->inputs[0]))
        stoa_nd_sum(nd, run->pool, loop, NULL, run->shared);
    else if (loop)
        stoa_nd_run(nd, run->pool, loop, NULL);
    else
        stoa_nd_copy(&call->inputs[0], result, run->pool);
}

static size_t scratch(const struct op_call *call, const struct nd *nd, const struct stoa_tensor *result)
{
    return stoa_tensor_same_dims(result, &call->inputs[0]) ? 0 : stoa_nd_sum_scratch(nd);
}

static bool is_identity(const struct op_call *call)
{
    return stoa_tensor_same_dims(&call->inputs[0], &call->inputs[1]);
}

static enum stoa_status prepare_sum_to(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    struct nd nd = nest(call, &call->outputs[0], 0);
    call->shared_scratch = scratch(call, &nd, &call->outputs[0]);
    return STOA_OK;
}

static enum stoa_status run_sum_to(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct nd nd = nest(call, &call->outputs[0], 0);
    sum_down(call, run, &nd, &call->outputs[0], NULL);
    return STOA_OK;
}

const struct op stoa_op_sum_to = {
    .type = "SumTo",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1,
    .is_identity = is_identity,
    .elementwise = true,
    .infer = infer,
    .prepare = prepare_sum_to,
    .run = run_sum_to,
};
