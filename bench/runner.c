/* Turns of engines. One sleeps while another has its turn: before it is the next one's, the last one's spinning threads
 * have given up. */
#include "runner.h"

#include <stdlib.h>

#include "base/size.h"
#include "base/status.h"
#include "settle.h"

enum stoa_status stoa_bench_runner_run(struct runner *runner, size_t count, size_t evict, struct stoa_error *error,
                                       double *seconds)
{
    char answer[ENGINE_LINE], *rest = answer;
    STOA_TRY(stoa_bench_engine_ask(&runner->engine, error, answer, "run %zu %zu", count, evict));
    for (size_t i = 0; i < count; i++) {
        seconds[i] = 1e-9 * strtod(rest, &rest);
        if (!(seconds[i] > 0))
            return stoa_fail(error, STOA_ERROR_IO, "its times are not understood: %.64s", answer);
    }
    return STOA_OK;
}

static enum stoa_status turn(void *context, const struct turn *turn, struct stoa_error *error, double *seconds)
{
    struct runner *runner = context;
    double times[BENCH_MAX_RUNS];
    /* The first run of a warm turn finds what the others left in the caches, and is left out. */
    size_t runs = turn->cold ? 1 : stoa_size_min(turn->runs + 1, BENCH_MAX_RUNS);
    size_t left_out = turn->cold ? 0 : 1;
    STOA_TRY(stoa_bench_runner_run(runner, runs, turn->cold ? stoa_bench_evict_bytes() : 0, error, times));
    *seconds = stoa_bench_quantile(runs - left_out, times + left_out, 0.5);
    stoa_bench_settle(runner->engine.process);
    return STOA_OK;
}

void stoa_bench_take_load(const char *answer, struct entry *entry)
{
    char *rest;
    double setup = strtod(answer, &rest);
    entry->setup = entry->setup > 0 && entry->setup < setup ? entry->setup : setup;
    entry->base = strtod(rest, NULL);
}

enum stoa_status stoa_bench_runners_contend(const struct bench_options *options, double turn_seconds,
                                            struct runner *const *runners, size_t count, struct stoa_error *error,
                                            struct bench_case *c)
{
    struct contender *contenders = calloc(count ? count : 1, sizeof *contenders);
    size_t right = 0;
    if (!contenders)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for %zu contenders", count);
    for (size_t i = 0; i < count; i++)
        if (c->entries[runners[i]->entry].state == ENTRY_TIMED)
            contenders[right++] = (struct contender){.entry = runners[i]->entry, .context = runners[i], .turn = turn};
    enum stoa_status status = stoa_bench_contest(options, turn_seconds, contenders, right, error, c);
    free(contenders);
    return status;
}

void stoa_bench_set_rivals(struct bench_case *c, double target, double threads_target)
{
    for (size_t i = 0; i < c->entry_count; i++)
        for (size_t j = 0; j < c->entry_count; j++) {
            struct entry *entry = &c->entries[i];
            const struct entry *stoa = &c->entries[j];
            if (!stoa->ours || i == j)
                continue;
            if (!entry->ours && entry->threads == stoa->threads) {
                entry->rival = j;
                entry->target = target;
            } else if (entry->ours && entry->threads == 1 && stoa->threads > 1 && entry->rival == BENCH_NONE) {
                entry->rival = j;
                entry->target = stoa->threads == 2 ? threads_target : 0;
            }
        }
}
