/* The simplest pools there are. */
#include "support/host_pool.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

typedef void (*host_task)(void *context, size_t i, size_t worker);

static void serial(void *user, size_t count, host_task task, void *context)
{
    size_t workers = (uintptr_t)user;
    for (size_t i = count; i-- > 0;)
        task(context, i, i % workers);
}

struct stoa_pool host_pool_serial(size_t workers)
{
    return (struct stoa_pool){.parallel_for = serial, .workers = workers, .user = (void *)(uintptr_t)workers};
}

struct crew {
    host_task task;
    void *context;
    size_t count;
    atomic_size_t next;
};

struct member {
    struct crew *crew;
    size_t worker;
};

static void *help(void *argument)
{
    const struct member *member = argument;
    size_t i;
    while ((i = atomic_fetch_add(&member->crew->next, 1)) < member->crew->count)
        member->crew->task(member->crew->context, i, member->worker);
    return NULL;
}

static void parallel(void *user, size_t count, host_task task, void *context)
{
    struct crew crew = {.task = task, .context = context, .count = count};
    struct member members[8];
    pthread_t threads[8];
    size_t workers = (uintptr_t)user;
    cr_assert(workers <= 8);
    for (size_t w = 0; w < workers; w++) {
        members[w] = (struct member){.crew = &crew, .worker = w};
        cr_assert(pthread_create(&threads[w], NULL, help, &members[w]) == 0);
    }
    for (size_t w = 0; w < workers; w++)
        pthread_join(threads[w], NULL);
}

struct stoa_pool host_pool_threads(size_t workers)
{
    return (struct stoa_pool){.parallel_for = parallel, .workers = workers, .user = (void *)(uintptr_t)workers};
}
