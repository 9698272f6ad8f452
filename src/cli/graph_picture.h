/* Graphs as pictures: Graphviz says where nodes and edges lie. */
#ifndef STOA_CLI_GRAPH_PICTURE_H
#define STOA_CLI_GRAPH_PICTURE_H

#include <stoa/status.h>

#include "show/draw.h"

/* Of a graph in the language dot: boxes and ellipses with label, fillcolor and style=dashed. Graphviz keeps what it
 * knows in variables of the process: by one thread at a time. On failure the picture is all zero. */
STOA_CHECKED enum stoa_status stoa_cli_graph_picture(const char *dot, struct stoa_error *error,
                                                     struct picture *picture);

#endif
