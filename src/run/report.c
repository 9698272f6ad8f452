/* What a session tells: its steps and what they took, what planning did, values. */
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "run/session.h"

size_t stoa_session_step_count(const struct stoa_session *session)
{
    return session->plan->step_count;
}

enum stoa_status stoa_session_step(const struct stoa_session *session, size_t index, struct stoa_error *error,
                                   struct stoa_step_info *info)
{
    if (!session || !info)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !session ? "session" : "info");
    if (index >= session->plan->step_count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "step %zu, the session has %zu", index, session->plan->step_count);
    const struct plan_step *step = &session->plan->steps[index];
    const struct op_call *call = &step->call;
    const struct op_report *report = stoa_op_report(call->op);
    *info = (struct stoa_step_info){.node = step->node,
                                    .type = step->type,
                                    .output = &call->outputs[0],
                                    .macs = report->macs ? report->macs(call) : 0,
                                    .parameter_count = step->parameter_count};
    if (session->times) {
        info->seconds = session->times[index].end - session->times[index].begin;
        info->begin = session->times[index].begin - session->times[0].begin;
    }
    if (report->describe)
        report->describe(call, sizeof info->how, info->how);
    if (report->explain)
        info->choice = report->explain(call);
    return STOA_OK;
}

size_t stoa_session_worker_count(const struct stoa_session *session)
{
    return stoa_pool_workers(session->pool);
}

enum stoa_status stoa_session_worker(const struct stoa_session *session, size_t step, size_t worker,
                                     struct stoa_error *error, struct stoa_worker_info *info)
{
    if (!session || !info)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !session ? "session" : "info");
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
    if (!session || !info)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !session ? "session" : "info");
    if (index >= session->plan->rewrite_count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "rewrite %zu, the session has %zu", index,
                         session->plan->rewrite_count);
    const struct plan_rewrite *rewrite = &session->plan->rewrites[index];
    *info = (struct stoa_rewrite_info){.pass = rewrite->pass, .node = rewrite->node, .into = rewrite->into};
    return STOA_OK;
}

enum stoa_status stoa_session_value(const struct stoa_session *session, const char *name, struct stoa_error *error,
                                    struct stoa_tensor *tensor)
{
    if (!session || !tensor)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !session ? "session" : "tensor");
    if (!session->keep_values)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the session was not created with keep_values");
    if (!session->ran)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "no run since the session was created, reshaped, trimmed or bound has come to its end");
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
