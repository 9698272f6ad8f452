/* A flattened image in front of a matrix product stays as it lies: the product permutes its weights instead, once. */
#include <string.h>

#include "base/attributes.h"
#include "base/tensor.h"
#include "plan/build.h"

static bool renames_only(const struct graph_node *node)
{
    return strcmp(node->type, "Identity") == 0 || strcmp(node->type, "Dropout") == 0;
}

/* Whether node reads value v only as the left side of a matrix product whose right side is known. */
static bool multiplies(const struct plan *plan, const struct graph_node *node, size_t v)
{
    if ((strcmp(node->type, "Gemm") != 0 && strcmp(node->type, "MatMul") != 0) || node->inputs[0] != v)
        return false;
    struct attribute_reader reader =
        stoa_reader(&node->attributes, node->opset, node->input_count, node->output_count, NULL);
    if (stoa_read_int(&reader, "transA", 0, 0, 1) != 0)
        return false;
    for (size_t i = 1; i < node->input_count; i++)
        if (node->inputs[i] == v)
            return false;
    size_t weights = node->inputs[1];
    return plan->values[weights].known && plan->values[weights].main.tensor.data &&
           plan->values[weights].main.tensor.rank == 2;
}

/* Whether everything that reads value v, through a few renamings, is such a product. */
static bool only_multiplied(const struct plan *plan, size_t v)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t hops = 0; hops < 4; hops++) {
        bool multiplied = false;
        size_t renamed = GRAPH_NONE;
        if (graph->values[v].is_output)
            return false;
        for (size_t r = plan->uses.first[v]; r < plan->uses.first[v + 1]; r++) {
            const struct graph_node *node = &graph->nodes[plan->uses.readers[r]];
            if (multiplies(plan, node, v))
                multiplied = true;
            else if (renames_only(node) && node->inputs[0] == v && node->output_count == 1 && renamed == GRAPH_NONE)
                renamed = node->outputs[0];
            else
                return false;
        }
        if (renamed == GRAPH_NONE)
            return multiplied;
        if (multiplied)
            return false;
        v = renamed;
    }
    return false;
}

size_t stoa_plan_absorbs(const struct plan *plan, const struct graph_node *node, const struct op_call *call)
{
    const struct stoa_tensor *image = &call->inputs[0], *matrix = &call->outputs[0];
    if ((strcmp(node->type, "Flatten") != 0 && strcmp(node->type, "Reshape") != 0) || image->rank < 3 ||
        image->dtype != STOA_FLOAT || matrix->rank != 2 || matrix->dims[0] != image->dims[0] ||
        stoa_tensor_is_plain(image) || !stoa_tensor_is_channels_last(image) || !only_multiplied(plan, node->outputs[0]))
        return 0;
    return image->dims[1];
}
