/* Products over CBLAS. */
#include "gemm/gemm.h"

#include <cblas.h>
#include <limits.h>

bool stoa_gemm_fits(size_t size)
{
    return size <= INT_MAX;
}

static void product(CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, const float *a, size_t lda,
                    const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    if (m == 0 || n == 0)
        return;
    cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose_b, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b,
                (blasint)ldb, beta, c, (blasint)ldc);
}

void stoa_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
               float *c, size_t ldc)
{
    product(CblasNoTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}

void stoa_gemm_nt(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                  float *c, size_t ldc)
{
    product(CblasTrans, m, n, k, a, lda, b, ldb, beta, c, ldc);
}
