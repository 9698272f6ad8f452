/* MatMul with NumPy's meaning: vectors become a row or a column whose dimension is dropped again, the dimensions before
 * the last two broadcast. Where B is the same for the whole batch, A's batch and rows are one long matrix. */
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/dense.h"
#include "ops/op.h"

enum { A, B };

static size_t rows_of_b(const struct stoa_tensor *b)
{
    return b->dims[b->rank > 1 ? b->rank - 2 : 0];
}

static size_t batch_rank(const struct stoa_tensor *tensor)
{
    return tensor->rank > 2 ? tensor->rank - 2 : 0;
}

/* Aligns the tensor's batch at the last of `rank` dimensions; returns how many matrices of `matrix` elements it has. */
static size_t align_batch(const struct stoa_tensor *tensor, size_t rank, size_t matrix, size_t *dims, size_t *strides)
{
    size_t own = batch_rank(tensor), matrices = 1;
    for (size_t i = rank; i-- > 0;) {
        dims[i] = i < rank - own ? 1 : tensor->dims[i - (rank - own)];
        strides[i] = dims[i] == 1 ? 0 : matrices * matrix;
        matrices *= dims[i];
    }
    return matrices;
}

struct matmul_shape stoa_matmul_shape(const struct stoa_tensor *a, const struct stoa_tensor *b)
{
    struct matmul_shape shape = {.m = a->rank > 1 ? a->dims[a->rank - 2] : 1,
                                 .n = b->rank > 1 ? b->dims[b->rank - 1] : 1,
                                 .k = a->dims[a->rank - 1],
                                 .batch_rank = stoa_size_max(batch_rank(a), batch_rank(b))};
    shape.a_batch = align_batch(a, shape.batch_rank, shape.m * shape.k, shape.a_dims, shape.a_strides);
    shape.b_batch = align_batch(b, shape.batch_rank, shape.k * shape.n, shape.b_dims, shape.b_strides);
    return shape;
}

/* The product a call stands for, data as far as they are known. Shapes have been checked. */
static struct product product_y(const struct op_call *call)
{
    const struct stoa_tensor *a = &call->inputs[A], *b = &call->inputs[B];
    struct matmul_shape shape = stoa_matmul_shape(a, b);
    struct product product = {.m = shape.m,
                              .k = shape.k,
                              .n = shape.n,
                              .a = a->data,
                              .b = b->data,
                              .alpha = 1,
                              .beta = 1,
                              .c = call->epilogue.bias,
                              .c_column = 1,
                              .activation = call->epilogue.activation,
                              .y = call->outputs[0].data};
    if (shape.b_batch == 1) {
        product.m *= shape.a_batch;
        return product;
    }
    product.batch_rank = shape.batch_rank;
    for (size_t i = 0; i < shape.batch_rank; i++) {
        product.batch_dims[i] = shape.a_dims[i] == 1 ? shape.b_dims[i] : shape.a_dims[i];
        product.a_strides[i] = shape.a_strides[i];
        product.b_strides[i] = shape.b_strides[i];
    }
    return product;
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"A", "B"};
    const struct stoa_tensor *a = &call->inputs[A], *b = &call->inputs[B];
    char a_text[STOA_DIMS_TEXT], b_text[STOA_DIMS_TEXT];
    for (size_t i = A; i <= B; i++) {
        STOA_TRY(stoa_check_float(call, i, names[i], error));
        STOA_TRY(stoa_check_least_rank(call, i, names[i], 1, error));
    }
    if (a->dims[a->rank - 1] != rows_of_b(b))
        return stoa_fail(error, STOA_ERROR_SHAPE, "input A %s has K = %zu, input B %s has K = %zu",
                         stoa_dims_text(a->rank, a->dims, a_text), a->dims[a->rank - 1],
                         stoa_dims_text(b->rank, b->dims, b_text), rows_of_b(b));

    struct stoa_tensor *y = &call->outputs[0];
    struct matmul_shape shape = stoa_matmul_shape(a, b);
    y->dtype = STOA_FLOAT;
    y->rank = 0;
    for (size_t i = 0; i < shape.batch_rank; i++) {
        size_t a_dim = shape.a_dims[i], b_dim = shape.b_dims[i];
        if (a_dim != b_dim && a_dim != 1 && b_dim != 1)
            return stoa_fail(error, STOA_ERROR_SHAPE, "inputs A %s and B %s do not broadcast: %zu beside %zu",
                             stoa_dims_text(a->rank, a->dims, a_text), stoa_dims_text(b->rank, b->dims, b_text), a_dim,
                             b_dim);
        y->dims[y->rank++] = a_dim == 1 ? b_dim : a_dim;
    }
    if (a->rank > 1)
        y->dims[y->rank++] = shape.m;
    if (b->rank > 1)
        y->dims[y->rank++] = shape.n;
    struct product product = product_y(call);
    return stoa_product_check(&product, error);
}

DENSE_HOOKS(product_y)

/* Where y has B's columns, a constant for each of them may be added. */
static unsigned takes(const struct op_call *call)
{
    return stoa_product_takes(call) | (call->inputs[A].rank > 1 && call->inputs[B].rank == 2 ? OP_TAKES_BIAS : 0);
}

static const struct op_gradient gradients[] = {
    {"MatMulBackwardA", 3, {{OP_GRADIENT, 0}, {OP_INPUT, A}, {OP_INPUT, B}}, 1, {A}},
    {"MatMulBackwardB", 3, {{OP_GRADIENT, 0}, {OP_INPUT, A}, {OP_INPUT, B}}, 1, {B}},
};

static const struct op_fusion fusion = {.takes = takes};

const struct op stoa_op_matmul = {
    .type = "MatMul",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .gradients = gradients,
    .gradient_count = sizeof gradients / sizeof *gradients,
    .loose_inputs = 1 << B,
    .fusion = &fusion,
    .parameters = 1 << 0 | 1 << 1,
    .infer = infer,
    .prepare = prepare_dense,
    .release = stoa_dense_release,
    .share = stoa_dense_share,
    .run = run_dense,
    .report = &report_dense,
};
