/* Matrix products, the core everything is lowered to. The only room that includes cblas.h.
 *
 * All matrices are row-major float with a leading dimension (elements from one row to the next); a strided view of an
 * image is such a matrix. Every m, n, k and leading dimension must fit an int (stoa_gemm_fits). Thread-safe; each call
 * runs on the calling thread as long as BLAS's own thread count is 1. */
#ifndef STOA_GEMM_GEMM_H
#define STOA_GEMM_GEMM_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/epilogue.h"

/* Whether a size can be handed to BLAS. */
bool stoa_gemm_fits(size_t size);

/* C[m][n] = A[m][k] * B[k][n] + beta * C. With beta = 0, C is not read. k = 0 gives beta * C. */
void stoa_gemm(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
               float *c, size_t ldc);
/* C[m][n] = A[m][k] * B[n][k]^T + beta * C. Slower on small products than stoa_gemm: pack B where it is used often. */
void stoa_gemm_nt(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                  float *c, size_t ldc);

/* C[m][n] = A[k][m]^T * B[k][n] + beta * C: no slower than stoa_gemm. */
void stoa_gemm_tn(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                  float *c, size_t ldc);
/* C[m][n] = A[k][m]^T * B[n][k]^T + beta * C */
void stoa_gemm_tt(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb, float beta,
                  float *c, size_t ldc);

/* A matrix B[rows][columns] that is packed once, for products with some of its rows: strips of columns one after
 * another, each [rows][width]. How wide they are is the kernels' affair; a single one is B as it stands. */
struct gemm_packed {
    const float *values;
    size_t rows, columns;
    bool strips; /* or a single one; true only where stoa_gemm_takes_strips() */
    bool near;   /* it stays in the L2 cache from one product to the next, and A comes from further away */
};
/* Whether the kernels at hand take strips. OpenBLAS is slow to tell: ask once, not for every product. */
bool stoa_gemm_takes_strips(void);
/* The width of the strip that begins at a column. */
size_t stoa_gemm_strip(const struct gemm_packed *b, size_t column);
/* C[m][columns] = A[m][k] * rows [first, first + k) of B, or C += that, and then the epilogue of C, whose rows are its
 * own; null: none. Where BLAS computes the product, C should be small enough for the caches. */
void stoa_gemm_packed(size_t m, size_t k, const float *a, size_t lda, const struct gemm_packed *b, size_t first,
                      bool add, float *c, size_t ldc, const struct epilogue *epilogue);

/* Whether stoa_gemm_packed finishes each element of so many columns before it writes it, so that the epilogue's addend
 * may be C; true of no columns. Of the epilogue only the activation and whether there is a mask matter. */
bool stoa_gemm_packed_finishes(size_t columns, const struct epilogue *epilogue);

/* The largest m*n*k that is computed without packing the operands first, by BLAS or by a kernel of our own; 0 where
 * they are always packed. Products within it are fast however small they are; beyond it (and always where it is 0) only
 * large products are. The second is that of stoa_gemm_nt and stoa_gemm_tt. */
size_t stoa_gemm_small_limit(void);
size_t stoa_gemm_nt_small_limit(void);

/* The m, n and k of products that larger ones are best cut into, as far as they are that large. */
struct gemm_tile {
    size_t m, n, k;
};
struct gemm_tile stoa_gemm_tile(void);

/* An estimate of what one product costs, in nanoseconds: for comparing ways to cut up the same work, on the BLAS at
 * hand. */
double stoa_gemm_cost(size_t m, size_t n, size_t k);
/* And what each float of B takes besides where B is not in the caches at hand. */
double stoa_gemm_far_cost(void);

#endif
