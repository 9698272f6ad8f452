/* Files that are not of the format, or larger than what is taken. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "onnx/bad_models.h"

static void nothing(struct onnx_writer *w)
{
    (void)w;
}

static void long_number(struct onnx_writer *w)
{
    onnx_varint(w, MODEL_IR_VERSION << 3);
    onnx_raw(w, "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x00", 11);
}

static void long_length(struct onnx_writer *w)
{
    onnx_varint(w, MODEL_GRAPH << 3 | 2);
    onnx_varint(w, UINT64_C(1) << 31);
}

static void wire_type_3(struct onnx_writer *w)
{
    onnx_varint(w, MODEL_GRAPH << 3 | 3);
}

static void wire_type_4(struct onnx_writer *w)
{
    onnx_varint(w, MODEL_GRAPH << 3 | 4);
}

/* Written from the inside out: graph, node, attribute, graph, … */
static void nested_graphs(struct onnx_writer *w)
{
    static const unsigned fields[3] = {ATTRIBUTE_G, NODE_ATTRIBUTE, GRAPH_NODE};
    for (int i = 0; i < 2911 * 3; i++) {
        struct onnx_writer outer = {0};
        onnx_bytes(&outer, fields[i % 3], w->data, w->size);
        onnx_free(w);
        *w = outer;
    }
    struct onnx_writer model = {0};
    onnx_int(&model, MODEL_IR_VERSION, 8);
    onnx_opset(&model, NULL, 13);
    onnx_bytes(&model, MODEL_GRAPH, w->data, w->size);
    onnx_free(w);
    *w = model;
}

static void repeated_graph(struct onnx_writer *w)
{
    for (int i = 0; i < 100000; i++) {
        onnx_begin(w, MODEL_GRAPH);
        onnx_node(w, "Relu", "x", "y");
        onnx_end(w);
    }
}

static void empty_nodes(struct onnx_writer *w)
{
    onnx_model_begin(w);
    for (int i = 0; i < 1000000; i++)
        onnx_raw(w, "\x0a\x00", 2);
    onnx_end(w);
}

static void no_type(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node(w, "Relu", "x", "a");
    onnx_begin(w, GRAPH_NODE);
    onnx_text(w, NODE_OUTPUT, "y");
    onnx_end(w);
    onnx_end(w);
}

static void no_attribute_name(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node_begin(w, "Relu", "x", "y");
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_int(w, ATTRIBUTE_TYPE, 2);
    onnx_end(w);
    onnx_end(w);
    onnx_end(w);
}

static void bad_text(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node_begin(w, "Relu", "x", "\xff");
    onnx_end(w);
    onnx_end(w);
}

static void zero_in_text(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_begin(w, GRAPH_NODE);
    onnx_bytes(w, NODE_OP_TYPE, "Relu\0x", 6);
    onnx_end(w);
    onnx_end(w);
}

/* One byte in the file, eight in memory. */
static void growing_numbers(struct onnx_writer *w)
{
    size_t size = (size_t)30 << 20;
    char *zeros = calloc(1, size);
    cr_assert(zeros);
    onnx_model_begin(w);
    onnx_begin(w, GRAPH_INITIALIZER);
    onnx_bytes(w, TENSOR_INT64_DATA, zeros, size);
    onnx_end(w);
    onnx_end(w);
    free(zeros);
}

static void no_graph(struct onnx_writer *w)
{
    onnx_int(w, MODEL_IR_VERSION, 8);
    onnx_opset(w, NULL, 13);
}

static const struct bad_model format_rows[] = {
    {"1 no bytes", nothing, PARSE, "holds no graph"},
    {"1 no graph", no_graph, PARSE, "holds no graph"},
    {"3 a number of 11 bytes", long_number, PARSE, "ir_version|longer than 10 bytes"},
    {"4 length 2^31", long_length, PARSE, "graph|2147483648 bytes"},
    {"5 wire type 3", wire_type_3, PARSE, "graph|wire type 3"},
    {"5 wire type 4", wire_type_4, PARSE, "graph|wire type 4"},
    {"6 nested graphs", nested_graphs, LIMIT, "graph.node[0].attribute[0].g.node[0]|32 deep"},
    {"7 graph repeated", repeated_graph, PARSE, "graph|twice"},
    {"8 a million empty nodes", empty_nodes, LIMIT, "graph.node[|bytes of memory"},
    {"8 numbers that grow", growing_numbers, LIMIT, "graph.initializer[0].int64_data|bytes of memory"},
    {"9 op_type absent", no_type, PARSE, "node 'y' (node[1])|op_type"},
    {"10 attribute name absent", no_attribute_name, PARSE, "node 'y' (Relu)|no name"},
    {"11 invalid UTF-8", bad_text, PARSE, "graph.node[0].output[0]|UTF-8"},
    {"11 zero byte in a name", zero_in_text, PARSE, "graph.node[0].op_type|zero byte"},
};

Test(bad_models, broken_format)
{
    BAD_MODELS_CHECK(format_rows);
}
