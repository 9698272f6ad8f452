/* Matrix products in tiles. How they are cut is a matter of shape and of what BLAS is good at:
 *
 *   gemv   one row (or few, where BLAS packs every operand) times b [n][k]: the weights are read once, a block of rows
 *          that stays in the cache at a time
 *   turned several rows times b [n][k], where BLAS packs every operand: b's rows times some of a's, which are turned
 *          first, and turned back: rows of b are read once, where they lie, and serve up to 32 of a's
 *   small  few rows: tiles within what BLAS multiplies without packing (stoa_gemm_small_limit), k cut as well. Measured
 *          on OpenBLAS 0.3.21: 2 to 12 rows times [n][k] are 1.3 to 3 times as fast so, 16 to 64 1.2 to 2 times, as are
 *          up to 128 times [k][n] (more where k is short), and sums of few rows of both (a transposed); with b
 *          transposed it also wants m * n of a tile below 1200 and k of 32 or more
 *   large  tiles large enough that packing does not matter
 *
 * alpha and c are applied to each tile while it is still in the cache. */
#include "ops/product.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "gemm/gemm.h"
#include "kernels/epilogue.h"
#include "kernels/gemv.h"
#include "kernels/matrix.h"
#include "kernels/nd.h"

#define GEMV_ELEMENTS ((size_t)64 * 1024) /* of b in a block of rows */
#define TASK_BYTES ((size_t)256 << 10)    /* of weights moved by a task, */
#define CHUNK_BYTES ((size_t)16 << 20)    /* and between two reports of what has been consumed */

/* A turned tile: rows of a, its results (24 KB, on the stack) and a block of k of a (16 KB). */
#define TURNED_ROWS 32
#define TURNED_FLOATS 6144
#define TURNED_K_FLOATS 4096
/* Rows of b that are multiplied while the next ones are asked for. */
#define TURNED_STEP 12

enum product_way { PRODUCT_GEMV, PRODUCT_GEMV_COLUMN, PRODUCT_TURNED, PRODUCT_GEMM };

struct tiling {
    enum product_way way;
    size_t m, n, k; /* of a tile */
};

static size_t count(size_t rank, const size_t *dims)
{
    size_t elements = 1;
    for (size_t i = 0; i < rank; i++)
        elements *= dims[i];
    return elements;
}

/* The same product with as little transposed as its shape allows. */
static struct product straighten(const struct product *p)
{
    struct product product = *p;
    if (p->m == 1 || p->k == 1)
        product.a_transposed = false;
    if (!product.a_transposed || p->n != 1)
        return product;
    /* A column of results is a row of them just as well. */
    product.m = 1;
    product.n = p->m;
    product.a = p->b;
    product.b = p->a;
    product.a_transposed = product.b_transposed = false;
    product.c_row = 0;
    product.c_column = p->c_row;
    memcpy(product.a_strides, p->b_strides, sizeof product.a_strides);
    memcpy(product.b_strides, p->a_strides, sizeof product.b_strides);
    memcpy(product.a_sum_strides, p->b_sum_strides, sizeof product.a_sum_strides);
    memcpy(product.b_sum_strides, p->a_sum_strides, sizeof product.b_sum_strides);
    return product;
}

static struct tiling cut(const struct product *p)
{
    /* A tile has at least one element, even of a product that has none: it is described all the same. */
    const size_t m = stoa_size_max(p->m, 1), n = stoa_size_max(p->n, 1), k = stoa_size_max(p->k, 1);
    struct tiling tiling = {.way = PRODUCT_GEMM, .m = m, .n = n, .k = k};
    size_t small = p->b_transposed ? stoa_gemm_nt_small_limit() : stoa_gemm_small_limit(),
           rows = stoa_size_max(8, GEMV_ELEMENTS / k);
    bool single = p->sum_rank == 0;
    if (n == 1 && !p->a_transposed && single) {
        tiling.way = PRODUCT_GEMV_COLUMN;
        tiling.m = stoa_size_part(m, rows, 1);
    } else if (p->a_transposed) {
        bool brief = small && k <= 512 && !p->b_transposed;
        tiling.m = stoa_size_part(m, brief ? 64 : 256, 4);
        tiling.n = stoa_size_part(n, brief ? 128 : 256, 64);
        tiling.k = brief ? stoa_size_part(k, 96, 1) : k;
    } else if (p->b_transposed && single && m <= (small ? 1 : 4)) {
        tiling.way = PRODUCT_GEMV;
        tiling.n = stoa_size_part(n, rows, 1);
    } else if (p->b_transposed && single && !small && stoa_gemm_small_limit() && m <= TURNED_ROWS) {
        tiling.way = PRODUCT_TURNED;
        size_t width = stoa_size_round_up(m, 8);
        tiling.n = stoa_size_part(n, stoa_size_min(TURNED_FLOATS / width, stoa_size_ceil_div(n, 4)), TURNED_STEP);
        tiling.k = stoa_size_part(k, TURNED_K_FLOATS / width, 4);
    } else if (p->b_transposed && small && m <= 12) {
        tiling.n = stoa_size_part(n, 64, 1);
        tiling.k = stoa_size_part(k, stoa_size_min(1024, small / (m * tiling.n)), 1);
    } else if (p->b_transposed && small && m <= 64 && k >= 32) {
        tiling.m = stoa_size_part(m, 32, 4);
        tiling.n = stoa_size_part(n, 32, 16);
        tiling.k = stoa_size_part(k, 512, 1);
    } else if (!p->b_transposed && small && m <= 32) {
        tiling.n = stoa_size_part(n, 512, 1);
        tiling.k = stoa_size_part(k, small / (m * tiling.n), 1);
    } else if (!p->b_transposed && stoa_size_part(m, 64, 1) * k * 64 <= small) {
        tiling.m = stoa_size_part(m, 64, 1);
        size_t most = stoa_size_min(512, small / (tiling.m * k));
        tiling.n = stoa_size_part(n, most / 64 * 64, 64);
    } else if (!p->b_transposed && small && m <= 128) {
        tiling.m = stoa_size_part(m, 64, 4);
        tiling.n = stoa_size_part(n, 256, 64);
        tiling.k = stoa_size_part(k, small / (tiling.m * tiling.n), 1);
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

/* y[rows][columns] <- a[rows][k] * b[columns][k]^T. */
static void multiply_turned(const struct product *p, const struct tiling *tiling, size_t rows, size_t columns,
                            const float *a, const float *b, float *y)
{
    float block[TURNED_K_FLOATS] = {0}, results[TURNED_FLOATS];
    size_t width = stoa_size_round_up(rows, 8);
    bool strips = stoa_gemm_takes_strips();
    for (size_t from = 0; from < p->k; from += tiling->k) {
        struct gemm_packed turned = {
            .values = block, .rows = stoa_size_min(tiling->k, p->k - from), .columns = width, .strips = strips};
        float *to = block;
        for (size_t i = 0, strip; i < width; i += strip, to += strip * turned.rows) {
            strip = stoa_gemm_strip(&turned, i);
            if (i < rows)
                stoa_matrix_transpose(stoa_size_min(strip, rows - i), turned.rows, a + i * p->k + from, p->k, to,
                                      strip);
        }
        for (size_t j = 0; j < columns; j += TURNED_STEP) {
            size_t next = j + TURNED_STEP;
            if (next < columns)
                stoa_matrix_fetch(stoa_size_min(TURNED_STEP, columns - next), turned.rows, b + next * p->k + from,
                                  p->k);
            stoa_gemm_packed(stoa_size_min(TURNED_STEP, columns - j), turned.rows, b + j * p->k + from, p->k, &turned,
                             0, from > 0, results + j * width, width, NULL);
        }
    }
    stoa_matrix_transpose(columns, rows, results, width, y, p->n);
}

/* y[rows][columns] <- a * b, or what is there already plus that. */
static void multiply(const struct product *p, const struct tiling *tiling, size_t rows, size_t columns, const float *a,
                     const float *b, bool add, float *y)
{
    static void (*const gemms[2][2])(size_t, size_t, size_t, const float *, size_t, const float *, size_t, float,
                                     float *, size_t) = {{stoa_gemm, stoa_gemm_nt}, {stoa_gemm_tn, stoa_gemm_tt}};
    size_t lda = stoa_size_max(p->a_transposed ? p->m : p->k, 1);
    size_t ldb = stoa_size_max(p->b_transposed ? p->k : p->n, 1);
    switch (tiling->way) {
    case PRODUCT_GEMV:
        for (size_t i = 0; i < rows; i++)
            stoa_gemv(columns, p->k, b, ldb, a + i * lda, y + i * p->n);
        break;
    case PRODUCT_GEMV_COLUMN:
        stoa_gemv(rows, p->k, a, lda, b, y);
        break;
    case PRODUCT_TURNED:
        multiply_turned(p, tiling, rows, columns, a, b, y);
        break;
    case PRODUCT_GEMM:
        for (size_t from = 0; from < p->k; from += tiling->k)
            gemms[p->a_transposed][p->b_transposed](
                rows, columns, stoa_size_min(tiling->k, p->k - from), a + from * (p->a_transposed ? lda : 1), lda,
                b + from * (p->b_transposed ? 1 : ldb), ldb, from || add ? 1 : 0, y, p->n);
        break;
    }
}

/* Steps a and b to element `at` of an index space. */
static void step(size_t at, size_t rank, const size_t *dims, const size_t *a_strides, const size_t *b_strides,
                 const float **a, const float **b)
{
    for (size_t i = rank; i-- > 0; at /= dims[i]) {
        *a += at % dims[i] * a_strides[i];
        *b += at % dims[i] * b_strides[i];
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

    const float *a = p->a + row * (p->a_transposed ? 1 : p->k), *b = p->b + column * (p->b_transposed ? p->k : 1);
    float *y = p->y + (image * p->m + row) * p->n + column;
    step(image, p->batch_rank, p->batch_dims, p->a_strides, p->b_strides, &a, &b);
    size_t terms = p->k ? count(p->sum_rank, p->sum_dims) : 0;
    if (terms == 0)
        stoa_matrix_clear_rows(rows, columns, y, p->n);
    for (size_t i = 0; i < terms; i++) {
        const float *a_term = a, *b_term = b;
        step(i, p->sum_rank, p->sum_dims, p->a_sum_strides, p->b_sum_strides, &a_term, &b_term);
        multiply(p, tiling, rows, columns, a_term, b_term, i > 0, y);
    }
    if (p->c || p->alpha != 1)
        stoa_matrix_finish(rows, columns, p->alpha, p->beta, p->c ? p->c + row * p->c_row + column * p->c_column : NULL,
                           p->c_row, p->c_column, y, p->n);
    stoa_epilogue_rows(rows, columns, &(struct epilogue){.activation = p->activation}, y, p->n);
}

void stoa_product_run(const struct product *p, struct pool *pool)
{
    if (p->m == 0 || p->n == 0)
        return;
    struct product product = straighten(p);
    struct multiplying multiplying = {.product = &product, .tiling = cut(&product)};
    multiplying.tiles_m = stoa_size_ceil_div(product.m, multiplying.tiling.m);
    multiplying.tiles_n = stoa_size_ceil_div(product.n, multiplying.tiling.n);
    size_t images = count(product.batch_rank, product.batch_dims);
    stoa_pool_run(pool, images * multiplying.tiles_m * multiplying.tiles_n, tile, &multiplying);
}

double stoa_product_macs(const struct product *p)
{
    double products = (double)count(p->batch_rank, p->batch_dims) * (double)count(p->sum_rank, p->sum_dims);
    return products * (double)p->m * (double)p->n * (double)p->k;
}

void stoa_product_describe(const struct product *p, size_t size, char *text)
{
    struct product product = straighten(p);
    struct tiling tiling = cut(&product);
    if (tiling.way == PRODUCT_GEMM || tiling.way == PRODUCT_TURNED)
        snprintf(text, size, "%s %zux%zux%zu", tiling.way == PRODUCT_GEMM ? "gemm" : "turned", tiling.m, tiling.n,
                 tiling.k);
    else
        snprintf(text, size, "gemv %zu rows", tiling.way == PRODUCT_GEMV ? tiling.n : tiling.m);
}

unsigned stoa_product_takes(const struct op_call *call)
{
    (void)call;
    return OP_TAKES_ACTIVATION;
}

/* Slabs of the first dimension of the weights as the file has them. */
struct moving {
    const unsigned char *from;
    unsigned char *aligned;            /* a task's slabs for each worker; null where `from` is aligned */
    size_t slab, step;                 /* bytes of a slab; slabs of a task */
    size_t first, end;                 /* slabs to move */
    struct stoa_tensor source, target; /* of one slab: dims[0] and data are the task's */
    float *to;
};

static void move_slabs(void *context, size_t task, size_t worker)
{
    const struct moving *moving = context;
    size_t first = moving->first + task * moving->step, count = stoa_size_min(moving->step, moving->end - first);
    struct stoa_tensor source = moving->source, target = moving->target;
    source.dims[0] = target.dims[0] = count;
    source.data = stoa_read_only(moving->from + first * moving->slab);
    if (moving->aligned) {
        void *aligned = moving->aligned + worker * moving->step * moving->slab;
        memcpy(aligned, source.data, count * moving->slab);
        source.data = aligned;
    }
    target.data = moving->to + first * target.strides[0];
    stoa_nd_copy(&source, &target, NULL);
}

static void move(struct moving *moving, size_t slabs, const struct op_prepare *prepare)
{
    size_t chunk = stoa_size_max(1, CHUNK_BYTES / stoa_size_max(1, moving->slab));
    for (moving->first = 0; moving->first < slabs; moving->first = moving->end) {
        moving->end = stoa_size_min(moving->first + chunk, slabs);
        size_t count = moving->end - moving->first;
        stoa_pool_run(prepare->pool, stoa_size_ceil_div(count, moving->step), move_slabs, moving);
        stoa_op_consumed(prepare, moving->from + moving->first * moving->slab, count * moving->slab);
    }
}

enum stoa_status stoa_product_prepare(const struct product *p, struct op_call *call, const struct op_prepare *prepare,
                                      struct stoa_error *error)
{
    const struct stoa_tensor *b = &call->inputs[1];
    size_t channels = call->column_channels;
    call->state = NULL;
    if (!b->data || (!channels && stoa_tensor_is_aligned(b)))
        return STOA_OK;
    if (channels && p->k % channels != 0)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the weights have %zu rows for images of %zu channels", p->k,
                         channels);
    /* [n][channels][places] -> [n][places][channels], or [channels][places][n] -> [places][channels][n]; without
     * channels, rows as they are. */
    bool turned = p->b_transposed;
    size_t slabs = stoa_tensor_elements(b) / stoa_size_max(1, b->dims[b->rank - 1]), slab = b->dims[b->rank - 1];
    struct moving moving = {.from = b->data};
    moving.source = (struct stoa_tensor){.dtype = STOA_FLOAT, .rank = 2, .dims = {1, slab}, .strides = {slab, 1}};
    moving.target = moving.source;
    if (channels) {
        size_t places = p->k / channels;
        slabs = turned ? p->n : channels;
        slab = turned ? p->k : places * p->n;
        moving.source.rank = moving.target.rank = 3;
        moving.source.dims[1] = moving.target.dims[1] = turned ? channels : places;
        moving.source.dims[2] = moving.target.dims[2] = turned ? places : p->n;
        stoa_tensor_set_plain(&moving.source);
        moving.target.strides[0] = turned ? p->k : p->n;
        moving.target.strides[1] = turned ? 1 : channels * p->n;
        moving.target.strides[2] = turned ? channels : 1;
    }
    moving.slab = slab * sizeof(float);
    moving.step = stoa_size_max(1, TASK_BYTES / stoa_size_max(1, moving.slab));
    STOA_TRY(stoa_shared_allocate(prepare->allocator, stoa_tensor_bytes(b), error, &moving.to));
    if (!stoa_tensor_is_aligned(b)) {
        enum stoa_status status = stoa_allocate_raw(prepare->allocator, stoa_pool_workers(prepare->pool),
                                                    moving.step * moving.slab, error, &moving.aligned);
        if (status != STOA_OK) {
            stoa_shared_release(prepare->allocator, moving.to);
            return status;
        }
    }
    move(&moving, slabs, prepare);
    stoa_release(prepare->allocator, moving.aligned);
    call->state = moving.to;
    return STOA_OK;
}

void stoa_product_release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    stoa_shared_release(allocator, call->state);
}

void stoa_product_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator)
{
    size_t size = stoa_tensor_bytes(&call->inputs[1]);
    if (size == stoa_tensor_bytes(&other->inputs[1]))
        stoa_shared_merge(allocator, size, other->state, &call->state);
}
