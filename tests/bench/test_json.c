/* What is written is what the schema describes, can be read again, and nothing else can. */
#include "bench/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/sample.h"
#include "bench/schema.h"
#include "support/temporary.h"

Test(json, a_record_is_as_the_schema_says)
{
    struct record record;
    char path[TEMPORARY_PATH];
    sample_record(1e-3, 7, &record);
    sample_write(&record, path);
    cJSON *schema = schema_read_file("bench/schema.json"), *value = schema_read_file(path);
    const char *wrong = schema_check(schema, value);
    cr_expect(!wrong, "%s", wrong);
    cJSON_AddNumberToObject(value, "stray", 1);
    cr_expect(schema_check(schema, value), "the checker sees nothing");
    cJSON_Delete(schema);
    cJSON_Delete(value);
    stoa_bench_record_free(&record);
    unlink(path);
}

Test(json, what_is_read_is_what_was_written)
{
    struct record record, again;
    struct stoa_error error = {0};
    char path[TEMPORARY_PATH];
    sample_record(1e-3, 7, &record);
    sample_write(&record, path);
    cr_assert(stoa_bench_read_json(path, &error, &again) == STOA_OK, "%s", error.message);
    cr_expect(strcmp(again.command, record.command) == 0 && strcmp(again.machine.cpu, record.machine.cpu) == 0);
    cr_assert(again.case_count == 1 && again.cases[0].entry_count == record.cases[0].entry_count);
    for (size_t i = 0; i < record.cases[0].entry_count; i++) {
        const struct entry *a = &record.cases[0].entries[i], *b = &again.cases[0].entries[i];
        cr_expect(strcmp(a->name, b->name) == 0 && strcmp(a->message, b->message) == 0, "entry %zu", i);
        cr_expect(a->state == b->state && a->ours == b->ours && a->threads == b->threads && a->rival == b->rival &&
                      a->count == b->count && a->setup == b->setup && a->peak == b->peak && a->base == b->base,
                  "entry %zu", i);
        for (size_t j = 0; j < a->count; j++)
            cr_expect(a->samples[j] / b->samples[j] < 1.00001 && a->samples[j] / b->samples[j] > 0.99999);
    }
    stoa_bench_record_free(&record);
    stoa_bench_record_free(&again);
    unlink(path);
}

/* `from` of a right file is replaced by `to`. */
Test(json, what_is_not_a_record_is_named_by_its_place)
{
    static const struct {
        const char *name, *from, *to, *says;
    } rows[] = {
        {"no JSON", "\"cases\":[", "\"cases\":{", "line 5"},
        {"another format", "stoa-bench 1", "stoa-bench 9", "format is 'stoa-bench 9'"},
        {"no format", "\"format\"", "\"former\"", "format is missing"},
        {"no machine", "\"machine\"", "\"engine\"", "machine: "},
        {"a machine without BLAS", "\"blas\"", "\"glas\"", "machine: blas is missing"},
        {"no cases", "\"cases\"", "\"faces\"", "cases is not a list"},
        {"a batch of 0", "\"batch\":1", "\"batch\":0", "cases[0]: batch is 0"},
        {"half a batch", "\"batch\":1", "\"batch\":1.5", "cases[0]: batch is 1.5"},
        {"cold is a word", "\"cold\":false", "\"cold\":\"no\"", "cases[0]: cold is not true or false"},
        {"an unknown state", "\"timed\"", "\"tamed\"", "entries[0]: state is 'tamed'"},
        {"a rival that is not there", "\"rival\":0", "\"rival\":9", "entries[1]: rival is 9"},
        {"a time of 0", "\"seconds\":[0.001,", "\"seconds\":[0,", "entries[0]: seconds[0]"},
        {"a time that is text", "\"seconds\":[0.001,", "\"seconds\":[\"x\",", "entries[0]: seconds[0]"},
        {"times that are no list", "\"seconds\":[]", "\"seconds\":{}", "seconds is not a list"},
        {"a negative time", "\"setup_seconds\":0.25", "\"setup_seconds\":-1", "setup_seconds is not a number"},
        {"a name too long", "\"res3\"", "\"0123456789012345678901234567890123456789012345678901234567890123456789\"",
         "name is not a string of at most"},
    };
    struct record record;
    struct stoa_error error;
    char *text = NULL;
    size_t size;
    sample_record(1e-3, 7, &record);
    FILE *memory = open_memstream(&text, &size);
    stoa_bench_write_json(&record, memory);
    fclose(memory);
    stoa_bench_record_free(&record);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char path[TEMPORARY_PATH];
        temporary_file("", path);
        FILE *file = fopen(path, "w");
        const char *at = strstr(text, rows[i].from);
        cr_assert(file && at, "%s: '%s' is not in the file", rows[i].name, rows[i].from);
        fprintf(file, "%.*s%s%s", (int)(at - text), text, rows[i].to, at + strlen(rows[i].from));
        fclose(file);
        error.message[0] = '\0';
        cr_expect(stoa_bench_read_json(path, &error, &record) != STOA_OK, "%s: accepted", rows[i].name);
        cr_expect(record.case_count == 0 && !record.cases, "%s: something is left", rows[i].name);
        cr_expect(strstr(error.message, path) && strstr(error.message, rows[i].says), "%s: %s", rows[i].name,
                  error.message);
        unlink(path);
    }
    free(text);
}

Test(json, an_empty_file_and_none_are_errors)
{
    char path[TEMPORARY_PATH];
    struct record record;
    struct stoa_error error;
    temporary_file("", path);
    cr_expect(stoa_bench_read_json(path, &error, &record) == STOA_ERROR_DATA, "%s", error.message);
    unlink(path);
    cr_expect(stoa_bench_read_json(path, &error, &record) == STOA_ERROR_IO, "%s", error.message);
}

Test(json, every_line_of_csv_has_the_columns_of_its_head)
{
    struct record record;
    char *text = NULL;
    size_t size, lines = 0, columns = 0;
    sample_record(1e-3, 7, &record);
    FILE *memory = open_memstream(&text, &size);
    stoa_bench_write_csv(&record, memory);
    fclose(memory);
    stoa_bench_record_free(&record);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"), lines++) {
        size_t commas = 0;
        int quoted = 0;
        for (const char *c = line; *c; c++) {
            quoted ^= *c == '"';
            commas += *c == ',' && !quoted;
        }
        columns = lines ? columns : commas;
        cr_expect(commas == columns, "line %zu has %zu commas, its head %zu", lines, commas, columns);
    }
    cr_expect(lines == 6);
    free(text);
}
