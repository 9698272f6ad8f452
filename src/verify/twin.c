/* Node by node, each on what those before it have made. */
#include "verify/twin.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static enum stoa_status run_node(const struct graph_node *node, const struct stoa_allocator *allocator,
                                 struct stoa_error *error, struct reference_tensor *inputs,
                                 struct reference_tensor *outputs, struct reference_tensor *values)
{
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != GRAPH_NONE)
            inputs[i] = values[node->inputs[i]];
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE)
            outputs[i].dtype = STOA_FLOAT; /* wanted; the twin says the type */
    const struct reference_call call = {.type = node->type,
                                        .attributes = &node->attributes,
                                        .opset = node->opset,
                                        .input_count = node->input_count,
                                        .output_count = node->output_count,
                                        .inputs = inputs,
                                        .outputs = outputs};
    STOA_TRY(stoa_reference_run(&call, allocator, error));
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == GRAPH_NONE)
            continue;
        struct reference_tensor *value = &values[node->outputs[i]];
        stoa_reference_free(allocator, value);
        *value = outputs[i];
        stoa_release(allocator, value->slack);
        value->slack = NULL;
    }
    return STOA_OK;
}

enum stoa_status stoa_twin_run(const struct graph *graph, size_t first, size_t end,
                               const struct stoa_allocator *allocator, struct stoa_error *error,
                               struct reference_tensor *values)
{
    for (size_t n = first; n < end; n++) {
        const struct graph_node *node = &graph->nodes[n];
        struct reference_tensor *inputs = NULL, *outputs = NULL;
        enum stoa_status status = stoa_allocate(allocator, node->input_count, sizeof *inputs, error, &inputs);
        if (status == STOA_OK)
            status = stoa_allocate(allocator, node->output_count, sizeof *outputs, error, &outputs);
        if (status == STOA_OK)
            status = run_node(node, allocator, error, inputs, outputs, values);
        stoa_release(allocator, inputs);
        stoa_release(allocator, outputs);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "the naive twin, node '%s' (%s): ", node->name, node->type);
            return status;
        }
    }
    return STOA_OK;
}
