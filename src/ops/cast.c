/* Cast and CastLike: elements of another type. What does not fit the new one is as stoa_cast_loop says. The 16-bit
 * floats are no types of the engine: Cast rounds to them and keeps the result as float; what is like one of them is
 * float, unrounded. */
#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/move.h"
#include "ops/op.h"

/* What says something of the float8 types alone. */
static void read_float8(struct attribute_reader *reader)
{
    static const char *const ways[] = {"up", "down", "nearest", NULL};
    if (reader->opset >= 19)
        stoa_read_int(reader, "saturate", 1, 0, 1);
    if (reader->opset >= 24)
        stoa_read_choice(reader, "round_mode", ways);
}

static enum stoa_status parse_like(struct attribute_reader *reader, void *params)
{
    (void)params;
    read_float8(reader);
    return stoa_reader_finish(reader);
}

static enum stoa_status parse(struct attribute_reader *reader, void *params)
{
    stoa_reader_require(reader, "to");
    int64_t to = stoa_read_int(reader, "to", STOA_FLOAT, 1, STOA_MOST_DATA_TYPE);
    read_float8(reader);
    struct cast_params *cast = params;
    cast->half = stoa_half_of((int32_t)to);
    cast->to = cast->half ? STOA_FLOAT : (enum stoa_dtype)to;
    if (stoa_dtype_size(cast->to) == 0)
        stoa_reader_fail(reader, STOA_ERROR_UNSUPPORTED, "attribute to is %d: only numbers and bool are supported",
                         (int)to);
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

static enum stoa_status run_cast(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct cast_params *params = call->params;
    if (!params->half)
        return stoa_cast_run(call, run, error);
    struct nd nd = stoa_nd_over(&call->outputs[0]);
    stoa_nd_read(&nd, &call->inputs[0]);
    stoa_nd_run(&nd, run->pool, stoa_half_loop(params->half, call->inputs[0].dtype), NULL);
    return STOA_OK;
}

static enum stoa_status infer_like(const struct op_call *call, struct stoa_error *error)
{
    stoa_same_as_input(call, 0, 0);
    call->outputs[0].dtype = call->inputs[1].dtype;
    return stoa_tensor_measure(&call->outputs[0], error, NULL, NULL);
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
    .parse = parse,
    .infer = infer,
    .run = run_cast,
};

const struct op stoa_op_cast_like = {
    .type = "CastLike",
    .since = 15,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .dims_inputs = 1 << 1,
    .gradients = gradients,
    .gradient_count = 1,
    .parse = parse_like,
    .infer = infer_like,
    .run = stoa_cast_run,
};
