/* The gradients of Conv and ConvTranspose with regard to W and B: from dy and X, and of W the dims alone. Either may be
 * absent. */
#include <stdio.h>

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
    struct conv_shape shape;
    STOA_TRY(stoa_convolution_forward_shape(call, read, error, &shape));
    if (wanted(call, 0))
        stoa_same_as_input(call, GRADIENT_W, 0);
    if (wanted(call, 1)) {
        call->outputs[1].dtype = STOA_FLOAT;
        call->outputs[1].rank = 1;
        call->outputs[1].dims[0] = shape.OC;
    }
    return STOA_OK;
}

static enum stoa_status prepare_gradient(struct op_call *call, const struct op_prepare *prepare, convolution_shape read,
                                         bool transposed, struct stoa_error *error)
{
    struct conv_shape shape;
    struct weights_gradient *gradient;
    STOA_TRY(stoa_convolution_forward_shape(call, read, error, &shape));
    struct weights_gradient_choice choice = {
        .lowering = prepare->lowering, .accuracy = prepare->accuracy, .transposed = transposed};
    enum stoa_status status = stoa_weights_gradient_create(prepare->allocator, &shape, &choice, error, &gradient);
    /* What is forced on a whole model goes its own way where it does not apply. */
    if (prepare->lowering != STOA_LOWERING_AUTO && (status == STOA_ERROR_LIMIT || status == STOA_ERROR_UNSUPPORTED)) {
        choice.lowering = STOA_LOWERING_AUTO;
        status = stoa_weights_gradient_create(prepare->allocator, &shape, &choice, error, &gradient);
    }
    STOA_TRY(status);
    call->state = gradient;
    call->shared_scratch = stoa_weights_gradient_shared_scratch(gradient);
    call->worker_scratch = stoa_weights_gradient_worker_scratch(gradient);
    return STOA_OK;
}

static void release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    (void)allocator;
    stoa_weights_gradient_free(call->state);
}

static enum stoa_status run_gradient(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
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
    stoa_weights_gradient_run(call->state, &args);
    return STOA_OK;
}

static double error_of(const struct op_call *call, size_t reach[2])
{
    return stoa_weights_gradient_error(call->state, reach);
}

static void describe(const struct op_call *call, size_t size, char *text)
{
    snprintf(text, size, "%s", stoa_weights_gradient_describe(call->state));
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
        struct conv_shape shape;                                                                                       \
        bool known = wanted(call, 0) &&                                                                                \
                     stoa_convolution_forward_shape(call, stoa_##name##_call_shape, NULL, &shape) == STOA_OK;          \
        return known ? stoa_##name##_macs(&shape) : 0;                                                                 \
    }                                                                                                                  \
    const struct op stoa_op_##name##_backward_weights = {                                                              \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 3,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 2,                                                                                              \
        .layout = OP_CHANNELS_LAST,                                                                                    \
        .images = 1 << GRADIENT_X,                                                                                     \
        .dims_inputs = 1 << GRADIENT_W,                                                                                \
        .plain_outputs = 1 << 0 | 1 << 1,                                                                              \
        .params_size = sizeof(struct name##_params),                                                                   \
        .parse = stoa_##name##_parse,                                                                                  \
        .dense = stoa_##name##_dense,                                                                                  \
        .infer = name##_infer,                                                                                         \
        .prepare = name##_prepare,                                                                                     \
        .release = release,                                                                                            \
        .run = run_gradient,                                                                                           \
        .error = error_of,                                                                                             \
        .macs = name##_macs,                                                                                           \
        .describe = describe,                                                                                          \
    };

BACKWARD_WEIGHTS(conv, "ConvBackwardWeights", false)
BACKWARD_WEIGHTS(conv_transpose, "ConvTransposeBackwardWeights", true)
