/* Gradients of MatMul: dA = dy * B^T, dB = A^T * dy for each of the batch, summed over the dimensions along which A or
 * B was broadcast; where only A has a batch, its batch and rows are one long matrix. */
#include "base/status.h"
#include "base/tensor.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/product.h"
#include "ops/table.h"

enum { DY, A, B };

/* Dimension i of the batch goes among those of the result where that has it, otherwise among those of the sum. */
static void add_dimension(struct product *product, bool own, size_t dim, size_t a_stride, size_t b_stride)
{
    size_t *rank = own ? &product->batch_rank : &product->sum_rank;
    (own ? product->batch_dims : product->sum_dims)[*rank] = dim;
    (own ? product->a_strides : product->a_sum_strides)[*rank] = a_stride;
    (own ? product->b_strides : product->b_sum_strides)[*rank] = b_stride;
    ++*rank;
}

static void add_batch(struct product *product, const struct matmul_shape *shape, bool of_a)
{
    size_t dy_strides[STOA_MAX_RANK], stride = shape->m * shape->n;
    for (size_t i = shape->batch_rank; i-- > 0;) {
        dy_strides[i] = stride;
        stride *= shape->a_dims[i] == 1 ? shape->b_dims[i] : shape->a_dims[i];
    }
    for (size_t i = 0; i < shape->batch_rank; i++) {
        size_t a = shape->a_dims[i], b = shape->b_dims[i], dim = a == 1 ? b : a;
        if (of_a)
            add_dimension(product, a == dim, dim, dy_strides[i], shape->b_strides[i]);
        else
            add_dimension(product, b == dim, dim, shape->a_strides[i], dy_strides[i]);
    }
}

static struct product product_a(const struct op_call *call)
{
    struct matmul_shape shape = stoa_matmul_shape(&call->inputs[A], &call->inputs[B]);
    struct product product = {.m = shape.m,
                              .n = shape.k,
                              .k = shape.n,
                              .b_transposed = true,
                              .a = call->inputs[DY].data,
                              .b = call->inputs[B].data,
                              .alpha = 1,
                              .y = call->outputs[0].data};
    if (shape.b_batch == 1)
        product.m *= shape.a_batch;
    else
        add_batch(&product, &shape, true);
    return product;
}

static struct product product_b(const struct op_call *call)
{
    struct matmul_shape shape = stoa_matmul_shape(&call->inputs[A], &call->inputs[B]);
    struct product product = {.m = shape.k,
                              .n = shape.n,
                              .k = shape.m,
                              .a_transposed = true,
                              .a = call->inputs[A].data,
                              .b = call->inputs[DY].data,
                              .alpha = 1,
                              .y = call->outputs[0].data};
    if (shape.b_batch == 1)
        product.k *= shape.a_batch;
    else
        add_batch(&product, &shape, false);
    return product;
}

#define SIDE(side, letter, input)                                                                                      \
    static enum stoa_status infer_##side(const struct op_call *call, struct stoa_error *error)                         \
    {                                                                                                                  \
        STOA_TRY(stoa_backward_check(call, &stoa_op_matmul, error));                                                   \
        stoa_same_as_input(call, input, 0);                                                                            \
        struct product product = product_##side(call);                                                                 \
        return stoa_product_check(&product, error);                                                                    \
    }                                                                                                                  \
    PRODUCT_HOOKS(side)                                                                                                \
    const struct op stoa_op_matmul_backward_##side = {                                                                 \
        .type = "MatMulBackward" letter,                                                                               \
        .since = 1,                                                                                                    \
        .min_inputs = 3,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_PLAIN,                                                                                            \
        .dims_inputs = 1 << input,                                                                                     \
        .infer = infer_##side,                                                                                         \
        .run = run_##side,                                                                                             \
        .report = &report_##side,                                                                                      \
    };
SIDE(a, "A", A)
SIDE(b, "B", B)
