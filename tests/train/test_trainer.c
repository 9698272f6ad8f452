/* Trainers: they learn, they give the same bits, and what fails changes nothing. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/status.h"
#include "support/allocator.h"
#include "train/toy.h"
#include "train/trainer.h"

#define SGD .optimiser = STOA_OPTIMISER_SGD, .learning_rate = 0.1, .momentum = 0.9
#define ADAM .optimiser = STOA_OPTIMISER_ADAM, .learning_rate = 0.02

static const struct {
    const char *name;
    struct stoa_trainer_options options;
} ways[] = {
    {"sgd", {SGD}},
    {"nesterov, clipped", {SGD, .nesterov = 1, .clip_norm = 1, .weight_decay = 1e-4}},
    {"adam", {ADAM}},
    {"adamw", {.optimiser = STOA_OPTIMISER_ADAMW, .learning_rate = 0.02, .weight_decay = 0.01}},
    {"accumulating", {SGD, .accumulate = 2}},
    {"hinge", {SGD, .loss = STOA_LOSS_HINGE}},
    {"label smoothing", {SGD, .label_smoothing = 0.05}},
};
#define WAY_COUNT (sizeof ways / sizeof *ways)

static enum stoa_status get_seven(void *user, size_t epoch, size_t position, struct stoa_error *error,
                                  struct stoa_examples *examples)
{
    struct toy_set *set = user;
    (void)epoch, (void)position, (void)error;
    for (size_t i = 0; i < TOY_BATCH; i++) {
        set->labels[i] = i < 7 ? (int64_t)i : -1;
        for (size_t c = 0; c < 7; c++)
            set->x[i * 7 + c] = 7 - (float)c;
    }
    *examples = (struct stoa_examples){.x = set->x, .labels = set->labels, .count = 7};
    return STOA_OK;
}

Test(trainer, overfits_one_batch)
{
    for (size_t n = 0; n < toy_count; n++)
        for (size_t w = 0; w < WAY_COUNT; w++) {
            struct net net;
            struct toy_set set;
            net_build(&net, toys[n].net, NULL);
            toy_set_init(&set, &toys[n], 1, 3);
            struct stoa_trainer *trainer = toy_trainer(&net, &ways[w].options, ways[w].name);
            struct stoa_examples examples;
            struct stoa_train_result result = {0};
            double first = 0;
            cr_assert(set.batches.get(&set, 0, 0, NULL, &examples) == STOA_OK);
            for (size_t i = 0; i < 300; i++) {
                cr_assert(stoa_trainer_step(trainer, examples.x, examples.labels, NULL, &result) == STOA_OK);
                if (i == 0)
                    first = result.loss;
            }
            cr_expect(result.correct == TOY_BATCH, "%s, %s: %zu are right", toys[n].name, ways[w].name, result.correct);
            cr_expect(result.loss < 0.25 && result.loss < first / 2, "%s, %s: loss is %g, was %g", toys[n].name,
                      ways[w].name, result.loss, first);
            stoa_trainer_free(trainer);
            net_free(&net);
        }
}

Test(trainer, gives_the_same_bits_for_any_number_of_threads)
{
    for (size_t n = 0; n < toy_count; n++)
        for (size_t w = 0; w < WAY_COUNT; w++) {
            struct net net;
            struct toy_set set;
            net_build(&net, toys[n].net, NULL);
            toy_set_init(&set, &toys[n], 5, 4);
            struct stoa_trainer_options options = ways[w].options;
            struct stoa_trainer *one = toy_trainer(&net, &options, ways[w].name);
            toy_steps(one, &set, 0, 5, ways[w].name);
            for (options.threads = 2; options.threads <= 3; options.threads++) {
                struct stoa_trainer *more = toy_trainer(&net, &options, ways[w].name);
                cr_expect(!toy_same(one, more), "%s, %s: nothing has changed", toys[n].name, ways[w].name);
                toy_steps(more, &set, 0, 5, ways[w].name);
                cr_expect(toy_same(one, more), "%s, %s: %zu threads", toys[n].name, ways[w].name, options.threads);
                stoa_trainer_free(more);
            }
            stoa_trainer_free(one);
            net_free(&net);
        }
}

Test(trainer, makes_a_step_along_the_gradient_it_shows)
{
    struct net net;
    struct toy_set set;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&set, &toys[0], 1, 5);
    struct stoa_trainer *trainer = toy_trainer(&net, &(struct stoa_trainer_options){.learning_rate = 0.5}, "plain");
    cr_assert(stoa_trainer_parameter_count(trainer) == 4);
    float before[4][64];
    struct stoa_parameter_info info;
    for (size_t p = 0; p < 4; p++) {
        cr_assert(stoa_trainer_parameter(trainer, p, NULL, &info) == STOA_OK && info.count <= 64);
        memcpy(before[p], info.values, info.count * sizeof(float));
    }
    struct stoa_examples examples;
    struct stoa_train_result result;
    cr_assert(set.batches.get(&set, 0, 0, NULL, &examples) == STOA_OK);
    cr_assert(stoa_trainer_step(trainer, examples.x, examples.labels, NULL, &result) == STOA_OK);
    double squares = 0;
    for (size_t p = 0; p < 4; p++) {
        cr_assert(stoa_trainer_parameter(trainer, p, NULL, &info) == STOA_OK);
        for (size_t i = 0; i < info.count; i++) {
            squares += (double)info.gradient[i] * (double)info.gradient[i];
            cr_expect(info.values[i] == before[p][i] - 0.5f * info.gradient[i], "%s[%zu]", info.name, i);
        }
    }
    cr_expect(squares > 0 && fabs(result.gradient_norm - sqrt(squares)) < 1e-9);
    cr_expect(result.learning_rate == 0.5 && result.stepped && stoa_trainer_steps(trainer) == 1);
    cr_expect(stoa_trainer_batch(trainer) == TOY_BATCH && stoa_trainer_classes(trainer) == TOY_CLASSES);
    cr_expect(stoa_trainer_parameter(trainer, 4, NULL, &info) == STOA_ERROR_ARGUMENT);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* The mean of a gradient and itself is that gradient, to the bit. */
Test(trainer, accumulates_means)
{
    struct net net;
    struct toy_set set;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&set, &toys[0], 4, 6);
    struct stoa_trainer *plain = toy_trainer(&net, &(struct stoa_trainer_options){SGD}, "plain");
    struct stoa_trainer *twice = toy_trainer(&net, &(struct stoa_trainer_options){SGD, .accumulate = 2}, "twice");
    for (size_t i = 0; i < 4; i++) {
        struct stoa_train_result result;
        struct stoa_train_result once;
        struct stoa_examples examples;
        cr_assert(set.batches.get(&set, 0, i, NULL, &examples) == STOA_OK);
        cr_assert(stoa_trainer_step(plain, examples.x, examples.labels, NULL, &once) == STOA_OK);
        for (int part = 0; part < 2; part++) {
            cr_assert(stoa_trainer_step(twice, set.x, set.labels, NULL, &result) == STOA_OK);
            cr_expect(result.stepped == part);
            cr_expect(fabs(result.gradient_norm - once.gradient_norm) <= 1e-6 * once.gradient_norm,
                      "step %zu: %g, not %g", i, result.gradient_norm, once.gradient_norm);
        }
        cr_expect(memcmp(plain->values, twice->values, plain->value_count * sizeof(float)) == 0, "step %zu", i);
    }
    cr_expect(stoa_trainer_steps(twice) == 4);
    stoa_trainer_free(plain);
    stoa_trainer_free(twice);
    net_free(&net);
}

/* Softmax is part of the loss: the scores are what is in front of it. */
Test(trainer, takes_the_scores_in_front_of_softmax)
{
    struct net plain, behind;
    struct toy_set set;
    struct stoa_examples examples;
    struct stoa_train_result a, b;
    net_build(&plain, "input x f32[?,5]\nconst w f32[3,5]\ny = Gemm(x, w) transB=1\noutput y\n", NULL);
    net_build(&behind, "input x f32[?,5]\nconst w f32[3,5]\ns = Gemm(x, w) transB=1\ny = Softmax(s)\noutput y\n", NULL);
    toy_set_init(&set, &toys[0], 1, 3);
    struct stoa_trainer *one = toy_trainer(&plain, &(struct stoa_trainer_options){SGD}, "plain");
    struct stoa_trainer *other = toy_trainer(&behind, &(struct stoa_trainer_options){SGD}, "behind");
    cr_assert(set.batches.get(&set, 0, 0, NULL, &examples) == STOA_OK);
    for (size_t i = 0; i < 3; i++) {
        cr_assert(stoa_trainer_step(one, examples.x, examples.labels, NULL, &a) == STOA_OK);
        cr_assert(stoa_trainer_step(other, examples.x, examples.labels, NULL, &b) == STOA_OK);
        cr_expect(a.loss == b.loss && a.gradient_norm == b.gradient_norm && a.correct == b.correct, "%g, not %g",
                  b.loss, a.loss);
    }
    stoa_trainer_free(one);
    stoa_trainer_free(other);
    net_free(&plain);
    net_free(&behind);
}

/* Each step drops other elements, and each seed. */
Test(trainer, drops_other_elements_each_time)
{
    struct net net;
    struct toy_set set;
    struct stoa_examples examples;
    struct stoa_train_result first, second, other;
    net_build(
        &net,
        "input x f32[?,5]\nconst ratio f32(0.5)\nu = Dropout(x, ratio)\nconst w f32[5,3]\ny = MatMul(u, w)\noutput y\n",
        NULL);
    toy_set_init(&set, &toys[0], 1, 3);
    cr_assert(set.batches.get(&set, 0, 0, NULL, &examples) == STOA_OK);
    struct stoa_trainer *one =
        toy_trainer(&net, &(struct stoa_trainer_options){.learning_rate = 1e-30, .seed = 1}, "1");
    struct stoa_trainer *two =
        toy_trainer(&net, &(struct stoa_trainer_options){.learning_rate = 1e-30, .seed = 2}, "2");
    cr_assert(stoa_trainer_step(one, examples.x, examples.labels, NULL, &first) == STOA_OK);
    cr_assert(stoa_trainer_step(one, examples.x, examples.labels, NULL, &second) == STOA_OK);
    cr_assert(stoa_trainer_step(two, examples.x, examples.labels, NULL, &other) == STOA_OK);
    cr_expect(first.loss != second.loss && first.loss != other.loss);
    stoa_trainer_free(one);
    stoa_trainer_free(two);
    net_free(&net);
}

/* Six classes before that of the label are not five. */
Test(trainer, five_of_seven_classes_are_the_top_five)
{
    struct net net;
    struct toy_set set;
    struct stoa_evaluation evaluation;
    struct toy seven = {.elements = 7};
    net_build(&net,
              "input x f32[?,7]\nconst w f32[7,7]{1,0*7,1,0*7,1,0*7,1,0*7,1,0*7,1,0*7,1}\ny = MatMul(x, w)\noutput y\n",
              NULL);
    toy_set_init(&set, &seven, 20, 3);
    struct stoa_trainer *trainer = toy_trainer(&net, &(struct stoa_trainer_options){SGD}, "seven");
    struct stoa_batches one = {.batch = TOY_BATCH, .count = 1, .get = get_seven, .user = &set};
    cr_assert(stoa_evaluate(trainer, &one, 0, NULL, &evaluation, NULL) == STOA_OK);
    cr_expect(evaluation.examples == 7 && evaluation.top1 == 1 && evaluation.top5 == 5, "%zu %zu %zu",
              evaluation.examples, evaluation.top1, evaluation.top5);
    stoa_trainer_free(trainer);
    net_free(&net);
}

Test(trainer, leaves_frozen_parameters_alone)
{
    static const char *const patterns[] = {"*1"};
    struct net net;
    struct toy_set set;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&set, &toys[0], 3, 7);
    struct stoa_trainer *trainer =
        toy_trainer(&net, &(struct stoa_trainer_options){SGD, .frozen = patterns, .frozen_count = 1}, "frozen");
    cr_assert(stoa_trainer_parameter_count(trainer) == 2);
    toy_steps(trainer, &set, 0, 3, "frozen");
    struct stoa_model *model;
    cr_assert(stoa_trainer_model(trainer, NULL, &model) == STOA_OK);
    static const char *const names[] = {"w1", "b1", "w2", "b2"};
    for (size_t i = 0; i < 4; i++) {
        const struct stoa_tensor *a = net.model->graph.values[stoa_graph_find(&net.model->graph, names[i])].constant;
        const struct stoa_tensor *b = model->graph.values[stoa_graph_find(&model->graph, names[i])].constant;
        size_t bytes = (i == 0 ? 45 : i == 1 ? 9 : i == 2 ? 27 : 3) * sizeof(float);
        cr_expect((memcmp(a->data, b->data, bytes) == 0) == (i < 2), "%s", names[i]);
    }
    stoa_model_free(model);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* The model of the weights gives, on its own, what the trainer gets with them. */
Test(trainer, makes_models_that_stand_alone)
{
    for (size_t n = 0; n < toy_count; n++) {
        struct net net;
        struct toy_set set;
        net_build(&net, toys[n].net, NULL);
        toy_set_init(&set, &toys[n], 4, 8);
        struct stoa_trainer *trainer = toy_trainer(&net, &(struct stoa_trainer_options){SGD}, toys[n].name);
        toy_steps(trainer, &set, 0, 3, toys[n].name);
        struct stoa_model *model;
        struct stoa_evaluation evaluation;
        struct stoa_error error = {0};
        cr_assert(stoa_trainer_model(trainer, &error, &model) == STOA_OK, "%s", error.message);
        set.last = TOY_BATCH - 3;
        cr_assert(stoa_evaluate(trainer, &set.batches, 2, &error, &evaluation, NULL) == STOA_OK, "%s", error.message);
        stoa_trainer_free(trainer);
        net_free(&net);

        struct stoa_session *session;
        struct stoa_tensor y;
        struct stoa_session_options options = {.threads = 1, .input_count = 1};
        struct stoa_value_info info;
        struct stoa_input_spec own = {.name = "x"};
        cr_assert(stoa_model_input(model, 0, NULL, &info) == STOA_OK && strcmp(info.name, "x") == 0);
        own.rank = info.rank;
        for (size_t d = 0; d < info.rank; d++)
            own.dims[d] = d ? (size_t)info.dims[d] : TOY_BATCH;
        options.inputs = &own;
        cr_assert(stoa_session_create(model, &options, &error, &session) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_output(session, "y", NULL, &y) == STOA_OK);
        cr_assert(stoa_session_bind_input(session, "x", set.x, NULL) == STOA_OK);
        size_t right = 0, examples = 0;
        double loss = 0;
        for (size_t i = 0; i < 4; i++) {
            struct stoa_examples batch;
            cr_assert(set.batches.get(&set, 2, i, NULL, &batch) == STOA_OK);
            cr_assert(stoa_session_run(session, NULL) == STOA_OK);
            for (size_t k = 0; k < batch.count; k++) {
                const float *row = (const float *)y.data + k * TOY_CLASSES;
                double sum = 0;
                size_t best = 0;
                for (size_t c = 0; c < TOY_CLASSES; c++) {
                    sum += exp((double)row[c]);
                    best = row[c] > row[best] ? c : best;
                }
                loss += log(sum) - (double)row[set.labels[k]];
                right += best == (size_t)set.labels[k];
                examples++;
            }
        }
        cr_expect(evaluation.examples == examples && examples == 4 * TOY_BATCH - 3, "%zu", evaluation.examples);
        cr_expect(evaluation.top1 == right && evaluation.top5 == examples, "%zu, not %zu", evaluation.top1, right);
        cr_expect(fabs(evaluation.loss - loss / (double)examples) < 1e-5, "%s: %g, not %g", toys[n].name,
                  evaluation.loss, loss / (double)examples);
        stoa_session_free(session);
        stoa_model_free(model);
    }
}

static const struct {
    const char *name, *words;
    float value;
} spoils[] = {
    {"not a number", "input 'x' is not finite", NAN},
    {"infinite", "input 'x' is not finite", INFINITY},
    {"so large that sums overflow", "node 'node_", 3e38f},
};

Test(trainer, a_step_that_is_not_finite_changes_nothing)
{
    for (size_t n = 0; n < toy_count; n++)
        for (size_t w = 0; w < WAY_COUNT; w++)
            for (size_t s = 0; s < sizeof spoils / sizeof *spoils; s++) {
                struct net net;
                struct toy_set set;
                struct stoa_error error = {0};
                net_build(&net, toys[n].net, NULL);
                toy_set_init(&set, &toys[n], 6, 9);
                struct stoa_trainer *calm = toy_trainer(&net, &ways[w].options, ways[w].name);
                struct stoa_trainer *shaken = toy_trainer(&net, &ways[w].options, ways[w].name);
                toy_steps(calm, &set, 0, 3, ways[w].name);
                toy_steps(shaken, &set, 0, 3, ways[w].name);
                for (size_t i = 0; i<TOY_BATCH * set.elements; i += spoils[s].value> 0 && i % 2 ? 1 : 2)
                    set.x[i] = spoils[s].value;
                cr_expect(stoa_trainer_step(shaken, set.x, set.labels, &error, NULL) == STOA_ERROR_NONFINITE,
                          "%s, %s: %s", toys[n].name, ways[w].name, spoils[s].name);
                cr_expect(strstr(error.message, "step 4: ") && strstr(error.message, spoils[s].words), "%s",
                          error.message);
                cr_expect(toy_same(calm, shaken), "%s, %s: %s", toys[n].name, ways[w].name, spoils[s].name);
                toy_steps(calm, &set, 3, 3, ways[w].name);
                toy_steps(shaken, &set, 3, 3, ways[w].name);
                cr_expect(toy_same(calm, shaken), "%s, %s: later", toys[n].name, ways[w].name);
                stoa_trainer_free(calm);
                stoa_trainer_free(shaken);
                net_free(&net);
            }
}

/* Squares beyond floats: the running variance is infinite, while the loss and all gradients are finite. */
Test(trainer, a_statistic_that_is_not_finite_changes_nothing)
{
    const struct toy *normalised = &toys[1];
    struct net net;
    struct toy_set set;
    struct stoa_error error = {0};
    net_build(&net, normalised->net, NULL);
    toy_set_init(&set, normalised, 4, 9);
    struct stoa_trainer *calm = toy_trainer(&net, &ways[0].options, ways[0].name);
    struct stoa_trainer *shaken = toy_trainer(&net, &ways[0].options, ways[0].name);
    toy_steps(calm, &set, 0, 3, ways[0].name);
    toy_steps(shaken, &set, 0, 3, ways[0].name);
    for (size_t i = 0; i < TOY_BATCH * set.elements; i++)
        set.x[i] *= 1e22f;
    cr_expect(stoa_trainer_step(shaken, set.x, set.labels, &error, NULL) == STOA_ERROR_NONFINITE);
    cr_expect(strstr(error.message, "step 4: node 'node_n' (BatchNormalization"), "%s", error.message);
    cr_expect(isfinite(*shaken->loss));
    for (size_t i = 0; i < shaken->trained_count; i++)
        cr_expect(isfinite(shaken->gradient[i]));
    cr_expect(toy_same(calm, shaken));
    stoa_trainer_free(calm);
    stoa_trainer_free(shaken);
    net_free(&net);
}

Test(trainer, refuses_bad_calls)
{
    struct net net;
    struct toy_set set;
    struct stoa_error error = {0};
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&set, &toys[0], 1, 1);
    struct stoa_trainer *trainer = toy_trainer(&net, &(struct stoa_trainer_options){SGD}, "toy"), *none;
    struct stoa_trainer *fresh = toy_trainer(&net, &(struct stoa_trainer_options){SGD}, "toy");
    struct stoa_model *model;
    cr_expect(stoa_trainer_create(NULL, NULL, NULL, &none) == STOA_ERROR_ARGUMENT && !none);
    cr_expect(stoa_trainer_create(net.model, NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_trainer_step(NULL, set.x, set.labels, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_trainer_step(trainer, NULL, set.labels, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_trainer_step(trainer, set.x, NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_trainer_model(NULL, NULL, &model) == STOA_ERROR_ARGUMENT && !model);
    struct stoa_parameter_info info;
    cr_expect(stoa_trainer_parameter(NULL, 0, &error, &info) == STOA_ERROR_ARGUMENT);
    cr_expect(strcmp(error.message, "trainer is null") == 0, "%s", error.message);
    cr_expect(stoa_trainer_parameter(trainer, 0, NULL, NULL) == STOA_ERROR_ARGUMENT);
    const void *odd = (const char *)set.labels + 4;
    cr_expect(stoa_trainer_step(trainer, set.x, odd, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "not aligned"), "%s", error.message);
    static const int64_t bad[] = {TOY_CLASSES, -2, INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        set.labels[5] = bad[i];
        cr_expect(stoa_trainer_step(trainer, set.x, set.labels, &error, NULL) == STOA_ERROR_DATA);
        cr_expect(strstr(error.message, "labels[5]"), "%s", error.message);
    }
    cr_expect(toy_same(trainer, fresh));
    stoa_trainer_free(NULL);
    stoa_trainer_free(fresh);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* All a trainer does, until something fails. */
static enum stoa_status live(const struct net *net, struct toy_set *set, const struct stoa_allocator *allocator)
{
    const struct stoa_trainer_options options = {SGD, .batch = TOY_BATCH, .accumulate = 2, .threads = 1,
                                                 .allocator = allocator};
    struct stoa_trainer *trainer;
    struct stoa_model *model;
    STOA_TRY(stoa_trainer_create(net->model, &options, NULL, &trainer));
    enum stoa_status status =
        stoa_fit(trainer, &set->batches, &set->batches, &(struct stoa_fit_options){.epochs = 2}, NULL, NULL);
    if (status == STOA_OK) {
        status = stoa_trainer_best_model(trainer, NULL, &model);
        if (status == STOA_OK)
            stoa_model_free(model);
    }
    stoa_trainer_free(trainer);
    return status;
}

Test(trainer, gives_back_its_memory_when_some_is_missing)
{
    struct net net;
    struct toy_set set;
    struct counting_allocator memory;
    net_build(&net, toys[0].net, NULL);
    toy_set_init(&set, &toys[0], 2, 1);
    for (int after = 0; after < 2; after++) {
        enum stoa_status status = STOA_ERROR_MEMORY;
        for (size_t n = 1; status != STOA_OK; n++) {
            counting_allocator_init(&memory);
            memory.fail_at = n;
            memory.fail_after = after;
            status = live(&net, &set, &memory.interface);
            cr_assert(status == STOA_OK || status == STOA_ERROR_MEMORY, "%zu: %s", n, stoa_status_name(status));
            cr_expect(memory.live == 0, "%zu: %zu blocks", n, memory.live);
        }
        cr_expect(memory.calls > 50 && memory.calls < memory.fail_at);
    }
    net_free(&net);
}
