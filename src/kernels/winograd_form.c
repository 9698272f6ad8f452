/* The forms, the filters' matrix and what the transforms do to rounding errors, in double. */
#include <math.h>

#include "kernels/winograd.h"
#include "kernels/winograd_gradient.h"

const struct winograd_form stoa_winograd_forms[] = {
    {{5, 5}, {2, 2}, 1}, {{2, 2}, {3, 3}, 1}, {{4, 4}, {3, 3}, 1}, {{6, 6}, {3, 3}, 1}, {{2, 2}, {3, 3}, 2},
    {{5, 5}, {4, 4}, 1}, {{4, 4}, {5, 5}, 1}, {{2, 2}, {7, 7}, 1}, {{1, 4}, {1, 3}, 1}, {{1, 6}, {1, 3}, 1},
    {{1, 4}, {1, 5}, 1}, {{1, 2}, {1, 7}, 1}, {{1, 4}, {1, 7}, 1}, {{4, 1}, {3, 1}, 1}, {{6, 1}, {3, 1}, 1},
    {{4, 1}, {5, 1}, 1}, {{2, 1}, {7, 1}, 1}, {{4, 1}, {7, 1}, 1}, {{0}, {0}, 0},
};

static const double points[WINOGRAD_MOST - 1] = {0, 1, -1, 2, -2, 0.5, -0.5, 0.75, -0.75};

size_t stoa_winograd_size(const struct winograd_form *form, size_t axis)
{
    return form->stride * (form->tile[axis] - 1) + form->kernel[axis];
}

size_t stoa_winograd_points(const struct winograd_form *form)
{
    return stoa_winograd_size(form, 0) * stoa_winograd_size(form, 1);
}

bool stoa_winograd_is_line(const struct winograd_form *form)
{
    return form->kernel[0] != form->kernel[1];
}

size_t stoa_winograd_sum_point(const struct winograd_form *form)
{
    return stoa_winograd_size(form, 1) + 1; /* 1 is the second point of either axis */
}

/* Row k of G holds the powers of point k, divided by the product of its distances from the other finite points. */
void stoa_winograd_filter_matrix(size_t n, size_t taps, double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS])
{
    for (size_t k = 0; k < n; k++) {
        double value = 1;
        for (size_t j = 0; k + 1 < n && j + 1 < n; j++)
            value /= j == k ? 1 : points[k] - points[j];
        for (size_t q = 0; q < taps; q++) {
            g[k][q] = k + 1 < n ? value : q + 1 == taps;
            value *= points[k % (WINOGRAD_MOST - 1)];
        }
    }
}

/* The magnitudes of B^T's rows, added up: coefficients of the product of (t - a) over the finite points a but the
 * k-th, or over all of them for the last row. */
static double row_sum(size_t n, size_t k)
{
    double coefficients[WINOGRAD_MOST] = {1}, sum = 0;
    for (size_t j = 0; j + 1 < n; j++)
        for (size_t i = n; j != k && i-- > 0;)
            coefficients[i] = (i ? coefficients[i - 1] : 0) - points[j] * coefficients[i];
    for (size_t i = 0; i < n; i++)
        sum += fabs(coefficients[i]);
    return sum;
}

static double amplification(size_t m, size_t taps)
{
    size_t n = m + taps - 1;
    double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS], most = 0;
    stoa_winograd_filter_matrix(n, taps, g);
    for (size_t i = 0; i < m; i++)
        for (size_t q = 0; q < taps; q++) {
            double sum = 0;
            for (size_t k = 0; k < n; k++) {
                double a = k + 1 < n ? pow(points[k], (double)i) : i + 1 == m;
                double term = a * g[k][q] * row_sum(n, k);
                sum += term * term;
            }
            most = fmax(most, sqrt(sum));
        }
    return most;
}

double stoa_winograd_error(const struct winograd_form *form, size_t channels)
{
    double error = 0.625 * sqrt((double)channels + 20);
    for (size_t i = 0; i < 2; i++)
        error *= amplification(form->tile[i], form->stride == 1 ? form->kernel[i] : 2); /* the middle tap's is 1 */
    return error;
}
