/* Gradients of Concat and Split: the parts of the whole's gradient, and the whole of the parts' gradients. A part whose
 * output nobody read has no gradient: zeros. */
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"
#include "ops/table.h"

/* Inputs of Split's: x, split, gradients of the outputs. */
enum { SPLIT_GRADIENTS = 2 };

static enum stoa_status infer_concat(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_backward_check(call, &stoa_op_concat, error));
    for (size_t i = 0; i < call->output_count; i++)
        if (call->outputs[i].dtype != STOA_NONE)
            stoa_same_as_input(call, i + 1, i);
    return STOA_OK;
}

static bool splits_concat(const struct op_call *call, size_t i, size_t *first)
{
    const struct concat_params *params = call->params;
    size_t axis, rank = call->inputs[0].rank;
    *first = 0;
    for (size_t k = 0; k < i; k++)
        *first += call->inputs[k + 1].dims[1];
    return rank >= 3 && stoa_check_axis("axis", params->axis, rank, false, NULL, &axis) == STOA_OK && axis == 1;
}

static enum stoa_status run_concat(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct concat_params *params = call->params;
    size_t axis, start = 0;
    STOA_TRY(stoa_check_axis("axis", params->axis, call->inputs[0].rank, false, error, &axis));
    for (size_t i = 0; i < call->output_count; i++) {
        size_t size = call->inputs[i + 1].dims[axis];
        if (call->outputs[i].dtype != STOA_NONE) {
            struct stoa_tensor part = stoa_part_of(&call->inputs[0], axis, start, size);
            stoa_nd_copy(&part, &call->outputs[i], run->pool);
        }
        start += size;
    }
    return STOA_OK;
}

/* The gradient of output i, or null. */
static const struct stoa_tensor *gradient_of_part(const struct op_call *call, size_t i)
{
    return stoa_op_has_input(call, SPLIT_GRADIENTS + i) ? &call->inputs[SPLIT_GRADIENTS + i] : NULL;
}

/* The forward call, without its outputs but with their number: the gradients end with the last that is there. */
static enum stoa_status split_of(const struct op_call *call, struct stoa_error *error, struct op_call *split)
{
    const struct split_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    size_t axis, given = call->input_count > SPLIT_GRADIENTS ? call->input_count - SPLIT_GRADIENTS : 0;
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    *split = *call;
    split->input_count = stoa_size_min(call->input_count, SPLIT_GRADIENTS);
    split->output_count = given;
    if (params->outputs) {
        split->output_count = params->outputs;
    } else if (params->has_sizes) {
        split->output_count = params->count;
    } else if (params->sizes_input && stoa_op_has_input(call, 1)) {
        split->output_count = stoa_tensor_elements(&call->inputs[1]);
    } else {
        const struct stoa_tensor *last = given ? gradient_of_part(call, given - 1) : NULL;
        if (last && last->rank == x->rank && last->dims[axis])
            split->output_count = x->dims[axis] / last->dims[axis];
    }
    if (split->output_count >= given && split->output_count <= OP_MAX_PARTS)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_SHAPE, "%zu gradients of %zu parts", given, split->output_count);
}

static enum stoa_status infer_split(const struct op_call *call, struct stoa_error *error)
{
    struct op_call split;
    size_t axis, sizes[OP_MAX_PARTS];
    STOA_TRY(split_of(call, error, &split));
    STOA_TRY(stoa_split_parts(&split, error, &axis, sizes));
    for (size_t i = 0; i < split.output_count; i++) {
        const struct stoa_tensor *dy = gradient_of_part(call, i);
        struct stoa_tensor part = call->inputs[0];
        part.dims[axis] = sizes[i];
        char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        if (dy && (dy->dtype != part.dtype || !stoa_tensor_same_dims(dy, &part)))
            return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient of output %zu has dims %s, the output %s", i,
                             stoa_dims_text(dy->rank, dy->dims, mine), stoa_dims_text(part.rank, part.dims, its));
    }
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

static enum stoa_status run_split(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct op_call split;
    size_t axis, start = 0, sizes[OP_MAX_PARTS];
    STOA_TRY(split_of(call, error, &split));
    STOA_TRY(stoa_split_parts(&split, error, &axis, sizes));
    for (size_t i = 0; i < split.output_count; start += sizes[i++]) {
        struct stoa_tensor part = stoa_part_of(&call->outputs[0], axis, start, sizes[i]);
        const struct stoa_tensor *dy = gradient_of_part(call, i);
        if (dy)
            stoa_nd_copy(dy, &part, run->pool);
        else
            stoa_backward_clear(&part, run->pool);
    }
    return STOA_OK;
}

static const struct op_fusion concat_fusion = {.splits = splits_concat};

const struct op stoa_op_concat_backward = {
    .type = "ConcatBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = OP_MAX_PARTS,
    .min_outputs = 0,
    .max_outputs = OP_MAX_PARTS,
    .layout = OP_ANY,
    .dims_inputs = 0xfe,
    .params_size = sizeof(struct concat_params),
    .fusion = &concat_fusion,
    .parse = stoa_concat_parse,
    .infer = infer_concat,
    .run = run_concat,
};

const struct op stoa_op_split_backward = {
    .type = "SplitBackward",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = OP_MAX_PARTS,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 0,
    .params_size = sizeof(struct split_params),
    .parse = stoa_split_parse,
    .infer = infer_split,
    .run = run_split,
};
