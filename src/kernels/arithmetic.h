/* Inner loops (nd_loop) of two operands, for each element type: data[0] <- f(data[1], data[2]). The output may be one
 * of the operands if it lies as they do. Signed integers wrap around. */
#ifndef STOA_KERNELS_ARITHMETIC_H
#define STOA_KERNELS_ARITHMETIC_H

#include <stoa/tensor.h>

#include "base/half.h"
#include "kernels/nd.h"

enum arithmetic {
    ARITHMETIC_ADD,
    ARITHMETIC_SUB,
    ARITHMETIC_MUL,
    ARITHMETIC_DIV, /* integers: towards zero; a divisor of 0 gives 0, so callers look for it before */
    ARITHMETIC_MAX, /* NaN if either operand is */
    ARITHMETIC_MIN,
    ARITHMETIC_PRELU,      /* a < 0 ? b*a : a; float only */
    ARITHMETIC_MOD,        /* what division leaves, of b's sign; whole numbers only, a divisor of 0 as above */
    ARITHMETIC_REMAINDER,  /* of a's sign, as C has it */
    ARITHMETIC_SHIFT_LEFT, /* of unsigned numbers; from their width on nothing is left */
    ARITHMETIC_SHIFT_RIGHT,
    ARITHMETIC_COUNT
};

/* The loop over elements of that type, or null where there is none (bool; and as said above). Context is not used. */
nd_loop stoa_arithmetic_loop(enum arithmetic operation, enum stoa_dtype dtype);

/* data[0] <- data[1] to the power data[2], the result being of the base's type; null where there is no such pair
 * (the base is float, double, int32 or int64, the exponent of any type but bool). An integer to a negative integer
 * power is the exact result's whole part, and 0 for the base 0; what does not fit an integer type is as stoa_cast_loop
 * has it. */
nd_loop stoa_power_loop(enum stoa_dtype base, enum stoa_dtype exponent);

/* data[0] <- data[1] converted, for any pair of types. Floats become integers by cutting off the fraction; NaN becomes
 * 0 and what lies outside the integer type its nearest end. Integers wrap around in narrower ones. Anything but 0
 * becomes the bool 1. */
nd_loop stoa_cast_loop(enum stoa_dtype from, enum stoa_dtype to);

/* data[0] <- data[1], of any type, rounded to the nearest 16-bit float (ties to even; what is too large becomes
 * infinite) and kept as a float. `half` is not HALF_NONE. */
nd_loop stoa_half_loop(enum half half, enum stoa_dtype from);

#endif
