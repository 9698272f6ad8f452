/* Loops over blocks (kernels/block.h) of elements of any type: what folds each lane to one number. They are plain
 * loops, for shape arithmetic and for what is not float; kernels/block.h has the fast ones of float. */
#ifndef STOA_KERNELS_REDUCE_H
#define STOA_KERNELS_REDUCE_H

#include <stdint.h>
#include <stoa/tensor.h>

#include "kernels/block.h"

enum reduce_step {
    REDUCE_SUM,
    REDUCE_MAGNITUDES, /* the sum of |x| */
    REDUCE_SQUARES,
    REDUCE_EXP, /* the sum of e^(x - shift), of real numbers */
    REDUCE_MAX, /* NaN if any element is */
    REDUCE_MIN,
    REDUCE_PRODUCT
};

/* A lane's result while it grows: of real numbers, signed and unsigned integers. Integers wrap around. */
union reduce_value {
    double real;
    int64_t whole;
    uint64_t natural;
};

struct reduce_loops {
    /* result[l] <- result[l] and all x(r, l) together */
    void (*fold)(enum reduce_step step, const struct block *block, const void *x, const union reduce_value *shift,
                 union reduce_value *result);
    /* result[l] += sum over r of x(r, l) * y(r, l) */
    void (*dot)(const struct block *block, const void *x, const void *y, union reduce_value *result);
    /* The value that changes nothing. */
    union reduce_value (*neutral)(enum reduce_step step);
    /* result[l] <- result[l] / count, towards 0 if whole */
    void (*divide)(size_t lanes, size_t count, union reduce_value *result);
    /* y[l * step] <- result[l] */
    void (*store)(size_t lanes, const union reduce_value *result, void *y, size_t step);
    /* result[l] <- result[l] + x(r, l), from the first r to the last or the other way around; y(r, l) <- the result
     * after that, or before if `exclusive` */
    void (*scan)(const struct block *block, int exclusive, int backwards, const void *x, union reduce_value *result,
                 void *y);
};

/* Null for types that are no numbers. */
const struct reduce_loops *stoa_reduce_loops(enum stoa_dtype dtype);

#endif
