/* Single layers on plain float buffers, for those who embed layers rather than models: create -> run -> free. Their
 * backward passes are in backward.h.
 *
 * A layer is immutable once created: any number of threads may run it at once, each with its own workspace (a layer
 * with threads of its own lets them take turns). Descriptors start zeroed; a zero means the usual default. Weights are
 * copied (packed) at creation and may be freed afterwards. Runs allocate nothing, but for pooling N C H W. */
#ifndef STOA_LAYERS_H
#define STOA_LAYERS_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How a convolution becomes matrix products. */
enum stoa_lowering {
    STOA_LOWERING_AUTO = 0,    /* the cost model chooses */
    STOA_LOWERING_VIEW,        /* one product a filter tap over strided views of the image; no copy */
    STOA_LOWERING_IM2COL,      /* explicit columns, a tile at a time */
    STOA_LOWERING_IM2COL_FULL, /* the textbook way: the whole column matrix, then one product */
    STOA_LOWERING_DEPTHWISE,   /* a direct kernel for groups of few channels */
    STOA_LOWERING_DIRECT,      /* a direct kernel for images of few channels */
    STOA_LOWERING_WINOGRAD,    /* fewer products between transforms of tiles, with larger rounding errors */
    STOA_LOWERING_COUNT
};

/* "auto", "view", "im2col", "im2col-full", "depthwise", "direct", "winograd"; never null. */
STOA_API const char *stoa_lowering_name(enum stoa_lowering lowering);

/* What is known of one way to compute a convolution. */
struct stoa_lowering_info {
    enum stoa_lowering lowering;
    const char *text;         /* its name and tile, such as "view 56x64x64"; the name alone where it does not apply */
    const char *reason;       /* "chosen", "forced", "slower", …, or why it does not apply */
    int applies, chosen;      /* where it does not apply, what follows is 0 */
    double estimated_seconds; /* by the cost model; 0 for transposed convolutions by views, which have none */
    double measured_seconds;  /* 0 where it was not measured (tuning.h) */
    size_t bytes;             /* of packed weights and of scratch, that of all threads together */
    size_t reserved[2];
};

/* What a convolution was decided among. Lives as the layer or session. */
struct stoa_lowering_choice {
    const char *shape; /* "[1,64,56,56] to [1,64,56,56], kernel 3x3, pad 1 1 1 1" */
    const char *line;  /* all that follows, in one line; the chosen one first */
    size_t count;
    const struct stoa_lowering_info *lowerings; /* one of them is chosen */
    size_t reserved[4];
};

/* How large a convolution's rounding errors may be. Strict: those of plain sums of products in float. Fast: also
 * Winograd's transforms, whose errors are some tens of times larger (of the order of 1e-5 of a layer's largest output
 * rather than 1e-6) and which spread an infinity or NaN to a tile's neighbouring pixels. */
enum stoa_accuracy { STOA_ACCURACY_FAST = 0, STOA_ACCURACY_STRICT, STOA_ACCURACY_COUNT };

/* "fast", "strict"; never null. */
STOA_API const char *stoa_accuracy_name(enum stoa_accuracy accuracy);

enum stoa_activation {
    STOA_IDENTITY = 0,
    STOA_RELU,
    STOA_RELU6,
    STOA_LEAKY_RELU, /* slope 0.01 */
    STOA_SIGMOID,
    STOA_TANH,
    STOA_HARD_SIGMOID, /* max(0, min(1, x/6 + 0.5)) */
    STOA_HARD_SWISH,   /* x * hard_sigmoid(x) */
    STOA_ACTIVATION_COUNT
};

/* 2-D convolution (cross-correlation, as ONNX Conv).
 * x is [N][C][H][W] or [N][H][W][C]; weights are always [OC][C/groups][kh][kw]; bias is [OC] or null;
 * y is [N][OC][OH][OW] or [N][OH][OW][OC], OH = (H + top + bottom - dilation*(kh-1) - 1)/stride + 1. */
struct stoa_conv2d_desc {
    size_t batch; /* 0: 1 */
    size_t height, width;
    size_t in_channels, out_channels;
    size_t kernel[2];   /* kh, kw */
    size_t stride[2];   /* 0: 1 */
    size_t pad[4];      /* top, left, bottom, right */
    size_t dilation[2]; /* 0: 1 */
    size_t groups;      /* 0: 1 */
    enum stoa_layout layout;
    enum stoa_activation activation;
    enum stoa_lowering lowering; /* one that does not apply to the layer is an error */
    enum stoa_accuracy accuracy; /* strict rules STOA_LOWERING_WINOGRAD out */
    size_t threads;              /* at most 1024; 0: 1, so that a layer inside a threaded program stays on its thread */
    const struct stoa_pool *pool;           /* null: threads of its own; else `threads` does not count; copied */
    const struct stoa_allocator *allocator; /* null: the C library's */
    size_t reserved[8];                     /* zeros (stoa.h) */
};
struct stoa_conv2d;

STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_create(const struct stoa_conv2d_desc *desc, const float *weights,
                                                          const float *bias, struct stoa_error *error,
                                                          struct stoa_conv2d **conv);
/* Bytes of workspace a run needs, aligned to 64; may be 0. */
STOA_API size_t stoa_conv2d_workspace_size(const struct stoa_conv2d *conv);
/* OH and OW. */
STOA_API void stoa_conv2d_output_size(const struct stoa_conv2d *conv, size_t *height, size_t *width);
/* x and y must not overlap. Fails only for a null pointer or a workspace that is too small or not aligned. */
STOA_API STOA_CHECKED enum stoa_status stoa_conv2d_run(const struct stoa_conv2d *conv, const float *x,
                                                       size_t workspace_size, void *workspace, struct stoa_error *error,
                                                       float *y);
/* What was chosen and why; never null. */
STOA_API const struct stoa_lowering_choice *stoa_conv2d_explain(const struct stoa_conv2d *conv);
STOA_API void stoa_conv2d_free(struct stoa_conv2d *conv);

/* 2-D pooling, as ONNX MaxPool and AveragePool. Shapes as for conv2d with OC = C. */
enum stoa_pooling { STOA_MAX_POOL = 0, STOA_AVERAGE_POOL, STOA_GLOBAL_AVERAGE_POOL, STOA_GLOBAL_MAX_POOL };
struct stoa_pool2d_desc {
    enum stoa_pooling kind;
    size_t batch; /* 0: 1 */
    size_t height, width, channels;
    size_t kernel[2];   /* ignored by the global kinds */
    size_t stride[2];   /* 0: 1 */
    size_t pad[4];      /* top, left, bottom, right; each below the kernel */
    size_t dilation[2]; /* 0: 1; max pooling only */
    int ceil_mode;
    int count_include_pad;
    enum stoa_layout layout;
    const struct stoa_allocator *allocator; /* null: the C library's; for N C H W, which is turned to N H W C inside */
    size_t reserved[8];                     /* zeros (stoa.h) */
};
STOA_API STOA_CHECKED enum stoa_status stoa_pool2d_output_size(const struct stoa_pool2d_desc *desc,
                                                               struct stoa_error *error, size_t *height, size_t *width);
STOA_API STOA_CHECKED enum stoa_status stoa_pool2d_run(const struct stoa_pool2d_desc *desc, const float *x,
                                                       struct stoa_error *error, float *y);

/* y[batch][out] = activation(x[batch][in] * weights[out][in]^T + bias[out]). Weights are copied; bias may be null. */
struct stoa_linear_desc {
    size_t batch; /* 0: 1 */
    size_t in_features, out_features;
    enum stoa_activation activation;
    size_t threads;                         /* 0: 1 */
    const struct stoa_pool *pool;           /* as for conv2d */
    const struct stoa_allocator *allocator; /* null: the C library's */
    size_t reserved[8];                     /* zeros (stoa.h) */
};
struct stoa_linear;
STOA_API STOA_CHECKED enum stoa_status stoa_linear_create(const struct stoa_linear_desc *desc, const float *weights,
                                                          const float *bias, struct stoa_error *error,
                                                          struct stoa_linear **linear);
STOA_API STOA_CHECKED enum stoa_status stoa_linear_run(const struct stoa_linear *linear, const float *x,
                                                       struct stoa_error *error, float *y);
STOA_API void stoa_linear_free(struct stoa_linear *linear);

/* Softmax of each of `rows` rows of `columns` elements; y may be x. */
STOA_API STOA_CHECKED enum stoa_status stoa_softmax_run(size_t rows, size_t columns, const float *x,
                                                        struct stoa_error *error, float *y);
/* y[i] = activation(x[i]); y may be x. */
STOA_API STOA_CHECKED enum stoa_status stoa_activation_run(enum stoa_activation activation, size_t count,
                                                           const float *x, struct stoa_error *error, float *y);

#ifdef __cplusplus
}
#endif
#endif
