/* Files the engine takes: what the model then says, and where its constants lie. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/session.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/tensor.h"
#include "graph/model.h"
#include "onnx/tensor_file.h"
#include "support/allocator.h"
#include "support/onnx_writer.h"
#include "support/temporary.h"

static struct stoa_model *load(const struct onnx_writer *writer)
{
    struct stoa_error error = {0};
    struct stoa_model *model;
    cr_assert(stoa_model_load_memory(writer->data, writer->size, NULL, &error, &model) == STOA_OK, "%s", error.message);
    return model;
}

static const struct stoa_tensor *constant_of(const struct stoa_model *model, const char *name)
{
    size_t value = stoa_graph_find(&model->graph, name);
    cr_assert(value != GRAPH_NONE && model->graph.values[value].constant, "%s is no constant", name);
    return model->graph.values[value].constant;
}

static void write_conv(struct onnx_writer *writer)
{
    onnx_model_begin(writer);
    onnx_info(writer, GRAPH_INPUT, "x", (const int64_t[]){-1, 4, 5, 5, 0});
    onnx_info(writer, GRAPH_INPUT, "w", (const int64_t[]){2, 4, 1, 1, 0});
    onnx_info(writer, GRAPH_OUTPUT, "y", (const int64_t[]){-1, 2, 5, 5, 0});
    onnx_node(writer, "Relu", "c", "y");
    onnx_node_begin(writer, "Conv", "x,w,", "c");
    onnx_text(writer, NODE_NAME, "conv1");
    onnx_ints(writer, "strides", 2, (const int64_t[]){1, 1});
    onnx_end(writer);
    onnx_weights(writer, "w", (const int64_t[]){2, 4, 1, 1, 0});
    onnx_end(writer);
}

static void expect_conv(const struct stoa_model *model)
{
    struct stoa_error error = {0};
    struct stoa_value_info info;
    cr_assert(stoa_model_input_count(model) == 1 && stoa_model_output_count(model) == 1);
    cr_assert(stoa_model_input(model, 0, &error, &info) == STOA_OK);
    cr_expect(strcmp(info.name, "x") == 0 && info.dtype == STOA_FLOAT && info.has_shape && info.rank == 4);
    cr_expect(info.dims[0] == -1 && info.dims[1] == 4 && info.dims[3] == 5);
    cr_assert(stoa_model_output(model, 0, &error, &info) == STOA_OK);
    cr_expect(strcmp(info.name, "y") == 0 && info.dims[1] == 2);
    cr_expect(stoa_model_input(model, 1, &error, &info) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "input 1"), "%s", error.message);

    const struct graph *graph = &model->graph;
    cr_assert(graph->node_count == 2);
    cr_expect(strcmp(graph->nodes[0].name, "conv1") == 0 && graph->nodes[0].input_count == 2);
    cr_expect(strcmp(graph->nodes[1].name, "y") == 0 && graph->nodes[1].opset == 13);
    const struct stoa_tensor *w = constant_of(model, "w");
    cr_expect(stoa_tensor_elements(w) == 8 && ((const float *)w->data)[7] == 1);
}

Test(import, a_model_from_memory)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    struct stoa_model *model = load(&writer);
    expect_conv(model);
    stoa_model_free(model);
    onnx_free(&writer);
}

Test(import, a_model_from_a_file)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    char path[TEMPORARY_PATH];
    temporary_file("", path);
    onnx_save(&writer, path);
    struct stoa_error error = {0};
    struct stoa_model *model;
    cr_assert(stoa_model_load(path, NULL, &error, &model) == STOA_OK, "%s", error.message);
    unlink(path);
    expect_conv(model);
    stoa_model_free(model);
    cr_expect(stoa_model_load(path, NULL, &error, &model) == STOA_ERROR_IO && !model);
    cr_expect(strstr(error.message, path), "%s", error.message);
    onnx_free(&writer);
}

static void write_relu(struct onnx_writer *writer, const int64_t *dims)
{
    onnx_begin(writer, MODEL_GRAPH);
    onnx_info(writer, GRAPH_INPUT, "x", dims);
    onnx_info(writer, GRAPH_OUTPUT, "y", NULL);
    onnx_info(writer, GRAPH_OUTPUT, "x", NULL);
    onnx_info(writer, GRAPH_OUTPUT, "y", NULL);
    onnx_node(writer, "Relu", "x", "y");
    onnx_end(writer);
}

/* The default domain by both of its names, and an output twice, are what PyTorch writes, too. */
Test(import, what_is_said_twice_counts_once)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct stoa_value_info info;
    size_t index;
    onnx_int(&writer, MODEL_IR_VERSION, 10);
    onnx_opset(&writer, "", 21);
    onnx_opset(&writer, "ai.onnx", 21);
    write_relu(&writer, (const int64_t[]){2, 3, 0});
    struct stoa_model *model = load(&writer);
    cr_assert(stoa_model_output_count(model) == 2);
    cr_assert(stoa_model_output(model, 0, &error, &info) == STOA_OK && strcmp(info.name, "y") == 0);
    cr_assert(stoa_model_output(model, 1, &error, &info) == STOA_OK && strcmp(info.name, "x") == 0);
    cr_assert(stoa_model_find_output(model, "y", &error, &index) == STOA_OK && index == 0);
    cr_expect(model->graph.nodes[0].opset == 21);
    stoa_model_free(model);
    onnx_free(&writer);
}

/* Fields newer than the schema that the reader is made from: they say on which devices nodes run, and what exporters
 * remember of the program they came from. */
Test(import, what_files_of_ir_version_13_say_beside_is_passed_over)
{
    enum { MODEL_CONFIGURATION = 26, NODE_METADATA = 9, NODE_DEVICES = 10, TENSOR_METADATA = 16 };
    struct onnx_writer writer = {0};
    onnx_int(&writer, MODEL_IR_VERSION, 13);
    onnx_opset(&writer, "", 26);
    onnx_begin(&writer, MODEL_CONFIGURATION);
    onnx_text(&writer, 1, "two devices");
    onnx_int(&writer, 2, 2);
    onnx_end(&writer);
    onnx_begin(&writer, MODEL_GRAPH);
    onnx_info(&writer, GRAPH_INPUT, "x", (const int64_t[]){2, 3, 0});
    onnx_info(&writer, GRAPH_OUTPUT, "y", NULL);
    onnx_node_begin(&writer, "Add", "x,w", "y");
    onnx_text(&writer, NODE_OVERLOAD, "");
    onnx_begin(&writer, NODE_METADATA);
    onnx_text(&writer, 1, "pkg.torch.onnx.fx_node");
    onnx_text(&writer, 2, "%add : [num_users=1]");
    onnx_end(&writer);
    onnx_begin(&writer, NODE_DEVICES);
    onnx_text(&writer, 1, "two devices");
    onnx_end(&writer);
    onnx_end(&writer);
    onnx_tensor_begin(&writer, GRAPH_INITIALIZER, "w", STOA_FLOAT, (const int64_t[]){1, 0});
    onnx_float(&writer, TENSOR_FLOAT_DATA, 2.5f);
    onnx_begin(&writer, TENSOR_METADATA);
    onnx_text(&writer, 1, "origin");
    onnx_end(&writer);
    onnx_end(&writer);
    onnx_end(&writer);
    struct stoa_model *model = load(&writer);
    cr_expect(model->graph.node_count == 1 && model->graph.nodes[0].opset == 26);
    cr_expect(((const float *)constant_of(model, "w")->data)[0] == 2.5f);
    stoa_model_free(model);
    onnx_free(&writer);
}

Test(import, dimensions_below_0_are_open)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct stoa_value_info info;
    onnx_int(&writer, MODEL_IR_VERSION, 8);
    onnx_opset(&writer, NULL, 18);
    onnx_begin(&writer, MODEL_GRAPH);
    onnx_begin(&writer, GRAPH_INPUT);
    onnx_text(&writer, INFO_NAME, "x");
    onnx_begin(&writer, INFO_TYPE);
    onnx_begin(&writer, TYPE_TENSOR);
    onnx_int(&writer, TYPE_TENSOR_ELEM_TYPE, STOA_FLOAT);
    onnx_begin(&writer, TYPE_TENSOR_SHAPE);
    for (int64_t value = -2; value < 5; value += 2) { /* -2, 0, 2, 4 */
        onnx_begin(&writer, SHAPE_DIM);
        onnx_int(&writer, DIM_VALUE, value < 0 ? -1 : value);
        onnx_end(&writer);
    }
    for (int open = 0; open < 4; open++)
        onnx_end(&writer);
    onnx_info(&writer, GRAPH_OUTPUT, "y", NULL);
    onnx_node(&writer, "Relu", "x", "y");
    onnx_end(&writer);
    struct stoa_model *model = load(&writer);
    cr_assert(stoa_model_input(model, 0, &error, &info) == STOA_OK && info.rank == 4);
    cr_expect(info.dims[0] == -1 && info.dims[1] == 0 && info.dims[2] == 2 && info.dims[3] == 4);
    stoa_model_free(model);
    onnx_free(&writer);
}

Test(import, missing_arguments_are_refused)
{
    struct stoa_error error = {0};
    struct stoa_model *model;
    cr_expect(stoa_model_load(NULL, NULL, &error, &model) == STOA_ERROR_ARGUMENT && !model);
    cr_expect(stoa_model_load_memory(NULL, 0, NULL, &error, &model) == STOA_ERROR_ARGUMENT && !model);
    cr_expect(stoa_model_load("x.onnx", NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
    stoa_model_free(NULL);
}

/* Weights of `count` floats, such that the payload lies at the given address modulo 4. */
static void write_shifted(struct onnx_writer *writer, size_t shift, int64_t count)
{
    onnx_int(writer, MODEL_IR_VERSION, 8);
    onnx_opset(writer, NULL, 13);
    onnx_bytes(writer, 6, "xxx", shift); /* doc_string */
    onnx_begin(writer, MODEL_GRAPH);
    onnx_info(writer, GRAPH_OUTPUT, "w", NULL);
    onnx_weights(writer, "w", (const int64_t[]){count, 0});
    onnx_end(writer);
}

/* Small data are copied where they are not aligned; large ones stay where they are. */
Test(import, raw_data_are_used_in_place_where_aligned_or_large)
{
    static const int64_t counts[] = {100, 16383, 16384, 100000};
    for (size_t row = 0; row < sizeof counts / sizeof *counts; row++) {
        size_t count = (size_t)counts[row], borrowed = 0, aligned = 0;
        for (size_t shift = 0; shift < 4; shift++) {
            struct onnx_writer writer = {0};
            write_shifted(&writer, shift, counts[row]);
            struct stoa_model *model = load(&writer);
            const struct stoa_tensor *w = constant_of(model, "w");
            const char *data = w->data;
            size_t wrong = 0;
            for (size_t i = 0; i < count; i++)
                wrong += memcmp(data + i * sizeof(float), &(float){1}, sizeof(float)) != 0;
            cr_expect(wrong == 0, "%zu floats, shift %zu: %zu wrong", count, shift, wrong);
            borrowed += (uint8_t *)w->data >= writer.data && (uint8_t *)w->data < writer.data + writer.size;
            aligned += stoa_tensor_is_aligned(w);
            stoa_model_free(model);
            onnx_free(&writer);
        }
        bool large = count >= 16384;
        cr_expect(borrowed == (large ? 4 : 1), "%zu floats: %zu of 4 borrowed", count, borrowed);
        cr_expect(aligned == (large ? 1 : 4), "%zu floats: %zu of 4 aligned", count, aligned);
    }
}

static const struct {
    const char *name;
    int data_type;
    unsigned field;
    const char *packed;
    size_t packed_size;
    double first, second;
} typed[] = {
    {"float_data", STOA_FLOAT, TENSOR_FLOAT_DATA, "\0\0\x80\x3f\0\0\0\xc0", 8, 1, -2},
    {"double_data", STOA_DOUBLE, TENSOR_DOUBLE_DATA, "\0\0\0\0\0\0\xf0\x3f\0\0\0\0\0\0\0\xc0", 16, 1, -2},
    {"int64_data", STOA_INT64, TENSOR_INT64_DATA, "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 3, -1},
    {"int32_data", STOA_INT32, TENSOR_INT32_DATA, "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 3, -1},
    {"int32_data for int8", STOA_INT8, TENSOR_INT32_DATA, "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 3, -1},
    {"int32_data for uint8", STOA_UINT8, TENSOR_INT32_DATA, "\x03\xff\x01", 3, 3, 255},
    {"int32_data for int16", STOA_INT16, TENSOR_INT32_DATA, "\xff\xff\x01\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 13,
     INT16_MAX, -1},
    {"int32_data for uint16", STOA_UINT16, TENSOR_INT32_DATA, "\x03\xff\xff\x03", 4, 3, UINT16_MAX},
    {"uint64_data", STOA_UINT64, TENSOR_UINT64_DATA, "\x03\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 11, 3, 0x1p64},
    {"uint64_data for uint32", STOA_UINT32, TENSOR_UINT64_DATA, "\x03\xff\xff\xff\xff\x0f", 6, 3, UINT32_MAX},
    {"raw uint16", STOA_UINT16, TENSOR_RAW_DATA, "\x04\0\xff\xff", 4, 4, UINT16_MAX},
    {"raw int16", STOA_INT16, TENSOR_RAW_DATA, "\x04\0\xff\xff", 4, 4, -1},
    {"raw uint32", STOA_UINT32, TENSOR_RAW_DATA, "\x04\0\0\0\xff\xff\xff\xff", 8, 4, UINT32_MAX},
    {"raw uint64", STOA_UINT64, TENSOR_RAW_DATA, "\x04\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff", 16, 4, 0x1p64},
    {"int32_data for float16", 10, TENSOR_INT32_DATA, "\x80\x78\x81\xa0\x02", 5, 1, -0x1.004p-11},
    {"int32_data for bfloat16", 16, TENSOR_INT32_DATA, "\x80\x7f\x80\x80\x03", 5, 1, -2},
    {"raw float16", 10, TENSOR_RAW_DATA, "\x00\x3c\xff\xfb", 4, 1, -65504},
    {"raw float16 below the normal range", 10, TENSOR_RAW_DATA, "\x01\x00\xff\x83", 4, 0x1p-24, -0x1.ff8p-15},
    {"raw float16 without end", 10, TENSOR_RAW_DATA, "\x00\x7c\x00\xfc", 4, INFINITY, -INFINITY},
    {"raw bfloat16", 16, TENSOR_RAW_DATA, "\x80\x3f\x49\xc0", 4, 1, -3.140625},
    {"int32_data for bool", STOA_BOOL, TENSOR_INT32_DATA, "\x00\x01", 2, 0, 1},
    {"raw bool", STOA_BOOL, TENSOR_RAW_DATA, "\x00\x07", 2, 0, 1},
    {"raw int8", STOA_INT8, TENSOR_RAW_DATA, "\x80\x7f", 2, -128, 127},
    {"raw int32", STOA_INT32, TENSOR_RAW_DATA, "\x04\0\0\0\xff\xff\xff\xff", 8, 4, -1},
};

Test(import, every_data_type_in_every_field)
{
    for (size_t i = 0; i < sizeof typed / sizeof typed[0]; i++) {
        struct onnx_writer writer = {0};
        onnx_model_begin(&writer);
        onnx_info(&writer, GRAPH_OUTPUT, "w", NULL);
        onnx_tensor_begin(&writer, GRAPH_INITIALIZER, "w", typed[i].data_type, (const int64_t[]){2, 0});
        onnx_bytes(&writer, typed[i].field, typed[i].packed, typed[i].packed_size);
        onnx_end(&writer);
        onnx_end(&writer);
        struct stoa_model *model = load(&writer);
        const struct stoa_tensor *w = constant_of(model, "w");
        cr_expect(stoa_tensor_load(w, 0) == typed[i].first && stoa_tensor_load(w, 1) == typed[i].second, "%s: %g %g",
                  typed[i].name, stoa_tensor_load(w, 0), stoa_tensor_load(w, 1));
        stoa_model_free(model);
        onnx_free(&writer);
    }
}

/* A network in half precision runs in float: so do its callers. */
Test(import, half_precision_is_float_to_callers)
{
    static const int halves[] = {10, 16};
    for (size_t i = 0; i < 2; i++) {
        struct onnx_writer writer = {0};
        onnx_model_begin(&writer);
        for (unsigned port = GRAPH_INPUT; port <= GRAPH_OUTPUT; port++) {
            onnx_begin(&writer, port);
            onnx_text(&writer, INFO_NAME, port == GRAPH_INPUT ? "x" : "y");
            onnx_begin(&writer, INFO_TYPE);
            onnx_begin(&writer, TYPE_TENSOR);
            onnx_int(&writer, TYPE_TENSOR_ELEM_TYPE, halves[i]);
            onnx_begin(&writer, TYPE_TENSOR_SHAPE);
            onnx_end(&writer);
            for (int message = 0; message < 3; message++)
                onnx_end(&writer);
        }
        onnx_tensor_begin(&writer, GRAPH_INITIALIZER, "w", halves[i], NULL);
        onnx_bytes(&writer, TENSOR_RAW_DATA, halves[i] == 10 ? "\x00\x3e" : "\xc0\x3f", 2); /* 1.5 */
        onnx_end(&writer);
        onnx_node(&writer, "Mul", "x,w", "y");
        onnx_end(&writer);
        struct stoa_model *model = load(&writer);
        struct stoa_value_info info;
        cr_assert(stoa_model_input(model, 0, NULL, &info) == STOA_OK && info.dtype == STOA_FLOAT);
        cr_assert(stoa_model_output(model, 0, NULL, &info) == STOA_OK && info.dtype == STOA_FLOAT);
        struct stoa_session *session;
        float x = 0.1F, y = 0;
        cr_assert(stoa_session_create(model, NULL, NULL, &session) == STOA_OK);
        cr_assert(stoa_session_bind_input(session, "x", &x, NULL) == STOA_OK);
        cr_assert(stoa_session_bind_output(session, "y", &y, NULL) == STOA_OK);
        cr_assert(stoa_session_run(session, NULL) == STOA_OK);
        cr_expect(y == 0.1F * 1.5F, "%a", (double)y);
        stoa_session_free(session);
        stoa_model_free(model);
        onnx_free(&writer);
    }
}

Test(import, unpacked_lists_and_scalars_and_empty_tensors)
{
    struct onnx_writer writer = {0};
    onnx_model_begin(&writer);
    onnx_info(&writer, GRAPH_OUTPUT, "list", NULL);
    onnx_tensor_begin(&writer, GRAPH_INITIALIZER, "list", STOA_FLOAT, (const int64_t[]){2, 0});
    onnx_float(&writer, TENSOR_FLOAT_DATA, 5);
    onnx_float(&writer, TENSOR_FLOAT_DATA, 6);
    onnx_end(&writer);
    onnx_tensor_begin(&writer, GRAPH_INITIALIZER, "scalar", STOA_INT64, NULL);
    onnx_int(&writer, TENSOR_INT64_DATA, -9);
    onnx_end(&writer);
    onnx_tensor_begin(&writer, GRAPH_INITIALIZER, "empty", STOA_FLOAT, NULL);
    onnx_int(&writer, TENSOR_DIMS, 0);
    onnx_end(&writer);
    onnx_end(&writer);
    struct stoa_model *model = load(&writer);
    cr_expect(stoa_tensor_load(constant_of(model, "list"), 1) == 6);
    cr_expect(stoa_tensor_load(constant_of(model, "scalar"), 0) == -9 && constant_of(model, "scalar")->rank == 0);
    const struct stoa_tensor *empty = constant_of(model, "empty");
    cr_expect(stoa_tensor_elements(empty) == 0 && empty->data && empty->rank == 1);
    stoa_model_free(model);
    onnx_free(&writer);
}

Test(import, weights_as_constant_nodes)
{
    struct onnx_writer writer = {0};
    onnx_model_begin(&writer);
    onnx_info(&writer, GRAPH_INPUT, "x", (const int64_t[]){2, 0});
    onnx_info(&writer, GRAPH_OUTPUT, "y", (const int64_t[]){2, 0});
    onnx_node_begin(&writer, "Constant", NULL, "w");
    onnx_begin(&writer, NODE_ATTRIBUTE);
    onnx_text(&writer, ATTRIBUTE_NAME, "value");
    onnx_int(&writer, ATTRIBUTE_TYPE, 4);
    onnx_tensor_begin(&writer, ATTRIBUTE_T, NULL, STOA_FLOAT, (const int64_t[]){2, 0});
    onnx_bytes(&writer, TENSOR_RAW_DATA, "\0\0\x80\x3f\0\0\0\xc0", 8);
    onnx_end(&writer);
    onnx_end(&writer);
    onnx_end(&writer);
    onnx_node(&writer, "Add", "x,w", "y");
    onnx_end(&writer);
    struct stoa_model *model = load(&writer);
    cr_expect(stoa_tensor_load(constant_of(model, "w"), 1) == -2 && model->graph.node_count == 1);
    stoa_model_free(model);
    onnx_free(&writer);
}

Test(import, every_truncation_fails_cleanly)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    for (size_t size = 0; size < writer.size; size++) {
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct stoa_model_options options = {.allocator = &allocator.interface};
        /* A copy of its own, so that reading beyond the end is seen. */
        uint8_t *copy = malloc(size ? size : 1);
        cr_assert(copy);
        memcpy(copy, writer.data, size);
        struct stoa_model *model;
        enum stoa_status status = stoa_model_load_memory(copy, size, &options, &error, &model);
        cr_expect(status == STOA_ERROR_PARSE && error.message[0], "%zu bytes: %s: %s", size, stoa_status_name(status),
                  error.message);
        cr_expect(!model && allocator.live == 0, "%zu bytes: leaked", size);
        free(copy);
    }
    onnx_free(&writer);
}

Test(import, any_byte_changed_loads_or_fails_cleanly)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    for (size_t at = 0; at < writer.size; at++)
        for (unsigned change = 1; change < 256; change += 7) {
            struct stoa_error error = {0};
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            struct stoa_model_options options = {.allocator = &allocator.interface};
            struct stoa_model *model;
            writer.data[at] ^= (uint8_t)change;
            enum stoa_status status = stoa_model_load_memory(writer.data, writer.size, &options, &error, &model);
            cr_expect((status == STOA_OK) == (model != NULL), "byte %zu", at);
            cr_expect(status == STOA_OK || error.message[0], "byte %zu: no message", at);
            stoa_model_free(model);
            cr_expect(allocator.live == 0, "byte %zu: leaked", at);
            writer.data[at] ^= (uint8_t)change;
        }
    onnx_free(&writer);
}

Test(import, a_failing_allocation_anywhere_leaks_nothing)
{
    struct onnx_writer writer = {0};
    write_conv(&writer);
    for (int forever = 0; forever < 2; forever++)
        for (size_t n = 1;; n++) {
            struct stoa_error error = {0};
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            allocator.fail_at = n;
            allocator.fail_after = forever;
            struct stoa_model_options options = {.allocator = &allocator.interface};
            struct stoa_model *model;
            enum stoa_status status = stoa_model_load_memory(writer.data, writer.size, &options, &error, &model);
            stoa_model_free(model);
            cr_expect(allocator.live == 0, "allocation %zu: leaked", n);
            if (allocator.calls < n) {
                cr_expect(status == STOA_OK && n > 5, "%s", error.message);
                break;
            }
            cr_expect(status == STOA_ERROR_MEMORY && !model, "allocation %zu: %s", n, stoa_status_name(status));
        }
    onnx_free(&writer);
}

Test(import, tensor_files_are_read_whole)
{
    static float numbers[6] = {1, 2, 3, 4, 5, 6};
    struct stoa_tensor tensor = {.dtype = STOA_FLOAT, .rank = 2, .dims = {2, 3}, .data = numbers}, back;
    stoa_tensor_set_plain(&tensor);
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    struct stoa_error error = {0};
    struct onnx_writer file = {0};
    char *name;
    onnx_int(&file, TENSOR_DIMS, 2);
    onnx_int(&file, TENSOR_DIMS, 3);
    onnx_int(&file, TENSOR_DATA_TYPE, 1);
    onnx_text(&file, TENSOR_NAME, "t");
    onnx_bytes(&file, TENSOR_RAW_DATA, numbers, sizeof numbers);
    cr_assert(stoa_onnx_read_tensor(file.data, file.size, &allocator.interface, &error, &back, &name, NULL) == STOA_OK,
              "%s", error.message);
    cr_expect(back.dtype == STOA_FLOAT && stoa_tensor_same_dims(&back, &tensor) && stoa_tensor_is_plain(&back));
    cr_expect(memcmp(back.data, numbers, sizeof numbers) == 0 && strcmp(name, "t") == 0);
    stoa_release(&allocator.interface, back.data);
    stoa_release(&allocator.interface, name);
    for (size_t cut = 0; cut < file.size; cut++)
        cr_expect(stoa_onnx_read_tensor(file.data, cut, &allocator.interface, &error, &back, NULL, NULL) != STOA_OK,
                  "%zu", cut);
    onnx_free(&file);
    cr_expect(allocator.live == 0);
}
