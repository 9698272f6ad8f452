/* What the reductions and their backward passes share. */
#ifndef STOA_REFERENCE_REDUCE_H
#define STOA_REFERENCE_REDUCE_H

#include "reference/internal.h"

struct reduction_axes {
    struct reference_tensor kept;     /* x with 1 for each axis reduced, so that indices of x broadcast into it */
    size_t rank, dims[STOA_MAX_RANK]; /* of the output */
    double K;                         /* elements behind each of its own */
};

/* Reads keepdims and the axes, which are in input number `axes` since that opset. */
STOA_CHECKED enum stoa_status stoa_reference_reduction_axes(struct reference_run *run, const struct reference_tensor *x,
                                                            int since, size_t axes, struct reduction_axes *result);

#endif
