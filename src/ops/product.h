/* Matrix products as Gemm and MatMul need them: cut into tiles that suit BLAS and the pool. */
#ifndef STOA_OPS_PRODUCT_H
#define STOA_OPS_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/pool.h"
#include "ops/op.h"

/* y[m][n] = f(alpha * a * b + beta * c) for each of a batch; all rows without gaps. */
struct product {
    size_t m, n, k;
    bool a_transposed; /* a is [k][m], otherwise [m][k] */
    bool b_transposed; /* b is [n][k], otherwise [k][n] */
    const float *a, *b;
    float alpha, beta;
    const float *c; /* c[i*c_row + j*c_column], each stride 0 or as in a plain [m][n]; may be null */
    size_t c_row, c_column;
    struct activation activation; /* of y in the end */
    float *y;
    /* The batch is an index space: y's products follow each other, a and b step by these strides (in elements). */
    size_t batch_rank;
    size_t batch_dims[STOA_MAX_RANK], a_strides[STOA_MAX_RANK], b_strides[STOA_MAX_RANK];
    /* Each a * b of the batch is the sum of such products over one more index space, in its order. */
    size_t sum_rank;
    size_t sum_dims[STOA_MAX_RANK], a_sum_strides[STOA_MAX_RANK], b_sum_strides[STOA_MAX_RANK];
};

/* Gemm's attributes. */
struct gemm_params {
    float alpha, beta;
    bool a_transposed, b_transposed;
};
STOA_CHECKED enum stoa_status stoa_product_parse_gemm(struct attribute_reader *reader, void *params);

/* MatMul's shapes: for each of a batch [m][k] * [k][n]. */
struct matmul_shape {
    size_t m, n, k;
    size_t batch_rank; /* the dimensions before the last two, as the inputs have them: equal, or one of them is 1 */
    size_t a_dims[STOA_MAX_RANK], b_dims[STOA_MAX_RANK];
    size_t a_strides[STOA_MAX_RANK], b_strides[STOA_MAX_RANK]; /* of plain tensors; 0 where the dimension is 1 */
    size_t a_batch, b_batch;                                   /* how many matrices each of them is */
};
/* Of inputs of rank 1 or more; whether they fit each other is not asked. */
struct matmul_shape stoa_matmul_shape(const struct stoa_tensor *a, const struct stoa_tensor *b);

/* Whether BLAS can address such a product. */
STOA_CHECKED enum stoa_status stoa_product_check(const struct product *product, struct stoa_error *error);
/* Needs no memory but a, b, c and y; k may be 0. */
void stoa_product_run(const struct product *product, struct pool *pool);
double stoa_product_macs(const struct product *product);
void stoa_product_describe(const struct product *product, size_t size, char *text);

/* Of an operator: run_x, macs_x and describe_x of the product that product_x(call) gives. */
#define PRODUCT_HOOKS(x)                                                                                               \
    static enum stoa_status run_##x(const struct op_call *call, const struct op_run *run, struct stoa_error *error)    \
    {                                                                                                                  \
        (void)error;                                                                                                   \
        struct product product = product_##x(call);                                                                    \
        stoa_product_run(&product, run->pool);                                                                         \
        return STOA_OK;                                                                                                \
    }                                                                                                                  \
    static double macs_##x(const struct op_call *call)                                                                 \
    {                                                                                                                  \
        struct product product = product_##x(call);                                                                    \
        return stoa_product_macs(&product);                                                                            \
    }                                                                                                                  \
    static void describe_##x(const struct op_call *call, size_t size, char *text)                                      \
    {                                                                                                                  \
        struct product product = product_##x(call);                                                                    \
        stoa_product_describe(&product, size, text);                                                                   \
    }                                                                                                                  \
    static const struct op_report report_##x = {.macs = macs_##x, .describe = describe_##x};

/* For op.takes. */
unsigned stoa_product_takes(const struct op_call *call);

/* Of operators whose input 1 is b: constant weights that cannot be used where they lie are call->state, a copy, with k
 * in the order of channels-last images if call->column_channels says so, or because b is not aligned; tells
 * prepare->consumed what has been read. Release and share are op.h's. */
STOA_CHECKED enum stoa_status stoa_product_prepare(const struct product *product, struct op_call *call,
                                                   const struct op_prepare *prepare, struct stoa_error *error);
void stoa_product_release(const struct op_call *call, const struct stoa_allocator *allocator);
void stoa_product_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator);

#endif
