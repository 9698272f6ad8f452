/* Making a trainer: the differentiated graph, its buffers, a session bound to them once and for all. */
#include <string.h>

#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "plan/plan.h"
#include "train/loss.h"
#include "train/trainer.h"

/* Elements that one cache line holds: arrays begin on one. */
#define LINE (STOA_ALIGNMENT / sizeof(float))

static const char *input_name(const struct train_graph *graph, size_t input)
{
    const struct graph *whole = &graph->model->graph;
    return whole->values[whole->inputs[input]].name;
}

static const char *output_name(const struct train_graph *graph, size_t output)
{
    const struct graph *whole = &graph->model->graph;
    return whole->values[whole->outputs[output]].name;
}

static void run_shared(void *user, size_t count, void (*task)(void *context, size_t i, size_t worker), void *context)
{
    stoa_pool_run(user, count, task, context);
}

static enum stoa_status make_pool(struct stoa_trainer *trainer, struct stoa_error *error)
{
    const struct stoa_trainer_options *options = &trainer->options;
    STOA_TRY(options->pool ? stoa_pool_adopt(&trainer->allocator, options->pool, error, &trainer->pool)
                           : stoa_pool_create(&trainer->allocator, options->threads, error, &trainer->pool));
    trainer->shared = (struct stoa_pool){
        .parallel_for = run_shared, .workers = stoa_pool_workers(trainer->pool), .user = trainer->pool};
    return STOA_OK;
}

static enum stoa_status differentiate(struct stoa_trainer *trainer, struct stoa_error *error)
{
    const struct stoa_trainer_options *options = &trainer->options;
    struct attribute attribute;
    struct differentiate_options given = {.frozen = options->frozen, .frozen_count = options->frozen_count};
    STOA_TRY(stoa_loss_options(options->loss, options->label_smoothing, options->margin, &attribute, error, &given));
    trainer->class_labels = given.class_labels;
    return stoa_differentiate(trainer->model, &given, &trainer->allocator, error, &trainer->graph);
}

/* Gives the tensor its place behind those before it. */
static enum stoa_status place_tensor(struct stoa_trainer *trainer, struct trainer_tensor *tensor,
                                     struct stoa_error *error)
{
    struct stoa_tensor measured = {.dtype = STOA_FLOAT, .rank = tensor->rank};
    memcpy(measured.dims, tensor->dims, sizeof measured.dims);
    STOA_TRY(stoa_tensor_measure(&measured, error, &tensor->count, NULL));
    tensor->offset = trainer->value_count;
    size_t end;
    if (!stoa_size_add(tensor->offset, tensor->count, &end) || end > SIZE_MAX / sizeof(float) - LINE)
        return stoa_fail(error, STOA_ERROR_LIMIT, "parameter '%.100s': too many parameters in all", tensor->name);
    trainer->value_count = stoa_size_round_up(end, LINE);
    return STOA_OK;
}

static void list_tensors(struct stoa_trainer *trainer)
{
    const struct train_graph *graph = trainer->graph;
    for (size_t i = 0; i < trainer->tensor_count; i++) {
        const struct train_parameter *given = stoa_trainer_given(trainer, i);
        struct trainer_tensor *tensor = &trainer->tensors[i];
        *tensor = (struct trainer_tensor){.name = given->name,
                                          .rank = given->tensor->rank,
                                          .trained = i < graph->parameter_count && given->output != GRAPH_NONE};
        memcpy(tensor->dims, given->tensor->dims, sizeof tensor->dims);
    }
}

/* What is trained, then statistics, then parameters that no gradient reaches. */
static enum stoa_status place_tensors(struct stoa_trainer *trainer, struct stoa_error *error)
{
    for (size_t i = 0; i < trainer->parameter_count; i++)
        if (trainer->tensors[i].trained)
            STOA_TRY(place_tensor(trainer, &trainer->tensors[i], error));
    trainer->trained_count = trainer->value_count;
    for (size_t i = trainer->parameter_count; i < trainer->tensor_count; i++)
        STOA_TRY(place_tensor(trainer, &trainer->tensors[i], error));
    for (size_t i = 0; i < trainer->parameter_count; i++)
        if (!trainer->tensors[i].trained)
            STOA_TRY(place_tensor(trainer, &trainer->tensors[i], error));
    return STOA_OK;
}

static enum stoa_status make_tensors(struct stoa_trainer *trainer, struct stoa_error *error)
{
    const struct train_graph *graph = trainer->graph;
    trainer->parameter_count = graph->parameter_count;
    trainer->tensor_count = graph->parameter_count + graph->statistic_count;
    STOA_TRY(
        stoa_allocate(&trainer->allocator, trainer->tensor_count, sizeof *trainer->tensors, error, &trainer->tensors));
    list_tensors(trainer);
    return place_tensors(trainer, error);
}

static enum stoa_status make_buffers(struct stoa_trainer *trainer, struct stoa_error *error)
{
    const struct stoa_allocator *allocator = &trainer->allocator;
    size_t trained = trainer->trained_count;
    STOA_TRY(stoa_allocate(allocator, trainer->value_count, sizeof(float), error, &trainer->values));
    STOA_TRY(stoa_allocate(allocator, trained, sizeof(float), error, &trainer->gradient));
    STOA_TRY(stoa_allocate(allocator, trainer->value_count - trained, sizeof(float), error, &trainer->updates));
    for (size_t i = 0; i < stoa_optimiser_states(&trainer->options); i++)
        STOA_TRY(stoa_allocate(allocator, trained, sizeof(float), error, &trainer->states[i]));
    if (trainer->options.accumulate > 1)
        STOA_TRY(stoa_allocate(allocator, trained, sizeof(float), error, &trainer->sum));
    for (size_t i = 0; i < trainer->tensor_count; i++)
        memcpy(trainer->values + trainer->tensors[i].offset, stoa_trainer_given(trainer, i)->tensor->data,
               trainer->tensors[i].count * sizeof(float));
    return STOA_OK;
}

static enum stoa_status make_optimiser(struct stoa_trainer *trainer, struct stoa_error *error)
{
    struct optimised *trained;
    STOA_TRY(stoa_allocate(&trainer->allocator, trainer->parameter_count, sizeof *trained, error, &trained));
    size_t count = 0;
    for (size_t i = 0; i < trainer->parameter_count; i++) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        if (tensor->trained)
            trained[count++] = (struct optimised){.offset = tensor->offset,
                                                  .count = tensor->count,
                                                  .decays = trainer->options.decay_all || tensor->rank > 1};
    }
    enum stoa_status status =
        stoa_optimiser_init(&trainer->optimiser, &trainer->options, count, trained, &trainer->allocator, error);
    stoa_release(&trainer->allocator, trained);
    return status;
}

/* A copy of the caller's spec of an input with a fixed value, which is copied as well. */
static enum stoa_status keep_fixed(struct stoa_trainer *trainer, const struct stoa_input_spec *given,
                                   const struct graph_value *input, struct stoa_error *error)
{
    struct stoa_tensor value = {0};
    void *copy;
    STOA_TRY(stoa_plan_input(input, given, error, &value));
    size_t bytes = stoa_tensor_bytes(&value);
    STOA_TRY(stoa_arena_allocate(&trainer->arena, bytes, 1, error, &copy));
    memcpy(copy, given->data, bytes);
    struct stoa_input_spec *spec = &trainer->specs[trainer->spec_count++];
    *spec = *given;
    spec->name = input->name;
    spec->data = copy;
    return STOA_OK;
}

/* The input that is fed: as the caller says, or as the model says with the batch size for an open first dimension. */
static enum stoa_status keep_fed(struct stoa_trainer *trainer, const struct stoa_input_spec *given,
                                 const struct graph_value *input, const struct stoa_value_info *info,
                                 struct stoa_error *error)
{
    struct stoa_tensor checked = {0};
    struct stoa_input_spec *spec = &trainer->specs[trainer->spec_count++];
    if (trainer->x_name)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "inputs '%.100s' and '%.100s': only one can be fed, others need a value in options.inputs",
                         trainer->x_name, info->name);
    trainer->x_name = info->name;
    if (given)
        *spec = *given;
    spec->name = info->name;
    if (spec->rank == 0) {
        if (!info->has_shape || info->rank == 0)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%.100s': options.inputs must give its dims",
                             info->name);
        spec->rank = info->rank;
        for (size_t d = 0; d < info->rank; d++)
            spec->dims[d] = info->dims[d] >= 0 ? (size_t)info->dims[d] : d == 0 ? trainer->options.batch : 0;
    }
    STOA_TRY(stoa_plan_input(input, spec, error, &checked));
    for (size_t d = 0; d < spec->rank; d++)
        if (spec->dims[d] == 0)
            return stoa_fail(error, STOA_ERROR_ARGUMENT,
                             "input '%.100s': dimension %zu is 0 or open, options.inputs "
                             "must give it",
                             info->name, d);
    trainer->batch = spec->dims[0];
    return STOA_OK;
}

/* What the model's inputs are like, with room for one more. */
static enum stoa_status list_inputs(struct stoa_trainer *trainer, struct stoa_error *error)
{
    const struct stoa_trainer_options *options = &trainer->options;
    size_t count = stoa_model_input_count(trainer->model);
    const struct graph *graph = &trainer->model->graph;
    STOA_TRY(stoa_plan_check_specs(graph, options->inputs, options->input_count, error));
    STOA_TRY(stoa_arena_allocate(&trainer->arena, count + 1, sizeof *trainer->specs, error, &trainer->specs));
    for (size_t i = 0; i < count; i++) {
        struct stoa_value_info info;
        STOA_TRY(stoa_model_input(trainer->model, i, error, &info));
        const struct stoa_input_spec *given = stoa_plan_find_spec(options->inputs, options->input_count, info.name);
        const struct graph_value *input = &graph->values[graph->inputs[i]];
        STOA_TRY(given && given->data ? keep_fixed(trainer, given, input, error)
                                      : keep_fed(trainer, given, input, &info, error));
    }
    if (!trainer->x_name)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no input that could be fed");
    return STOA_OK;
}

/* The scores' dims, from a session of the model itself: that costs a plan, but only once. */
static enum stoa_status measure_scores(struct stoa_trainer *trainer, const struct stoa_session_options *options,
                                       struct stoa_error *error, struct stoa_tensor *scores)
{
    struct stoa_session *session;
    STOA_TRY(stoa_session_create(trainer->model, options, error, &session));
    struct stoa_value_info info;
    enum stoa_status status = stoa_model_output(trainer->model, 0, error, &info);
    if (status == STOA_OK)
        status = stoa_session_output(session, info.name, error, scores);
    stoa_session_free(session);
    return status;
}

static enum stoa_status bind_all(const struct stoa_trainer *trainer, struct stoa_session *session,
                                 struct stoa_error *error)
{
    const struct train_graph *graph = trainer->graph;
    for (size_t i = 0; i < trainer->tensor_count; i++)
        STOA_TRY(stoa_session_bind_input(session, input_name(graph, stoa_trainer_given(trainer, i)->input),
                                         trainer->values + trainer->tensors[i].offset, error));
    if (graph->seed != GRAPH_NONE)
        STOA_TRY(stoa_session_bind_input(session, input_name(graph, graph->seed), trainer->generator, error));
    return STOA_OK;
}

enum stoa_status stoa_trainer_open(struct stoa_trainer *trainer, const struct stoa_session_options *options,
                                   const void *x, const void *labels, struct stoa_error *error,
                                   struct stoa_session **out)
{
    struct stoa_session *session;
    STOA_TRY(stoa_session_create(trainer->graph->model, options, error, &session));
    enum stoa_status status = bind_all(trainer, session, error);
    if (status == STOA_OK && x)
        status = stoa_session_bind_input(session, trainer->x_name, x, error);
    if (status == STOA_OK && labels)
        status = stoa_session_bind_input(session, trainer->labels_name, labels, error);
    if (status == STOA_OK)
        *out = session;
    else
        stoa_session_free(session);
    return status;
}

/* Gradients and new statistics go straight into our buffers. */
static enum stoa_status bind_results(struct stoa_trainer *trainer, struct stoa_error *error)
{
    const struct train_graph *graph = trainer->graph;
    for (size_t i = 0; i < trainer->tensor_count; i++) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        size_t output = stoa_trainer_given(trainer, i)->output;
        if (output == GRAPH_NONE)
            continue;
        STOA_TRY(stoa_session_bind_output(trainer->session, output_name(graph, output),
                                          i >= graph->parameter_count ? stoa_trainer_update(trainer, tensor)
                                                                      : trainer->gradient + tensor->offset,
                                          error));
    }
    struct stoa_tensor loss, scores;
    char text[STOA_DIMS_TEXT];
    STOA_TRY(stoa_session_output(trainer->session, output_name(graph, graph->loss), error, &loss));
    STOA_TRY(stoa_session_output(trainer->session, output_name(graph, graph->scores), error, &scores));
    trainer->loss = loss.data;
    trainer->scores = scores.data;
    if (scores.dtype != STOA_FLOAT || scores.rank < 1 || scores.dims[0] != trainer->batch)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the scores are %s %s, must be float [%zu,K]",
                         stoa_dtype_name(scores.dtype), stoa_dims_text(scores.rank, scores.dims, text), trainer->batch);
    trainer->classes = stoa_tensor_elements(&scores) / trainer->batch;
    return STOA_OK;
}

/* The labels' dims depend on the loss. */
static enum stoa_status add_labels(struct stoa_trainer *trainer, const struct stoa_session_options *options,
                                   struct stoa_error *error)
{
    trainer->labels_name = input_name(trainer->graph, trainer->graph->labels);
    struct stoa_input_spec labels = {.name = trainer->labels_name, .rank = 1, .dims = {trainer->batch}};
    if (!trainer->class_labels) {
        struct stoa_tensor scores;
        STOA_TRY(measure_scores(trainer, options, error, &scores));
        labels.rank = scores.rank;
        memcpy(labels.dims, scores.dims, sizeof labels.dims);
    }
    trainer->specs[trainer->spec_count++] = labels;
    return STOA_OK;
}

static enum stoa_status make_session(struct stoa_trainer *trainer, struct stoa_error *error)
{
    STOA_TRY(list_inputs(trainer, error));
    struct stoa_session_options options = {.pool = &trainer->shared,
                                           .accuracy = trainer->options.accuracy,
                                           .tuning = trainer->options.tuning,
                                           .inputs = trainer->specs,
                                           .input_count = trainer->spec_count,
                                           .profile = trainer->options.profile,
                                           .allocator = &trainer->allocator};
    STOA_TRY(add_labels(trainer, &options, error));
    options.input_count = trainer->spec_count;
    STOA_TRY(stoa_trainer_open(trainer, &options, NULL, NULL, error, &trainer->session));
    return bind_results(trainer, error);
}

static enum stoa_status create(struct stoa_trainer *trainer, struct stoa_error *error)
{
    STOA_TRY(make_pool(trainer, error));
    STOA_TRY(differentiate(trainer, error));
    STOA_TRY(make_tensors(trainer, error));
    STOA_TRY(make_buffers(trainer, error));
    STOA_TRY(make_optimiser(trainer, error));
    return make_session(trainer, error);
}

enum stoa_status stoa_trainer_create(const struct stoa_model *model, const struct stoa_trainer_options *options,
                                     struct stoa_error *error, struct stoa_trainer **out)
{
    static const struct stoa_trainer_options defaults = {0};
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "trainer is null");
    *out = NULL;
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    if (!options)
        options = &defaults;
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    if ((options->input_count && !options->inputs) || (options->frozen_count && !options->frozen))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.%s is null, its count is not 0",
                         options->input_count && !options->inputs ? "inputs" : "frozen");

    const struct stoa_allocator *allocator = options->allocator ? options->allocator : &model->allocator;
    struct stoa_trainer_options complete;
    STOA_TRY(stoa_optimiser_options(options, error, &complete));
    struct stoa_trainer *trainer;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *trainer, error, &trainer));
    trainer->allocator = *allocator;
    trainer->model = model;
    trainer->options = complete;
    trainer->state.seed = options->seed;
    stoa_arena_init(&trainer->arena, &trainer->allocator);
    enum stoa_status status = create(trainer, error);
    if (status != STOA_OK) {
        stoa_trainer_free(trainer);
        return status;
    }
    /* What was the caller's. */
    trainer->options.inputs = NULL;
    trainer->options.frozen = NULL;
    trainer->options.pool = NULL;
    trainer->options.tuning = NULL;
    trainer->options.allocator = NULL;
    *out = trainer;
    return STOA_OK;
}

void stoa_trainer_free(struct stoa_trainer *trainer)
{
    if (!trainer)
        return;
    struct stoa_allocator allocator = trainer->allocator;
    stoa_session_free(trainer->session);
    stoa_train_graph_free(trainer->graph);
    stoa_pool_free(trainer->pool);
    stoa_optimiser_deinit(&trainer->optimiser, &allocator);
    void *const blocks[] = {trainer->tensors,   trainer->values, trainer->gradient, trainer->states[0],
                            trainer->states[1], trainer->sum,    trainer->updates,  trainer->best};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        stoa_release(&allocator, blocks[i]);
    stoa_arena_deinit(&trainer->arena);
    stoa_release(&allocator, trainer);
}
