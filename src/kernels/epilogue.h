/* What becomes of a tile of products before it leaves the cache. */
#ifndef STOA_KERNELS_EPILOGUE_H
#define STOA_KERNELS_EPILOGUE_H

#include <stddef.h>

#include "kernels/activation.h"

struct epilogue {
    const float *bias;   /* [columns]; null: none */
    const float *addend; /* [rows][columns], its rows addend_row apart; null: none */
    size_t addend_row;
    struct activation activation;
    const float *mask; /* [rows][columns], its rows mask_row apart; null: none */
    size_t mask_row;
    float mask_least, mask_most; /* NaN: no such bound */
};

/* y[rows][columns], rows y_row apart: y(i, j) <- f((y(i, j) + bias[j]) + addend[i*addend_row + j]), and then 0 where
 * mask[i*mask_row + j] is at most mask_least or at least mask_most. Each element is computed alone, so it does not
 * matter how a matrix is cut into tiles. Addend and mask must not overlap y. */
void stoa_epilogue_rows(size_t rows, size_t columns, const struct epilogue *epilogue, float *y, size_t y_row);

#endif
