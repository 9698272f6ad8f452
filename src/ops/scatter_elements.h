/* What GatherElements, ScatterElements and their gradients share: an index for each element, along one axis. */
#ifndef STOA_OPS_SCATTER_ELEMENTS_H
#define STOA_OPS_SCATTER_ELEMENTS_H

#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "kernels/nd.h"
#include "ops/op.h"

/* How elements join those in their place. */
enum scatter_reduction { SCATTER_NONE, SCATTER_ADD, SCATTER_MUL, SCATTER_MAX, SCATTER_MIN };
/* The attribute "reduction", from opset 16 on; the last two since 18. */
enum scatter_reduction stoa_read_reduction(struct attribute_reader *reader);
/* The loop that joins two elements, or null where there is none for the type; not for SCATTER_NONE. */
nd_loop stoa_scatter_loop(enum scatter_reduction reduction, enum stoa_dtype dtype);
/* Input updates has the type of data, which the reduction can join. */
STOA_CHECKED enum stoa_status stoa_scatter_check(const struct op_call *call, enum scatter_reduction reduction,
                                                 struct stoa_error *error);
/* Of a gradient of scattering, whose inputs are {gradient, data, indices, updates}: output 0 is as that input. */
STOA_CHECKED enum stoa_status stoa_scatter_backward_infer(const struct op_call *call, const struct op *forward,
                                                          size_t input, enum scatter_reduction reduction,
                                                          struct stoa_error *error);

/* A gradient of gathering or scattering, from {gradient, data, indices, updates}, of which data and updates count for
 * their dims alone; gathering has no updates. */
#define SCATTER_BACKWARD(name, type_, inputs, params, parse_, infer_, run_)                                            \
    const struct op stoa_op_##name = {                                                                                 \
        .type = type_,                                                                                                 \
        .since = 1,                                                                                                    \
        .min_inputs = inputs,                                                                                          \
        .max_inputs = inputs,                                                                                          \
        .min_outputs = 1,                                                                                              \
        .max_outputs = 1,                                                                                              \
        .layout = OP_ANY,                                                                                              \
        .dims_inputs = inputs == 4 ? 1 << 1 | 1 << 3 : 1 << 1,                                                         \
        .params_size = sizeof(params),                                                                                 \
        .parse = parse_,                                                                                               \
        .infer = infer_,                                                                                               \
        .run = run_,                                                                                                   \
    };

struct elements_params {
    int64_t axis;
    enum scatter_reduction reduction;
};
STOA_CHECKED enum stoa_status stoa_gather_elements_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_scatter_elements_parse(struct attribute_reader *reader, void *params);

/* y, of the indices' dims, <- those elements of x. */
STOA_CHECKED enum stoa_status stoa_elements_gather(int64_t axis, const struct stoa_tensor *x,
                                                   const struct stoa_tensor *indices, const struct stoa_tensor *y,
                                                   struct pool *pool, struct stoa_error *error);
/* Those elements of x <- y's, or joined with them; of several for one place in the order of their axis. */
STOA_CHECKED enum stoa_status stoa_elements_scatter(const struct elements_params *params, const struct stoa_tensor *x,
                                                    const struct stoa_tensor *indices, const struct stoa_tensor *y,
                                                    struct stoa_error *error);

#endif
