/* Two comparisons that meet in the twin: difference quotients of its loss against its backward pass, both in double;
 * and its backward pass against the engine's, operator by operator (stoa_verify of the training graph). */
#include <stoa/gradient.h>

#include <math.h>
#include <string.h>

#include <stoa/verify.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "reference/reference.h"
#include "train/loss.h"
#include "verify/twin.h"

#define SAMPLES 16
#define TOLERANCE 1e-6
/* Quotients of two steps that differ by so much of the gradient have a kink between them. */
#define KINK 1e-3

struct check {
    const struct stoa_model *model;
    const struct stoa_gradient_options *options;
    struct stoa_allocator allocator;
    struct train_graph *training;
    struct stoa_input_spec *specs; /* of the training graph: the caller's, and the labels' */
    size_t spec_count;
    void **inputs; /* of the training graph, as the engine takes them; null where a spec fixes the value */
    struct reference_tensor *values; /* of the training graph, as the twin takes them */
    size_t loss_end;                 /* behind the node that computes the loss */
    size_t failed;
    struct stoa_gradient_info first; /* that failed */
};

static const struct stoa_session_options no_session;

/* The dims that the model's inputs and scores have at the caller's specs. */
static enum stoa_status measure(struct check *check, struct stoa_error *error, struct stoa_tensor *inputs,
                                struct stoa_tensor *scores)
{
    const struct graph *graph = &check->model->graph;
    struct stoa_session_options options = check->options->session ? *check->options->session : no_session;
    struct stoa_session *session;
    STOA_TRY(stoa_session_create(check->model, &options, error, &session));
    enum stoa_status status = stoa_session_output(session, graph->values[graph->outputs[0]].name, error, scores);
    for (size_t i = 0; status == STOA_OK && i < graph->input_count; i++)
        status = stoa_session_input(session, graph->values[graph->inputs[i]].name, error, &inputs[i]);
    stoa_session_free(session);
    return status;
}

static enum stoa_status add_label_spec(struct check *check, const struct stoa_tensor *scores, struct stoa_error *error)
{
    const struct graph *graph = &check->training->model->graph;
    const struct graph_value *labels = &graph->values[graph->inputs[check->training->labels]];
    const struct stoa_session_options *session = check->options->session ? check->options->session : &no_session;
    if (labels->dtype == STOA_INT64 && scores->rank != 2)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the scores have rank %zu, must be 2 (images, classes)",
                         scores->rank);
    STOA_TRY(stoa_allocate(&check->allocator, session->input_count + 1, sizeof *check->specs, error, &check->specs));
    if (session->input_count)
        memcpy(check->specs, session->inputs, session->input_count * sizeof *check->specs);
    struct stoa_input_spec *spec = &check->specs[session->input_count];
    *spec = (struct stoa_input_spec){.name = labels->name, .rank = labels->dtype == STOA_INT64 ? 1 : scores->rank};
    memcpy(spec->dims, scores->dims, spec->rank * sizeof *spec->dims);
    check->spec_count = session->input_count + 1;
    return STOA_OK;
}

static void fill_labels(enum stoa_loss loss, struct random *random, const struct stoa_tensor *scores, size_t count,
                        void *data)
{
    int64_t *classes = data;
    float *targets = data;
    for (size_t i = 0; i < count; i++)
        if (loss == STOA_LOSS_CROSS_ENTROPY || loss == STOA_LOSS_HINGE)
            classes[i] = stoa_random_int(random, 0, (int64_t)scores->dims[1] - 1);
        else if (loss == STOA_LOSS_BINARY_CROSS_ENTROPY)
            targets[i] = (float)stoa_random_int(random, 0, 16) / 16.0f;
        else
            targets[i] = stoa_random_normal(random);
}

static const struct stoa_input_spec *fixed_spec(const struct check *check, const char *name)
{
    for (size_t s = 0; s < check->spec_count; s++)
        if (check->specs[s].data && strcmp(check->specs[s].name, name) == 0)
            return &check->specs[s];
    return NULL;
}

/* What the engine reads as input `index` of the training graph, of these dims. */
static enum stoa_status make_input(struct check *check, size_t index, struct stoa_tensor *tensor,
                                   const struct stoa_tensor *scores, struct random *random, struct stoa_error *error)
{
    const struct train_graph *training = check->training;
    const struct graph *graph = &training->model->graph;
    const char *name = graph->values[graph->inputs[index]].name;
    const struct stoa_input_spec *fixed = fixed_spec(check, name);
    size_t elements = stoa_tensor_elements(tensor), bytes = stoa_tensor_bytes(tensor);
    if (fixed) {
        tensor->data = stoa_read_only(fixed->data);
        return STOA_OK;
    }
    STOA_TRY(stoa_allocate(&check->allocator, 1, bytes, error, &check->inputs[index]));
    tensor->data = check->inputs[index];
    if (index == training->labels) {
        fill_labels(check->options->loss, random, scores, elements, tensor->data);
    } else if (index < check->model->graph.input_count) {
        if (tensor->dtype != STOA_FLOAT)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is %s: give it a fixed value", name,
                             stoa_dtype_name(tensor->dtype));
        stoa_random_fill(random, elements, tensor->data);
    } else if (index != training->seed) {
        memcpy(tensor->data, check->model->graph.values[graph->inputs[index]].constant->data, bytes);
    }
    return STOA_OK;
}

/* *value = the tensor, whose data may lie at any address, as the twin takes it. */
static enum stoa_status to_twin(const struct check *check, const struct stoa_tensor *tensor, struct stoa_error *error,
                                struct reference_tensor *value)
{
    size_t elements = stoa_tensor_elements(tensor), size = stoa_dtype_size(tensor->dtype);
    *value = (struct reference_tensor){.dtype = tensor->dtype, .rank = tensor->rank};
    memcpy(value->dims, tensor->dims, sizeof value->dims);
    STOA_TRY(stoa_allocate_raw(&check->allocator, elements, sizeof *value->values, error, &value->values));
    for (size_t i = 0; i < elements; i++) {
        double element;
        struct stoa_tensor one = {.dtype = tensor->dtype, .data = &element};
        memcpy(&element, (const char *)tensor->data + i * size, size);
        value->values[i] = stoa_tensor_load(&one, 0);
    }
    return STOA_OK;
}

/* Inputs for the engine, and the same and the constants for the twin. */
static enum stoa_status make_values(struct check *check, const struct stoa_tensor *inputs,
                                    const struct stoa_tensor *scores, struct stoa_error *error)
{
    const struct graph *graph = &check->training->model->graph;
    struct random random = {.state = check->options->seed};
    STOA_TRY(stoa_allocate(&check->allocator, graph->input_count, sizeof *check->inputs, error, &check->inputs));
    STOA_TRY(stoa_allocate(&check->allocator, graph->value_count, sizeof *check->values, error, &check->values));
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        struct stoa_tensor tensor = {.dtype = value->dtype, .rank = value->rank};
        if (i < check->model->graph.input_count) {
            tensor = inputs[i];
        } else if (i == check->training->labels) {
            const struct stoa_input_spec *spec = &check->specs[check->spec_count - 1];
            tensor.rank = spec->rank;
            memcpy(tensor.dims, spec->dims, sizeof spec->dims);
        } else {
            for (size_t d = 0; d < value->rank; d++)
                tensor.dims[d] = (size_t)value->dims[d];
        }
        stoa_tensor_set_plain(&tensor);
        STOA_TRY(make_input(check, i, &tensor, scores, &random, error));
        STOA_TRY(to_twin(check, &tensor, error, &check->values[graph->inputs[i]]));
    }
    for (size_t v = 0; v < graph->value_count; v++)
        if (graph->values[v].constant)
            STOA_TRY(to_twin(check, graph->values[v].constant, error, &check->values[v]));
    return STOA_OK;
}

static size_t first_reader(const struct graph *graph, size_t value, size_t end)
{
    for (size_t n = 0; n < end; n++)
        for (size_t i = 0; i < graph->nodes[n].input_count; i++)
            if (graph->nodes[n].inputs[i] == value)
                return n;
    return end;
}

/* The loss with element `index` of the value moved. */
static enum stoa_status loss_at(struct check *check, size_t value, size_t first, size_t index, double move,
                                struct stoa_error *error, double *loss)
{
    const struct graph *graph = &check->training->model->graph;
    double *element = &check->values[value].values[index], old = *element;
    *element = old + move;
    enum stoa_status status = stoa_twin_run(graph, first, check->loss_end, &check->allocator, error, check->values);
    *loss = check->values[graph->outputs[check->training->loss]].values[0];
    *element = old;
    return status;
}

static double tolerance_of(const struct check *check)
{
    return check->options->tolerance > 0 ? check->options->tolerance : TOLERANCE;
}

/* (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h; the central quotients of h and 2h tell of kinks. */
static enum stoa_status difference(struct check *check, size_t value, size_t first, size_t index, double step,
                                   struct stoa_error *error, double *quotient, double *apart)
{
    double at = fabs(check->values[value].values[index]), h = step * (at > 1 ? at : 1), loss[4];
    static const double moves[4] = {1, -1, 2, -2};
    for (size_t i = 0; i < 4; i++)
        STOA_TRY(loss_at(check, value, first, index, moves[i] * h, error, &loss[i]));
    double near = (loss[0] - loss[1]) / (2 * h), far = (loss[2] - loss[3]) / (4 * h);
    *quotient = near + (near - far) / 3;
    *apart = fabs(near - far);
    return STOA_OK;
}

/* One element, compared. */
struct trial {
    double numeric, worst; /* the relative difference */
    bool kink;
};

/* Where the quotient is another, shorter steps leave out kinks that lie near: one among many units bends the loss so
 * little that only this tells. A gradient that is wrong stays so. */
static enum stoa_status try_element(struct check *check, size_t value, size_t first, size_t index, double analytic,
                                    double largest, struct stoa_error *error, struct trial *trial)
{
    /* For an element of size 1. The quotient's own error is of order step^4, that of its rounding 2^-52 / step. */
    static const double steps[] = {1e-4, 1e-5, 1e-6};
    *trial = (struct trial){.worst = INFINITY};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double numeric, apart;
        STOA_TRY(difference(check, value, first, index, steps[i], error, &numeric, &apart));
        double scale = fmax(largest, fabs(numeric));
        double worst = numeric == analytic ? 0 : fabs(numeric - analytic) / scale;
        trial->kink = apart > KINK * scale;
        if (!trial->kink && !(worst >= trial->worst)) {
            trial->worst = isnan(worst) ? INFINITY : worst;
            trial->numeric = numeric;
        }
        if (!trial->kink && trial->worst <= tolerance_of(check))
            return STOA_OK;
    }
    return STOA_OK;
}

static void judge(struct check *check, struct stoa_gradient_info *info)
{
    info->passed = info->worst <= tolerance_of(check) && 2 * info->kinks <= info->tried;
    if (!info->passed && check->failed++ == 0)
        check->first = *info;
    if (check->options->parameter)
        check->options->parameter(check->options->user, info);
}

/* Fills the info; `analytic` is the twin's own gradient of the value. Leaves what the forward pass made of the last
 * element that was moved. */
static enum stoa_status try_elements(struct check *check, size_t value, size_t first, const double *analytic,
                                     struct stoa_error *error, struct stoa_gradient_info *info)
{
    size_t samples = check->options->samples ? check->options->samples : SAMPLES;
    struct random random = {.state = check->options->seed + value + 1};
    double largest = 0;
    for (size_t i = 0; i < info->elements; i++)
        largest = fmax(largest, fabs(analytic[i]));
    info->tried = stoa_size_min(samples, info->elements);
    for (size_t s = 0; s < info->tried; s++) {
        size_t index = info->elements <= samples ? s : (size_t)stoa_random_int(&random, 0, (int64_t)info->elements - 1);
        struct trial trial;
        STOA_TRY(try_element(check, value, first, index, analytic[index], largest, error, &trial));
        if (trial.kink) {
            info->kinks++;
        } else if (!(trial.worst <= info->worst)) {
            info->worst = trial.worst;
            info->worst_index = index;
            info->numeric = trial.numeric;
            info->analytic = analytic[index];
        }
    }
    return STOA_OK;
}

/* The gradient may be one that the loss makes together with its value, so it is copied before anything moves. */
static enum stoa_status check_value(struct check *check, const char *name, size_t value, size_t gradient_value,
                                    struct stoa_error *error)
{
    const struct graph *graph = &check->training->model->graph;
    const struct reference_tensor *gradient = &check->values[gradient_value];
    struct stoa_gradient_info info = {.name = name, .rank = gradient->rank, .elements = 1};
    memcpy(info.dims, gradient->dims, sizeof info.dims);
    for (size_t d = 0; d < info.rank; d++)
        info.elements *= info.dims[d];
    double *analytic;
    STOA_TRY(stoa_allocate_raw(&check->allocator, info.elements, sizeof *analytic, error, &analytic));
    memcpy(analytic, gradient->values, info.elements * sizeof *analytic);
    size_t first = first_reader(graph, value, check->loss_end);
    enum stoa_status status = try_elements(check, value, first, analytic, error, &info);
    stoa_release(&check->allocator, analytic);
    STOA_TRY(status);
    judge(check, &info);
    return stoa_twin_run(graph, first, check->loss_end, &check->allocator, error, check->values);
}

static enum stoa_status check_twin(struct check *check, struct stoa_error *error)
{
    const struct train_graph *training = check->training;
    const struct graph *graph = &training->model->graph;
    check->loss_end = graph->values[graph->outputs[training->loss]].producer + 1;
    STOA_TRY(stoa_twin_run(graph, 0, graph->node_count, &check->allocator, error, check->values));
    for (size_t p = 0; p < training->parameter_count; p++) {
        const struct train_parameter *parameter = &training->parameters[p];
        if (parameter->output != GRAPH_NONE)
            STOA_TRY(check_value(check, parameter->name, parameter->value, graph->outputs[parameter->output], error));
    }
    for (size_t i = 0; training->input_gradients && i < check->model->graph.input_count; i++)
        if (training->input_gradients[i] != GRAPH_NONE)
            STOA_TRY(check_value(check, graph->values[graph->inputs[i]].name, graph->inputs[i],
                                 graph->outputs[training->input_gradients[i]], error));
    const struct stoa_gradient_info *first = &check->first;
    if (check->failed)
        return stoa_fail(error, STOA_ERROR_MISMATCH,
                         "the gradient of '%s': element %zu is %.9g, the difference quotient %.9g, %.3g apart relative "
                         "to the largest; %zu of %zu elements tried are kinks; %zu gradients diverge, this one first",
                         first->name, first->worst_index, first->analytic, first->numeric, first->worst, first->kinks,
                         first->tried, check->failed);
    return STOA_OK;
}

static enum stoa_status check_engine(const struct check *check, struct stoa_error *error)
{
    struct stoa_session_options session = check->options->session ? *check->options->session : no_session;
    session.inputs = check->specs;
    session.input_count = check->spec_count;
    const void *const *inputs = (const void *const *)check->inputs;
    return stoa_verify(check->training->model, inputs,
                       &(struct stoa_verify_options){.session = &session, .seed = check->options->seed}, error);
}

static enum stoa_status run(struct check *check, struct stoa_tensor *inputs, struct stoa_error *error)
{
    const struct stoa_gradient_options *options = check->options;
    struct attribute attribute;
    struct differentiate_options differentiate = {
        .frozen = options->frozen, .frozen_count = options->frozen_count, .input_gradients = options->inputs != 0};
    struct stoa_tensor scores;
    STOA_TRY(
        stoa_loss_options(options->loss, options->label_smoothing, options->margin, &attribute, error, &differentiate));
    STOA_TRY(measure(check, error, inputs, &scores));
    STOA_TRY(stoa_differentiate(check->model, &differentiate, &check->allocator, error, &check->training));
    STOA_TRY(add_label_spec(check, &scores, error));
    STOA_TRY(make_values(check, inputs, &scores, error));
    STOA_TRY(check_twin(check, error));
    return check_engine(check, error);
}

static void clear(struct check *check)
{
    const struct graph *graph = check->training ? &check->training->model->graph : NULL;
    for (size_t i = 0; check->inputs && i < graph->input_count; i++)
        stoa_release(&check->allocator, check->inputs[i]);
    for (size_t v = 0; check->values && v < graph->value_count; v++)
        stoa_reference_free(&check->allocator, &check->values[v]);
    stoa_release(&check->allocator, check->inputs);
    stoa_release(&check->allocator, check->values);
    stoa_release(&check->allocator, check->specs);
    stoa_train_graph_free(check->training);
}

enum stoa_status stoa_gradient_check(const struct stoa_model *model, const struct stoa_gradient_options *options,
                                     struct stoa_error *error)
{
    static const struct stoa_gradient_options defaults = {0};
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    if (!model->graph.output_count)
        return stoa_fail(error, STOA_ERROR_GRAPH, "the model has no output");
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    if (options && !(options->tolerance >= 0))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.tolerance is %g, must be 0 or more", options->tolerance);
    struct check check = {.model = model, .options = options ? options : &defaults, .allocator = model->allocator};
    struct stoa_tensor *inputs;
    STOA_TRY(stoa_allocate(&check.allocator, model->graph.input_count, sizeof *inputs, error, &inputs));
    enum stoa_status status = run(&check, inputs, error);
    clear(&check);
    stoa_release(&model->allocator, inputs);
    return status;
}
