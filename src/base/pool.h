/* The thread pool: tasks of one parallel loop, spread over workers. */
#ifndef STOA_BASE_POOL_H
#define STOA_BASE_POOL_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

struct pool;

/* One task of a parallel loop. `worker` is below stoa_pool_workers(); no two tasks run with the same worker at once, so
 * it indexes scratch memory. Which worker gets which task is not defined, so no result may depend on it. */
typedef void (*pool_task)(void *context, size_t task, size_t worker);

/* threads = 0: as many as the calling thread's CPU affinity allows. */
STOA_CHECKED enum stoa_status stoa_pool_create(const struct stoa_allocator *allocator, size_t threads,
                                               struct stoa_error *error, struct pool **pool);
/* A pool over the caller's, which is copied. */
STOA_CHECKED enum stoa_status stoa_pool_adopt(const struct stoa_allocator *allocator, const struct stoa_pool *given,
                                              struct stoa_error *error, struct pool **pool);
void stoa_pool_free(struct pool *pool);

/* The number of workers, at least 1; a null pool has 1. */
size_t stoa_pool_workers(const struct pool *pool);

/* Calls task(context, i, worker) for each i below count and returns when all are done. Loops of several callers take
 * turns, or overlap if the pool is the host's; a task must not run a loop of its own.
 * A fork may use the pool whatever its threads were doing at that moment: the child's loops run on their callers. */
void stoa_pool_run(struct pool *pool, size_t count, pool_task task, void *context);

/* What a worker did since its span was zeroed. */
struct pool_span {
    double begin, end; /* of its first and of its last task (stoa_seconds) */
    double busy;       /* seconds of its tasks */
};
/* From here on each worker adds to spans[worker] what it does; null ends that. No loop may be running. */
void stoa_pool_watch(struct pool *pool, struct pool_span *spans);

#endif
