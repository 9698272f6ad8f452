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
    int p;             /* LpPool */
};

STOA_CHECKED enum stoa_status stoa_max_pool_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_average_pool_parse(struct attribute_reader *reader, void *params);
/* Dtype and dims of the outputs of pooling input 0: the first of its type, others int64. */
STOA_CHECKED enum stoa_status stoa_pool_infer(const struct op_call *call, struct stoa_error *error);
/* Elements from one step to the next along an image's spatial axes; 0 along those it lacks. */
void stoa_pool_strides(const struct stoa_tensor *x, size_t strides[WINDOW_AXES]);
/* Which row of images (or outputs) of that size a task is. */
struct pool_row stoa_pool_row_of(size_t task, const size_t size[WINDOW_AXES], size_t *image);
/* How the window lies on images x, pooled to y. */
STOA_CHECKED enum stoa_status stoa_pool_place(const struct window *window, const struct stoa_tensor *x,
                                              const struct stoa_tensor *y, struct stoa_error *error,
                                              struct pool_shape *shape);

#endif
