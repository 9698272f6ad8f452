/* What became slower is found, noise and trifles are not, and what only one record has is counted. */
#include "bench/compare.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/sample.h"
#include "support/command.h"

static const struct {
    const char *name;
    double before, after;
    size_t rounds;
    struct change_counts counts;
    int status;
} rows[] = {
    {"slower", 1e-3, 2e-3, 7, {.slower = 1}, 1},
    {"faster", 2e-3, 1e-3, 7, {.faster = 1}, 0},
    {"a trifle slower", 1e-3, 1.03e-3, 7, {.inconclusive = 1}, 0},
    {"the same", 1e-3, 1e-3, 7, {.inconclusive = 1}, 0},
    {"slower, but seen too rarely", 1e-3, 2e-3, 5, {.inconclusive = 1}, 0},
};

Test(compare, judges_by_spread_and_tolerance)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record old, new;
        struct change_counts counts;
        char *text = NULL;
        size_t size;
        sample_record(rows[i].before, rows[i].rounds, &old);
        sample_record(rows[i].after, rows[i].rounds, &new);
        FILE *memory = open_memstream(&text, &size);
        stoa_bench_compare(&old, &new, 0.05, memory, &counts);
        fclose(memory);
        cr_expect(memcmp(&counts, &rows[i].counts, sizeof counts) == 0, "%s: %s", rows[i].name, text);
        free(text);
        stoa_bench_record_free(&old);
        stoa_bench_record_free(&new);
    }
}

Test(compare, counts_what_only_one_has)
{
    struct record old, new;
    struct change_counts counts;
    char *text = NULL;
    size_t size;
    sample_record(1e-3, 7, &old);
    sample_record(1e-3, 7, &new);
    stoa_bench_set(sizeof new.cases[0].name, new.cases[0].name, "res4");
    FILE *memory = open_memstream(&text, &size);
    stoa_bench_compare(&old, &new, 0.05, memory, &counts);
    fclose(memory);
    cr_expect(counts.only_old == 1 && counts.only_new == 1 && counts.slower + counts.faster + counts.inconclusive == 0,
              "%s", text);
    free(text);
    stoa_bench_record_free(&old);
    stoa_bench_record_free(&new);
}

Test(compare, the_command_exits_with_1_when_something_became_slower)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct record old, new;
        char before[TEMPORARY_PATH], after[TEMPORARY_PATH];
        sample_record(rows[i].before, rows[i].rounds, &old);
        sample_record(rows[i].after, rows[i].rounds, &new);
        sample_write(&old, before);
        sample_write(&new, after);
        const struct command_outcome *outcome =
            command_run((const char *const[]){"bench", "--compare", before, after, NULL});
        cr_expect(outcome->status == rows[i].status, "%s: %d\n%s%s", rows[i].name, outcome->status, outcome->out,
                  outcome->err);
        cr_expect((strstr(outcome->out, "SLOWER") != NULL) == (rows[i].status == 1), "%s: %s", rows[i].name,
                  outcome->out);
        unlink(before);
        unlink(after);
        stoa_bench_record_free(&old);
        stoa_bench_record_free(&new);
    }
}

Test(compare, a_larger_tolerance_accuses_less)
{
    struct record old, new;
    char before[TEMPORARY_PATH], after[TEMPORARY_PATH];
    sample_record(1e-3, 7, &old);
    sample_record(2e-3, 7, &new);
    sample_write(&old, before);
    sample_write(&new, after);
    const struct command_outcome *outcome =
        command_run((const char *const[]){"bench", "--compare", before, after, "--tolerance", "2", NULL});
    cr_expect(outcome->status == 0, "%s", outcome->out);
    outcome = command_run((const char *const[]){"bench", "--compare", before, "/nowhere.json", NULL});
    cr_expect(outcome->status == 1 && strstr(outcome->err, "/nowhere.json"), "%s", outcome->err);
    outcome = command_run((const char *const[]){"bench", "--compare", before, NULL});
    cr_expect(outcome->status == 2, "%d", outcome->status);
    unlink(before);
    unlink(after);
    stoa_bench_record_free(&old);
    stoa_bench_record_free(&new);
}

static void take_summary(void *user, const struct summary *summary)
{
    struct summary *found = user;
    if (strcmp(summary->family, "onednn") == 0)
        *found = *summary;
}

Test(compare, a_summary_counts_the_fastest_of_a_family)
{
    struct record record;
    struct summary summary = {0};
    sample_record(1e-3, 7, &record);
    stoa_bench_summaries(&record, take_summary, &summary);
    cr_expect(summary.count == 1 && summary.asked == 1 && summary.met == 1);
    cr_expect(summary.mean > 1.199 && summary.mean < 1.201 && strcmp(summary.weakest, "res3") == 0, "%g", summary.mean);
    stoa_bench_record_free(&record);
}
