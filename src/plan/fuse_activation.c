/* fuse-activation: functions of single elements are applied by whoever computes the elements. So are those that
 * exporters write as x times a gate, which is made of x in one node or a few. */
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "plan/fuse.h"

static bool is_activation(const struct plan *plan, size_t n, size_t v, struct activation *activation)
{
    const struct plan_node *node = &plan->nodes[n];
    const struct op_fusion *fusion = stoa_plan_fusion(node);
    return fusion->activation && node->leader == n && node->inputs[0] == v &&
           fusion->activation(&node->call, activation);
}

/* The nodes that make the gate, each of the one before; then x times it, and perhaps times a constant. */
#define MOST_LINKS 3
static const struct gate {
    enum activation_kind kind;
    struct {
        const char *type;
        float constant; /* the other operand; 0: there is none */
    } links[MOST_LINKS];
    float factor; /* 0: none */
} gates[] = {
    {ACTIVATION_SILU, {{"Sigmoid", 0}}, 0},
    {ACTIVATION_HARD_SWISH, {{"HardSigmoid", 0}}, 0},
    {ACTIVATION_MISH, {{"Softplus", 0}, {"Tanh", 0}}, 0},
    {ACTIVATION_GELU, {{"Div", 0x1.6a09e6p0f}, {"Erf", 0}, {"Add", 1}}, 0.5f},
    {ACTIVATION_GELU, {{"Mul", 0x1.6a09e6p-1f}, {"Erf", 0}, {"Add", 1}}, 0.5f},
};

struct chain {
    size_t count, nodes[MOST_LINKS + 2];
};

/* Whether node n makes of value v one of the same dims, the other operand being that constant (0: without another). */
static bool is_link(const struct plan *plan, size_t n, const char *type, float constant, size_t v)
{
    float other;
    return stoa_plan_is_link(plan, n, type, v, constant != 0 ? &other : NULL) && (constant == 0 || other == constant);
}

static bool multiplies(const struct plan *plan, size_t n, size_t v, size_t gate)
{
    const struct plan_node *node = &plan->nodes[n];
    return stoa_plan_is_free(plan, n) && stoa_op_fusion(node->call.op)->multiplies &&
           node->call.op->fusion->multiplies(&node->call) &&
           (node->inputs[0] == v ? node->inputs[1] == gate : node->inputs[0] == gate && node->inputs[1] == v);
}

static bool is_gate(const struct plan *plan, const struct gate *gate, size_t v, struct chain *chain)
{
    /* Whoever reads a result stands behind it in the graph's order. */
    const size_t *readers = &plan->uses.readers[plan->uses.first[v]];
    size_t value = v, n = readers[0];
    chain->count = 0;
    for (size_t i = 0; i < MOST_LINKS && gate->links[i].type; i++) {
        if (!is_link(plan, n, gate->links[i].type, gate->links[i].constant, value))
            return false;
        chain->nodes[chain->count++] = n;
        value = stoa_plan_result(plan, n);
        n = stoa_plan_only_reader(plan, value);
    }
    if (n != readers[1] || !multiplies(plan, n, v, value))
        return false;
    chain->nodes[chain->count++] = n;
    if (gate->factor == 0)
        return true;
    value = stoa_plan_result(plan, n);
    n = stoa_plan_only_reader(plan, value);
    chain->nodes[chain->count++] = n;
    return is_link(plan, n, "Mul", gate->factor, value);
}

/* Whether v is read by two nodes alone, that begin and end such a chain. */
static bool find_gate(const struct plan *plan, size_t v, struct chain *chain, struct activation *activation)
{
    const size_t *first = &plan->uses.first[v];
    if (plan->model->graph.values[v].is_output || first[1] - first[0] != 2)
        return false;
    for (size_t g = 0; g < sizeof gates / sizeof *gates; g++) {
        if (!is_gate(plan, &gates[g], v, chain))
            continue;
        if (!is_activation(plan, chain->nodes[0], v, activation))
            *activation = (struct activation){0};
        activation->kind = gates[g].kind;
        if (activation->kind == ACTIVATION_SILU)
            activation->alpha = 1;
        return true;
    }
    return false;
}

enum stoa_status stoa_plan_fuse_activation(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        if (!plan->nodes[n].planned || plan->nodes[n].leader != n)
            continue;
        size_t v = stoa_plan_result(plan, n), reader;
        struct chain chain;
        struct activation activation;
        if (v == GRAPH_NONE || stoa_plan_maker(plan, v, OP_TAKES_ACTIVATION) != n)
            continue;
        reader = stoa_plan_only_reader(plan, v);
        if (reader != PLAN_NONE && is_activation(plan, reader, v, &activation)) {
            STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_ACTIVATION, n, reader, error));
        } else if (find_gate(plan, v, &chain, &activation)) {
            for (size_t i = 0; i < chain.count; i++)
                STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_ACTIVATION, n, chain.nodes[i], error));
        } else {
            continue;
        }
        plan->nodes[n].call.epilogue.activation = activation;
    }
    return STOA_OK;
}
