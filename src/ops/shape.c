/* Shapes and what is made from them: Shape, Size, ConstantOfShape, Expand. */
#include <inttypes.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/op.h"

struct shape_params {
    int64_t start, end;
};

static enum stoa_status parse_shape(struct attribute_reader *reader, void *params_)
{
    struct shape_params *params = params_;
    params->end = INT64_MAX;
    if (reader->opset >= 15) {
        params->start = stoa_read_int(reader, "start", 0, INT64_MIN, INT64_MAX);
        params->end = stoa_read_int(reader, "end", INT64_MAX, INT64_MIN, INT64_MAX);
    }
    return stoa_reader_finish(reader);
}

static size_t clamp_axis(int64_t axis, size_t rank)
{
    int64_t count = (int64_t)rank;
    axis = axis < 0 ? axis + count : axis;
    return axis < 0 ? 0 : axis > count ? rank : (size_t)axis;
}

static enum stoa_status infer_shape(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    const struct shape_params *params = call->params;
    struct stoa_tensor *y = &call->outputs[0];
    size_t rank = call->inputs[0].rank;
    size_t start = clamp_axis(params->start, rank), end = clamp_axis(params->end, rank);
    y->dtype = STOA_INT64;
    y->rank = 1;
    y->dims[0] = end > start ? end - start : 0;
    return STOA_OK;
}

static enum stoa_status run_shape(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    (void)error;
    const struct shape_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t start = clamp_axis(params->start, x->rank);
    for (size_t i = 0; i < y->dims[0]; i++)
        ((int64_t *)y->data)[i * y->strides[0]] = (int64_t)x->dims[start + i];
    return STOA_OK;
}

static enum stoa_status infer_size(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    call->outputs[0].dtype = STOA_INT64;
    call->outputs[0].rank = 0;
    return STOA_OK;
}

static enum stoa_status run_size(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)run;
    (void)error;
    *(int64_t *)call->outputs[0].data = (int64_t)stoa_tensor_elements(&call->inputs[0]);
    return STOA_OK;
}

struct constant_of_shape_params {
    const struct stoa_tensor *value; /* null: a float 0 */
};

static enum stoa_status parse_constant_of_shape(struct attribute_reader *reader, void *params)
{
    const struct stoa_tensor *value = stoa_read_tensor(reader, "value");
    if (value && stoa_tensor_elements(value) != 1)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute value has %zu elements, must have 1",
                         stoa_tensor_elements(value));
    ((struct constant_of_shape_params *)params)->value = value;
    return stoa_reader_finish(reader);
}

static enum stoa_status read_shape(const struct op_call *call, size_t input, const char *name, struct stoa_error *error,
                                   struct stoa_tensor *shape)
{
    int64_t dims[STOA_MAX_RANK];
    STOA_TRY(stoa_input_values(call, input, name, STOA_MAX_RANK, error, dims, &shape->rank));
    for (size_t i = 0; i < shape->rank; i++) {
        if (dims[i] < 0)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s[%zu] is %" PRId64 ", must be 0 or more", name, i,
                             dims[i]);
        shape->dims[i] = (size_t)dims[i];
    }
    return STOA_OK;
}

static enum stoa_status infer_constant_of_shape(const struct op_call *call, struct stoa_error *error)
{
    const struct constant_of_shape_params *params = call->params;
    STOA_TRY(read_shape(call, 0, "input", error, &call->outputs[0]));
    call->outputs[0].dtype = params->value ? params->value->dtype : STOA_FLOAT;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

static enum stoa_status run_constant_of_shape(const struct op_call *call, const struct op_run *run,
                                              struct stoa_error *error)
{
    (void)error;
    static const float zero = 0.0f;
    const struct constant_of_shape_params *params = call->params;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read_scalar(&nd, call->outputs[0].dtype, params->value ? params->value->data : (const void *)&zero);
    stoa_nd_copy_nest(&nd, run->pool);
    return STOA_OK;
}

static enum stoa_status infer_expand(const struct op_call *call, struct stoa_error *error)
{
    struct stoa_tensor both[2] = {call->inputs[0]};
    STOA_TRY(read_shape(call, 1, "shape", error, &both[1]));
    struct op_call broadcast = *call;
    broadcast.inputs = both;
    broadcast.input_count = 2;
    call->outputs[0].dtype = call->inputs[0].dtype;
    return stoa_infer_broadcast(&broadcast, error);
}

static enum stoa_status run_expand(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_copy_nest(&nd, run->pool);
    return STOA_OK;
}

/* Of those that have any. */
static const struct op_gradient expand_gradients[] = {
    {"SumTo", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

#define SHAPE(name, type_, since_, inputs, dims_only_, value_inputs_, gradient_count_, params_size_, parse_)           \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .dims_only = dims_only_,                                                                                       \
        .value_inputs = value_inputs_,                                                                                 \
        .gradients = expand_gradients,                                                                                 \
        .gradient_count = gradient_count_,                                                                             \
        .params_size = params_size_,                                                                                   \
        .parse = parse_,                                                                                               \
        .infer = infer_##name,                                                                                         \
        .run = run_##name,                                                                                             \
    };
SHAPE(shape, "Shape", 1, 1, true, 0, 0, sizeof(struct shape_params), parse_shape)
SHAPE(size, "Size", 1, 1, true, 0, 0, 0, NULL)
SHAPE(constant_of_shape, "ConstantOfShape", 9, 1, false, 1, 0, sizeof(struct constant_of_shape_params),
      parse_constant_of_shape)
SHAPE(expand, "Expand", 8, 2, false, 1 << 1, 1, 0, NULL)
