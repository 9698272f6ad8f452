/* SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). */
#include "base/random.h"

uint64_t stoa_random_bits(struct random *random)
{
    uint64_t z = random->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

int64_t stoa_random_int(struct random *random, int64_t least, int64_t most)
{
    return least + (int64_t)(stoa_random_bits(random) % (uint64_t)(most - least + 1));
}

float stoa_random_normal(struct random *random)
{
    /* The sum of twelve uniform numbers has variance 1. */
    float sum = -6;
    for (int i = 0; i < 12; i++)
        sum += (float)(stoa_random_bits(random) >> 40) * 0x1p-24f;
    return sum;
}

void stoa_random_fill(struct random *random, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = stoa_random_normal(random);
}
