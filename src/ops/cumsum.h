/* What CumSum and its backward pass share: it is the same with the direction turned around. */
#ifndef STOA_OPS_CUMSUM_H
#define STOA_OPS_CUMSUM_H

#include <stdbool.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "ops/op.h"

struct cumsum_params {
    bool exclusive, reverse;
};

STOA_CHECKED enum stoa_status stoa_cumsum_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_cumsum_infer(const struct op_call *call, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_cumsum_run(const struct op_call *call, const struct op_run *run,
                                              struct stoa_error *error);

#endif
