/* Buffers, and the loop over the plan's steps: it allocates, infers and parses nothing. */
#include <string.h>

#include "base/clock.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "run/session.h"

/* Whether the session has an input or output of that number. */
static enum stoa_status check_port(const struct stoa_session *session, bool input, size_t index,
                                   struct stoa_error *error)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    size_t count = input ? session->model->graph.input_count : session->model->graph.output_count;
    if (index < count)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s %zu does not exist: the model has %zu", input ? "input" : "output",
                     index, count);
}

/* The number of the input or output of that name. */
static enum stoa_status find_port(const struct stoa_session *session, bool input, const char *name,
                                  struct stoa_error *error, size_t *index)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    return input ? stoa_model_find_input(session->model, name, error, index)
                 : stoa_model_find_output(session->model, name, error, index);
}

static const char *input_name(const struct stoa_session *session, size_t index)
{
    return session->model->graph.values[session->model->graph.inputs[index]].name;
}

static enum stoa_status check_alignment(const struct stoa_session *session, bool input, size_t index, const void *data,
                                        struct stoa_error *error)
{
    const struct graph *graph = &session->model->graph;
    size_t v = input ? graph->inputs[index] : graph->outputs[index];
    struct stoa_tensor tensor = input ? session->plan->values[v].main.tensor : session->plan->outputs[index].tensor;
    tensor.data = stoa_read_only(data);
    if (stoa_tensor_is_aligned(&tensor))
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s '%s': data are not aligned as %s", input ? "input" : "output",
                     graph->values[v].name, stoa_dtype_name(tensor.dtype));
}

enum stoa_status stoa_session_input_at(const struct stoa_session *session, size_t index, struct stoa_error *error,
                                       struct stoa_tensor *tensor)
{
    STOA_TRY(check_port(session, true, index, error));
    if (!tensor)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "tensor is null");
    *tensor = session->plan->values[session->model->graph.inputs[index]].main.tensor;
    tensor->data = NULL;
    return STOA_OK;
}

enum stoa_status stoa_session_input(const struct stoa_session *session, const char *name, struct stoa_error *error,
                                    struct stoa_tensor *tensor)
{
    size_t index;
    STOA_TRY(find_port(session, true, name, error, &index));
    return stoa_session_input_at(session, index, error, tensor);
}

enum stoa_status stoa_session_output_at(const struct stoa_session *session, size_t index, struct stoa_error *error,
                                        struct stoa_tensor *tensor)
{
    STOA_TRY(check_port(session, false, index, error));
    if (!tensor)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "tensor is null");
    const struct session_port *port = &session->outputs[index];
    *tensor = session->plan->outputs[index].tensor;
    tensor->data = port->bound ? port->bound : port->own;
    return STOA_OK;
}

enum stoa_status stoa_session_output(const struct stoa_session *session, const char *name, struct stoa_error *error,
                                     struct stoa_tensor *tensor)
{
    size_t index;
    STOA_TRY(find_port(session, false, name, error, &index));
    return stoa_session_output_at(session, index, error, tensor);
}

enum stoa_status stoa_session_bind_input_at(struct stoa_session *session, size_t index, const void *data,
                                            struct stoa_error *error)
{
    STOA_TRY(check_port(session, true, index, error));
    if (!data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': data is null", input_name(session, index));
    if (session->inputs[index].fixed)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': its value was fixed when the session was created",
                         input_name(session, index));
    STOA_TRY(check_alignment(session, true, index, data, error));
    session->inputs[index].bound = stoa_read_only(data);
    session->settled = false;
    return STOA_OK;
}

enum stoa_status stoa_session_bind_input(struct stoa_session *session, const char *name, const void *data,
                                         struct stoa_error *error)
{
    size_t index;
    STOA_TRY(find_port(session, true, name, error, &index));
    return stoa_session_bind_input_at(session, index, data, error);
}

enum stoa_status stoa_session_bind_output_at(struct stoa_session *session, size_t index, void *data,
                                             struct stoa_error *error)
{
    STOA_TRY(check_port(session, false, index, error));
    struct session_port *port = &session->outputs[index];
    if (!data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "output '%s': data is null",
                         session->model->graph.values[session->model->graph.outputs[index]].name);
    STOA_TRY(check_alignment(session, false, index, data, error));
    port->bound = data;
    stoa_release(&session->budget.interface, port->own);
    port->own = NULL;
    port->bytes = 0;
    session->settled = false;
    return STOA_OK;
}

enum stoa_status stoa_session_bind_output(struct stoa_session *session, const char *name, void *data,
                                          struct stoa_error *error)
{
    size_t index;
    STOA_TRY(find_port(session, false, name, error, &index));
    return stoa_session_bind_output_at(session, index, data, error);
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

/* Who runs the session asks between steps, so a step under way is finished. */
static enum stoa_status check_cancelled(struct stoa_session *session, size_t done, struct stoa_error *error)
{
    size_t steps = session->plan->step_count;
    bool refused = session->progress && done > 0 && done < steps && session->progress(session->user, done, steps);
    if (!atomic_load_explicit(&session->cancelled, memory_order_relaxed) && !refused)
        return STOA_OK;
    atomic_store(&session->cancelled, false);
    return stoa_fail(error, STOA_ERROR_CANCELLED, "the run was cancelled after %zu of %zu steps", done, steps);
}

void stoa_session_cancel(struct stoa_session *session)
{
    if (session)
        atomic_store(&session->cancelled, true);
}

enum stoa_status stoa_session_run(struct stoa_session *session, struct stoa_error *error)
{
    if (!session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "session is null");
    for (size_t i = 0; i < session->model->graph.input_count; i++)
        if (!session->inputs[i].bound && !session->inputs[i].fixed)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is not bound", input_name(session, i));
    STOA_TRY(stoa_session_settle(session, error));

    enum stoa_status status = check_cancelled(session, 0, error);
    for (size_t s = 0; status == STOA_OK && s < session->plan->step_count; s++) {
        status = session->times ? run_watched(session, s, error) : run_step(session, s, error);
        if (status == STOA_OK && s + 1 < session->plan->step_count)
            status = check_cancelled(session, s + 1, error);
    }
    session->ran |= status == STOA_OK;
    return status;
}
