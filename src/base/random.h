/* Seeded random numbers, the same on every machine. */
#ifndef STOA_BASE_RANDOM_H
#define STOA_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state; /* any seed */
};

uint64_t stoa_random_bits(struct random *random);
/* A whole number in [least, most]. */
int64_t stoa_random_int(struct random *random, int64_t least, int64_t most);
/* About normal: mean 0, deviation 1, within [-6, 6]. */
float stoa_random_normal(struct random *random);
void stoa_random_fill(struct random *random, size_t count, float *values);

#endif
