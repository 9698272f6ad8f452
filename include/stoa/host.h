/* What a host program may supply to the library: its allocator, its threads, and a place for log lines. */
#ifndef STOA_HOST_H
#define STOA_HOST_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A caller's memory. Both functions are called from any thread that uses an object created with this allocator.
 * The library copies the struct; `user` must outlive every object created with it. */
struct stoa_allocator {
    /* At least `size` (> 0) bytes aligned to `alignment` (a power of two, at most 4096), or null. */
    void *(*allocate)(void *user, size_t alignment, size_t size);
    /* Takes back what allocate returned; never called with null. */
    void (*release)(void *user, void *memory);
    void *user;
};

/* A caller's threads, so that the library need not have any of its own. The library copies the struct; `user` must
 * outlive every object created with it. */
struct stoa_pool {
    /* Calls task(context, i, worker) once for each i below count, in any order and on any threads, and returns when all
     * calls have returned. worker is below `workers`, and no two calls of one loop have the same worker at the same
     * time: it names the scratch memory a call may use. Called from the thread that creates or runs an object, one loop
     * at a time for each object; loops of several objects may overlap. Tasks do not start loops. Which worker gets
     * which task does not change results. */
    void (*parallel_for)(void *user, size_t count, void (*task)(void *context, size_t i, size_t worker), void *context);
    size_t workers; /* from 1 to 1024; scratch memory is laid out for so many */
    void *user;
};

/* Receives notes on things the caller may want to know (the library itself never prints). `line` has no newline and is
 * valid during the call only. */
struct stoa_log {
    void (*write)(void *user, const char *line);
    void *user;
};

#ifdef __cplusplus
}
#endif
#endif
