/* stoa verify: against the naive reference, layer by layer, or against outputs somebody recorded. */
#include <math.h>
#include <stdio.h>
#include <stoa/verify.h>

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/command.h"
#include "cli/compare.h"
#include "cli/inputs.h"
#include "cli/tune.h"

struct verify_job {
    const struct settings *settings;
    struct stoa_allocator allocator;
    struct stoa_model *model;
    struct model_inputs inputs;
    struct stoa_tuning *tuning;
    struct stoa_session_options options;
    const void **data; /* the inputs' data, null where random */
    /* Of the layers checked. */
    size_t layers, failed;
    double worst_share;
    char worst_layer[256];
    double tolerance; /* the largest among the outputs */
};

static enum stoa_status prepare(struct verify_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    if (settings->data && (settings->input_count || settings->preset || settings->changed))
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "--data DIR has the inputs: neither --input nor how pictures are prepared beside it");
    STOA_TRY(stoa_model_load(settings->model, NULL, error, &job->model));
    STOA_TRY(stoa_cli_inputs_open(job->model, error, &job->inputs));
    STOA_TRY(settings->data ? stoa_cli_inputs_read_data(&job->inputs, settings->data, error)
                            : stoa_cli_inputs_read(&job->inputs, settings, error));
    STOA_TRY(stoa_cli_inputs_specify(&job->inputs, settings, error));
    job->options = (struct stoa_session_options){.threads = settings->threads,
                                                 .lowering = settings->lowering,
                                                 .max_bytes = settings->max_bytes,
                                                 .accuracy = settings->accuracy,
                                                 .disabled_passes = settings->disabled_passes,
                                                 .inputs = job->inputs.specs,
                                                 .input_count = job->inputs.spec_count};
    STOA_TRY(stoa_cli_tune(settings, job->model, &job->inputs, &job->options, error, &job->tuning));
    STOA_TRY(stoa_allocate(&job->allocator, job->inputs.count, sizeof *job->data, error, &job->data));
    for (size_t i = 0; i < job->inputs.count; i++)
        job->data[i] = job->inputs.items[i].tensor.data;
    return STOA_OK;
}

static void note_layer(void *user, const struct stoa_layer_check *check)
{
    struct verify_job *job = user;
    job->layers++;
    job->failed += !check->passed;
    if (check->worst_share > job->worst_share || job->layers == 1) {
        job->worst_share = check->worst_share;
        snprintf(job->worst_layer, sizeof job->worst_layer, "%s (%s)", check->node, check->type);
    }
    if (!job->settings->layers)
        return;
    char dims[STOA_DIMS_TEXT];
    printf("%-6s  %-18s  %-20s  %12.3g  %8.4f  %s\n", check->passed ? "ok" : "FAILED", check->type,
           stoa_dims_text(check->output.rank, check->output.dims, dims), check->worst_difference, check->worst_share,
           check->node);
    if (!check->passed)
        printf("        element %zu of '%s': the engine has %.9g, the reference %.9g\n", check->worst_index,
               check->value, check->engine, check->twin);
}

static enum stoa_status check_layers(struct verify_job *job, struct stoa_error *error)
{
    struct stoa_verify_options options = {
        .session = &job->options, .seed = job->settings->seed, .layer = note_layer, .user = job};
    if (job->settings->layers)
        printf("%-6s  %-18s  %-20s  %12s  %8s  %s\n", "", "op", "output", "difference", "of bound", "layer");
    enum stoa_status status = stoa_verify(job->model, job->data, &options, error);
    if (job->layers)
        printf("%zu of %zu layers within the bound of float rounding; the worst reaches %.4f of it: %s\n",
               job->layers - job->failed, job->layers, job->worst_share, job->worst_layer);
    if (status == STOA_OK)
        printf("as sessions usually run, values sharing memory, the outputs are the same to the bit\n");
    return status;
}

static enum stoa_status check_output(struct verify_job *job, struct stoa_session *session, size_t index,
                                     struct stoa_error *error, bool *passed)
{
    struct stoa_value_info info;
    struct stoa_tensor result, recorded;
    struct comparison comparison;
    enum half half;
    STOA_TRY(stoa_model_output(job->model, index, error, &info));
    STOA_TRY(stoa_session_output(session, info.name, error, &result));
    STOA_TRY(stoa_cli_read_numbered(job->settings->data, "output", index, &job->allocator, error, &recorded, &half));
    enum stoa_status status = stoa_cli_compare(&result, &recorded, half, error, &comparison);
    stoa_release(&job->allocator, recorded.data);
    if (status != STOA_OK) {
        stoa_error_prefix(error, "output '%s': ", info.name);
        return status;
    }
    *passed = comparison.passed;
    job->tolerance = fmax(job->tolerance, comparison.tolerance);
    printf("%-6s  output '%s': max |difference| %.3g, max |recorded| %.3g\n", comparison.passed ? "ok" : "FAILED",
           info.name, comparison.difference, comparison.largest);
    if (!comparison.passed)
        printf("        element %zu is %.9g, recorded is %.9g\n", comparison.index, comparison.result,
               comparison.recorded);
    return STOA_OK;
}

static enum stoa_status check_outputs(struct verify_job *job, struct stoa_session *session, struct stoa_error *error)
{
    size_t random, count = stoa_model_output_count(job->model), wrong = 0;
    STOA_TRY(stoa_cli_inputs_bind(&job->inputs, job->settings->seed, session, error, &random));
    STOA_TRY(stoa_session_run(session, error));
    for (size_t i = 0; i < count; i++) {
        bool passed;
        STOA_TRY(check_output(job, session, i, error, &passed));
        wrong += !passed;
    }
    if (wrong)
        return stoa_fail(error, STOA_ERROR_MISMATCH,
                         "%s: %zu of %zu outputs differ from those in %s by more than %g of the largest recorded",
                         job->settings->model, wrong, count, job->settings->data, job->tolerance);
    return STOA_OK;
}

static enum stoa_status check_recorded(struct verify_job *job, struct stoa_error *error)
{
    struct stoa_session *session;
    STOA_TRY(stoa_session_create(job->model, &job->options, error, &session));
    enum stoa_status status = check_outputs(job, session, error);
    stoa_session_free(session);
    return status;
}

int stoa_cli_verify(const struct settings *settings)
{
    struct verify_job job = {.settings = settings, .allocator = stoa_allocator_default()};
    struct stoa_error error = {0};
    enum stoa_status status = prepare(&job, &error);
    if (status == STOA_OK && settings->data)
        status = check_recorded(&job, &error);
    if (status == STOA_OK && (settings->layers || !settings->data))
        status = check_layers(&job, &error);
    stoa_cli_inputs_close(&job.inputs);
    stoa_release(&job.allocator, job.data);
    stoa_tuning_free(job.tuning);
    stoa_model_free(job.model);
    if (status != STOA_OK)
        fprintf(stderr, "stoa verify: %s\n", error.message);
    return status == STOA_OK ? CLI_FINE : CLI_FAILED;
}
