#include "ops/dense.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "gemm/gemm.h"
#include "lower/lower.h"

/* Up to so many rows weights are read once, where the file has them, by kernels for few rows; fewer columns fill no
 * vector. */
#define FEW_ROWS 32
#define LEAST_COLUMNS 16

/* A call's state. */
struct dense {
    struct conv *conv; /* null: the product goes its own way, */
    float *copy;       /* with such a copy of b, or b itself where that is null */
};

/* Whether c is none, or a bias that is known. */
static bool has_plain_c(const struct product *p, const struct op_call *call)
{
    bool given = call->input_count > 2 && call->inputs[2].dtype != STOA_NONE;
    return p->c ? p->c_row == 0 && p->c_column == 1 && p->beta == 1 : !given;
}

/* Where every product packs its operands, larger tiles are better than a view's; where memory is tight, weights stay
 * where they are. */
static bool is_convolution(const struct product *p, const struct op_call *call, const struct op_prepare *prepare)
{
    const struct stoa_tensor *b = &call->inputs[1];
    return stoa_gemm_small_limit() && prepare->byte_price == 0 && b->data && b->rank == 2 && !call->column_channels &&
           !p->a_transposed && p->batch_rank == 0 && p->alpha == 1 && has_plain_c(p, call) && p->m > FEW_ROWS &&
           p->n >= LEAST_COLUMNS && p->k > 0;
}

/* b [k][n] is what the weights of a convolution from n to k channels are, and this one its backward pass. */
static enum stoa_status create(const struct product *p, const struct op_call *call, const struct op_prepare *prepare,
                               struct stoa_error *error, struct conv **conv)
{
    struct conv_shape shape = {.N = 1,
                               .C = p->b_transposed ? p->k : p->n,
                               .H = 1,
                               .W = p->m,
                               .OC = p->b_transposed ? p->n : p->k,
                               .kernel = {1, 1},
                               .stride = {1, 1},
                               .dilation = {1, 1},
                               .groups = 1};
    const struct conv_choice choice = {.lowering = STOA_LOWERING_VIEW};
    STOA_TRY(stoa_conv_shape_finish(&shape, error));
    STOA_TRY((p->b_transposed ? stoa_conv_create : stoa_conv_backward_create)(prepare->allocator, &shape, NULL, p->c,
                                                                              &choice, error, conv));
    enum stoa_status status = stoa_conv_set_weights(*conv, call->inputs[1].data, prepare->pool, error);
    if (status == STOA_OK)
        stoa_op_consumed(prepare, call->inputs[1].data, stoa_tensor_bytes(&call->inputs[1]));
    else
        stoa_conv_free(*conv);
    return status;
}

static enum stoa_status prepare_state(const struct product *p, struct op_call *call, const struct op_prepare *prepare,
                                      struct stoa_error *error, struct dense *dense)
{
    enum stoa_status status = STOA_ERROR_LIMIT;
    if (is_convolution(p, call, prepare))
        status = create(p, call, prepare, error, &dense->conv);
    if (status != STOA_ERROR_LIMIT)
        return status;
    STOA_TRY(stoa_product_prepare(p, call, prepare, error));
    dense->copy = call->state;
    return STOA_OK;
}

enum stoa_status stoa_dense_prepare(const struct product *p, struct op_call *call, const struct op_prepare *prepare,
                                    struct stoa_error *error)
{
    struct dense *dense;
    call->state = NULL;
    STOA_TRY(stoa_allocate(prepare->allocator, 1, sizeof *dense, error, &dense));
    enum stoa_status status = prepare_state(p, call, prepare, error, dense);
    call->state = status == STOA_OK ? dense : NULL;
    if (status != STOA_OK)
        stoa_release(prepare->allocator, dense);
    else if (dense->conv) {
        call->worker_scratch = stoa_conv_worker_scratch(dense->conv);
        call->shared_scratch = stoa_conv_shared_scratch(dense->conv);
    }
    return status;
}

void stoa_dense_release(const struct op_call *call, const struct stoa_allocator *allocator)
{
    struct dense *dense = call->state;
    if (!dense)
        return;
    stoa_conv_free(dense->conv);
    stoa_shared_release(allocator, dense->copy);
    stoa_release(allocator, dense);
}

void stoa_dense_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator)
{
    struct dense *ours = call->state;
    const struct dense *theirs = other->state;
    if (!ours || !theirs)
        return;
    if (ours->conv && theirs->conv)
        stoa_conv_share(ours->conv, theirs->conv);
    size_t size = stoa_tensor_bytes(&call->inputs[1]);
    void *copy = ours->copy;
    if (size == stoa_tensor_bytes(&other->inputs[1]))
        stoa_shared_merge(allocator, size, theirs->copy, &copy);
    ours->copy = copy;
}

void stoa_dense_run(const struct product *p, const struct op_call *call, const struct op_run *run)
{
    const struct dense *dense = call->state;
    if (dense->conv) {
        const struct conv_args args = {.x = p->a,
                                       .y = p->y,
                                       .activation = p->activation,
                                       .pool = run->pool,
                                       .shared = run->shared,
                                       .worker_base = run->worker_base,
                                       .worker_stride = run->worker_stride};
        stoa_conv_run(dense->conv, &args);
        return;
    }
    struct product product = *p;
    if (dense->copy)
        product.b = dense->copy;
    stoa_product_run(&product, run->pool);
}

void stoa_dense_describe(const struct product *p, const struct op_call *call, size_t size, char *text)
{
    const struct dense *dense = call->state;
    if (dense && dense->conv)
        snprintf(text, size, "%s", stoa_conv_describe(dense->conv));
    else
        stoa_product_describe(p, size, text);
}
