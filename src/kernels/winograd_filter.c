/* The filters' transform. Done once for a layer, in double. */
#include <string.h>

#include "base/size.h"
#include "kernels/isa.h"
#include "kernels/transpose.h"
#include "kernels/winograd.h"

#define COLUMNS 16 /* output channels at a time */

typedef double wide __attribute__((vector_size(LANES * sizeof(double))));

/* Filters that are transformed at once: their taps lie together, those of COLUMNS output channels side by side. */
#define BLOCK_COLUMNS 64
#define BLOCK_TAPS 144

/* to[K][COLUMNS] <- from[count][K], rows `stride` apart; lanes beyond count are 0. */
STOA_RARE static void gather(size_t count, size_t K, const float *from, size_t stride, float *to)
{
    size_t k = 0;
    for (; count == COLUMNS && k + TRANSPOSE_TILE <= K; k += TRANSPOSE_TILE)
        stoa_transpose_tile((const transpose_unit *)(from + k), stride, (transpose_unit *)(to + k * COLUMNS), COLUMNS);
    for (; k < K; k++)
        for (size_t j = 0; j < COLUMNS; j++)
            to[k * COLUMNS + j] = j < count ? from[j * stride + k] : 0;
}

/* y[n] <- G x[kernel]; nothing happens where n is 1. Point 0 and infinity see one tap each; of a pair of points a, -a
 * the rows are the sum and the difference of even and odd powers. At stride 2 g has no part. */
static STOA_INLINE void filter_axis(size_t n, size_t kernel, double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS], const wide *x,
                                    wide *y)
{
    if (n == 1) {
        y[0] = x[0];
        return;
    }
    if (n == WINOGRAD_STRIDED) {
        y[0] = -x[0];
        y[1] = x[0] + x[2];
        y[2] = x[2];
        y[3] = y[4] = x[1];
        return;
    }
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

/* u[n*n][count] <- taps[kh*kw][COLUMNS], some lanes at a time; g serves whichever axis is transformed. */
static STOA_INLINE void transform(const size_t n[2], const size_t kernel[2],
                                  double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS], const float *taps, size_t count,
                                  float *u, size_t point)
{
    for (size_t part = 0; part < count; part += LANES) {
        wide half[WINOGRAD_MOST][WINOGRAD_MOST_TAPS], in[WINOGRAD_MOST_TAPS], out[WINOGRAD_MOST];
        for (size_t s = 0; s < kernel[1]; s++) {
            for (size_t r = 0; r < kernel[0]; r++)
                in[r] = __builtin_convertvector(*(const lanes *)(taps + (r * kernel[1] + s) * COLUMNS + part), wide);
            filter_axis(n[0], kernel[0], g, in, out);
            for (size_t i = 0; i < n[0]; i++)
                half[i][s] = out[i];
        }
        for (size_t i = 0; i < n[0]; i++) {
            filter_axis(n[1], kernel[1], g, half[i], out);
            for (size_t k = 0; k < n[1]; k++) {
                lanes result = __builtin_convertvector(out[k], lanes);
                float *to = u + (i * n[1] + k) * point + part;
                if (count - part >= LANES)
                    *(lanes *)to = result;
                else
                    memcpy(to, &result, (count - part) * sizeof *to);
            }
        }
    }
}

static STOA_INLINE void filters(const size_t n[2], const size_t kernel[2], size_t C, size_t count, const float *weights,
                                size_t width, float *u)
{
    double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS];
    float taps[BLOCK_TAPS * BLOCK_COLUMNS];
    size_t area = kernel[0] * kernel[1], block = BLOCK_TAPS / area;
    stoa_winograd_filter_matrix(stoa_size_max(n[0], n[1]), stoa_size_max(kernel[0], kernel[1]), g);
    for (size_t first = 0; first < count; first += BLOCK_COLUMNS)
        for (size_t c = 0; c < C; c += block) {
            size_t channels = stoa_size_min(block, C - c), columns = stoa_size_min(BLOCK_COLUMNS, count - first);
            for (size_t j = 0; j < columns; j += COLUMNS)
                gather(stoa_size_min(COLUMNS, columns - j), channels * area, weights + ((first + j) * C + c) * area,
                       C * area, taps + j * BLOCK_TAPS);
            for (size_t i = 0; i < channels; i++)
                for (size_t j = 0; j < columns; j += COLUMNS)
                    transform(n, kernel, g, taps + j * BLOCK_TAPS + i * area * COLUMNS,
                              stoa_size_min(COLUMNS, columns - j), u + (c + i) * width + first + j, C * width);
        }
}

/* Sizes known to the compiler, for the filters of which networks have most; not in the narrowest copy, where there are
 * wider ones, which is for CPUs of long ago. */
#if defined(STOA_ISA_SEVERAL)
#define KNOWN false
#else
#define KNOWN true
#endif
#define FILTERS(n, kernel)                                                                                             \
    static void filters_##n##_##kernel(size_t C, size_t count, const float *weights, size_t width, float *u)           \
    {                                                                                                                  \
        filters((const size_t[]){n, n}, (const size_t[]){kernel, kernel}, C, count, weights, width, u);                \
    }
FILTERS(4, 3)
FILTERS(6, 3)
FILTERS(8, 3)

STOA_COPY(stoa_winograd_filters,
          (const struct winograd_form *form, size_t C, size_t count, const float *weights, size_t width, float *u),
          (form, C, count, weights, width, u))
{
    const size_t n[2] = {stoa_winograd_size(form, 0), stoa_winograd_size(form, 1)};
    const size_t square = KNOWN && form->kernel[0] == 3 && n[0] == n[1] ? n[0] : 0;
    if (square == 4)
        filters_4_3(C, count, weights, width, u);
    else if (square == 6)
        filters_6_3(C, count, weights, width, u);
    else if (square == 8)
        filters_8_3(C, count, weights, width, u);
    else
        filters(n, form->kernel, C, count, weights, width, u);
}
