/* Products over CBLAS; small ones by a kernel of our own where the BLAS at hand would pack their operands. */
#include "gemm/gemm.h"

#include <cblas.h>
#include <limits.h>

#include "base/size.h"
#include "gemm/blas.h"
#include "kernels/small_product.h"

bool stoa_gemm_fits(size_t size)
{
    return size <= INT_MAX;
}

/* Whether our own kernel takes a product. */
static bool is_own(CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k, float beta)
{
    return transpose_b == CblasNoTrans && (beta == 0 || beta == 1) && n >= stoa_small_product_least() &&
           m * n <= GEMM_SMALL_LIMIT / stoa_size_max(k, 1) && stoa_gemm_kernels() == GEMM_OWN;
}

static void product(CBLAS_TRANSPOSE transpose_a, CBLAS_TRANSPOSE transpose_b, size_t m, size_t n, size_t k,
                    const float *a, size_t lda, const float *b, size_t ldb, float beta, float *c, size_t ldc)
{
    if (m == 0 || n == 0)
        return;
    if (is_own(transpose_b, m, n, k, beta))
        stoa_small_product(&(struct small_product){
            .m = m,
            .n = n,
            .k = k,
            .a = a,
            .a_row = transpose_a == CblasNoTrans ? lda : 1,
            .a_column = transpose_a == CblasNoTrans ? 1 : lda,
            .b = b,
            .b_row = ldb,
            .c = c,
            .c_row = ldc,
            .add = beta != 0,
        });
    else
        cblas_sgemm(CblasRowMajor, transpose_a, transpose_b, (blasint)m, (blasint)n, (blasint)k, 1.0f, a, (blasint)lda,
                    b, (blasint)ldb, beta, c, (blasint)ldc);
}

struct gemm_tile stoa_gemm_tile(void)
{
    static const struct gemm_tile tiles[] = {
        /* Every product packs its operands first, which only large ones repay. */
        [GEMM_PACKED] = {4096, 512, 384},
        /* 64 columns by 4 rows at a time, and the whole of B again for every 4 rows: 128 x 64 floats are 32 KB, which
         * an L1 cache holds. */
        [GEMM_BLAS] = {64, 64, 128},
        /* 16 columns of B serve all rows: 16 KB, beside the next 16 and a few rows of A. */
        [GEMM_OWN] = {60, 64, 256},
    };
    return tiles[stoa_gemm_kernels()];
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

bool stoa_gemm_takes_strips(void)
{
    return stoa_gemm_kernels() == GEMM_OWN;
}

static bool has_strips(const struct gemm_packed *b)
{
    return b->strips && b->columns >= stoa_small_product_least();
}

size_t stoa_gemm_strip(const struct gemm_packed *b, size_t column)
{
    return has_strips(b) ? stoa_small_product_strip(b->columns - column) : b->columns - column;
}

bool stoa_gemm_packed_finishes(size_t columns, const struct epilogue *epilogue)
{
    return columns == 0 || (columns % stoa_small_product_least() == 0 && stoa_gemm_takes_strips() &&
                            stoa_small_product_takes(epilogue));
}

/* A tile that another function is to be applied to, on the stack. */
#define TILE_FLOATS 4096

/* What the kernel's tiles do not do of the epilogue is done after them. */
static void finished_product(struct small_product *p, const struct epilogue *epilogue)
{
    struct epilogue within = {0}, rest = {0};
    *(epilogue->mask ? &rest : &within) = *epilogue;
    if (!stoa_small_product_takes(&within)) { /* its sums at least */
        rest.activation = within.activation;
        within.activation = (struct activation){0};
    }
    p->last = epilogue->mask ? NULL : &within;
    /* Where results go to memory first, the function waits for them to come back. */
    float tile[TILE_FLOATS], *c = p->c;
    size_t ldc = p->c_row;
    bool apart = rest.activation.kind && !rest.mask && !p->add && p->m <= TILE_FLOATS / p->n;
    if (apart) {
        p->c = tile;
        p->c_row = p->n;
    }
    stoa_small_product(p);
    for (size_t i = 0; apart && i < p->m; i++)
        stoa_activate(&rest.activation, p->n, tile + i * p->n, c + i * ldc);
    if (!apart)
        stoa_epilogue_rows(p->m, p->n, &rest, c, ldc);
}

void stoa_gemm_packed(size_t m, size_t k, const float *a, size_t lda, const struct gemm_packed *b, size_t first,
                      bool add, float *c, size_t ldc, const struct epilogue *epilogue)
{
    size_t n = b->columns;
    if (!has_strips(b)) {
        stoa_gemm(m, n, k, a, lda, b->values + first * n, n, add, c, ldc);
        if (epilogue)
            stoa_epilogue_rows(m, n, epilogue, c, ldc);
        return;
    }
    /* With all members given nothing is cleared first, which takes GCC as long as a short product. */
    struct small_product p = {
        .m = m,
        .n = n,
        .k = k,
        .a = a,
        .a_row = lda,
        .a_column = 1,
        .b = b->values,
        .b_row = 0,
        .b_rows = b->rows,
        .near = b->near,
        .b_first = first,
        .c = c,
        .c_row = ldc,
        .add = add,
        .last = NULL,
    };
    if (epilogue)
        finished_product(&p, epilogue);
    else
        stoa_small_product(&p);
}
