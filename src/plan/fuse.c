/* The passes that make one step of several nodes, and what they share. They decide on the graph's nodes before there
 * are steps; the graph itself stays as it is. */
#include "plan/fuse.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"

static const struct {
    const char *name;
    enum stoa_status (*run)(struct plan *plan,
                            struct stoa_error *error); /* null: later, when layouts are known, or steps */
} passes[STOA_PASS_COUNT] = {
    [STOA_PASS_FUSE_PAD] = {"fuse-pad", stoa_plan_fuse_pad},
    [STOA_PASS_FUSE_NORM] = {"fuse-norm", stoa_plan_fuse_norm},
    [STOA_PASS_FUSE_ADD] = {"fuse-add", stoa_plan_fuse_add},
    [STOA_PASS_FUSE_ACTIVATION] = {"fuse-activation", stoa_plan_fuse_activation},
    [STOA_PASS_FUSE_MASK] = {"fuse-mask", stoa_plan_fuse_mask},
    [STOA_PASS_CONCAT_IN_PLACE] = {"concat-in-place", stoa_plan_concat_in_place},
    [STOA_PASS_SPLIT_IN_PLACE] = {"split-in-place", NULL},
    [STOA_PASS_OVERWRITE] = {"overwrite", NULL},
    [STOA_PASS_FUSE_POOL] = {"fuse-pool", NULL},
};

const char *stoa_pass_name(enum stoa_pass pass)
{
    return (unsigned)pass < STOA_PASS_COUNT ? passes[pass].name : "unknown";
}

enum stoa_status stoa_plan_name_chain(struct plan *plan, size_t leader, struct stoa_error *error)
{
    char text[256];
    size_t length = 0;
    for (size_t n = plan->nodes[leader].first; n != PLAN_NONE && length < sizeof text; n = plan->nodes[n].next)
        length += (size_t)snprintf(text + length, sizeof text - length, "%s%s", length ? "+" : "",
                                   plan->model->graph.nodes[n].type);
    return stoa_arena_string(&plan->arena, text, strlen(text), error, &plan->nodes[leader].type);
}

enum stoa_status stoa_plan_fuse(struct plan *plan, struct stoa_error *error)
{
    for (unsigned pass = 0; pass < STOA_PASS_COUNT; pass++)
        if (passes[pass].run && stoa_plan_enabled(plan, (enum stoa_pass)pass))
            STOA_TRY(passes[pass].run(plan, error));
    for (size_t n = 0; n < plan->model->graph.node_count; n++)
        if (plan->nodes[n].planned && plan->nodes[n].leader == n && plan->nodes[n].first != plan->nodes[n].last)
            STOA_TRY(stoa_plan_name_chain(plan, n, error));
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
    const struct op_fusion *fusion = stoa_op_fusion(call->op);
    /* What comes later in an epilogue must not be there yet. */
    bool over = epilogue->has_mask || (epilogue->activation.kind != ACTIVATION_NONE && part != OP_TAKES_MASK) ||
                (epilogue->has_addend && part != OP_TAKES_ACTIVATION && part != OP_TAKES_MASK);
    if (stoa_plan_result(plan, leader) != v || over || !fusion->takes || !(fusion->takes(call) & (unsigned)part))
        return PLAN_NONE;
    return leader;
}

bool stoa_plan_is_link(const struct plan *plan, size_t n, const char *type, size_t v, float *constant)
{
    if (!stoa_plan_is_free(plan, n) || strcmp(plan->model->graph.nodes[n].type, type) != 0)
        return false;
    const struct plan_node *node = &plan->nodes[n];
    const struct op_call *call = &node->call;
    bool ordered = !constant || strcmp(type, "Div") == 0 || strcmp(type, "Pow") == 0;
    size_t at = !ordered && node->inputs[0] != v;
    if (node->inputs[at] != v || !stoa_tensor_same_dims(&call->inputs[at], &call->outputs[0]))
        return false;
    if (!constant)
        return true;
    const struct stoa_tensor *other = &call->inputs[1 - at];
    if (!other->data || other->dtype != STOA_FLOAT || stoa_tensor_elements(other) != 1)
        return false;
    *constant = *(const float *)other->data;
    return true;
}

bool stoa_plan_is_row(const struct plan *plan, size_t n, size_t input)
{
    const struct stoa_tensor *row = &plan->nodes[n].call.inputs[input], *y = &plan->nodes[n].call.outputs[0];
    /* Before opset 7 it may lie along another dimension. */
    return plan->model->graph.nodes[n].opset >= 7 && row->data && row->dtype == STOA_FLOAT && row->rank > 0 &&
           y->rank > 0 && row->dims[row->rank - 1] == y->dims[y->rank - 1] &&
           stoa_tensor_elements(row) == y->dims[y->rank - 1];
}

enum stoa_status stoa_plan_note(struct plan *plan, enum stoa_pass pass, const char *node, const char *into,
                                struct stoa_error *error)
{
    STOA_TRY(stoa_plan_reserve(plan, plan->rewrite_count, sizeof *plan->rewrites, &plan->rewrite_capacity, error,
                               &plan->rewrites));
    plan->rewrites[plan->rewrite_count++] = (struct plan_rewrite){pass, node, into};
    return STOA_OK;
}

/* Node n joins the leader's chain, so that value v between them is not written down any more. */
static enum stoa_status join(struct plan *plan, enum stoa_pass pass, size_t leader, size_t n, size_t v,
                             struct stoa_error *error)
{
    const struct graph_node *nodes = plan->model->graph.nodes;
    struct plan_value *inner = &plan->values[v];
    STOA_TRY(stoa_plan_note(plan, pass, nodes[n].name, nodes[leader].name, error));
    inner->known = false;
    inner->fused = true;
    inner->pass = pass;
    plan->nodes[n].leader = leader;
    return STOA_OK;
}

enum stoa_status stoa_plan_join(struct plan *plan, enum stoa_pass pass, size_t leader, size_t n,
                                struct stoa_error *error)
{
    struct plan_node *head = &plan->nodes[leader];
    STOA_TRY(join(plan, pass, leader, n, head->outputs[0], error));
    plan->nodes[head->last].next = n;
    head->last = n;
    /* The leader's other outputs stay what they are. */
    size_t count = head->call.output_count, *outputs;
    STOA_TRY(stoa_arena_allocate(&plan->arena, count, sizeof *outputs, error, &outputs));
    memcpy(outputs, head->outputs, count * sizeof *outputs);
    outputs[0] = plan->nodes[n].outputs[0];
    head->outputs = outputs;
    return STOA_OK;
}

enum stoa_status stoa_plan_add_input(struct plan *plan, size_t leader, size_t index, size_t v,
                                     const struct stoa_tensor *tensor, struct stoa_error *error)
{
    struct plan_node *node = &plan->nodes[leader];
    struct op_call *call = &node->call;
    size_t own = call->input_count, *values;
    struct stoa_tensor *inputs;
    STOA_TRY(stoa_arena_allocate(&plan->arena, index + 1, sizeof *values, error, &values));
    STOA_TRY(stoa_arena_allocate(&plan->arena, index + 1, sizeof *inputs, error, &inputs));
    memcpy(values, node->inputs, own * sizeof *values);
    memcpy(inputs, call->inputs, own * sizeof *inputs);
    for (size_t i = own; i < index; i++)
        values[i] = GRAPH_NONE;
    values[index] = v;
    inputs[index] = *tensor;
    node->inputs = values;
    call->inputs = inputs;
    call->input_count = index + 1;
    return STOA_OK;
}

enum stoa_status stoa_plan_join_front(struct plan *plan, enum stoa_pass pass, size_t leader, size_t n,
                                      struct stoa_error *error)
{
    struct plan_node *head = &plan->nodes[leader];
    const struct plan_node *added = &plan->nodes[n];
    size_t *values;
    STOA_TRY(stoa_arena_allocate(&plan->arena, head->call.input_count, sizeof *values, error, &values));
    memcpy(values, head->inputs, head->call.input_count * sizeof *values);
    values[0] = added->inputs[0];
    STOA_TRY(join(plan, pass, leader, n, head->inputs[0], error));
    plan->nodes[n].next = head->first;
    head->first = n;
    head->inputs = values;
    head->call.inputs[0] = added->call.inputs[0];
    return STOA_OK;
}
