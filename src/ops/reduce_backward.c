/* Backward passes of the reductions. A sum's gradient goes to all of its elements, a mean's in equal parts; a maximum's
 * to the first that has it (to the last NaN, if there are any), as in PyTorch, and a minimum's likewise; that of the
 * others is weighed with the derivative at each element. */
#include "ops/reduce.h"

#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/block_backward.h"
#include "kernels/gradient.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/walk.h"

/* Inputs; behind those that must be there are the axes, if an input names them. */
enum { DY, X, Y };

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, X, "data", error));
    stoa_same_as_input(call, X, 0);
    return STOA_OK;
}

static void read_along(struct nd *nd, const struct stoa_tensor *tensor, const size_t *strides)
{
    struct nd_operand *operand = &nd->operands[nd->operand_count++];
    *operand = (struct nd_operand){.data = tensor->data, .size = sizeof(float)};
    for (size_t i = 0; i < nd->rank; i++)
        operand->strides[i] = (ptrdiff_t)strides[i];
}

/* dx <- dy * part */
static void share(const struct op_call *call, const struct op_run *run, const size_t *dy_strides, float part)
{
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    read_along(&nd, &call->inputs[DY], dy_strides);
    stoa_nd_run(&nd, run->pool, stoa_scale_loop, &part);
}

/* 1 / the number of elements that share a gradient. */
static float part_of(const struct op_call *call)
{
    size_t elements = stoa_tensor_elements(&call->outputs[0]);
    return elements ? (float)((double)stoa_tensor_elements(&call->inputs[DY]) / (double)elements) : 0;
}

static enum stoa_status find_axes(const struct op_call *call, struct stoa_error *error, bool *reduced,
                                  size_t strides[STOA_MAX_RANK])
{
    STOA_TRY(stoa_reduce_axes(call, call->op->min_inputs, call->inputs[X].rank, error, reduced));
    stoa_reduce_strides(call->params, reduced, &call->inputs[X], &call->inputs[DY], strides);
    return STOA_OK;
}

static enum stoa_status run_reduce_sum(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    bool reduced[STOA_MAX_RANK];
    size_t strides[STOA_MAX_RANK];
    STOA_TRY(find_axes(call, error, reduced, strides));
    share(call, run, strides, 1);
    return STOA_OK;
}

static enum stoa_status run_reduce_mean(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    bool reduced[STOA_MAX_RANK];
    size_t strides[STOA_MAX_RANK];
    STOA_TRY(find_axes(call, error, reduced, strides));
    share(call, run, strides, part_of(call));
    return STOA_OK;
}

static enum stoa_status run_global_average_pool(const struct op_call *call, const struct op_run *run,
                                                struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *dy = &call->inputs[DY];
    share(call, run, (size_t[STOA_MAX_RANK]){dy->strides[0], dy->strides[1]}, part_of(call));
    return STOA_OK;
}

/* dx from x and dy, and y where the operator has it. */
static enum stoa_status run_elements(const struct op_call *call, const struct op_run *run,
                                     enum reduction_gradient gradient, struct stoa_error *error)
{
    bool reduced[STOA_MAX_RANK];
    size_t strides[STOA_MAX_RANK];
    STOA_TRY(find_axes(call, error, reduced, strides));
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    read_along(&nd, &call->inputs[DY], strides);
    stoa_nd_read(&nd, &call->inputs[X]);
    if (call->op->min_inputs > Y) {
        stoa_reduce_strides(call->params, reduced, &call->inputs[X], &call->inputs[Y], strides);
        read_along(&nd, &call->inputs[Y], strides);
    }
    stoa_nd_run(&nd, run->pool, stoa_reduction_gradient(gradient), NULL);
    return STOA_OK;
}

struct extreme {
    const float *dy, *x;
    float *dx;
    bool least;
};

/* A unit has all elements of some results; y is dx, z is dy. */
static void extreme_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    const struct extreme *extreme = context;
    const struct block *block = &unit->block;
    float best[WALK_LANES];
    float *place[WALK_LANES] = {0};
    for (size_t i = 0; i < walk->far.count; i++) {
        size_t x_offset, dx_offset;
        stoa_walk_offsets(&walk->far, i, &x_offset, &dx_offset);
        const float *x = extreme->x + unit->x_offset + x_offset;
        float *dx = extreme->dx + unit->y_offset + dx_offset;
        for (size_t r = 0; r < block->count; r++)
            for (size_t l = 0; l < block->lanes; l++) {
                float value = x[r * block->x_step + l * block->x_lane];
                float *at = &dx[r * block->y_step + l * block->y_lane];
                *at = 0;
                value = extreme->least ? -value : value;
                if (place[l] && !(value > best[l]) && !isnan(value))
                    continue;
                best[l] = value;
                place[l] = at;
            }
    }
    for (size_t l = 0; l < block->lanes; l++)
        if (place[l])
            *place[l] = extreme->dy[unit->z_offset + l * block->z_lane];
}

static void give_to_extremes(const struct op_call *call, const struct op_run *run, const bool *reduced,
                             const size_t *dy_strides, bool least)
{
    const struct stoa_tensor *x = &call->inputs[X], *dx = &call->outputs[0];
    struct walk walk;
    stoa_walk_plan_three(x->rank, x->dims, x->strides, dx->strides, dy_strides, reduced, WALK_ANY_AXIS, false, &walk);
    struct extreme extreme = {.dy = call->inputs[DY].data, .x = x->data, .dx = dx->data, .least = least};
    stoa_walk_run(&walk, run->pool, extreme_unit, &extreme);
}

static enum stoa_status run_extreme(const struct op_call *call, const struct op_run *run, bool least,
                                    struct stoa_error *error)
{
    bool reduced[STOA_MAX_RANK];
    size_t strides[STOA_MAX_RANK];
    STOA_TRY(find_axes(call, error, reduced, strides));
    give_to_extremes(call, run, reduced, strides, least);
    return STOA_OK;
}

static enum stoa_status run_reduce_max(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return run_extreme(call, run, false, error);
}

static enum stoa_status run_reduce_min(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return run_extreme(call, run, true, error);
}

static enum stoa_status run_global_max_pool(const struct op_call *call, const struct op_run *run,
                                            struct stoa_error *error)
{
    (void)error;
    static const bool pixels[STOA_MAX_RANK] = {0, 0, 1, 1, 1, 1, 1, 1};
    const struct stoa_tensor *dy = &call->inputs[DY];
    give_to_extremes(call, run, pixels, (size_t[STOA_MAX_RANK]){dy->strides[0], dy->strides[1]}, false);
    return STOA_OK;
}

#define RUN_ELEMENTS(name, gradient)                                                                                   \
    static enum stoa_status run_reduce_##name(const struct op_call *call, const struct op_run *run,                    \
                                              struct stoa_error *error)                                                \
    {                                                                                                                  \
        return run_elements(call, run, gradient, error);                                                               \
    }
RUN_ELEMENTS(l1, GRADIENT_L1)
RUN_ELEMENTS(l2, GRADIENT_L2)
RUN_ELEMENTS(sum_square, GRADIENT_SUM_SQUARE)
RUN_ELEMENTS(log_sum, GRADIENT_LOG_SUM)
RUN_ELEMENTS(log_sum_exp, GRADIENT_LOG_SUM_EXP)

/* clang-format off */
/* Which element is the first is a matter of the order of dims. */
#define BACKWARD(name, type_, layout_, least_inputs, most_inputs, dims_inputs_, size, parse_)                          \
    const struct op stoa_op_##name##_backward = {                                                                      \
        .type = type_ "Backward",                                                                                      \
        .since = 1,                                                                                                    \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = layout_,                                                                                             \
        .dims_inputs = dims_inputs_,                                                                                   \
        .params_size = size,                                                                                           \
        .parse = parse_,                                                                                               \
        .infer = infer,                                                                                                \
        .run = run_##name,                                                                                             \
    };
#define REDUCTION(name, type, layout, inputs, dims_inputs, parse)                                                      \
    BACKWARD(reduce_##name, type, layout, inputs, inputs + 1, dims_inputs, sizeof(struct reduce_params), parse)
/* clang-format on */
REDUCTION(sum, "ReduceSum", OP_ANY, 2, 1 << X, stoa_reduce_sum_parse)
REDUCTION(mean, "ReduceMean", OP_ANY, 2, 1 << X, stoa_reduce_parse)
REDUCTION(l1, "ReduceL1", OP_ANY, 2, 0, stoa_reduce_parse)
REDUCTION(l2, "ReduceL2", OP_ANY, 3, 0, stoa_reduce_parse)
REDUCTION(sum_square, "ReduceSumSquare", OP_ANY, 2, 0, stoa_reduce_parse)
REDUCTION(log_sum, "ReduceLogSum", OP_ANY, 3, 0, stoa_reduce_parse)
REDUCTION(log_sum_exp, "ReduceLogSumExp", OP_ANY, 3, 0, stoa_reduce_parse)
REDUCTION(max, "ReduceMax", OP_PLAIN, 2, 0, stoa_reduce_parse)
REDUCTION(min, "ReduceMin", OP_PLAIN, 2, 0, stoa_reduce_parse)
BACKWARD(global_average_pool, "GlobalAveragePool", OP_ANY, 2, 2, 1 << X, 0, NULL)
BACKWARD(global_max_pool, "GlobalMaxPool", OP_ANY, 2, 2, 0, 0, NULL)
