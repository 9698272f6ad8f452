/* stoa train: a data set and a network in, a trained network out. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/build.h>
#include <string.h>
#include <unistd.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "cli/command.h"
#include "cli/judge.h"
#include "cli/report.h"
#include "cli/train_data.h"
#include "cli/train_report.h"

#define DEFAULT_EPOCHS 10
#define DEFAULT_WARMUP 200
#define SIGNAL_STATUS 128 /* and the signal's number: what shells say of a command that died of one */

struct train_job {
    const struct settings *settings;
    struct stoa_allocator allocator;
    struct stoa_dataset *dataset;
    struct stoa_dataset_info data;
    struct stoa_model *model;
    struct train_source training, test;
    struct stoa_trainer *trainer;
    struct train_report report;
    bool resumed;
    int signal; /* that ended it, or 0 */
};

/* The signal that came. A handler can be handed nothing, so this is the one variable of its kind. */
static volatile sig_atomic_t caught;

static void catch_signal(int number)
{
    caught = number;
}

static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
#define END_COUNT (sizeof ends / sizeof ends[0])

/* The first signal ends training behind the step under way, a second one does what it always does. Those that whoever
 * started us wants ignored (nohup, a script's background) stay so. */
static void watch_signals(void)
{
    struct sigaction before, action = {.sa_handler = catch_signal, .sa_flags = (int)SA_RESETHAND | SA_RESTART};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < END_COUNT; i++)
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
            sigaction(ends[i], &action, NULL);
}

static void unwatch_signals(void)
{
    struct sigaction before, action = {.sa_handler = SIG_DFL};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < END_COUNT; i++)
        if (sigaction(ends[i], NULL, &before) == 0 && before.sa_handler == catch_signal)
            sigaction(ends[i], &action, NULL);
}

static bool is_ready_made(const char *name)
{
    const char *known;
    for (size_t i = 0; (known = stoa_net_name(i)); i++)
        if (strcmp(known, name) == 0)
            return true;
    return false;
}

/* What is neither a net's name nor a file is most likely a name, of which the message then lists the known. */
static bool is_file(const char *name)
{
    return !is_ready_made(name) && (strchr(name, '.') || strchr(name, '/') || access(name, F_OK) == 0);
}

static enum stoa_status open_data(struct train_job *job, struct stoa_error *error)
{
    struct stoa_dataset_options options = {.split_seed = job->settings->seed};
    if (is_file(job->settings->model)) {
        STOA_TRY(stoa_model_load(job->settings->model, NULL, error, &job->model));
        STOA_TRY(stoa_cli_size_pictures(job->model, error, &options));
    }
    STOA_TRY(stoa_dataset_open(job->settings->data, &options, error, &job->dataset));
    stoa_dataset_describe(job->dataset, &job->data);
    return STOA_OK;
}

static enum stoa_status open_model(struct train_job *job, struct stoa_error *error)
{
    if (job->model)
        return STOA_OK;
    const char *name = job->settings->model;
    struct stoa_net_options options = {.classes = job->data.class_count,
                                       .channels = job->data.channels,
                                       .height = job->data.height,
                                       .width = job->data.width,
                                       .seed = job->settings->seed};
    return stoa_net_create(name, &options, error, &job->model);
}

static size_t epochs_of(const struct settings *settings)
{
    return settings->train.epochs ? settings->train.epochs : DEFAULT_EPOCHS;
}

/* Of SGD where none is asked for. Smaller batches have noisier gradients, with which as large steps lead nowhere. */
static double default_rate(size_t images)
{
    enum { FULL = 64 };
    return 0.05 * (double)stoa_size_min(images, FULL) / FULL;
}

/* What the settings leave open, for these batches of training images. */
static struct stoa_trainer_options trainer_options(const struct settings *settings, const struct stoa_batches *batches)
{
    const struct train_settings *train = &settings->train;
    bool sgd = train->optimiser == STOA_OPTIMISER_SGD;
    double decay = sgd ? 5e-4 : train->optimiser == STOA_OPTIMISER_ADAMW ? 0.01 : 0;
    size_t accumulate = train->accumulate ? train->accumulate : 1, epochs = epochs_of(settings);
    size_t steps = stoa_size_max(epochs * batches->count / accumulate, 1);
    double momentum = train->momentum < 0 ? 0.9 : train->momentum;
    double rate = sgd ? default_rate(batches->batch * accumulate) : 0.001;
    struct stoa_trainer_options options = {
        .loss = train->loss,
        .label_smoothing = train->label_smoothing,
        .optimiser = train->optimiser,
        .learning_rate = train->learning_rate > 0 ? train->learning_rate : rate,
        .momentum = sgd ? momentum : 0,
        .nesterov = train->nesterov,
        .weight_decay = train->weight_decay < 0 ? decay : train->weight_decay,
        .schedule = train->scheduled ? train->schedule : STOA_SCHEDULE_COSINE,
        .total_steps = steps,
        .warmup = train->warmup == CLI_UNSET ? stoa_size_min(DEFAULT_WARMUP, steps / 10) : train->warmup,
        .step_size = stoa_size_max(steps / 3, 1),
        .clip_norm = train->clip,
        .accumulate = accumulate,
        .frozen = train->frozen,
        .frozen_count = train->frozen_count,
        .batch = batches->batch,
        .seed = settings->seed,
        .threads = settings->threads,
        .accuracy = settings->accuracy};
    return options;
}

static enum stoa_status resume(struct train_job *job, struct stoa_error *error)
{
    const struct train_settings *train = &job->settings->train;
    if (!train->resume && !train->resume_if_any)
        return STOA_OK;
    if (access(train->checkpoint, F_OK) != 0 && errno == ENOENT) {
        if (train->resume_if_any)
            return STOA_OK;
        return stoa_fail(error, STOA_ERROR_IO,
                         "there is no checkpoint %s to go on from; --resume-if-any begins anew then",
                         train->checkpoint);
    }
    job->resumed = true;
    return stoa_trainer_load(job->trainer, train->checkpoint, error);
}

/* Losses that are not of classes take scores of any shape, the test at the end does not. */
static enum stoa_status check_scores(const struct train_job *job, struct stoa_error *error)
{
    struct stoa_value_info info;
    struct stoa_tensor scores;
    char dims[STOA_DIMS_TEXT];
    STOA_TRY(stoa_model_output(job->model, 0, error, &info));
    /* It is not there where the loss has taken the place of the model's last function. */
    if (stoa_session_output(stoa_trainer_session(job->trainer), info.name, NULL, &scores) == STOA_OK &&
        scores.rank != 2)
        return stoa_fail(error, STOA_ERROR_SHAPE, "output '%.100s' has dims %s, must be scores [batch,classes]",
                         info.name, stoa_dims_text(scores.rank, scores.dims, dims));
    size_t classes = stoa_trainer_classes(job->trainer);
    if (classes < job->data.class_count)
        return stoa_fail(error, STOA_ERROR_SHAPE, "the model has %zu scores, the data set %zu classes", classes,
                         job->data.class_count);
    return STOA_OK;
}

/* Gradients that never become a step. */
static enum stoa_status check_steps(const struct stoa_trainer_options *options, const struct stoa_batches *batches,
                                    size_t epochs, struct stoa_error *error)
{
    if (options->accumulate > epochs * batches->count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "a step takes %zu batches, %zu epochs have only %zu",
                         options->accumulate, epochs, epochs * batches->count);
    return STOA_OK;
}

static enum stoa_status open_trainer(struct train_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    enum stoa_loss loss = settings->train.loss;
    STOA_TRY(stoa_cli_train_source_open(&job->training, job->dataset, STOA_PART_TRAINING, settings, error));
    STOA_TRY(stoa_cli_train_source_open(&job->test, job->dataset, STOA_PART_TEST, settings, error));
    struct stoa_input_spec input;
    struct stoa_trainer_options options = trainer_options(settings, &job->training.batches);
    options.inputs = &input;
    options.input_count = 1;
    STOA_TRY(check_steps(&options, &job->training.batches, epochs_of(settings), error));
    STOA_TRY(stoa_cli_specify_images(job->model, &job->data, options.batch, error, &input));
    STOA_TRY(stoa_trainer_create(job->model, &options, error, &job->trainer));
    STOA_TRY(check_scores(job, error));
    size_t classes = stoa_trainer_classes(job->trainer);
    STOA_TRY(stoa_cli_train_source_finish(&job->training, loss, classes, error));
    STOA_TRY(stoa_cli_train_source_finish(&job->test, loss, classes, error));
    return resume(job, error);
}

static size_t count_parameters(const struct stoa_trainer *trainer)
{
    size_t count = 0;
    struct stoa_parameter_info info;
    for (size_t i = 0; i < stoa_trainer_parameter_count(trainer); i++)
        if (stoa_trainer_parameter(trainer, i, NULL, &info) == STOA_OK)
            count += info.count;
    return count;
}

static void print_channels(FILE *out, const char *before, const float *values, size_t count, const char *after)
{
    fputs(before, out);
    for (size_t c = 0; c < count; c++)
        fprintf(out, "%s%.6g", c ? "," : "", (double)values[c]);
    fputs(after, out);
}

/* The first line of the log. */
static void log_settings(const struct train_job *job, const struct stoa_trainer_options *options, FILE *out)
{
    const struct settings *settings = job->settings;
    const struct stoa_dataset_info *data = &job->data;
    bool flip;
    size_t shift;
    stoa_cli_train_augment(settings, &flip, &shift);
    fputs("{\"settings\": {\"model\": ", out);
    stoa_cli_write_json(settings->model, out);
    fputs(", \"data\": ", out);
    stoa_cli_write_json(settings->data, out);
    fprintf(out, ", \"training_images\": %zu, \"test_images\": %zu, \"classes\": %zu", data->counts[0], data->counts[1],
            data->class_count);
    fprintf(out, ", \"image\": [%zu, %zu, %zu]", data->channels, data->height, data->width);
    print_channels(out, ", \"mean\": [", data->mean, data->channels, "]");
    print_channels(out, ", \"std\": [", data->std, data->channels, "]");
    fprintf(out, ", \"parameters\": %zu, \"epochs\": %zu, \"batch\": %zu, \"limit\": %zu",
            count_parameters(job->trainer), job->report.epochs, job->training.batches.batch, settings->train.limit);
    fprintf(out, ", \"loss\": \"%s\", \"label_smoothing\": %g, \"optimizer\": \"%s\", \"lr\": %g, \"momentum\": %g",
            stoa_loss_name(options->loss), options->label_smoothing,
            options->nesterov ? "nesterov" : stoa_optimiser_name(options->optimiser), options->learning_rate,
            options->momentum);
    fprintf(out, ", \"weight_decay\": %g, \"schedule\": \"%s\", \"warmup\": %zu, \"clip\": %g, \"accumulate\": %zu",
            options->weight_decay, stoa_schedule_name(options->schedule), options->warmup, options->clip_norm,
            options->accumulate);
    fprintf(out, ", \"flip\": %s, \"shift\": %zu, \"seed\": %zu, \"threads\": %zu, \"resumed\": %s}}\n",
            flip ? "true" : "false", shift, settings->seed, settings->threads, job->resumed ? "true" : "false");
    fflush(out);
}

static void print_begin(const struct train_job *job)
{
    const struct stoa_dataset_info *data = &job->data;
    printf("data: %s, %zu training and %zu test images of %zu x %zu x %zu, %zu classes\n", job->settings->data,
           data->counts[0], data->counts[1], data->channels, data->height, data->width, data->class_count);
    printf("network: %s, %zu parameters to learn\n", job->settings->model, count_parameters(job->trainer));
    if (job->resumed)
        printf("resumed: %s, %zu steps done\n", job->settings->train.checkpoint, stoa_trainer_steps(job->trainer));
    fflush(stdout);
}

static enum stoa_status prepare(struct train_job *job, struct stoa_error *error)
{
    const struct settings *settings = job->settings;
    /* Now, not after hours of training, is the time to learn that a result has no place to go. */
    if (settings->train.checkpoint)
        STOA_TRY(stoa_file_try(settings->train.checkpoint, error));
    if (settings->train.export)
        STOA_TRY(stoa_file_try(settings->train.export, error));
    STOA_TRY(open_data(job, error));
    STOA_TRY(open_model(job, error));
    STOA_TRY(open_trainer(job, error));
    job->report.epochs = epochs_of(settings);
    job->report.accuracies = stoa_cli_train_takes_classes(settings->train.loss);
    STOA_TRY(stoa_cli_train_report_open(&job->report, settings->train.log, job->resumed, error));
    if (job->report.log) {
        struct stoa_trainer_options given = trainer_options(settings, &job->training.batches);
        log_settings(job, &given, job->report.log);
    }
    print_begin(job);
    return STOA_OK;
}

static void on_progress(void *user, const struct stoa_fit_progress *progress)
{
    struct train_job *job = user;
    stoa_cli_train_progress(&job->report, progress);
}

static void on_epoch(void *user, const struct stoa_fit_epoch *epoch)
{
    struct train_job *job = user;
    stoa_cli_train_epoch(&job->report, epoch);
}

static int on_cancel(void *user)
{
    (void)user;
    return caught != 0;
}

static void tell_what_is_kept(const struct train_settings *train)
{
    if (train->checkpoint)
        fprintf(stderr, "--resume goes on from %s\n", train->checkpoint);
    else
        fputs("nothing is kept without --checkpoint\n", stderr);
}

static enum stoa_status fit(struct train_job *job, struct stoa_error *error)
{
    const struct train_settings *train = &job->settings->train;
    struct stoa_fit_result result;
    struct stoa_fit_options options = {.epochs = job->report.epochs,
                                       .patience = train->patience,
                                       .checkpoint = train->checkpoint,
                                       .checkpoint_interval = train->checkpoint_every,
                                       .progress = on_progress,
                                       .epoch_done = on_epoch,
                                       .cancel = on_cancel,
                                       .user = job};
    enum stoa_status status =
        stoa_fit(job->trainer, &job->training.batches, &job->test.batches, &options, error, &result);
    stoa_cli_train_progress_end(&job->report);
    STOA_TRY(status);
    if (result.end == STOA_FIT_CANCELLED) {
        job->signal = caught;
        fprintf(stderr, "stoa train: interrupted in epoch %zu; ", result.epochs + 1);
        tell_what_is_kept(train);
        return STOA_OK;
    }
    if (result.end == STOA_FIT_STOPPED_EARLY)
        printf("stopped early: %zu epochs without a better one\n", train->patience);
    printf("best: epoch %zu\n", result.best_epoch + 1);
    return STOA_OK;
}

/* The best weights on the test part: what is exported is what is judged, by its classes whatever it was trained for. */
static enum stoa_status judge(struct train_job *job, const struct stoa_model *best, struct stoa_error *error)
{
    struct judgement judgement;
    stoa_release(&job->allocator, job->test.targets);
    job->test.targets = NULL;
    enum stoa_status status = stoa_cli_judge(best, &job->data, &job->test.batches, job->settings, error, &judgement);
    if (status == STOA_OK)
        stoa_cli_train_result(job->dataset, &judgement.evaluation, judgement.classes, judgement.confusion);
    stoa_cli_judgement_free(&judgement);
    return status;
}

static enum stoa_status export_model(const struct train_job *job, const struct stoa_model *best,
                                     struct stoa_error *error)
{
    const char *path = job->settings->train.export;
    if (!path)
        return STOA_OK;
    STOA_TRY(stoa_model_save(best, path, error));
    printf("\nexported: %s, for pictures of %zu x %zu as\n  stoa run %s --input PICTURE --scale 0.00392156863", path,
           job->data.height, job->data.width, path);
    print_channels(stdout, " --mean ", job->data.mean, job->data.channels, "");
    print_channels(stdout, " --std ", job->data.std, job->data.channels, "\n");
    return STOA_OK;
}

static enum stoa_status report(struct train_job *job, struct stoa_error *error)
{
    struct stoa_model *best;
    STOA_TRY(stoa_trainer_best_model(job->trainer, error, &best));
    enum stoa_status status = judge(job, best, error);
    job->signal = caught;
    if (status == STOA_OK && job->signal) {
        fputs("stoa train: interrupted behind the last epoch; ", stderr);
        tell_what_is_kept(&job->settings->train);
    } else if (status == STOA_OK)
        status = export_model(job, best, error);
    stoa_model_free(best);
    return status;
}

/* What one option alone cannot tell. */
static const char *find_contradiction(const struct settings *settings)
{
    const struct train_settings *train = &settings->train;
    if (!settings->data)
        return "--data is missing: what is there to learn from?";
    if (settings->operand_count && settings->model != settings->operands[0])
        return "a model is given twice, with --model and without";
    const char *const files[] = {settings->model, train->checkpoint, train->export, train->log};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = i + 1; k < 4; k++)
            /* What an export replaces may be what was trained. */
            if (!(i == 0 && k == 2) && stoa_cli_same_file(files[i], files[k]))
                return "the model, --checkpoint, --export and --log must be files of their own";
    if ((train->resume || train->resume_if_any) && !train->checkpoint)
        return "--resume and --resume-if-any need --checkpoint FILE";
    if (train->checkpoint_every && !train->checkpoint)
        return "--checkpoint-every needs --checkpoint FILE";
    if (train->label_smoothing > 0 && train->loss != STOA_LOSS_CROSS_ENTROPY)
        return "--label-smoothing is for cross-entropy";
    if (train->momentum >= 0 && train->optimiser != STOA_OPTIMISER_SGD)
        return "--momentum is for sgd and nesterov";
    if (train->nesterov && train->momentum == 0)
        return "--optimizer nesterov needs a momentum";
    return NULL;
}

int stoa_cli_train(const struct settings *settings)
{
    const char *contradiction = find_contradiction(settings);
    if (contradiction) {
        fprintf(stderr, "stoa train: %s\nTry 'stoa train --help'.\n", contradiction);
        return CLI_USAGE;
    }
    struct train_job job = {.settings = settings, .allocator = stoa_allocator_default()};
    struct stoa_error error = {0};
    enum stoa_status status = prepare(&job, &error);
    if (status == STOA_OK) {
        watch_signals();
        status = fit(&job, &error);
        if (status == STOA_OK && !job.signal)
            status = report(&job, &error);
        unwatch_signals();
    }
    enum stoa_status closed = stoa_cli_train_report_close(&job.report, status == STOA_OK ? &error : NULL);
    status = status == STOA_OK ? closed : status;
    stoa_trainer_free(job.trainer);
    stoa_model_free(job.model);
    stoa_cli_train_source_close(&job.training);
    stoa_cli_train_source_close(&job.test);
    stoa_dataset_free(job.dataset);
    if (status != STOA_OK)
        fprintf(stderr, "stoa train: %s\n", error.message);
    return status != STOA_OK ? CLI_FAILED : job.signal ? SIGNAL_STATUS + job.signal : CLI_FINE;
}
