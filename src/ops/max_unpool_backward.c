/* The gradient of MaxUnpool: an element gets that of the place it went to, if it is the one that stayed there. */
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"
#include "ops/max_unpool.h"

enum { DY, INDICES };

static enum stoa_status infer(const struct op_call *call, struct stoa_error *error)
{
    STOA_TRY(stoa_check_float(call, DY, "dY", error));
    stoa_same_as_input(call, INDICES, 0);
    call->outputs[0].dtype = STOA_FLOAT;
    return STOA_OK;
}

static enum stoa_status prepare(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error)
{
    (void)prepare, (void)error;
    call->shared_scratch = stoa_tensor_elements(&call->inputs[DY]); /* which places are taken */
    return STOA_OK;
}

static enum stoa_status run(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    const float *dy = call->inputs[DY].data;
    float *dx = call->outputs[0].data;
    unsigned char *taken = run->shared;
    const size_t room = stoa_tensor_elements(&call->inputs[DY]);
    if (room)
        memset(taken, 0, room);
    for (size_t i = stoa_tensor_elements(&call->outputs[0]); i-- > 0;) {
        size_t place = 0;
        STOA_TRY(stoa_max_unpool_place(call->inputs[INDICES].data, i, room, error, &place));
        dx[i] = taken[place] ? 0 : dy[place];
        taken[place] = 1;
    }
    return STOA_OK;
}

const struct op stoa_op_max_unpool_backward = {
    .type = "MaxUnpoolBackward",
    .since = 1,
    .min_inputs = 2,
    .max_inputs = 2,
    .min_outputs = 1,
    .max_outputs = 1,
    .layout = OP_PLAIN,
    .params_size = sizeof(struct max_unpool_params),
    .parse = stoa_max_unpool_parse,
    .infer = infer,
    .prepare = prepare,
    .run = run,
};
