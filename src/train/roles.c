/* What each value and node is to training, found in two walks: backwards from the scores, what they depend on; forwards
 * from the parameters, what depends on these. */
#include "train/differentiation.h"

#include <fnmatch.h>
#include <limits.h>
#include <string.h>

#include "base/status.h"

static bool gives_gradient(const struct op *op, size_t input)
{
    for (size_t g = 0; g < op->gradient_count; g++) {
        const struct op_gradient *rule = &op->gradients[g];
        for (size_t j = 0; j < rule->output_count; j++)
            if (rule->outputs[j] == input || (rule->rest && j + 1 == rule->output_count && rule->outputs[j] < input))
                return true;
    }
    return false;
}

/* Whether constant input i of the node is a parameter by its operator, or the sum behind a matrix product. */
static bool is_parameter(const struct graph *graph, const struct graph_node *node, size_t i)
{
    if (i < CHAR_BIT && node->op->parameters >> i & 1)
        return true;
    if (strcmp(node->type, "Add") != 0 || i > 1 || node->inputs[1 - i] == GRAPH_NONE)
        return false;
    size_t producer = graph->values[node->inputs[1 - i]].producer;
    return producer != GRAPH_NONE && strcmp(graph->nodes[producer].type, "MatMul") == 0;
}

static bool is_frozen(const struct differentiate_options *options, const char *name)
{
    for (size_t i = 0; i < options->frozen_count; i++)
        if (fnmatch(options->frozen[i], name, 0) == 0)
            return true;
    return false;
}

enum stoa_status stoa_differentiation_frozen(const struct differentiation *d, struct stoa_error *error)
{
    const struct differentiate_options *options = d->options;
    if (options->frozen_count && !options->frozen)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "frozen is null, its count is %zu", options->frozen_count);
    for (size_t i = 0; i < options->frozen_count; i++) {
        const char *pattern = options->frozen[i];
        if (!pattern)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "frozen[%zu] is null", i);
        bool matches = false;
        for (size_t v = 0; v < d->forward->value_count && !matches; v++)
            matches = d->forward->values[v].constant && fnmatch(pattern, d->forward->values[v].name, 0) == 0;
        if (!matches)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "frozen[%zu]: no parameter is called '%.200s'", i, pattern);
    }
    return STOA_OK;
}

static bool is_reached(const struct differentiation *d, const struct graph_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && d->reached[node->outputs[i]])
            return true;
    return false;
}

/* The scores, or what a function that is part of the loss makes them of. */
size_t stoa_differentiation_scores(const struct graph *graph, const char *loss)
{
    static const struct {
        const char *loss, *type;
    } within[] = {{"SoftmaxCrossEntropy", "Softmax"}, {"BinaryCrossEntropyWithLogits", "Sigmoid"}};
    size_t scores = graph->outputs[0], producer = graph->values[scores].producer;
    for (size_t i = 0; producer != GRAPH_NONE && i < sizeof within / sizeof *within; i++)
        if (strcmp(loss, within[i].loss) == 0 && strcmp(graph->nodes[producer].type, within[i].type) == 0)
            return graph->nodes[producer].inputs[0];
    return scores;
}

void stoa_differentiation_roles(struct differentiation *d)
{
    const struct graph *graph = d->forward;
    d->reached[d->scores] = true;
    for (size_t n = graph->node_count; n-- > 0;) {
        const struct graph_node *node = &graph->nodes[n];
        bool reached = is_reached(d, node);
        for (size_t i = 0; reached && i < node->input_count; i++) {
            size_t v = node->inputs[i];
            if (v == GRAPH_NONE)
                continue;
            d->reached[v] = true;
            const struct stoa_tensor *constant = graph->values[v].constant;
            if (constant && constant->dtype == STOA_FLOAT && is_parameter(graph, node, i) &&
                !is_frozen(d->options, graph->values[v].name))
                d->roles[v] = ROLE_PARAMETER;
        }
    }
    for (size_t v = 0; v < graph->value_count; v++)
        d->varies[v] = d->roles[v] == ROLE_PARAMETER || (d->options->input_gradients && graph->values[v].is_input &&
                                                         graph->values[v].dtype == STOA_FLOAT);
}

/* Operators with parameters change their ways only to train these. */
static bool trains(const struct differentiation *d, const struct graph_node *node)
{
    const struct op *op = node->op;
    bool varies = false, owns = false;
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == GRAPH_NONE)
            continue;
        varies |= d->varies[node->inputs[i]];
        owns |= d->roles[node->inputs[i]] == ROLE_PARAMETER;
    }
    if (d->options->inference && op->training && op->training->takes_seed)
        return false;
    return op->training && is_reached(d, node) && (op->parameters ? owns : varies || op->training->takes_seed);
}

/* Statistics that the node will change become inputs too. */
static enum stoa_status mark_statistics(struct differentiation *d, const struct graph_node *node,
                                        struct stoa_error *error)
{
    const struct op_training *training = node->op->training;
    for (size_t u = 0; u < training->update_count; u++) {
        size_t v = node->inputs[training->updates[u].input];
        if (!d->forward->values[v].constant || d->roles[v] != ROLE_NONE)
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input %d '%.100s' must be a constant that nothing else is",
                             training->updates[u].input, d->forward->values[v].name);
        d->roles[v] = ROLE_STATISTIC;
    }
    return STOA_OK;
}

static enum stoa_status check_passes(const struct differentiation *d, const struct graph_node *node,
                                     struct stoa_error *error)
{
    if (!is_reached(d, node) || node->op->gradient_count || node->op->dims_only || (node->op->training))
        return STOA_OK;
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != GRAPH_NONE && d->varies[node->inputs[i]])
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "no gradient passes through it");
    return STOA_OK;
}

enum stoa_status stoa_differentiation_operator(struct differentiation *d, size_t n, struct stoa_error *error)
{
    const struct graph_node *node = &d->forward->nodes[n];
    d->ops[n] = node->op;
    STOA_TRY(check_passes(d, node, error));
    if (trains(d, node)) {
        d->ops[n] = stoa_training_op_find(node->op->training->type);
        STOA_TRY(mark_statistics(d, node, error));
    }
    for (size_t i = 0; i < node->input_count; i++)
        if (node->inputs[i] != GRAPH_NONE && d->varies[node->inputs[i]] && gives_gradient(d->ops[n], i))
            for (size_t o = 0; o < node->output_count; o++)
                if (node->outputs[o] != GRAPH_NONE)
                    d->varies[node->outputs[o]] = true;
    return STOA_OK;
}
