/* A row for each pair. */
#include "compare.h"

#include <math.h>
#include <string.h>

static const struct entry *find(const struct record *record, const struct bench_case *c, const struct entry *entry)
{
    for (size_t i = 0; i < record->case_count; i++) {
        const struct bench_case *other = &record->cases[i];
        if (strcmp(other->suite, c->suite) != 0 || strcmp(other->name, c->name) != 0 || other->batch != c->batch ||
            other->cold != c->cold)
            continue;
        for (size_t j = 0; j < other->entry_count; j++)
            if (strcmp(other->entries[j].name, entry->name) == 0 && other->entries[j].threads == entry->threads &&
                other->entries[j].count)
                return &other->entries[j];
    }
    return NULL;
}

const char *stoa_bench_change_name(enum change_kind kind)
{
    static const char *const names[] = {[CHANGE_FASTER] = "faster",
                                        [CHANGE_SLOWER] = "SLOWER",
                                        [CHANGE_WITHIN] = "within tolerance",
                                        [CHANGE_INCONCLUSIVE] = "inconclusive"};
    return names[kind];
}

static enum change_kind judge(const struct estimate *ratio, double tolerance, struct change_counts *counts)
{
    enum verdict verdict = stoa_bench_verdict(ratio);
    if (verdict == VERDICT_SLOWER && ratio->value * (1 + tolerance) < 1) {
        counts->slower++;
        return CHANGE_SLOWER;
    }
    if (verdict == VERDICT_FASTER && ratio->value > 1 + tolerance) {
        counts->faster++;
        return CHANGE_FASTER;
    }
    counts->inconclusive++;
    return verdict == VERDICT_INCONCLUSIVE ? CHANGE_INCONCLUSIVE : CHANGE_WITHIN;
}

static size_t count_missing(const struct record *from, const struct record *in)
{
    size_t missing = 0;
    for (size_t i = 0; i < from->case_count; i++)
        for (size_t j = 0; j < from->cases[i].entry_count; j++) {
            const struct entry *entry = &from->cases[i].entries[j];
            missing += entry->ours && entry->count && !find(in, &from->cases[i], entry);
        }
    return missing;
}

void stoa_bench_changes(const struct record *old, const struct record *new, double tolerance,
                        void (*each)(void *user, const struct change *change), void *user, struct change_counts *counts,
                        struct drift *drift)
{
    double sum = 0;
    *counts = (struct change_counts){0};
    *drift = (struct drift){.ratio = 1};
    for (size_t i = 0; i < new->case_count; i++)
        for (size_t j = 0; j < new->cases[i].entry_count; j++) {
            const struct entry *after = &new->cases[i].entries[j];
            const struct entry *before = after->count ? find(old, &new->cases[i], after) : NULL;
            if (!before)
                continue;
            struct change change = {.c = &new->cases[i], .before = before, .after = after};
            if (after->ours) {
                change.ratio = stoa_bench_unpaired_ratio(before->count, before->samples, after->count, after->samples);
                change.kind = judge(&change.ratio, tolerance, counts);
                each(user, &change);
                continue;
            }
            sum += log(stoa_bench_quantile(before->count, before->samples, 0.5) /
                       stoa_bench_quantile(after->count, after->samples, 0.5));
            drift->peers++;
        }
    if (drift->peers)
        drift->ratio = exp(sum / (double)drift->peers);
    counts->only_old = count_missing(old, new);
    counts->only_new = count_missing(new, old);
}

bool stoa_bench_same_machine(const struct machine *a, const struct machine *b)
{
    return strcmp(a->cpu, b->cpu) == 0 && strcmp(a->core, b->core) == 0;
}

static void print_change(void *user, const struct change *change)
{
    const struct bench_case *c = change->c;
    const struct entry *before = change->before, *after = change->after;
    fprintf(user, "%-7s %-20s %5zu %4s %-14s %7zu %11.1f %11.1f  %.3f [%.3f..%.3f]  %s\n", c->suite, c->name, c->batch,
            c->cold ? "cold" : "warm", after->name, after->threads,
            1e6 * stoa_bench_quantile(before->count, before->samples, 0.5),
            1e6 * stoa_bench_quantile(after->count, after->samples, 0.5), change->ratio.value, change->ratio.low,
            change->ratio.high, stoa_bench_change_name(change->kind));
}

void stoa_bench_compare(const struct record *old, const struct record *new, double tolerance, FILE *out,
                        struct change_counts *counts)
{
    struct drift drift;
    fprintf(out, "%-7s %-20s %5s %4s %-14s %7s %11s %11s  %s\n", "suite", "case", "batch", "", "contender", "threads",
            "before, us", "after, us", "before / after [interval]");
    stoa_bench_changes(old, new, tolerance, print_change, out, counts, &drift);
    if (!stoa_bench_same_machine(&old->machine, &new->machine))
        fprintf(out, "not the same machine: %s on %s, then %s on %s\n", old->machine.cpu, old->machine.core,
                new->machine.cpu, new->machine.core);
    if (drift.peers)
        fprintf(out, "the machine: peers, which did not change, before / after %.3f over %zu\n", drift.ratio,
                drift.peers);
    fprintf(out, "%zu faster, %zu slower, %zu undecided or within %.0f %%; only before %zu, only after %zu\n",
            counts->faster, counts->slower, counts->inconclusive, 100 * tolerance, counts->only_old, counts->only_new);
}
