/* A matrix times a vector: fully connected layers at batch 1. */
#ifndef STOA_KERNELS_GEMV_H
#define STOA_KERNELS_GEMV_H

#include <stddef.h>

/* y[m] <- a[m][n] * x[n], rows lda apart. Each y depends on its row and x alone, to the last bit, whatever m is. */
void stoa_gemv(size_t m, size_t n, const float *a, size_t lda, const float *x, float *y);

#endif
