/* All of ONNX's conformance cases through `stoa verify`, as tests/cli/conformance.txt lists them. Where the environment
 * names a file STOA_CONFORMANCE_TABLE, a table of what became of them is written there (tests/conformance shows it). */
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
#include "support/command.h"

/* Why a case may be left out, and what the command says to it. "operator X" is another reason. */
static const struct {
    const char *reason, *message;
} vocabulary[] = {
    {"bfloat16 recorded as uint16", "uint16"},
    {"string tensors", "data type STRING is not supported"},
    {"sequence or optional, no tensor", "is not a tensor"},
    {"another domain alone", "opset_import has no entry for the default domain"},
    {"training mode", "training_mode is "},
    {"data contradict the definition", "1 of 1 outputs differ"},
};

static const char *const folders[] = {"node", "simple", "pytorch-converted", "pytorch-operator"};
#define FOLDER_COUNT (sizeof folders / sizeof *folders)
#define MAX_CASES 2048

static struct listed {
    char name[96], reason[128]; /* "": to be run */
    size_t folder;
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
    size_t begun = 0;
    while (fgets(line, sizeof line, file)) {
        struct listed *item = &list[list_count];
        if (line[0] == '#')
            continue;
        if (line[0] == '[') {
            cr_assert(begun < FOLDER_COUNT && strncmp(line + 1, folders[begun], strlen(folders[begun])) == 0,
                      "not the folder that is next: %s", line);
            begun++;
            continue;
        }
        cr_assert(begun > 0 && list_count < MAX_CASES);
        item->folder = begun - 1;
        int parts = sscanf(line, "%95s # left out: %127[^\n]", item->name, item->reason);
        cr_assert(parts == 1 ? !strchr(line, '#') : parts == 2, "not a line of the list: %s", line);
        cr_assert(list_count == 0 || item[-1].folder != item->folder || strcmp(item[-1].name, item->name) < 0,
                  "%s: not in alphabetical order", item->name);
        list_count++;
    }
    fclose(file);
    cr_assert(begun == FOLDER_COUNT, "the list has %zu folders", begun);
}

TestSuite(conformance, .init = read_list);

static bool is_listed(size_t folder, const char *name)
{
    for (size_t i = 0; i < list_count; i++)
        if (list[i].folder == folder && strcmp(list[i].name, name) == 0)
            return true;
    return false;
}

Test(conformance, the_list_is_every_case)
{
    size_t found = 0;
    for (size_t folder = 0; folder < FOLDER_COUNT; folder++) {
        DIR *directory = opendir(command_testdata(folders[folder]));
        cr_assert(directory);
        for (const struct dirent *entry; (entry = readdir(directory));) {
            if (entry->d_name[0] == '.')
                continue;
            cr_expect(is_listed(folder, entry->d_name), "%s/%s is not listed", folders[folder], entry->d_name);
            found++;
        }
        closedir(directory);
    }
    cr_expect(found == list_count, "%zu cases are listed, %zu are there", list_count, found);
}

/* The type of all nodes of the case's model but Constant, or "several". */
static void name_operator(const struct listed *item, size_t size, char *name)
{
    char model[PATH_MAX];
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct file_map map;
    struct arena arena;
    Onnx__ModelProto *message;
    snprintf(model, sizeof model, "%s/%s/model.onnx", command_testdata(folders[item->folder]), item->name);
    cr_assert(stoa_file_map(model, &error, &map) == STOA_OK, "%s", error.message);
    stoa_arena_init(&arena, &allocator);
    cr_assert(stoa_onnx_unpack(map.data, map.size, ONNX_MODEL, SIZE_MAX, &arena, &error, &message) == STOA_OK, "%s: %s",
              model, error.message);
    snprintf(name, size, "Constant");
    for (size_t i = 0; i < message->graph->n_node; i++) {
        const char *type = message->graph->node[i]->op_type;
        if (strcmp(name, type) == 0 || strcmp(type, "Constant") == 0)
            continue;
        snprintf(name, size, "%s", strcmp(name, "Constant") == 0 ? type : "several");
    }
    stoa_arena_deinit(&arena);
    stoa_file_unmap(&map);
}

/* What `verify` says to a case: its record first, then each layer. */
static const struct command_outcome *verify(const struct listed *item)
{
    char model[PATH_MAX], data[PATH_MAX];
    const char *root = command_testdata(folders[item->folder]);
    snprintf(model, sizeof model, "%s/%s/model.onnx", root, item->name);
    snprintf(data, sizeof data, "%s/%s/test_data_set_0", root, item->name);
    return command_run((const char *const[]){"verify", model, "--data", data, "--layers", NULL});
}

enum result { PASSED, FAILED, UNSUPPORTED, RESULT_COUNT };

static enum result check_run(const struct listed *item, const struct command_outcome *outcome)
{
    const char *name = item->name;
    cr_expect(outcome->status == 0, "%s: exit status %d\n%s%s", name, outcome->status, outcome->out, outcome->err);
    bool compared = strstr(outcome->out, "ok      output '");
    cr_expect(compared, "%s: no output was compared", name);
    /* Nothing is computed where a constant is all there is. */
    bool layers = strstr(outcome->out, "layers within the bound") || strcmp(name, "test_constant") == 0 ||
                  strcmp(name, "test_if") == 0;
    cr_expect(layers, "%s: no layer was compared", name);
    return outcome->status == 0 && compared && layers ? PASSED : FAILED;
}

static enum result check_left_out(const struct listed *item, const struct command_outcome *outcome)
{
    const char *name = item->name, *reason = item->reason, *message = NULL;
    char missing[128];
    size_t length = strcspn(reason, ":");
    for (size_t word = 0; word < sizeof vocabulary / sizeof vocabulary[0]; word++)
        if (strlen(vocabulary[word].reason) == length && strncmp(vocabulary[word].reason, reason, length) == 0)
            message = vocabulary[word].message;
    if (strncmp(reason, "operator ", 9) == 0) {
        snprintf(missing, sizeof missing, "unsupported operators: %s (", reason + 9);
        message = missing;
    }
    cr_expect(message, "%s: '%s' is no reason the test knows", name, reason);
    cr_expect(message && outcome->status == 1 && strncmp(outcome->err, "stoa verify: ", 13) == 0 &&
                  strstr(outcome->err, message),
              "%s, left out for '%s': exit status %d\n%s%s", name, reason, outcome->status, outcome->out, outcome->err);
    return strstr(outcome->err, "outputs differ") ? FAILED : UNSUPPORTED;
}

struct row {
    char name[64];
    size_t counts[RESULT_COUNT];
};

static int compare_rows(const void *a, const void *b)
{
    return strcmp(((const struct row *)a)->name, ((const struct row *)b)->name);
}

static void print_rows(FILE *file, const char *title, const struct row *rows, size_t count)
{
    fprintf(file, "%-28s %8s %8s %14s\n", title, "passed", "failed", "not supported");
    for (size_t i = 0; i < count; i++) {
        const size_t *counts = rows[i].counts;
        fprintf(file, "%-28s %8zu %8zu %14zu\n", rows[i].name, counts[PASSED], counts[FAILED], counts[UNSUPPORTED]);
    }
}

static void expect_counts_in_readme(const struct row *rows)
{
    static char readme[1 << 17];
    char path[PATH_MAX], words[640];
    snprintf(path, sizeof path, "%s/README.md", getenv("STOA_SOURCE_ROOT"));
    FILE *file = fopen(path, "r");
    cr_assert(file && fread(readme, 1, sizeof readme - 1, file) > 0, "cannot read %s", path);
    fclose(file);
    for (size_t i = 0; i <= FOLDER_COUNT; i++) {
        const size_t *counts = rows[i].counts;
        snprintf(words, sizeof words, "| %s | %zu | %zu | %zu |", rows[i].name, counts[PASSED], counts[FAILED],
                 counts[UNSUPPORTED]);
        cr_expect(strstr(readme, words), "README.md does not say: %s", words);
    }
}

Test(conformance, every_case_is_what_the_list_says)
{
    static struct row by_operator[MAX_CASES], by_folder[FOLDER_COUNT + 1] = {[FOLDER_COUNT] = {.name = "total"}};
    size_t operators = 0;
    for (size_t i = 0; i < list_count; i++) {
        const struct listed *item = &list[i];
        char name[sizeof by_operator->name];
        name_operator(item, sizeof name, name);
        const struct command_outcome *outcome = verify(item);
        enum result result = item->reason[0] ? check_left_out(item, outcome) : check_run(item, outcome);
        size_t row = 0;
        while (row < operators && strcmp(by_operator[row].name, name) != 0)
            row++;
        operators += row == operators;
        snprintf(by_operator[row].name, sizeof name, "%s", name);
        snprintf(by_folder[item->folder].name, sizeof name, "%s", folders[item->folder]);
        by_operator[row].counts[result]++;
        by_folder[item->folder].counts[result]++;
        by_folder[FOLDER_COUNT].counts[result]++;
    }
    expect_counts_in_readme(by_folder);
    const char *path = getenv("STOA_CONFORMANCE_TABLE");
    FILE *file = path ? fopen(path, "w") : NULL;
    cr_expect(!path || file, "cannot write %s", path);
    if (!file)
        return;
    qsort(by_operator, operators, sizeof *by_operator, compare_rows);
    print_rows(file, "operator", by_operator, operators);
    fputc('\n', file);
    print_rows(file, "folder", by_folder, FOLDER_COUNT + 1);
    fclose(file);
}
