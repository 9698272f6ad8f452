/* Inside a data set: two parts of images as bytes with their labels, and what the readers of the formats share. */
#ifndef STOA_DATA_DATASET_H
#define STOA_DATA_DATASET_H

#include <stdint.h>
#include <stoa/data.h>

#include "base/memory.h"

struct dataset_part {
    size_t count;
    uint8_t *images;    /* [count][C][H][W]; null: decoded from the files at each use */
    int32_t *labels;    /* [count], each below class_count */
    const char **paths; /* [count], of pictures; null in other formats */
};

struct stoa_dataset {
    struct stoa_allocator allocator;
    struct arena names; /* of classes and files */
    size_t max_bytes;
    size_t channels, height, width;
    size_t image_bytes; /* channels * height * width */
    size_t class_count;
    const char **class_names;
    float mean[3], std[3];
    struct dataset_part parts[STOA_PART_COUNT];
};

/* A reader sets the image size and the classes and fills both parts, but for pictures, whose pixels are read for it
 * afterwards. What it has made when it fails is released by stoa_dataset_free. */
STOA_CHECKED enum stoa_status stoa_dataset_read_idx(struct stoa_dataset *dataset, const char *directory,
                                                    size_t class_count, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_dataset_read_cifar10(struct stoa_dataset *dataset, const char *directory,
                                                        struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_dataset_read_folder(struct stoa_dataset *dataset, const char *directory,
                                                       const struct stoa_dataset_options *options,
                                                       struct stoa_error *error);

STOA_CHECKED enum stoa_status stoa_dataset_set_size(struct stoa_dataset *dataset, size_t channels, size_t height,
                                                    size_t width, struct stoa_error *error);
/* The names are copied; null: the numbers of the classes. */
STOA_CHECKED enum stoa_status stoa_dataset_set_classes(struct stoa_dataset *dataset, size_t count,
                                                       const char *const *names, struct stoa_error *error);
/* Memory for the labels and pixels of `count` images. STOA_ERROR_LIMIT where the pixels of both parts are more than
 * max_bytes together. */
STOA_CHECKED enum stoa_status stoa_dataset_reserve(struct stoa_dataset *dataset, enum stoa_part part, size_t count,
                                                   struct stoa_error *error);
/* DIRECTORY/NAME, kept with the data set. */
STOA_CHECKED enum stoa_status stoa_dataset_path(struct stoa_dataset *dataset, const char *directory, const char *name,
                                                struct stoa_error *error, const char **path);
/* A picture as bytes of the data set's size. */
STOA_CHECKED enum stoa_status stoa_dataset_decode(const struct stoa_dataset *dataset, const char *path,
                                                  struct stoa_error *error, uint8_t *pixels);

/* Where the pixels of image `index` (below the part's count) lie: in memory, or decoded into `buffer` of image_bytes.
 */
STOA_CHECKED enum stoa_status stoa_dataset_pixels(const struct stoa_dataset *dataset, enum stoa_part part, size_t index,
                                                  uint8_t *buffer, struct stoa_error *error, const uint8_t **pixels);

#endif
