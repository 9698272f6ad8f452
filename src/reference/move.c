/* Operators that put elements elsewhere. All are exact. */
#include <string.h>

#include "reference/internal.h"

enum stoa_status stoa_reference_concat(struct reference_run *run)
{
    const struct reference_tensor *first = stoa_reference_input(run, 0);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    if (!stoa_reader_has(&run->reader, "axis"))
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute axis is missing");
    size_t axis, dims[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_axis(run, signed_axis, first->rank, false, &axis));
    memcpy(dims, first->dims, sizeof dims);
    dims[axis] = 0;
    for (size_t i = 0; i < run->call->input_count; i++) {
        const struct reference_tensor *x = stoa_reference_input(run, i);
        if (!x || x->dtype != first->dtype || x->rank != first->rank)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu is absent, or not of input 0's type and rank", i);
        for (size_t k = 0; k < x->rank; k++)
            if (k != axis && x->dims[k] != dims[k])
                return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu has %zu along axis %zu, input 0 has %zu", i,
                                 x->dims[k], k, dims[k]);
        dims[axis] += x->dims[axis];
    }
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, first->dtype, first->rank, dims, &y));

    size_t outer = stoa_reference_product(y, 0, axis), inner = stoa_reference_product(y, axis + 1, y->rank), at = 0;
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < run->call->input_count; i++) {
            const struct reference_tensor *x = stoa_reference_input(run, i);
            size_t run_length = x->dims[axis] * inner;
            for (size_t k = 0; k < run_length; k++)
                y->values[at++] = x->values[o * run_length + k];
        }
    return STOA_OK;
}

/* sizes[i] along the axis for each output: given, or equal parts. */
static enum stoa_status split_sizes(struct reference_run *run, size_t total, struct reference_list *sizes)
{
    size_t count = run->call->output_count, parts = 0;
    STOA_TRY(stoa_reference_list(run, 1, run->call->opset < 13 ? "split" : NULL, sizes));
    if (run->call->opset >= 18)
        parts = (size_t)stoa_read_int(&run->reader, "num_outputs", 0, 1, REFERENCE_LIST);
    STOA_TRY(run->reader.status);
    if (parts) {
        /* All as long as the first, as far as there is something left. */
        int64_t left = (int64_t)total, each = (int64_t)((total + parts - 1) / parts);
        for (size_t i = 0; i < parts; i++) {
            sizes->items[i] = each < left ? each : left;
            left -= sizes->items[i];
        }
        sizes->count = parts;
    } else if (!sizes->present) {
        if (count > REFERENCE_LIST || total % count)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "%zu elements do not fall into %zu equal parts", total,
                             count);
        sizes->count = count;
        for (size_t i = 0; i < count; i++)
            sizes->items[i] = (int64_t)(total / count);
    }
    int64_t sum = 0;
    for (size_t i = 0; i < sizes->count; i++) {
        if (sizes->items[i] < 0 || sizes->items[i] > (int64_t)total)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "split[%zu] is %lld", i, (long long)sizes->items[i]);
        sum += sizes->items[i];
    }
    if (sizes->count < count || sum != (int64_t)total)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "split has %zu parts of %lld in all, not %zu parts of %zu",
                         sizes->count, (long long)sum, count, total);
    return STOA_OK;
}

enum stoa_status stoa_reference_split(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    size_t axis, start = 0, dims[STOA_MAX_RANK];
    struct reference_list sizes;
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    STOA_TRY(split_sizes(run, x->dims[axis], &sizes));

    size_t outer = stoa_reference_product(x, 0, axis), inner = stoa_reference_product(x, axis + 1, x->rank);
    memcpy(dims, x->dims, sizeof dims);
    for (size_t i = 0; i < run->call->output_count; i++) {
        struct reference_tensor *y;
        dims[axis] = (size_t)sizes.items[i];
        STOA_TRY(stoa_reference_output(run, i, x->dtype, x->rank, dims, &y));
        size_t length = dims[axis] * inner;
        for (size_t o = 0; y && o < outer; o++)
            for (size_t k = 0; k < length; k++)
                y->values[o * length + k] = x->values[(o * x->dims[axis] + start) * inner + k];
        start += dims[axis];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_transpose(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list perm;
    size_t axes[STOA_MAX_RANK], dims[STOA_MAX_RANK], index[STOA_MAX_RANK] = {0}, from[STOA_MAX_RANK] = {0};
    bool seen[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_list(run, 0, "perm", &perm));
    STOA_TRY(stoa_reference_axes(run, &perm, x->rank, seen));
    if (perm.present && perm.count != x->rank)
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute perm has %zu values, input 0 has rank %zu",
                         perm.count, x->rank);
    for (size_t i = 0; i < x->rank; i++) {
        axes[i] = x->rank - 1 - i;
        if (perm.present)
            STOA_TRY(stoa_reference_axis(run, perm.items[i], x->rank, false, &axes[i]));
        dims[i] = x->dims[axes[i]];
    }
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, dims, index)) {
        for (size_t i = 0; i < x->rank; i++)
            from[axes[i]] = index[i];
        y->values[at] = x->values[stoa_reference_offset(x, x->rank, from)];
    }
    return STOA_OK;
}

enum { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

/* Where coordinate i of an axis of `size` > 0 elements takes its value from; -1: nowhere, the constant. Wrapping goes
 * around the elements that pads below 0 leave. */
static int64_t pad_source(size_t mode, int64_t i, int64_t size, int64_t begin, int64_t end)
{
    if (i >= 0 && i < size)
        return i;
    if (mode == PAD_CONSTANT)
        return -1;
    if (mode == PAD_EDGE)
        return i < 0 ? 0 : size - 1;
    int64_t first = begin < 0 ? -begin : 0, kept = size + (end < 0 ? end : 0) - first;
    if (mode == PAD_WRAP)
        return kept > 0 ? first + ((i - first) % kept + kept) % kept : -1;
    if (size == 1)
        return 0;
    int64_t period = 2 * (size - 1);
    i = (i % period + period) % period;
    return i < size ? i : period - i;
}

/* Two for each axis: those of axes that are not named, since opset 18, are 0. */
static enum stoa_status read_pads(struct reference_run *run, size_t rank, struct reference_list *pads)
{
    struct reference_list given, axes = {.present = false};
    bool seen[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_list(run, 1, run->call->opset < 11 ? "pads" : NULL, &given));
    if (run->call->opset >= 18)
        STOA_TRY(stoa_reference_list(run, 3, NULL, &axes));
    STOA_TRY(stoa_reference_axes(run, &axes, rank, seen));
    size_t count = axes.present ? axes.count : rank;
    if (given.count != 2 * count)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "pads has %zu values for %zu axes", given.count, count);
    *pads = (struct reference_list){.present = true, .count = 2 * rank};
    for (size_t i = 0; i < count; i++) {
        size_t axis = i;
        if (axes.present)
            STOA_TRY(stoa_reference_axis(run, axes.items[i], rank, false, &axis));
        pads->items[axis] = given.items[i];
        pads->items[rank + axis] = given.items[count + i];
    }
    return STOA_OK;
}

/* Two pads for each axis; `value` is the constant mode's. */
static enum stoa_status pad_by(struct reference_run *run, size_t mode, double value, const struct reference_list *pads)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    size_t dims[STOA_MAX_RANK], index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < x->rank; i++) {
        int64_t begin = pads->items[i], end = pads->items[x->rank + i], size = (int64_t)x->dims[i];
        if (begin < -INT32_MAX || begin > INT32_MAX || end < -INT32_MAX || end > INT32_MAX || size + begin + end < 0)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "pads of axis %zu are %lld and %lld on %lld elements", i,
                             (long long)begin, (long long)end, (long long)size);
        dims[i] = (size_t)(size + begin + end);
        if (!size && dims[i] && mode != PAD_CONSTANT)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "axis %zu has no element to pad with", i);
    }
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, dims, index)) {
        size_t source = 0;
        bool inside = true;
        for (size_t i = 0; i < x->rank; i++) {
            int64_t from = pad_source(mode, (int64_t)index[i] - pads->items[i], (int64_t)x->dims[i], pads->items[i],
                                      pads->items[x->rank + i]);
            inside &= from >= 0;
            source = source * x->dims[i] + (size_t)(from < 0 ? 0 : from);
        }
        y->values[at] = inside ? x->values[source] : value;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_pad(struct reference_run *run)
{
    static const char *const before_19[] = {"constant", "reflect", "edge", NULL};
    static const char *const modes[] = {"constant", "reflect", "edge", "wrap", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    const struct reference_tensor *constant = run->call->opset < 11 ? NULL : stoa_reference_input(run, 2);
    size_t mode = stoa_read_choice(&run->reader, "mode", run->call->opset < 19 ? before_19 : modes);
    double value = 0;
    if (run->call->opset < 11)
        value = (double)stoa_read_float(&run->reader, "value", 0);
    STOA_TRY(run->reader.status);
    if (constant && stoa_reference_count(constant) != 1)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 2 must be one number");
    if (constant)
        value = constant->values[0];
    struct reference_list pads;
    STOA_TRY(read_pads(run, x->rank, &pads));
    return pad_by(run, mode, value, &pads);
}

/* Pads that leave the middle of a longer axis and put a shorter one into the middle; an odd one more is behind. */
enum stoa_status stoa_reference_center_crop_pad(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list shape, axes, pads = {.count = 2 * x->rank};
    bool seen[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_list(run, 1, NULL, &shape));
    STOA_TRY(stoa_reference_list(run, 0, "axes", &axes));
    STOA_TRY(stoa_reference_axes(run, &axes, x->rank, seen));
    if (shape.count != (axes.present ? axes.count : x->rank))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "shape has %zu values", shape.count);
    for (size_t i = 0; i < shape.count; i++) {
        size_t axis = i;
        if (axes.present)
            STOA_TRY(stoa_reference_axis(run, axes.items[i], x->rank, false, &axis));
        if (shape.items[i] < 0)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "shape[%zu] is %lld", i, (long long)shape.items[i]);
        int64_t more = shape.items[i] - (int64_t)x->dims[axis];
        pads.items[axis] = more / 2;
        pads.items[x->rank + axis] = more - more / 2;
    }
    return pad_by(run, PAD_CONSTANT, 0, &pads);
}

/* Start and number of elements of a slice of an axis of `size` elements. */
static void slice_axis(int64_t start, int64_t end, int64_t step, int64_t size, int64_t *first, size_t *count)
{
    /* Counted from the back where negative, then held within what can be reached; one past either end means up to it.
     */
    int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
    start = start < 0 ? start + size : start;
    end = end < 0 ? end + size : end;
    start = start < low + (step < 0) ? low + (step < 0) : start > high ? high : start;
    end = end < low ? low : end > high ? high : end;
    *first = start;
    if (step > 0)
        *count = end > start ? (size_t)((end - start - 1) / step + 1) : 0;
    else
        *count = start > end ? (size_t)((start - end - 1) / -step + 1) : 0;
}

enum stoa_status stoa_reference_slice(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    bool old = run->call->opset < 10;
    struct reference_list starts, ends, axes, steps;
    STOA_TRY(stoa_reference_list(run, 1, old ? "starts" : NULL, &starts));
    STOA_TRY(stoa_reference_list(run, 2, old ? "ends" : NULL, &ends));
    STOA_TRY(stoa_reference_list(run, 3, old ? "axes" : NULL, &axes));
    STOA_TRY(stoa_reference_list(run, 4, NULL, &steps));
    if (!axes.present) {
        axes.count = starts.count < x->rank ? starts.count : x->rank;
        for (size_t i = 0; i < axes.count; i++)
            axes.items[i] = (int64_t)i;
    }
    if (ends.count != starts.count || axes.count != starts.count || (steps.present && steps.count != starts.count))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "starts has %zu values, ends %zu, axes %zu, steps %zu",
                         starts.count, ends.count, axes.count, steps.count);
    bool seen[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_axes(run, &axes, x->rank, seen));

    int64_t first[STOA_MAX_RANK] = {0}, step[STOA_MAX_RANK];
    size_t dims[STOA_MAX_RANK], index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < x->rank; i++) {
        step[i] = 1;
        dims[i] = x->dims[i];
    }
    for (size_t i = 0; i < starts.count; i++) {
        size_t axis;
        STOA_TRY(stoa_reference_axis(run, axes.items[i], x->rank, false, &axis));
        step[axis] = steps.present ? steps.items[i] : 1;
        if (!step[axis] || step[axis] < -INT64_MAX)
            return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "steps[%zu] is %lld", i, (long long)step[axis]);
        slice_axis(starts.items[i], ends.items[i], step[axis], (int64_t)x->dims[axis], &first[axis], &dims[axis]);
    }
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, dims, index)) {
        size_t source = 0;
        for (size_t i = 0; i < x->rank; i++)
            source = source * x->dims[i] + (size_t)(first[i] + (int64_t)index[i] * step[i]);
        y->values[at] = x->values[source];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_gather(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    size_t axis, rank = 0, dims[2 * STOA_MAX_RANK];
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    for (size_t i = 0; i < axis; i++)
        dims[rank++] = x->dims[i];
    for (size_t i = 0; i < indices->rank; i++)
        dims[rank++] = indices->dims[i];
    for (size_t i = axis + 1; i < x->rank; i++)
        dims[rank++] = x->dims[i];
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, rank, dims, &y));

    size_t outer = stoa_reference_product(x, 0, axis), inner = stoa_reference_product(x, axis + 1, x->rank), at = 0;
    for (size_t o = 0; o < outer; o++)
        for (size_t k = 0; k < stoa_reference_count(indices); k++) {
            size_t row;
            STOA_TRY(stoa_reference_index(run, indices->values[k], x->dims[axis], &row));
            for (size_t i = 0; i < inner; i++)
                y->values[at++] = x->values[(o * x->dims[axis] + row) * inner + i];
        }
    return STOA_OK;
}

enum stoa_status stoa_reference_expand(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list list;
    struct reference_tensor shape = {0}, *y;
    size_t rank = 0, dims[STOA_MAX_RANK] = {0}, index[STOA_MAX_RANK] = {0};
    STOA_TRY(stoa_reference_list(run, 1, NULL, &list));
    for (size_t i = 0; i < list.count; i++) {
        if (list.count > STOA_MAX_RANK || list.items[i] < 0)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "shape has %zu values, of which [%zu] is %lld", list.count,
                             i, (long long)list.items[i]);
        shape.dims[shape.rank++] = (size_t)list.items[i];
    }
    STOA_TRY(stoa_reference_broadcast(run, x, &rank, dims));
    STOA_TRY(stoa_reference_broadcast(run, &shape, &rank, dims));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(rank, dims, index))
        y->values[at] = x->values[stoa_reference_offset(x, rank, index)];
    return STOA_OK;
}
