/* QuantizeLinear, DequantizeLinear and DynamicQuantizeLinear. Networks with quantised weights dequantise them before
 * each use: what depends on constants alone is computed while planning, so that such weights become float constants.
 *
 * No gradients pass: a step function has none, and what is dequantised is whole numbers. */
#include <inttypes.h>
#include <math.h>

#include "base/half.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "kernels/quantize.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

enum { X, SCALE, ZERO_POINT };

struct quantize_params {
    int64_t axis;
    bool has_axis;      /* scale and zero point may be one number for each element of an axis */
    enum stoa_dtype to; /* of QuantizeLinear's result; STOA_NONE: as the zero point */
};

/* A type of floats to compute in or to give: by default that of the scale. The 16-bit ones are float here. */
static void read_float_type(struct attribute_reader *reader, const char *name)
{
    int64_t type = reader->opset >= 23 ? stoa_read_int(reader, name, 0, 0, INT32_MAX) : 0;
    if (type && type != STOA_FLOAT && !stoa_half_of((int32_t)type))
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED,
                         "attribute %s is %d, only types of float or fewer bits are supported", name, (int)type);
}

static enum stoa_status parse(struct attribute_reader *reader, struct quantize_params *params)
{
    int64_t block = reader->opset >= 21 ? stoa_read_int(reader, "block_size", 0, 0, INT64_MAX) : 0;
    if (block)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute block_size is %" PRId64 ", only 0 is supported",
                         block);
    params->has_axis = reader->opset >= 13;
    if (params->has_axis)
        params->axis = stoa_read_int(reader, "axis", 1, INT32_MIN, INT32_MAX);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_quantize(struct attribute_reader *reader, void *params_)
{
    struct quantize_params *params = params_;
    if (reader->opset >= 19)
        stoa_read_int(reader, "saturate", 1, 0, 1); /* it says something of the float8 types alone */
    if (reader->opset >= 21)
        params->to = (enum stoa_dtype)stoa_read_int(reader, "output_dtype", 0, 0, INT32_MAX);
    if (params->to != STOA_NONE && params->to != STOA_UINT8 && params->to != STOA_INT8)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED,
                         "attribute output_dtype is %d, only %d and %d (uint8, int8) are "
                         "supported",
                         (int)params->to, STOA_UINT8, STOA_INT8);
    read_float_type(reader, "precision");
    return parse(reader, params);
}

static enum stoa_status parse_dequantize(struct attribute_reader *reader, void *params)
{
    read_float_type(reader, "output_dtype");
    return parse(reader, params);
}

/* The scale (or zero point) as it broadcasts to X: one number, or those of the axis. */
static enum stoa_status spread(const struct op_call *call, size_t input, const char *name, struct stoa_error *error,
                               struct stoa_tensor *spread)
{
    const struct quantize_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[X], *given = &call->inputs[input];
    *spread = *given;
    spread->rank = 0;
    if (given->rank == 0 || (given->rank == 1 && given->dims[0] == 1))
        return STOA_OK;
    if (!params->has_axis)
        return stoa_check_single(call, input, name, error);
    size_t axis;
    STOA_TRY(stoa_check_axis("attribute axis", params->axis, x->rank, false, error, &axis));
    STOA_TRY(stoa_check_vector(call, input, name, x->dims[axis], "the size of the axis of input x", error));
    spread->rank = x->rank - axis;
    for (size_t i = 0; i < spread->rank; i++)
        spread->dims[i] = i ? 1 : given->dims[0];
    spread->strides[0] = given->strides[0];
    return STOA_OK;
}

/* Checks scale and zero point; `names` are their names in messages. */
static enum stoa_status infer_scales(const struct op_call *call, const char *const *names, struct stoa_error *error)
{
    struct stoa_tensor spread_input;
    STOA_TRY(stoa_check_float(call, SCALE, names[0], error));
    STOA_TRY(spread(call, SCALE, names[0], error, &spread_input));
    if (!stoa_op_has_input(call, ZERO_POINT))
        return STOA_OK;
    STOA_TRY(spread(call, ZERO_POINT, names[1], error, &spread_input));
    if (stoa_tensor_elements(&call->inputs[SCALE]) == stoa_tensor_elements(&call->inputs[ZERO_POINT]))
        return STOA_OK;
    char scale[STOA_DIMS_TEXT], zero[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, input %s %s", names[1],
                     stoa_dims_text(call->inputs[ZERO_POINT].rank, call->inputs[ZERO_POINT].dims, zero), names[0],
                     stoa_dims_text(call->inputs[SCALE].rank, call->inputs[SCALE].dims, scale));
}

static enum stoa_status infer_quantize(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"y_scale", "y_zero_point"};
    const struct quantize_params *params = call->params;
    enum stoa_dtype from = call->inputs[X].dtype, to = params->to == STOA_NONE ? STOA_UINT8 : params->to;
    if (stoa_op_has_input(call, ZERO_POINT)) {
        to = call->inputs[ZERO_POINT].dtype;
        if (params->to != STOA_NONE && params->to != to)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input y_zero_point is of type %s, attribute output_dtype is %d",
                             stoa_dtype_name(to), (int)params->to);
    }
    if (!stoa_quantize_loop(from, to))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "from %s to %s is not supported", stoa_dtype_name(from),
                         stoa_dtype_name(to));
    STOA_TRY(infer_scales(call, names, error));
    stoa_same_as_input(call, X, 0);
    call->outputs[0].dtype = to;
    return STOA_OK;
}

static enum stoa_status infer_dequantize(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"x_scale", "x_zero_point"};
    enum stoa_dtype from = call->inputs[X].dtype;
    if (!stoa_dequantize_loop(from))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input x is of type %s, which is not supported",
                         stoa_dtype_name(from));
    if (stoa_op_has_input(call, ZERO_POINT) && call->inputs[ZERO_POINT].dtype != from)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input x_zero_point is of type %s, input x of %s",
                         stoa_dtype_name(call->inputs[ZERO_POINT].dtype), stoa_dtype_name(from));
    STOA_TRY(infer_scales(call, names, error));
    stoa_same_as_input(call, X, 0);
    call->outputs[0].dtype = STOA_FLOAT;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    static const int32_t none = 0;
    const struct stoa_tensor *x = &call->inputs[X], *y = &call->outputs[0];
    struct stoa_tensor scale, zero;
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read(&nd, x);
    STOA_TRY(spread(call, SCALE, "scale", error, &scale));
    stoa_nd_read(&nd, &scale);
    bool quantizes = y->dtype != STOA_FLOAT;
    if (stoa_op_has_input(call, ZERO_POINT)) {
        STOA_TRY(spread(call, ZERO_POINT, "zero_point", error, &zero));
        stoa_nd_read(&nd, &zero);
    } else {
        stoa_nd_read_scalar(&nd, quantizes ? y->dtype : x->dtype, &none);
    }
    stoa_nd_run(&nd, run->pool, quantizes ? stoa_quantize_loop(x->dtype, y->dtype) : stoa_dequantize_loop(x->dtype),
                NULL);
    return STOA_OK;
}

static enum stoa_status infer_dynamic(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, X, "x", error));
    stoa_same_as_input(call, X, 0);
    call->outputs[0].dtype = STOA_UINT8;
    call->outputs[SCALE].rank = call->outputs[ZERO_POINT].rank = 0;
    call->outputs[SCALE].dtype = STOA_FLOAT;
    call->outputs[ZERO_POINT].dtype = STOA_UINT8;
    return STOA_OK;
}

static enum stoa_status run_dynamic(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *x = &call->inputs[X], *y = &call->outputs[0];
    float *scale = call->outputs[SCALE].data, least, most;
    uint8_t *zero = call->outputs[ZERO_POINT].data;
    stoa_range_around_zero(stoa_tensor_elements(x), x->data, &least, &most);
    *scale = (most - least) / 255;
    /* Where all is 0, so is the scale, and the point is no number: 0. */
    float point = rintf(0 - least / *scale);
    *zero = (uint8_t)(point != point ? 0 : point > 255 ? 255 : point);
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read(&nd, x);
    stoa_nd_read_scalar(&nd, STOA_FLOAT, scale);
    stoa_nd_read_scalar(&nd, STOA_UINT8, zero);
    stoa_nd_run(&nd, run->pool, stoa_quantize_loop(STOA_FLOAT, STOA_UINT8), NULL);
    return STOA_OK;
}

#define QUANTIZE(name, type_, parse_, infer_)                                                                          \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 10,                                                                                                   \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct quantize_params),                                                                 \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .run = run,                                                                                                    \
    };
QUANTIZE(quantize_linear, "QuantizeLinear", parse_quantize, infer_quantize)
QUANTIZE(dequantize_linear, "DequantizeLinear", parse_dequantize, infer_dequantize)

const struct op stoa_op_dynamic_quantize_linear = {
    .type = "DynamicQuantizeLinear",
    .since = 11,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 3,
    .max_outputs = 3,
    .layout = OP_PLAIN,
    .infer = infer_dynamic,
    .run = run_dynamic,
};
