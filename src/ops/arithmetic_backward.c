/* The gradients of arithmetic with broadcasting. Each operator here is one operand's: what a function makes of dY and
 * the forward operands at each index of Y, summed down to the operand's dims. The operand itself comes last, where only
 * its dims matter those alone; SumTo is the case where the function is dY itself. */
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/gradient.h"
#include "kernels/nd.h"
#include "kernels/nd_sum.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/table.h"

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

/* Of Where's gradients, behind dY. */
static bool is_condition(const struct op_call *call, size_t input)
{
    return input == 1 && call->inputs[1].dtype == STOA_BOOL &&
           (call->op == &stoa_op_where_backward || call->op == &stoa_op_where_backward_other);
}

static enum stoa_status check(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *gradient = &call->inputs[0];
    STOA_TRY(stoa_check_float(call, 0, "dY", error));
    for (size_t i = 1; i < call->input_count; i++) {
        const struct stoa_tensor *operand = &call->inputs[i];
        char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        if (!is_condition(call, i))
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
                     const struct stoa_tensor *result, nd_loop loop, const void *context)
{
    if (!stoa_tensor_same_dims(result, &call->inputs[0]))
        stoa_nd_sum(nd, run->pool, loop, context, run->shared);
    else if (loop)
        stoa_nd_run(nd, run->pool, loop, context);
    else
        stoa_nd_copy(&call->inputs[0], result, run->pool);
}

static size_t scratch(const struct op_call *call, const struct nd *nd, const struct stoa_tensor *result)
{
    return stoa_tensor_same_dims(result, &call->inputs[0]) ? 0 : stoa_nd_sum_scratch(nd);
}

/* How many of the inputs between dY and the operand, and the operand itself, are read. */
static size_t operands_read(const struct op_call *call)
{
    size_t last = call->input_count - 1;
    return call->op->dims_inputs >> last & 1 ? last - 1 : last;
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    struct nd nd = nest(call, &call->outputs[0], operands_read(call));
    call->shared_scratch = scratch(call, &nd, &call->outputs[0]);
    return STOA_OK;
}

static void run_one(const struct op_call *call, const struct op_run *run, nd_loop loop)
{
    struct nd nd = nest(call, &call->outputs[0], operands_read(call));
    sum_down(call, run, &nd, &call->outputs[0], loop, NULL);
}

static bool is_identity(const struct op_call *call)
{
    return stoa_tensor_same_dims(&call->inputs[0], &call->inputs[1]);
}

static const struct op_fusion fusion = {.is_identity = is_identity};

/* The inputs are dY, `inputs` - 2 other operands and the operand whose gradient it is. */
#define BACKWARD(name, type_, inputs, dims_inputs_, fusion_, loop)                                                     \
    static enum stoa_status run_##name(const struct op_call *call, const struct op_run *run, struct stoa_error *error) \
    {                                                                                                                  \
        (void)error;                                                                                                   \
        run_one(call, run, loop);                                                                                      \
        return STOA_OK;                                                                                                \
    }                                                                                                                  \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .dims_inputs = dims_inputs_,                                                                                   \
        .fusion = fusion_,                                                                                             \
        .elementwise = true,                                                                                           \
        .infer = infer,                                                                                                \
        .prepare = prepare,                                                                                            \
        .run = run_##name,                                                                                             \
    };
#define ARITHMETIC(operation) stoa_arithmetic_loop(ARITHMETIC_##operation, STOA_FLOAT)
#define GRADIENT(kind) stoa_arithmetic_gradient(GRADIENT_##kind)
BACKWARD(sum_to, "SumTo", 2, 1 << 1, &fusion, NULL)
BACKWARD(sub_backward, "SubBackward", 2, 1 << 1, NULL, GRADIENT(MINUS))
BACKWARD(mul_backward, "MulBackward", 3, 1 << 2, NULL, ARITHMETIC(MUL))
BACKWARD(div_backward, "DivBackward", 3, 1 << 2, NULL, ARITHMETIC(DIV))
BACKWARD(div_backward_divisor, "DivBackwardDivisor", 3, 0, NULL, GRADIENT(DIVISOR))
BACKWARD(pow_backward, "PowBackward", 3, 0, NULL, GRADIENT(BASE))
BACKWARD(pow_backward_exponent, "PowBackwardExponent", 3, 0, NULL, GRADIENT(EXPONENT))
BACKWARD(prelu_backward, "PReluBackward", 3, 0, NULL, GRADIENT(PRELU))
BACKWARD(prelu_backward_slope, "PReluBackwardSlope", 3, 1 << 2, NULL, GRADIENT(SLOPE))
BACKWARD(where_backward, "WhereBackward", 3, 1 << 2, NULL, GRADIENT(CHOSEN))
BACKWARD(where_backward_other, "WhereBackwardOther", 3, 1 << 2, NULL, GRADIENT(NOT_CHOSEN))

/* Sum, Mean, Max and Min: inputs dY, for the latter two Y, and all operands; an output for each operand. */

static size_t first_operand(const struct op_call *call)
{
    return call->op->min_inputs - 1u;
}

static enum stoa_status infer_all(const struct op_call *call, struct stoa_error *error)
{
    size_t first = first_operand(call), operands = call->input_count - first;
    STOA_TRY(check(call, error));
    if (call->output_count > operands)
        return stoa_fail(error, STOA_ERROR_GRAPH, "%zu outputs for %zu operands", call->output_count, operands);
    for (size_t i = 0; i < call->output_count; i++)
        if (call->outputs[i].dtype != STOA_NONE)
            stoa_same_as_input(call, first + i, i);
    return STOA_OK;
}

/* The most that one output's sum needs; outputs take turns. */
static size_t scratch_of_all(const struct op_call *call)
{
    size_t most = 0;
    for (size_t i = 0; i < call->output_count; i++) {
        const struct stoa_tensor *result = &call->outputs[i];
        if (result->dtype == STOA_NONE)
            continue;
        struct nd nd = nest(call, result, 0);
        most = stoa_size_max(most, scratch(call, &nd, result));
    }
    return most;
}

static enum stoa_status prepare_sum(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    call->shared_scratch = scratch_of_all(call);
    return STOA_OK;
}

static void sum_each_down(const struct op_call *call, const struct op_run *run, nd_loop loop, const void *context)
{
    for (size_t i = 0; i < call->output_count; i++) {
        const struct stoa_tensor *result = &call->outputs[i];
        if (result->dtype == STOA_NONE)
            continue;
        struct nd nd = nest(call, result, 0);
        sum_down(call, run, &nd, result, loop, context);
    }
}

static enum stoa_status run_sum(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    sum_each_down(call, run, NULL, NULL);
    return STOA_OK;
}

static enum stoa_status run_mean(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const float operands = (float)(call->input_count - first_operand(call));
    sum_each_down(call, run, GRADIENT(SHARE), &operands);
    return STOA_OK;
}

/* The scratch of Max and Min begins with a tensor of dY's dims, for each element's number of extremes, then the part of
 * dY that each of them gets. */
static struct stoa_tensor share_of(const struct op_call *call, void *data)
{
    const struct stoa_tensor *y = &call->inputs[1];
    struct stoa_tensor share = *y;
    share.data = data;
    if (y->rank >= 3 && y->strides[1] == 1)
        stoa_tensor_set_channels_last(&share);
    else
        stoa_tensor_set_plain(&share);
    return share;
}

static size_t share_bytes(const struct op_call *call)
{
    return stoa_size_round_up(stoa_tensor_bytes(&call->inputs[0]), STOA_ALIGNMENT);
}

static struct nd nest_of_extreme(const struct op_call *call, size_t operand, const struct stoa_tensor *share,
                                 const struct stoa_tensor *result)
{
    struct nd nd = stoa_nd_sum_over(&call->inputs[0], result);
    stoa_nd_read(&nd, &call->inputs[1]);
    stoa_nd_read(&nd, &call->inputs[operand]);
    stoa_nd_read(&nd, share);
    return nd;
}

static enum stoa_status prepare_extreme(struct op_call *call, const struct op_prepare *prepare,
                                        struct stoa_error *error)
{
    (void)prepare;
    size_t most = 0;
    struct stoa_tensor share = share_of(call, NULL);
    for (size_t i = 0; i < call->output_count; i++) {
        const struct stoa_tensor *result = &call->outputs[i];
        if (result->dtype == STOA_NONE)
            continue;
        struct nd nd = nest_of_extreme(call, first_operand(call) + i, &share, result);
        most = stoa_size_max(most, scratch(call, &nd, result));
    }
    if (!stoa_size_add(share_bytes(call), most, &call->shared_scratch))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the gradient needs more memory than there is");
    return STOA_OK;
}

/* Extremes that tie share dY evenly, as two do in PyTorch's maximum. */
static enum stoa_status run_extreme(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct stoa_tensor share = share_of(call, run->shared);
    struct op_run summing = *run;
    if (stoa_tensor_elements(&share)) {
        summing.shared = (char *)run->shared + share_bytes(call);
        memset(share.data, 0, stoa_tensor_bytes(&share));
    }
    for (size_t i = first_operand(call); i < call->input_count; i++) {
        struct nd nd = nest_of_extreme(call, i, &share, &share);
        stoa_nd_run(&nd, run->pool, GRADIENT(COUNT_EXTREMES), NULL);
    }
    struct nd divide = stoa_nd_over(&share);
    stoa_nd_read(&divide, &call->inputs[0]);
    stoa_nd_read(&divide, &share);
    stoa_nd_run(&divide, run->pool, ARITHMETIC(DIV), NULL);
    for (size_t i = 0; i < call->output_count; i++) {
        const struct stoa_tensor *result = &call->outputs[i];
        if (result->dtype == STOA_NONE)
            continue;
        struct nd nd = nest_of_extreme(call, first_operand(call) + i, &share, result);
        sum_down(call, &summing, &nd, result, GRADIENT(EXTREME), NULL);
    }
    return STOA_OK;
}

#define BACKWARD_OF_ALL(name, type_, inputs, dims_inputs_, prepare_, run_)                                             \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = 255,                                                                                             \
        .min_outputs = 0,                                                                                              \
        .max_outputs = 255,                                                                                            \
        .layout = OP_ANY,                                                                                              \
        .dims_inputs = dims_inputs_,                                                                                   \
        .infer = infer_all,                                                                                            \
        .prepare = prepare_,                                                                                           \
        .run = run_,                                                                                                   \
    };
BACKWARD_OF_ALL(sum_backward, "SumBackward", 2, 0xfe, prepare_sum, run_sum)
BACKWARD_OF_ALL(mean_backward, "MeanBackward", 2, 0xfe, prepare_sum, run_mean)
BACKWARD_OF_ALL(max_backward, "MaxBackward", 3, 0, prepare_extreme, run_extreme)
BACKWARD_OF_ALL(min_backward, "MinBackward", 3, 0, prepare_extreme, run_extreme)
