/* What ReduceMean and its backward pass share. */
#ifndef STOA_OPS_REDUCE_H
#define STOA_OPS_REDUCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "ops/arguments.h"

struct mean_params {
    struct op_integers axes; /* none: all */
    bool keep;
};

STOA_CHECKED enum stoa_status stoa_mean_parse(struct attribute_reader *reader, void *params);
/* Which axes of the input go. */
STOA_CHECKED enum stoa_status stoa_mean_axes(const struct mean_params *params, size_t rank, struct stoa_error *error,
                                             bool reduced[STOA_MAX_RANK]);
/* The strides with which y, whose axes those of x are but for the reduced ones, is walked along with x. */
void stoa_mean_strides(const struct mean_params *params, const bool *reduced, const struct stoa_tensor *x,
                       const struct stoa_tensor *y, size_t strides[STOA_MAX_RANK]);

#endif
