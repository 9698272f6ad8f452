/* A layer that is one operator of the engine, called without a model: the operator checks and computes as it does
 * inside a plan. Images lie as the caller has them; where the operator wants them channels-last and they are not, they
 * pass through the workspace. */
#ifndef STOA_LAYERS_WRAP_H
#define STOA_LAYERS_WRAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "ops/op.h"

#define LAYER_INPUTS 5
#define LAYER_OUTPUTS 5
#define LAYER_OPSET 13

struct layer_call {
    struct op_call call;
    struct stoa_tensor inputs[LAYER_INPUTS], outputs[LAYER_OUTPUTS];
    union {
        max_align_t alignment;
        unsigned char bytes[512];
    } params;
    /* Once finished: how tensors lie that are not as the caller has them (rank 0: as they are), and where in the
     * workspace, behind the operator's scratch. */
    struct stoa_tensor inner_inputs[LAYER_INPUTS], inner_outputs[LAYER_OUTPUTS];
    size_t input_places[LAYER_INPUTS], output_places[LAYER_OUTPUTS];
    size_t workspace, workers, worker_place, worker_stride;
};

/* Sets up the call in place (it points into itself): the operator at LAYER_OPSET or of the training table, its
 * attributes parsed. The caller then sets inputs and those outputs that are wanted to dtypes, ranks and dims (the first
 * output is float). UNSUPPORTED in a library without training, for its operators. */
STOA_CHECKED enum stoa_status stoa_layer_begin(struct layer_call *layer, const char *type, size_t inputs,
                                               size_t outputs, const struct attribute *attributes,
                                               size_t attribute_count, struct stoa_error *error);
/* A float tensor. */
struct stoa_tensor stoa_layer_vector(size_t count);
struct stoa_tensor stoa_layer_matrix(size_t rows, size_t columns);
struct stoa_tensor stoa_layer_image(size_t N, size_t C, size_t H, size_t W);

/* Infers, lays out and prepares for `prepare->threads` workers; then workspace is known. What prepare makes,
 * stoa_layer_end releases. */
STOA_CHECKED enum stoa_status stoa_layer_finish(struct layer_call *layer, enum stoa_layout layout,
                                                const struct op_prepare *prepare, struct stoa_error *error);
void stoa_layer_end(struct layer_call *layer, const struct stoa_allocator *allocator);

/* Runs a finished layer, which several threads may do at once. Null: outputs that are not wanted this time, and inputs
 * of which the operator reads no data. */
STOA_CHECKED enum stoa_status stoa_layer_run(const struct layer_call *layer, struct pool *pool,
                                             const void *const *inputs, void *const *outputs, void *workspace,
                                             struct stoa_error *error);
/* Whether a workspace is large enough and aligned. */
STOA_CHECKED enum stoa_status stoa_layer_check_workspace(size_t needed, size_t size, const void *workspace,
                                                         struct stoa_error *error);

#endif
