/* One fully connected layer: the Gemm operator with constant weights. */
#include <stoa/layers.h>

#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/status.h"
#include "base/tensor.h"
#include "layers/activate.h"
#include "layers/wrap.h"

struct stoa_linear {
    struct stoa_allocator allocator;
    struct pool *pool;
    float *weights, *bias; /* our copies */
    struct layer_call layer;
    bool prepared;
    enum stoa_activation activation;
};

static enum stoa_status copy(struct stoa_linear *linear, struct stoa_tensor *tensor, const float *values,
                             struct stoa_error *error, float **own)
{
    size_t bytes;
    tensor->dtype = STOA_FLOAT;
    STOA_TRY(stoa_tensor_measure(tensor, error, NULL, &bytes));
    stoa_tensor_set_plain(tensor);
    STOA_TRY(stoa_allocate_raw(&linear->allocator, 1, bytes, error, own));
    memcpy(*own, values, bytes);
    tensor->data = *own;
    return STOA_OK;
}

static enum stoa_status create(struct stoa_linear *linear, const struct stoa_linear_desc *desc, const float *weights,
                               const float *bias, struct stoa_error *error)
{
    static const struct attribute transposed = {.name = "transB", .kind = ATTRIBUTE_INT, .integer = 1};
    struct layer_call *layer = &linear->layer;
    STOA_TRY(stoa_layer_begin(layer, "Gemm", bias ? 3 : 2, &transposed, 1, error));
    layer->inputs[0] = (struct stoa_tensor){
        .dtype = STOA_FLOAT, .rank = 2, .dims = {desc->batch ? desc->batch : 1, desc->in_features}};
    STOA_TRY(stoa_tensor_measure(&layer->inputs[0], error, NULL, NULL));
    stoa_tensor_set_plain(&layer->inputs[0]);
    layer->inputs[1] = (struct stoa_tensor){.rank = 2, .dims = {desc->out_features, desc->in_features}};
    STOA_TRY(copy(linear, &layer->inputs[1], weights, error, &linear->weights));
    if (bias) {
        layer->inputs[2] = (struct stoa_tensor){.rank = 1, .dims = {desc->out_features}};
        STOA_TRY(copy(linear, &layer->inputs[2], bias, error, &linear->bias));
    }
    STOA_TRY(layer->call.op->infer(&layer->call, error));
    STOA_TRY(stoa_tensor_measure(&layer->output, error, NULL, NULL));
    stoa_tensor_set_plain(&layer->output);
    STOA_TRY(desc->pool
                 ? stoa_pool_adopt(&linear->allocator, desc->pool, error, &linear->pool)
                 : stoa_pool_create(&linear->allocator, desc->threads ? desc->threads : 1, error, &linear->pool));
    struct op_prepare prepare = {.allocator = &linear->allocator, .pool = linear->pool};
    STOA_TRY(layer->call.op->prepare(&layer->call, &prepare, error));
    linear->prepared = true;
    linear->activation = desc->activation;
    return STOA_OK;
}

enum stoa_status stoa_linear_create(const struct stoa_linear_desc *desc, const float *weights, const float *bias,
                                    struct stoa_error *error, struct stoa_linear **out)
{
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "linear is null");
    *out = NULL;
    if (!desc || !weights)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", desc ? "weights" : "desc");
    if ((unsigned)desc->activation >= STOA_ACTIVATION_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.activation is %d, which is none", (int)desc->activation);
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    struct stoa_linear *linear;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *linear, error, &linear));
    linear->allocator = allocator;
    enum stoa_status status = create(linear, desc, weights, bias, error);
    if (status != STOA_OK) {
        stoa_linear_free(linear);
        return status;
    }
    *out = linear;
    return STOA_OK;
}

enum stoa_status stoa_linear_run(const struct stoa_linear *linear, const float *x, struct stoa_error *error, float *y)
{
    if (!linear || !x || !y)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !linear ? "linear" : !x ? "x" : "y");
    /* A call of this run's own, so that threads can share the layer. */
    struct stoa_tensor inputs[LAYER_INPUTS], output = linear->layer.output;
    memcpy(inputs, linear->layer.inputs, sizeof inputs);
    inputs[0].data = stoa_read_only(x);
    output.data = y;
    struct op_call call = linear->layer.call;
    call.inputs = inputs;
    call.outputs = &output;
    STOA_TRY(stoa_op_run_once(&call, &linear->allocator, linear->pool, error));
    if (linear->activation != STOA_IDENTITY)
        stoa_activate(stoa_layer_activation(linear->activation), stoa_tensor_elements(&output), y, y);
    return STOA_OK;
}

void stoa_linear_free(struct stoa_linear *linear)
{
    if (!linear)
        return;
    struct stoa_allocator allocator = linear->allocator;
    if (linear->prepared)
        linear->layer.call.op->release(&linear->layer.call, &allocator);
    stoa_pool_free(linear->pool);
    stoa_release(&allocator, linear->weights);
    stoa_release(&allocator, linear->bias);
    stoa_release(&allocator, linear);
}
