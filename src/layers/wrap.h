/* A layer that is one operator of the engine, called without a model: the operator checks and computes as it does
 * inside a plan. */
#ifndef STOA_LAYERS_WRAP_H
#define STOA_LAYERS_WRAP_H

#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "ops/op.h"

#define LAYER_INPUTS 3
#define LAYER_OPSET 13

struct layer_call {
    struct op_call call;
    struct stoa_tensor inputs[LAYER_INPUTS], output;
    union {
        max_align_t alignment;
        unsigned char bytes[512];
    } params;
};

/* Sets up the call in place (it points into itself): the operator at LAYER_OPSET, its attributes parsed. The caller
 * then sets inputs and infers. */
STOA_CHECKED enum stoa_status stoa_layer_begin(struct layer_call *layer, const char *type, size_t inputs,
                                               const struct attribute *attributes, size_t attribute_count,
                                               struct stoa_error *error);

#endif
