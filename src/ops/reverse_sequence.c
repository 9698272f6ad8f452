/* ReverseSequence: of each sequence of a batch as many elements as it is long, backwards; what follows, as it is. */
#include <inttypes.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/nd.h"
#include "ops/check.h"
#include "ops/indices.h"

struct reverse_params {
    int64_t batch_axis, time_axis;
};

static enum stoa_status parse(struct attribute_reader *reader, void *params_)
{
    struct reverse_params *params = params_;
    params->batch_axis = stoa_read_int(reader, "batch_axis", 1, 0, 1);
    params->time_axis = stoa_read_int(reader, "time_axis", 0, 0, 1);
    if (params->batch_axis == params->time_axis)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attributes batch_axis and time_axis are both %" PRId64,
                         params->time_axis);
    return stoa_reader_finish(reader);
}

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    const struct reverse_params *params = call->params;
    STOA_TRY(stoa_check_least_rank(call, 0, "input", 2, error));
    STOA_TRY(stoa_check_indices(call, 1, "sequence_lens", error));
    STOA_TRY(stoa_check_vector(call, 1, "sequence_lens", call->inputs[0].dims[params->batch_axis], "the batch of input",
                               error));
    stoa_same_as_input(call, 0, 0);
    return STOA_OK;
}

/* y[b][t] <- x[b][length - 1 - t] for t < length, x[b][t] for the others, over all other axes. */
static void reverse_one(const struct reverse_params *params, size_t b, size_t length, const struct stoa_tensor *x,
                        const struct stoa_tensor *y, struct pool *pool)
{
    size_t batch = (size_t)params->batch_axis, time = (size_t)params->time_axis;
    ptrdiff_t size = (ptrdiff_t)stoa_dtype_size(x->dtype);
    ptrdiff_t x_step = (ptrdiff_t)x->strides[time], y_step = (ptrdiff_t)y->strides[time];
    struct nd nd = stoa_nd_over(y);
    stoa_nd_read(&nd, x);
    nd.operands[0].data += (ptrdiff_t)(b * y->strides[batch]) * size;
    nd.operands[1].data += (ptrdiff_t)(b * x->strides[batch]) * size;
    nd.dims[batch] = 1;
    struct nd back = nd;
    back.dims[time] = length;
    back.operands[1].strides[time] = -x_step;
    if (length)
        back.operands[1].data += (ptrdiff_t)(length - 1) * x_step * size;
    stoa_nd_copy_nest(&back, pool);
    nd.dims[time] -= length;
    nd.operands[0].data += (ptrdiff_t)length * y_step * size;
    nd.operands[1].data += (ptrdiff_t)length * x_step * size;
    stoa_nd_copy_nest(&nd, pool);
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const struct reverse_params *params = call->params;
    const struct stoa_tensor *x = &call->inputs[0], *lengths = &call->inputs[1];
    STOA_TRY(stoa_lengths_resolve(lengths, x->dims[params->time_axis], error));
    for (size_t b = 0; b < lengths->dims[0] && stoa_tensor_elements(x); b++) {
        size_t length = (size_t)stoa_index_load(lengths, b * lengths->strides[0]);
        reverse_one(params, b, length, x, &call->outputs[0], run->pool);
    }
    return STOA_OK;
}

static const struct op_gradient gradients[] = {
    {"ReverseSequenceBackward", 2, {{OP_GRADIENT, 0}, {OP_INPUT, 1}}, 1, {0}},
};

#define REVERSE_SEQUENCE(name, type_, since_, gradient_count_)                                                         \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = since_,                                                                                               \
        .min_inputs = 2,                                                                                               \
        .max_inputs = 2,                                                                                               \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .gradients = gradients,                                                                                        \
        .gradient_count = gradient_count_,                                                                             \
        .params_size = sizeof(struct reverse_params),                                                                  \
        .parse = parse,                                                                                                \
        .infer = infer,                                                                                                \
        .run = run,                                                                                                    \
    };
REVERSE_SEQUENCE(reverse_sequence, "ReverseSequence", 10, 1)
/* Reversed once more, gradients are where they belong. */
REVERSE_SEQUENCE(reverse_sequence_backward, "ReverseSequenceBackward", 1, 0)
