/* Loaders: every image once an epoch, the same bits whenever they are asked for, errors from the worker. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stoa/data.h>

#include "support/allocator.h"
#include "support/files.h"

#define COUNT 23
#define SIDE 6
#define PIXELS (SIDE * SIDE)

/* An IDX set of COUNT training images: pixel k of image i is 3 * i + k, its label i. */
static struct stoa_dataset *make_dataset(void)
{
    uint8_t images[16 + COUNT * PIXELS] = {0, 0, 8, 3, 0, 0, 0, COUNT, 0, 0, 0, SIDE, 0, 0, 0, SIDE};
    uint8_t labels[8 + COUNT] = {0, 0, 8, 1, 0, 0, 0, COUNT};
    for (size_t i = 0; i < COUNT; i++) {
        labels[8 + i] = (uint8_t)i;
        for (size_t k = 0; k < PIXELS; k++)
            images[16 + i * PIXELS + k] = (uint8_t)(3 * i + k);
    }
    for (int part = 0; part < 2; part++) {
        files_write(idx_names[2 * part], images, sizeof images);
        files_write(idx_names[2 * part + 1], labels, sizeof labels);
    }
    struct stoa_dataset *dataset;
    struct stoa_error error = {0};
    cr_assert(stoa_dataset_open(files_spec("idx"), NULL, &error, &dataset) == STOA_OK, "%s", error.message);
    return dataset;
}

static struct stoa_loader *make_loader(const struct stoa_dataset *dataset, const struct stoa_loader_options *options)
{
    struct stoa_loader *loader;
    struct stoa_error error = {0};
    cr_assert(stoa_loader_create(dataset, STOA_PART_TRAINING, options, &error, &loader) == STOA_OK, "%s",
              error.message);
    return loader;
}

static struct stoa_batch take(struct stoa_loader *loader)
{
    struct stoa_batch batch;
    struct stoa_error error = {0};
    cr_assert(stoa_loader_next(loader, &error, &batch) == STOA_OK, "%s", error.message);
    return batch;
}

static const float plain_mean = 0, plain_std = 1.0F / 255; /* pixels come out as they are, but for rounding */

static bool is_image(const float *y, size_t index)
{
    for (size_t k = 0; k < PIXELS; k++)
        if (fabsf(y[k] - (float)(3 * index + k)) > 0.01F)
            return false;
    return true;
}

static const struct {
    const char *name;
    struct stoa_loader_options options;
    size_t batches, seen; /* in an epoch; images */
} epochs[] = {
    {"in order", {.batch = 5}, 5, COUNT},
    {"shuffled", {.batch = 5, .shuffle = 1, .seed = 3}, 5, COUNT},
    {"one at a time", {.batch = 1, .shuffle = 1}, COUNT, COUNT},
    {"all at once", {.batch = COUNT, .shuffle = 1}, 1, COUNT},
    {"a batch that is never full", {.batch = 40}, 1, COUNT},
    {"default batch", {.batch = 0}, 1, COUNT},
    {"last dropped", {.batch = 5, .shuffle = 1, .drop_last = 1}, 4, 20},
    {"limited", {.batch = 4, .shuffle = 1, .limit = 10}, 3, 10},
    {"limited to more than there are", {.batch = 4, .limit = 100}, 6, COUNT},
};

Test(loader, each_image_once_an_epoch, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    for (size_t i = 0; i < sizeof epochs / sizeof *epochs; i++) {
        struct stoa_loader_options options = epochs[i].options;
        options.mean = &plain_mean;
        options.std = &plain_std;
        struct stoa_loader *loader = make_loader(dataset, &options);
        size_t size = options.batch ? options.batch : 64;
        cr_expect(stoa_loader_batches(loader) == epochs[i].batches, "%s", epochs[i].name);
        bool moved = false;
        for (size_t epoch = 0; epoch < 3; epoch++) {
            size_t times[COUNT] = {0}, seen = 0;
            for (size_t b = 0; b < epochs[i].batches; b++) {
                struct stoa_batch batch = take(loader);
                cr_assert(batch.epoch == epoch && batch.position == b, "%s: %zu %zu", epochs[i].name, batch.epoch,
                          batch.position);
                cr_assert(batch.count > 0 && batch.count <= size);
                for (size_t k = 0; k < batch.count; k++) {
                    size_t label = (size_t)batch.labels[k];
                    cr_assert(label < COUNT && is_image(batch.images + k * PIXELS, label), "%s: %zu", epochs[i].name,
                              label);
                    times[label]++;
                    moved |= label != seen;
                    seen++;
                }
                for (size_t k = batch.count; k < size; k++)
                    cr_expect(batch.labels[k] == -1 &&
                                  is_image(batch.images + k * PIXELS, (size_t)batch.labels[k % batch.count]),
                              "%s", epochs[i].name);
            }
            cr_expect(seen == epochs[i].seen, "%s: %zu images", epochs[i].name, seen);
            for (size_t k = 0; k < COUNT; k++)
                cr_expect(times[k] <= 1, "%s: image %zu came %zu times", epochs[i].name, k, times[k]);
        }
        cr_expect(moved == (options.shuffle != 0), "%s", epochs[i].name);
        stoa_loader_free(loader);
    }
    stoa_loader_free(NULL);
    stoa_dataset_free(dataset);
}

#define BATCH 4
#define BATCHES 6
#define RUN (3 * BATCHES)

static const struct stoa_loader_options augmented = {.batch = BATCH, .shuffle = 1, .seed = 42, .flip = 1, .shift = 2};

static void record(struct stoa_loader *loader, size_t count, bool slow, float *images, int64_t *labels)
{
    for (size_t b = 0; b < count; b++) {
        struct stoa_batch batch = take(loader);
        memcpy(images + b * BATCH * PIXELS, batch.images, BATCH * PIXELS * sizeof *images);
        memcpy(labels + b * BATCH, batch.labels, BATCH * sizeof *labels);
        if (slow && b % 3 == 0)
            usleep(2000);
    }
}

Test(loader, the_same_bits_whatever_the_timing, .fini = files_remove)
{
    static float first[RUN * BATCH * PIXELS], again[RUN * BATCH * PIXELS];
    static int64_t first_labels[RUN * BATCH], again_labels[RUN * BATCH];
    struct stoa_dataset *dataset = make_dataset();
    struct stoa_loader *loader = make_loader(dataset, &augmented), *other = make_loader(dataset, &augmented);
    record(loader, RUN, false, first, first_labels);
    record(other, RUN, true, again, again_labels);
    cr_expect(memcmp(first, again, sizeof first) == 0 && memcmp(first_labels, again_labels, sizeof first_labels) == 0);
    stoa_loader_free(other);

    /* From anywhere, in any order, at once or after a rest, the batches come that an undisturbed run had. */
    for (size_t i = 0; i < 60; i++) {
        size_t begin = (i * 7) % RUN, count = 1 + i % 3;
        if (begin + count > RUN)
            count = RUN - begin;
        if (i % 4 == 0)
            usleep(1000);
        bool end = begin % BATCHES == 0 && begin > 0; /* which is the beginning of the next */
        cr_assert(stoa_loader_seek(loader, begin / BATCHES - end, end ? BATCHES : begin % BATCHES, NULL) == STOA_OK);
        record(loader, count, false, again, again_labels);
        cr_expect(memcmp(first + begin * BATCH * PIXELS, again, count * BATCH * PIXELS * sizeof *first) == 0, "%zu", i);
        cr_expect(memcmp(first_labels + begin * BATCH, again_labels, count * BATCH * sizeof *first_labels) == 0);
    }
    struct stoa_error error = {0};
    cr_expect(stoa_loader_seek(loader, 0, BATCHES + 1, &error) == STOA_ERROR_ARGUMENT);
    static const size_t asked[] = {0, 1, 2, 2, 5, 6, 7, 17, 3, 4};
    for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
        struct stoa_batch batch;
        cr_assert(stoa_loader_get(loader, asked[i] / BATCHES, asked[i] % BATCHES, &error, &batch) == STOA_OK);
        cr_expect(batch.epoch * BATCHES + batch.position == asked[i]);
        cr_expect(memcmp(first_labels + asked[i] * BATCH, batch.labels, BATCH * sizeof *first_labels) == 0);
    }
    stoa_loader_free(loader);

    struct stoa_loader_options seeded = augmented;
    seeded.seed = 43;
    loader = make_loader(dataset, &seeded);
    record(loader, RUN, false, again, again_labels);
    cr_expect(memcmp(first_labels, again_labels, sizeof first_labels) != 0, "another seed, the same order");
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}

/* Whether y is image `index`, mirrored or not, moved by (down, right). */
static bool is_moved(const float *y, size_t index, bool mirror, int down, int right)
{
    for (int row = 0; row < SIDE; row++)
        for (int column = 0; column < SIDE; column++) {
            int r = row - down, c = column - right;
            float wanted = 0;
            if (r >= 0 && r < SIDE && c >= 0 && c < SIDE)
                wanted = (float)(3 * (int)index + r * SIDE + (mirror ? SIDE - 1 - c : c));
            if (fabsf(y[row * SIDE + column] - wanted) > 0.01F)
                return false;
        }
    return true;
}

Test(loader, flips_or_shifts_alone, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    for (int flip = 0; flip < 2; flip++) {
        struct stoa_loader_options options = {
            .batch = COUNT, .flip = flip, .shift = flip ? 0 : 2, .mean = &plain_mean, .std = &plain_std};
        struct stoa_loader *loader = make_loader(dataset, &options);
        size_t mirrored = 0, moved = 0;
        for (size_t b = 0; b < 10; b++) {
            struct stoa_batch batch = take(loader);
            for (size_t i = 0; i < COUNT; i++) {
                const float *y = batch.images + i * PIXELS;
                bool still = is_moved(y, (size_t)batch.labels[i], false, 0, 0);
                mirrored += is_moved(y, (size_t)batch.labels[i], true, 0, 0);
                moved += !still && !is_moved(y, (size_t)batch.labels[i], true, 0, 0);
            }
        }
        cr_expect((mirrored > 0) == flip && (moved > 0) == !flip, "%d: %zu %zu", flip, mirrored, moved);
        stoa_loader_free(loader);
    }
    stoa_dataset_free(dataset);
}

Test(loader, augmentation_moves_and_mirrors, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    struct stoa_loader_options options = {
        .batch = COUNT, .shuffle = 1, .flip = 1, .shift = 2, .mean = &plain_mean, .std = &plain_std};
    struct stoa_loader *loader = make_loader(dataset, &options);
    size_t times[2][5][5] = {{{0}}}, images = 40 * COUNT;
    for (size_t b = 0; b < 40; b++) {
        struct stoa_batch batch = take(loader);
        for (size_t i = 0; i < COUNT; i++) {
            bool found = false;
            for (int way = 0; way < 50 && !found; way++) {
                int mirror = way / 25, down = way / 5 % 5 - 2, right = way % 5 - 2;
                found = is_moved(batch.images + i * PIXELS, (size_t)batch.labels[i], mirror, down, right);
                times[mirror][down + 2][right + 2] += found;
            }
            cr_assert(found, "image %zu of batch %zu is nothing that was asked for", i, b);
        }
    }
    size_t mirrored = 0;
    for (int way = 0; way < 50; way++) {
        size_t count = times[way / 25][way / 5 % 5][way % 5];
        mirrored += way >= 25 ? count : 0;
        cr_expect(count > 0, "way %d never came", way);
    }
    cr_expect(mirrored > images * 2 / 5 && mirrored < images * 3 / 5, "%zu of %zu mirrored", mirrored, images);
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}

Test(loader, normalises_with_the_training_part, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    struct stoa_loader *loader = make_loader(dataset, &(struct stoa_loader_options){.batch = COUNT});
    struct stoa_batch batch = take(loader);
    double sum = 0, squares = 0;
    for (size_t i = 0; i < COUNT * PIXELS; i++) {
        sum += (double)batch.images[i];
        squares += (double)batch.images[i] * (double)batch.images[i];
    }
    cr_expect(fabs(sum / (COUNT * PIXELS)) < 1e-5 && fabs(squares / (COUNT * PIXELS) - 1) < 1e-5, "%g %g", sum,
              squares);
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}

static const float nan_mean = NAN, zero_std = 0;
static const struct {
    const char *name, *words;
    struct stoa_loader_options options;
} refusals[] = {
    {"a batch of more than there are", "batch is 24: 23 images do not fill one", {.batch = 24, .drop_last = 1}},
    {"shifted out of sight", "shift is 6", {.shift = SIDE}},
    {"no mean", "mean[0] is nan", {.mean = &nan_mean}},
    {"no deviation", "std[0] is 0", {.std = &zero_std}},
    {"a word that is reserved", "reserved", {.reserved = {1}}},
};

Test(loader, refuses, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        struct stoa_loader_options options = refusals[i].options;
        options.allocator = &allocator.interface;
        struct stoa_error error = {0};
        struct stoa_loader *loader;
        cr_expect(stoa_loader_create(dataset, STOA_PART_TEST, &options, &error, &loader) == STOA_ERROR_ARGUMENT, "%s",
                  refusals[i].name);
        cr_expect(!loader && strstr(error.message, refusals[i].words), "%s: %s", refusals[i].name, error.message);
        cr_expect(allocator.live == 0, "%s", refusals[i].name);
    }
    struct stoa_error error = {0};
    struct stoa_loader *loader;
    struct stoa_batch batch;
    cr_expect(stoa_loader_create(NULL, STOA_PART_TEST, NULL, &error, &loader) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_create(dataset, STOA_PART_COUNT, NULL, &error, &loader) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_create(dataset, STOA_PART_TEST, NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_next(NULL, &error, &batch) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_seek(NULL, 0, 0, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_get(NULL, 0, 0, &error, &batch) == STOA_ERROR_ARGUMENT);
    struct stoa_loader_options huge = {.batch = SIZE_MAX / 2};
    cr_expect(stoa_loader_create(dataset, STOA_PART_TEST, &huge, &error, &loader) == STOA_ERROR_LIMIT, "%s",
              error.message);
    cr_assert(stoa_loader_create(dataset, STOA_PART_TEST, NULL, &error, &loader) == STOA_OK, "%s", error.message);
    size_t batches = stoa_loader_batches(loader);
    cr_expect(stoa_loader_next(loader, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_get(loader, 0, 0, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_loader_get(loader, 0, batches, &error, &batch) == STOA_ERROR_ARGUMENT && !batch.images);
    cr_expect(strstr(error.message, "position is"), "%s", error.message);
    cr_expect(stoa_loader_seek(loader, 0, batches, &error) == STOA_OK, "%s", error.message);
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}

Test(loader, out_of_memory, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    size_t n = 0;
    for (enum stoa_status status = STOA_ERROR_MEMORY; status != STOA_OK;) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        allocator.fail_at = ++n;
        struct stoa_error error = {0};
        struct stoa_loader *loader;
        struct stoa_loader_options options = {.allocator = &allocator.interface};
        status = stoa_loader_create(dataset, STOA_PART_TRAINING, &options, &error, &loader);
        cr_assert(status == STOA_OK || status == STOA_ERROR_MEMORY, "call %zu: %s", n, error.message);
        stoa_loader_free(loader);
        cr_assert(allocator.live == 0, "call %zu", n);
    }
    cr_expect(n == 9, "%zu allocations", n);
    stoa_dataset_free(dataset);
}

Test(loader, what_the_worker_cannot_read_is_told, .fini = files_remove)
{
    for (int i = 0; i < 6; i++) {
        char name[32];
        snprintf(name, sizeof name, "%s/%s/%d.png", i < 3 ? "train" : "test", i % 2 ? "a" : "b", i);
        files_write_png(name, 3, 3, 1, (uint8_t)(10 * i));
    }
    /* Nothing stays in memory: 0.png, 2.png of b come behind 1.png of a. */
    struct stoa_dataset *dataset;
    struct stoa_error error = {0};
    struct stoa_dataset_options streamed = {.max_bytes = 1};
    cr_assert(stoa_dataset_open(files_spec("folder"), &streamed, &error, &dataset) == STOA_OK, "%s", error.message);
    struct stoa_loader *loader = make_loader(dataset, &(struct stoa_loader_options){.batch = 1});
    for (int i = 0; i < 7; i++)
        cr_expect(take(loader).labels[0] == (i % 3 > 0));
    files_write("train/b/2.png", "torn", 4);
    cr_assert(stoa_loader_seek(loader, 0, 1, NULL) == STOA_OK);
    cr_expect(take(loader).labels[0] == 1, "what came before the bad one is still good");
    struct stoa_batch batch;
    for (int i = 0; i < 3; i++) {
        error = (struct stoa_error){.status = STOA_OK};
        cr_expect(stoa_loader_next(loader, &error, &batch) == STOA_ERROR_PARSE && !batch.images);
        cr_expect(error.status == STOA_ERROR_PARSE && strstr(error.message, "train/b/2.png: neither"), "%s",
                  error.message);
    }
    cr_expect(stoa_loader_next(loader, NULL, &batch) == STOA_ERROR_PARSE);
    files_write_png("train/b/2.png", 3, 3, 1, 77);
    cr_assert(stoa_loader_seek(loader, 0, 2, NULL) == STOA_OK);
    cr_expect(take(loader).labels[0] == 1, "a seek begins anew");
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}

Test(loader, freed_at_any_moment, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    for (size_t i = 0; i < 100; i++) {
        struct stoa_loader *loader = make_loader(dataset, &augmented);
        for (size_t b = 0; b < i % 4; b++)
            take(loader);
        stoa_loader_free(loader);
    }
    stoa_dataset_free(dataset);
}

Test(loader, a_fork_is_told_that_it_has_none, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    struct stoa_loader *loader = make_loader(dataset, &augmented);
    take(loader);
    pid_t child = fork();
    cr_assert(child >= 0);
    if (child == 0) {
        struct stoa_batch batch;
        bool told = stoa_loader_next(loader, NULL, &batch) == STOA_ERROR_UNSUPPORTED;
        stoa_loader_free(loader);
        _exit(told ? 0 : 1);
    }
    int status;
    cr_assert(waitpid(child, &status, 0) == child);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    take(loader);
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}

/* What the host's threads block stays pending: the loader's does not take it, and would end the process. */
Test(loader, its_thread_takes_no_signals, .fini = files_remove)
{
    struct stoa_dataset *dataset = make_dataset();
    sigset_t before, after, blocked, pending;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    struct stoa_loader *loader = make_loader(dataset, &augmented);
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number <= SIGRTMAX; number++)
        cr_expect(sigismember(&before, number) == sigismember(&after, number), "signal %d", number);
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGUSR1);
    pthread_sigmask(SIG_BLOCK, &blocked, NULL);
    kill(getpid(), SIGUSR1);
    sigpending(&pending);
    cr_expect(sigismember(&pending, SIGUSR1) == 1);
    take(loader);
    stoa_loader_free(loader);
    stoa_dataset_free(dataset);
}
