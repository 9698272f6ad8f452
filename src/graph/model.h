/* The public model: a graph and the files it was read from. */
#ifndef STOA_GRAPH_MODEL_H
#define STOA_GRAPH_MODEL_H

#include <stoa/host.h>
#include <stoa/model.h>

#include "base/budget.h"
#include "base/file.h"
#include "graph/graph.h"

struct stoa_model {
    struct stoa_allocator allocator;
    struct stoa_log log;
    struct file_map file; /* and those with external data; zero when loaded from memory */
    struct budget budget; /* bounds what reading may take; the graph's memory comes through it */
    struct graph graph;
};

#endif
