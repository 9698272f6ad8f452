/* Waiting until a contender is idle. */
#ifndef STOA_BENCH_SETTLE_H
#define STOA_BENCH_SETTLE_H

#include <sys/types.h>

/* Thread pools keep their workers spinning for a while after the last work, which would take cores from whoever has the
 * next turn. Waits until the process (0: this one) uses next to no CPU time; at most a third of a second. */
void stoa_bench_settle(pid_t process);

#endif
