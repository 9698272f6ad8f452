/* Checked size arithmetic. Every size that comes from outside passes through here before it is used. */
#ifndef STOA_BASE_SIZE_H
#define STOA_BASE_SIZE_H

#include <stdbool.h>
#include <stddef.h>

/* *product = a * b, or false when that does not fit a size_t. */
static inline bool stoa_size_mul(size_t a, size_t b, size_t *product)
{
    return !__builtin_mul_overflow(a, b, product);
}

/* *sum = a + b, or false when that does not fit a size_t. */
static inline bool stoa_size_add(size_t a, size_t b, size_t *sum)
{
    return !__builtin_add_overflow(a, b, sum);
}

static inline size_t stoa_size_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t stoa_size_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* ⌈a / b⌉ for b > 0. */
static inline size_t stoa_size_ceil_div(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* a rounded up to a multiple of b > 0; the caller knows that it fits. */
static inline size_t stoa_size_round_up(size_t a, size_t b)
{
    return stoa_size_ceil_div(a, b) * b;
}

/* How much a part has when `size` falls into as few parts as possible of at most `most`, all about equal, each but the
 * last a multiple of `multiple` (which `most` should be too). At least 1, so that it can be counted by. */
static inline size_t stoa_size_part(size_t size, size_t most, size_t multiple)
{
    if (size == 0)
        return 1;
    size_t part = stoa_size_ceil_div(size, stoa_size_ceil_div(size, most));
    return stoa_size_min(size, stoa_size_round_up(part, multiple));
}

#endif
