/* Folders of pictures, a folder a class. Directories come in the order the file system likes, so everything is sorted
 * by name: the same files are the same data set everywhere. */
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/random.h"
#include "base/size.h"
#include "base/status.h"
#include "data/dataset.h"
#include "data/image.h"
#include "data/preprocess.h"

struct names {
    const char **items;
    size_t count;
};

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static bool is_picture(const char *name)
{
    const char *dot = strrchr(name, '.');
    return dot && (strcasecmp(dot, ".png") == 0 || strcasecmp(dot, ".jpg") == 0 || strcasecmp(dot, ".jpeg") == 0);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

struct name_link {
    struct name_link *next;
    const char *name;
};

/* The names in an open directory that are pictures, or directories. */
static enum stoa_status collect(struct stoa_dataset *dataset, DIR *stream, const char *directory, bool pictures,
                                struct stoa_error *error, struct names *names)
{
    struct name_link *links = NULL;
    struct dirent *entry;
    names->count = 0;
    for (; errno = 0, (entry = readdir(stream)) != NULL;) {
        const char *path;
        if (entry->d_name[0] == '.' || (pictures && !is_picture(entry->d_name)))
            continue;
        if (!pictures) {
            STOA_TRY(stoa_dataset_path(dataset, directory, entry->d_name, error, &path));
            if (!is_directory(path))
                continue;
        }
        struct name_link *link;
        STOA_TRY(stoa_arena_allocate(&dataset->names, 1, sizeof *link, error, &link));
        STOA_TRY(stoa_arena_string(&dataset->names, entry->d_name, strlen(entry->d_name), error, &link->name));
        link->next = links;
        links = link;
        names->count++;
    }
    if (errno)
        return stoa_fail(error, STOA_ERROR_IO, "cannot read the directory %s: %s", directory, strerror(errno));
    STOA_TRY(stoa_arena_allocate(&dataset->names, names->count, sizeof *names->items, error, &names->items));
    for (size_t i = 0; i < names->count; i++, links = links->next)
        names->items[i] = links->name;
    qsort(names->items, names->count, sizeof *names->items, compare_names);
    return STOA_OK;
}

static enum stoa_status list(struct stoa_dataset *dataset, const char *directory, bool pictures,
                             struct stoa_error *error, struct names *names)
{
    DIR *stream = opendir(directory);
    if (!stream)
        return stoa_fail(error, STOA_ERROR_IO, "cannot read the directory %s: %s", directory, strerror(errno));
    enum stoa_status status = collect(dataset, stream, directory, pictures, error, names);
    closedir(stream);
    return status;
}

/* The pictures of every class, as paths. */
struct listing {
    struct names *classes; /* [class_count] */
    size_t count;          /* of all */
};

/* The pictures in DIRECTORY/CLASS of each class of the data set; a class may have none. */
static enum stoa_status list_pictures(struct stoa_dataset *dataset, const char *directory, struct stoa_error *error,
                                      struct listing *listing)
{
    listing->count = 0;
    STOA_TRY(
        stoa_arena_allocate(&dataset->names, dataset->class_count, sizeof *listing->classes, error, &listing->classes));
    for (size_t c = 0; c < dataset->class_count; c++) {
        struct names *names = &listing->classes[c];
        const char *folder;
        STOA_TRY(stoa_dataset_path(dataset, directory, dataset->class_names[c], error, &folder));
        if (!is_directory(folder))
            continue;
        STOA_TRY(list(dataset, folder, true, error, names));
        for (size_t i = 0; i < names->count; i++)
            STOA_TRY(stoa_dataset_path(dataset, folder, names->items[i], error, &names->items[i]));
        listing->count += names->count;
    }
    return STOA_OK;
}

/* The classes are the folders in `directory`, each with a picture at least. */
static enum stoa_status list_classes(struct stoa_dataset *dataset, const char *directory, struct stoa_error *error,
                                     struct listing *listing)
{
    struct names names;
    STOA_TRY(list(dataset, directory, false, error, &names));
    enum stoa_status status = stoa_dataset_set_classes(dataset, names.count, names.items, error);
    if (status != STOA_OK) {
        stoa_error_prefix(error, "%s: ", directory);
        return status;
    }
    STOA_TRY(list_pictures(dataset, directory, error, listing));
    for (size_t c = 0; c < names.count; c++)
        if (listing->classes[c].count == 0)
            return stoa_fail(error, STOA_ERROR_DATA, "%s/%s has no pictures (.png, .jpg, .jpeg)", directory,
                             names.items[c]);
    return STOA_OK;
}

static enum stoa_status check_test_classes(struct stoa_dataset *dataset, const char *directory,
                                           struct stoa_error *error)
{
    struct names names;
    STOA_TRY(list(dataset, directory, false, error, &names));
    for (size_t i = 0; i < names.count; i++)
        if (!bsearch(&names.items[i], dataset->class_names, dataset->class_count, sizeof *names.items, compare_names))
            return stoa_fail(error, STOA_ERROR_DATA, "%s/%s is a class that the training part does not have", directory,
                             names.items[i]);
    return STOA_OK;
}

static enum stoa_status make_part(struct stoa_dataset *dataset, enum stoa_part part, size_t count,
                                  const char *directory, struct stoa_error *error)
{
    struct dataset_part *made = &dataset->parts[part];
    if (count == 0)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has no pictures for the %s part", directory,
                         part == STOA_PART_TRAINING ? "training" : "test");
    STOA_TRY(stoa_arena_allocate(&dataset->names, count, sizeof *made->paths, error, &made->paths));
    STOA_TRY(stoa_allocate(&dataset->allocator, count, sizeof *made->labels, error, &made->labels));
    return STOA_OK;
}

static void add_picture(struct dataset_part *part, const char *path, size_t class)
{
    part->paths[part->count] = path;
    part->labels[part->count++] = (int32_t) class;
}

static enum stoa_status take_part(struct stoa_dataset *dataset, enum stoa_part part, const struct listing *listing,
                                  const char *directory, struct stoa_error *error)
{
    STOA_TRY(make_part(dataset, part, listing->count, directory, error));
    for (size_t c = 0; c < dataset->class_count; c++)
        for (size_t i = 0; i < listing->classes[c].count; i++)
            add_picture(&dataset->parts[part], listing->classes[c].items[i], c);
    return STOA_OK;
}

static size_t test_count(size_t pictures, double share)
{
    return stoa_size_min((size_t)((double)pictures * (share > 0 ? share : 0.2) + 0.5), pictures - 1);
}

/* Of each class as many for the test part, whichever the seed says: those still wanted among those still left. */
static enum stoa_status split(struct stoa_dataset *dataset, const struct listing *listing,
                              const struct stoa_dataset_options *options, const char *directory,
                              struct stoa_error *error)
{
    struct random random = {.state = options->split_seed};
    size_t tests = 0;
    for (size_t c = 0; c < dataset->class_count; c++)
        tests += test_count(listing->classes[c].count, options->test_share);
    STOA_TRY(make_part(dataset, STOA_PART_TRAINING, listing->count - tests, directory, error));
    STOA_TRY(make_part(dataset, STOA_PART_TEST, tests, directory, error));
    for (size_t c = 0; c < dataset->class_count; c++) {
        const struct names *names = &listing->classes[c];
        size_t wanted = test_count(names->count, options->test_share);
        for (size_t i = 0; i < names->count; i++) {
            bool test = (size_t)stoa_random_int(&random, 1, (int64_t)(names->count - i)) <= wanted;
            wanted -= test;
            add_picture(&dataset->parts[test ? STOA_PART_TEST : STOA_PART_TRAINING], names->items[i], c);
        }
    }
    return STOA_OK;
}

static enum stoa_status find_size(struct stoa_dataset *dataset, const struct stoa_dataset_options *options,
                                  struct stoa_error *error)
{
    size_t channels = options->channels, height = options->height, width = options->width;
    if (!channels || !height) {
        struct image first;
        STOA_TRY(stoa_image_read(dataset->parts[STOA_PART_TRAINING].paths[0], &dataset->allocator, error, &first));
        channels = channels ? channels : first.channels;
        width = height ? width : first.width;
        height = height ? height : first.height;
        stoa_image_free(&dataset->allocator, &first);
    }
    return stoa_dataset_set_size(dataset, channels, height, width, error);
}

/* Memory for the pixels of both parts, if they may stay in memory. */
static enum stoa_status keep(struct stoa_dataset *dataset, struct stoa_error *error)
{
    size_t bytes, count = dataset->parts[STOA_PART_TRAINING].count + dataset->parts[STOA_PART_TEST].count;
    if (!stoa_size_mul(count, dataset->image_bytes, &bytes) || bytes > dataset->max_bytes)
        return STOA_OK;
    for (size_t i = 0; i < STOA_PART_COUNT; i++)
        STOA_TRY(stoa_allocate_raw(&dataset->allocator, dataset->parts[i].count, dataset->image_bytes, error,
                                   &dataset->parts[i].images));
    return STOA_OK;
}

enum stoa_status stoa_dataset_read_folder(struct stoa_dataset *dataset, const char *directory,
                                          const struct stoa_dataset_options *options, struct stoa_error *error)
{
    const char *training, *test;
    struct listing listing;
    STOA_TRY(stoa_dataset_path(dataset, directory, "train", error, &training));
    STOA_TRY(stoa_dataset_path(dataset, directory, "test", error, &test));
    if (is_directory(training) != is_directory(test))
        return stoa_fail(error, STOA_ERROR_DATA, "%s has a folder '%s' but none called '%s'", directory,
                         is_directory(training) ? "train" : "test", is_directory(training) ? "test" : "train");
    if (is_directory(training)) {
        STOA_TRY(list_classes(dataset, training, error, &listing));
        STOA_TRY(take_part(dataset, STOA_PART_TRAINING, &listing, training, error));
        STOA_TRY(check_test_classes(dataset, test, error));
        STOA_TRY(list_pictures(dataset, test, error, &listing));
        STOA_TRY(take_part(dataset, STOA_PART_TEST, &listing, test, error));
    } else {
        STOA_TRY(list_classes(dataset, directory, error, &listing));
        STOA_TRY(split(dataset, &listing, options, directory, error));
    }
    STOA_TRY(find_size(dataset, options, error));
    return keep(dataset, error);
}

enum stoa_status stoa_dataset_decode(const struct stoa_dataset *dataset, const char *path, struct stoa_error *error,
                                     uint8_t *pixels)
{
    const struct stoa_allocator *allocator = &dataset->allocator;
    struct preprocess options = *stoa_preprocess_preset("none");
    options.rule = RESIZE_EXACT;
    options.size[0] = dataset->height;
    options.size[1] = dataset->width;
    struct image image;
    struct stoa_tensor tensor;
    STOA_TRY(stoa_image_read(path, allocator, error, &image));
    enum stoa_status status = stoa_preprocess(&options, &image, dataset->channels, allocator, error, &tensor);
    stoa_image_free(allocator, &image);
    if (status != STOA_OK) {
        stoa_error_prefix(error, "%s: ", path);
        return status;
    }
    const float *values = tensor.data;
    for (size_t i = 0; i < dataset->image_bytes; i++) /* 0 to 255; only luma is not whole */
        pixels[i] = (uint8_t)(values[i] + 0.5F);
    stoa_release(allocator, tensor.data);
    return STOA_OK;
}
