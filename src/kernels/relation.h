/* Inner loops (nd_loop) whose results are bools (bytes of 0 and 1), and the choice by a bool. As an operand, any byte
 * but 0 is true. A comparison with NaN is false. */
#ifndef STOA_KERNELS_RELATION_H
#define STOA_KERNELS_RELATION_H

#include <stdbool.h>
#include <stoa/tensor.h>

#include "kernels/nd.h"

enum relation {
    RELATION_EQUAL,
    RELATION_LESS, /* a < b */
    RELATION_LESS_OR_EQUAL,
    RELATION_AND, /* these of bools alone */
    RELATION_OR,
    RELATION_XOR,
    RELATION_COUNT
};

/* data[0] <- whether it holds between data[1] and data[2], elements of that type; null where there is none. Context is
 * not used. */
nd_loop stoa_relation_loop(enum relation relation, enum stoa_dtype dtype);

/* Which numbers are looked for. */
struct number_class {
    bool nan, positive_infinity, negative_infinity;
};
/* data[0] <- whether data[1], float or double, is one of them; null of other types. Context: struct number_class. */
nd_loop stoa_class_loop(enum stoa_dtype dtype);

/* data[0] <- data[1] (a bool) ? data[2] : data[3], elements of `size` bytes (1, 2, 4 or 8). Context is not used. */
nd_loop stoa_choice_loop(size_t size);

#endif
