/* What backward operators share. */
#include "ops/backward.h"

#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/check.h"

struct op_call stoa_backward_forward(const struct op_call *call, struct stoa_tensor *output)
{
    struct op_call forward = *call;
    *output = call->inputs[0];
    forward.inputs = call->inputs + 1;
    forward.input_count = call->input_count - 1;
    forward.outputs = output;
    forward.output_count = 1;
    return forward;
}

enum stoa_status stoa_backward_check(const struct op_call *call, const struct op *forward, struct stoa_error *error)
{
    struct stoa_tensor output;
    struct op_call inferred = stoa_backward_forward(call, &output);
    STOA_TRY(forward->infer(&inferred, error));
    const struct stoa_tensor *gradient = &call->inputs[0];
    if (output.dtype == gradient->dtype && stoa_tensor_same_dims(&output, gradient))
        return STOA_OK;
    char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient is %s%s, the output %s%s", stoa_dtype_name(gradient->dtype),
                     stoa_dims_text(gradient->rank, gradient->dims, mine), stoa_dtype_name(output.dtype),
                     stoa_dims_text(output.rank, output.dims, its));
}

enum stoa_status stoa_backward_infer(const struct op_call *call, const struct op *forward, struct stoa_error *error)
{
    STOA_TRY(stoa_backward_check(call, forward, error));
    stoa_same_as_input(call, 1, 0);
    return STOA_OK;
}

struct stoa_tensor stoa_backward_zeros(const struct stoa_tensor *like)
{
    static const double zero = 0;
    struct stoa_tensor zeros = {.dtype = like->dtype, .rank = like->rank, .data = stoa_read_only(&zero)};
    memcpy(zeros.dims, like->dims, sizeof zeros.dims);
    return zeros;
}

void stoa_backward_clear(const struct stoa_tensor *tensor, struct pool *pool)
{
    struct stoa_tensor zeros = stoa_backward_zeros(tensor);
    stoa_nd_copy(&zeros, tensor, pool);
}
