/* What backward operators share whose inputs are {gradient of output 0, the forward operator's inputs…}. */
#ifndef STOA_OPS_BACKWARD_H
#define STOA_OPS_BACKWARD_H

#include <stoa/status.h>

#include "ops/op.h"

/* The forward call behind a backward one, but for its output, which has type and dims of the gradient. */
struct op_call stoa_backward_forward(const struct op_call *call, struct stoa_tensor *output);
/* Whether the forward operator gives an output of the gradient's dims. */
STOA_CHECKED enum stoa_status stoa_backward_check(const struct op_call *call, const struct op *forward,
                                                  struct stoa_error *error);
/* The same, and output 0 takes type and dims of the forward operator's input 0. */
STOA_CHECKED enum stoa_status stoa_backward_infer(const struct op_call *call, const struct op *forward,
                                                  struct stoa_error *error);
/* Every element <- 0. */
void stoa_backward_clear(const struct stoa_tensor *tensor, struct pool *pool);
/* A tensor of type and dims of that one, all zeros, to be read only. */
struct stoa_tensor stoa_backward_zeros(const struct stoa_tensor *like);

#endif
