/* Layer normalisation as it was written before there was an operator (opset 17), d being x - mean(x):
 *
 *   y = d / sqrt(mean(d^2) + epsilon) * scale + bias
 *
 * with means along the last axis: nine nodes become one LayerNormalization. */
#include <math.h>
#include <string.h>

#include "base/attributes.h"
#include "base/status.h"
#include "base/tensor.h"
#include "plan/fuse.h"

#define OPSET 17

enum { MEAN, DIFFERENCE, SQUARE, VARIANCE, SUM, ROOT, QUOTIENT, PRODUCT, RESULT, LINKS };

struct layer_norm {
    size_t nodes[LINKS];
    float epsilon;
    size_t values[3]; /* x, scale, bias */
};

static bool has_type(const struct plan *plan, size_t n, const char *type)
{
    return stoa_plan_is_free(plan, n) && strcmp(plan->model->graph.nodes[n].type, type) == 0;
}

/* Whether n is the mean along the last axis, which stays. That no other has more than one element decides it. */
static bool is_mean(const struct plan *plan, size_t n)
{
    if (!has_type(plan, n, "ReduceMean"))
        return false;
    const struct stoa_tensor *x = &plan->nodes[n].call.inputs[0], *y = &plan->nodes[n].call.outputs[0];
    if (x->dtype != STOA_FLOAT || x->rank == 0 || x->rank != y->rank || x->dims[x->rank - 1] < 2)
        return false;
    struct stoa_tensor mean = *x;
    mean.dims[x->rank - 1] = 1;
    return stoa_tensor_same_dims(&mean, y);
}

/* Whether n makes of `a` and a row of constants, *row, what has the dims of `a`. */
static bool has_row(const struct plan *plan, size_t n, const char *type, size_t a, size_t *row)
{
    if (!has_type(plan, n, type))
        return false;
    const struct plan_node *node = &plan->nodes[n];
    const struct op_call *call = &node->call;
    const size_t at = node->inputs[0] != a;
    *row = node->inputs[1 - at];
    return call->input_count == 2 && node->inputs[at] == a &&
           stoa_tensor_same_dims(&call->inputs[at], &call->outputs[0]) && stoa_plan_is_row(plan, n, 1 - at) &&
           call->inputs[1 - at].rank == 1;
}

/* Whether n is a `type` of a and b, in this order, of the dims of a. */
static bool joins(const struct plan *plan, size_t n, const char *type, size_t a, size_t b)
{
    if (!has_type(plan, n, type))
        return false;
    const struct plan_node *node = &plan->nodes[n];
    return node->inputs[0] == a && node->inputs[1] == b &&
           stoa_tensor_same_dims(&node->call.inputs[0], &node->call.outputs[0]);
}

/* Whether nodes from n, a mean, on are such a norm. */
static bool find(const struct plan *plan, size_t n, struct layer_norm *norm)
{
    size_t *nodes = norm->nodes, v = stoa_plan_result(plan, n); /* of the last node */
    float two;
    nodes[MEAN] = n;
    norm->values[0] = plan->nodes[n].inputs[0];
    n = nodes[DIFFERENCE] = stoa_plan_only_reader(plan, v);
    if (!joins(plan, n, "Sub", norm->values[0], v))
        return false;
    const size_t d = stoa_plan_result(plan, n);
    const size_t *first = &plan->uses.first[d], *readers = &plan->uses.readers[first[0]];
    if (plan->model->graph.values[d].is_output || first[1] - first[0] != 2)
        return false;
    nodes[SQUARE] = readers[0];
    nodes[QUOTIENT] = readers[1];
    if (!stoa_plan_is_link(plan, nodes[SQUARE], "Pow", d, &two) || two != 2)
        return false;
    n = nodes[VARIANCE] = stoa_plan_only_reader(plan, stoa_plan_result(plan, nodes[SQUARE]));
    if (!is_mean(plan, n))
        return false;
    v = stoa_plan_result(plan, n);
    n = nodes[SUM] = stoa_plan_only_reader(plan, v);
    if (!stoa_plan_is_link(plan, n, "Add", v, &norm->epsilon) || !(norm->epsilon >= 0) || isinf(norm->epsilon))
        return false;
    v = stoa_plan_result(plan, n);
    n = nodes[ROOT] = stoa_plan_only_reader(plan, v);
    if (!stoa_plan_is_link(plan, n, "Sqrt", v, NULL))
        return false;
    v = stoa_plan_result(plan, n);
    n = nodes[QUOTIENT];
    if (stoa_plan_only_reader(plan, v) != n || !joins(plan, n, "Div", d, v))
        return false;
    v = stoa_plan_result(plan, n);
    n = nodes[PRODUCT] = stoa_plan_only_reader(plan, v);
    if (!has_row(plan, n, "Mul", v, &norm->values[1]))
        return false;
    v = stoa_plan_result(plan, n);
    n = nodes[RESULT] = stoa_plan_only_reader(plan, v);
    return has_row(plan, n, "Add", v, &norm->values[2]);
}

/* The first of the nodes computes what the last one gave. */
static enum stoa_status replace(struct plan *plan, const struct layer_norm *norm, struct stoa_error *error)
{
    const struct attribute items[] = {
        {.name = "axis", .kind = ATTRIBUTE_INT, .integer = -1},
        {.name = "epsilon", .kind = ATTRIBUTE_FLOAT, .number = norm->epsilon},
    };
    const struct attributes attributes = {.items = items, .count = sizeof items / sizeof *items};
    const struct op *op = stoa_op_find("LayerNormalization", OPSET, NULL);
    struct plan_node *node = &plan->nodes[norm->nodes[MEAN]];
    struct op_call call = {.op = op, .input_count = 3, .output_count = 1};
    void *params;
    size_t *values;
    STOA_TRY(stoa_arena_allocate(&plan->arena, 1, op->params_size, error, &params));
    STOA_TRY(stoa_arena_allocate(&plan->arena, 3, sizeof *call.inputs, error, &call.inputs));
    STOA_TRY(stoa_arena_allocate(&plan->arena, 3, sizeof *values, error, &values));
    struct attribute_reader reader = stoa_reader(&attributes, OPSET, call.input_count, call.output_count, error);
    STOA_TRY(op->parse(&reader, params));
    memcpy(values, norm->values, sizeof norm->values);
    call.params = params;
    call.inputs[0] = node->call.inputs[0];
    for (size_t i = 1; i < 3; i++) {
        const struct plan_node *of = &plan->nodes[norm->nodes[PRODUCT + i - 1]];
        call.inputs[i] = of->call.inputs[of->inputs[1] == values[i]];
    }
    call.outputs = plan->nodes[norm->nodes[RESULT]].call.outputs;
    for (size_t i = 1; i < LINKS; i++)
        STOA_TRY(stoa_plan_join(plan, STOA_PASS_FUSE_NORM, norm->nodes[MEAN], norm->nodes[i], error));
    node->call = call;
    node->inputs = values;
    return STOA_OK;
}

enum stoa_status stoa_plan_fuse_layer_norm(struct plan *plan, struct stoa_error *error)
{
    for (size_t n = 0; n < plan->model->graph.node_count; n++) {
        struct layer_norm norm;
        if (is_mean(plan, n) && find(plan, n, &norm))
            STOA_TRY(replace(plan, &norm, error));
    }
    return STOA_OK;
}
