/* Tensors made by a rule (Range, OneHot, EyeLike, Size), and what tells of a tensor's values where they are (NonZero,
 * Unique). All are exact but Range of floats, which rounds its last step. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "reference/internal.h"

enum stoa_status stoa_reference_range(struct reference_run *run)
{
    double argument[3];
    for (size_t i = 0; i < 3; i++) {
        const struct reference_tensor *input = stoa_reference_input(run, i);
        if (stoa_reference_count(input) != 1)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu is not one number", i);
        argument[i] = input->values[0];
    }
    double count = ceil((argument[1] - argument[0]) / argument[2]);
    if (argument[2] == 0 || !(count < 0x1p40))
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "%g numbers in steps of %g", count, argument[2]);
    struct reference_tensor *y;
    size_t dims[] = {count > 0 ? (size_t)count : 0};
    STOA_TRY(stoa_reference_output(run, 0, stoa_reference_input(run, 0)->dtype, 1, dims, &y));
    for (size_t i = 0; i < dims[0]; i++) {
        double step = (double)i * argument[2];
        y->values[i] = argument[0] + step;
        y->slack[i] = 2 * fabs(y->values[i]) + 0x1p-20 * fabs(step); /* the product is rounded in double */
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_one_hot(struct reference_run *run)
{
    const struct reference_tensor *indices = stoa_reference_input(run, 0), *size = stoa_reference_input(run, 1),
                                  *values = stoa_reference_input(run, 2);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", -1, INT32_MIN, INT32_MAX);
    size_t axis, rank = indices->rank + 1, dims[STOA_MAX_RANK + 1], index[STOA_MAX_RANK + 1] = {0};
    STOA_TRY(run->reader.status);
    if (stoa_reference_count(size) != 1 || stoa_reference_count(values) != 2 || !(size->values[0] >= 0))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "depth is not one number, or values are not two");
    STOA_TRY(stoa_reference_axis(run, signed_axis, rank, false, &axis));
    size_t depth = (size_t)stoa_reference_integer(size->values[0]);
    for (size_t i = 0; i < rank; i++)
        dims[i] = i < axis ? indices->dims[i] : i == axis ? depth : indices->dims[i - 1];
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, values->dtype, rank, dims, &y));
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(rank, dims, index)) {
        size_t from = 0;
        for (size_t i = 0; i < rank; i++)
            if (i != axis)
                from = from * dims[i] + index[i];
        double hot = trunc(indices->values[from]);
        bool on = hot == (double)index[axis] || hot + (double)depth == (double)index[axis];
        y->values[at] = values->values[on];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_eye_like(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    double k = (double)stoa_read_int(&run->reader, "k", 0, INT64_MIN, INT64_MAX);
    enum stoa_dtype dtype = (enum stoa_dtype)stoa_read_int(&run->reader, "dtype", x->dtype, 1, INT32_MAX);
    struct reference_tensor *y;
    STOA_TRY(run->reader.status);
    if (x->rank != 2)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has rank %zu", x->rank);
    STOA_TRY(stoa_reference_output(run, 0, dtype, 2, x->dims, &y));
    for (size_t i = 0; i < stoa_reference_count(y); i++)
        y->values[i] = (double)(i % x->dims[1]) - (double)(i / x->dims[1]) == k;
    return STOA_OK;
}

enum stoa_status stoa_reference_size(struct reference_run *run)
{
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, STOA_INT64, 0, NULL, &y));
    y->values[0] = (double)stoa_reference_count(stoa_reference_input(run, 0));
    return STOA_OK;
}

enum stoa_status stoa_reference_nonzero(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    size_t found = 0, column = 0, index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < stoa_reference_count(x); i++)
        found += x->values[i] != 0;
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, STOA_INT64, 2, (size_t[]){x->rank, found}, &y));
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(x->rank, x->dims, index)) {
        for (size_t k = 0; x->values[i] != 0 && k < x->rank; k++)
            y->values[k * found + column] = (double)index[k];
        column += x->values[i] != 0;
    }
    return STOA_OK;
}

/* Slice s of x[outer][count][inner] against slice t: below 0, 0, above. NaN is behind all others. */
static int compare(const struct reference_tensor *x, size_t outer, size_t count, size_t inner, size_t s, size_t t)
{
    for (size_t o = 0; o < outer; o++)
        for (size_t i = 0; i < inner; i++) {
            double a = x->values[(o * count + s) * inner + i], b = x->values[(o * count + t) * inner + i];
            if (isnan(a) != isnan(b))
                return isnan(a) ? 1 : -1;
            if (!isnan(a) && a != b)
                return a < b ? -1 : 1;
        }
    return 0;
}

/* By counting, for each slice, what is equal to it and what comes before: first[s] is its first equal, rank[s] its
 * group's number. */
static enum stoa_status unique(struct reference_run *run, const size_t cut[3], size_t axis, bool sorted, bool has_axis,
                               size_t *first, size_t *rank)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    size_t outer = cut[0], count = cut[1], inner = cut[2], groups = 0, dims[STOA_MAX_RANK];
    for (size_t s = 0; s < count; s++)
        for (first[s] = 0; compare(x, outer, count, inner, first[s], s) != 0;)
            first[s]++;
    for (size_t s = 0; s < count; s++) {
        groups += first[s] == s;
        for (size_t t = rank[s] = 0; t < count; t++)
            if (first[t] == t)
                rank[s] += sorted ? compare(x, outer, count, inner, t, s) < 0 : t < first[s];
    }
    struct reference_tensor *y, *places, *inverse, *counts;
    memcpy(dims, x->dims, sizeof dims);
    dims[axis] = groups;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, has_axis ? x->rank : 1, dims, &y));
    STOA_TRY(stoa_reference_output(run, 1, STOA_INT64, 1, &groups, &places));
    STOA_TRY(stoa_reference_output(run, 2, STOA_INT64, 1, &count, &inverse));
    STOA_TRY(stoa_reference_output(run, 3, STOA_INT64, 1, &groups, &counts));
    for (size_t s = 0; s < count; s++) {
        for (size_t o = 0; y && o < outer; o++)
            for (size_t i = 0; i < inner; i++)
                y->values[(o * groups + rank[s]) * inner + i] = x->values[(o * count + first[s]) * inner + i];
        if (places)
            places->values[rank[s]] = (double)first[s];
        if (inverse)
            inverse->values[s] = (double)rank[s];
        if (counts)
            counts->values[rank[s]]++;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_unique(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    bool has_axis = stoa_reader_has(&run->reader, "axis"), sorted = stoa_read_int(&run->reader, "sorted", 1, 0, 1);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    size_t axis = 0, cut[] = {1, stoa_reference_count(x), 1}, *first = NULL, *rank = NULL;
    STOA_TRY(run->reader.status);
    if (has_axis) {
        STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
        cut[0] = stoa_reference_product(x, 0, axis);
        cut[1] = x->dims[axis];
        cut[2] = stoa_reference_product(x, axis + 1, x->rank);
    }
    enum stoa_status status = stoa_allocate(run->allocator, cut[1], sizeof *first, run->error, &first);
    if (status == STOA_OK)
        status = stoa_allocate(run->allocator, cut[1], sizeof *rank, run->error, &rank);
    if (status == STOA_OK)
        status = unique(run, cut, axis, sorted, has_axis, first, rank);
    stoa_release(run->allocator, first);
    stoa_release(run->allocator, rank);
    return status;
}
