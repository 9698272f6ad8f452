/* The filters' transform, and what the transforms do to rounding errors. Done once for a layer, in double. */
#include <math.h>
#include <string.h>

#include "base/size.h"
#include "base/vector.h"
#include "kernels/transpose.h"
#include "kernels/winograd.h"

#define LANES 16 /* output channels at a time */
#define WIDE 16  /* of them as doubles */

typedef double wide __attribute__((vector_size(WIDE * sizeof(double))));
typedef float narrow __attribute__((vector_size(WIDE * sizeof(float)), aligned(sizeof(float)), may_alias));

static const double points[WINOGRAD_MOST - 1] = {0, 1, -1, 2, -2, 0.5, -0.5};

size_t stoa_winograd_size(const struct winograd_form *form, size_t axis)
{
    return form->tile[axis] + form->kernel[axis] - 1;
}

size_t stoa_winograd_points(const struct winograd_form *form)
{
    return stoa_winograd_size(form, 0) * stoa_winograd_size(form, 1);
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

/* Filters that are transformed at once: their taps lie together, those of LANES output channels side by side. */
#define BLOCK_COLUMNS 64
#define BLOCK_TAPS 144

/* to[K][LANES] <- from[count][K], rows `stride` apart; lanes beyond count are 0. */
static STOA_INLINE void gather(size_t count, size_t K, const float *from, size_t stride, float *to)
{
    size_t k = 0;
    for (; count == LANES && k + TRANSPOSE_TILE <= K; k += TRANSPOSE_TILE)
        stoa_transpose_tile((const transpose_unit *)(from + k), stride, (transpose_unit *)(to + k * LANES), LANES);
    for (; k < K; k++)
        for (size_t j = 0; j < LANES; j++)
            to[k * LANES + j] = j < count ? from[j * stride + k] : 0;
}

/* y[n] <- G x[kernel]. Point 0 and infinity see one tap each; of a pair of points a, -a the rows are the sum and the
 * difference of even and odd powers. */
static STOA_INLINE void filter_axis(size_t n, size_t kernel, double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS], const wide *x,
                                    wide *y)
{
    y[0] = g[0][0] * x[0];
    for (size_t k = 1; k + 1 < n; k += 2) {
        wide even = g[k][0] * x[0], odd = g[k][1] * x[1];
        for (size_t q = 2; q < kernel; q++)
            if (q % 2)
                odd += g[k][q] * x[q];
            else
                even += g[k][q] * x[q];
        y[k] = even + odd;
        y[k + 1] = even - odd;
    }
    y[n - 1] = x[kernel - 1];
}

/* u[n*n][count] <- taps[kernel*kernel][LANES], some lanes at a time. n and kernel are known where this is inlined. */
static STOA_INLINE void transform(size_t n, size_t kernel, double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS],
                                  const float *taps, size_t count, float *u, size_t point)
{
    for (size_t part = 0; part < count; part += WIDE) {
        wide half[WINOGRAD_MOST][WINOGRAD_MOST_TAPS], in[WINOGRAD_MOST_TAPS], out[WINOGRAD_MOST];
        for (size_t s = 0; s < kernel; s++) {
            for (size_t r = 0; r < kernel; r++)
                in[r] = __builtin_convertvector(*(const narrow *)(taps + (r * kernel + s) * LANES + part), wide);
            filter_axis(n, kernel, g, in, out);
            for (size_t i = 0; i < n; i++)
                half[i][s] = out[i];
        }
        for (size_t i = 0; i < n; i++) {
            filter_axis(n, kernel, g, half[i], out);
            for (size_t k = 0; k < n; k++) {
                narrow result = __builtin_convertvector(out[k], narrow);
                float *to = u + (i * n + k) * point + part;
                if (count - part >= WIDE)
                    *(narrow *)to = result;
                else
                    memcpy(to, &result, (count - part) * sizeof *to);
            }
        }
    }
}

static STOA_INLINE void filters(size_t n, size_t kernel, size_t C, size_t count, const float *weights, size_t width,
                                float *u)
{
    double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS];
    float taps[BLOCK_TAPS * BLOCK_COLUMNS];
    size_t area = kernel * kernel, block = kernel == 3 ? 16 : 5;
    stoa_winograd_filter_matrix(n, kernel, g);
    for (size_t first = 0; first < count; first += BLOCK_COLUMNS)
        for (size_t c = 0; c < C; c += block) {
            size_t channels = stoa_size_min(block, C - c), columns = stoa_size_min(BLOCK_COLUMNS, count - first);
            for (size_t j = 0; j < columns; j += LANES)
                gather(stoa_size_min(LANES, columns - j), channels * area, weights + ((first + j) * C + c) * area,
                       C * area, taps + j * BLOCK_TAPS);
            for (size_t i = 0; i < channels; i++)
                for (size_t j = 0; j < columns; j += LANES)
                    transform(n, kernel, g, taps + j * BLOCK_TAPS + i * area * LANES, stoa_size_min(LANES, columns - j),
                              u + (c + i) * width + first + j, C * width);
        }
}

/* Sizes known to the compiler. */
#define FILTERS(n, kernel)                                                                                             \
    STOA_CLONES static void filters_##n##_##kernel(size_t C, size_t count, const float *weights, size_t width,         \
                                                   float *u)                                                           \
    {                                                                                                                  \
        filters(n, kernel, C, count, weights, width, u);                                                               \
    }
FILTERS(4, 3)
FILTERS(6, 3)
FILTERS(8, 3)
FILTERS(6, 5)
FILTERS(8, 5)

void stoa_winograd_filters(const struct winograd_form *form, size_t C, size_t count, const float *weights, size_t width,
                           float *u)
{
    static const struct {
        size_t n, kernel;
        void (*run)(size_t C, size_t count, const float *weights, size_t width, float *u);
    } table[] = {
        {4, 3, filters_4_3}, {6, 3, filters_6_3}, {8, 3, filters_8_3}, {6, 5, filters_6_5}, {8, 5, filters_8_5}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        if (table[i].n == stoa_winograd_size(form, 0) && table[i].kernel == form->kernel[0])
            table[i].run(C, count, weights, width, u);
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
    double error = sqrt((double)channels + 20) / 2;
    for (size_t i = 0; i < 2; i++)
        error *= amplification(form->tile[i], form->kernel[i]);
    return error;
}
