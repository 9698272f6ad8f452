/* Gather: slices of the data along one axis, picked by index. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/indices.h"
#include "ops/move.h"
#include "ops/op.h"

enum stoa_status stoa_gather_parse(struct attribute_reader *reader, void *params)
{
    ((struct gather_params *)params)->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct gather_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *indices = &call->inputs[1];
    struct stoa_tensor *y = &call->outputs[0];
    size_t axis;
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    STOA_TRY(stoa_check_indices(call, 1, "indices", error));
    if (x->rank + indices->rank - 1 > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the output would have rank %zu, at most %d is taken",
                         x->rank + indices->rank - 1, STOA_MAX_RANK);
    y->dtype = x->dtype;
    y->rank = 0;
    for (size_t i = 0; i < axis; i++)
        y->dims[y->rank++] = x->dims[i];
    for (size_t i = 0; i < indices->rank; i++)
        y->dims[y->rank++] = indices->dims[i];
    for (size_t i = axis + 1; i < x->rank; i++)
        y->dims[y->rank++] = x->dims[i];
    return stoa_tensor_measure(y, error, NULL, NULL);
}

/* Splits element i of the indices into the index it holds and the output's offset it stands for. */
static int64_t index_at(const struct stoa_tensor *indices, const struct stoa_tensor *y, size_t axis, size_t i,
                        size_t *y_offset)
{
    size_t offset = 0;
    *y_offset = 0;
    for (size_t k = indices->rank; k-- > 0; i /= indices->dims[k]) {
        offset += i % indices->dims[k] * indices->strides[k];
        *y_offset += i % indices->dims[k] * y->strides[axis + k];
    }
    return stoa_index_load(indices, offset);
}

static void drop_axes(struct stoa_tensor *tensor, size_t first, size_t count)
{
    tensor->rank -= count;
    for (size_t i = first; i < tensor->rank; i++) {
        tensor->dims[i] = tensor->dims[i + count];
        tensor->strides[i] = tensor->strides[i + count];
    }
}

enum stoa_status stoa_gather_walk(const struct op_call *call, const struct stoa_tensor *x,
                                  const struct stoa_tensor *indices, const struct stoa_tensor *y, gather_each each,
                                  void *context, struct stoa_error *error)
{
    const struct gather_params *params = call->params;
    size_t axis, count = stoa_tensor_elements(indices), element = stoa_dtype_size(x->dtype);
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    struct stoa_tensor from = *x, to = *y;
    drop_axes(&from, axis, 1);
    drop_axes(&to, axis, indices->rank);
    for (size_t i = 0; i < count; i++) {
        size_t y_offset, row;
        STOA_TRY(stoa_index_resolve(index_at(indices, y, axis, i, &y_offset), x->dims[axis], axis, error, &row));
        if (stoa_tensor_elements(&from) == 0)
            continue;
        from.data = (char *)x->data + row * x->strides[axis] * element;
        to.data = (char *)y->data + y_offset * element;
        each(context, &from, &to);
    }
    return STOA_OK;
}

static void copy(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    stoa_nd_copy(x, y, pool);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return stoa_gather_walk(call, &call->inputs[0], &call->inputs[1], &call->outputs[0], copy, run->pool, error);
}

static const struct op_gradient gradients[] = {
    {"GatherBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {0}},
};

const struct op stoa_op_gather = {
    .type = "Gather",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct gather_params),
    .parse = stoa_gather_parse,
    .infer = infer,
    .run = run,
};
