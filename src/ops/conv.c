/* Conv in two dimensions. */
#include <limits.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/convolution.h"

enum stoa_status stoa_conv_parse(struct attribute_reader *reader, void *out)
{
    struct conv_params *params = out;
    stoa_window_parse(reader, true, &params->window);
    params->groups = (size_t)stoa_read_int(reader, "group", 1, 1, INT_MAX);
    return stoa_reader_finish(reader);
}

enum stoa_status stoa_conv_call_shape(const struct op_call *call, struct stoa_error *error, struct conv_shape *shape)
{
    const struct conv_params *params = call->params;
    STOA_TRY(stoa_convolution_read(call, &params->window, params->groups, error, shape));
    const struct stoa_tensor *w = &call->inputs[1];
    shape->OC = w->dims[0];
    if (shape->C % shape->groups != 0 || w->dims[1] != shape->C / shape->groups) {
        char text[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "input W has dims %s for %zu channels of input X and group %zu",
                         stoa_dims_text(w->rank, w->dims, text), shape->C, shape->groups);
    }
    if (stoa_op_has_input(call, 2))
        STOA_TRY(stoa_check_vector(call, 2, "B", shape->OC, "dims[0] of input W", error));

    struct window placed = params->window;
    enum window_padding padding = placed.padding;
    if (padding == WINDOW_SAME_UPPER || padding == WINDOW_SAME_LOWER) {
        const size_t size[2] = {shape->H, shape->W};
        size_t unused[2];
        for (size_t i = 0; i < 2; i++)
            placed.kernel[i] = shape->kernel[i] ? shape->kernel[i] : 1;
        STOA_TRY(stoa_window_place(&placed, size, error, &placed, unused));
        for (size_t i = 0; i < 4; i++)
            shape->pad[i] = placed.pad[i];
    }
    for (size_t i = 0; i < 4; i++)
        shape->pad[i] += call->pad[i];
    return stoa_conv_shape_finish(shape, error);
}

static bool conv_takes_pad(const struct op_call *call, const size_t pad[4])
{
    (void)pad;
    const struct conv_params *params = call->params;
    return params->window.padding == WINDOW_NOTSET || params->window.padding == WINDOW_VALID;
}

static enum stoa_status conv_infer(const struct op_call *call, struct stoa_error *error)
{
    struct conv_shape shape;
    STOA_TRY(stoa_conv_call_shape(call, error, &shape));
    stoa_convolution_output(call, &shape);
    return STOA_OK;
}

static enum stoa_status conv_prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    struct conv_shape shape;
    struct conv *conv;
    STOA_TRY(stoa_conv_call_shape(call, error, &shape));
    const struct tuning_entry *measured = stoa_tuning_find(prepare->tuning, &shape, prepare->threads);
    float *bias;
    STOA_TRY(stoa_convolution_scale_bias(call, prepare, shape.OC, error, &bias));
    enum stoa_status status =
        stoa_convolution_create(call, prepare, stoa_conv_create, &shape, bias, measured, error, &conv);
    stoa_release(prepare->allocator, bias);
    STOA_TRY(status);
    return stoa_convolution_prepare(call, prepare, conv, error);
}

bool stoa_conv_dense(const struct op_call *call)
{
    const struct conv_params *params = call->params;
    return params->window.stride[1] > CONVOLUTION_MOST_STRIDE;
}

static double conv_macs(const struct op_call *call)
{
    struct conv_shape shape;
    return stoa_conv_call_shape(call, NULL, &shape) == STOA_OK ? stoa_conv_macs(&shape) : 0;
}

static const struct op_gradient gradients[] = {
    {"ConvBackwardData", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"ConvBackwardWeights", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 2, {1, 2}},
};

const struct op stoa_op_conv = {
    .type = "Conv",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .loose_inputs = 1 << 1,
    .parameters = 1 << 1 | 1 << 2,
    .gradients = gradients,
    .gradient_count = sizeof gradients / sizeof *gradients,
    .params_size = sizeof(struct conv_params),
    .parse = stoa_conv_parse,
    .takes = stoa_convolution_takes,
    .takes_pad = conv_takes_pad,
    .dense = stoa_conv_dense,
    .infer = conv_infer,
    .prepare = conv_prepare,
    .release = stoa_convolution_release,
    .share = stoa_convolution_share,
    .run = stoa_convolution_run,
    .error = stoa_convolution_error,
    .macs = conv_macs,
    .describe = stoa_convolution_describe,
    .explain = stoa_convolution_explain,
};
