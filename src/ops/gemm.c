/* Gemm: y = alpha * A * B + beta * C, A and B optionally transposed, C broadcast to y. Constant weights are used where
 * they lie, unless they are not aligned there or the activations come channels-last: then a copy of B has its rows in
 * that order. */

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/dense.h"
#include "ops/op.h"

enum { A, B, C };

enum stoa_status stoa_product_parse_gemm(struct attribute_reader *reader, void *out)
{
    struct gemm_params *params = out;
    params->alpha = stoa_read_float(reader, "alpha", 1);
    params->beta = stoa_read_float(reader, "beta", 1);
    params->a_transposed = stoa_read_int(reader, "transA", 0, 0, 1) != 0;
    params->b_transposed = stoa_read_int(reader, "transB", 0, 0, 1) != 0;
    if (reader->opset < 7)
        (void)stoa_read_int(reader, "broadcast", 0, 0, 1); /* of C, which is broadcast anyway */
    return stoa_reader_finish(reader);
}

/* The product a call stands for; data as far as they are known. */
static struct product product_y(const struct op_call *call)
{
    const struct gemm_params *params = call->params;
    const struct stoa_tensor *a = &call->inputs[A], *b = &call->inputs[B];
    struct product product = {.m = a->dims[params->a_transposed],
                              .k = a->dims[!params->a_transposed],
                              .n = b->dims[!params->b_transposed],
                              .a_transposed = params->a_transposed,
                              .b_transposed = params->b_transposed,
                              .a = a->data,
                              .b = b->data,
                              .alpha = params->alpha,
                              .beta = params->beta,
                              .activation = call->epilogue.activation,
                              .y = call->outputs[0].data};
    if (stoa_op_has_input(call, C)) {
        const struct stoa_tensor *c = &call->inputs[C];
        product.c = c->data;
        product.c_column = c->rank > 0 && c->dims[c->rank - 1] != 1;
        product.c_row = c->rank > 1 && c->dims[0] != 1 ? c->dims[1] : 0;
    }
    return product;
}

static enum stoa_status check_c(const struct op_call *call, size_t m, size_t n, struct stoa_error *error)
{
    const struct stoa_tensor *c = &call->inputs[C];
    const size_t dims[2] = {m, n};
    bool fits = c->rank <= 2;
    for (size_t i = 0; fits && i < c->rank; i++)
        fits = c->dims[i] == 1 || c->dims[i] == dims[2 - c->rank + i];
    if (fits)
        return STOA_OK;
    char text[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input C has dims %s, which do not broadcast to [%zu,%zu]",
                     stoa_dims_text(c->rank, c->dims, text), m, n);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    static const char *const names[] = {"A", "B", "C"};
    for (size_t i = 0; i < call->input_count; i++)
        STOA_TRY(stoa_check_float(call, i, names[i], error));
    for (size_t i = A; i <= B; i++)
        if (call->inputs[i].rank != 2) {
            char text[STOA_DIMS_TEXT];
            return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have rank 2", names[i],
                             stoa_dims_text(call->inputs[i].rank, call->inputs[i].dims, text));
        }
    const struct gemm_params *params = call->params;
    struct product product = product_y(call);
    size_t b_k = call->inputs[B].dims[params->b_transposed];
    if (product.k != b_k)
        return stoa_fail(error, STOA_ERROR_SHAPE,
                         "input A has K = %zu (its dims[%d]), input B has K = %zu (its dims[%d])", product.k,
                         !params->a_transposed, b_k, params->b_transposed);
    if (stoa_op_has_input(call, C))
        STOA_TRY(check_c(call, product.m, product.n, error));
    STOA_TRY(stoa_product_check(&product, error));
    struct stoa_tensor *y = &call->outputs[0];
    y->dtype = STOA_FLOAT;
    y->rank = 2;
    y->dims[0] = product.m;
    y->dims[1] = product.n;
    return STOA_OK;
}

DENSE_HOOKS(product_y)

static const struct op_gradient gradients[] = {
    {"GemmBackwardA", 2, {{OP_GRADIENT, 0}, {OP_INPUT, B}}, 1, {A}},
    {"GemmBackwardB", 2, {{OP_GRADIENT, 0}, {OP_INPUT, A}}, 1, {B}},
    {"GemmBackwardC", 2, {{OP_GRADIENT, 0}, {OP_INPUT, C}}, 1, {C}},
};

static const struct op_fusion fusion = {.takes = stoa_product_takes};

#define GEMM(name, since_, until_)                                                                                     \
    const struct op stoa_op_##name = {                                                                                 \
        .type = "Gemm",                                                                                                \
        .since = since_,                                                                                               \
        .until = until_,                                                                                               \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 3,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_PLAIN,                                                                                            \
        .gradients = gradients,                                                                                        \
        .gradient_count = sizeof gradients / sizeof *gradients,                                                        \
        .loose_inputs = 1 << B,                                                                                        \
        .parameters = 1 << 1 | 1 << 2,                                                                                 \
        .params_size = sizeof(struct gemm_params),                                                                     \
        .parse = stoa_product_parse_gemm,                                                                              \
        .fusion = &fusion,                                                                                             \
        .infer = infer,                                                                                                \
        .prepare = prepare_dense,                                                                                      \
        .release = stoa_dense_release,                                                                                 \
        .share = stoa_dense_share,                                                                                     \
        .run = run_dense,                                                                                              \
        .report = &report_dense,                                                                                       \
    };
GEMM(gemm_1, 1, 6)
GEMM(gemm, 7, 0)
