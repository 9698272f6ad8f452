/* Backward passes of single layers, and what goes with training them, on plain float buffers: for those who have a
 * framework of their own. Shapes, layouts and descriptors are those of layers.h; dy is the gradient of the loss with
 * regard to a layer's output, of its shape, dx the one with regard to its input.
 *
 * All is computed on buffers of the caller's; a workspace is `workspace_size` bytes aligned to 64, at least as many as
 * the layer says (null if that is 0), whose contents mean nothing before and after. Runs allocate nothing, but where
 * layers.h says so of pooling forward, and for a descriptor with a pool a small block. Results do not depend on the
 * number of threads, to the last bit; gradients are written, not added to. Buffers of results overlap no others, unless
 * it says so. Calls that take const objects or descriptors alone may be made by any number of threads at once.
 *
 * A library built with -Dtraining=false has these functions, but they return STOA_ERROR_UNSUPPORTED
 * (stoa_batch_norm_run and the set_weights work). */
#ifndef STOA_BACKWARD_H
#define STOA_BACKWARD_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The convolution of a descriptor, whose activation does not count: dy is the gradient in front of it, as
 * stoa_activation_backward_run gives it. desc.lowering is forced where it applies to a direction. */
struct stoa_conv2d_backward;
STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_backward_create(const struct stoa_conv2d_desc *desc,
                                                                   struct stoa_error *error,
                                                                   struct stoa_conv2d_backward **backward);
/* Null is fine. */
STOA_API void stoa_conv2d_backward_free(struct stoa_conv2d_backward *backward);
/* Packs [OC][C/groups][kh][kw] for stoa_conv2d_backward_data, which needs it once before, and again when the weights
 * have changed. Not beside runs. Allocates. */
STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_backward_set_weights(struct stoa_conv2d_backward *backward,
                                                                        const float *weights, struct stoa_error *error);
/* Bytes that both directions below can do with; may be 0. */
STOA_API size_t stoa_conv2d_backward_workspace_size(const struct stoa_conv2d_backward *backward);
/* dx from dy. */
STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_backward_data(const struct stoa_conv2d_backward *backward,
                                                                 const float *dy, size_t workspace_size,
                                                                 void *workspace, struct stoa_error *error, float *dx);
/* dweights [OC][C/groups][kh][kw] and dbias [OC] from x and dy, summed over the batch; either may be null. */
STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_backward_weights(const struct stoa_conv2d_backward *backward,
                                                                    const float *x, const float *dy,
                                                                    size_t workspace_size, void *workspace,
                                                                    struct stoa_error *error, float *dweights,
                                                                    float *dbias);

/* Gives a forward layer other weights, of the shapes it was created with; bias is null exactly if it was then. Not
 * beside runs. */
STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_set_weights(struct stoa_conv2d *conv, const float *weights,
                                                               const float *bias, struct stoa_error *error);
STOA_API STOA_CHECKED enum stoa_status stoa_linear_set_weights(struct stoa_linear *linear, const float *weights,
                                                               const float *bias, struct stoa_error *error);

/* Of a fully connected layer without its activation: dx [batch][in], dweights [out][in] and dbias [out], each unless
 * null, from dy [batch][out] and, where these are wanted, weights (for dx) and x (for dweights). Runs on desc.pool or,
 * without one, on the calling thread. */
STOA_API STOA_CHECKED enum stoa_status stoa_linear_backward_workspace_size(const struct stoa_linear_desc *desc,
                                                                           struct stoa_error *error, size_t *size);
STOA_API STOA_CHECKED enum stoa_status stoa_linear_backward_run(const struct stoa_linear_desc *desc, const float *x,
                                                                const float *weights, const float *dy,
                                                                size_t workspace_size, void *workspace,
                                                                struct stoa_error *error, float *dx, float *dweights,
                                                                float *dbias);

/* dx from x and dy. A maximum's gradient goes to the first of equal elements of its window. */
STOA_API STOA_CHECKED enum stoa_status stoa_pool2d_backward_workspace_size(const struct stoa_pool2d_desc *desc,
                                                                           struct stoa_error *error, size_t *size);
STOA_API STOA_CHECKED enum stoa_status stoa_pool2d_backward_run(const struct stoa_pool2d_desc *desc, const float *x,
                                                                const float *dy, size_t workspace_size, void *workspace,
                                                                struct stoa_error *error, float *dx);

/* Of `rows` rows of `columns`: dx = y * (dy - sum(y * dy)), from the softmax y. */
STOA_API STOA_CHECKED enum stoa_status stoa_softmax_backward_run(size_t rows, size_t columns, const float *y,
                                                                 const float *dy, struct stoa_error *error, float *dx);

/* dx[i] = dy[i] * f'(x[i]), from what f was of: x for STOA_LEAKY_RELU and STOA_HARD_SWISH, y = f(x) for the others; the
 * one that is not read may be null. dx may be dy. At kinks the derivative is the one
 * PyTorch takes (of RELU at 0: 0; of HARD_SWISH at -3: -1/2, at 3: 1). */
STOA_API STOA_CHECKED enum stoa_status stoa_activation_backward_run(enum stoa_activation activation, size_t count,
                                                                    const float *x, const float *y, const float *dy,
                                                                    struct stoa_error *error, float *dx);

/* Batch normalisation of images: y = (x - mean) / sqrt(variance + epsilon) * scale + shift, each of the four an array
 * of `channels`. */
struct stoa_batch_norm_desc {
    size_t batch; /* 0: 1 */
    size_t height, width, channels;
    float epsilon;  /* 0: 1e-5 */
    float momentum; /* 0: 0.9 */
    enum stoa_layout layout;
    const struct stoa_pool *pool;           /* null: the calling thread; copied */
    const struct stoa_allocator *allocator; /* null: the C library's; for small things while running */
    size_t reserved[8];                     /* zeros (stoa.h) */
};
/* Bytes that both runs of training can do with. */
STOA_API STOA_CHECKED enum stoa_status stoa_batch_norm_workspace_size(const struct stoa_batch_norm_desc *desc,
                                                                      struct stoa_error *error, size_t *size);
/* Inference: with given statistics. y may be x. */
STOA_API STOA_CHECKED enum stoa_status stoa_batch_norm_run(const struct stoa_batch_norm_desc *desc, const float *x,
                                                           const float *scale, const float *shift, const float *mean,
                                                           const float *variance, struct stoa_error *error, float *y);
/* Training: with the statistics of x, which saved_mean[channels] and saved_factor[channels] (1 / sqrt(variance +
 * epsilon)) keep for the backward pass; running <- momentum * running + (1 - momentum) * of x, the variance being that
 * of the images themselves (their number divides). */
STOA_API STOA_CHECKED enum stoa_status stoa_batch_norm_training_run(const struct stoa_batch_norm_desc *desc,
                                                                    const float *x, const float *scale,
                                                                    const float *shift, size_t workspace_size,
                                                                    void *workspace, struct stoa_error *error,
                                                                    float *running_mean, float *running_variance,
                                                                    float *saved_mean, float *saved_factor, float *y);
/* Of the run above: dx of x's shape, dscale[channels] and dshift[channels], none of them null. */
STOA_API STOA_CHECKED enum stoa_status stoa_batch_norm_backward_run(const struct stoa_batch_norm_desc *desc,
                                                                    const float *x, const float *dy, const float *scale,
                                                                    const float *saved_mean, const float *saved_factor,
                                                                    size_t workspace_size, void *workspace,
                                                                    struct stoa_error *error, float *dx, float *dscale,
                                                                    float *dshift);

#ifdef __cplusplus
}
#endif
#endif
