/* ArgMax, ArgMin, Hardmax, TopK: what is the largest, NaN being larger than any number; moved elements have no slack.
 * CumSum: K roundings of the magnitudes summed so far. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "reference/softmax.h"

/* -1, 0, 1 as a is smaller than b, the same, larger. */
static int compare(double a, double b)
{
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    return a < b ? -1 : a > b;
}

/* The lines along `axis`: x[outer][K][inner]. */
static enum stoa_status find_lines(struct reference_run *run, const struct reference_tensor *x, int64_t signed_axis,
                                   size_t *axis, struct softmax_rows *lines)
{
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, axis));
    lines->outer = stoa_reference_product(x, 0, *axis);
    lines->inner = stoa_reference_product(x, *axis + 1, x->rank);
    lines->K = x->dims[*axis];
    return STOA_OK;
}

/* Which of K elements, `step` apart, is the largest; sign -1: smallest, though a NaN is found all the same. */
static size_t find(const double *x, size_t K, size_t step, int sign, bool last)
{
    size_t best = 0;
    for (size_t k = 1; k < K; k++) {
        double a = x[k * step], b = x[best * step];
        int order = isnan(a) || isnan(b) ? compare(a, b) : sign * compare(a, b);
        if (order > 0 || (order == 0 && last))
            best = k;
    }
    return best;
}

static enum stoa_status arg(struct reference_run *run, int sign)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 0, INT32_MIN, INT32_MAX);
    bool keep = stoa_read_int(&run->reader, "keepdims", 1, 0, 1), last;
    last = run->call->opset >= 12 && stoa_read_int(&run->reader, "select_last_index", 0, 0, 1);
    STOA_TRY(run->reader.status);
    struct softmax_rows lines;
    size_t axis, rank = 0, dims[STOA_MAX_RANK];
    STOA_TRY(find_lines(run, x, signed_axis, &axis, &lines));
    if (!lines.K)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "there are no elements along axis %zu", axis);
    for (size_t i = 0; i < x->rank; i++)
        if (i != axis || keep)
            dims[rank++] = i == axis ? 1 : x->dims[i];
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, STOA_INT64, rank, dims, &y));
    for (size_t o = 0; o < lines.outer; o++)
        for (size_t i = 0; i < lines.inner; i++)
            y->values[o * lines.inner + i] =
                (double)find(x->values + o * lines.K * lines.inner + i, lines.K, lines.inner, sign, last);
    return STOA_OK;
}

enum stoa_status stoa_reference_arg_max(struct reference_run *run)
{
    return arg(run, 1);
}

enum stoa_status stoa_reference_arg_min(struct reference_run *run)
{
    return arg(run, -1);
}

enum stoa_status stoa_reference_hardmax(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct softmax_rows rows;
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_softmax_rows(run, x, &rows));
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t o = 0; rows.K && o < rows.outer; o++)
        for (size_t i = 0; i < rows.inner; i++) {
            size_t first = o * rows.K * rows.inner + i;
            y->values[first + find(x->values + first, rows.K, rows.inner, 1, false) * rows.inner] = 1;
        }
    return STOA_OK;
}

struct item {
    double value;
    size_t index;
};

static int larger_first(const void *a, const void *b)
{
    const struct item *p = a, *q = b;
    int order = compare(q->value, p->value);
    return order ? order : p->index < q->index ? -1 : 1;
}

static int smaller_first(const void *a, const void *b)
{
    const struct item *p = a, *q = b;
    int order = compare(p->value, q->value);
    return order ? order : p->index < q->index ? -1 : 1;
}

enum stoa_status stoa_reference_top_k(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *K = stoa_reference_input(run, 1);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", -1, INT32_MIN, INT32_MAX), k;
    bool largest = true;
    if (run->call->opset >= 11) {
        largest = stoa_read_int(&run->reader, "largest", 1, 0, 1);
        stoa_read_int(&run->reader, "sorted", 1, 0, 1);
    }
    if (run->call->opset >= 10)
        k = K && stoa_reference_count(K) == 1 ? stoa_reference_integer(K->values[0]) : -1;
    else
        k = stoa_read_int(&run->reader, "k", -1, 0, INT64_MAX);
    STOA_TRY(run->reader.status);
    struct softmax_rows lines;
    size_t axis, dims[STOA_MAX_RANK];
    STOA_TRY(find_lines(run, x, signed_axis, &axis, &lines));
    if (k < 0 || (uint64_t)k > lines.K)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "k is %lld of %zu elements", (long long)k, lines.K);
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = i == axis ? (size_t)k : x->dims[i];
    struct reference_tensor *values, *indices;
    struct item *line;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &values));
    STOA_TRY(stoa_reference_output(run, 1, STOA_INT64, x->rank, dims, &indices));
    STOA_TRY(stoa_allocate(run->allocator, lines.K, sizeof *line, run->error, &line));
    for (size_t o = 0; k && o < lines.outer; o++)
        for (size_t i = 0; i < lines.inner; i++) {
            for (size_t j = 0; j < lines.K; j++)
                line[j] = (struct item){x->values[(o * lines.K + j) * lines.inner + i], j};
            qsort(line, lines.K, sizeof *line, largest ? larger_first : smaller_first);
            for (size_t j = 0; j < (size_t)k; j++) {
                size_t at = (o * (size_t)k + j) * lines.inner + i;
                if (values)
                    values->values[at] = line[j].value;
                if (indices)
                    indices->values[at] = (double)line[j].index;
            }
        }
    stoa_release(run->allocator, line);
    return STOA_OK;
}

static enum stoa_status cumulate(struct reference_run *run, bool turned)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *of = stoa_reference_input(run, 1);
    bool exclusive = stoa_read_int(&run->reader, "exclusive", 0, 0, 1);
    bool reverse = stoa_read_int(&run->reader, "reverse", 0, 0, 1) != turned;
    STOA_TRY(run->reader.status);
    if (stoa_reference_count(of) != 1)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 must be one axis");
    struct softmax_rows lines;
    struct reference_tensor *y;
    size_t axis;
    STOA_TRY(find_lines(run, x, stoa_reference_integer(of->values[0]), &axis, &lines));
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t o = 0; o < lines.outer; o++)
        for (size_t i = 0; i < lines.inner; i++) {
            double sum = 0, magnitude = 0;
            for (size_t k = 0; k < lines.K; k++) {
                size_t at = (o * lines.K + (reverse ? lines.K - 1 - k : k)) * lines.inner + i;
                double before = sum, magnitude_before = magnitude;
                sum += x->values[at];
                magnitude += fabs(x->values[at]);
                y->values[at] = exclusive ? before : sum;
                y->slack[at] = (double)(k + 1) * (exclusive ? magnitude_before : magnitude);
            }
        }
    return STOA_OK;
}

enum stoa_status stoa_reference_cum_sum(struct reference_run *run)
{
    return cumulate(run, false);
}

#ifdef STOA_TRAINING
enum stoa_status stoa_reference_cum_sum_backward(struct reference_run *run)
{
    return cumulate(run, true);
}
#endif
