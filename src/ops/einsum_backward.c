/* The backward passes of Einsum: an operand's gradient is the Einsum of the output's gradient and the other operand,
 * spread over indices that only the operand has, and onto its diagonal where a label names two of its dimensions. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/einsum.h"

enum { DY, A, B };

static enum stoa_status find(const struct op_call *call, struct stoa_error *error, struct einsum_indices *indices)
{
    return stoa_einsum_indices(call->params, &call->inputs[A], stoa_op_has_input(call, B) ? &call->inputs[B] : NULL,
                               &call->inputs[DY], false, error, indices);
}

static enum stoa_status infer(const struct op_call *call, size_t input, struct stoa_error *error)
{
    const struct einsum_params *params = call->params;
    if (1 + params->inputs != 2u + stoa_op_has_input(call, B) || !stoa_op_has_input(call, input))
        return stoa_fail(error, STOA_ERROR_GRAPH, "attribute equation has %zu operands", params->inputs);
    for (size_t i = DY; i <= B; i++)
        STOA_TRY(stoa_check_float(call, i, "of Einsum", error));
    stoa_same_as_input(call, input, 0);
    return STOA_OK;
}

static struct contraction contraction_of(const struct op_call *call, const struct einsum_indices *indices, size_t input)
{
    size_t mine = input == A ? EINSUM_A : EINSUM_B, other = input == A ? EINSUM_B : EINSUM_A;
    return stoa_einsum_contraction(indices, STOA_FLOAT, EINSUM_Y, stoa_op_has_input(call, B) ? other : EINSUM_TENSORS,
                                   mine);
}

static enum stoa_status prepare(struct op_call *call, size_t input, struct stoa_error *error)
{
    struct einsum_indices indices;
    STOA_TRY(find(call, error, &indices));
    if (!stoa_op_has_input(call, B))
        return STOA_OK;
    struct contraction contraction = contraction_of(call, &indices, input);
    return stoa_contraction_scratch(&contraction, error, &call->shared_scratch);
}

/* Of one operand: each element of it that was added to an output's takes that one's gradient. */
static void spread(const struct contraction *contraction, const struct op_call *call, struct pool *pool)
{
    struct nd nd = {.rank = contraction->rank, .operand_count = 2};
    for (size_t i = 0; i < nd.rank; i++) {
        nd.dims[i] = contraction->dims[i];
        nd.operands[0].strides[i] = (ptrdiff_t)contraction->z[i];
        nd.operands[1].strides[i] = (ptrdiff_t)contraction->x[i];
    }
    nd.operands[0].data = call->outputs[0].data;
    nd.operands[1].data = call->inputs[DY].data;
    nd.operands[0].size = nd.operands[1].size = sizeof(float);
    stoa_nd_copy_nest(&nd, pool);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, size_t input,
                            struct stoa_error *error)
{
    const struct einsum_params *params = call->params;
    struct einsum_indices indices;
    STOA_TRY(find(call, error, &indices));
    struct contraction contraction = contraction_of(call, &indices, input);
    if (stoa_einsum_is_diagonal(&params->terms[input - A]))
        stoa_backward_clear(&call->outputs[0], run->pool);
    if (stoa_op_has_input(call, B))
        stoa_contraction_run(&contraction, call->inputs[DY].data, call->inputs[input == A ? B : A].data,
                             call->outputs[0].data, run->shared, run->pool);
    else
        spread(&contraction, call, run->pool);
    return STOA_OK;
}

#define BACKWARD(name, type_, input, least_inputs)                                                                     \
    static enum stoa_status infer_##name(const struct op_call *call, struct stoa_error *error)                         \
    {                                                                                                                  \
        return infer(call, input, error);                                                                              \
    }                                                                                                                  \
    static enum stoa_status prepare_##name(struct op_call *call, const struct op_prepare *op_prepare,                  \
                                           struct stoa_error *error)                                                   \
    {                                                                                                                  \
        (void)op_prepare;                                                                                              \
        return prepare(call, input, error);                                                                            \
    }                                                                                                                  \
    static enum stoa_status run_##name(const struct op_call *call, const struct op_run *op_run,                        \
                                       struct stoa_error *error)                                                       \
    {                                                                                                                  \
        return run(call, op_run, input, error);                                                                        \
    }                                                                                                                  \
    const struct op stoa_op_einsum_backward_##name = {                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = 3,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_PLAIN,                                                                                            \
        .params_size = sizeof(struct einsum_params),                                                                   \
        .parse = stoa_einsum_parse,                                                                                    \
        .infer = infer_##name,                                                                                         \
        .prepare = prepare_##name,                                                                                     \
        .run = run_##name,                                                                                             \
    };
BACKWARD(a, "EinsumBackwardA", A, 2)
BACKWARD(b, "EinsumBackwardB", B, 3)
