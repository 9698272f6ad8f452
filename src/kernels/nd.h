/* Loops over strided tensors. A nest names one operand that is written and up to three that are read, by dims and
 * strides; simplifying it drops what does not matter and joins what lies together, so that an inner loop sees runs as
 * long as the memory allows, whatever the layouts are. */
#ifndef STOA_KERNELS_ND_H
#define STOA_KERNELS_ND_H

#include <stddef.h>
#include <stoa/tensor.h>

#include "base/pool.h"

#define ND_OPERANDS 4

struct nd_operand {
    char *data;                       /* the element at index 0 of every dimension */
    size_t size;                      /* bytes of an element */
    ptrdiff_t strides[STOA_MAX_RANK]; /* in elements; 0 repeats, below 0 runs backwards */
};

struct nd {
    size_t rank; /* outermost dimension first */
    size_t dims[STOA_MAX_RANK];
    size_t operand_count;
    struct nd_operand operands[ND_OPERANDS]; /* [0] is written: its elements are all distinct */
};

/* The innermost dimension: for i < count, data[0][i*strides[0]] <- data[1][i*strides[1]], …; strides in elements. */
typedef void (*nd_loop)(const void *context, size_t count, char *const *data, const ptrdiff_t *strides);

/* A nest over all of `output`, which is operand 0. */
struct nd stoa_nd_over(const struct stoa_tensor *output);
/* Adds an operand that is read, its dims broadcast to the nest's as NumPy does (aligned at the last; 1 repeats). */
void stoa_nd_read(struct nd *nd, const struct stoa_tensor *input);
/* Adds one element, read at every index. */
void stoa_nd_read_scalar(struct nd *nd, enum stoa_dtype dtype, const void *scalar);

/* Drops dimensions of 1, orders the others by the output's strides and joins neighbours that step through every operand
 * as one. Afterwards the rank is at least 1. */
void stoa_nd_simplify(struct nd *nd);

/* Simplifies and runs. Tasks are cut by dims alone. A null pool is fine. */
void stoa_nd_run(const struct nd *nd, struct pool *pool, nd_loop loop, const void *context);

/* Operand 0 <- operand 1, of the same element size (1, 2, 4 or 8). */
void stoa_nd_copy_nest(const struct nd *nd, struct pool *pool);

/* to[i] <- from[i] for every index: same dtype and dims, any strides. Between layouts that differ in which dimension is
 * innermost, such as NCHW and NHWC, it goes by square tiles. */
void stoa_nd_copy(const struct stoa_tensor *from, const struct stoa_tensor *to, struct pool *pool);

#endif
