/* An order in which the nodes can run. */
#ifndef STOA_GRAPH_ORDER_H
#define STOA_GRAPH_ORDER_H

#include "graph/graph.h"

/* Puts the nodes in an order in which each comes after those it reads, and adapts the values' producers. Nodes that are
 * in such an order already stay as they are. A cycle is STOA_ERROR_GRAPH. Every value's producer must be set. */
STOA_CHECKED enum stoa_status stoa_graph_order(struct graph *graph, struct stoa_error *error);

#endif
