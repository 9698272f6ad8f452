/* Functions of one float: Relu, LeakyRelu, Elu, Selu, Sigmoid, Tanh, HardSigmoid, HardSwish, Softplus, Sqrt, Exp. NaN
 * stays NaN in all of them. */

#include "kernels/activation.h"
#include "base/size.h"
#include "base/status.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/op.h"

struct activation_params {
    activation function;
    float alpha, beta;
};

static enum stoa_status finish(struct attribute_reader *reader, void *params, activation function, float alpha,
                               float beta)
{
    *(struct activation_params *)params = (struct activation_params){function, alpha, beta};
    return stoa_reader_finish(reader);
}

static enum stoa_status parse_leaky_relu(struct attribute_reader *reader, void *params)
{
    return finish(reader, params, stoa_leaky_relu, stoa_read_float(reader, "alpha", 0.01f), 0.0f);
}

static enum stoa_status parse_elu(struct attribute_reader *reader, void *params)
{
    return finish(reader, params, stoa_elu, stoa_read_float(reader, "alpha", 1.0f), 0.0f);
}

static enum stoa_status parse_selu(struct attribute_reader *reader, void *params)
{
    float alpha = stoa_read_float(reader, "alpha", 1.67326319217681884765625f);
    return finish(reader, params, stoa_selu, alpha, stoa_read_float(reader, "gamma", 1.05070102214813232421875f));
}

static enum stoa_status parse_hard_sigmoid(struct attribute_reader *reader, void *params)
{
    float alpha = stoa_read_float(reader, "alpha", 0.2f);
    return finish(reader, params, stoa_hard_sigmoid, alpha, stoa_read_float(reader, "beta", 0.5f));
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

/* The functions want contiguous arrays: others pass through a buffer. */
static void apply(const void *context, size_t count, char *const *data, const ptrdiff_t *strides)
{
    const struct activation_params *params = context;
    float *y = (float *)data[0], buffer[256];
    const float *x = (const float *)data[1];
    if (strides[0] == 1 && strides[1] == 1) {
        params->function(count, params->alpha, params->beta, x, y);
        return;
    }
    const size_t capacity = sizeof buffer / sizeof *buffer;
    for (size_t done = 0; done < count; done += capacity) {
        ptrdiff_t first = (ptrdiff_t)done, part = (ptrdiff_t)stoa_size_min(capacity, count - done);
        for (ptrdiff_t i = 0; i < part; i++)
            buffer[i] = x[(first + i) * strides[1]];
        params->function((size_t)part, params->alpha, params->beta, buffer, buffer);
        for (ptrdiff_t i = 0; i < part; i++)
            y[(first + i) * strides[0]] = buffer[i];
    }
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_run(&nd, run->pool, apply, call->params);
    return STOA_OK;
}

#define ACTIVATION(name, type_, since_, parse_)                                                                        \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct activation_params),                                                               \
        .parse = parse_,                                                                                               \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };

/* Those without attributes. */
#define SIMPLE(name, type_, since_, alpha, beta)                                                                       \
    static enum stoa_status parse_##name(struct attribute_reader *reader, void *params)                                \
    {                                                                                                                  \
        return finish(reader, params, stoa_##name, alpha, beta);                                                       \
    }                                                                                                                  \
    ACTIVATION(name, type_, since_, parse_##name)

SIMPLE(relu, "Relu", 6, 0.0f, 0.0f)
SIMPLE(sigmoid, "Sigmoid", 6, 0.0f, 0.0f)
SIMPLE(tanh, "Tanh", 6, 0.0f, 0.0f)
SIMPLE(softplus, "Softplus", 1, 0.0f, 0.0f)
SIMPLE(sqrt, "Sqrt", 6, 0.0f, 0.0f)
SIMPLE(exp, "Exp", 6, 0.0f, 0.0f)
SIMPLE(hard_swish, "HardSwish", 14, 1.0f / 6.0f, 0.5f)
ACTIVATION(leaky_relu, "LeakyRelu", 6, parse_leaky_relu)
ACTIVATION(elu, "Elu", 6, parse_elu)
ACTIVATION(selu, "Selu", 6, parse_selu)
ACTIVATION(hard_sigmoid, "HardSigmoid", 6, parse_hard_sigmoid)
