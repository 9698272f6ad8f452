/* The command from the outside. No time is judged. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/schema.h"
#include "support/command.h"
#include "support/temporary.h"

#define TINY "--rounds=1", "--seconds=0"

Test(suite, words_that_are_not_understood_exit_with_2)
{
    static const struct {
        const char *name, *words[5], *says;
    } rows[] = {
        {"nothing", {"bench"}, "stoa bench gemm"},
        {"no such suite", {"bench", "rockets"}, "'rockets'"},
        {"no such option", {"bench", "layers", "--fast"}, "'--fast'"},
        {"an operand", {"bench", "layers", "vgg"}, "'vgg'"},
        {"no rounds", {"bench", "layers", "--rounds", "0"}, "--rounds takes N"},
        {"a value missing", {"bench", "layers", "--rounds"}, "--rounds takes N"},
        {"a value too many", {"bench", "layers", "--cold=1"}, "--cold takes no value"},
        {"a list with a hole", {"bench", "layers", "--threads=1,,2"}, "--threads takes LIST"},
        {"a peer nobody knows", {"bench", "layers", "--against=naive,rockets"}, "'rockets'"},
        {"a format nobody knows", {"bench", "gemm", "--format=xml"}, "--format takes table|json|csv"},
        {"products have no batches", {"bench", "gemm", "--batch=4"}, "'--batch=4'"},
        {"nor are layers models", {"bench", "layers", "--model=a.onnx"}, "'--model=a.onnx'"},
        {"layers train on nothing", {"bench", "layers", "--images=640"}, "'--images=640'"},
#ifdef STOA_TRAINING
        {"training is never cold", {"bench", "train", "--cold"}, "'--cold'"},
        {"nor of other batches", {"bench", "train", "--batch=32"}, "'--batch=32'"},
        {"training on less than a batch", {"bench", "train", "--images=63"}, "--images takes N"},
#endif
        {"only a comparison tolerates", {"bench", "layers", "--tolerance=1"}, "'--tolerance=1'"},
        {"a comparison measures nothing", {"bench", "--compare", "a", "b", "--rounds=7"}, "'--rounds=7'"},
        {"a table of nothing", {"bench", "--table"}, "usage"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct command_outcome *outcome = command_run(rows[i].words);
        cr_expect(outcome->status == 2, "%s: %d", rows[i].name, outcome->status);
        cr_expect(strstr(outcome->err, rows[i].says), "%s: %s", rows[i].name, outcome->err);
    }
}

Test(suite, help_exits_with_0)
{
    static const char *const words[][4] = {{"bench", "--help"}, {"bench", "layers", "--help"}, {"bench", "-h"}};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const struct command_outcome *outcome = command_run(words[i]);
        cr_expect(outcome->status == 0 && strstr(outcome->out, "--against"), "%zu: %s", i, outcome->err);
    }
}

Test(suite, what_fails_exits_with_1)
{
    static const struct {
        const char *name, *words[8], *says;
    } rows[] = {
        {"nothing is named so", {"bench", "layers", "--filter=rockets"}, "nothing to measure"},
        {"a list that is not there", {"bench", "gemm", "--list=/nowhere.txt"}, "/nowhere.txt"},
        {"a model that is not there", {"bench", "models", "--model=/nowhere.onnx"}, "/nowhere.onnx"},
        {"a record that is not there", {"bench", "--table", "/nowhere.json"}, "/nowhere.json"},
        {"a record that is none", {"bench", "--show", "/dev/null"}, "/dev/null"},
        {"a folder that is not there",
         {"bench", "layers", "--filter=lenet1", "--rounds=1", "--format=csv", "--output=/nowhere/a"},
         "/nowhere/a"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct command_outcome *outcome = command_run(rows[i].words);
        cr_expect(outcome->status == 1, "%s: %d", rows[i].name, outcome->status);
        cr_expect(strstr(outcome->err, rows[i].says), "%s: %s", rows[i].name, outcome->err);
    }
}

static void expect_json(const char *name, const char *const *words, const char *path)
{
    const struct command_outcome *outcome = command_run(words);
    cr_expect(outcome->status == 0, "%s: %d: %s%s", name, outcome->status, outcome->out, outcome->err);
    cJSON *schema = schema_read_file("bench/schema.json"), *value = schema_read_file(path);
    const char *wrong = schema_check(schema, value);
    cr_expect(!wrong, "%s: %s", name, wrong);
    cr_expect(cJSON_GetArraySize(cJSON_GetObjectItem(value, "cases")) > 0, "%s: no cases", name);
    cJSON_Delete(schema);
    cJSON_Delete(value);
}

Test(suite, each_writes_json_as_the_schema_says)
{
    char path[TEMPORARY_PATH], model[4096], list[TEMPORARY_PATH];
    temporary_file("", path);
    temporary_file("", list);
    FILE *file = fopen(list, "w");
    fputs("a 2 3 9 8 5 3 2 1 1\nb 1 8 5 5 8 3 1 1 8 # depthwise\n", file);
    fclose(file);
    snprintf(model, sizeof model, "--model=%s/test_conv_with_strides_padding/model.onnx", command_testdata("node"));
    const char *output[] = {"--format=json", "--output", path};
    expect_json("layers",
                (const char *const[]){"bench", "layers", "--list", list, "--threads=1,2", TINY, output[0], output[1],
                                      output[2], NULL},
                path);
    expect_json("layers, cold",
                (const char *const[]){"bench", "layers", "--filter=lenet1", "--cold", "--batch=1,2", TINY, output[0],
                                      output[1], output[2], NULL},
                path);
    expect_json("gemm",
                (const char *const[]){"bench", "gemm", "--filter=lenet1", TINY, output[0], output[1], output[2], NULL},
                path);
    expect_json("models",
                (const char *const[]){"bench", "models", "--against=none", "--threads=1,2", TINY, output[0], output[1],
                                      output[2], model, NULL},
                path);
    const struct command_outcome *outcome = command_run((const char *const[]){"bench", "--show", path, NULL});
    cr_expect(outcome->status == 0 && strstr(outcome->out, "2 threads are"), "%s%s", outcome->out, outcome->err);
    unlink(path);
    unlink(list);
}

Test(suite, a_table_has_a_row_for_each_case)
{
    const struct command_outcome *outcome =
        command_run((const char *const[]){"bench", "layers", "--filter=lenet", "--against=view,im2col", TINY, NULL});
    cr_expect(outcome->status == 0, "%s", outcome->err);
    cr_expect(strstr(outcome->out, "\nlenet1 ") && strstr(outcome->out, "\nlenet2 "), "%s", outcome->out);
    cr_expect(strstr(outcome->out, "CPU  ") && strstr(outcome->out, "commit "), "%s", outcome->out);
    cr_expect(!strstr(outcome->out, "onednn") && !strstr(outcome->out, "naive"), "%s", outcome->out);
    cr_expect(outcome->err[0] == '\0', "progress without a terminal: %s", outcome->err);
}

/* A model whose recorded output is wrong: nobody is timed, the status says so. */
Test(suite, a_wrong_result_is_not_timed)
{
    char folder[TEMPORARY_PATH], path[TEMPORARY_PATH + 32], line[8192];
    temporary_folder(folder);
    snprintf(line, sizeof line,
             "cp %s/test_relu/model.onnx %s/net.onnx && mkdir %s/net.b1 && cd %s/net.b1 && "
             "printf '\\223NUMPY\\001\\000v\\000' >output_0.npy && "
             "printf '%%-117s\\n' \"{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4, 5), }\" >>output_0.npy && "
             "yes bogus | head -c 240 >>output_0.npy",
             command_testdata("node"), folder, folder, folder);
    cr_assert(system(line) == 0);
    snprintf(path, sizeof path, "--model=%s/net.onnx", folder);
    const struct command_outcome *outcome =
        command_run((const char *const[]){"bench", "models", "--against=none", TINY, path, NULL});
    cr_expect(outcome->status == 1, "%d: %s", outcome->status, outcome->err);
    cr_expect(strstr(outcome->out, "WRONG, so not timed: stoa: off by"), "%s", outcome->out);
    snprintf(line, sizeof line, "rm -r %s", folder);
    cr_assert(system(line) == 0);
}
