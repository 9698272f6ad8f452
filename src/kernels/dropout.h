/* Dropping elements at random, each by a number of its own. The numbers are those of Philox4x32-10 (Salmon, Moraes,
 * Dror, Shaw: Parallel random numbers: as easy as 1, 2, 3, 2011), a function of a key and a counter: element i has word
 * i mod 4 of block i / 4. So no element waits for another. */
#ifndef STOA_KERNELS_DROPOUT_H
#define STOA_KERNELS_DROPOUT_H

#include <stddef.h>
#include <stdint.h>

struct dropout {
    uint32_t key[2];
    uint32_t counter[2]; /* words 2 and 3; words 0 and 1 number the block */
    uint64_t threshold;  /* an element with a number below it is dropped: 2^32 drops all */
    float scale;         /* of those that are kept */
};

/* keep[i] <- 1 if element start + i is kept, else 0, for i < count; start is a multiple of 4. */
void stoa_dropout_keep(const struct dropout *dropout, uint64_t start, size_t count, uint8_t *keep);
/* y[i] <- keep[i] ? x[i] * scale : 0 */
void stoa_dropout_apply(size_t count, const uint8_t *keep, float scale, const float *x, float *y);

/* Loops of strided nests (kernels/nd.h) over floats dx, dy and a mask of bytes or floats: dx <- mask ? dy * scale : 0;
 * context is the scale. */
void stoa_dropout_backward_loop(const void *context, size_t count, char *const *data, const ptrdiff_t *strides);
void stoa_dropout_backward_loop_float(const void *context, size_t count, char *const *data, const ptrdiff_t *strides);

#endif
