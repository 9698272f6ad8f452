/* Loops over a block of count x lanes floats, from which reductions and normalisations are made: each lane is reduced,
 * or mapped with values of its own, along count. Element (r, l) is x[r*x_step + l*x_lane] and y[r*y_step + l*y_lane];
 * backward passes (kernels/block_backward.h) have z as a third.
 * Two shapes are fast: lanes that lie side by side (x_lane = y_lane = 1), and a single lane whose elements do (lanes =
 * 1, x_step = y_step = 1). The order of summation depends on the shape alone. */
#ifndef STOA_KERNELS_BLOCK_H
#define STOA_KERNELS_BLOCK_H

#include <stddef.h>

struct block {
    size_t count, lanes;
    size_t x_step, x_lane;
    size_t y_step, y_lane;
    size_t z_step, z_lane;
};

/* sum[l] += sum over r of x(r, l) */
void stoa_block_sum(const struct block *block, const float *x, float *sum);
/* sum[l] += sum over r of |x(r, l)| */
void stoa_block_sum_magnitudes(const struct block *block, const float *x, float *sum);
/* product[l] *= product over r of x(r, l) */
void stoa_block_product(const struct block *block, const float *x, float *product);
/* sum[l] += sum over r of (x(r, l) - mean[l])^2 */
void stoa_block_sum_squares(const struct block *block, const float *x, const float *mean, float *sum);
/* sum[l] += sum over r of e^(x(r, l) - shift[l]) */
void stoa_block_sum_exp(const struct block *block, const float *x, const float *shift, float *sum);
/* best[l] = max(best[l], max over r of x(r, l)), or the minimum; NaN if any of them is */
void stoa_block_max(const struct block *block, const float *x, float *best);
void stoa_block_min(const struct block *block, const float *x, float *best);

/* y may be x, element for element, in what follows. */

/* y(r, l) <- e^(x(r, l) - shift[l]), shift being no less than any x */
void stoa_block_exp(const struct block *block, const float *x, const float *shift, float *y);
/* y(r, l) <- x(r, l) / divisor[l] */
void stoa_block_divide(const struct block *block, const float *x, const float *divisor, float *y);
/* y(r, l) <- (x(r, l) - first[l]) - second[l] */
void stoa_block_subtract(const struct block *block, const float *x, const float *first, const float *second, float *y);
/* y(r, l) <- (x(r, l) - mean[l]) * scale[l] + bias[l] */
void stoa_block_normalise(const struct block *block, const float *x, const float *mean, const float *scale,
                          const float *bias, float *y);
/* y[i] <- (x[i] - mean) * factor * scale[i] + bias[i]; a null bias is 0 */
void stoa_row_normalise(size_t count, const float *x, float mean, float factor, const float *scale, const float *bias,
                        float *y);

#endif
