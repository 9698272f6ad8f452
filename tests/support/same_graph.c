#include "support/same_graph.h"

#include <stdio.h>
#include <string.h>

#include "base/tensor.h"

static bool same_tensor(const struct stoa_tensor *a, const struct stoa_tensor *b)
{
    size_t bytes = stoa_tensor_bytes(a);
    return a->dtype == b->dtype && stoa_tensor_same_dims(a, b) && (!bytes || memcmp(a->data, b->data, bytes) == 0);
}

static bool same_numbers(const void *a, const void *b, size_t count, size_t size)
{
    return !count || memcmp(a, b, count * size) == 0;
}

static bool same_attribute(const struct attribute *a, const struct attribute *b)
{
    if (strcmp(a->name, b->name) != 0 || a->kind != b->kind || a->count != b->count)
        return false;
    switch (a->kind) {
    case ATTRIBUTE_FLOAT:
        return memcmp(&a->number, &b->number, sizeof a->number) == 0;
    case ATTRIBUTE_INT:
        return a->integer == b->integer;
    case ATTRIBUTE_STRING:
        return strcmp(a->string, b->string) == 0;
    case ATTRIBUTE_TENSOR:
        return same_tensor(a->tensor, b->tensor);
    case ATTRIBUTE_FLOATS:
        return same_numbers(a->numbers, b->numbers, a->count, sizeof *a->numbers);
    case ATTRIBUTE_INTS:
        return same_numbers(a->integers, b->integers, a->count, sizeof *a->integers);
    case ATTRIBUTE_STRINGS:
        for (size_t i = 0; i < a->count; i++)
            if (strcmp(a->strings[i], b->strings[i]) != 0)
                return false;
        return true;
    default:
        return false;
    }
}

static const char *name_of(const struct graph *graph, size_t value)
{
    return value == GRAPH_NONE ? "" : graph->values[value].name;
}

static bool same_names(const struct graph *a, const size_t *a_values, size_t a_count, const struct graph *b,
                       const size_t *b_values, size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (strcmp(name_of(a, a_values[i]), name_of(b, b_values[i])) != 0)
            return false;
    return true;
}

static const char *domain_of(const struct graph_node *node)
{
    return strcmp(node->domain, "ai.onnx") == 0 ? "" : node->domain;
}

static bool same_node(const struct graph *a, const struct graph_node *x, const struct graph *b,
                      const struct graph_node *y)
{
    if (strcmp(x->name, y->name) != 0 || strcmp(x->type, y->type) != 0 || strcmp(domain_of(x), domain_of(y)) != 0 ||
        x->opset != y->opset || x->op != y->op || x->attributes.count != y->attributes.count)
        return false;
    for (size_t i = 0; i < x->attributes.count; i++)
        if (!same_attribute(&x->attributes.items[i], &y->attributes.items[i]))
            return false;
    return same_names(a, x->inputs, x->input_count, b, y->inputs, y->input_count) &&
           same_names(a, x->outputs, x->output_count, b, y->outputs, y->output_count);
}

static bool same_value(const struct graph_value *a, const struct graph_value *b)
{
    if (a->dtype != b->dtype || a->has_shape != b->has_shape || a->rank != b->rank || a->is_input != b->is_input ||
        a->is_output != b->is_output || !a->constant != !b->constant)
        return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return !a->constant || same_tensor(a->constant, b->constant);
}

const char *same_graph(const struct graph *a, const struct graph *b, size_t size, char *text)
{
    snprintf(text, size, "%s", "");
    if (!same_names(a, a->inputs, a->input_count, b, b->inputs, b->input_count))
        snprintf(text, size, "other inputs");
    else if (!same_names(a, a->outputs, a->output_count, b, b->outputs, b->output_count))
        snprintf(text, size, "other outputs");
    else if (a->node_count != b->node_count)
        snprintf(text, size, "%zu nodes and %zu", a->node_count, b->node_count);
    for (size_t i = 0; !*text && i < a->node_count; i++)
        if (!same_node(a, &a->nodes[i], b, &b->nodes[i]))
            snprintf(text, size, "node '%s' differs from '%s'", a->nodes[i].name, b->nodes[i].name);
    for (size_t v = 0; !*text && v < a->value_count; v++) {
        size_t other = stoa_graph_find(b, a->values[v].name);
        /* A value that no node, input, output or constant has does not matter. */
        bool used = a->values[v].constant || a->values[v].is_input || a->values[v].is_output;
        if (used && (other == GRAPH_NONE || !same_value(&a->values[v], &b->values[other])))
            snprintf(text, size, "value '%s' differs", a->values[v].name);
    }
    for (size_t v = 0; !*text && v < b->value_count; v++) {
        size_t other = stoa_graph_find(a, b->values[v].name);
        if (b->values[v].constant && (other == GRAPH_NONE || !a->values[other].constant))
            snprintf(text, size, "constant '%s' is new", b->values[v].name);
    }
    return text;
}
