/* The backward pass of CumSum: what an element has been added to comes back to it, from the other end. */
#include "ops/cumsum.h"

static enum stoa_status parse(struct attribute_reader *reader, void *params)
{
    enum stoa_status status = stoa_cumsum_parse(reader, params);
    ((struct cumsum_params *)params)->reverse ^= true;
    return status;
}

const struct op stoa_op_cum_sum_backward = {
    .type = "CumSumBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_ANY,
    .params_size = sizeof(struct cumsum_params),
    .parse = parse,
    .infer = stoa_cumsum_infer,
    .run = stoa_cumsum_run,
};
