/* CumSum: each element becomes the sum of those up to it along an axis. Floats are summed up in double, so that the
 * error does not grow along the way. */
#include "ops/cumsum.h"

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/reduce.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/walk.h"

enum stoa_status stoa_cumsum_parse(struct attribute_reader *reader, void *out)
{
    struct cumsum_params *params = out;
    params->exclusive = stoa_read_int(reader, "exclusive", 0, 0, 1) != 0;
    params->reverse = stoa_read_int(reader, "reverse", 0, 0, 1) != 0;
    return stoa_reader_finish(reader);
}

static enum stoa_status read_axis(const struct op_call *call, struct stoa_error *error, size_t *axis)
{
    int64_t value = 0;
    size_t count;
    STOA_TRY(stoa_input_values(call, 1, "axis", 1, error, &value, &count));
    return stoa_check_axis("axis", value, call->inputs[0].rank, false, error, axis);
}

enum stoa_status stoa_cumsum_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *axis = &call->inputs[1];
    size_t checked;
    if (!stoa_reduce_loops(call->inputs[0].dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input x is of type %s, only numbers are supported",
                         stoa_dtype_name(call->inputs[0].dtype));
    STOA_TRY(stoa_check_single(call, 1, "axis", error));
    if (axis->dtype != STOA_INT64 && axis->dtype != STOA_INT32)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input axis is of type %s, must be int64 or int32",
                         stoa_dtype_name(axis->dtype));
    if (axis->data) /* nothing else depends on it */
        STOA_TRY(read_axis(call, error, &checked));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

struct summing {
    const struct cumsum_params *params;
    const struct reduce_loops *loops;
    size_t size; /* of an element */
    const char *x;
    char *y;
};

static void unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    (void)walk;
    const struct summing *summing = context;
    union reduce_value sums[WALK_LANES];
    for (size_t l = 0; l < unit->block.lanes; l++)
        sums[l] = summing->loops->neutral(REDUCE_SUM);
    summing->loops->scan(&unit->block, summing->params->exclusive, summing->params->reverse,
                         summing->x + unit->x_offset * summing->size, sums,
                         summing->y + unit->y_offset * summing->size);
}

enum stoa_status stoa_cumsum_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t axis;
    bool reduced[STOA_MAX_RANK] = {0};
    STOA_TRY(read_axis(call, error, &axis));
    reduced[axis] = true;
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, y->strides, reduced, WALK_ANY_AXIS, false, &walk);
    struct summing summing = {.params = call->params,
                              .loops = stoa_reduce_loops(x->dtype),
                              .size = stoa_dtype_size(x->dtype),
                              .x = x->data,
                              .y = y->data};
    stoa_walk_run(&walk, run->pool, unit, &summing);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"CumSumBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 1}}, 1, {0}},
};

const struct op stoa_op_cum_sum = {
    .type = "CumSum",
    .since = 11,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .value_inputs = 1 << 1,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct cumsum_params),
    .parse = stoa_cumsum_parse,
    .infer = stoa_cumsum_infer,
    .run = stoa_cumsum_run,
};
