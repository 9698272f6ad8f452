/* The layers: from a description to a node of ONNX's with its parameters. What the operator itself checks (channels and
 * groups, windows larger than the image, dims that do not fit) is left to it. */
#include "base/reserved.h"
#include "base/tensor.h"
#include "build/build.h"

#define NO_VALUE ((struct stoa_value){GRAPH_NONE})

/* Attributes in the order that exporters commonly give them. */
struct window {
    int64_t kernel[2], stride[2], dilation[2], pad[4];
};

static void read_window(struct draft *draft, const size_t kernel[2], const size_t stride[2], const size_t pad[4],
                        struct window *window)
{
    for (size_t i = 0; i < 2; i++) {
        if (kernel[i] == 0)
            stoa_draft_fail(draft, STOA_ERROR_ATTRIBUTE, "kernel[%zu] is 0, must be at least 1", i);
        window->kernel[i] = (int64_t)kernel[i];
        window->stride[i] = stride[i] ? (int64_t)stride[i] : 1;
        window->dilation[i] = 1;
    }
    for (size_t i = 0; i < 4; i++)
        window->pad[i] = (int64_t)pad[i];
}

/* The dims as text, the batch as N. */
static const char *dims_text(const struct graph_value *value, char text[STOA_DIMS_TEXT])
{
    size_t dims[STOA_MAX_RANK];
    for (size_t i = 0; i < value->rank; i++)
        dims[i] = value->dims[i] == GRAPH_UNKNOWN ? 1 : (size_t)value->dims[i];
    return stoa_dims_text(value->rank, dims, text);
}

static void require_rank(struct draft *draft, size_t rank, const char *what)
{
    char text[STOA_DIMS_TEXT];
    const struct graph_value *x = stoa_draft_input(draft, 0);
    if (x->rank != rank)
        stoa_draft_fail(draft, STOA_ERROR_SHAPE, "input has dims %s at batch 1, must have rank %zu%s",
                        dims_text(x, text), rank, what);
}

/* Zeros, an output each. */
static void add_bias(struct draft *draft, size_t count)
{
    (void)stoa_draft_constant(draft, "bias", 1, &count);
}

static bool is_given(struct draft *draft, const void *descriptor)
{
    if (!descriptor)
        stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "its descriptor is null");
    return descriptor;
}

/* Members that later versions will give a meaning. */
#define CHECK_RESERVED(draft, descriptor)                                                                              \
    do {                                                                                                               \
        struct stoa_error error;                                                                                       \
        if (STOA_CHECK_RESERVED(descriptor, "descriptor", &error) != STOA_OK)                                          \
            stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "%s", error.message);                                          \
    } while (0)

static struct stoa_value convolve(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                  const struct stoa_build_conv *conv, bool transposed)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, transposed ? "ConvTranspose" : "Conv",
                          transposed ? "conv_transpose" : "conv", name, 1, &x))
        return NO_VALUE;
    if (!is_given(&draft, conv))
        return NO_VALUE;
    CHECK_RESERVED(&draft, conv);
    struct window window;
    size_t groups = conv->groups ? conv->groups : 1;
    read_window(&draft, conv->kernel, conv->stride, conv->pad, &window);
    for (size_t i = 0; i < 2; i++)
        window.dilation[i] = conv->dilation[i] ? (int64_t)conv->dilation[i] : 1;
    require_rank(&draft, 4, " (N C H W)");
    if (conv->out_channels == 0)
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "out_channels is 0, must be at least 1");
    if (conv->out_channels % groups)
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "out_channels is %zu, not divisible by groups %zu",
                        conv->out_channels, groups);
    if (builder->status != STOA_OK)
        return NO_VALUE;
    size_t channels = (size_t)stoa_draft_input(&draft, 0)->dims[1];
    if (channels % groups) {
        stoa_draft_fail(&draft, STOA_ERROR_SHAPE, "input has %zu channels, not divisible by groups %zu", channels,
                        groups);
        return NO_VALUE;
    }

    stoa_draft_ints(&draft, "dilations", 2, window.dilation);
    stoa_draft_int(&draft, "group", (int64_t)groups);
    stoa_draft_ints(&draft, "kernel_shape", 2, window.kernel);
    int64_t output_pad[2] = {(int64_t)conv->output_pad[0], (int64_t)conv->output_pad[1]};
    if (transposed && (output_pad[0] || output_pad[1]))
        stoa_draft_ints(&draft, "output_padding", 2, output_pad);
    stoa_draft_ints(&draft, "pads", 4, window.pad);
    stoa_draft_ints(&draft, "strides", 2, window.stride);

    size_t in = channels / groups, out = conv->out_channels / groups;
    double taps = (double)conv->kernel[0] * (double)conv->kernel[1];
    const size_t dims[4] = {transposed ? channels : conv->out_channels, transposed ? out : in, conv->kernel[0],
                            conv->kernel[1]};
    stoa_draft_weights(&draft, 4, dims, (double)in * taps, (double)out * taps, conv->init);
    if (!conv->no_bias)
        add_bias(&draft, conv->out_channels);
    return stoa_draft_end(&draft);
}

struct stoa_value stoa_build_conv2d(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                    const struct stoa_build_conv *conv)
{
    return convolve(builder, name, x, conv, false);
}

struct stoa_value stoa_build_conv_transpose2d(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                              const struct stoa_build_conv *conv)
{
    return convolve(builder, name, x, conv, true);
}

struct stoa_value stoa_build_linear(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                    const struct stoa_build_linear *linear)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, "Gemm", "fc", name, 1, &x))
        return NO_VALUE;
    if (!is_given(&draft, linear))
        return NO_VALUE;
    CHECK_RESERVED(&draft, linear);
    require_rank(&draft, 2, ": flatten it before");
    if (linear->out_features == 0)
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "out_features is 0, must be at least 1");
    if (builder->status != STOA_OK)
        return NO_VALUE;
    const size_t dims[2] = {linear->out_features, (size_t)stoa_draft_input(&draft, 0)->dims[1]};
    stoa_draft_int(&draft, "transB", 1);
    stoa_draft_weights(&draft, 2, dims, (double)dims[1], (double)dims[0], linear->init);
    if (!linear->no_bias)
        add_bias(&draft, dims[0]);
    return stoa_draft_end(&draft);
}

static struct stoa_value pool(struct stoa_builder *builder, const char *type, const char *kind, const char *name,
                              struct stoa_value x, const struct stoa_build_pool *pool, bool average)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, type, kind, name, 1, &x))
        return NO_VALUE;
    if (!is_given(&draft, pool))
        return NO_VALUE;
    CHECK_RESERVED(&draft, pool);
    struct window window;
    read_window(&draft, pool->kernel, pool->stride, pool->pad, &window);
    if (pool->ceil_mode)
        stoa_draft_int(&draft, "ceil_mode", 1);
    if (average && pool->count_include_pad)
        stoa_draft_int(&draft, "count_include_pad", 1);
    stoa_draft_ints(&draft, "kernel_shape", 2, window.kernel);
    stoa_draft_ints(&draft, "pads", 4, window.pad);
    stoa_draft_ints(&draft, "strides", 2, window.stride);
    return stoa_draft_end(&draft);
}

struct stoa_value stoa_build_max_pool2d(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                        const struct stoa_build_pool *desc)
{
    return pool(builder, "MaxPool", "max_pool", name, x, desc, false);
}

struct stoa_value stoa_build_average_pool2d(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                            const struct stoa_build_pool *desc)
{
    return pool(builder, "AveragePool", "average_pool", name, x, desc, true);
}

struct stoa_value stoa_build_batch_norm(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                        const struct stoa_build_norm *norm)
{
    /* In the operator's order. */
    static const struct {
        const char *name;
        float begin;
    } parameters[] = {{"weight", 1}, {"bias", 0}, {"running_mean", 0}, {"running_var", 1}};
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, "BatchNormalization", "bn", name, 1, &x))
        return NO_VALUE;
    CHECK_RESERVED(&draft, norm);
    float epsilon = norm && norm->epsilon != 0 ? norm->epsilon : 1e-5f;
    float momentum = norm && norm->momentum != 0 ? norm->momentum : 0.9f;
    if (!(momentum > 0 && momentum < 1))
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "momentum is %g, must be above 0 and below 1", (double)momentum);
    if (stoa_draft_input(&draft, 0)->rank < 2)
        stoa_draft_fail(&draft, STOA_ERROR_SHAPE, "input has rank 1, must have channels behind the batch");
    if (builder->status != STOA_OK)
        return NO_VALUE;
    stoa_draft_float(&draft, "epsilon", epsilon);
    stoa_draft_float(&draft, "momentum", momentum);
    size_t channels = (size_t)stoa_draft_input(&draft, 0)->dims[1];
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        float *values = stoa_draft_constant(&draft, parameters[i].name, 1, &channels);
        for (size_t c = 0; values && c < channels; c++)
            values[c] = parameters[i].begin;
    }
    return stoa_draft_end(&draft);
}

static void add_scalar(struct draft *draft, const char *name, float value)
{
    float *scalar = stoa_draft_constant(draft, name, 0, NULL);
    if (scalar)
        *scalar = value;
}

struct stoa_value stoa_build_dropout(struct stoa_builder *builder, const char *name, struct stoa_value x, float ratio)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, "Dropout", "dropout", name, 1, &x))
        return NO_VALUE;
    if (!(ratio >= 0 && ratio < 1))
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "ratio is %g, must be at least 0 and below 1", (double)ratio);
    add_scalar(&draft, "ratio", ratio);
    return stoa_draft_end(&draft);
}

struct stoa_value stoa_build_clip(struct stoa_builder *builder, const char *name, struct stoa_value x, float least,
                                  float most)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, "Clip", "clip", name, 1, &x))
        return NO_VALUE;
    if (!(least <= most))
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "least is %g, most is %g", (double)least, (double)most);
    add_scalar(&draft, "min", least);
    add_scalar(&draft, "max", most);
    return stoa_draft_end(&draft);
}

/* A layer of nothing but its type and perhaps a number. */
static struct stoa_value plain(struct stoa_builder *builder, const char *type, const char *kind, const char *name,
                               struct stoa_value x, const char *attribute, float number)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, type, kind, name, 1, &x))
        return NO_VALUE;
    if (attribute)
        stoa_draft_float(&draft, attribute, number);
    return stoa_draft_end(&draft);
}

struct stoa_value stoa_build_global_average_pool(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "GlobalAveragePool", "global_average_pool", name, x, NULL, 0);
}

struct stoa_value stoa_build_relu(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "Relu", "relu", name, x, NULL, 0);
}

struct stoa_value stoa_build_leaky_relu(struct stoa_builder *builder, const char *name, struct stoa_value x,
                                        float slope)
{
    return plain(builder, "LeakyRelu", "leaky_relu", name, x, "alpha", slope);
}

struct stoa_value stoa_build_elu(struct stoa_builder *builder, const char *name, struct stoa_value x, float alpha)
{
    return plain(builder, "Elu", "elu", name, x, "alpha", alpha);
}

struct stoa_value stoa_build_selu(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "Selu", "selu", name, x, NULL, 0);
}

struct stoa_value stoa_build_sigmoid(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "Sigmoid", "sigmoid", name, x, NULL, 0);
}

struct stoa_value stoa_build_tanh(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "Tanh", "tanh", name, x, NULL, 0);
}

struct stoa_value stoa_build_softplus(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "Softplus", "softplus", name, x, NULL, 0);
}

struct stoa_value stoa_build_hard_sigmoid(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return plain(builder, "HardSigmoid", "hard_sigmoid", name, x, "alpha", 1.0f / 6);
}

static struct stoa_value combine(struct stoa_builder *builder, const char *type, const char *kind, const char *name,
                                 struct stoa_value a, struct stoa_value b)
{
    const struct stoa_value both[2] = {a, b};
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, type, kind, name, 2, both))
        return NO_VALUE;
    size_t ranks[2] = {stoa_draft_input(&draft, 0)->rank, stoa_draft_input(&draft, 1)->rank};
    if (ranks[0] != ranks[1])
        stoa_draft_fail(&draft, STOA_ERROR_SHAPE, "its inputs have ranks %zu and %zu, must have the same", ranks[0],
                        ranks[1]);
    return stoa_draft_end(&draft);
}

struct stoa_value stoa_build_add(struct stoa_builder *builder, const char *name, struct stoa_value a,
                                 struct stoa_value b)
{
    return combine(builder, "Add", "add", name, a, b);
}

struct stoa_value stoa_build_mul(struct stoa_builder *builder, const char *name, struct stoa_value a,
                                 struct stoa_value b)
{
    return combine(builder, "Mul", "mul", name, a, b);
}

/* A layer that works along one dimension, not the batch. */
static struct stoa_value along(struct stoa_builder *builder, const char *type, const char *kind, const char *name,
                               size_t count, const struct stoa_value *x, size_t axis)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, type, kind, name, count, x))
        return NO_VALUE;
    size_t rank = stoa_draft_input(&draft, 0)->rank;
    if (axis == 0 || axis >= rank)
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "axis is %zu, must be in [1, %zu]", axis, rank - 1);
    stoa_draft_int(&draft, "axis", (int64_t)axis);
    return stoa_draft_end(&draft);
}

struct stoa_value stoa_build_concat(struct stoa_builder *builder, const char *name, size_t count,
                                    const struct stoa_value *parts, size_t axis)
{
    return along(builder, "Concat", "concat", name, count, parts, axis);
}

struct stoa_value stoa_build_flatten(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return along(builder, "Flatten", "flatten", name, 1, &x, 1);
}

struct stoa_value stoa_build_softmax(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    return along(builder, "Softmax", "softmax", name, 1, &x, 1);
}

struct stoa_value stoa_build_upsample(struct stoa_builder *builder, const char *name, struct stoa_value x, size_t rows,
                                      size_t columns)
{
    struct draft draft;
    if (!stoa_draft_begin(&draft, builder, "Resize", "upsample", name, 1, &x))
        return NO_VALUE;
    require_rank(&draft, 4, " (N C H W)");
    if (rows == 0 || columns == 0)
        stoa_draft_fail(&draft, STOA_ERROR_ATTRIBUTE, "%s is 0, must be at least 1", rows ? "columns" : "rows");
    stoa_draft_string(&draft, "mode", "nearest");
    stoa_draft_string(&draft, "coordinate_transformation_mode", "asymmetric");
    stoa_draft_string(&draft, "nearest_mode", "floor");
    stoa_draft_absent(&draft);
    const size_t count = 4;
    float *scales = stoa_draft_constant(&draft, "scales", 1, &count);
    if (scales) {
        scales[0] = scales[1] = 1;
        scales[2] = (float)rows;
        scales[3] = (float)columns;
    }
    return stoa_draft_end(&draft);
}
