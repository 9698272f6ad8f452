/* Sums of products over shared indices: z[…] <- the sum over some indices of x[…] * y[…], each index stepping through
 * any of the three tensors with a stride of its own. Batches of matrix products, products of vectors, inner and outer
 * ones are all of this kind. */
#ifndef STOA_OPS_CONTRACTION_H
#define STOA_OPS_CONTRACTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/pool.h"

struct contraction {
    enum stoa_dtype dtype;
    size_t rank; /* indices */
    size_t dims[STOA_MAX_RANK];
    /* In elements; 0 where the tensor has no such index. z steps through indices that are not summed over, so that its
     * elements are all distinct. */
    size_t x[STOA_MAX_RANK], y[STOA_MAX_RANK], z[STOA_MAX_RANK];
    bool summed[STOA_MAX_RANK];
};

/* The bytes of scratch that a run needs. */
STOA_CHECKED enum stoa_status stoa_contraction_scratch(const struct contraction *contraction, struct stoa_error *error,
                                                       size_t *bytes);
void stoa_contraction_run(const struct contraction *contraction, const void *x, const void *y, void *z, void *scratch,
                          struct pool *pool);
double stoa_contraction_macs(const struct contraction *contraction);

#endif
