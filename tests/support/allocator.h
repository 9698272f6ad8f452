/* An allocator that counts what is out, and fails on demand. */
#ifndef TESTS_SUPPORT_ALLOCATOR_H
#define TESTS_SUPPORT_ALLOCATOR_H

#include <stddef.h>
#include <stoa/host.h>

struct counting_allocator {
    struct stoa_allocator interface; /* hand this to the library */
    size_t calls;                    /* allocations asked for so far */
    size_t live, live_bytes, peak_bytes;
    size_t fail_at; /* the call (from 1) that fails; 0: none */
    int fail_after; /* whether every later call fails too */
    size_t limit;   /* bytes that may be live at once; 0: no limit */
};

/* Not thread-safe: for tests that allocate from one thread. */
void counting_allocator_init(struct counting_allocator *allocator);

#endif
