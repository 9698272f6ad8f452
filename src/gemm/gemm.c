/* Products over CBLAS. */
#include "gemm/gemm.h"

#include <cblas.h>
#include <limits.h>

bool stoa_gemm_fits(size_t size)
{
    return size <= INT_MAX;
}

static void product(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k,
                    const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    if (m == 0 || n == 0)
        return;
    cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda, b,
                (blasint)ldb, beta, c, (blasint)ldc);
}

#define PRODUCT(name, transpose_a, transpose_b)                                                                        \
    void name(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,        \
              float *c, size_t ldc)                                                                                    \
    {                                                                                                                  \
        product(transpose_a, transpose_b, m, n, k, a, lda, b, ldb, beta, c, ldc);                                      \
    }
PRODUCT(stoa_gemm, CblasNoTrans, CblasNoTrans)
PRODUCT(stoa_gemm_nt, CblasNoTrans, CblasTrans)
PRODUCT(stoa_gemm_tn, CblasTrans, CblasNoTrans)
PRODUCT(stoa_gemm_tt, CblasTrans, CblasTrans)
