/* fuse-mask: in the backward pass, a gradient that Relu or Clip let through or not. The convolution that computes it
 * clears the rest while its output tile is in the cache. */
#include "base/status.h"
#include "plan/fuse.h"

enum stoa_status stoa_plan_fuse_mask(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        float bounds[2];
        const struct op_fusion *fusion = stoa_plan_fusion(node);
        if (!fusion->masks || stoa_plan_only_reader(plan, node->inputs[0]) != n || !fusion->masks(&node->call, bounds))
            continue;
        size_t leader = stoa_plan_maker(plan, node->inputs[0], OP_TAKES_MASK);
        if (leader == PLAN_NONE)
            continue;
        struct op_call *call = &plan->nodes[leader].call;
        STOA_TRY(stoa_plan_add_input(plan, leader, (size_t)call->op->max_inputs + 1, node->inputs[1],
                                     &node->call.inputs[1], error));
        call->epilogue.has_mask = true;
        call->epilogue.mask_bounds[0] = bounds[0];
        call->epilogue.mask_bounds[1] = bounds[1];
        STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_MASK, leader, n, error));
    }
    return STOA_OK;
}
