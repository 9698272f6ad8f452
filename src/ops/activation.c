/* Functions of one float: Relu, LeakyRelu, Elu, Selu, Sigmoid, Tanh, HardSigmoid, HardSwish, Softplus, Sqrt, Exp. NaN
 * stays NaN in all of them. */
#include "kernels/activation.h"
#include "base/status.h"
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

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static bool activation(const struct op_call *call, struct activation *activation)
{
    *activation = *(const struct activation *)call->params;
    return true;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_run(&nd, run->pool, stoa_activation_loop, call->params);
    return STOA_OK;
}

/* kept: what the gradient is computed from, OP_OUTPUT where it tells the derivative. */
#define ACTIVATION(name, type_, since_, parse_, kept)                                                                  \
    static const struct op_gradient name##_gradients[] = {                                                             \
        {type_ "Backward", 2, {{OP_GRADIENT, 0}, {kept, 0}}, 1, {0}},                                                  \
    };                                                                                                                 \
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
        .activation = activation,                                                                                      \
        .elementwise = true,                                                                                           \
        .gradients = name##_gradients,                                                                                 \
        .gradient_count = 1,                                                                                           \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };

/* Those without attributes. */
#define SIMPLE(name, type_, since_, kind, alpha, beta, kept)                                                           \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        return finish(reader, params, kind, alpha, beta);                                                              \
    }                                                                                                                  \
    ACTIVATION(name, type_, since_, parse_##name, kept)

SIMPLE(relu, "Relu", 6, ACTIVATION_RELU, 0.0f, 0.0f, OP_OUTPUT)
SIMPLE(sigmoid, "Sigmoid", 6, ACTIVATION_SIGMOID, 0.0f, 0.0f, OP_OUTPUT)
SIMPLE(tanh, "Tanh", 6, ACTIVATION_TANH, 0.0f, 0.0f, OP_OUTPUT)
SIMPLE(softplus, "Softplus", 1, ACTIVATION_SOFTPLUS, 0.0f, 0.0f, OP_OUTPUT)
SIMPLE(sqrt, "Sqrt", 6, ACTIVATION_SQRT, 0.0f, 0.0f, OP_OUTPUT)
SIMPLE(exp, "Exp", 6, ACTIVATION_EXP, 0.0f, 0.0f, OP_OUTPUT)
SIMPLE(hard_swish, "HardSwish", 14, ACTIVATION_HARD_SWISH, 1.0f / 6.0f, 0.5f, OP_INPUT)
ACTIVATION(leaky_relu, "LeakyRelu", 6, parse_leaky_relu, OP_INPUT)
ACTIVATION(elu, "Elu", 6, parse_elu, OP_INPUT)
ACTIVATION(selu, "Selu", 6, parse_selu, OP_INPUT)
ACTIVATION(hard_sigmoid, "HardSigmoid", 6, parse_hard_sigmoid, OP_OUTPUT)
