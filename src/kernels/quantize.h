/* Inner loops (nd_loop) between real numbers and whole numbers of a scale and a zero point. */
#ifndef STOA_KERNELS_QUANTIZE_H
#define STOA_KERNELS_QUANTIZE_H

#include <stddef.h>
#include <stoa/tensor.h>

#include "kernels/nd.h"

/* data[0] <- data[1] / data[2], rounded (ties to even), + data[3], held within the type's range; NaN becomes 0. The
 * scale is float, data[0] and data[3] of type `to` (int8, uint8), data[1] of `from` (float, int32). Null for others. */
nd_loop stoa_quantize_loop(enum stoa_dtype from, enum stoa_dtype to);
/* data[0] <- (data[1] - data[3]) * data[2] in float; data[1] and data[3] of type `from` (int8, uint8, int32). Null for
 * others. */
nd_loop stoa_dequantize_loop(enum stoa_dtype from);

/* The least and the largest of 0 and x[count]; NaN is passed over. */
void stoa_range_around_zero(size_t count, const float *x, float *least, float *most);

#endif
