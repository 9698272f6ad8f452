/* Gradient of Cast and CastLike between real numbers: converted back. */
#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

/* Of the forward node; the gradient has the type that its input had. */
static enum stoa_status parse(struct attribute_reader *reader, void *params)
{
    (void)params;
    (void)stoa_read_int(reader, "to", STOA_FLOAT, 1, 16);
    (void)stoa_read_int(reader, "saturate", 1, 0, 1);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    for (size_t i = 0; i < 2; i++)
        if (!stoa_dtype_is_real(call->inputs[i].dtype))
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "there are no gradients of %s",
                             stoa_dtype_name(call->inputs[i].dtype));
    if (!stoa_tensor_same_dims(&call->inputs[0], &call->inputs[1])) {
        char mine[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "the gradient has dims %s, the output %s",
                         stoa_dims_text(call->inputs[0].rank, call->inputs[0].dims, mine),
                         stoa_dims_text(call->inputs[1].rank, call->inputs[1].dims, its));
    }
    stoa_same_as_input(call, 1, 0);
    return STOA_OK;
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
    .params_size = 1,
    .parse = parse,
    .infer = infer,
    .run = stoa_cast_run,
};
