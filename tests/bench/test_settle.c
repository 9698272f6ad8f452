/* Waiting until another process is idle. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/settle.h"

#define SPIN_SECONDS 0.15
#define MOST_TRIES 50

/* Without a system call, which would have the time until then charged. */
static void spin(void)
{
    const double begin = stoa_seconds();
    while (stoa_seconds() - begin < SPIN_SECONDS)
        ;
}

/* Returns whether the process had stopped by then. */
static bool waits_for_a_spinning_process(volatile bool *stopped)
{
    *stopped = false;
    pid_t process = fork();
    cr_assert(process >= 0);
    if (process == 0) {
        spin();
        *stopped = true;
        for (;;)
            pause();
    }
    stoa_bench_settle(process);
    bool waited = *stopped;
    kill(process, SIGKILL);
    waitpid(process, NULL, 0);
    return waited;
}

/* On a busy machine the process may get no time for so long that it is idle; on the same CPU as the one that watches it
 * is charged at once. Without any wait it would never have stopped. */
Test(settle, a_process_that_spins_is_not_idle)
{
    volatile bool *stopped = mmap(NULL, sizeof *stopped, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    cr_assert(stopped != MAP_FAILED);
    bool waited = false;
    for (size_t i = 0; i < MOST_TRIES && !waited; i++)
        waited = waits_for_a_spinning_process(stopped);
    cr_expect(waited, "it was taken for idle %d times", MOST_TRIES);
    munmap((void *)stopped, sizeof *stopped);
}
