/* Weights in other files: where they may lie, how much of them is read, and what is refused. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/tensor.h"
#include "graph/model.h"
#include "support/allocator.h"
#include "support/onnx_writer.h"
#include "support/same_graph.h"
#include "support/temporary.h"

#define FLOATS 16 /* in each file of weights: 0, 1, 2, ... */

/* What a tensor says of its data; null: nothing. */
struct external {
    const char *location, *offset, *length;
};

static void entry(struct onnx_writer *w, const char *key, const char *value)
{
    if (!value)
        return;
    onnx_begin(w, TENSOR_EXTERNAL_DATA);
    onnx_text(w, 1, key);
    onnx_text(w, 2, value);
    onnx_end(w);
}

static void external_tensor(struct onnx_writer *w, unsigned field, const char *name, int type, int64_t count,
                            const struct external *external)
{
    onnx_tensor_begin(w, field, name, type, (const int64_t[]){count, 0});
    entry(w, "location", external->location);
    entry(w, "offset", external->offset);
    entry(w, "checksum", "0123456789abcdef0123456789abcdef01234567");
    entry(w, "length", external->length);
    onnx_int(w, TENSOR_DATA_LOCATION, 1);
    onnx_end(w);
}

/* y = x + w, w of `count` elements. */
static void write_sum(struct onnx_writer *w, int type, int64_t count, const struct external *external)
{
    onnx_model_begin(w);
    external_tensor(w, GRAPH_INITIALIZER, "w", type, count, external);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){count, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", (const int64_t[]){count, 0});
    onnx_node(w, "Add", "x,w", "y");
    onnx_end(w);
}

static char folder[TEMPORARY_PATH];

/* The path of a file in the folder; of eight such, the oldest is overwritten. */
static const char *in_folder(const char *name)
{
    static char paths[8][PATH_MAX];
    static size_t next;
    char *path = paths[next++ % 8];
    snprintf(path, PATH_MAX, "%s/%s", folder, name);
    return path;
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(bytes, 1, size, file) == size && fclose(file) == 0, "%s", path);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_folder(void)
{
    nftw(folder, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* models/ is where models go, outside/ what they must not read, blobs/ and cache/ a cache of links. */
static void make_folder(void)
{
    float floats[FLOATS];
    for (size_t i = 0; i < FLOATS; i++)
        floats[i] = (float)i;
    temporary_folder(folder);
    static const char *const folders[] = {"models", "models/sub", "models-too", "outside", "blobs", "cache"};
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
        cr_assert(mkdir(in_folder(folders[i]), 0700) == 0);
    static const char *const files[] = {"models/w.bin",  "models/sub/w.bin", "models-too/w.bin",
                                        "outside/w.bin", "blobs/w.bin",      "models/..w"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++)
        write_file(in_folder(files[i]), floats, sizeof floats);
    write_file(in_folder("models/empty"), NULL, 0);
    cr_assert(mkfifo(in_folder("models/fifo"), 0600) == 0);
    static const char *const links[][2] = {{"w.bin", "models/inward"},
                                           {"../outside/w.bin", "models/outward"},
                                           {"../models-too/w.bin", "models/next"},
                                           {"../outside", "models/door"},
                                           {"/dev/zero", "models/zero"},
                                           {"loop", "models/loop"},
                                           {"../blobs/model", "cache/model.onnx"},
                                           {"../blobs/w.bin", "cache/w.bin"},
                                           {"../outside/w.bin", "cache/outward"}};
    for (size_t i = 0; i < sizeof links / sizeof links[0]; i++)
        cr_assert(symlink(links[i][0], in_folder(links[i][1])) == 0);
}

TestSuite(external, .init = make_folder, .fini = remove_folder);

static const struct stoa_tensor *weights_of(const struct stoa_model *model)
{
    size_t value = stoa_graph_find(&model->graph, "w");
    cr_assert(value != GRAPH_NONE && model->graph.values[value].constant);
    return model->graph.values[value].constant;
}

static float float_at(const struct stoa_tensor *tensor, size_t index)
{
    float value;
    memcpy(&value, (const char *)tensor->data + index * sizeof value, sizeof value);
    return value;
}

/* Writes the model to `path` and loads it from there, with all that is checked of any load. */
static enum stoa_status write_and_load(const char *path, const struct onnx_writer *writer, const char *name,
                                       struct counting_allocator *allocator, struct stoa_error *error,
                                       struct stoa_model **model)
{
    counting_allocator_init(allocator);
    onnx_save(writer, path);
    enum stoa_status status =
        stoa_model_load(path, &(struct stoa_model_options){.allocator = &allocator->interface}, error, model);
    cr_expect((status == STOA_OK) == (*model != NULL), "%s: model after %s", name, stoa_status_name(status));
    cr_expect(status == STOA_OK || allocator->live == 0, "%s: %zu blocks leaked", name, allocator->live);
    return status;
}

Test(external, data_are_read_where_they_lie)
{
    static const struct {
        const char *name, *model;
        struct external external;
        int64_t count;
        float first;
    } rows[] = {
        {"a whole file", "models/net.onnx", {"w.bin", NULL, NULL}, 16, 0},
        {"from an offset on", "models/net.onnx", {"w.bin", "12", NULL}, 4, 3},
        {"up to a length", "models/net.onnx", {"w.bin", NULL, "20"}, 5, 0},
        {"offset and length, to the end", "models/net.onnx", {"w.bin", "56", "8"}, 2, 14},
        {"leading zeros", "models/net.onnx", {"w.bin", "0008", "08"}, 2, 2},
        {"in a folder below", "models/net.onnx", {"sub/w.bin", "4", NULL}, 1, 1},
        {"by way of the same folder", "models/net.onnx", {"./sub//./w.bin", "4", NULL}, 1, 1},
        {"a name that begins with dots", "models/net.onnx", {"..w", "4", NULL}, 1, 1},
        {"a link within the folder", "models/net.onnx", {"inward", "4", NULL}, 3, 1},
        {"model and data as links into one folder", "cache/model.onnx", {"w.bin", "8", NULL}, 3, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        struct stoa_model *model;
        write_sum(&writer, STOA_FLOAT, rows[i].count, &rows[i].external);
        enum stoa_status status =
            write_and_load(in_folder(rows[i].model), &writer, rows[i].name, &allocator, &error, &model);
        cr_expect(status == STOA_OK, "%s: %s", rows[i].name, error.message);
        for (size_t k = 0; model && k < (size_t)rows[i].count; k++)
            cr_expect(float_at(weights_of(model), k) == rows[i].first + (float)k, "%s: w[%zu]", rows[i].name, k);
        stoa_model_free(model);
        cr_expect(allocator.live == 0, "%s: %zu blocks leaked", rows[i].name, allocator.live);
        onnx_free(&writer);
    }
}

Test(external, a_path_without_a_folder)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct stoa_model *model;
    cr_assert(chdir(in_folder("models")) == 0); /* each test is a process of its own */
    write_sum(&writer, STOA_FLOAT, 16, &(struct external){"w.bin", NULL, NULL});
    onnx_save(&writer, "net.onnx");
    cr_expect(stoa_model_load("net.onnx", NULL, &error, &model) == STOA_OK, "%s", error.message);
    stoa_model_free(model);
    onnx_free(&writer);
}

Test(external, what_is_refused)
{
    static const struct {
        const char *name, *model;
        struct external external;
        int64_t count;
        enum stoa_status status;
        const char *words;
    } rows[] = {
        {"up the tree", "models/net.onnx", {"../outside/w.bin", 0, 0}, 4, STOA_ERROR_DATA, "leaves the model's"},
        {"up and back", "models/net.onnx", {"../models/w.bin", 0, 0}, 4, STOA_ERROR_DATA, "leaves the model's"},
        {"up, within", "models/net.onnx", {"sub/../w.bin", 0, 0}, 4, STOA_ERROR_DATA, "leaves the model's"},
        {"up at the end", "models/net.onnx", {"sub/..", 0, 0}, 4, STOA_ERROR_DATA, "leaves the model's"},
        {"absolute", "models/net.onnx", {"/dev/zero", 0, 0}, 4, STOA_ERROR_DATA, "leaves the model's"},
        {"a link outward", "models/net.onnx", {"outward", 0, 0}, 4, STOA_ERROR_DATA, "leads out of"},
        {"a folder that leads outward", "models/net.onnx", {"door/w.bin", 0, 0}, 4, STOA_ERROR_DATA, "leads out of"},
        {"a folder of a longer name", "models/net.onnx", {"next", 0, 0}, 4, STOA_ERROR_DATA, "leads out of"},
        {"a link to a device", "models/net.onnx", {"zero", 0, 0}, 4, STOA_ERROR_DATA, "leads out of"},
        {"a link outward in a cache", "cache/model.onnx", {"outward", 0, 0}, 4, STOA_ERROR_DATA, "leads out of"},
        {"a link to itself", "models/net.onnx", {"loop", 0, 0}, 4, STOA_ERROR_IO, "cannot open 'loop'"},
        {"no such file", "models/net.onnx", {"none.bin", 0, 0}, 4, STOA_ERROR_IO, "cannot open 'none.bin' beside"},
        {"a folder", "models/net.onnx", {"sub", 0, 0}, 4, STOA_ERROR_IO, "is not a regular file"},
        {"the folder itself", "models/net.onnx", {".", 0, 0}, 4, STOA_ERROR_DATA, "leads out of"},
        {"a fifo", "models/net.onnx", {"fifo", 0, 0}, 4, STOA_ERROR_IO, "is not a regular file"},
        {"no location", "models/net.onnx", {0, "0", "16"}, 4, STOA_ERROR_DATA, "gives no location"},
        {"an empty location", "models/net.onnx", {"", 0, 0}, 4, STOA_ERROR_DATA, "gives no location"},
        {"an empty file", "models/net.onnx", {"empty", 0, 0}, 4, STOA_ERROR_DATA, "16 bytes from 0|which has 0"},
        {"offset below 0", "models/net.onnx", {"w.bin", "-1", 0}, 4, STOA_ERROR_DATA, "offset '-1'"},
        {"offset with a sign", "models/net.onnx", {"w.bin", "+8", 0}, 4, STOA_ERROR_DATA, "offset '+8'"},
        {"offset in a space", "models/net.onnx", {"w.bin", " 8", 0}, 4, STOA_ERROR_DATA, "offset ' 8'"},
        {"offset in hexadecimal", "models/net.onnx", {"w.bin", "0x8", 0}, 4, STOA_ERROR_DATA, "offset '0x8'"},
        {"offset that is empty", "models/net.onnx", {"w.bin", "", 0}, 4, STOA_ERROR_DATA, "offset ''"},
        {"offset of 65 bits", "models/net.onnx", {"w.bin", "18446744073709551616", 0}, 4, STOA_ERROR_DATA, "offset"},
        {"offset behind the end", "models/net.onnx", {"w.bin", "65", "0"}, 4, STOA_ERROR_DATA, "from 65|has 64"},
        {"too little behind the offset", "models/net.onnx", {"w.bin", "52", 0}, 4, STOA_ERROR_DATA, "16 bytes from 52"},
        {"a sum that wraps", "models/net.onnx", {"w.bin", "8", "18446744073709551612"}, 4, STOA_ERROR_DATA, "from 8"},
        {"a length too short", "models/net.onnx", {"w.bin", 0, "12"}, 4, STOA_ERROR_DATA, "have 12 bytes|need 16"},
        {"a length too long", "models/net.onnx", {"w.bin", 0, "20"}, 4, STOA_ERROR_DATA, "have 20 bytes|need 16"},
        {"dims beyond the file", "models/net.onnx", {"w.bin", 0, 0}, INT64_C(1) << 40, STOA_ERROR_DATA, "has 64"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        struct stoa_model *model;
        write_sum(&writer, STOA_FLOAT, rows[i].count, &rows[i].external);
        const char *path = in_folder(rows[i].model);
        enum stoa_status status = write_and_load(path, &writer, rows[i].name, &allocator, &error, &model);
        cr_expect(status == rows[i].status, "%s: %s: %s", rows[i].name, stoa_status_name(status), error.message);
        cr_expect(strstr(error.message, path) && strstr(error.message, "initializer 'w'"), "%s: %s", rows[i].name,
                  error.message);
        char text[128], *rest = text, *word;
        snprintf(text, sizeof text, "%s", rows[i].words);
        while ((word = strsep(&rest, "|")))
            cr_expect(strstr(error.message, word), "%s: no \"%s\" in: %s", rows[i].name, word, error.message);
        stoa_model_free(model);
        onnx_free(&writer);
    }
}

Test(external, a_location_longer_than_paths_can_be)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    struct stoa_model *model;
    char location[2 * PATH_MAX];
    memset(location, 'a', sizeof location - 1);
    location[sizeof location - 1] = '\0';
    write_sum(&writer, STOA_FLOAT, 4, &(struct external){location, NULL, NULL});
    cr_expect(write_and_load(in_folder("models/net.onnx"), &writer, "long", &allocator, &error, &model) ==
              STOA_ERROR_IO);
    cr_expect(strstr(error.message, "File name too long"), "%s", error.message);
    onnx_free(&writer);
}

Test(external, said_twice_or_in_two_ways)
{
    static const struct {
        const char *name, *words;
        bool twice, raw, floats;
    } rows[] = {{"location twice", "gives location twice", .twice = true},
                {"raw data, too", "both external_data and raw_data", .raw = true},
                {"floats, too", "both external_data and float_data", .floats = true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct onnx_writer writer = {0}, *w = &writer;
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        struct stoa_model *model;
        onnx_model_begin(w);
        onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", STOA_FLOAT, (const int64_t[]){1, 0});
        entry(w, "location", "w.bin");
        entry(w, "location", rows[i].twice ? "w.bin" : NULL);
        if (rows[i].raw)
            onnx_bytes(w, TENSOR_RAW_DATA, "abcd", 4);
        if (rows[i].floats)
            onnx_float(w, TENSOR_FLOAT_DATA, 1);
        onnx_int(w, TENSOR_DATA_LOCATION, 1);
        onnx_end(w);
        onnx_end(w);
        enum stoa_status status =
            write_and_load(in_folder("models/net.onnx"), w, rows[i].name, &allocator, &error, &model);
        cr_expect(status == STOA_ERROR_DATA && strstr(error.message, rows[i].words), "%s: %s", rows[i].name,
                  error.message);
        stoa_model_free(model);
        onnx_free(w);
    }
}

/* As ONNX has it: the entries mean nothing where data_location does not say so. */
Test(external, entries_of_data_that_are_in_the_model)
{
    struct onnx_writer writer = {0}, *w = &writer;
    struct stoa_error error = {0};
    struct stoa_model *model;
    onnx_model_begin(w);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", STOA_FLOAT, (const int64_t[]){1, 0});
    entry(w, "location", "../outside/w.bin");
    onnx_float(w, TENSOR_FLOAT_DATA, 7);
    onnx_int(w, TENSOR_DATA_LOCATION, 0);
    onnx_end(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){1, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", (const int64_t[]){1, 0});
    onnx_node(w, "Add", "x,w", "y");
    onnx_end(w);
    cr_assert(stoa_model_load_memory(w->data, w->size, NULL, &error, &model) == STOA_OK, "%s", error.message);
    cr_expect(float_at(weights_of(model), 0) == 7);
    stoa_model_free(model);
    onnx_free(w);
}

/* How often a file is mapped into this process. */
static size_t maps_of(const char *path)
{
    char line[PATH_MAX + 128];
    size_t count = 0;
    FILE *file = fopen("/proc/self/maps", "r");
    cr_assert(file);
    while (fgets(line, sizeof line, file))
        count += strstr(line, path) != NULL;
    fclose(file);
    return count;
}

/* Many tensors, a constant's among them, of two files: each is mapped once, and while the model lives. */
Test(external, a_file_is_mapped_once)
{
    struct onnx_writer writer = {0}, *w = &writer;
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    struct stoa_model *model;
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){2, 0});
    for (int i = 0; i < FLOATS / 2; i++) {
        char name[16], offset[16], node[32], output[16];
        snprintf(name, sizeof name, "w%d", i);
        snprintf(offset, sizeof offset, "%d", 8 * i);
        snprintf(output, sizeof output, "y%d", i);
        snprintf(node, sizeof node, "x,%s", name);
        static const char *const spelled[] = {"sub/w.bin", "w.bin", "./w.bin", "sub/.//w.bin", "inward"};
        struct external external = {spelled[i % 5], offset, "8"};
        if (i % 2) {
            external_tensor(w, GRAPH_INITIALIZER, name, STOA_FLOAT, 2, &external);
        } else {
            onnx_node_begin(w, "Constant", NULL, name);
            onnx_begin(w, NODE_ATTRIBUTE);
            onnx_text(w, ATTRIBUTE_NAME, "value");
            onnx_int(w, ATTRIBUTE_TYPE, 4);
            external_tensor(w, ATTRIBUTE_T, NULL, STOA_FLOAT, 2, &external);
            onnx_end(w);
            onnx_end(w);
        }
        onnx_node(w, "Add", node, output);
        onnx_info(w, GRAPH_OUTPUT, output, (const int64_t[]){2, 0});
    }
    onnx_end(w);
    const char *path = in_folder("models/net.onnx");
    cr_assert(write_and_load(path, w, "many", &allocator, &error, &model) == STOA_OK, "%s", error.message);
    cr_expect(maps_of(in_folder("models/w.bin")) == 1);
    cr_expect(maps_of(in_folder("models/sub/w.bin")) == 1);

    /* Written, it is one file that needs no other. */
    struct stoa_model *alone;
    char text[512];
    const char *one = in_folder("outside/one.onnx");
    cr_assert(stoa_model_save(model, one, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_model_load(one, NULL, &error, &alone) == STOA_OK, "%s", error.message);
    cr_expect(!*same_graph(&model->graph, &alone->graph, sizeof text, text), "%s", text);
    stoa_model_free(alone);

    stoa_model_free(model);
    cr_expect(maps_of(folder) == 0);
    cr_expect(allocator.live == 0);
    onnx_free(w);
}

/* 16-bit floats are widened, into more memory than a model of so few bytes could ask for. */
Test(external, the_other_file_counts_in_what_reading_may_take)
{
    enum { COUNT = 24 << 20 };
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    struct stoa_model *model;
    const char *path = in_folder("models/half.bin");
    write_file(path, "\x00\x3c", 2); /* 1, then zeros */
    cr_assert(truncate(path, 2 * (off_t)COUNT) == 0);
    write_sum(&writer, 10, COUNT, &(struct external){"half.bin", NULL, NULL});
    cr_assert(write_and_load(in_folder("models/net.onnx"), &writer, "half", &allocator, &error, &model) == STOA_OK,
              "%s", error.message);
    cr_expect(float_at(weights_of(model), 0) == 1 && float_at(weights_of(model), COUNT - 1) == 0);
    stoa_model_free(model);

    /* But no more than that: many tensors may claim the same bytes, whatever they call the file. */
    onnx_free(&writer);
    onnx_model_begin(&writer);
    for (int i = 0; i < 5; i++) {
        char name[16];
        snprintf(name, sizeof name, "w%d", i);
        external_tensor(&writer, GRAPH_INITIALIZER, name, 10, COUNT,
                        &(struct external){&"././././half.bin"[2 * i], NULL, NULL});
    }
    onnx_end(&writer);
    cr_expect(write_and_load(in_folder("models/net.onnx"), &writer, "halves", &allocator, &error, &model) ==
                  STOA_ERROR_LIMIT,
              "%s", error.message);
    cr_expect(allocator.peak_bytes <= ((size_t)64 << 20) + 4 * (writer.size + 2 * (size_t)COUNT));
    onnx_free(&writer);
}

Test(external, memory_that_runs_out_leaves_no_map)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    struct stoa_model *model;
    const char *path = in_folder("models/net.onnx");
    write_sum(&writer, STOA_FLOAT, 16, &(struct external){"w.bin", NULL, NULL});
    cr_assert(write_and_load(path, &writer, "whole", &allocator, &error, &model) == STOA_OK);
    size_t calls = allocator.calls;
    stoa_model_free(model);
    for (size_t i = 1; i <= calls; i++) {
        allocator.fail_at = allocator.calls + i;
        enum stoa_status status =
            stoa_model_load(path, &(struct stoa_model_options){.allocator = &allocator.interface}, &error, &model);
        cr_expect(status == STOA_ERROR_MEMORY || allocator.fail_at > allocator.calls, "call %zu: %s", i,
                  stoa_status_name(status));
        stoa_model_free(model);
        cr_expect(allocator.live == 0 && maps_of(folder) == 0, "call %zu", i);
    }
    onnx_free(&writer);
}
