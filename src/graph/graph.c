/* Building a graph: a table of values with a hash from names to indices, and a list of nodes. Nothing is checked here
 * that needs the whole graph; see finish.c. */
#include "graph/graph.h"

#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "graph/names.h"

#define LEAST_CAPACITY 32

enum stoa_status stoa_graph_init(struct graph *graph, const struct stoa_allocator *allocator, struct stoa_error *error)
{
    *graph = (struct graph){0};
    stoa_arena_init(&graph->arena, allocator);
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *graph->names, error, &graph->names));
    stoa_names_init(graph->names, allocator);
    return STOA_OK;
}

void stoa_graph_deinit(struct graph *graph)
{
    struct stoa_allocator allocator = graph->arena.allocator;
    for (struct graph *branch = graph->branches; branch;) { /* no deeper than files nest messages */
        struct graph *next = branch->next;
        stoa_graph_deinit(branch);
        branch = next;
    }
    if (graph->names)
        stoa_names_deinit(graph->names);
    stoa_release(&allocator, graph->names);
    stoa_release(&allocator, graph->values);
    stoa_release(&allocator, graph->nodes);
    stoa_release(&allocator, graph->inputs);
    stoa_release(&allocator, graph->outputs);
    stoa_arena_deinit(&graph->arena);
    *graph = (struct graph){0};
}

/* Makes room for one more element behind `count`. `array` points to the array's pointer. */
static enum stoa_status reserve(struct graph *graph, size_t size, size_t count, void *array, size_t *capacity,
                                struct stoa_error *error)
{
    if (count < *capacity)
        return STOA_OK;
    size_t wanted;
    if (!stoa_size_mul(stoa_size_max(*capacity, LEAST_CAPACITY / 2), 2, &wanted))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the graph has too many elements");
    void *old, *new;
    memcpy(&old, array, sizeof old);
    STOA_TRY(stoa_allocate_raw(&graph->arena.allocator, wanted, size, error, &new));
    if (count)
        memcpy(new, old, count * size);
    memcpy(array, &new, sizeof new);
    *capacity = wanted;
    stoa_release(&graph->arena.allocator, old);
    return STOA_OK;
}

enum stoa_status stoa_graph_value(struct graph *graph, const char *name, struct stoa_error *error, size_t *value)
{
    if (!name[0])
        return stoa_fail(error, STOA_ERROR_GRAPH, "a value has an empty name");
    *value = stoa_graph_find(graph, name);
    if (*value != GRAPH_NONE)
        return STOA_OK;
    STOA_TRY(reserve(graph, sizeof *graph->values, graph->value_count, &graph->values, &graph->value_capacity, error));
    struct graph_value added = {.producer = GRAPH_NONE};
    STOA_TRY(stoa_arena_string(&graph->arena, name, strlen(name), error, &added.name));
    STOA_TRY(stoa_names_add(graph->names, added.name, graph->value_count, error));
    *value = graph->value_count++;
    graph->values[*value] = added;
    return STOA_OK;
}

size_t stoa_graph_find(const struct graph *graph, const char *name)
{
    size_t number = stoa_names_find(graph->names, name);
    return number == NAMES_NONE ? GRAPH_NONE : number;
}

enum stoa_status stoa_graph_rename(struct graph *graph, size_t value, const char *name, struct stoa_error *error)
{
    if (!name[0])
        return stoa_fail(error, STOA_ERROR_GRAPH, "a value has an empty name");
    if (stoa_graph_find(graph, name) != GRAPH_NONE)
        return stoa_fail(error, STOA_ERROR_GRAPH, "name '%.100s' is taken already", name);
    const char *copy;
    STOA_TRY(stoa_arena_string(&graph->arena, name, strlen(name), error, &copy));
    /* The table forgets nothing, so it is made anew. */
    struct name_table names;
    stoa_names_init(&names, &graph->arena.allocator);
    for (size_t v = 0; v < graph->value_count; v++) {
        enum stoa_status status = stoa_names_add(&names, v == value ? copy : graph->values[v].name, v, error);
        if (status != STOA_OK) {
            stoa_names_deinit(&names);
            return status;
        }
    }
    stoa_names_deinit(graph->names);
    *graph->names = names;
    graph->values[value].name = copy;
    return STOA_OK;
}

enum stoa_status stoa_graph_set_constant(struct graph *graph, size_t value, const struct stoa_tensor *tensor,
                                         struct stoa_error *error)
{
    struct graph_value *target = &graph->values[value];
    if (target->constant)
        return stoa_fail(error, STOA_ERROR_GRAPH, "constant '%.100s' is given twice", target->name);
    struct stoa_tensor *copy;
    STOA_TRY(stoa_arena_allocate(&graph->arena, 1, sizeof *copy, error, &copy));
    *copy = *tensor;
    target->constant = copy;
    target->dtype = tensor->dtype;
    target->has_shape = true;
    target->rank = tensor->rank;
    for (size_t i = 0; i < tensor->rank; i++)
        target->dims[i] = (int64_t)tensor->dims[i];
    return STOA_OK;
}

enum stoa_status stoa_graph_add_input(struct graph *graph, size_t value, struct stoa_error *error)
{
    if (graph->values[value].is_input)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input '%.100s' is declared twice", graph->values[value].name);
    STOA_TRY(reserve(graph, sizeof *graph->inputs, graph->input_count, &graph->inputs, &graph->input_capacity, error));
    graph->inputs[graph->input_count++] = value;
    graph->values[value].is_input = true;
    return STOA_OK;
}

enum stoa_status stoa_graph_add_output(struct graph *graph, size_t value, struct stoa_error *error)
{
    if (graph->values[value].is_output)
        return stoa_fail(error, STOA_ERROR_GRAPH, "output '%.100s' is declared twice", graph->values[value].name);
    STOA_TRY(
        reserve(graph, sizeof *graph->outputs, graph->output_count, &graph->outputs, &graph->output_capacity, error));
    graph->outputs[graph->output_count++] = value;
    graph->values[value].is_output = true;
    return STOA_OK;
}

static enum stoa_status copy_array(struct arena *arena, const void *items, size_t count, size_t size,
                                   struct stoa_error *error, void *out)
{
    void *copy;
    STOA_TRY(stoa_arena_allocate(arena, count, size, error, &copy));
    if (count)
        memcpy(copy, items, count * size);
    memcpy(out, &copy, sizeof copy);
    return STOA_OK;
}

static enum stoa_status copy_string(struct arena *arena, const char *text, struct stoa_error *error, const char **out)
{
    return stoa_arena_string(arena, text, strlen(text), error, out);
}

static enum stoa_status copy_attribute(struct arena *arena, const struct attribute *from, struct stoa_error *error,
                                       struct attribute *to)
{
    *to = *from;
    STOA_TRY(copy_string(arena, from->name, error, &to->name));
    if (from->string)
        STOA_TRY(copy_string(arena, from->string, error, &to->string));
    if (from->integers)
        STOA_TRY(copy_array(arena, from->integers, from->count, sizeof *from->integers, error, &to->integers));
    if (from->numbers)
        STOA_TRY(copy_array(arena, from->numbers, from->count, sizeof *from->numbers, error, &to->numbers));
    if (from->strings) {
        const char **strings;
        STOA_TRY(stoa_arena_allocate(arena, from->count, sizeof *strings, error, &strings));
        for (size_t i = 0; i < from->count; i++)
            STOA_TRY(copy_string(arena, from->strings[i], error, &strings[i]));
        to->strings = strings;
    }
    if (from->tensor)
        STOA_TRY(copy_array(arena, from->tensor, 1, sizeof *from->tensor, error, &to->tensor));
    return STOA_OK;
}

static enum stoa_status copy_attributes(struct arena *arena, const struct attributes *from, struct stoa_error *error,
                                        struct attributes *to)
{
    if (from->count > STOA_MAX_ATTRIBUTES)
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu attributes, at most %d are taken", from->count,
                         STOA_MAX_ATTRIBUTES);
    for (size_t i = 1; i < from->count; i++)
        for (size_t j = 0; j < i; j++)
            if (strcmp(from->items[i].name, from->items[j].name) == 0)
                return stoa_fail(error, STOA_ERROR_GRAPH, "attribute %.100s is given twice", from->items[i].name);
    struct attribute *items;
    STOA_TRY(stoa_arena_allocate(arena, from->count, sizeof *items, error, &items));
    for (size_t i = 0; i < from->count; i++)
        STOA_TRY(copy_attribute(arena, &from->items[i], error, &items[i]));
    *to = (struct attributes){.items = items, .count = from->count};
    return STOA_OK;
}

static size_t present_count(const size_t *values, size_t count)
{
    while (count && values[count - 1] == GRAPH_NONE)
        count--;
    return count;
}

/* The name messages and reports use: the node's own, or that of its first output, or its place in the file. */
static enum stoa_status name_node(struct graph *graph, struct graph_node *node, const char *name,
                                  struct stoa_error *error)
{
    if (name && name[0])
        return copy_string(&graph->arena, name, error, &node->name);
    for (size_t i = 0; i < node->output_count; i++)
        if (node->outputs[i] != GRAPH_NONE) {
            node->name = graph->values[node->outputs[i]].name;
            return STOA_OK;
        }
    char text[32];
    snprintf(text, sizeof text, "node %zu", graph->node_count);
    return copy_string(&graph->arena, text, error, &node->name);
}

enum stoa_status stoa_graph_add_node(struct graph *graph, const struct graph_node *node, struct stoa_error *error)
{
    struct arena *arena = &graph->arena;
    STOA_TRY(reserve(graph, sizeof *graph->nodes, graph->node_count, &graph->nodes, &graph->node_capacity, error));
    struct graph_node added = {.opset = node->opset,
                               .branches = {node->branches[0], node->branches[1]},
                               .input_count = present_count(node->inputs, node->input_count),
                               .output_count = present_count(node->outputs, node->output_count)};
    STOA_TRY(copy_array(arena, node->inputs, added.input_count, sizeof *node->inputs, error, &added.inputs));
    STOA_TRY(copy_array(arena, node->outputs, added.output_count, sizeof *node->outputs, error, &added.outputs));
    STOA_TRY(copy_string(arena, node->type, error, &added.type));
    STOA_TRY(copy_string(arena, node->domain ? node->domain : "", error, &added.domain));
    STOA_TRY(name_node(graph, &added, node->name, error));
    enum stoa_status status = copy_attributes(arena, &node->attributes, error, &added.attributes);
    if (status != STOA_OK) {
        stoa_error_prefix(error, "node '%.80s' (%.80s): ", added.name, added.type);
        return status;
    }
    graph->nodes[graph->node_count++] = added;
    return STOA_OK;
}
