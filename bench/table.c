/* The table on the terminal: columns of fixed width, the same for every case of a suite. */
#include "table.h"

#include <string.h>

#define NAME_WIDTH 19

void stoa_bench_add_contender(struct contenders *contenders, const char *name)
{
    for (size_t i = 0; i < contenders->count; i++)
        if (strcmp(contenders->names[i], name) == 0)
            return;
    if (contenders->count < BENCH_CONTENDERS && strcmp(name, "stoa") != 0)
        contenders->names[contenders->count++] = name;
}

bool stoa_bench_in_row(const struct entry *entry, size_t threads)
{
    return strcmp(entry->name, "naive") == 0 || (entry->threads == threads && strcmp(entry->name, "stoa") != 0);
}

static double median(const struct entry *entry)
{
    return stoa_bench_quantile(entry->count, entry->samples, 0.5);
}

/* Whether a family appears in the case with the same subject before that entry. */
static bool family_before(const struct bench_case *c, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (c->entries[i].rival == c->entries[index].rival && !c->entries[i].ours &&
            strcmp(c->entries[i].family, c->entries[index].family) == 0)
            return true;
    return false;
}

size_t stoa_bench_best_peer(const struct bench_case *c, size_t subject, size_t index)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        if (c->entries[i].ours || c->entries[i].rival != subject || family_before(c, i) || index-- > 0)
            continue;
        size_t best = i;
        for (size_t j = i + 1; j < c->entry_count; j++) {
            const struct entry *entry = &c->entries[j];
            if (entry->rival == subject && strcmp(entry->family, c->entries[i].family) == 0 && entry->count &&
                (!c->entries[best].count || median(entry) < median(&c->entries[best])))
                best = j;
        }
        return best;
    }
    return BENCH_NONE;
}

void stoa_bench_print_head(const struct record *record, FILE *out)
{
    const struct machine *m = &record->machine;
    fprintf(out, "CPU       %s, %.0f MHz seen", m->cpu, m->megahertz);
    if (m->peak_gflops > 0)
        fprintf(out, ", FMA peak %.1f GFLOP/s", m->peak_gflops);
    if (m->copy_gbytes > 0)
        fprintf(out, ", copies %.1f GB/s", m->copy_gbytes);
    fprintf(out, "\nBLAS      %s, kernels of %s\nbuild     %s, %s, commit %s\n", m->blas, m->core, m->compiler,
            m->flags, m->commit);
    fputs(
        "Times are medians, (p10..p90). A ratio is the peer's time / stoa's, the median over rounds [95 % interval];\n"
        "it is inconclusive where the interval holds 1. A peer's fastest algorithm counts.\n",
        out);
}

double stoa_bench_unit(const struct bench_case *c)
{
    return strcmp(c->suite, "models") == 0 || stoa_bench_trains(c) ? 1e3 : 1e6;
}

bool stoa_bench_trains(const struct bench_case *c)
{
    return strcmp(c->suite, "train") == 0;
}

double stoa_bench_rate(const struct bench_case *c, const struct entry *entry)
{
    double seconds = median(entry), work = stoa_bench_trains(c) ? (double)c->batch : 1e-9 * c->flops;
    return seconds > 0 ? work / seconds : 0;
}

static int width(const char *name)
{
    int length = (int)strlen(name);
    return length > 9 ? length : 9;
}

static void print_columns(const struct bench_case *c, size_t threads, FILE *out)
{
    fprintf(out, "\n%s, %s, %s\n%-*s %5s %7s", c->suite, c->cold ? "cold" : "warm",
            stoa_bench_unit(c) > 1e3 ? "microseconds" : "milliseconds", NAME_WIDTH, "case", "batch", "threads");
    for (size_t i = 0; i < c->entry_count; i++)
        if (stoa_bench_in_row(&c->entries[i], threads))
            fprintf(out, " %*s", width(c->entries[i].name), c->entries[i].name);
    fprintf(out, " %9s %-19s %8s %6s  ratio\n", "stoa", " (p10..p90)", stoa_bench_trains(c) ? "images/s" : "GFLOP/s",
            stoa_bench_trains(c) ? "" : "peak");
}

static void print_cell(const struct bench_case *c, const struct entry *entry, FILE *out)
{
    if (entry->count)
        fprintf(out, " %*.*f", width(entry->name), stoa_bench_unit(c) > 1e3 ? 1 : 3,
                stoa_bench_unit(c) * median(entry));
    else
        fprintf(out, " %*s", width(entry->name), entry->state == ENTRY_WRONG ? "WRONG" : "-");
}

static void print_ratios(const struct bench_case *c, size_t subject, FILE *out)
{
    size_t peer;
    for (size_t i = 0; (peer = stoa_bench_best_peer(c, subject, i)) != BENCH_NONE; i++) {
        struct estimate ratio = stoa_bench_ratio(c, peer);
        if (ratio.value <= 0)
            continue;
        const struct entry *entry = &c->entries[peer];
        enum verdict verdict = stoa_bench_verdict(&ratio);
        fprintf(out, "  %.3f [%.3f..%.3f] %s %s %s", ratio.value, ratio.low, ratio.high,
                stoa_bench_verdict_name(verdict), verdict == VERDICT_INCONCLUSIVE ? "against" : "than", entry->name);
        if (entry->target > 0)
            fprintf(out, ", %s %.2f", ratio.value >= entry->target ? "reaches" : "MISSES", entry->target);
    }
}

static void print_line(const struct record *record, const struct bench_case *c, size_t subject, FILE *out)
{
    const struct entry *stoa = &c->entries[subject];
    double rate = stoa_bench_rate(c, stoa);
    char spread[32] = "";
    fprintf(out, "%-*s %5zu %7zu", NAME_WIDTH, c->name, c->batch, stoa->threads);
    for (size_t i = 0; i < c->entry_count; i++)
        if (stoa_bench_in_row(&c->entries[i], stoa->threads))
            print_cell(c, &c->entries[i], out);
    print_cell(c, stoa, out);
    if (stoa->count)
        snprintf(spread, sizeof spread, "(%.*f..%.*f)", stoa_bench_unit(c) > 1e3 ? 0 : 2,
                 stoa_bench_unit(c) * stoa_bench_quantile(stoa->count, stoa->samples, 0.1),
                 stoa_bench_unit(c) > 1e3 ? 0 : 2,
                 stoa_bench_unit(c) * stoa_bench_quantile(stoa->count, stoa->samples, 0.9));
    fprintf(out, " %-19s", spread);
    if (rate > 0)
        fprintf(out, " %8.*f", stoa_bench_trains(c) ? 0 : 1, rate);
    else
        fprintf(out, " %8s", "-");
    if (rate > 0 && record->machine.peak_gflops > 0 && !stoa_bench_trains(c))
        fprintf(out, " %4.0f %%", 100 * rate / (record->machine.peak_gflops * (double)stoa->threads));
    else
        fprintf(out, " %6s", stoa_bench_trains(c) ? "" : "-");
    print_ratios(c, subject, out);
    if (stoa->how[0])
        fprintf(out, "  %s", stoa->how);
    fputc('\n', out);
}

static void print_resources(const struct bench_case *c, FILE *out)
{
    for (size_t i = 0; i < c->entry_count; i++) {
        const struct entry *entry = &c->entries[i];
        if (entry->setup > 0) {
            fprintf(out, "  %-17s %5s %7zu  %-12s ready in %.3f s, at most %.0f MB resident (%.0f MB before loading)",
                    "", "", entry->threads, entry->name, entry->setup, 1e-6 * entry->peak, 1e-6 * entry->base);
            fprintf(out, "%s%s\n", entry->how[0] && !entry->ours ? ", " : "", entry->ours ? "" : entry->how);
        }
    }
    for (size_t i = 0; i < c->entry_count; i++) {
        struct estimate ratio = stoa_bench_ratio(c, i);
        if (!c->entries[i].ours || strcmp(c->entries[i].name, "stoa") != 0 || ratio.value <= 0)
            continue;
        const struct entry *rival = &c->entries[c->entries[i].rival];
        fprintf(out, "  %zu threads are %.3f [%.3f..%.3f] times as fast as %zu, with the same bits", rival->threads,
                ratio.value, ratio.low, ratio.high, c->entries[i].threads);
        if (c->entries[i].target > 0)
            fprintf(out, ", %s %.2f", ratio.value >= c->entries[i].target ? "reaches" : "MISSES", c->entries[i].target);
        fputc('\n', out);
    }
}

void stoa_bench_print_row(const struct record *record, const struct bench_case *c, bool head, FILE *out)
{
    bool first = true;
    for (size_t i = 0; i < c->entry_count; i++) {
        if (strcmp(c->entries[i].name, "stoa") != 0)
            continue;
        if (head && first)
            print_columns(c, c->entries[i].threads, out);
        first = false;
        print_line(record, c, i, out);
    }
    print_resources(c, out);
    for (size_t i = 0; i < c->entry_count; i++)
        if (c->entries[i].state == ENTRY_WRONG)
            fprintf(out, "  WRONG, so not timed: %s: %s\n", c->entries[i].name, c->entries[i].message);
    fflush(out);
}

void stoa_bench_summary_text(const struct summary *s, size_t size, char *text)
{
    char what[BENCH_TEXT], batch[32] = "", targets[64] = "";
    if (strcmp(s->family, s->ours) == 0)
        snprintf(what, sizeof what, "%zu threads against %zu", s->our_threads, s->threads);
    else
        snprintf(what, sizeof what, "%s / %s, %zu thread%s", s->family, s->ours, s->threads,
                 s->threads == 1 ? "" : "s");
    if (s->batch)
        snprintf(batch, sizeof batch, ", batch %zu", s->batch);
    if (s->asked)
        snprintf(targets, sizeof targets, "; %zu of %zu targets reached", s->met, s->asked);
    snprintf(text, size, "%s, %s%s%s, %s: %.2f over %zu case%s, least %.2f (%s)%s", s->suite,
             s->group ? s->group : "all", batch, s->cold ? ", cold" : "", what, s->mean, s->count,
             s->count == 1 ? "" : "s", s->least, s->weakest, targets);
}

static void print_summary(void *user, const struct summary *summary)
{
    char text[512];
    stoa_bench_summary_text(summary, sizeof text, text);
    fprintf(user, "  %s\n", text);
}

/* Whether nobody of an absent peer's family was there in its stead, and no case before said the same. */
static bool worth_saying(const struct record *record, size_t at, const struct entry *absent)
{
    const struct bench_case *c = &record->cases[at];
    if (absent->ours || absent->state != ENTRY_ABSENT)
        return false;
    for (size_t j = 0; j < c->entry_count; j++)
        if (strcmp(c->entries[j].family, absent->family) == 0 && c->entries[j].count)
            return false;
    for (c = record->cases; c <= &record->cases[at]; c++)
        for (size_t j = 0; j < c->entry_count && &c->entries[j] != absent; j++)
            if (strcmp(c->entries[j].family, absent->family) == 0 &&
                strcmp(c->entries[j].message, absent->message) == 0)
                return false;
    return true;
}

void stoa_bench_print_summaries(const struct record *record, FILE *out)
{
    fputs("\ngeometric means of the ratios:\n", out);
    stoa_bench_summaries(record, print_summary, out);
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; j < record->cases[i].entry_count; j++) {
            const struct entry *entry = &record->cases[i].entries[j];
            if (worth_saying(record, i, entry))
                fprintf(out, "without %s: %s\n", entry->family, entry->message);
            if (entry->state == ENTRY_WRONG)
                fprintf(out, "WRONG: %s, %s, %zu threads: %s\n", record->cases[i].name, entry->name, entry->threads,
                        entry->message);
        }
}

void stoa_bench_print_table(const struct record *record, FILE *out)
{
    stoa_bench_print_head(record, out);
    for (size_t i = 0; i < record->case_count; i++)
        stoa_bench_print_row(record, &record->cases[i],
                             i == 0 || strcmp(record->cases[i].suite, record->cases[i - 1].suite) != 0, out);
    stoa_bench_print_summaries(record, out);
}
