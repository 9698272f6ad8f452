/* Convolution lowered to matrix products: prepared once (weights packed, a lowering chosen), run any number of times.
 *
 * Images are channels-last here: x[N][H][W][C], y[N][OH][OW][OC]. Weights come as ONNX has them: convolution
 * [OC][C/groups][kh][kw], transposed convolution [C][OC/groups][kh][kw].
 *
 * The ways to lower a convolution are rows of one table (lowering.h). */
#ifndef STOA_LOWER_LOWER_H
#define STOA_LOWER_LOWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/status.h>

#include "base/pool.h"
#include "kernels/activation.h"
#include "kernels/epilogue.h"

struct conv_shape {
    size_t N, C, H, W;
    size_t OC, OH, OW;
    size_t kernel[2], stride[2], dilation[2]; /* vertical, horizontal */
    size_t pad[4];                            /* top, left, bottom, right */
    size_t groups;
};

/* Taps of a filter, and its weights for an output channel. */
static inline size_t stoa_conv_taps(const struct conv_shape *shape)
{
    return shape->kernel[0] * shape->kernel[1];
}

static inline size_t stoa_conv_depth(const struct conv_shape *shape)
{
    return stoa_conv_taps(shape) * (shape->C / shape->groups);
}

/* From everything but OH and OW: checks each field and sets those two. Refuses fields that are 0 or do not fit together
 * (ATTRIBUTE, SHAPE) and sizes that BLAS or memory cannot address (LIMIT); N may be 0. */
STOA_CHECKED enum stoa_status stoa_conv_shape_finish(struct conv_shape *shape, struct stoa_error *error);
/* The same for a transposed convolution: OH = (H-1)*stride + dilation*(kh-1) + 1 + output_padding - top - bottom. Where
 * OH and OW are set already they stay as they are; what lies beyond the kernel's reach is bias alone. */
STOA_CHECKED enum stoa_status stoa_conv_transpose_shape_finish(struct conv_shape *shape, const size_t output_padding[2],
                                                               struct stoa_error *error);
bool stoa_conv_same_shape(const struct conv_shape *a, const struct conv_shape *b);
/* Multiply-adds by the textbook's count, padding included. */
double stoa_conv_macs(const struct conv_shape *shape);
double stoa_conv_transpose_macs(const struct conv_shape *shape);

/* A prepared convolution of either kind: immutable, so any number of threads may run it at once, each with its own
 * scratch. */
struct conv;

/* What decides among the lowerings; zero leaves all to the cost model. */
struct conv_choice {
    enum stoa_lowering lowering; /* forced; fails with LIMIT or UNSUPPORTED and the reason when it does not apply */
    enum stoa_accuracy accuracy; /* STRICT allows no Winograd */
    bool pack_each_run;          /* weights will be given to each run: packing them counts */
    const double *seconds;       /* [STOA_LOWERING_COUNT] as measured, 0 where not: the fastest is taken; may be null */
    double byte_price; /* nanoseconds that a byte of packed weights or scratch counts for: above 0 memory is tight */
    size_t workers;    /* who have scratch; 0: 1 */
};

/* `shape` is finished. Null weights are given to each run instead, packed by stoa_conv_pack; likewise null bias means
 * none, or the run's. Weights and bias are copied. A null choice is a zeroed one. */
STOA_CHECKED enum stoa_status stoa_conv_create(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                               const float *weights, const float *bias,
                                               const struct conv_choice *choice, struct stoa_error *error,
                                               struct conv **conv);
typedef enum stoa_status (*conv_create)(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                        const float *weights, const float *bias, const struct conv_choice *choice,
                                        struct stoa_error *error, struct conv **conv);
/* Whether a lowering that is forced on all convolutions of a model does not apply to this one, which then goes its own
 * way: status is what creating it came to. */
static inline bool stoa_conv_gives_way(enum stoa_lowering forced, enum stoa_status status)
{
    return forced != STOA_LOWERING_AUTO && (status == STOA_ERROR_LIMIT || status == STOA_ERROR_UNSUPPORTED);
}
/* `make`s one without weights, as chosen where that applies. */
STOA_CHECKED enum stoa_status stoa_conv_create_if(conv_create make, const struct stoa_allocator *allocator,
                                                  const struct conv_shape *shape, const float *bias,
                                                  const struct conv_choice *choice, struct stoa_error *error,
                                                  struct conv **conv);
/* By views, the products of a convolution's backward pass, or in groups of few channels directly. */
STOA_CHECKED enum stoa_status stoa_conv_transpose_create(const struct stoa_allocator *allocator,
                                                         const struct conv_shape *shape, const float *weights,
                                                         const float *bias, struct stoa_error *error,
                                                         struct conv **conv);
/* The gradient of a convolution with regard to its images: from dy[N][OH][OW][OC] to dx[N][H][W][C], with the weights
 * the convolution has. `shape` is the convolution's, finished. At stride 1 it is itself a convolution, of dy with
 * filters turned round and input and output channels exchanged, which packing sees to: then the choice is as for any
 * other, and for few channels of x a direct transposed convolution is in it, which also STOA_LOWERING_DIRECT stands for
 * where it applies. With strides, or where pads are beyond the filter's reach, it goes by views. The images of a run,
 * stoa_conv_shape and stoa_conv_error are those of what runs: x stands for dy and y for dx. */
STOA_CHECKED enum stoa_status stoa_conv_backward_create(const struct stoa_allocator *allocator,
                                                        const struct conv_shape *shape, const float *weights,
                                                        const float *bias, const struct conv_choice *choice,
                                                        struct stoa_error *error, struct conv **conv);
void stoa_conv_free(struct conv *conv);

/* Bytes of a worker's scratch, of what the workers share, and of packed weights; all want STOA_ALIGNMENT. */
size_t stoa_conv_worker_scratch(const struct conv *conv);
size_t stoa_conv_shared_scratch(const struct conv *conv);
size_t stoa_conv_packed_size(const struct conv *conv);
/* Each worker of the pool has stoa_conv_worker_scratch bytes, worker_stride apart. */
void stoa_conv_pack(const struct conv *conv, const float *weights, struct pool *pool, void *worker_base,
                    size_t worker_stride, float *packed);
/* Gives a convolution its weights, or others than it had (which nobody may share or run then). They are copied, and may
 * lie at any address, aligned or not: where a file has them. The pool may be null. */
STOA_CHECKED enum stoa_status stoa_conv_set_weights(struct conv *conv, const void *weights, struct pool *pool,
                                                    struct stoa_error *error);

/* y = f(convolution + bias + addend), and 0 where the mask is at most mask_least or at least mask_most (NaN: no bound).
 * Images may be slices of channels of wider ones: x_stride and y_stride floats lie from pixel to pixel, times the
 * horizontal stride still within what BLAS can address; 0 stands for C and OC. */
struct conv_args {
    const float *x;
    size_t x_stride;
    float *y; /* overlaps neither x nor mask; it may be the addend, of the same stride, where that is asked for below */
    size_t y_stride;
    const float *packed; /* null: the weights given at creation */
    const float *bias;   /* null: the bias given at creation, or none */
    const float *addend; /* [N][OH][OW][OC] with addend_stride floats from pixel to pixel (0: OC); null: none */
    size_t addend_stride;
    struct activation activation;
    const float *mask; /* as the addend */
    size_t mask_stride;
    float mask_least, mask_most;
    bool pools; /* y is [N][OH/2][OW/2][OC], the maximum of 2 x 2 outputs each; only where that is asked for below */
    struct pool *pool; /* may be null */
    void *shared;      /* stoa_conv_shared_scratch bytes; null if 0 */
    void *worker_base; /* stoa_conv_worker_scratch bytes for each worker of the pool, worker_stride apart; null if 0 */
    size_t worker_stride;
};
/* Bit-identical for any number of workers: what is one task depends on the shape alone. */
void stoa_conv_run(const struct conv *conv, const struct conv_args *args);

/* Whether y may be the addend where that is what else is done to it (of the epilogue only the activation and whether
 * there is a mask matter): each output is written once, when its addend has been read. Not a bit changes. */
bool stoa_conv_adds_in_place(const struct conv *conv, const struct epilogue *epilogue);

/* Whether y may be pooled where that is the epilogue: as MaxPool would, to the bit. */
bool stoa_conv_pools(const struct conv *conv, const struct epilogue *epilogue);

/* Changes the bias, of a convolution that was created with one. */
void stoa_conv_set_bias(struct conv *conv, const float *bias);
/* Packed weights that are the same are kept once from here on: those of `other`. Both are of one allocator. */
void stoa_conv_share(struct conv *conv, const struct conv *other);

const struct conv_shape *stoa_conv_shape(const struct conv *conv);
enum stoa_lowering stoa_conv_lowering(const struct conv *conv);
/* The rounding errors of a run beyond those of a sum of products: 0, or Winograd's (kernels/winograd.h). An output is
 * off by at most 2^-24 * factor * sum over channels of (largest |x| of all pixels within `reach` rows and columns of
 * those the output sees) * (sum of |w|). */
double stoa_conv_error(const struct conv *conv, size_t reach[2]);

/* Lowering and tile, such as "view 56x64x64" (the m x n x k of most products). Both live as the convolution. */
const char *stoa_conv_describe(const struct conv *conv);
/* What was chosen at which cost, and the others' costs or why they do not apply; never null. Of a direct transposed
 * convolution that was better than all of these (stoa_conv_backward_create), it alone. */
const struct stoa_lowering_choice *stoa_conv_explain(const struct conv *conv);

#endif
