/* Which inputs of a model decide shapes: those that a value leads back to which an operator must know before it can say
 * what it makes. One sweep over the nodes from the outputs, so that what nobody needs decides nothing; dims are no
 * values. Branches are swept within the node that holds them, both of them, their nodes in the order of the file. */
#include "graph/decide.h"

#include <limits.h>

#include "base/status.h"

enum role { UNUSED, USED, DECIDES }; /* of a value; the greater counts */

static void note(unsigned char *roles, size_t value, enum role role)
{
    if (value != GRAPH_NONE && roles[value] < role)
        roles[value] = (unsigned char)role;
}

static enum role role_of_input(const struct op *op, size_t index, enum role outputs)
{
    if (op && index < CHAR_BIT && op->value_inputs >> index & 1)
        return DECIDES;
    return op && (op->dims_only || !stoa_op_reads(op, index)) ? USED : outputs;
}

static enum stoa_status sweep(const struct graph *graph, struct arena *scratch, unsigned char *roles,
                              struct stoa_error *error);

static enum stoa_status sweep_branches(const struct graph_node *node, struct arena *scratch, unsigned char *roles,
                                       struct stoa_error *error)
{
    const size_t *captured = node->inputs + 1;
    for (size_t side = 0; side < 2; side++) {
        const struct graph *branch = node->branches[side];
        unsigned char *inner;
        STOA_TRY(stoa_arena_allocate(scratch, branch->value_count, 1, error, &inner));
        for (size_t o = 0; o < node->output_count; o++)
            if (node->outputs[o] != GRAPH_NONE)
                note(inner, branch->outputs[o], (enum role)roles[node->outputs[o]]);
        STOA_TRY(sweep(branch, scratch, inner, error));
        for (size_t i = 0; i < branch->captured_count; i++)
            note(roles, *captured++, (enum role)inner[branch->captured[i]]);
    }
    return STOA_OK;
}

/* roles: those of the outputs are set; the others follow. */
static enum stoa_status sweep(const struct graph *graph, struct arena *scratch, unsigned char *roles,
                              struct stoa_error *error)
{
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct graph_node *node = &graph->nodes[n];
        /* Nodes of a branch have not been looked up. */
        const struct op *op = node->op ? node->op : stoa_op_find(node->type, node->opset, NULL);
        enum role outputs = UNUSED;
        for (size_t o = 0; o < node->output_count; o++)
            if (node->outputs[o] != GRAPH_NONE && roles[node->outputs[o]] > outputs)
                outputs = (enum role)roles[node->outputs[o]];
        if (outputs == UNUSED)
            continue;
        for (size_t i = 0; i < node->input_count && !(i && node->branches[0]); i++)
            note(roles, node->inputs[i], role_of_input(op, i, outputs));
        if (node->branches[0])
            STOA_TRY(sweep_branches(node, scratch, roles, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_graph_decide(struct graph *graph, struct stoa_error *error)
{
    struct arena scratch;
    unsigned char *roles;
    stoa_arena_init(&scratch, &graph->arena.allocator);
    enum stoa_status status = stoa_arena_allocate(&scratch, graph->value_count, 1, error, &roles);
    for (size_t o = 0; o < graph->output_count && status == STOA_OK; o++)
        note(roles, graph->outputs[o], USED);
    if (status == STOA_OK)
        status = sweep(graph, &scratch, roles, error);
    for (size_t i = 0; i < graph->input_count && status == STOA_OK; i++)
        graph->values[graph->inputs[i]].decides_shapes = roles[graph->inputs[i]] == DECIDES;
    stoa_arena_deinit(&scratch);
    return status;
}
