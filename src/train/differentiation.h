/* Inside differentiate: the work under way, and its stages. */
#ifndef STOA_TRAIN_DIFFERENTIATION_H
#define STOA_TRAIN_DIFFERENTIATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "graph/graph.h"
#include "train/differentiate.h"

#define DIFFERENTIATION_OPSET 13        /* of the nodes that are added */
#define DIFFERENTIATION_MOST_VALUES 512 /* inputs or outputs of a node of a training graph */

enum role { ROLE_NONE, ROLE_PARAMETER, ROLE_STATISTIC };

struct differentiation {
    const struct graph *forward;
    const struct differentiate_options *options;
    struct train_graph *result;
    struct graph *graph;
    size_t scores; /* what the loss reads */
    /* For each value of the model. */
    bool *reached; /* the scores depend on it */
    bool *varies;  /* it depends on a parameter, or its gradient is wanted */
    unsigned char *roles;
    size_t *gradients; /* a value of the training graph, or GRAPH_NONE */
    /* For each node of the model, which has the same index in the training graph. */
    const struct op **ops;
    size_t seed; /* value, once there is one */
};

/* roles.c: the scores, or what a function that is part of the loss makes them of. */
size_t stoa_differentiation_scores(const struct graph *graph, const char *loss);
/* A pattern that matches no constant is a mistake, which would train what was meant to stay. */
STOA_CHECKED enum stoa_status stoa_differentiation_frozen(const struct differentiation *d, struct stoa_error *error);
/* What is reached, the parameters, and what varies to begin with. */
void stoa_differentiation_roles(struct differentiation *d);
/* Node n's operator while training, and what varies because of it; nodes in their order. */
STOA_CHECKED enum stoa_status stoa_differentiation_operator(struct differentiation *d, size_t n,
                                                            struct stoa_error *error);
/* backward.c: the backward pass, from the gradient of the scores on. */
STOA_CHECKED enum stoa_status stoa_differentiation_back(struct differentiation *d, struct stoa_error *error);

/* differentiate.c: the arrays, and the graph with the model's values and nodes; whatever comes after, also a failure of
 * begin: end. */
STOA_CHECKED enum stoa_status stoa_differentiation_begin(struct differentiation *d, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_differentiation_copy(struct differentiation *d, struct stoa_error *error);
void stoa_differentiation_end(struct differentiation *d);

/* differentiate.c: *value = a new value called "<what> <of>", or something like it where that is taken. */
STOA_CHECKED enum stoa_status stoa_differentiation_value(struct differentiation *d, const char *what, const char *of,
                                                         struct stoa_error *error, size_t *value);
/* Puts the node in front of a failure's message. */
STOA_CHECKED enum stoa_status stoa_differentiation_at(const struct graph_node *node, enum stoa_status status,
                                                      struct stoa_error *error);

#endif
