/* Epochs. All that decides how it goes on is in the trainer's state, so that a loaded checkpoint goes on anywhere. */
#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/reserved.h"
#include "base/status.h"
#include "train/labels.h"
#include "train/trainer.h"

struct fit {
    struct stoa_trainer *trainer;
    const struct stoa_batches *training, *test;
    struct stoa_fit_options options; /* with defaults */
    double begin;                    /* of this epoch in this call */
    uint64_t before;                 /* examples of this epoch that earlier calls had */
    bool cancelled;
};

static int is_cancelled(void *user)
{
    struct fit *fit = user;
    const struct stoa_fit_options *options = &fit->options;
    fit->cancelled = fit->cancelled || (options->cancel && options->cancel(options->user));
    return fit->cancelled;
}

static double rate_of(double images, double seconds)
{
    return seconds > 0 ? images / seconds : 0;
}

static double mean_of(double sum, uint64_t count)
{
    return count ? sum / (double)count : 0;
}

static enum stoa_status save(const struct fit *fit, struct stoa_error *error)
{
    return fit->options.checkpoint ? stoa_trainer_save(fit->trainer, fit->options.checkpoint, error) : STOA_OK;
}

static void report_progress(const struct fit *fit, const struct stoa_train_result *result)
{
    const struct trainer_state *state = &fit->trainer->state;
    if (!fit->options.progress)
        return;
    double seconds = stoa_seconds() - fit->begin;
    const struct stoa_fit_progress progress = {
        .epoch = state->epoch,
        .epochs = fit->options.epochs,
        .position = state->position,
        .count = fit->training->count,
        .examples = state->examples,
        .loss = mean_of(state->loss_sum, state->examples),
        .accuracy = mean_of((double)state->correct, state->examples),
        .seconds = seconds,
        .images_per_s = rate_of((double)(state->examples - fit->before), seconds),
        .learning_rate = result->learning_rate,
        .gradient_norm = result->gradient_norm,
    };
    fit->options.progress(fit->options.user, &progress);
}

static enum stoa_status train_batch(const struct fit *fit, struct stoa_error *error)
{
    struct stoa_trainer *trainer = fit->trainer;
    struct trainer_state *state = &trainer->state;
    struct stoa_examples examples;
    struct stoa_train_result result;
    STOA_TRY(stoa_batch_get(fit->training, state->epoch, state->position, trainer->class_labels ? trainer->classes : 0,
                            error, &examples));
    STOA_TRY(stoa_trainer_step(trainer, examples.x, examples.labels, error, &result));
    size_t counted = trainer->class_labels ? stoa_labels_counted(trainer->batch, examples.labels) : trainer->batch;
    state->position++;
    state->examples += counted;
    state->correct += result.correct;
    state->loss_sum += result.loss * (double)counted;
    report_progress(fit, &result);
    return STOA_OK;
}

/* Whether these are better than the best so far. */
static bool is_better(const struct stoa_trainer *trainer, double loss, double accuracy)
{
    const struct trainer_state *state = &trainer->state;
    if (!state->has_best)
        return true;
    return trainer->class_labels ? accuracy > state->best_accuracy : loss < state->best_loss;
}

static enum stoa_status keep_best(struct stoa_trainer *trainer, const struct stoa_fit_epoch *epoch,
                                  struct stoa_error *error)
{
    struct trainer_state *state = &trainer->state;
    if (!trainer->best)
        STOA_TRY(stoa_allocate(&trainer->allocator, trainer->value_count, sizeof(float), error, &trainer->best));
    memcpy(trainer->best, trainer->values, trainer->value_count * sizeof(float));
    state->has_best = 1;
    state->best_epoch = epoch->epoch;
    state->best_loss = epoch->test_loss;
    state->best_accuracy = epoch->test_accuracy;
    return STOA_OK;
}

static enum stoa_status evaluate(struct fit *fit, struct stoa_error *error, struct stoa_fit_epoch *epoch)
{
    struct stoa_trainer *trainer = fit->trainer;
    struct trainer_state *state = &trainer->state;
    struct stoa_evaluation evaluation;
    const struct end_early end = {.asked = is_cancelled, .user = fit};
    STOA_TRY(stoa_evaluate_until(trainer, fit->test, epoch->epoch, &end, error, &evaluation, NULL));
    if (!isfinite(evaluation.loss))
        return stoa_fail(error, STOA_ERROR_NONFINITE, "epoch %zu: the loss on the test set is %g", epoch->epoch + 1,
                         evaluation.loss);
    epoch->evaluated = 1;
    epoch->test_loss = evaluation.loss;
    epoch->test_accuracy = mean_of((double)evaluation.top1, evaluation.examples);
    epoch->test_top5 = mean_of((double)evaluation.top5, evaluation.examples);
    epoch->best = is_better(trainer, epoch->test_loss, epoch->test_accuracy);
    if (epoch->best)
        STOA_TRY(keep_best(trainer, epoch, error));
    state->since_best = epoch->best ? 0 : state->since_best + 1;
    return STOA_OK;
}

static enum stoa_status end_epoch(struct fit *fit, struct stoa_error *error)
{
    struct trainer_state *state = &fit->trainer->state;
    struct stoa_fit_epoch epoch = {.epoch = state->epoch,
                                   .loss = mean_of(state->loss_sum, state->examples),
                                   .train_accuracy = mean_of((double)state->correct, state->examples),
                                   .seconds = stoa_seconds() - fit->begin};
    epoch.images_per_s = rate_of((double)(state->examples - fit->before), epoch.seconds);
    uint64_t done = state->epoch + 1;
    if (fit->test && (done % fit->options.evaluate == 0 || done >= fit->options.epochs))
        STOA_TRY(evaluate(fit, error, &epoch));
    state->epoch = done;
    state->position = state->examples = state->correct = 0;
    state->loss_sum = 0;
    STOA_TRY(save(fit, error));
    if (fit->options.epoch_done)
        fit->options.epoch_done(fit->options.user, &epoch);
    fit->begin = stoa_seconds();
    fit->before = 0;
    return STOA_OK;
}

static enum stoa_status run_batches(struct fit *fit, struct stoa_error *error, enum stoa_fit_end *end)
{
    const struct trainer_state *state = &fit->trainer->state;
    const struct stoa_fit_options *options = &fit->options;
    while (state->epoch < options->epochs) {
        if (options->patience && state->since_best >= options->patience) {
            *end = STOA_FIT_STOPPED_EARLY;
            return STOA_OK;
        }
        if (state->position < fit->training->count) {
            STOA_TRY(train_batch(fit, error));
            if (is_cancelled(fit))
                break;
            /* After an epoch's last batch it is saved anyhow. */
            if (state->position < fit->training->count && options->checkpoint_interval &&
                state->position % options->checkpoint_interval == 0)
                STOA_TRY(save(fit, error));
        }
        if (state->position == fit->training->count) {
            struct stoa_error attempt;
            enum stoa_status status = end_epoch(fit, &attempt);
            if (fit->cancelled)
                break; /* within the evaluation, which begins anew when it goes on */
            STOA_TRY(stoa_error_hand_on(&attempt, status, error));
        }
    }
    if (fit->cancelled)
        *end = STOA_FIT_CANCELLED;
    return fit->cancelled ? save(fit, error) : STOA_OK;
}

static enum stoa_status check(const struct stoa_trainer *trainer, const struct stoa_batches *training,
                              const struct stoa_batches *test, struct stoa_error *error)
{
    if (!trainer)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "trainer is null");
    STOA_TRY(stoa_batches_check(training, "training", error));
    if (test)
        STOA_TRY(stoa_batches_check(test, "test", error));
    if (training->batch != trainer->batch)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the training set has %zu batches of %zu, the trainer takes %zu",
                         training->count, training->batch, trainer->batch);
    if (trainer->state.batches && trainer->state.batches != training->count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "the training set has %zu batches, it had %llu before",
                         training->count, (unsigned long long)trainer->state.batches);
    return STOA_OK;
}

enum stoa_status stoa_fit(struct stoa_trainer *trainer, const struct stoa_batches *training,
                          const struct stoa_batches *test, const struct stoa_fit_options *options,
                          struct stoa_error *error, struct stoa_fit_result *result)
{
    static const struct stoa_fit_options defaults = {0};
    STOA_TRY(check(trainer, training, test, error));
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    struct trainer_state *state = &trainer->state;
    struct fit fit = {.trainer = trainer,
                      .training = training,
                      .test = test,
                      .options = options ? *options : defaults,
                      .begin = stoa_seconds(),
                      .before = state->examples};
    if (fit.options.epochs == 0)
        fit.options.epochs = 1;
    if (fit.options.evaluate == 0)
        fit.options.evaluate = 1;
    state->batches = training->count;
    enum stoa_fit_end end = STOA_FIT_DONE;
    STOA_TRY(run_batches(&fit, error, &end));
    if (result)
        *result = (struct stoa_fit_result){.end = end,
                                           .epochs = state->epoch,
                                           .best_epoch = state->best_epoch,
                                           .best_accuracy = state->best_accuracy,
                                           .best_loss = state->best_loss};
    return STOA_OK;
}
