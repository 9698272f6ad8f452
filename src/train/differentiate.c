/* The training graph from its beginning to its end: the model's values and nodes once more (roles.c says what each is
 * to training), the loss, the backward pass (backward.c), and what comes out. */
#include "train/differentiate.h"

#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "train/differentiation.h"

enum stoa_status stoa_differentiation_value(struct differentiation *d, const char *what, const char *of,
                                            struct stoa_error *error, size_t *value)
{
    char name[400];
    snprintf(name, sizeof name, "%s %.300s", what, of);
    for (size_t i = 2; stoa_graph_find(d->graph, name) != GRAPH_NONE; i++)
        snprintf(name, sizeof name, "%s %.300s (%zu)", what, of, i);
    return stoa_graph_value(d->graph, name, error, value);
}

enum stoa_status stoa_differentiation_at(const struct graph_node *node, enum stoa_status status,
                                         struct stoa_error *error)
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
    STOA_TRY(stoa_differentiation_value(d, "training", name, error, value));
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
    size_t inputs[DIFFERENTIATION_MOST_VALUES], outputs[DIFFERENTIATION_MOST_VALUES];
    struct attribute items[STOA_MAX_ATTRIBUTES + 1];
    for (size_t i = 0; i <= from->op->max_inputs; i++)
        inputs[i] = i < from->input_count ? from->inputs[i] : GRAPH_NONE;
    for (size_t i = 0; i < training->output_count; i++) {
        outputs[i] = i < from->output_count ? from->outputs[i] : GRAPH_NONE;
        if (outputs[i] == GRAPH_NONE && is_kept(d->ops[n], training, i))
            STOA_TRY(stoa_differentiation_value(d, "saved", from->name, error, &outputs[i]));
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
    STOA_TRY(stoa_differentiation_value(d, "training", "loss", error, &outputs[0]));
    STOA_TRY(stoa_differentiation_value(d, "gradient of", d->forward->values[d->scores].name, error, &outputs[1]));
    const struct graph_node node = {.name = "training loss",
                                    .type = d->options->loss,
                                    .domain = OP_TRAINING_DOMAIN,
                                    .attributes = d->options->loss_attributes,
                                    .opset = DIFFERENTIATION_OPSET,
                                    .input_count = 2,
                                    .output_count = 2,
                                    .inputs = (size_t[]){d->scores, labels},
                                    .outputs = outputs};
    d->gradients[d->scores] = outputs[1];
    STOA_TRY(stoa_graph_add_node(d->graph, &node, error));
    STOA_TRY(add_output(d, outputs[0], error, &result->loss));
    return add_output(d, d->scores, error, &result->scores);
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

enum stoa_status stoa_differentiation_begin(struct differentiation *d, struct stoa_error *error)
{
    const struct graph *forward = d->forward;
    const struct stoa_allocator *allocator = &d->result->allocator;
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->reached, error, &d->reached));
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->varies, error, &d->varies));
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->roles, error, &d->roles));
    STOA_TRY(stoa_allocate(allocator, forward->value_count, sizeof *d->gradients, error, &d->gradients));
    STOA_TRY(stoa_allocate(allocator, forward->node_count, sizeof *d->ops, error, &d->ops));
    for (size_t v = 0; v < forward->value_count; v++)
        d->gradients[v] = GRAPH_NONE;
    return STOA_OK;
}

void stoa_differentiation_end(struct differentiation *d)
{
    const struct stoa_allocator *allocator = &d->result->allocator;
    stoa_release(allocator, d->reached);
    stoa_release(allocator, d->varies);
    stoa_release(allocator, d->roles);
    stoa_release(allocator, d->gradients);
    stoa_release(allocator, d->ops);
}

enum stoa_status stoa_differentiation_copy(struct differentiation *d, struct stoa_error *error)
{
    STOA_TRY(copy_values(d, error));
    for (size_t n = 0; n < d->forward->node_count; n++)
        STOA_TRY(stoa_differentiation_at(&d->forward->nodes[n], copy_node(d, n, error), error));
    return STOA_OK;
}

static enum stoa_status differentiate(struct differentiation *d, struct stoa_error *error)
{
    const struct graph *forward = d->forward;
    struct train_graph *result = d->result;
    STOA_TRY(stoa_differentiation_begin(d, error));
    STOA_TRY(stoa_differentiation_frozen(d, error));
    stoa_differentiation_roles(d);
    for (size_t n = 0; n < forward->node_count; n++)
        STOA_TRY(stoa_differentiation_at(&forward->nodes[n], stoa_differentiation_operator(d, n, error), error));
    if (!d->varies[d->scores])
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "output '%.100s' depends on no parameter that is not frozen",
                         forward->values[d->scores].name);
    STOA_TRY(stoa_differentiation_copy(d, error));
    STOA_TRY(add_loss(d, error));
    STOA_TRY(add_parameters(d, ROLE_PARAMETER, error, &result->parameters, &result->parameter_count));
    STOA_TRY(add_parameters(d, ROLE_STATISTIC, error, &result->statistics, &result->statistic_count));
    STOA_TRY(stoa_differentiation_back(d, error));
    STOA_TRY(add_outputs(d, error));
    return stoa_graph_finish(d->graph, error);
}

static enum stoa_status create(const struct stoa_model *model, const struct differentiate_options *options,
                               struct train_graph *result, struct stoa_error *error)
{
    struct differentiation d = {.forward = &model->graph, .options = options, .result = result, .seed = GRAPH_NONE};
    if (!model->graph.output_count)
        return stoa_fail(error, STOA_ERROR_GRAPH, "the model has no output");
    for (size_t n = 0; n < model->graph.node_count; n++)
        if (model->graph.nodes[n].branches[0])
            return stoa_differentiation_at(
                &model->graph.nodes[n],
                stoa_fail(error, STOA_ERROR_UNSUPPORTED, "models with branches are not trained"), error);
    d.scores = stoa_differentiation_scores(&model->graph, options->loss);
    STOA_TRY(stoa_allocate(&result->allocator, 1, sizeof *result->model, error, &result->model));
    result->model->allocator = result->allocator;
    result->model->log = model->log;
    d.graph = &result->model->graph;
    STOA_TRY(stoa_graph_init(d.graph, &result->allocator, error));
    d.graph->training = true;
    enum stoa_status status = differentiate(&d, error);
    stoa_differentiation_end(&d);
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
