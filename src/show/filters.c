/* What a layer has and makes: the weights of a convolution, and the maps of any layer. */
#include <stoa/show.h>
#include <string.h>

#include "base/status.h"
#include "graph/model.h"
#include "show/array.h"
#include "show/probe.h"

enum stoa_status stoa_show_filters(const struct stoa_model *model, const char *layer, struct stoa_error *error,
                                   struct stoa_array *filters)
{
    size_t node;
    STOA_TRY(stoa_show_place(filters, "filters", error));
    *filters = (struct stoa_array){0};
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    const struct graph *graph = &model->graph;
    STOA_TRY(
        stoa_show_layer(graph, layer, stoa_show_is_convolution, "convolution with constant weights", error, &node));
    if (!stoa_show_is_convolution(graph, node))
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "layer '%.80s' (%.40s) has no filters: only convolutions with constant weights of rank 4 have",
                         graph->nodes[node].name, graph->nodes[node].type);
    return stoa_array_copy(graph->values[graph->nodes[node].inputs[1]].constant, &model->allocator, error, filters);
}

static bool is_conv(const struct graph *graph, size_t node)
{
    return strcmp(graph->nodes[node].type, "Conv") == 0;
}

enum stoa_status stoa_show_activations(const struct stoa_subject *subject, const char *layer, struct stoa_error *error,
                                       struct stoa_array *maps)
{
    struct probe probe;
    size_t node;
    STOA_TRY(stoa_show_place(maps, "maps", error));
    *maps = (struct stoa_array){0};
    STOA_TRY(stoa_subject_check(subject, error));
    const struct graph *graph = &subject->model->graph;
    STOA_TRY(stoa_show_layer(graph, layer, is_conv, "convolution", error, &node));
    size_t value = graph->nodes[node].outputs[0];
    enum stoa_status status = stoa_probe_open(subject, graph->values[value].name, NULL, 0, error, &probe);
    if (status == STOA_OK)
        status = stoa_session_run(probe.session, error);
    if (status == STOA_OK)
        status = stoa_probe_read(&probe, 0, error, maps);
    stoa_probe_close(&probe);
    return status;
}
