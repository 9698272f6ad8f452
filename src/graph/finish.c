/* What a graph must satisfy before anyone plans it, checked in passes over the nodes: operators first, so that one
 * message lists everything the engine lacks; then the wiring; then each node's attributes. */
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "graph/decide.h"
#include "graph/graph.h"
#include "graph/names.h"
#include "graph/order.h"

static bool in_default_domain(const struct graph_node *node)
{
    return !node->domain[0] || strcmp(node->domain, "ai.onnx") == 0;
}

static bool is_constant_node(const struct graph_node *node)
{
    return in_default_domain(node) && strcmp(node->type, "Constant") == 0;
}

/* Puts the node in front of a failure's message. */
static enum stoa_status at_node(const struct graph_node *node, enum stoa_status status, struct stoa_error *error)
{
    if (status != STOA_OK)
        stoa_error_prefix(error, "node '%.80s' (%.80s): ", node->name, node->type);
    return status;
}

/* The distinct operators that the engine does not have, in the order of their first appearance. */
struct missing {
    struct name_table names;
    struct missing_operator {
        const char *text;
        size_t uses;
    } * items;
    size_t count, capacity;
};

static enum stoa_status note_missing(struct graph *graph, const struct graph_node *node, bool known,
                                     struct missing *missing, struct stoa_error *error)
{
    char text[256];
    if (!in_default_domain(node))
        snprintf(text, sizeof text, "%.120s.%.80s", node->domain, node->type);
    else if (known)
        snprintf(text, sizeof text, "%.80s at opset %d", node->type, node->opset);
    else
        snprintf(text, sizeof text, "%.80s", node->type);
    size_t index = stoa_names_find(&missing->names, text);
    if (index != NAMES_NONE) {
        missing->items[index].uses++;
        return STOA_OK;
    }
    if (missing->count == missing->capacity)
        return STOA_OK; /* the message is full long before */
    struct missing_operator added = {.uses = 1};
    STOA_TRY(stoa_arena_string(&graph->arena, text, strlen(text), error, &added.text));
    STOA_TRY(stoa_names_add(&missing->names, added.text, missing->count, error));
    missing->items[missing->count++] = added;
    return STOA_OK;
}

static enum stoa_status report_missing(const struct missing *missing, struct stoa_error *error)
{
    char list[900];
    size_t used = 0;
    for (size_t i = 0; i < missing->count; i++) {
        int length = snprintf(list + used, sizeof list - used, "%s%s (%zu)", i ? ", " : "", missing->items[i].text,
                              missing->items[i].uses);
        if ((size_t)length >= sizeof list - used) {
            list[used] = '\0';
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "unsupported operators: %s, and more", list);
        }
        used += (size_t)length;
    }
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "unsupported operators: %s", list);
}

#define MISSING_CAPACITY 512

/* Finds each node's operator; lists all that are missing in one message. */
static enum stoa_status find_operators(struct graph *graph, struct stoa_error *error)
{
    struct missing missing = {.capacity = MISSING_CAPACITY};
    stoa_names_init(&missing.names, &graph->arena.allocator);
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; i < graph->node_count && status == STOA_OK; i++) {
        struct graph_node *node = &graph->nodes[i];
        bool known = false;
        if (is_constant_node(node))
            continue;
        if (in_default_domain(node))
            node->op = stoa_op_find(node->type, node->opset, &known);
        else if (graph->training && strcmp(node->domain, OP_TRAINING_DOMAIN) == 0)
            node->op = stoa_training_op_find(node->type);
        if (node->op)
            continue;
        if (!missing.items)
            status = stoa_arena_allocate(&graph->arena, missing.capacity, sizeof *missing.items, error, &missing.items);
        if (status == STOA_OK)
            status = note_missing(graph, node, known, &missing, error);
    }
    if (status == STOA_OK && missing.count)
        status = report_missing(&missing, error);
    stoa_names_deinit(&missing.names);
    return status;
}

static enum stoa_status constant_from_attribute(const struct attribute *attribute, struct stoa_error *error,
                                                struct stoa_tensor *tensor)
{
    static const struct {
        const char *name;
        enum attribute_kind kind;
    } known[] = {{"value", ATTRIBUTE_TENSOR},
                 {"value_float", ATTRIBUTE_FLOAT},
                 {"value_int", ATTRIBUTE_INT},
                 {"value_floats", ATTRIBUTE_FLOATS},
                 {"value_ints", ATTRIBUTE_INTS}};
    size_t i = 0;
    while (i < sizeof known / sizeof known[0] && strcmp(known[i].name, attribute->name) != 0)
        i++;
    if (i == sizeof known / sizeof known[0])
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "attribute %.100s is not supported", attribute->name);
    if (known[i].kind != attribute->kind)
        return stoa_fail(error, STOA_ERROR_GRAPH, "attribute %s is of type %d, must be %d", attribute->name,
                         (int)attribute->kind, (int)known[i].kind);

    const void *data = NULL;
    switch (attribute->kind) {
    case ATTRIBUTE_TENSOR:
        *tensor = *attribute->tensor;
        return STOA_OK;
    case ATTRIBUTE_FLOAT:
        *tensor = (struct stoa_tensor){.dtype = STOA_FLOAT};
        data = &attribute->number;
        break;
    case ATTRIBUTE_INT:
        *tensor = (struct stoa_tensor){.dtype = STOA_INT64};
        data = &attribute->integer;
        break;
    case ATTRIBUTE_FLOATS:
        *tensor = (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 1, .dims = {attribute->count}};
        data = attribute->numbers;
        break;
    default: /* ATTRIBUTE_INTS */
        *tensor = (struct stoa_tensor){.dtype = STOA_INT64, .rank = 1, .dims = {attribute->count}};
        data = attribute->integers;
        break;
    }
    stoa_tensor_set_plain(tensor);
    /* An empty list may have no array; a constant always has an address. */
    tensor->data = stoa_read_only(data ? data : attribute);
    return STOA_OK;
}

static enum stoa_status fold_constant_node(struct graph *graph, const struct graph_node *node, struct stoa_error *error)
{
    if (node->input_count)
        return stoa_fail(error, STOA_ERROR_GRAPH, "takes no inputs, has %zu", node->input_count);
    if (node->output_count != 1)
        return stoa_fail(error, STOA_ERROR_GRAPH, "has 1 output, not %zu", node->output_count);
    if (node->attributes.count != 1)
        return stoa_fail(error, STOA_ERROR_GRAPH, "has %zu attributes, must have exactly one", node->attributes.count);
    struct stoa_tensor tensor;
    STOA_TRY(constant_from_attribute(&node->attributes.items[0], error, &tensor));
    if (graph->values[node->outputs[0]].is_input)
        return stoa_fail(error, STOA_ERROR_GRAPH, "output 0 '%.100s' is an input of the model",
                         graph->values[node->outputs[0]].name);
    return stoa_graph_set_constant(graph, node->outputs[0], &tensor, error);
}

/* Takes the Constant nodes out of the list. */
static enum stoa_status fold_constant_nodes(struct graph *graph, struct stoa_error *error)
{
    size_t kept = 0;
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        if (is_constant_node(node))
            STOA_TRY(at_node(node, fold_constant_node(graph, node, error), error));
        else
            graph->nodes[kept++] = *node;
    }
    graph->node_count = kept;
    return STOA_OK;
}

/* Up to ir_version 3 files list initialisers among the inputs, and later ones may. */
static void drop_constant_inputs(struct graph *graph)
{
    size_t kept = 0;
    for (size_t i = 0; i < graph->input_count; i++) {
        struct graph_value *value = &graph->values[graph->inputs[i]];
        if (value->constant)
            value->is_input = false;
        else
            graph->inputs[kept++] = graph->inputs[i];
    }
    graph->input_count = kept;
}

static enum stoa_status check_arity(const char *what, const size_t *values, size_t count, size_t least, size_t most,
                                    struct stoa_error *error)
{
    if (count > most)
        return stoa_fail(error, STOA_ERROR_GRAPH, "has %zu %ss, at most %zu are possible", count, what, most);
    for (size_t i = 0; i < least; i++)
        if (i >= count || values[i] == GRAPH_NONE)
            return stoa_fail(error, STOA_ERROR_GRAPH, "%s %zu is missing", what, i);
    return STOA_OK;
}

static enum stoa_status check_inputs(const struct graph *graph, size_t index, struct stoa_error *error)
{
    const struct graph_node *node = &graph->nodes[index];
    size_t own = node->branches[0] && node->input_count ? 1 : node->input_count;
    STOA_TRY(check_arity("input", node->inputs, own, node->op->min_inputs, node->op->max_inputs, error));
    for (size_t i = 0; i < node->input_count; i++) {
        if (node->inputs[i] == GRAPH_NONE)
            continue;
        const struct graph_value *value = &graph->values[node->inputs[i]];
        if (value->producer == index)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input %zu '%.100s' is its own output", i, value->name);
        if (value->producer == GRAPH_NONE && !value->constant && !value->is_input)
            return stoa_fail(error, STOA_ERROR_GRAPH,
                             "input %zu '%.100s' is neither an input of the model nor a constant nor any node's output",
                             i, value->name);
    }
    return STOA_OK;
}

static enum stoa_status set_producer(struct graph *graph, size_t index, struct stoa_error *error)
{
    const struct graph_node *node = &graph->nodes[index];
    STOA_TRY(
        check_arity("output", node->outputs, node->output_count, node->op->min_outputs, node->op->max_outputs, error));
    for (size_t i = 0; i < node->output_count; i++) {
        if (node->outputs[i] == GRAPH_NONE)
            continue;
        struct graph_value *value = &graph->values[node->outputs[i]];
        if (value->producer != GRAPH_NONE)
            return stoa_fail(error, STOA_ERROR_GRAPH, "output %zu '%.100s' is produced by node '%.80s' too", i,
                             value->name, graph->nodes[value->producer].name);
        if (value->constant || value->is_input)
            return stoa_fail(error, STOA_ERROR_GRAPH, "output %zu '%.100s' is %s already", i, value->name,
                             value->constant ? "a constant" : "an input of the model");
        value->producer = index;
    }
    return STOA_OK;
}

static enum stoa_status check_wiring(struct graph *graph, struct stoa_error *error)
{
    for (size_t i = 0; i < graph->node_count; i++)
        STOA_TRY(at_node(&graph->nodes[i], set_producer(graph, i, error), error));
    for (size_t i = 0; i < graph->node_count; i++)
        STOA_TRY(at_node(&graph->nodes[i], check_inputs(graph, i, error), error));
    for (size_t i = 0; i < graph->output_count; i++) {
        const struct graph_value *value = &graph->values[graph->outputs[i]];
        if (value->producer == GRAPH_NONE && !value->constant && !value->is_input)
            return stoa_fail(error, STOA_ERROR_GRAPH, "output '%.100s' of the model is produced by no node",
                             value->name);
    }
    return STOA_OK;
}

static enum stoa_status parse_attributes(struct graph *graph, struct graph_node *node, struct stoa_error *error)
{
    struct attribute_reader reader =
        stoa_reader(&node->attributes, node->opset, node->input_count, node->output_count, error);
    if (!node->op->parse)
        return stoa_reader_finish(&reader);
    void *params;
    STOA_TRY(stoa_arena_allocate(&graph->arena, 1, node->op->params_size, error, &params));
    node->params = params;
    return node->op->parse(&reader, params);
}

enum stoa_status stoa_graph_finish(struct graph *graph, struct stoa_error *error)
{
    STOA_TRY(find_operators(graph, error));
    STOA_TRY(fold_constant_nodes(graph, error));
    drop_constant_inputs(graph);
    STOA_TRY(check_wiring(graph, error));
    STOA_TRY(stoa_graph_order(graph, error));
    for (size_t i = 0; i < graph->node_count; i++)
        STOA_TRY(at_node(&graph->nodes[i], parse_attributes(graph, &graph->nodes[i], error), error));
    return stoa_graph_decide(graph, error);
}
