/* Batches for a trainer, from loaders. */
#include "cli/train_data.h"

#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"

#define DEFAULT_BATCH 64

bool stoa_cli_train_takes_classes(enum stoa_loss loss)
{
    return loss == STOA_LOSS_CROSS_ENTROPY || loss == STOA_LOSS_HINGE;
}

/* targets[batch][classes] <- 1 at the labels. */
static void set_targets(struct train_source *source, const int64_t *labels)
{
    for (size_t i = 0; i < source->batches.batch; i++) {
        float *row = source->targets + i * source->classes;
        memset(row, 0, source->classes * sizeof *row);
        if (labels[i] >= 0)
            row[labels[i]] = 1;
    }
}

static enum stoa_status get(void *user, size_t epoch, size_t position, struct stoa_error *error,
                            struct stoa_examples *examples)
{
    struct train_source *source = user;
    struct stoa_batch batch;
    STOA_TRY(stoa_loader_get(source->loader, epoch, position, error, &batch));
    if (source->targets)
        set_targets(source, batch.labels);
    *examples = (struct stoa_examples){.x = batch.images,
                                       .labels = source->targets ? (const void *)source->targets : batch.labels,
                                       .count = batch.count};
    return STOA_OK;
}

/* What suits the data: clothes and things look the same mirrored; digits, and who knows what else, do not. */
void stoa_cli_train_augment(const struct settings *settings, bool *flip, size_t *shift)
{
    bool clothes = strncmp(settings->data, "fashion-mnist", 13) == 0;
    bool things = strncmp(settings->data, "cifar10", 7) == 0;
    *flip = settings->train.augmented ? settings->train.flip : clothes || things;
    *shift = settings->train.augmented ? settings->train.shift : clothes ? 2 : things ? 4 : 0;
}

void stoa_cli_data_scale(const struct settings *settings, const struct stoa_dataset_info *info, float mean[3],
                         float std[3])
{
    struct preprocess given = stoa_cli_preprocess(settings);
    bool asked = settings->preset || settings->changed;
    for (size_t c = 0; c < info->channels; c++) {
        mean[c] = asked ? given.mean[c] / (255 * given.scale) : info->mean[c];
        std[c] = asked ? given.std[c] / (255 * given.scale) : info->std[c];
    }
}

/* The greatest number up to `most` that divides `count`. */
static size_t even_batch(size_t count, size_t most)
{
    size_t batch = stoa_size_min(most, count);
    while (count % batch != 0)
        batch--;
    return batch;
}

enum stoa_status stoa_cli_train_source_open(struct train_source *source, const struct stoa_dataset *dataset,
                                            enum stoa_part part, const struct settings *settings,
                                            struct stoa_error *error)
{
    struct stoa_dataset_info info;
    stoa_dataset_describe(dataset, &info);
    bool whole = !stoa_cli_train_takes_classes(settings->train.loss);
    float mean[3], std[3];
    stoa_cli_data_scale(settings, &info, mean, std);
    struct stoa_loader_options options = {.batch = settings->train.batch ? settings->train.batch : DEFAULT_BATCH,
                                          .seed = settings->seed,
                                          .mean = mean,
                                          .std = std};
    if (part == STOA_PART_TRAINING) {
        bool flip;
        stoa_cli_train_augment(settings, &flip, &options.shift);
        options.flip = flip;
        options.shuffle = 1;
        options.limit = settings->train.limit;
        /* What fills up a batch has no label, but batch norm would see it twice. Each epoch leaves out others. */
        size_t seen = options.limit ? stoa_size_min(options.limit, info.counts[part]) : info.counts[part];
        options.drop_last = whole || seen >= options.batch;
    } else if (whole) {
        options.batch = even_batch(info.counts[part], options.batch);
    }
    *source = (struct train_source){.loader = NULL};
    STOA_TRY(stoa_loader_create(dataset, part, &options, error, &source->loader));
    source->batches = (struct stoa_batches){
        .batch = options.batch, .count = stoa_loader_batches(source->loader), .get = get, .user = source};
    return STOA_OK;
}

enum stoa_status stoa_cli_train_source_finish(struct train_source *source, enum stoa_loss loss, size_t classes,
                                              struct stoa_error *error)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    size_t row;
    source->classes = classes;
    if (stoa_cli_train_takes_classes(loss))
        return STOA_OK;
    if (!stoa_size_mul(classes, sizeof *source->targets, &row))
        return stoa_fail(error, STOA_ERROR_LIMIT, "the model has %zu scores", classes);
    return stoa_allocate(&allocator, source->batches.batch, row, error, &source->targets);
}

void stoa_cli_train_source_close(struct train_source *source)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    stoa_loader_free(source->loader);
    stoa_release(&allocator, source->targets);
    *source = (struct train_source){.loader = NULL};
}
