/* Fitting: however often it is interrupted, it goes on as if it had not been; it evaluates, keeps the best, and stops.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/temporary.h"
#include "train/toy.h"
#include "train/trainer.h"

#define BATCHES 4
#define TESTS 2
#define EPOCHS 3

static char path[TEMPORARY_PATH];

static void make_path(void)
{
    temporary_file("", path);
}

static void remove_path(void)
{
    unlink(path);
}

/* What the callbacks saw. */
struct witness {
    size_t batches, epochs, asked, cancel_at; /* cancel when asked so often; 0: never */
    struct stoa_fit_progress progress;
    struct stoa_fit_epoch epoch[EPOCHS + 8];
};

static void see_progress(void *user, const struct stoa_fit_progress *progress)
{
    struct witness *witness = user;
    witness->batches++;
    witness->progress = *progress;
}

static void see_epoch(void *user, const struct stoa_fit_epoch *epoch)
{
    struct witness *witness = user;
    witness->epoch[witness->epochs++] = *epoch;
}

static int ask_cancel(void *user)
{
    struct witness *witness = user;
    return ++witness->asked == witness->cancel_at;
}

static struct stoa_fit_options options_for(struct witness *witness)
{
    *witness = (struct witness){0};
    return (struct stoa_fit_options){
        .epochs = EPOCHS, .progress = see_progress, .epoch_done = see_epoch, .cancel = ask_cancel, .user = witness};
}

static const struct stoa_trainer_options ways[] = {
    {.learning_rate = 0.1, .momentum = 0.9, .accumulate = 3, .seed = 5},
    {.optimiser = STOA_OPTIMISER_ADAM, .learning_rate = 0.01, .seed = 6},
};

/* Interrupted after each batch in turn, of training and of tests, and gone on with in another trainer. */
Test(fit, resumes_to_the_same_bits, .init = make_path, .fini = remove_path)
{
    for (size_t n = 0; n < toy_count; n++)
        for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
            struct net net;
            struct toy_set training, test;
            struct witness calm, shaken;
            struct stoa_fit_result result, resumed;
            struct stoa_error error = {0};
            net_build(&net, toys[n].net, NULL);
            toy_set_init(&training, &toys[n], BATCHES, 1);
            toy_set_init(&test, &toys[n], TESTS, 2);
            training.last = 5;
            struct stoa_fit_options options = options_for(&calm);
            struct stoa_trainer *undisturbed = toy_trainer(&net, &ways[w], toys[n].name);
            cr_assert(stoa_fit(undisturbed, &training.batches, &test.batches, &options, &error, &result) == STOA_OK,
                      "%s", error.message);
            cr_expect(calm.batches == BATCHES * EPOCHS && calm.epochs == EPOCHS && result.end == STOA_FIT_DONE);
            cr_assert(calm.asked == (BATCHES + TESTS) * EPOCHS, "%zu", calm.asked);

            for (size_t at = 1; at <= calm.asked; at++) {
                size_t epoch = (at - 1) / (BATCHES + TESTS), within = (at - 1) % (BATCHES + TESTS) + 1;
                size_t batches = epoch * BATCHES + (within < BATCHES ? within : BATCHES);
                struct stoa_trainer *first = toy_trainer(&net, &ways[w], toys[n].name);
                struct stoa_trainer *second = toy_trainer(&net, &ways[w], toys[n].name);
                options = options_for(&shaken);
                options.checkpoint = path;
                shaken.cancel_at = at;
                cr_assert(stoa_fit(first, &training.batches, &test.batches, &options, &error, &result) == STOA_OK);
                cr_expect(result.end == STOA_FIT_CANCELLED && shaken.batches == batches && shaken.epochs == epoch);
                cr_expect(error.status == STOA_OK && !error.message[0], "a success, but: %s", error.message);
                cr_assert(stoa_trainer_load(second, path, &error) == STOA_OK, "%s", error.message);
                shaken.cancel_at = 0;
                cr_assert(stoa_fit(second, &training.batches, &test.batches, &options, &error, &resumed) == STOA_OK);
                cr_expect(toy_same(undisturbed, second), "%s: interrupted after question %zu", toys[n].name, at);
                cr_expect(resumed.end == STOA_FIT_DONE && shaken.batches == BATCHES * EPOCHS &&
                          shaken.epochs == EPOCHS);
                for (size_t e = 0; e < EPOCHS; e++) {
                    const struct stoa_fit_epoch *a = &calm.epoch[e], *b = &shaken.epoch[e];
                    cr_expect(a->loss == b->loss && a->train_accuracy == b->train_accuracy &&
                                  a->test_loss == b->test_loss && a->test_accuracy == b->test_accuracy &&
                                  a->best == b->best && b->epoch == e,
                              "%s: interrupted after question %zu: epoch %zu", toys[n].name, at, e);
                }
                stoa_trainer_free(first);
                stoa_trainer_free(second);
            }
            stoa_trainer_free(undisturbed);
            net_free(&net);
        }
}

/* A file written while it goes on is as good as one at the end. */
Test(fit, writes_checkpoints_on_the_way, .init = make_path, .fini = remove_path)
{
    struct net net;
    struct toy_set training;
    struct witness witness;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    struct stoa_trainer *trainer = toy_trainer(&net, &ways[0], "on the way");
    struct stoa_trainer *again = toy_trainer(&net, &ways[0], "again");
    struct stoa_fit_options options = options_for(&witness);
    options.checkpoint = path;
    options.checkpoint_interval = 2;
    cr_assert(stoa_fit(trainer, &training.batches, NULL, &options, NULL, NULL) == STOA_OK);
    cr_assert(stoa_trainer_load(again, path, NULL) == STOA_OK);
    cr_expect(toy_same(trainer, again), "the last one is of the end");
    cr_expect(!witness.epoch[0].evaluated && witness.epoch[0].train_accuracy > 0);

    /* Fails in the middle of an epoch: the last checkpoint is that of batch 2. */
    struct stoa_trainer *broken = toy_trainer(&net, &ways[0], "broken");
    struct stoa_trainer *kept = toy_trainer(&net, &ways[0], "kept");
    toy_steps(kept, &training, 0, 2, "kept");
    options.checkpoint_interval = 1;
    options.epochs = 1;
    witness.asked = 0;
    witness.cancel_at = 2;
    cr_assert(stoa_fit(broken, &training.batches, NULL, &options, NULL, NULL) == STOA_OK);
    cr_assert(stoa_trainer_load(again, path, NULL) == STOA_OK);
    cr_expect(again->state.position == 2 &&
              memcmp(again->values, kept->values, kept->value_count * sizeof(float)) == 0);
    stoa_trainer_free(broken);
    stoa_trainer_free(kept);
    stoa_trainer_free(again);
    stoa_trainer_free(trainer);
    net_free(&net);
}

Test(fit, a_checkpoint_that_cannot_be_written_ends_it)
{
    struct net net;
    struct toy_set training;
    struct stoa_error error = {0};
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    struct stoa_trainer *trainer = toy_trainer(&net, &ways[0], "nowhere");
    const struct stoa_fit_options options = {.checkpoint = "/nowhere/at/all", .checkpoint_interval = 1};
    cr_expect(stoa_fit(trainer, &training.batches, NULL, &options, &error, NULL) == STOA_ERROR_IO);
    cr_expect(strstr(error.message, "/nowhere/at/all") && training.calls == 1);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* A rate so small that nothing gets better after the first evaluation. */
Test(fit, stops_when_nothing_gets_better)
{
    struct net net;
    struct toy_set training, test;
    struct witness witness;
    struct stoa_fit_result result;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    toy_set_init(&test, &toys[0], 2, 2);
    test.fixed = 1;
    const struct stoa_trainer_options still = {.learning_rate = 1e-30};
    struct stoa_trainer *trainer = toy_trainer(&net, &still, "still");
    struct stoa_fit_options options = options_for(&witness);
    options.epochs = 100;
    options.patience = 2;
    cr_assert(stoa_fit(trainer, &training.batches, &test.batches, &options, NULL, &result) == STOA_OK);
    cr_expect(result.end == STOA_FIT_STOPPED_EARLY && result.epochs == 3 && result.best_epoch == 0);
    cr_expect(witness.epoch[0].best && !witness.epoch[1].best && !witness.epoch[2].best);
    cr_assert(stoa_fit(trainer, &training.batches, &test.batches, &options, NULL, &result) == STOA_OK);
    cr_expect(result.end == STOA_FIT_STOPPED_EARLY && result.epochs == 3, "it has not become more patient");
    stoa_trainer_free(trainer);
    net_free(&net);
}

Test(fit, keeps_the_best_weights)
{
    struct net net;
    struct toy_set training, test;
    struct witness witness;
    struct stoa_fit_result result;
    struct stoa_model *best;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    toy_set_init(&test, &toys[0], 4, 2);
    const struct stoa_trainer_options wild = {.learning_rate = 1.5, .momentum = 0.9};
    struct stoa_trainer *trainer = toy_trainer(&net, &wild, "wild");
    struct stoa_fit_options options = options_for(&witness);
    options.epochs = 10;
    cr_assert(stoa_fit(trainer, &training.batches, &test.batches, &options, NULL, &result) == STOA_OK);
    double most = 0;
    size_t epoch = 0;
    for (size_t e = 0; e < 10; e++)
        if (witness.epoch[e].test_accuracy > most) {
            most = witness.epoch[e].test_accuracy;
            epoch = e;
        }
    cr_expect(result.best_accuracy == most && result.best_epoch == epoch && result.epochs == 10);

    /* The best model does as well as was said. */
    cr_assert(stoa_trainer_best_model(trainer, NULL, &best) == STOA_OK);
    struct stoa_trainer_options frozen = {.batch = TOY_BATCH, .threads = 1};
    struct stoa_trainer *judge;
    struct stoa_evaluation evaluation;
    cr_assert(stoa_trainer_create(best, &frozen, NULL, &judge) == STOA_OK);
    cr_assert(stoa_evaluate(judge, &test.batches, epoch, NULL, &evaluation, NULL) == STOA_OK);
    cr_expect((double)evaluation.top1 / (double)evaluation.examples == most);
    cr_expect(evaluation.loss == result.best_loss);
    stoa_trainer_free(judge);
    stoa_model_free(best);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* Where nothing changes, an epoch of training is an evaluation; the last one is always evaluated. */
Test(fit, means_are_of_the_examples)
{
    struct net net;
    struct toy_set training, test;
    struct witness witness;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    training.last = 5;
    training.fixed = 1;
    test = training;
    test.batches.user = &test;
    struct stoa_trainer *trainer = toy_trainer(&net, &(struct stoa_trainer_options){.learning_rate = 1e-30}, "still");
    struct stoa_fit_options options = options_for(&witness);
    options.evaluate = 2;
    cr_assert(stoa_fit(trainer, &training.batches, &test.batches, &options, NULL, NULL) == STOA_OK);
    for (size_t e = 0; e < EPOCHS; e++) {
        const struct stoa_fit_epoch *epoch = &witness.epoch[e];
        cr_expect(epoch->evaluated == (e > 0), "epoch %zu", e);
        cr_expect(!epoch->evaluated ||
                      (fabs(epoch->loss - epoch->test_loss) < 1e-6 && epoch->train_accuracy == epoch->test_accuracy),
                  "epoch %zu: %g, not %g", e, epoch->loss, epoch->test_loss);
        cr_expect(fabs(epoch->images_per_s * epoch->seconds - (3 * TOY_BATCH + 5)) < 1e-6, "epoch %zu", e);
    }
    cr_expect(fabs(witness.progress.loss - witness.epoch[EPOCHS - 1].loss) < 1e-9 &&
              witness.progress.examples == 3 * TOY_BATCH + 5);
    stoa_trainer_free(trainer);

    /* Gone on with within an epoch, it counts what this call has had; later epochs are whole. */
    trainer = toy_trainer(&net, &(struct stoa_trainer_options){.learning_rate = 1e-30}, "resumed");
    options = options_for(&witness);
    witness.cancel_at = 2;
    cr_assert(stoa_fit(trainer, &training.batches, NULL, &options, NULL, NULL) == STOA_OK);
    cr_assert(stoa_fit(trainer, &training.batches, NULL, &options, NULL, NULL) == STOA_OK);
    for (size_t e = 0; e < EPOCHS; e++)
        cr_expect(fabs(witness.epoch[e].images_per_s * witness.epoch[e].seconds -
                       (e ? 3 * TOY_BATCH + 5 : TOY_BATCH + 5)) < 1e-6,
                  "epoch %zu", e);
    stoa_trainer_free(trainer);
    net_free(&net);
}

static enum stoa_status get_floats(void *user, size_t epoch, size_t position, struct stoa_error *error,
                                   struct stoa_examples *examples)
{
    static const float y[TOY_BATCH * TOY_CLASSES];
    struct toy_set *set = user;
    (void)epoch, (void)position, (void)error;
    *examples = (struct stoa_examples){.x = set->x, .labels = y, .count = set->last};
    return STOA_OK;
}

static enum stoa_status get_infinite(void *user, size_t epoch, size_t position, struct stoa_error *error,
                                     struct stoa_examples *examples)
{
    struct toy_set *set = user;
    (void)epoch, (void)position, (void)error;
    for (size_t i = 0; i < TOY_BATCH * set->elements; i++)
        set->x[i] = INFINITY;
    memset(set->labels, 0, sizeof set->labels);
    *examples = (struct stoa_examples){.x = set->x, .labels = set->labels, .count = TOY_BATCH};
    return STOA_OK;
}

Test(fit, refuses_what_has_no_mean)
{
    struct net net;
    struct toy_set training, test;
    struct stoa_error error = {0};
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], 1, 1);
    training.last = 5;
    training.batches.get = get_floats;
    struct stoa_trainer *trainer = toy_trainer(
        &net, &(struct stoa_trainer_options){.loss = STOA_LOSS_MEAN_SQUARED, .learning_rate = 0.1}, "squares");
    cr_expect(stoa_fit(trainer, &training.batches, NULL, NULL, &error, NULL) == STOA_ERROR_DATA);
    cr_expect(strstr(error.message, "5 examples of 8"), "%s", error.message);
    stoa_trainer_free(trainer);

    toy_set_init(&training, &toys[0], 1, 1);
    toy_set_init(&test, &toys[0], 1, 1);
    test.batches.get = get_infinite;
    trainer = toy_trainer(&net, &ways[1], "infinite");
    cr_expect(stoa_fit(trainer, &training.batches, &test.batches, NULL, &error, NULL) == STOA_ERROR_NONFINITE);
    cr_expect(strstr(error.message, "the loss on the test set"), "%s", error.message);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* The toy's batches, but for all behind the first. */
static enum stoa_status get_one(void *user, size_t epoch, size_t position, struct stoa_error *error,
                                struct stoa_examples *examples)
{
    struct toy_set set;
    toy_set_init(&set, &toys[0], 5, 2);
    return position ? STOA_ERROR_IO : set.batches.get(user, epoch, position, error, examples);
}

Test(fit, counts_what_is_taken_for_what)
{
    struct net net;
    struct toy_set test;
    struct stoa_evaluation evaluation;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&test, &toys[0], 5, 2);
    test.last = 3;
    struct stoa_trainer *trainer = toy_trainer(&net, &ways[0], "confusion");
    size_t confusion[TOY_CLASSES][TOY_CLASSES], all = 0, right = 0, rows[TOY_CLASSES] = {0};
    memset(confusion, 0x55, sizeof confusion);
    cr_assert(stoa_evaluate(trainer, &test.batches, 0, NULL, &evaluation, &confusion[0][0]) == STOA_OK);
    for (size_t i = 0; i < 5; i++) {
        struct stoa_examples examples;
        cr_assert(test.batches.get(&test, 0, i, NULL, &examples) == STOA_OK);
        for (size_t k = 0; k < examples.count; k++)
            rows[test.labels[k]]++;
    }
    for (size_t a = 0; a < TOY_CLASSES; a++) {
        size_t row = 0;
        for (size_t b = 0; b < TOY_CLASSES; b++)
            row += confusion[a][b];
        cr_expect(row == rows[a], "class %zu: %zu, not %zu", a, row, rows[a]);
        all += row;
        right += confusion[a][a];
    }
    cr_expect(all == evaluation.examples && right == evaluation.top1 && all == 4 * TOY_BATCH + 3);
    const struct stoa_evaluation before = evaluation;
    size_t counted[TOY_CLASSES][TOY_CLASSES];
    memcpy(counted, confusion, sizeof counted);
    test.batches.get = get_one;
    cr_expect(stoa_evaluate(trainer, &test.batches, 0, NULL, &evaluation, &confusion[0][0]) == STOA_ERROR_IO);
    cr_expect(memcmp(&before, &evaluation, sizeof before) == 0 && memcmp(counted, confusion, sizeof counted) == 0);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* A batch as a caller who is mistaken gives it. */
static struct stoa_examples given;
static enum stoa_status give(void *user, size_t epoch, size_t position, struct stoa_error *error,
                             struct stoa_examples *examples)
{
    (void)user, (void)epoch, (void)position, (void)error;
    *examples = given;
    return STOA_OK;
}

Test(fit, refuses_batches_that_are_none)
{
    static const int64_t classes[TOY_BATCH] = {0}, beyond[TOY_BATCH] = {0, 0, TOY_CLASSES};
    static const float x[TOY_BATCH * TOY_MOST];
    static const struct {
        const char *name, *words;
        struct stoa_examples examples;
    } rows[] = {
        {"nothing", "batch 0: x is null", {0}},
        {"no labels", "batch 0: labels is null", {.x = x, .count = TOY_BATCH}},
        {"no examples", "batch 0: 0 examples of 8", {.x = x, .labels = classes}},
        {"too many", "batch 0: 9 examples of 8", {.x = x, .labels = classes, .count = TOY_BATCH + 1}},
        {"classes behind", "batch 0: labels[7] is 0, must be -1", {.x = x, .labels = classes, .count = TOY_BATCH - 1}},
        {"no class", "batch 0: labels[2] is 3, there are 3", {.x = x, .labels = beyond, .count = TOY_BATCH}},
    };
    struct net net;
    net_build(&net, toys[0].net, NULL);
    struct stoa_trainer *trainer = toy_trainer(&net, &ways[0], "batches");
    const struct stoa_batches set = {.batch = TOY_BATCH, .count = 1, .get = give};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_error fitted = {0}, evaluated = {0};
        struct stoa_evaluation evaluation;
        given = rows[i].examples;
        cr_expect(stoa_fit(trainer, &set, NULL, NULL, &fitted, NULL) == STOA_ERROR_DATA, "%s", rows[i].name);
        cr_expect(stoa_evaluate(trainer, &set, 0, &evaluated, &evaluation, NULL) == STOA_ERROR_DATA, "%s",
                  rows[i].name);
        cr_expect(strstr(fitted.message, rows[i].words), "%s: %s", rows[i].name, fitted.message);
        cr_expect(strstr(evaluated.message, rows[i].words), "%s: %s", rows[i].name, evaluated.message);
    }
    stoa_trainer_free(trainer);
    net_free(&net);
}

Test(fit, refuses_sets_that_do_not_fit)
{
    struct net net;
    struct toy_set training, other;
    struct stoa_error error = {0};
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    toy_set_init(&other, &toys[0], BATCHES + 1, 1);
    struct stoa_trainer *trainer = toy_trainer(&net, &ways[0], "sets");
    training.batches.batch = TOY_BATCH + 1;
    cr_expect(stoa_fit(trainer, &training.batches, NULL, NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
    training.batches.batch = TOY_BATCH;
    cr_expect(stoa_fit(NULL, &training.batches, NULL, NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_fit(trainer, NULL, NULL, NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_assert(stoa_fit(trainer, &training.batches, NULL, NULL, &error, NULL) == STOA_OK, "%s", error.message);
    cr_expect(stoa_fit(trainer, &other.batches, NULL, &(struct stoa_fit_options){.epochs = 2}, &error, NULL) ==
              STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "it had 4 before"), "%s", error.message);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* Before the first step, not behind the first epoch. */
Test(fit, refuses_test_sets_that_are_none)
{
    static const struct {
        const char *words;
        struct stoa_batches test;
    } rows[] = {
        {"is null", {.batch = TOY_BATCH, .count = 1}},
        {"has 0 batches of 8", {.batch = TOY_BATCH, .get = give}},
        {"has 2 batches of 0", {.count = 2, .get = give}},
        {".reserved[0]", {.batch = TOY_BATCH, .count = 1, .get = give, .reserved = {1}}},
    };
    struct net net;
    struct toy_set training;
    struct stoa_evaluation evaluation;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&training, &toys[0], BATCHES, 1);
    struct stoa_trainer *trainer = toy_trainer(&net, &ways[0], "test sets");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_error fitted = {0}, evaluated = {0};
        cr_expect(stoa_fit(trainer, &training.batches, &rows[i].test, NULL, &fitted, NULL) == STOA_ERROR_ARGUMENT);
        cr_expect(stoa_trainer_steps(trainer) == 0 && strncmp(fitted.message, "test", 4) == 0 &&
                      strstr(fitted.message, rows[i].words),
                  "%s: %s", rows[i].words, fitted.message);
        cr_expect(stoa_evaluate(trainer, &rows[i].test, 0, &evaluated, &evaluation, NULL) == STOA_ERROR_ARGUMENT &&
                      strstr(evaluated.message, rows[i].words),
                  "%s: %s", rows[i].words, evaluated.message);
    }
    stoa_trainer_free(trainer);
    net_free(&net);
}
