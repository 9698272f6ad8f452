/* Identity, and Dropout as it is in inference: the input as it is, and if asked for a mask that keeps everything. */
#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

struct dropout_params {
    bool mask_of_data_type; /* before opset 10; bool since */
};

static enum stoa_status check_ratio(double ratio, struct stoa_error *error)
{
    if (ratio >= 0.0 && ratio < 1.0)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "ratio is %g, must be in [0, 1)", ratio);
}

static enum stoa_status parse_dropout(struct attribute_reader *reader, void *params)
{
    ((struct dropout_params *)params)->mask_of_data_type = reader->opset < 10;
    if (reader->opset >= 12) {
        stoa_read_int(reader, "seed", 0, INT64_MIN, INT64_MAX);
        return stoa_reader_finish(reader);
    }
    float ratio = stoa_read_float(reader, "ratio", 0.5f);
    STOA_TRY(stoa_reader_finish(reader));
    return check_ratio((double)ratio, reader->error);
}

static enum stoa_status infer_identity(const struct op_call *call, struct stoa_error *error)
{
    (void)error;
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static enum stoa_status check_inputs(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"data", "ratio", "training_mode"};
    for (size_t i = 1; i <= 2; i++)
        STOA_TRY(stoa_check_single(call, i, names[i], error));
    if (stoa_op_has_input(call, 1) && call->inputs[1].data) {
        const struct stoa_tensor *ratio = &call->inputs[1];
        if (ratio->dtype == STOA_FLOAT)
            STOA_TRY(check_ratio((double)*(const float *)ratio->data, error));
        else if (ratio->dtype == STOA_DOUBLE)
            STOA_TRY(check_ratio(*(const double *)ratio->data, error));
    }
    if (!stoa_op_has_input(call, 2))
        return STOA_OK;
    const struct stoa_tensor *training = &call->inputs[2];
    if (training->dtype != STOA_BOOL)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input training_mode is of type %s, must be bool",
                         stoa_dtype_name(training->dtype));
    STOA_TRY(stoa_check_known(call, 2, names[2], error));
    const bool drops =
        !stoa_op_has_input(call, 1) || !call->inputs[1].data || stoa_tensor_load(&call->inputs[1], 0) != 0;
    if (*(const unsigned char *)training->data && drops)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "input training_mode is true: nothing is dropped at random here");
    return STOA_OK;
}

static enum stoa_status infer_dropout(const struct op_call *call, struct stoa_error *error)
{
    const struct dropout_params *params = call->params;
    STOA_TRY(check_inputs(call, error));
    stoa_same_as_input(call, 0, 0);
    if (call->output_count > 1 && call->outputs[1].dtype != STOA_NONE) {
        stoa_same_as_input(call, 0, 1);
        if (!params->mask_of_data_type)
            call->outputs[1].dtype = STOA_BOOL;
    }
    return STOA_OK;
}

static bool view(const struct op_call *call)
{
    memcpy(call->outputs[0].strides, call->inputs[0].strides, sizeof call->outputs[0].strides);
    return true;
}

static enum stoa_status run_dropout(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    if (call->output_count < 2 || call->outputs[1].dtype == STOA_NONE)
        return STOA_OK;
    static const unsigned char one = 1;
    struct nd nd = stoa_nd_over(&call->outputs[1]);
    stoa_nd_read_scalar(&nd, STOA_BOOL, &one);
    stoa_nd_run(&nd, run->pool, stoa_cast_loop(STOA_BOOL, call->outputs[1].dtype), NULL);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"IdentityBackward", 1, {{OP_GRADIENT, 0}}, 1, {0}},
};

const struct op stoa_op_identity = {
    .type = "Identity",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_VIEW,
    .gradients = gradients,
    .gradient_count = 1,
    .infer = infer_identity,
    .view = view,
};

static const struct op_training dropout_training = {.type = "DropoutTraining", .output_count = 2, .takes_seed = true};

#define DROPOUT(name, since_, until_, inputs)                                                                          \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Dropout",                                                                                             \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = 1,                                                                                               \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 2,                                                                                              \
        .layout = OP_VIEW,                                                                                             \
        .gradients = gradients,                                                                                        \
        .gradient_count = 1,                                                                                           \
        .training = &dropout_training,                                                                                 \
        .value_inputs = (inputs) > 1 ? 1 << 1 | 1 << 2 : 0,                                                            \
        .params_size = sizeof(struct dropout_params),                                                                  \
        .parse = parse_dropout,                                                                                        \
        .infer = infer_dropout,                                                                                        \
        .view = view,                                                                                                  \
        .run = run_dropout,                                                                                            \
    };
DROPOUT(dropout, 7, 11, 1)
DROPOUT(dropout_12, 12, 0, 3)
