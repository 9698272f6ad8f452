/* Bound by how fast the matrix comes from memory. Four rows at a time are four streams that the CPU foresees by itself,
 * and they are a quarter of the matrix apart, so that a stream goes on where its row ends: on a Zen 3 core 1000 x 1280
 * floats come at 27 GB/s, where neighbouring rows come at 20, 1024 x 576 at 26 instead of 16. Prefetches by hand make
 * it slower. OpenBLAS's sgemv (0.3.21) starts OpenBLAS's own threads beyond 9216 elements, which would compete with
 * ours. */
#include "kernels/gemv.h"

#include "kernels/isa.h"

/* Columns at a time, for all instruction sets. */
#define COLUMNS 16
#define VECTORS (COLUMNS / LANES)
#define ROWS 4

#define UNROLLED _Pragma("GCC unroll 16")

/* y[i] <- a[i][n] * x[n] for `rows` rows i, `apart` from each other: lane l sums the products of columns l, l + 16, …;
 * then the lanes are added up in order. `rows` is known where this is inlined. */
static STOA_INLINE void multiply_rows(size_t rows, size_t apart, size_t n, const float *a, size_t lda, const float *x,
                                      float *y)
{
    lanes sums[ROWS * VECTORS];
    size_t j = 0, step = apart * lda;
    UNROLLED
    for (size_t i = 0; i < rows * VECTORS; i++)
        sums[i] = (lanes){0};
    for (; j + COLUMNS <= n; j += COLUMNS) {
        UNROLLED
        for (size_t i = 0; i < rows * VECTORS; i++) {
            size_t at = j + i % VECTORS * LANES;
            sums[i] += *(const lanes *)(x + at) * *(const lanes *)(a + i / VECTORS * step + at);
        }
    }
    for (size_t i = 0; i < rows; i++) {
        float sum = 0;
        for (size_t l = 0; l < COLUMNS; l++)
            sum += sums[i * VECTORS + l / LANES][l % LANES];
        for (size_t k = j; k < n; k++)
            sum += a[i * step + k] * x[k];
        y[i * apart] = sum;
    }
}

STOA_COPY(stoa_gemv, (size_t m, size_t n, const float *a, size_t lda, const float *x, float *y), (m, n, a, lda, x, y))
{
    size_t part = m / ROWS;
    for (size_t i = 0; i < part; i++)
        multiply_rows(ROWS, part, n, a + i * lda, lda, x, y + i);
    for (size_t i = part * ROWS; i < m; i++)
        multiply_rows(1, 1, n, a + i * lda, lda, x, y + i);
}
