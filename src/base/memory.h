/* The only place where the library gets memory: blocks through the caller's allocator, and arenas of small things. */
#ifndef STOA_BASE_MEMORY_H
#define STOA_BASE_MEMORY_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

/* Every block is aligned to a cache line, which is also the widest vector. */
#define STOA_ALIGNMENT 64

/* A size, or up to twice as much, of which the system may give all in huge pages: for what is used in every run. The
 * rest of a block that is not a whole number of them lies in small pages. */
size_t stoa_memory_whole(size_t size);

/* The C library's memory; what a null allocator means. */
struct stoa_allocator stoa_allocator_default(void);

/* *out = `count` zeroed elements of `size` bytes (count * size checked; 0 bytes give a valid pointer). */
STOA_CHECKED enum stoa_status stoa_allocate(const struct stoa_allocator *allocator, size_t count, size_t size,
                                            struct stoa_error *error, void *out);
/* As above, not zeroed. */
STOA_CHECKED enum stoa_status stoa_allocate_raw(const struct stoa_allocator *allocator, size_t count, size_t size,
                                                struct stoa_error *error, void *out);
/* Null is fine. */
void stoa_release(const struct stoa_allocator *allocator, void *memory);

/* Blocks that several owners may have. Counted without locks: owners are used by one thread at a time. */
/* *out = `size` bytes, not zeroed, with one owner. */
STOA_CHECKED enum stoa_status stoa_shared_allocate(const struct stoa_allocator *allocator, size_t size,
                                                   struct stoa_error *error, void *out);
/* Another owner of the same. */
void stoa_shared_keep(void *memory);
/* An owner less; frees the block with its last. Null is fine. */
void stoa_shared_release(const struct stoa_allocator *allocator, void *memory);
/* Makes *memory and `other`, two shared blocks of `size` bytes, one, if they hold the same: *memory becomes `other`,
 * and what it was is released. Either may be null. */
void stoa_shared_merge(const struct stoa_allocator *allocator, size_t size, void *other, void **memory);

/* Many small allocations with one lifetime: a graph's names, nodes and attributes. */
struct arena_block;
struct arena {
    struct stoa_allocator allocator;
    struct arena_block *blocks;
    size_t used, capacity; /* of the newest block */
    size_t bytes;          /* of all blocks */
};

void stoa_arena_init(struct arena *arena, const struct stoa_allocator *allocator);
void stoa_arena_deinit(struct arena *arena);
/* *out = `count` zeroed elements of `size` bytes, aligned for any type, valid until deinit. */
STOA_CHECKED enum stoa_status stoa_arena_allocate(struct arena *arena, size_t count, size_t size,
                                                  struct stoa_error *error, void *out);
/* *out = a copy of `length` bytes of text with a final zero. */
STOA_CHECKED enum stoa_status stoa_arena_string(struct arena *arena, const char *text, size_t length,
                                                struct stoa_error *error, const char **out);

#endif
