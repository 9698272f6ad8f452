/* The gradients of one convolution: with regard to its images, a convolution of its own kind
 * (stoa_conv_backward_create), and to its weights, an operator of training graphs. */
#include <stoa/backward.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "layers/conv2d.h"
#include "layers/wrap.h"
#include "lower/lower.h"
#include "ops/convolution.h"

struct stoa_conv2d_backward {
    struct stoa_allocator allocator;
    struct pool *pool;
    struct stoa_conv2d *data;
    struct layer_call weights;
    bool has_weights; /* packed, in data */
    size_t workspace;
};

static void attribute_of(const char *name, size_t count, const size_t *sizes, int64_t *values,
                         struct attribute *attribute)
{
    for (size_t i = 0; i < count; i++)
        values[i] = (int64_t)sizes[i];
    *attribute = (struct attribute){.name = name, .kind = ATTRIBUTE_INTS, .integers = values, .count = count};
}

static enum stoa_status begin_weights(const struct conv_shape *shape, struct stoa_error *error,
                                      struct layer_call *layer)
{
    int64_t values[4][4];
    struct attribute attributes[5];
    attribute_of("kernel_shape", 2, shape->kernel, values[0], &attributes[0]);
    attribute_of("strides", 2, shape->stride, values[1], &attributes[1]);
    attribute_of("pads", 4, shape->pad, values[2], &attributes[2]);
    attribute_of("dilations", 2, shape->dilation, values[3], &attributes[3]);
    attributes[4] = (struct attribute){.name = "group", .kind = ATTRIBUTE_INT, .integer = (int64_t)shape->groups};
    STOA_TRY(stoa_layer_begin(layer, "ConvBackwardWeights", 3, 2, attributes, 5, error));
    layer->inputs[GRADIENT_DY] = stoa_layer_image(shape->N, shape->OC, shape->OH, shape->OW);
    layer->inputs[GRADIENT_W] =
        stoa_layer_image(shape->OC, shape->C / shape->groups, shape->kernel[0], shape->kernel[1]);
    layer->inputs[GRADIENT_X] = stoa_layer_image(shape->N, shape->C, shape->H, shape->W);
    layer->outputs[1].dtype = STOA_FLOAT;
    return STOA_OK;
}

static enum stoa_status create(struct stoa_conv2d_backward *backward, const struct stoa_conv2d_desc *desc,
                               struct stoa_error *error)
{
    struct conv_shape shape;
    STOA_TRY(stoa_conv2d_shape(desc, error, &shape));
    STOA_TRY(stoa_conv2d_pool(desc, &backward->allocator, error, &backward->pool));
    const struct op_prepare prepare = {.allocator = &backward->allocator,
                                       .lowering = desc->lowering,
                                       .accuracy = desc->accuracy,
                                       .threads = stoa_pool_workers(backward->pool),
                                       .pool = backward->pool};
    STOA_TRY(begin_weights(&shape, error, &backward->weights));
    STOA_TRY(stoa_layer_finish(&backward->weights, desc->layout, &prepare, error));
    STOA_TRY(stoa_conv2d_make(desc, true, NULL, NULL, error, &backward->data));
    backward->workspace = stoa_size_max(stoa_conv2d_workspace_size(backward->data), backward->weights.workspace);
    return STOA_OK;
}

enum stoa_status stoa_conv2d_backward_create(const struct stoa_conv2d_desc *desc, struct stoa_error *error,
                                             struct stoa_conv2d_backward **out)
{
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "backward is null");
    *out = NULL;
    STOA_TRY(stoa_conv2d_check(desc, error));
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    struct stoa_conv2d_backward *backward;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *backward, error, &backward));
    backward->allocator = allocator;
    enum stoa_status status = create(backward, desc, error);
    if (status != STOA_OK) {
        stoa_conv2d_backward_free(backward);
        return status;
    }
    *out = backward;
    return STOA_OK;
}

void stoa_conv2d_backward_free(struct stoa_conv2d_backward *backward)
{
    if (!backward)
        return;
    struct stoa_allocator allocator = backward->allocator;
    stoa_conv2d_free(backward->data);
    stoa_layer_end(&backward->weights, &allocator);
    stoa_pool_free(backward->pool);
    stoa_release(&allocator, backward);
}

enum stoa_status stoa_conv2d_backward_set_weights(struct stoa_conv2d_backward *backward, const float *weights,
                                                  struct stoa_error *error)
{
    if (!backward || !weights)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", backward ? "weights" : "backward");
    STOA_TRY(stoa_conv2d_set_weights(backward->data, weights, NULL, error));
    backward->has_weights = true;
    return STOA_OK;
}

size_t stoa_conv2d_backward_workspace_size(const struct stoa_conv2d_backward *backward)
{
    return backward->workspace;
}

enum stoa_status stoa_conv2d_backward_data(const struct stoa_conv2d_backward *backward, const float *dy,
                                           size_t workspace_size, void *workspace, struct stoa_error *error, float *dx)
{
    if (!backward || !dy || !dx)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !backward ? "backward" : !dy ? "dy" : "dx");
    if (!backward->has_weights)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the weights have not been set");
    STOA_TRY(stoa_layer_check_workspace(backward->workspace, workspace_size, workspace, error));
    return stoa_conv2d_run(backward->data, dy, workspace_size, workspace, error, dx);
}

enum stoa_status stoa_conv2d_backward_weights(const struct stoa_conv2d_backward *backward, const float *x,
                                              const float *dy, size_t workspace_size, void *workspace,
                                              struct stoa_error *error, float *dweights, float *dbias)
{
    if (!backward || !x || !dy)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !backward ? "backward" : !x ? "x" : "dy");
    STOA_TRY(stoa_layer_check_workspace(backward->workspace, workspace_size, workspace, error));
    return stoa_layer_run(&backward->weights, backward->pool, (const void *[]){dy, NULL, x},
                          (void *[]){dweights, dbias}, workspace, error);
}
