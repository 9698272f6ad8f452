/* Backward LRN. With t_c = bias + a * (sum of the window's squares), a = alpha / size,
 *   dx_c = dy_c t_c^-beta - 2 a beta x_c * (sum over i whose window holds c of dy_i x_i t_i^(-beta-1)).
 * A power t^-b is off by e(b) = b E / |t| + 12 + 2 |b log t| of itself, with E the error of t (see norm.c); the slack
 * is that of the terms, 8 more roundings and one for each term of the sum. */
#include <math.h>

#include "base/memory.h"
#include "reference/internal.h"

struct lrn {
    double a, beta, bias;
    int64_t before, after, channels;
    size_t pixels;
};

/* t at an element, and what its power to -b is off by, relatively. */
static double denominator(const struct lrn *lrn, const double *x, size_t i, double b, double *error)
{
    int64_t c = (int64_t)(i / lrn->pixels) % lrn->channels;
    double squares = 0, terms = 0;
    for (int64_t k = c - lrn->before; k <= c + lrn->after; k++) {
        if (k < 0 || k >= lrn->channels)
            continue;
        double element = x[(int64_t)i + (k - c) * (int64_t)lrn->pixels];
        squares += element * element;
        terms++;
    }
    double t = lrn->bias + lrn->a * squares;
    double drift = (terms + 4) * fabs(lrn->a * squares) + fabs(t);
    *error = fabs(b) * drift / fabs(t) + 12 + 2 * fabs(b * log(fabs(t)));
    return t;
}

enum stoa_status stoa_reference_lrn_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    struct lrn lrn = {.a = (double)stoa_read_float(&run->reader, "alpha", 0.0001f),
                      .beta = (double)stoa_read_float(&run->reader, "beta", 0.75f),
                      .bias = (double)stoa_read_float(&run->reader, "bias", 1)};
    int64_t size = stoa_read_int(&run->reader, "size", 1, 1, INT32_MAX);
    STOA_TRY(run->reader.status);
    if (x->rank < 2 || !stoa_reference_same_dims(x, dy))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0 and 1 must have the same dims, of rank 2 or more");
    lrn.a /= (double)size;
    lrn.before = (size - 1) / 2;
    lrn.after = size / 2;
    lrn.channels = (int64_t)x->dims[1];
    lrn.pixels = stoa_reference_product(x, 2, x->rank);
    struct reference_tensor *dx;
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        int64_t c = (int64_t)(i / lrn.pixels) % lrn.channels;
        double error, t = denominator(&lrn, x->values, i, lrn.beta, &error), own = dy->values[i] * pow(t, -lrn.beta);
        double sum = 0, sum_error = 0, magnitude = 0, terms = 0;
        dx->slack[i] = fabs(own) * (error + 8);
        for (int64_t k = c - lrn.after; k <= c + lrn.before; k++) {
            if (k < 0 || k >= lrn.channels)
                continue;
            size_t at = (size_t)((int64_t)i + (k - c) * (int64_t)lrn.pixels);
            t = denominator(&lrn, x->values, at, lrn.beta + 1, &error);
            double term = dy->values[at] * x->values[at] * pow(t, -lrn.beta - 1);
            sum += term;
            magnitude += fabs(term);
            sum_error += fabs(term) * error;
            terms++;
        }
        double slope = 2 * lrn.a * lrn.beta * x->values[i];
        dx->values[i] = own - slope * sum;
        dx->slack[i] += fabs(slope) * (sum_error + (terms + 8) * magnitude) + fabs(dx->values[i]);
    }
    return STOA_OK;
}
