/* Transpose: dimensions in another order, which is only a matter of strides. */
#include <stddef.h>

#include "base/status.h"
#include "ops/arguments.h"
#include "ops/move.h"
#include "ops/op.h"

enum stoa_status stoa_transpose_parse(struct attribute_reader *reader, void *params)
{
    stoa_read_integers(reader, "perm", &((struct transpose_params *)params)->perm);
    return stoa_reader_finish(reader);
}

size_t stoa_transpose_source(const struct transpose_params *params, size_t rank, size_t i)
{
    if (!params->perm.present)
        return rank - 1 - i;
    int64_t axis = params->perm.values[i];
    return (size_t)(axis < 0 ? axis + (int64_t)rank : axis);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct transpose_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    bool named[STOA_MAX_RANK];
    if (params->perm.present && params->perm.count != x->rank)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "attribute perm has %zu values, the input has rank %zu",
                         params->perm.count, x->rank);
    STOA_TRY(stoa_check_axes("perm", &params->perm, x->rank, error, named));
    y->dtype = x->dtype;
    y->rank = x->rank;
    for (size_t i = 0; i < x->rank; i++)
        y->dims[i] = x->dims[stoa_transpose_source(params, x->rank, i)];
    return STOA_OK;
}

static bool view(const struct op_call *call)
{
    const struct stoa_tensor *x = &call->inputs[0];
    for (size_t i = 0; i < x->rank; i++)
        call->outputs[0].strides[i] = x->strides[stoa_transpose_source(call->params, x->rank, i)];
    return true;
}

static const struct op_gradient gradients[] = {
    {"TransposeBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

const struct op stoa_op_transpose = {
    .type = "Transpose",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_VIEW,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct transpose_params),
    .parse = stoa_transpose_parse,
    .infer = infer,
    .view = view,
};
