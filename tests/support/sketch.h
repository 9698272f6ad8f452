/* Networks nobody thought of, as the text that net_build reads: small random graphs of operators that lie plain, lie
 * channels-last, take either or only rename, of blocks that can become one step and of branches that join, with outputs
 * anywhere. */
#ifndef TESTS_SUPPORT_SKETCH_H
#define TESTS_SUPPORT_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/random.h"

#define SKETCH_VALUES 48

struct sketch_value {
    size_t rank, dims[4];
};

struct sketch {
    struct random random;
    char text[8192];
    size_t length;
    struct sketch_value values[SKETCH_VALUES]; /* named v0, v1, ... */
    size_t count;
};

/* The same text for the same seed. v0 is the input, v1 a constant of its dims. */
void sketch_network(struct sketch *sketch, uint64_t seed);

#endif
