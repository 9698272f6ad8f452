/* Layers without weights: pooling, softmax, activations. */
#include <stoa/layers.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "layers/activate.h"
#include "layers/wrap.h"

enum stoa_status stoa_activation_run(enum stoa_activation kind, size_t count, const float *x, struct stoa_error *error,
                                     float *y)
{
    if ((unsigned)kind >= STOA_ACTIVATION_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "activation is %d, which is none", (int)kind);
    if (count && (!x || !y))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", x ? "y" : "x");
    stoa_activate(stoa_layer_activation(kind), count, x, y);
    return STOA_OK;
}

const struct activation *stoa_layer_activation(enum stoa_activation kind)
{
    static const struct activation activations[STOA_ACTIVATION_COUNT] = {
        [STOA_IDENTITY] = {ACTIVATION_NONE, 0, 0},
        [STOA_RELU] = {ACTIVATION_RELU, 0, 0},
        [STOA_RELU6] = {ACTIVATION_CLIP, 0, 6},
        [STOA_LEAKY_RELU] = {ACTIVATION_LEAKY_RELU, 0.01f, 0},
        [STOA_SIGMOID] = {ACTIVATION_SIGMOID, 0, 0},
        [STOA_TANH] = {ACTIVATION_TANH, 0, 0},
        [STOA_HARD_SIGMOID] = {ACTIVATION_HARD_SIGMOID, 1.0f / 6, 0.5f},
        [STOA_HARD_SWISH] = {ACTIVATION_HARD_SWISH, 1.0f / 6, 0.5f},
    };
    return &activations[kind];
}

enum stoa_status stoa_softmax_run(size_t rows, size_t columns, const float *x, struct stoa_error *error, float *y)
{
    if (!x || !y)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", x ? "y" : "x");
    struct layer_call layer;
    STOA_TRY(stoa_layer_begin(&layer, "Softmax", 1, NULL, 0, error));
    layer.inputs[0] = (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 2, .dims = {rows, columns}};
    STOA_TRY(stoa_tensor_measure(&layer.inputs[0], error, NULL, NULL));
    stoa_tensor_set_plain(&layer.inputs[0]);
    STOA_TRY(layer.call.op->infer(&layer.call, error));
    stoa_tensor_set_plain(&layer.output);
    layer.inputs[0].data = stoa_read_only(x);
    layer.output.data = y;
    struct stoa_allocator allocator = stoa_allocator_default();
    return stoa_op_run_once(&layer.call, &allocator, NULL, error);
}

/* Two or four sizes of a descriptor as the attribute ONNX knows; a 0 stands for `least`. */
static enum stoa_status sizes_attribute(const char *field, const char *name, size_t count, const size_t *sizes,
                                        size_t least, struct stoa_error *error, int64_t *values,
                                        struct attribute *attribute)
{
    for (size_t i = 0; i < count; i++) {
        if (sizes[i] > INT32_MAX)
            return stoa_fail(error, STOA_ERROR_LIMIT, "desc.%s[%zu] is %zu, at most %d is taken", field, i, sizes[i],
                             INT32_MAX);
        values[i] = (int64_t)stoa_size_max(sizes[i], least);
    }
    *attribute = (struct attribute){.name = name, .kind = ATTRIBUTE_INTS, .integers = values, .count = count};
    return STOA_OK;
}

static enum stoa_status pool_infer(const struct stoa_pool2d_desc *desc, struct stoa_error *error,
                                   struct layer_call *layer)
{
    static const char *const types[] = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
    if (!desc)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc is null");
    if ((unsigned)desc->kind > STOA_GLOBAL_MAX_POOL)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.kind is %d, which is no pooling", (int)desc->kind);
    if ((unsigned)desc->layout > STOA_NHWC)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc.layout is %d, which is none", (int)desc->layout);

    int64_t values[4][4] = {{0}};
    struct attribute attributes[6];
    size_t count = 0;
    if (desc->kind == STOA_MAX_POOL || desc->kind == STOA_AVERAGE_POOL) {
        STOA_TRY(sizes_attribute("kernel", "kernel_shape", 2, desc->kernel, 0, error, values[0], &attributes[count++]));
        STOA_TRY(sizes_attribute("stride", "strides", 2, desc->stride, 1, error, values[1], &attributes[count++]));
        STOA_TRY(sizes_attribute("pad", "pads", 4, desc->pad, 0, error, values[2], &attributes[count++]));
        attributes[count++] =
            (struct attribute){.name = "ceil_mode", .kind = ATTRIBUTE_INT, .integer = desc->ceil_mode != 0};
    }
    if (desc->kind == STOA_MAX_POOL)
        STOA_TRY(
            sizes_attribute("dilation", "dilations", 2, desc->dilation, 1, error, values[3], &attributes[count++]));
    if (desc->kind == STOA_AVERAGE_POOL) {
        for (size_t i = 0; i < 2; i++)
            if (desc->dilation[i] > 1)
                return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "desc.dilation[%zu] is %zu: for max pooling only", i,
                                 desc->dilation[i]);
        attributes[count++] = (struct attribute){
            .name = "count_include_pad", .kind = ATTRIBUTE_INT, .integer = desc->count_include_pad != 0};
    }
    STOA_TRY(stoa_layer_begin(layer, types[desc->kind], 1, attributes, count, error));
    layer->inputs[0] =
        (struct stoa_tensor){.dtype = STOA_FLOAT,
                             .rank = 4,
                             .dims = {desc->batch ? desc->batch : 1, desc->channels, desc->height, desc->width}};
    STOA_TRY(stoa_tensor_measure(&layer->inputs[0], error, NULL, NULL));
    STOA_TRY(layer->call.op->infer(&layer->call, error));
    return stoa_tensor_measure(&layer->output, error, NULL, NULL);
}

enum stoa_status stoa_pool2d_output_size(const struct stoa_pool2d_desc *desc, struct stoa_error *error, size_t *height,
                                         size_t *width)
{
    struct layer_call layer;
    STOA_TRY(pool_infer(desc, error, &layer));
    *height = layer.output.dims[2];
    *width = layer.output.dims[3];
    return STOA_OK;
}

enum stoa_status stoa_pool2d_run(const struct stoa_pool2d_desc *desc, const float *x, struct stoa_error *error,
                                 float *y)
{
    struct layer_call layer;
    STOA_TRY(pool_infer(desc, error, &layer));
    if (!x || !y)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", x ? "y" : "x");

    struct stoa_tensor *const inner[2] = {&layer.inputs[0], &layer.output};
    struct stoa_tensor outer[2];
    void *const given[2] = {stoa_read_only(x), y};
    void *own = NULL;
    for (size_t i = 0; i < 2; i++) {
        stoa_tensor_set_channels_last(inner[i]);
        outer[i] = *inner[i];
        stoa_tensor_set_plain(&outer[i]);
        inner[i]->data = outer[i].data = given[i];
    }
    struct stoa_allocator allocator = desc->allocator ? *desc->allocator : stoa_allocator_default();
    bool convert = desc->layout == STOA_NCHW;
    if (convert) {
        size_t begin = stoa_size_round_up(stoa_tensor_bytes(inner[0]), STOA_ALIGNMENT), bytes;
        if (!stoa_size_add(begin, stoa_tensor_bytes(inner[1]), &bytes))
            return stoa_fail(error, STOA_ERROR_LIMIT, "input and output together are larger than memory can be");
        STOA_TRY(stoa_allocate_raw(&allocator, 1, bytes, error, &own));
        inner[0]->data = own;
        inner[1]->data = (char *)own + begin;
        stoa_nd_copy(&outer[0], inner[0], NULL);
    }
    enum stoa_status status = stoa_op_run_once(&layer.call, &allocator, NULL, error);
    if (status == STOA_OK && convert)
        stoa_nd_copy(inner[1], &outer[1], NULL);
    stoa_release(&allocator, own);
    return status;
}
