/* Files whose graph is inconsistent, or asks for what the engine does not have. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "onnx/bad_models.h"

/* x -> one node -> y, at these versions. */
static void versions(struct onnx_writer *w, int64_t ir, const char *domain, int64_t opset)
{
    if (ir >= 0)
        onnx_int(w, MODEL_IR_VERSION, ir);
    onnx_opset(w, domain, opset);
    onnx_begin(w, MODEL_GRAPH);
    onnx_info(w, GRAPH_INPUT, "x", NULL);
    onnx_info(w, GRAPH_OUTPUT, "y", NULL);
    onnx_node(w, "Relu", "x", "y");
    onnx_end(w);
}

static void no_opset(struct onnx_writer *w)
{
    versions(w, 8, "evil", 13);
}

static void opset_0(struct onnx_writer *w)
{
    versions(w, 8, NULL, 0);
}

static void opset_9999(struct onnx_writer *w)
{
    versions(w, 8, "", 9999);
}

static void opset_negative(struct onnx_writer *w)
{
    versions(w, 8, "ai.onnx", -13);
}

static void opset_27(struct onnx_writer *w)
{
    versions(w, 13, NULL, 27);
}

static void opset_twice(struct onnx_writer *w)
{
    onnx_opset(w, NULL, 12);
    versions(w, 8, NULL, 13);
}

static void ir_0(struct onnx_writer *w)
{
    versions(w, 0, NULL, 13);
}

static void ir_absent(struct onnx_writer *w)
{
    versions(w, -1, NULL, 13);
}

static void ir_2(struct onnx_writer *w)
{
    versions(w, 2, NULL, 13);
}

static void ir_14(struct onnx_writer *w)
{
    versions(w, 14, NULL, 13);
}

static void wired(struct onnx_writer *w, const char *type, const char *inputs, const char *outputs)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){1, 4, 5, 5, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", NULL);
    onnx_weights(w, "k", (const int64_t[]){2, 4, 1, 1, 0});
    onnx_node(w, type, inputs, outputs);
    onnx_end(w);
}

static void reads_itself(struct onnx_writer *w)
{
    wired(w, "Add", "x,y", "y");
}

static void cycle(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_OUTPUT, "b", NULL);
    onnx_node(w, "Relu", "b", "a");
    onnx_node(w, "Relu", "a", "b");
    onnx_end(w);
}

static void input_missing(struct onnx_writer *w)
{
    wired(w, "Conv", "x,w", "y");
}

static void produced_twice(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", NULL);
    onnx_node(w, "Relu", "x", "y");
    onnx_node(w, "Identity", "x", "y");
    onnx_end(w);
}

static void initializer_twice(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_weights(w, "w", (const int64_t[]){2, 0});
    onnx_weights(w, "w", (const int64_t[]){2, 0});
    onnx_end(w);
}

static void output_missing(struct onnx_writer *w)
{
    wired(w, "Relu", "x", "z");
}

static void weights_absent(struct onnx_writer *w)
{
    wired(w, "Conv", "x,", "y");
}

static void one_input(struct onnx_writer *w)
{
    wired(w, "Conv", "x", "y");
}

static void four_inputs(struct onnx_writer *w)
{
    wired(w, "Conv", "x,k,k,k", "y");
}

static void unknown_type(struct onnx_writer *w)
{
    wired(w, "Foo", "x", "y");
}

static void unknown_domain(struct onnx_writer *w)
{
    onnx_opset(w, "evil", 1);
    onnx_model_begin(w);
    onnx_node_begin(w, "Relu", "x", "y");
    onnx_text(w, NODE_DOMAIN, "evil");
    onnx_end(w);
    onnx_node(w, "Foo", "x", "y");
    onnx_end(w);
}

static void strides_twice(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node_begin(w, "Conv", "x,w", "y");
    onnx_ints(w, "strides", 2, (const int64_t[]){1, 1});
    onnx_ints(w, "strides", 2, (const int64_t[]){2, 2});
    onnx_end(w);
    onnx_end(w);
}

static void with_strides(struct onnx_writer *w, int type, int with_float, int with_ints)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", NULL);
    onnx_weights(w, "k", (const int64_t[]){2, 4, 1, 1, 0});
    onnx_node_begin(w, "Conv", "x,k", "y");
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_text(w, ATTRIBUTE_NAME, "strides");
    if (type)
        onnx_int(w, ATTRIBUTE_TYPE, type);
    if (with_float)
        onnx_float(w, ATTRIBUTE_F, 1);
    if (with_ints)
        onnx_int(w, ATTRIBUTE_LIST_OF_INTS, 1);
    onnx_end(w);
    onnx_end(w);
    onnx_end(w);
}

static void strides_float(struct onnx_writer *w)
{
    with_strides(w, 1, 1, 0);
}

static void strides_float_with_ints(struct onnx_writer *w)
{
    with_strides(w, 1, 0, 1);
}

static void strides_graph(struct onnx_writer *w)
{
    with_strides(w, 5, 0, 0);
}

static void strides_untyped(struct onnx_writer *w)
{
    with_strides(w, 0, 0, 1);
}

static void strides_type_99(struct onnx_writer *w)
{
    with_strides(w, 99, 0, 1);
}

static void attribute_crowd(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node_begin(w, "Conv", "x,w", "y");
    for (int i = 0; i < 65; i++)
        onnx_ints(w, (char[]){(char)('0' + i), 0}, 0, NULL);
    onnx_end(w);
    onnx_end(w);
}

/* An input whose type is written by the caller. */
static void typed_input(struct onnx_writer *w, unsigned kind, int64_t elem_type, int64_t dim)
{
    onnx_model_begin(w);
    onnx_begin(w, GRAPH_INPUT);
    onnx_text(w, INFO_NAME, "x");
    onnx_begin(w, INFO_TYPE);
    if (kind) {
        onnx_begin(w, kind);
        if (elem_type)
            onnx_int(w, TYPE_TENSOR_ELEM_TYPE, elem_type);
        if (dim) {
            onnx_begin(w, TYPE_TENSOR_SHAPE);
            onnx_begin(w, SHAPE_DIM);
            onnx_int(w, DIM_VALUE, dim);
            onnx_end(w);
            onnx_end(w);
        }
        onnx_end(w);
    }
    onnx_end(w);
    onnx_end(w);
    onnx_end(w);
}

static void input_untyped(struct onnx_writer *w)
{
    typed_input(w, 0, 0, 0);
}

static void input_sequence(struct onnx_writer *w)
{
    typed_input(w, TYPE_SEQUENCE, 0, 0);
}

static void input_of_strings(struct onnx_writer *w)
{
    typed_input(w, TYPE_TENSOR, 8, 0);
}

static void input_of_rank_9(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){1, 1, 1, 1, 1, 1, 1, 1, 1, 0});
    onnx_end(w);
}

static void input_unnamed(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "", NULL);
    onnx_end(w);
}

static void initializer_unnamed(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_weights(w, "", NULL);
    onnx_end(w);
}

static const struct bad_model graph_rows[] = {
    {"12 no opset", no_opset, GRAPH, "opset_import|default domain"},
    {"13 opset 0", opset_0, UNSUPPORTED, "opset version is 0"},
    {"13 opset 9999", opset_9999, UNSUPPORTED, "opset version is 9999"},
    {"13 opset -13", opset_negative, UNSUPPORTED, "opset version is -13"},
    {"13 opset 27", opset_27, UNSUPPORTED, "opset version is 27, versions 1 to 26"},
    {"13 opset twice", opset_twice, GRAPH, "opset_import[1]|version 13|12"},
    {"14 ir_version 0", ir_0, GRAPH, "ir_version is 0"},
    {"14 ir_version absent", ir_absent, GRAPH, "ir_version is 0"},
    {"14 ir_version 2", ir_2, UNSUPPORTED, "ir_version is 2"},
    {"14 ir_version 14", ir_14, UNSUPPORTED, "ir_version is 14, versions 3 to 13"},
    {"15 node reads its own output", reads_itself, GRAPH, "node 'y' (Add)|input 1 'y'"},
    {"16 cycle", cycle, GRAPH, "(Relu)|cycle"},
    {"17 input missing", input_missing, GRAPH, "node 'y' (Conv)|input 1 'w'"},
    {"18 produced twice", produced_twice, GRAPH, "(Identity)|output 0 'y'|node 'y'"},
    {"19 initialiser twice", initializer_twice, GRAPH, "initializer 'w'|twice"},
    {"20 output unproduced", output_missing, GRAPH, "output 'y'"},
    {"21 weights absent", weights_absent, GRAPH, "node 'y' (Conv)|input 1"},
    {"22 one input", one_input, GRAPH, "node 'y' (Conv)|input 1"},
    {"22 four inputs", four_inputs, GRAPH, "node 'y' (Conv)|4 inputs"},
    {"23 unknown operator", unknown_type, UNSUPPORTED, "unsupported operators: Foo (1)"},
    {"24 unknown domain", unknown_domain, UNSUPPORTED, "unsupported operators: evil.Relu (1), Foo (1)"},
    {"26 strides twice", strides_twice, GRAPH, "node 'y' (Conv)|strides|twice"},
    {"27 strides a float", strides_float, GRAPH, "node 'y' (Conv)|strides|FLOAT"},
    {"27 strides a float with ints", strides_float_with_ints, GRAPH, "node 'y' (Conv)|strides|FLOAT|ints"},
    {"27 strides a graph", strides_graph, GRAPH, "node 'y' (Conv)|strides|GRAPH"},
    {"27 strides without a type", strides_untyped, GRAPH, "node 'y' (Conv)|strides|type 0"},
    {"27 strides of type 99", strides_type_99, GRAPH, "node 'y' (Conv)|strides|type 99"},
    {"65 attributes", attribute_crowd, LIMIT, "node 'y' (Conv)|65 attributes"},
    {"input without a type", input_untyped, GRAPH, "input 'x'|no type"},
    {"input is a sequence", input_sequence, UNSUPPORTED, "input 'x'|not a tensor"},
    {"input of strings", input_of_strings, UNSUPPORTED, "input 'x'|STRING"},
    {"input of rank 9", input_of_rank_9, LIMIT, "input 'x'|9 dimensions"},
    {"input without a name", input_unnamed, GRAPH, "input[0]|name"},
    {"initialiser without a name", initializer_unnamed, GRAPH, "initializer[0]|name"},
};

Test(bad_models, inconsistent_graphs)
{
    BAD_MODELS_CHECK(graph_rows);
}

Test(bad_models, a_chain_of_a_million_nodes_loads_or_is_too_large)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    onnx_model_begin(&writer);
    onnx_info(&writer, GRAPH_INPUT, "v0", NULL);
    onnx_info(&writer, GRAPH_OUTPUT, "v1000000", NULL);
    for (int i = 0; i < 1000000; i++) {
        char input[16], output[16];
        snprintf(input, sizeof input, "v%d", i);
        snprintf(output, sizeof output, "v%d", i + 1);
        onnx_node(&writer, "Relu", input, output);
    }
    onnx_end(&writer);
    enum stoa_status status = bad_model_load("25 long chain", &writer, &error);
    cr_expect(status == STOA_OK || status == STOA_ERROR_LIMIT, "%s: %s", stoa_status_name(status), error.message);
    onnx_free(&writer);
}
