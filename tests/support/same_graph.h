/* Whether two graphs are the same: the same inputs and outputs, nodes in the same order with the same names, types,
 * attributes and wiring, and the same constants to the bit. Values are compared by name; their order does not matter.
 */
#ifndef TESTS_SUPPORT_SAME_GRAPH_H
#define TESTS_SUPPORT_SAME_GRAPH_H

#include <stddef.h>

#include "graph/graph.h"

/* "" when they are; otherwise the first difference, written to text, which is returned. */
const char *same_graph(const struct graph *a, const struct graph *b, size_t size, char *text);

#endif
