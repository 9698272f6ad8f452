/* fuse-add: the sum behind a residual branch. The convolution that computes one side adds the other while its output
 * tile is in the cache. */
#include "base/status.h"
#include "base/tensor.h"
#include "plan/fuse.h"

/* The leader of the chain that makes input i of node n, if it can add the other input. */
static size_t adding(const struct plan *plan, size_t n, size_t i)
{
    const struct plan_node *node = &plan->nodes[n];
    const struct stoa_tensor *y = &node->call.outputs[0];
    if (node->call.inputs[i].data || stoa_plan_only_reader(plan, node->inputs[i]) != n ||
        !stoa_tensor_same_dims(&node->call.inputs[0], y) || !stoa_tensor_same_dims(&node->call.inputs[1], y))
        return PLAN_NONE;
    return stoa_plan_maker(plan, node->inputs[i], OP_TAKES_ADDEND);
}

enum stoa_status stoa_plan_fuse_add(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        const struct op_fusion *fusion = stoa_plan_fusion(node);
        if (!fusion->adds || !fusion->adds(&node->call))
            continue;
        /* Of two convolutions the later one, so that the other's result need not live long. */
        size_t leaders[2] = {adding(plan, n, 0), adding(plan, n, 1)}, side = 0;
        if (leaders[0] == PLAN_NONE || (leaders[1] != PLAN_NONE && leaders[1] > leaders[0]))
            side = 1;
        if (leaders[side] == PLAN_NONE)
            continue;
        struct op_call *call = &plan->nodes[leaders[side]].call;
        STOA_TRY(stoa_plan_add_input(plan, leaders[side], call->op->max_inputs, node->inputs[1 - side],
                                     &node->call.inputs[1 - side], error));
        call->epilogue.has_addend = true;
        STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_ADD, leaders[side], n, error));
    }
    return STOA_OK;
}
