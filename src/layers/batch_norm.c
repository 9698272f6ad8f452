/* Batch normalisation, as inference and training have it, and its backward pass. */
#include <stoa/backward.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "layers/wrap.h"

/* The layer of an operator whose first `images` inputs are images, the rest being arrays of channels. */
static enum stoa_status plan(const struct stoa_batch_norm_desc *desc, const char *type, size_t images, size_t outputs,
                             struct stoa_error *error, struct layer_call *layer)
{
    if (!desc)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc is null");
    STOA_TRY(STOA_CHECK_RESERVED(desc, "desc", error));
    if ((unsigned)desc->layout > STOA_NHWC)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.layout is %d, which is none", (int)desc->layout);
    if (!(desc->momentum >= 0 && desc->momentum < 1)) /* 0 stands for 0.9 */
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "desc.momentum is %g, must be above 0 and below 1",
                         (double)desc->momentum);
    const struct attribute attributes[] = {
        {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .number = desc->epsilon != 0 ? desc->epsilon : 1e-5f},
        {.name = "momentum", .kind = ATTRIBUTE_FLOAT, .number = desc->momentum != 0 ? desc->momentum : 0.9f}};
    STOA_TRY(stoa_layer_begin(layer, type, 5, outputs, attributes, 2, error));
    for (size_t i = 0; i < 5; i++)
        layer->inputs[i] =
            i < images ? stoa_layer_image(desc->batch ? desc->batch : 1, desc->channels, desc->height, desc->width)
                       : stoa_layer_vector(desc->channels);
    for (size_t i = 0; i < outputs; i++)
        layer->outputs[i].dtype = STOA_FLOAT;
    const struct op_prepare prepare = {.threads = desc->pool ? desc->pool->workers : 1};
    return stoa_layer_finish(layer, desc->layout, &prepare, error);
}

static enum stoa_status run(const struct stoa_batch_norm_desc *desc, const struct layer_call *layer,
                            const void *const inputs[5], void *const *outputs, size_t workspace_size, void *workspace,
                            struct stoa_error *error)
{
    for (size_t i = 0; i < 5; i++)
        if (!inputs[i])
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "a buffer that is read is null");
    for (size_t i = 0; i < layer->call.output_count; i++)
        if (!outputs[i])
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "a buffer that is written is null");
    STOA_TRY(stoa_layer_check_workspace(layer->workspace, workspace_size, workspace, error));
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    struct pool *pool = NULL;
    if (desc->pool)
        STOA_TRY(stoa_pool_adopt(&allocator, desc->pool, error, &pool));
    enum stoa_status status = stoa_layer_run(layer, pool, inputs, outputs, workspace, error);
    stoa_pool_free(pool);
    return status;
}

enum stoa_status stoa_batch_norm_run(const struct stoa_batch_norm_desc *desc, const float *x, const float *scale,
                                     const float *shift, const float *mean, const float *variance,
                                     struct stoa_error *error, float *y)
{
    struct layer_call layer;
    STOA_TRY(plan(desc, "BatchNormalization", 1, 1, error, &layer));
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    void *workspace = NULL;
    if (layer.workspace)
        STOA_TRY(stoa_allocate_raw(&allocator, 1, layer.workspace, error, &workspace));
    enum stoa_status status = run(desc, &layer, (const void *[]){x, scale, shift, mean, variance}, (void *[]){y},
                                  layer.workspace, workspace, error);
    stoa_release(&allocator, workspace);
    return status;
}

enum stoa_status stoa_batch_norm_workspace_size(const struct stoa_batch_norm_desc *desc, struct stoa_error *error,
                                                size_t *size)
{
    struct layer_call forward, backward;
    if (!size)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "size is null");
    STOA_TRY(plan(desc, "BatchNormalizationTraining", 1, 5, error, &forward));
    STOA_TRY(plan(desc, "BatchNormalizationTrainingBackward", 2, 3, error, &backward));
    *size = stoa_size_max(forward.workspace, backward.workspace);
    return STOA_OK;
}

enum stoa_status stoa_batch_norm_training_run(const struct stoa_batch_norm_desc *desc, const float *x,
                                              const float *scale, const float *shift, size_t workspace_size,
                                              void *workspace, struct stoa_error *error, float *running_mean,
                                              float *running_variance, float *saved_mean, float *saved_factor, float *y)
{
    struct layer_call layer;
    STOA_TRY(plan(desc, "BatchNormalizationTraining", 1, 5, error, &layer));
    return run(desc, &layer, (const void *[]){x, scale, shift, running_mean, running_variance},
               (void *[]){y, running_mean, running_variance, saved_mean, saved_factor}, workspace_size, workspace,
               error);
}

enum stoa_status stoa_batch_norm_backward_run(const struct stoa_batch_norm_desc *desc, const float *x, const float *dy,
                                              const float *scale, const float *saved_mean, const float *saved_factor,
                                              size_t workspace_size, void *workspace, struct stoa_error *error,
                                              float *dx, float *dscale, float *dshift)
{
    struct layer_call layer;
    STOA_TRY(plan(desc, "BatchNormalizationTrainingBackward", 2, 3, error, &layer));
    return run(desc, &layer, (const void *[]){dy, x, scale, saved_mean, saved_factor}, (void *[]){dx, dscale, dshift},
               workspace_size, workspace, error);
}
