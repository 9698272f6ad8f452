/* Matrix products in tiles. How they are cut is a matter of shape and of what BLAS is good at:
 *
 *   gemv   one row (or few, where BLAS packs every operand) times b [n][k]: the weights are read once, a block of rows
 *          that stays in the cache at a time
 *   small  few rows: tiles within what BLAS multiplies without packing (stoa_gemm_small_limit), k cut as well. Measured
 *          on OpenBLAS 0.3.21: 2 to 12 rows times [n][k] are 1.3 to 3 times as fast so, as are up to 32 times [k][n]
 *          (more where k is short); with b transposed it also wants m * n of a tile below 1200 and k of 32 or more
 *   large  tiles large enough that packing does not matter
 *
 * alpha and c are applied to each tile while it is still in the cache. */
#include "ops/product.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "gemm/gemm.h"
#include "kernels/matrix.h"
#include "kernels/nd.h"

#define GEMV_ELEMENTS ((size_t)64 * 1024) /* of b in a block of rows */
#define PERMUTE_BYTES ((size_t)4 << 20)   /* copied between two reports of what has been consumed */

enum product_way { PRODUCT_GEMV, PRODUCT_GEMV_COLUMN, PRODUCT_GEMM };

struct tiling {
    enum product_way way;
    size_t m, n, k; /* of a tile */
};

static struct tiling cut(const struct product *p)
{
    /* A tile has at least one element, even of a product that has none: it is described all the same. */
    const size_t m = stoa_size_max(p->m, 1), n = stoa_size_max(p->n, 1), k = stoa_size_max(p->k, 1);
    struct tiling tiling = {.way = PRODUCT_GEMM, .m = m, .n = n, .k = k};
    size_t small = stoa_gemm_small_limit(), rows = stoa_size_max(8, GEMV_ELEMENTS / k);
    if (n == 1) {
        tiling.way = PRODUCT_GEMV_COLUMN;
        tiling.m = stoa_size_part(m, rows, 1);
    } else if (p->b_transposed && m <= (small ? 1 : 4)) {
        tiling.way = PRODUCT_GEMV;
        tiling.n = stoa_size_part(n, rows, 1);
    } else if (p->b_transposed && small && m <= 12) {
        tiling.n = stoa_size_part(n, 64, 1);
        tiling.k = stoa_size_part(k, stoa_size_min(1024, small / (m * tiling.n)), 1);
    } else if (!p->b_transposed && small && m <= 32) {
        tiling.n = stoa_size_part(n, 512, 1);
        tiling.k = stoa_size_part(k, small / (m * tiling.n), 1);
    } else if (!p->b_transposed && stoa_size_part(m, 64, 1) * k * 64 <= small) {
        tiling.m = stoa_size_part(m, 64, 1);
        tiling.n = stoa_size_part(n, stoa_size_min(512, small / (tiling.m * k)), 1);
    } else {
        tiling.m = stoa_size_part(m, 256, 1);
        tiling.n = stoa_size_part(n, 256, 1);
    }
    return tiling;
}

enum stoa_status stoa_product_check(const struct product *p, struct stoa_error *error)
{
    size_t largest = stoa_size_max(p->m, stoa_size_max(p->n, p->k));
    if (!stoa_gemm_fits(largest))
        return stoa_fail(error, STOA_ERROR_LIMIT,
                         "a product of [%zu,%zu] and [%zu,%zu] is larger than BLAS can address", p->m, p->k, p->k,
                         p->n);
    return STOA_OK;
}

struct multiplying {
    const struct product *product;
    struct tiling tiling;
    size_t tiles_m, tiles_n;
};

static void multiply(const struct product *p, const struct tiling *tiling, size_t rows, size_t columns, const float *a,
                     const float *b, float *y)
{
    size_t lda = stoa_size_max(p->k, 1), ldb = stoa_size_max(p->b_transposed ? p->k : p->n, 1);
    if (p->k == 0) {
        for (size_t i = 0; i < rows; i++)
            for (size_t j = 0; j < columns; j++)
                y[i * p->n + j] = 0;
        return;
    }
    switch (tiling->way) {
    case PRODUCT_GEMV:
        for (size_t i = 0; i < rows; i++)
            stoa_gemv(columns, p->k, b, ldb, a + i * lda, 0, y + i * p->n);
        break;
    case PRODUCT_GEMV_COLUMN:
        stoa_gemv(rows, p->k, a, lda, b, 0, y);
        break;
    case PRODUCT_GEMM:
        for (size_t from = 0; from < p->k; from += tiling->k) {
            size_t k = stoa_size_min(tiling->k, p->k - from);
            float beta = from ? 1 : 0;
            if (p->b_transposed)
                stoa_gemm_nt(rows, columns, k, a + from, lda, b + from, ldb, beta, y, p->n);
            else
                stoa_gemm(rows, columns, k, a + from, lda, b + from * p->n, ldb, beta, y, p->n);
        }
        break;
    }
}

static void tile(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct multiplying *multiplying = context;
    const struct product *p = multiplying->product;
    const struct tiling *tiling = &multiplying->tiling;
    size_t column = task % multiplying->tiles_n * tiling->n;
    size_t row = task / multiplying->tiles_n % multiplying->tiles_m * tiling->m;
    size_t image = task / multiplying->tiles_n / multiplying->tiles_m;
    size_t rows = stoa_size_min(tiling->m, p->m - row), columns = stoa_size_min(tiling->n, p->n - column);

    const float *a = p->a + row * p->k, *b = p->b + column * (p->b_transposed ? p->k : 1);
    float *y = p->y + (image * p->m + row) * p->n + column;
    for (size_t i = p->batch_rank; i-- > 0;) {
        size_t at = image % p->batch_dims[i];
        image /= p->batch_dims[i];
        a += at * p->a_strides[i];
        b += at * p->b_strides[i];
    }
    multiply(p, tiling, rows, columns, a, b, y);
    if (p->c || p->alpha != 1)
        stoa_matrix_finish(rows, columns, p->alpha, p->beta, p->c ? p->c + row * p->c_row + column * p->c_column : NULL,
                           p->c_row, p->c_column, y, p->n);
}

static size_t batch(const struct product *p)
{
    size_t count = 1;
    for (size_t i = 0; i < p->batch_rank; i++)
        count *= p->batch_dims[i];
    return count;
}

void stoa_product_run(const struct product *p, struct pool *pool)
{
    if (p->m == 0 || p->n == 0)
        return;
    struct multiplying multiplying = {.product = p, .tiling = cut(p)};
    multiplying.tiles_m = stoa_size_ceil_div(p->m, multiplying.tiling.m);
    multiplying.tiles_n = stoa_size_ceil_div(p->n, multiplying.tiling.n);
    stoa_pool_run(pool, batch(p) * multiplying.tiles_m * multiplying.tiles_n, tile, &multiplying);
}

double stoa_product_macs(const struct product *p)
{
    return (double)batch(p) * (double)p->m * (double)p->n * (double)p->k;
}

void stoa_product_describe(const struct product *p, size_t size, char *text)
{
    struct tiling tiling = cut(p);
    if (tiling.way == PRODUCT_GEMM)
        snprintf(text, size, "gemm %zux%zux%zu", tiling.m, tiling.n, tiling.k);
    else
        snprintf(text, size, "gemv %zu rows", tiling.way == PRODUCT_GEMV ? tiling.n : tiling.m);
}

enum stoa_status stoa_product_permute(const struct product *p, size_t channels, const struct op_prepare *prepare,
                                      struct stoa_error *error, float **packed)
{
    *packed = NULL;
    if (p->k % channels != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the weights have %zu rows for images of %zu channels", p->k,
                         channels);
    STOA_TRY(stoa_allocate_raw(prepare->allocator, p->n * p->k, sizeof(float), error, packed));

    /* [n][channels][places] -> [n][places][channels], or [channels][places][n] -> [places][channels][n], by slabs of
     * the first dimension. */
    bool turned = p->b_transposed;
    size_t places = p->k / channels, slab_count = turned ? p->n : channels, slab_size = turned ? p->k : places * p->n;
    struct stoa_tensor from = {.dtype = STOA_FLOAT, .rank = 3};
    from.dims[1] = turned ? channels : places;
    from.dims[2] = turned ? places : p->n;
    struct stoa_tensor to = from;
    to.strides[0] = turned ? p->k : p->n;
    to.strides[1] = turned ? 1 : channels * p->n;
    to.strides[2] = turned ? channels : 1;
    size_t step = stoa_size_max(1, PERMUTE_BYTES / sizeof(float) / stoa_size_max(1, slab_size));
    for (size_t first = 0; first < slab_count; first += step) {
        from.dims[0] = to.dims[0] = stoa_size_min(step, slab_count - first);
        stoa_tensor_set_plain(&from);
        from.data = stoa_read_only(p->b + first * slab_size);
        to.data = *packed + first * to.strides[0];
        stoa_nd_copy(&from, &to, NULL);
        stoa_op_consumed(prepare, from.data, from.dims[0] * slab_size * sizeof(float));
    }
    return STOA_OK;
}
