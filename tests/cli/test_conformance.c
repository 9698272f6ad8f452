/* ONNX's conformance cases through `stoa verify`, as tests/cli/conformance.txt lists them. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "onnx.pb-c.h"
#include "onnx/unpack.h"
#include "ops/op.h"
#include "support/command.h"

/* Why a case may be left out, and what the command says to it. */
static const struct {
    const char *reason, *message;
} vocabulary[] = {
    {"bfloat16 recorded as uint16", "uint16"},
    {"string tensors", "data type STRING is not supported"},
    {"sequence or optional, no tensor", "is not a tensor"},
    {"training mode", "training_mode is "},
    {"data contradict the definition", "1 of 1 outputs differ"},
};

#define MAX_CASES 1024

static struct listed {
    char name[96], reason[128]; /* "": to be run */
} list[MAX_CASES];
static size_t list_count;

static void read_list(void)
{
    char path[PATH_MAX], line[512];
    const char *root = getenv("STOA_SOURCE_ROOT");
    cr_assert(root, "STOA_SOURCE_ROOT is not set");
    snprintf(path, sizeof path, "%s/tests/cli/conformance.txt", root);
    FILE *file = fopen(path, "r");
    cr_assert(file, "cannot read %s", path);
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        cr_assert(list_count < MAX_CASES);
        struct listed *item = &list[list_count++];
        int parts = sscanf(line, "%95s # left out: %127[^\n]", item->name, item->reason);
        cr_assert(parts == 1 ? !strchr(line, '#') : parts == 2, "not a line of the list: %s", line);
        cr_assert(list_count == 1 || strcmp(item[-1].name, item->name) < 0, "%s: not in alphabetical order",
                  item->name);
    }
    fclose(file);
}

TestSuite(conformance, .init = read_list);

static bool is_listed(const char *name)
{
    size_t low = 0, high = list_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(name, list[middle].name);
        if (order == 0)
            return true;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* Whether the model consists of operators that the engine has, at whatever opset version. */
static bool is_ours(const char *model)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct file_map map;
    struct arena arena;
    Onnx__ModelProto *message;
    cr_assert(stoa_file_map(model, &error, &map) == STOA_OK, "%s", error.message);
    stoa_arena_init(&arena, &allocator);
    cr_assert(stoa_onnx_unpack(map.data, map.size, ONNX_MODEL, SIZE_MAX, &arena, &error, &message) == STOA_OK, "%s: %s",
              model, error.message);
    bool ours = true;
    for (size_t i = 0; ours && i < message->graph->n_node; i++) {
        const Onnx__NodeProto *node = message->graph->node[i];
        bool known = strcmp(node->op_type, "Constant") == 0; /* no operator of ours, but a constant */
        if (!known)
            stoa_op_find(node->op_type, 0, &known);
        ours = known && (!node->domain || node->domain[0] == '\0');
    }
    stoa_arena_deinit(&arena);
    stoa_file_unmap(&map);
    return ours;
}

Test(conformance, the_list_is_every_case_of_our_operators)
{
    const char *root = command_testdata();
    DIR *directory = opendir(root);
    size_t found = 0;
    cr_assert(directory);
    for (const struct dirent *entry; (entry = readdir(directory));) {
        char model[PATH_MAX];
        if (entry->d_name[0] == '.')
            continue;
        snprintf(model, sizeof model, "%s/%s/model.onnx", root, entry->d_name);
        bool ours = is_ours(model), listed = is_listed(entry->d_name);
        cr_expect(ours == listed, "%s: %s", entry->d_name,
                  ours ? "not listed, though the engine has its operators" : "listed, but has other operators");
        found += listed;
    }
    closedir(directory);
    cr_expect(found == list_count, "%zu cases are listed, %zu of them are in %s", list_count, found, root);
}

/* What `verify` says to a case: its record first, then each layer. */
static const struct command_outcome *verify(const char *name)
{
    char model[PATH_MAX], data[PATH_MAX];
    const char *root = command_testdata();
    snprintf(model, sizeof model, "%s/%s/model.onnx", root, name);
    snprintf(data, sizeof data, "%s/%s/test_data_set_0", root, name);
    return command_run((const char *const[]){"verify", model, "--data", data, "--layers", NULL});
}

Test(conformance, cases_agree_with_the_record_and_with_the_reference)
{
    for (size_t i = 0; i < list_count; i++) {
        const char *name = list[i].name;
        if (list[i].reason[0])
            continue;
        const struct command_outcome *outcome = verify(name);
        cr_expect(outcome->status == 0, "%s: exit status %d\n%s%s", name, outcome->status, outcome->out, outcome->err);
        cr_expect(strstr(outcome->out, "ok      output '"), "%s: no output was compared", name);
        /* Nothing is computed where a constant is all there is. */
        cr_expect(strstr(outcome->out, "layers within the bound") || strcmp(name, "test_constant") == 0 ||
                      strcmp(name, "test_if") == 0,
                  "%s: no layer was compared", name);
    }
}

Test(conformance, cases_left_out_fail_for_the_reason_given)
{
    for (size_t i = 0; i < list_count; i++) {
        const char *name = list[i].name, *reason = list[i].reason, *message = NULL;
        if (!reason[0])
            continue;
        size_t length = strcspn(reason, ":");
        for (size_t word = 0; word < sizeof vocabulary / sizeof vocabulary[0]; word++)
            if (strlen(vocabulary[word].reason) == length && strncmp(vocabulary[word].reason, reason, length) == 0)
                message = vocabulary[word].message;
        cr_expect(message, "%s: '%s' is no reason the test knows", name, reason);
        if (!message)
            continue;
        const struct command_outcome *outcome = verify(name);
        cr_expect(
            outcome->status == 1 && strncmp(outcome->err, "stoa verify: ", 13) == 0 && strstr(outcome->err, message),
            "%s, left out for '%s': exit status %d\n%s%s", name, reason, outcome->status, outcome->out, outcome->err);
    }
}
