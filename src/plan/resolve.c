/* If, before planning: whichever branch the condition chooses takes the node's place, in a graph of the plan's own. The
 * condition must be known from constants, shapes and values given with the inputs: what leads to it is planned, as far
 * as shapes and constants go, and nothing else is. An If behind others waits for them: hence rounds. */
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "graph/branch.h"
#include "plan/build.h"

/* Enough for any network; an end for files that are none. */
#define MOST_ROUNDS 64

static bool is_if(const struct graph_node *node)
{
    return node->branches[0] != NULL;
}

static bool has_if(const struct graph *graph)
{
    for (size_t n = 0; n < graph->node_count; n++)
        if (is_if(&graph->nodes[n]))
            return true;
    return false;
}

/* Sets ready[n] for each If that no other leads to; `behind` holds, for each value, whether an If leads to it. */
static void find_ready(const struct graph *graph, bool *behind, bool *ready)
{
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        bool follows = false;
        for (size_t i = 0; i < node->input_count; i++)
            follows |= node->inputs[i] != GRAPH_NONE && behind[node->inputs[i]];
        bool cond_follows = is_if(node) && behind[node->inputs[0]];
        ready[n] = is_if(node) && !cond_follows;
        for (size_t i = 0; i < node->output_count; i++)
            if (node->outputs[i] != GRAPH_NONE)
                behind[node->outputs[i]] = follows || is_if(node);
    }
}

static enum stoa_status read_condition(const struct plan *plan, const struct graph_node *node, struct stoa_error *error,
                                       unsigned char *taken)
{
    const struct stoa_tensor *condition = &plan->values[node->inputs[0]].main.tensor;
    const char *name = plan->model->graph.values[node->inputs[0]].name;
    char text[STOA_DIMS_TEXT];
    if (condition->dtype != STOA_BOOL || stoa_tensor_elements(condition) != 1)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input cond '%.100s' is %s%s, must be one bool", name,
                         stoa_dtype_name(condition->dtype), stoa_dims_text(condition->rank, condition->dims, text));
    if (!condition->data)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "input cond '%.100s' depends on what the inputs hold: only a condition that is known when the "
                         "session is created is supported, from constants, shapes and values given with the inputs",
                         name);
    *taken = *(const unsigned char *)condition->data ? 0 : 1;
    return STOA_OK;
}

/* Plans what the conditions of the If nodes that are ready need, and reads them. `model` has these conditions for
 * outputs. */
static enum stoa_status read_conditions(const struct stoa_model *model, const struct stoa_allocator *allocator,
                                        const struct plan_options *options, const bool *ready, struct stoa_error *error,
                                        unsigned char *taken)
{
    const struct graph *graph = &model->graph;
    struct plan *plan;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *plan, error, &plan));
    plan->model = model;
    plan->allocator = *allocator;
    stoa_arena_init(&plan->arena, allocator);
    enum stoa_status status = stoa_allocate(allocator, graph->value_count, sizeof *plan->values, error, &plan->values);
    if (status == STOA_OK)
        status = stoa_plan_inputs(plan, options, error);
    if (status == STOA_OK)
        status = stoa_plan_nodes(plan, error);
    for (size_t n = 0; n < graph->node_count && status == STOA_OK; n++) {
        taken[n] = BRANCH_KEPT;
        if (!ready[n])
            continue;
        status = read_condition(plan, &graph->nodes[n], error, &taken[n]);
        if (status != STOA_OK)
            stoa_error_prefix(error, "node '%s' (%s): ", graph->nodes[n].name, graph->nodes[n].type);
    }
    stoa_plan_free(plan);
    return status;
}

static enum stoa_status choose(const struct stoa_model *model, const struct stoa_allocator *allocator,
                               const struct plan_options *options, struct arena *scratch, struct stoa_error *error,
                               unsigned char **taken)
{
    struct stoa_model asking = *model;
    struct graph *graph = &asking.graph;
    bool *behind, *ready;
    STOA_TRY(stoa_arena_allocate(scratch, graph->value_count, sizeof *behind, error, &behind));
    STOA_TRY(stoa_arena_allocate(scratch, graph->node_count, sizeof *ready, error, &ready));
    STOA_TRY(stoa_arena_allocate(scratch, graph->node_count, sizeof **taken, error, taken));
    STOA_TRY(stoa_arena_allocate(scratch, graph->node_count, sizeof *graph->outputs, error, &graph->outputs));
    find_ready(graph, behind, ready);
    graph->output_count = 0;
    for (size_t n = 0; n < graph->node_count; n++)
        if (ready[n])
            graph->outputs[graph->output_count++] = graph->nodes[n].inputs[0];
    return read_conditions(&asking, allocator, options, ready, error, *taken);
}

static enum stoa_status resolve_round(const struct stoa_model *model, const struct stoa_allocator *allocator,
                                      const struct plan_options *options, struct stoa_error *error,
                                      struct stoa_model **resolved)
{
    struct arena scratch;
    stoa_arena_init(&scratch, allocator);
    unsigned char *taken;
    struct stoa_model *made = NULL;
    enum stoa_status status = choose(model, allocator, options, &scratch, error, &taken);
    if (status == STOA_OK)
        status = stoa_allocate(allocator, 1, sizeof *made, error, &made);
    if (status == STOA_OK) {
        *made = (struct stoa_model){.allocator = *allocator, .log = model->log, .file = model->file};
        status = stoa_graph_init(&made->graph, allocator, error);
    }
    if (status == STOA_OK) {
        made->graph.training = model->graph.training;
        status = stoa_graph_inline(&model->graph, taken, error, &made->graph);
    }
    stoa_arena_deinit(&scratch);
    if (status != STOA_OK)
        stoa_plan_free_resolved(made);
    else
        *resolved = made;
    return status;
}

void stoa_plan_free_resolved(struct stoa_model *resolved)
{
    if (!resolved)
        return;
    struct stoa_allocator allocator = resolved->allocator;
    if (resolved->graph.arena.allocator.release)
        stoa_graph_deinit(&resolved->graph);
    stoa_release(&allocator, resolved);
}

enum stoa_status stoa_plan_resolve(const struct stoa_model *model, const struct stoa_allocator *allocator,
                                   const struct plan_options *options, struct stoa_error *error,
                                   struct stoa_model **resolved)
{
    *resolved = NULL;
    for (size_t round = 0; has_if(*resolved ? &(*resolved)->graph : &model->graph); round++) {
        struct stoa_model *next = NULL;
        enum stoa_status status =
            round == MOST_ROUNDS
                ? stoa_fail(error, STOA_ERROR_LIMIT, "nodes If decide on others more than %d deep", MOST_ROUNDS)
                : resolve_round(*resolved ? *resolved : model, allocator, options, error, &next);
        stoa_plan_free_resolved(*resolved);
        *resolved = next;
        STOA_TRY(status);
    }
    return STOA_OK;
}
