/* The gradients of functions of one float: dX from dY and what the forward pass kept, Y where it tells the derivative,
 * so that the function stays fused into what computes its X, else X. The derivatives, kinks included, are those of
 * kernels/gradient.h. */
#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/activation.h"
#include "kernels/gradient.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/clip.h"
#include "ops/op.h"
#include "ops/table.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *gradient = &call->inputs[0], *kept = &call->inputs[1];
    STOA_TRY(stoa_check_float(call, 0, "dY", error));
    STOA_TRY(stoa_check_float(call, 1, "kept", error));
    char text[STOA_DIMS_TEXT], other[STOA_DIMS_TEXT];
    if (!stoa_tensor_same_dims(gradient, kept))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input dY has dims %s, the tensor kept %s",
                         stoa_dims_text(gradient->rank, gradient->dims, text),
                         stoa_dims_text(kept->rank, kept->dims, other));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static void differentiate(const struct op_call *call, const struct op_run *run, const struct activation *activation)
{
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_read(&nd, &call->inputs[1]);
    stoa_nd_run(&nd, run->pool, stoa_activation_gradient(activation->kind), activation);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    differentiate(call, run, call->params);
    return STOA_OK;
}

static bool masks(const struct op_call *call, float bounds[2])
{
    bounds[0] = 0;
    bounds[1] = NAN;
    return call->op == &stoa_op_relu_backward;
}

static const struct op_fusion fusion = {.masks = masks};

/* The attributes are those of the forward operator. */
#define BACKWARD(name, type_)                                                                                          \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        return stoa_op_##name.parse(reader, params);                                                                   \
    }                                                                                                                  \
    const struct op stoa_op_##name##_backward = {                                                                      \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 2,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct activation),                                                                      \
        .elementwise = true,                                                                                           \
        .fusion = &fusion,                                                                                             \
        .parse = parse_##name,                                                                                         \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };
BACKWARD(relu, "ReluBackward")
BACKWARD(leaky_relu, "LeakyReluBackward")
BACKWARD(elu, "EluBackward")
BACKWARD(selu, "SeluBackward")
BACKWARD(sigmoid, "SigmoidBackward")
BACKWARD(tanh, "TanhBackward")
BACKWARD(hard_sigmoid, "HardSigmoidBackward")
BACKWARD(hard_swish, "HardSwishBackward")
BACKWARD(softplus, "SoftplusBackward")
BACKWARD(sqrt, "SqrtBackward")
BACKWARD(exp, "ExpBackward")
BACKWARD(celu, "CeluBackward")
BACKWARD(mish, "MishBackward")
BACKWARD(gelu, "GeluBackward")
BACKWARD(swish, "SwishBackward")
BACKWARD(erf, "ErfBackward")
BACKWARD(log, "LogBackward")
BACKWARD(abs, "AbsBackward")
BACKWARD(reciprocal, "ReciprocalBackward")
BACKWARD(softsign, "SoftsignBackward")
BACKWARD(thresholded_relu, "ThresholdedReluBackward")
BACKWARD(shrink, "ShrinkBackward")
BACKWARD(sin, "SinBackward")
BACKWARD(cos, "CosBackward")
BACKWARD(tan, "TanBackward")
BACKWARD(asin, "AsinBackward")
BACKWARD(acos, "AcosBackward")
BACKWARD(atan, "AtanBackward")
BACKWARD(sinh, "SinhBackward")
BACKWARD(cosh, "CoshBackward")
BACKWARD(asinh, "AsinhBackward")
BACKWARD(acosh, "AcoshBackward")
BACKWARD(atanh, "AtanhBackward")

static enum stoa_status parse_clip(struct attribute_reader *reader, void *params)
{
    return stoa_op_clip.parse(reader, params);
}

static enum stoa_status infer_clip(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"min", "max"};
    for (size_t i = 2; i <= 3; i++) {
        STOA_TRY(stoa_check_float(call, i, names[i - 2], error));
        STOA_TRY(stoa_check_single(call, i, names[i - 2], error));
    }
    return infer(call, error);
}

/* False while planning where a bound is not known. */
static bool read_bounds(const struct op_call *call, float bounds[2])
{
    const struct clip_params *params = call->params;
    bool known = true;
    for (size_t i = 0; i < 2; i++) {
        const float *given = stoa_op_has_input(call, i + 2) ? call->inputs[i + 2].data : &params->bounds[i];
        known = known && given;
        bounds[i] = given ? *given : 0;
    }
    return known;
}

static enum stoa_status run_clip(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    float bounds[2];
    read_bounds(call, bounds);
    differentiate(call, run, &(struct activation){ACTIVATION_CLIP, bounds[0], bounds[1]});
    return STOA_OK;
}

/* Inputs 2 and 3 are the bounds, since opset 11. */
static const struct op_fusion clip_fusion = {.masks = read_bounds};

const struct op stoa_op_clip_backward = {
    .type = "ClipBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 4,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .params_size = sizeof(struct clip_params),
    .elementwise = true,
    .parse = parse_clip,
    .fusion = &clip_fusion,
    .infer = infer_clip,
    .run = run_clip,
};
