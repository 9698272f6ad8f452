/* What LayerNormalization and its backward pass share, and RMSNormalization. */
#ifndef STOA_OPS_LAYER_NORM_H
#define STOA_OPS_LAYER_NORM_H

#include <stdbool.h>
#include <stdint.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "ops/op.h"

struct layer_norm_params {
    int64_t axis;
    float epsilon;
    bool about_zero; /* RMSNormalization: by the root of the mean square itself */
};

STOA_CHECKED enum stoa_status stoa_layer_norm_parse(struct attribute_reader *reader, void *params);
/* X as rows x columns, columns being the elements that are normalised together; X is input x. */
STOA_CHECKED enum stoa_status stoa_layer_norm_shape(const struct op_call *call, size_t x, struct stoa_error *error,
                                                    size_t *rows, size_t *columns);
/* Whether the input, if there is one, has the dims of X's columns. */
STOA_CHECKED enum stoa_status stoa_layer_norm_check(const struct op_call *call, size_t x, size_t input,
                                                    const char *name, struct stoa_error *error);
/* The mean of a row, and the reciprocal of its deviation. */
void stoa_layer_norm_moments(size_t columns, const float *x, float epsilon, float *mean, float *reciprocal);

#endif
