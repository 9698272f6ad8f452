/* What a class depends on: the gradient of its score with regard to the picture (Simonyan et al. 2013), Grad-CAM
 * (Selvaraju et al. 2017), and its probability while a square hides a part of the picture (Zeiler and Fergus 2013).
 * Scores, not probabilities, have gradients worth seeing: those of a sure softmax vanish. */
#include <stoa/layers.h>
#include <stoa/show.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "graph/model.h"
#include "show/array.h"
#include "show/probe.h"

static enum stoa_status read_scores(const struct probe *probe, struct stoa_error *error, struct stoa_array *scores)
{
    size_t count;
    STOA_TRY(stoa_probe_classes(probe, 1, error, &count));
    STOA_TRY(stoa_session_run(probe->session, error));
    STOA_TRY(stoa_probe_read(probe, 0, error, scores));
    scores->tensor = (struct stoa_tensor){
        .dtype = STOA_FLOAT, .rank = 1, .dims = {count}, .strides = {1}, .data = scores->tensor.data};
    return STOA_OK;
}

enum stoa_status stoa_show_scores(const struct stoa_subject *subject, struct stoa_error *error,
                                  struct stoa_array *scores)
{
    struct probe probe;
    STOA_TRY(stoa_show_place(scores, "scores", error));
    *scores = (struct stoa_array){0};
    enum stoa_status status = stoa_probe_open(subject, NULL, NULL, 0, error, &probe);
    if (status == STOA_OK)
        status = read_scores(&probe, error, scores);
    stoa_probe_close(&probe);
    return status;
}

static enum stoa_status find_picture_name(const struct stoa_subject *subject, size_t class_index,
                                          struct stoa_error *error, const char **name)
{
    struct probe probe;
    struct stoa_tensor picture;
    struct stoa_value_info info = {0};
    size_t input = 0;
    enum stoa_status status = stoa_probe_open(subject, NULL, NULL, 0, error, &probe);
    if (status == STOA_OK)
        status = stoa_probe_class(&probe, class_index, error);
    if (status == STOA_OK)
        status = stoa_probe_picture(subject, &probe, 1, error, &input, &picture);
    if (status == STOA_OK)
        status = stoa_model_input(subject->model, input, error, &info);
    *name = info.name;
    stoa_probe_close(&probe);
    return status;
}

/* *gradient = [1][C][H][W] <- output 1, which lies as the picture. */
static enum stoa_status read_picture(const struct probe *probe, struct stoa_error *error, struct stoa_array *gradient)
{
    struct stoa_tensor tensor;
    STOA_TRY(stoa_session_output_at(probe->session, 1, error, &tensor));
    stoa_picture_view(&tensor);
    return stoa_array_copy(&tensor, &probe->allocator, error, gradient);
}

enum stoa_status stoa_show_saliency(const struct stoa_subject *subject, size_t class_index, struct stoa_error *error,
                                    struct stoa_array *gradient)
{
    struct probe probe;
    const char *name;
    STOA_TRY(stoa_show_place(gradient, "gradient", error));
    *gradient = (struct stoa_array){0};
    STOA_TRY(find_picture_name(subject, class_index, error, &name));
    enum stoa_status status = stoa_probe_open(subject, NULL, &name, 1, error, &probe);
    if (status == STOA_OK) {
        probe.seed[class_index] = 1;
        status = stoa_session_run(probe.session, error);
    }
    if (status == STOA_OK)
        status = read_picture(&probe, error, gradient);
    stoa_probe_close(&probe);
    return status;
}

/* Norm and activation behind a convolution belong to it: the value behind them, if nobody else reads what is between.
 */
static size_t behind(const struct graph *graph, size_t value)
{
    static const char *const follow[] = {"BatchNormalization", "Relu",   "LeakyRelu", "PRelu", "Clip",
                                         "HardSwish",          "Sigmoid"};
    size_t reader = GRAPH_NONE, readers = 0;
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] == value) {
                reader = n;
                readers++;
            }
    for (size_t i = 0; readers == 1 && i < sizeof follow / sizeof *follow; i++)
        if (strcmp(graph->nodes[reader].type, follow[i]) == 0)
            return behind(graph, graph->nodes[reader].outputs[0]);
    return value;
}

/* The last convolution before the scores that still has a map. */
static enum stoa_status last_maps(const struct stoa_subject *subject, struct stoa_error *error, size_t *node)
{
    const struct graph *graph = &subject->model->graph;
    struct probe probe;
    enum stoa_status status = stoa_probe_open(subject, NULL, NULL, 0, error, &probe);
    *node = GRAPH_NONE;
    for (size_t s = status ? 0 : stoa_session_step_count(probe.session); s-- > 0 && *node == GRAPH_NONE;) {
        struct stoa_step_info step;
        status = stoa_session_step(probe.session, s, error, &step);
        if (status != STOA_OK)
            break;
        if (strncmp(step.type, "Conv", 4) != 0 || step.output->rank != 4 ||
            step.output->dims[2] * step.output->dims[3] < 2)
            continue;
        for (size_t n = 0; n < graph->node_count; n++)
            if (strcmp(graph->nodes[n].name, step.node) == 0)
                *node = n;
    }
    stoa_probe_close(&probe);
    STOA_TRY(status);
    return *node == GRAPH_NONE ? stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no convolution that makes maps")
                               : STOA_OK;
}

/* map = the positive part of the maps' sum, each weighted by the mean of its gradient. */
static void weigh(const struct stoa_tensor *gradients, const struct stoa_tensor *maps, float *weights, float *map)
{
    size_t channels = maps->dims[1], pixels = maps->dims[2] * maps->dims[3];
    const float *gradient = gradients->data, *activation = maps->data;
    for (size_t c = 0; c < channels; c++, gradient += pixels, activation += pixels) {
        double sum = 0;
        for (size_t p = 0; p < pixels; p++)
            sum += (double)gradient[p];
        weights[c] = (float)(sum / (double)pixels);
        for (size_t p = 0; p < pixels; p++)
            map[p] += weights[c] * activation[p];
    }
    for (size_t p = 0; p < pixels; p++)
        map[p] = map[p] > 0 ? map[p] : 0;
}

static enum stoa_status gradcam(const struct probe *probe, size_t class_index, const char *layer,
                                struct stoa_error *error, struct stoa_array *weights, struct stoa_array *map)
{
    struct stoa_array gradients = {0}, maps = {0};
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_probe_class(probe, class_index, error));
    probe->seed[class_index] = 1;
    STOA_TRY(stoa_session_run(probe->session, error));
    enum stoa_status status = stoa_probe_read(probe, 1, error, &gradients);
    if (status == STOA_OK)
        status = stoa_probe_read(probe, 2, error, &maps);
    const struct stoa_tensor *made = &maps.tensor;
    if (status == STOA_OK && (made->rank != 4 || made->dims[0] != 1))
        status = stoa_fail(error, STOA_ERROR_SHAPE, "layer '%.80s' makes no maps of one picture: its output is %s",
                           layer, stoa_dims_text(made->rank, made->dims, text));
    if (status == STOA_OK)
        status = stoa_array_create(STOA_FLOAT, 1, &made->dims[1], &probe->allocator, error, weights);
    if (status == STOA_OK)
        status = stoa_array_create(STOA_FLOAT, 2, &made->dims[2], &probe->allocator, error, map);
    if (status == STOA_OK)
        weigh(&gradients.tensor, made, stoa_array_data(weights), stoa_array_data(map));
    stoa_array_free(&gradients);
    stoa_array_free(&maps);
    return status;
}

enum stoa_status stoa_show_gradcam(const struct stoa_subject *subject, const char *layer, size_t class_index,
                                   struct stoa_error *error, struct stoa_array *weights, struct stoa_array *map)
{
    struct probe probe;
    size_t node;
    STOA_TRY(stoa_show_place(weights, "weights", error));
    STOA_TRY(stoa_show_place(map, "map", error));
    *weights = *map = (struct stoa_array){0};
    STOA_TRY(stoa_subject_check(subject, error));
    const struct graph *graph = &subject->model->graph;
    if (layer)
        STOA_TRY(stoa_show_layer(graph, layer, NULL, NULL, error, &node));
    else
        STOA_TRY(last_maps(subject, error, &node));
    size_t value = graph->nodes[node].outputs[0];
    const char *name = graph->values[layer ? value : behind(graph, value)].name;
    enum stoa_status status = stoa_probe_open(subject, NULL, &name, 1, error, &probe);
    if (status == STOA_OK)
        status = gradcam(&probe, class_index, graph->nodes[node].name, error, weights, map);
    stoa_probe_close(&probe);
    if (status != STOA_OK) {
        stoa_array_free(weights);
        stoa_array_free(map);
    }
    return status;
}

static size_t place(size_t index, size_t stride, size_t length, size_t size)
{
    return stoa_size_min(index * stride, length - size);
}

/* hidden <- the picture under a square of its channels' means. */
static void hide(const struct stoa_tensor *picture, const double *means, size_t top, size_t left, size_t size,
                 float *hidden)
{
    const size_t *strides = picture->strides;
    memcpy(hidden, picture->data, stoa_tensor_elements(picture) * sizeof *hidden);
    for (size_t c = 0; c < picture->dims[1]; c++)
        for (size_t y = top; y < top + size; y++)
            for (size_t x = left; x < left + size; x++)
                hidden[c * strides[1] + y * strides[2] + x * strides[3]] = (float)means[c];
}

struct occlusion {
    const struct probe *probe;
    struct stoa_tensor picture;
    size_t size, stride, classes, class_index;
    double *means;
    float *hidden, *probabilities;
};

static enum stoa_status slide(const struct occlusion *o, struct stoa_error *error, struct stoa_array *map)
{
    float *out = stoa_array_data(map);
    size_t height = o->picture.dims[2], width = o->picture.dims[3];
    for (size_t r = 0; r < map->tensor.dims[0]; r++)
        for (size_t c = 0; c < map->tensor.dims[1]; c++) {
            struct stoa_array scores;
            hide(&o->picture, o->means, place(r, o->stride, height, o->size), place(c, o->stride, width, o->size),
                 o->size, o->hidden);
            STOA_TRY(read_scores(o->probe, error, &scores));
            enum stoa_status status =
                stoa_softmax_run(1, o->classes, stoa_array_data(&scores), error, o->probabilities);
            stoa_array_free(&scores);
            STOA_TRY(status);
            *out++ = o->probabilities[o->class_index];
        }
    return STOA_OK;
}

static enum stoa_status occlude(const struct stoa_subject *subject, struct occlusion *o, struct stoa_error *error,
                                struct stoa_array *map)
{
    size_t input;
    const struct stoa_allocator *allocator = &o->probe->allocator;
    STOA_TRY(stoa_probe_class(o->probe, o->class_index, error));
    STOA_TRY(stoa_probe_classes(o->probe, 1, error, &o->classes));
    STOA_TRY(stoa_probe_picture(subject, o->probe, 1, error, &input, &o->picture));
    if (!o->picture.data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the subject has no picture");
    size_t channels = o->picture.dims[1], height = o->picture.dims[2], width = o->picture.dims[3];
    size_t side = stoa_size_min(height, width);
    o->size = o->size ? o->size : stoa_size_max(side / 6, 1);
    o->stride = o->stride ? o->stride : stoa_size_max(o->size / 2, 1);
    if (o->size > side)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "a square of %zu does not fit in a picture of %zu x %zu", o->size,
                         height, width);
    const size_t dims[2] = {(height - o->size + o->stride - 1) / o->stride + 1,
                            (width - o->size + o->stride - 1) / o->stride + 1};
    STOA_TRY(stoa_allocate(allocator, channels, sizeof *o->means, error, &o->means));
    STOA_TRY(stoa_allocate(allocator, channels * height * width, sizeof *o->hidden, error, &o->hidden));
    STOA_TRY(stoa_allocate(allocator, o->classes, sizeof *o->probabilities, error, &o->probabilities));
    for (size_t c = 0; c < channels; c++) {
        for (size_t p = c * height * width; p < (c + 1) * height * width; p++)
            o->means[c] += stoa_tensor_load(&o->picture, stoa_tensor_offset(&o->picture, p));
        o->means[c] /= (double)(height * width);
    }
    STOA_TRY(stoa_session_bind_input_at(o->probe->session, input, o->hidden, error));
    STOA_TRY(stoa_array_create(STOA_FLOAT, 2, dims, allocator, error, map));
    return slide(o, error, map);
}

enum stoa_status stoa_show_occlusion(const struct stoa_subject *subject, size_t class_index, size_t size, size_t stride,
                                     struct stoa_error *error, struct stoa_array *map)
{
    struct probe probe;
    struct occlusion occlusion = {.probe = &probe, .size = size, .stride = stride, .class_index = class_index};
    STOA_TRY(stoa_show_place(map, "map", error));
    *map = (struct stoa_array){0};
    enum stoa_status status = stoa_probe_open(subject, NULL, NULL, 0, error, &probe);
    if (status == STOA_OK)
        status = occlude(subject, &occlusion, error, map);
    if (status != STOA_OK)
        stoa_array_free(map);
    stoa_release(&probe.allocator, occlusion.means);
    stoa_release(&probe.allocator, occlusion.hidden);
    stoa_release(&probe.allocator, occlusion.probabilities);
    stoa_probe_close(&probe);
    return status;
}
