/* Stoa trains: questions and answers around one trainer. What its peer does is in peers/pytorch.py, and both do the
 * same: batches of 64 of Fashion-MNIST, shuffled, normalised, nothing else; SGD, learning rate 0.05, momentum 0.9. A
 * run is one step, with getting its batch. */
#include "serve.h"

#include <limits.h>
#include <stdint.h>
#include <stoa/build.h>
#include <stoa/data.h>
#include <stoa/train.h>
#include <string.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/status.h"
#include "engine.h"
#include "train.h"

#define TEST_BATCH 500

struct served {
    struct stoa_dataset *dataset;
    struct stoa_loader *training, *test;
    struct stoa_model *model;
    struct stoa_trainer *trainer;
};

static enum stoa_status load(void *user, char *words, struct stoa_error *error, double *seconds)
{
    struct served *served = user;
    char net[64], folder[PATH_MAX], spec[PATH_MAX + 32];
    size_t threads;
    double begin = stoa_seconds();
    if (served->dataset || sscanf(words, "%zu %63s %4095[^\n]", &threads, net, folder) != 3)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "load %.64s is not understood, or not the first", words);
    snprintf(spec, sizeof spec, "fashion-mnist:%s", folder);
    static const float mean = 0.2860F, std = 0.3530F;
    struct stoa_loader_options options = {
        .batch = BENCH_TRAIN_BATCH, .shuffle = 1, .drop_last = 1, .mean = &mean, .std = &std};
    STOA_TRY(stoa_dataset_open(spec, NULL, error, &served->dataset));
    STOA_TRY(stoa_loader_create(served->dataset, STOA_PART_TRAINING, &options, error, &served->training));
    options = (struct stoa_loader_options){.batch = TEST_BATCH, .mean = &mean, .std = &std};
    STOA_TRY(stoa_loader_create(served->dataset, STOA_PART_TEST, &options, error, &served->test));
    STOA_TRY(stoa_net_create(net, NULL, error, &served->model));
    const struct stoa_trainer_options trainer = {
        .learning_rate = 0.05, .momentum = 0.9, .batch = BENCH_TRAIN_BATCH, .threads = threads};
    STOA_TRY(stoa_trainer_create(served->model, &trainer, error, &served->trainer));
    *seconds = stoa_seconds() - begin;
    return STOA_OK;
}

static enum stoa_status run(void *user, struct stoa_error *error)
{
    struct served *served = user;
    struct stoa_batch batch;
    if (!served->trainer)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "nothing is loaded");
    STOA_TRY(stoa_loader_next(served->training, error, &batch));
    return stoa_trainer_step(served->trainer, batch.images, batch.labels, error, NULL);
}

static enum stoa_status get(void *user, size_t epoch, size_t position, struct stoa_error *error,
                            struct stoa_examples *examples)
{
    struct stoa_batch batch;
    STOA_TRY(stoa_loader_get(user, epoch, position, error, &batch));
    *examples = (struct stoa_examples){.x = batch.images, .labels = batch.labels, .count = batch.count};
    return STOA_OK;
}

static enum stoa_status tell_accuracy(const struct served *served, struct stoa_error *error, FILE *out)
{
    struct stoa_evaluation evaluation;
    const struct stoa_batches test = {
        .batch = TEST_BATCH, .count = stoa_loader_batches(served->test), .get = get, .user = served->test};
    STOA_TRY(stoa_evaluate(served->trainer, &test, 0, error, &evaluation, NULL));
    fprintf(out, "ok %.6f\n", (double)evaluation.top1 / (double)evaluation.examples);
    return STOA_OK;
}

static enum stoa_status tell_weights(const struct served *served, struct stoa_error *error, FILE *out)
{
    unsigned long crc = 0;
    for (size_t i = 0; i < stoa_trainer_parameter_count(served->trainer); i++) {
        struct stoa_parameter_info info;
        STOA_TRY(stoa_trainer_parameter(served->trainer, i, error, &info));
        crc = crc32_z(crc, (const unsigned char *)info.values, info.count * sizeof(float));
    }
    fprintf(out, "ok %08lx\n", crc);
    return STOA_OK;
}

static enum stoa_status answer(void *user, const char *word, char *words, struct stoa_error *error, FILE *out)
{
    struct served *served = user;
    (void)words;
    bool accuracy = strcmp(word, "accuracy") == 0;
    if (!accuracy && strcmp(word, "weights") != 0)
        return stoa_bench_no_question(word, error);
    if (!served->trainer)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "nothing is loaded");
    return accuracy ? tell_accuracy(served, error, out) : tell_weights(served, error, out);
}

int stoa_bench_serve_training(FILE *in, FILE *out)
{
    static const struct service service = {.load = load, .answer = answer, .run = run};
    struct served served = {0};
    stoa_bench_serve(&service, &served, in, out);
    stoa_trainer_free(served.trainer);
    stoa_model_free(served.model);
    stoa_loader_free(served.training);
    stoa_loader_free(served.test);
    stoa_dataset_free(served.dataset);
    return 0;
}
