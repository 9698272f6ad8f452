/* What is known of inputs before their shapes are. */
#ifndef STOA_GRAPH_DECIDE_H
#define STOA_GRAPH_DECIDE_H

#include "graph/graph.h"

/* Sets decides_shapes of every input, of a graph whose nodes are looked up and in order. Fails for want of memory
 * alone.
 */
STOA_CHECKED enum stoa_status stoa_graph_decide(struct graph *graph, struct stoa_error *error);

#endif
