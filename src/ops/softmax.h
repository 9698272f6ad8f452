/* What Softmax, LogSoftmax and their backward passes share. */
#ifndef STOA_OPS_SOFTMAX_H
#define STOA_OPS_SOFTMAX_H

#include <stdbool.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "ops/op.h"

struct softmax_params {
    int64_t axis;
    bool flat; /* all axes from `axis` on */
};

STOA_CHECKED enum stoa_status stoa_softmax_parse(struct attribute_reader *reader, void *params);
/* Output 0 like input 0, along which the axis is checked. */
STOA_CHECKED enum stoa_status stoa_softmax_infer(const struct op_call *call, struct stoa_error *error);
/* Which axes of input 0 are normalised together. */
STOA_CHECKED enum stoa_status stoa_softmax_axes(const struct op_call *call, struct stoa_error *error,
                                                bool reduced[STOA_MAX_RANK]);
/* y <- the logarithm of the softmax of x, floats of the same dims, over all reduced axes together. */
void stoa_log_softmax(const struct stoa_tensor *x, const struct stoa_tensor *y, const bool *reduced, struct pool *pool);

#endif
