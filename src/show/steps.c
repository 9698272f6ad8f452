/* A convolution at one pixel. The layer runs alone, without anything fused into it, so that its weights are those of
 * the model; three sessions say what the engine makes of it in three ways. */
#include <stoa/show.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "graph/model.h"
#include "kernels/im2col.h"
#include "show/array.h"
#include "show/probe.h"
#include "show/sliding.h"

#define MOST_AFTER 4

/* What a caller's steps are the first member of. */
struct made {
    struct stoa_steps shown;
    struct stoa_allocator allocator;
    struct arena arena;
};

struct request {
    const struct stoa_subject *subject;
    const struct graph *graph;
    const struct graph_node *node; /* the layer */
};

static enum stoa_status find_layer(const struct graph *graph, const char *layer, struct stoa_error *error,
                                   const struct graph_node **node)
{
    size_t index;
    STOA_TRY(stoa_show_layer(graph, layer, stoa_show_is_convolution, "convolution", error, &index));
    *node = &graph->nodes[index];
    if (strcmp((*node)->type, "Conv") != 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "layer '%.100s' is %s, must be Conv", (*node)->name,
                         (*node)->type);
    if (!stoa_show_is_convolution(graph, index))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "layer '%.100s' has no constant weights of rank 4",
                         (*node)->name);
    return STOA_OK;
}

static enum stoa_status open_session(const struct request *request, enum stoa_lowering lowering,
                                     struct stoa_error *error, struct stoa_session **session)
{
    const struct stoa_subject *subject = request->subject;
    struct stoa_session_options options = {.threads = subject->threads,
                                           .lowering = lowering,
                                           .inputs = subject->inputs,
                                           .input_count = subject->input_count,
                                           .keep_values = 1,
                                           .disabled_passes = STOA_PASS_ALL};
    STOA_TRY(stoa_session_create(subject->model, &options, error, session));
    enum stoa_status status = stoa_subject_bind(subject, *session, error);
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

static enum stoa_status place(const size_t *pixel, size_t channel, struct stoa_error *error, struct stoa_steps *steps)
{
    steps->oy = pixel ? pixel[0] : steps->out_height / 2;
    steps->ox = pixel ? pixel[1] : steps->out_width / 2;
    steps->oc = channel;
    if (steps->oy >= steps->out_height || steps->ox >= steps->out_width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "pixel %zu,%zu is outside the output of layer '%.100s', %zu by %zu", steps->oy, steps->ox,
                         steps->layer, steps->out_height, steps->out_width);
    if (channel >= steps->conv.out_channels)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "channel %zu, layer '%.100s' has %zu", channel, steps->layer,
                         steps->conv.out_channels);
    steps->group = channel / (steps->conv.out_channels / steps->conv.groups);
    return STOA_OK;
}

static void take_desc(const struct request *request, const struct stoa_tensor *x, const struct stoa_tensor *y,
                      struct stoa_steps *steps)
{
    const size_t *filter = request->graph->values[request->node->inputs[1]].constant->dims;
    struct sliding sliding = stoa_sliding_read(request->node, false, x, y, &filter[2]);
    steps->conv = (struct stoa_conv2d_desc){.batch = 1,
                                            .height = x->dims[2],
                                            .width = x->dims[3],
                                            .in_channels = x->dims[1],
                                            .out_channels = y->dims[1],
                                            .groups = x->dims[1] / filter[1]};
    for (size_t a = 0; a < 2; a++) {
        steps->conv.kernel[a] = (size_t)sliding.kernel[a];
        steps->conv.stride[a] = (size_t)sliding.stride[a];
        steps->conv.dilation[a] = (size_t)sliding.dilation[a];
        steps->conv.pad[a] = (size_t)sliding.pad[a];
        steps->conv.pad[2 + a] = (size_t)sliding.pad_behind[a];
    }
    steps->out_height = y->dims[2];
    steps->out_width = y->dims[3];
    steps->channels = filter[1];
    steps->tap_count = filter[2] * filter[3];
    steps->count = steps->tap_count * steps->channels;
}

/* image[H][W][C] <- the first image of x. */
static enum stoa_status take_image(const struct stoa_tensor *x, struct arena *arena, struct stoa_error *error,
                                   struct stoa_steps *steps)
{
    size_t C = x->dims[1], H = x->dims[2], W = x->dims[3];
    float *image;
    STOA_TRY(stoa_arena_allocate(arena, H * W * C, sizeof *image, error, &image));
    steps->image = image;
    for (size_t h = 0; h < H; h++)
        for (size_t w = 0; w < W; w++)
            for (size_t c = 0; c < C; c++)
                *image++ = value_at(x, c, h, w);
    return STOA_OK;
}

/* filter[kh][kw][channels] <- weights[OC][channels][kh][kw]. */
static enum stoa_status take_filter(const struct stoa_tensor *weights, struct arena *arena, struct stoa_error *error,
                                    struct stoa_steps *steps)
{
    float *filter;
    STOA_TRY(stoa_arena_allocate(arena, steps->count, sizeof *filter, error, &filter));
    steps->filter = filter;
    for (size_t k = 0; k < steps->tap_count; k++)
        for (size_t c = 0; c < steps->channels; c++)
            *filter++ = (float)stoa_tensor_load(weights, (steps->oc * steps->channels + c) * steps->tap_count + k);
    return STOA_OK;
}

/* The row as the matrix has it. */
static enum stoa_status take_row(struct arena *arena, struct stoa_error *error, struct stoa_steps *steps)
{
    const struct stoa_conv2d_desc *conv = &steps->conv;
    struct im2col_window window = {
        .H = conv->height,
        .W = conv->width,
        .channels = steps->channels,
        .pixel_stride = conv->in_channels,
        .OW = steps->out_width,
        .kernel = {conv->kernel[0], conv->kernel[1]},
        .stride = {conv->stride[0], conv->stride[1]},
        .dilation = {conv->dilation[0], conv->dilation[1]},
        .pad = {conv->pad[0], conv->pad[1]},
    };
    float *row;
    STOA_TRY(stoa_arena_allocate(arena, steps->count + IM2COL_EXCESS, sizeof *row, error, &row));
    stoa_im2col_rows(&window, steps->image + steps->group * steps->channels, steps->oy * steps->out_width + steps->ox,
                     1, row);
    steps->row = row;
    return STOA_OK;
}

/* Where the views lie. */
static struct stoa_steps_tap place_tap(const struct stoa_steps *steps, size_t k)
{
    const struct stoa_conv2d_desc *conv = &steps->conv;
    struct stoa_steps_tap tap = {.r = k / conv->kernel[1], .s = k % conv->kernel[1]};
    tap.y = (int64_t)(steps->oy * conv->stride[0] + tap.r * conv->dilation[0]) - (int64_t)conv->pad[0];
    tap.x = (int64_t)(steps->ox * conv->stride[1] + tap.s * conv->dilation[1]) - (int64_t)conv->pad[1];
    tap.inside = tap.y >= 0 && tap.x >= 0 && (size_t)tap.y < conv->height && (size_t)tap.x < conv->width;
    if (tap.inside)
        tap.offset = ((size_t)tap.y * conv->width + (size_t)tap.x) * conv->in_channels + steps->group * steps->channels;
    return tap;
}

static enum stoa_status multiply(struct arena *arena, struct stoa_error *error, struct stoa_steps *steps)
{
    struct stoa_steps_tap *taps;
    double *products;
    STOA_TRY(stoa_arena_allocate(arena, steps->tap_count, sizeof *taps, error, &taps));
    STOA_TRY(stoa_arena_allocate(arena, steps->count, sizeof *products, error, &products));
    for (size_t k = 0; k < steps->tap_count; k++) {
        taps[k] = place_tap(steps, k);
        for (size_t i = k * steps->channels; i < (k + 1) * steps->channels; i++) {
            products[i] = (double)steps->row[i] * (double)steps->filter[i];
            taps[k].products += products[i];
        }
        steps->sum += taps[k].products;
    }
    steps->taps = taps;
    steps->products = products;
    steps->row_stride = steps->conv.stride[0] * steps->conv.width * steps->conv.in_channels;
    steps->pixel_stride = steps->conv.stride[1] * steps->conv.in_channels;
    return STOA_OK;
}

static enum stoa_status take_bias(const struct request *request, const struct stoa_session *session,
                                  struct stoa_error *error, struct stoa_steps *steps)
{
    const struct graph_node *node = request->node;
    struct stoa_tensor bias;
    steps->has_bias = node->input_count > 2 && node->inputs[2] != GRAPH_NONE;
    if (!steps->has_bias)
        return STOA_OK;
    const struct graph_value *value = &request->graph->values[node->inputs[2]];
    if (value->constant)
        bias = *value->constant;
    else
        STOA_TRY(stoa_session_value(session, value->name, error, &bias));
    steps->bias = (float)stoa_tensor_load(&bias, stoa_tensor_offset(&bias, steps->oc));
    return STOA_OK;
}

/* The output in a session that has run. */
static enum stoa_status take_result(const struct request *request, const struct stoa_session *session,
                                    const struct stoa_steps *steps, struct stoa_error *error,
                                    struct stoa_steps_result *result)
{
    struct stoa_tensor y;
    STOA_TRY(stoa_session_value(session, request->graph->values[request->node->outputs[0]].name, error, &y));
    result->value = value_at(&y, steps->oc, steps->oy, steps->ox);
    for (size_t i = 0; i < stoa_session_step_count(session); i++) {
        struct stoa_step_info info;
        STOA_TRY(stoa_session_step(session, i, error, &info));
        if (info.choice && strcmp(info.node, request->node->name) == 0)
            memcpy(result->how, info.how, sizeof result->how);
    }
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
           ((node->op->fusion && node->op->fusion->activation) || strcmp(node->type, "BatchNormalization") == 0);
}

static enum stoa_status take_after(const struct request *request, const struct stoa_session *session,
                                   struct arena *arena, struct stoa_error *error, struct stoa_steps *steps)
{
    const struct graph *graph = request->graph;
    const struct graph_node *node = request->node;
    struct stoa_steps_after *after;
    STOA_TRY(stoa_arena_allocate(arena, MOST_AFTER, sizeof *after, error, &after));
    steps->after = after;
    while (steps->after_count < MOST_AFTER) {
        struct stoa_tensor y;
        node = only_reader(graph, node->outputs[0]);
        if (!node || !is_pointwise(node) ||
            stoa_session_value(session, graph->values[node->outputs[0]].name, NULL, &y) != STOA_OK)
            break;
        after[steps->after_count++] = (struct stoa_steps_after){
            .type = node->type, .node = node->name, .value = value_at(&y, steps->oc, steps->oy, steps->ox)};
    }
    return STOA_OK;
}

/* Numbers of the layer in a session that has run. */
static enum stoa_status take_layer(const struct request *request, const struct stoa_session *session,
                                   const size_t *pixel, size_t channel, struct stoa_error *error, struct made *made)
{
    const struct graph *graph = request->graph;
    const struct graph_node *node = request->node;
    struct stoa_steps *steps = &made->shown;
    struct stoa_tensor x, y;
    STOA_TRY(stoa_session_value(session, graph->values[node->inputs[0]].name, error, &x));
    if (stoa_session_value(session, graph->values[node->outputs[0]].name, NULL, &y) != STOA_OK)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "layer '%.100s' is not computed: no output depends on it",
                         steps->layer);
    if (y.dims[0] == 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "layer '%.100s' has a batch of no images", steps->layer);
    take_desc(request, &x, &y, steps);
    STOA_TRY(place(pixel, channel, error, steps));
    STOA_TRY(take_image(&x, &made->arena, error, steps));
    STOA_TRY(take_filter(graph->values[node->inputs[1]].constant, &made->arena, error, steps));
    STOA_TRY(take_bias(request, session, error, steps));
    STOA_TRY(take_row(&made->arena, error, steps));
    STOA_TRY(multiply(&made->arena, error, steps));
    STOA_TRY(take_after(request, session, &made->arena, error, steps));
    return take_result(request, session, steps, error, &steps->chosen);
}

static enum stoa_status take_way(const struct request *request, enum stoa_lowering lowering,
                                 const struct stoa_steps *steps, struct stoa_error *error,
                                 struct stoa_steps_result *result)
{
    struct stoa_session *session;
    STOA_TRY(open_session(request, lowering, error, &session));
    enum stoa_status status = take_result(request, session, steps, error, result);
    stoa_session_free(session);
    return status;
}

static enum stoa_status compute(const struct request *request, const size_t *pixel, size_t channel,
                                struct stoa_error *error, struct made *made)
{
    struct stoa_session *session;
    struct stoa_steps *steps = &made->shown;
    steps->layer = request->node->name;
    STOA_TRY(open_session(request, STOA_LOWERING_AUTO, error, &session));
    enum stoa_status status = take_layer(request, session, pixel, channel, error, made);
    stoa_session_free(session);
    STOA_TRY(status);
    STOA_TRY(take_way(request, STOA_LOWERING_IM2COL_FULL, steps, error, &steps->matrix));
    return take_way(request, STOA_LOWERING_VIEW, steps, error, &steps->view);
}

enum stoa_status stoa_show_steps(const struct stoa_subject *subject, const char *layer, const size_t *pixel,
                                 size_t channel, struct stoa_error *error, struct stoa_steps **steps)
{
    struct made *made;
    STOA_TRY(stoa_show_place(steps, "steps", error));
    *steps = NULL;
    STOA_TRY(stoa_subject_check(subject, error));
    struct request request = {.subject = subject, .graph = &subject->model->graph};
    struct stoa_allocator allocator = subject->model->allocator;
    STOA_TRY(find_layer(request.graph, layer, error, &request.node));
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *made, error, &made));
    made->allocator = allocator;
    stoa_arena_init(&made->arena, &allocator);
    enum stoa_status status = compute(&request, pixel, channel, error, made);
    if (status == STOA_OK)
        *steps = &made->shown;
    else
        stoa_steps_free(&made->shown);
    return status;
}

void stoa_steps_free(struct stoa_steps *steps)
{
    if (!steps)
        return;
    struct made *made = (struct made *)steps;
    struct stoa_allocator allocator = made->allocator;
    stoa_arena_deinit(&made->arena);
    stoa_release(&allocator, made);
}
