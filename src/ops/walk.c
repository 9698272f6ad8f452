/* Walking tensors in blocks. */
#include "ops/walk.h"

#include <string.h>

#include "base/size.h"

/* Elements a task of the pool should have at least, so that handing it out costs little. */
#define TASK_ELEMENTS 8192

static void append(struct walk_axes *axes, size_t dim, size_t x_stride, size_t y_stride, size_t z_stride)
{
    if (dim == 1)
        return;
    /* Kept in descending order of x strides, so that what lies inside something comes after it. */
    size_t at = axes->rank++;
    for (; at > 0 && axes->x_strides[at - 1] < x_stride; at--) {
        axes->dims[at] = axes->dims[at - 1];
        axes->x_strides[at] = axes->x_strides[at - 1];
        axes->y_strides[at] = axes->y_strides[at - 1];
        axes->z_strides[at] = axes->z_strides[at - 1];
    }
    axes->dims[at] = dim;
    axes->x_strides[at] = x_stride;
    axes->y_strides[at] = y_stride;
    axes->z_strides[at] = z_stride;
}

static void merge(struct walk_axes *axes)
{
    size_t last = 0;
    for (size_t i = 1; i < axes->rank; i++) {
        if (axes->x_strides[last] == axes->x_strides[i] * axes->dims[i] &&
            axes->y_strides[last] == axes->y_strides[i] * axes->dims[i] &&
            axes->z_strides[last] == axes->z_strides[i] * axes->dims[i]) {
            axes->dims[last] *= axes->dims[i];
        } else {
            last++;
            axes->dims[last] = axes->dims[i];
        }
        axes->x_strides[last] = axes->x_strides[i];
        axes->y_strides[last] = axes->y_strides[i];
        axes->z_strides[last] = axes->z_strides[i];
    }
    axes->rank = stoa_size_min(axes->rank, last + 1);
}

static void take_last(struct walk_axes *axes, size_t *dim, size_t *x_stride, size_t *y_stride, size_t *z_stride)
{
    *dim = 1;
    *x_stride = *y_stride = *z_stride = 0;
    if (axes->rank == 0)
        return;
    axes->rank--;
    *dim = axes->dims[axes->rank];
    *x_stride = axes->x_strides[axes->rank];
    *y_stride = axes->y_strides[axes->rank];
    *z_stride = axes->z_strides[axes->rank];
}

static void count(struct walk_axes *axes)
{
    axes->count = 1;
    for (size_t i = 0; i < axes->rank; i++)
        axes->count *= axes->dims[i];
}

void stoa_walk_plan(size_t rank, const size_t *dims, const size_t *x_strides, const size_t *y_strides,
                    const bool *reduced, size_t lane_axis, bool elementwise, struct walk *walk)
{
    stoa_walk_plan_three(rank, dims, x_strides, y_strides, NULL, reduced, lane_axis, elementwise, walk);
}

void stoa_walk_plan_three(size_t rank, const size_t *dims, const size_t *x_strides, const size_t *y_strides,
                          const size_t *z_strides, const bool *reduced, size_t lane_axis, bool elementwise,
                          struct walk *walk)
{
    static const size_t nowhere[STOA_MAX_RANK];
    y_strides = y_strides ? y_strides : nowhere;
    z_strides = z_strides ? z_strides : nowhere;
    memset(walk, 0, sizeof *walk);
    struct block *block = &walk->block;
    walk->reduced = 1;
    for (size_t i = 0; i < rank; i++) {
        if (reduced[i])
            walk->reduced *= dims[i];
        if (i != lane_axis)
            append(reduced[i] ? &walk->far : &walk->outer, dims[i], x_strides[i], y_strides[i], z_strides[i]);
    }
    merge(&walk->outer);
    merge(&walk->far);
    take_last(&walk->far, &block->count, &block->x_step, &block->y_step, &block->z_step);
    if (lane_axis == WALK_ANY_AXIS) {
        take_last(&walk->outer, &block->lanes, &block->x_lane, &block->y_lane, &block->z_lane);
    } else {
        block->lanes = dims[lane_axis];
        block->x_lane = x_strides[lane_axis];
        block->y_lane = y_strides[lane_axis];
        block->z_lane = z_strides[lane_axis];
    }
    count(&walk->outer);
    count(&walk->far);

    bool along_count = block->count > 1 && block->x_step == 1 && (block->x_lane != 1 || block->lanes == 1);
    walk->lanes = along_count ? 1 : WALK_LANES;
    walk->chunk = block->count;
    if (elementwise)
        walk->chunk = stoa_size_max(1, TASK_ELEMENTS / stoa_size_max(1, stoa_size_min(walk->lanes, block->lanes)));
}

static bool folds(size_t lanes, size_t step, size_t lane)
{
    return (lane == 1 && step == lanes) || (lane == 0 && step == 0);
}

size_t stoa_walk_fold(struct walk *walk)
{
    struct block *block = &walk->block;
    size_t fold = block->lanes ? WALK_LANES / block->lanes : 0;
    if (walk->lanes == 1 || fold < 2 || !folds(block->lanes, block->x_step, block->x_lane) ||
        !folds(block->lanes, block->y_step, block->y_lane) || !folds(block->lanes, block->z_step, block->z_lane))
        return 1;
    while (block->count % fold != 0)
        fold--;
    block->lanes *= fold;
    block->count /= fold;
    block->x_step *= fold;
    block->y_step *= fold;
    block->z_step *= fold;
    walk->chunk = stoa_size_max(1, walk->chunk / fold);
    return fold;
}

size_t stoa_walk_chunks(const struct walk *walk)
{
    /* A count of 0 is one chunk of nothing, so that what has no elements is still reduced. */
    return walk->block.count ? stoa_size_ceil_div(walk->block.count, walk->chunk) : 1;
}

void stoa_walk_offsets(const struct walk_axes *axes, size_t index, size_t *x_offset, size_t *y_offset)
{
    size_t z_offset;
    stoa_walk_offsets_three(axes, index, x_offset, y_offset, &z_offset);
}

void stoa_walk_offsets_three(const struct walk_axes *axes, size_t index, size_t *x_offset, size_t *y_offset,
                             size_t *z_offset)
{
    size_t x = 0, y = 0, z = 0;
    for (size_t i = axes->rank; i-- > 0;) {
        size_t at = index % axes->dims[i];
        index /= axes->dims[i];
        x += at * axes->x_strides[i];
        y += at * axes->y_strides[i];
        z += at * axes->z_strides[i];
    }
    *x_offset = x;
    *y_offset = y;
    *z_offset = z;
}

struct walking {
    const struct walk *walk;
    walk_function unit;
    void *context;
    size_t lane_blocks, chunks, units, units_per_task;
};

static void task(void *context, size_t index, size_t worker)
{
    const struct walking *walking = context;
    const struct walk *walk = walking->walk;
    size_t first = index * walking->units_per_task;
    size_t end = stoa_size_min(first + walking->units_per_task, walking->units);
    for (size_t i = first; i < end; i++) {
        size_t chunk = i % walking->chunks, r = chunk * walk->chunk;
        size_t lane = i / walking->chunks % walking->lane_blocks * walk->lanes;
        size_t outer = i / walking->chunks / walking->lane_blocks;
        struct walk_unit unit = {.block = walk->block, .lane = lane, .outer = outer, .chunk = chunk, .worker = worker};
        stoa_walk_offsets_three(&walk->outer, outer, &unit.x_offset, &unit.y_offset, &unit.z_offset);
        unit.x_offset += lane * unit.block.x_lane + r * unit.block.x_step;
        unit.y_offset += lane * unit.block.y_lane + r * unit.block.y_step;
        unit.z_offset += lane * unit.block.z_lane + r * unit.block.z_step;
        unit.block.lanes = stoa_size_min(walk->lanes, walk->block.lanes - lane);
        unit.block.count = stoa_size_min(walk->chunk, walk->block.count - r);
        walking->unit(walking->context, walk, &unit);
    }
}

void stoa_walk_run(const struct walk *walk, struct pool *pool, walk_function unit, void *context)
{
    const struct block *block = &walk->block;
    struct walking walking = {.walk = walk, .unit = unit, .context = context};
    walking.lane_blocks = stoa_size_ceil_div(block->lanes, walk->lanes);
    walking.chunks = stoa_walk_chunks(walk);
    walking.units = walk->outer.count * walking.lane_blocks * walking.chunks;
    size_t elements = stoa_size_min(walk->lanes, block->lanes) * stoa_size_min(walk->chunk, block->count);
    elements *= walk->far.count;
    walking.units_per_task = stoa_size_max(1, TASK_ELEMENTS / stoa_size_max(1, elements));
    stoa_pool_run(pool, stoa_size_ceil_div(walking.units, walking.units_per_task), task, &walking);
}
