/* From a model to the graph that trains it: the same nodes, a loss behind them, and the backward pass (reverse-mode
 * differentiation, Linnainmaa 1970) as more nodes. Planning and running it is what planning and running any model is.
 *
 *   inputs   the model's own, the labels, the parameters, running statistics, the seed of what is random
 *   outputs  the loss, the scores, a gradient for each parameter, the new running statistics */
#ifndef STOA_TRAIN_DIFFERENTIATE_H
#define STOA_TRAIN_DIFFERENTIATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "graph/model.h"

struct differentiate_options {
    const char *loss; /* an operator of the training table: scores, labels -> loss, gradient of the scores */
    struct attributes loss_attributes;
    bool class_labels;         /* the labels are int64 [N]; else floats of the scores' dims */
    const char *const *frozen; /* patterns (fnmatch) of the names of parameters that stay constants */
    size_t frozen_count;
    bool input_gradients; /* of the model's float inputs, too */
    bool inference;       /* nothing is trained: operators do what they do in inference */
    /* May be null. The rules in place of the operator's own, with regard to the same inputs, and how many; null, and
     * *count as it was, where its own hold. Backward operators that the training table does not have are of the default
     * domain at opset 13, without attributes. */
    const struct op_gradient *(*rules)(const struct op *op, size_t *count);
};

/* A constant of the model that changes. Strings live as the model, values as its weights: plain, maybe not aligned. */
struct train_parameter {
    const char *name;
    size_t value;                     /* of the model's graph and of the training graph alike */
    const struct stoa_tensor *tensor; /* dims and the values to begin with */
    size_t input;                     /* of the training graph */
    /* Output of the training graph: the gradient, or for running statistics what replaces them after the step.
     * GRAPH_NONE where the loss does not depend on it. */
    size_t output;
};

struct train_graph {
    struct stoa_allocator allocator;
    struct stoa_model *model; /* its values begin with the original's, under the same indices */
    struct train_parameter *parameters, *statistics;
    size_t parameter_count, statistic_count;
    size_t *input_gradients; /* outputs, parallel to the original's inputs, with options.input_gradients; else null */
    size_t labels, seed;     /* inputs; seed GRAPH_NONE where nothing is random */
    size_t loss, scores;     /* outputs */
};

/* The model, whose first output are the scores, is borrowed and must outlive the result. A Softmax (Sigmoid) that makes
 * the scores is left to a loss that has it within. Parameters are the constants that operators declare (op.parameters)
 * and those added to a MatMul, if the loss depends on them. Norms all of whose parameters are frozen keep their
 * statistics. UNSUPPORTED, with the node's name, where no gradient passes. */
STOA_CHECKED enum stoa_status stoa_differentiate(const struct stoa_model *model,
                                                 const struct differentiate_options *options,
                                                 const struct stoa_allocator *allocator, struct stoa_error *error,
                                                 struct train_graph **result);
/* Null is fine. */
void stoa_train_graph_free(struct train_graph *graph);

#endif
