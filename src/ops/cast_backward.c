/* Gradient of Cast between real numbers: converted back. */
#include "base/status.h"
#include "base/tensor.h"
#include "ops/backward.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"
#include "ops/table.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    for (size_t i = 0; i < 2; i++)
        if (!stoa_dtype_is_real(call->inputs[i].dtype))
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "there are no gradients of %s",
                             stoa_dtype_name(call->inputs[i].dtype));
    return stoa_backward_infer(call, &stoa_op_cast, error);
}

const struct op stoa_op_cast_backward = {
    .type = "CastBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1,
    .params_size = sizeof(struct cast_params),
    .parse = stoa_cast_parse,
    .infer = infer,
    .run = stoa_cast_run,
};
