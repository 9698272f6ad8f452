/* Judging models. */
#include "cli/judge.h"

#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/inputs.h"

enum stoa_status stoa_cli_size_pictures(const struct stoa_model *model, struct stoa_error *error,
                                        struct stoa_dataset_options *options)
{
    struct stoa_value_info info;
    STOA_TRY(stoa_model_input(model, 0, error, &info));
    if (!info.has_shape || info.rank != 4)
        return STOA_OK;
    if (info.dims[1] == 1 || info.dims[1] == 3)
        options->channels = (size_t)info.dims[1];
    if (info.dims[2] > 0 && info.dims[3] > 0) {
        options->height = (size_t)info.dims[2];
        options->width = (size_t)info.dims[3];
    }
    return STOA_OK;
}

enum stoa_status stoa_cli_specify_images(const struct stoa_model *model, const struct stoa_dataset_info *data,
                                         size_t batch, struct stoa_error *error, struct stoa_input_spec *spec)
{
    struct stoa_value_info info;
    *spec = (struct stoa_input_spec){.rank = 4, .dims = {batch, data->channels, data->height, data->width}};
    if (stoa_model_input_count(model) != 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "the model has %zu inputs, only one can be fed with images",
                         stoa_model_input_count(model));
    STOA_TRY(stoa_model_input(model, 0, error, &info));
    spec->name = info.name;
    bool fits = info.dtype == STOA_FLOAT && (!info.has_shape || info.rank == 4);
    for (size_t i = 0; fits && info.has_shape && i < 4; i++)
        fits = info.dims[i] < 0 || (size_t)info.dims[i] == spec->dims[i];
    if (fits)
        return STOA_OK;
    char dims[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input '%.100s' is %s of %s, images come as float of %zux%zux%zux%zu",
                     info.name, stoa_dtype_name(info.dtype),
                     info.has_shape ? stoa_cli_dims_text(&info, dims) : "unknown shape", spec->dims[0], spec->dims[1],
                     spec->dims[2], spec->dims[3]);
}

enum stoa_status stoa_cli_judge(const struct stoa_model *model, const struct stoa_dataset_info *data,
                                const struct stoa_batches *test, const struct settings *settings,
                                struct stoa_error *error, struct judgement *judgement)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_input_spec input;
    struct stoa_trainer_options options = {.batch = test->batch,
                                           .inputs = &input,
                                           .input_count = 1,
                                           .threads = settings->threads,
                                           .accuracy = settings->accuracy};
    struct stoa_trainer *trainer;
    *judgement = (struct judgement){.confusion = NULL};
    STOA_TRY(stoa_cli_specify_images(model, data, options.batch, error, &input));
    STOA_TRY(stoa_trainer_create(model, &options, error, &trainer));
    size_t classes = judgement->classes = stoa_trainer_classes(trainer);
    enum stoa_status status =
        stoa_allocate(&allocator, classes, classes * sizeof *judgement->confusion, error, &judgement->confusion);
    if (status == STOA_OK)
        status = stoa_evaluate(trainer, test, 0, error, &judgement->evaluation, judgement->confusion);
    stoa_trainer_free(trainer);
    return status;
}

void stoa_cli_judgement_free(struct judgement *judgement)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    stoa_release(&allocator, judgement->confusion);
    *judgement = (struct judgement){.confusion = NULL};
}
