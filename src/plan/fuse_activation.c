/* fuse-activation: functions of single elements are applied by whoever computes the elements. So are x * sigmoid(x) and
 * x * hard_sigmoid(x), which exporters write as two nodes. */
#include "base/status.h"
#include "plan/fuse.h"

static bool is_activation(const struct plan *plan, size_t n, size_t v, struct activation *activation)
{
    const struct plan_node *node = &plan->nodes[n];
    return node->planned && node->leader == n && node->inputs[0] == v && node->call.op->activation &&
           node->call.op->activation(&node->call, activation);
}

/* Whether v is read by two nodes alone, a sigmoid of some kind and the product of v and that sigmoid. */
static bool is_gate(const struct plan *plan, size_t v, size_t *sigmoid, size_t *product, struct activation *activation)
{
    const size_t *first = &plan->uses.first[v], *readers = &plan->uses.readers[first[0]];
    if (plan->model->graph.values[v].is_output || first[1] - first[0] != 2)
        return false;
    /* Whoever reads a result stands behind it in the graph's order. */
    *sigmoid = readers[0];
    *product = readers[1];
    if (!is_activation(plan, *sigmoid, v, activation) ||
        (activation->kind != ACTIVATION_SIGMOID && activation->kind != ACTIVATION_HARD_SIGMOID))
        return false;
    const struct plan_node *last = &plan->nodes[*product];
    if (!last->planned || last->leader != *product || !last->call.op->multiplies ||
        !last->call.op->multiplies(&last->call))
        return false;
    activation->kind = activation->kind == ACTIVATION_SIGMOID ? ACTIVATION_SILU : ACTIVATION_HARD_SWISH;
    return stoa_plan_only_reader(plan, stoa_plan_result(plan, *sigmoid)) == *product;
}

enum stoa_status stoa_plan_fuse_activation(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        if (!plan->nodes[n].planned || plan->nodes[n].leader != n)
            continue;
        size_t v = stoa_plan_result(plan, n), reader, product;
        struct activation activation;
        if (v == GRAPH_NONE || stoa_plan_maker(plan, v, OP_TAKES_ACTIVATION) != n)
            continue;
        reader = stoa_plan_only_reader(plan, v);
        if (reader != PLAN_NONE && is_activation(plan, reader, v, &activation)) {
            STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_ACTIVATION, n, reader, error));
        } else if (is_gate(plan, v, &reader, &product, &activation)) {
            STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_ACTIVATION, n, reader, error));
            STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_ACTIVATION, n, product, error));
        } else {
            continue;
        }
        plan->nodes[n].call.epilogue.activation = activation;
    }
    return STOA_OK;
}
