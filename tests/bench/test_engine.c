/* Engines: what they are asked, and what becomes of one that fails. */
#include "bench/engine.h"

#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/command.h"
#include "support/temporary.h"

Test(engine, one_that_misbehaves_is_an_error)
{
    static const struct {
        const char *name, *script, *says;
    } rows[] = {
        {"ends at once", "exit 1", "it ended without an answer"},
        {"ends after the question", "read a; exit 0", "it ended without an answer"},
        {"says no", "read a; echo error too large; sleep 9", "too large"},
        {"says something else", "read a; echo hello; sleep 9", "hello"},
        {"says okay", "read a; echo okay; sleep 9", "okay"},
        {"never ends its line", "head -c 20000 /dev/zero 2>&-; sleep 9", "longer than"},
    };
    signal(SIGPIPE, SIG_IGN);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const argv[] = {"sh", "-c", rows[i].script, NULL};
        struct engine engine;
        struct stoa_error error = {0};
        char answer[ENGINE_LINE];
        cr_assert(stoa_bench_engine_start(argv, &error, &engine) == STOA_OK, "%s: %s", rows[i].name, error.message);
        cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "run %d", 1) != STOA_OK, "%s: accepted", rows[i].name);
        /* One that is gone may be noticed when it is asked, too. */
        cr_expect(strstr(error.message, rows[i].says) || strstr(error.message, "no more questions"), "%s: %s",
                  rows[i].name, error.message);
        stoa_bench_engine_stop(&engine);
    }
}

Test(engine, answers_in_pieces_and_several_at_once_are_put_together)
{
    static const char *const argv[] = {"sh", "-c",
                                       "read a; printf 'ok on'; sleep 0.1; printf 'e\\nok two\\nok\\n'; sleep 9", NULL};
    static const char *const expected[] = {" one", " two", ""};
    struct engine engine;
    struct stoa_error error = {0};
    char answer[ENGINE_LINE];
    cr_assert(stoa_bench_engine_start(argv, &error, &engine) == STOA_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "x") == STOA_OK, "%s", error.message);
        cr_expect(strcmp(answer, expected[i]) == 0, "'%s', not '%s'", answer, expected[i]);
    }
    stoa_bench_engine_stop(&engine);
    stoa_bench_engine_stop(&engine);
}

Test(engine, one_that_cannot_be_started_is_an_error)
{
    struct engine engine;
    struct stoa_error error;
    cr_expect(stoa_bench_engine_start((const char *const[]){"/nowhere/engine", NULL}, &error, &engine) ==
              STOA_ERROR_IO);
    cr_expect(strstr(error.message, "/nowhere/engine"), "%s", error.message);
}

/* Stoa's own: y = max(0, x) on 3x4x5 numbers. */
Test(engine, stoa_serves)
{
    const char *const argv[] = {getenv("STOA_COMMAND"), "bench", "serve", NULL};
    struct engine engine;
    struct stoa_error error = {0};
    char answer[ENGINE_LINE], path[TEMPORARY_PATH];
    float x[60], y[60];
    for (int i = 0; i < 60; i++)
        x[i] = (float)(i - 30);
    temporary_file("", path);
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(x, sizeof x, 1, file) == 1);
    fclose(file);

    cr_assert(stoa_bench_engine_start(argv, &error, &engine) == STOA_OK, "%s", error.message);
    static const char *const refused[] = {"dance",           "run 1 0",
                                          "output 0 /tmp/x", "load 1 /nowhere.onnx",
                                          "input 99 1 /x",   "input 0 3x4x5 /nowhere",
                                          "input 0 3x /x",   "input 0 0x /x"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "%s", refused[i]) != STOA_OK, "'%s' is accepted",
                  refused[i]);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "input 0 3x4x5 %s", path) == STOA_OK, "%s", error.message);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "load 2 %s/test_relu/model.onnx",
                                    command_testdata("node")) == STOA_OK,
              "%s", error.message);
    cr_expect(strtod(answer, NULL) > 0, "%s", answer);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "run 3 0") == STOA_OK, "%s", error.message);
    char *rest = answer;
    for (int i = 0; i < 3; i++)
        cr_expect(strtod(rest, &rest) > 0, "%s", answer);
    cr_expect(*rest == '\0');
    cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "run 1000 0") != STOA_OK);
    cr_assert(stoa_bench_engine_ask(&engine, &error, answer, "output 0 %s", path) == STOA_OK, "%s", error.message);
    cr_expect(strcmp(answer, " 3x4x5") == 0, "%s", answer);
    file = fopen(path, "rb");
    cr_assert(file && fread(y, sizeof y, 1, file) == 1 && fgetc(file) == EOF);
    fclose(file);
    for (int i = 0; i < 60; i++)
        cr_expect(y[i] == (x[i] > 0 ? x[i] : 0), "%d: %g", i, (double)y[i]);
    cr_expect(stoa_bench_engine_ask(&engine, &error, answer, "peak") == STOA_OK && strtod(answer, NULL) > 1e6, "%s",
              answer);
    stoa_bench_engine_stop(&engine);
    unlink(path);
}
