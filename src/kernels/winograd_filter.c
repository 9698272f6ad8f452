/* The filters' transform, and what the transforms do to rounding errors. Done once for a layer, in double. */
#include <math.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/winograd.h"

#define LANES 8 /* output channels at a time */
#define MOST_TAPS 8

typedef double lanes __attribute__((vector_size(LANES * sizeof(double)), aligned(sizeof(double)), may_alias));

static const double points[WINOGRAD_MOST - 1] = {0, 1, -1, 2, -2, 0.5, -0.5};

size_t stoa_winograd_size(const struct winograd_form *form, size_t axis)
{
    return form->tile[axis] + form->kernel[axis] - 1;
}

size_t stoa_winograd_points(const struct winograd_form *form)
{
    return stoa_winograd_size(form, 0) * stoa_winograd_size(form, 1);
}

/* Row k of G holds the powers of point k, divided by the product of its distances from the other finite points: B^T has
 * whole polynomials, not Lagrange's. */
static void filter_matrix(size_t n, size_t taps, double g[WINOGRAD_MOST][MOST_TAPS])
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

STOA_CLONES static void transform(const struct winograd_form *form, double gh[WINOGRAD_MOST][MOST_TAPS],
                                  double gw[WINOGRAD_MOST][MOST_TAPS], size_t count, const float *weights,
                                  size_t stride, float *u, size_t point)
{
    size_t kh = form->kernel[0], kw = form->kernel[1], nh = stoa_winograd_size(form, 0);
    size_t nw = stoa_winograd_size(form, 1);
    lanes half[WINOGRAD_MOST][MOST_TAPS];
    for (size_t s = 0; s < kw; s++)
        for (size_t i = 0; i < nh; i++)
            half[i][s] = (lanes){0};
    for (size_t r = 0; r < kh; r++)
        for (size_t s = 0; s < kw; s++) {
            lanes taps = {0};
            for (size_t j = 0; j < count; j++)
                taps[j] = weights[j * stride + r * kw + s];
            for (size_t i = 0; i < nh; i++)
                half[i][s] += gh[i][r] * taps;
        }
    for (size_t i = 0; i < nh; i++)
        for (size_t k = 0; k < nw; k++) {
            lanes sum = {0};
            for (size_t s = 0; s < kw; s++)
                sum += half[i][s] * gw[k][s];
            for (size_t j = 0; j < count; j++)
                u[(i * nw + k) * point + j] = (float)sum[j];
        }
}

void stoa_winograd_filters(const struct winograd_form *form, size_t C, size_t count, const float *weights, size_t width,
                           float *u)
{
    double gh[WINOGRAD_MOST][MOST_TAPS], gw[WINOGRAD_MOST][MOST_TAPS];
    size_t taps = form->kernel[0] * form->kernel[1];
    filter_matrix(stoa_winograd_size(form, 0), form->kernel[0], gh);
    filter_matrix(stoa_winograd_size(form, 1), form->kernel[1], gw);
    for (size_t c = 0; c < C; c++)
        for (size_t j = 0; j < count; j += LANES)
            transform(form, gh, gw, stoa_size_min(LANES, count - j), weights + j * C * taps + c * taps, C * taps,
                      u + c * width + j, C * width);
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
    double g[WINOGRAD_MOST][MOST_TAPS], most = 0;
    filter_matrix(n, taps, g);
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
    double error = sqrt((double)channels + 20) / 2;
    for (size_t i = 0; i < 2; i++)
        error *= amplification(form->tile[i], form->kernel[i]);
    return error;
}
