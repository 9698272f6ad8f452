/* Operators called one at a time. */
#include "layers/wrap.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"

enum stoa_status stoa_layer_begin(struct layer_call *layer, const char *type, size_t inputs, size_t outputs,
                                  const struct attribute *attributes, size_t attribute_count, struct stoa_error *error)
{
    const struct op *op = stoa_op_find(type, LAYER_OPSET, NULL);
    *layer = (struct layer_call){.call = {.op = op ? op : stoa_training_op_find(type),
                                          .params = layer->params.bytes,
                                          .input_count = inputs,
                                          .output_count = outputs,
                                          .inputs = layer->inputs,
                                          .outputs = layer->outputs}};
    layer->outputs[0].dtype = STOA_FLOAT;
    if (!layer->call.op)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "%s: the library was built without training", type);
    if (layer->call.op->params_size > sizeof layer->params)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the parameters of %s take %zu bytes", type,
                         layer->call.op->params_size);
    struct attributes list = {.items = attributes, .count = attribute_count};
    struct attribute_reader reader = stoa_reader(&list, LAYER_OPSET, inputs, outputs, error);
    return layer->call.op->parse ? layer->call.op->parse(&reader, layer->params.bytes) : STOA_OK;
}

struct stoa_tensor stoa_layer_vector(size_t count)
{
    return (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 1, .dims = {count}};
}

struct stoa_tensor stoa_layer_matrix(size_t rows, size_t columns)
{
    return (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 2, .dims = {rows, columns}};
}

struct stoa_tensor stoa_layer_image(size_t N, size_t C, size_t H, size_t W)
{
    return (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 4, .dims = {N, C, H, W}};
}

/* Lays out one tensor. `inner` is set if it has to lie channels-last but does not, and takes its place in the workspace
 * then. */
static enum stoa_status lay_out(struct layer_call *layer, bool image, enum stoa_layout layout,
                                struct stoa_tensor *tensor, struct stoa_tensor *inner, size_t *place,
                                struct stoa_error *error)
{
    if (tensor->dtype == STOA_NONE)
        return STOA_OK;
    STOA_TRY(stoa_tensor_measure(tensor, error, NULL, NULL));
    stoa_tensor_set_plain(tensor);
    if (tensor->rank != 4 || !image)
        return STOA_OK;
    if (layout == STOA_NHWC)
        stoa_tensor_set_channels_last(tensor);
    else if (layer->call.op->layout == OP_CHANNELS_LAST) {
        *inner = *tensor;
        stoa_tensor_set_channels_last(inner);
        *place = layer->workspace;
        if (!stoa_size_add(*place, stoa_size_round_up(stoa_tensor_bytes(inner), STOA_ALIGNMENT), &layer->workspace))
            return stoa_fail(error, STOA_ERROR_LIMIT, "the workspace is larger than memory can be");
    }
    return STOA_OK;
}

enum stoa_status stoa_layer_finish(struct layer_call *layer, enum stoa_layout layout, const struct op_prepare *prepare,
                                   struct stoa_error *error)
{
    struct op_call *call = &layer->call;
    const struct op *op = call->op;
    bool any = op->layout != OP_CHANNELS_LAST;
    for (size_t i = 0; i < call->input_count; i++)
        STOA_TRY(lay_out(layer, (any || stoa_op_takes_image(op, i)) && stoa_op_reads(op, i), layout, &layer->inputs[i],
                         &layer->inner_inputs[i], &layer->input_places[i], error));
    STOA_TRY(op->infer(call, error));
    for (size_t i = 0; i < call->output_count; i++)
        STOA_TRY(lay_out(layer, any || stoa_op_makes_image(op, i), layout, &layer->outputs[i], &layer->inner_outputs[i],
                         &layer->output_places[i], error));

    /* Operators see how the tensors will lie. */
    struct stoa_tensor inputs[LAYER_INPUTS], outputs[LAYER_OUTPUTS];
    for (size_t i = 0; i < LAYER_INPUTS; i++)
        inputs[i] = layer->inner_inputs[i].rank ? layer->inner_inputs[i] : layer->inputs[i];
    for (size_t i = 0; i < LAYER_OUTPUTS; i++)
        outputs[i] = layer->inner_outputs[i].rank ? layer->inner_outputs[i] : layer->outputs[i];
    call->inputs = inputs;
    call->outputs = outputs;
    enum stoa_status status = op->prepare ? op->prepare(call, prepare, error) : STOA_OK;
    call->inputs = layer->inputs;
    call->outputs = layer->outputs;
    STOA_TRY(status);

    layer->workers = stoa_size_max(prepare->threads, 1);
    layer->worker_stride = stoa_size_round_up(call->worker_scratch, STOA_ALIGNMENT);
    size_t begin, bytes;
    bool fits = stoa_size_add(layer->workspace, stoa_size_round_up(call->shared_scratch, STOA_ALIGNMENT), &begin) &&
                stoa_size_mul(layer->worker_stride, layer->workers, &bytes) && stoa_size_add(begin, bytes, &bytes);
    if (!fits) {
        stoa_layer_end(layer, prepare->allocator);
        return stoa_fail(error, STOA_ERROR_LIMIT, "the workspace is larger than memory can be");
    }
    layer->worker_place = begin;
    layer->workspace = bytes;
    return STOA_OK;
}

void stoa_layer_end(struct layer_call *layer, const struct stoa_allocator *allocator)
{
    if (layer->call.op && layer->call.op->release && layer->call.state)
        layer->call.op->release(&layer->call, allocator);
    layer->call.state = NULL;
}

/* Where nothing takes room there may be no workspace: what has no elements lies anywhere. */
static void *in_workspace(void *workspace, size_t place)
{
    static _Alignas(STOA_ALIGNMENT) const char anywhere[1];
    return (char *)(workspace ? workspace : stoa_read_only(anywhere)) + place;
}

enum stoa_status stoa_layer_run(const struct layer_call *layer, struct pool *pool, const void *const *inputs,
                                void *const *outputs, void *workspace, struct stoa_error *error)
{
    /* A call of this run's own, so that threads can share the layer. */
    struct op_call call = layer->call;
    struct stoa_tensor in[LAYER_INPUTS], out[LAYER_OUTPUTS];
    call.inputs = in;
    call.outputs = out;
    for (size_t i = 0; i < call.input_count; i++) {
        struct stoa_tensor given = layer->inputs[i];
        given.data = stoa_read_only(inputs[i]);
        in[i] = given;
        if (layer->inner_inputs[i].rank && given.data) {
            in[i] = layer->inner_inputs[i];
            in[i].data = in_workspace(workspace, layer->input_places[i]);
            stoa_nd_copy(&given, &in[i], pool);
        }
    }
    for (size_t i = 0; i < call.output_count; i++) {
        bool inner = layer->inner_outputs[i].rank && outputs[i];
        out[i] = inner ? layer->inner_outputs[i] : layer->outputs[i];
        out[i].data = inner ? in_workspace(workspace, layer->output_places[i]) : outputs[i];
        if (!outputs[i])
            out[i].dtype = STOA_NONE;
    }
    struct op_run run = {.pool = pool,
                         .shared = in_workspace(workspace, layer->worker_place -
                                                               stoa_size_round_up(call.shared_scratch, STOA_ALIGNMENT)),
                         .worker_base = in_workspace(workspace, layer->worker_place),
                         .worker_stride = layer->worker_stride};
    STOA_TRY(call.op->run(&call, &run, error));
    for (size_t i = 0; i < call.output_count; i++)
        if (layer->inner_outputs[i].rank && outputs[i]) {
            struct stoa_tensor given = layer->outputs[i];
            given.data = outputs[i];
            stoa_nd_copy(&out[i], &given, pool);
        }
    return STOA_OK;
}

enum stoa_status stoa_layer_check_workspace(size_t needed, size_t size, const void *workspace, struct stoa_error *error)
{
    if (size < needed || (needed && !workspace))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "workspace_size is %zu, %zu are needed", size, needed);
    if (needed && (uintptr_t)workspace % STOA_ALIGNMENT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "workspace is not aligned to %d bytes", STOA_ALIGNMENT);
    return STOA_OK;
}
