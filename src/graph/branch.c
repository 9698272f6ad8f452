/* Names of a branch are its own, but for those that it reads of the graph around it. In the copy, its values are named
 * after the If, then a number where that is taken: names of a branch may be the other's, or those of another If. */
#include "graph/branch.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/names.h"

enum stoa_status stoa_graph_add_branch(struct graph *around, struct stoa_error *error, struct graph **branch)
{
    struct graph *added;
    STOA_TRY(stoa_arena_allocate(&around->arena, 1, sizeof *added, error, &added));
    STOA_TRY(stoa_graph_init(added, &around->arena.allocator, error));
    added->next = around->branches;
    around->branches = added;
    *branch = added;
    return STOA_OK;
}

enum stoa_status stoa_graph_capture(struct graph *branch, struct stoa_error *error)
{
    bool *own;
    size_t count = branch->value_count;
    STOA_TRY(stoa_arena_allocate(&branch->arena, count, sizeof *own, error, &own));
    STOA_TRY(stoa_arena_allocate(&branch->arena, count, sizeof *branch->captured, error, &branch->captured));
    for (size_t v = 0; v < count; v++)
        own[v] = branch->values[v].constant != NULL;
    for (size_t n = 0; n < branch->node_count; n++)
        for (size_t i = 0; i < branch->nodes[n].output_count; i++)
            if (branch->nodes[n].outputs[i] != GRAPH_NONE)
                own[branch->nodes[n].outputs[i]] = true;
    for (size_t v = 0; v < count; v++)
        if (!own[v])
            branch->captured[branch->captured_count++] = v;
    return STOA_OK;
}

struct inlining {
    const struct graph *from;
    struct graph *to;
    struct arena *scratch;
    struct stoa_error *error;
};

static enum stoa_status copy_values(const struct inlining *inlining)
{
    const struct graph *from = inlining->from;
    struct graph *to = inlining->to;
    for (size_t v = 0; v < from->value_count; v++) {
        const struct graph_value *value = &from->values[v];
        size_t copy;
        STOA_TRY(stoa_graph_value(to, value->name, inlining->error, &copy));
        if (value->constant)
            STOA_TRY(stoa_graph_set_constant(to, copy, value->constant, inlining->error));
        to->values[copy].dtype = value->dtype;
        to->values[copy].has_shape = value->has_shape;
        to->values[copy].rank = value->rank;
        memcpy(to->values[copy].dims, value->dims, sizeof value->dims);
    }
    for (size_t i = 0; i < from->input_count; i++)
        STOA_TRY(stoa_graph_add_input(to, from->inputs[i], inlining->error));
    for (size_t i = 0; i < from->output_count; i++)
        STOA_TRY(stoa_graph_add_output(to, from->outputs[i], inlining->error));
    return STOA_OK;
}

static enum stoa_status new_value(const struct inlining *inlining, const struct graph_node *node, const char *name,
                                  size_t *value)
{
    char text[320];
    snprintf(text, sizeof text, "%.100s/%.180s", node->name, name);
    for (size_t number = 2; stoa_graph_find(inlining->to, text) != GRAPH_NONE; number++)
        snprintf(text, sizeof text, "%.100s/%.180s#%zu", node->name, name, number);
    return stoa_graph_value(inlining->to, text, inlining->error, value);
}

/* y <- x, for a branch that gives what it was given. */
static enum stoa_status pass_on(const struct inlining *inlining, const struct graph_node *node, size_t x, size_t y)
{
    const struct graph_node identity = {.name = node->name,
                                        .type = "Identity",
                                        .opset = node->opset,
                                        .input_count = 1,
                                        .inputs = &x,
                                        .output_count = 1,
                                        .outputs = &y};
    return stoa_graph_add_node(inlining->to, &identity, inlining->error);
}

/* map[v] = the value in the copy that the branch's value v is. */
static enum stoa_status map_values(const struct inlining *inlining, const struct graph_node *node, int side,
                                   size_t *map)
{
    const struct graph *branch = node->branches[side];
    for (size_t v = 0; v < branch->value_count; v++)
        map[v] = GRAPH_NONE;
    /* Behind the condition stand what the branches read of the graph around them, one after the other. */
    size_t first = 1 + (side ? node->branches[0]->captured_count : 0);
    for (size_t i = 0; i < branch->captured_count; i++)
        map[branch->captured[i]] = node->inputs[first + i];
    for (size_t o = 0; o < node->output_count; o++) {
        size_t *value = &map[branch->outputs[o]];
        if (node->outputs[o] == GRAPH_NONE)
            continue;
        if (*value != GRAPH_NONE)
            STOA_TRY(pass_on(inlining, node, *value, node->outputs[o]));
        else
            *value = node->outputs[o];
    }
    for (size_t v = 0; v < branch->value_count; v++) {
        if (map[v] == GRAPH_NONE)
            STOA_TRY(new_value(inlining, node, branch->values[v].name, &map[v]));
        if (branch->values[v].constant)
            STOA_TRY(stoa_graph_set_constant(inlining->to, map[v], branch->values[v].constant, inlining->error));
    }
    return STOA_OK;
}

static enum stoa_status map_list(const struct inlining *inlining, const size_t *map, const size_t *values, size_t count,
                                 const size_t **mapped)
{
    size_t *list;
    STOA_TRY(stoa_arena_allocate(inlining->scratch, count, sizeof *list, inlining->error, &list));
    for (size_t i = 0; i < count; i++)
        list[i] = values[i] == GRAPH_NONE ? GRAPH_NONE : map[values[i]];
    *mapped = list;
    return STOA_OK;
}

static enum stoa_status inline_branch(const struct inlining *inlining, const struct graph_node *node, int side)
{
    const struct graph *branch = node->branches[side];
    size_t *map;
    STOA_TRY(stoa_arena_allocate(inlining->scratch, branch->value_count, sizeof *map, inlining->error, &map));
    STOA_TRY(map_values(inlining, node, side, map));
    for (size_t n = 0; n < branch->node_count; n++) {
        struct graph_node inner = branch->nodes[n];
        STOA_TRY(map_list(inlining, map, inner.inputs, inner.input_count, &inner.inputs));
        STOA_TRY(map_list(inlining, map, inner.outputs, inner.output_count, &inner.outputs));
        STOA_TRY(stoa_graph_add_node(inlining->to, &inner, inlining->error));
    }
    return STOA_OK;
}

enum stoa_status stoa_graph_inline(const struct graph *from, const unsigned char *taken, struct stoa_error *error,
                                   struct graph *to)
{
    struct arena scratch;
    stoa_arena_init(&scratch, &to->arena.allocator);
    const struct inlining inlining = {.from = from, .to = to, .scratch = &scratch, .error = error};
    enum stoa_status status = copy_values(&inlining);
    for (size_t n = 0; n < from->node_count && status == STOA_OK; n++) {
        const struct graph_node *node = &from->nodes[n];
        if (!node->branches[0] || taken[n] == BRANCH_KEPT) {
            status = stoa_graph_add_node(to, node, error);
            continue;
        }
        status = inline_branch(&inlining, node, taken[n]);
        if (status != STOA_OK)
            stoa_error_prefix(error, "node '%.80s' (%.80s): ", node->name, node->type);
    }
    if (status == STOA_OK)
        status = stoa_graph_finish(to, error);
    stoa_arena_deinit(&scratch);
    return status;
}
