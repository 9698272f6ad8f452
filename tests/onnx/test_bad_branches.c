/* If nodes whose branches are malformed. */
#include <criterion/criterion.h>

#include "onnx/bad_models.h"

enum fault {
    NONE,
    MISSING,
    TWICE,
    NO_GRAPH,
    WRONG_TYPE,
    INPUTS,
    OUTPUT_COUNT,
    UNKNOWN_NAME,
    UNNAMED_OUTPUT,
    OWN_OUTPUT
};

static void attribute(struct onnx_writer *w, const char *name, enum fault fault, int depth)
{
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_text(w, ATTRIBUTE_NAME, name);
    onnx_int(w, ATTRIBUTE_TYPE, fault == WRONG_TYPE ? 2 : 5);
    if (fault != NO_GRAPH) {
        onnx_begin(w, ATTRIBUTE_G);
        if (fault == INPUTS)
            onnx_info(w, GRAPH_INPUT, "i", NULL);
        if (depth > 0) {
            onnx_node_begin(w, "If", "c", "t");
            attribute(w, "then_branch", NONE, depth - 1);
            attribute(w, "else_branch", NONE, 0);
            onnx_end(w);
        } else {
            onnx_node(w, "Relu", fault == UNKNOWN_NAME ? "nowhere" : fault == OWN_OUTPUT ? "y" : "x", "t");
        }
        onnx_info(w, GRAPH_OUTPUT, fault == UNNAMED_OUTPUT ? "" : "t", NULL);
        if (fault == OUTPUT_COUNT)
            onnx_info(w, GRAPH_OUTPUT, "x", NULL);
        onnx_end(w);
    }
    onnx_end(w);
}

static void model(struct onnx_writer *w, enum fault fault, int depth, const char *inputs)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){3, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", NULL);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "c", STOA_BOOL, NULL);
    onnx_bytes(w, TENSOR_RAW_DATA, "\1", 1);
    onnx_end(w);
    onnx_node_begin(w, "If", inputs, "y");
    attribute(w, "then_branch", NONE, 0);
    if (fault != MISSING)
        attribute(w, "else_branch", fault, depth);
    if (fault == TWICE)
        attribute(w, "else_branch", NONE, 0);
    onnx_end(w);
    onnx_end(w);
}

#define ROW(name, fault, depth, inputs)                                                                                \
    static void name(struct onnx_writer *w)                                                                            \
    {                                                                                                                  \
        model(w, fault, depth, inputs);                                                                                \
    }
ROW(missing, MISSING, 0, "c")
ROW(twice, TWICE, 0, "c")
ROW(no_graph, NO_GRAPH, 0, "c")
ROW(wrong_type, WRONG_TYPE, 0, "c")
ROW(with_inputs, INPUTS, 0, "c")
ROW(output_count, OUTPUT_COUNT, 0, "c")
ROW(unknown_name, UNKNOWN_NAME, 0, "c")
ROW(unnamed_output, UNNAMED_OUTPUT, 0, "c")
ROW(own_output, OWN_OUTPUT, 0, "c")
ROW(two_inputs, NONE, 0, "c,x")
ROW(no_inputs, NONE, 0, NULL)
ROW(no_condition, NONE, 0, "")
ROW(unknown_condition, NONE, 0, "d")
ROW(too_deep, NONE, 12, "c")

static void another_attribute(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node_begin(w, "If", "c", "y");
    onnx_ints(w, "nonsense", 1, (const int64_t[]){1});
    onnx_end(w);
    onnx_end(w);
}

static const struct bad_model rows[] = {
    {"no else_branch", missing, STOA_ERROR_ATTRIBUTE, "node 'y' (If)|else_branch is missing"},
    {"else_branch twice", twice, GRAPH, "node 'y' (If)|else_branch is given twice"},
    {"a branch without a graph", no_graph, GRAPH, "node 'y' (If)|else_branch is no graph"},
    {"a branch of another type", wrong_type, GRAPH, "node 'y' (If)|else_branch is no graph"},
    {"another attribute", another_attribute, STOA_ERROR_ATTRIBUTE, "node 'y' (If)|nonsense"},
    {"a branch with inputs", with_inputs, GRAPH, "node 'y' (If)|else_branch|has 1 inputs"},
    {"too many outputs", output_count, GRAPH, "node 'y' (If)|else_branch|has 2 outputs, the node has 1"},
    {"a name that is nowhere", unknown_name, GRAPH, "node 'y' (If)|'nowhere' is neither"},
    {"an output without a name", unnamed_output, GRAPH, "node 'y' (If)|else_branch|output[0]"},
    {"a branch that reads the If's output", own_output, GRAPH, "node 'y' (If)|its own output"},
    {"two inputs", two_inputs, GRAPH, "(If)|has 2 inputs"},
    {"no inputs", no_inputs, GRAPH, "(If)|has 0 inputs"},
    {"no condition", no_condition, GRAPH, "(If)|input"},
    {"a condition that is nowhere", unknown_condition, GRAPH, "node 'y' (If)|'d' is neither"},
    {"6 branches within branches", too_deep, LIMIT, "nested more than 32 deep"},
};

Test(bad_models, branches)
{
    BAD_MODELS_CHECK(rows);
}

/* Far fewer than the depth allows. */
Test(bad_models, branches_within_branches_load)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    model(&writer, NONE, 7, "c");
    cr_expect(bad_model_load("7 deep", &writer, &error) == STOA_OK, "%s", error.message);
    onnx_free(&writer);
}

/* Whatever a file ends in, nothing is read beyond it. */
Test(bad_models, branches_cut_short)
{
    struct onnx_writer writer = {0};
    model(&writer, NONE, 3, "c");
    for (size_t size = 0; size < writer.size; size++) {
        struct onnx_writer cut = writer;
        struct stoa_error error = {0};
        cut.size = size;
        cr_expect(bad_model_load("cut short", &cut, &error) != STOA_OK, "%zu bytes of %zu", size, writer.size);
    }
    onnx_free(&writer);
}
