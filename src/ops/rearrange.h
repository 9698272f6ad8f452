/* What DepthToSpace, SpaceToDepth and Tile share with their backward sides: nests that copy one way or the other. */
#ifndef STOA_OPS_REARRANGE_H
#define STOA_OPS_REARRANGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

#include "kernels/nd.h"
#include "ops/op.h"

struct depth_params {
    int64_t block;
    bool columns_first; /* CRD: of a channel's index the block's place is the lower part, not the higher */
};
STOA_CHECKED enum stoa_status stoa_depth_to_space_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_space_to_depth_parse(struct attribute_reader *reader, void *params);
/* Copies between depth [N][C*b*b][H][W] and space [N][C][H*b][W*b]. */
void stoa_depth_to_space(const struct depth_params *params, const struct stoa_tensor *depth,
                         const struct stoa_tensor *space, struct pool *pool);
void stoa_space_to_depth(const struct depth_params *params, const struct stoa_tensor *space,
                         const struct stoa_tensor *depth, struct pool *pool);

/* Tile as loops over y, of which x has some: where x_strides is 0, x repeats. At most so many have more than one
 * element, as an axis is repeats and what is repeated. */
struct tile_axes {
    size_t rank, dims[2 * STOA_MAX_RANK];
    ptrdiff_t x_strides[2 * STOA_MAX_RANK], y_strides[2 * STOA_MAX_RANK];
};
struct tile_axes stoa_tile_axes(const struct stoa_tensor *x, const struct stoa_tensor *y);

#endif
