/* Calls of operators as text, read into attributes and tensors.
 *
 *   attributes  "strides=[2,2] group=3 alpha=0.5 auto_pad='SAME_UPPER' value=i64[1]{7}"
 *                 ints, floats (with a point), strings, lists (also of strings), tensors
 *   tensors     "f32[1,4,7,9] !f32[8,4,3,3] -"    separated by spaces; f32, f64, i8 … i64, u8 … u64, b:
 *                 f32[dims]    normal random numbers, given at run time; f32[] is a scalar
 *                 f32+[dims]   the same made positive (at least 0.1)
 *                 f32#[dims]   small whole numbers in [-4, 4], so that sums are exact
 *                 u8<9[dims]   whole numbers from 0 to 8
 *                 f32[2,2]{1,2.5,nan,inf}    these values; i64{3,-1} is of rank 1, i64(3) a scalar;
 *                              a..b counts from a to b, v*n is n times v
 *                 !            in front: constant, known at planning; - : absent */
#ifndef TESTS_SUPPORT_OP_TEXT_H
#define TESTS_SUPPORT_OP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "reference/reference.h"

#define OP_TEXT_MAX_INPUTS 16

struct op_text_input {
    struct stoa_tensor tensor; /* plain, with data; STOA_NONE when absent */
    bool constant;
};

/* Memory comes from the arena; malformed text fails the running test. */
struct attributes op_text_attributes(const char *text, struct arena *arena);
/* Fills at most OP_TEXT_MAX_INPUTS inputs; random ones depend on the seed only. Returns their number. */
size_t op_text_inputs(const char *text, unsigned seed, struct arena *arena, struct op_text_input *inputs);
/* The tensor as the twin takes it. */
struct reference_tensor op_text_reference(const struct stoa_tensor *tensor, struct arena *arena);

#endif
