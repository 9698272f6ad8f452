/* stoa run: files in, outputs out. */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/file_writer.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/report.h"
#include "cli/trace.h"
#include "cli/tune.h"
#include "data/npy.h"

struct run_job {
    const struct settings *settings;
    struct stoa_allocator allocator;
    struct stoa_model *model;
    struct model_inputs inputs;
    struct stoa_tuning *tuning;
    struct stoa_session *session;
    struct labels labels;
    double *seconds; /* of each step, the mean over the runs; null without --profile */
};

static enum stoa_status prepare(struct run_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    size_t random;
    STOA_TRY(stoa_model_load(settings->model, NULL, error, &job->model));
    if (settings->labels)
        STOA_TRY(stoa_cli_labels_read(settings->labels, &job->allocator, error, &job->labels));
    STOA_TRY(stoa_cli_inputs_open(job->model, error, &job->inputs));
    STOA_TRY(stoa_cli_inputs_read(&job->inputs, settings, error));
    STOA_TRY(stoa_cli_inputs_specify(&job->inputs, settings, error));
    struct stoa_session_options options = {.threads = settings->threads,
                                           .lowering = settings->lowering,
                                           .max_bytes = settings->max_bytes,
                                           .accuracy = settings->accuracy,
                                           .disabled_passes = settings->disabled_passes,
                                           .inputs = job->inputs.specs,
                                           .input_count = job->inputs.spec_count,
                                           .profile = settings->profile || settings->trace};
    STOA_TRY(stoa_cli_tune(settings, job->model, &job->inputs, &options, error, &job->tuning));
    STOA_TRY(stoa_session_create(job->model, &options, error, &job->session));
    STOA_TRY(stoa_cli_inputs_bind(&job->inputs, settings->seed, job->session, error, &random));
    if (settings->output_dir) /* now, not after the work */
        STOA_TRY(stoa_directory_make(settings->output_dir, error));
    if (random)
        fprintf(stderr, "stoa run: %zu input%s not given: random numbers of seed %zu\n", random,
                random == 1 ? " was" : "s were", settings->seed);
    return STOA_OK;
}

static enum stoa_status add_step_times(struct run_job *job, size_t runs, struct stoa_error *error)
{
    for (size_t i = 0; i < stoa_session_step_count(job->session); i++) {
        struct stoa_step_info step;
        STOA_TRY(stoa_session_step(job->session, i, error, &step));
        job->seconds[i] += step.seconds / (double)runs;
    }
    return STOA_OK;
}

static enum stoa_status run(struct run_job *job, struct stoa_error *error)
{
    size_t runs = stoa_size_max(job->settings->repeat, 1);
    double least = 0, sum = 0;
    if (job->settings->profile)
        STOA_TRY(stoa_allocate(&job->allocator, stoa_session_step_count(job->session), sizeof(double), error,
                               &job->seconds));
    for (size_t r = 0; r < runs; r++) {
        double begin = stoa_seconds();
        STOA_TRY(stoa_session_run(job->session, error));
        double took = stoa_seconds() - begin;
        sum += took;
        least = r == 0 || took < least ? took : least;
        if (job->seconds)
            STOA_TRY(add_step_times(job, runs, error));
    }
    if (job->settings->repeat)
        printf("time  %.3f ms the fastest, %.3f ms the mean of %zu run%s\n", 1e3 * least, 1e3 * sum / (double)runs,
               runs, runs == 1 ? "" : "s");
    return STOA_OK;
}

static enum stoa_status write_output(const char *directory, size_t index, const struct stoa_tensor *tensor,
                                     struct stoa_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/output_%zu.npy", directory, index) >= (int)sizeof path)
        return stoa_fail(error, STOA_ERROR_IO, "the path %.64s... is too long", directory);
    return stoa_npy_write(path, tensor, error);
}

/* Each row of a matrix of scores becomes probabilities. */
static enum stoa_status soften(const struct stoa_tensor *tensor, struct stoa_error *error)
{
    if (tensor->dtype != STOA_FLOAT || tensor->rank != 2 || tensor->dims[1] == 0)
        return STOA_OK;
    return stoa_softmax_run(tensor->dims[0], tensor->dims[1], tensor->data, error, tensor->data);
}

static enum stoa_status report(struct run_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    for (size_t i = 0; i < stoa_model_output_count(job->model); i++) {
        struct stoa_value_info info;
        struct stoa_tensor tensor;
        STOA_TRY(stoa_model_output(job->model, i, error, &info));
        STOA_TRY(stoa_session_output(job->session, info.name, error, &tensor));
        if (settings->softmax)
            STOA_TRY(soften(&tensor, error));
        stoa_cli_print_output(info.name, &tensor, settings->top, &job->labels);
        if (settings->output_dir)
            STOA_TRY(write_output(settings->output_dir, i, &tensor, error));
    }
    if (settings->profile)
        STOA_TRY(stoa_cli_print_profile(job->session, job->seconds, error));
    if (settings->trace)
        STOA_TRY(stoa_cli_trace_write(settings->trace, job->session, error));
    return STOA_OK;
}

int stoa_cli_run(const struct settings *settings)
{
    if (stoa_cli_same_file(settings->trace, settings->model)) {
        fprintf(stderr, "stoa run: --trace %s is the model itself\n", settings->trace);
        return CLI_USAGE;
    }
    struct run_job job = {.settings = settings, .allocator = stoa_allocator_default()};
    struct stoa_error error = {0};
    enum stoa_status status = prepare(&job, &error);
    if (status == STOA_OK)
        status = run(&job, &error);
    if (status == STOA_OK)
        status = report(&job, &error);
    stoa_session_free(job.session);
    stoa_tuning_free(job.tuning);
    stoa_cli_inputs_close(&job.inputs);
    stoa_cli_labels_free(&job.allocator, &job.labels);
    stoa_release(&job.allocator, job.seconds);
    stoa_model_free(job.model);
    if (status != STOA_OK)
        fprintf(stderr, "stoa run: %s\n", error.message);
    return status == STOA_OK ? CLI_FINE : CLI_FAILED;
}
