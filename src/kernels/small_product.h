/* A product of small matrices that skips packing, for a BLAS that has none: packing its operands takes OpenBLAS's AVX2
 * kernels as long as a third of a product of 64 x 64 x 128, and half of one of 16 columns. */
#ifndef STOA_KERNELS_SMALL_PRODUCT_H
#define STOA_KERNELS_SMALL_PRODUCT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vector.h"
#include "kernels/epilogue.h"

/* C[m][n] = A[m][k] * B[k][n], or with `add` C += that. A[i][p] is at a[i*a_row + p*a_column], so that A may lie
 * transposed; rows of B and C lie side by side. */
struct small_product {
    size_t m, n, k;
    const float *a;
    size_t a_row, a_column;
    const float *b;
    size_t b_row;
    float *c;
    size_t c_row;
    bool add;
    const struct epilogue
        *last; /* null, or what becomes of C, whose rows are the epilogue's: of none but bounds, unmasked */
};

/* Whether an epilogue can be `last`. */
static inline bool stoa_small_product_takes(const struct epilogue *epilogue)
{
    enum activation_kind kind = epilogue->activation.kind;
    return !epilogue->mask && (kind == ACTIVATION_NONE || kind == ACTIVATION_RELU || kind == ACTIVATION_CLIP);
}

/* The least n: a vector. */
static inline size_t stoa_small_product_least(void)
{
    return stoa_has_wide_registers() ? 16 : 8;
}

/* n is at least stoa_small_product_least(). Each element is summed in the order of k, whatever m and n are. */
void stoa_small_product(const struct small_product *product);

#endif
