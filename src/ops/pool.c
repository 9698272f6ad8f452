/* MaxPool and AveragePool over the height and width of channels-last images, a task for each row of windows.
 *
 * With ceil_mode, a last window that would begin beyond the image and its first padding is left out, as later versions
 * of ONNX say outright; what a window covers beyond the padding is not counted in an average. MaxPool gives NaN where a
 * window holds one, and its index where Indices are asked for. */
#include "ops/pool.h"

#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"

static void parse_window(struct attribute_reader *reader, bool dilated, struct pool_params *params)
{
    stoa_window_parse(reader, dilated, &params->window);
    params->window.ceil = reader->opset >= 10 && stoa_read_int(reader, "ceil_mode", 0, 0, 1);
    stoa_reader_require(reader, "kernel_shape");
}

enum stoa_status stoa_max_pool_parse(struct attribute_reader *reader, void *out)
{
    struct pool_params *params = out;
    parse_window(reader, reader->opset >= 10, params);
    params->column_major = reader->opset >= 8 && stoa_read_int(reader, "storage_order", 0, 0, 1);
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_average_pool_parse(struct attribute_reader *reader, void *out)
{
    struct pool_params *params = out;
    parse_window(reader, false, params);
    params->count_pad = stoa_read_int(reader, "count_include_pad", 0, 0, 1) != 0;
    return stoa_reader_finish(reader);
}

/* A window that sees nothing but padding has no maximum and no mean. */
static enum stoa_status check_pads(const struct window *window, struct stoa_error *error)
{
    for (size_t i = 0; i < 4; i++) {
        size_t axis = i % 2, reach = (window->kernel[axis] - 1) * window->dilation[axis] + 1;
        if (window->pad[i] >= reach)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE,
                             "attribute pads[%zu] is %zu, must be less than the kernel's %zu", i, window->pad[i],
                             reach);
    }
    return STOA_OK;
}

/* With holes in it, a kernel can also straddle the image. */
static enum stoa_status check_taps(const struct window *window, const size_t size[2], const size_t out[2],
                                   struct stoa_error *error)
{
    for (size_t i = 0; i < 2; i++) {
        size_t step = window->dilation[i];
        for (size_t o = 0; step > size[i] && o < out[i]; o++) {
            size_t begin = o * window->stride[i], pad = window->pad[i];
            size_t tap = begin < pad ? (pad - begin + step - 1) / step : 0;
            if (tap >= window->kernel[i] || begin + tap * step >= pad + size[i])
                return stoa_fail(error, STOA_ERROR_SHAPE,
                                 "dilations[%zu] is %zu: window %zu has no element of the input's %zu", i, step, o,
                                 size[i]);
        }
    }
    return STOA_OK;
}

enum stoa_status stoa_pool_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct window placed;
    size_t out[2];
    if (x->rank != 4)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X has rank %zu, only 4 (N C H W) is supported", x->rank);
    STOA_TRY(stoa_window_place(&params->window, &x->dims[2], error, &placed, out));
    STOA_TRY(check_pads(&placed, error));
    STOA_TRY(check_taps(&placed, &x->dims[2], out, error));
    for (size_t i = 0; i < call->output_count; i++) {
        struct stoa_tensor *y = &call->outputs[i];
        if (y->dtype == STOA_NONE)
            continue;
        stoa_same_as_input(call, 0, i);
        y->dtype = i == 0 ? x->dtype : STOA_INT64;
        y->dims[2] = out[0];
        y->dims[3] = out[1];
    }
    return STOA_OK;
}

static bool has_indices(const struct op_call *call)
{
    return call->output_count > 1 && call->outputs[1].dtype != STOA_NONE;
}

static enum stoa_status max_infer(const struct op_call *call, struct stoa_error *error)
{
    enum stoa_dtype dtype = call->inputs[0].dtype;
    if (dtype != STOA_FLOAT && (has_indices(call) || (dtype != STOA_UINT8 && dtype != STOA_INT8)))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X is of type %s, only float%s is supported",
                         stoa_dtype_name(dtype), has_indices(call) ? " (with Indices)" : ", uint8 and int8");
    return stoa_pool_infer(call, error);
}

static enum stoa_status average_infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    return stoa_pool_infer(call, error);
}

/* An average counts the zeros as elements: as padding of its own only if that counts, or there is none. */
static bool average_takes_pad(const struct op_call *call, const size_t pad[4])
{
    const struct pool_params *params = call->params;
    const struct window *window = &params->window;
    bool padded = false;
    for (size_t i = 0; i < 4; i++) {
        padded |= window->pad[i] != 0;
        if (window->pad[i] + pad[i] >= (window->kernel[i % 2] - 1) * window->dilation[i % 2] + 1)
            return false;
    }
    return (window->padding == WINDOW_NOTSET || window->padding == WINDOW_VALID) && !window->ceil &&
           (params->count_pad || !padded);
}

enum stoa_status stoa_pool_place(const struct window *window, const struct stoa_tensor *x, const struct stoa_tensor *y,
                                 struct stoa_error *error, struct pool_shape *shape)
{
    struct window placed;
    STOA_TRY(stoa_window_place(window, &x->dims[2], error, &placed, shape->out));
    for (size_t i = 0; i < 2; i++) {
        shape->kernel[i] = placed.kernel[i];
        shape->stride[i] = placed.stride[i];
        shape->dilation[i] = placed.dilation[i];
        shape->pad[i] = placed.pad[i];
        shape->pad[i + 2] = placed.pad[i + 2];
        shape->size[i] = x->dims[2 + i];
    }
    shape->channels = x->dims[1];
    shape->x_row = x->strides[2];
    shape->x_column = x->strides[3];
    shape->y_row = y->strides[2];
    shape->y_column = y->strides[3];
    return STOA_OK;
}

struct pooling {
    const struct op_call *call;
    struct pool_shape shape;
    bool average, count_pad;
};

static void pool_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct pooling *pooling = context;
    const struct op_call *call = pooling->call;
    const struct pool_params *params = call->params;
    const struct pool_shape *shape = &pooling->shape;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t image = task / y->dims[2], oy = task % y->dims[2];
    size_t from = image * x->strides[0], to = image * y->strides[0] + oy * y->strides[2];
    if (x->dtype == STOA_UINT8)
        stoa_max_pool_row_uint8(shape, oy, (const uint8_t *)x->data + from, (uint8_t *)y->data + to);
    else if (x->dtype == STOA_INT8)
        stoa_max_pool_row_int8(shape, oy, (const int8_t *)x->data + from, (int8_t *)y->data + to);
    else if (pooling->average)
        stoa_average_pool_row(shape, oy, pooling->count_pad, (const float *)x->data + from, (float *)y->data + to);
    else if (has_indices(call)) {
        size_t start = image * x->dims[1] * x->dims[2] * x->dims[3];
        const struct stoa_tensor *indices = &call->outputs[1];
        stoa_max_pool_row_index(shape, oy, params->column_major, (int64_t)start, (const float *)x->data + from,
                                (float *)y->data + to,
                                (int64_t *)indices->data + image * indices->strides[0] + oy * indices->strides[2]);
    } else
        stoa_max_pool_row(shape, oy, (const float *)x->data + from, (float *)y->data + to);
}

static enum stoa_status pool_run(const struct op_call *call, const struct op_run *run, bool average,
                                 struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    struct window window = params->window;
    struct pooling pooling = {.call = call, .average = average, .count_pad = params->count_pad};
    for (size_t i = 0; i < 4; i++) {
        window.pad[i] += call->pad[i];
        pooling.count_pad |= call->pad[i] != 0;
    }
    STOA_TRY(stoa_pool_place(&window, x, y, error, &pooling.shape));
    stoa_pool_run(run->pool, x->dims[0] * y->dims[2], pool_row, &pooling);
    return STOA_OK;
}

static enum stoa_status max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return pool_run(call, run, false, error);
}

static enum stoa_status average_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return pool_run(call, run, true, error);
}

static const struct op_training max_training = {.type = "MaxPoolTraining", .output_count = 3};

const struct op stoa_op_max_pool = {
    .type = "MaxPool",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 2,
    .layout = OP_CHANNELS_LAST,
    .training = &max_training,
    .params_size = sizeof(struct pool_params),
    .parse = stoa_max_pool_parse,
    .infer = max_infer,
    .run = max_run,
};

static const struct op_gradient average_gradients[] = {
    {"AveragePoolBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

const struct op stoa_op_average_pool = {
    .type = "AveragePool",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .gradients = average_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct pool_params),
    .takes_pad = average_takes_pad,
    .parse = stoa_average_pool_parse,
    .infer = average_infer,
    .run = average_run,
};
