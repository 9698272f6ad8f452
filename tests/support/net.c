/* A line at a time; the rest of each line is read by op_text. */
#include "support/net.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tensor.h"
#include "ops/op.h"
#include "support/op_text.h"

#define MAX_NAMES 16
#define OPSET 13

static size_t value_of(struct net *net, const char *name)
{
    size_t value = GRAPH_NONE;
    if (strcmp(name, "-") == 0)
        return GRAPH_NONE;
    cr_assert(stoa_graph_value(&net->model->graph, name, NULL, &value) == STOA_OK, "value %s", name);
    return value;
}

/* Splits "a, b ,c" at commas and blanks into names of the graph. */
static size_t values_of(struct net *net, char *text, size_t *values)
{
    size_t count = 0;
    for (char *name = strtok(text, ", "); name; name = strtok(NULL, ", ")) {
        cr_assert(count < MAX_NAMES);
        values[count++] = value_of(net, name);
    }
    return count;
}

static void add_input(struct net *net, char *text)
{
    char *blank = strchr(text, ' ');
    cr_assert(blank, "input NAME TYPE[DIMS]: %s", text);
    *blank = '\0';
    size_t index = value_of(net, text); /* may move the values */
    struct graph_value *value = &net->model->graph.values[index];
    char *open = strchr(blank + 1, '[');
    cr_assert(open);
    value->dtype = strncmp(blank + 1, "i64", 3) == 0 ? STOA_INT64 : STOA_FLOAT;
    value->has_shape = true;
    for (char *dim = strtok(open + 1, ",]"); dim; dim = strtok(NULL, ",]"))
        value->dims[value->rank++] = *dim == '?' ? GRAPH_UNKNOWN : strtol(dim, NULL, 10);
    cr_assert(stoa_graph_add_input(&net->model->graph, index, NULL) == STOA_OK);
}

static void add_constant(struct net *net, char *text, unsigned seed)
{
    char *blank = strchr(text, ' ');
    cr_assert(blank, "const NAME TENSOR: %s", text);
    *blank = '\0';
    struct op_text_input inputs[OP_TEXT_MAX_INPUTS];
    cr_assert(op_text_inputs(blank + 1, seed, &net->arena, inputs) == 1);
    cr_assert(stoa_graph_set_constant(&net->model->graph, value_of(net, text), &inputs[0].tensor, NULL) == STOA_OK);
}

static void add_node(struct net *net, char *text)
{
    size_t inputs[MAX_NAMES], outputs[MAX_NAMES];
    char *equals = strstr(text, " = "), *open = strchr(text, '('), *close = strchr(text, ')');
    cr_assert(equals && open && close, "OUTPUTS = TYPE(INPUTS) ATTRIBUTES: %s", text);
    *equals = *open = *close = '\0';
    char *opset = strchr(equals + 3, '@');
    if (opset)
        *opset++ = '\0';
    struct graph_node node = {.type = equals + 3, .domain = "", .opset = opset ? (int)strtol(opset, NULL, 10) : OPSET};
    if (!stoa_op_find(node.type, node.opset, NULL) && stoa_training_op_find(node.type)) {
        node.domain = OP_TRAINING_DOMAIN;
        net->model->graph.training = true;
    }
    char name[600];
    snprintf(name, sizeof name, "node_%s", text);
    node.name = name;
    node.output_count = values_of(net, text, outputs);
    node.input_count = values_of(net, open + 1, inputs);
    node.inputs = inputs;
    node.outputs = outputs;
    node.attributes = op_text_attributes(close + 1, &net->arena);
    cr_assert(stoa_graph_add_node(&net->model->graph, &node, NULL) == STOA_OK, "node %s", name);
}

enum stoa_status net_try(struct net *net, const char *text, const struct stoa_allocator *allocator,
                         struct stoa_error *error)
{
    struct stoa_allocator plain = stoa_allocator_default();
    *net = (struct net){0};
    stoa_arena_init(&net->arena, &plain);
    cr_assert(stoa_allocate(&plain, 1, sizeof *net->model, NULL, &net->model) == STOA_OK);
    net->model->allocator = allocator ? *allocator : plain;
    cr_assert(stoa_graph_init(&net->model->graph, &net->model->allocator, NULL) == STOA_OK);

    unsigned seed = 7;
    for (const char *line = text; *line;) {
        char buffer[512];
        size_t length = strcspn(line, "\n");
        cr_assert(length < sizeof buffer);
        memcpy(buffer, line, length);
        buffer[length] = '\0';
        line += length + (line[length] == '\n');
        if (strncmp(buffer, "input ", 6) == 0)
            add_input(net, buffer + 6);
        else if (strncmp(buffer, "const ", 6) == 0)
            add_constant(net, buffer + 6, seed++);
        else if (strncmp(buffer, "output ", 7) == 0)
            cr_assert(stoa_graph_add_output(&net->model->graph, value_of(net, buffer + 7), NULL) == STOA_OK);
        else if (*buffer)
            add_node(net, buffer);
    }
    return stoa_graph_finish(&net->model->graph, error);
}

void net_build(struct net *net, const char *text, const struct stoa_allocator *allocator)
{
    struct stoa_error error = {0};
    cr_assert(net_try(net, text, allocator, &error) == STOA_OK, "%s", error.message);
}

void net_free(struct net *net)
{
    struct stoa_allocator plain = stoa_allocator_default();
    stoa_graph_deinit(&net->model->graph);
    stoa_release(&plain, net->model);
    stoa_arena_deinit(&net->arena);
}

struct plan *net_plan(const struct net *net, unsigned disabled, const char *name)
{
    return net_plan_with(net, &(struct plan_options){.disabled_passes = disabled}, name);
}

struct plan *net_plan_with(const struct net *net, const struct plan_options *options, const char *name)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct plan *plan;
    struct stoa_error error = {0};
    cr_assert(stoa_plan_create(net->model, &allocator, options, &error, &plan) == STOA_OK, "%s: %s", name,
              error.message);
    return plan;
}

/* Bytes from the tensor's first element to its last one's end. */
static size_t reach(const struct stoa_tensor *tensor)
{
    size_t last = 0;
    for (size_t d = 0; d < tensor->rank; d++) {
        if (tensor->dims[d] == 0)
            return 0;
        last += (tensor->dims[d] - 1) * tensor->strides[d];
    }
    return (last + 1) * stoa_dtype_size(tensor->dtype);
}

void net_check_memory(const struct plan *plan, const char *name)
{
    for (size_t s = 0; s < plan->step_count; s++) {
        const struct plan_step *step = &plan->steps[s];
        for (size_t i = 0; i < step->call.input_count + step->call.output_count; i++) {
            size_t inputs = step->call.input_count;
            struct plan_place place = i < inputs ? step->inputs[i] : step->outputs[i - inputs];
            if (place.storage == PLAN_NONE)
                continue;
            const struct plan_storage *storage = &plan->storages[place.storage];
            const struct stoa_tensor *tensor = i < inputs ? &step->call.inputs[i] : &step->call.outputs[i - inputs];
            if (storage->kind == STORAGE_ARENA)
                cr_expect(storage->first <= s && s <= storage->last,
                          "%s: step %zu (%s): storage %zu is there from %zu to %zu", name, s, step->type, place.storage,
                          storage->first, storage->last);
            if (storage->kind == STORAGE_ARENA || storage->kind == STORAGE_OUTPUT)
                cr_expect(place.offset + reach(tensor) <= storage->bytes,
                          "%s: step %zu (%s): %zu bytes from %zu on, storage %zu has %zu", name, s, step->type,
                          reach(tensor), place.offset, place.storage, storage->bytes);
        }
    }
}
