/* Training as a suite: who learned badly is not timed, Stoa answers as an engine, the command says who was absent. No
 * time is judged. */
#include "bench/train.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/engine.h"
#include "bench/record.h"
#include "bench/schema.h"
#include "support/command.h"
#include "support/files.h"
#include "support/temporary.h"

#define SIDE 28
#define TRAINING 320
#define TEST 50

static void put_number(uint8_t *at, size_t value)
{
    for (size_t i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* Images of class k: bright is what lies left (k = 0) or right (1) of the middle; or there is nothing to see. */
static void write_part(const char *images, const char *labels, size_t count, bool visible)
{
    size_t pixels = SIDE * SIDE;
    uint8_t *data = calloc(16 + count * pixels, 1), *classes = calloc(8 + count, 1);
    cr_assert(data && classes);
    put_number(data, 0x803);
    put_number(data + 4, count);
    put_number(data + 8, SIDE);
    put_number(data + 12, SIDE);
    put_number(classes, 0x801);
    put_number(classes + 4, count);
    for (size_t i = 0; i < count; i++) {
        classes[8 + i] = i % 2;
        for (size_t p = 0; visible && p < pixels; p++)
            data[16 + i * pixels + p] = (p % SIDE >= SIDE / 2) == i % 2 ? 200 : (uint8_t)(7 * i % 50);
    }
    files_write(images, data, 16 + count * pixels);
    files_write(labels, classes, 8 + count);
    free(data);
    free(classes);
}

static const char *data_option(bool visible)
{
    static char option[512];
    write_part(idx_names[0], idx_names[1], TRAINING, visible);
    write_part(idx_names[2], idx_names[3], TEST, visible);
    snprintf(option, sizeof option, "--data=%s", files_folder());
    return option;
}

TestSuite(train, .fini = files_remove);

Test(train, who_learned_badly_is_wrong)
{
    static const struct {
        const char *name;
        double floor;
        struct {
            bool ours;
            size_t threads;
            struct learnt learnt;
            bool wrong;
        } entries[4];
        const char *says;
    } rows[] = {
        {"as good", 0.8, {{true, 1, {0.85, "a"}, false}, {false, 1, {0.85, ""}, false}}, ""},
        {"better", 0.8, {{true, 1, {0.95, "a"}, false}, {false, 1, {0.85, ""}, false}}, ""},
        {"a little worse", 0.8, {{true, 1, {0.83, "a"}, false}, {false, 1, {0.85, ""}, false}}, ""},
        {"worse", 0.8, {{true, 1, {0.81, "a"}, true}, {false, 1, {0.85, ""}, false}}, "81.00 % of"},
        {"worse, the peer being first", 0.8, {{false, 1, {0.85, ""}, false}, {true, 1, {0.81, "a"}, true}}, "82.00"},
        {"a peer of other threads", 0.8, {{true, 1, {0.81, "a"}, false}, {false, 2, {0.95, ""}, false}}, ""},
        {"alone", 0.8, {{true, 1, {0.81, "a"}, false}}, ""},
        {"alone, below the floor", 0.8, {{true, 1, {0.79, "a"}, true}}, "not at least 80.00"},
        {"a peer that learned nothing", 0.8, {{true, 1, {0.5, "a"}, true}, {false, 1, {0.1, ""}, false}}, "80.00"},
        {"no number", 0.8, {{true, 1, {NAN, "a"}, true}}, "not at least"},
        {"other bits", 0.8, {{true, 1, {0.9, "a"}, false}, {true, 2, {0.9, "b"}, true}}, "bits as with 1 threads"},
        {"the same bits", 0.8, {{true, 1, {0.9, "a"}, false}, {true, 2, {0.9, "a"}, false}}, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record record = {{0}};
        struct bench_case *c;
        struct learnt learnt[4];
        char said[1024] = "";
        cr_assert(stoa_bench_add_case(&record, "train", "net", NULL, &c) == STOA_OK);
        for (size_t j = 0; j < 4 && rows[i].entries[j].threads; j++) {
            struct entry *entry;
            cr_assert(stoa_bench_add_entry(c, "x", "x", NULL, &entry) == STOA_OK);
            entry->ours = rows[i].entries[j].ours;
            entry->threads = rows[i].entries[j].threads;
            learnt[j] = rows[i].entries[j].learnt;
        }
        stoa_bench_judge_learnt(learnt, rows[i].floor, c);
        for (size_t j = 0; j < c->entry_count; j++) {
            cr_expect((c->entries[j].state == ENTRY_WRONG) == rows[i].entries[j].wrong, "%s: entry %zu: %s",
                      rows[i].name, j, c->entries[j].message);
            strcat(said, c->entries[j].message);
        }
        cr_expect(strstr(said, rows[i].says) && (rows[i].says[0] || !said[0]), "%s: '%s' is not in '%s'", rows[i].name,
                  rows[i].says, said);
        stoa_bench_record_free(&record);
    }
}

Test(train, stoa_serves)
{
    const char *const argv[] = {getenv("STOA_COMMAND"), "bench", "serve-training", NULL};
    struct engine engine;
    struct stoa_error error = {0};
    char answer[ENGINE_LINE], before[64], after[64];
    const char *folder = data_option(true) + strlen("--data=");
    cr_assert(stoa_bench_engine_start(argv, &error, &engine) == STOA_OK, "%s", error.message);
    static const char *const refused[] = {
        "dance", "run 1 0", "accuracy", "weights", "load 1 lenet5", "load", "load x lenet5 /nowhere"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "%s", refused[i]) != STOA_OK, "'%s' is accepted",
                  refused[i]);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "load 2 lenet5 %s", folder) == STOA_OK, "%s",
              error.message);
    cr_expect(strtod(answer, NULL) > 0, "%s", answer);
    cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "load 2 lenet5 %s", folder) != STOA_OK, "loaded twice");
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "weights") == STOA_OK, "%s", error.message);
    snprintf(before, sizeof before, "%.60s", answer);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "run 3 0") == STOA_OK, "%s", error.message);
    char *rest = answer;
    for (int i = 0; i < 3; i++)
        cr_expect(strtod(rest, &rest) > 0, "%s", answer);
    cr_expect(*rest == '\0');
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "weights") == STOA_OK, "%s", error.message);
    snprintf(after, sizeof after, "%.60s", answer);
    cr_expect(strlen(before) == 9 && strlen(after) == 9 && strcmp(before, after) != 0, "'%s', '%s'", before, after);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "accuracy") == STOA_OK, "%s", error.message);
    cr_expect(strtod(answer, &rest) >= 0 && strtod(answer, NULL) <= 1 && *rest == '\0', "%s", answer);
    cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "peak") == STOA_OK && strtod(answer, NULL) > 1e6, "%s",
              answer);
    stoa_bench_engine_stop(&engine);
}

static void write_list(const char *line, char path[TEMPORARY_PATH])
{
    temporary_file("", path);
    FILE *file = fopen(path, "w");
    cr_assert(file);
    fputs(line, file);
    fclose(file);
}

Test(train, what_is_measured_is_told_in_every_form)
{
    char list[TEMPORARY_PATH], json[TEMPORARY_PATH];
    temporary_file("", json);
    write_list("lenet5 1920 0.9 2.0 1.7\n", list);
    const struct command_outcome *outcome = command_run((const char *const[COMMAND_WORDS]){
        "bench", "train", "--list", list, data_option(true), "--threads=1,2", "--against=none", "--rounds=1",
        "--seconds=0", "--format=json", "--output", json});
    cr_assert(outcome->status == 0, "%d: %s%s", outcome->status, outcome->out, outcome->err);
    cJSON *schema = schema_read_file("bench/schema.json"), *value = schema_read_file(json);
    const char *wrong = schema_check(schema, value);
    cr_expect(!wrong, "%s", wrong);
    cJSON_Delete(schema);
    cJSON_Delete(value);
    outcome = command_run((const char *const[]){"bench", "--show", json, NULL});
    cr_expect(outcome->status == 0 && strstr(outcome->out, "images/s") && strstr(outcome->out, "milliseconds") &&
                  strstr(outcome->out, "% after 1920 images") && strstr(outcome->out, "2 threads are"),
              "%s", outcome->out);
    outcome = command_run((const char *const[]){"bench", "--table", json, NULL});
    cr_expect(outcome->status == 0 && strncmp(outcome->out, "<!-- bench:train ", 17) == 0 &&
                  strstr(outcome->out, " -->\n| a step of training, ms |") &&
                  strstr(outcome->out, "| lenet5, batch 64, 2 threads |") &&
                  strstr(outcome->out, "<!-- end of bench:train "),
              "%s", outcome->out);
    /* Each line of a table has as many cells. */
    size_t cells = 0, lines = 0;
    for (const char *line = outcome->out; (line = strstr(line, "\n|")); lines++) {
        size_t bars = 0;
        for (line++; *line && *line != '\n'; line++)
            bars += *line == '|';
        cr_expect(cells == 0 || bars == cells, "line %zu has %zu cells, not %zu: %s", lines, bars, cells, outcome->out);
        cells = bars;
    }
    cr_expect(lines == 4, "%zu lines: %s", lines, outcome->out);
    outcome = command_run((const char *const[]){"bench", "--compare", json, json, NULL});
    cr_expect(outcome->status == 0 && strstr(outcome->out, "train   lenet5"), "%s%s", outcome->out, outcome->err);
    unlink(list);
    unlink(json);
}

Test(train, a_net_that_learned_nothing_is_not_timed)
{
    char list[TEMPORARY_PATH];
    write_list("lenet5 320 0.9 0 0\n", list);
    const struct command_outcome *outcome = command_run((const char *const[COMMAND_WORDS]){
        "bench", "train", "--list", list, data_option(false), "--against=none", "--rounds=1", "--seconds=0"});
    cr_expect(outcome->status == 1, "%d: %s", outcome->status, outcome->err);
    cr_expect(strstr(outcome->out, "WRONG, so not timed: stoa: 50.00 % of the test images are right"), "%s",
              outcome->out);
    unlink(list);
}

/* Whoever imports torch gets this one. */
Test(train, an_absent_peer_is_told)
{
    char list[TEMPORARY_PATH];
    static const char torch[] = "raise ImportError('not today')\n";
    write_list("lenet5 64 0 2.0 0\n", list);
    files_write("torch.py", torch, strlen(torch));
    setenv("PYTHONPATH", files_folder(), 1);
    const struct command_outcome *outcome = command_run((const char *const[COMMAND_WORDS]){
        "bench", "train", "--list", list, data_option(true), "--rounds=1", "--seconds=0"});
    cr_expect(outcome->status == 0, "%d: %s", outcome->status, outcome->err);
    cr_expect(strstr(outcome->out, "without pytorch: PyTorch cannot be imported"), "%s", outcome->out);
    unlink(list);
}

Test(train, data_that_are_not_there_are_an_error)
{
    const struct command_outcome *outcome =
        command_run((const char *const[]){"bench", "train", "--data=/nowhere", NULL});
    cr_expect(outcome->status == 1 && strstr(outcome->err, "/nowhere"), "%d: %s", outcome->status, outcome->err);
}
