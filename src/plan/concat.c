/* concat-in-place: what is concatenated along channels is written where it belongs by those who compute it.
 * Channels-last, the parts of a wider image are slices of each of its pixels.
 *
 * A value can lie in one place only. The last concatenation comes first: where an earlier one's parts then lie side by
 * side already, as those of a growing list of features do (DenseNet), it is a slice of the later one and costs nothing.
 * What cannot lie in its place is copied there by the Concat. */
#include "base/status.h"
#include "base/tensor.h"
#include "plan/fuse.h"

/* The leader whose chain ends in value v and can write it anywhere, or PLAN_NONE. */
static size_t placeable(const struct plan *plan, size_t v)
{
    size_t producer = plan->model->graph.values[v].producer;
    if (producer == GRAPH_NONE || !plan->nodes[producer].planned || plan->values[v].sliced)
        return PLAN_NONE;
    size_t leader = plan->nodes[producer].leader, outputs = 0;
    const struct op_call *call = &plan->nodes[leader].call;
    for (size_t i = 0; i < call->output_count; i++)
        outputs += call->outputs[i].dtype != STOA_NONE;
    bool any = call->op->layout == OP_ANY || call->op->layout == OP_CHANNELS_LAST;
    const struct op_fusion *fusion = stoa_op_fusion(call->op);
    if (stoa_plan_result(plan, leader) != v || outputs != 1 || !any || fusion->splits ||
        (fusion->dense && fusion->dense(call)))
        return PLAN_NONE;
    return leader;
}

/* Whether all inputs lie side by side in one value already. */
static bool lies_side_by_side(const struct plan *plan, const struct plan_node *node)
{
    const struct plan_value *start = &plan->values[node->inputs[0]];
    for (size_t i = 0; i < node->call.input_count; i++) {
        const struct plan_value *value = &plan->values[node->inputs[i]];
        size_t first;
        if (!value->sliced || value->whole != start->whole || !node->call.op->fusion->joins(&node->call, i, &first) ||
            value->channel != start->channel + first)
            return false;
    }
    return true;
}

static void slice(struct plan *plan, size_t v, size_t whole, size_t channel)
{
    struct plan_value *value = &plan->values[v];
    value->sliced = true;
    value->whole = whole;
    value->channel = channel;
}

/* Whether it is worth it: some part will lie channels-last, and gaps are not too wide. */
static bool pays(const struct plan *plan, const struct plan_node *node)
{
    bool channels_last = false;
    for (size_t i = 0; i < node->call.input_count; i++) {
        size_t leader = placeable(plan, node->inputs[i]);
        channels_last |= leader != PLAN_NONE && plan->nodes[leader].call.op->layout == OP_CHANNELS_LAST;
    }
    return channels_last && node->call.outputs[0].dims[1] <= OP_MOST_PIXEL_STRIDE;
}

static enum stoa_status place_inputs(struct plan *plan, size_t n, struct stoa_error *error)
{
    const struct plan_node *node = &plan->nodes[n];
    const struct graph_node *nodes = plan->model->graph.nodes;
    for (size_t i = 0; i < node->call.input_count; i++) {
        size_t first, leader = placeable(plan, node->inputs[i]);
        if (leader == PLAN_NONE || !node->call.op->fusion->joins(&node->call, i, &first))
            continue;
        slice(plan, node->inputs[i], node->outputs[0], first);
        STOA_TRY(stoa_plan_note(plan, STOA_PASS_CONCAT_IN_PLACE, nodes[leader].name, nodes[n].name, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_plan_concat_in_place(struct plan *plan, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    size_t first;
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct plan_node *node = &plan->nodes[n];
        const struct op_fusion *fusion = stoa_plan_fusion(node);
        if (!fusion->joins || !fusion->joins(&node->call, 0, &first))
            continue;
        if (lies_side_by_side(plan, node) && !plan->values[node->outputs[0]].sliced) {
            const struct plan_value *start = &plan->values[node->inputs[0]];
            slice(plan, node->outputs[0], start->whole, start->channel);
            STOA_TRY(stoa_plan_note(plan, STOA_PASS_CONCAT_IN_PLACE, graph->nodes[n].name,
                                    graph->nodes[graph->values[start->whole].producer].name, error));
        } else if (pays(plan, node)) {
            STOA_TRY(place_inputs(plan, n, error));
        }
    }
    return STOA_OK;
}

enum stoa_status stoa_plan_place_slice(struct plan *plan, size_t v, struct stoa_error *error,
                                       struct plan_tensor *tensor)
{
    size_t root = v, channel = 0;
    for (; plan->values[root].sliced; root = plan->values[root].whole)
        channel += plan->values[root].channel;
    struct plan_tensor *whole = &plan->values[root].main;
    if (whole->place.storage == PLAN_NONE) {
        stoa_tensor_set_channels_last(&whole->tensor);
        STOA_TRY(stoa_plan_add_storage(plan, STORAGE_ARENA, stoa_tensor_bytes(&whole->tensor), 0, error,
                                       &whole->place.storage));
    }
    *tensor = (struct plan_tensor){.tensor = plan->values[v].main.tensor, .place = whole->place};
    for (size_t i = 0; i < whole->tensor.rank; i++)
        tensor->tensor.strides[i] = whole->tensor.strides[i];
    tensor->place.offset += channel * stoa_dtype_size(whole->tensor.dtype);
    return STOA_OK;
}
