/* What the nodes of the graph come to at the plan's shapes, before anything is decided about how they are run: which
 * are needed, who reads each value, types and dims, and what is constant. */
#include <limits.h>

#include "base/status.h"
#include "base/tensor.h"
#include "plan/build.h"

static bool is_needed(const struct plan_uses *uses, const struct graph_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && uses->wanted[node->outputs[i]])
            return true;
    return false;
}

static void find_wanted(const struct graph *graph, struct plan_uses *uses)
{
    for (size_t o = 0; o < graph->output_count; o++)
        uses->wanted[graph->outputs[o]] = true;
    /* Backwards, so that a node is judged after all that read it. */
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct graph_node *node = &graph->nodes[n];
        bool needed = is_needed(uses, node);
        for (size_t i = 0; needed && i < node->input_count; i++)
            if (node->inputs[i] != GRAPH_NONE)
                uses->wanted[node->inputs[i]] = true;
    }
}

/* Sorts the readers by value, by counting: with readers null only counts, first[v + 1] of value v. */
static void find_readers(const struct graph *graph, struct plan_uses *uses)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        bool needed = is_needed(uses, node);
        for (size_t i = 0; needed && i < node->input_count; i++) {
            /* Whoever needs its dims alone has those however it is made. */
            if (node->inputs[i] == GRAPH_NONE || !stoa_op_reads(node->op, i))
                continue;
            size_t *place = &uses->first[node->inputs[i] + 1];
            if (uses->readers)
                uses->readers[*place] = n;
            ++*place;
        }
    }
}

static enum stoa_status find_uses(struct plan *plan, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    struct plan_uses *uses = &plan->uses;
    size_t values = graph->value_count;
    STOA_TRY(stoa_allocate(&plan->allocator, values, sizeof *uses->wanted, error, &uses->wanted));
    STOA_TRY(stoa_allocate(&plan->allocator, values + 1, sizeof *uses->first, error, &uses->first));
    find_wanted(graph, uses);
    find_readers(graph, uses);
    /* From counts to places: first[v + 1] becomes where v's readers begin; filling moves it to where they end. */
    size_t count = 0;
    for (size_t v = 0; v < values; v++) {
        size_t own = uses->first[v + 1];
        uses->first[v + 1] = count;
        count += own;
    }
    STOA_TRY(stoa_allocate(&plan->allocator, count, sizeof *uses->readers, error, &uses->readers));
    find_readers(graph, uses);
    return STOA_OK;
}

static enum stoa_status make_call(struct plan *plan, const struct graph_node *node, struct stoa_error *error,
                                  struct op_call *call)
{
    *call = (struct op_call){
        .op = node->op, .params = node->params, .input_count = node->input_count, .output_count = node->output_count};
    STOA_TRY(stoa_arena_allocate(&plan->arena, call->input_count, sizeof *call->inputs, error, &call->inputs));
    STOA_TRY(stoa_arena_allocate(&plan->arena, call->output_count, sizeof *call->outputs, error, &call->outputs));
    for (size_t i = 0; i < call->input_count; i++) {
        if (node->inputs[i] == GRAPH_NONE)
            continue;
        if (i >= CHAR_BIT || !(node->op->loose_inputs >> i & 1))
            STOA_TRY(stoa_plan_settle(plan, node->inputs[i], error));
        call->inputs[i] = plan->values[node->inputs[i]].main.tensor;
    }
    for (size_t i = 0; i < call->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && (i < node->op->min_outputs || plan->uses.wanted[node->outputs[i]]))
            call->outputs[i].dtype = STOA_FLOAT; /* present; infer says the type */
    return STOA_OK;
}

static bool folds(const struct op_call *call)
{
    for (size_t i = 0; i < call->input_count && !call->op->dims_only; i++)
        if (call->inputs[i].dtype != STOA_NONE && !call->inputs[i].data)
            return false;
    return true;
}

static enum stoa_status plan_node(struct plan *plan, size_t n, struct stoa_error *error)
{
    const struct graph_node *node = &plan->model->graph.nodes[n];
    struct plan_node *planned = &plan->nodes[n];
    *planned = (struct plan_node){.type = node->type,
                                  .inputs = node->inputs,
                                  .outputs = node->outputs,
                                  .leader = n,
                                  .next = PLAN_NONE,
                                  .first = n,
                                  .last = n};
    struct op_call *call = &planned->call;
    STOA_TRY(make_call(plan, node, error, call));
    STOA_TRY(node->op->infer(call, error));
    for (size_t i = 0; i < call->output_count; i++)
        STOA_TRY(stoa_tensor_measure(&call->outputs[i], error, NULL, NULL));

    planned->planned = !folds(call);
    if (!planned->planned)
        STOA_TRY(stoa_plan_fold(plan, call, error));
    for (size_t i = 0; i < call->output_count; i++) {
        if (call->outputs[i].dtype == STOA_NONE)
            continue;
        struct plan_value *value = &plan->values[node->outputs[i]];
        *value = (struct plan_value){
            .known = true, .main = {.tensor = call->outputs[i], .place = PLAN_NOWHERE}, .other.place = PLAN_NOWHERE};
        if (!planned->planned)
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_CONSTANT, stoa_tensor_bytes(&call->outputs[i]), 0, error,
                                           &value->main.place.storage));
    }
    return STOA_OK;
}

enum stoa_status stoa_plan_nodes(struct plan *plan, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    STOA_TRY(find_uses(plan, error));
    STOA_TRY(stoa_allocate(&plan->allocator, graph->node_count, sizeof *plan->nodes, error, &plan->nodes));
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        if (!is_needed(&plan->uses, node))
            continue;
        enum stoa_status status = plan_node(plan, n, error);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "node '%s' (%s): ", node->name, node->type);
            return status;
        }
    }
    return STOA_OK;
}
