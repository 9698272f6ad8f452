/* Det: determinants of matrices, by elimination in double with the largest pivot of each column. No gradients pass. */
#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/op.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct stoa_tensor *x = &call->inputs[0];
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_check_float(call, 0, "X", error));
    STOA_TRY(stoa_check_least_rank(call, 0, "X", 2, error));
    if (x->dims[x->rank - 2] != x->dims[x->rank - 1])
        return stoa_fail(error, STOA_ERROR_SHAPE, "input X has dims %s, its matrices are not square",
                         stoa_dims_text(x->rank, x->dims, text));
    stoa_same_as_input(call, 0, 0);
    call->outputs[0].rank -= 2;
    return STOA_OK;
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare;
    const struct stoa_tensor *x = &call->inputs[0];
    size_t size = x->dims[x->rank - 1], bytes;
    if (!stoa_size_mul(size, size, &bytes) || !stoa_size_mul(bytes, sizeof(double), &bytes))
        return stoa_fail(error, STOA_ERROR_LIMIT, "input X has %zu columns, which makes more than memory", size);
    call->shared_scratch = bytes;
    return STOA_OK;
}

/* The determinant of a[size][size], which is overwritten. */
static double determinant(size_t size, double *a)
{
    double result = 1;
    for (size_t k = 0; k < size; k++) {
        size_t pivot = k;
        for (size_t i = k + 1; i < size; i++)
            if (fabs(a[i * size + k]) > fabs(a[pivot * size + k]))
                pivot = i;
        for (size_t j = k; pivot != k && j < size; j++) {
            double moved = a[k * size + j];
            a[k * size + j] = a[pivot * size + j];
            a[pivot * size + j] = moved;
        }
        result *= pivot == k ? a[k * size + k] : -a[k * size + k];
        if (a[k * size + k] == 0)
            return result;
        for (size_t i = k + 1; i < size; i++) {
            double factor = a[i * size + k] / a[k * size + k];
            for (size_t j = k + 1; j < size; j++)
                a[i * size + j] -= factor * a[k * size + j];
        }
    }
    return result;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    size_t size = x->dims[x->rank - 1], count = stoa_tensor_elements(y), each = size * size;
    double *matrix = run->shared;
    for (size_t m = 0; m < count; m++) {
        for (size_t i = 0; i < each; i++)
            matrix[i] = stoa_tensor_load(x, stoa_tensor_offset(x, m * each + i));
        ((float *)y->data)[stoa_tensor_offset(y, m)] = (float)determinant(size, matrix);
    }
    return STOA_OK;
}

const struct op stoa_op_det = {
    .type = "Det",
    .since = 11,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
