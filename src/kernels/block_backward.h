/* Loops over blocks (kernels/block.h) of up to three tensors, from which the backward passes of reductions and
 * normalisations are made. */
#ifndef STOA_KERNELS_BLOCK_BACKWARD_H
#define STOA_KERNELS_BLOCK_BACKWARD_H

#include "kernels/block.h"

/* sum[l] += sum over r of y(r, l); product[l] += sum over r of y(r, l) * (x(r, l) - mean[l]) */
void stoa_block_sum_centred(const struct block *block, const float *x, const float *y, const float *mean, float *sum,
                            float *product);
/* sum[l] += sum over r of x(r, l) * y(r, l) */
void stoa_block_sum_products(const struct block *block, const float *x, const float *y, float *sum);

/* z may be x or y, element for element, in what follows. */

/* Of each lane. */
struct block_centre {
    const float *mean, *factor, *shift, *slope;
};
/* z(r, l) <- ((y(r, l) - shift[l]) - (x(r, l) - mean[l]) * slope[l]) * factor[l] */
void stoa_block_centre(const struct block *block, const float *x, const float *y, const struct block_centre *centre,
                       float *z);
/* z(r, l) <- x(r, l) * (y(r, l) - shift[l]) */
void stoa_block_subtract_times(const struct block *block, const float *x, const float *y, const float *shift, float *z);
/* z(r, l) <- y(r, l) - e^x(r, l) * factor[l] */
void stoa_block_subtract_exp(const struct block *block, const float *x, const float *y, const float *factor, float *z);
/* y(r, l) <- x(r, l) * factor[l] */
void stoa_block_scale(const struct block *block, const float *x, const float *factor, float *y);

/* Of a row that is normalised with a scale for each element: product[i] <- dy[i] * scale[i]; scale_sum[i] += dy[i] *
 * (x[i]
 * - mean) * factor; shift_sum[i] += dy[i] */
void stoa_row_gradients(size_t count, const float *x, const float *dy, const float *scale, float mean, float factor,
                        float *product, float *scale_sum, float *shift_sum);

/* stoa_block_scale as a loop of a strided nest (kernels/nd.h) over floats y and x: context is one factor. */
void stoa_scale_loop(const void *context, size_t count, char *const *data, const ptrdiff_t *strides);

#endif
