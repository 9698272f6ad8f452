/* Operators that keep some elements: NonZero and Compress. How many those are is part of their output's dims, so what
 * decides about them must be known when a session is created. No gradients. */
#include <inttypes.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/op.h"

/* NonZero: the indices of all elements that are not 0 (NaN is not), in row-major order, one a column. */

static enum stoa_status infer_nonzero(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    size_t count = stoa_tensor_elements(x), found = 0;
    if (count)
        STOA_TRY(stoa_check_known(call, 0, "X", error));
    for (size_t i = 0; i < count; i++)
        found += stoa_tensor_load(x, stoa_tensor_offset(x, i)) != 0;
    y->dtype = STOA_INT64;
    y->rank = 2;
    y->dims[0] = x->rank;
    y->dims[1] = found;
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static enum stoa_status run_nonzero(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    (void)error;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t count = stoa_tensor_elements(x), column = 0;
    for (size_t i = 0; i < count; i++) {
        if (stoa_tensor_load(x, stoa_tensor_offset(x, i)) == 0)
            continue;
        size_t rest = i;
        for (size_t k = x->rank; k-- > 0; rest /= x->dims[k])
            ((int64_t *)y->data)[k * y->strides[0] + column * y->strides[1]] = (int64_t)(rest % x->dims[k]);
        column++;
    }
    return STOA_OK;
}

/* Compress: the slices along an axis, or without one the elements, whose condition is true. */

struct compress_params {
    bool has_axis;
    int64_t axis;
};

static enum stoa_status parse_compress(struct attribute_reader *reader, void *params_)
{
    struct compress_params *params = params_;
    params->has_axis = stoa_reader_has(reader, "axis");
    params->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    return stoa_reader_finish(reader);
}

static bool is_kept(const struct stoa_tensor *condition, size_t i)
{
    return ((const unsigned char *)condition->data)[i * condition->strides[0]] != 0;
}

static enum stoa_status infer_compress(const struct op_call *call, struct stoa_error *error)
{
    const struct compress_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *condition = &call->inputs[1];
    struct stoa_tensor *y = &call->outputs[0];
    char text[STOA_DIMS_TEXT];
    if (condition->dtype != STOA_BOOL || condition->rank != 1)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input condition is %s%s, must be bool of rank 1",
                         stoa_dtype_name(condition->dtype), stoa_dims_text(condition->rank, condition->dims, text));
    if (condition->dims[0])
        STOA_TRY(stoa_check_known(call, 1, "condition", error));
    size_t axis = 0, kept = 0, size = stoa_tensor_elements(x);
    stoa_same_as_input(call, 0, 0);
    if (params->has_axis) {
        STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
        size = x->dims[axis];
    } else {
        y->rank = 1;
    }
    for (size_t i = 0; i < condition->dims[0]; i++) {
        if (!is_kept(condition, i))
            continue;
        if (i >= size)
            return stoa_fail(error, STOA_ERROR_DATA, "condition[%zu] is true, but there are %zu to choose from", i,
                             size);
        kept++;
    }
    y->dims[axis] = kept;
    return stoa_tensor_measure(y, error, NULL, NULL);
}

/* Element or slice `index` of the tensor: dims of 1 from the axis on, or all of them. */
static struct stoa_tensor pick(const struct stoa_tensor *tensor, bool has_axis, size_t axis, size_t index)
{
    struct stoa_tensor part = *tensor;
    size_t offset = has_axis ? index * tensor->strides[axis] : stoa_tensor_offset(tensor, index);
    part.data = (char *)tensor->data + offset * stoa_dtype_size(tensor->dtype);
    if (has_axis)
        part.dims[axis] = 1;
    else
        part.rank = 0;
    return part;
}

static enum stoa_status run_compress(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct compress_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *condition = &call->inputs[1], *y = &call->outputs[0];
    size_t axis = 0, kept = 0;
    if (stoa_tensor_elements(y) == 0)
        return STOA_OK;
    if (params->has_axis)
        STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    for (size_t i = 0; i < condition->dims[0]; i++) {
        if (!is_kept(condition, i))
            continue;
        struct stoa_tensor from = pick(x, params->has_axis, axis, i), to = pick(y, params->has_axis, axis, kept++);
        stoa_nd_copy(&from, &to, run->pool);
    }
    return STOA_OK;
}

const struct op stoa_op_nonzero = {
    .type = "NonZero",
    .since = 9,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .value_inputs = 1,
    .infer = infer_nonzero,
    .run = run_nonzero,
};

const struct op stoa_op_compress = {
    .type = "Compress",
    .since = 9,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .value_inputs = 1 << 1,
    .params_size = sizeof(struct compress_params),
    .parse = parse_compress,
    .infer = infer_compress,
    .run = run_compress,
};
