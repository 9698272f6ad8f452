/* Data sets: each format read as it is meant, and each way of being wrong told with its file and record. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <stoa/data.h>

#include "support/allocator.h"
#include "support/files.h"

static struct stoa_dataset *open_set(const char *spec, const struct stoa_dataset_options *options,
                                     struct stoa_dataset_info *info)
{
    struct stoa_dataset *dataset;
    struct stoa_error error = {0};
    cr_assert(stoa_dataset_open(spec, options, &error, &dataset) == STOA_OK, "%s: %s", spec, error.message);
    stoa_dataset_describe(dataset, info);
    return dataset;
}

/* Expects a refusal that leaves nothing behind. */
static void expect_refused(const char *name, const char *spec, const struct stoa_dataset_options *given,
                           enum stoa_status wanted, const char *words)
{
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    struct stoa_dataset_options options = given ? *given : (struct stoa_dataset_options){.max_bytes = 0};
    options.allocator = &allocator.interface;
    struct stoa_error error = {0};
    struct stoa_dataset *dataset = (void *)&error;
    enum stoa_status status = stoa_dataset_open(spec, &options, &error, &dataset);
    cr_expect(status == wanted, "%s: %s (%s)", name, stoa_status_name(status), error.message);
    cr_expect(dataset == NULL, "%s: a data set all the same", name);
    cr_expect(error.message[0] && strstr(error.message, words), "%s: '%s' does not say '%s'", name, error.message,
              words);
    cr_expect(allocator.live == 0, "%s: %zu blocks leak", name, allocator.live);
    cr_expect(allocator.peak_bytes < (size_t)1 << 20, "%s: took %zu bytes", name, allocator.peak_bytes);
}

Test(dataset, idx, .fini = files_remove)
{
    struct idx_set set = idx_make();
    for (int gz = 0; gz < 2; gz++) {
        idx_write(&set, gz);
        struct stoa_dataset_info info;
        struct stoa_dataset *dataset = open_set(files_spec("idx"), NULL, &info);
        cr_expect(info.counts[0] == IDX_TRAINING_IMAGES && info.counts[1] == IDX_TEST_IMAGES);
        cr_expect(info.channels == 1 && info.height == IDX_HEIGHT && info.width == IDX_WIDTH);
        cr_expect(info.class_count == 3 && strcmp(stoa_dataset_class_name(dataset, 2), "2") == 0);
        cr_expect(stoa_dataset_class_name(dataset, 3) == NULL);
        uint8_t pixels[IDX_HEIGHT * IDX_WIDTH];
        int64_t label;
        for (size_t i = 0; i < IDX_TEST_IMAGES; i++) {
            cr_assert(stoa_dataset_get(dataset, STOA_PART_TEST, i, NULL, pixels, &label) == STOA_OK);
            cr_expect(label == (int64_t)(i % 3) && pixels[0] == 100 + 16 * i && pixels[11] == 111 + 16 * i);
        }
        struct stoa_error error = {0};
        cr_expect(stoa_dataset_get(dataset, STOA_PART_TEST, 3, &error, pixels, &label) == STOA_ERROR_ARGUMENT);
        cr_expect(stoa_dataset_get(dataset, STOA_PART_COUNT, 0, &error, pixels, &label) == STOA_ERROR_ARGUMENT);
        cr_expect(stoa_dataset_get(NULL, STOA_PART_TEST, 0, &error, pixels, &label) == STOA_ERROR_ARGUMENT);

        double sum = 0, squares = 0, count = IDX_TRAINING_IMAGES * 12;
        for (size_t i = 0; i < IDX_TRAINING_IMAGES * 12; i++) {
            double value = (double)(16 * (i / 12) + i % 12) / 255;
            sum += value;
            squares += value * value;
        }
        cr_expect(fabs((double)info.mean[0] - sum / count) < 1e-6, "mean %g", (double)info.mean[0]);
        double std = sqrt(squares / count - sum / count * (sum / count));
        cr_expect(fabs((double)info.std[0] - std) < 1e-6, "std %g, not %g", (double)info.std[0], std);
        stoa_dataset_free(dataset);
    }
    stoa_dataset_free(NULL);
}

Test(dataset, constant_pixels_have_deviation_1, .fini = files_remove)
{
    struct idx_set set = idx_make();
    memset(set.data[0] + 16, 200, set.sizes[0] - 16);
    idx_write(&set, false);
    struct stoa_dataset_info info;
    stoa_dataset_free(open_set(files_spec("idx"), NULL, &info));
    cr_expect(info.std[0] == 1 && info.mean[0] == (float)(200.0 / 255));
}

enum { AS_IT_IS = -1, MISSING = -2 };
#define PATCH(offset, bytes) offset, bytes, sizeof(bytes) - 1
#define NO_PATCH 0, "", 0
static const struct {
    const char *name;
    int file; /* which of idx_names is damaged */
    size_t offset;
    const char *patch;
    size_t patch_size;
    int size; /* of the damaged file */
    enum stoa_status status;
    const char *words;
} damages[] = {
    {"images missing", 0, NO_PATCH, MISSING, STOA_ERROR_IO, "train-images-idx3-ubyte.gz: No such file"},
    {"labels missing", 3, NO_PATCH, MISSING, STOA_ERROR_IO, "t10k-labels-idx1-ubyte"},
    {"magic of labels for images", 0, PATCH(3, "\1"), AS_IT_IS, STOA_ERROR_PARSE, "0x801, not 0x803"},
    {"magic of images for labels", 1, PATCH(3, "\3"), AS_IT_IS, STOA_ERROR_PARSE, "0x803, not 0x801"},
    {"magic of floats", 2, PATCH(2, "\xd"), AS_IT_IS, STOA_ERROR_PARSE, "t10k-images-idx3-ubyte: the magic"},
    {"little-endian", 0, PATCH(0, "\3\10\0\0"), AS_IT_IS, STOA_ERROR_PARSE, "0x3080000"},
    {"2^32-1 images", 0, PATCH(4, "\xff\xff\xff\xff"), AS_IT_IS, STOA_ERROR_PARSE, "4294967295 records of 12 bytes"},
    {"2^32-1 labels", 1, PATCH(4, "\xff\xff\xff\xff"), AS_IT_IS, STOA_ERROR_DATA, "4294967295 labels for 5 images"},
    {"no images", 0, PATCH(4, "\0\0\0\0"), AS_IT_IS, STOA_ERROR_DATA, "train-images-idx3-ubyte has no records"},
    {"no labels", 3, PATCH(4, "\0\0\0\0"), AS_IT_IS, STOA_ERROR_DATA, "t10k-labels-idx1-ubyte has no records"},
    {"one image more", 0, PATCH(7, "\6"), AS_IT_IS, STOA_ERROR_PARSE, "6 records of 12 bytes"},
    {"one image less", 0, PATCH(7, "\4"), AS_IT_IS, STOA_ERROR_PARSE, "bytes behind its last record"},
    {"one label more", 1, PATCH(7, "\6"), AS_IT_IS, STOA_ERROR_DATA, "6 labels for 5 images"},
    {"one label less", 1, PATCH(7, "\4"), AS_IT_IS, STOA_ERROR_DATA, "4 labels for 5 images"},
    {"images without rows", 0, PATCH(8, "\0\0\0\0"), AS_IT_IS, STOA_ERROR_DATA, "0 x 4 pixels"},
    {"2^32-1 columns", 0, PATCH(12, "\xff\xff\xff\xff"), AS_IT_IS, STOA_ERROR_LIMIT, "3 x 4294967295 pixels"},
    {"test images of another size", 2, PATCH(8, "\0\0\0\4\0\0\0\3"), AS_IT_IS, STOA_ERROR_SHAPE, "4 x 3 pixels"},
    {"an empty file", 0, NO_PATCH, 0, STOA_ERROR_PARSE, "truncated: 16 bytes are missing"},
    {"half a head", 1, NO_PATCH, 7, STOA_ERROR_PARSE, "truncated: 1 bytes are missing"},
    {"images cut short", 2, NO_PATCH, 40, STOA_ERROR_PARSE, "t10k-images-idx3-ubyte"},
    {"labels cut short", 1, NO_PATCH, 10, STOA_ERROR_PARSE, "train-labels-idx1-ubyte is truncated: 3 bytes"},
    {"bytes behind the images", 0, NO_PATCH, 77, STOA_ERROR_PARSE, "bytes behind its last record"},
    {"bytes behind the labels", 3, NO_PATCH, 12, STOA_ERROR_PARSE, "t10k-labels-idx1-ubyte has bytes behind"},
    {"a label too great", 3, PATCH(9, "\3"), AS_IT_IS, STOA_ERROR_DATA,
     "t10k-labels-idx1-ubyte, record 1: the label is 3, there are 3 classes"},
    {"one class", 1, PATCH(8, "\0\0\0\0\0"), AS_IT_IS, STOA_ERROR_DATA, "record 1: the label is 1, there are 1"},
};

Test(dataset, damaged_idx, .fini = files_remove)
{
    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct idx_set set = idx_make();
        int file = damages[i].file;
        memcpy(set.data[file] + damages[i].offset, damages[i].patch, damages[i].patch_size);
        if (damages[i].size >= 0)
            set.sizes[file] = (size_t)damages[i].size;
        idx_write(&set, false);
        if (damages[i].size == MISSING)
            files_delete(idx_names[file]);
        expect_refused(damages[i].name, files_spec("idx"), NULL, damages[i].status, damages[i].words);
    }
}

Test(dataset, every_truncation_of_gz, .fini = files_remove)
{
    struct idx_set set = idx_make();
    idx_write(&set, true);
    char name[64], path[128];
    for (int file = 0; file < 4; file++) {
        snprintf(name, sizeof name, "%s.gz", idx_names[file]);
        snprintf(path, sizeof path, "%s/%s", files_folder(), name);
        uint8_t whole[256];
        FILE *stream = fopen(path, "rb");
        cr_assert(stream);
        size_t size = fread(whole, 1, sizeof whole, stream);
        fclose(stream);
        cr_assert(size > 20 && size < sizeof whole);
        for (size_t cut = 0; cut < size; cut++) {
            files_write(name, whole, cut);
            expect_refused(name, files_spec("idx"), NULL, STOA_ERROR_PARSE, name);
        }
        whole[size - 6] ^= 1; /* of the checksum */
        files_write(name, whole, size);
        expect_refused("checksum", files_spec("idx"), NULL, STOA_ERROR_PARSE, "gz: incorrect data check");
        whole[size - 6] ^= 1;
        files_write(name, whole, size);
    }
    set.data[0][set.sizes[0]++] = 0;
    idx_write(&set, true);
    expect_refused("bytes behind", files_spec("idx"), NULL, STOA_ERROR_PARSE, "train-images-idx3-ubyte.gz has bytes");
    set.data[0][5] = 4; /* 2^18 images, more than gzip can squeeze into so few bytes */
    idx_write(&set, true);
    expect_refused("a claim", files_spec("idx"), NULL, STOA_ERROR_PARSE, "262149 records");
}

Test(dataset, idx_options, .fini = files_remove)
{
    struct idx_set set = idx_make();
    idx_write(&set, false);
    struct stoa_dataset_options options = {.class_count = 2};
    expect_refused("class_count", files_spec("idx"), &options, STOA_ERROR_DATA,
                   "record 2: the label is 2, there are 2 classes");
    options = (struct stoa_dataset_options){.max_bytes = 8 * 12 - 1};
    expect_refused("max_bytes", files_spec("idx"), &options, STOA_ERROR_LIMIT, "8 images of 12 bytes are more than");
    options = (struct stoa_dataset_options){.max_bytes = 8 * 12, .class_count = 7};
    struct stoa_dataset_info info;
    stoa_dataset_free(open_set(files_spec("idx"), &options, &info));
    cr_expect(info.class_count == 7);

    memset(set.data[1] + 8, 0, 5);
    memset(set.data[3] + 8, 0, 3);
    idx_write(&set, false);
    expect_refused("one class", files_spec("idx"), NULL, STOA_ERROR_DATA, "a data set of 1 class has nothing");

    set = idx_make();
    set.data[1][8 + 3] = 10;
    idx_write(&set, false);
    expect_refused("Fashion-MNIST has ten", files_spec("fashion-mnist"), NULL, STOA_ERROR_DATA,
                   "train-labels-idx1-ubyte, record 3: the label is 10, there are 10 classes");
    set.data[1][8 + 3] = 9;
    idx_write(&set, false);
    struct stoa_dataset *dataset = open_set(files_spec("fashion-mnist"), NULL, &info);
    cr_expect(info.class_count == 10 && strcmp(stoa_dataset_class_name(dataset, 9), "Ankle boot") == 0);
    stoa_dataset_free(dataset);
}

static const struct {
    const char *name, *spec, *words;
    struct stoa_dataset_options options;
} calls[] = {
    {"no spec", NULL, "spec is null", {.max_bytes = 0}},
    {"an empty one", "", "no data set ''", {.max_bytes = 0}},
    {"an unknown one", "imagenet:/data", "no data set 'imagenet:/data'", {.max_bytes = 0}},
    {"the beginning of one", "fashion", "no data set", {.max_bytes = 0}},
    {"idx without a directory", "idx", "idx:DIR", {.max_bytes = 0}},
    {"an empty directory", "folder:", "folder:DIR", {.max_bytes = 0}},
    {"Fashion-MNIST of an empty directory", "fashion-mnist:", "fashion-mnist:DIR", {.max_bytes = 0}},
    {"height alone", "folder:/", "height is 3 and width is 0", {.height = 3}},
    {"two channels", "folder:/", "channels is 2", {.channels = 2}},
    {"all for the test", "folder:/", "test_share is 1", {.test_share = 1}},
    {"a share that is none", "folder:/", "test_share is nan", {.test_share = NAN}},
};

Test(dataset, arguments)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        expect_refused(calls[i].name, calls[i].spec, &calls[i].options, STOA_ERROR_ARGUMENT, calls[i].words);
    cr_expect(stoa_dataset_open("idx:/", NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    expect_refused("nowhere", "idx:/nowhere/at/all", NULL, STOA_ERROR_IO, "/nowhere/at/all/train-images-idx3-ubyte");
    expect_refused("nowhere", "folder:/nowhere/at/all", NULL, STOA_ERROR_IO, "/nowhere/at/all: No such file");
    expect_refused("nowhere", "cifar10:/nowhere", NULL, STOA_ERROR_IO, "/nowhere/data_batch_1.bin");
}

#define CIFAR_RECORD 3073
static const char *const cifar_names[] = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                          "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};

/* Two records a file; record i of file f has the label f + i, and its planes are 10 * f + i, plus 1 and plus 2. */
static void write_cifar(void)
{
    static uint8_t records[2 * CIFAR_RECORD];
    for (int f = 0; f < 6; f++) {
        for (int i = 0; i < 2; i++) {
            uint8_t *record = records + i * CIFAR_RECORD;
            record[0] = (uint8_t)(f + i);
            for (int c = 0; c < 3; c++)
                memset(record + 1 + c * 1024, 10 * f + i + c, 1024);
        }
        files_write(cifar_names[f], records, sizeof records);
    }
}

Test(dataset, cifar10, .fini = files_remove)
{
    write_cifar();
    struct stoa_dataset_info info;
    struct stoa_dataset *dataset = open_set(files_spec("cifar10"), NULL, &info);
    cr_expect(info.counts[0] == 10 && info.counts[1] == 2 && info.class_count == 10);
    cr_expect(info.channels == 3 && info.height == 32 && info.width == 32);
    cr_expect(strcmp(stoa_dataset_class_name(dataset, 0), "airplane") == 0);
    cr_expect(strcmp(stoa_dataset_class_name(dataset, 9), "truck") == 0);
    uint8_t pixels[3072];
    int64_t label;
    cr_assert(stoa_dataset_get(dataset, STOA_PART_TRAINING, 9, NULL, pixels, &label) == STOA_OK);
    cr_expect(label == 5 && pixels[0] == 41 && pixels[1024] == 42 && pixels[3071] == 43);
    cr_expect(fabs((double)(info.mean[1] - info.mean[0]) - 1.0 / 255) < 1e-6);
    stoa_dataset_free(dataset);

    static const uint8_t records[2 * CIFAR_RECORD] = {[CIFAR_RECORD] = 10};
    files_write(cifar_names[2], records, 2 * CIFAR_RECORD);
    expect_refused("a label", files_spec("cifar10"), NULL, STOA_ERROR_DATA,
                   "data_batch_3.bin, record 1: the label is 10, there are 10 classes");
    files_write(cifar_names[2], records, CIFAR_RECORD + 1);
    expect_refused("a byte more", files_spec("cifar10"), NULL, STOA_ERROR_PARSE, "data_batch_3.bin has 3074 bytes");
    files_write(cifar_names[2], records, 3072);
    expect_refused("a byte less", files_spec("cifar10"), NULL, STOA_ERROR_PARSE, "not a multiple of a record's 3073");
    files_write(cifar_names[2], records, 0);
    expect_refused("an empty file", files_spec("cifar10"), NULL, STOA_ERROR_DATA, "data_batch_3.bin has no records");
    files_delete(cifar_names[2]);
    expect_refused("missing", files_spec("cifar10"), NULL, STOA_ERROR_IO, "data_batch_3.bin");
}

static void write_folders(void)
{
    files_write_png("train/cat/2.png", 4, 3, 3, 20);
    files_write_png("train/cat/10.PNG", 8, 6, 3, 10);
    files_write_png("train/ant/x.png", 4, 3, 1, 50);
    files_write_png("test/cat/a.png", 2, 2, 3, 90);
    files_write("train/cat/notes.txt", "x", 1);
    files_write("train/cat/.hidden.png", "x", 1);
    files_write("train/.git/x.png", "x", 1);
    files_write("train/readme", "x", 1);
}

Test(dataset, folders, .fini = files_remove)
{
    write_folders();
    struct stoa_dataset_info info;
    struct stoa_dataset *dataset = open_set(files_spec("folder"), NULL, &info);
    cr_expect(info.counts[0] == 3 && info.counts[1] == 1 && info.class_count == 2);
    cr_expect(info.channels == 1 && info.height == 3 && info.width == 4, "as ant/x.png, the first");
    cr_expect(strcmp(stoa_dataset_class_name(dataset, 0), "ant") == 0);
    stoa_dataset_free(dataset);

    struct stoa_dataset_options options = {.channels = 3, .height = 2, .width = 5};
    for (int kept = 0; kept < 2; kept++, options.max_bytes = 1) { /* in memory, then decoded at each use */
        dataset = open_set(files_spec("folder"), &options, &info);
        cr_expect(info.channels == 3 && info.height == 2 && info.width == 5);
        static const struct {
            int64_t label;
            uint8_t first, last;
        } wanted[] = {{0, 50, 50}, {1, 10, 30}, {1, 20, 40}};
        for (size_t i = 0; i < 3; i++) {
            uint8_t pixels[30];
            int64_t label;
            cr_assert(stoa_dataset_get(dataset, STOA_PART_TRAINING, i, NULL, pixels, &label) == STOA_OK);
            cr_expect(label == wanted[i].label && pixels[0] == wanted[i].first && pixels[29] == wanted[i].last,
                      "image %zu: label %d, pixels %d and %d", i, (int)label, pixels[0], pixels[29]);
        }
        stoa_dataset_free(dataset);
    }

    files_write("test/cat/b.jpg", "not a picture", 13);
    expect_refused("an unreadable picture", files_spec("folder"), NULL, STOA_ERROR_PARSE, "test/cat/b.jpg: neither");
    files_delete("test/cat/b.jpg");
    files_write_png("test/dog/a.png", 2, 2, 3, 90);
    expect_refused("a class more", files_spec("folder"), NULL, STOA_ERROR_DATA, "test/dog is a class that");
    files_remove();

    write_folders();
    files_delete("test/cat/a.png");
    expect_refused("no tests", files_spec("folder"), NULL, STOA_ERROR_DATA, "test has no pictures for the test part");
    files_delete("test/cat");
    files_delete("test");
    expect_refused("train alone", files_spec("folder"), NULL, STOA_ERROR_DATA, "none called 'test'");
    files_write_png("test/cat/a.png", 2, 2, 3, 90);
    files_delete("train/ant/x.png");
    expect_refused("a class without pictures", files_spec("folder"), NULL, STOA_ERROR_DATA,
                   "train/ant has no pictures");
    files_delete("train/ant");
    expect_refused("one class", files_spec("folder"), NULL, STOA_ERROR_DATA, "train: a data set of 1 class");
}

/* The test part's labels and first pixels, as text. */
static void tell_test_part(const struct stoa_dataset_options *options, char text[256])
{
    struct stoa_dataset_info info;
    struct stoa_dataset *dataset = open_set(files_spec("folder"), options, &info);
    cr_expect(info.counts[0] == 13 && info.counts[1] == 7, "%zu and %zu", info.counts[0], info.counts[1]);
    text[0] = '\0';
    for (size_t i = 0; i < info.counts[1]; i++) {
        uint8_t pixel;
        int64_t label;
        cr_assert(stoa_dataset_get(dataset, STOA_PART_TEST, i, NULL, &pixel, &label) == STOA_OK);
        sprintf(text + strlen(text), "%d:%d ", (int)label, pixel);
    }
    stoa_dataset_free(dataset);
}

Test(dataset, a_share_of_each_class_becomes_the_test_part, .fini = files_remove)
{
    for (int i = 0; i < 20; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%02d.png", i < 15 ? "a" : "b", i);
        files_write_png(name, 1, 1, 1, (uint8_t)i);
    }
    char first[256], again[256], other[256];
    tell_test_part(&(struct stoa_dataset_options){.test_share = 0.3, .split_seed = 1}, first);
    tell_test_part(&(struct stoa_dataset_options){.test_share = 0.3, .split_seed = 1}, again);
    tell_test_part(&(struct stoa_dataset_options){.test_share = 0.3, .split_seed = 2}, other);
    cr_expect(strcmp(first, again) == 0 && strcmp(first, other) != 0, "%s, %s and %s", first, again, other);
    size_t seconds = 0;
    for (const char *at = first; (at = strstr(at, "1:")); at++)
        seconds += at == first || at[-1] == ' ';
    cr_expect(seconds == 2, "%s", first); /* 0.3 of 5, rounded */

    struct stoa_dataset_options options = {.test_share = 0.01};
    expect_refused("too few to split", files_spec("folder"), &options, STOA_ERROR_DATA, "no pictures for the test");
}

Test(dataset, out_of_memory, .fini = files_remove)
{
    static const char *const kinds[] = {"idx", "folder"};
    struct idx_set set = idx_make();
    idx_write(&set, true);
    write_folders();
    for (size_t k = 0; k < 2; k++) {
        size_t n = 0;
        for (enum stoa_status status = STOA_ERROR_MEMORY; status != STOA_OK;) {
            struct counting_allocator allocator;
            counting_allocator_init(&allocator);
            allocator.fail_at = ++n;
            struct stoa_error error = {0};
            struct stoa_dataset *dataset;
            struct stoa_dataset_options options = {.allocator = &allocator.interface};
            status = stoa_dataset_open(files_spec(kinds[k]), &options, &error, &dataset);
            cr_assert(status == STOA_OK || status == STOA_ERROR_MEMORY, "%s, call %zu: %s", kinds[k], n, error.message);
            stoa_dataset_free(dataset);
            cr_assert(allocator.live == 0, "%s, call %zu", kinds[k], n);
        }
        cr_expect(n > 5, "%s: %zu allocations", kinds[k], n);
    }
}

Test(dataset, fashion_mnist_itself)
{
    if (access("/usr/share/datasets/fashion-mnist", R_OK) != 0)
        cr_skip_test("the package dataset-fashion-mnist is not installed");
    struct stoa_dataset_info info;
    struct stoa_dataset *dataset = open_set("fashion-mnist", NULL, &info);
    cr_expect(info.counts[0] == 60000 && info.counts[1] == 10000 && info.height == 28 && info.width == 28);
    cr_expect(fabs((double)info.mean[0] - 0.2860) < 1e-4 && fabs((double)info.std[0] - 0.3530) < 1e-4);
    int64_t label;
    cr_assert(stoa_dataset_get(dataset, STOA_PART_TRAINING, 0, NULL, NULL, &label) == STOA_OK);
    cr_expect(label == 9);
    stoa_dataset_free(dataset);
}
