/* A product of small matrices that skips packing, for a BLAS that has none: packing its operands takes OpenBLAS's AVX2
 * kernels as long as a third of a product of 64 x 64 x 128, and half of one of 16 columns. */
#ifndef STOA_KERNELS_SMALL_PRODUCT_H
#define STOA_KERNELS_SMALL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vector.h"
#include "kernels/epilogue.h"

/* C[m][n] = A[m][k] * B[k][n], or with `add` C += that. A[i][p] is at a[i*a_row + p*a_column], so that A may lie
 * transposed. B is a matrix, b_row floats from row to row; or b_row is 0 and it is rows [b_first, b_first + k) of a
 * matrix of b_rows, which lies by strips of columns, [b_rows][width] one after another. */
struct small_product {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_column;
    const float *b;
    size_t b_row, b_rows, b_first;
    float *c;
    size_t c_row;
    bool add;
    bool near; /* B stays in a cache, and rows of A that follow one another come from further */
    /* Null, or what becomes of C, whose rows are the epilogue's: squashed at most, unmasked. Where packed columns
     * fill vectors (of stoa_small_product_least()) its addend may be C. */
    const struct epilogue *last;
};

/* Whether an epilogue can be `last`. */
static inline bool stoa_small_product_takes(const struct epilogue *epilogue)
{
    return !epilogue->mask && stoa_activation_is_squash(&epilogue->activation);
}

/* The least n: a vector. */
static inline size_t stoa_small_product_least(void)
{
    return stoa_has_wide_registers() ? 16 : 8;
}

/* Columns of the next strip when so many are left: two vectors, one or a rest between, so that what is left behind it
 * is nothing or at least a vector. */
static inline size_t stoa_small_product_cut(size_t left, size_t lanes)
{
    return left >= 3 * lanes || left == 2 * lanes ? 2 * lanes : left > 2 * lanes ? lanes : left;
}

/* The same for packed B. */
static inline size_t stoa_small_product_strip(size_t left)
{
    return stoa_small_product_cut(left, stoa_small_product_least());
}

/* n is at least stoa_small_product_least(). Each element is summed in the order of k, whatever m and n are. */
void stoa_small_product(const struct small_product *product);

#endif
