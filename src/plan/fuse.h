/* What the passes share: who reads a value, and making one step of two. */
#ifndef STOA_PLAN_FUSE_H
#define STOA_PLAN_FUSE_H

#include "plan/build.h"

/* What the node means to others: nothing where it is not planned. */
static inline const struct op_fusion *stoa_plan_fusion(const struct plan_node *node)
{
    return node->planned ? stoa_op_fusion(node->call.op) : &stoa_op_without_fusion;
}

/* The one node that reads value v, once, or PLAN_NONE: several do, or the caller does. */
size_t stoa_plan_only_reader(const struct plan *plan, size_t v);
/* The value at the end of a leader's chain. */
size_t stoa_plan_result(const struct plan *plan, size_t leader);
/* The leader whose chain ends with value v and which can have that part of an epilogue (on top of what it has), or
 * PLAN_NONE. */
size_t stoa_plan_maker(const struct plan *plan, size_t v, enum op_takes part);

/* Whether n is a node that is planned and part of no chain. */
static inline bool stoa_plan_is_free(const struct plan *plan, size_t n)
{
    return n != PLAN_NONE && plan->nodes[n].planned && plan->nodes[n].leader == n && plan->nodes[n].last == n;
}

/* Whether n is such a node of that type and makes of value v one of the same dims, alone (`constant` null) or with one
 * number, *constant; where the order of the two matters, v comes first. */
bool stoa_plan_is_link(const struct plan *plan, size_t n, const char *type, size_t v, float *constant);

/* Whether input `input` of node n, which adds or multiplies two, is one constant for each place of the last dimension.
 */
bool stoa_plan_is_row(const struct plan *plan, size_t n, size_t input);

/* Node n, which alone reads the end of the leader's chain, becomes its new end. */
STOA_CHECKED enum stoa_status stoa_plan_join(struct plan *plan, enum stoa_pass pass, size_t leader, size_t n,
                                             struct stoa_error *error);

/* The leader's type becomes all that its chain does: "Conv+Add+Relu". */
STOA_CHECKED enum stoa_status stoa_plan_name_chain(struct plan *plan, size_t leader, struct stoa_error *error);

/* Value v, which has been made by then, becomes input `index` of the leader's call, behind all that its operator has.
 */
STOA_CHECKED enum stoa_status stoa_plan_add_input(struct plan *plan, size_t leader, size_t index, size_t v,
                                                  const struct stoa_tensor *tensor, struct stoa_error *error);

/* Node n, whose result the leader alone reads as its input 0, becomes the chain's new beginning: the leader reads n's
 * input 0 instead. */
STOA_CHECKED enum stoa_status stoa_plan_join_front(struct plan *plan, enum stoa_pass pass, size_t leader, size_t n,
                                                   struct stoa_error *error);

/* Each a file of that name: one pass over all nodes. Layer norms are part of fuse-norm. */
STOA_CHECKED enum stoa_status stoa_plan_fuse_pad(struct plan *plan, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_plan_fuse_norm(struct plan *plan, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_plan_fuse_layer_norm(struct plan *plan, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_plan_fuse_add(struct plan *plan, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_plan_fuse_activation(struct plan *plan, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_plan_fuse_mask(struct plan *plan, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_plan_concat_in_place(struct plan *plan, struct stoa_error *error);

#endif
