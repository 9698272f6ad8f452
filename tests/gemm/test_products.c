/* Products over strided matrices, and what is said of the BLAS that computes them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stoa/blas.h>
#include <string.h>

#include "base/random.h"
#include "gemm/gemm.h"

#define MOST 20000

static const struct {
    const char *name;
    size_t m, n, k, gap; /* leading dimensions are that much longer than rows */
} rows[] = {
    {"one element", 1, 1, 1, 0},          {"primes", 13, 17, 19, 0},    {"primes in larger matrices", 13, 17, 19, 5},
    {"one row", 1, 65, 130, 3},           {"one column", 67, 1, 31, 3}, {"k of 1", 33, 35, 1, 2},
    {"a tile of a view", 28, 64, 64, 64}, {"no rows", 0, 5, 6, 0},      {"no columns", 5, 0, 6, 0},
    {"nothing to sum", 5, 6, 0, 1},
};

/* Small whole numbers, so that sums are exact in any order. What lies between the rows is NaN and must stay apart. */
static void fill(struct random *random, size_t lines, size_t length, size_t ld, float *values)
{
    for (size_t i = 0; i < lines; i++)
        for (size_t j = 0; j < ld; j++)
            values[i * ld + j] = j < length ? (float)stoa_random_int(random, -4, 4) : NAN;
}

static void check(size_t r, float beta, bool transposed)
{
    static float a[MOST], b[MOST], c[MOST], was[MOST];
    size_t m = rows[r].m, n = rows[r].n, k = rows[r].k;
    size_t lda = k + rows[r].gap + 1, ldb = (transposed ? k : n) + rows[r].gap + 1, ldc = n + rows[r].gap + 1;
    struct random random = {.state = r};
    cr_assert(m * lda <= MOST && (transposed ? n : k) * ldb <= MOST && m * ldc <= MOST);
    fill(&random, m, k, lda, a);
    fill(&random, transposed ? n : k, transposed ? k : n, ldb, b);
    fill(&random, m, beta == 0 ? 0 : n, ldc, c); /* all NaN where it is not to be read */
    memcpy(was, c, sizeof was);
    (transposed ? stoa_gemm_nt : stoa_gemm)(m, n, k, a, lda, b, ldb, beta, c, ldc);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc; j++) {
            float sum = beta == 0 ? 0 : beta * was[i * ldc + j];
            for (size_t p = 0; j < n && p < k; p++)
                sum += a[i * lda + p] * b[transposed ? j * ldb + p : p * ldb + j];
            float got = c[i * ldc + j];
            cr_expect(j < n ? got == sum : isnan(got), "%s, beta %g%s: c[%zu][%zu] is %g, not %g", rows[r].name,
                      (double)beta, transposed ? ", b transposed" : "", i, j, (double)got, (double)sum);
        }
}

Test(gemm, products_are_exact_on_whole_numbers)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int beta = 0; beta <= 2; beta++)
            for (int transposed = 0; transposed < 2; transposed++)
                check(r, (float)beta, transposed);
}

Test(gemm, sizes_fit_an_int)
{
    cr_expect(stoa_gemm_fits(0) && stoa_gemm_fits(INT32_MAX));
    cr_expect(!stoa_gemm_fits((size_t)INT32_MAX + 1) && !stoa_gemm_fits(SIZE_MAX));
}

/* Much more work never costs less: the choice between lowerings rests on that. (A row more can: three rows are slower
 * than four.) */
Test(gemm, costs_grow)
{
    static const size_t sizes[] = {1, 4, 16, 28, 64, 128, 512, 4096};
    const size_t count = sizeof sizes / sizeof *sizes;
    for (size_t i = 0; i + 1 < count; i++)
        for (size_t j = 0; j < count; j++) {
            size_t small = sizes[i], large = sizes[i + 1], other = sizes[j];
            cr_expect(stoa_gemm_cost(small, small, other) > 0);
            cr_expect(stoa_gemm_cost(large, large, other) > stoa_gemm_cost(small, small, other), "%zu to %zu by %zu",
                      small, large, other);
            cr_expect(stoa_gemm_cost(other, small, large) > stoa_gemm_cost(other, small, small), "k %zu to %zu", small,
                      large);
        }
}

Test(gemm, blas_is_described)
{
    struct stoa_blas_info info;
    stoa_blas_set_threads(1);
    stoa_blas_describe(&info);
    cr_expect(info.threads == 1);
    cr_expect(strstr(info.config, "OpenBLAS"), "%s", info.config);
    cr_expect(info.core[0] && (!info.better_core || strcmp(info.better_core, info.core) != 0));
    cr_expect((stoa_gemm_small_limit() > 0) == (info.small_matrix != 0));
}
