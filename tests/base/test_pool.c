/* The thread pool: each task once, no worker twice at a time, whoever the threads belong to and however busy they are.
 */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "support/host_pool.h"

struct tally {
    atomic_size_t sum;
    atomic_int busy[8];
    atomic_int overlaps;
};

static void add_task(void *context, size_t task, size_t worker)
{
    struct tally *tally = context;
    if (atomic_fetch_add(&tally->busy[worker], 1) != 0)
        atomic_fetch_add(&tally->overlaps, 1);
    atomic_fetch_add(&tally->sum, task);
    atomic_fetch_sub(&tally->busy[worker], 1);
}

static void check_loops(struct pool *pool, const char *name)
{
    for (size_t count = 0; count < 2000; count = count * 2 + 1) {
        struct tally tally = {0};
        stoa_pool_run(pool, count, add_task, &tally);
        cr_expect(tally.sum == (count ? count * (count - 1) / 2 : 0), "%s: %zu tasks", name, count);
        cr_expect(tally.overlaps == 0, "%s: %zu tasks: a worker is in two at once", name, count);
    }
}

static struct pool *create(size_t threads)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct pool *pool;
    struct stoa_error error;
    cr_assert(stoa_pool_create(&allocator, threads, &error, &pool) == STOA_OK, "%s", error.message);
    return pool;
}

Test(pool, each_task_once_and_no_worker_twice_at_a_time)
{
    for (size_t threads = 1; threads <= 8; threads++) {
        struct pool *pool = create(threads);
        cr_expect(stoa_pool_workers(pool) == threads);
        check_loops(pool, "own threads");
        stoa_pool_free(pool);
    }
    check_loops(NULL, "no pool");
    cr_expect(stoa_pool_workers(NULL) == 1);
    stoa_pool_free(NULL);
}

Test(pool, too_many_threads_are_refused)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct pool *pool;
    struct stoa_error error;
    cr_expect(stoa_pool_create(&allocator, 1 << 20, &error, &pool) == STOA_ERROR_LIMIT && !pool);
}

Test(pool, the_hosts_threads)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    const struct {
        const char *name;
        struct stoa_pool given;
    } rows[] = {
        {"serial", host_pool_serial(3)},
        {"one", host_pool_serial(1)},
        {"threads", host_pool_threads(4)},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pool *pool;
        cr_assert(stoa_pool_adopt(&allocator, &rows[i].given, NULL, &pool) == STOA_OK);
        cr_expect(stoa_pool_workers(pool) == rows[i].given.workers, "%s", rows[i].name);
        check_loops(pool, rows[i].name);
        stoa_pool_free(pool);
    }
}

Test(pool, pools_that_are_none_are_refused)
{
    const struct {
        struct stoa_pool given;
        enum stoa_status status;
        const char *words;
    } rows[] = {
        {{.workers = 2}, STOA_ERROR_ARGUMENT, "pool.parallel_for is null"},
        {{.parallel_for = host_pool_serial(1).parallel_for}, STOA_ERROR_ARGUMENT, "pool.workers is 0"},
        {{.parallel_for = host_pool_serial(1).parallel_for, .workers = 1 << 20},
         STOA_ERROR_LIMIT,
         "pool.workers is 1048576"},
    };
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pool *pool;
        struct stoa_error error = {0};
        cr_expect(stoa_pool_adopt(&allocator, &rows[i].given, &error, &pool) == rows[i].status && !pool);
        cr_expect(strstr(error.message, rows[i].words), "row %zu: %s", i, error.message);
    }
}

/* Loops far apart and close together, so that workers are met asleep, on their way to sleep and spinning. */
Test(pool, workers_are_found_in_any_state)
{
    struct pool *pool = create(3);
    for (size_t i = 0; i < 300; i++) {
        struct tally tally = {0};
        stoa_pool_run(pool, 7, add_task, &tally);
        cr_expect(tally.sum == 21 && tally.overlaps == 0, "loop %zu: %zu", i, tally.sum);
        nanosleep(&(struct timespec){.tv_nsec = (long)(i % 20) * 10000}, NULL);
    }
    stoa_pool_free(pool);
    for (size_t i = 0; i < 50; i++) /* freed before the threads have even begun */
        stoa_pool_free(create(4));
}

static void slow_task(void *context, size_t task, size_t worker)
{
    (void)task;
    atomic_int *by_caller = context;
    if (worker == 0)
        atomic_fetch_add(by_caller, 1);
    for (double end = stoa_seconds() + 1e-4; stoa_seconds() < end;)
        ;
}

/* Many more threads than processors stand for a busy machine: most of them do not get to run during a loop. Nobody
 * waits for those, so a hundred loops take about what their tasks take. */
Test(pool, nobody_waits_for_threads_that_have_not_begun)
{
    struct pool *pool = create(64);
    atomic_int by_caller = 0;
    double begin = stoa_seconds();
    for (size_t i = 0; i < 100; i++)
        stoa_pool_run(pool, 4, slow_task, &by_caller);
    double seconds = stoa_seconds() - begin;
    cr_expect(seconds < 5, "%.3f s", seconds);
    stoa_pool_free(pool);
}

static void *loop_often(void *argument)
{
    struct pool *pool = argument;
    for (size_t i = 0; i < 200; i++) {
        struct tally tally = {0};
        stoa_pool_run(pool, 20, add_task, &tally);
        cr_expect(tally.sum == 190 && tally.overlaps == 0, "loop %zu: %zu", i, tally.sum);
    }
    return NULL;
}

Test(pool, loops_of_several_callers)
{
    struct pool *pool = create(3);
    pthread_t callers[3];
    for (size_t i = 0; i < 3; i++)
        cr_assert(pthread_create(&callers[i], NULL, loop_often, pool) == 0);
    for (size_t i = 0; i < 3; i++)
        pthread_join(callers[i], NULL);
    stoa_pool_free(pool);
}

/* Whether a child that uses the pool and frees it lives to tell. */
static bool child_works(struct pool *pool)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(10);
        struct tally tally = {0};
        for (size_t i = 0; i < 10; i++)
            stoa_pool_run(pool, 7, add_task, &tally);
        stoa_pool_free(pool);
        _exit(tally.sum == 210 ? 0 : 1);
    }
    int status;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* A child has the pool but not its threads, which may have been on their way to sleep: it does the work itself. */
Test(pool, a_fork_works_on_alone)
{
    struct pool *pool = create(4);
    for (size_t i = 0; i < 200; i++) {
        struct tally tally = {0};
        stoa_pool_run(pool, i % 30, add_task, &tally);
        cr_assert(child_works(pool), "fork %zu", i);
    }
    check_loops(pool, "parent again");
    stoa_pool_free(pool);
}

struct looping {
    struct pool *pool;
    atomic_bool ends;
};

static void *loop_on(void *argument)
{
    struct looping *looping = argument;
    while (!looping->ends) {
        struct tally tally = {0};
        stoa_pool_run(looping->pool, 20, add_task, &tally);
    }
    return NULL;
}

Test(pool, a_fork_in_the_middle_of_another_threads_loop)
{
    struct looping looping = {.pool = create(3)};
    pthread_t other;
    cr_assert(pthread_create(&other, NULL, loop_on, &looping) == 0);
    for (size_t i = 0; i < 20; i++)
        cr_assert(child_works(looping.pool), "fork %zu", i);
    looping.ends = true;
    pthread_join(other, NULL);
    stoa_pool_free(looping.pool);
}

static void sleep_task(void *context, size_t task, size_t worker)
{
    (void)context;
    (void)task;
    (void)worker;
    nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
}

Test(pool, a_watched_pool_tells_what_each_worker_did)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t threads = 1; threads <= 3; threads++) {
        struct pool *pool;
        struct pool_span spans[3] = {{0}};
        cr_assert(stoa_pool_create(&allocator, threads, NULL, &pool) == STOA_OK);
        stoa_pool_watch(pool, spans);
        double begin = stoa_seconds();
        stoa_pool_run(pool, 8, sleep_task, NULL);
        stoa_pool_run(pool, 8, sleep_task, NULL);
        double end = stoa_seconds(), busy = 0;
        for (size_t i = 0; i < threads; i++) {
            if (spans[i].end == 0) /* it was not there in time */
                continue;
            cr_expect(spans[i].begin >= begin && spans[i].end <= end && spans[i].begin <= spans[i].end,
                      "worker %zu of %zu", i, threads);
            cr_expect(spans[i].busy <= spans[i].end - spans[i].begin, "worker %zu of %zu", i, threads);
            busy += spans[i].busy;
        }
        cr_expect(busy >= 16 * 200e-6, "%g seconds", busy);
        stoa_pool_watch(pool, NULL);
        struct pool_span before = spans[0];
        stoa_pool_run(pool, 8, sleep_task, NULL);
        cr_expect(spans[0].end == before.end, "nobody watches");
        stoa_pool_free(pool);
    }
}

/* What the host's threads block stays pending: the pool's do not take it, and would end the process. */
Test(pool, its_threads_take_no_signals)
{
    sigset_t before, after, blocked, pending;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    struct pool *pool = create(3);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number <= SIGRTMAX; number++)
        cr_expect(sigismember(&before, number) == sigismember(&after, number), "signal %d", number);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    kill(getpid(), SIGUSR1);
    sigpending(&pending);
    cr_expect(sigismember(&pending, SIGUSR1) == 1);
    check_loops(pool, "a signal is pending");
    stoa_pool_free(pool);
}
