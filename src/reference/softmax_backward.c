/* Backward Softmax and LogSoftmax, of rows of K elements.
 *
 *   Softmax     dx_i = y_i (dy_i - s), s = sum y_j dy_j    s is off by (K + 1) sum |y_j dy_j|; then 3 roundings
 *   LogSoftmax  dx_i = dy_i - e^y_i s, s = sum dy_j        s is off by (K + 1) sum |dy_j|; the exponential by 8 */
#include <math.h>

#include "reference/softmax.h"

static void backward_row(const struct softmax_rows *rows, const double *y, const double *dy, bool logarithm, double *dx,
                         double *slack)
{
    double sum = 0, magnitude = 0, K = (double)rows->K;
    for (size_t k = 0; k < rows->K; k++) {
        double term = dy[k * rows->inner] * (logarithm ? 1 : y[k * rows->inner]);
        sum += term;
        magnitude += fabs(term);
    }
    for (size_t k = 0; k < rows->K; k++) {
        size_t at = k * rows->inner;
        double e = logarithm ? exp(y[at]) : y[at];
        if (logarithm) {
            dx[at] = dy[at] - e * sum;
            slack[at] = e * ((K + 1) * magnitude + 10 * fabs(sum)) + fabs(dx[at]);
        } else {
            dx[at] = e * (dy[at] - sum);
            slack[at] = fabs(e) * ((K + 1) * magnitude + 3 * (fabs(dy[at]) + fabs(sum)));
        }
    }
}

static enum stoa_status backward(struct reference_run *run, bool logarithm)
{
    const struct reference_tensor *y = stoa_reference_input(run, 0), *dy = stoa_reference_input(run, 1);
    struct softmax_rows rows;
    struct reference_tensor *dx;
    if (!stoa_reference_same_dims(y, dy))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 does not have the dims of input 0");
    STOA_TRY(stoa_reference_softmax_rows(run, y, &rows));
    STOA_TRY(stoa_reference_output_like(run, y, &dx));
    for (size_t o = 0; o < rows.outer; o++)
        for (size_t i = 0; i < rows.inner; i++) {
            size_t first = o * rows.K * rows.inner + i;
            backward_row(&rows, y->values + first, dy->values + first, logarithm, dx->values + first,
                         dx->slack + first);
        }
    return STOA_OK;
}

enum stoa_status stoa_reference_softmax_backward(struct reference_run *run)
{
    return backward(run, false);
}

enum stoa_status stoa_reference_log_softmax_backward(struct reference_run *run)
{
    return backward(run, true);
}
