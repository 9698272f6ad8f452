/* The suite's own lists are understood; lines that are not are named by file and line. */
#include "bench/datafile.h"
#include "support/temporary.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static enum stoa_status read_layers(const char *path, struct stoa_error *error, size_t *count)
{
    static struct layer_line lines[BENCH_MAX_CASES];
    return stoa_bench_read_layers(path, error, count, lines);
}

static enum stoa_status read_gemms(const char *path, struct stoa_error *error, size_t *count)
{
    static struct gemm_line lines[BENCH_MAX_CASES];
    return stoa_bench_read_gemms(path, error, count, lines);
}

static enum stoa_status read_models(const char *path, struct stoa_error *error, size_t *count)
{
    static struct model_line lines[BENCH_MAX_CASES];
    return stoa_bench_read_models(path, error, count, lines);
}

static enum stoa_status read_training(const char *path, struct stoa_error *error, size_t *count)
{
    static struct training_line lines[BENCH_MAX_CASES];
    return stoa_bench_read_training(path, error, count, lines);
}

typedef enum stoa_status (*reader)(const char *path, struct stoa_error *error, size_t *count);

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(text, file);
    fclose(file);
}

Test(datafile, the_lists_of_the_suite_are_understood)
{
    static const struct {
        const char *name;
        reader read;
        size_t least;
    } rows[] = {{"bench/shapes/layers.txt", read_layers, 28},
                {"bench/shapes/gemm.txt", read_gemms, 10},
                {"bench/models/models.txt", read_models, 8},
                {"bench/training/nets.txt", read_training, 2}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[4096];
        size_t count = 0;
        struct stoa_error error = {0};
        snprintf(path, sizeof path, "%s/%s", getenv("STOA_SOURCE_ROOT"), rows[i].name);
        cr_expect(rows[i].read(path, &error, &count) == STOA_OK, "%s: %s", rows[i].name, error.message);
        cr_expect(count >= rows[i].least, "%s: %zu cases", rows[i].name, count);
    }
}

Test(datafile, what_is_not_understood_is_named_by_file_and_line)
{
    static const struct {
        const char *name, *text;
        reader read;
        const char *line, *says;
    } rows[] = {
        {"a word too few", "# head\n\na 1 3 8 8 4 3 1 1\n", read_layers, ":3: ", "9 words"},
        {"a word too many", "a 1 3 8 8 4 3 1 1 1 1\n", read_layers, ":1: ", "11 words"},
        {"far too many", "a 1 2 3 4 5 6 7 8 9 10 11 12 13\n", read_layers, ":1: ", "more than 12 words"},
        {"no number", "a 1 3 8 8 4 3 1 1 1\nb 1 3 eight 8 4 3 1 1 1\n", read_layers, ":2: ", "H is 'eight'"},
        {"a negative number", "a 1 3 8 8 -4 3 1 1 1\n", read_layers, ":1: ", "OC is '-4'"},
        {"a number that does not fit", "a 1 3 8 8 99999999999999999999999 3 1 1 1\n", read_layers, ":1: ", "OC is"},
        {"a kernel larger than the picture", "a 1 3 8 8 4 11 1 1 1\n", read_layers, ":1: ", ""},
        {"a stride of 0", "a 1 3 8 8 4 3 0 1 1\n", read_layers, ":1: ", "stride"},
        {"groups that do not divide", "a 1 3 8 8 4 3 1 1 2\n", read_layers, ":1: ", "group"},
        {"a product of nothing", "a 1 0 3\n", read_gemms, ":1: ", "at least 1"},
        {"a product's words", "a 1 2\n", read_gemms, ":1: ", "3 words"},
        {"a target that is no number", "net fast 0\n", read_models, ":1: ", "target is 'fast'"},
        {"a negative target", "net 1 0\nnet 1 -2\n", read_models, ":2: ", "threads-target is '-2'"},
        {"a net's words", "lenet5 60000 0.8 2.0\n", read_training, ":1: ", "4 words"},
        {"no step", "lenet5 63 0.8 2.0 0\n", read_training, ":1: ", "images must be at least 64"},
        {"more than all", "lenet5 64 1.1 2.0 0\n", read_training, ":1: ", "floor at most 1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[TEMPORARY_PATH];
        size_t count;
        struct stoa_error error = {0};
        temporary_file("", path);
        write_text(path, rows[i].text);
        enum stoa_status status = rows[i].read(path, &error, &count);
        cr_expect(status != STOA_OK, "%s: accepted", rows[i].name);
        cr_expect(strncmp(error.message, path, strlen(path)) == 0, "%s: no file: %s", rows[i].name, error.message);
        cr_expect(strncmp(error.message + strlen(path), rows[i].line, strlen(rows[i].line)) == 0, "%s: no line: %s",
                  rows[i].name, error.message);
        cr_expect(strstr(error.message, rows[i].says), "%s: '%s' is not in: %s", rows[i].name, rows[i].says,
                  error.message);
        unlink(path);
    }
}

Test(datafile, a_long_line_and_a_missing_file_are_errors)
{
    char path[TEMPORARY_PATH], text[600];
    size_t count;
    struct stoa_error error;
    temporary_file("", path);
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    write_text(path, text);
    cr_expect(read_gemms(path, &error, &count) == STOA_ERROR_PARSE && strstr(error.message, "longer than"), "%s",
              error.message);
    unlink(path);
    cr_expect(read_gemms(path, &error, &count) == STOA_ERROR_IO && strstr(error.message, path), "%s", error.message);
}

Test(datafile, a_name_too_long_for_the_record_is_an_error)
{
    char path[TEMPORARY_PATH];
    size_t count;
    struct stoa_error error;
    temporary_file("", path);
    write_text(path, "a_name_that_is_far_too_long_for_the_columns_of_a_table 1 2 3\n");
    cr_expect(read_gemms(path, &error, &count) == STOA_ERROR_PARSE && strstr(error.message, "name"), "%s",
              error.message);
    unlink(path);
}
