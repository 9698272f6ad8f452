/* How weights begin. Only whole numbers, one square root and one product go into each, all rounded as IEEE 754 says: no
 * logarithm or cosine whose last bit depends on the C library. */
#include <math.h>

#include "build/build.h"

/* Uniform in [-1, 1): 24 bits, exactly. */
static double uniform(struct random *random)
{
    return (double)((int64_t)(stoa_random_bits(random) >> 40) - (1 << 23)) * 0x1p-23;
}

void stoa_initialise(struct random *random, enum stoa_init init, double fan_in, double fan_out, size_t count,
                     float *weights)
{
    bool he = init == STOA_INIT_HE_NORMAL || init == STOA_INIT_HE_UNIFORM;
    double variance = he ? 2 / fan_in : init == STOA_INIT_FAN_IN_UNIFORM ? 1 / (3 * fan_in) : 2 / (fan_in + fan_out);
    /* Uniform numbers within b of 0 have variance b * b / 3. */
    double deviation = sqrt(variance), bound = sqrt(3 * variance);
    bool normal = init == STOA_INIT_HE_NORMAL || init == STOA_INIT_XAVIER_NORMAL;
    for (size_t i = 0; i < count; i++)
        if (init == STOA_INIT_ZEROS)
            weights[i] = 0;
        else if (normal)
            weights[i] = (float)(deviation * (double)stoa_random_normal(random));
        else
            weights[i] = (float)(bound * uniform(random));
}
