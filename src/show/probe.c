/* Probes: gradient models with sessions of their own. */
#include "show/probe.h"

#include <stoa/gradient.h>
#include <string.h>

#include "base/reserved.h"
#include "base/status.h"
#include "base/tensor.h"
#include "graph/model.h"
#include "show/array.h"

enum stoa_status stoa_subject_check(const struct stoa_subject *subject, struct stoa_error *error)
{
    if (!subject || !subject->model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the subject has no model");
    if (subject->input_count && !subject->inputs)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "subject.inputs is null, input_count is %zu",
                         subject->input_count);
    return STOA_CHECK_RESERVED(subject, "subject", error);
}

static const struct stoa_input_spec *find_spec(const struct stoa_subject *subject, const char *name)
{
    for (size_t i = 0; i < subject->input_count; i++)
        if (strcmp(subject->inputs[i].name, name) == 0)
            return &subject->inputs[i];
    return NULL;
}

enum stoa_status stoa_subject_bind(const struct stoa_subject *subject, struct stoa_session *session,
                                   struct stoa_error *error)
{
    for (size_t i = 0; i < stoa_model_input_count(subject->model); i++) {
        struct stoa_value_info info;
        STOA_TRY(stoa_model_input(subject->model, i, error, &info));
        const struct stoa_input_spec *spec = find_spec(subject, info.name);
        if ((!spec || !spec->data) && subject->values && subject->values[i])
            STOA_TRY(stoa_session_bind_input_at(session, i, subject->values[i], error));
    }
    return STOA_OK;
}

/* With the dims of the value known, when there are gradients. */
static enum stoa_status open(const struct stoa_subject *subject, const struct stoa_gradient_model_options *options,
                             struct stoa_error *error, struct probe *probe)
{
    struct stoa_input_spec *specs;
    struct stoa_value_info seed = {0}, value;
    size_t count = subject->input_count;
    STOA_TRY(stoa_gradient_model(subject->model, options, error, &probe->model));
    STOA_TRY(stoa_allocate(&probe->allocator, count + 1, sizeof *specs, error, &specs));
    if (count)
        memcpy(specs, subject->inputs, count * sizeof *specs);
    enum stoa_status status = STOA_OK;
    if (options->of_count) {
        status = stoa_model_input(probe->model, stoa_model_input_count(subject->model), error, &seed);
        specs[count] = (struct stoa_input_spec){.name = seed.name, .rank = probe->value.rank};
        memcpy(specs[count++].dims, probe->value.dims, sizeof probe->value.dims);
    }
    const struct stoa_session_options session = {
        .threads = subject->threads, .inputs = specs, .input_count = count, .allocator = &probe->allocator};
    if (status == STOA_OK)
        status = stoa_session_create(probe->model, &session, error, &probe->session);
    stoa_release(&probe->allocator, specs);
    STOA_TRY(status);
    STOA_TRY(stoa_subject_bind(subject, probe->session, error));
    if (options->of_count) {
        STOA_TRY(
            stoa_allocate(&probe->allocator, stoa_tensor_elements(&probe->value), sizeof(float), error, &probe->seed));
        return stoa_session_bind_input(probe->session, seed.name, probe->seed, error);
    }
    STOA_TRY(stoa_model_output(probe->model, 0, error, &value));
    return stoa_session_output(probe->session, value.name, error, &probe->value);
}

enum stoa_status stoa_probe_open(const struct stoa_subject *subject, const char *value, const char *const *of,
                                 size_t of_count, struct stoa_error *error, struct probe *probe)
{
    *probe = (struct probe){0};
    STOA_TRY(stoa_subject_check(subject, error));
    probe->allocator = subject->model->allocator;
    if (of_count) {
        struct probe plain = {.allocator = probe->allocator};
        enum stoa_status status = open(subject, &(struct stoa_gradient_model_options){.value = value}, error, &plain);
        probe->value = plain.value;
        stoa_probe_close(&plain);
        STOA_TRY(status);
    }
    return open(subject, &(struct stoa_gradient_model_options){.value = value, .of = of, .of_count = of_count}, error,
                probe);
}

void stoa_probe_close(struct probe *probe)
{
    stoa_session_free(probe->session);
    if (probe->seed)
        stoa_release(&probe->allocator, probe->seed);
    stoa_model_free(probe->model);
    *probe = (struct probe){0};
}

enum stoa_status stoa_probe_read(const struct probe *probe, size_t index, struct stoa_error *error,
                                 struct stoa_array *array)
{
    struct stoa_tensor tensor;
    *array = (struct stoa_array){0};
    STOA_TRY(stoa_session_output_at(probe->session, index, error, &tensor));
    return stoa_array_copy(&tensor, &probe->allocator, error, array);
}

enum stoa_status stoa_probe_picture(const struct stoa_subject *subject, const struct probe *probe, size_t pictures,
                                    struct stoa_error *error, size_t *input, struct stoa_tensor *picture)
{
    size_t count = stoa_model_input_count(subject->model), found = 0;
    for (size_t i = 0; i < count; i++) {
        struct stoa_tensor tensor;
        STOA_TRY(stoa_session_input_at(probe->session, i, error, &tensor));
        if (tensor.dtype != STOA_FLOAT || tensor.rank != 4)
            continue;
        found++;
        *input = i;
        *picture = tensor;
    }
    if (found != 1)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "the model takes no picture: %zu of its %zu inputs are float of rank 4, one must be", found,
                         count);
    char text[STOA_DIMS_TEXT];
    if (picture->dims[0] != pictures)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the input of pictures is %s: %zu at a time",
                         stoa_dims_text(4, picture->dims, text), pictures);
    stoa_tensor_set_plain(picture);
    stoa_picture_view(picture);
    picture->data = subject->values ? stoa_read_only(subject->values[*input]) : NULL;
    return STOA_OK;
}

enum stoa_status stoa_probe_classes(const struct probe *probe, size_t pictures, struct stoa_error *error, size_t *count)
{
    char text[STOA_DIMS_TEXT];
    const struct stoa_tensor *value = &probe->value;
    *count = value->rank >= 2 ? value->dims[1] : 0;
    bool each = *count > 1 && value->dims[0] == pictures && stoa_tensor_elements(value) == pictures * *count;
    if (value->dtype == STOA_FLOAT && each)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_SHAPE,
                     "the model tells no classes apart: its first output is %s, must be float [%zu,classes]",
                     stoa_dims_text(value->rank, value->dims, text), pictures);
}

enum stoa_status stoa_probe_class(const struct probe *probe, size_t class_index, struct stoa_error *error)
{
    size_t count;
    STOA_TRY(stoa_probe_classes(probe, 1, error, &count));
    if (class_index >= count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "class %zu: there are classes 0 to %zu", class_index, count - 1);
    return STOA_OK;
}
