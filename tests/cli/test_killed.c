/* stoa train, killed at any moment: what is on disk is the checkpoint before or the one after, and going on from it
 * ends with the weights of a run that nobody disturbed. The net has every kind of state that could be forgotten:
 * running statistics, dropout's generator, an optimiser's two arrays, half-accumulated gradients, the best weights so
 * far. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stoa/build.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "support/command.h"
#include "support/files.h"
#include "support/squares.h"
#include "train/trainer.h"

#define KILLS 100
#define BATCH 8
#define ACCUMULATE 3

static void write_net(const char *path)
{
    static const struct stoa_build_conv conv = {.out_channels = 4, .kernel = {3, 3}, .no_bias = 1};
    static const struct stoa_build_pool pool = {.kernel = {2, 2}, .stride = {2, 2}};
    struct stoa_builder *b;
    struct stoa_model *model;
    struct stoa_error error = {0};
    cr_assert(stoa_builder_create(NULL, &error, &b) == STOA_OK);
    struct stoa_value x = stoa_build_input(b, "input", 3, (size_t[]){1, SQUARES_SIDE, SQUARES_SIDE});
    x = stoa_build_relu(b, NULL, stoa_build_batch_norm(b, NULL, stoa_build_conv2d(b, NULL, x, &conv), NULL));
    x = stoa_build_flatten(b, NULL, stoa_build_max_pool2d(b, NULL, x, &pool));
    x = stoa_build_dropout(b, NULL, x, 0.1f);
    x = stoa_build_linear(b, NULL, x, &(struct stoa_build_linear){.out_features = SQUARES_CLASSES});
    stoa_build_output(b, "output", x);
    cr_assert(stoa_builder_finish(b, &error, &model) == STOA_OK, "%s", error.message);
    cr_assert(stoa_model_save(model, path, &error) == STOA_OK, "%s", error.message);
    stoa_model_free(model);
}

static void make_data(void)
{
    squares_write();
    cr_assert(chdir(files_folder()) == 0);
    write_net("net.onnx");
}

static void remove_data(void)
{
    cr_assert(chdir("/") == 0);
    files_remove();
}

#define TRAIN                                                                                                          \
    "train", "net.onnx", "--data", "idx:.", "--epochs", "6", "--batch", "8", "--augment", "flip,shift=1",              \
        "--optimizer", "adamw", "--accumulate", "3", "--export"
static const char *const disturbed[COMMAND_WORDS] = {
    TRAIN, "disturbed.onnx", "--checkpoint", "state", "--checkpoint-every", "1", "--resume-if-any"};

/* A trainer that checkpoints of that training fit. */
static struct stoa_trainer *open_trainer(struct stoa_model **model)
{
    struct stoa_trainer *trainer;
    struct stoa_error error = {0};
    struct stoa_trainer_options options = {
        .optimiser = STOA_OPTIMISER_ADAMW, .accumulate = ACCUMULATE, .batch = BATCH, .threads = 1};
    cr_assert(stoa_model_load("net.onnx", NULL, &error, model) == STOA_OK, "%s", error.message);
    cr_assert(stoa_trainer_create(*model, &options, &error, &trainer) == STOA_OK, "%s", error.message);
    return trainer;
}

/* Batches that the checkpoint has seen. */
static uint64_t progress(struct stoa_trainer *trainer, const char *when)
{
    struct stoa_error error = {0};
    if (access("state", F_OK) != 0)
        return 0;
    cr_assert(stoa_trainer_load(trainer, "state", &error) == STOA_OK, "%s: %s", when, error.message);
    return trainer->state.calls;
}

static size_t read_net(const char *path, size_t capacity, uint8_t *bytes)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "there is no %s", path);
    size_t size = fread(bytes, 1, capacity, file);
    fclose(file);
    cr_assert(size > 0 && size < capacity);
    return size;
}

static void expect_undisturbed(const char *when)
{
    static uint8_t nets[2][1 << 16];
    size_t size = read_net("undisturbed.onnx", sizeof nets[0], nets[0]);
    cr_expect(read_net("disturbed.onnx", sizeof nets[1], nets[1]) == size && memcmp(nets[0], nets[1], size) == 0,
              "%s: other weights than undisturbed", when);
}

Test(killed, a_hundred_times, .init = make_data, .fini = remove_data)
{
    double begin = stoa_seconds();
    const struct command_outcome *outcome = command_run((const char *const[COMMAND_WORDS]){TRAIN, "undisturbed.onnx"});
    cr_assert(outcome->status == 0, "%s", outcome->err);
    outcome = command_run(disturbed);
    cr_assert(outcome->status == 0, "%s", outcome->err);
    expect_undisturbed("nobody killed it");
    files_delete("state");
    double whole = (stoa_seconds() - begin) / 2;

    struct stoa_model *model;
    struct stoa_trainer *trainer = open_trainer(&model);
    struct random random = {.state = 4};
    uint64_t seen = 0;
    size_t kills = 0, gone_on = 0;
    while (kills < KILLS) {
        char when[64];
        snprintf(when, sizeof when, "after %zu kills", kills);
        /* Several lives a training, some of them too short to begin. */
        outcome = command_run_and_kill(disturbed, whole / 2000 * (double)stoa_random_int(&random, 0, 1000));
        cr_assert(outcome->status == 0 || outcome->status == -SIGKILL, "%s: %d, %s", when, outcome->status,
                  outcome->err);
        uint64_t now = progress(trainer, when);
        cr_assert(now >= seen, "%s: the checkpoint had %llu batches, now %llu", when, (unsigned long long)seen,
                  (unsigned long long)now);
        gone_on += outcome->status == -SIGKILL && seen > 0 && now > seen;
        kills += outcome->status == -SIGKILL;
        seen = now;
        if (outcome->status == 0) {
            expect_undisturbed(when);
            files_delete("state");
            seen = 0;
        }
    }
    outcome = command_run(disturbed);
    cr_assert(outcome->status == 0, "%s", outcome->err);
    expect_undisturbed("in the end");
    cr_expect(gone_on >= KILLS / 10, "only %zu of %d resumed trainings got anywhere before they were killed", gone_on,
              KILLS);
    stoa_trainer_free(trainer);
    stoa_model_free(model);
}
