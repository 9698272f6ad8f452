/* A pool over pthreadpool. Each worker has a share of neighbouring tasks, the same share in every loop of as many
 * tasks, so that what it wrote in one layer is in its own cache in the next; when its share is done it helps with the
 * others', so uneven tasks balance themselves. Each worker knows its own index, which pthreadpool's plain loops do not
 * tell. */
#include "base/pool.h"

#include <pthreadpool.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

#define MAX_THREADS 1024

struct pool {
    struct stoa_allocator allocator;
    pthreadpool_t threads;
    size_t workers;
};

/* Beyond so many workers, several begin with the same share. */
#define MAX_SHARES 64

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

static size_t affinity_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (size_t)count : 1;
}

enum stoa_status stoa_pool_create(const struct stoa_allocator *allocator, size_t threads, struct stoa_error *error,
                                  struct pool **out)
{
    *out = NULL;
    if (threads > MAX_THREADS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "threads is %zu, at most %d are taken", threads, MAX_THREADS);
    struct pool *pool;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *pool, error, &pool));
    pool->allocator = *allocator;
    pool->workers = threads ? threads : affinity_count();
    if (pool->workers > 1) {
        pool->threads = pthreadpool_create(pool->workers);
        if (!pool->threads) {
            stoa_release(allocator, pool);
            return stoa_fail(error, STOA_ERROR_MEMORY, "cannot create a pool of %zu threads", threads);
        }
    }
    *out = pool;
    return STOA_OK;
}

void stoa_pool_free(struct pool *pool)
{
    if (!pool)
        return;
    if (pool->threads)
        pthreadpool_destroy(pool->threads);
    struct stoa_allocator allocator = pool->allocator;
    stoa_release(&allocator, pool);
}

size_t stoa_pool_workers(const struct pool *pool)
{
    return pool ? pool->workers : 1;
}

static void work(void *argument, size_t worker)
{
    struct loop *loop = argument;
    for (size_t i = 0; i < loop->share_count; i++) {
        struct share *share = &loop->shares[(worker + i) % loop->share_count];
        size_t task;
        while ((task = atomic_fetch_add_explicit(&share->next, 1, memory_order_relaxed)) < share->end)
            loop->task(loop->context, task, worker);
    }
}

void stoa_pool_run(struct pool *pool, size_t count, pool_task task, void *context)
{
    if (stoa_pool_workers(pool) == 1 || count <= 1) {
        for (size_t i = 0; i < count; i++)
            task(context, i, 0);
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
    pthreadpool_parallelize_1d(pool->threads, work, &loop, pool->workers, 0);
}
