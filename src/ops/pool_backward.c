/* MaxPool and AveragePool in training. MaxPool keeps the tap that each maximum came from, a byte where a window has at
 * most 256 of them, and the backward pass needs no images; a task for each row of pixels. Of equal elements the first
 * gets the gradient, of several NaN the last, as in PyTorch. */
#include "kernels/pool_backward.h"

#include <stdint.h>

#include "base/status.h"
#include "ops/check.h"
#include "ops/pool.h"

enum { DY, TAPS, X }; /* inputs of MaxPoolBackward; AveragePoolBackward has X second */

static enum stoa_dtype tap_dtype(const struct window *window)
{
    size_t taps = 1;
    for (size_t i = 0; i < WINDOW_AXES && taps <= POOL_MOST_BYTE_TAPS; i++)
        taps *= window->kernel[i];
    return taps <= POOL_MOST_BYTE_TAPS ? STOA_UINT8 : STOA_INT32;
}

static enum stoa_status training_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    if (call->outputs[1].dtype != STOA_NONE)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "output Indices is not given while training");
    STOA_TRY(stoa_pool_infer(call, error));
    const size_t *kernel = params->window.kernel;
    if (kernel[0] > INT32_MAX / kernel[1] || kernel[0] * kernel[1] > INT32_MAX / kernel[2])
        return stoa_fail(error, STOA_ERROR_LIMIT, "kernel_shape [%zu,%zu,%zu] has too many taps to be numbered",
                         kernel[0], kernel[1], kernel[2]);
    call->outputs[2].dtype = tap_dtype(&params->window);
    return STOA_OK;
}

struct pooling {
    const struct op_call *call;
    struct pool_shape shape;
    bool average;
};

/* The taps of one image. */
static struct pool_taps image_taps(const struct stoa_tensor *taps, size_t image)
{
    size_t strides[WINDOW_AXES];
    stoa_pool_strides(taps, strides);
    struct pool_taps result = {.plane = strides[0], .row = strides[1], .column = strides[2]};
    size_t offset = image * taps->strides[0];
    if (taps->dtype == STOA_UINT8)
        result.data = (uint8_t *)taps->data + offset;
    else
        result.data = (int32_t *)taps->data + offset;
    return result;
}

static void training_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct pooling *pooling = context;
    const struct stoa_tensor *x = &pooling->call->inputs[0], *y = &pooling->call->outputs[0];
    const struct stoa_tensor *taps = &pooling->call->outputs[2];
    const struct pool_shape *shape = &pooling->shape;
    size_t image;
    const struct pool_row at = stoa_pool_row_of(task, shape->out, &image);
    const struct pool_taps image_of = image_taps(taps, image);
    const float *from = (const float *)x->data + image * x->strides[0];
    float *to = (float *)y->data + image * y->strides[0] + at.plane * shape->y_plane + at.row * shape->y_row;
    if (taps->dtype == STOA_UINT8)
        stoa_max_pool_row_taps(shape, at, from, to, &image_of);
    else
        stoa_max_pool_row_taps_int32(shape, at, from, to, &image_of);
}

static enum stoa_status training_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *y = &call->outputs[0];
    struct pooling pooling = {.call = call};
    STOA_TRY(stoa_pool_place(&params->window, &call->inputs[0], y, error, &pooling.shape));
    stoa_pool_run(run->pool, y->dims[0] * pooling.shape.out[0] * pooling.shape.out[1], training_row, &pooling);
    return STOA_OK;
}

static enum stoa_status max_infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

static enum stoa_status average_infer(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, 1, 0);
    return STOA_OK;
}

static void backward_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct pooling *pooling = context;
    const struct op_call *call = pooling->call;
    const struct pool_params *params = call->params;
    const struct stoa_tensor *dy = &call->inputs[DY], *dx = &call->outputs[0], *taps = &call->inputs[TAPS];
    const struct pool_shape *shape = &pooling->shape;
    size_t image;
    const struct pool_row at = stoa_pool_row_of(task, shape->size, &image);
    const float *from = (const float *)dy->data + image * dy->strides[0];
    float *to = (float *)dx->data + image * dx->strides[0] + at.plane * shape->x_plane + at.row * shape->x_row;
    if (pooling->average) {
        stoa_average_pool_row_backward(shape, at, params->count_pad, from, to);
        return;
    }
    const struct pool_taps image_of = image_taps(taps, image);
    if (taps->dtype == STOA_UINT8)
        stoa_max_pool_row_backward(shape, at, from, &image_of, to);
    else
        stoa_max_pool_row_backward_int32(shape, at, from, &image_of, to);
}

static enum stoa_status backward_run(const struct op_call *call, const struct op_run *run, bool average,
                                     struct stoa_error *error)
{
    const struct pool_params *params = call->params;
    const struct stoa_tensor *dx = &call->outputs[0];
    struct pooling pooling = {.call = call, .average = average};
    STOA_TRY(stoa_pool_place(&params->window, dx, &call->inputs[DY], error, &pooling.shape));
    stoa_pool_run(run->pool, dx->dims[0] * pooling.shape.size[0] * pooling.shape.size[1], backward_row, &pooling);
    return STOA_OK;
}

static enum stoa_status max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return backward_run(call, run, false, error);
}

static enum stoa_status average_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return backward_run(call, run, true, error);
}

static const struct op_gradient max_gradients[] = {
    {"MaxPoolBackward", 3, {{OP_GRADIENT, 0}, {OP_OUTPUT, 2}, {OP_INPUT, 0}}, 1, {0}},
};

const struct op stoa_op_max_pool_training = {
    .type = "MaxPoolTraining",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 3,
    .layout = OP_CHANNELS_LAST,
    .gradients = max_gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct pool_params),
    .parse = stoa_max_pool_parse,
    .infer = training_infer,
    .run = training_run,
};

const struct op stoa_op_max_pool_backward = {
    .type = "MaxPoolBackward",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .images = 1 << DY | 1 << TAPS,
    .dims_inputs = 1 << X,
    .params_size = sizeof(struct pool_params),
    .parse = stoa_max_pool_parse,
    .infer = max_infer,
    .run = max_run,
};

const struct op stoa_op_average_pool_backward = {
    .type = "AveragePoolBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .images = 1 << DY,
    .dims_inputs = 1 << 1,
    .params_size = sizeof(struct pool_params),
    .parse = stoa_average_pool_parse,
    .infer = average_infer,
    .run = average_run,
};
