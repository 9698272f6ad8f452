/* Seeded random numbers for tests: the same on every machine. */
#ifndef TESTS_SUPPORT_RANDOM_H
#define TESTS_SUPPORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    uint64_t state;
};

uint64_t random_bits(struct random *random);
/* Whole numbers in [least, most]. */
int64_t random_int(struct random *random, int64_t least, int64_t most);
/* About normal: mean 0, deviation 1, within [-6, 6]. */
float random_normal(struct random *random);
void random_fill(struct random *random, size_t count, float *values);

#endif
