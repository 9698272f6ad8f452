/* Indices that come as tensors of int64 or int32, which may count from the end of their axis. */
#ifndef STOA_OPS_INDICES_H
#define STOA_OPS_INDICES_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "ops/op.h"

/* The input is of int64 or int32; STOA_ERROR_GRAPH otherwise. */
STOA_CHECKED enum stoa_status stoa_check_indices(const struct op_call *call, size_t input, const char *name,
                                                 struct stoa_error *error);

/* The index at an offset (in elements) from data. */
static inline int64_t stoa_index_load(const struct stoa_tensor *indices, size_t offset)
{
    return indices->dtype == STOA_INT64 ? ((const int64_t *)indices->data)[offset]
                                        : (int64_t)((const int32_t *)indices->data)[offset];
}

/* *at = which of the axis's `size` elements the index means; STOA_ERROR_DATA if it is none of them. */
STOA_CHECKED enum stoa_status stoa_index_resolve(int64_t index, size_t size, size_t axis, struct stoa_error *error,
                                                 size_t *at);
/* Whether sequence_lens, of rank 1, are all between 0 and `most`; STOA_ERROR_DATA otherwise. */
STOA_CHECKED enum stoa_status stoa_lengths_resolve(const struct stoa_tensor *lengths, size_t most,
                                                   struct stoa_error *error);
/* Whether all of them mean elements of the axis. */
STOA_CHECKED enum stoa_status stoa_indices_resolve(const struct stoa_tensor *indices, size_t size, size_t axis,
                                                   struct stoa_error *error);

#endif
