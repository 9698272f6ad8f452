/* Two walks over the model's nodes: forwards to copy them, knowing what depends on parameters; backwards to hang behind
 * each the operators that its gradients come from. */
#include "train/differentiate.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"

#define OPSET 13 /* of the nodes that are added */

enum role { ROLE_NONE, ROLE_PARAMETER, ROLE_STATISTIC };

struct differentiation {
    const struct graph *forward;
    const struct differentiate_options *options;
    struct train_graph *result;
    struct graph *graph;
    size_t scores; /* what the loss reads */
    /* For each value of the model. */
    bool *reached; /* the scores depend on it */
    bool *varies;  /* it depends on a parameter, or its gradient is wanted */
    unsigned char *roles;
    size_t *gradients; /* a value of the training graph, or GRAPH_NONE */
    /* For each node of the model, which has the same index in the training graph. */
    const struct op **ops;
    size_t seed; /* value, once there is one */
};

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

/* *value = a new value called "<what> <of>", or something like it where that is taken. */
static enum stoa_status new_value(struct differentiation *d, const char *what, const char *of, struct stoa_error *error,
                                  size_t *value)
{
    char name[400];
    snprintf(name, sizeof name, "%s %.300s", what, of);
    for (size_t i = 2; stoa_graph_find(d->graph, name) != GRAPH_NONE; i++)
        snprintf(name, sizeof name, "%s %.300s (%zu)", what, of, i);
    return stoa_graph_value(d->graph, name, error, value);
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

static bool is_reached(const struct differentiation *d, const struct graph_node *node)
{
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE && d->reached[node->outputs[i]])
            return true;
    return false;
}

/* The scores, or what a function that is part of the loss makes them of. */
static size_t find_scores(const struct graph *graph, const char *loss)
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

static void find_roles(struct differentiation *d)
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

static enum stoa_status choose_op(struct differentiation *d, size_t n, struct stoa_error *error)
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

static enum stoa_status at_node(const struct graph_node *node, enum stoa_status status, struct stoa_error *error)
{
    if (status != STOA_OK)
        stoa_error_prefix(error, "node '%.80s' (%.80s): ", node->name, node->type);
    return status;
}

static enum stoa_status copy_values(struct differentiation *d, struct stoa_error *error)
{
    for (size_t v = 0; v < d->forward->value_count; v++) {
        const struct graph_value *from = &d->forward->values[v];
        size_t made;
        STOA_TRY(stoa_graph_value(d->graph, from->name, error, &made));
        struct graph_value *to = &d->graph->values[made];
        to->dtype = from->dtype;
        to->has_shape = from->has_shape;
        to->rank = from->rank;
        memcpy(to->dims, from->dims, sizeof to->dims);
        if (from->constant && d->roles[v] == ROLE_NONE)
            STOA_TRY(stoa_graph_set_constant(d->graph, made, from->constant, error));
    }
    for (size_t i = 0; i < d->forward->input_count; i++)
        STOA_TRY(stoa_graph_add_input(d->graph, d->forward->inputs[i], error));
    return STOA_OK;
}

static enum stoa_status add_input(struct differentiation *d, const char *name, enum stoa_dtype dtype, size_t rank,
                                  int64_t dim, struct stoa_error *error, size_t *value)
{
    STOA_TRY(new_value(d, "training", name, error, value));
    struct graph_value *made = &d->graph->values[*value];
    made->dtype = dtype;
    made->has_shape = rank > 0;
    made->rank = rank;
    made->dims[0] = dim;
    return stoa_graph_add_input(d->graph, *value, error);
}

/* All that has a role becomes an input: parameters first. */
static enum stoa_status add_parameters(struct differentiation *d, enum role role, struct stoa_error *error,
                                       struct train_parameter **list, size_t *count)
{
    size_t values = d->forward->value_count;
    for (size_t v = 0; v < values; v++)
        *count += d->roles[v] == role;
    STOA_TRY(stoa_allocate(&d->result->allocator, *count, sizeof **list, error, list));
    struct train_parameter *next = *list;
    for (size_t v = 0; v < values; v++) {
        if (d->roles[v] != role)
            continue;
        *next++ = (struct train_parameter){.name = d->forward->values[v].name,
                                           .value = v,
                                           .tensor = d->forward->values[v].constant,
                                           .input = d->graph->input_count,
                                           .output = GRAPH_NONE};
        STOA_TRY(stoa_graph_add_input(d->graph, v, error));
    }
    return STOA_OK;
}

#define MOST_VALUES 512 /* inputs or outputs of a node of a training graph */

static enum stoa_status too_many(struct stoa_error *error)
{
    return stoa_fail(error, STOA_ERROR_LIMIT, "training takes at most %d inputs and outputs of a node", MOST_VALUES);
}

/* Whether anyone reads output i of what takes an operator's place. */
static bool is_kept(const struct op *op, const struct op_training *training, size_t i)
{
    for (size_t u = 0; u < training->update_count; u++)
        if (training->updates[u].output == i)
            return true;
    for (size_t g = 0; g < op->gradient_count; g++)
        for (size_t s = 0; s < op->gradients[g].input_count; s++)
            if (op->gradients[g].inputs[s].origin == OP_OUTPUT && op->gradients[g].inputs[s].index == i)
                return true;
    return false;
}

/* The node as it is, or what takes its place. */
static enum stoa_status copy_node(struct differentiation *d, size_t n, struct stoa_error *error)
{
    const struct graph_node *from = &d->forward->nodes[n];
    struct graph_node node = *from;
    if (d->ops[n] == from->op)
        return stoa_graph_add_node(d->graph, &node, error);

    const struct op_training *training = from->op->training;
    size_t inputs[MOST_VALUES], outputs[MOST_VALUES];
    struct attribute items[STOA_MAX_ATTRIBUTES + 1];
    for (size_t i = 0; i <= from->op->max_inputs; i++)
        inputs[i] = i < from->input_count ? from->inputs[i] : GRAPH_NONE;
    for (size_t i = 0; i < training->output_count; i++) {
        outputs[i] = i < from->output_count ? from->outputs[i] : GRAPH_NONE;
        if (outputs[i] == GRAPH_NONE && is_kept(d->ops[n], training, i))
            STOA_TRY(new_value(d, "saved", from->name, error, &outputs[i]));
    }
    node.type = training->type;
    node.domain = OP_TRAINING_DOMAIN;
    node.inputs = inputs;
    node.outputs = outputs;
    node.output_count = training->output_count;
    if (training->takes_seed) {
        if (d->seed == GRAPH_NONE) {
            d->result->seed = d->graph->input_count;
            STOA_TRY(add_input(d, "seed", STOA_INT64, 1, 2, error, &d->seed));
        }
        inputs[from->op->max_inputs] = d->seed;
        node.input_count = (size_t)from->op->max_inputs + 1;
        if (from->attributes.count)
            memcpy(items, from->attributes.items, from->attributes.count * sizeof *items);
        items[from->attributes.count] =
            (struct attribute){.name = "stream", .kind = ATTRIBUTE_INT, .integer = (int64_t)n};
        node.attributes = (struct attributes){.items = items, .count = from->attributes.count + 1};
    }
    return stoa_graph_add_node(d->graph, &node, error);
}

static enum stoa_status add_output(struct differentiation *d, size_t value, struct stoa_error *error, size_t *output)
{
    *output = d->graph->output_count;
    return stoa_graph_add_output(d->graph, value, error);
}

static enum stoa_status add_loss(struct differentiation *d, struct stoa_error *error)
{
    struct train_graph *result = d->result;
    size_t labels, outputs[2];
    result->labels = d->graph->input_count;
    STOA_TRY(add_input(d, "labels", d->options->class_labels ? STOA_INT64 : STOA_FLOAT,
                       d->options->class_labels ? 1 : 0, GRAPH_UNKNOWN, error, &labels));
    STOA_TRY(new_value(d, "training", "loss", error, &outputs[0]));
    STOA_TRY(new_value(d, "gradient of", d->forward->values[d->scores].name, error, &outputs[1]));
    const struct graph_node node = {.name = "training loss",
                                    .type = d->options->loss,
                                    .domain = OP_TRAINING_DOMAIN,
                                    .attributes = d->options->loss_attributes,
                                    .opset = OPSET,
                                    .input_count = 2,
                                    .output_count = 2,
                                    .inputs = (size_t[]){d->scores, labels},
                                    .outputs = outputs};
    d->gradients[d->scores] = outputs[1];
    STOA_TRY(stoa_graph_add_node(d->graph, &node, error));
    STOA_TRY(add_output(d, outputs[0], error, &result->loss));
    return add_output(d, d->scores, error, &result->scores);
}

/* Adds what another reader of value v makes of its gradient. */
static enum stoa_status add_gradient(struct differentiation *d, size_t v, size_t gradient, struct stoa_error *error)
{
    size_t sum;
    if (d->gradients[v] == GRAPH_NONE) {
        d->gradients[v] = gradient;
        return STOA_OK;
    }
    STOA_TRY(new_value(d, "gradient of", d->forward->values[v].name, error, &sum));
    const struct graph_node node = {.name = "",
                                    .type = "Add",
                                    .domain = "",
                                    .opset = OPSET,
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
            if (*count == MOST_VALUES)
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
    size_t inputs[MOST_VALUES], outputs[MOST_VALUES], input_count, output_count = rule->output_count;
    STOA_TRY(collect_inputs(d, &d->graph->nodes[n], rule, error, inputs, &input_count));
    size_t last = rule->outputs[output_count - 1];
    if (rule->rest && forward->input_count > last + 1)
        output_count += forward->input_count - last - 1;
    if (output_count > MOST_VALUES)
        return too_many(error);

    bool wanted = false;
    for (size_t j = 0; j < output_count; j++) {
        size_t i = j < rule->output_count ? rule->outputs[j] : last + 1 + j - rule->output_count;
        size_t v = i < forward->input_count ? forward->inputs[i] : GRAPH_NONE;
        outputs[j] = GRAPH_NONE;
        if (v == GRAPH_NONE || !d->varies[v])
            continue;
        wanted = true;
        STOA_TRY(new_value(d, "gradient of", d->forward->values[v].name, error, &outputs[j]));
    }
    if (!wanted)
        return STOA_OK;
    char name[400];
    snprintf(name, sizeof name, "backward %.300s", forward->name);
    const struct graph_node node = {.name = name,
                                    .type = rule->type,
                                    .domain = OP_TRAINING_DOMAIN,
                                    .attributes = d->graph->nodes[n].attributes,
                                    .opset = forward->opset,
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

static enum stoa_status go_back(struct differentiation *d, struct stoa_error *error)
{
    for (size_t n = d->forward->node_count; n-- > 0;) {
        const struct graph_node *node = &d->forward->nodes[n];
        bool arrives = false;
        for (size_t o = 0; o < node->output_count; o++)
            arrives |= node->outputs[o] != GRAPH_NONE && d->gradients[node->outputs[o]] != GRAPH_NONE;
        for (size_t g = 0; arrives && g < d->ops[n]->gradient_count; g++)
            STOA_TRY(at_node(node, apply_rule(d, n, &d->ops[n]->gradients[g], error), error));
    }
    return STOA_OK;
}

static struct train_parameter *find_parameter(struct train_parameter *list, size_t count, size_t value)
{
    size_t i = 0;
    while (i < count && list[i].value != value)
        i++;
    return i < count ? &list[i] : NULL;
}

static enum stoa_status add_outputs(struct differentiation *d, struct stoa_error *error)
{
    struct train_graph *result = d->result;
    for (size_t p = 0; p < result->parameter_count; p++)
        if (d->gradients[result->parameters[p].value] != GRAPH_NONE)
            STOA_TRY(add_output(d, d->gradients[result->parameters[p].value], error, &result->parameters[p].output));
    for (size_t n = 0; n < d->forward->node_count; n++) {
        const struct graph_node *node = &d->graph->nodes[n];
        const struct op_training *training = d->forward->nodes[n].op->training;
        for (size_t u = 0; d->ops[n] != d->forward->nodes[n].op && u < training->update_count; u++) {
            struct train_parameter *statistic =
                find_parameter(result->statistics, result->statistic_count, node->inputs[training->updates[u].input]);
            STOA_TRY(add_output(d, node->outputs[training->updates[u].output], error, &statistic->output));
        }
    }
    size_t inputs = d->options->input_gradients ? d->forward->input_count : 0;
    if (inputs)
        STOA_TRY(stoa_allocate(&result->allocator, inputs, sizeof *result->input_gradients, error,
                               &result->input_gradients));
    for (size_t i = 0; i < inputs; i++) {
        size_t gradient = d->gradients[d->forward->inputs[i]];
        result->input_gradients[i] = GRAPH_NONE;
        if (gradient != GRAPH_NONE)
            STOA_TRY(add_output(d, gradient, error, &result->input_gradients[i]));
    }
    return STOA_OK;
}

static enum stoa_status differentiate(struct differentiation *d, struct stoa_error *error)
{
    const struct graph *forward = d->forward;
    struct train_graph *result = d->result;
    const struct stoa_allocator *allocator = &result->allocator;
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->reached, error, &d->reached));
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->varies, error, &d->varies));
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->roles, error, &d->roles));
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->gradients, error, &d->gradients));
    STOA_TRY(stoa_allocate(allocator, forward->node_count, sizeof *d->ops, error, &d->ops));
    for (size_t v = 0; v < forward->value_count; v++)
        d->gradients[v] = GRAPH_NONE;

    find_roles(d);
    for (size_t n = 0; n < forward->node_count; n++)
        STOA_TRY(at_node(&forward->nodes[n], choose_op(d, n, error), error));
    if (!d->varies[d->scores])
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "output '%.100s' depends on no parameter that is not frozen",
                         forward->values[d->scores].name);
    STOA_TRY(copy_values(d, error));
    for (size_t n = 0; n < forward->node_count; n++)
        STOA_TRY(at_node(&forward->nodes[n], copy_node(d, n, error), error));
    STOA_TRY(add_loss(d, error));
    STOA_TRY(add_parameters(d, ROLE_PARAMETER, error, &result->parameters, &result->parameter_count));
    STOA_TRY(add_parameters(d, ROLE_STATISTIC, error, &result->statistics, &result->statistic_count));
    STOA_TRY(go_back(d, error));
    STOA_TRY(add_outputs(d, error));
    return stoa_graph_finish(d->graph, error);
}

static enum stoa_status create(const struct stoa_model *model, const struct differentiate_options *options,
                               struct train_graph *result, struct stoa_error *error)
{
    struct differentiation d = {.forward = &model->graph, .options = options, .result = result, .seed = GRAPH_NONE};
    if (!model->graph.output_count)
        return stoa_fail(error, STOA_ERROR_GRAPH, "the model has no output");
    d.scores = find_scores(&model->graph, options->loss);
    STOA_TRY(stoa_allocate(&result->allocator, 1, sizeof *result->model, error, &result->model));
    result->model->allocator = result->allocator;
    result->model->log = model->log;
    d.graph = &result->model->graph;
    STOA_TRY(stoa_graph_init(d.graph, &result->allocator, error));
    d.graph->training = true;
    enum stoa_status status = differentiate(&d, error);
    stoa_release(&result->allocator, d.reached);
    stoa_release(&result->allocator, d.varies);
    stoa_release(&result->allocator, d.roles);
    stoa_release(&result->allocator, d.gradients);
    stoa_release(&result->allocator, d.ops);
    return status;
}

enum stoa_status stoa_differentiate(const struct stoa_model *model, const struct differentiate_options *options,
                                    const struct stoa_allocator *allocator, struct stoa_error *error,
                                    struct train_graph **out)
{
    struct train_graph *result;
    *out = NULL;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *result, error, &result));
    result->allocator = *allocator;
    result->seed = GRAPH_NONE;
    enum stoa_status status = create(model, options, result, error);
    if (status == STOA_OK)
        *out = result;
    else
        stoa_train_graph_free(result);
    return status;
}

void stoa_train_graph_free(struct train_graph *graph)
{
    if (!graph)
        return;
    struct stoa_allocator allocator = graph->allocator;
    stoa_model_free(graph->model);
    stoa_release(&allocator, graph->parameters);
    stoa_release(&allocator, graph->statistics);
    stoa_release(&allocator, graph->input_gradients);
    stoa_release(&allocator, graph);
}
