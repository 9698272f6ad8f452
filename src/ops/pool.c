/* MaxPool, AveragePool and LpPool over the spatial axes of channels-last images, a task for each row of windows.
 *
 * With ceil_mode, a last window that would begin beyond the image and its first padding is left out, as later versions
 * of ONNX say outright; what a window covers beyond the padding is not counted in an average. MaxPool gives NaN where a
 * window holds one, and its index where Indices are asked for. */
#include "ops/pool.h"

#include <limits.h>
#include <stdint.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"

/* The opsets since which windows have dilations and ceil_mode. */
static void parse_window(struct attribute_reader *reader, int dilated_since, int ceil_since, struct pool_params *params)
{
    stoa_window_parse(reader, reader->opset >= dilated_since, &params->window);
    params->window.ceil = reader->opset >= ceil_since && stoa_read_int(reader, "ceil_mode", 0, 0, 1);
    stoa_reader_require(reader, "kernel_shape");
}

enum stoa_status stoa_max_pool_parse(struct attribute_reader *reader, void *out)
{
    struct pool_params *params = out;
    parse_window(reader, 10, 10, params);
    params->column_major = reader->opset >= 8 && stoa_read_int(reader, "storage_order", 0, 0, 1);
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_average_pool_parse(struct attribute_reader *reader, void *out)
{
    struct pool_params *params = out;
    parse_window(reader, 19, 10, params);
    params->count_pad = stoa_read_int(reader, "count_include_pad", 0, 0, 1) != 0;
    return stoa_reader_finish(reader);
}

static enum stoa_status lp_parse(struct attribute_reader *reader, void *out)
{
    struct pool_params *params = out;
    parse_window(reader, 18, 18, params);
    params->p = (int)stoa_read_int(reader, "p", 2, 1, INT_MAX);
    return stoa_reader_finish(reader);
}

/* A window that sees nothing but padding has no maximum and no mean. */
static enum stoa_status check_pads(const struct window *window, struct stoa_error *error)
{
    for (size_t i = 0; i < 2 * WINDOW_AXES; i++) {
        size_t axis = i % WINDOW_AXES, reach = (window->kernel[axis] - 1) * window->dilation[axis] + 1;
        if (window->pad[i] >= reach)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE,
                             "attribute pads[%zu] is %zu, must be less than the kernel's %zu",
                             i / WINDOW_AXES * window->axes + axis + window->axes - WINDOW_AXES, window->pad[i], reach);
    }
    return STOA_OK;
}

/* With holes in it, a kernel can also straddle the image. */
static enum stoa_status check_taps(const struct window *window, const size_t size[WINDOW_AXES],
                                   const size_t out[WINDOW_AXES], struct stoa_error *error)
{
    for (size_t i = 0; i < WINDOW_AXES; i++) {
        size_t step = window->dilation[i];
        for (size_t o = 0; step > size[i] && o < out[i]; o++) {
            size_t begin = o * window->stride[i], pad = window->pad[i];
            size_t tap = begin < pad ? (pad - begin + step - 1) / step : 0;
            if (tap >= window->kernel[i] || begin + tap * step >= pad + size[i])
                return stoa_fail(error, STOA_ERROR_SHAPE,
                                 "dilations[%zu] is %zu: window %zu has no element of the input's %zu",
                                 i + window->axes - WINDOW_AXES, step, o, size[i]);
        }
    }
    return STOA_OK;
}

enum stoa_status stoa_pool_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct window placed;
    size_t size[WINDOW_AXES], out[WINDOW_AXES];
    STOA_TRY(stoa_window_check_axes(&params->window, x, error));
    stoa_window_size(x, size);
    STOA_TRY(stoa_window_place(&params->window, size, error, &placed, out));
    STOA_TRY(check_pads(&placed, error));
    STOA_TRY(check_taps(&placed, size, out, error));
    for (size_t i = 0; i < call->output_count; i++) {
        struct stoa_tensor *y = &call->outputs[i];
        if (y->dtype == STOA_NONE)
            continue;
        stoa_same_as_input(call, 0, i);
        y->dtype = i == 0 ? x->dtype : STOA_INT64;
        for (size_t axis = 2; axis < x->rank; axis++)
            y->dims[axis] = out[axis + WINDOW_AXES - x->rank];
    }
    return STOA_OK;
}

static bool has_indices(const struct op_call *call)
{
    return call->output_count > 1 && call->outputs[1].dtype != STOA_NONE;
}

static enum stoa_status global_lp_parse(struct attribute_reader *reader, void *out)
{
    struct pool_params *params = out;
    params->p = (int)stoa_read_int(reader, "p", 2, 1, INT_MAX);
    return stoa_reader_finish(reader);
}

static enum stoa_status global_lp_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct window any = {.axes = 0};
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_least_rank(call, 0, "X", 3, error));
    STOA_TRY(stoa_window_check_axes(&any, &call->inputs[0], error));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 2; i < call->inputs[0].rank; i++) {
        if (call->inputs[0].dims[i] == 0)
            return stoa_fail(error, STOA_ERROR_SHAPE, "input X has no elements along axis %zu to take a norm of", i);
        call->outputs[0].dims[i] = 1;
    }
    return STOA_OK;
}

static enum stoa_status max_infer(const struct op_call *call, struct stoa_error *error)
{
    enum stoa_dtype dtype = call->inputs[0].dtype;
    if (dtype != STOA_FLOAT && (has_indices(call) || (dtype != STOA_UINT8 && dtype != STOA_INT8)))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X is of type %s, only float%s is supported",
                         stoa_dtype_name(dtype), has_indices(call) ? " (with Indices)" : ", uint8 and int8");
    return stoa_pool_infer(call, error);
}

static enum stoa_status float_infer(const struct op_call *call, struct stoa_error *error)
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
    struct window whole = *window;
    stoa_window_add_pad(&whole, pad);
    for (size_t i = 0; i < 2 * WINDOW_AXES; i++) {
        size_t axis = i % WINDOW_AXES;
        padded |= window->pad[i] != 0;
        if (whole.pad[i] >= (window->kernel[axis] - 1) * window->dilation[axis] + 1)
            return false;
    }
    return (window->padding == WINDOW_NOTSET || window->padding == WINDOW_VALID) && !window->ceil &&
           (params->count_pad || !padded);
}

void stoa_pool_strides(const struct stoa_tensor *x, size_t strides[WINDOW_AXES])
{
    for (size_t i = 0; i < WINDOW_AXES; i++)
        strides[i] = i + x->rank < 2 + WINDOW_AXES ? 0 : x->strides[i + x->rank - WINDOW_AXES];
}

enum stoa_status stoa_pool_place(const struct window *window, const struct stoa_tensor *x, const struct stoa_tensor *y,
                                 struct stoa_error *error, struct pool_shape *shape)
{
    struct window placed;
    size_t x_strides[WINDOW_AXES], y_strides[WINDOW_AXES];
    stoa_window_size(x, shape->size);
    STOA_TRY(stoa_window_place(window, shape->size, error, &placed, shape->out));
    for (size_t i = 0; i < WINDOW_AXES; i++) {
        shape->kernel[i] = placed.kernel[i];
        shape->stride[i] = placed.stride[i];
        shape->dilation[i] = placed.dilation[i];
        shape->pad[i] = placed.pad[i];
        shape->pad[i + WINDOW_AXES] = placed.pad[i + WINDOW_AXES];
    }
    stoa_pool_strides(x, x_strides);
    stoa_pool_strides(y, y_strides);
    shape->channels = x->dims[1];
    shape->x_plane = x_strides[0];
    shape->x_row = x_strides[1];
    shape->x_column = x_strides[2];
    shape->y_plane = y_strides[0];
    shape->y_row = y_strides[1];
    shape->y_column = y_strides[2];
    return STOA_OK;
}

struct pool_row stoa_pool_row_of(size_t task, const size_t size[WINDOW_AXES], size_t *image)
{
    *image = task / (size[0] * size[1]);
    return (struct pool_row){.plane = task / size[1] % size[0], .row = task % size[1]};
}

enum pooling_kind { MAXIMUM, AVERAGE, NORM };

struct pooling {
    const struct op_call *call;
    struct pool_shape shape;
    enum pooling_kind kind;
    bool count_pad;
};

static void pool_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct pooling *pooling = context;
    const struct op_call *call = pooling->call;
    const struct pool_params *params = call->params;
    const struct pool_shape *shape = &pooling->shape;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t image;
    const struct pool_row at = stoa_pool_row_of(task, shape->out, &image);
    const size_t within = at.plane * shape->y_plane + at.row * shape->y_row;
    size_t from = image * x->strides[0], to = image * y->strides[0] + within;
    if (x->dtype == STOA_UINT8)
        stoa_max_pool_row_uint8(shape, at, (const uint8_t *)x->data + from, (uint8_t *)y->data + to);
    else if (x->dtype == STOA_INT8)
        stoa_max_pool_row_int8(shape, at, (const int8_t *)x->data + from, (int8_t *)y->data + to);
    else if (pooling->kind == AVERAGE)
        stoa_average_pool_row(shape, at, pooling->count_pad, (const float *)x->data + from, (float *)y->data + to);
    else if (pooling->kind == NORM)
        stoa_lp_pool_row(shape, at, params->p, (const float *)x->data + from, (float *)y->data + to);
    else if (has_indices(call)) {
        size_t start = image * x->dims[1] * shape->size[0] * shape->size[1] * shape->size[2];
        const struct stoa_tensor *indices = &call->outputs[1];
        stoa_max_pool_row_index(shape, at, params->column_major, (int64_t)start, (const float *)x->data + from,
                                (float *)y->data + to, (int64_t *)indices->data + image * indices->strides[0] + within);
    } else
        stoa_max_pool_row(shape, at, (const float *)x->data + from, (float *)y->data + to);
}

static enum stoa_status pool_run(const struct op_call *call, const struct op_run *run, enum pooling_kind kind,
                                 struct window window, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    struct pooling pooling = {.call = call, .kind = kind, .count_pad = params->count_pad};
    for (size_t i = 0; i < 4; i++)
        pooling.count_pad |= call->pad[i] != 0;
    stoa_window_add_pad(&window, call->pad);
    STOA_TRY(stoa_pool_place(&window, x, y, error, &pooling.shape));
    stoa_pool_run(run->pool, x->dims[0] * pooling.shape.out[0] * pooling.shape.out[1], pool_row, &pooling);
    return STOA_OK;
}

static enum stoa_status max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    return pool_run(call, run, MAXIMUM, params->window, error);
}

static enum stoa_status average_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    return pool_run(call, run, AVERAGE, params->window, error);
}

static enum stoa_status lp_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    return pool_run(call, run, NORM, params->window, error);
}

/* A window as large as the image. */
static enum stoa_status global_lp_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct window window = {.stride = {1, 1, 1}, .dilation = {1, 1, 1}};
    stoa_window_size(&call->inputs[0], window.kernel);
    return pool_run(call, run, NORM, window, error);
}

static bool max_pools(const struct op_call *call)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    size_t size[WINDOW_AXES], out[WINDOW_AXES], pads = 0;
    struct window window;
    stoa_window_size(x, size);
    if (x->rank != 4 || x->dtype != STOA_FLOAT || has_indices(call) ||
        stoa_window_place(&params->window, size, NULL, &window, out) != STOA_OK)
        return false;
    for (size_t i = 0; i < 2 * WINDOW_AXES; i++)
        pads |= window.pad[i];
    for (size_t i = 1; i < WINDOW_AXES; i++)
        if (window.kernel[i] != 2 || window.stride[i] != 2 || window.dilation[i] != 1 || out[i] != size[i] / 2)
            return false;
    return pads == 0;
}

static const struct op_training max_training = {.type = "MaxPoolTraining", .output_count = 3};

static const struct op_fusion max_fusion = {.pools = max_pools};

const struct op stoa_op_max_pool = {
    .type = "MaxPool",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 2,
    .layout = OP_CHANNELS_LAST,
    .fusion = &max_fusion,
    .training = &max_training,
    .params_size = sizeof(struct pool_params),
    .parse = stoa_max_pool_parse,
    .infer = max_infer,
    .run = max_run,
};

static const struct op_gradient average_gradients[] = {
    {"AveragePoolBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

static const struct op_fusion average_fusion = {.takes_pad = average_takes_pad};

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
    .fusion = &average_fusion,
    .parse = stoa_average_pool_parse,
    .infer = float_infer,
    .run = average_run,
};

const struct op stoa_op_lp_pool = {
    .type = "LpPool",
    .since = 2,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .params_size = sizeof(struct pool_params),
    .parse = lp_parse,
    .infer = float_infer,
    .run = lp_run,
};

const struct op stoa_op_global_lp_pool = {
    .type = "GlobalLpPool",
    .since = 2,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .params_size = sizeof(struct pool_params),
    .parse = global_lp_parse,
    .infer = global_lp_infer,
    .run = global_lp_run,
};
