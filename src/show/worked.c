/* A convolution at one pixel. The layer runs alone, without anything fused into it, so that its weights are those of
 * the model; three sessions say what the engine makes of it in three ways. */
#include "show/worked.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/im2col.h"
#include "ops/convolution.h"
#include "run/session.h"
#include "show/array.h"

struct request {
    const struct stoa_model *model;
    const struct stoa_input_spec *inputs;
    size_t count;
    const void *const *data;
    size_t node; /* of the layer */
};

static enum stoa_status find_layer(const struct graph *graph, const char *layer, struct stoa_error *error, size_t *node)
{
    STOA_TRY(stoa_show_layer(graph, layer, stoa_show_is_convolution, "convolution", error, node));
    const struct graph_node *found = &graph->nodes[*node];
    if (strcmp(found->type, "Conv") != 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "layer '%.100s' is %s, must be Conv", found->name, found->type);
    return STOA_OK;
}

static enum stoa_status open_session(const struct request *request, enum stoa_lowering lowering,
                                     struct stoa_error *error, struct stoa_session **session)
{
    struct stoa_session_options options = {.threads = 1,
                                           .lowering = lowering,
                                           .inputs = request->inputs,
                                           .input_count = request->count,
                                           .keep_values = 1,
                                           .disabled_passes = STOA_PASS_ALL};
    STOA_TRY(stoa_session_create(request->model, &options, error, session));
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; status == STOA_OK && i < stoa_model_input_count(request->model); i++)
        if (request->data[i])
            status = stoa_session_bind_input_at(*session, i, request->data[i], error);
    if (status == STOA_OK)
        status = stoa_session_run(*session, error);
    if (status != STOA_OK) {
        stoa_session_free(*session);
        *session = NULL;
    }
    return status;
}

static float value_at(const struct stoa_tensor *tensor, size_t c, size_t y, size_t x)
{
    const size_t *strides = tensor->strides;
    return ((const float *)tensor->data)[c * strides[1] + y * strides[2] + x * strides[3]];
}

/* The layer's call, as it was planned. */
static const struct op_call *call_of(const struct stoa_session *session, const struct graph_node *node)
{
    for (size_t i = 0; i < session->plan->step_count; i++)
        if (session->plan->steps[i].node == node->name)
            return &session->plan->steps[i].call;
    return NULL;
}

static enum stoa_status place(const size_t pixel[2], size_t channel, struct stoa_error *error,
                              struct worked_example *worked)
{
    const struct conv_shape *shape = &worked->shape;
    bool middle = pixel[0] == WORKED_MIDDLE;
    worked->oy = middle ? shape->OH / 2 : pixel[0];
    worked->ox = middle ? shape->OW / 2 : pixel[1];
    if (shape->N == 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "layer '%.100s' has a batch of no images", worked->layer);
    if (worked->oy >= shape->OH || worked->ox >= shape->OW)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "pixel %zu,%zu is outside the output of layer '%.100s', %zu by %zu", pixel[0], pixel[1],
                         worked->layer, shape->OH, shape->OW);
    if (channel >= shape->OC)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "channel %zu, layer '%.100s' has %zu", channel, worked->layer,
                         shape->OC);
    return STOA_OK;
}

static enum stoa_status allocate(struct worked_example *worked, struct stoa_error *error)
{
    const struct conv_shape *shape = &worked->shape;
    const struct stoa_allocator *allocator = &worked->allocator;
    size_t image = shape->H * shape->W * shape->C;
    STOA_TRY(stoa_allocate(allocator, image, sizeof *worked->image, error, &worked->image));
    STOA_TRY(stoa_allocate(allocator, worked->count + IM2COL_EXCESS, sizeof *worked->row, error, &worked->row));
    STOA_TRY(stoa_allocate(allocator, worked->count, sizeof *worked->filter, error, &worked->filter));
    STOA_TRY(stoa_allocate(allocator, worked->count, sizeof *worked->products, error, &worked->products));
    return stoa_allocate(allocator, worked->taps, sizeof *worked->tap, error, &worked->tap);
}

/* image[H][W][C] <- the first image of x. */
static void take_image(const struct stoa_tensor *x, struct worked_example *worked)
{
    const struct conv_shape *shape = &worked->shape;
    for (size_t h = 0; h < shape->H; h++)
        for (size_t w = 0; w < shape->W; w++)
            for (size_t c = 0; c < shape->C; c++)
                worked->image[(h * shape->W + w) * shape->C + c] = value_at(x, c, h, w);
}

/* filter[kh][kw][channels] <- weights[OC][channels][kh][kw]. */
static void take_filter(const struct stoa_tensor *weights, struct worked_example *worked)
{
    for (size_t k = 0; k < worked->taps; k++)
        for (size_t c = 0; c < worked->channels; c++)
            worked->filter[k * worked->channels + c] =
                (float)stoa_tensor_load(weights, (worked->oc * worked->channels + c) * worked->taps + k);
}

/* The row as the matrix has it. */
static void take_row(struct worked_example *worked)
{
    const struct conv_shape *shape = &worked->shape;
    struct im2col_window window = {
        .H = shape->H,
        .W = shape->W,
        .channels = worked->channels,
        .pixel_stride = shape->C,
        .OW = shape->OW,
        .kernel = {shape->kernel[0], shape->kernel[1]},
        .stride = {shape->stride[0], shape->stride[1]},
        .dilation = {shape->dilation[0], shape->dilation[1]},
        .pad = {shape->pad[0], shape->pad[1]},
    };
    stoa_im2col_rows(&window, worked->image + worked->group * worked->channels, worked->oy * shape->OW + worked->ox, 1,
                     worked->row);
}

/* Where the views lie. */
static void place_taps(struct worked_example *worked)
{
    const struct conv_shape *shape = &worked->shape;
    worked->row_stride = shape->stride[0] * shape->W * shape->C;
    worked->pixel_stride = shape->stride[1] * shape->C;
    for (size_t k = 0; k < worked->taps; k++) {
        struct worked_tap *tap = &worked->tap[k];
        tap->r = k / shape->kernel[1];
        tap->s = k % shape->kernel[1];
        tap->y = (ptrdiff_t)(worked->oy * shape->stride[0] + tap->r * shape->dilation[0]) - (ptrdiff_t)shape->pad[0];
        tap->x = (ptrdiff_t)(worked->ox * shape->stride[1] + tap->s * shape->dilation[1]) - (ptrdiff_t)shape->pad[1];
        tap->inside = tap->y >= 0 && tap->x >= 0 && (size_t)tap->y < shape->H && (size_t)tap->x < shape->W;
        if (tap->inside)
            tap->offset = ((size_t)tap->y * shape->W + (size_t)tap->x) * shape->C + worked->group * worked->channels;
    }
}

static void multiply(struct worked_example *worked)
{
    for (size_t k = 0; k < worked->taps; k++) {
        for (size_t c = 0; c < worked->channels; c++) {
            size_t i = k * worked->channels + c;
            worked->products[i] = (double)worked->row[i] * (double)worked->filter[i];
            worked->tap[k].products += worked->products[i];
        }
        worked->sum += worked->tap[k].products;
    }
}

static enum stoa_status take_result(const struct request *request, const struct stoa_session *session,
                                    const struct worked_example *worked, struct stoa_error *error,
                                    struct worked_result *result)
{
    const struct graph *graph = &request->model->graph;
    const struct graph_node *node = &graph->nodes[request->node];
    struct stoa_tensor y;
    STOA_TRY(stoa_session_value(session, graph->values[node->outputs[0]].name, error, &y));
    result->value = value_at(&y, worked->oc, worked->oy, worked->ox);
    const struct op_call *call = call_of(session, node);
    stoa_convolution_describe(call, sizeof result->how, result->how);
    return STOA_OK;
}

/* The one node that reads a value; null if there are several or none. */
static const struct graph_node *only_reader(const struct graph *graph, size_t v)
{
    const struct graph_node *reader = NULL;
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] == v) {
                if (reader)
                    return NULL;
                reader = &graph->nodes[n];
            }
    return reader;
}

static bool is_pointwise(const struct graph_node *node)
{
    return node->inputs[0] != GRAPH_NONE && node->output_count == 1 &&
           (node->op->activation || strcmp(node->type, "BatchNormalization") == 0);
}

static void take_after(const struct request *request, const struct stoa_session *session, struct worked_example *worked)
{
    const struct graph *graph = &request->model->graph;
    const struct graph_node *node = &graph->nodes[request->node];
    while (worked->after_count < WORKED_MOST_AFTER) {
        struct stoa_tensor y;
        node = only_reader(graph, node->outputs[0]);
        if (!node || !is_pointwise(node) ||
            stoa_session_value(session, graph->values[node->outputs[0]].name, NULL, &y) != STOA_OK)
            return;
        worked->after[worked->after_count++] = (struct worked_after){
            .type = node->type, .node = node->name, .value = value_at(&y, worked->oc, worked->oy, worked->ox)};
    }
}

/* Numbers of the layer in a session that has run. */
static enum stoa_status take_layer(const struct request *request, const struct stoa_session *session,
                                   const size_t pixel[2], size_t channel, struct stoa_error *error,
                                   struct worked_example *worked)
{
    const struct graph *graph = &request->model->graph;
    const struct graph_node *node = &graph->nodes[request->node];
    const struct op_call *call = call_of(session, node);
    const struct conv *conv = call ? stoa_convolution_of(call) : NULL;
    if (!conv || !call->inputs[1].data || (stoa_op_has_input(call, 2) && !call->inputs[2].data))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "layer '%.100s' has no constant weights, or is not computed",
                         worked->layer);
    worked->shape = *stoa_conv_shape(conv);
    STOA_TRY(place(pixel, channel, error, worked));
    worked->oc = channel;
    worked->group = channel / (worked->shape.OC / worked->shape.groups);
    worked->channels = worked->shape.C / worked->shape.groups;
    worked->taps = worked->shape.kernel[0] * worked->shape.kernel[1];
    worked->count = worked->taps * worked->channels;
    STOA_TRY(allocate(worked, error));
    struct stoa_tensor x;
    STOA_TRY(stoa_session_value(session, graph->values[node->inputs[0]].name, error, &x));
    take_image(&x, worked);
    take_filter(&call->inputs[1], worked);
    worked->has_bias = stoa_op_has_input(call, 2);
    worked->bias = worked->has_bias ? (float)stoa_tensor_load(&call->inputs[2], channel) : 0;
    take_row(worked);
    place_taps(worked);
    multiply(worked);
    take_after(request, session, worked);
    return take_result(request, session, worked, error, &worked->chosen);
}

static enum stoa_status take_way(const struct request *request, enum stoa_lowering lowering,
                                 const struct worked_example *worked, struct stoa_error *error,
                                 struct worked_result *result)
{
    struct stoa_session *session;
    STOA_TRY(open_session(request, lowering, error, &session));
    enum stoa_status status = take_result(request, session, worked, error, result);
    stoa_session_free(session);
    return status;
}

enum stoa_status stoa_worked_compute(const struct stoa_model *model, const struct stoa_input_spec *inputs, size_t count,
                                     const void *const *data, const char *layer, const size_t pixel[2], size_t channel,
                                     const struct stoa_allocator *allocator, struct stoa_error *error,
                                     struct worked_example *worked)
{
    struct request request = {.model = model, .inputs = inputs, .count = count, .data = data};
    struct stoa_session *session;
    *worked = (struct worked_example){.allocator = *allocator, .model = model};
    STOA_TRY(find_layer(&model->graph, layer, error, &request.node));
    worked->layer = model->graph.nodes[request.node].name;
    STOA_TRY(open_session(&request, STOA_LOWERING_AUTO, error, &session));
    enum stoa_status status = take_layer(&request, session, pixel, channel, error, worked);
    stoa_session_free(session);
    STOA_TRY(status);
    STOA_TRY(take_way(&request, STOA_LOWERING_IM2COL_FULL, worked, error, &worked->matrix));
    return take_way(&request, STOA_LOWERING_VIEW, worked, error, &worked->view);
}

void stoa_worked_free(struct worked_example *worked)
{
    const struct stoa_allocator *allocator = &worked->allocator;
    if (!allocator->allocate)
        return;
    stoa_release(allocator, worked->image);
    stoa_release(allocator, worked->row);
    stoa_release(allocator, worked->filter);
    stoa_release(allocator, worked->products);
    stoa_release(allocator, worked->tap);
    *worked = (struct worked_example){.layer = NULL};
}
