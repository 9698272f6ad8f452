/* Making trainers: what they take from the model and the options, where tensors go, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/status.h"
#include "train/toy.h"
#include "train/trainer.h"

#define SGD .optimiser = STOA_OPTIMISER_SGD, .learning_rate = 0.1, .momentum = 0.9

/* Inputs whose dims the model states need none from the caller, whether they are fed or fixed. */
Test(trainer, takes_dims_that_are_not_given_from_the_model)
{
    static const int64_t shape[2] = {4, 6};
    const struct stoa_input_spec specs[] = {{.name = "shape", .data = shape}, {.name = "x"}};
    struct net net;
    struct stoa_error error = {0};
    struct stoa_trainer *trainer;
    net_build(&net,
              "input x f32[?,2,3]\ninput shape i64[2]\nconst w f32[6,3]\nr = Reshape(x, shape)\ny = MatMul(r, w)\n"
              "output y\n",
              NULL);
    const struct stoa_trainer_options options = {SGD, .batch = 4, .inputs = specs, .input_count = 2};
    cr_assert(stoa_trainer_create(net.model, &options, &error, &trainer) == STOA_OK, "%s", error.message);
    cr_expect(stoa_trainer_batch(trainer) == 4 && stoa_trainer_classes(trainer) == 3);
    stoa_trainer_free(trainer);
    net_free(&net);
}

/* A bound that is computed from parameters: no gradient passes, but the scores depend on it. */
Test(trainer, keeps_parameters_that_no_gradient_reaches)
{
    struct net net;
    struct toy_set set;
    net_build(&net,
              "input x f32[?,5]\nconst k f32[1,2]{0.25,0.5}\nconst u f32[2,1]{1,-1}\nb = MatMul(k, u)\n"
              "t = Squeeze(b)\nconst w f32[5,3]\nh = MatMul(x, w)\ny = Clip(h, t)\noutput y\n",
              NULL);
    toy_set_init(&set, &toys[0], 3, 2);
    struct stoa_trainer *trainer = toy_trainer(&net, &(struct stoa_trainer_options){SGD}, "bound");
    toy_steps(trainer, &set, 0, 3, "bound");
    float least = 1;
    for (size_t i = 0; i < TOY_BATCH * TOY_CLASSES; i++)
        least = trainer->scores[i] < least ? trainer->scores[i] : least;
    cr_expect(least == -0.25f, "a score is %g", (double)least);
    struct stoa_parameter_info info;
    static const float values[2][2] = {{0.25f, 0.5f}, {1, -1}};
    cr_assert(stoa_trainer_parameter_count(trainer) == 3);
    for (size_t p = 0; p < 2; p++) {
        cr_assert(stoa_trainer_parameter(trainer, p, NULL, &info) == STOA_OK);
        cr_expect(!info.gradient && info.count == 2 && memcmp(info.values, values[p], sizeof values[p]) == 0, "%s",
                  info.name);
        cr_expect(trainer->tensors[p].offset >= trainer->trained_count, "%s", info.name);
    }
    cr_assert(stoa_trainer_parameter(trainer, 2, NULL, &info) == STOA_OK);
    cr_expect(info.gradient && trainer->tensors[2].offset == 0 && info.count <= trainer->trained_count);
    stoa_trainer_free(trainer);
    net_free(&net);
}

#define INPUT(...) .inputs = (const struct stoa_input_spec[]){{__VA_ARGS__}}, .input_count = 1
#define FROZEN(...)                                                                                                    \
    .frozen = (const char *const[]){__VA_ARGS__},                                                                      \
    .frozen_count = sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)
static const struct {
    const char *name, *net, *words;
    struct stoa_trainer_options options;
    enum stoa_status status;
} refusals[] = {
    {"two inputs to feed",
     "input x f32[?,5]\ninput z f32[?,5]\ns = Add(x, z)\nconst w f32[5,3]\ny = MatMul(s, w)\noutput y\n",
     "'x' and 'z'",
     {0},
     STOA_ERROR_ARGUMENT},
    {"an open dimension",
     "input x f32[?,?]\nconst w f32[5,3]\ny = MatMul(x, w)\noutput y\n",
     "dimension 1",
     {0},
     STOA_ERROR_ARGUMENT},
    {"no input",
     "const x f32[2,5]\nconst w f32[5,3]\ny = MatMul(x, w)\noutput y\n",
     "no input",
     {0},
     STOA_ERROR_ARGUMENT},
    {"no parameter", "input x f32[?,5]\ny = Relu(x)\noutput y\n", "no parameter", {0}, STOA_ERROR_ARGUMENT},
    {"an unknown input", NULL, "no input 'z'", {INPUT(.name = "z")}, STOA_ERROR_ARGUMENT},
    {"an input of too high a rank", NULL, "input 'x': rank 9", {INPUT(.name = "x", .rank = 9)}, STOA_ERROR_ARGUMENT},
    {"other dims than the model's",
     "input x f32[?,5]\nconst w f32[5,3]\ny = MatMul(x, w)\noutput y\n",
     "dimension 1 is given as 4, the model has 5",
     {INPUT(.name = "x", .rank = 2, .dims = {2, 4})},
     STOA_ERROR_SHAPE},
    {"an input without a name", NULL, "no input '(null)'", {INPUT(.rank = 2)}, STOA_ERROR_ARGUMENT},
    {"an unknown loss", NULL, "loss", {.loss = STOA_LOSS_COUNT}, STOA_ERROR_ARGUMENT},
    {"a count without patterns", NULL, "frozen", {.frozen_count = 1}, STOA_ERROR_ARGUMENT},
    {"a pattern that is none", NULL, "frozen[0] is null", {FROZEN(NULL)}, STOA_ERROR_ARGUMENT},
    {"nothing to freeze", NULL, "frozen[1]: no parameter is called 'W?'", {FROZEN("w?", "W?")}, STOA_ERROR_ARGUMENT},
    {"a momentum of 1", NULL, "momentum", {.momentum = 1}, STOA_ERROR_ARGUMENT},
};

Test(trainer, refuses_what_it_cannot_train)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct net net;
        struct stoa_trainer *trainer;
        struct stoa_error error = {0};
        net_build(&net, refusals[i].net ? refusals[i].net : toys[0].net, NULL);
        enum stoa_status status = stoa_trainer_create(net.model, &refusals[i].options, &error, &trainer);
        cr_expect(status == refusals[i].status, "%s: %s: %s", refusals[i].name, stoa_status_name(status),
                  error.message);
        cr_expect(strstr(error.message, refusals[i].words), "%s: %s", refusals[i].name, error.message);
        cr_expect(!trainer);
        net_free(&net);
    }
}
