/* A network as nodes and values: what a model file says, checked, in an order in which it can run. The graph owns every
 * name, attribute and parameter in one arena; constants point into the arena or into the model file, where large
 * ones may lie at any address, aligned or not. Immutable once
 * stoa_graph_finish has succeeded. */
#ifndef STOA_GRAPH_GRAPH_H
#define STOA_GRAPH_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "base/memory.h"
#include "ops/op.h"

#define GRAPH_NONE ((size_t)-1)     /* an absent optional input or output; a value without producer */
#define GRAPH_UNKNOWN ((int64_t)-1) /* a dimension that the model leaves open */

struct graph_value {
    const char *name;
    enum stoa_dtype dtype; /* STOA_NONE: not stated */
    bool has_shape;        /* rank and dims are stated (inputs and outputs of the model) */
    size_t rank;
    int64_t dims[STOA_MAX_RANK];        /* GRAPH_UNKNOWN where open */
    const struct stoa_tensor *constant; /* plain, with data, maybe not aligned; null when computed or given */
    size_t producer;                    /* node index, or GRAPH_NONE */
    bool is_input, is_output;           /* of the model */
    bool decides_shapes;                /* an input: as stoa_value_info has it; set by stoa_graph_finish */
};

struct graph_node {
    const char *name; /* never null or empty: an unnamed node is called after its first output */
    const char *type, *domain;
    struct attributes attributes;
    int opset;
    size_t input_count, output_count; /* trailing absent ones removed */
    const size_t *inputs, *outputs;   /* value indices, or GRAPH_NONE */
    /* Of an If, for true and for false; else null. Behind its one input, the condition, node.inputs has what the
     * branches read of the graph around them (captured), in their order. */
    const struct graph *branches[2];
    const struct op *op; /* set by stoa_graph_finish, as is params */
    const void *params;
};

struct name_table; /* names -> value indices */

struct graph {
    struct arena arena;
    struct graph_value *values;
    size_t value_count, value_capacity;
    struct graph_node *nodes; /* after finish: in an order in which each node comes after those it reads */
    size_t node_count, node_capacity;
    size_t *inputs, *outputs; /* value indices; constants are not inputs even where the file lists them as such */
    size_t input_count, output_count, input_capacity, output_capacity;
    struct name_table *names;
    struct graph *branches, *next;    /* the branches that the graph owns are a list (graph/branch.h) */
    size_t *captured, captured_count; /* a branch's: its values that are those of the same name around it */
    bool training; /* nodes may be of OP_TRAINING_DOMAIN; set before stoa_graph_finish by who makes such graphs */
};

STOA_CHECKED enum stoa_status stoa_graph_init(struct graph *graph, const struct stoa_allocator *allocator,
                                              struct stoa_error *error);
void stoa_graph_deinit(struct graph *graph);

/* *value = the index of the value of that name, made if it is new. */
STOA_CHECKED enum stoa_status stoa_graph_value(struct graph *graph, const char *name, struct stoa_error *error,
                                               size_t *value);
/* Gives the value another name, which no value may have. */
STOA_CHECKED enum stoa_status stoa_graph_rename(struct graph *graph, size_t value, const char *name,
                                                struct stoa_error *error);
/* The index of the value of that name, or GRAPH_NONE. */
size_t stoa_graph_find(const struct graph *graph, const char *name);

/* Makes the value a constant. `tensor` is copied; its data are not, and must live as long as the graph. */
STOA_CHECKED enum stoa_status stoa_graph_set_constant(struct graph *graph, size_t value,
                                                      const struct stoa_tensor *tensor, struct stoa_error *error);
/* Declares a model input or output; its type and shape are set in the value itself. A name twice is an error. */
STOA_CHECKED enum stoa_status stoa_graph_add_input(struct graph *graph, size_t value, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_graph_add_output(struct graph *graph, size_t value, struct stoa_error *error);

/* Adds a node. Strings, attributes (deeply, but for tensor data) and index arrays are copied to the graph's arena; op
 * and params are ignored. */
STOA_CHECKED enum stoa_status stoa_graph_add_node(struct graph *graph, const struct graph_node *node,
                                                  struct stoa_error *error);

/* Checks everything that does not depend on shapes and orders the nodes: operators known (all unknown ones are listed
 * in one message), their inputs and outputs as many as they take, attributes valid, each value produced once, no cycle,
 * every input produced, every graph output there. Constant nodes become constants. */
STOA_CHECKED enum stoa_status stoa_graph_finish(struct graph *graph, struct stoa_error *error);

#endif
