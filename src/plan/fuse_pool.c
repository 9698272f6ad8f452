/* fuse-pool: the maximum of 2 x 2 outputs of a convolution, taken while its output tile is in the cache, so that the
 * outputs themselves are never written. Only some ways of convolving do so: this is decided once steps are prepared. */
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "plan/fuse.h"

/* The step that node n leads; PLAN_NONE: none. */
static size_t step_of(const struct plan *plan, size_t n)
{
    for (size_t s = 0; s < plan->step_count; s++)
        if (plan->steps[s].node == plan->model->graph.nodes[n].name && plan->steps[s].call.op == plan->nodes[n].call.op)
            return s;
    return PLAN_NONE;
}

/* Step s is gone, and what it wrote is written by an earlier one: so early its storage is wanted, even where another
 * step writes another part of it before s. */
static void drop_step(struct plan *plan, size_t s, size_t writer)
{
    struct plan_storage *written = &plan->storages[plan->steps[s].outputs[0].storage];
    written->first = stoa_size_min(written->first, writer);
    for (size_t i = 0; i < plan->storage_count; i++) {
        struct plan_storage *storage = &plan->storages[i];
        storage->first -= storage->first > s;
        storage->last -= storage->last >= s;
    }
    memmove(&plan->steps[s], &plan->steps[s + 1], (plan->step_count - s - 1) * sizeof *plan->steps);
    plan->step_count--;
}

/* Node n, a pool, becomes the end of the chain that makes its input, if that can be. */
static enum stoa_status fuse(struct plan *plan, size_t n, struct stoa_error *error)
{
    size_t v = plan->nodes[n].inputs[0], producer = plan->model->graph.values[v].producer;
    if (producer == GRAPH_NONE || !plan->nodes[producer].planned || stoa_plan_only_reader(plan, v) != n)
        return STOA_OK;
    size_t leader = plan->nodes[producer].leader, from = step_of(plan, leader), to = step_of(plan, n);
    if (from == PLAN_NONE || to == PLAN_NONE || from >= to || stoa_plan_result(plan, leader) != v)
        return STOA_OK;
    struct plan_step *step = &plan->steps[from], *pool = &plan->steps[to];
    const struct op_fusion *fusion = stoa_op_fusion(step->call.op);
    if (step->call.epilogue.pools || !fusion->takes_pool || !fusion->takes_pool(&step->call) ||
        pool->inputs[0].storage != step->outputs[0].storage || pool->inputs[0].offset != step->outputs[0].offset)
        return STOA_OK;
    STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_POOL, leader, n, error));
    STOA_TRY(stoa_plan_name_chain(plan, leader, error));
    plan->storages[step->outputs[0].storage].bytes = 0;
    step->type = plan->nodes[leader].type;
    step->call.epilogue.pools = true;
    step->call.outputs[0] = pool->call.outputs[0];
    step->outputs[0] = pool->outputs[0];
    drop_step(plan, to, from);
    return STOA_OK;
}

enum stoa_status stoa_plan_fuse_pool(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        const struct plan_node *node = &plan->nodes[n];
        const struct op_fusion *fusion = stoa_plan_fusion(node);
        if (node->leader == n && node->first == node->last && fusion->pools && fusion->pools(&node->call))
            STOA_TRY(fuse(plan, n, error));
    }
    return STOA_OK;
}
