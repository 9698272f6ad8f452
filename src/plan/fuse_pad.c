/* fuse-pad: a Pad of zeros around height and width becomes padding of the convolution or average that reads it. */
#include "base/status.h"
#include "plan/fuse.h"

enum stoa_status stoa_plan_fuse_pad(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        size_t pad[4];
        const struct op_fusion *fusion = stoa_plan_fusion(node);
        if (!fusion->pads || !fusion->pads(&node->call, pad))
            continue;
        size_t reader = stoa_plan_only_reader(plan, node->outputs[0]);
        if (reader == PLAN_NONE)
            continue;
        struct op_call *call = &plan->nodes[reader].call;
        fusion = stoa_plan_fusion(&plan->nodes[reader]);
        if (!fusion->takes_pad || plan->nodes[reader].inputs[0] != node->outputs[0] || !fusion->takes_pad(call, pad))
            continue;
        STOA_TRY(stoa_plan_join_front(plan, STOA_PASS_FUSE_PAD, reader, n, error));
        for (size_t i = 0; i < 4; i++)
            call->pad[i] = pad[i];
    }
    return STOA_OK;
}
