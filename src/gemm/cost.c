/* The cost of a product, from measurements with OpenBLAS 0.3.21 on an AVX-512 server core at about 2.9 GHz, and of our
 * own kernel on an AVX2 core at 3.2 GHz. Only ratios matter: they decide between lowerings. */
#include "base/size.h"
#include "gemm/blas.h"
#include "gemm/gemm.h"
#include "kernels/small_product.h"

/* Kernels without packing go 64 columns by 4 rows; what is left over runs on half or quarter steps that keep the
 * multipliers less busy. Counted in the work of full steps. */
static double rounded_rows(size_t m)
{
    static const double rest[4] = {0, 1.8, 2.3, 4.1};
    return (double)(m / 4 * 4) + rest[m % 4];
}

/* Columns beyond whole vectors go by masks, slowest where k is short; a few columns on their own, with k long enough,
 * by dot products. */
static double rounded_columns(size_t n, size_t k)
{
    double columns = (double)(n / 64 * 64), rest = (double)(n % 16);
    columns += (double)(n % 64 / 32) * 30 + (double)(n % 32 / 16) * 21;
    if (n % 16 == 0)
        return columns;
    if (n > 16)
        return columns + 8 + 1.5 * rest;
    return n <= 8 && k >= 32 ? 2.5 * rest : 30 + 280 / (double)(k + 6);
}

/* Our own kernel: two vectors of products a cycle, but no tile of sums (kernels/small_product.c) more often than every
 * four cycles, which an addition takes; and B comes from the L2 cache, which few rows do not hide. */
static double own_cost(size_t m, size_t n, size_t k)
{
    size_t lanes = stoa_small_product_least(), most = 2, vectors = stoa_size_ceil_div(n, lanes);
    size_t strips = stoa_size_ceil_div(vectors, most), tiles = strips * stoa_size_ceil_div(m, 6);
    double sums = (double)(m * vectors) / (double)tiles;
    return 20 + (double)tiles * ((double)k * (sums > 8 ? sums : 8) * 0.16 + sums * 0.57) + (double)(k * n) * 0.03;
}

double stoa_gemm_cost(size_t m, size_t n, size_t k)
{
    enum gemm_kernels kernels = stoa_gemm_kernels();
    size_t limit = stoa_gemm_small_limit();
    double macs = (double)m * (double)n * (double)k;
    if (kernels == GEMM_OWN && n >= stoa_small_product_least() && macs <= (double)limit)
        return own_cost(m, n, k);
    if (kernels == GEMM_BLAS && macs <= (double)limit)
        return 20 + rounded_rows(m) * rounded_columns(n, k) * ((double)k + 6) * (2 / 165.0);
    double packed = (double)m * (double)k + (double)n * (double)k;
    double rate = kernels == GEMM_BLAS ? 150 : 70;
    /* Results are cleared first and then added to: that shows where k is small. */
    double results = (double)m * (double)n;
    return 300 + packed * 0.25 + results * 0.015 + macs * (2 / rate);
}

double stoa_gemm_far_cost(void)
{
    return stoa_gemm_kernels() == GEMM_OWN ? 0 : 0.1; /* ours asks for the next strip while it computes one: own_cost */
}
