/* One element back to the pixels. The forward session finds what the layer answers; the backward one, whose graph has
 * both directions, carries a layer of zeros but for one element back. */
#include "show/deconv.h"

#include <stdio.h>
#include <stoa/gradient.h>
#include <string.h>

#include "base/memory.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "run/session.h"
#include "show/array.h"
#include "show/receptive.h"

static enum stoa_status make_part(struct stoa_deconv *deconv, const struct stoa_model *model, const char *layer,
                                  struct stoa_error *error)
{
    const struct graph *graph = &model->graph;
    size_t node;
    STOA_TRY(stoa_show_layer(graph, layer, stoa_show_is_convolution, "convolution", error, &node));
    deconv->value = graph->nodes[node].outputs[0];
    deconv->info.value = graph->values[deconv->value].name;
    if (graph->input_count != 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "the model has %zu inputs, must have one, of pictures",
                         graph->input_count);
    deconv->input = graph->inputs[0];
    const struct stoa_gradient_model_options options = {.value = deconv->info.value};
    return stoa_gradient_model(model, &options, error, &deconv->part);
}

static struct stoa_input_spec picture_spec(const struct stoa_deconv *deconv)
{
    const struct stoa_deconv_info *info = &deconv->info;
    struct stoa_input_spec spec = {.name = deconv->part->graph.values[deconv->input].name,
                                   .rank = 4,
                                   .dims = {1, info->channels, info->height, info->width}};
    if (info->channels_last) {
        spec.dims[1] = info->height;
        spec.dims[2] = info->width;
        spec.dims[3] = info->channels;
    }
    return spec;
}

/* The axis of the channels of such an input; 0: these are no pictures. */
static size_t channel_axis(const struct graph_value *input)
{
    bool images = input->dtype == STOA_FLOAT && input->has_shape && input->rank == 4;
    return images ? stoa_channel_axis(input->dims[1], input->dims[3]) : 0;
}

static enum stoa_status not_pictures(const struct graph_value *input, struct stoa_error *error)
{
    char channels[64] = "";
    if (input->dtype == STOA_FLOAT && input->has_shape && input->rank == 4)
        snprintf(channels, sizeof channels, ", of %lld or %lld channels", (long long)input->dims[1],
                 (long long)input->dims[3]);
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                     "input '%.200s' (%s of rank %zu%s) takes no pictures, which are float [1,C,H,W] or [1,H,W,C] with "
                     "C 1 or 3",
                     input->name, stoa_dtype_name(input->dtype), input->rank, channels);
}

/* *size = an axis as the model has it, else as `given`. */
static enum stoa_status size_of(const struct graph_value *input, size_t axis, const char *name, size_t given,
                                struct stoa_error *error, size_t *size)
{
    bool open = input->dims[axis] == GRAPH_UNKNOWN;
    *size = open ? given : (size_t)input->dims[axis];
    if (open || !given || given == *size)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.%s is %zu, the model's input '%.200s' has %zu", name, given,
                     input->name, *size);
}

static enum stoa_status open_forward(struct stoa_deconv *deconv, const struct stoa_deconv_options *options,
                                     struct stoa_error *error)
{
    const struct graph_value *input = &deconv->part->graph.values[deconv->input];
    struct stoa_deconv_info *info = &deconv->info;
    size_t axis = channel_axis(input), rows = axis == 1 ? 2 : 1;
    if (!axis)
        return not_pictures(input, error);
    info->channels_last = axis == 3;
    info->channels = (size_t)input->dims[axis];
    STOA_TRY(size_of(input, rows, "height", options->height, error, &info->height));
    STOA_TRY(size_of(input, rows + 1, "width", options->width, error, &info->width));
    if (!info->height || !info->width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%.200s': the model leaves its size open, give one",
                         input->name);
    const struct stoa_input_spec spec = picture_spec(deconv);
    struct stoa_session_options given = {
        .threads = options->threads, .inputs = &spec, .input_count = 1, .allocator = &deconv->allocator};
    STOA_TRY(stoa_allocate(&deconv->allocator, info->channels * info->height, info->width * sizeof *deconv->turned,
                           error, &deconv->turned));
    return stoa_session_create(deconv->part, &given, error, &deconv->forward);
}

static enum stoa_status read_layer(struct stoa_deconv *deconv, struct stoa_error *error)
{
    struct stoa_deconv_info *info = &deconv->info;
    struct stoa_tensor layer;
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_session_output_at(deconv->forward, 0, error, &layer));
    if (layer.dtype != STOA_FLOAT || (layer.rank != 4 && layer.rank != 2) || layer.dims[0] != 1 ||
        !stoa_tensor_elements(&layer))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "layer '%.200s' is %s%s, not feature maps", info->value,
                         stoa_dtype_name(layer.dtype), stoa_dims_text(layer.rank, layer.dims, text));
    info->maps = layer.dims[1];
    info->map_height = layer.rank == 4 ? layer.dims[2] : 1;
    info->map_width = layer.rank == 4 ? layer.dims[3] : 1;
    return STOA_OK;
}

/* Global averages go to no pixel more than to another: they need no switches. */
static enum stoa_status count_pools(struct stoa_deconv *deconv, bool spread, struct stoa_error *error)
{
    struct stoa_deconv_info *info = &deconv->info;
    const char *average = NULL;
    for (size_t n = 0; n < deconv->part->graph.node_count; n++) {
        const struct graph_node *node = &deconv->part->graph.nodes[n];
        if (!deconv->forward->plan->nodes[n].planned)
            continue;
        bool windows = strcmp(node->type, "AveragePool") == 0;
        average = windows ? node->name : average;
        info->max_pools += strcmp(node->type, "MaxPool") == 0;
        info->average_pools += windows || strcmp(node->type, "GlobalAveragePool") == 0;
    }
    if (!average || info->max_pools || spread)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                     "layer '%.200s' is behind no max pooling, whose switches say what it was made of, but behind "
                     "averages (node '%.200s'): 'spread' asks for these to be spread evenly",
                     info->value, average);
}

static enum stoa_status open_backward(struct stoa_deconv *deconv, const struct stoa_model *model, size_t threads,
                                      struct stoa_error *error)
{
    const char *input = model->graph.values[deconv->input].name;
    const struct stoa_gradient_model_options back = {
        .value = deconv->info.value, .of = &input, .of_count = 1, .deconvolution = 1};
    STOA_TRY(stoa_gradient_model(model, &back, error, &deconv->back));
    const struct graph *graph = &deconv->back->graph;
    struct stoa_tensor layer;
    STOA_TRY(stoa_session_output_at(deconv->forward, 0, error, &layer));
    struct stoa_input_spec specs[2] = {picture_spec(deconv),
                                       {.name = graph->values[graph->inputs[1]].name, .rank = layer.rank}};
    memcpy(specs[1].dims, layer.dims, layer.rank * sizeof *layer.dims);
    struct stoa_session_options given = {
        .threads = threads, .inputs = specs, .input_count = 2, .allocator = &deconv->allocator};
    STOA_TRY(stoa_session_create(deconv->back, &given, error, &deconv->backward));
    STOA_TRY(
        stoa_allocate(&deconv->allocator, stoa_tensor_elements(&layer), sizeof *deconv->seed, error, &deconv->seed));
    return stoa_session_bind_input_at(deconv->backward, 1, deconv->seed, error);
}

/* All elements have fields of one size, but for those that padding or a resize make larger: that of the middle one. */
static enum stoa_status measure_field(struct stoa_deconv *deconv, struct stoa_error *error)
{
    struct stoa_deconv_info *info = &deconv->info;
    struct receptive_field field;
    bool found;
    STOA_TRY(stoa_receptive_field(deconv->forward->plan, deconv->value, info->map_height / 2, info->map_width / 2,
                                  deconv->input, error, &found, &field));
    info->field_height = stoa_size_min(info->height, (size_t)(field.last[0] - field.first[0] + 1));
    info->field_width = stoa_size_min(info->width, (size_t)(field.last[1] - field.first[1] + 1));
    return STOA_OK;
}

static enum stoa_status create(struct stoa_deconv *deconv, const struct stoa_model *model,
                               const struct stoa_deconv_options *options, struct stoa_error *error)
{
    STOA_TRY(make_part(deconv, model, options->layer, error));
    STOA_TRY(open_forward(deconv, options, error));
    STOA_TRY(read_layer(deconv, error));
    STOA_TRY(count_pools(deconv, options->spread, error));
    STOA_TRY(open_backward(deconv, model, options->threads, error));
    return measure_field(deconv, error);
}

enum stoa_status stoa_deconv_create(const struct stoa_model *model, const struct stoa_deconv_options *options,
                                    struct stoa_error *error, struct stoa_deconv **out)
{
    struct stoa_deconv *deconv;
    STOA_TRY(stoa_show_place(out, "deconv", error));
    *out = NULL;
    if (!model || !options)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model or options are null");
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    struct stoa_allocator allocator = options->allocator ? *options->allocator : model->allocator;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *deconv, error, &deconv));
    deconv->allocator = allocator;
    enum stoa_status status = create(deconv, model, options, error);
    if (status == STOA_OK)
        *out = deconv;
    else
        stoa_deconv_free(deconv);
    return status;
}

void stoa_deconv_free(struct stoa_deconv *deconv)
{
    if (!deconv)
        return;
    struct stoa_allocator allocator = deconv->allocator;
    stoa_session_free(deconv->backward);
    stoa_session_free(deconv->forward);
    stoa_model_free(deconv->back);
    stoa_model_free(deconv->part);
    stoa_release(&allocator, deconv->seed);
    stoa_release(&allocator, deconv->turned);
    stoa_release(&allocator, deconv);
}

void stoa_deconv_describe(const struct stoa_deconv *deconv, struct stoa_deconv_info *info)
{
    *info = deconv->info;
}

/* out[b][a] <- in[a][b]. */
static void transpose(size_t a, size_t b, const float *in, float *out)
{
    for (size_t i = 0; i < a; i++)
        for (size_t j = 0; j < b; j++)
            out[j * a + i] = in[i * b + j];
}

void stoa_deconv_picture(const struct stoa_deconv *deconv, const float *input, float *picture)
{
    const struct stoa_deconv_info *info = &deconv->info;
    size_t pixels = info->height * info->width;
    if (info->channels_last)
        transpose(pixels, info->channels, input, picture);
    else
        memcpy(picture, input, info->channels * pixels * sizeof *picture);
}

static const float *as_input(struct stoa_deconv *deconv, const float *picture)
{
    const struct stoa_deconv_info *info = &deconv->info;
    if (!info->channels_last)
        return picture;
    transpose(info->channels, info->height * info->width, picture, deconv->turned);
    return deconv->turned;
}

enum stoa_status stoa_deconv_run(struct stoa_deconv *deconv, const float *picture, struct stoa_error *error,
                                 const float **maps)
{
    struct stoa_tensor layer;
    if (!deconv || !picture)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", deconv ? "picture" : "deconv");
    STOA_TRY(stoa_show_place(maps, "maps", error));
    STOA_TRY(stoa_session_bind_input_at(deconv->forward, 0, as_input(deconv, picture), error));
    STOA_TRY(stoa_session_run(deconv->forward, error));
    STOA_TRY(stoa_session_output_at(deconv->forward, 0, error, &layer));
    *maps = layer.data;
    return STOA_OK;
}

enum stoa_status stoa_deconv_project(struct stoa_deconv *deconv, const float *picture, size_t map, size_t row,
                                     size_t column, struct stoa_error *error, float *pixels)
{
    if (!deconv)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "deconv is null");
    STOA_TRY(stoa_show_place(pixels, "pixels", error));
    const struct stoa_deconv_info *info = &deconv->info;
    const float *maps;
    struct stoa_tensor back;
    if (map >= info->maps || row >= info->map_height || column >= info->map_width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "element [%zu,%zu,%zu], layer '%.200s' has [%zu,%zu,%zu]", map,
                         row, column, info->value, info->maps, info->map_height, info->map_width);
    STOA_TRY(stoa_deconv_run(deconv, picture, error, &maps));
    const float *input = info->channels_last ? deconv->turned : picture;
    size_t at = (map * info->map_height + row) * info->map_width + column;
    deconv->seed[at] = maps[at];
    enum stoa_status status = stoa_session_bind_input_at(deconv->backward, 0, input, error);
    if (status == STOA_OK)
        status = stoa_session_run(deconv->backward, error);
    deconv->seed[at] = 0;
    STOA_TRY(status);
    STOA_TRY(stoa_session_output_at(deconv->backward, 1, error, &back));
    stoa_deconv_picture(deconv, back.data, pixels);
    return STOA_OK;
}
