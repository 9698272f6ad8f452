/* The row text of op_check.h, read into attributes and tensors. */
#ifndef TESTS_SUPPORT_OP_TEXT_H
#define TESTS_SUPPORT_OP_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "base/memory.h"

#define OP_TEXT_MAX_INPUTS 16

struct op_text_input {
    struct stoa_tensor tensor; /* plain, with data; STOA_NONE when absent */
    bool constant;
};

/* Memory comes from the arena; malformed text fails the running test. */
struct attributes op_text_attributes(const char *text, struct arena *arena);
/* Fills at most OP_TEXT_MAX_INPUTS inputs; random ones depend on the seed only. Returns their number. */
size_t op_text_inputs(const char *text, unsigned seed, struct arena *arena, struct op_text_input *inputs);

#endif
