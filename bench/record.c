/* The record's memory, and what is derived from it. It grows while it is measured, so it lives in realloc's memory. */
#include "record.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"

void stoa_bench_set(size_t size, char *to, const char *text)
{
    snprintf(to, size, "%s", text);
}

const char *stoa_bench_state_name(enum entry_state state)
{
    static const char *const names[ENTRY_STATES] = {
        [ENTRY_TIMED] = "timed", [ENTRY_WRONG] = "wrong", [ENTRY_ABSENT] = "absent"};
    return names[state];
}

/* Makes room for one more element: doubles at each power of two. */
static enum stoa_status grow(size_t count, size_t size, struct stoa_error *error, void **block)
{
    if (count & (count - 1))
        return STOA_OK;
    void *larger = realloc(*block, (count ? 2 * count : 1) * size);
    if (!larger)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for the record");
    *block = larger;
    return STOA_OK;
}

enum stoa_status stoa_bench_add_case(struct record *record, const char *suite, const char *name,
                                     struct stoa_error *error, struct bench_case **added)
{
    void *cases = record->cases;
    STOA_TRY(grow(record->case_count, sizeof *record->cases, error, &cases));
    record->cases = cases;
    struct bench_case *c = &record->cases[record->case_count++];
    *c = (struct bench_case){.batch = 1};
    stoa_bench_set(sizeof c->suite, c->suite, suite);
    stoa_bench_set(sizeof c->name, c->name, name);
    *added = c;
    return STOA_OK;
}

enum stoa_status stoa_bench_add_entry(struct bench_case *c, const char *name, const char *family,
                                      struct stoa_error *error, struct entry **added)
{
    void *entries = c->entries;
    STOA_TRY(grow(c->entry_count, sizeof *c->entries, error, &entries));
    c->entries = entries;
    struct entry *entry = &c->entries[c->entry_count++];
    *entry = (struct entry){.threads = 1, .rival = BENCH_NONE};
    stoa_bench_set(sizeof entry->name, entry->name, name);
    stoa_bench_set(sizeof entry->family, entry->family, family);
    *added = entry;
    return STOA_OK;
}

enum stoa_status stoa_bench_add_sample(struct entry *entry, double seconds, struct stoa_error *error)
{
    void *samples = entry->samples;
    STOA_TRY(grow(entry->count, sizeof *entry->samples, error, &samples));
    entry->samples = samples;
    entry->samples[entry->count++] = seconds;
    return STOA_OK;
}

void stoa_bench_record_free(struct record *record)
{
    for (size_t i = 0; i < record->case_count; i++) {
        for (size_t j = 0; j < record->cases[i].entry_count; j++)
            free(record->cases[i].entries[j].samples);
        free(record->cases[i].entries);
    }
    free(record->cases);
    record->cases = NULL;
    record->case_count = 0;
}

/* Whether the entry can be compared with its rival. */
static bool paired(const struct bench_case *c, size_t index)
{
    const struct entry *entry = &c->entries[index];
    return entry->rival < c->entry_count && entry->count && c->entries[entry->rival].count;
}

struct estimate stoa_bench_ratio(const struct bench_case *c, size_t index)
{
    if (!paired(c, index))
        return (struct estimate){0};
    const struct entry *entry = &c->entries[index], *rival = &c->entries[entry->rival];
    return stoa_bench_paired_ratio(rival->count, rival->samples, entry->count, entry->samples);
}

bool stoa_bench_record_wrong(const struct record *record)
{
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; j < record->cases[i].entry_count; j++)
            if (record->cases[i].entries[j].state == ENTRY_WRONG)
                return true;
    return false;
}

/* Whether some case was measured with several batches, so that those are summed up apart. */
static bool sweeps_batch(const struct record *record)
{
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; j < i; j++) {
            const struct bench_case *a = &record->cases[i], *b = &record->cases[j];
            if (strcmp(a->suite, b->suite) == 0 && strcmp(a->name, b->name) == 0 && a->batch != b->batch)
                return true;
        }
    return false;
}

/* What is summed up together: everything whose ratios pair like that of one entry. Its numbers are still to come. */
static struct summary describe(const struct bench_case *c, const struct entry *entry, bool by_batch, bool by_group)
{
    const struct entry *rival = &c->entries[entry->rival];
    return (struct summary){.suite = c->suite,
                            .group = by_group ? c->group : NULL,
                            .ours = rival->name,
                            .family = entry->family,
                            .our_threads = rival->threads,
                            .threads = entry->threads,
                            .batch = by_batch ? c->batch : 0,
                            .cold = c->cold,
                            .peer = !entry->ours};
}

static bool fits(const struct summary *summary, const struct bench_case *c, size_t index)
{
    if (!paired(c, index) || strcmp(c->suite, summary->suite) != 0 || c->cold != summary->cold ||
        (summary->batch && c->batch != summary->batch) || (summary->group && strcmp(c->group, summary->group) != 0))
        return false;
    const struct entry *entry = &c->entries[index], *rival = &c->entries[entry->rival];
    return strcmp(entry->family, summary->family) == 0 && entry->threads == summary->threads &&
           strcmp(rival->name, summary->ours) == 0 && rival->threads == summary->our_threads;
}

size_t stoa_bench_summary_entry(const struct summary *summary, const struct bench_case *c)
{
    size_t best = BENCH_NONE;
    double least = 0;
    for (size_t j = 0; j < c->entry_count; j++) {
        double ratio = fits(summary, c, j) ? stoa_bench_ratio(c, j).value : 0;
        if (ratio > 0 && (least == 0 || ratio < least)) {
            least = ratio;
            best = j;
        }
    }
    return best;
}

/* Whether an entry before that one fits. */
static bool seen_before(const struct record *record, const struct summary *summary, const struct entry *entry)
{
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; j < record->cases[i].entry_count; j++) {
            if (&record->cases[i].entries[j] == entry)
                return false;
            if (fits(summary, &record->cases[i], j))
                return true;
        }
    return false;
}

static void summarise(const struct record *record, struct summary *summary)
{
    double sum = 0;
    for (size_t i = 0; i < record->case_count; i++) {
        const struct bench_case *c = &record->cases[i];
        size_t best = stoa_bench_summary_entry(summary, c);
        if (best == BENCH_NONE)
            continue;
        double ratio = stoa_bench_ratio(c, best).value, target = c->entries[best].target;
        sum += log(ratio);
        if (summary->count++ == 0 || ratio < summary->least) {
            summary->least = ratio;
            summary->weakest = c->name;
        }
        summary->asked += target > 0;
        summary->met += target > 0 && ratio >= target;
    }
    summary->mean = exp(sum / (double)summary->count);
}

/* Whether the cases that fit, but for the group, are of more than one. */
static bool has_groups(const struct record *record, struct summary summary)
{
    const char *group = summary.group;
    summary.group = NULL;
    for (size_t i = 0; i < record->case_count; i++)
        if (strcmp(record->cases[i].group, group) != 0 &&
            stoa_bench_summary_entry(&summary, &record->cases[i]) != BENCH_NONE)
            return true;
    return false;
}

void stoa_bench_summaries(const struct record *record, void (*each)(void *user, const struct summary *summary),
                          void *user)
{
    bool by_batch = sweeps_batch(record);
    for (size_t i = 0; i < record->case_count; i++)
        for (size_t j = 0; j < record->cases[i].entry_count; j++) {
            const struct bench_case *c = &record->cases[i];
            if (!paired(c, j))
                continue;
            for (int grouped = 0; grouped < 2; grouped++) {
                struct summary summary = describe(c, &c->entries[j], by_batch, grouped);
                if (seen_before(record, &summary, &c->entries[j]) ||
                    (grouped && (c->entries[j].ours || !has_groups(record, summary))))
                    continue;
                summarise(record, &summary);
                each(user, &summary);
            }
        }
}
