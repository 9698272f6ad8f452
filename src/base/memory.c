/* Blocks and arenas over the caller's allocator. */
#include "base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/size.h"
#include "base/status.h"

#define ARENA_BLOCK_SIZE (64 * 1024)
#define ARENA_ALIGNMENT 16

struct arena_block {
    struct arena_block *next;
    size_t padding; /* keeps the payload aligned */
};

/* Weights and activations are megabytes that are read from one end to the other: in huge pages, taking them from the
 * system costs a third and reading them some 15 % less. Only whole ones are asked for, so that no memory is wasted. */
#define HUGE_PAGE ((size_t)2 << 20)

size_t stoa_memory_whole(size_t size)
{
    return size < HUGE_PAGE / 2 || size > SIZE_MAX - HUGE_PAGE ? size : stoa_size_round_up(size, HUGE_PAGE);
}

static void *default_allocate(void *user, size_t alignment, size_t size)
{
    (void)user;
    void *memory;
    bool huge = size >= HUGE_PAGE;
    if (posix_memalign(&memory, huge ? stoa_size_max(alignment, HUGE_PAGE) : alignment, size))
        return NULL;
#ifdef MADV_HUGEPAGE
    if (huge)
        (void)madvise(memory, size / HUGE_PAGE * HUGE_PAGE, MADV_HUGEPAGE);
#endif
    return memory;
}

static void default_release(void *user, void *memory)
{
    (void)user;
    free(memory);
}

struct stoa_allocator stoa_allocator_default(void)
{
    return (struct stoa_allocator){.allocate = default_allocate, .release = default_release};
}

enum stoa_status stoa_allocate_raw(const struct stoa_allocator *allocator, size_t count, size_t size,
                                   struct stoa_error *error, void *out)
{
    size_t bytes;
    void *memory = NULL;
    memcpy(out, &memory, sizeof memory);
    if (!allocator->allocate || !allocator->release)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the allocator's %s is null",
                         allocator->allocate ? "release" : "allocate");
    if (!stoa_size_mul(count, size, &bytes))
        return stoa_fail(error, STOA_ERROR_LIMIT, "a block of %zu x %zu bytes is larger than memory can be", count,
                         size);
    memory = allocator->allocate(allocator->user, STOA_ALIGNMENT, bytes ? bytes : 1);
    if (!memory)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory: %zu bytes", bytes);
    memcpy(out, &memory, sizeof memory);
    return STOA_OK;
}

enum stoa_status stoa_allocate(const struct stoa_allocator *allocator, size_t count, size_t size,
                               struct stoa_error *error, void *out)
{
    STOA_TRY(stoa_allocate_raw(allocator, count, size, error, out));
    void *memory;
    memcpy(&memory, out, sizeof memory);
    memset(memory, 0, count * size);
    return STOA_OK;
}

void stoa_release(const struct stoa_allocator *allocator, void *memory)
{
    if (memory)
        allocator->release(allocator->user, memory);
}

/* The count lies in front of the block, in a prefix as large as its alignment. */
static size_t *owners(void *memory)
{
    return (size_t *)(void *)((char *)memory - STOA_ALIGNMENT);
}

enum stoa_status stoa_shared_allocate(const struct stoa_allocator *allocator, size_t size, struct stoa_error *error,
                                      void *out)
{
    char *block = NULL;
    size_t bytes;
    memcpy(out, &block, sizeof block);
    if (!stoa_size_add(size, STOA_ALIGNMENT, &bytes))
        return stoa_fail(error, STOA_ERROR_LIMIT, "a block of %zu bytes is larger than memory can be", size);
    STOA_TRY(stoa_allocate_raw(allocator, 1, bytes, error, &block));
    block += STOA_ALIGNMENT;
    *owners(block) = 1;
    memcpy(out, &block, sizeof block);
    return STOA_OK;
}

void stoa_shared_keep(void *memory)
{
    ++*owners(memory);
}

void stoa_shared_release(const struct stoa_allocator *allocator, void *memory)
{
    if (memory && --*owners(memory) == 0)
        stoa_release(allocator, owners(memory));
}

void stoa_shared_merge(const struct stoa_allocator *allocator, size_t size, void *other, void **memory)
{
    if (!*memory || !other || *memory == other || memcmp(*memory, other, size) != 0)
        return;
    stoa_shared_keep(other);
    stoa_shared_release(allocator, *memory);
    *memory = other;
}

void stoa_arena_init(struct arena *arena, const struct stoa_allocator *allocator)
{
    *arena = (struct arena){.allocator = *allocator};
}

void stoa_arena_deinit(struct arena *arena)
{
    struct arena_block *next;
    for (struct arena_block *block = arena->blocks; block; block = next) {
        next = block->next;
        stoa_release(&arena->allocator, block);
    }
    arena->blocks = NULL;
    arena->used = arena->capacity = arena->bytes = 0;
}

enum stoa_status stoa_arena_allocate(struct arena *arena, size_t count, size_t size, struct stoa_error *error,
                                     void *out)
{
    size_t bytes, rounded;
    void *memory = NULL;
    memcpy(out, &memory, sizeof memory);
    if (!stoa_size_mul(count, size, &bytes) ||
        !stoa_size_add(bytes, ARENA_ALIGNMENT + sizeof(struct arena_block), &rounded))
        return stoa_fail(error, STOA_ERROR_LIMIT, "a block of %zu x %zu bytes is larger than memory can be", count,
                         size);
    bytes = stoa_size_round_up(bytes ? bytes : 1, ARENA_ALIGNMENT);

    if (bytes > arena->capacity - arena->used) {
        size_t capacity = stoa_size_max(ARENA_BLOCK_SIZE, bytes + sizeof(struct arena_block));
        struct arena_block *block;
        STOA_TRY(stoa_allocate_raw(&arena->allocator, 1, capacity, error, &block));
        block->next = arena->blocks;
        arena->blocks = block;
        arena->capacity = capacity;
        arena->bytes += capacity;
        arena->used = sizeof *block;
    }
    memory = (char *)arena->blocks + arena->used;
    arena->used += bytes;
    memset(memory, 0, bytes);
    memcpy(out, &memory, sizeof memory);
    return STOA_OK;
}

enum stoa_status stoa_arena_string(struct arena *arena, const char *text, size_t length, struct stoa_error *error,
                                   const char **out)
{
    char *copy = NULL;
    STOA_TRY(stoa_arena_allocate(arena, length + 1, 1, error, &copy));
    memcpy(copy, text, length);
    *out = copy;
    return STOA_OK;
}
