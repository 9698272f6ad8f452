/* The backward pass: behind the nodes in the opposite order the operators that their gradients come from. */
#include "train/differentiation.h"

#include <stdio.h>

#include "base/status.h"

static enum stoa_status too_many(struct stoa_error *error)
{
    return stoa_fail(error, STOA_ERROR_LIMIT, "training takes at most %d inputs and outputs of a node",
                     DIFFERENTIATION_MOST_VALUES);
}

/* Adds what another reader of value v makes of its gradient. */
static enum stoa_status add_gradient(struct differentiation *d, size_t v, size_t gradient, struct stoa_error *error)
{
    size_t sum;
    if (d->gradients[v] == GRAPH_NONE) {
        d->gradients[v] = gradient;
        return STOA_OK;
    }
    STOA_TRY(stoa_differentiation_value(d, "gradient of", d->forward->values[v].name, error, &sum));
    const struct graph_node node = {.name = "",
                                    .type = "Add",
                                    .domain = "",
                                    .opset = DIFFERENTIATION_OPSET,
                                    .input_count = 2,
                                    .output_count = 1,
                                    .inputs = (size_t[]){d->gradients[v], gradient},
                                    .outputs = &sum};
    d->gradients[v] = sum;
    return stoa_graph_add_node(d->graph, &node, error);
}

static enum stoa_status collect_inputs(const struct differentiation *d, const struct graph_node *node,
                                       const struct op_gradient *rule, struct stoa_error *error, size_t *inputs,
                                       size_t *count)
{
    *count = 0;
    for (size_t s = 0; s < rule->input_count; s++) {
        const struct op_source *source = &rule->inputs[s];
        bool input = source->origin == OP_INPUT;
        size_t end = source->rest ? (input ? node->input_count : node->output_count) : (size_t)source->index + 1;
        for (size_t i = source->index; i < end; i++) {
            if (*count == DIFFERENTIATION_MOST_VALUES)
                return too_many(error);
            size_t v = GRAPH_NONE;
            if (i < (input ? node->input_count : node->output_count))
                v = input ? node->inputs[i] : node->outputs[i];
            /* Only the model's values have gradients, not what is saved beside them. */
            if (source->origin == OP_GRADIENT && v != GRAPH_NONE)
                v = v < d->forward->value_count ? d->gradients[v] : GRAPH_NONE;
            inputs[(*count)++] = v;
        }
    }
    return STOA_OK;
}

static enum stoa_status apply_rule(struct differentiation *d, size_t n, const struct op_gradient *rule,
                                   struct stoa_error *error)
{
    const struct graph_node *forward = &d->forward->nodes[n];
    size_t inputs[DIFFERENTIATION_MOST_VALUES], outputs[DIFFERENTIATION_MOST_VALUES], input_count,
        output_count = rule->output_count;
    STOA_TRY(collect_inputs(d, &d->graph->nodes[n], rule, error, inputs, &input_count));
    size_t last = rule->outputs[output_count - 1];
    if (rule->rest && forward->input_count > last + 1)
        output_count += forward->input_count - last - 1;
    if (output_count > DIFFERENTIATION_MOST_VALUES)
        return too_many(error);

    bool wanted = false;
    for (size_t j = 0; j < output_count; j++) {
        size_t i = j < rule->output_count ? rule->outputs[j] : last + 1 + j - rule->output_count;
        size_t v = i < forward->input_count ? forward->inputs[i] : GRAPH_NONE;
        outputs[j] = GRAPH_NONE;
        if (v == GRAPH_NONE || !d->varies[v])
            continue;
        wanted = true;
        STOA_TRY(stoa_differentiation_value(d, "gradient of", d->forward->values[v].name, error, &outputs[j]));
    }
    if (!wanted)
        return STOA_OK;
    char name[400];
    snprintf(name, sizeof name, "backward %.300s", forward->name);
    bool own = stoa_training_op_find(rule->type) != NULL;
    const struct graph_node node = {.name = name,
                                    .type = rule->type,
                                    .domain = own ? OP_TRAINING_DOMAIN : "",
                                    .attributes = own ? d->graph->nodes[n].attributes : (struct attributes){0},
                                    .opset = own ? forward->opset : DIFFERENTIATION_OPSET,
                                    .input_count = input_count,
                                    .output_count = output_count,
                                    .inputs = inputs,
                                    .outputs = outputs};
    STOA_TRY(stoa_graph_add_node(d->graph, &node, error));
    for (size_t j = 0; j < output_count; j++) {
        size_t i = j < rule->output_count ? rule->outputs[j] : last + 1 + j - rule->output_count;
        if (outputs[j] != GRAPH_NONE)
            STOA_TRY(add_gradient(d, forward->inputs[i], outputs[j], error));
    }
    return STOA_OK;
}

enum stoa_status stoa_differentiation_back(struct differentiation *d, struct stoa_error *error)
{
    for (size_t n = d->forward->node_count; n-- > 0;) {
        const struct graph_node *node = &d->forward->nodes[n];
        bool arrives = false;
        for (size_t o = 0; o < node->output_count; o++)
            arrives |= node->outputs[o] != GRAPH_NONE && d->gradients[node->outputs[o]] != GRAPH_NONE;
        size_t count = d->ops[n]->gradient_count;
        const struct op_gradient *others = d->options->rules ? d->options->rules(node->op, &count) : NULL;
        const struct op_gradient *rules = others ? others : d->ops[n]->gradients;
        for (size_t g = 0; arrives && g < count; g++)
            STOA_TRY(stoa_differentiation_at(node, apply_rule(d, n, &rules[g], error), error));
    }
    return STOA_OK;
}
