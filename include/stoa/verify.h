/* The engine against its naive twin, layer by layer. */
#ifndef STOA_VERIFY_H
#define STOA_VERIFY_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One value of one layer, compared. The twin computes in double from the very inputs the engine's layer had, and bounds
 * for each element how far a float result may be off: (K + 1) * 2^-24 * sum |x_i * w_i| for a sum of K products in any
 * order (plus, for a convolution through Winograd's transforms, the bound that their matrices give), the roundings of
 * its definition for other operators. A layer passes if no element is off by more. */
struct stoa_layer_check {
    const char *node, *type, *value;
    struct stoa_tensor output; /* dtype and dims */
    double worst_difference;   /* the largest |engine - twin| */
    double worst_share;        /* the largest difference as a share of its own bound: passes at <= 1 */
    size_t worst_index;        /* row-major index of the element with that share */
    double engine, twin;       /* its two values */
    int passed;
    size_t reserved[4];
};

struct stoa_verify_options {
    const struct stoa_session_options *session; /* null: defaults; keep_values is set by verify itself */
    uint64_t seed;                              /* of the random inputs */
    /* Called after each layer, in order; may be null. */
    void (*layer)(void *user, const struct stoa_layer_check *check);
    void *user;
    size_t reserved[8]; /* zeros (stoa.h) */
};

/* Runs the model on inputs[i] (row-major, in the order of the model's inputs; null entries or a null array: seeded
 * normal random numbers) with every value kept, and compares each layer; then again as sessions usually run, whose
 * outputs must be the same to the bit. STOA_ERROR_MISMATCH when one diverges; the error names the first. */
STOA_API STOA_CHECKED enum stoa_status stoa_verify(const struct stoa_model *model, const void *const *inputs,
                                                   const struct stoa_verify_options *options, struct stoa_error *error);

#ifdef __cplusplus
}
#endif
#endif
