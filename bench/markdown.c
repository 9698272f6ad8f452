/* Tables for the README: made from a kept record, so that no figure is typed by hand. */
#include <stdio.h>
#include <string.h>

#include "table.h"

static double median(const struct entry *entry)
{
    return stoa_bench_quantile(entry->count, entry->samples, 0.5);
}

static int digits(const struct bench_case *c)
{
    return stoa_bench_unit(c) > 1e3 ? 0 : 2;
}

/* Layers of the suite are known by their shape too, networks by their name. */
static void print_case(const struct bench_case *c, size_t threads, bool sweep, FILE *out)
{
    fprintf(out, "| %s", c->name);
    if (stoa_bench_unit(c) > 1e3)
        fprintf(out, ": %s", c->shape);
    if (c->batch > 1)
        fprintf(out, ", batch %zu", c->batch);
    if (sweep)
        fprintf(out, ", %zu thread%s", threads, threads == 1 ? "" : "s");
    fputs(" |", out);
}

static void print_cell(const struct bench_case *c, const char *name, size_t threads, FILE *out)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        const struct entry *entry = &c->entries[i];
        if (strcmp(entry->name, name) == 0 && entry->count && stoa_bench_in_row(entry, threads)) {
            fprintf(out, " %.*f |", digits(c), stoa_bench_unit(c) * median(entry));
            return;
        }
    }
    fputs(" – |", out);
}

static void print_ratio(const struct bench_case *c, size_t subject, bool targets, FILE *out)
{
    size_t peer = stoa_bench_best_peer(c, subject, 0);
    struct estimate ratio = peer == BENCH_NONE ? (struct estimate){0} : stoa_bench_ratio(c, peer);
    if (ratio.value <= 0)
        fputs(" – |", out);
    else
        fprintf(out, " %.2f [%.2f–%.2f]%s |", ratio.value, ratio.low, ratio.high,
                stoa_bench_verdict(&ratio) == VERDICT_INCONCLUSIVE ? " inconclusive" : "");
    if (targets && peer != BENCH_NONE && c->entries[peer].target > 0)
        fprintf(out, " %.2f |", c->entries[peer].target);
    else if (targets)
        fputs(" – |", out);
}

/* Of the subject and of its first peer. */
static void print_resources(const struct bench_case *c, size_t subject, FILE *out)
{
    size_t peer = stoa_bench_best_peer(c, subject, 0);
    const struct entry *stoa = &c->entries[subject];
    if (peer == BENCH_NONE)
        fprintf(out, " %.3f | %.0f |", stoa->setup, 1e-6 * stoa->peak);
    else
        fprintf(out, " %.3f / %.3f | %.0f / %.0f |", stoa->setup, c->entries[peer].setup, 1e-6 * stoa->peak,
                1e-6 * c->entries[peer].peak);
}

/* What became of training, of both. */
static void print_how(const struct bench_case *c, size_t subject, FILE *out)
{
    size_t peer = stoa_bench_best_peer(c, subject, 0);
    fprintf(out, " %s%s%s |", c->entries[subject].how, peer == BENCH_NONE ? "" : " / ",
            peer == BENCH_NONE ? "" : c->entries[peer].how);
}

static void print_line(const struct bench_case *c, size_t subject, const struct contenders *contenders, bool sweep,
                       FILE *out)
{
    const struct entry *stoa = &c->entries[subject];
    print_case(c, stoa->threads, sweep, out);
    for (size_t i = 0; i < contenders->count; i++)
        print_cell(c, contenders->names[i], stoa->threads, out);
    if (stoa->count)
        fprintf(out, " %.*f (%.*f–%.*f) |", digits(c), stoa_bench_unit(c) * median(stoa), digits(c),
                stoa_bench_unit(c) * stoa_bench_quantile(stoa->count, stoa->samples, 0.1), digits(c),
                stoa_bench_unit(c) * stoa_bench_quantile(stoa->count, stoa->samples, 0.9));
    else
        fputs(" – |", out);
    bool networks = stoa_bench_unit(c) == 1e3;
    print_ratio(c, subject, networks, out);
    if (networks)
        print_resources(c, subject, out);
    if (stoa_bench_trains(c))
        print_how(c, subject, out);
    fputc('\n', out);
}

/* The cases of the suite that `begin` is the first of. */
static void print_suite(const struct record *record, const struct bench_case *begin, FILE *out)
{
    struct contenders contenders = {0};
    const char *suite = begin->suite;
    bool sweep = false, networks = stoa_bench_unit(begin) == 1e3, trains = stoa_bench_trains(begin);
    size_t threads = 0;
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; strcmp(record->cases[i].suite, suite) == 0 && j < record->cases[i].entry_count; j++) {
            const struct entry *entry = &record->cases[i].entries[j];
            if (strcmp(entry->name, "stoa") == 0) {
                sweep = sweep || (threads && entry->threads != threads);
                threads = entry->threads;
            }
            stoa_bench_add_contender(&contenders, entry->name);
        }
    fprintf(out, "<!-- bench:%s %s -->\n| %s |", suite, record->machine.core,
            trains     ? "a step of training, ms"
            : networks ? "network, ms"
                       : "µs");
    for (size_t i = 0; i < contenders.count; i++)
        fprintf(out, " %s |", contenders.names[i]);
    fprintf(out, " stoa (p10–p90) | peer / stoa [95 %%] |%s%s\n|---|",
            networks ? " target | s to load and plan: stoa / peer | peak MB: stoa / peer |" : "",
            trains ? " test images: stoa / peer |" : "");
    for (size_t i = 0; i < contenders.count + (networks ? 5 : 2) + trains; i++)
        fputs("---|", out);
    fputc('\n', out);
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; strcmp(record->cases[i].suite, suite) == 0 && j < record->cases[i].entry_count; j++)
            if (strcmp(record->cases[i].entries[j].name, "stoa") == 0)
                print_line(&record->cases[i], j, &contenders, sweep, out);
}

static void print_summary(void *user, const struct summary *summary)
{
    char text[512];
    stoa_bench_summary_text(summary, sizeof text, text);
    fprintf(user, "- %s\n", text);
}

void stoa_bench_print_markdown(const struct record *record, FILE *out)
{
    const struct machine *m = &record->machine;
    const char *suite = "";
    for (size_t i = 0; i < record->case_count; i++)
        if (strcmp(record->cases[i].suite, suite) != 0) {
            suite = record->cases[i].suite;
            print_suite(record, &record->cases[i], out);
        }
    fputs("\nGeometric means of the ratios:\n\n", out);
    stoa_bench_summaries(record, print_summary, out);
    fprintf(out, "\n`%s`: %s (%.0f MHz seen), %s, kernels of %s, %s, %s, commit %s.\n<!-- end of bench:%s %s -->\n",
            record->command, m->cpu, m->megahertz, m->blas, m->core, m->compiler, m->flags, m->commit, suite, m->core);
}
