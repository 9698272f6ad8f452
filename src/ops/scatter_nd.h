/* What GatherND, ScatterND and their gradients share: tuples of indices, each naming a part of data. */
#ifndef STOA_OPS_SCATTER_ND_H
#define STOA_OPS_SCATTER_ND_H

#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "ops/move.h"
#include "ops/op.h"
#include "ops/scatter_elements.h"

struct tuples_params {
    int64_t batch_dims; /* GatherND: so many dimensions that data and indices share come first */
    enum scatter_reduction reduction;
};
STOA_CHECKED enum stoa_status stoa_gather_nd_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_scatter_nd_parse(struct attribute_reader *reader, void *params);
/* Calls each(context, part of x, part of y) for every tuple in their order; both have the same dims. */
STOA_CHECKED enum stoa_status stoa_tuples_walk(const struct tuples_params *params, const struct stoa_tensor *x,
                                               const struct stoa_tensor *indices, const struct stoa_tensor *y,
                                               gather_each each, void *context, struct stoa_error *error);

/* What each() does with the parts; contexts are the pool to do it on. */
void stoa_part_take(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y); /* y <- x */
void stoa_part_put(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y);  /* x <- y */
void stoa_part_add(void *pool, const struct stoa_tensor *x, const struct stoa_tensor *y);  /* x <- x + y */

#endif
