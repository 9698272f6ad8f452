/* Conv of signals, pictures and volumes. */
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

/* The output's depth, from that of the window and the volume. */
static enum stoa_status finish_depth(struct volume *volume, struct stoa_error *error)
{
    struct conv_shape depth = {.N = 1, .C = 1, .OC = 1, .H = volume->D, .W = 1, .groups = 1};
    depth.kernel[0] = volume->kernel;
    depth.stride[0] = volume->stride;
    depth.dilation[0] = volume->dilation;
    depth.kernel[1] = depth.stride[1] = depth.dilation[1] = 1;
    depth.pad[0] = volume->pad[0];
    depth.pad[2] = volume->pad[1];
    STOA_TRY(stoa_conv_shape_finish(&depth, error));
    volume->OD = depth.OH;
    return STOA_OK;
}

enum stoa_status stoa_conv_call_shape(const struct op_call *call, struct stoa_error *error, struct volume *volume)
{
    const struct conv_params *params = call->params;
    STOA_TRY(stoa_convolution_read(call, &params->window, params->groups, error, volume));
    const struct stoa_tensor *w = &call->inputs[1];
    struct conv_shape *shape = &volume->plane;
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
        size_t size[WINDOW_AXES], unused[WINDOW_AXES];
        stoa_window_size(&call->inputs[0], size);
        stoa_window_size(w, placed.kernel);
        for (size_t i = 0; i < WINDOW_AXES; i++)
            placed.kernel[i] = stoa_size_max(placed.kernel[i], 1);
        STOA_TRY(stoa_window_place(&placed, size, error, &placed, unused));
        for (size_t i = 0; i < 4; i++)
            shape->pad[i] = placed.pad[i / 2 * WINDOW_AXES + 1 + i % 2];
        volume->pad[0] = placed.pad[0];
        volume->pad[1] = placed.pad[WINDOW_AXES];
    }
    for (size_t i = 0; i < 4; i++)
        shape->pad[i] += call->pad[i];
    STOA_TRY(finish_depth(volume, error));
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
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    STOA_TRY(stoa_conv_call_shape(call, error, &volume));
    STOA_TRY(stoa_convolution_fold(&volume, false, true, error, &shape, &fold));
    STOA_TRY(stoa_conv_shape_finish(&shape, error));
    stoa_convolution_output(call, &volume);
    return STOA_OK;
}

static enum stoa_status conv_prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    struct conv *conv;
    STOA_TRY(stoa_conv_call_shape(call, error, &volume));
    STOA_TRY(stoa_convolution_fold(&volume, false, true, error, &shape, &fold));
    const struct tuning_entry *measured = stoa_tuning_find(prepare->tuning, &shape, prepare->threads);
    float *bias;
    STOA_TRY(stoa_convolution_scale_bias(call, prepare, shape.OC, error, &bias));
    enum stoa_status status =
        stoa_convolution_create(call, prepare, stoa_conv_create, &shape, bias, measured, error, &conv);
    stoa_release(prepare->allocator, bias);
    STOA_TRY(status);
    return stoa_convolution_prepare(call, prepare, &fold, conv, error);
}

bool stoa_conv_dense(const struct op_call *call)
{
    const struct conv_params *params = call->params;
    return params->window.stride[WINDOW_AXES - 1] > CONVOLUTION_MOST_STRIDE;
}

static double conv_macs(const struct op_call *call)
{
    struct volume volume;
    return stoa_conv_call_shape(call, NULL, &volume) == STOA_OK
               ? stoa_volume_macs(&volume, false, stoa_conv_macs(&volume.plane))
               : 0;
}

static const struct op_gradient gradients[] = {
    {"ConvBackwardData", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"ConvBackwardWeights", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 2, {1, 2}},
};

static const struct op_fusion fusion = {
    .takes = stoa_convolution_takes,
    .takes_pad = conv_takes_pad,
    .adds_in_place = stoa_convolution_adds_in_place,
    .takes_pool = stoa_convolution_takes_pool,
    .dense = stoa_conv_dense,
};
static const struct op_report report = {
    .error = stoa_convolution_error,
    .macs = conv_macs,
    .describe = stoa_convolution_describe,
    .explain = stoa_convolution_explain,
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
    .fusion = &fusion,
    .infer = conv_infer,
    .prepare = conv_prepare,
    .release = stoa_convolution_release,
    .share = stoa_convolution_share,
    .run = stoa_convolution_run,
    .report = &report,
};
