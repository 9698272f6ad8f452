/* Slice: a strided range of the input, one copy. */

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

static const char *const list_names[SLICE_LISTS] = {"starts", "ends", "axes", "steps"};

enum stoa_status stoa_slice_parse(struct attribute_reader *reader, void *params_)
{
    struct slice_params *params = params_;
    params->inputs = reader->opset >= 10;
    for (size_t i = SLICE_STARTS; !params->inputs && i <= SLICE_AXES; i++) {
        stoa_read_integers(reader, list_names[i], &params->lists[i]);
        if (i != SLICE_AXES)
            stoa_reader_require(reader, list_names[i]);
    }
    return stoa_reader_finish(reader);
}

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static struct slice_range range_of(int64_t start, int64_t end, int64_t step, size_t dim)
{
    int64_t size = (int64_t)dim;
    bool forward = step > 0;
    start = start < 0 ? start + size : start;
    end = end < 0 ? end + size : end;
    /* Backwards, an end of -1 is in front of the first element. */
    start = forward ? within(start, 0, size) : within(start, size ? 0 : -1, size - 1);
    end = forward ? within(end, 0, size) : within(end, -1, size - 1);
    uint64_t span = forward ? (uint64_t)(end - start) : (uint64_t)(start - end);
    uint64_t pace = forward ? (uint64_t)step : 0 - (uint64_t)step;
    bool empty = forward ? end <= start : start <= end;
    return (struct slice_range){start, step, empty ? 0 : (size_t)((span - 1) / pace + 1)};
}

enum stoa_status stoa_slice_ranges(const struct op_call *call, struct stoa_error *error, struct slice_range *ranges)
{
    const struct slice_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct op_integers lists[SLICE_LISTS];
    for (size_t i = 0; i < SLICE_LISTS; i++) {
        lists[i] = params->lists[i];
        if (params->inputs)
            STOA_TRY(stoa_input_integers(call, i + 1, list_names[i], error, &lists[i]));
        if (i != SLICE_STARTS && (i == SLICE_ENDS || lists[i].present) && lists[i].count != lists[SLICE_STARTS].count)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s has %zu values, starts has %zu", list_names[i],
                             lists[i].count, lists[SLICE_STARTS].count);
    }
    for (size_t i = 0; !lists[SLICE_AXES].present && i < lists[SLICE_STARTS].count; i++) {
        lists[SLICE_AXES].values[i] = (int64_t)i;
        lists[SLICE_AXES].count = i + 1;
    }
    bool named[STOA_MAX_RANK];
    STOA_TRY(stoa_check_axes("axes", &lists[SLICE_AXES], x->rank, error, named));
    for (size_t i = 0; i < x->rank; i++)
        ranges[i] = (struct slice_range){0, 1, x->dims[i]};
    for (size_t i = 0; i < lists[SLICE_STARTS].count; i++) {
        int64_t axis = lists[SLICE_AXES].values[i],
                step = lists[SLICE_STEPS].present ? lists[SLICE_STEPS].values[i] : 1;
        if (step == 0)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "steps[%zu] is 0", i);
        size_t at = (size_t)(axis < 0 ? axis + (int64_t)x->rank : axis);
        ranges[at] = range_of(lists[SLICE_STARTS].values[i], lists[SLICE_ENDS].values[i], step, x->dims[at]);
    }
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    struct slice_range ranges[STOA_MAX_RANK];
    STOA_TRY(stoa_slice_ranges(call, error, ranges));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 0; i < call->inputs[0].rank; i++)
        call->outputs[0].dims[i] = ranges[i].count;
    return STOA_OK;
}

static bool splits(const struct op_call *call, size_t i, size_t *first)
{
    struct slice_range ranges[STOA_MAX_RANK];
    const struct stoa_tensor *x = &call->inputs[0];
    if (i != 0 || x->rank < 3 || stoa_slice_ranges(call, NULL, ranges) != STOA_OK)
        return false;
    for (size_t k = 0; k < x->rank; k++)
        if (ranges[k].step != 1 || (k != 1 && ranges[k].count != x->dims[k]))
            return false;
    *first = (size_t)ranges[1].start;
    return true;
}

void stoa_slice_walk(const struct slice_range *ranges, const struct stoa_tensor *x, struct nd_operand *operand)
{
    ptrdiff_t from = 0;
    *operand = (struct nd_operand){.size = stoa_dtype_size(x->dtype)};
    for (size_t i = 0; i < x->rank; i++) {
        from += (ptrdiff_t)ranges[i].start * (ptrdiff_t)x->strides[i];
        /* A step over a single element may be any number. */
        if (ranges[i].count > 1)
            operand->strides[i] = (ptrdiff_t)ranges[i].step * (ptrdiff_t)x->strides[i];
    }
    operand->data = (char *)x->data + from * (ptrdiff_t)operand->size;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    struct slice_range ranges[STOA_MAX_RANK];
    STOA_TRY(stoa_slice_ranges(call, error, ranges));
    if (stoa_tensor_elements(y) == 0)
        return STOA_OK;
    struct nd nd = stoa_nd_over(y);
    stoa_slice_walk(ranges, x, &nd.operands[nd.operand_count++]);
    stoa_nd_copy_nest(&nd, run->pool);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"SliceBackward",
     6,
     {{OP_GRADIENT, 0}, {OP_INPUT, 0}, {OP_INPUT, 1}, {OP_INPUT, 2}, {OP_INPUT, 3}, {OP_INPUT, 4}},
     1,
     {0}},
};

static const struct op_fusion fusion = {.splits = splits};

#define SLICE(name, since_, until_, least_inputs, most_inputs)                                                         \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Slice",                                                                                               \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .value_inputs = (1 << (most_inputs)) - 2, /* all but input 0 */                                                \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = gradients,                                                                                        \
        .gradient_count = 1,                                                                                           \
        .params_size = sizeof(struct slice_params),                                                                    \
        .parse = stoa_slice_parse,                                                                                     \
        .fusion = &fusion,                                                                                             \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };
SLICE(slice, 1, 9, 1, 1)
SLICE(slice_10, 10, 0, 3, 5)
