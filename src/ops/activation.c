/* Functions of one number: activations, rounding, sign, logarithm, the trigonometric ones. NaN stays NaN in all of
 * them. All take float and double, Abs, Neg and Sign whole numbers, too. */
#include "kernels/activation.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/op.h"

static enum stoa_status finish(struct attribute_reader *reader, void *params, enum activation_kind kind, float alpha,
                               float beta)
{
    *(struct activation *)params = (struct activation){kind, alpha, beta};
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_leaky_relu(struct attribute_reader *reader, void *params)
{
    return finish(reader, params, ACTIVATION_LEAKY_RELU, stoa_read_float(reader, "alpha", 0.01f), 0.0f);
}

static enum stoa_status parse_elu(struct attribute_reader *reader, void *params)
{
    return finish(reader, params, ACTIVATION_ELU, stoa_read_float(reader, "alpha", 1.0f), 0.0f);
}

static enum stoa_status parse_selu(struct attribute_reader *reader, void *params)
{
    float alpha = stoa_read_float(reader, "alpha", 1.67326319217681884765625f);
    return finish(reader, params, ACTIVATION_SELU, alpha, stoa_read_float(reader, "gamma", 1.05070102214813232421875f));
}

static enum stoa_status parse_hard_sigmoid(struct attribute_reader *reader, void *params)
{
    float alpha = stoa_read_float(reader, "alpha", 0.2f);
    return finish(reader, params, ACTIVATION_HARD_SIGMOID, alpha, stoa_read_float(reader, "beta", 0.5f));
}

static enum stoa_status parse_celu(struct attribute_reader *reader, void *params)
{
    float alpha = stoa_read_float(reader, "alpha", 1.0f);
    if (!(alpha > 0.0f))
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute alpha is %g, must be above 0", (double)alpha);
    return finish(reader, params, ACTIVATION_CELU, alpha, 0.0f);
}

static enum stoa_status parse_thresholded_relu(struct attribute_reader *reader, void *params)
{
    return finish(reader, params, ACTIVATION_THRESHOLDED_RELU, stoa_read_float(reader, "alpha", 1.0f), 0.0f);
}

static enum stoa_status parse_shrink(struct attribute_reader *reader, void *params)
{
    float threshold = stoa_read_float(reader, "lambd", 0.5f);
    return finish(reader, params, ACTIVATION_SHRINK, threshold, stoa_read_float(reader, "bias", 0.0f));
}

static enum stoa_status parse_gelu(struct attribute_reader *reader, void *params)
{
    static const char *const ways[] = {"none", "tanh", NULL};
    bool by_tanh = stoa_read_choice(reader, "approximate", ways) == 1;
    return finish(reader, params, by_tanh ? ACTIVATION_GELU_TANH : ACTIVATION_GELU, 0.0f, 0.0f);
}

static enum stoa_status parse_swish(struct attribute_reader *reader, void *params)
{
    return finish(reader, params, ACTIVATION_SILU, stoa_read_float(reader, "alpha", 1.0f), 0.0f);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct activation *activation = call->params;
    enum stoa_dtype dtype = call->inputs[0].dtype;
    if (!stoa_activation_loop_of(activation->kind, dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input X is of type %s, which is not supported",
                         stoa_dtype_name(dtype));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static bool activation(const struct op_call *call, struct activation *activation)
{
    *activation = *(const struct activation *)call->params;
    return call->inputs[0].dtype == STOA_FLOAT;
}

/* Where it is Neg, 1 / x being no sum of products. */
static bool affine_neg(const struct op_call *call, size_t input, double *scale, double *shift)
{
    const struct stoa_tensor *x = &call->inputs[input];
    if (x->dtype != STOA_FLOAT || x->rank < 2)
        return false;
    for (size_t c = 0; c < x->dims[1]; c++) {
        scale[c] = -1;
        shift[c] = 0;
    }
    return true;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct activation *activation = call->params;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_run(&nd, run->pool, stoa_activation_loop_of(activation->kind, call->inputs[0].dtype), activation);
    return STOA_OK;
}

static const struct op_fusion fusion = {.activation = activation};
static const struct op_fusion neg_fusion = {.activation = activation, .affine = affine_neg};

#define FUNCTION(name, type_, since_, parse_, fusion_, gradients_, gradient_count_)                                    \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct activation),                                                                      \
        .parse = parse_,                                                                                               \
        .fusion = fusion_,                                                                                             \
        .elementwise = true,                                                                                           \
        .gradients = gradients_,                                                                                       \
        .gradient_count = gradient_count_,                                                                             \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };

/* fused: whether it may become part of what computes its x (op.h). Not so where it leaps or has a pole, or is not
 * defined on one side: which side x is on can hang on the last bit of a sum, and nobody could say whether a result is
 * right who has not seen the sum.
 * kept: what the gradient is computed from, OP_OUTPUT where it tells the derivative. */
#define ACTIVATION(name, type_, since_, parse_, fused, kept)                                                           \
    static const struct op_gradient name##_gradients[] = {                                                             \
        {type_ "Backward", 2, {{OP_GRADIENT, 0}, {kept, 0}}, 1, {0}},                                                  \
    };                                                                                                                 \
    FUNCTION(name, type_, since_, parse_, fused ? &fusion : NULL, name##_gradients, 1)

/* Those without attributes. */
#define PARSE(name, kind, alpha, beta)                                                                                 \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        return finish(reader, params, kind, alpha, beta);                                                              \
    }
#define SIMPLE(name, type_, since_, kind, fused, kept)                                                                 \
    PARSE(name, kind, 0.0f, 0.0f)                                                                                      \
    ACTIVATION(name, type_, since_, parse_##name, fused, kept)
/* Those that are constant but where they leap: there are no gradients worth passing. */
#define STEPS(name, type_, since_, kind)                                                                               \
    PARSE(name, kind, 0.0f, 0.0f)                                                                                      \
    FUNCTION(name, type_, since_, parse_##name, NULL, NULL, 0)

SIMPLE(relu, "Relu", 6, ACTIVATION_RELU, true, OP_OUTPUT)
SIMPLE(sigmoid, "Sigmoid", 6, ACTIVATION_SIGMOID, true, OP_OUTPUT)
SIMPLE(tanh, "Tanh", 6, ACTIVATION_TANH, true, OP_OUTPUT)
SIMPLE(softplus, "Softplus", 1, ACTIVATION_SOFTPLUS, true, OP_OUTPUT)
SIMPLE(sqrt, "Sqrt", 6, ACTIVATION_SQRT, false, OP_OUTPUT)
SIMPLE(exp, "Exp", 6, ACTIVATION_EXP, true, OP_OUTPUT)
SIMPLE(mish, "Mish", 1, ACTIVATION_MISH, true, OP_INPUT) /* ONNX's since 18; exporters wrote it before */
SIMPLE(erf, "Erf", 9, ACTIVATION_ERF, true, OP_INPUT)
SIMPLE(log, "Log", 6, ACTIVATION_LOG, false, OP_INPUT)
SIMPLE(abs, "Abs", 6, ACTIVATION_ABS, true, OP_INPUT)
SIMPLE(reciprocal, "Reciprocal", 6, ACTIVATION_RECIPROCAL, false, OP_OUTPUT)
SIMPLE(softsign, "Softsign", 1, ACTIVATION_SOFTSIGN, true, OP_INPUT)
SIMPLE(sin, "Sin", 7, ACTIVATION_SIN, true, OP_INPUT)
SIMPLE(cos, "Cos", 7, ACTIVATION_COS, true, OP_INPUT)
SIMPLE(tan, "Tan", 7, ACTIVATION_TAN, false, OP_OUTPUT)
SIMPLE(asin, "Asin", 7, ACTIVATION_ASIN, false, OP_INPUT)
SIMPLE(acos, "Acos", 7, ACTIVATION_ACOS, false, OP_INPUT)
SIMPLE(atan, "Atan", 7, ACTIVATION_ATAN, true, OP_INPUT)
SIMPLE(sinh, "Sinh", 9, ACTIVATION_SINH, true, OP_INPUT)
SIMPLE(cosh, "Cosh", 9, ACTIVATION_COSH, true, OP_INPUT)
SIMPLE(asinh, "Asinh", 9, ACTIVATION_ASINH, true, OP_INPUT)
SIMPLE(acosh, "Acosh", 9, ACTIVATION_ACOSH, false, OP_INPUT)
SIMPLE(atanh, "Atanh", 9, ACTIVATION_ATANH, false, OP_INPUT)
STEPS(floor, "Floor", 6, ACTIVATION_FLOOR)
STEPS(ceil, "Ceil", 6, ACTIVATION_CEIL)
STEPS(round, "Round", 11, ACTIVATION_ROUND)
STEPS(sign, "Sign", 9, ACTIVATION_SIGN)
ACTIVATION(leaky_relu, "LeakyRelu", 6, parse_leaky_relu, true, OP_INPUT)
ACTIVATION(elu, "Elu", 6, parse_elu, true, OP_INPUT)
ACTIVATION(selu, "Selu", 6, parse_selu, true, OP_INPUT)
ACTIVATION(celu, "Celu", 12, parse_celu, true, OP_INPUT)
ACTIVATION(gelu, "Gelu", 20, parse_gelu, true, OP_INPUT)
ACTIVATION(swish, "Swish", 24, parse_swish, true, OP_INPUT)
ACTIVATION(hard_sigmoid, "HardSigmoid", 6, parse_hard_sigmoid, true, OP_OUTPUT)
ACTIVATION(thresholded_relu, "ThresholdedRelu", 10, parse_thresholded_relu, false, OP_INPUT)
ACTIVATION(shrink, "Shrink", 9, parse_shrink, false, OP_INPUT)
PARSE(hard_swish, ACTIVATION_HARD_SWISH, 1.0f / 6.0f, 0.5f)
ACTIVATION(hard_swish, "HardSwish", 14, parse_hard_swish, true, OP_INPUT)

PARSE(neg, ACTIVATION_NEG, 0.0f, 0.0f)
static const struct op_gradient neg_gradients[] = {
    {"SubBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};
FUNCTION(neg, "Neg", 6, parse_neg, &neg_fusion, neg_gradients, 1)
