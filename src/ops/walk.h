/* How operators that reduce or normalise along some axes go over a tensor of any strides. Each axis is either reduced
 * (softmax's axis, an image's height and width) or kept. One kept axis becomes the lanes of a block, one reduced axis
 * its count (kernels/block.h); what is left of the kept axes is looped over outside, what is left of the reduced ones
 * inside (the "far" part, nearly always nothing, because axes that lie evenly one in the other are merged first). */
#ifndef STOA_OPS_WALK_H
#define STOA_OPS_WALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/tensor.h>

#include "base/pool.h"
#include "kernels/block.h"

#define WALK_LANES 64 /* the most lanes a unit gets: per-lane values fit a small array on the stack */
#define WALK_ANY_AXIS ((size_t)-1)

struct walk_axes {
    size_t rank, count; /* count: product of dims */
    size_t dims[STOA_MAX_RANK], x_strides[STOA_MAX_RANK], y_strides[STOA_MAX_RANK], z_strides[STOA_MAX_RANK];
};

struct walk {
    struct walk_axes outer, far;
    struct block block;  /* all lanes, the whole count */
    size_t lanes, chunk; /* of one unit */
    size_t reduced;      /* how many elements of x each element kept stands for */
};

/* What one unit works on: block at x + x_offset, y + y_offset and z + z_offset, its first lane being `lane`. */
struct walk_unit {
    struct block block;
    size_t lane, x_offset, y_offset, z_offset;
    size_t outer;  /* which element of walk->outer */
    size_t chunk;  /* which of stoa_walk_chunks */
    size_t worker; /* of the pool */
};

/* x has these dims; y is walked along with it, with stride 0 where it has no such axis. The lanes are `lane_axis`,
 * which must be kept, or whichever is best. With `elementwise`, units may also share a lane between them. */
void stoa_walk_plan(size_t rank, const size_t *dims, const size_t *x_strides, const size_t *y_strides,
                    const bool *reduced, size_t lane_axis, bool elementwise, struct walk *walk);

/* The same over three tensors; null strides are all 0. */
void stoa_walk_plan_three(size_t rank, const size_t *dims, const size_t *x_strides, const size_t *y_strides,
                          const size_t *z_strides, const bool *reduced, size_t lane_axis, bool elementwise,
                          struct walk *walk);
/* Of an elementwise walk: makes as many as possible of its few lanes' rows one row, so that inner loops have length.
 * Returns how many: what was lane l and row r * n + j is then lane j * lanes + l and row r. */
size_t stoa_walk_fold(struct walk *walk);
/* How many units share a lane. */
size_t stoa_walk_chunks(const struct walk *walk);

/* Calls unit() for all units, spread over the pool. The order and number of units depend on the walk alone. */
typedef void (*walk_function)(void *context, const struct walk *walk, const struct walk_unit *unit);
void stoa_walk_run(const struct walk *walk, struct pool *pool, walk_function unit, void *context);

/* The offsets of element `index` < axes->count. */
void stoa_walk_offsets(const struct walk_axes *axes, size_t index, size_t *x_offset, size_t *y_offset);
void stoa_walk_offsets_three(const struct walk_axes *axes, size_t index, size_t *x_offset, size_t *y_offset,
                             size_t *z_offset);

#endif
