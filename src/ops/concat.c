/* Concat and Split: parts of a tensor along one axis. */
#include <inttypes.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

struct stoa_tensor stoa_part_of(const struct stoa_tensor *whole, size_t axis, size_t start, size_t size)
{
    struct stoa_tensor part = *whole;
    part.dims[axis] = size;
    /* What has no elements may begin past the end, where no pointer may point. */
    if (stoa_tensor_elements(&part))
        part.data = (char *)whole->data + start * whole->strides[axis] * stoa_dtype_size(whole->dtype);
    return part;
}

enum stoa_status stoa_concat_parse(struct attribute_reader *reader, void *params)
{
    stoa_reader_require(reader, "axis");
    ((struct concat_params *)params)->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer_concat(const struct op_call *call, struct stoa_error *error)
{
    const struct concat_params *params = call->params;
    const struct stoa_tensor *first = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    size_t axis;
    STOA_TRY(stoa_check_axis("axis", params->axis, first->rank, false, error, &axis));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 1; i < call->input_count; i++) {
        const struct stoa_tensor *x = &call->inputs[i];
        if (x->dtype != first->dtype)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input %zu is of type %s, input 0 of %s", i,
                             stoa_dtype_name(x->dtype), stoa_dtype_name(first->dtype));
        struct stoa_tensor like = *x;
        if (axis < like.rank)
            like.dims[axis] = first->dims[axis];
        char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        if (!stoa_tensor_same_dims(&like, first))
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %zu has dims %s, input 0 has %s: only axis %zu may differ",
                             i, stoa_dims_text(x->rank, x->dims, mine), stoa_dims_text(first->rank, first->dims, its),
                             axis);
        if (!stoa_size_add(y->dims[axis], x->dims[axis], &y->dims[axis]))
            return stoa_fail(error, STOA_ERROR_LIMIT, "the inputs are too long together along axis %zu", axis);
    }
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static bool joins(const struct op_call *call, size_t i, size_t *first)
{
    const struct concat_params *params = call->params;
    size_t axis, rank = call->outputs[0].rank;
    *first = 0;
    for (size_t k = 0; k < i; k++)
        *first += call->inputs[k].dims[1];
    return rank >= 3 && stoa_check_axis("axis", params->axis, rank, false, NULL, &axis) == STOA_OK && axis == 1;
}

/* What already lies in its place stays there. */
static enum stoa_status run_concat(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct concat_params *params = call->params;
    size_t axis, start = 0;
    STOA_TRY(stoa_check_axis("axis", params->axis, call->outputs[0].rank, false, error, &axis));
    for (size_t i = 0; i < call->input_count; i++) {
        const struct stoa_tensor *x = &call->inputs[i];
        struct stoa_tensor part = stoa_part_of(&call->outputs[0], axis, start, x->dims[axis]);
        if (x->data != part.data)
            stoa_nd_copy(x, &part, run->pool);
        start += x->dims[axis];
    }
    return STOA_OK;
}

enum stoa_status stoa_split_parse(struct attribute_reader *reader, void *params_)
{
    struct split_params *params = params_;
    params->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    params->sizes_input = reader->opset >= 13;
    if (reader->opset >= 18)
        params->outputs = (size_t)stoa_read_int(reader, "num_outputs", 0, 1, OP_MAX_PARTS);
    if (!params->sizes_input) {
        params->has_sizes = stoa_reader_has(reader, "split");
        params->count = stoa_read_ints(reader, "split", 0, INT64_MAX, OP_MAX_PARTS, params->sizes);
    }
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_split_parts(const struct op_call *call, struct stoa_error *error, size_t *axis,
                                  size_t sizes[OP_MAX_PARTS])
{
    const struct split_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, axis));
    size_t length = x->dims[*axis], count = call->output_count, given = params->count, total = 0;
    const int64_t *values = params->sizes;
    int64_t from_input[OP_MAX_PARTS];
    bool stated = params->has_sizes;
    if (params->sizes_input) {
        stated = stoa_op_has_input(call, 1);
        STOA_TRY(stoa_input_values(call, 1, "split", OP_MAX_PARTS, error, from_input, &given));
        values = from_input;
    }
    if (params->outputs && stated)
        return stoa_fail(error, STOA_ERROR_GRAPH, "attribute num_outputs is %zu, but input split is given, too",
                         params->outputs);
    if (params->outputs) {
        /* Those at the end may be shorter. */
        size_t each = stoa_size_ceil_div(length, params->outputs);
        if (params->outputs < count || (length && each * (params->outputs - 1) > length))
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "attribute num_outputs is %zu, for %zu outputs of the %zu elements of axis %zu",
                             params->outputs, count, length, *axis);
        for (size_t i = 0; i < params->outputs; i++)
            sizes[i] = stoa_size_min(each, length - i * each);
        return STOA_OK;
    }
    if (!stated) {
        if (length % count)
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "axis %zu has %zu elements, which do not split into %zu equal parts", *axis, length,
                             count);
        for (size_t i = 0; i < count; i++)
            sizes[i] = length / count;
        return STOA_OK;
    }
    if (given != count)
        return stoa_fail(error, STOA_ERROR_SHAPE, "split has %zu values for %zu outputs", given, count);
    for (size_t i = 0; i < count; i++) {
        if (values[i] < 0)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "split[%zu] is %" PRId64 ", must be 0 or more", i, values[i]);
        sizes[i] = (size_t)values[i];
        if (sizes[i] > length - total)
            return stoa_fail(error, STOA_ERROR_SHAPE, "split[%zu] is %" PRId64 ", but axis %zu has only %zu left", i,
                             values[i], *axis, length - total);
        total += sizes[i];
    }
    if (total != length)
        return stoa_fail(error, STOA_ERROR_SHAPE, "split adds up to %zu, but axis %zu has %zu elements", total, *axis,
                         length);
    return STOA_OK;
}

static enum stoa_status infer_split(const struct op_call *call, struct stoa_error *error)
{
    size_t axis, sizes[OP_MAX_PARTS];
    STOA_TRY(stoa_split_parts(call, error, &axis, sizes));
    for (size_t i = 0; i < call->output_count; i++) {
        if (call->outputs[i].dtype == STOA_NONE)
            continue;
        stoa_same_as_input(call, 0, i);
        call->outputs[i].dims[axis] = sizes[i];
    }
    return STOA_OK;
}

static bool splits(const struct op_call *call, size_t i, size_t *first)
{
    size_t axis, sizes[OP_MAX_PARTS];
    if (call->inputs[0].rank < 3 || stoa_split_parts(call, NULL, &axis, sizes) != STOA_OK || axis != 1)
        return false;
    *first = 0;
    for (size_t k = 0; k < i; k++)
        *first += sizes[k];
    return true;
}

static enum stoa_status run_split(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    size_t axis, sizes[OP_MAX_PARTS], start = 0;
    STOA_TRY(stoa_split_parts(call, error, &axis, sizes));
    for (size_t i = 0; i < call->output_count; start += sizes[i++]) {
        if (call->outputs[i].dtype == STOA_NONE)
            continue;
        struct stoa_tensor part = stoa_part_of(&call->inputs[0], axis, start, sizes[i]);
        stoa_nd_copy(&part, &call->outputs[i], run->pool);
    }
    return STOA_OK;
}

static const struct op_gradient concat_gradients[] = {
    {"ConcatBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0, .rest = true}}, 1, {0}, .rest = true},
};
static const struct op_gradient split_gradients[] = {
    {"SplitBackward", 3, {{OP_INPUT, 0}, {OP_INPUT, 1}, {OP_GRADIENT, 0, .rest = true}}, 1, {0}},
};

static const struct op_fusion concat_fusion = {.joins = joins};

const struct op stoa_op_concat = {
    .type = "Concat",
    .since = 4,
    .min_inputs = 1,
    .max_inputs = OP_MAX_PARTS,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = concat_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct concat_params),
    .parse = stoa_concat_parse,
    .fusion = &concat_fusion,
    .infer = infer_concat,
    .run = run_concat,
};

static const struct op_fusion split_fusion = {.splits = splits};

#define SPLIT(name, since_, until_, inputs)                                                                            \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Split",                                                                                               \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = 1,                                                                                               \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = OP_MAX_PARTS,                                                                                   \
        .value_inputs = (inputs) > 1 ? 1 << 1 : 0,                                                                     \
        .layout = OP_ANY,                                                                                              \
        .gradients = split_gradients,                                                                                  \
        .gradient_count = 1,                                                                                           \
        .params_size = sizeof(struct split_params),                                                                    \
        .parse = stoa_split_parse,                                                                                     \
        .fusion = &split_fusion,                                                                                       \
        .infer = infer_split,                                                                                          \
        .run = run_split,                                                                                              \
    };
SPLIT(split, 2, 12, 1)
SPLIT(split_13, 13, 0, 2)
