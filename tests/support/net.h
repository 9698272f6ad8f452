/* Small networks as text, built straight into a model:
 *
 *   "input x f32[1,3,8,8]\n"            dims may be ? (open)
 *   "const w f32[8,3,3,3]\n"            seeded random numbers, or values, as in op_text.h
 *   "h = HardSwish@14(x)\n"             at another opset than 13
 *   "h = Conv(x, w) pads=[1,1,1,1]\n"   outputs and inputs by name, - for an absent one; several outputs: "a, b =
 * Split(x)" "output h\n"
 *
 * Operators of the training table go by their names, too. */
#ifndef TESTS_SUPPORT_NET_H
#define TESTS_SUPPORT_NET_H

#include <stoa/host.h>
#include <stoa/model.h>

#include "base/memory.h"
#include "graph/model.h"
#include "plan/plan.h"

struct net {
    struct stoa_model *model;
    struct arena arena; /* constants */
};

/* The graph's memory and the sessions' default is `allocator` (null: the C library's). Fails the running test when the
 * text is malformed or the graph is refused. */
void net_build(struct net *net, const char *text, const struct stoa_allocator *allocator);
/* The same, returning what stoa_graph_finish says. The net must be freed either way. */
enum stoa_status net_try(struct net *net, const char *text, const struct stoa_allocator *allocator,
                         struct stoa_error *error);
void net_free(struct net *net);

/* The net's plan with some passes left out (bits, session.h). Fails the running test, which is of `name`, when there is
 * none. */
struct plan *net_plan(const struct net *net, unsigned disabled, const char *name);
/* The same, made as `options` say. */
struct plan *net_plan_with(const struct net *net, const struct plan_options *options, const char *name);

/* Whatever a step reads or writes has its memory then, all of it. */
void net_check_memory(const struct plan *plan, const char *name);

#endif
