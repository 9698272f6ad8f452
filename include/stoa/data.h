/* Data sets for classification, and loaders that make batches of them: shuffled, augmented and normalised ahead of use.
 * In a library of its own, libstoa-data (stoa-data.pc), which brings zlib, libpng and libjpeg; <stoa/stoa.h> leaves
 * this header out.
 *
 *     stoa_dataset_open("fashion-mnist", NULL, &error, &dataset);
 *     stoa_loader_create(dataset, STOA_PART_TRAINING, &(struct stoa_loader_options){.batch = 64, .shuffle = 1}, &error,
 *                        &loader);
 *     while (stoa_loader_next(loader, &error, &batch) == STOA_OK)
 *         ... batch.images, batch.labels ...
 */
#ifndef STOA_DATA_H
#define STOA_DATA_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stoa_dataset;

enum stoa_part { STOA_PART_TRAINING, STOA_PART_TEST, STOA_PART_COUNT };

/* Zeros are the defaults. */
struct stoa_dataset_options {
    const struct stoa_allocator *allocator; /* null: the C library's; copied */
    size_t max_bytes;     /* of images kept in memory; 0: 2 GiB. Folders beyond it are decoded again at each use, in the
                             loader's thread; other data sets are refused */
    size_t class_count;   /* of idx: labels from it on are errors; 0: one more than the greatest training label */
    size_t height, width; /* of folder: pictures are resized to it; 0: that of the first picture */
    size_t channels;      /* of folder: 1 or 3; 0: as the first picture has */
    double test_share;    /* of folder without train and test: the share of each class that becomes the test part; 0: a
                             fifth */
    uint64_t split_seed;  /* which ones */
    size_t reserved[8];   /* zeros (stoa.h) */
};

/* Opens a data set and reads all of it, so that whatever is wrong with it is told now, with file and record. `spec`:
 *
 *     fashion-mnist[:DIR]  Fashion-MNIST (without DIR, that of Debian's dataset-fashion-mnist)
 *     idx:DIR              the format of MNIST: {train,t10k}-{images-idx3,labels-idx1}-ubyte, each with or without .gz
 *     cifar10:DIR          CIFAR-10, binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin
 *     folder:DIR           pictures DIR/train/CLASS/x.png or .jpg and DIR/test/CLASS/...; or DIR/CLASS/... alone, of
 *                          which a share chosen by seed becomes the test part. Classes are sorted by name; other files
 *                          and those whose name begins with a dot are passed over
 *
 * On failure *dataset is null. zlib and libjpeg take working memory from the C library. */
STOA_API STOA_CHECKED enum stoa_status stoa_dataset_open(const char *spec, const struct stoa_dataset_options *options,
                                                         struct stoa_error *error, struct stoa_dataset **dataset);
/* Its loaders must be freed before. Null is fine. */
STOA_API void stoa_dataset_free(struct stoa_dataset *dataset);

/* A data set is immutable and shared by any number of threads. */
struct stoa_dataset_info {
    size_t counts[STOA_PART_COUNT]; /* images of each part, at least 1 */
    size_t channels, height, width; /* channels: 1 or 3 */
    size_t class_count;             /* at least 2 */
    float mean[3], std[3];          /* of the training part's pixels as 0 to 1, for each channel; std is not 0 */
    size_t reserved[4];
};
STOA_API void stoa_dataset_describe(const struct stoa_dataset *dataset, struct stoa_dataset_info *info);
/* Lives as long as the data set; null from class_count on. */
STOA_API const char *stoa_dataset_class_name(const struct stoa_dataset *dataset, size_t index);
/* One image: pixels[channels][height][width] (may be null) and its class (may be null). */
STOA_API STOA_CHECKED enum stoa_status stoa_dataset_get(const struct stoa_dataset *dataset, enum stoa_part part,
                                                        size_t index, struct stoa_error *error, uint8_t *pixels,
                                                        int64_t *label);

struct stoa_loader;

/* Zeros are the defaults. */
struct stoa_loader_options {
    const struct stoa_allocator *allocator; /* null: the data set's; copied */
    size_t batch;                           /* images in a batch; 0: 64 */
    size_t limit;                           /* only the first so many images of each epoch's order; 0: all */
    uint64_t seed;                          /* of order and augmentation */
    int shuffle;                            /* a new order each epoch; otherwise that of the data set */
    int flip;                               /* mirror left and right, one image in two */
    size_t shift;            /* move by -shift to shift pixels down and right, black (0) coming in: a cut from the
                                padded image */
    int drop_last;           /* leave out an incomplete last batch; otherwise it is filled up, see stoa_batch */
    const float *mean, *std; /* for each channel: (pixel/255 - mean) / std; null: the data set's; copied */
    size_t reserved[8];      /* zeros (stoa.h) */
};

/* A loader makes its batches one ahead of the caller, in a thread of its own. What comes out is a function of data set,
 * options, epoch and position, to the bit, whatever the threads do. It is used by one thread at a time. */
STOA_API STOA_CHECKED enum stoa_status stoa_loader_create(const struct stoa_dataset *dataset, enum stoa_part part,
                                                          const struct stoa_loader_options *options,
                                                          struct stoa_error *error, struct stoa_loader **loader);
/* Null is fine. */
STOA_API void stoa_loader_free(struct stoa_loader *loader);

/* Batches in an epoch, at least 1. */
STOA_API size_t stoa_loader_batches(const struct stoa_loader *loader);

struct stoa_batch {
    const float *images;   /* [batch][channels][height][width]; from `count` on the first ones again */
    const int64_t *labels; /* [batch]; -1 from `count` on, which losses leave out */
    size_t count;          /* images in it: less than batch only in the last batch of an epoch */
    size_t epoch;          /* from 0 */
    size_t position;       /* in the epoch, in batches, from 0 */
    size_t reserved[4];
};
/* The next batch, endlessly, epoch after epoch; waits until it is made. Valid until the next call of next, seek or
 * free. A failure (a file that cannot be read any more) is reported again until a seek. */
STOA_API STOA_CHECKED enum stoa_status stoa_loader_next(struct stoa_loader *loader, struct stoa_error *error,
                                                        struct stoa_batch *batch);
/* Makes the batch at this place the next one: what was seen in an undisturbed run comes again. position may be
 * stoa_loader_batches, the end of the epoch. */
STOA_API STOA_CHECKED enum stoa_status stoa_loader_seek(struct stoa_loader *loader, size_t epoch, size_t position,
                                                        struct stoa_error *error);

/* The batch at this place (position below stoa_loader_batches): seeks unless it comes next anyway, as it does for those
 * who ask in order. */
STOA_API STOA_CHECKED enum stoa_status stoa_loader_get(struct stoa_loader *loader, size_t epoch, size_t position,
                                                       struct stoa_error *error, struct stoa_batch *batch);

#ifdef __cplusplus
}
#endif
#endif
