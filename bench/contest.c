/* Turns, rounds and the emptying of caches. */
#include "contest.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"

#define LINE 64
#define MAX_RUNS 100000
#define PARTS 9 /* of a turn */

void stoa_bench_progress(const char *what, double share)
{
    enum { WIDTH = 20 };
    if (!isatty(STDERR_FILENO))
        return;
    if (share < 0) {
        fputs("\r\033[K", stderr);
        return;
    }
    int done = (int)(share * WIDTH);
    fprintf(stderr, "\r\033[K%-24s [", what);
    for (int i = 0; i < WIDTH; i++)
        fputc(i < done ? '#' : '.', stderr);
    fprintf(stderr, "] %3.0f %%", 100 * share);
}

size_t stoa_bench_evict_bytes(void)
{
    /* A quarter more than the last level, which need not replace what is oldest; where the system does not tell, more
     * than most have. */
    long level3 = sysconf(_SC_LEVEL3_CACHE_SIZE);
    return level3 > 0 ? (size_t)level3 + (size_t)level3 / 4 : (size_t)128 << 20;
}

enum stoa_status stoa_bench_evict(struct stoa_error *error)
{
    static unsigned char *buffer;
    size_t size = stoa_bench_evict_bytes();
    if (!buffer && !(buffer = calloc(size, 1)))
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory: %zu bytes to empty the caches with", size);
    for (size_t i = 0; i < size; i += LINE)
        ++*(volatile unsigned char *)&buffer[i];
    return STOA_OK;
}

enum stoa_status stoa_bench_time_turn(const struct turn *turn, void (*run)(void *context), void *context,
                                      struct stoa_error *error, double *seconds)
{
    if (turn->cold)
        STOA_TRY(stoa_bench_evict(error));
    else
        run(context);
    /* Short runs are timed several at once, long ones each; the median leaves out what disturbed one of them. */
    double samples[PARTS];
    size_t parts = turn->runs < PARTS ? turn->runs : PARTS, done = 0;
    for (size_t part = 0; part < parts; part++) {
        size_t runs = turn->runs * (part + 1) / parts - done;
        double begin = stoa_seconds();
        for (size_t i = 0; i < runs; i++)
            run(context);
        samples[part] = (stoa_seconds() - begin) / (double)runs;
        done += runs;
    }
    *seconds = stoa_bench_quantile(parts, samples, 0.5);
    return STOA_OK;
}

/* How many runs make a turn long enough. */
static enum stoa_status count_runs(const struct contender *contender, bool cold, double turn_seconds,
                                   struct stoa_error *error, size_t *runs)
{
    double seconds;
    struct turn turn = {.runs = 1, .cold = false};
    *runs = 1;
    if (cold || contender->once)
        return STOA_OK;
    STOA_TRY(contender->turn(contender->context, &turn, error, &seconds));
    double wanted = seconds > 0 ? turn_seconds / seconds + 1 : MAX_RUNS;
    *runs = wanted < MAX_RUNS ? (size_t)wanted : MAX_RUNS;
    return STOA_OK;
}

enum stoa_status stoa_bench_contest(const struct bench_options *options, double turn_seconds,
                                    const struct contender *contenders, size_t count, struct stoa_error *error,
                                    struct bench_case *c)
{
    size_t *runs = calloc(count ? count : 1, sizeof *runs);
    if (!runs)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory for %zu contenders", count);
    enum stoa_status status = STOA_OK;
    double begin = stoa_seconds();
    for (size_t i = 0; status == STOA_OK && i < count; i++)
        status = count_runs(&contenders[i], c->cold, turn_seconds, error, &runs[i]);
    for (size_t round = 0; status == STOA_OK && round < options->rounds; round++) {
        if (round >= BENCH_LEAST_ROUNDS && stoa_seconds() - begin > options->seconds)
            break;
        stoa_bench_progress(c->name, (double)round / (double)options->rounds);
        for (size_t i = 0; status == STOA_OK && i < count; i++) {
            size_t at = round % 2 ? count - 1 - i : i;
            const struct contender *contender = &contenders[at];
            struct turn turn = {.runs = runs[at], .cold = c->cold};
            double seconds;
            if (contender->once && round > 0)
                continue;
            status = contender->turn(contender->context, &turn, error, &seconds);
            if (status == STOA_OK)
                status = stoa_bench_add_sample(&c->entries[contender->entry], seconds, error);
        }
    }
    free(runs);
    stoa_bench_progress("", -1);
    return status;
}
