/* IDX, the format of MNIST (LeCun, Cortes, Burges: "The MNIST database of handwritten digits"): big-endian words magic,
 * count and, for images, rows and columns, then the bytes. Read through zlib's gzFile, which hands on files that are
 * not compressed as they are. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <zlib.h>

#include "base/size.h"
#include "base/status.h"
#include "data/dataset.h"

#define IMAGES_MAGIC 0x803
#define LABELS_MAGIC 0x801
/* Deflate's best is 258 bytes from two bits. */
#define MAX_RATIO 1032

struct idx_file {
    gzFile gz;
    const char *path;
    size_t size; /* on disk */
};

/* DIRECTORY/NAME or DIRECTORY/NAME.gz. */
static enum stoa_status find_file(struct stoa_dataset *dataset, const char *directory, const char *name,
                                  struct stoa_error *error, struct idx_file *file)
{
    struct stat info;
    char packed[64];
    snprintf(packed, sizeof packed, "%s.gz", name);
    STOA_TRY(stoa_dataset_path(dataset, directory, name, error, &file->path));
    if (stat(file->path, &info) != 0) {
        if (errno != ENOENT)
            return stoa_fail(error, STOA_ERROR_IO, "cannot open %s: %s", file->path, strerror(errno));
        const char *plain = file->path;
        STOA_TRY(stoa_dataset_path(dataset, directory, packed, error, &file->path));
        if (stat(file->path, &info) != 0)
            return stoa_fail(error, STOA_ERROR_IO, "cannot open %s or %s: %s", plain, packed, strerror(errno));
    }
    if (!S_ISREG(info.st_mode))
        return stoa_fail(error, STOA_ERROR_IO, "%s is not a regular file", file->path);
    file->size = (size_t)info.st_size;
    return STOA_OK;
}

static enum stoa_status open_file(struct stoa_dataset *dataset, const char *directory, const char *name,
                                  struct stoa_error *error, struct idx_file *file)
{
    STOA_TRY(find_file(dataset, directory, name, error, file));
    file->gz = gzopen(file->path, "rbe");
    if (!file->gz)
        return stoa_fail(error, STOA_ERROR_IO, "cannot open %s: %s", file->path,
                         errno ? strerror(errno) : "out of memory");
    return STOA_OK;
}

/* Why reading stopped, if for any reason but the file's end. */
static enum stoa_status check_stream(const struct idx_file *file, struct stoa_error *error)
{
    int code;
    const char *message = gzerror(file->gz, &code);
    if (code == Z_OK || code == Z_STREAM_END)
        return STOA_OK;
    if (code == Z_BUF_ERROR)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s is truncated: its gzip stream has no end", file->path);
    if (code == Z_ERRNO)
        return stoa_fail(error, STOA_ERROR_IO, "cannot read %s: %s", file->path, strerror(errno));
    if (code == Z_MEM_ERROR)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory while reading %s", file->path);
    return stoa_fail(error, STOA_ERROR_PARSE, "cannot read %s", message); /* which begins with the path */
}

static enum stoa_status read_bytes(const struct idx_file *file, size_t size, struct stoa_error *error, uint8_t *bytes)
{
    for (size_t done = 0; done < size;) {
        unsigned part = (unsigned)stoa_size_min(size - done, (size_t)1 << 30);
        int got = gzread(file->gz, bytes + done, part);
        if (got <= 0) {
            STOA_TRY(check_stream(file, error));
            return stoa_fail(error, STOA_ERROR_PARSE, "%s is truncated: %zu bytes are missing", file->path,
                             size - done);
        }
        done += (size_t)got;
    }
    return STOA_OK;
}

static enum stoa_status expect_end(const struct idx_file *file, struct stoa_error *error)
{
    uint8_t byte;
    if (gzread(file->gz, &byte, 1) > 0)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s has bytes behind its last record", file->path);
    return check_stream(file, error);
}

/* words[0] = count, words[1 ...] = what else stands in the head. */
static enum stoa_status read_head(const struct idx_file *file, uint32_t magic, size_t count, struct stoa_error *error,
                                  uint32_t *words)
{
    uint8_t bytes[16];
    STOA_TRY(read_bytes(file, 4 * (count + 1), error, bytes));
    for (size_t i = 0; i <= count; i++) {
        const uint8_t *b = bytes + 4 * i;
        uint32_t word = (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
        if (i == 0 && word != magic)
            return stoa_fail(error, STOA_ERROR_PARSE, "%s: the magic number is 0x%x, not 0x%x of %s", file->path, word,
                             magic, magic == IMAGES_MAGIC ? "images" : "labels");
        if (i > 0)
            words[i - 1] = word;
    }
    if (words[0] == 0)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has no records", file->path);
    return STOA_OK;
}

/* Before memory is taken for what a head claims. */
static enum stoa_status check_claim(const struct idx_file *file, size_t head, uint32_t count, size_t record,
                                    struct stoa_error *error)
{
    size_t bytes, most = gzdirect(file->gz) ? file->size - head : file->size;
    if (!gzdirect(file->gz) && !stoa_size_mul(most, MAX_RATIO, &most))
        most = SIZE_MAX;
    if (!stoa_size_mul(count, record, &bytes) || bytes > most)
        return stoa_fail(error, STOA_ERROR_PARSE, "%s says it has %u records of %zu bytes, which its %zu cannot hold",
                         file->path, count, record, file->size);
    return STOA_OK;
}

static enum stoa_status read_images(struct stoa_dataset *dataset, enum stoa_part part, const struct idx_file *file,
                                    struct stoa_error *error)
{
    uint32_t head[3];
    STOA_TRY(read_head(file, IMAGES_MAGIC, 3, error, head));
    if (part == STOA_PART_TRAINING) {
        enum stoa_status status = stoa_dataset_set_size(dataset, 1, head[1], head[2], error);
        if (status != STOA_OK) {
            stoa_error_prefix(error, "%s: ", file->path);
            return status;
        }
    }
    if (head[1] != dataset->height || head[2] != dataset->width)
        return stoa_fail(error, STOA_ERROR_SHAPE, "%s has images of %u x %u pixels, those for training have %zu x %zu",
                         file->path, head[1], head[2], dataset->height, dataset->width);
    STOA_TRY(check_claim(file, 16, head[0], dataset->image_bytes, error));
    enum stoa_status status = stoa_dataset_reserve(dataset, part, head[0], error);
    if (status != STOA_OK) {
        stoa_error_prefix(error, "%s: ", file->path);
        return status;
    }
    STOA_TRY(read_bytes(file, head[0] * dataset->image_bytes, error, dataset->parts[part].images));
    return expect_end(file, error);
}

/* class_count 0: any label is fine. *greatest = the greatest label seen. */
static enum stoa_status read_labels(struct stoa_dataset *dataset, enum stoa_part part, const struct idx_file *file,
                                    size_t class_count, struct stoa_error *error, size_t *greatest)
{
    uint32_t count;
    STOA_TRY(read_head(file, LABELS_MAGIC, 1, error, &count));
    if (count != dataset->parts[part].count)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has %u labels for %zu images", file->path, count,
                         dataset->parts[part].count);
    *greatest = 0;
    for (size_t done = 0; done < count;) {
        uint8_t bytes[4096];
        size_t size = stoa_size_min(sizeof bytes, count - done);
        STOA_TRY(read_bytes(file, size, error, bytes));
        for (size_t i = 0; i < size; i++, done++) {
            if (class_count && bytes[i] >= class_count)
                return stoa_fail(error, STOA_ERROR_DATA, "%s, record %zu: the label is %d, there are %zu classes",
                                 file->path, done, bytes[i], class_count);
            dataset->parts[part].labels[done] = bytes[i];
            *greatest = stoa_size_max(*greatest, bytes[i]);
        }
    }
    return expect_end(file, error);
}

static enum stoa_status read_part(struct stoa_dataset *dataset, enum stoa_part part, const char *directory,
                                  size_t class_count, struct stoa_error *error, size_t *greatest)
{
    static const char *const names[][2] = {{"train-images-idx3-ubyte", "train-labels-idx1-ubyte"},
                                           {"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}};
    struct idx_file images = {.gz = NULL}, labels = {.gz = NULL};
    enum stoa_status status = open_file(dataset, directory, names[part][0], error, &images);
    if (status == STOA_OK)
        status = open_file(dataset, directory, names[part][1], error, &labels);
    if (status == STOA_OK)
        status = read_images(dataset, part, &images, error);
    if (status == STOA_OK)
        status = read_labels(dataset, part, &labels, class_count, error, greatest);
    if (images.gz)
        (void)gzclose_r(images.gz);
    if (labels.gz)
        (void)gzclose_r(labels.gz);
    return status;
}

enum stoa_status stoa_dataset_read_idx(struct stoa_dataset *dataset, const char *directory, size_t class_count,
                                       struct stoa_error *error)
{
    size_t greatest;
    STOA_TRY(read_part(dataset, STOA_PART_TRAINING, directory, class_count, error, &greatest));
    class_count = class_count ? class_count : greatest + 1;
    STOA_TRY(read_part(dataset, STOA_PART_TEST, directory, class_count, error, &greatest));
    return stoa_dataset_set_classes(dataset, class_count, NULL, error);
}
