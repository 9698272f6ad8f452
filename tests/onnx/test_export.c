/* Models saved and read again: the same graph, whatever it holds; what cannot be saved says why, and leaves nothing. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <stoa/stoa.h>

#include "base/budget.h"
#include "base/file.h"
#include "base/tensor.h"
#include "onnx.pb-c.h"
#include "onnx/guard.h"
#include "support/allocator.h"
#include "support/command.h"
#include "support/net.h"
#include "support/onnx_net.h"
#include "support/onnx_writer.h"
#include "support/same_graph.h"
#include "support/temporary.h"

/* The model's file in memory, which the caller frees. */
static void *save(const struct stoa_model *model, const char *name, size_t *size)
{
    struct stoa_error error = {0};
    size_t again = 0;
    cr_assert(stoa_model_save_memory(model, 0, NULL, &error, size) == STOA_OK, "%s: %s", name, error.message);
    char *data = malloc(*size + 1);
    cr_assert(data);
    data[*size] = 42;
    cr_expect(stoa_model_save_memory(model, *size, data, &error, &again) == STOA_OK, "%s: %s", name, error.message);
    cr_expect(again == *size && data[*size] == 42, "%s: %zu bytes, then %zu", name, *size, again);
    return data;
}

/* Saves, reads, compares; and the second file is the first to the byte. */
static void round_trip(const struct stoa_model *model, const char *name)
{
    struct stoa_error error = {0};
    struct stoa_model *read = NULL;
    char text[512];
    size_t size, second_size;
    void *data = save(model, name, &size);
    cr_assert(stoa_model_load_memory(data, size, NULL, &error, &read) == STOA_OK, "%s: %s", name, error.message);
    cr_expect(!*same_graph(&model->graph, &read->graph, sizeof text, text), "%s: %s", name, text);
    void *second = save(read, name, &second_size);
    struct stoa_model *third = NULL;
    cr_assert(stoa_model_load_memory(second, second_size, NULL, &error, &third) == STOA_OK, "%s: %s", name,
              error.message);
    cr_expect(!*same_graph(&read->graph, &third->graph, sizeof text, text), "%s, twice: %s", name, text);
    cr_expect(second_size == size, "%s: %zu bytes, then %zu", name, size, second_size);
    stoa_model_free(third);
    stoa_model_free(read);
    free(second);
    free(data);
}

Test(export, conformance_cases_read_back_the_same)
{
    const char *root = command_testdata("node");
    DIR *directory = opendir(root);
    size_t count = 0;
    cr_assert(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char path[PATH_MAX];
        struct stoa_model *model;
        snprintf(path, sizeof path, "%s/%s/model.onnx", root, entry->d_name);
        if (entry->d_name[0] == '.' || stoa_model_load(path, NULL, NULL, &model) != STOA_OK)
            continue;
        if (strcmp(entry->d_name, "test_if") == 0) { /* tests/session/test_if.c */
            stoa_model_free(model);
            continue;
        }
        round_trip(model, entry->d_name);
        stoa_model_free(model);
        count++;
    }
    closedir(directory);
    cr_expect(count > 200, "%zu cases are read at all", count);
}

/* All kinds of attributes and constants, absent inputs, several outputs, open dims, inputs that are outputs. */
static const struct {
    const char *name, *text;
} sketches[] = {
    {"attributes", "input x f32[?,4,8,8]\nconst w f32[8,4,3,3]\nconst b f32[8]\n"
                   "c = Conv(x, w, b) pads=[1,1,1,1] strides=[2,2] auto_pad='NOTSET'\n"
                   "l = LeakyRelu(c) alpha=0.3\noutput l\n"},
    {"strings", "input x f32[3,?,4]\nconst w f32[1,20,4]\nconst r f32[1,20,5]\n"
                "y, -, c = LSTM(x, w, r) activations=['Sigmoid','Softsign','Tanh'] activation_beta=[0.5]\n"
                "output y\noutput c\n"},
    {"no attributes", "input x f32[2,3]\ny = Relu(x)\noutput y\n"},
    {"absent input", "input x f32[1,1,4,4]\nconst s f32{1,1,2,2}\ny = Resize(x, -, s) mode='nearest'\noutput y\n"},
    {"several outputs", "input x f32[?,6,2,2]\na, b, c = Split(x) axis=1\ny = Add(a, c)\noutput y\noutput b\n"},
    {"open dims", "input x f32[?,3,?,?]\ny = Relu(x)\noutput y\n"},
    {"unread constant", "input x f32[1]\nconst c f32[3]\ny = Relu(x)\noutput y\n"},
    {"integers", "input x f32[2,6]\nconst s i64{3,-1}\ny = Reshape(x, s)\noutput y\n"},
    {"constant output", "input x f32[1]\nconst c f32[3]\ny = Relu(x)\noutput y\noutput c\n"},
    {"large constant", "input x f32[1,300]\nconst w f32[300,300]\ny = MatMul(x, w)\noutput y\n"},
};

Test(export, sketches_read_back_the_same)
{
    for (size_t i = 0; i < sizeof sketches / sizeof sketches[0]; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct stoa_model *model;
        onnx_net(&writer, sketches[i].text, 13);
        cr_assert(stoa_model_load_memory(writer.data, writer.size, NULL, &error, &model) == STOA_OK, "%s: %s",
                  sketches[i].name, error.message);
        round_trip(model, sketches[i].name);
        stoa_model_free(model);
        onnx_free(&writer);
    }
}

/* Each opset goes with the first ir_version that may state it, and is kept. */
Test(export, versions_go_together)
{
    static const struct {
        int64_t opset, ir;
    } rows[] = {{7, 4},  {8, 4},  {9, 4},  {10, 5}, {11, 6},  {12, 7},  {13, 7},  {14, 7},  {15, 8},  {16, 8},
                {17, 8}, {18, 8}, {19, 9}, {20, 9}, {21, 10}, {22, 10}, {23, 11}, {24, 12}, {25, 13}, {26, 13}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct stoa_model *model;
        size_t size;
        onnx_net(&writer, "input x f32[?,4]\ny = Relu(x)\noutput y\n", rows[i].opset);
        cr_assert(stoa_model_load_memory(writer.data, writer.size, NULL, &error, &model) == STOA_OK, "%s",
                  error.message);
        void *data = save(model, "opset", &size);
        Onnx__ModelProto *message = onnx__model_proto__unpack(NULL, size, data);
        cr_assert(message);
        cr_expect(message->ir_version == rows[i].ir, "opset %ld: ir_version %ld", (long)rows[i].opset,
                  (long)message->ir_version);
        cr_expect(message->n_opset_import == 1 && message->opset_import[0]->version == rows[i].opset);
        cr_expect(strcmp(message->producer_name, "stoa") == 0 &&
                  strcmp(message->producer_version, stoa_version()) == 0);
        Onnx__TensorShapeProto *shape = message->graph->input[0]->type->tensor_type->shape;
        cr_expect(shape->n_dim == 2 && strcmp(shape->dim[0]->dim_param, "batch") == 0 && shape->dim[1]->dim_value == 4);
        onnx__model_proto__free_unpacked(message, NULL);
        stoa_model_free(model);
        onnx_free(&writer);
        free(data);
    }
}

static struct stoa_model *small_model(const struct stoa_allocator *allocator)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    cr_assert(stoa_net_create("lenet5", &(struct stoa_net_options){.allocator = allocator}, &error, &model) == STOA_OK,
              "%s", error.message);
    return model;
}

/* Whether the folder holds exactly `count` files. */
static size_t files_in(const char *folder)
{
    size_t count = 0;
    DIR *directory = opendir(folder);
    cr_assert(directory);
    for (const struct dirent *entry; (entry = readdir(directory));)
        count += entry->d_name[0] != '.';
    closedir(directory);
    return count;
}

Test(export, files_appear_whole_or_not_at_all)
{
    char folder[TEMPORARY_PATH], path[PATH_MAX], text[512];
    struct stoa_error error = {0};
    temporary_folder(folder);
    snprintf(path, sizeof path, "%s/net.onnx", folder);
    struct stoa_model *model = small_model(NULL), *read = NULL, *over = NULL;
    cr_expect(stoa_model_save(model, path, &error) == STOA_OK, "%s", error.message);
    cr_expect(files_in(folder) == 1);
    cr_assert(stoa_model_load(path, NULL, &error, &read) == STOA_OK, "%s", error.message);
    cr_expect(!*same_graph(&model->graph, &read->graph, sizeof text, text), "%s", text);

    /* Over the very file it lies in. */
    cr_expect(stoa_model_save(read, path, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_model_load(path, NULL, &error, &over) == STOA_OK, "%s", error.message);
    cr_expect(!*same_graph(&read->graph, &over->graph, sizeof text, text), "%s", text);
    cr_expect(files_in(folder) == 1);

    size_t size;
    void *data = save(model, "lenet5", &size);
    struct file_map map;
    cr_assert(stoa_file_map(path, &error, &map) == STOA_OK);
    cr_expect(map.size == size && memcmp(map.data, data, size) == 0, "file and memory differ");
    stoa_file_unmap(&map);
    free(data);

    snprintf(path, sizeof path, "%s/none/net.onnx", folder);
    cr_expect(stoa_model_save(model, path, &error) == STOA_ERROR_IO && strstr(error.message, path), "%s",
              error.message);
    cr_expect(stoa_model_save(model, folder, &error) == STOA_ERROR_IO && strstr(error.message, folder), "%s",
              error.message);
    cr_expect(files_in(folder) == 1);
    stoa_model_free(over);
    stoa_model_free(read);
    stoa_model_free(model);
    snprintf(path, sizeof path, "%s/net.onnx", folder);
    unlink(path);
    rmdir(folder);
}

Test(export, a_full_disk_is_an_error)
{
    /* Writes to it fail with ENOSPC; but it is no regular file, so that it is refused before. */
    struct stoa_error error = {0};
    struct stoa_model *model = small_model(NULL);
    cr_expect(stoa_model_save(model, "/dev/full", &error) == STOA_ERROR_IO, "%s", error.message);
    stoa_model_free(model);
}

Test(export, bad_arguments_are_told)
{
    struct stoa_error error = {0};
    size_t size = 7;
    char few[16];
    struct stoa_model *model = small_model(NULL);
    cr_expect(stoa_model_save(NULL, "x.onnx", &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_save(model, NULL, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_save_memory(NULL, 0, NULL, &error, &size) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_save_memory(model, 0, NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_save_memory(model, sizeof few, few, &error, &size) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "capacity is 16"), "%s", error.message);
    stoa_model_free(model);
}

Test(export, more_than_two_gigabytes_are_refused)
{
    /* A constant whose data are never looked at. */
    static float few[4];
    struct net net;
    struct stoa_error error = {0};
    size_t size, value;
    net_build(&net, "input x f32[1]\ny = Relu(x)\noutput y\n", NULL);
    struct stoa_tensor tensor = {.dtype = STOA_FLOAT, .rank = 2, .dims = {1 << 15, 1 << 14}, .data = few};
    stoa_tensor_set_plain(&tensor);
    cr_assert(stoa_graph_value(&net.model->graph, "huge", NULL, &value) == STOA_OK);
    cr_assert(stoa_graph_set_constant(&net.model->graph, value, &tensor, NULL) == STOA_OK);
    cr_expect(stoa_model_save_memory(net.model, 0, NULL, &error, &size) == STOA_ERROR_LIMIT, "%s", error.message);
    cr_expect(strstr(error.message, "2147483647"), "%s", error.message);
    char folder[TEMPORARY_PATH], path[PATH_MAX];
    temporary_folder(folder);
    snprintf(path, sizeof path, "%s/never.onnx", folder);
    cr_expect(stoa_model_save(net.model, path, &error) == STOA_ERROR_LIMIT);
    cr_expect(rmdir(folder) == 0, "something was left in %s", folder);
    net_free(&net);
}

/* What no file could say. */
Test(export, foreign_nodes_are_refused)
{
    static const struct {
        const char *name, *domain, *message;
        int opset;
    } rows[] = {
        {"another domain", "stoa.training", "domain 'stoa.training' is not ONNX's", 13},
        {"another opset", "", "opset version is 11, that of the nodes before is 13", 11},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct net net;
        struct stoa_error error = {0};
        size_t size;
        net_build(&net, "input x f32[1]\nh = Relu(x)\ny = Relu(h)\noutput y\n", NULL);
        net.model->graph.nodes[1].domain = rows[i].domain;
        net.model->graph.nodes[1].opset = rows[i].opset;
        cr_expect(stoa_model_save_memory(net.model, 0, NULL, &error, &size) == STOA_ERROR_UNSUPPORTED, "%s",
                  rows[i].name);
        cr_expect(strstr(error.message, rows[i].message) && strstr(error.message, "node 'node_y' (Relu)"), "%s: %s",
                  rows[i].name, error.message);
        net_free(&net);
    }
}

Test(export, memory_that_runs_out_leaks_nothing)
{
    struct counting_allocator counting;
    counting_allocator_init(&counting);
    struct stoa_model *model = small_model(&counting.interface);
    size_t live = counting.live, size, before = counting.calls;
    cr_assert(stoa_model_save_memory(model, 0, NULL, NULL, &size) == STOA_OK);
    size_t calls = counting.calls - before;
    cr_expect(counting.live == live && calls > 0);
    for (size_t i = 1; i <= calls; i++) {
        counting.fail_at = counting.calls + i;
        cr_expect(stoa_model_save_memory(model, 0, NULL, NULL, &size) == STOA_ERROR_MEMORY, "call %zu", i);
        cr_expect(counting.live == live, "call %zu leaks", i);
    }
    stoa_model_free(model);
}
