/* If: what there is to know of it before one of its branches takes its place (plan/resolve.c). It is never run.
 * Gradients pass through what the branch holds. */
#include "base/status.h"
#include "ops/op.h"

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    (void)call;
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "its branch has not been chosen");
}

const struct op stoa_op_if = {
    .type = "If",
    .since = 1,
    .min_inputs = 1,
    .max_inputs = 1,
    .min_outputs = 1,
    .max_outputs = 255,
    .layout = OP_PLAIN,
    .value_inputs = 1,
    .infer = infer,
};
