/* What Einsum and its backward pass share: the equation, and how its indices step through tensors. */
#ifndef STOA_OPS_EINSUM_H
#define STOA_OPS_EINSUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "ops/contraction.h"
#include "ops/op.h"

enum { EINSUM_A, EINSUM_B, EINSUM_Y, EINSUM_TENSORS };

/* The labels of a tensor's dimensions, letters; '.' for an ellipsis, at most one. */
struct einsum_term {
    size_t count;
    char labels[STOA_MAX_RANK + 1];
};

struct einsum_params {
    size_t inputs; /* 1 or 2 */
    struct einsum_term terms[EINSUM_TENSORS];
};

/* The indices at known shapes. */
struct einsum_indices {
    size_t rank;
    size_t ellipsis;            /* dimensions that an ellipsis stands for */
    char labels[STOA_MAX_RANK]; /* 1, 2, … are those of the ellipsis, counted from the last */
    size_t dims[STOA_MAX_RANK];
    bool has[EINSUM_TENSORS][STOA_MAX_RANK]; /* the tensor has the index, and as many elements along it */
    size_t strides[EINSUM_TENSORS][STOA_MAX_RANK];
};

STOA_CHECKED enum stoa_status stoa_einsum_parse(struct attribute_reader *reader, void *params);
/* The tensors are A, B (not looked at if there is one input) and Y, whose rank and dims are checked, or set with
 * `set_output`, and whose strides are not looked at then. */
STOA_CHECKED enum stoa_status stoa_einsum_indices(const struct einsum_params *params, const struct stoa_tensor *a,
                                                  const struct stoa_tensor *b, struct stoa_tensor *y, bool set_output,
                                                  struct stoa_error *error, struct einsum_indices *indices);
/* Tensor z from x and y, where y may be EINSUM_TENSORS: none. Whatever index z does not have is summed over. */
struct contraction stoa_einsum_contraction(const struct einsum_indices *indices, enum stoa_dtype dtype, size_t x,
                                           size_t y, size_t z);
/* Whether some tensor's dimension is named twice by its term: its elements off the diagonal are not stepped through. */
bool stoa_einsum_is_diagonal(const struct einsum_term *term);

#endif
