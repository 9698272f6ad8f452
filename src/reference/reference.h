/* The naive twin: every operator again as plain loops in double, written from the operator's own definition. It shares
 * no code with the engine (only status, memory and attribute reading) and is never optimised, so that where the two
 * agree, both are right.
 *
 * Beside each value the twin gives its slack: a bound on how far a correct float computation of that element may be
 * from the exact result, in units of u = 2^-24 (half the distance from 1 to the next float). For a sum of K products it
 * is (K + 1) * sum |x_i * w_i|, whatever the order of summation (Higham, Accuracy and Stability of Numerical
 * Algorithms, section 3.1); for other operators it is as many roundings as their definition has, times the magnitudes
 * involved. Only moved or integer elements have slack 0, and infinities and NaN.
 *
 * For whoever compares: NaN agrees with NaN, an infinity with the same infinity, and a value beyond float's range
 * stands for an infinity. */
#ifndef STOA_REFERENCE_REFERENCE_H
#define STOA_REFERENCE_REFERENCE_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"

/* A row-major tensor of any dtype, its elements held as doubles (integers are exact up to 2^53). */
struct reference_tensor {
    enum stoa_dtype dtype; /* STOA_NONE: absent */
    size_t rank;
    size_t dims[STOA_MAX_RANK];
    double *values;
    /* In units of 2^-24. Of inputs null where they are exact; operators that are fused into others take inputs that are
     * not, and add what those contribute to the slack of the output; others refuse them. Weights of Conv and
     * ConvTranspose have any slack (its values do not matter) where they have been rounded once. */
    double *slack;
};

struct reference_call {
    const char *type; /* ONNX's op_type */
    const struct attributes *attributes;
    int opset;
    size_t input_count, output_count;
    const struct reference_tensor *inputs;
    /* For Conv in two dimensions, computed by an algorithm that mixes neighbouring pixels, such as Winograd's: adds to
     * an output's slack mixing * sum over input channels of (largest |x| of all pixels at most `reach` rows and columns
     * away from one that the output sees) * (sum of |w|). 0: nothing is mixed. */
    double mixing;
    size_t reach[2];
    /* Outputs that are wanted have any dtype but STOA_NONE on entry; dtype, dims, values and slack are set on success
     * and the two arrays then belong to the caller, who frees them with stoa_reference_free. */
    struct reference_tensor *outputs;
};

STOA_CHECKED enum stoa_status stoa_reference_run(const struct reference_call *call,
                                                 const struct stoa_allocator *allocator, struct stoa_error *error);
void stoa_reference_free(const struct stoa_allocator *allocator, struct reference_tensor *tensor);

#endif
