/* Products over strided matrices, and what is said of the BLAS that computes them. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stoa/blas.h>
#include <string.h>

#include "base/random.h"
#include "gemm/gemm.h"

#define MOST 20000

struct shape {
    const char *name;
    size_t m, n, k, gap; /* leading dimensions are that much longer than rows */
};

static const struct shape rows[] = {
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

/* Which operands lie transposed, and the function for it. */
static const struct {
    const char *name;
    bool a, b;
    void (*multiply)(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                     float *c, size_t ldc);
} ways[] = {
    {"nn", false, false, stoa_gemm},
    {"nt", false, true, stoa_gemm_nt},
    {"tn", true, false, stoa_gemm_tn},
    {"tt", true, true, stoa_gemm_tt},
};
#define WAYS (sizeof ways / sizeof *ways)

static void check(const struct shape *shape, float beta, size_t way)
{
    static float a[MOST], b[MOST], c[MOST], was[MOST];
    size_t m = shape->m, n = shape->n, k = shape->k;
    size_t a_lines = ways[way].a ? k : m, a_length = ways[way].a ? m : k, lda = a_length + shape->gap + 1;
    size_t b_lines = ways[way].b ? n : k, b_length = ways[way].b ? k : n, ldb = b_length + shape->gap + 1;
    size_t ldc = n + shape->gap + 1;
    struct random random = {.state = m + 100 * n};
    cr_assert(a_lines * lda <= MOST && b_lines * ldb <= MOST && m * ldc <= MOST);
    fill(&random, a_lines, a_length, lda, a);
    fill(&random, b_lines, b_length, ldb, b);
    fill(&random, m, beta == 0 ? 0 : n, ldc, c); /* all NaN where it is not to be read */
    memcpy(was, c, sizeof was);
    ways[way].multiply(m, n, k, a, lda, b, ldb, beta, c, ldc);
    for (size_t i = 0; i < m; i++)
        for (size_t j = 0; j < ldc; j++) {
            float sum = beta == 0 ? 0 : beta * was[i * ldc + j];
            for (size_t p = 0; j < n && p < k; p++)
                sum += a[ways[way].a ? p * lda + i : i * lda + p] * b[ways[way].b ? j * ldb + p : p * ldb + j];
            float got = c[i * ldc + j];
            cr_assert(j < n ? got == sum : isnan(got), "%s %zux%zux%zu, beta %g, %s: c[%zu][%zu] is %g, not %g",
                      shape->name, m, n, k, (double)beta, ways[way].name, i, j, (double)got, (double)sum);
        }
}

Test(gemm, products_are_exact_on_whole_numbers)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (int beta = 0; beta <= 2; beta++)
            for (size_t way = 0; way < WAYS; way++)
                check(&rows[r], (float)beta, way);
}

/* Every way that kernels cut rows and columns into tiles, with rests of any size. */
Test(gemm, so_are_those_of_any_size)
{
    for (size_t m = 1; m <= 14; m++)
        for (size_t n = 1; n <= 150; n++)
            for (size_t way = 0; way < WAYS; way++)
                check(&(struct shape){"any size", m, n, 1 + (m + n) % 7, n % 3}, (float)(n % 2), way);
}

/* packed <- b[rows][columns], by strips of columns where it has such. */
static void pack(const struct gemm_packed *how, const float *b, float *packed)
{
    for (size_t begin = 0, width; begin < how->columns; begin += width) {
        width = stoa_gemm_strip(how, begin);
        cr_assert(width > 0 && width <= how->columns - begin, "a strip of %zu of %zu columns from %zu", width,
                  how->columns, begin);
        cr_assert(how->strips || width == how->columns);
        for (size_t k = 0; k < how->rows; k++)
            memcpy(packed + begin * how->rows + k * width, b + k * how->columns + begin, width * sizeof *b);
    }
}

/* A product with rows of packed weights is the product, then the epilogue, to the bit: whoever does it, and where the
 * parts of an epilogue are missing. */
Test(gemm, packed_products_and_their_epilogue)
{
    static const struct activation activations[] = {{ACTIVATION_NONE, 0, 0},
                                                    {ACTIVATION_RELU, 0, 0},
                                                    {ACTIVATION_CLIP, -1, 2},
                                                    {ACTIVATION_SIGMOID, 0, 0},
                                                    {ACTIVATION_HARD_SWISH, 1.0f / 6, 0.5f}};
    static float a[MOST], b[MOST], packed[MOST], other[MOST], expected[MOST], c[MOST];
    struct random random = {.state = 3};
    stoa_random_fill(&random, MOST, a);
    stoa_random_fill(&random, MOST, b);
    stoa_random_fill(&random, MOST, other);
    a[5] = NAN;
    for (size_t m = 1; m <= 13; m += 3)
        for (size_t n = 1; n <= 70; n += 3)
            for (int parts = 0; parts < 32; parts++) {
                const struct epilogue epilogue = {.bias = parts & 1 ? other + 9 : NULL,
                                                  .addend = parts & 2 ? other + 100 : NULL,
                                                  .addend_row = n + 2,
                                                  .mask = parts & 4 ? other + 33 : NULL,
                                                  .mask_row = n,
                                                  .mask_least = -0.5f,
                                                  .mask_most = 0.5f,
                                                  .activation = activations[(m + n) % 5]};
                size_t k = 1 + (m + n) % 11, first = n % 4, depth = first + k + n % 3;
                bool add = parts & 8, strips = parts & 16 && stoa_gemm_takes_strips();
                const struct gemm_packed weights = {.values = packed, .rows = depth, .columns = n, .strips = strips};
                memcpy(expected, other, sizeof expected);
                memcpy(c, other, sizeof c);
                stoa_gemm(m, n, k, a, 12, b + first * n, n, add, expected, n + 3);
                stoa_epilogue_rows(m, n, &epilogue, expected, n + 3);
                pack(&weights, b, packed);
                stoa_gemm_packed(m, k, a, 12, &weights, first, add, c, n + 3, &epilogue);
                cr_assert(memcmp(c, expected, sizeof c) == 0, "%zux%zux%zu, parts %d", m, n, k, parts);
            }
}

/* What a product asks the caches for changes nothing: long strips and few rows, or none, weights that are near or not.
 */
Test(gemm, long_packed_products)
{
    static float a[MOST], b[MOST], packed[MOST], expected[MOST], c[MOST];
    static const size_t row_counts[] = {0, 1, 7, 16, 40};
    struct random random = {.state = 4};
    stoa_random_fill(&random, MOST, a);
    stoa_random_fill(&random, MOST, b);
    for (size_t i = 0; i < sizeof row_counts / sizeof *row_counts; i++)
        for (size_t n = 8; n <= 72; n += 8)
            for (int near = 0; near < 2; near++) {
                size_t m = row_counts[i], k = 128 + n % 5, first = n % 3;
                const struct gemm_packed weights = {.values = packed,
                                                    .rows = first + k + near,
                                                    .columns = n,
                                                    .strips = stoa_gemm_takes_strips(),
                                                    .near = near};
                memset(expected, 0xff, sizeof expected);
                memset(c, 0xff, sizeof c);
                stoa_gemm(m, n, k, a, k, b + first * n, n, 0, expected, n);
                pack(&weights, b, packed);
                stoa_gemm_packed(m, k, a, k, &weights, first, false, c, n, NULL);
                cr_assert(memcmp(c, expected, sizeof c) == 0, "%zux%zux%zu, near %d", m, n, k, near);
            }
}

Test(gemm, sizes_fit_an_int)
{
    cr_expect(stoa_gemm_fits(0) && stoa_gemm_fits(INT32_MAX));
    cr_expect(!stoa_gemm_fits((size_t)INT32_MAX + 1) && !stoa_gemm_fits(SIZE_MAX));
}

/* Much more work never costs less: the choice between lowerings rests on that. (A row more can: three rows are slower
 * than four. Where small products are our own kernel's, those of fewer columns than a vector has are not, and slower.)
 */
Test(gemm, costs_grow)
{
    static const size_t sizes[] = {1, 4, 16, 28, 64, 128, 512, 4096};
    const size_t count = sizeof sizes / sizeof *sizes;
    const bool own = stoa_gemm_small_limit() > stoa_gemm_nt_small_limit();
    for (size_t i = own ? 2 : 0; i + 1 < count; i++)
        for (size_t j = own ? 2 : 0; j < count; j++) {
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
    cr_expect((stoa_gemm_nt_small_limit() > 0) == (info.small_matrix != 0));
    cr_expect(stoa_gemm_small_limit() >= stoa_gemm_nt_small_limit());
}
