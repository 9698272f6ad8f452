/* ArgMax, ArgMin and Hardmax: where the largest element of each line along an axis is. The first of equal ones counts
 * (or the last, if asked for); a NaN counts as beyond all numbers, as in NumPy. What they give is piecewise constant:
 * no gradients pass. */
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "kernels/select.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/softmax.h"
#include "ops/walk.h"

struct arg_params {
    int64_t axis;
    bool keep, last;
};

static enum stoa_status arg_parse(struct attribute_reader *reader, void *out)
{
    struct arg_params *params = out;
    params->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK);
    params->keep = stoa_read_int(reader, "keepdims", 1, 0, 1) != 0;
    if (reader->opset >= 12)
        params->last = stoa_read_int(reader, "select_last_index", 0, 0, 1) != 0;
    return stoa_reader_finish(reader);
}

static enum stoa_status arg_infer(const struct op_call *call, struct stoa_error *error)
{
    const struct arg_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct stoa_tensor *y = &call->outputs[0];
    size_t axis;
    if (!stoa_select_loops(x->dtype))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input data is of type %s, only numbers are supported",
                         stoa_dtype_name(x->dtype));
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    if (x->dims[axis] == 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input data has no elements along axis %zu to find one among", axis);
    y->dtype = STOA_INT64;
    y->rank = 0;
    for (size_t i = 0; i < x->rank; i++)
        if (i != axis || params->keep)
            y->dims[y->rank++] = i == axis ? 1 : x->dims[i];
    return STOA_OK;
}

struct finding {
    const char *x;
    void *y;
    size_t size; /* of an element of x */
    bool least, last;
    void (*extreme)(const struct block *, bool, bool, const void *, int64_t *);
};

static void find(const struct finding *finding, const struct walk_unit *unit, int64_t *place)
{
    finding->extreme(&unit->block, finding->least, finding->last, finding->x + unit->x_offset * finding->size, place);
}

static void arg_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    (void)walk;
    const struct finding *finding = context;
    int64_t place[WALK_LANES];
    find(finding, unit, place);
    int64_t *y = (int64_t *)finding->y + unit->y_offset;
    for (size_t l = 0; l < unit->block.lanes; l++)
        y[l * unit->block.y_lane] = place[l];
}

static enum stoa_status arg_run(const struct op_call *call, const struct op_run *run, bool least,
                                struct stoa_error *error)
{
    const struct arg_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t axis, strides[STOA_MAX_RANK] = {0};
    bool reduced[STOA_MAX_RANK] = {0};
    STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &axis));
    reduced[axis] = true;
    for (size_t i = 0, at = 0; i < x->rank; i++) {
        strides[i] = i == axis ? 0 : y->strides[at];
        at += i != axis || params->keep;
    }
    struct finding finding = {.x = x->data,
                              .y = y->data,
                              .size = stoa_dtype_size(x->dtype),
                              .least = least,
                              .last = params->last,
                              .extreme = stoa_select_loops(x->dtype)->extreme};
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, strides, reduced, WALK_ANY_AXIS, false, &walk);
    stoa_walk_run(&walk, run->pool, arg_unit, &finding);
    return STOA_OK;
}

static enum stoa_status arg_max_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return arg_run(call, run, false, error);
}

static enum stoa_status arg_min_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    return arg_run(call, run, true, error);
}

static void hardmax_unit(void *context, const struct walk *walk, const struct walk_unit *unit)
{
    (void)walk;
    const struct finding *finding = context;
    const struct block *block = &unit->block;
    int64_t place[WALK_LANES];
    if (block->count == 0)
        return;
    find(finding, unit, place);
    float *y = (float *)finding->y + unit->y_offset;
    for (size_t r = 0; r < block->count; r++)
        for (size_t l = 0; l < block->lanes; l++)
            y[r * block->y_step + l * block->y_lane] = place[l] == (int64_t)r;
}

/* Tensors are plain, so that all axes from one on are one, in the order that tells which element is the first. */
static enum stoa_status hardmax_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    bool reduced[STOA_MAX_RANK];
    STOA_TRY(stoa_softmax_axes(call, error, reduced));
    struct finding finding = {
        .x = x->data, .y = y->data, .size = sizeof(float), .extreme = stoa_select_loops(STOA_FLOAT)->extreme};
    struct walk walk;
    stoa_walk_plan(x->rank, x->dims, x->strides, y->strides, reduced, WALK_ANY_AXIS, false, &walk);
    stoa_walk_run(&walk, run->pool, hardmax_unit, &finding);
    return STOA_OK;
}

#define ARG(name, type_)                                                                                               \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 1,                                                                                               \
        .max_inputs = 1,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct arg_params),                                                                      \
        .parse = arg_parse,                                                                                            \
        .infer = arg_infer,                                                                                            \
        .run = name##_run,                                                                                             \
    };
ARG(arg_max, "ArgMax")
ARG(arg_min, "ArgMin")

/* The entry serves every opset, as Softmax's does. */
const struct op stoa_op_hardmax = {
    .type = "Hardmax",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct softmax_params),
    .parse = stoa_softmax_parse,
    .infer = stoa_softmax_infer,
    .run = hardmax_run,
};
