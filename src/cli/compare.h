/* Results against recorded ones. */
#ifndef STOA_CLI_COMPARE_H
#define STOA_CLI_COMPARE_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/half.h"

/* The largest difference allowed, as a share of the largest recorded magnitude, beside what a record in 16-bit floats
 * has lost: one unit in their last place. */
#define CLI_TOLERANCE 1e-4

struct comparison {
    double difference, largest; /* max |result - recorded| and max |recorded|, over finite elements */
    size_t index;               /* where the difference is, or of the first element that differs in kind */
    double result, recorded;    /* its two values */
    double tolerance;           /* the share that was allowed; 0 where types are compared exactly */
    bool passed;
};

/* Both plain; half says what the record was kept in. Floats pass with difference <= tolerance * largest, and NaN and
 * infinity only where both have them; other types when they are equal. Different types or dimensions are
 * STOA_ERROR_MISMATCH. */
STOA_CHECKED enum stoa_status stoa_cli_compare(const struct stoa_tensor *result, const struct stoa_tensor *recorded,
                                               enum half half, struct stoa_error *error, struct comparison *comparison);

#endif
