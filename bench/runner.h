/* Engines as contenders: a process that takes its turns in a contest (contest.h). */
#ifndef STOA_BENCH_RUNNER_H
#define STOA_BENCH_RUNNER_H

#include "contest.h"
#include "engine.h"
#include "record.h"

#define BENCH_MAX_RUNS 100 /* of a turn */

struct runner {
    struct engine engine;
    size_t entry; /* in the case */
};

/* Asks for `count` runs, at most BENCH_MAX_RUNS, each after the caches were emptied by walking through `evict` bytes:
 * the seconds that each took. */
STOA_CHECKED enum stoa_status stoa_bench_runner_run(struct runner *runner, size_t count, size_t evict,
                                                    struct stoa_error *error, double *seconds);
/* "load ..." was asked: its answer goes to the entry, which keeps the least time of several processes. */
void stoa_bench_take_load(const char *answer, struct entry *entry);

/* Lets the runners whose entries are right contend. */
STOA_CHECKED enum stoa_status stoa_bench_runners_contend(const struct bench_options *options, double turn_seconds,
                                                         struct runner *const *runners, size_t count,
                                                         struct stoa_error *error, struct bench_case *c);

/* What is compared with what: peers with Stoa on as many threads, of which `target` is asked; Stoa's one thread with
 * more, `threads_target` being asked of two. 0: nothing is asked. */
void stoa_bench_set_rivals(struct bench_case *c, double target, double threads_target);

#endif
