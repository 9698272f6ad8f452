/* Operators that take elements from, or put them at, places that other tensors name. Moving is exact; adding and
 * multiplying round once each time. */
#include <math.h>
#include <string.h>

#include "reference/internal.h"

enum stoa_status stoa_reference_index(struct reference_run *run, double value, size_t size, size_t *at)
{
    int64_t index = stoa_reference_integer(value), count = (int64_t)size;
    if (index < -count || index >= count)
        return stoa_fail(run->error, STOA_ERROR_DATA, "index %lld is outside an axis of %lld elements",
                         (long long)index, (long long)count);
    *at = (size_t)(index < 0 ? index + count : index);
    return STOA_OK;
}

enum { REDUCTION_NONE, REDUCTION_ADD, REDUCTION_MUL, REDUCTION_MAX, REDUCTION_MIN };

static size_t read_reduction(struct reference_run *run)
{
    static const char *const names[] = {"none", "add", "mul", "max", "min", NULL};
    return run->call->opset < 16 ? REDUCTION_NONE : stoa_read_choice(&run->reader, "reduction", names);
}

/* Element `at` of y gets an update. */
static void update(struct reference_tensor *y, size_t at, size_t reduction, double with)
{
    bool whole = stoa_reference_is_integer(y->dtype), adds = reduction == REDUCTION_ADD;
    double *value = &y->values[at], *slack = &y->slack[at];
    if (reduction == REDUCTION_NONE) {
        *value = with;
        *slack = 0;
        return;
    }
    if (reduction == REDUCTION_MAX || reduction == REDUCTION_MIN) {
        bool further = reduction == REDUCTION_MAX ? with > *value : with < *value;
        *value = further || isnan(with) ? with : *value;
        return;
    }
    double exact = adds ? *value + with : *value * with;
    if (whole) {
        int64_t a = (int64_t)*value, b = (int64_t)with;
        uint64_t result = adds ? (uint64_t)a + (uint64_t)b : (uint64_t)a * (uint64_t)b;
        exact = stoa_reference_convert(STOA_INT64, y->dtype, (double)(int64_t)result);
    }
    /* What was off stays off, and the result is rounded. */
    *slack = (adds ? *slack : *slack * fabs(with)) * 1.001 + fabs(exact) * 1.001 + REFERENCE_TINY;
    *value = exact;
}

/* Reads axis and checks that indices fit data. */
static enum stoa_status elements_axis(struct reference_run *run, size_t *axis)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, axis));
    for (size_t i = 0; i < x->rank; i++)
        if (indices->rank != x->rank || (i != *axis && indices->dims[i] > x->dims[i]))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "indices do not fit data along axis %zu", i);
    return STOA_OK;
}

/* Where in x the element at `index` of the indices (number `at`) is meant to be. */
static enum stoa_status element_place(struct reference_run *run, const struct reference_tensor *x, size_t axis,
                                      size_t at, const size_t *index, size_t *place)
{
    const struct reference_tensor *indices = stoa_reference_input(run, 1);
    size_t row = 0;
    STOA_TRY(stoa_reference_index(run, indices->values[at], x->dims[axis], &row));
    *place = 0;
    for (size_t i = 0; i < x->rank; i++)
        *place = *place * x->dims[i] + (i == axis ? row : index[i]);
    return STOA_OK;
}

enum stoa_status stoa_reference_gather_elements(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    struct reference_tensor *y;
    size_t axis, place, index[STOA_MAX_RANK] = {0};
    STOA_TRY(elements_axis(run, &axis));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, indices->rank, indices->dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        STOA_TRY(element_place(run, x, axis, at, index, &place));
        y->values[at] = x->values[place];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_scatter_elements(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1),
                                  *updates = stoa_reference_input(run, 2);
    struct reference_tensor *y;
    size_t axis, place, index[STOA_MAX_RANK] = {0}, reduction = read_reduction(run);
    STOA_TRY(elements_axis(run, &axis));
    if (!stoa_reference_same_dims(indices, updates))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "updates and indices have other dims");
    STOA_TRY(stoa_reference_output_copy(run, x, x->rank, x->dims));
    y = &run->call->outputs[0];
    for (size_t at = 0; at < stoa_reference_count(updates);
         at++, stoa_reference_next(indices->rank, indices->dims, index)) {
        STOA_TRY(element_place(run, x, axis, at, index, &place));
        update(y, place, reduction, updates->values[at]);
    }
    return STOA_OK;
}

/* Tuple t of the indices: where in x the part that it names begins. `batch` dimensions are shared. */
static enum stoa_status tuple_place(struct reference_run *run, size_t batch, size_t t, size_t *place)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    size_t named = indices->dims[indices->rank - 1];
    /* The tuple's own batch: how many tuples one has. */
    size_t each = stoa_reference_product(indices, batch, indices->rank - 1);
    *place = each ? t / each : 0;
    for (size_t i = 0; i < named; i++) {
        size_t row = 0;
        STOA_TRY(stoa_reference_index(run, indices->values[t * named + i], x->dims[batch + i], &row));
        *place = *place * x->dims[batch + i] + row;
    }
    *place *= stoa_reference_product(x, batch + named, x->rank);
    return STOA_OK;
}

/* Checks indices against data; dims are those of all parts together. */
static enum stoa_status tuples_check(struct reference_run *run, size_t batch, size_t *rank,
                                     size_t dims[2 * STOA_MAX_RANK])
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    size_t named = indices->rank ? indices->dims[indices->rank - 1] : 0;
    if (indices->rank <= batch || named < 1 || x->rank < batch || named > x->rank - batch)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "indices do not fit data with %zu batch dimensions", batch);
    *rank = 0;
    for (size_t i = 0; i + 1 < indices->rank; i++) {
        if (i < batch && x->dims[i] != indices->dims[i])
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "batch dimension %zu differs", i);
        dims[(*rank)++] = indices->dims[i];
    }
    for (size_t i = batch + named; i < x->rank; i++)
        dims[(*rank)++] = x->dims[i];
    return STOA_OK;
}

enum stoa_status stoa_reference_gather_nd(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    struct reference_tensor *y;
    size_t rank, dims[2 * STOA_MAX_RANK], place;
    size_t batch = (size_t)stoa_read_int(&run->reader, "batch_dims", 0, 0, STOA_MAX_RANK);
    STOA_TRY(run->reader.status);
    STOA_TRY(tuples_check(run, batch, &rank, dims));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, rank, dims, &y));
    size_t tuples = stoa_reference_product(indices, 0, indices->rank - 1);
    size_t part = stoa_reference_product(y, indices->rank - 1, y->rank);
    for (size_t t = 0; t < tuples; t++) {
        STOA_TRY(tuple_place(run, batch, t, &place));
        for (size_t i = 0; i < part; i++)
            y->values[t * part + i] = x->values[place + i];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_scatter_nd(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1),
                                  *updates = stoa_reference_input(run, 2);
    struct reference_tensor parts = {0}, *y;
    size_t dims[2 * STOA_MAX_RANK], place, reduction = read_reduction(run);
    STOA_TRY(tuples_check(run, 0, &parts.rank, dims));
    if (parts.rank > STOA_MAX_RANK)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "updates would be of rank %zu", parts.rank);
    memcpy(parts.dims, dims, sizeof parts.dims);
    if (!stoa_reference_same_dims(&parts, updates))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "updates do not have the dims that indices and data ask for");
    STOA_TRY(stoa_reference_output_copy(run, x, x->rank, x->dims));
    y = &run->call->outputs[0];
    size_t tuples = stoa_reference_product(indices, 0, indices->rank - 1);
    size_t part = stoa_reference_product(updates, indices->rank - 1, updates->rank);
    for (size_t t = 0; t < tuples; t++) {
        STOA_TRY(tuple_place(run, 0, t, &place));
        for (size_t i = 0; i < part; i++)
            update(y, place + i, reduction, updates->values[t * part + i]);
    }
    return STOA_OK;
}
