/* Functions that files define: the graph that their calls become, as text. In rows a node is "TYPE inputs outputs",
 * with
 * "-" for no names, then its attributes, floats: "alpha=0.5", or "alpha=$slope" for what is given to the function as
 * slope, and "@conv" for its name. Types may have a domain and an overload: "local:Block#half". Before a function's
 * nodes stand its type, inputs, outputs, defaults and, after a ^, its opset version, and a colon. An If has the
 * branches "then" and "else", each of one operator, of x, to t. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/model.h"
#include "onnx/bad_models.h"

#define MOST_FUNCTIONS 3

struct text {
    char bytes[1024];
    size_t length;
};

static void add(struct text *text, const char *a, const char *b)
{
    int length = snprintf(text->bytes + text->length, sizeof text->bytes - text->length, "%s%s", a, b);
    text->length += (size_t)length;
    cr_assert(text->length < sizeof text->bytes);
}

static void write_list(struct onnx_writer *w, unsigned field, char *names)
{
    if (strcmp(names, "-") == 0)
        return;
    for (char *comma; names; names = comma) { /* empty names count */
        comma = strchr(names, ',');
        if (comma)
            *comma++ = '\0';
        onnx_text(w, field, names);
    }
}

/* "domain:NAME#overload", each in its field. */
static void write_type(struct onnx_writer *w, char *type, unsigned name, unsigned domain, unsigned overload)
{
    char *hash = strchr(type, '#'), *colon = strchr(type, ':');
    if (hash) {
        *hash = '\0';
        onnx_text(w, overload, hash + 1);
    }
    if (colon) {
        *colon = '\0';
        onnx_text(w, domain, type);
    }
    onnx_text(w, name, colon ? colon + 1 : type);
}

static void write_branch(struct onnx_writer *w, const char *type)
{
    onnx_int(w, ATTRIBUTE_TYPE, ATTRIBUTE_GRAPH);
    onnx_begin(w, ATTRIBUTE_G);
    onnx_node(w, type, "x", "t");
    onnx_info(w, GRAPH_OUTPUT, "t", NULL);
    onnx_end(w);
}

static void write_attribute(struct onnx_writer *w, unsigned field, char *token)
{
    char *value = strchr(token, '=');
    cr_assert(value, "%s", token);
    *value++ = '\0';
    onnx_begin(w, field);
    if (strcmp(token, "then") == 0 || strcmp(token, "else") == 0) {
        char name[16];
        snprintf(name, sizeof name, "%s_branch", token);
        onnx_text(w, ATTRIBUTE_NAME, name);
        write_branch(w, value);
    } else {
        onnx_text(w, ATTRIBUTE_NAME, token);
        onnx_int(w, ATTRIBUTE_TYPE, value[0] == '#' ? ATTRIBUTE_INT : ATTRIBUTE_FLOAT);
        if (value[0] == '$')
            onnx_text(w, ATTRIBUTE_REF, value + 1);
        else if (value[0] == '#')
            onnx_int(w, ATTRIBUTE_I, strtol(value + 1, NULL, 10));
        else
            onnx_float(w, ATTRIBUTE_F, strtof(value, NULL));
    }
    onnx_end(w);
}

static void write_nodes(struct onnx_writer *w, unsigned field, char *nodes)
{
    for (char *save, *node = strtok_r(nodes, ";", &save); node; node = strtok_r(NULL, ";", &save)) {
        char *rest;
        onnx_begin(w, field);
        write_type(w, strtok_r(node, " ", &rest), NODE_OP_TYPE, NODE_DOMAIN, NODE_OVERLOAD);
        write_list(w, NODE_INPUT, strtok_r(NULL, " ", &rest));
        write_list(w, NODE_OUTPUT, strtok_r(NULL, " ", &rest));
        for (char *token = strtok_r(NULL, " ", &rest); token; token = strtok_r(NULL, " ", &rest))
            if (token[0] == '@')
                onnx_text(w, NODE_NAME, token + 1);
            else
                write_attribute(w, NODE_ATTRIBUTE, token);
        onnx_end(w);
    }
}

static void write_function(struct onnx_writer *w, const char *function)
{
    char *text = strdup(function), *colon = strstr(text, " : "), *rest;
    cr_assert(colon, "%s", function);
    *colon = '\0';
    onnx_begin(w, MODEL_FUNCTIONS);
    write_type(w, strtok_r(text, " ", &rest), FUNCTION_NAME, FUNCTION_DOMAIN, FUNCTION_OVERLOAD);
    write_list(w, FUNCTION_INPUT, strtok_r(NULL, " ", &rest));
    write_list(w, FUNCTION_OUTPUT, strtok_r(NULL, " ", &rest));
    for (char *token = strtok_r(NULL, " ", &rest); token; token = strtok_r(NULL, " ", &rest))
        if (token[0] == '^') {
            onnx_begin(w, FUNCTION_OPSET_IMPORT);
            onnx_int(w, OPSET_VERSION, strtol(token + 1, NULL, 10));
            onnx_end(w);
        } else {
            write_attribute(w, FUNCTION_ATTRIBUTE_PROTO, token);
        }
    for (const char *name = strchr(function, '$'); name; name = strchr(name, '$')) {
        name++;
        onnx_bytes(w, FUNCTION_ATTRIBUTE, name, strcspn(name, " ;"));
    }
    write_nodes(w, FUNCTION_NODE, colon + 3);
    onnx_end(w);
    free(text);
}

/* Input x, output y, and c, which is true. */
static void write_model(struct onnx_writer *w, const char *const functions[MOST_FUNCTIONS], const char *nodes)
{
    char *text = strdup(nodes);
    for (size_t i = 0; i < MOST_FUNCTIONS && functions[i]; i++)
        write_function(w, functions[i]);
    onnx_opset(w, "local", 1);
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){3, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", NULL);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "c", STOA_BOOL, NULL);
    onnx_bytes(w, TENSOR_RAW_DATA, "\1", 1);
    onnx_end(w);
    write_nodes(w, GRAPH_NODE, text);
    onnx_end(w);
    free(text);
}

static void add_names(struct text *text, const struct graph *graph, const size_t *values, size_t count)
{
    add(text, " ", count ? "" : "-");
    for (size_t i = 0; i < count; i++)
        add(text, i ? "," : "", values[i] == GRAPH_NONE ? "" : graph->values[values[i]].name);
}

/* The nodes as rows have them, names where they are not those of the outputs. */
static void add_nodes(struct text *text, const struct graph *graph)
{
    char number[32];
    for (size_t n = 0; n < graph->node_count; n++) {
        const struct graph_node *node = &graph->nodes[n];
        add(text, n ? "; " : "", node->type);
        add_names(text, graph, node->inputs, node->input_count);
        add_names(text, graph, node->outputs, node->output_count);
        for (size_t i = 0; i < node->attributes.count; i++) {
            snprintf(number, sizeof number, "=%g", (double)node->attributes.items[i].number);
            add(text, " ", node->attributes.items[i].name);
            add(text, number, "");
        }
        if (node->output_count && strcmp(node->name, graph->values[node->outputs[0]].name) != 0)
            add(text, " @", node->name);
        if (node->opset != 13) {
            snprintf(number, sizeof number, " ^%d", node->opset);
            add(text, number, "");
        }
        for (size_t side = 0; side < 2 && node->branches[side]; side++) {
            add(text, " {", "");
            add_nodes(text, node->branches[side]);
            add(text, "}", "");
        }
    }
}

static const struct {
    const char *name;
    const char *functions[MOST_FUNCTIONS];
    const char *nodes, *become;
} rows[] = {
    {"a call", {"local:F a b : Relu a t ; Neg t b"}, "local:F x y", "Relu x y::t; Neg y::t y"},
    {"two calls",
     {"local:F a b : Relu a t ; Neg t b"},
     "local:F x z ; local:F z y",
     "Relu x z::t; Neg z::t z; Relu z y::t; Neg y::t y"},
    {"names of nodes",
     {"local:F a b : Relu a t @r ; Neg t b"},
     "local:F x y @block",
     "Relu x y::t @block/r; Neg y::t y"},
    {"local names that the model has, too",
     {"local:F y x : Relu y c ; Neg c x"},
     "local:F x y",
     "Relu x y::c; Neg y::c y"},
    {"a call within",
     {"local:F a b : local:G a u ; local:G u b", "local:G a b : Relu a t ; Neg t b"},
     "local:F x y",
     "Relu x y::u::t; Neg y::u::t y::u; Relu y::u y::b::t; Neg y::b::t y"},
    {"a local name and the same within a call that makes the output",
     {"local:F a b : Neg a t ; local:G t b", "local:G a b : Relu a t ; Neg t b"},
     "local:F x y",
     "Neg x y::t; Relu y::t y::b::t; Neg y::b::t y"},
    {"a call of what comes later, twice removed",
     {"local:F a b : local:G a b", "local:G a b : local:H a b", "local:H a b : Relu a b"},
     "local:F x y",
     "Relu x y"},
    {"an attribute", {"local:F a b : LeakyRelu a b alpha=$slope"}, "local:F x y slope=0.5", "LeakyRelu x y alpha=0.5"},
    {"an attribute handed on",
     {"local:F a b : local:G a b tilt=$slope", "local:G a b : LeakyRelu a b alpha=$tilt"},
     "local:F x y slope=0.5",
     "LeakyRelu x y alpha=0.5"},
    {"an attribute of the same name handed on",
     {"local:F a b : local:G a b alpha=$alpha", "local:G a b : LeakyRelu a b alpha=$alpha"},
     "local:F x y alpha=0.5",
     "LeakyRelu x y alpha=0.5"},
    {"an attribute that is not given", {"local:F a b : LeakyRelu a b alpha=$slope"}, "local:F x y", "LeakyRelu x y"},
    {"a default", {"local:F a b slope=0.25 : LeakyRelu a b alpha=$slope"}, "local:F x y", "LeakyRelu x y alpha=0.25"},
    {"a default that is not needed",
     {"local:F a b slope=0.25 : LeakyRelu a b alpha=$slope"},
     "local:F x y slope=0.5",
     "LeakyRelu x y alpha=0.5"},
    {"a default within, for what is not given outside",
     {"local:F a b : local:G a b tilt=$slope", "local:G a b tilt=0.25 : LeakyRelu a b alpha=$tilt"},
     "local:F x y",
     "LeakyRelu x y alpha=0.25"},
    {"fewer inputs", {"local:F a,low,high b : Clip a,low,high b"}, "local:F x y", "Clip x y"},
    {"an input left out",
     {"local:F a,low,high b : Clip a,low,high b"},
     "local:F x,,k y ; Neg x k",
     "Neg x k; Clip x,,k y"},
    {"fewer outputs", {"local:F a b,d : Relu a b ; Neg b d"}, "local:F x y", "Relu x y; Neg y y::d"},
    {"an output left out", {"local:F a b,d : Relu a b ; Neg b d"}, "local:F x ,y", "Relu x y::b; Neg y::b y"},
    {"an input that is an output",
     {"local:F a,d a,b : Add a,d b"},
     "local:F x,x z,s ; Add z,s y",
     "Add x,x s; Identity x z; Add z,s y"},
    {"an output twice", {"local:F a b,b : Relu a b"}, "local:F x z,s ; Add z,s y", "Relu x z; Identity z s; Add z,s y"},
    {"calls for nothing", {"local:F a b,d : Relu a t"}, "local:F x - ; local:F x , ; Neg x y", "Neg x y"},
    {"overloads", {"local:F#one a b : Relu a b", "local:F#two a b : Neg a b"}, "local:F#two x y", "Neg x y"},
    {"an operator's name", {"Tanh a b : Relu a b"}, "ai.onnx:Tanh x y", "Relu x y"},
    {"another domain's", {"local:Relu a b : Neg a b"}, "Relu x z ; local:Relu z y", "Relu x z; Neg z y"},
    {"a version of its own", {"local:F a b ^15 : Relu a b"}, "local:F x z ; Neg z y", "Relu x z ^15; Neg z y"},
    {"a version within", {"local:F a b ^15 : local:G a b", "local:G a b : Relu a b"}, "local:F x y", "Relu x y ^15"},
    {"a call in a branch",
     {"Relu a b : Neg a s ; Abs s b"},
     "If c y then=Relu else=Sqrt",
     "If c,x,x y {Neg x t::s; Abs t::s t} {Sqrt x t}"},
    {"branches in a function",
     {"local:F k,x b : If k b then=Relu else=Neg"},
     "Abs x v ; local:F c,v y",
     "Abs x v; If c,v,v y {Relu v y::t} {Neg v y::t}"},
};

Test(functions, become_their_nodes)
{
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct stoa_model *model;
        struct text text = {0};
        write_model(&writer, rows[i].functions, rows[i].nodes);
        enum stoa_status status = stoa_model_load_memory(writer.data, writer.size, NULL, &error, &model);
        cr_expect(status == STOA_OK, "%s: %s", rows[i].name, error.message);
        if (status == STOA_OK) {
            add_nodes(&text, &model->graph);
            cr_expect(strcmp(text.bytes, rows[i].become) == 0, "%s: %s", rows[i].name, text.bytes);
        }
        stoa_model_free(model);
        onnx_free(&writer);
    }
}

static const struct {
    const char *name;
    const char *functions[MOST_FUNCTIONS];
    const char *nodes;
    enum stoa_status status;
    const char *words;
} bad_rows[] = {
    {"too many inputs",
     {"local:F a b : Relu a b"},
     "local:F x,x y",
     GRAPH,
     "node 'y' (F): has 2 inputs, the function has 1"},
    {"too many outputs",
     {"local:F a b : Relu a b"},
     "local:F x y,z",
     GRAPH,
     "node 'y' (F): has 2 outputs, the function has 1"},
    {"a function that calls itself",
     {"local:F a b : local:F a b"},
     "local:F x y",
     LIMIT,
     "functions call each other more than 32 deep"},
    {"functions in a circle",
     {"local:F a b : local:G a b", "local:G a b : local:F a b"},
     "local:F x y",
     LIMIT,
     "functions call each other more than 32 deep"},
    {"an output that nothing makes", {"local:F a b : Relu a t"}, "local:F x y", GRAPH, "output 'y'"},
    {"a name from outside", {"local:F a b : Relu x b"}, "local:F x y", GRAPH, "input 0 'y::x'"},
    {"an input left out that is needed",
     {"local:F a,d b : Add a,d b"},
     "local:F x y",
     GRAPH,
     "node 'y' (Add): input 1"},
    {"another overload",
     {"local:F#one a b : Relu a b"},
     "local:F x y",
     UNSUPPORTED,
     "unsupported operators: local.F (1)"},
    {"an attribute of another type",
     {"local:F a b : LeakyRelu a b alpha=$slope"},
     "local:F x y slope=#1",
     GRAPH,
     "node 'y' (LeakyRelu): attribute alpha: refers to attribute 'slope'"},
    {"an attribute that the function has not",
     {"local:F a b : LeakyRelu a b alpha=$slope"},
     "local:F x y slop=0.5",
     STOA_ERROR_ATTRIBUTE,
     "node 'y' (F): attribute slop is none of the function's"},
    {"a reference in no function", {NULL}, "LeakyRelu x y alpha=$slope", GRAPH, "refers to attribute 'slope'|in none"},
    {"a reference in a call in no function",
     {"local:F a b : LeakyRelu a b alpha=$slope"},
     "local:F x y slope=$tilt",
     GRAPH,
     "refers to attribute 'tilt'|in none"},
    {"a default that refers",
     {"local:F a b slope=$tilt : LeakyRelu a b alpha=$slope"},
     "local:F x y",
     GRAPH,
     "refers to attribute 'tilt'|in none"},
    {"an opset version beyond",
     {"local:F a b ^99 : Relu a b"},
     "local:F x y",
     UNSUPPORTED,
     "node 'y' (F): opset version is 99"},
    {"an attribute within that is not known",
     {"local:F a b : Relu a b alpha=1"},
     "local:F x y",
     STOA_ERROR_ATTRIBUTE,
     "node 'y' (Relu)|alpha"},
};

static void expect_words(const char *name, const char *words, const char *message)
{
    char *copy = strdup(words), *save;
    for (char *word = strtok_r(copy, "|", &save); word; word = strtok_r(NULL, "|", &save))
        cr_expect(strstr(message, word), "%s: %s", name, message);
    free(copy);
}

Test(functions, that_are_wrong)
{
    for (size_t i = 0; i < sizeof bad_rows / sizeof bad_rows[0]; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        write_model(&writer, bad_rows[i].functions, bad_rows[i].nodes);
        enum stoa_status status = bad_model_load(bad_rows[i].name, &writer, &error);
        cr_expect(status == bad_rows[i].status, "%s: %s: %s", bad_rows[i].name, stoa_status_name(status),
                  error.message);
        expect_words(bad_rows[i].name, bad_rows[i].words, error.message);
        onnx_free(&writer);
    }
}

/* Each function calls the one before twice. */
static void expect_endless(const char *first, const char *input, const char *outermost)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    char text[128];
    write_function(&writer, first);
    for (int i = 1; i <= 30; i++) {
        snprintf(text, sizeof text, "local:F%d %s b : local:F%d %s t ; local:F%d %s b", i, input, i - 1, input, i - 1,
                 input);
        write_function(&writer, text);
    }
    write_model(&writer, (const char *const[MOST_FUNCTIONS]){NULL}, outermost);
    enum stoa_status status = bad_model_load(first, &writer, &error);
    cr_expect(status == LIMIT, "%s: %s: %s", first, stoa_status_name(status), error.message);
    onnx_free(&writer);
}

/* The second makes no node: it is the calls that take memory. */
Test(functions, that_call_each_other_without_end)
{
    expect_endless("local:F0 a b : Identity a b", "a", "local:F30 x y");
    expect_endless("local:F0 - b : ", "-", "local:F30 - y");
}
