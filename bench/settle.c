/* The CPU time of a process, watched over short sleeps. */
#include "settle.h"

#include <time.h>

#define STEP 2e-3
#define IDLE_SHARE 0.1
#define MOST_STEPS 100

static double seconds(clockid_t clock)
{
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

void stoa_bench_settle(pid_t process)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    if (process && clock_getcpuclockid(process, &clock) != 0)
        return;
    const struct timespec step = {.tv_nsec = (long)(1e9 * STEP)};
    for (int i = 0; i < MOST_STEPS; i++) {
        double begin = seconds(clock);
        nanosleep(&step, NULL);
        if (seconds(clock) - begin < IDLE_SHARE * STEP)
            break;
    }
}
