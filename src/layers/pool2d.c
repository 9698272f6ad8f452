/* Pooling, forward and backward. */
#include <stoa/backward.h>
#include <stoa/layers.h>

#include "base/memory.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "layers/wrap.h"

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

/* The layer of that operator, which has the attributes of the desc's: begun. */
static enum stoa_status begin(const struct stoa_pool2d_desc *desc, const char *const types[4], size_t inputs,
                              size_t outputs, struct stoa_error *error, struct layer_call *layer)
{
    if (!desc)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "desc is null");
    STOA_TRY(STOA_CHECK_RESERVED(desc, "desc", error));
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
    return stoa_layer_begin(layer, types[desc->kind], inputs, outputs, attributes, count, error);
}

static struct stoa_tensor images_of(const struct stoa_pool2d_desc *desc)
{
    return stoa_layer_image(desc->batch ? desc->batch : 1, desc->channels, desc->height, desc->width);
}

static struct stoa_allocator allocator_of(const struct stoa_pool2d_desc *desc)
{
    return desc->allocator ? *desc->allocator : stoa_allocator_default();
}

/* What is prepared for pooling needs no memory of its own. */
static enum stoa_status finish(const struct stoa_pool2d_desc *desc, struct stoa_error *error, struct layer_call *layer)
{
    return stoa_layer_finish(layer, desc->layout, &(struct op_prepare){0}, error);
}

static enum stoa_status forward(const struct stoa_pool2d_desc *desc, struct stoa_error *error, struct layer_call *layer)
{
    static const char *const types[] = {"MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
    STOA_TRY(begin(desc, types, 1, 1, error, layer));
    layer->inputs[0] = images_of(desc);
    return finish(desc, error, layer);
}

enum stoa_status stoa_pool2d_output_size(const struct stoa_pool2d_desc *desc, struct stoa_error *error, size_t *height,
                                         size_t *width)
{
    struct layer_call layer;
    if (!height || !width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !height ? "height" : "width");
    STOA_TRY(forward(desc, error, &layer));
    *height = layer.outputs[0].dims[2];
    *width = layer.outputs[0].dims[3];
    return STOA_OK;
}

enum stoa_status stoa_pool2d_run(const struct stoa_pool2d_desc *desc, const float *x, struct stoa_error *error,
                                 float *y)
{
    struct layer_call layer;
    STOA_TRY(forward(desc, error, &layer));
    if (!x || !y)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", x ? "y" : "x");
    struct stoa_allocator allocator = allocator_of(desc);
    void *workspace = NULL;
    if (layer.workspace)
        STOA_TRY(stoa_allocate_raw(&allocator, 1, layer.workspace, error, &workspace));
    enum stoa_status status = stoa_layer_run(&layer, NULL, (const void *[]){x}, (void *[]){y}, workspace, error);
    stoa_release(&allocator, workspace);
    return status;
}

/* The backward pass. That of windows' maxima needs to know where they were: they are taken again, which writes them and
 * their places (taps) to the workspace. */
struct backward {
    struct layer_call again, layer;
    bool has_taps;
    size_t y_place, taps_place, again_place, layer_place, workspace;
};

/* *place = a part of the workspace. */
static bool reserve(struct backward *backward, size_t bytes, size_t *place)
{
    *place = backward->workspace;
    return stoa_size_add(backward->workspace, stoa_size_round_up(bytes, STOA_ALIGNMENT), &backward->workspace);
}

static enum stoa_status plan_backward(const struct stoa_pool2d_desc *desc, struct stoa_error *error,
                                      struct backward *backward)
{
    static const char *const again[] = {"MaxPoolTraining", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"};
    static const char *const types[] = {"MaxPoolBackward", "AveragePoolBackward", "GlobalAveragePoolBackward",
                                        "GlobalMaxPoolBackward"};
    *backward = (struct backward){.has_taps = desc && desc->kind == STOA_MAX_POOL};
    STOA_TRY(begin(desc, again, 1, backward->has_taps ? 3 : 1, error, &backward->again));
    backward->again.inputs[0] = images_of(desc);
    if (backward->has_taps)
        backward->again.outputs[2].dtype = STOA_UINT8; /* wanted; the operator knows of which type */
    STOA_TRY(finish(desc, error, &backward->again));
    const struct stoa_tensor *y = &backward->again.outputs[0], *taps = &backward->again.outputs[2];
    STOA_TRY(begin(desc, types, backward->has_taps ? 3 : 2, 1, error, &backward->layer));
    backward->layer.inputs[0] = *y;
    backward->layer.inputs[1] = backward->has_taps ? *taps : images_of(desc);
    if (backward->has_taps)
        backward->layer.inputs[2] = images_of(desc);
    STOA_TRY(finish(desc, error, &backward->layer));
    bool fits = reserve(backward, backward->layer.workspace, &backward->layer_place);
    if (backward->has_taps)
        fits = fits && reserve(backward, backward->again.workspace, &backward->again_place) &&
               reserve(backward, stoa_tensor_bytes(y), &backward->y_place) &&
               reserve(backward, stoa_tensor_bytes(taps), &backward->taps_place);
    return fits ? STOA_OK : stoa_fail(error, STOA_ERROR_LIMIT, "the workspace is larger than memory can be");
}

enum stoa_status stoa_pool2d_backward_workspace_size(const struct stoa_pool2d_desc *desc, struct stoa_error *error,
                                                     size_t *size)
{
    struct backward backward;
    if (!size)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "size is null");
    STOA_TRY(plan_backward(desc, error, &backward));
    *size = backward.workspace;
    return STOA_OK;
}

enum stoa_status stoa_pool2d_backward_run(const struct stoa_pool2d_desc *desc, const float *x, const float *dy,
                                          size_t workspace_size, void *workspace, struct stoa_error *error, float *dx)
{
    struct backward backward;
    STOA_TRY(plan_backward(desc, error, &backward));
    if (!x || !dy || !dx)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !x ? "x" : !dy ? "dy" : "dx");
    STOA_TRY(stoa_layer_check_workspace(backward.workspace, workspace_size, workspace, error));
    char *base = workspace;
    void *taps = NULL;
    if (backward.has_taps) {
        taps = base + backward.taps_place;
        STOA_TRY(stoa_layer_run(&backward.again, NULL, (const void *[]){x},
                                (void *[]){base + backward.y_place, NULL, taps}, base + backward.again_place, error));
    }
    return stoa_layer_run(&backward.layer, NULL, (const void *[]){dy, taps ? taps : (const void *)x, x}, (void *[]){dx},
                          base ? base + backward.layer_place : NULL, error);
}
