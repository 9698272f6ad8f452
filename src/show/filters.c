/* The weights of a convolution. */
#include <stoa/show.h>

#include "base/status.h"
#include "graph/model.h"
#include "show/array.h"

enum stoa_status stoa_show_filters(const struct stoa_model *model, const char *layer, struct stoa_error *error,
                                   struct stoa_array *filters)
{
    size_t node;
    *filters = (struct stoa_array){0};
    const struct graph *graph = &model->graph;
    STOA_TRY(
        stoa_show_layer(graph, layer, stoa_show_is_convolution, "convolution with constant weights", error, &node));
    if (!stoa_show_is_convolution(graph, node))
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "layer '%.80s' (%.40s) has no filters: only convolutions with constant weights of rank 4 have",
                         graph->nodes[node].name, graph->nodes[node].type);
    return stoa_array_copy(graph->values[graph->nodes[node].inputs[1]].constant, &model->allocator, error, filters);
}
