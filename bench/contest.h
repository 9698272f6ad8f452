/* The contest: contenders of one case take turns, so that whatever else the machine does falls on all of them. */
#ifndef STOA_BENCH_CONTEST_H
#define STOA_BENCH_CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "options.h"
#include "record.h"

/* A turn: `runs` runs in a row, after one that is not timed. Cold: one run, timed, after the caches were emptied. */
struct turn {
    size_t runs;
    bool cold;
};

struct contender {
    size_t entry; /* in the case */
    bool once;    /* timed in the first round alone: a slow baseline that no verdict hangs on */
    void *context;
    /* *seconds = the time of a run in this turn, the median of them. When it returns, the contender is idle. */
    enum stoa_status (*turn)(void *context, const struct turn *turn, struct stoa_error *error, double *seconds);
};

/* Lets contenders of `c`, each of them right, take turns until the rounds or the seconds of the options are used up;
 * every second round goes backwards, so that nobody always follows the same one. Turns are made at least
 * `turn_seconds` long by repeating runs, since short times are measured badly. Shows progress on a terminal. */
STOA_CHECKED enum stoa_status stoa_bench_contest(const struct bench_options *options, double turn_seconds,
                                                 const struct contender *contenders, size_t count,
                                                 struct stoa_error *error, struct bench_case *c);

/* Empties the caches of everything else: walks through a buffer larger than the last level. */
STOA_CHECKED enum stoa_status stoa_bench_evict(struct stoa_error *error);
/* The size of that buffer. */
size_t stoa_bench_evict_bytes(void);

/* Time and calls of a turn of something that runs in this process. */
STOA_CHECKED enum stoa_status stoa_bench_time_turn(const struct turn *turn, void (*run)(void *context), void *context,
                                                   struct stoa_error *error, double *seconds);

/* A line on stderr that overwrites itself, when stderr is a terminal: what is being done, and how much of it is done.
 * share < 0 wipes it. */
void stoa_bench_progress(const char *what, double share);

#endif
