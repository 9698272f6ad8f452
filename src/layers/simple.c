/* Layers that are functions of elements or of rows: activations, softmax. */
#include <stoa/backward.h>
#include <stoa/layers.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "layers/activate.h"
#include "layers/wrap.h"

enum stoa_status stoa_activation_run(enum stoa_activation kind, size_t count, const float *x, struct stoa_error *error,
                                     float *y)
{
    if ((unsigned)kind >= STOA_ACTIVATION_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "activation is %d, which is none", (int)kind);
    if (count && (!x || !y))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", x ? "y" : "x");
    stoa_activate(stoa_layer_activation(kind), count, x, y);
    return STOA_OK;
}

const struct activation *stoa_layer_activation(enum stoa_activation kind)
{
    static const struct activation activations[STOA_ACTIVATION_COUNT] = {
        [STOA_IDENTITY] = {ACTIVATION_NONE, 0, 0},
        [STOA_RELU] = {ACTIVATION_RELU, 0, 0},
        [STOA_RELU6] = {ACTIVATION_CLIP, 0, 6},
        [STOA_LEAKY_RELU] = {ACTIVATION_LEAKY_RELU, 0.01f, 0},
        [STOA_SIGMOID] = {ACTIVATION_SIGMOID, 0, 0},
        [STOA_TANH] = {ACTIVATION_TANH, 0, 0},
        [STOA_HARD_SIGMOID] = {ACTIVATION_HARD_SIGMOID, 1.0f / 6, 0.5f},
        [STOA_HARD_SWISH] = {ACTIVATION_HARD_SWISH, 1.0f / 6, 0.5f},
    };
    return &activations[kind];
}

enum stoa_status stoa_activation_backward_run(enum stoa_activation kind, size_t count, const float *x, const float *y,
                                              const float *dy, struct stoa_error *error, float *dx)
{
    if ((unsigned)kind >= STOA_ACTIVATION_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "activation is %d, which is none", (int)kind);
    /* The operators of this family differ in their params alone. */
    struct op_call call = {.op = stoa_training_op_find("ReluBackward"), .params = stoa_layer_activation(kind)};
    if (!call.op)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "the library was built without training");
    const bool of_x = kind == STOA_HARD_SWISH || kind == STOA_LEAKY_RELU;
    const float *kept = of_x ? x : y;
    if (count && (!dy || !dx || (!kept && kind != STOA_IDENTITY)))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !dy ? "dy" : !dx ? "dx" : of_x ? "x" : "y");
    if (count && kind == STOA_IDENTITY)
        memmove(dx, dy, count * sizeof *dx);
    if (count == 0 || kind == STOA_IDENTITY)
        return STOA_OK;
    struct stoa_tensor inputs[2] = {stoa_layer_vector(count)}, output;
    STOA_TRY(stoa_tensor_measure(&inputs[0], error, NULL, NULL));
    stoa_tensor_set_plain(&inputs[0]);
    inputs[1] = output = inputs[0];
    inputs[0].data = stoa_read_only(dy);
    inputs[1].data = stoa_read_only(kept);
    output.data = dx;
    call.inputs = inputs;
    call.outputs = &output;
    call.input_count = 2;
    call.output_count = 1;
    return call.op->run(&call, &(struct op_run){0}, error);
}

/* Softmax or its backward pass: of one or two matrices. */
static enum stoa_status run_rows(const char *type, size_t inputs, size_t rows, size_t columns, const void *const *given,
                                 struct stoa_error *error, void *result)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct layer_call layer;
    STOA_TRY(stoa_layer_begin(&layer, type, inputs, 1, NULL, 0, error));
    for (size_t i = 0; i < inputs; i++)
        layer.inputs[i] = stoa_layer_matrix(rows, columns);
    STOA_TRY(stoa_layer_finish(&layer, STOA_NCHW, &(struct op_prepare){.allocator = &allocator}, error));
    enum stoa_status status = stoa_layer_run(&layer, NULL, given, &result, NULL, error);
    stoa_layer_end(&layer, &allocator);
    return status;
}

enum stoa_status stoa_softmax_run(size_t rows, size_t columns, const float *x, struct stoa_error *error, float *y)
{
    if (!x || !y)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", x ? "y" : "x");
    return run_rows("Softmax", 1, rows, columns, (const void *[]){x}, error, y);
}

enum stoa_status stoa_softmax_backward_run(size_t rows, size_t columns, const float *y, const float *dy,
                                           struct stoa_error *error, float *dx)
{
    if (!y || !dy || !dx)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !y ? "y" : !dy ? "dy" : "dx");
    return run_rows("SoftmaxBackward", 2, rows, columns, (const void *[]){y, dy}, error, dx);
}
