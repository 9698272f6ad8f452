/* One convolution. The engine convolves channels-last; a caller's N C H W goes through two conversions in the
 * workspace. */
#include <stoa/backward.h>
#include <stoa/layers.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "layers/activate.h"
#include "layers/conv2d.h"
#include "layers/wrap.h"
#include "lower/lower.h"

struct stoa_conv2d {
    struct stoa_allocator allocator;
    struct conv *conv;
    struct pool *pool;
    struct stoa_tensor x, y; /* channels-last; no data */
    size_t shared_bytes, worker_stride, x_bytes, y_bytes, workspace;
    enum stoa_layout layout;
    enum stoa_activation activation;
    bool bias;
};

static size_t or_one(size_t value)
{
    return value ? value : 1;
}

/* Where the parts of a workspace begin: shared scratch, workers' scratch, then x and y channels-last when the caller's
 * are not. */
static enum stoa_status measure(struct stoa_conv2d *conv, struct stoa_error *error)
{
    STOA_TRY(stoa_tensor_measure(&conv->x, error, NULL, &conv->x_bytes));
    STOA_TRY(stoa_tensor_measure(&conv->y, error, NULL, &conv->y_bytes));
    conv->worker_stride = stoa_size_round_up(stoa_conv_worker_scratch(conv->conv), STOA_ALIGNMENT);
    conv->shared_bytes = stoa_size_round_up(stoa_conv_shared_scratch(conv->conv), STOA_ALIGNMENT);
    bool fits = stoa_size_mul(conv->worker_stride, stoa_pool_workers(conv->pool), &conv->workspace) &&
                stoa_size_add(conv->workspace, conv->shared_bytes, &conv->workspace);
    if (conv->layout == STOA_NCHW) {
        conv->x_bytes = stoa_size_round_up(conv->x_bytes, STOA_ALIGNMENT);
        fits = fits && stoa_size_add(conv->workspace, conv->x_bytes, &conv->workspace) &&
               stoa_size_add(conv->workspace, conv->y_bytes, &conv->workspace);
    }
    return fits ? STOA_OK : stoa_fail(error, STOA_ERROR_LIMIT, "the workspace is larger than memory can be");
}

enum stoa_status stoa_conv2d_shape(const struct stoa_conv2d_desc *desc, struct stoa_error *error,
                                   struct conv_shape *shape)
{
    *shape = (struct conv_shape){
        .N = or_one(desc->batch),
        .C = desc->in_channels,
        .H = desc->height,
        .W = desc->width,
        .OC = desc->out_channels,
        .kernel = {desc->kernel[0], desc->kernel[1]},
        .stride = {or_one(desc->stride[0]), or_one(desc->stride[1])},
        .dilation = {or_one(desc->dilation[0]), or_one(desc->dilation[1])},
        .pad = {desc->pad[0], desc->pad[1], desc->pad[2], desc->pad[3]},
        .groups = or_one(desc->groups),
    };
    return stoa_conv_shape_finish(shape, error);
}

enum stoa_status stoa_conv2d_pool(const struct stoa_conv2d_desc *desc, const struct stoa_allocator *allocator,
                                  struct stoa_error *error, struct pool **pool)
{
    return desc->pool ? stoa_pool_adopt(allocator, desc->pool, error, pool)
                      : stoa_pool_create(allocator, or_one(desc->threads), error, pool);
}

static enum stoa_status create(struct stoa_conv2d *conv, const struct stoa_conv2d_desc *desc, bool backward,
                               const float *weights, const float *bias, struct stoa_error *error)
{
    struct conv_shape shape;
    conv->layout = desc->layout;
    conv->activation = backward ? STOA_IDENTITY : desc->activation;
    conv->bias = bias != NULL;
    STOA_TRY(stoa_conv2d_shape(desc, error, &shape));
    STOA_TRY(stoa_conv2d_pool(desc, &conv->allocator, error, &conv->pool));
    const struct conv_choice choice = {
        .lowering = desc->lowering, .accuracy = desc->accuracy, .workers = stoa_pool_workers(conv->pool)};
    STOA_TRY(backward ? stoa_conv_create_if(stoa_conv_backward_create, &conv->allocator, &shape, NULL, &choice, error,
                                            &conv->conv)
                      : stoa_conv_create(&conv->allocator, &shape, NULL, bias, &choice, error, &conv->conv));
    if (weights)
        STOA_TRY(stoa_conv_set_weights(conv->conv, weights, conv->pool, error));
    const struct stoa_tensor images = stoa_layer_image(shape.N, shape.C, shape.H, shape.W);
    const struct stoa_tensor results = stoa_layer_image(shape.N, shape.OC, shape.OH, shape.OW);
    conv->x = backward ? results : images;
    conv->y = backward ? images : results;
    STOA_TRY(measure(conv, error));
    stoa_tensor_set_channels_last(&conv->x);
    stoa_tensor_set_channels_last(&conv->y);
    return STOA_OK;
}

enum stoa_status stoa_conv2d_make(const struct stoa_conv2d_desc *desc, bool backward, const float *weights,
                                  const float *bias, struct stoa_error *error, struct stoa_conv2d **out)
{
    *out = NULL;
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    struct stoa_conv2d *conv;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *conv, error, &conv));
    conv->allocator = allocator;
    enum stoa_status status = create(conv, desc, backward, weights, bias, error);
    if (status != STOA_OK) {
        stoa_conv2d_free(conv);
        return status;
    }
    *out = conv;
    return STOA_OK;
}

enum stoa_status stoa_conv2d_check(const struct stoa_conv2d_desc *desc, struct stoa_error *error)
{
    if (!desc)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc is null");
    STOA_TRY(STOA_CHECK_RESERVED(desc, "desc", error));
    if ((unsigned)desc->activation >= STOA_ACTIVATION_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.activation is %d, which is none", (int)desc->activation);
    if ((unsigned)desc->lowering >= STOA_LOWERING_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.lowering is %d, which is none", (int)desc->lowering);
    if ((unsigned)desc->accuracy >= STOA_ACCURACY_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.accuracy is %d, which is none", (int)desc->accuracy);
    if ((unsigned)desc->layout > STOA_NHWC)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.layout is %d, which is none", (int)desc->layout);
    return STOA_OK;
}

enum stoa_status stoa_conv2d_create(const struct stoa_conv2d_desc *desc, const float *weights, const float *bias,
                                    struct stoa_error *error, struct stoa_conv2d **out)
{
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "conv is null");
    *out = NULL;
    STOA_TRY(stoa_conv2d_check(desc, error));
    if (!weights)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "weights is null");
    return stoa_conv2d_make(desc, false, weights, bias, error, out);
}

size_t stoa_conv2d_workspace_size(const struct stoa_conv2d *conv)
{
    return conv->workspace;
}

void stoa_conv2d_output_size(const struct stoa_conv2d *conv, size_t *height, size_t *width)
{
    *height = conv->y.dims[2];
    *width = conv->y.dims[3];
}

const struct stoa_lowering_choice *stoa_conv2d_explain(const struct stoa_conv2d *conv)
{
    return stoa_conv_explain(conv->conv);
}

enum stoa_status stoa_conv2d_run(const struct stoa_conv2d *conv, const float *x, size_t workspace_size, void *workspace,
                                 struct stoa_error *error, float *y)
{
    if (!conv || !x || !y)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !conv ? "conv" : !x ? "x" : "y");
    STOA_TRY(stoa_layer_check_workspace(conv->workspace, workspace_size, workspace, error));

    bool convert = conv->layout == STOA_NCHW;
    struct stoa_tensor last = conv->x, plain = conv->x;
    struct conv_args args = {.x = x,
                             .y = y,
                             .activation = *stoa_layer_activation(conv->activation),
                             .pool = conv->pool,
                             .shared = workspace,
                             .worker_base = workspace ? (char *)workspace + conv->shared_bytes : NULL,
                             .worker_stride = conv->worker_stride};
    if (convert) {
        stoa_tensor_set_plain(&plain);
        plain.data = stoa_read_only(x);
        char *inner = (char *)workspace + conv->shared_bytes + conv->worker_stride * stoa_pool_workers(conv->pool);
        last.data = inner;
        stoa_nd_copy(&plain, &last, conv->pool);
        args.x = last.data;
        args.y = (float *)(void *)(inner + conv->x_bytes);
    }
    stoa_conv_run(conv->conv, &args);
    if (convert) {
        last = plain = conv->y;
        stoa_tensor_set_plain(&plain);
        last.data = args.y;
        plain.data = y;
        stoa_nd_copy(&last, &plain, conv->pool);
    }
    return STOA_OK;
}

void stoa_conv2d_free(struct stoa_conv2d *conv)
{
    if (!conv)
        return;
    struct stoa_allocator allocator = conv->allocator;
    stoa_conv_free(conv->conv);
    stoa_pool_free(conv->pool);
    stoa_release(&allocator, conv);
}

enum stoa_status stoa_conv2d_set_weights(struct stoa_conv2d *conv, const float *weights, const float *bias,
                                         struct stoa_error *error)
{
    if (!conv || !weights || !bias != !conv->bias)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s",
                         !conv      ? "conv is null"
                         : !weights ? "weights is null"
                                    : "bias is given, or not, other than at creation");
    if (bias)
        stoa_conv_set_bias(conv->conv, bias);
    return stoa_conv_set_weights(conv->conv, weights, conv->pool, error);
}
