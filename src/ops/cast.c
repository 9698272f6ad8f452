/* Cast: elements of another type. What does not fit the new one is as stoa_cast_loop says. */
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

enum stoa_status stoa_cast_parse(struct attribute_reader *reader, void *params)
{
    stoa_reader_require(reader, "to");
    int64_t to = stoa_read_int(reader, "to", STOA_FLOAT, 1, 16);
    if (stoa_dtype_size((enum stoa_dtype)to) == 0)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute to is %d: only numbers and bool are supported",
                         (int)to);
    ((struct cast_params *)params)->to = (enum stoa_dtype)to;
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct cast_params *params = call->params;
    stoa_same_as_input(call, 0, 0);
    call->outputs[0].dtype = params->to;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
}

enum stoa_status stoa_cast_run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    (void)error;
    const struct stoa_tensor *x = &call->inputs[0], *y = &call->outputs[0];
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read(&nd, x);
    stoa_nd_run(&nd, run->pool, stoa_cast_loop(x->dtype, y->dtype), NULL);
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"CastBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 0}}, 1, {0}},
};

const struct op stoa_op_cast = {
    .type = "Cast",
    .since = 6,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .gradients = gradients,
    .gradient_count = 1,
    .params_size = sizeof(struct cast_params),
    .parse = stoa_cast_parse,
    .infer = infer,
    .run = stoa_cast_run,
};
