/* The thread pool: the caller's own, or threads of ours.
 *
 * Ours are for loops of tens of microseconds on machines that have other work too. The caller works like everyone else
 * and closes the loop when no task is left; a worker that wakes after that finds it closed and goes back to sleep. So
 * nobody waits for a thread that the system has not let run yet, only for tasks that have begun: what a busy machine
 * costs is speed-up, never more. (pthreadpool waits for every worker in every loop: with other work on all CPUs,
 * planning and first runs took several times as long with it as with this.)
 *
 * Each worker has a share of neighbouring tasks, the same share in every loop of as many tasks, so that what it wrote
 * in one layer is in its own cache in the next; when its share is done it helps with the others', so uneven tasks
 * balance themselves.
 *
 * Workers spin for a little while before they sleep, as the next layer's loop mostly follows at once. */
#include "base/pool.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

#define MAX_THREADS 1024
/* Beyond so many workers, several begin with the same share. */
#define MAX_SHARES 64
/* How long to look for work, or for the last task's end, before sleeping: longer than what lies between two loops of a
 * network, and several times what it takes to wake a CPU that the system has put to sleep. */
#define SPIN_SECONDS 1e-3

/* A state in one word: workers in the loop, whether it is open, and a number that no two loops in a row share. */
#define STATE_WORKERS UINT64_C(0xffff)
#define STATE_OPEN (UINT64_C(1) << 16)
#define STATE_QUIT (UINT64_C(1) << 17)
#define STATE_LOOP (UINT64_C(1) << 32)

struct share {
    _Alignas(STOA_ALIGNMENT) atomic_size_t next; /* on a cache line of its own */
    size_t end;
};

struct loop {
    pool_task task;
    void *context;
    size_t share_count;
    struct share shares[MAX_SHARES];
};

struct worker {
    struct pool *pool;
    size_t index;
    pthread_t thread;
};

struct pool {
    struct stoa_allocator allocator;
    struct stoa_pool given; /* the caller's; else parallel_for is null */
    size_t workers;
    pid_t process; /* whose threads they are. A fork has none, and locks as whatever threads held them: uses neither */
    bool spin;
    struct worker *threads; /* workers 1, 2, … of ours; worker 0 is whoever runs the loop */
    size_t thread_count;
    struct pool_span *spans; /* null: nobody watches */
    pthread_mutex_t turn;    /* loops of several callers go one after the other */
    struct loop *loop;       /* valid while the state is open or workers are in it */
    _Alignas(STOA_ALIGNMENT) _Atomic uint64_t state;
    _Alignas(STOA_ALIGNMENT) atomic_size_t sleepers; /* workers that must be woken; then the caller, if it sleeps */
    atomic_bool caller_sleeps;
    pthread_mutex_t sleep;
    pthread_cond_t opened, emptied;
};

static size_t affinity_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (size_t)count : 1;
}

static void pause_a_little(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void work(struct loop *loop, size_t worker)
{
    for (size_t i = 0; i < loop->share_count; i++) {
        struct share *share = &loop->shares[(worker + i) % loop->share_count];
        size_t task;
        while ((task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end)
            loop->task(loop->context, task, worker);
    }
}

/* Whether there is something to do for a worker that was last in loop `seen`. */
static bool is_news(uint64_t state, uint64_t seen)
{
    return (state & STATE_QUIT) || ((state & STATE_OPEN) && state / STATE_LOOP != seen);
}

/* Whether the workers have left the loop. */
static bool is_empty(uint64_t state)
{
    return (state & STATE_WORKERS) == 0;
}

/* Looks at the state for a while; returns the last one seen. `seen` as for is_news; with `leaving` waits for is_empty.
 */
static uint64_t spin(struct pool *pool, uint64_t seen, bool leaving)
{
    uint64_t state = atomic_load(&pool->state);
    double begin = pool->spin ? stoa_seconds() : 0;
    while (pool->spin && !(leaving ? is_empty(state) : is_news(state, seen))) {
        for (size_t i = 0; i < 16; i++)
            pause_a_little();
        if (stoa_seconds() - begin > SPIN_SECONDS)
            break;
        state = atomic_load(&pool->state);
    }
    return state;
}

static uint64_t await_loop(struct pool *pool, uint64_t seen)
{
    uint64_t state = spin(pool, seen, false);
    if (is_news(state, seen))
        return state;
    pthread_mutex_lock(&pool->sleep);
    atomic_fetch_add(&pool->sleepers, 1);
    while (state = atomic_load(&pool->state), !is_news(state, seen))
        pthread_cond_wait(&pool->opened, &pool->sleep);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->sleep);
    return state;
}

static void await_empty(struct pool *pool)
{
    if (is_empty(spin(pool, 0, true)))
        return;
    pthread_mutex_lock(&pool->sleep);
    /* A swap: emulated on x86, a store of aarch64's passes the load behind it (QEMU 7.2), and nobody would wake us. */
    atomic_exchange(&pool->caller_sleeps, true);
    while (!is_empty(atomic_load(&pool->state)))
        pthread_cond_wait(&pool->emptied, &pool->sleep);
    atomic_store(&pool->caller_sleeps, false);
    pthread_mutex_unlock(&pool->sleep);
}

static void leave(struct pool *pool)
{
    atomic_fetch_sub(&pool->state, 1);
    if (!atomic_load(&pool->caller_sleeps))
        return;
    pthread_mutex_lock(&pool->sleep);
    pthread_cond_signal(&pool->emptied);
    pthread_mutex_unlock(&pool->sleep);
}

static void *worker_main(void *argument)
{
    struct worker *worker = argument;
    struct pool *pool = worker->pool;
    for (uint64_t seen = 0;;) {
        uint64_t state = await_loop(pool, seen);
        if (state & STATE_QUIT)
            return NULL;
        bool joined = false;
        while (!joined && (state & STATE_OPEN))
            joined = atomic_compare_exchange_weak(&pool->state, &state, state + 1);
        seen = state / STATE_LOOP;
        if (joined) {
            work(pool->loop, worker->index);
            leave(pool);
        }
    }
}

static void wake(struct pool *pool)
{
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->sleep);
    pthread_cond_broadcast(&pool->opened);
    pthread_mutex_unlock(&pool->sleep);
}

/* Signals are the host's business: they go to the host's threads. */
static enum stoa_status start(struct pool *pool, struct stoa_error *error)
{
    STOA_TRY(stoa_allocate(&pool->allocator, pool->workers - 1, sizeof *pool->threads, error, &pool->threads));
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = 0;
    while (!failure && pool->thread_count < pool->workers - 1) {
        struct worker *worker = &pool->threads[pool->thread_count];
        *worker = (struct worker){.pool = pool, .index = pool->thread_count + 1};
        failure = pthread_create(&worker->thread, NULL, worker_main, worker);
        pool->thread_count += !failure;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (failure)
        return stoa_fail(error, STOA_ERROR_MEMORY, "cannot create a pool of %zu threads", pool->workers);
    return STOA_OK;
}

enum stoa_status stoa_pool_create(const struct stoa_allocator *allocator, size_t threads, struct stoa_error *error,
                                  struct pool **out)
{
    *out = NULL;
    if (threads > MAX_THREADS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "threads is %zu, at most %d are taken", threads, MAX_THREADS);
    struct pool *pool;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *pool, error, &pool));
    size_t processors = affinity_count();
    pool->allocator = *allocator;
    pool->workers = threads ? threads : processors;
    pool->process = getpid();
    pool->spin = pool->workers <= processors;
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->sleep, NULL);
    pthread_cond_init(&pool->opened, NULL);
    pthread_cond_init(&pool->emptied, NULL);
    enum stoa_status status = pool->workers > 1 ? start(pool, error) : STOA_OK;
    if (status != STOA_OK) {
        stoa_pool_free(pool);
        return status;
    }
    *out = pool;
    return STOA_OK;
}

enum stoa_status stoa_pool_adopt(const struct stoa_allocator *allocator, const struct stoa_pool *given,
                                 struct stoa_error *error, struct pool **out)
{
    *out = NULL;
    if (!given->parallel_for)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "pool.parallel_for is null");
    if (given->workers == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "pool.workers is 0, must be at least 1");
    if (given->workers > MAX_THREADS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "pool.workers is %zu, at most %d are taken", given->workers,
                         MAX_THREADS);
    STOA_TRY(stoa_pool_create(allocator, 1, error, out));
    (*out)->given = *given;
    (*out)->workers = given->workers;
    return STOA_OK;
}

void stoa_pool_free(struct pool *pool)
{
    if (!pool)
        return;
    struct stoa_allocator allocator = pool->allocator;
    if (pool->process == getpid()) {
        atomic_fetch_or(&pool->state, STATE_QUIT);
        wake(pool);
        for (size_t i = 0; i < pool->thread_count; i++)
            pthread_join(pool->threads[i].thread, NULL);
        pthread_mutex_destroy(&pool->turn);
        pthread_mutex_destroy(&pool->sleep);
        pthread_cond_destroy(&pool->opened);
        pthread_cond_destroy(&pool->emptied);
    }
    stoa_release(&allocator, pool->threads);
    stoa_release(&allocator, pool);
}

size_t stoa_pool_workers(const struct pool *pool)
{
    return pool ? pool->workers : 1;
}

void stoa_pool_watch(struct pool *pool, struct pool_span *spans)
{
    pool->spans = spans;
}

/* A loop's task, and whose spans it goes to. */
struct watched {
    pool_task task;
    void *context;
    struct pool_span *spans;
};

static void run_watched(void *context, size_t task, size_t worker)
{
    const struct watched *watched = context;
    struct pool_span *span = &watched->spans[worker];
    double begin = stoa_seconds();
    watched->task(watched->context, task, worker);
    double end = stoa_seconds();
    if (span->end == 0)
        span->begin = begin;
    span->end = end;
    span->busy += end - begin;
}

void stoa_pool_run(struct pool *pool, size_t count, pool_task task, void *context)
{
    struct watched watched = {.task = task, .context = context, .spans = pool ? pool->spans : NULL};
    if (watched.spans) {
        task = run_watched;
        context = &watched;
    }
    if (stoa_pool_workers(pool) == 1 || count <= 1 || (!pool->given.parallel_for && pool->process != getpid())) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
        return;
    }
    if (pool->given.parallel_for) {
        pool->given.parallel_for(pool->given.user, count, task, context);
        return;
    }
    struct loop loop = {.task = task, .context = context};
    loop.share_count = stoa_size_min(pool->workers, MAX_SHARES);
    size_t begin = 0;
    for (size_t i = 0; i < loop.share_count; i++) {
        size_t length = count / loop.share_count + (i < count % loop.share_count);
        atomic_init(&loop.shares[i].next, begin);
        loop.shares[i].end = begin += length;
    }
    pthread_mutex_lock(&pool->turn);
    pool->loop = &loop;
    uint64_t number = atomic_load(&pool->state) / STATE_LOOP + 1;
    atomic_exchange(&pool->state, number * STATE_LOOP | STATE_OPEN); /* likewise */
    wake(pool);
    work(&loop, 0);
    atomic_fetch_and(&pool->state, ~STATE_OPEN);
    await_empty(pool);
    pthread_mutex_unlock(&pool->turn);
}
