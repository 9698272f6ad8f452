/* Softmax and LogSoftmax, both meanings: before opset 13 everything from the axis on is one row, since then a row runs
 * along the axis.
 *
 * Slack, with m the row's maximum, K its length and p the result: rounding x - m costs |x - m| in the exponential, the
 * exponential itself 8. The sum's relative error is the mean of its terms' errors, weighted by p, and K additions. So
 *   Softmax     p_i * (|x_i - m| + sum_j p_j |x_j - m| + K + 18)
 *   LogSoftmax  |x_i - m| + sum_j p_j |x_j - m| + K + 8 + 8 |log sum| + 2 |y_i| + |m|
 * where the last terms are the logarithm, the subtraction and, for those who subtract m + log sum at once, that sum. */
#include <math.h>

#include "reference/softmax.h"

void stoa_reference_softmax_row(size_t K, size_t step, const double *x, bool logarithm, double *y, double *slack)
{
    double m = -INFINITY, sum = 0, spread = 0;
    for (size_t k = 0; k < K; k++)
        if (x[k * step] > m || isnan(x[k * step]))
            m = x[k * step];
    for (size_t k = 0; k < K; k++) {
        double e = exp(x[k * step] - m);
        sum += e;
        if (e > 0)
            spread += e * fabs(x[k * step] - m);
    }
    spread /= sum;
    for (size_t k = 0; k < K; k++) {
        double d = x[k * step] - m;
        if (logarithm) {
            double value = d - log(sum);
            y[k * step] = value;
            slack[k * step] = fabs(d) + spread + (double)K + 8 + 8 * fabs(log(sum)) + 2 * fabs(value) + fabs(m);
        } else {
            double value = exp(d) / sum;
            y[k * step] = value;
            slack[k * step] = value > 0 ? value * (fabs(d) + spread + (double)K + 18) : REFERENCE_TINY;
        }
    }
}

enum stoa_status stoa_reference_softmax_rows(struct reference_run *run, const struct reference_tensor *x,
                                             struct softmax_rows *rows)
{
    bool flat = run->call->opset < 13;
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", flat ? 1 : -1, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    size_t axis;
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    rows->outer = stoa_reference_product(x, 0, axis);
    rows->inner = flat ? 1 : stoa_reference_product(x, axis + 1, x->rank);
    rows->K = flat ? stoa_reference_product(x, axis, x->rank) : x->dims[axis];
    return STOA_OK;
}

static enum stoa_status run_rows(struct reference_run *run, bool logarithm)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct softmax_rows rows;
    STOA_TRY(stoa_reference_softmax_rows(run, x, &rows));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    for (size_t o = 0; o < rows.outer; o++)
        for (size_t i = 0; i < rows.inner; i++) {
            size_t first = o * rows.K * rows.inner + i;
            stoa_reference_softmax_row(rows.K, rows.inner, x->values + first, logarithm, y->values + first,
                                       y->slack + first);
        }
    return STOA_OK;
}

enum stoa_status stoa_reference_softmax(struct reference_run *run)
{
    return run_rows(run, false);
}

enum stoa_status stoa_reference_log_softmax(struct reference_run *run)
{
    return run_rows(run, true);
}
