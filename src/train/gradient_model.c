/* A model that computes the gradient of a value of another: its nodes as they are in inference, and behind them the
 * backward pass, from a gradient that the caller gives on. */
#include <stoa/gradient.h>

#include <string.h>

#include "base/reserved.h"
#include "base/status.h"
#include "train/differentiation.h"

/* The computed value of that name. */
static enum stoa_status find_value(const struct graph *graph, const char *field, const char *name, bool computed,
                                   struct stoa_error *error, size_t *value)
{
    if (!name)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", field);
    *value = stoa_graph_find(graph, name);
    if (*value == GRAPH_NONE)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: the model has no value '%.200s'", field, name);
    if (graph->values[*value].producer == GRAPH_NONE && (computed || !graph->values[*value].is_input))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: no node computes '%.200s'", field, name);
    return STOA_OK;
}

/* What varies to begin with: the values whose gradients are asked for. */
static enum stoa_status mark(struct differentiation *d, const struct stoa_gradient_model_options *options,
                             struct stoa_error *error)
{
    for (size_t i = 0; i < options->of_count; i++) {
        size_t value = GRAPH_NONE;
        STOA_TRY(find_value(d->forward, "of", options->of[i], false, error, &value));
        if (d->varies[value])
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "of: '%.200s' is there twice", options->of[i]);
        d->varies[value] = true;
    }
    return STOA_OK;
}

static enum stoa_status add_outputs(struct differentiation *d, const struct stoa_gradient_model_options *options,
                                    struct stoa_error *error)
{
    for (size_t i = 0; i < options->of_count; i++) {
        size_t gradient = d->gradients[stoa_graph_find(d->forward, options->of[i])];
        if (gradient == GRAPH_NONE)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "of: '%.200s' does not depend on '%.200s'",
                             d->forward->values[d->scores].name, options->of[i]);
        STOA_TRY(stoa_graph_add_output(d->graph, gradient, error));
    }
    for (size_t i = 0; i < options->of_count; i++) {
        size_t value = stoa_graph_find(d->forward, options->of[i]);
        if (d->forward->values[value].producer != GRAPH_NONE)
            STOA_TRY(stoa_graph_add_output(d->graph, value, error));
    }
    return STOA_OK;
}

static enum stoa_status differentiate(struct differentiation *d, const struct stoa_gradient_model_options *options,
                                      struct stoa_error *error)
{
    STOA_TRY(stoa_differentiation_begin(d, error));
    stoa_differentiation_roles(d);
    STOA_TRY(mark(d, options, error));
    if (d->varies[d->scores])
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "of: '%.200s' is the value itself",
                         d->forward->values[d->scores].name);
    for (size_t n = 0; n < d->forward->node_count; n++)
        STOA_TRY(stoa_differentiation_at(&d->forward->nodes[n], stoa_differentiation_operator(d, n, error), error));
    STOA_TRY(stoa_differentiation_copy(d, error));
    STOA_TRY(stoa_graph_add_output(d->graph, d->scores, error));
    if (options->of_count) {
        size_t *gradient = &d->gradients[d->scores];
        STOA_TRY(stoa_differentiation_value(d, "gradient of", d->forward->values[d->scores].name, error, gradient));
        d->graph->values[*gradient].dtype = STOA_FLOAT;
        STOA_TRY(stoa_graph_add_input(d->graph, *gradient, error));
    }
    STOA_TRY(stoa_differentiation_back(d, error));
    STOA_TRY(add_outputs(d, options, error));
    return stoa_graph_finish(d->graph, error);
}

/* Instead of gradients, in a deconvolutional network. */
static const struct op_gradient rectified = {"Relu", 1, {{OP_GRADIENT, 0}}, 1, {0}};
static const struct op_gradient passed = {"Identity", 1, {{OP_GRADIENT, 0}}, 1, {0}};
static const struct {
    const char *type;
    const struct op_gradient *rule;
} deconvolution[] = {{"Relu", &rectified},      {"LeakyRelu", &rectified}, {"PRelu", &rectified},
                     {"Clip", &rectified},      {"Elu", &rectified},       {"Celu", &rectified},
                     {"Selu", &rectified},      {"Softplus", &rectified},  {"ThresholdedRelu", &rectified},
                     {"HardSwish", &rectified}, {"LRN", &passed}};

static const struct op_gradient *deconvolution_rules(const struct op *op, size_t *count)
{
    for (size_t i = 0; i < sizeof deconvolution / sizeof *deconvolution; i++)
        if (strcmp(op->type, deconvolution[i].type) == 0) {
            *count = 1;
            return deconvolution[i].rule;
        }
    return NULL;
}

static enum stoa_status create(const struct stoa_model *model, const struct stoa_gradient_model_options *options,
                               struct stoa_error *error, struct stoa_model *made)
{
    static const char *const all = "*";
    const struct differentiate_options inference = {
        .frozen = &all,
        .frozen_count = 1,
        .inference = true,
        .rules = options->deconvolution ? deconvolution_rules : NULL,
    };
    struct differentiation d = {
        .forward = &model->graph, .options = &inference, .graph = &made->graph, .seed = GRAPH_NONE};
    if (options->value)
        STOA_TRY(find_value(d.forward, "value", options->value, true, error, &d.scores));
    else
        d.scores = stoa_differentiation_scores(d.forward, "SoftmaxCrossEntropy");
    STOA_TRY(stoa_graph_init(d.graph, &model->allocator, error));
    d.graph->training = true;
    struct train_graph result = {.allocator = model->allocator};
    d.result = &result;
    enum stoa_status status = differentiate(&d, options, error);
    stoa_differentiation_end(&d);
    return status;
}

enum stoa_status stoa_gradient_model(const struct stoa_model *model, const struct stoa_gradient_model_options *options,
                                     struct stoa_error *error, struct stoa_model **gradient)
{
    static const struct stoa_gradient_model_options defaults = {0};
    struct stoa_model *made;
    if (!gradient)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "gradient is null");
    *gradient = NULL;
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    if (!model->graph.output_count)
        return stoa_fail(error, STOA_ERROR_GRAPH, "the model has no output");
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    options = options ? options : &defaults;
    if (options->of_count && !options->of)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "of is null, its count is %zu", options->of_count);
    STOA_TRY(stoa_allocate(&model->allocator, 1, sizeof *made, error, &made));
    made->allocator = model->allocator;
    made->log = model->log;
    enum stoa_status status = create(model, options, error, made);
    if (status == STOA_OK)
        *gradient = made;
    else
        stoa_model_free(made);
    return status;
}
