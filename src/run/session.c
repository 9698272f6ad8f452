/* Sessions. Running is one loop over the plan's steps: it allocates, infers and parses nothing. */
#include "run/session.h"

#include <stoa/blas.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"

static enum stoa_status create(struct stoa_session *session, const struct stoa_session_options *options,
                               struct stoa_error *error)
{
    const struct graph *graph = &session->model->graph;
    STOA_TRY(stoa_allocate(&session->allocator, graph->input_count, sizeof *session->inputs, error, &session->inputs));
    STOA_TRY(
        stoa_allocate(&session->allocator, graph->output_count, sizeof *session->outputs, error, &session->outputs));
    STOA_TRY(options->pool ? stoa_pool_adopt(&session->allocator, options->pool, error, &session->pool)
                           : stoa_pool_create(&session->allocator, options->threads, error, &session->pool));

    struct plan_options plan_options = {.inputs = options->inputs,
                                        .input_count = options->input_count,
                                        .lowering = options->lowering,
                                        .tuning = options->tuning,
                                        .accuracy = options->accuracy,
                                        .keep_values = options->keep_values != 0,
                                        .max_bytes = options->max_bytes,
                                        .disabled_passes = options->disabled_passes,
                                        .pool = session->pool};
    STOA_TRY(stoa_plan_create(session->model, &session->allocator, &plan_options, error, &session->plan));
    session->keep_values = options->keep_values != 0;
    if (options->profile) {
        size_t steps = session->plan->step_count, workers = stoa_pool_workers(session->pool);
        STOA_TRY(stoa_allocate(&session->allocator, steps, sizeof *session->times, error, &session->times));
        STOA_TRY(stoa_allocate(&session->allocator, steps, workers * sizeof *session->spans, error, &session->spans));
    }
    for (size_t i = 0; i < graph->input_count; i++)
        session->inputs[i].bound = session->plan->values[graph->inputs[i]].main.tensor.data != NULL; /* fixed */
    for (size_t i = 0; i < graph->output_count; i++) {
        STOA_TRY(stoa_allocate(&session->allocator, 1, stoa_tensor_bytes(&session->plan->outputs[i].tensor), error,
                               &session->outputs[i].own));
        stoa_plan_bind(session->plan, STORAGE_OUTPUT, i, session->outputs[i].own);
    }
    stoa_plan_place(session->plan);
    return STOA_OK;
}

/* Settings of the process that cost speed, which are not ours to change. */
static void log_blas(const struct stoa_log *log, size_t workers)
{
    struct stoa_blas_info blas;
    stoa_blas_describe(&blas);
    if (blas.better_core)
        stoa_log_line(log, "BLAS runs on %s kernels; set OPENBLAS_CORETYPE=%s before the program starts", blas.core,
                      blas.better_core);
    if (blas.threads > 1)
        stoa_log_line(log,
                      "BLAS has %d threads of its own beside the session's %zu; stoa_blas_set_threads(1) is faster",
                      blas.threads, workers);
}

enum stoa_status stoa_session_create(const struct stoa_model *model, const struct stoa_session_options *options,
                                     struct stoa_error *error, struct stoa_session **out)
{
    static const struct stoa_session_options defaults = {0};
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    *out = NULL;
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    if (!options)
        options = &defaults;
    if (options->input_count && !options->inputs)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.inputs is null, input_count is %zu",
                         options->input_count);
    if (options->disabled_passes & ~STOA_PASS_ALL)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.disabled_passes is %#x, which has bits of no pass",
                         options->disabled_passes);
    if ((unsigned)options->lowering >= STOA_LOWERING_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.lowering is %d, which is no lowering",
                         (int)options->lowering);

    if ((unsigned)options->accuracy >= STOA_ACCURACY_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.accuracy is %d, which is none", (int)options->accuracy);

    const struct stoa_allocator *allocator = options->allocator ? options->allocator : &model->allocator;
    struct stoa_session *session;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *session, error, &session));
    session->model = model;
    session->allocator = *allocator;
    enum stoa_status status = create(session, options, error);
    if (status != STOA_OK) {
        stoa_session_free(session);
        return status;
    }
    log_blas(&model->log, stoa_pool_workers(session->pool));
    *out = session;
    return STOA_OK;
}

void stoa_session_free(struct stoa_session *session)
{
    if (!session)
        return;
    struct stoa_allocator allocator = session->allocator;
    stoa_plan_free(session->plan);
    stoa_pool_free(session->pool);
    for (size_t i = 0; session->outputs && i < session->model->graph.output_count; i++)
        stoa_release(&allocator, session->outputs[i].own);
    stoa_release(&allocator, session->inputs);
    stoa_release(&allocator, session->outputs);
    stoa_release(&allocator, session->times);
    stoa_release(&allocator, session->spans);
    stoa_release(&allocator, session);
}

/* The position of `name` among the graph's inputs or outputs. */
static enum stoa_status find_port(const struct stoa_session *session, bool input, const char *name,
                                  struct stoa_error *error, size_t *index)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    const struct graph *graph = &session->model->graph;
    size_t count = input ? graph->input_count : graph->output_count;
    const size_t *values = input ? graph->inputs : graph->outputs;
    for (*index = 0; name && *index < count; ++*index)
        if (strcmp(graph->values[values[*index]].name, name) == 0)
            return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no %s '%s'", input ? "input" : "output",
                     name ? name : "(null)");
}

enum stoa_status stoa_session_input(const struct stoa_session *session, const char *name, struct stoa_error *error,
                                    struct stoa_tensor *tensor)
{
    size_t index;
    STOA_TRY(find_port(session, true, name, error, &index));
    *tensor = session->plan->values[session->model->graph.inputs[index]].main.tensor;
    tensor->data = NULL;
    return STOA_OK;
}

enum stoa_status stoa_session_output(const struct stoa_session *session, const char *name, struct stoa_error *error,
                                     struct stoa_tensor *tensor)
{
    size_t index;
    STOA_TRY(find_port(session, false, name, error, &index));
    *tensor = session->plan->outputs[index].tensor;
    return STOA_OK;
}

enum stoa_status stoa_session_bind_input(struct stoa_session *session, const char *name, const void *data,
                                         struct stoa_error *error)
{
    size_t index;
    STOA_TRY(find_port(session, true, name, error, &index));
    if (!data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': data is null", name);
    const struct plan_tensor *planned = &session->plan->values[session->model->graph.inputs[index]].main;
    if (session->plan->storages[planned->place.storage].kind == STORAGE_CONSTANT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': its value was fixed when the session was created",
                         name);
    stoa_plan_bind(session->plan, STORAGE_INPUT, index, stoa_read_only(data));
    stoa_plan_place(session->plan);
    session->inputs[index].bound = true;
    return STOA_OK;
}

enum stoa_status stoa_session_bind_output(struct stoa_session *session, const char *name, void *data,
                                          struct stoa_error *error)
{
    size_t index;
    STOA_TRY(find_port(session, false, name, error, &index));
    if (!data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "output '%s': data is null", name);
    stoa_plan_bind(session->plan, STORAGE_OUTPUT, index, data);
    stoa_plan_place(session->plan);
    stoa_release(&session->allocator, session->outputs[index].own);
    session->outputs[index].own = NULL;
    return STOA_OK;
}

static enum stoa_status run_step(const struct stoa_session *session, size_t index, struct stoa_error *error)
{
    const struct plan *plan = session->plan;
    const struct op_call *call = &plan->steps[index].call;
    struct op_run run = {.pool = plan->steps[index].serial ? NULL : session->pool,
                         .shared = plan->memory + plan->scratch_place,
                         .worker_stride = stoa_size_round_up(call->worker_scratch, STOA_ALIGNMENT)};
    run.worker_base = (char *)run.shared + stoa_size_round_up(call->shared_scratch, STOA_ALIGNMENT);
    enum stoa_status status = call->op->run(call, &run, error);
    if (status != STOA_OK)
        stoa_error_prefix(error, "node '%s' (%s): ", plan->steps[index].node, plan->steps[index].type);
    return status;
}

static enum stoa_status run_watched(const struct stoa_session *session, size_t index, struct stoa_error *error)
{
    size_t workers = stoa_pool_workers(session->pool);
    struct pool_span *spans = session->spans + index * workers;
    memset(spans, 0, workers * sizeof *spans);
    stoa_pool_watch(session->pool, spans);
    session->times[index].begin = stoa_seconds();
    enum stoa_status status = run_step(session, index, error);
    session->times[index].end = stoa_seconds();
    stoa_pool_watch(session->pool, NULL);
    return status;
}

enum stoa_status stoa_session_run(struct stoa_session *session, struct stoa_error *error)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    const struct graph *graph = &session->model->graph;
    for (size_t i = 0; i < graph->input_count; i++)
        if (!session->inputs[i].bound)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is not bound",
                             graph->values[graph->inputs[i]].name);

    enum stoa_status status = STOA_OK;
    for (size_t s = 0; status == STOA_OK && s < session->plan->step_count; s++)
        status = session->times ? run_watched(session, s, error) : run_step(session, s, error);
    return status;
}

size_t stoa_session_step_count(const struct stoa_session *session)
{
    return session->plan->step_count;
}

enum stoa_status stoa_session_step(const struct stoa_session *session, size_t index, struct stoa_error *error,
                                   struct stoa_step_info *info)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    if (index >= session->plan->step_count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "step %zu, the session has %zu", index, session->plan->step_count);
    const struct plan_step *step = &session->plan->steps[index];
    const struct op_call *call = &step->call;
    *info = (struct stoa_step_info){.node = step->node,
                                    .type = step->type,
                                    .output = &call->outputs[0],
                                    .macs = call->op->macs ? call->op->macs(call) : 0,
                                    .parameter_count = step->parameter_count};
    if (session->times) {
        info->seconds = session->times[index].end - session->times[index].begin;
        info->begin = session->times[index].begin - session->times[0].begin;
    }
    if (call->op->describe)
        call->op->describe(call, sizeof info->how, info->how);
    if (call->op->explain)
        info->choice = call->op->explain(call);
    return STOA_OK;
}

size_t stoa_session_worker_count(const struct stoa_session *session)
{
    return stoa_pool_workers(session->pool);
}

enum stoa_status stoa_session_worker(const struct stoa_session *session, size_t step, size_t worker,
                                     struct stoa_error *error, struct stoa_worker_info *info)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    size_t steps = session->plan->step_count, workers = stoa_pool_workers(session->pool);
    if (step >= steps || worker >= workers)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "step %zu of worker %zu, the session has %zu of %zu", step, worker,
                         steps, workers);
    *info = (struct stoa_worker_info){0};
    const struct pool_span *span = session->spans ? &session->spans[step * workers + worker] : NULL;
    if (span && span->end > 0)
        *info = (struct stoa_worker_info){
            .begin = span->begin - session->times[0].begin, .seconds = span->end - span->begin, .busy = span->busy};
    return STOA_OK;
}

size_t stoa_session_rewrite_count(const struct stoa_session *session)
{
    return session->plan->rewrite_count;
}

enum stoa_status stoa_session_rewrite(const struct stoa_session *session, size_t index, struct stoa_error *error,
                                      struct stoa_rewrite_info *info)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    if (index >= session->plan->rewrite_count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "rewrite %zu, the session has %zu", index,
                         session->plan->rewrite_count);
    const struct plan_rewrite *rewrite = &session->plan->rewrites[index];
    *info = (struct stoa_rewrite_info){.pass = rewrite->pass, .node = rewrite->node, .into = rewrite->into};
    return STOA_OK;
}

void stoa_session_memory(const struct stoa_session *session, struct stoa_memory_info *info)
{
    *info = (struct stoa_memory_info){.weights = session->plan->weights.live + session->plan->arena.bytes,
                                      .activations = session->plan->memory_bytes};
    for (size_t i = 0; i < session->model->graph.output_count; i++)
        if (session->outputs[i].own)
            info->outputs += stoa_tensor_bytes(&session->plan->outputs[i].tensor);
}

enum stoa_status stoa_session_value(const struct stoa_session *session, const char *name, struct stoa_error *error,
                                    struct stoa_tensor *tensor)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    if (!session->keep_values)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the session was not created with keep_values");
    size_t index = name ? stoa_graph_find(&session->model->graph, name) : GRAPH_NONE;
    if (index != GRAPH_NONE && session->plan->values[index].fused)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "value '%s' is inside a step that does the work of several nodes (pass %s, which "
                         "options.disabled_passes can leave out)",
                         name, stoa_pass_name(session->plan->values[index].pass));
    if (index == GRAPH_NONE || !session->plan->values[index].known)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the plan has no value '%s'", name ? name : "(null)");
    const struct plan_value *value = &session->plan->values[index];
    if (value->column_channels)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "value '%s' lies channels-last inside a matrix product that takes it so", name);
    *tensor = value->main.tensor;
    return STOA_OK;
}
