/* Sub-graphs: the branches of an If. A branch is a graph of its own, not finished: nobody looks into the one that is
 * not taken. The one that is becomes part of a copy of the graph around it, which is finished as a whole. */
#ifndef STOA_GRAPH_BRANCH_H
#define STOA_GRAPH_BRANCH_H

#include <stddef.h>
#include <stoa/status.h>

#include "graph/graph.h"

/* Makes a graph that `around` owns. */
STOA_CHECKED enum stoa_status stoa_graph_add_branch(struct graph *around, struct stoa_error *error,
                                                    struct graph **branch);
/* Once the branch has all its nodes: finds what it reads of the graph around it (graph->captured). */
STOA_CHECKED enum stoa_status stoa_graph_capture(struct graph *branch, struct stoa_error *error);

/* Copies a finished graph to an empty one. Of node n, an If, branch taken[n] stands in its place: 0 the one for true, 1
 * the one for false, or BRANCH_KEPT where the If stays. Values keep their indices; those of branches follow. The copy
 * borrows constants and branches, and is finished. */
#define BRANCH_KEPT 2
STOA_CHECKED enum stoa_status stoa_graph_inline(const struct graph *from, const unsigned char *taken,
                                                struct stoa_error *error, struct graph *to);

#endif
