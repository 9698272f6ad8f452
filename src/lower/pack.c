/* Packing weights, whatever the lowering does with them: block by block of rows, shared among threads. Rows that do not
 * lie as floats must pass through an aligned copy of one block, which stays in the cache, so that no lowering need care
 * where a file has its weights. */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "lower/lowering.h"

/* Least bytes of a block: enough work to be worth handing to a thread. */
#define BLOCK_BYTES ((size_t)64 << 10)

struct packing {
    const struct conv *conv;
    const unsigned char *weights;
    float *packed;
    unsigned char *aligned; /* a block for each worker; null where weights are aligned */
    size_t rows, row_bytes, block;
};

static size_t weight_bytes(const struct conv_shape *shape)
{
    return shape->OC * (shape->C / shape->groups) * shape->kernel[0] * shape->kernel[1] * sizeof(float);
}

static struct packing packing_of(const struct conv *conv, const void *weights, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    struct packing packing = {.conv = conv, .weights = weights, .packed = packed};
    packing.rows = conv->lowering->transpose ? shape->C : shape->OC;
    packing.row_bytes = weight_bytes(shape) / packing.rows;
    size_t least = stoa_size_ceil_div(BLOCK_BYTES, packing.row_bytes);
    packing.block = stoa_size_min(packing.rows, stoa_size_round_up(least, LOWERING_PACK_ROWS));
    return packing;
}

static void pack_block(void *context, size_t task, size_t worker)
{
    const struct packing *packing = context;
    size_t first = task * packing->block, count = stoa_size_min(packing->block, packing->rows - first);
    const void *rows = packing->weights + first * packing->row_bytes;
    if (packing->aligned) {
        void *aligned = packing->aligned + worker * packing->block * packing->row_bytes;
        memcpy(aligned, rows, count * packing->row_bytes);
        rows = aligned;
    }
    packing->conv->lowering->pack(packing->conv, first, count, rows, packing->packed);
}

static void pack_blocks(struct packing *packing, struct pool *pool)
{
    stoa_pool_run(pool, stoa_size_ceil_div(packing->rows, packing->block), pack_block, packing);
}

size_t stoa_conv_packed_size(const struct conv *conv)
{
    if (conv->lowering->packed_count)
        return conv->lowering->packed_count(conv) * sizeof(float);
    return conv->shape.OC * stoa_panel_depth(conv) * sizeof(float);
}

void stoa_conv_pack(const struct conv *conv, const float *weights, struct pool *pool, float *packed)
{
    struct packing packing = packing_of(conv, weights, packed);
    pack_blocks(&packing, pool);
}

enum stoa_status stoa_conv_set_weights(struct conv *conv, const void *weights, struct pool *pool,
                                       struct stoa_error *error)
{
    STOA_TRY(stoa_allocate_raw(&conv->allocator, 1, stoa_conv_packed_size(conv), error, &conv->packed));
    struct packing packing = packing_of(conv, weights, conv->packed);
    if ((uintptr_t)weights % _Alignof(float))
        STOA_TRY(stoa_allocate_raw(&conv->allocator, stoa_pool_workers(pool), packing.block * packing.row_bytes, error,
                                   &packing.aligned));
    pack_blocks(&packing, pool);
    stoa_release(&conv->allocator, packing.aligned);
    return STOA_OK;
}
