/* Batches, one ahead: a thread fills one of two buffers while the caller has the other. Nothing that comes out depends
 * on when it does so: the order is a function of seed and epoch, what becomes of an image one of seed, epoch and its
 * number in the data set. */
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "data/dataset.h"

#define DEFAULT_BATCH 64
#define SLOTS 2

struct place {
    size_t epoch, position;
};

struct slot {
    float *images;
    int64_t *labels;
    struct place place;
    size_t count;
    bool full; /* made, and not given back by the caller */
    enum stoa_status status;
    struct stoa_error error;
};

struct stoa_loader {
    const struct stoa_dataset *dataset;
    enum stoa_part part;
    struct stoa_loader_options options; /* with the defaults filled in; its pointers are not used */
    struct stoa_allocator allocator;
    size_t count, batches; /* images and batches in an epoch */
    float (*values)[256];  /* [channels]: what becomes of a byte */
    /* The worker's own. */
    size_t *order, order_epoch;
    uint8_t *buffer; /* an image */
    /* Shared, under the mutex; a slot's content is the worker's while it is not full. */
    pthread_mutex_t mutex;
    pthread_cond_t news; /* a slot is full, a slot is empty, or it is over */
    pthread_t thread;
    bool quit, busy;
    bool resting;           /* the worker begins nothing new: a seek is at work */
    pid_t process;          /* whose thread it is: a fork has none */
    struct place next;      /* to be made */
    size_t filling, taking; /* slots */
    bool holds;             /* whether the caller has slots[taking] */
    struct place coming;    /* the caller's own, as is started: what next will hand out */
    bool started;           /* the thread is there */
    struct slot slots[SLOTS];
};

/* Random numbers of their own for each pair. */
static struct random stream(uint64_t seed, uint64_t a, uint64_t b)
{
    struct random random = {.state = seed};
    random.state = stoa_random_bits(&random) ^ a;
    random.state = stoa_random_bits(&random) ^ b;
    random.state = stoa_random_bits(&random);
    return random;
}

/* A permutation of the whole part (Fisher, Yates), of which an epoch takes the first `count`. */
static void shuffle(struct stoa_loader *loader, size_t epoch)
{
    size_t count = loader->dataset->parts[loader->part].count, *order = loader->order;
    for (size_t i = 0; i < count; i++)
        order[i] = i;
    struct random random = stream(loader->options.seed, epoch, UINT64_MAX);
    for (size_t i = count; loader->options.shuffle && i > 1; i--) {
        size_t other = (size_t)stoa_random_int(&random, 0, (int64_t)(i - 1)), held = order[i - 1];
        order[i - 1] = order[other];
        order[other] = held;
    }
    loader->order_epoch = epoch;
}

/* y[H][W] <- values[x[y - down][x - right]], x mirrored first; black where that is outside. */
static void place_plane(const uint8_t *x, size_t H, size_t W, bool mirror, ptrdiff_t down, ptrdiff_t right,
                        const float *values, float *y)
{
    size_t begin = right > 0 ? (size_t)right : 0, end = right < 0 ? W - (size_t)-right : W;
    for (size_t row = 0; row < H; row++, y += W) {
        ptrdiff_t from = (ptrdiff_t)row - down;
        bool inside = from >= 0 && from < (ptrdiff_t)H;
        const uint8_t *line = x + (inside ? (size_t)from * W : 0);
        for (size_t column = 0; column < W; column++)
            if (!inside || column < begin || column >= end)
                y[column] = values[0];
        for (size_t column = begin; inside && column < end; column++) {
            size_t source = (size_t)((ptrdiff_t)column - right);
            y[column] = values[line[mirror ? W - 1 - source : source]];
        }
    }
}

static void place_image(const struct stoa_loader *loader, size_t epoch, size_t index, const uint8_t *pixels, float *y)
{
    const struct stoa_dataset *dataset = loader->dataset;
    size_t H = dataset->height, W = dataset->width;
    struct random random = stream(loader->options.seed, epoch, index);
    int64_t shift = (int64_t)loader->options.shift;
    bool mirror = stoa_random_int(&random, 0, 1) == 1 && loader->options.flip;
    ptrdiff_t down = (ptrdiff_t)stoa_random_int(&random, -shift, shift);
    ptrdiff_t right = (ptrdiff_t)stoa_random_int(&random, -shift, shift);
    for (size_t c = 0; c < dataset->channels; c++)
        place_plane(pixels + c * H * W, H, W, mirror, down, right, loader->values[c], y + c * H * W);
}

static enum stoa_status fill(struct stoa_loader *loader, struct slot *slot)
{
    size_t batch = loader->options.batch, image = loader->dataset->image_bytes; /* as many floats */
    size_t first = slot->place.position * batch;
    if (loader->order_epoch != slot->place.epoch)
        shuffle(loader, slot->place.epoch);
    slot->count = stoa_size_min(batch, loader->count - first);
    for (size_t i = 0; i < slot->count; i++) {
        size_t index = loader->order[first + i];
        const uint8_t *pixels;
        STOA_TRY(stoa_dataset_pixels(loader->dataset, loader->part, index, loader->buffer, &slot->error, &pixels));
        place_image(loader, slot->place.epoch, index, pixels, slot->images + i * image);
        slot->labels[i] = loader->dataset->parts[loader->part].labels[index];
    }
    /* A norm over the batch then sees the images that count, and no others. */
    for (size_t i = slot->count; i < batch; i++) {
        memcpy(slot->images + i * image, slot->images + (i - slot->count) * image, image * sizeof(float));
        slot->labels[i] = -1;
    }
    return STOA_OK;
}

static void advance(struct place *place, size_t batches)
{
    if (++place->position >= batches)
        *place = (struct place){.epoch = place->epoch + 1};
}

static void *worker_main(void *argument)
{
    struct stoa_loader *loader = argument;
    pthread_mutex_lock(&loader->mutex);
    for (;;) {
        struct slot *slot = &loader->slots[loader->filling];
        if (loader->quit)
            break;
        if (slot->full || loader->resting) {
            pthread_cond_wait(&loader->news, &loader->mutex);
            continue;
        }
        slot->place = loader->next;
        loader->busy = true;
        pthread_mutex_unlock(&loader->mutex);
        enum stoa_status status = fill(loader, slot);
        pthread_mutex_lock(&loader->mutex);
        loader->busy = false;
        slot->status = status;
        slot->full = true;
        loader->filling = (loader->filling + 1) % SLOTS;
        advance(&loader->next, loader->batches);
        pthread_cond_broadcast(&loader->news);
    }
    pthread_mutex_unlock(&loader->mutex);
    return NULL;
}

static enum stoa_status check_loader(const struct stoa_loader *loader, struct stoa_error *error)
{
    if (!loader)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "loader is null");
    if (loader->process != getpid())
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "a loader cannot be used in a fork: its thread is not there");
    return STOA_OK;
}

static enum stoa_status begin_batch(const struct stoa_loader *loader, struct stoa_error *error,
                                    struct stoa_batch *batch)
{
    if (!batch)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "batch is null");
    *batch = (struct stoa_batch){.images = NULL};
    return check_loader(loader, error);
}

enum stoa_status stoa_loader_next(struct stoa_loader *loader, struct stoa_error *error, struct stoa_batch *batch)
{
    STOA_TRY(begin_batch(loader, error, batch));
    pthread_mutex_lock(&loader->mutex);
    if (loader->holds) {
        loader->slots[loader->taking].full = false;
        loader->taking = (loader->taking + 1) % SLOTS;
        loader->holds = false;
        pthread_cond_broadcast(&loader->news);
    }
    const struct slot *slot = &loader->slots[loader->taking];
    while (!slot->full)
        pthread_cond_wait(&loader->news, &loader->mutex);
    loader->holds = slot->status == STOA_OK;
    pthread_mutex_unlock(&loader->mutex);
    if (slot->status != STOA_OK)
        return stoa_fail(error, slot->status, "%s", slot->error.message);
    *batch = (struct stoa_batch){.images = slot->images,
                                 .labels = slot->labels,
                                 .count = slot->count,
                                 .epoch = slot->place.epoch,
                                 .position = slot->place.position};
    advance(&loader->coming, loader->batches);
    return STOA_OK;
}

enum stoa_status stoa_loader_seek(struct stoa_loader *loader, size_t epoch, size_t position, struct stoa_error *error)
{
    STOA_TRY(check_loader(loader, error));
    if (position > loader->batches)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "position is %zu, an epoch has %zu batches", position,
                         loader->batches);
    pthread_mutex_lock(&loader->mutex);
    loader->resting = true;
    while (loader->busy)
        pthread_cond_wait(&loader->news, &loader->mutex);
    loader->resting = loader->holds = false;
    loader->next = (struct place){.epoch = epoch, .position = position};
    if (position == loader->batches)
        loader->next = (struct place){.epoch = epoch + 1};
    loader->coming = loader->next;
    loader->filling = loader->taking = 0;
    for (size_t i = 0; i < SLOTS; i++)
        loader->slots[i].full = false;
    pthread_cond_broadcast(&loader->news);
    pthread_mutex_unlock(&loader->mutex);
    return STOA_OK;
}

enum stoa_status stoa_loader_get(struct stoa_loader *loader, size_t epoch, size_t position, struct stoa_error *error,
                                 struct stoa_batch *batch)
{
    STOA_TRY(begin_batch(loader, error, batch));
    if (position >= loader->batches)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "position is %zu, an epoch has %zu batches", position,
                         loader->batches);
    if (loader->coming.epoch != epoch || loader->coming.position != position)
        STOA_TRY(stoa_loader_seek(loader, epoch, position, error));
    return stoa_loader_next(loader, error, batch);
}

size_t stoa_loader_batches(const struct stoa_loader *loader)
{
    return loader->batches;
}

static enum stoa_status settle_options(struct stoa_loader *loader, const struct stoa_loader_options *given,
                                       struct stoa_error *error)
{
    const struct stoa_dataset *dataset = loader->dataset;
    struct stoa_loader_options *options = &loader->options;
    *options = *given;
    options->batch = options->batch ? options->batch : DEFAULT_BATCH;
    loader->count = dataset->parts[loader->part].count;
    if (options->limit)
        loader->count = stoa_size_min(loader->count, options->limit);
    loader->batches =
        options->drop_last ? loader->count / options->batch : stoa_size_ceil_div(loader->count, options->batch);
    if (loader->batches == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "batch is %zu: %zu images do not fill one", options->batch,
                         loader->count);
    if (options->shift >= dataset->height || options->shift >= dataset->width)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "shift is %zu, must be less than %zu x %zu", options->shift,
                         dataset->height, dataset->width);
    return STOA_OK;
}

static enum stoa_status make_values(struct stoa_loader *loader, const struct stoa_loader_options *options,
                                    struct stoa_error *error)
{
    const float *mean = options->mean ? options->mean : loader->dataset->mean;
    const float *std = options->std ? options->std : loader->dataset->std;
    for (size_t c = 0; c < loader->dataset->channels; c++) {
        if (!isfinite(mean[c]) || !isfinite(std[c]) || std[c] <= 0)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "mean[%zu] is %g and std[%zu] is %g", c, (double)mean[c], c,
                             (double)std[c]);
        for (size_t i = 0; i < 256; i++)
            loader->values[c][i] = ((float)i / 255 - mean[c]) / std[c];
    }
    return STOA_OK;
}

static enum stoa_status allocate(struct stoa_loader *loader, struct stoa_error *error)
{
    const struct stoa_dataset *dataset = loader->dataset;
    const struct stoa_allocator *allocator = &loader->allocator;
    STOA_TRY(stoa_allocate(allocator, dataset->channels, sizeof *loader->values, error, &loader->values));
    STOA_TRY(stoa_allocate(allocator, dataset->parts[loader->part].count, sizeof(size_t), error, &loader->order));
    STOA_TRY(stoa_allocate(allocator, 1, dataset->image_bytes, error, &loader->buffer));
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *slot = &loader->slots[i];
        STOA_TRY(stoa_allocate(allocator, loader->options.batch, dataset->image_bytes * sizeof(float), error,
                               &slot->images));
        STOA_TRY(stoa_allocate(allocator, loader->options.batch, sizeof *slot->labels, error, &slot->labels));
    }
    return STOA_OK;
}

/* Signals are the host's business: they go to the host's threads. */
static enum stoa_status start(struct stoa_loader *loader, struct stoa_error *error)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failure = pthread_create(&loader->thread, NULL, worker_main, loader);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    loader->started = !failure;
    return failure ? stoa_fail(error, STOA_ERROR_MEMORY, "cannot create the loader's thread") : STOA_OK;
}

static enum stoa_status prepare(struct stoa_loader *loader, const struct stoa_loader_options *options,
                                struct stoa_error *error)
{
    STOA_TRY(settle_options(loader, options, error));
    STOA_TRY(allocate(loader, error));
    STOA_TRY(make_values(loader, options, error));
    shuffle(loader, 0);
    return start(loader, error);
}

enum stoa_status stoa_loader_create(const struct stoa_dataset *dataset, enum stoa_part part,
                                    const struct stoa_loader_options *options, struct stoa_error *error,
                                    struct stoa_loader **out)
{
    static const struct stoa_loader_options defaults;
    if (!out)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "loader is null");
    *out = NULL;
    if (!dataset)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "dataset is null");
    if ((unsigned)part >= STOA_PART_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "part is %d, must be 0 or 1", (int)part);
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    options = options ? options : &defaults;
    struct stoa_allocator allocator = options->allocator ? *options->allocator : dataset->allocator;
    struct stoa_loader *loader;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *loader, error, &loader));
    loader->dataset = dataset;
    loader->part = part;
    loader->allocator = allocator;
    loader->process = getpid();
    pthread_mutex_init(&loader->mutex, NULL);
    pthread_cond_init(&loader->news, NULL);
    enum stoa_status status = prepare(loader, options, error);
    if (status == STOA_OK)
        *out = loader;
    else
        stoa_loader_free(loader);
    return status;
}

void stoa_loader_free(struct stoa_loader *loader)
{
    if (!loader)
        return;
    struct stoa_allocator allocator = loader->allocator;
    if (loader->process == getpid()) {
        pthread_mutex_lock(&loader->mutex);
        loader->quit = true;
        pthread_cond_broadcast(&loader->news);
        pthread_mutex_unlock(&loader->mutex);
        if (loader->started)
            pthread_join(loader->thread, NULL);
        pthread_mutex_destroy(&loader->mutex);
        pthread_cond_destroy(&loader->news);
    }
    for (size_t i = 0; i < SLOTS; i++) {
        stoa_release(&allocator, loader->slots[i].images);
        stoa_release(&allocator, loader->slots[i].labels);
    }
    stoa_release(&allocator, loader->buffer);
    stoa_release(&allocator, loader->order);
    stoa_release(&allocator, loader->values);
    stoa_release(&allocator, loader);
}
