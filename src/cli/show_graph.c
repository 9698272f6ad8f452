/* stoa show graph. */
#include <stdio.h>

#include "base/memory.h"
#include "base/status.h"
#include "cli/show.h"

#ifdef STOA_GRAPHVIZ
#include "cli/graph_picture.h"

#define DEFAULT_RUNS 5

/* seconds[step] <- the least of some runs. */
static enum stoa_status profile(struct show_job *job, struct stoa_session *session, struct stoa_error *error,
                                double *seconds)
{
    size_t random, runs = job->settings->repeat ? job->settings->repeat : DEFAULT_RUNS;
    STOA_TRY(stoa_cli_inputs_bind(&job->inputs, job->settings->seed, session, error, &random));
    for (size_t run = 0; run < runs; run++) {
        STOA_TRY(stoa_session_run(session, error));
        for (size_t i = 0; i < stoa_session_step_count(session); i++) {
            struct stoa_step_info info;
            STOA_TRY(stoa_session_step(session, i, error, &info));
            seconds[i] = run == 0 || info.seconds < seconds[i] ? info.seconds : seconds[i];
        }
    }
    return STOA_OK;
}

static enum stoa_status draw(struct show_job *job, struct stoa_session *session, const double *seconds,
                             struct stoa_error *error)
{
    struct picture picture;
    struct stoa_text dot;
    STOA_TRY(stoa_show_graph(session, seconds, error, &dot));
    enum stoa_status status = stoa_cli_graph_picture(dot.data, error, &picture);
    stoa_text_free(&dot);
    STOA_TRY(status);
    return stoa_page_picture(&job->page, &picture,
                             seconds ? "Steps of the network; the darker, the more of the time."
                                     : "Steps of the network; the darker, the more of the multiply-adds.",
                             1, error);
}

static enum stoa_status draw_session(struct show_job *job, struct stoa_session *session, struct stoa_error *error)
{
    double *seconds = NULL;
    enum stoa_status status = STOA_OK;
    if (job->settings->profile)
        status = stoa_allocate(&job->allocator, stoa_session_step_count(session), sizeof *seconds, error, &seconds);
    if (status == STOA_OK && seconds)
        status = profile(job, session, error, seconds);
    if (status == STOA_OK)
        status = draw(job, session, seconds, error);
    stoa_release(&job->allocator, seconds);
    return status;
}

enum stoa_status stoa_cli_show_graph(struct show_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    struct stoa_session *session;
    STOA_TRY(stoa_cli_inputs_open(job->model, error, &job->inputs));
    STOA_TRY(stoa_cli_inputs_read(&job->inputs, settings, error));
    STOA_TRY(stoa_cli_inputs_specify(&job->inputs, settings, error));
    struct stoa_session_options options = {.threads = settings->threads,
                                           .inputs = job->inputs.specs,
                                           .input_count = job->inputs.spec_count,
                                           .profile = settings->profile};
    STOA_TRY(stoa_session_create(job->model, &options, error, &session));
    enum stoa_status status = draw_session(job, session, error);
    stoa_session_free(session);
    return status;
}
#else
enum stoa_status stoa_cli_show_graph(struct show_job *job, struct stoa_error *error)
{
    (void)job;
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "stoa was built without Graphviz, which lays graphs out");
}
#endif
