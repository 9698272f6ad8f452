/* Slice: a strided range of the input, one copy. */

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/check.h"
#include "ops/op.h"

enum { STARTS, ENDS, AXES, STEPS, LISTS };
static const char *const list_names[LISTS] = {"starts", "ends", "axes", "steps"};

struct slice_params {
    bool inputs; /* the lists are inputs rather than attributes */
    struct op_integers lists[LISTS];
};

/* What is taken of one axis: `count` elements from `start` on, `step` apart. */
struct range {
    int64_t start, step;
    size_t count;
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    struct slice_params *params = params_;
    params->inputs = reader->opset >= 10;
    for (size_t i = STARTS; !params->inputs && i <= AXES; i++) {
        stoa_read_integers(reader, list_names[i], &params->lists[i]);
        if (i != AXES)
            stoa_reader_require(reader, list_names[i]);
    }
    return stoa_reader_finish(reader);
}

static int64_t within(int64_t value, int64_t least, int64_t most)
{
    return value < least ? least : value > most ? most : value;
}

static struct range range_of(int64_t start, int64_t end, int64_t step, size_t dim)
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
    return (struct range){start, step, empty ? 0 : (size_t)((span - 1) / pace + 1)};
}

static enum stoa_status ranges_of(const struct op_call *call, struct stoa_error *error, struct range *ranges)
{
    const struct slice_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    struct op_integers lists[LISTS];
    for (size_t i = 0; i < LISTS; i++) {
        lists[i] = params->lists[i];
        if (params->inputs)
            STOA_TRY(stoa_input_integers(call, i + 1, list_names[i], error, &lists[i]));
        if (i != STARTS && (i == ENDS || lists[i].present) && lists[i].count != lists[STARTS].count)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s has %zu values, starts has %zu", list_names[i],
                             lists[i].count, lists[STARTS].count);
    }
    for (size_t i = 0; !lists[AXES].present && i < lists[STARTS].count; i++) {
        lists[AXES].values[i] = (int64_t)i;
        lists[AXES].count = i + 1;
    }
    bool named[STOA_MAX_RANK];
    STOA_TRY(stoa_check_axes("axes", &lists[AXES], x->rank, error, named));
    for (size_t i = 0; i < x->rank; i++)
        ranges[i] = (struct range){0, 1, x->dims[i]};
    for (size_t i = 0; i < lists[STARTS].count; i++) {
        int64_t axis = lists[AXES].values[i], step = lists[STEPS].present ? lists[STEPS].values[i] : 1;
        if (step == 0)
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "steps[%zu] is 0", i);
        size_t at = (size_t)(axis < 0 ? axis + (int64_t)x->rank : axis);
        ranges[at] = range_of(lists[STARTS].values[i], lists[ENDS].values[i], step, x->dims[at]);
    }
    return STOA_OK;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    struct range ranges[STOA_MAX_RANK];
    STOA_TRY(ranges_of(call, error, ranges));
    stoa_same_as_input(call, 0, 0);
    for (size_t i = 0; i < call->inputs[0].rank; i++)
        call->outputs[0].dims[i] = ranges[i].count;
    return STOA_OK;
}

static bool splits(const struct op_call *call, size_t i, size_t *first)
{
    struct range ranges[STOA_MAX_RANK];
    const struct stoa_tensor *x = &call->inputs[0];
    if (i != 0 || x->rank != 4 || ranges_of(call, NULL, ranges) != STOA_OK)
        return false;
    for (size_t k = 0; k < x->rank; k++)
        if (ranges[k].step != 1 || (k != 1 && ranges[k].count != x->dims[k]))
            return false;
    *first = (size_t)ranges[1].start;
    return true;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    struct range ranges[STOA_MAX_RANK];
    STOA_TRY(ranges_of(call, error, ranges));
    if (stoa_tensor_elements(y) == 0)
        return STOA_OK;
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read_scalar(&nd, x->dtype, x->data);
    ptrdiff_t from = 0;
    for (size_t i = 0; i < x->rank; i++) {
        from += (ptrdiff_t)ranges[i].start * (ptrdiff_t)x->strides[i];
        /* A step over a single element may be any number. */
        if (ranges[i].count > 1)
            nd.operands[1].strides[i] = (ptrdiff_t)ranges[i].step * (ptrdiff_t)x->strides[i];
    }
    nd.operands[1].data += from * (ptrdiff_t)stoa_dtype_size(x->dtype);
    stoa_nd_copy_nest(&nd, run->pool);
    return STOA_OK;
}

#define SLICE(name, since_, until_, least_inputs, most_inputs)                                                         \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Slice",                                                                                               \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = least_inputs,                                                                                    \
        .max_inputs = most_inputs,                                                                                     \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .params_size = sizeof(struct slice_params),                                                                    \
        .parse = parse,                                                                                                \
        .splits = splits,                                                                                              \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };
SLICE(slice, 1, 9, 1, 1)
SLICE(slice_10, 10, 0, 3, 5)
