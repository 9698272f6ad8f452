/* Bound by how fast the matrix comes from memory. Four rows at a time are four streams that the CPU foresees by itself:
 * on a Zen 3 core 23.9 GB/s, where two come to 21.0, and 17.7 with prefetches by hand. OpenBLAS's sgemv (0.3.21) starts
 * OpenBLAS's own threads beyond 9216 elements, which would compete with ours. */
#include "kernels/gemv.h"

#include <string.h>

#include "base/vector.h"

#define LANES 16
#define ROWS 4

typedef float lanes __attribute__((vector_size(LANES * sizeof(float))));

/* y[rows] <- a[rows][n] * x[n]: lane l sums the products of columns l, l + 16, …; then the lanes are added up in order.
 */
static STOA_INLINE void multiply_rows(size_t rows, size_t n, const float *a, size_t lda, const float *x, float *y)
{
    lanes sums[ROWS] = {{0}};
    size_t j = 0;
    for (; j + LANES <= n; j += LANES) {
        lanes part, value;
        memcpy(&part, x + j, sizeof part);
        _Pragma("GCC unroll 4") for (size_t i = 0; i < rows; i++)
        {
            memcpy(&value, a + i * lda + j, sizeof value);
            sums[i] += part * value;
        }
    }
    for (size_t i = 0; i < rows; i++) {
        float sum = 0;
        for (size_t l = 0; l < LANES; l++)
            sum += sums[i][l];
        for (size_t k = j; k < n; k++)
            sum += a[i * lda + k] * x[k];
        y[i] = sum;
    }
}

STOA_CLONES void stoa_gemv(size_t m, size_t n, const float *a, size_t lda, const float *x, float *y)
{
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS)
        multiply_rows(ROWS, n, a + i * lda, lda, x, y + i);
    for (; i < m; i++)
        multiply_rows(1, n, a + i * lda, lda, x, y + i);
}
