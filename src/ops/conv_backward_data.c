/* The gradients of Conv and ConvTranspose with regard to X: from dy and W, and of X the dims alone. That of Conv is a
 * transposed convolution, or where strides are 1 a convolution; that of ConvTranspose is a convolution. */
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/convolution.h"

static enum stoa_status infer(const struct op_call *call, convolution_shape read, struct stoa_error *error)
{
    struct volume volume;
    STOA_TRY(stoa_convolution_forward_shape(call, read, error, &volume));
    stoa_same_as_input(call, GRADIENT_X, 0);
    return STOA_OK;
}

/* What a gradient of volumes is unfolded to takes nothing, and is computed without Winograd's transforms. */
static unsigned takes(const struct op_call *call)
{
    return call->inputs[0].rank == 5 ? 0 : OP_TAKES_ADDEND | OP_TAKES_MASK;
}

static enum stoa_status conv_infer(const struct op_call *call, struct stoa_error *error)
{
    return infer(call, stoa_conv_call_shape, error);
}

static enum stoa_status conv_prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    struct conv *conv;
    struct op_prepare way = *prepare;
    STOA_TRY(stoa_convolution_forward_shape(call, stoa_conv_call_shape, error, &volume));
    STOA_TRY(stoa_convolution_fold(&volume, false, false, error, &shape, &fold));
    if (fold.deep)
        way.accuracy = STOA_ACCURACY_STRICT;
    STOA_TRY(stoa_convolution_create(call, &way, stoa_conv_backward_create, &shape, NULL, NULL, error, &conv));
    return stoa_convolution_prepare(call, prepare, &fold, conv, error);
}

static double conv_macs(const struct op_call *call)
{
    struct volume volume;
    return stoa_convolution_forward_shape(call, stoa_conv_call_shape, NULL, &volume) == STOA_OK
               ? stoa_volume_macs(&volume, false, stoa_conv_macs(&volume.plane))
               : 0;
}

static const struct op_fusion conv_fusion = {
    .takes = takes,
    .adds_in_place = stoa_convolution_adds_in_place,
    .dense = stoa_conv_dense,
};
static const struct op_report conv_report = {
    .error = stoa_convolution_error,
    .macs = conv_macs,
    .describe = stoa_convolution_describe,
    .explain = stoa_convolution_explain,
};

const struct op stoa_op_conv_backward_data = {
    .type = "ConvBackwardData",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .loose_inputs = 1 << GRADIENT_W,
    .dims_inputs = 1 << GRADIENT_X,
    .params_size = sizeof(struct conv_params),
    .parse = stoa_conv_parse,
    .fusion = &conv_fusion,
    .infer = conv_infer,
    .prepare = conv_prepare,
    .release = stoa_convolution_release,
    .run = stoa_convolution_run,
    .report = &conv_report,
};

/* *shape = the convolution from dy to dx. Of an output larger than the kernel reaches it leaves out what is computed
 * beyond X. */
static enum stoa_status gather_shape(const struct op_call *call, struct stoa_error *error, struct conv_shape *shape,
                                     struct convolution_fold *fold, struct volume *volume)
{
    struct conv_shape forward;
    STOA_TRY(stoa_convolution_forward_shape(call, stoa_conv_transpose_call_shape, error, volume));
    STOA_TRY(stoa_convolution_fold(volume, true, true, error, &forward, fold));
    *shape = forward;
    shape->C = forward.OC;
    shape->H = forward.OH;
    shape->W = forward.OW;
    shape->OC = forward.C;
    STOA_TRY(stoa_conv_shape_finish(shape, error));
    shape->OH = forward.H;
    shape->OW = forward.W;
    return STOA_OK;
}

static enum stoa_status conv_transpose_infer(const struct op_call *call, struct stoa_error *error)
{
    return infer(call, stoa_conv_transpose_call_shape, error);
}

static enum stoa_status conv_transpose_prepare(struct op_call *call, const struct op_prepare *prepare,
                                               struct stoa_error *error)
{
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    struct conv *conv;
    struct op_prepare way = *prepare;
    STOA_TRY(gather_shape(call, error, &shape, &fold, &volume));
    if (fold.deep)
        way.accuracy = STOA_ACCURACY_STRICT;
    const struct tuning_entry *measured = stoa_tuning_find(prepare->tuning, &shape, prepare->threads);
    STOA_TRY(stoa_convolution_create(call, &way, stoa_conv_create, &shape, NULL, measured, error, &conv));
    return stoa_convolution_prepare(call, prepare, &fold, conv, error);
}

static double conv_transpose_macs(const struct op_call *call)
{
    struct volume volume;
    struct conv_shape shape;
    struct convolution_fold fold;
    return gather_shape(call, NULL, &shape, &fold, &volume) == STOA_OK
               ? stoa_volume_macs(&volume, true, stoa_conv_transpose_macs(&volume.plane))
               : 0;
}

static const struct op_fusion conv_transpose_fusion = {
    .takes = takes,
    .dense = stoa_conv_transpose_dense,
};
static const struct op_report conv_transpose_report = {
    .error = stoa_convolution_error,
    .macs = conv_transpose_macs,
    .describe = stoa_convolution_describe,
    .explain = stoa_convolution_explain,
};

const struct op stoa_op_conv_transpose_backward_data = {
    .type = "ConvTransposeBackwardData",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_CHANNELS_LAST,
    .loose_inputs = 1 << GRADIENT_W,
    .dims_inputs = 1 << GRADIENT_X,
    .params_size = sizeof(struct conv_transpose_params),
    .parse = stoa_conv_transpose_parse,
    .fusion = &conv_transpose_fusion,
    .infer = conv_transpose_infer,
    .prepare = conv_transpose_prepare,
    .release = stoa_convolution_release,
    .run = stoa_convolution_run,
    .report = &conv_transpose_report,
};
