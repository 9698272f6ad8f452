/* CIFAR-10, binary version (Krizhevsky: "Learning multiple layers of features from tiny images", 2009): records of a
 * label and 3 x 32 x 32 bytes, red plane first, without any head. */
#include <string.h>

#include "base/file.h"
#include "base/status.h"
#include "data/dataset.h"

#define IMAGE_BYTES ((size_t)3 * 32 * 32)
#define RECORD_BYTES (IMAGE_BYTES + 1)
#define CLASSES 10
#define MAX_FILES 5

static enum stoa_status map_file(struct stoa_dataset *dataset, const char *directory, const char *name,
                                 struct stoa_error *error, const char **path, struct file_map *map)
{
    STOA_TRY(stoa_dataset_path(dataset, directory, name, error, path));
    STOA_TRY(stoa_file_map(*path, error, map));
    if (map->size == 0)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has no records", *path);
    if (map->size % RECORD_BYTES != 0)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s has %zu bytes, which is not a multiple of a record's %zu", *path,
                         map->size, RECORD_BYTES);
    return STOA_OK;
}

/* The records of one file, from record `first` of the part on. */
static enum stoa_status copy_records(struct dataset_part *part, size_t first, const char *path,
                                     const struct file_map *map, struct stoa_error *error)
{
    for (size_t i = 0; i < map->size / RECORD_BYTES; i++) {
        const uint8_t *record = map->data + i * RECORD_BYTES;
        if (record[0] >= CLASSES)
            return stoa_fail(error, STOA_ERROR_DATA, "%s, record %zu: the label is %d, there are %d classes", path, i,
                             record[0], CLASSES);
        part->labels[first + i] = record[0];
        memcpy(part->images + (first + i) * IMAGE_BYTES, record + 1, IMAGE_BYTES);
    }
    return STOA_OK;
}

static enum stoa_status read_part(struct stoa_dataset *dataset, enum stoa_part part, const char *directory,
                                  size_t count, const char *const *names, struct stoa_error *error)
{
    struct file_map maps[MAX_FILES] = {{.data = NULL}};
    const char *paths[MAX_FILES];
    size_t records = 0, first = 0;
    enum stoa_status status = STOA_OK;
    for (size_t i = 0; i < count && status == STOA_OK; i++) {
        status = map_file(dataset, directory, names[i], error, &paths[i], &maps[i]);
        records += maps[i].size / RECORD_BYTES;
    }
    if (status == STOA_OK)
        status = stoa_dataset_reserve(dataset, part, records, error);
    for (size_t i = 0; i < count && status == STOA_OK; i++) {
        status = copy_records(&dataset->parts[part], first, paths[i], &maps[i], error);
        first += maps[i].size / RECORD_BYTES;
    }
    for (size_t i = 0; i < count; i++)
        stoa_file_unmap(&maps[i]);
    return status;
}

enum stoa_status stoa_dataset_read_cifar10(struct stoa_dataset *dataset, const char *directory,
                                           struct stoa_error *error)
{
    static const char *const training[MAX_FILES] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                    "data_batch_4.bin", "data_batch_5.bin"};
    static const char *const test[] = {"test_batch.bin"};
    static const char *const names[CLASSES] = {"airplane", "automobile", "bird",  "cat",  "deer",
                                               "dog",      "frog",       "horse", "ship", "truck"};
    STOA_TRY(stoa_dataset_set_size(dataset, 3, 32, 32, error));
    STOA_TRY(stoa_dataset_set_classes(dataset, CLASSES, names, error));
    STOA_TRY(read_part(dataset, STOA_PART_TRAINING, directory, MAX_FILES, training, error));
    return read_part(dataset, STOA_PART_TEST, directory, 1, test, error);
}
