/* Lifetimes to offsets: largest first, each at the lowest place where nothing that lives at the same time lies. */
#include <stdlib.h>

#include "base/size.h"
#include "base/status.h"
#include "plan/build.h"

/* Placing compares each tensor with those placed before; beyond this many that would take minutes. */
#define MAX_TENSORS 20000

struct block {
    size_t storage, bytes, first, last, offset;
};

static int by_size(const void *a, const void *b)
{
    const struct block *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->storage < y->storage ? -1 : x->storage > y->storage;
}

/* Blocks [0, count) are placed and sorted by offset; finds the lowest gap for `block` among those that share its time.
 */
static size_t lowest_place(const struct block *placed, size_t count, const struct block *block)
{
    size_t offset = 0;
    for (size_t i = 0; i < count; i++) {
        if (placed[i].last < block->first || block->last < placed[i].first)
            continue;
        if (placed[i].offset >= offset && placed[i].offset - offset >= block->bytes)
            break;
        offset = stoa_size_max(offset, placed[i].offset + placed[i].bytes);
    }
    return offset;
}

static enum stoa_status place_blocks(struct plan *plan, struct block *blocks, size_t count, struct stoa_error *error)
{
    qsort(blocks, count, sizeof *blocks, by_size);
    size_t end = 0, total;
    for (size_t i = 0; i < count; i++) {
        struct block block = blocks[i];
        block.offset = lowest_place(blocks, i, &block);
        if (!stoa_size_add(block.offset, block.bytes, &total))
            return stoa_fail(error, STOA_ERROR_LIMIT, "the activations are larger than memory can be");
        end = stoa_size_max(end, total);
        plan->storages[block.storage].place = block.offset;
        size_t at = i;
        for (; at > 0 && blocks[at - 1].offset > block.offset; at--)
            blocks[at] = blocks[at - 1];
        blocks[at] = block;
    }

    size_t scratch = 0;
    for (size_t s = 0; s < plan->step_count; s++) {
        const struct op_call *call = &plan->steps[s].call;
        size_t stride = stoa_size_round_up(call->worker_scratch, STOA_ALIGNMENT), bytes;
        if (!stoa_size_mul(stride, plan->workers, &bytes) ||
            !stoa_size_add(bytes, stoa_size_round_up(call->shared_scratch, STOA_ALIGNMENT), &bytes))
            return stoa_fail(error, STOA_ERROR_LIMIT, "node '%s': its scratch is larger than memory can be",
                             plan->steps[s].node);
        scratch = stoa_size_max(scratch, bytes);
    }
    plan->scratch_place = end;
    if (!stoa_size_add(end, scratch, &plan->memory_bytes))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the activations are larger than memory can be");
    return STOA_OK;
}

enum stoa_status stoa_plan_lifetimes(struct plan *plan, bool keep_values, struct stoa_error *error)
{
    struct block *blocks;
    STOA_TRY(stoa_allocate(&plan->allocator, plan->storage_count, sizeof *blocks, error, &blocks));
    size_t count = 0;
    for (size_t s = 0; s < plan->storage_count; s++) {
        const struct plan_storage *storage = &plan->storages[s];
        if (storage->kind != STORAGE_ARENA)
            continue;
        blocks[count++] = (struct block){.storage = s,
                                         .bytes = stoa_size_round_up(storage->bytes, STOA_ALIGNMENT),
                                         .first = keep_values ? 0 : storage->first,
                                         .last = keep_values ? plan->step_count : storage->last};
    }
    enum stoa_status status;
    if (count > MAX_TENSORS)
        status = stoa_fail(error, STOA_ERROR_LIMIT, "a plan of %zu tensors, at most %d are taken", count, MAX_TENSORS);
    else
        status = place_blocks(plan, blocks, count, error);
    stoa_release(&plan->allocator, blocks);
    return status;
}
