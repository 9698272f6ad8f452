/* What operators learn from inputs instead of attributes: shapes, axes, pads; and the shape that broadcasting gives. */
#ifndef STOA_OPS_ARGUMENTS_H
#define STOA_OPS_ARGUMENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

#include "ops/op.h"

/* A list of integers, from an attribute or an input. */
#define OP_MAX_INTEGERS 16 /* two for each dimension, as pads are */
struct op_integers {
    bool present;
    size_t count;
    int64_t values[OP_MAX_INTEGERS];
};

/* Reads the attribute of that name; absent is fine. */
void stoa_read_integers(struct attribute_reader *reader, const char *name, struct op_integers *list);
/* Reads an input of rank 0 or 1 of int64 or int32, at most `capacity` of them; 0 when absent. When planning, an input
 * that is there must be a constant: shapes depend on it. */
STOA_CHECKED enum stoa_status stoa_input_values(const struct op_call *call, size_t input, const char *name,
                                                size_t capacity, struct stoa_error *error, int64_t *values,
                                                size_t *count);
STOA_CHECKED enum stoa_status stoa_input_integers(const struct op_call *call, size_t input, const char *name,
                                                  struct stoa_error *error, struct op_integers *list);

/* named[i] = whether the list, which may count from the end, names axis i < rank. An axis twice is an error. */
STOA_CHECKED enum stoa_status stoa_check_axes(const char *name, const struct op_integers *list, size_t rank,
                                              struct stoa_error *error, bool *named);

/* Broadcasts all inputs with each other, as NumPy does, to rank and dims of output 0. */
STOA_CHECKED enum stoa_status stoa_infer_broadcast(const struct op_call *call, struct stoa_error *error);

/* Whether the input holds one element, whatever its rank; a scalar argument. */
STOA_CHECKED enum stoa_status stoa_check_single(const struct op_call *call, size_t input, const char *name,
                                                struct stoa_error *error);

#endif
