/* What a host program may supply to the library: its allocator, and a place for log lines. */
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
