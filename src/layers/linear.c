/* One fully connected layer: the Gemm operator with constant weights, and its gradients. */
#include <stoa/backward.h>
#include <stoa/layers.h>

#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "layers/activate.h"
#include "layers/wrap.h"

struct stoa_linear {
    struct stoa_allocator allocator;
    struct pool *pool;
    float *weights, *bias; /* our copies */
    struct layer_call layer;
    enum stoa_activation activation;
};

static enum stoa_status copy(struct stoa_linear *linear, const struct stoa_tensor *tensor, const float *values,
                             struct stoa_error *error, float **own)
{
    size_t bytes;
    STOA_TRY(stoa_tensor_measure(tensor, error, NULL, &bytes));
    STOA_TRY(stoa_allocate_raw(&linear->allocator, 1, bytes, error, own));
    memcpy(*own, values, bytes);
    return STOA_OK;
}

static const struct attribute transposed = {.name = "transB", .kind = ATTRIBUTE_INT, .integer = 1};

static enum stoa_status create(struct stoa_linear *linear, const struct stoa_linear_desc *desc, const float *weights,
                               const float *bias, struct stoa_error *error)
{
    struct layer_call *layer = &linear->layer;
    STOA_TRY(stoa_layer_begin(layer, "Gemm", bias ? 3 : 2, 1, &transposed, 1, error));
    layer->inputs[0] = stoa_layer_matrix(desc->batch ? desc->batch : 1, desc->in_features);
    layer->inputs[1] = stoa_layer_matrix(desc->out_features, desc->in_features);
    STOA_TRY(copy(linear, &layer->inputs[1], weights, error, &linear->weights));
    layer->inputs[1].data = linear->weights;
    if (bias) {
        layer->inputs[2] = stoa_layer_vector(desc->out_features);
        STOA_TRY(copy(linear, &layer->inputs[2], bias, error, &linear->bias));
        layer->inputs[2].data = linear->bias;
    }
    STOA_TRY(desc->pool
                 ? stoa_pool_adopt(&linear->allocator, desc->pool, error, &linear->pool)
                 : stoa_pool_create(&linear->allocator, desc->threads ? desc->threads : 1, error, &linear->pool));
    const struct op_prepare prepare = {
        .allocator = &linear->allocator, .threads = stoa_pool_workers(linear->pool), .pool = linear->pool};
    STOA_TRY(stoa_layer_finish(layer, STOA_NCHW, &prepare, error));
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
    STOA_TRY(STOA_CHECK_RESERVED(desc, "desc", error));
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
    STOA_TRY(stoa_layer_run(&linear->layer, linear->pool, (const void *[]){x, linear->weights, linear->bias},
                            (void *[]){y}, NULL, error));
    if (linear->activation != STOA_IDENTITY)
        stoa_activate(stoa_layer_activation(linear->activation), stoa_tensor_elements(&linear->layer.outputs[0]), y, y);
    return STOA_OK;
}

void stoa_linear_free(struct stoa_linear *linear)
{
    if (!linear)
        return;
    struct stoa_allocator allocator = linear->allocator;
    stoa_layer_end(&linear->layer, &allocator);
    stoa_pool_free(linear->pool);
    stoa_release(&allocator, linear->weights);
    stoa_release(&allocator, linear->bias);
    stoa_release(&allocator, linear);
}

enum stoa_status stoa_linear_set_weights(struct stoa_linear *linear, const float *weights, const float *bias,
                                         struct stoa_error *error)
{
    if (!linear || !weights || !bias != !linear->bias)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s",
                         !linear    ? "linear is null"
                         : !weights ? "weights is null"
                                    : "bias is given, or not, other than at creation");
    memcpy(linear->weights, weights, stoa_tensor_bytes(&linear->layer.inputs[1]));
    if (bias)
        memcpy(linear->bias, bias, stoa_tensor_bytes(&linear->layer.inputs[2]));
    return STOA_OK;
}

/* The three products and sums of the backward pass. */
enum { OF_X, OF_WEIGHTS, OF_BIAS, GRADIENTS };

static enum stoa_status plan_backward(const struct stoa_linear_desc *desc, struct stoa_error *error,
                                      struct layer_call layers[GRADIENTS], size_t *workspace)
{
    static const char *const types[GRADIENTS] = {"GemmBackwardA", "GemmBackwardB", "GemmBackwardC"};
    if (!desc)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc is null");
    STOA_TRY(STOA_CHECK_RESERVED(desc, "desc", error));
    size_t batch = desc->batch ? desc->batch : 1;
    const struct stoa_tensor others[GRADIENTS] = {stoa_layer_matrix(desc->out_features, desc->in_features),
                                                  stoa_layer_matrix(batch, desc->in_features),
                                                  stoa_layer_vector(desc->out_features)};
    *workspace = 0;
    for (size_t i = 0; i < GRADIENTS; i++) {
        STOA_TRY(stoa_layer_begin(&layers[i], types[i], 2, 1, &transposed, 1, error));
        layers[i].inputs[0] = stoa_layer_matrix(batch, desc->out_features);
        layers[i].inputs[1] = others[i];
        struct op_prepare prepare = {.threads = desc->pool ? desc->pool->workers : 1};
        STOA_TRY(stoa_layer_finish(&layers[i], STOA_NCHW, &prepare, error));
        *workspace = stoa_size_max(*workspace, layers[i].workspace);
    }
    return STOA_OK;
}

enum stoa_status stoa_linear_backward_workspace_size(const struct stoa_linear_desc *desc, struct stoa_error *error,
                                                     size_t *size)
{
    struct layer_call layers[GRADIENTS];
    if (!size)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "size is null");
    return plan_backward(desc, error, layers, size);
}

enum stoa_status stoa_linear_backward_run(const struct stoa_linear_desc *desc, const float *x, const float *weights,
                                          const float *dy, size_t workspace_size, void *workspace,
                                          struct stoa_error *error, float *dx, float *dweights, float *dbias)
{
    struct layer_call layers[GRADIENTS];
    size_t needed;
    STOA_TRY(plan_backward(desc, error, layers, &needed));
    if (!dy || (dx && !weights) || (dweights && !x))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !dy ? "dy" : dx && !weights ? "weights" : "x");
    STOA_TRY(stoa_layer_check_workspace(needed, workspace_size, workspace, error));
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    struct pool *pool = NULL;
    if (desc->pool)
        STOA_TRY(stoa_pool_adopt(&allocator, desc->pool, error, &pool));
    const float *const others[GRADIENTS] = {weights, x, NULL};
    float *const results[GRADIENTS] = {dx, dweights, dbias};
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < GRADIENTS; i++)
        if (results[i])
            status = stoa_layer_run(&layers[i], pool, (const void *[]){dy, others[i]}, (void *[]){results[i]},
                                    workspace, error);
    stoa_pool_free(pool);
    return status;
}
