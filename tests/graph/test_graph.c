/* The builder, and everything stoa_graph_finish refuses. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/tensor.h"
#include "graph/graph.h"
#include "support/allocator.h"

static float numbers[4] = {1, 2, 3, 4};
static const struct stoa_tensor constant = {
    .dtype = STOA_FLOAT, .rank = 1, .dims = {4}, .strides = {1}, .data = numbers};

static void check(enum stoa_status status, const struct stoa_error *error)
{
    cr_assert(status == STOA_OK, "%s", error->message);
}

static size_t value_of(struct graph *graph, const char *name)
{
    struct stoa_error error = {0};
    size_t value;
    check(stoa_graph_value(graph, name, &error, &value), &error);
    return value;
}

/* Names separated by commas; "-" is an absent one. */
static size_t read_names(struct graph *graph, char *names, size_t values[16])
{
    size_t count = 0;
    char *rest = names, *name;
    while ((name = strsep(&rest, ",")) && names[0])
        values[count++] = strcmp(name, "-") == 0 ? GRAPH_NONE : value_of(graph, name);
    return count;
}

/* "x,w>y": the node's type, inputs and outputs. */
static enum stoa_status add_node(struct graph *graph, const char *domain, const char *type, int opset,
                                 const char *wiring, struct attributes attributes, struct stoa_error *error)
{
    size_t inputs[16], outputs[16];
    char text[128];
    snprintf(text, sizeof text, "%s", wiring);
    char *arrow = strchr(text, '>');
    *arrow = '\0';
    struct graph_node node = {.type = type, .domain = domain, .opset = opset, .attributes = attributes};
    node.inputs = inputs;
    node.outputs = outputs;
    node.input_count = read_names(graph, text, inputs);
    node.output_count = read_names(graph, arrow + 1, outputs);
    return stoa_graph_add_node(graph, &node, error);
}

/* "Relu x>y; Add x,y>z; evil.Bar a>b"; an operator may carry its opset ("Relu@99"). */
static enum stoa_status add_nodes(struct graph *graph, const char *nodes, struct stoa_error *error)
{
    char text[512], *rest = text, *node;
    snprintf(text, sizeof text, "%s", nodes);
    while ((node = strsep(&rest, ";"))) {
        node += strspn(node, " ");
        if (!node[0])
            continue;
        char *wiring = strchr(node, ' '), *domain = "", *type = node, *dot;
        *wiring++ = '\0';
        if ((dot = strrchr(node, '.'))) {
            *dot = '\0';
            domain = node;
            type = dot + 1;
        }
        char *at = strchr(type, '@');
        int opset = 13;
        if (at) {
            opset = atoi(at + 1);
            *at = '\0';
        }
        enum stoa_status status = add_node(graph, domain, type, opset, wiring, (struct attributes){0}, error);
        if (status != STOA_OK)
            return status;
    }
    return STOA_OK;
}

struct graph_row {
    const char *name;
    const char *inputs, *constants, *outputs, *nodes;
    enum stoa_status status;
    const char *words; /* all of them, separated by |, are in the message */
};

static enum stoa_status build(struct graph *graph, const struct graph_row *row, struct stoa_error *error)
{
    size_t values[16], count;
    char text[128];
    snprintf(text, sizeof text, "%s", row->constants ? row->constants : "");
    count = read_names(graph, text, values);
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; i < count && status == STOA_OK; i++)
        status = stoa_graph_set_constant(graph, values[i], &constant, error);
    snprintf(text, sizeof text, "%s", row->inputs ? row->inputs : "");
    count = read_names(graph, text, values);
    for (size_t i = 0; i < count && status == STOA_OK; i++)
        status = stoa_graph_add_input(graph, values[i], error);
    snprintf(text, sizeof text, "%s", row->outputs ? row->outputs : "");
    count = read_names(graph, text, values);
    for (size_t i = 0; i < count && status == STOA_OK; i++)
        status = stoa_graph_add_output(graph, values[i], error);
    if (status == STOA_OK)
        status = add_nodes(graph, row->nodes, error);
    return status == STOA_OK ? stoa_graph_finish(graph, error) : status;
}

static const struct graph_row rows[] = {
    {"one node", "x", NULL, "y", "Relu x>y", STOA_OK, ""},
    {"out of order", "x", NULL, "z", "Relu y>z; Relu x>y", STOA_OK, ""},
    {"default domain by name", "x", NULL, "y", "ai.onnx.Relu x>y", STOA_OK, ""},
    {"an input is an output", "x", NULL, "x", "", STOA_OK, ""},
    {"a constant is an output", NULL, "w", "w", "", STOA_OK, ""},
    {"a constant listed as an input", "x,w", "w", "y", "Add x,w>y", STOA_OK, ""},
    {"optional input absent", "x,m", NULL, "y", "Clip x,-,m>y", STOA_OK, ""},
    {"trailing absent inputs", "x", NULL, "y", "Relu x,-,->y", STOA_OK, ""},
    {"nodes whose results nobody reads", "x", NULL, "y", "Relu x>y; Relu x>unread", STOA_OK, ""},
    {"unknown operator", "x", NULL, "y", "Foo x>y", STOA_ERROR_UNSUPPORTED, "unsupported operators: Foo (1)"},
    {"all unknown operators", "x", NULL, "y", "Foo x>a; evil.Bar a>b; Foo b>c; Relu c>d; Foo d>y",
     STOA_ERROR_UNSUPPORTED, "unsupported operators: Foo (3), evil.Bar (1)"},
    {"known operator in an unknown domain", "x", NULL, "y", "evil.Relu x>y", STOA_ERROR_UNSUPPORTED, "evil.Relu (1)"},
    {"known operator at an unknown version", "x", NULL, "y", "LayerNormalization@16 x,x>y", STOA_ERROR_UNSUPPORTED,
     "LayerNormalization at opset 16 (1)"},
    {"required input absent", "x", NULL, "y", "Conv x,->y", STOA_ERROR_GRAPH, "node 'y' (Conv)|input 1"},
    {"first input absent", "x", NULL, "y", "Conv -,x>y", STOA_ERROR_GRAPH, "node 'y' (Conv)|input 0"},
    {"too few inputs", "x", NULL, "y", "Conv x>y", STOA_ERROR_GRAPH, "node 'y' (Conv)|input 1"},
    {"too many inputs", "x", "w", "y", "Conv x,w,w,w>y", STOA_ERROR_GRAPH, "node 'y' (Conv)|4 inputs|at most 3"},
    {"no output", "x", NULL, "x", "Relu x>", STOA_ERROR_GRAPH, "node 'node 0' (Relu)|output 0"},
    {"too many outputs", "x", NULL, "y", "Relu x>y,z", STOA_ERROR_GRAPH, "node 'y' (Relu)|2 outputs"},
    {"produced twice", "x", NULL, "y", "Relu x>y; Identity x>y", STOA_ERROR_GRAPH, "(Identity)|output 0 'y'|node 'y'"},
    {"produced over an input", "x,a", NULL, "a", "Relu x>a", STOA_ERROR_GRAPH, "'a'|an input"},
    {"produced over a constant", "x", "w", "w", "Relu x>w", STOA_ERROR_GRAPH, "'w'|a constant"},
    {"input nobody provides", "x", NULL, "y", "Add x,w>y", STOA_ERROR_GRAPH, "node 'y' (Add)|input 1 'w'"},
    {"output nobody produces", "x", NULL, "z", "Relu x>y", STOA_ERROR_GRAPH, "output 'z'"},
    {"node reads its own output", "x", NULL, "y", "Add x,y>y", STOA_ERROR_GRAPH, "node 'y' (Add)|input 1 'y'|its own"},
    {"cycle", "x", NULL, "y", "Add x,c>a; Relu a>b; Relu b>c; Relu c>y; Relu y>z", STOA_ERROR_GRAPH, "node '|cycle"},
    {"input twice", "x,x", NULL, "y", "Relu x>y", STOA_ERROR_GRAPH, "input 'x'|twice"},
    {"output twice", "x", NULL, "y,y", "Relu x>y", STOA_ERROR_GRAPH, "output 'y'|twice"},
    {"constant twice", "x", "w,w", "y", "Add x,w>y", STOA_ERROR_GRAPH, "'w'|twice"},
    {"Constant without a value", NULL, NULL, "y", "Constant >y", STOA_ERROR_GRAPH, "node 'y' (Constant)|0 attributes"},
};

static void expect_words(const char *name, const char *words, const char *message)
{
    char text[256], *rest = text, *word;
    snprintf(text, sizeof text, "%s", words);
    while ((word = strsep(&rest, "|")))
        cr_expect(strstr(message, word), "%s: no \"%s\" in: %s", name, word, message);
}

static void expect_ordered(const char *name, const struct graph *graph)
{
    for (size_t i = 0; i < graph->node_count; i++) {
        const struct graph_node *node = &graph->nodes[i];
        cr_expect(node->op && node->name[0], "%s: node %zu", name, i);
        for (size_t j = 0; j < node->input_count; j++)
            if (node->inputs[j] != GRAPH_NONE) {
                size_t producer = graph->values[node->inputs[j]].producer;
                cr_expect(producer == GRAPH_NONE || producer < i, "%s: node %zu reads a later one", name, i);
            }
        for (size_t j = 0; j < node->output_count; j++)
            cr_expect(graph->values[node->outputs[j]].producer == i, "%s: producer of node %zu's output", name, i);
    }
}

Test(graph, finish_takes_sound_graphs_and_says_what_is_wrong_with_others)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct graph graph;
        check(stoa_graph_init(&graph, &allocator.interface, &error), &error);
        enum stoa_status status = build(&graph, &rows[i], &error);
        cr_expect(status == rows[i].status, "%s: %s: %s", rows[i].name, stoa_status_name(status), error.message);
        expect_words(rows[i].name, rows[i].words, error.message);
        if (status == STOA_OK)
            expect_ordered(rows[i].name, &graph);
        stoa_graph_deinit(&graph);
        cr_expect(allocator.live == 0, "%s: %zu blocks leaked", rows[i].name, allocator.live);
    }
}

static void start(struct graph *graph)
{
    struct stoa_error error = {0};
    struct stoa_allocator allocator = stoa_allocator_default();
    check(stoa_graph_init(graph, &allocator, &error), &error);
}

Test(graph, a_cycle_is_named_by_a_node_on_it)
{
    struct graph graph;
    struct stoa_error error = {0};
    start(&graph);
    const struct graph_row row = {"", "x", NULL, "tail", "Relu b>tail; Add x,b>a; Relu a>b", 0, ""};
    cr_expect(build(&graph, &row, &error) == STOA_ERROR_GRAPH);
    cr_expect(strstr(error.message, "node 'a'") || strstr(error.message, "node 'b'"), "%s", error.message);
    stoa_graph_deinit(&graph);
}

Test(graph, an_ordered_file_keeps_its_order)
{
    struct graph graph;
    struct stoa_error error = {0};
    start(&graph);
    const struct graph_row row = {"", "x", NULL, "d", "Relu x>a; Relu a>b; Relu x>c; Add b,c>d", 0, ""};
    check(build(&graph, &row, &error), &error);
    for (size_t i = 0; i < 4; i++)
        cr_expect(graph.nodes[i].name[0] == "abcd"[i], "node %zu is '%s'", i, graph.nodes[i].name);
    stoa_graph_deinit(&graph);
}

Test(graph, values_can_be_renamed)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct graph graph;
    check(stoa_graph_init(&graph, &allocator, &error), &error);
    char name[32];
    for (size_t i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "v%zu", i);
        value_of(&graph, name);
    }
    check(stoa_graph_rename(&graph, 7, "seven", &error), &error);
    cr_expect(stoa_graph_find(&graph, "seven") == 7 && strcmp(graph.values[7].name, "seven") == 0);
    cr_expect(stoa_graph_find(&graph, "v7") == GRAPH_NONE, "the old name is still known");
    for (size_t i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "v%zu", i);
        cr_expect(i == 7 || stoa_graph_find(&graph, name) == i, "%s is lost", name);
    }
    cr_expect(stoa_graph_rename(&graph, 7, "v8", &error) == STOA_ERROR_GRAPH && strstr(error.message, "'v8'"));
    cr_expect(stoa_graph_rename(&graph, 7, "", &error) == STOA_ERROR_GRAPH);
    cr_expect(stoa_graph_find(&graph, "seven") == 7 && value_of(&graph, "v7") == 100);
    stoa_graph_deinit(&graph);
}

Test(graph, constants_are_not_inputs)
{
    struct graph graph;
    struct stoa_error error = {0};
    start(&graph);
    const struct graph_row row = {"", "w,x", "w", "y", "Add x,w>y", 0, ""};
    check(build(&graph, &row, &error), &error);
    cr_expect(graph.input_count == 1 && graph.inputs[0] == stoa_graph_find(&graph, "x"));
    const struct graph_value *w = &graph.values[stoa_graph_find(&graph, "w")];
    cr_expect(w->constant && w->constant->data == numbers && !w->is_input && w->dtype == STOA_FLOAT);
    cr_expect(stoa_graph_find(&graph, "nobody") == GRAPH_NONE);
    stoa_graph_deinit(&graph);
}

static const int64_t whole[2] = {5, -6};
static const struct {
    const char *name;
    struct attribute attribute;
    enum stoa_dtype dtype;
    size_t rank, elements;
    double first;
} constants[] = {
    {"tensor", {.name = "value", .kind = ATTRIBUTE_TENSOR, .tensor = &constant}, STOA_FLOAT, 1, 4, 1},
    {"float", {.name = "value_float", .kind = ATTRIBUTE_FLOAT, .number = 2.5F}, STOA_FLOAT, 0, 1, 2.5},
    {"int", {.name = "value_int", .kind = ATTRIBUTE_INT, .integer = -7}, STOA_INT64, 0, 1, -7},
    {"floats", {.name = "value_floats", .kind = ATTRIBUTE_FLOATS, .numbers = numbers, .count = 3}, STOA_FLOAT, 1, 3, 1},
    {"ints", {.name = "value_ints", .kind = ATTRIBUTE_INTS, .integers = whole, .count = 2}, STOA_INT64, 1, 2, 5},
    {"no floats", {.name = "value_floats", .kind = ATTRIBUTE_FLOATS}, STOA_FLOAT, 1, 0, 0},
};

Test(graph, constant_nodes_become_constants)
{
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        const char *name = constants[i].name;
        struct graph graph;
        struct stoa_error error = {0};
        start(&graph);
        struct attributes attributes = {.items = &constants[i].attribute, .count = 1};
        check(add_node(&graph, "", "Constant", 13, ">c", attributes, &error), &error);
        check(stoa_graph_add_output(&graph, value_of(&graph, "c"), &error), &error);
        check(stoa_graph_finish(&graph, &error), &error);
        const struct stoa_tensor *tensor = graph.values[0].constant;
        cr_assert(tensor && tensor->data, "%s", name);
        cr_expect(graph.node_count == 0, "%s", name);
        cr_expect(tensor->dtype == constants[i].dtype && tensor->rank == constants[i].rank, "%s", name);
        cr_expect(stoa_tensor_elements(tensor) == constants[i].elements, "%s", name);
        if (constants[i].elements)
            cr_expect((tensor->dtype == STOA_FLOAT ? *(float *)tensor->data : (double)*(int64_t *)tensor->data) ==
                          constants[i].first,
                      "%s", name);
        stoa_graph_deinit(&graph);
    }
}

static const struct {
    const char *name, *type, *wiring;
    struct attribute attributes[2];
    size_t count;
    enum stoa_status status;
    const char *words;
} attribute_rows[] = {
    {"twice",
     "Conv",
     "x,x>y",
     {{.name = "strides", .kind = ATTRIBUTE_INTS, .integers = whole, .count = 1},
      {.name = "strides", .kind = ATTRIBUTE_INTS, .integers = whole, .count = 1}},
     2,
     STOA_ERROR_GRAPH,
     "node 'y' (Conv)|strides|twice"},
    {"wrong type",
     "Conv",
     "x,x>y",
     {{.name = "strides", .kind = ATTRIBUTE_FLOAT}},
     1,
     STOA_ERROR_GRAPH,
     "node 'y' (Conv)|strides|FLOAT|INTS"},
    {"unknown",
     "Conv",
     "x,x>y",
     {{.name = "flavour", .kind = ATTRIBUTE_INT}},
     1,
     STOA_ERROR_ATTRIBUTE,
     "node 'y' (Conv)|flavour"},
    {"none taken",
     "Relu",
     "x>y",
     {{.name = "flavour", .kind = ATTRIBUTE_INT}},
     1,
     STOA_ERROR_ATTRIBUTE,
     "node 'y' (Relu)|flavour"},
    {"string constant",
     "Constant",
     ">y",
     {{.name = "value_string", .kind = ATTRIBUTE_STRING, .string = "s"}},
     1,
     STOA_ERROR_UNSUPPORTED,
     "node 'y' (Constant)|value_string"},
    {"constant of the wrong type",
     "Constant",
     ">y",
     {{.name = "value", .kind = ATTRIBUTE_INT}},
     1,
     STOA_ERROR_GRAPH,
     "node 'y' (Constant)|value"},
};

Test(graph, attributes_are_checked)
{
    for (size_t i = 0; i < sizeof attribute_rows / sizeof attribute_rows[0]; i++) {
        struct graph graph;
        struct stoa_error error = {0};
        start(&graph);
        check(stoa_graph_add_input(&graph, value_of(&graph, "x"), &error), &error);
        struct attributes attributes = {.items = attribute_rows[i].attributes, .count = attribute_rows[i].count};
        enum stoa_status status =
            add_node(&graph, "", attribute_rows[i].type, 13, attribute_rows[i].wiring, attributes, &error);
        if (status == STOA_OK)
            status = stoa_graph_finish(&graph, &error);
        cr_expect(status == attribute_rows[i].status, "%s: %s: %s", attribute_rows[i].name, stoa_status_name(status),
                  error.message);
        expect_words(attribute_rows[i].name, attribute_rows[i].words, error.message);
        stoa_graph_deinit(&graph);
    }
}

#define CHAIN 1000000

/* Node i reads v<i> and writes v<i+1>; backwards, so that every node must be moved. */
static void add_chain(struct graph *graph, size_t length)
{
    struct stoa_error error = {0};
    char name[32];
    for (size_t i = length; i-- > 0;) {
        snprintf(name, sizeof name, "v%zu", i);
        size_t input = value_of(graph, name);
        snprintf(name, sizeof name, "v%zu", i + 1);
        size_t output = value_of(graph, name);
        struct graph_node node = {
            .type = "Relu", .opset = 13, .inputs = &input, .outputs = &output, .input_count = 1, .output_count = 1};
        check(stoa_graph_add_node(graph, &node, &error), &error);
    }
}

Test(graph, a_chain_of_a_million_nodes_is_ordered_without_recursion)
{
    struct graph graph;
    struct stoa_error error = {0};
    start(&graph);
    add_chain(&graph, CHAIN);
    check(stoa_graph_add_input(&graph, value_of(&graph, "v0"), &error), &error);
    check(stoa_graph_finish(&graph, &error), &error);
    cr_expect(graph.value_count == CHAIN + 1 && graph.node_count == CHAIN);
    size_t wrong = 0;
    for (size_t i = 0; i < CHAIN; i++)
        wrong += graph.values[graph.nodes[i].inputs[0]].producer != (i ? i - 1 : GRAPH_NONE);
    cr_expect(wrong == 0, "%zu nodes out of order", wrong);
    stoa_graph_deinit(&graph);
}

Test(graph, a_failing_allocation_anywhere_leaks_nothing)
{
    for (int forever = 0; forever < 2; forever++)
        for (size_t n = 1;; n++) {
            struct stoa_error error = {0};
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            allocator.fail_at = n;
            allocator.fail_after = forever;
            struct graph graph;
            enum stoa_status status = stoa_graph_init(&graph, &allocator.interface, &error);
            for (size_t i = 0; i < 500 && status == STOA_OK; i++) {
                char name[16];
                snprintf(name, sizeof name, "v%zu", 500 - i);
                size_t values[2];
                status = stoa_graph_value(&graph, name, &error, &values[0]);
                snprintf(name, sizeof name, "v%zu", 500 - i - 1);
                if (status == STOA_OK)
                    status = stoa_graph_value(&graph, name, &error, &values[1]);
                struct graph_node node = {.type = "Relu", .opset = 13, .input_count = 1, .output_count = 1};
                node.inputs = &values[1];
                node.outputs = &values[0];
                if (status == STOA_OK)
                    status = stoa_graph_add_node(&graph, &node, &error);
            }
            if (status == STOA_OK)
                status = stoa_graph_add_input(&graph, stoa_graph_find(&graph, "v0"), &error);
            if (status == STOA_OK)
                status = stoa_graph_finish(&graph, &error);
            stoa_graph_deinit(&graph);
            cr_expect(allocator.live == 0, "allocation %zu: %zu blocks leaked", n, allocator.live);
            if (allocator.calls < n) {
                cr_expect(status == STOA_OK, "%s", error.message);
                break;
            }
            cr_expect(status == STOA_ERROR_MEMORY, "allocation %zu: %s", n, stoa_status_name(status));
        }
}
