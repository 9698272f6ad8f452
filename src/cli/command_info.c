/* stoa info: what a model is made of. */
#include <stdio.h>

#include "base/status.h"
#include "base/tensor.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/report.h"
#include "cli/tune.h"

static void print_value(const char *kind, const struct stoa_value_info *info)
{
    printf("%s '%s'  %s", kind, info->name, stoa_dtype_name(info->dtype));
    if (!info->has_shape) {
        puts(" of unknown shape");
        return;
    }
    char dims[STOA_DIMS_TEXT];
    puts(stoa_cli_dims_text(info, dims));
}

static enum stoa_status print_values(const struct stoa_model *model, struct stoa_error *error)
{
    struct stoa_value_info info;
    for (size_t i = 0; i < stoa_model_input_count(model); i++) {
        STOA_TRY(stoa_model_input(model, i, error, &info));
        print_value("input", &info);
    }
    for (size_t i = 0; i < stoa_model_output_count(model); i++) {
        STOA_TRY(stoa_model_output(model, i, error, &info));
        print_value("output", &info);
    }
    return STOA_OK;
}

static enum stoa_status print_session(const struct stoa_session *session, struct stoa_error *error)
{
    STOA_TRY(stoa_cli_print_layers(session, error));
    struct stoa_memory_info memory;
    stoa_session_memory(session, &memory);
    printf("memory  %.1f MB of packed weights, %.1f MB of activations and scratch, %.1f MB of outputs\n",
           (double)memory.weights / 1e6, (double)memory.activations / 1e6, (double)memory.outputs / 1e6);
    return STOA_OK;
}

static enum stoa_status describe(const struct settings *settings, const struct stoa_model *model,
                                 struct model_inputs *inputs, struct stoa_error *error)
{
    STOA_TRY(print_values(model, error));
    stoa_cli_print_blas();
    STOA_TRY(stoa_cli_inputs_open(model, error, inputs));
    STOA_TRY(stoa_cli_inputs_specify(inputs, settings, error));
    struct stoa_session_options options = {.threads = settings->threads,
                                           .lowering = settings->lowering,
                                           .max_bytes = settings->max_bytes,
                                           .accuracy = settings->accuracy,
                                           .disabled_passes = settings->disabled_passes,
                                           .inputs = inputs->specs,
                                           .input_count = inputs->spec_count};
    struct stoa_tuning *tuning;
    struct stoa_session *session = NULL;
    enum stoa_status status = stoa_cli_tune(settings, model, inputs, &options, error, &tuning);
    if (status == STOA_OK)
        status = stoa_session_create(model, &options, error, &session);
    if (status == STOA_OK)
        status = print_session(session, error);
    if (status == STOA_OK && settings->explain)
        status = stoa_cli_print_passes(session, settings->disabled_passes, error);
    if (status == STOA_OK && settings->explain)
        status = stoa_cli_print_choices(session, error);
    stoa_session_free(session);
    stoa_tuning_free(tuning);
    return status;
}

int stoa_cli_info(const struct settings *settings)
{
    struct stoa_error error = {0};
    struct stoa_model *model = NULL;
    struct model_inputs inputs = {0};
    enum stoa_status status = stoa_model_load(settings->model, NULL, &error, &model);
    if (status == STOA_OK)
        status = describe(settings, model, &inputs, &error);
    stoa_cli_inputs_close(&inputs);
    stoa_model_free(model);
    if (status != STOA_OK)
        fprintf(stderr, "stoa info: %s\n", error.message);
    return status == STOA_OK ? CLI_FINE : CLI_FAILED;
}
