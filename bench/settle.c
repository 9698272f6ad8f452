/* The CPU time of a process, watched over short sleeps. */
#include "settle.h"

#include <time.h>

#define IDLE_SHARE 0.1
#define MOST_SECONDS 0.3
/* A thread that runs without a pause is charged only when the system's clock ticks: a shorter sleep may see nothing. */
#define TICKS 3
#define LEAST_STEP 2e-3
#define MOST_STEP 50e-3

static double to_seconds(struct timespec time)
{
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static double seconds(clockid_t clock)
{
    struct timespec time = {0};
    clock_gettime(clock, &time);
    return to_seconds(time);
}

static double step_seconds(void)
{
    struct timespec tick = {0};
    clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    double step = TICKS * to_seconds(tick);
    return step < LEAST_STEP ? LEAST_STEP : step > MOST_STEP ? MOST_STEP : step;
}

void stoa_bench_settle(pid_t process)
{
    clockid_t clock = CLOCK_PROCESS_CPUTIME_ID;
    if (process && clock_getcpuclockid(process, &clock) != 0)
        return;
    const double step = step_seconds(), most = seconds(CLOCK_MONOTONIC) + MOST_SECONDS;
    const struct timespec sleep = {.tv_nsec = (long)(1e9 * step)};
    while (seconds(CLOCK_MONOTONIC) < most) {
        double begin = seconds(clock);
        nanosleep(&sleep, NULL);
        if (seconds(clock) - begin < IDLE_SHARE * step)
            break;
    }
}
