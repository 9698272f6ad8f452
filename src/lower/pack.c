/* Packing weights, whatever the lowering does with them: block by block of rows, shared among threads. Rows that do not
 * lie as floats, or that must be gathered from weights whose channels are exchanged, pass through a block of their own,
 * which stays in the cache: so no lowering need care where a file has its weights, or which way round they are. */
#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "lower/lowering.h"

/* Least bytes of a block: enough work to be worth handing to a thread. */
#define BLOCK_BYTES ((size_t)16 << 10)

/* Nanoseconds for each float that is packed at a run, measured where weights come from memory and go there. */
#define PACK_COST 1.0
/* For each that was packed long ago and is read at all, besides what its products take: in a network weights come from
 * memory, as all the other layers' have been read since. */
#define FAR_COST 0.1

struct packing {
    const struct conv *conv;
    const unsigned char *weights;
    float *packed;
    char *worker_base; /* a block for each worker, worker_stride apart; null where rows are taken as they lie */
    size_t worker_stride;
    size_t rows, row_bytes, block;
};

static size_t weight_bytes(const struct conv_shape *shape)
{
    return shape->OC * (shape->C / shape->groups) * shape->kernel[0] * shape->kernel[1] * sizeof(float);
}

static struct packing packing_of(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    struct packing packing = {.conv = conv, .rows = conv->lowering->transpose ? shape->C : shape->OC};
    packing.row_bytes = weight_bytes(shape) / packing.rows;
    size_t least = stoa_size_ceil_div(BLOCK_BYTES, packing.row_bytes);
    packing.block = stoa_size_min(packing.rows, stoa_size_round_up(least, LOWERING_PACK_ROWS));
    return packing;
}

/* to[taps] <- from, last to first. */
static void turn(size_t taps, const unsigned char *from, float *to)
{
    for (size_t t = 0; t < taps; t++)
        memcpy(to + taps - 1 - t, from + t * sizeof *to, sizeof *to);
}

/* to[count][channels][taps] <- in each group weights[channels][OC/groups][taps], rows [first, first + count) of all OC,
 * taps last to first. Rows side by side in `weights` are written in turn. */
static void exchange(const struct conv_shape *shape, const unsigned char *weights, size_t first, size_t count,
                     float *to)
{
    size_t taps = shape->kernel[0] * shape->kernel[1], channels = shape->C / shape->groups;
    size_t per_group = shape->OC / shape->groups;
    for (size_t done = 0, rows; done < count; done += rows) {
        size_t group = (first + done) / per_group, within = (first + done) % per_group;
        rows = stoa_size_min(stoa_size_min(per_group - within, count - done), LOWERING_PACK_ROWS);
        for (size_t c = 0; c < channels; c++) {
            const unsigned char *from = weights + ((group * channels + c) * per_group + within) * taps * sizeof *to;
            for (size_t j = 0; j < rows; j++)
                turn(taps, from + j * taps * sizeof *to, to + ((done + j) * channels + c) * taps);
        }
    }
}

static void pack_block(void *context, size_t task, size_t worker)
{
    const struct packing *packing = context;
    const struct conv *conv = packing->conv;
    size_t first = task * packing->block, count = stoa_size_min(packing->block, packing->rows - first);
    const void *rows = packing->weights + first * packing->row_bytes;
    if (packing->worker_base) {
        void *block = packing->worker_base + worker * packing->worker_stride;
        if (conv->exchanged)
            exchange(&conv->shape, packing->weights, first, count, block);
        else
            memcpy(block, rows, count * packing->row_bytes);
        rows = block;
    }
    conv->lowering->pack(conv, first, count, rows, packing->packed);
}

static void pack_blocks(struct packing *packing, const void *weights, struct pool *pool, float *packed)
{
    packing->weights = weights;
    packing->packed = packed;
    stoa_pool_run(pool, stoa_size_ceil_div(packing->rows, packing->block), pack_block, packing);
}

size_t stoa_conv_packed_size(const struct conv *conv)
{
    if (conv->lowering->packed_count)
        return conv->lowering->packed_count(conv) * sizeof(float);
    return conv->shape.OC * stoa_panel_depth(conv) * sizeof(float);
}

double stoa_conv_weights_cost(const struct conv *conv)
{
    double floats = (double)(stoa_conv_packed_size(conv) / sizeof(float));
    return floats * (conv->pack_each_run ? PACK_COST : FAR_COST);
}

size_t stoa_conv_pack_scratch(const struct conv *conv)
{
    struct packing packing = packing_of(conv);
    return conv->exchanged ? packing.block * packing.row_bytes : 0;
}

void stoa_conv_pack(const struct conv *conv, const float *weights, struct pool *pool, void *worker_base,
                    size_t worker_stride, float *packed)
{
    struct packing packing = packing_of(conv);
    packing.worker_base = conv->exchanged ? worker_base : NULL;
    packing.worker_stride = worker_stride;
    pack_blocks(&packing, weights, pool, packed);
}

enum stoa_status stoa_conv_set_weights(struct conv *conv, const void *weights, struct pool *pool,
                                       struct stoa_error *error)
{
    if (!conv->packed)
        STOA_TRY(stoa_shared_allocate(&conv->allocator, stoa_conv_packed_size(conv), error, &conv->packed));
    struct packing packing = packing_of(conv);
    packing.worker_stride = packing.block * packing.row_bytes;
    if ((uintptr_t)weights % _Alignof(float) || conv->exchanged)
        STOA_TRY(stoa_allocate_raw(&conv->allocator, stoa_pool_workers(pool), packing.worker_stride, error,
                                   &packing.worker_base));
    pack_blocks(&packing, weights, pool, conv->packed);
    stoa_release(&conv->allocator, packing.worker_base);
    return STOA_OK;
}
