/* The receptive field: which pixels of the model's input an element of a feature map is computed from. */
#ifndef STOA_SHOW_RECEPTIVE_H
#define STOA_SHOW_RECEPTIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "plan/plan.h"

/* Rows first[0] to last[0] and columns first[1] to last[1], both included; what lies in padding is outside of the image
 * and counts, too. */
struct receptive_field {
    int64_t first[2], last[2];
};

/* Of element (row, column) of value `value`, a feature map [N][C][H][W], with regard to the image `input`, worked out
 * from kernels, strides, pads and dilations, of which the plan knows the shapes. What does not keep to windows (a fully
 * connected layer, a global pooling, a transposition) has all of its image in view. A map of one pixel that is spread
 * over a larger one (the gate of a squeeze-and-excitation) is left out: it tells how much, not where. *found is false
 * where the value does not depend on the input. */
STOA_CHECKED enum stoa_status stoa_receptive_field(const struct plan *plan, size_t value, size_t row, size_t column,
                                                   size_t input, struct stoa_error *error, bool *found,
                                                   struct receptive_field *field);

#endif
