/* Gradients of DepthToSpace and SpaceToDepth, each the other's way back, and of Tile, which sums over the repeats. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd_sum.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/rearrange.h"
#include "ops/table.h"

static enum stoa_status infer_depth_to_space(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_depth_to_space, error);
}

static enum stoa_status run_depth_to_space(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    stoa_space_to_depth(call->params, &call->inputs[0], &call->outputs[0], run->pool);
    return STOA_OK;
}

static enum stoa_status infer_space_to_depth(const struct op_call *call, struct stoa_error *error)
{
    return stoa_backward_infer(call, &stoa_op_space_to_depth, error);
}

static enum stoa_status run_space_to_depth(const struct op_call *call, const struct op_run *run,
                                           struct stoa_error *error)
{
    (void)error;
    stoa_depth_to_space(call->params, &call->inputs[0], &call->outputs[0], run->pool);
    return STOA_OK;
}

#define BLOCKS(name, type_, parse_)                                                                                    \
    const struct op stoa_op_##name##_backward = {                                                                      \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 2,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .dims_inputs = 1 << 1,                                                                                         \
        .params_size = sizeof(struct depth_params),                                                                    \
        .parse = parse_,                                                                                               \
        .infer = infer_##name,                                                                                         \
        .run = run_##name,                                                                                             \
    };
BLOCKS(depth_to_space, "DepthToSpaceBackward", stoa_depth_to_space_parse)
BLOCKS(space_to_depth, "SpaceToDepthBackward", stoa_space_to_depth_parse)

static enum stoa_status infer_tile(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, 0, "dY", error));
    STOA_TRY(stoa_backward_infer(call, &stoa_op_tile, error));
    size_t rank = stoa_tile_axes(&call->inputs[1], &call->inputs[0]).rank;
    if (rank > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "%zu axes and repeats of more than one element, at most %d have a gradient", rank,
                         STOA_MAX_RANK);
    return STOA_OK;
}

static struct nd tile_nest(const struct op_call *call)
{
    const struct stoa_tensor *dy = &call->inputs[0], *dx = &call->outputs[0];
    struct tile_axes axes = stoa_tile_axes(dx, dy);
    struct nd nd = {.rank = axes.rank,
                    .operand_count = 2,
                    .operands = {{.data = dx->data, .size = sizeof(float)}, {.data = dy->data, .size = sizeof(float)}}};
    for (size_t i = 0; i < nd.rank; i++) {
        nd.dims[i] = axes.dims[i];
        nd.operands[0].strides[i] = axes.x_strides[i];
        nd.operands[1].strides[i] = axes.y_strides[i];
    }
    return nd;
}

static enum stoa_status prepare_tile(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    struct nd nd = tile_nest(call);
    call->shared_scratch = stoa_nd_sum_scratch(&nd);
    return STOA_OK;
}

static enum stoa_status run_tile(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    struct nd nd = tile_nest(call);
    stoa_nd_sum(&nd, run->pool, NULL, NULL, run->shared);
    return STOA_OK;
}

const struct op stoa_op_tile_backward = {
    .type = "TileBackward",
    .since = 1,
    .min_inputs = 3,
    .max_inputs = 3,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1,
    .infer = infer_tile,
    .prepare = prepare_tile,
    .run = run_tile,
};
