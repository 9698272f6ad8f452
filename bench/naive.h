/* The plainest convolution there is, as the baseline and as the judge of what may be timed. */
#ifndef STOA_BENCH_NAIVE_H
#define STOA_BENCH_NAIVE_H

#include <stdbool.h>
#include <stddef.h>

#include "lower/lower.h"

/* y[OC][OH][OW] <- one image x[C][H][W], weights [OC][C/groups][kh][kw], in the order of the definition. */
void stoa_bench_naive(const struct conv_shape *shape, const float *x, const float *weights, const float *bias,
                      float *y);

/* to[n][columns][rows] <- from[n][rows][columns]: between N C H W and N H W C, either way. */
void stoa_bench_swap_channels(size_t n, size_t rows, size_t columns, const float *from, float *to);

/* Whether a result is right but for rounding: every element finite, and none further off than this share of the largest
 * magnitude expected. Timing is closed to results that are not. *difference and *largest may be shown to people. */
#define BENCH_TOLERANCE 1e-4
bool stoa_bench_right(size_t count, const float *result, const float *expected, double *difference, double *largest);

#endif
