/* The gradients of Conv and ConvTranspose with regard to W and B: from dy and X, and of W the dims alone. Either may be
 * absent. Of volumes X (of a transposed convolution: dy) is folded into pictures first, all of them, and the bias,
 * which is then no sum over what is folded, has a gradient of its own. */
#include <stdio.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "lower/weights_gradient.h"
#include "ops/check.h"
#include "ops/convolution.h"

static bool wanted(const struct op_call *call, size_t output)
{
    return output < call->output_count && call->outputs[output].dtype != STOA_NONE;
}

static enum stoa_status infer(const struct op_call *call, convolution_shape read, struct stoa_error *error)
{
    struct volume volume;
    STOA_TRY(stoa_convolution_forward_shape(call, read, error, &volume));
    if (wanted(call, 0))
        stoa_same_as_input(call, GRADIENT_W, 0);
    if (wanted(call, 1)) {
        call->outputs[1].dtype = STOA_FLOAT;
        call->outputs[1].rank = 1;
        call->outputs[1].dims[0] = volume.plane.OC;
    }
    return STOA_OK;
}

struct gradients {
    struct weights_gradient *weights, *bias; /* bias: null where the first sees to it, too */
    struct convolution_fold fold;
    bool transposed;
    size_t pictures; /* where in the shared scratch they lie */
};

static enum stoa_status create(const struct op_prepare *prepare, const struct conv_shape *shape, bool transposed,
                               bool strict, struct stoa_error *error, struct weights_gradient **gradient)
{
    struct weights_gradient_choice choice = {.lowering = prepare->lowering,
                                             .accuracy = strict ? STOA_ACCURACY_STRICT : prepare->accuracy,
                                             .transposed = transposed};
    struct stoa_error attempt;
    enum stoa_status status = stoa_weights_gradient_create(prepare->allocator, shape, &choice, &attempt, gradient);
    if (!stoa_conv_gives_way(choice.lowering, status))
        return stoa_error_hand_on(&attempt, status, error);
    choice.lowering = STOA_LOWERING_AUTO;
    return stoa_weights_gradient_create(prepare->allocator, shape, &choice, error, gradient);
}

/* The products of pixels by one channel have dy's sums as their bias gradient. */
static enum stoa_status create_bias(const struct op_prepare *prepare, const struct volume *volume,
                                    struct stoa_error *error, struct weights_gradient **gradient)
{
    struct conv_shape shape = {.C = 1, .H = volume->plane.OH, .W = volume->plane.OW, .OC = volume->plane.OC};
    if (!stoa_size_mul(volume->plane.N, volume->OD, &shape.N))
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu volumes of depth %zu are too many", volume->plane.N, volume->OD);
    shape.groups = shape.kernel[0] = shape.kernel[1] = shape.stride[0] = shape.stride[1] = 1;
    shape.dilation[0] = shape.dilation[1] = 1;
    STOA_TRY(stoa_conv_shape_finish(&shape, error));
    return create(prepare, &shape, false, true, error, gradient);
}

static void free_gradients(struct gradients *gradients, const struct stoa_allocator *allocator)
{
    if (!gradients)
        return;
    stoa_weights_gradient_free(gradients->weights);
    stoa_weights_gradient_free(gradients->bias);
    stoa_release(allocator, gradients);
}

static enum stoa_status fill(const struct op_call *call, const struct op_prepare *prepare, const struct volume *volume,
                             struct stoa_error *error, struct gradients *gradients)
{
    struct conv_shape shape;
    struct convolution_fold *fold = &gradients->fold;
    const bool transposed = gradients->transposed;
    STOA_TRY(stoa_convolution_fold(volume, transposed, true, error, &shape, fold));
    if (fold->deep) {
        shape.N = fold->at_once = fold->pictures;
        STOA_TRY(transposed ? stoa_conv_transpose_shape_finish(&shape, (const size_t[2]){0}, error)
                            : stoa_conv_shape_finish(&shape, error));
    }
    STOA_TRY(create(prepare, &shape, transposed, fold->deep, error, &gradients->weights));
    return fold->deep && wanted(call, 1) ? create_bias(prepare, volume, error, &gradients->bias) : STOA_OK;
}

static enum stoa_status prepare_gradient(struct op_call *call, const struct op_prepare *prepare, convolution_shape read,
                                         bool transposed, struct stoa_error *error)
{
    struct volume volume;
    struct gradients *gradients;
    STOA_TRY(stoa_convolution_forward_shape(call, read, error, &volume));
    STOA_TRY(stoa_allocate(prepare->allocator, 1, sizeof *gradients, error, &gradients));
    gradients->transposed = transposed;
    enum stoa_status status = fill(call, prepare, &volume, error, gradients);
    if (status != STOA_OK) {
        free_gradients(gradients, prepare->allocator);
        return status;
    }
    const struct convolution_fold *fold = &gradients->fold;
    call->state = gradients;
    call->shared_scratch = stoa_weights_gradient_shared_scratch(gradients->weights);
    call->worker_scratch = stoa_weights_gradient_worker_scratch(gradients->weights);
    if (gradients->bias) {
        call->shared_scratch =
            stoa_size_max(call->shared_scratch, stoa_weights_gradient_shared_scratch(gradients->bias));
        call->worker_scratch =
            stoa_size_max(call->worker_scratch, stoa_weights_gradient_worker_scratch(gradients->bias));
    }
    if (fold->deep && wanted(call, 0)) {
        gradients->pictures = stoa_size_round_up(call->shared_scratch, STOA_ALIGNMENT);
        call->shared_scratch = gradients->pictures + stoa_convolution_pictures(fold) * sizeof(float);
    }
    return STOA_OK;
}

static void release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    free_gradients(call->state, allocator);
}

/* args with pictures in place of the volumes that are folded. */
static struct weights_gradient_args fold_images(const struct gradients *gradients,
                                                const struct weights_gradient_args *args, float *pictures)
{
    const struct convolution_fold *fold = &gradients->fold;
    struct weights_gradient_args folded = *args;
    folded.db = NULL;
    if (gradients->transposed) {
        folded.dy = pictures;
        folded.dy_stride = 0;
    } else {
        folded.x = pictures;
        folded.x_stride = 0;
    }
    stoa_volume_fold(&fold->window, 0, fold->pictures, fold->rows, fold->row_pixels, fold->channels,
                     gradients->transposed ? args->dy : args->x,
                     gradients->transposed ? args->dy_stride : args->x_stride, args->pool, pictures);
    return folded;
}

static enum stoa_status run_gradient(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct gradients *gradients = call->state;
    const struct stoa_tensor *x = &call->inputs[GRADIENT_X], *dy = &call->inputs[GRADIENT_DY];
    struct weights_gradient_args args = {
        .x = x->data,
        .x_stride = stoa_tensor_pixel_stride(x),
        .dy = dy->data,
        .dy_stride = stoa_tensor_pixel_stride(dy),
        .dw = wanted(call, 0) ? call->outputs[0].data : NULL,
        .db = wanted(call, 1) ? call->outputs[1].data : NULL,
        .pool = run->pool,
        .shared = run->shared,
        .worker_base = run->worker_base,
        .worker_stride = run->worker_stride,
    };
    if (gradients->bias) {
        struct weights_gradient_args of_bias = args;
        of_bias.dw = NULL;
        stoa_weights_gradient_run(gradients->bias, &of_bias);
    }
    if (gradients->fold.deep && args.dw) {
        float *pictures = (void *)((char *)run->shared + gradients->pictures);
        args = fold_images(gradients, &args, pictures);
    }
    if (!gradients->fold.deep || args.dw)
        stoa_weights_gradient_run(gradients->weights, &args);
    return STOA_OK;
}

static double error_of(const struct op_call *call, size_t reach[2])
{
    const struct gradients *gradients = call->state;
    return stoa_weights_gradient_error(gradients->weights, reach);
}

static void describe(const struct op_call *call, size_t size, char *text)
{
    const struct gradients *gradients = call->state;
    snprintf(text, size, "%s", stoa_weights_gradient_describe(gradients->weights));
}

#define BACKWARD_WEIGHTS(name, type_, transposed)                                                                      \
    static enum stoa_status name##_infer(const struct op_call *call, struct stoa_error *error)                         \
    {                                                                                                                  \
        return infer(call, stoa_##name##_call_shape, error);                                                           \
    }                                                                                                                  \
    static enum stoa_status name##_prepare(struct op_call *call, const struct op_prepare *prepare,                     \
                                           struct stoa_error *error)                                                   \
    {                                                                                                                  \
        return prepare_gradient(call, prepare, stoa_##name##_call_shape, transposed, error);                           \
    }                                                                                                                  \
    static double name##_macs(const struct op_call *call)                                                              \
    {                                                                                                                  \
        struct volume volume;                                                                                          \
        bool known = wanted(call, 0) &&                                                                                \
                     stoa_convolution_forward_shape(call, stoa_##name##_call_shape, NULL, &volume) == STOA_OK;         \
        return known ? stoa_volume_macs(&volume, transposed, stoa_##name##_macs(&volume.plane)) : 0;                   \
    }                                                                                                                  \
    static const struct op_fusion name##_fusion = {.dense = stoa_##name##_dense};                                      \
    static const struct op_report name##_report = {.error = error_of, .macs = name##_macs, .describe = describe};      \
    const struct op stoa_op_##name##_backward_weights = {                                                              \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 3,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .min_outputs = 0,                                                                                              \
        .max_outputs = 2,                                                                                              \
        .layout = OP_CHANNELS_LAST,                                                                                    \
        .images = 1 << GRADIENT_X,                                                                                     \
        .dims_inputs = 1 << GRADIENT_W,                                                                                \
        .plain_outputs = 1 << 0 | 1 << 1,                                                                              \
        .params_size = sizeof(struct name##_params),                                                                   \
        .parse = stoa_##name##_parse,                                                                                  \
        .fusion = &name##_fusion,                                                                                      \
        .infer = name##_infer,                                                                                         \
        .prepare = name##_prepare,                                                                                     \
        .release = release,                                                                                            \
        .run = run_gradient,                                                                                           \
        .report = &name##_report,                                                                                      \
    };

BACKWARD_WEIGHTS(conv, "ConvBackwardWeights", false)
BACKWARD_WEIGHTS(conv_transpose, "ConvTransposeBackwardWeights", true)
