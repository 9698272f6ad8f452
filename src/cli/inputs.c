/* Inputs from files, sizes and random numbers. */
#include "cli/inputs.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/file.h"
#include "base/random.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "data/npy.h"
#include "onnx/tensor_file.h"

char *stoa_cli_dims_text(const struct stoa_value_info *info, char text[STOA_DIMS_TEXT])
{
    size_t used = 0;
    for (size_t d = 0; d < info->rank && used < STOA_DIMS_TEXT; d++) {
        const char *before = d ? "," : "[";
        int length = info->dims[d] < 0
                         ? snprintf(text + used, STOA_DIMS_TEXT - used, "%s?", before)
                         : snprintf(text + used, STOA_DIMS_TEXT - used, "%s%" PRId64, before, info->dims[d]);
        used += (size_t)length;
    }
    if (used < STOA_DIMS_TEXT)
        snprintf(text + used, STOA_DIMS_TEXT - used, info->rank ? "]" : "[]");
    return text;
}

enum stoa_status stoa_cli_inputs_open(const struct stoa_model *model, struct stoa_error *error,
                                      struct model_inputs *inputs)
{
    *inputs = (struct model_inputs){.allocator = stoa_allocator_default(), .model = model};
    size_t count = stoa_model_input_count(model);
    STOA_TRY(stoa_allocate(&inputs->allocator, count, sizeof *inputs->specs, error, &inputs->specs));
    STOA_TRY(stoa_allocate(&inputs->allocator, count, sizeof *inputs->items, error, &inputs->items));
    inputs->count = count;
    for (size_t i = 0; i < count; i++)
        STOA_TRY(stoa_model_input(model, i, error, &inputs->items[i].info));
    return STOA_OK;
}

void stoa_cli_inputs_close(struct model_inputs *inputs)
{
    for (size_t i = 0; i < inputs->count; i++)
        stoa_release(&inputs->allocator, inputs->items[i].tensor.data);
    stoa_release(&inputs->allocator, inputs->items);
    stoa_release(&inputs->allocator, inputs->specs);
    *inputs = (struct model_inputs){0};
}

/* The input of that name; the only one when the name is empty. */
static enum stoa_status find_input(struct model_inputs *inputs, const char *name, struct stoa_error *error,
                                   struct model_input **found)
{
    for (size_t i = 0; i < inputs->count; i++)
        if (strcmp(name, inputs->items[i].info.name) == 0 || (name[0] == '\0' && inputs->count == 1)) {
            *found = &inputs->items[i];
            return STOA_OK;
        }
    if (name[0] == '\0')
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has %zu inputs: say which one, NAME=...",
                         inputs->count);
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no input '%s'%s%s%s", name,
                     inputs->count ? ", its first is '" : "", inputs->count ? inputs->items[0].info.name : "",
                     inputs->count ? "'" : "");
}

static bool has_suffix(const char *path, const char *suffix)
{
    size_t length = strlen(path), tail = strlen(suffix);
    return length > tail && strcasecmp(path + length - tail, suffix) == 0;
}

bool stoa_cli_is_picture(const char *path)
{
    return has_suffix(path, ".png") || has_suffix(path, ".jpg") || has_suffix(path, ".jpeg");
}

static enum stoa_status read_pb(const char *path, const struct stoa_allocator *allocator, struct stoa_error *error,
                                struct stoa_tensor *tensor, enum half *half)
{
    struct file_map map;
    *tensor = (struct stoa_tensor){0};
    STOA_TRY(stoa_file_map(path, error, &map));
    enum stoa_status status = stoa_onnx_read_tensor(map.data, map.size, allocator, error, tensor, NULL, half);
    if (status != STOA_OK)
        stoa_error_prefix(error, "%s: ", path);
    stoa_file_unmap(&map);
    return status;
}

enum stoa_status stoa_cli_read_numbered(const char *directory, const char *stem, size_t index,
                                        const struct stoa_allocator *allocator, struct stoa_error *error,
                                        struct stoa_tensor *tensor, enum half *half)
{
    char path[PATH_MAX];
    *tensor = (struct stoa_tensor){0};
    if (snprintf(path, sizeof path, "%s/%s_%zu.npy", directory, stem, index) >= (int)sizeof path)
        return stoa_fail(error, STOA_ERROR_IO, "the path %.64s... is too long", directory);
    if (access(path, F_OK) == 0)
        return stoa_npy_read(path, allocator, error, tensor, half);
    snprintf(path, sizeof path, "%s/%s_%zu.pb", directory, stem, index);
    if (access(path, F_OK) == 0)
        return read_pb(path, allocator, error, tensor, half);
    return stoa_fail(error, STOA_ERROR_IO, "there is no %s_%zu.pb or %s_%zu.npy in %s", stem, index, stem, index,
                     directory);
}

/* [1][C][H][W] becomes [1][H][W][C]. */
static enum stoa_status turn_channels_last(const struct stoa_allocator *allocator, struct stoa_error *error,
                                           struct stoa_tensor *tensor)
{
    size_t channels = tensor->dims[1], pixels = tensor->dims[2] * tensor->dims[3];
    const float *from = tensor->data;
    float *turned;
    STOA_TRY(stoa_allocate_raw(allocator, channels * pixels, sizeof *turned, error, &turned));
    for (size_t p = 0; p < pixels; p++)
        for (size_t c = 0; c < channels; c++)
            turned[p * channels + c] = from[c * pixels + p];
    stoa_release(allocator, tensor->data);
    *tensor = (struct stoa_tensor){
        .dtype = STOA_FLOAT, .rank = 4, .dims = {1, tensor->dims[2], tensor->dims[3], channels}, .data = turned};
    stoa_tensor_set_plain(tensor);
    return STOA_OK;
}

/* Means and deviations for each of three channels have no meaning for one. */
static enum stoa_status check_channels(const struct preprocess *options, size_t channels, const char *name,
                                       struct stoa_error *error)
{
    for (size_t c = 1; channels == 1 && c < 3; c++)
        if (options->mean[c] != options->mean[0] || options->std[c] != options->std[0])
            return stoa_fail(error, STOA_ERROR_ARGUMENT,
                             "input '%s' has one channel, and --mean, --std or --preset are for three", name);
    return STOA_OK;
}

static enum stoa_status read_picture(const struct model_input *input, const char *path, const struct settings *settings,
                                     const struct stoa_allocator *allocator, struct stoa_error *error,
                                     struct stoa_tensor *tensor)
{
    const struct stoa_value_info *info = &input->info;
    *tensor = (struct stoa_tensor){0};
    if (info->dtype != STOA_FLOAT || (info->has_shape && info->rank != 4))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: input '%s' is no picture: it is not float of rank 4", path,
                         info->name);
    bool last = info->has_shape && stoa_channel_axis(info->dims[1], info->dims[3]) == 3;
    size_t channels = info->has_shape && info->dims[last ? 3 : 1] == 1 ? 1 : 3;
    struct preprocess options = stoa_cli_preprocess(settings);
    STOA_TRY(check_channels(&options, channels, info->name, error));
    struct image image;
    STOA_TRY(stoa_image_read(path, allocator, error, &image));
    enum stoa_status status = stoa_preprocess(&options, &image, channels, allocator, error, tensor);
    if (status == STOA_OK && last)
        status = turn_channels_last(allocator, error, tensor);
    if (status != STOA_OK)
        stoa_error_prefix(error, "%s: ", path);
    stoa_image_free(allocator, &image);
    return status;
}

/* NumPy makes doubles unless told otherwise: taken as floats where the model wants those. */
static enum stoa_status narrow(struct model_input *input, const struct stoa_allocator *allocator,
                               struct stoa_error *error)
{
    struct stoa_tensor *tensor = &input->tensor;
    size_t elements = stoa_tensor_elements(tensor);
    const double *wide = tensor->data;
    float *values;
    STOA_TRY(stoa_allocate_raw(allocator, elements, sizeof *values, error, &values));
    for (size_t i = 0; i < elements; i++)
        values[i] = (float)wide[i];
    stoa_release(allocator, tensor->data);
    tensor->data = values;
    tensor->dtype = STOA_FLOAT;
    return STOA_OK;
}

/* Whether what was read is what the model says it takes. */
static enum stoa_status check_given(struct model_inputs *inputs, struct model_input *input, const char *from,
                                    bool picture, struct stoa_error *error)
{
    const struct stoa_value_info *info = &input->info;
    const struct stoa_tensor *tensor = &input->tensor;
    if (tensor->dtype == STOA_DOUBLE && info->dtype == STOA_FLOAT)
        STOA_TRY(narrow(input, &inputs->allocator, error));
    if (tensor->dtype != info->dtype)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: input '%s' takes %s, this is %s", from, info->name,
                         stoa_dtype_name(info->dtype), stoa_dtype_name(tensor->dtype));
    bool fits = !info->has_shape || tensor->rank == info->rank;
    /* The first dimension may still be repeated (--batch). */
    for (size_t d = 1; info->has_shape && fits && d < info->rank; d++)
        fits = info->dims[d] < 0 || (size_t)info->dims[d] == tensor->dims[d];
    if (!fits) {
        char ours[STOA_DIMS_TEXT], its[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s: input '%s' takes %s, this is %s%s", from, info->name,
                         stoa_cli_dims_text(info, its), stoa_dims_text(tensor->rank, tensor->dims, ours),
                         picture ? "; --resize, --crop or --preset make pictures fit" : "");
    }
    return STOA_OK;
}

enum stoa_status stoa_cli_inputs_read(struct model_inputs *inputs, const struct settings *settings,
                                      struct stoa_error *error)
{
    const struct stoa_allocator *allocator = &inputs->allocator;
    bool pictures = false;
    for (size_t i = 0; i < settings->input_count; i++) {
        const char *path = settings->inputs[i].path;
        struct model_input *input;
        STOA_TRY(find_input(inputs, settings->inputs[i].name, error, &input));
        if (input->tensor.data)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: input '%s' is given twice", path, input->info.name);
        bool picture = stoa_cli_is_picture(path);
        pictures = pictures || picture;
        if (picture)
            STOA_TRY(read_picture(input, path, settings, allocator, error, &input->tensor));
        else if (has_suffix(path, ".npy"))
            STOA_TRY(stoa_npy_read(path, allocator, error, &input->tensor, NULL));
        else if (has_suffix(path, ".pb"))
            STOA_TRY(read_pb(path, allocator, error, &input->tensor, NULL));
        else
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s: the name ends in none of .npy .pb .png .jpg .jpeg", path);
        STOA_TRY(check_given(inputs, input, path, picture, error));
    }
    if (!pictures && (settings->preset || settings->changed))
        return stoa_fail(
            error, STOA_ERROR_ARGUMENT,
            "--preset, --resize, --crop, --scale, --mean, --std and --bgr are for pictures: no input is one");
    return STOA_OK;
}

enum stoa_status stoa_cli_inputs_read_data(struct model_inputs *inputs, const char *directory, struct stoa_error *error)
{
    for (size_t i = 0; i < inputs->count; i++) {
        struct model_input *input = &inputs->items[i];
        STOA_TRY(stoa_cli_read_numbered(directory, "input", i, &inputs->allocator, error, &input->tensor, NULL));
        STOA_TRY(check_given(inputs, input, directory, false, error));
    }
    return STOA_OK;
}

/* Repeats a given input along its first dimension. */
static enum stoa_status repeat(struct model_input *input, size_t batch, const struct stoa_allocator *allocator,
                               struct stoa_error *error)
{
    struct stoa_tensor *tensor = &input->tensor, repeated = *tensor;
    if (tensor->rank == 0 || tensor->dims[0] != 1)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "--batch: input '%s' does not have a first dimension of 1",
                         input->info.name);
    size_t bytes = stoa_tensor_bytes(tensor), all;
    repeated.dims[0] = batch;
    STOA_TRY(stoa_tensor_measure(&repeated, error, NULL, &all));
    stoa_tensor_set_plain(&repeated);
    STOA_TRY(stoa_allocate_raw(allocator, all, 1, error, &repeated.data));
    for (size_t i = 0; bytes && i < batch; i++)
        memcpy((char *)repeated.data + i * bytes, tensor->data, bytes);
    stoa_release(allocator, tensor->data);
    *tensor = repeated;
    return STOA_OK;
}

/* An input of which only the model's own words are known. An open first dimension is `batch`; so is a stated one,
 * unless that is 0. */
static enum stoa_status specify_alone(const struct model_input *input, size_t batch, struct stoa_error *error,
                                      struct stoa_input_spec *spec)
{
    const struct stoa_value_info *info = &input->info;
    if (!info->has_shape)
        return stoa_fail(error, STOA_ERROR_ARGUMENT,
                         "the model does not say the dimensions of input '%s'; give --size %s=...", info->name,
                         info->name);
    if (batch && info->rank == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "--batch: input '%s' has no dimensions", info->name);
    spec->rank = info->rank;
    for (size_t d = 0; d < info->rank; d++) {
        if (d > 0 && info->dims[d] < 0)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': dimension %zu is open; give --size %s=...",
                             info->name, d, info->name);
        spec->dims[d] = info->dims[d] < 0 ? 1 : (size_t)info->dims[d];
    }
    if (batch)
        spec->dims[0] = batch;
    return STOA_OK;
}

static enum stoa_status specify(struct model_inputs *inputs, struct model_input *input, const struct settings *settings,
                                const struct size_option *size, struct stoa_error *error)
{
    struct stoa_input_spec spec = {.name = input->info.name};
    struct stoa_tensor *tensor = &input->tensor;
    if (tensor->data) {
        if (size)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "--size: input '%s' has its size from its file",
                             input->info.name);
        if (settings->batch && !input->info.decides_shapes)
            STOA_TRY(repeat(input, settings->batch, &inputs->allocator, error));
        spec.rank = tensor->rank;
        memcpy(spec.dims, tensor->dims, sizeof spec.dims);
        spec.data = input->info.decides_shapes ? tensor->data : NULL;
    } else if (size) {
        spec.rank = size->rank;
        memcpy(spec.dims, size->dims, sizeof spec.dims);
        if (settings->batch)
            spec.dims[0] = settings->batch;
    } else {
        STOA_TRY(specify_alone(input, settings->batch, error, &spec));
    }
    inputs->specs[inputs->spec_count++] = spec;
    return STOA_OK;
}

static bool names_input(const struct size_option *size, const struct model_input *input)
{
    return size->name[0] == '\0' || strcmp(size->name, input->info.name) == 0;
}

enum stoa_status stoa_cli_inputs_specify(struct model_inputs *inputs, const struct settings *settings,
                                         struct stoa_error *error)
{
    for (size_t s = 0; s < settings->size_count; s++) {
        struct model_input *input;
        STOA_TRY(find_input(inputs, settings->sizes[s].name, error, &input));
        for (size_t earlier = 0; earlier < s; earlier++)
            if (names_input(&settings->sizes[earlier], input))
                return stoa_fail(error, STOA_ERROR_ARGUMENT, "--size: input '%s' is given twice", input->info.name);
    }
    for (size_t i = 0; i < inputs->count; i++) {
        const struct size_option *size = NULL;
        for (size_t s = 0; s < settings->size_count; s++)
            if (names_input(&settings->sizes[s], &inputs->items[i]))
                size = &settings->sizes[s];
        STOA_TRY(specify(inputs, &inputs->items[i], settings, size, error));
    }
    return STOA_OK;
}

enum stoa_status stoa_cli_inputs_bind(struct model_inputs *inputs, size_t seed, struct stoa_session *session,
                                      struct stoa_error *error, size_t *random)
{
    struct random numbers = {.state = seed};
    *random = 0;
    for (size_t i = 0; i < inputs->count; i++) {
        struct model_input *input = &inputs->items[i];
        const char *name = input->info.name;
        if (!input->tensor.data) {
            struct stoa_tensor tensor;
            STOA_TRY(stoa_session_input(session, name, error, &tensor));
            if (tensor.dtype != STOA_FLOAT)
                return stoa_fail(error, STOA_ERROR_ARGUMENT,
                                 "input '%s' is %s: random numbers stand in for float inputs only, give --input %s=...",
                                 name, stoa_dtype_name(tensor.dtype), name);
            size_t elements = stoa_tensor_elements(&tensor);
            STOA_TRY(stoa_allocate_raw(&inputs->allocator, elements, sizeof(float), error, &tensor.data));
            stoa_random_fill(&numbers, elements, tensor.data);
            input->tensor = tensor;
            ++*random;
        }
        bool fixed = false;
        for (size_t s = 0; s < inputs->spec_count; s++)
            fixed |= inputs->specs[s].data == input->tensor.data;
        if (!fixed)
            STOA_TRY(stoa_session_bind_input(session, name, input->tensor.data, error));
    }
    return STOA_OK;
}
