/* Unique: the distinct elements of a tensor, or its distinct slices along an axis, and which is where. How many there
 * are is part of the outputs' dims, so the input must be known when a session is created.
 *
 * The slices are put in order by a heap: without memory beyond an array on the stack, for which there is a most. NaN
 * comes last and is equal to NaN. No gradients. */
#include <stdint.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/op.h"

#define MOST 8192

struct unique_params {
    bool has_axis, unsorted;
    int64_t axis;
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    struct unique_params *params = params_;
    params->has_axis = stoa_reader_has(reader, "axis");
    params->axis = stoa_read_int(reader, "axis", 0, -STOA_MAX_RANK, STOA_MAX_RANK - 1);
    params->unsorted = stoa_read_int(reader, "sorted", 1, 0, 1) == 0;
    return stoa_reader_finish(reader);
}

/* What is compared: `count` slices, each of which begins `step` elements behind the one before, or, of a tensor that is
 * flattened, anywhere. */
struct slices {
    const struct stoa_tensor *x;
    struct stoa_tensor one; /* dims and strides of a slice */
    bool flat;
    size_t axis, count, step, elements;
};

static enum stoa_status cut(const struct op_call *call, struct stoa_error *error, struct slices *slices)
{
    const struct unique_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0];
    *slices = (struct slices){.x = x, .one = *x, .flat = !params->has_axis};
    if (slices->flat) {
        slices->one.rank = 0;
        slices->count = stoa_tensor_elements(x);
    } else {
        STOA_TRY(stoa_check_axis("axis", params->axis, x->rank, false, error, &slices->axis));
        slices->one.dims[slices->axis] = 1;
        slices->count = x->dims[slices->axis];
        slices->step = x->strides[slices->axis];
    }
    slices->elements = stoa_tensor_elements(&slices->one);
    if (slices->count > MOST)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the input has %zu elements to compare, at most %d are taken",
                         slices->count, MOST);
    return slices->count ? stoa_check_known(call, 0, "X", error) : STOA_OK;
}

static size_t start_of(const struct slices *slices, size_t i)
{
    return slices->flat ? stoa_tensor_offset(slices->x, i) : i * slices->step;
}

/* Below 0, 0 or above, as a is before, equal to or behind b. */
static int compare_elements(const struct stoa_tensor *x, size_t a, size_t b)
{
    if (x->dtype == STOA_INT64) { /* both beyond what a double holds */
        int64_t p = ((const int64_t *)x->data)[a], q = ((const int64_t *)x->data)[b];
        return (p > q) - (p < q);
    }
    if (x->dtype == STOA_UINT64) {
        uint64_t p = ((const uint64_t *)x->data)[a], q = ((const uint64_t *)x->data)[b];
        return (p > q) - (p < q);
    }
    double p = stoa_tensor_load(x, a), q = stoa_tensor_load(x, b);
    if (p != p || q != q)
        return (p != p) - (q != q);
    return (p > q) - (p < q);
}

static int compare(const struct slices *slices, size_t a, size_t b)
{
    size_t at = start_of(slices, a), other = start_of(slices, b);
    for (size_t i = 0; i < slices->elements; i++) {
        size_t offset = stoa_tensor_offset(&slices->one, i);
        int order = compare_elements(slices->x, at + offset, other + offset);
        if (order)
            return order;
    }
    return 0;
}

static bool is_before(const struct slices *slices, size_t a, size_t b)
{
    int order = compare(slices, a, b);
    return order < 0 || (order == 0 && a < b);
}

static void sift(const struct slices *slices, uint16_t *heap, size_t at, size_t count)
{
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && is_before(slices, heap[child], heap[child + 1]))
            child++;
        if (!is_before(slices, heap[at], heap[child]))
            return;
        uint16_t moved = heap[at];
        heap[at] = heap[child];
        heap[child] = moved;
    }
}

/* order[count]: the slices' numbers, in their order, equal ones in that of their numbers. */
static void sort(const struct slices *slices, uint16_t order[MOST])
{
    size_t count = slices->count;
    for (size_t i = 0; i < count; i++)
        order[i] = (uint16_t)i;
    for (size_t i = count / 2; i-- > 0;)
        sift(slices, order, i, count);
    for (size_t i = count; i-- > 1;) {
        uint16_t largest = order[0];
        order[0] = order[i];
        order[i] = largest;
        sift(slices, order, 0, i);
    }
}

/* Whether place i of the order begins another group of equal slices. */
static bool begins(const struct slices *slices, const uint16_t *order, size_t i)
{
    return i == 0 || compare(slices, order[i - 1], order[i]) != 0;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    struct slices slices;
    uint16_t order[MOST];
    size_t groups = 0;
    STOA_TRY(cut(call, error, &slices));
    sort(&slices, order);
    for (size_t i = 0; i < slices.count; i++)
        groups += begins(&slices, order, i);
    stoa_same_as_input(call, 0, 0);
    if (slices.flat)
        call->outputs[0].rank = 1;
    call->outputs[0].dims[slices.axis] = groups;
    for (size_t o = 1; o < call->output_count; o++)
        if (call->outputs[o].dtype != STOA_NONE) {
            call->outputs[o].dtype = STOA_INT64;
            call->outputs[o].rank = 1;
            call->outputs[o].dims[0] = o == 2 ? slices.count : groups;
        }
    return STOA_OK;
}

static void write(const struct op_call *call, size_t output, size_t at, int64_t value)
{
    if (output >= call->output_count || call->outputs[output].dtype == STOA_NONE)
        return;
    const struct stoa_tensor *y = &call->outputs[output];
    ((int64_t *)y->data)[at * y->strides[0]] = value;
}

/* Group g of the outputs: `size` slices, of which the first is number `first`. */
static void write_group(const struct op_call *call, const struct slices *slices, size_t g, size_t first, size_t size,
                        struct pool *pool)
{
    const struct stoa_tensor *y = &call->outputs[0];
    struct stoa_tensor from = slices->one, to = *y;
    size_t bytes = stoa_dtype_size(y->dtype);
    to.rank = slices->one.rank;
    memcpy(to.dims, slices->one.dims, sizeof to.dims);
    from.data = (char *)slices->x->data + start_of(slices, first) * bytes;
    to.data = (char *)y->data + g * y->strides[slices->axis] * bytes;
    stoa_nd_copy(&from, &to, pool);
    write(call, 1, g, (int64_t)first);
    write(call, 3, g, (int64_t)size);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct unique_params *params = call->params;
    struct slices slices;
    uint16_t order[MOST], number[MOST]; /* of the group whose first slice this is */
    STOA_TRY(cut(call, error, &slices));
    sort(&slices, order);
    size_t groups = 0;
    for (size_t i = 0; i < slices.count; i++)
        if (begins(&slices, order, i))
            number[order[i]] = (uint16_t)(params->unsorted ? MOST : groups++);
        else
            number[order[i]] = MOST + 1;
    for (size_t i = 0; params->unsorted && i < slices.count; i++)
        if (number[i] == MOST)
            number[i] = (uint16_t)groups++;
    for (size_t i = 0, end; i < slices.count; i = end) {
        size_t first = order[i];
        for (end = i + 1; end < slices.count && !begins(&slices, order, end); end++)
            ;
        write_group(call, &slices, number[first], first, end - i, run->pool);
        for (size_t k = i; k < end; k++)
            write(call, 2, order[k], number[first]);
    }
    return STOA_OK;
}

const struct op stoa_op_unique = {
    .type = "Unique",
    .since = 11,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 4,
    .layout = OP_ANY,
    .value_inputs = 1,
    .params_size = sizeof(struct unique_params),
    .parse = parse,
    .infer = infer,
    .run = run,
};
