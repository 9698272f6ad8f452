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

#ifdef STOA_TRAINING
/* z(c, l) <- y(c, l) * t(c, l)^-beta - 2 * scale * beta * x(c, l) * sum of g(k, l) over c - after <= k <= c + before,
 * with t = bias + scale * s and g = y * x * t^(-beta - 1). `work` holds 2 * count * lanes floats. */
void stoa_lrn_backward_block(const struct lrn *lrn, const struct block *block, const float *x, const float *y,
                             float *work, float *z);
#endif

#endif
