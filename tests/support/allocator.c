/* The counting allocator keeps each block's size in front of it. */
#include "support/allocator.h"

#include <stdlib.h>

static void *counting_allocate(void *user, size_t alignment, size_t size)
{
    struct counting_allocator *allocator = user;
    allocator->calls++;
    if (allocator->fail_at &&
        (allocator->calls == allocator->fail_at || (allocator->fail_after && allocator->calls > allocator->fail_at)))
        return NULL;
    if (allocator->limit && size > allocator->limit - allocator->live_bytes)
        return NULL;
    char *block;
    if (posix_memalign((void **)&block, alignment, size + alignment))
        return NULL;
    *(size_t *)(void *)block = size;
    *(size_t *)(void *)(block + alignment - sizeof(size_t)) = alignment;
    allocator->live++;
    allocator->live_bytes += size;
    if (allocator->live_bytes > allocator->peak_bytes)
        allocator->peak_bytes = allocator->live_bytes;
    return block + alignment;
}

static void counting_release(void *user, void *memory)
{
    struct counting_allocator *allocator = user;
    size_t alignment = ((size_t *)memory)[-1];
    char *block = (char *)memory - alignment;
    allocator->live--;
    allocator->live_bytes -= *(size_t *)(void *)block;
    free(block);
}

void counting_allocator_init(struct counting_allocator *allocator)
{
    *allocator = (struct counting_allocator){
        .interface = {.allocate = counting_allocate, .release = counting_release, .user = allocator}};
}
