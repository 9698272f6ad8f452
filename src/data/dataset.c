/* Data sets in general: which reader a spec means, what all readers share, and the look at every image before any is
 * used: mistakes in the data are told before the hours of training, not after. */
#include "data/dataset.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"

#define FASHION_MNIST_DIRECTORY "/usr/share/datasets/fashion-mnist"
#define DEFAULT_MAX_BYTES ((size_t)2 << 30)
#define MAX_SIDE 16384

static enum stoa_status open_fashion_mnist(struct stoa_dataset *dataset, const char *directory,
                                           const struct stoa_dataset_options *options, struct stoa_error *error)
{
    static const char *const names[] = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
                                        "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
    (void)options;
    STOA_TRY(stoa_dataset_read_idx(dataset, *directory ? directory : FASHION_MNIST_DIRECTORY, 10, error));
    return stoa_dataset_set_classes(dataset, 10, names, error);
}

static enum stoa_status open_idx(struct stoa_dataset *dataset, const char *directory,
                                 const struct stoa_dataset_options *options, struct stoa_error *error)
{
    return stoa_dataset_read_idx(dataset, directory, options->class_count, error);
}

static enum stoa_status open_cifar10(struct stoa_dataset *dataset, const char *directory,
                                     const struct stoa_dataset_options *options, struct stoa_error *error)
{
    (void)options;
    return stoa_dataset_read_cifar10(dataset, directory, error);
}

static const struct format {
    const char *name;
    bool has_default; /* whether the directory may be left out */
    enum stoa_status (*open)(struct stoa_dataset *dataset, const char *directory,
                             const struct stoa_dataset_options *options, struct stoa_error *error);
} formats[] = {
    {"fashion-mnist", true, open_fashion_mnist},
    {"idx", false, open_idx},
    {"cifar10", false, open_cifar10},
    {"folder", false, stoa_dataset_read_folder},
};

static enum stoa_status read_spec(struct stoa_dataset *dataset, const char *spec,
                                  const struct stoa_dataset_options *options, struct stoa_error *error)
{
    size_t length = strcspn(spec, ":");
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (strlen(formats[i].name) != length || memcmp(formats[i].name, spec, length) != 0)
            continue;
        const char *directory = spec[length] ? spec + length + 1 : "";
        if (!*directory && (spec[length] || !formats[i].has_default))
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "data set '%s': a directory must follow, as in %s:DIR", spec,
                             formats[i].name);
        return formats[i].open(dataset, directory, options, error);
    }
    return stoa_fail(error, STOA_ERROR_ARGUMENT,
                     "there is no data set '%s', only fashion-mnist, idx:DIR, cifar10:DIR and folder:DIR", spec);
}

enum stoa_status stoa_dataset_set_size(struct stoa_dataset *dataset, size_t channels, size_t height, size_t width,
                                       struct stoa_error *error)
{
    if (channels != 1 && channels != 3)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "images of %zu channels are not taken, only 1 or 3", channels);
    if (height == 0 || width == 0)
        return stoa_fail(error, STOA_ERROR_DATA, "images of %zu x %zu pixels have none", height, width);
    if (height > MAX_SIDE || width > MAX_SIDE)
        return stoa_fail(error, STOA_ERROR_LIMIT, "images of %zu x %zu pixels: at most %d x %d are taken", height,
                         width, MAX_SIDE, MAX_SIDE);
    dataset->channels = channels;
    dataset->height = height;
    dataset->width = width;
    dataset->image_bytes = channels * height * width;
    return STOA_OK;
}

enum stoa_status stoa_dataset_set_classes(struct stoa_dataset *dataset, size_t count, const char *const *names,
                                          struct stoa_error *error)
{
    if (count < 2)
        return stoa_fail(error, STOA_ERROR_DATA, "a data set of %zu class%s has nothing to tell apart", count,
                         count == 1 ? "" : "es");
    if (count > INT32_MAX)
        return stoa_fail(error, STOA_ERROR_LIMIT, "class_count is %zu, at most %d are taken", count, INT32_MAX);
    STOA_TRY(stoa_arena_allocate(&dataset->names, count, sizeof *names, error, &dataset->class_names));
    for (size_t i = 0; i < count; i++) {
        char number[32];
        snprintf(number, sizeof number, "%zu", i);
        const char *name = names ? names[i] : number;
        STOA_TRY(stoa_arena_string(&dataset->names, name, strlen(name), error, &dataset->class_names[i]));
    }
    dataset->class_count = count;
    return STOA_OK;
}

enum stoa_status stoa_dataset_reserve(struct stoa_dataset *dataset, enum stoa_part part, size_t count,
                                      struct stoa_error *error)
{
    struct dataset_part *reserved = &dataset->parts[part];
    size_t bytes, images = count;
    for (size_t i = 0; i < STOA_PART_COUNT; i++)
        if (!stoa_size_add(images, dataset->parts[i].images ? dataset->parts[i].count : 0, &images))
            images = SIZE_MAX;
    if (!stoa_size_mul(images, dataset->image_bytes, &bytes) || bytes > dataset->max_bytes)
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu images of %zu bytes are more than max_bytes, %zu", images,
                         dataset->image_bytes, dataset->max_bytes);
    STOA_TRY(stoa_allocate_raw(&dataset->allocator, count, dataset->image_bytes, error, &reserved->images));
    STOA_TRY(stoa_allocate(&dataset->allocator, count, sizeof *reserved->labels, error, &reserved->labels));
    reserved->count = count;
    return STOA_OK;
}

enum stoa_status stoa_dataset_path(struct stoa_dataset *dataset, const char *directory, const char *name,
                                   struct stoa_error *error, const char **path)
{
    char *made;
    size_t size = strlen(directory) + strlen(name) + 2;
    STOA_TRY(stoa_arena_allocate(&dataset->names, size, 1, error, &made));
    snprintf(made, size, "%s/%s", directory, name);
    *path = made;
    return STOA_OK;
}

struct moments {
    uint64_t sum[3], squares[3];
};

static void add_moments(const struct stoa_dataset *dataset, const uint8_t *pixels, struct moments *moments)
{
    size_t plane = dataset->height * dataset->width;
    for (size_t c = 0; c < dataset->channels; c++) {
        uint64_t sum = 0, squares = 0; /* a plane has at most 2^28 pixels */
        for (size_t i = 0; i < plane; i++) {
            unsigned value = pixels[c * plane + i];
            sum += value;
            squares += value * value;
        }
        moments->sum[c] += sum;
        moments->squares[c] += squares;
    }
}

/* From whole sums, so that it does not matter in which order they came. */
static void set_moments(struct stoa_dataset *dataset, const struct moments *moments)
{
    double count = (double)dataset->height * (double)dataset->width * (double)dataset->parts[STOA_PART_TRAINING].count;
    for (size_t c = 0; c < dataset->channels; c++) {
        double mean = (double)moments->sum[c] / count, variance = (double)moments->squares[c] / count - mean * mean;
        dataset->mean[c] = (float)(mean / 255);
        dataset->std[c] = variance > 0 ? (float)(sqrt(variance) / 255) : 1;
    }
}

/* Looks at every image: decodes pictures, kept where there is memory for them, and finds mean and deviation. */
static enum stoa_status survey(struct stoa_dataset *dataset, uint8_t *buffer, struct stoa_error *error)
{
    struct moments moments = {.sum = {0}};
    for (size_t p = 0; p < STOA_PART_COUNT; p++) {
        struct dataset_part *part = &dataset->parts[p];
        for (size_t i = 0; i < part->count; i++) {
            uint8_t *pixels = part->images ? part->images + i * dataset->image_bytes : buffer;
            if (part->paths)
                STOA_TRY(stoa_dataset_decode(dataset, part->paths[i], error, pixels));
            if (p == STOA_PART_TRAINING)
                add_moments(dataset, pixels, &moments);
        }
    }
    set_moments(dataset, &moments);
    return STOA_OK;
}

static enum stoa_status check_options(const struct stoa_dataset_options *options, struct stoa_error *error)
{
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    if (!options->height != !options->width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "height is %zu and width is %zu: give both or neither",
                         options->height, options->width);
    if (options->channels != 0 && options->channels != 1 && options->channels != 3)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "channels is %zu, must be 1 or 3", options->channels);
    if (!(options->test_share >= 0 && options->test_share < 1))
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "test_share is %g, must be in [0, 1)", options->test_share);
    return STOA_OK;
}

static enum stoa_status read_all(struct stoa_dataset *dataset, const char *spec,
                                 const struct stoa_dataset_options *options, struct stoa_error *error)
{
    STOA_TRY(read_spec(dataset, spec, options, error));
    uint8_t *buffer;
    STOA_TRY(stoa_allocate_raw(&dataset->allocator, 1, dataset->image_bytes, error, &buffer));
    enum stoa_status status = survey(dataset, buffer, error);
    stoa_release(&dataset->allocator, buffer);
    return status;
}

enum stoa_status stoa_dataset_open(const char *spec, const struct stoa_dataset_options *options,
                                   struct stoa_error *error, struct stoa_dataset **out)
{
    static const struct stoa_dataset_options defaults;
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "dataset is null");
    *out = NULL;
    if (!spec)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "spec is null");
    options = options ? options : &defaults;
    STOA_TRY(check_options(options, error));

    struct stoa_allocator allocator = options->allocator ? *options->allocator : stoa_allocator_default();
    struct stoa_dataset *dataset;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *dataset, error, &dataset));
    dataset->allocator = allocator;
    dataset->max_bytes = options->max_bytes ? options->max_bytes : DEFAULT_MAX_BYTES;
    stoa_arena_init(&dataset->names, &allocator);
    enum stoa_status status = read_all(dataset, spec, options, error);
    if (status == STOA_OK)
        *out = dataset;
    else
        stoa_dataset_free(dataset);
    return status;
}

void stoa_dataset_free(struct stoa_dataset *dataset)
{
    if (!dataset)
        return;
    struct stoa_allocator allocator = dataset->allocator;
    for (size_t i = 0; i < STOA_PART_COUNT; i++) {
        stoa_release(&allocator, dataset->parts[i].images);
        stoa_release(&allocator, dataset->parts[i].labels);
    }
    stoa_arena_deinit(&dataset->names);
    stoa_release(&allocator, dataset);
}

void stoa_dataset_describe(const struct stoa_dataset *dataset, struct stoa_dataset_info *info)
{
    *info = (struct stoa_dataset_info){.channels = dataset->channels,
                                       .height = dataset->height,
                                       .width = dataset->width,
                                       .class_count = dataset->class_count};
    for (size_t i = 0; i < STOA_PART_COUNT; i++)
        info->counts[i] = dataset->parts[i].count;
    memcpy(info->mean, dataset->mean, sizeof info->mean);
    memcpy(info->std, dataset->std, sizeof info->std);
}

const char *stoa_dataset_class_name(const struct stoa_dataset *dataset, size_t index)
{
    return index < dataset->class_count ? dataset->class_names[index] : NULL;
}

enum stoa_status stoa_dataset_pixels(const struct stoa_dataset *dataset, enum stoa_part part, size_t index,
                                     uint8_t *buffer, struct stoa_error *error, const uint8_t **pixels)
{
    const struct dataset_part *images = &dataset->parts[part];
    *pixels = images->images ? images->images + index * dataset->image_bytes : buffer;
    return images->images ? STOA_OK : stoa_dataset_decode(dataset, images->paths[index], error, buffer);
}

enum stoa_status stoa_dataset_get(const struct stoa_dataset *dataset, enum stoa_part part, size_t index,
                                  struct stoa_error *error, uint8_t *pixels, int64_t *label)
{
    if (!dataset)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "dataset is null");
    if ((unsigned)part >= STOA_PART_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "part is %d, must be 0 or 1", (int)part);
    if (index >= dataset->parts[part].count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "index is %zu, the part has %zu images", index,
                         dataset->parts[part].count);
    const uint8_t *found;
    if (pixels) {
        STOA_TRY(stoa_dataset_pixels(dataset, part, index, pixels, error, &found));
        if (found != pixels)
            memcpy(pixels, found, dataset->image_bytes);
    }
    if (label)
        *label = dataset->parts[part].labels[index];
    return STOA_OK;
}
