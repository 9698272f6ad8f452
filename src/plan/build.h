/* Inside the plan room: the stages of planning. */
#ifndef STOA_PLAN_BUILD_H
#define STOA_PLAN_BUILD_H

#include "plan/plan.h"

/* resolve.c: *resolved = the model with the branches that are taken in the place of its If nodes, to be given back with
 * stoa_plan_free_resolved; null where it has none. */
STOA_CHECKED enum stoa_status stoa_plan_resolve(const struct stoa_model *model, const struct stoa_allocator *allocator,
                                                const struct plan_options *options, struct stoa_error *error,
                                                struct stoa_model **resolved);
void stoa_plan_free_resolved(struct stoa_model *resolved);
/* shapes.c: what the caller and the model say of the inputs becomes values. */
STOA_CHECKED enum stoa_status stoa_plan_inputs(struct plan *plan, const struct plan_options *options,
                                               struct stoa_error *error);
/* settle.c: makes the data of value v, if it is a constant, aligned: a copy in the plan's arena where it is not. */
STOA_CHECKED enum stoa_status stoa_plan_settle(struct plan *plan, size_t v, struct stoa_error *error);
/* nodes.c: what is needed, its types and dims; what depends on constants alone becomes constant. */
STOA_CHECKED enum stoa_status stoa_plan_nodes(struct plan *plan, struct stoa_error *error);
/* fuse.c: the passes that need no layouts, in their order. */
STOA_CHECKED enum stoa_status stoa_plan_fuse(struct plan *plan, struct stoa_error *error);
static inline bool stoa_plan_enabled(const struct plan *plan, enum stoa_pass pass)
{
    return !(plan->disabled_passes & STOA_PASS_BIT(pass));
}
/* Notes what a pass has done, for reports. */
STOA_CHECKED enum stoa_status stoa_plan_note(struct plan *plan, enum stoa_pass pass, const char *node, const char *into,
                                             struct stoa_error *error);
/* fold.c: runs a call whose inputs are all constant; its outputs become constants in the plan's arena. */
STOA_CHECKED enum stoa_status stoa_plan_fold(struct plan *plan, struct op_call *call, struct stoa_error *error);
/* steps.c: nodes become steps, with layout conversions where tensors do not lie as an operator wants them. */
STOA_CHECKED enum stoa_status stoa_plan_steps(struct plan *plan, const struct plan_options *options,
                                              struct stoa_error *error);
/* fuse_pool.c: pools become part of convolutions that can, once all are prepared. */
STOA_CHECKED enum stoa_status stoa_plan_fuse_pool(struct plan *plan, struct stoa_error *error);
/* overwrite.c: steps that may write over one of their inputs do, once all are prepared. */
STOA_CHECKED enum stoa_status stoa_plan_overwrite(struct plan *plan, struct stoa_error *error);
/* lifetimes.c: offsets of all storages of kind STORAGE_ARENA in one block, scratch included, and its size. */
STOA_CHECKED enum stoa_status stoa_plan_lifetimes(struct plan *plan, bool keep_values, struct stoa_error *error);

/* absorb.c: the channels of a flattened image that may stay channels-last, since only matrix products read it, or 0.
 * `call` is the flattening's, its input as it lies. */
size_t stoa_plan_absorbs(const struct plan *plan, const struct graph_node *node, const struct op_call *call);

/* *array has room for one element more than `count`. */
STOA_CHECKED enum stoa_status stoa_plan_reserve(struct plan *plan, size_t count, size_t size, size_t *capacity,
                                                struct stoa_error *error, void *array);
/* concat.c: where value v, which is sliced, or of which others are slices, lies: strides, and a storage that is made
 * when the first of them asks. */
STOA_CHECKED enum stoa_status stoa_plan_place_slice(struct plan *plan, size_t v, struct stoa_error *error,
                                                    struct plan_tensor *tensor);

STOA_CHECKED enum stoa_status stoa_plan_add_storage(struct plan *plan, enum storage_kind kind, size_t bytes,
                                                    size_t place, struct stoa_error *error, size_t *storage);

#endif
