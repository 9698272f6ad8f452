/* Local response normalisation across channels. */
#ifndef STOA_KERNELS_LRN_H
#define STOA_KERNELS_LRN_H

#include "kernels/block.h"

struct lrn {
    size_t before, after; /* channels of the window on either side */
    float scale;          /* alpha / size */
    float beta, bias;
};

/* The block's count runs over channels. y(c, l) <- x(c, l) / (bias + scale * s)^beta, where s is the sum of
 * x(k, l)^2 over c - before <= k <= c + after. */
void stoa_lrn_block(const struct lrn *lrn, const struct block *block, const float *x, float *y);

#endif
