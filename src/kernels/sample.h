/* Sums of pixels with weights: what sampling an image between its pixels comes down to. */
#ifndef STOA_KERNELS_SAMPLE_H
#define STOA_KERNELS_SAMPLE_H

#include <stddef.h>

/* A pixel and what it counts for; the offset is in elements from the image. */
struct sample_tap {
    size_t offset;
    float weight;
};

/* y[C] <- sum over t < count of taps[t].weight * x[taps[t].offset + c]; zeros where there are none */
void stoa_sample(size_t C, size_t count, const struct sample_tap *taps, const float *x, float *y);
/* y[C] <- y[c] + that sum */
void stoa_sample_add(size_t C, size_t count, const struct sample_tap *taps, const float *x, float *y);
/* y[C] <- the larger one of y[c] and that sum, NaN if either is */
void stoa_sample_max(size_t C, size_t count, const struct sample_tap *taps, const float *x, float *y);

#endif
