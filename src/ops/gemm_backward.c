/* Gradients of Gemm. With A and B as the forward product takes them (A' [m][k], B' [k][n]):
 *
 *   A   alpha * dy [m][n] * B'^T     B   alpha * A'^T * dy [m][n]     C   beta * dy, summed where C was broadcast
 *
 * each transposed once more where A or B lies transposed. All are products of the matrices as they lie; which side BLAS
 * sees transposed is all that differs. */
#include "base/status.h"
#include "base/tensor.h"
#include "kernels/matrix.h"
#include "kernels/nd_sum.h"
#include "ops/check.h"
#include "ops/op.h"
#include "ops/product.h"
#include "ops/table.h"

/* y[i][j] of a side with its dims swapped if it lies transposed. */
static enum stoa_status infer_side(const struct op_call *call, size_t rows, size_t columns, bool transposed,
                                   struct stoa_error *error)
{
    struct stoa_tensor *y = &call->outputs[0];
    y->dtype = STOA_FLOAT;
    y->rank = 2;
    y->dims[transposed] = rows;
    y->dims[!transposed] = columns;
    return stoa_check_float(call, 0, "dY", error);
}

static enum stoa_status check_side(const struct op_call *call, size_t dim, size_t expected, struct stoa_error *error)
{
    const struct stoa_tensor *dy = &call->inputs[0], *other = &call->inputs[1];
    char dy_text[STOA_DIMS_TEXT], other_text[STOA_DIMS_TEXT];
    if (dy->rank == 2 && other->rank == 2 && other->dims[dim] == expected)
        return stoa_check_float(call, 1, "1", error);
    return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient has dims %s, the other factor %s",
                     stoa_dims_text(dy->rank, dy->dims, dy_text), stoa_dims_text(other->rank, other->dims, other_text));
}

static enum stoa_status infer_a(const struct op_call *call, struct stoa_error *error)
{
    const struct gemm_params *params = call->params;
    const struct stoa_tensor *dy = &call->inputs[0], *b = &call->inputs[1];
    STOA_TRY(check_side(call, !params->b_transposed, dy->dims[1], error));
    return infer_side(call, dy->dims[0], b->dims[params->b_transposed], params->a_transposed, error);
}

static enum stoa_status infer_b(const struct op_call *call, struct stoa_error *error)
{
    const struct gemm_params *params = call->params;
    const struct stoa_tensor *dy = &call->inputs[0], *a = &call->inputs[1];
    STOA_TRY(check_side(call, params->a_transposed, dy->dims[0], error));
    return infer_side(call, a->dims[!params->a_transposed], dy->dims[1], params->b_transposed, error);
}

static struct product product_of(const struct op_call *call, bool swapped, bool first_transposed,
                                 bool second_transposed)
{
    const struct stoa_tensor *first = &call->inputs[swapped], *second = &call->inputs[!swapped];
    const struct stoa_tensor *y = &call->outputs[0];
    return (struct product){.m = y->dims[0],
                            .n = y->dims[1],
                            .k = first->dims[!first_transposed],
                            .a_transposed = first_transposed,
                            .b_transposed = second_transposed,
                            .a = first->data,
                            .b = second->data,
                            .alpha = ((const struct gemm_params *)call->params)->alpha,
                            .y = y->data};
}

static struct product product_a(const struct op_call *call)
{
    const struct gemm_params *params = call->params;
    return params->a_transposed ? product_of(call, true, params->b_transposed, true)
                                : product_of(call, false, false, !params->b_transposed);
}

static struct product product_b(const struct op_call *call)
{
    const struct gemm_params *params = call->params;
    return params->b_transposed ? product_of(call, false, true, params->a_transposed)
                                : product_of(call, true, !params->a_transposed, false);
}

#define SIDE(side, letter)                                                                                             \
    PRODUCT_HOOKS(side)                                                                                                \
    const struct op stoa_op_gemm_backward_##side = {                                                                   \
        .type = "GemmBackward" letter,                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 2,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_PLAIN,                                                                                            \
        .params_size = sizeof(struct gemm_params),                                                                     \
        .parse = stoa_product_parse_gemm,                                                                              \
        .infer = infer_##side,                                                                                         \
        .run = run_##side,                                                                                             \
        .report = &report_##side,                                                                                      \
    };
SIDE(a, "A")
SIDE(b, "B")

static enum stoa_status infer_c(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *dy = &call->inputs[0], *c = &call->inputs[1];
    STOA_TRY(stoa_check_float(call, 0, "dY", error));
    bool fits = dy->rank == 2 && c->rank <= 2;
    for (size_t i = 0; fits && i < c->rank; i++)
        fits = c->dims[i] == 1 || c->dims[i] == dy->dims[2 - c->rank + i];
    char dy_text[STOA_DIMS_TEXT], c_text[STOA_DIMS_TEXT];
    if (!fits)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient has dims %s, input C %s",
                         stoa_dims_text(dy->rank, dy->dims, dy_text), stoa_dims_text(c->rank, c->dims, c_text));
    stoa_same_as_input(call, 1, 0);
    return STOA_OK;
}

static struct nd nest_c(const struct op_call *call)
{
    struct nd nd = stoa_nd_sum_over(&call->inputs[0], &call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    return nd;
}

static enum stoa_status prepare_c(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    (void)error;
    struct nd nd = nest_c(call);
    call->shared_scratch = stoa_nd_sum_scratch(&nd);
    return STOA_OK;
}

static bool is_identity_c(const struct op_call *call)
{
    const struct gemm_params *params = call->params;
    return params->beta == 1 && stoa_tensor_same_dims(&call->inputs[0], &call->inputs[1]);
}

static enum stoa_status run_c(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct gemm_params *params = call->params;
    const struct stoa_tensor *dc = &call->outputs[0];
    struct nd nd = nest_c(call);
    stoa_nd_sum(&nd, run->pool, NULL, NULL, run->shared);
    if (params->beta != 1)
        stoa_matrix_finish(1, stoa_tensor_elements(dc), params->beta, 0, NULL, 0, 0, dc->data, 0);
    return STOA_OK;
}

static const struct op_fusion fusion_c = {.is_identity = is_identity_c};

const struct op stoa_op_gemm_backward_c = {
    .type = "GemmBackwardC",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .dims_inputs = 1 << 1,
    .params_size = sizeof(struct gemm_params),
    .parse = stoa_product_parse_gemm,
    .fusion = &fusion_c,
    .infer = infer_c,
    .prepare = prepare_c,
    .run = run_c,
};
