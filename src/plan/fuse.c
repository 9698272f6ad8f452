/* The passes that make one step of several nodes, and what they share. They decide on the graph's nodes before there
 * are steps; the graph itself stays as it is. */
#include "plan/fuse.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"

static const struct {
    const char *name;
    enum stoa_status (*run)(struct plan *plan, struct stoa_error *error);
} passes[STOA_PASS_COUNT] = {
    [STOA_PASS_FUSE_NORM] = {"fuse-norm", stoa_plan_fuse_norm},
    [STOA_PASS_FUSE_ADD] = {"fuse-add", stoa_plan_fuse_add},
    [STOA_PASS_FUSE_ACTIVATION] = {"fuse-activation", stoa_plan_fuse_activation},
};

const char *stoa_pass_name(enum stoa_pass pass)
{
    return (unsigned)pass < STOA_PASS_COUNT ? passes[pass].name : "unknown";
}

/* "Conv+Add+Relu". */
static enum stoa_status name_chain(struct plan *plan, struct plan_node *leader, struct stoa_error *error)
{
    char text[256];
    size_t length = 0;
    for (size_t n = leader->first; n != PLAN_NONE && length < sizeof text; n = plan->nodes[n].next)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? "+" : "",
                                   plan->model->graph.nodes[n].type);
    return stoa_arena_string(&plan->arena, text, strlen(text), error, &leader->type);
}

enum stoa_status stoa_plan_fuse(struct plan *plan, unsigned disabled_passes, struct stoa_error *error)
{
    for (unsigned pass = 0; pass < STOA_PASS_COUNT; pass++)
        if (!(disabled_passes & STOA_PASS_BIT(pass)))
            STOA_TRY(passes[pass].run(plan, error));
    for (size_t n = 0; n < plan->model->graph.node_count; n++)
        if (plan->nodes[n].planned && plan->nodes[n].leader == n && plan->nodes[n].first != plan->nodes[n].last)
            STOA_TRY(name_chain(plan, &plan->nodes[n], error));
    return STOA_OK;
}

size_t stoa_plan_only_reader(const struct plan *plan, size_t v)
{
    const size_t *first = &plan->uses.first[v];
    if (plan->model->graph.values[v].is_output || first[1] - first[0] != 1)
        return PLAN_NONE;
    return plan->uses.readers[first[0]];
}

size_t stoa_plan_result(const struct plan *plan, size_t leader)
{
    return plan->nodes[leader].outputs[0];
}

size_t stoa_plan_maker(const struct plan *plan, size_t v, enum op_takes part)
{
    size_t producer = plan->model->graph.values[v].producer;
    if (producer == GRAPH_NONE || !plan->nodes[producer].planned)
        return PLAN_NONE;
    size_t leader = plan->nodes[producer].leader;
    const struct op_call *call = &plan->nodes[leader].call;
    const struct op_epilogue *epilogue = &call->epilogue;
    /* What comes later in an epilogue must not be there yet. */
    bool over = epilogue->activation.kind != ACTIVATION_NONE || (epilogue->has_addend && part != OP_TAKES_ACTIVATION);
    if (stoa_plan_result(plan, leader) != v || over || !call->op->takes || !(call->op->takes(call) & (unsigned)part))
        return PLAN_NONE;
    return leader;
}

enum stoa_status stoa_plan_join(struct plan *plan, enum stoa_pass pass, size_t leader, size_t n,
                                struct stoa_error *error)
{
    struct plan_node *head = &plan->nodes[leader], *added = &plan->nodes[n];
    STOA_TRY(stoa_plan_reserve(plan, plan->rewrite_count, sizeof *plan->rewrites, &plan->rewrite_capacity, error,
                               &plan->rewrites));
    const struct graph_node *nodes = plan->model->graph.nodes;
    plan->rewrites[plan->rewrite_count++] = (struct plan_rewrite){pass, nodes[n].name, nodes[leader].name};

    struct plan_value *inner = &plan->values[head->outputs[0]];
    inner->known = false;
    inner->fused = true;
    inner->pass = pass;
    plan->nodes[head->last].next = n;
    head->last = n;
    head->outputs = added->outputs;
    added->leader = leader;
    return STOA_OK;
}
