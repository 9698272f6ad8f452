/* A matrix times a vector: small whole numbers, whose sums are exact, and rows that do not feel their neighbours. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "kernels/gemv.h"

#define MOST 200

Test(gemv, every_size)
{
    static float a[MOST * (MOST + 3)];
    float x[MOST], y[MOST + 1];
    struct random random = {.state = 1};
    for (size_t row = 0; row < 400; row++) {
        size_t m = (size_t)stoa_random_int(&random, 0, row % 2 ? 7 : MOST);
        size_t n = (size_t)stoa_random_int(&random, 0, MOST), lda = n + row % 4;
        for (size_t i = 0; i < m * lda; i++)
            a[i] = (float)stoa_random_int(&random, -4, 4);
        for (size_t j = 0; j < n; j++)
            x[j] = (float)stoa_random_int(&random, -4, 4);
        memset(y, 0xff, sizeof y);
        stoa_gemv(m, n, a, lda, x, y);
        for (size_t i = 0; i <= MOST; i++) {
            float sum = 0;
            for (size_t j = 0; i < m && j < n; j++)
                sum += a[i * lda + j] * x[j];
            cr_expect(i < m ? y[i] == sum : isnan(y[i]), "[%zu,%zu]: y[%zu] is %g, not %g", m, n, i, (double)y[i],
                      (double)sum);
        }
    }
}

Test(gemv, a_row_alone_gives_the_same_bits)
{
    enum { M = 9, N = 1237 };
    static float a[M * N], x[N], all[M], one[M];
    struct random random = {.state = 2};
    stoa_random_fill(&random, M * N, a);
    stoa_random_fill(&random, N, x);
    stoa_gemv(M, N, a, N, x, all);
    for (size_t i = 0; i < M; i++)
        stoa_gemv(1, N, a + i * N, N, x, one + i);
    cr_expect(memcmp(all, one, sizeof all) == 0);
}
