/* Gradients of what only renames or reorders dimensions: the same the other way round, so views as well. Reshape,
 * Flatten, Squeeze and Unsqueeze share one, which has the dims of the forward operator's input. */
#include <stdint.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"
#include "ops/table.h"

/* What the forward operators have read matters to them alone. */
static enum stoa_status parse_reshape(struct attribute_reader *reader, void *params)
{
    (void)params;
    struct op_integers axes;
    stoa_read_int(reader, "allowzero", 0, INT64_MIN, INT64_MAX);
    stoa_read_int(reader, "axis", 0, INT64_MIN, INT64_MAX);
    stoa_read_integers(reader, "axes", &axes);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_identity(struct attribute_reader *reader, void *params)
{
    (void)params;
    stoa_read_float(reader, "ratio", 0);
    stoa_read_int(reader, "seed", 0, INT64_MIN, INT64_MAX);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_reshape(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *dy = &call->inputs[0], *x = &call->inputs[1];
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    if (dy->dtype != x->dtype || stoa_tensor_elements(dy) != stoa_tensor_elements(x))
        return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient has dims %s, the input %s",
                         stoa_dims_text(dy->rank, dy->dims, mine), stoa_dims_text(x->rank, x->dims, its));
    stoa_same_as_input(call, 1, 0);
    return STOA_OK;
}

static enum stoa_status infer_transpose(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_transpose, error);
}

static enum stoa_status infer_identity(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static bool view_transpose(const struct op_call *call)
{
    const struct stoa_tensor *dy = &call->inputs[0];
    for (size_t i = 0; i < dy->rank; i++)
        call->outputs[0].strides[stoa_transpose_source(call->params, dy->rank, i)] = dy->strides[i];
    return true;
}

static bool view_identity(const struct op_call *call)
{
    memcpy(call->outputs[0].strides, call->inputs[0].strides, sizeof call->outputs[0].strides);
    return true;
}

#define RENAMING(name, type_, inputs, params_size_, parse_, infer_, view_)                                             \
    const struct op stoa_op_##name##_backward = {                                                                      \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_VIEW,                                                                                             \
        .dims_inputs = 1 << 1,                                                                                         \
        .params_size = params_size_,                                                                                   \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .view = view_,                                                                                                 \
    };
RENAMING(reshape, "ReshapeBackward", 2, 0, parse_reshape, infer_reshape, stoa_reshape_view)
RENAMING(transpose, "TransposeBackward", 2, sizeof(struct transpose_params), stoa_transpose_parse, infer_transpose,
         view_transpose)
RENAMING(identity, "IdentityBackward", 1, 0, parse_identity, infer_identity, view_identity)
