/* ConvTranspose of signals, pictures and volumes: the gradient of Conv with regard to its input, as a layer of its own.
 */
#include <limits.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/convolution.h"

/* The last values of a list of at least as many as there are axes, which may begin with batch and channels (`whole`);
 * absent, `result` stays. */
static void read_axes(struct attribute_reader *reader, const char *name, int64_t least, bool whole,
                      struct conv_transpose_params *params, size_t result[WINDOW_AXES])
{
    int64_t values[2 + WINDOW_AXES];
    size_t count = stoa_read_ints(reader, name, least, INT_MAX, 2 + WINDOW_AXES, values), axes = params->window.axes;
    if (reader->status != STOA_OK || !stoa_reader_has(reader, name))
        return;
    if (!axes) /* nobody says yet how many there are */
        axes = whole && count > WINDOW_AXES ? count - 2 : count;
    if (axes == 0 || axes > WINDOW_AXES || (count != axes && !(whole && count == 2 + axes))) {
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s has %zu values, must have %zu", name, count,
                         axes ? axes : 2);
        return;
    }
    params->axes = axes;
    for (size_t i = 0; i < axes; i++)
        result[WINDOW_AXES - axes + i] = (size_t)values[count - axes + i];
}

enum stoa_status stoa_conv_transpose_parse(struct attribute_reader *reader, void *out)
{
    struct conv_transpose_params *params = out;
    stoa_window_parse(reader, true, &params->window);
    params->groups = (size_t)stoa_read_int(reader, "group", 1, 1, INT_MAX);
    read_axes(reader, "output_padding", 0, false, params, params->output_padding);
    read_axes(reader, "output_shape", 1, true, params, params->output_shape);
    /* The definition changed sides with opset 11. */
    params->begins_less = (params->window.padding == WINDOW_SAME_UPPER) == (reader->opset >= 11);
    return stoa_reader_finish(reader);
}

/* Output size and pads where output_shape or auto_pad says how large the output is. Where that is more than the kernel
 * reaches, the rest lies at the end. */
static enum stoa_status place(const struct conv_transpose_params *params, const size_t output_padding[2],
                              const size_t output_shape[2], struct stoa_error *error, struct conv_shape *shape)
{
    enum window_padding padding = params->window.padding;
    bool same = padding == WINDOW_SAME_UPPER || padding == WINDOW_SAME_LOWER;
    if (!params->output_shape[WINDOW_AXES - 1] && !same)
        return stoa_conv_transpose_shape_finish(shape, output_padding, error);
    struct conv_shape whole = *shape;
    for (size_t i = 0; i < 4; i++)
        whole.pad[i] = 0;
    STOA_TRY(stoa_conv_transpose_shape_finish(&whole, output_padding, error));
    const size_t in[2] = {shape->H, shape->W}, full[2] = {whole.OH, whole.OW};
    size_t *out[2] = {&shape->OH, &shape->OW};
    for (size_t i = 0; i < 2; i++) {
        *out[i] = output_shape[i] ? output_shape[i] : in[i] * shape->stride[i];
        size_t total = full[i] > *out[i] ? full[i] - *out[i] : 0;
        shape->pad[i] = params->begins_less ? total / 2 : total - total / 2;
        shape->pad[i + 2] = total - shape->pad[i];
    }
    return stoa_conv_transpose_shape_finish(shape, output_padding, error);
}

/* The depth, as if it were the height of a picture. */
static enum stoa_status place_depth(const struct conv_transpose_params *params, struct stoa_error *error,
                                    struct volume *volume)
{
    struct conv_shape depth = {.N = 1, .C = 1, .OC = 1, .H = volume->D, .W = 1, .groups = 1};
    depth.kernel[0] = volume->kernel;
    depth.stride[0] = volume->stride;
    depth.dilation[0] = volume->dilation;
    depth.kernel[1] = depth.stride[1] = depth.dilation[1] = 1;
    depth.pad[0] = volume->pad[0];
    depth.pad[2] = volume->pad[1];
    const size_t padding[2] = {params->output_padding[0]}, shape[2] = {params->output_shape[0], 1};
    STOA_TRY(place(params, padding, shape, error, &depth));
    volume->OD = depth.OH;
    volume->pad[0] = depth.pad[0];
    volume->pad[1] = depth.pad[2];
    return STOA_OK;
}

enum stoa_status stoa_conv_transpose_call_shape(const struct op_call *call, struct stoa_error *error,
                                                struct volume *volume)
{
    const struct conv_transpose_params *params = call->params;
    STOA_TRY(stoa_convolution_read(call, &params->window, params->groups, error, volume));
    const struct stoa_tensor *w = &call->inputs[1];
    struct conv_shape *shape = &volume->plane;
    char text[STOA_DIMS_TEXT];
    if (params->axes && params->axes != w->rank - 2)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE,
                         "attribute output_padding or output_shape is for %zu axes, the input has %zu", params->axes,
                         w->rank - 2);
    if (w->dims[0] != shape->C)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input W has dims %s for %zu channels of input X",
                         stoa_dims_text(w->rank, w->dims, text), shape->C);
    if (!stoa_size_mul(w->dims[1], shape->groups, &shape->OC))
        return stoa_fail(error, STOA_ERROR_LIMIT, "input W has dims %s, too large with group %zu",
                         stoa_dims_text(w->rank, w->dims, text), shape->groups);
    if (stoa_op_has_input(call, 2))
        STOA_TRY(stoa_check_vector(call, 2, "B", shape->OC, "dims[1] of input W times group", error));
    STOA_TRY(place_depth(params, error, volume));
    /* A signal's height is 1 whatever the output is said to be. */
    const size_t output_shape[2] = {params->output_shape[1] ? params->output_shape[1] : params->output_shape[2] != 0,
                                    params->output_shape[2]};
    return place(params, &params->output_padding[1], output_shape, error, shape);
}

static enum stoa_status conv_transpose_infer(const struct op_call *call, struct stoa_error *error)
{
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    STOA_TRY(stoa_conv_transpose_call_shape(call, error, &volume));
    STOA_TRY(stoa_convolution_fold(&volume, true, false, error, &shape, &fold));
    STOA_TRY(stoa_conv_transpose_shape_finish(&shape, (const size_t[2]){0}, error));
    stoa_convolution_output(call, &volume);
    return STOA_OK;
}

static enum stoa_status conv_transpose_prepare(struct op_call *call, const struct op_prepare *prepare,
                                               struct stoa_error *error)
{
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    struct conv *conv;
    STOA_TRY(stoa_conv_transpose_call_shape(call, error, &volume));
    STOA_TRY(stoa_convolution_fold(&volume, true, false, error, &shape, &fold));
    float *bias;
    STOA_TRY(stoa_convolution_scale_bias(call, prepare, shape.OC, error, &bias));
    enum stoa_status status = stoa_conv_transpose_create(prepare->allocator, &shape, NULL, bias, error, &conv);
    stoa_release(prepare->allocator, bias);
    STOA_TRY(status);
    return stoa_convolution_prepare(call, prepare, &fold, conv, error);
}

bool stoa_conv_transpose_dense(const struct op_call *call)
{
    const struct conv_transpose_params *params = call->params;
    return params->window.stride[WINDOW_AXES - 1] > CONVOLUTION_MOST_STRIDE;
}

static double conv_transpose_macs(const struct op_call *call)
{
    struct volume volume;
    return stoa_conv_transpose_call_shape(call, NULL, &volume) == STOA_OK
               ? stoa_volume_macs(&volume, true, stoa_conv_transpose_macs(&volume.plane))
               : 0;
}

static const struct op_gradient gradients[] = {
    {"ConvTransposeBackwardData", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 1, {0}},
    {"ConvTransposeBackwardWeights", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 1}, {OP_INPUT, 0}}, 2, {1, 2}},
};

static const struct op_fusion fusion = {
    .takes = stoa_convolution_takes,
    .dense = stoa_conv_transpose_dense,
};
static const struct op_report report = {
    .macs = conv_transpose_macs,
    .describe = stoa_convolution_describe,
    .explain = stoa_convolution_explain,
};

const struct op stoa_op_conv_transpose = {
    .type = "ConvTranspose",
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
    .params_size = sizeof(struct conv_transpose_params),
    .parse = stoa_conv_transpose_parse,
    .fusion = &fusion,
    .infer = conv_transpose_infer,
    .prepare = conv_transpose_prepare,
    .release = stoa_convolution_release,
    .share = stoa_convolution_share,
    .run = stoa_convolution_run,
    .report = &report,
};
