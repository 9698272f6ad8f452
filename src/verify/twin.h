/* A whole graph on the naive twin, in double from end to end. */
#ifndef STOA_VERIFY_TWIN_H
#define STOA_VERIFY_TWIN_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "graph/graph.h"
#include "reference/reference.h"

/* Runs the nodes [first, end) on `values`, one for each value of the graph, absent ones zero: what the nodes read must
 * be there, what they make replaces what was there. Values never have slack: how far a float computation may be off is
 * not this one's matter. */
STOA_CHECKED enum stoa_status stoa_twin_run(const struct graph *graph, size_t first, size_t end,
                                            const struct stoa_allocator *allocator, struct stoa_error *error,
                                            struct reference_tensor *values);

#endif
