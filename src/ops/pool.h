/* What pooling and its backward pass share. */
#ifndef STOA_OPS_POOL_H
#define STOA_OPS_POOL_H

#include <stdbool.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "kernels/pool.h"
#include "ops/op.h"
#include "ops/window.h"

struct pool_params {
    struct window window;
    bool column_major; /* MaxPool: of Indices */
    bool count_pad;    /* AveragePool */
};

STOA_CHECKED enum stoa_status stoa_max_pool_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_average_pool_parse(struct attribute_reader *reader, void *params);
/* Dtype and dims of the outputs of pooling input 0: the first of its type, others int64. */
STOA_CHECKED enum stoa_status stoa_pool_infer(const struct op_call *call, struct stoa_error *error);
/* How the window lies on images x, pooled to y. */
STOA_CHECKED enum stoa_status stoa_pool_place(const struct window *window, const struct stoa_tensor *x,
                                              const struct stoa_tensor *y, struct stoa_error *error,
                                              struct pool_shape *shape);

#endif
