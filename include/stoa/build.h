/* Networks built in C, layer by layer, and ready-made ones. What comes out is a model like one that was loaded: it
 * runs, trains and saves the same way.
 *
 *     struct stoa_builder *b;
 *     if (stoa_builder_create(NULL, &error, &b)) ...
 *     struct stoa_value x = stoa_build_input(b, "input", 3, (size_t[]){1, 28, 28});
 *     x = stoa_build_conv2d(b, "conv1", x, &(struct stoa_build_conv){.out_channels = 8, .kernel = {3, 3}});
 *     x = stoa_build_relu(b, NULL, x);
 *     x = stoa_build_max_pool2d(b, NULL, x, &(struct stoa_build_pool){.kernel = {2, 2}, .stride = {2, 2}});
 *     x = stoa_build_linear(b, "fc1", stoa_build_flatten(b, NULL, x), &(struct stoa_build_linear){.out_features = 10});
 *     stoa_build_output(b, "output", x);
 *     if (stoa_builder_finish(b, &error, &model)) ...
 *
 * Layers know their input's shape, so that they are told their outputs' only. The first dimension is the batch: it is
 * not given, stays open, and no layer mixes its entries. Errors wait: after the first, layers do nothing and return a
 * value that is none, and finish tells it, naming the layer and the field.
 *
 * Names: a layer's name is its node's and its output's; null gives a number behind the kind ("conv1", "relu2", ...).
 * Parameters are called after the layer: NAME.weight, NAME.bias, and of batch_norm also NAME.running_mean and
 * NAME.running_var; other constants NAME.ratio, NAME.min, NAME.max, NAME.scales. A builder is used by one thread at a
 * time. */
#ifndef STOA_BUILD_H
#define STOA_BUILD_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/model.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
/* stoa_build_linear is a struct and a function, which g++ takes for one that hides the struct's constructor. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* How weights begin. fan_in is the number of inputs of an output's sum (C/groups * kh * kw, or in_features), fan_out
 * that of outputs an input goes into. Biases begin at 0; batch_norm at weight 1, bias 0, mean 0, variance 1. */
enum stoa_init {
    STOA_INIT_DEFAULT = 0,    /* the builder's; there: He normal */
    STOA_INIT_HE_NORMAL,      /* deviation sqrt(2 / fan_in): keeps variances where ReLU follows (He et al. 2015) */
    STOA_INIT_HE_UNIFORM,     /* within sqrt(6 / fan_in) of 0 */
    STOA_INIT_XAVIER_NORMAL,  /* deviation sqrt(2 / (fan_in + fan_out)) (Glorot and Bengio 2010) */
    STOA_INIT_XAVIER_UNIFORM, /* within sqrt(6 / (fan_in + fan_out)) of 0 */
    STOA_INIT_FAN_IN_UNIFORM, /* within sqrt(1 / fan_in) of 0: signals shrink from layer to layer, which lets shallow
                                 nets without batch norm learn at large rates */
    STOA_INIT_ZEROS,          /* for who sets them later */
    STOA_INIT_COUNT
};

struct stoa_builder_options {
    const struct stoa_allocator *allocator; /* null: the C library's; copied */
    const struct stoa_log *log;             /* null: none; copied */
    uint64_t seed;                          /* of the weights: same layers, same seed, same bits on every machine */
    enum stoa_init init;                    /* where a layer says nothing else */
    size_t reserved[8];                     /* zeros (stoa.h) */
};

/* A layer's output. Only for the builder that returned it. */
struct stoa_value {
    size_t index;
};
struct stoa_builder;

/* `options` may be null. On failure *builder is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_builder_create(const struct stoa_builder_options *options,
                                                           struct stoa_error *error, struct stoa_builder **builder);
/* For a builder that is given up; null is fine. */
STOA_API void stoa_builder_free(struct stoa_builder *builder);
/* Makes the model and frees the builder, whether or not it succeeds; fails with the first error there was. On failure
 * *model is null. Parameters of more than 2 GiB, which no ONNX file could hold, are STOA_ERROR_LIMIT. */
STOA_API STOA_CHECKED enum stoa_status stoa_builder_finish(struct stoa_builder *builder, struct stoa_error *error,
                                                           struct stoa_model **model);
/* The dims of a value, the batch as -1, for those who decide by them; rank 0 once there was an error. */
STOA_API struct stoa_value_info stoa_builder_describe(const struct stoa_builder *builder, struct stoa_value value);

/* An input of floats; dims are those of one entry of the batch: rank 3 and {C, H, W} for images. At most 7. */
STOA_API struct stoa_value stoa_build_input(struct stoa_builder *builder, const char *name, size_t rank,
                                            const size_t *dims);
/* Makes the value an output of the model, of that name; null: it keeps its own. An input, or what is an output already,
 * is copied to one of another name. */
STOA_API void stoa_build_output(struct stoa_builder *builder, const char *name, struct stoa_value x);

/* Cross-correlation of images; zeros mean the usual defaults as for stoa_conv2d_desc. Transposed, the output is
 * stride * (H - 1) + dilation * (kh - 1) + 1 + output_pad - top - bottom rows. */
struct stoa_build_conv {
    size_t out_channels;
    size_t kernel[2];     /* kh, kw */
    size_t stride[2];     /* 0: 1 */
    size_t pad[4];        /* top, left, bottom, right */
    size_t dilation[2];   /* 0: 1 */
    size_t groups;        /* 0: 1 */
    size_t output_pad[2]; /* conv_transpose2d only */
    int no_bias;
    enum stoa_init init;
    size_t reserved[8]; /* zeros (stoa.h) */
};
STOA_API struct stoa_value stoa_build_conv2d(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                             const struct stoa_build_conv *conv);
STOA_API struct stoa_value stoa_build_conv_transpose2d(struct stoa_builder *builder, const char *name,
                                                       struct stoa_value x, const struct stoa_build_conv *conv);

/* y = x * weight^T + bias; weight is [out_features][in_features]. x has rank 2 (see flatten). */
struct stoa_build_linear {
    size_t out_features;
    int no_bias;
    enum stoa_init init;
    size_t reserved[8]; /* zeros (stoa.h) */
};
STOA_API struct stoa_value stoa_build_linear(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                             const struct stoa_build_linear *linear);

struct stoa_build_pool {
    size_t kernel[2];
    size_t stride[2]; /* 0: 1 */
    size_t pad[4];    /* top, left, bottom, right; each below the kernel */
    int ceil_mode;
    int count_include_pad; /* average_pool2d only */
    size_t reserved[8];    /* zeros (stoa.h) */
};
STOA_API struct stoa_value stoa_build_max_pool2d(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                                 const struct stoa_build_pool *pool);
STOA_API struct stoa_value stoa_build_average_pool2d(struct stoa_builder *builder, const char *name,
                                                     struct stoa_value x, const struct stoa_build_pool *pool);
/* [N][C][H][W] to [N][C][1][1]. */
STOA_API struct stoa_value stoa_build_global_average_pool(struct stoa_builder *builder, const char *name,
                                                          struct stoa_value x);

/* Zeros mean epsilon 1e-5 and momentum 0.9: running = momentum * running + (1 - momentum) * of this batch. */
struct stoa_build_norm {
    float epsilon, momentum;
    size_t reserved[8]; /* zeros (stoa.h) */
};
/* `norm` may be null. */
STOA_API struct stoa_value stoa_build_batch_norm(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                                 const struct stoa_build_norm *norm);
/* Training drops elements with probability `ratio`, in [0, 1), and divides the others by 1 - ratio; otherwise y = x. */
STOA_API struct stoa_value stoa_build_dropout(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                              float ratio);

/* Functions of one element. */
STOA_API struct stoa_value stoa_build_relu(struct stoa_builder *builder, const char *name, struct stoa_value x);
STOA_API struct stoa_value stoa_build_leaky_relu(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                                 float slope);
STOA_API struct stoa_value stoa_build_elu(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                          float alpha);
STOA_API struct stoa_value stoa_build_selu(struct stoa_builder *builder, const char *name, struct stoa_value x);
STOA_API struct stoa_value stoa_build_sigmoid(struct stoa_builder *builder, const char *name, struct stoa_value x);
STOA_API struct stoa_value stoa_build_tanh(struct stoa_builder *builder, const char *name, struct stoa_value x);
STOA_API struct stoa_value stoa_build_softplus(struct stoa_builder *builder, const char *name, struct stoa_value x);
/* min(max(x / 6 + 1/2, 0), 1), as PyTorch has it: ONNX's with an alpha of 1/6. */
STOA_API struct stoa_value stoa_build_hard_sigmoid(struct stoa_builder *builder, const char *name, struct stoa_value x);
/* min(max(x, least), most): {0, 6} is ReLU6. */
STOA_API struct stoa_value stoa_build_clip(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                           float least, float most);

/* Of the same rank; other dims than the batch may be 1 in one of them, whose elements are then repeated. */
STOA_API struct stoa_value stoa_build_add(struct stoa_builder *builder, const char *name, struct stoa_value a,
                                          struct stoa_value b);
STOA_API struct stoa_value stoa_build_mul(struct stoa_builder *builder, const char *name, struct stoa_value a,
                                          struct stoa_value b);
/* Side by side along `axis`: 1 for channels. */
STOA_API struct stoa_value stoa_build_concat(struct stoa_builder *builder, const char *name, size_t count,
                                             const struct stoa_value *parts, size_t axis);
/* [N][...] to [N][product of the others]. */
STOA_API struct stoa_value stoa_build_flatten(struct stoa_builder *builder, const char *name, struct stoa_value x);
/* Along dimension 1. Losses take the scores in front of it. */
STOA_API struct stoa_value stoa_build_softmax(struct stoa_builder *builder, const char *name, struct stoa_value x);
/* Each pixel becomes rows x columns equal ones. */
STOA_API struct stoa_value stoa_build_upsample(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                               size_t rows, size_t columns);

/* Zeros mean the net's own: 1 x 28 x 28 for lenet5, vgg_small and vgg_bn, 3 x 32 x 32 for resnet20, with 10 classes;
 * 3 x 224 x 224 and 1000 classes for the others. */
struct stoa_net_options {
    const struct stoa_allocator *allocator; /* null: the C library's; copied */
    const struct stoa_log *log;             /* null: none; copied */
    size_t classes, channels, height, width;
    uint64_t seed;
    enum stoa_init init; /* of all layers but the last, whose is always STOA_INIT_FAN_IN_UNIFORM. Default: that too for
                            lenet5, vgg_small and alexnet, He normal for the others */
    size_t reserved[8];  /* zeros (stoa.h) */
};
/* clang-format off: the list keeps its rows */
/* A ready-made net with fresh weights, by name; input "input" [N][channels][height][width], output "output"
 * [N][classes], the scores in front of softmax.
 *
 *   lenet5        5x5 convolutions of 6 and 16, max pooling, 120, 84, classes; ReLU
 *   vgg_small     two blocks conv conv pool of 32 and 64 (3x3), 128, classes
 *   vgg_bn        three such blocks of 32, 64 and 128 with batch norm, 256, classes; dropout in front of these two
 *   resnet20      for small images: 3x3, 16, 32 and 64 channels, three blocks of two each (He et al. 2016,
 *                 section 4.2), with 1x1 convolutions where channels change (their option B)
 *   alexnet vgg16 resnet18 mobilenet_v2
 *                 as torchvision has them, with its names of parameters
 *
 * Other sizes of images are taken as far as the layers allow: those of alexnet (vgg16) must leave features whose height
 * and width are multiples or divisors of 6 (7). `options` may be null. An unknown name is STOA_ERROR_ARGUMENT, and the
 * message lists the known ones. */
/* clang-format on */
STOA_API STOA_CHECKED enum stoa_status stoa_net_create(const char *name, const struct stoa_net_options *options,
                                                       struct stoa_error *error, struct stoa_model **model);
/* The names of ready-made nets; null from their number on. */
STOA_API const char *stoa_net_name(size_t index);

#ifdef __cplusplus
}
#endif

#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
#endif
