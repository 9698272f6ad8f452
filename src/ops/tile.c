/* Tile: the input repeated along its axes. */
#include <inttypes.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/rearrange.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    struct op_integers repeats;
    STOA_TRY(stoa_input_integers(call, 1, "repeats", error, &repeats));
    if (repeats.count != x->rank)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input repeats has %zu values, the input has rank %zu", repeats.count,
                         x->rank);
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 0; i < x->rank; i++) {
        if (repeats.values[i] < 0)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "repeats[%zu] is %" PRId64 ", must be 0 or more", i,
                             repeats.values[i]);
        if (!stoa_size_mul(x->dims[i], (size_t)repeats.values[i], &y->dims[i]))
            return stoa_fail(error, STOA_ERROR_LIMIT, "repeats[%zu] is %" PRId64 ", which makes more than memory", i,
                             repeats.values[i]);
    }
    return stoa_tensor_measure(y, error, NULL, NULL);
}

static void append(struct tile_axes *axes, size_t dim, ptrdiff_t x_stride, size_t y_stride)
{
    if (dim == 1)
        return;
    axes->dims[axes->rank] = dim;
    axes->x_strides[axes->rank] = x_stride;
    axes->y_strides[axes->rank++] = (ptrdiff_t)y_stride;
}

struct tile_axes stoa_tile_axes(const struct stoa_tensor *x, const struct stoa_tensor *y)
{
    struct tile_axes axes = {0};
    for (size_t i = 0; i < x->rank; i++) {
        append(&axes, x->dims[i] ? y->dims[i] / x->dims[i] : 0, 0, x->dims[i] * y->strides[i]);
        append(&axes, x->dims[i], (ptrdiff_t)x->strides[i], y->strides[i]);
    }
    return axes;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    if (stoa_tensor_elements(y) == 0)
        return STOA_OK;
    struct tile_axes axes = stoa_tile_axes(x, y);
    /* What a nest has no room for is looped over here. */
    size_t outer = axes.rank > STOA_MAX_RANK ? axes.rank - STOA_MAX_RANK : 0, count = 1;
    for (size_t i = 0; i < outer; i++)
        count *= axes.dims[i];
    size_t size = stoa_dtype_size(x->dtype);
    struct nd nd = {.rank = axes.rank - outer, .operand_count = 2, .operands = {{.size = size}, {.size = size}}};
    for (size_t i = 0; i < nd.rank; i++) {
        nd.dims[i] = axes.dims[outer + i];
        nd.operands[0].strides[i] = axes.y_strides[outer + i];
        nd.operands[1].strides[i] = axes.x_strides[outer + i];
    }
    for (size_t o = 0; o < count; o++) {
        size_t rest = o;
        nd.operands[0].data = y->data;
        nd.operands[1].data = x->data;
        for (size_t i = outer; i-- > 0; rest /= axes.dims[i]) {
            ptrdiff_t at = (ptrdiff_t)(rest % axes.dims[i] * size);
            nd.operands[0].data += at * axes.y_strides[i];
            nd.operands[1].data += at * axes.x_strides[i];
        }
        stoa_nd_copy_nest(&nd, run->pool);
    }
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"TileBackward", 3, {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}}, 1, {0}},
};

const struct op stoa_op_tile = {
    .type = "Tile",
    .since = 6,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .value_inputs = 1 << 1,
    .gradients = gradients,
    .gradient_count = 1,
    .infer = infer,
    .run = run,
};
