/* Optimisers and schedules, against PyTorch's numbers and plain loops in double. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/pool.h"
#include "base/random.h"
#include "kernels/optimise.h"
#include "support/allocator.h"
#include "support/host_pool.h"
#include "train/optimiser.h"
#include "train/schedule.h"

/* Three weights and a bias. In step t, element i of the four has the gradient sin(1 + i + 3t) * (1 + i/2). */
#define STEPS 6
static const float initial[4] = {0.5f, -1.25f, 2.0f, 0.75f};

static float gradient_of(size_t i, size_t t)
{
    return (float)(sin(1 + (double)i + 3 * (double)t) * (1 + 0.5 * (double)i));
}

#define SGD .optimiser = STOA_OPTIMISER_SGD, .learning_rate = 0.1
#define ADAM .optimiser = STOA_OPTIMISER_ADAM, .learning_rate = 0.1
#define ADAMW .optimiser = STOA_OPTIMISER_ADAMW, .learning_rate = 0.1
#define STEP .schedule = STOA_SCHEDULE_STEP
#define COSINE .schedule = STOA_SCHEDULE_COSINE

/* What torch.optim (PyTorch 1.13, in double) has after six steps: weight_decay of the weights alone but where all
 * decay, clip_grad_norm_, clip_grad_value_, StepLR(2, 0.1), CosineAnnealingLR(8, 0.01), LambdaLR (t + 1) / 3. */
static const struct {
    const char *name;
    struct stoa_trainer_options options;
    double expected[4];
} rows[] = {
    {"sgd", {SGD}, {0.46701023, -1.24534266, 2.07268987, 0.840424019}},
    {"momentum", {SGD, .momentum = 0.9}, {0.286090011, -1.54203353, 2.00705628, 1.24625385}},
    {"nesterov", {SGD, .momentum = 0.9, .nesterov = 1}, {0.27449124, -1.50817283, 2.07904052, 1.28705249}},
    {"decay", {SGD, .momentum = 0.9, .weight_decay = 0.1}, {0.214949341, -1.30347749, 1.66531191, 1.24625385}},
    {"decay of all",
     {SGD, .momentum = 0.9, .weight_decay = 0.1, .decay_all = 1},
     {0.214949341, -1.30347749, 1.66531191, 1.08269235}},
    {"nesterov with decay",
     {.learning_rate = 0.05, .momentum = 0.8, .nesterov = 1, .weight_decay = 0.1},
     {0.378387548, -1.21536442, 1.86746847, 0.948474177}},
    {"adam", {ADAM}, {0.34430742, -1.38310291, 1.92013469, 0.91140165}},
    {"adam with decay", {ADAM, .weight_decay = 0.1}, {0.316695646, -1.33825289, 1.78910928, 0.91140165}},
    {"adam with other numbers",
     {ADAM, .beta1 = 0.8, .beta2 = 0.95, .epsilon = 0.01},
     {0.362190781, -1.36791026, 1.93068776, 0.894219909}},
    {"adamw", {ADAMW, .weight_decay = 0.1}, {0.321113704, -1.30430712, 1.80734301, 0.91140165}},
    {"clip of the norm", {SGD, .momentum = 0.9, .clip_norm = 1}, {0.416461387, -1.36158381, 2.00630659, 0.944491676}},
    {"clip of values", {SGD, .momentum = 0.9, .clip_value = 0.5}, {0.382984095, -1.3609745, 1.9910589, 0.873505198}},
    {"step schedule", {SGD, STEP, .step_size = 2}, {0.490271232, -1.24244031, 2.03034959, 0.778395391}},
    {"cosine schedule",
     {SGD, COSINE, .total_steps = 8, .final_rate = 0.01},
     {0.458958534, -1.29524062, 2.01689998, 0.848228766}},
    {"warm-up", {ADAM, .warmup = 3}, {0.410985516, -1.31907512, 1.97472333, 0.844137446}},
};

/* With accumulate, each step's gradient comes in so many parts whose mean it is. */
static void take_steps(const struct stoa_trainer_options *given, size_t parts, const char *name, float values[4])
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_trainer_options options;
    struct stoa_error error = {0};
    cr_assert(stoa_optimiser_options(given, &error, &options) == STOA_OK, "%s: %s", name, error.message);
    const struct optimised parameters[] = {{.offset = 0, .count = 3, .decays = true},
                                           {.offset = 3, .count = 1, .decays = options.decay_all != 0}};
    struct optimiser optimiser;
    cr_assert(stoa_optimiser_init(&optimiser, &options, 2, parameters, &allocator, &error) == STOA_OK);
    float gradient[4], states[2][4] = {{0}}, sum[4] = {0};
    size_t state_count = stoa_optimiser_states(&options);
    struct optimiser_buffers buffers = {
        .values = values,
        .gradient = gradient,
        .sum = parts > 1 ? sum : NULL,
        .states = {state_count > 0 ? states[0] : NULL, state_count > 1 ? states[1] : NULL}};
    memcpy(values, initial, sizeof initial);
    for (size_t t = 0; t < STEPS; t++) {
        double norm = 0;
        for (size_t part = 0; part < parts; part++) {
            for (size_t i = 0; i < 4; i++)
                gradient[i] = gradient_of(i, t) + (parts > 1 ? (part % 2 ? -0.25f : 0.25f) : 0);
            norm = sqrt(stoa_optimiser_squares(&optimiser, &buffers, NULL)) / (double)parts;
            if (parts > 1)
                stoa_optimiser_accumulate(&optimiser, &buffers, NULL);
        }
        stoa_optimiser_step(&optimiser, &buffers, t, 1 / (double)parts, norm, NULL);
        memset(sum, 0, sizeof sum);
    }
    stoa_optimiser_deinit(&optimiser, &allocator);
}

Test(optimiser, steps_are_pytorchs)
{
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
        for (size_t parts = 1; parts <= 4; parts *= 2) {
            float values[4];
            take_steps(&rows[r].options, parts, rows[r].name, values);
            for (size_t i = 0; i < 4; i++)
                cr_expect(fabs((double)values[i] - rows[r].expected[i]) < 4e-6,
                          "%s in %zu: element %zu is %.8g, not %.8g", rows[r].name, parts, i, (double)values[i],
                          rows[r].expected[i]);
        }
}

/* The same formulas element by element in double. */
static double descend(const struct stoa_trainer_options *o, size_t t, double w, double g, double state[2])
{
    double rate = stoa_schedule_rate(o, t);
    if (o->clip_value > 0)
        g = fmin(fmax(g, -o->clip_value), o->clip_value);
    if (o->optimiser == STOA_OPTIMISER_SGD) {
        g += o->weight_decay * w;
        state[0] = o->momentum * state[0] + g;
        return w - rate * (o->nesterov ? g + o->momentum * state[0] : state[0]);
    }
    if (o->optimiser == STOA_OPTIMISER_ADAMW)
        w -= rate * o->weight_decay * w;
    else
        g += o->weight_decay * w;
    state[0] = o->beta1 * state[0] + (1 - o->beta1) * g;
    state[1] = o->beta2 * state[1] + (1 - o->beta2) * g * g;
    double mean = state[0] / (1 - pow(o->beta1, (double)t + 1)), square = state[1] / (1 - pow(o->beta2, (double)t + 1));
    return w - rate * mean / (sqrt(square) + o->epsilon);
}

enum { MANY = 70001 }; /* several pieces, the last one odd */

static float *random_array(uint64_t seed)
{
    struct random random = {.state = seed};
    float *array = malloc(MANY * sizeof *array);
    cr_assert(array);
    stoa_random_fill(&random, MANY, array);
    return array;
}

/* Three steps over MANY elements on a pool; null: the calling thread. values and the norm of the last gradient. */
static void take_many(const struct stoa_trainer_options *options, struct pool *pool, float *values, double *norm)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    const struct optimised parameters[] = {{.offset = 0, .count = 40000, .decays = true},
                                           {.offset = 40000, .count = MANY - 40000, .decays = true}};
    struct optimiser optimiser;
    cr_assert(stoa_optimiser_init(&optimiser, options, 2, parameters, &allocator, NULL) == STOA_OK);
    float *states[2] = {calloc(MANY, sizeof(float)), calloc(MANY, sizeof(float))};
    for (size_t t = 0; t < 3; t++) {
        float *gradient = random_array(100 + t);
        struct optimiser_buffers buffers = {.values = values, .gradient = gradient, .states = {states[0], states[1]}};
        if (stoa_optimiser_states(options) == 0)
            buffers.states[0] = NULL;
        *norm = sqrt(stoa_optimiser_squares(&optimiser, &buffers, pool));
        stoa_optimiser_step(&optimiser, &buffers, t, 1, *norm, pool);
        free(gradient);
    }
    free(states[0]);
    free(states[1]);
    stoa_optimiser_deinit(&optimiser, &allocator);
}

Test(optimiser, every_element_and_the_same_bits_for_any_number_of_threads)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    float *gradients[3] = {random_array(100), random_array(101), random_array(102)}, *begin = random_array(7);
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct stoa_trainer_options options;
        cr_assert(stoa_optimiser_options(&rows[r].options, NULL, &options) == STOA_OK);
        float *values = random_array(7);
        double norm, expected_norm = 0;
        take_many(&options, NULL, values, &norm);
        for (size_t i = 0; i < MANY; i++)
            expected_norm += (double)gradients[2][i] * (double)gradients[2][i];
        cr_expect(fabs(norm - sqrt(expected_norm)) < 1e-9 * norm, "%s: norm", rows[r].name);
        size_t wrong = 0;
        for (size_t i = 0; options.clip_norm == 0 && i < MANY; i++) {
            double w = (double)begin[i], state[2] = {0};
            for (size_t t = 0; t < 3; t++)
                w = descend(&options, t, w, (double)gradients[t][i], state);
            wrong += fabs(w - (double)values[i]) > 2e-5;
        }
        cr_expect(wrong == 0, "%s: %zu elements are wrong", rows[r].name, wrong);

        for (size_t workers = 2; workers <= 3; workers++) {
            struct stoa_pool host = host_pool_threads(workers);
            struct pool *pool;
            cr_assert(stoa_pool_adopt(&allocator, &host, NULL, &pool) == STOA_OK);
            float *again = random_array(7);
            double norm_again;
            take_many(&options, pool, again, &norm_again);
            cr_expect(norm == norm_again && memcmp(values, again, MANY * sizeof(float)) == 0, "%s: %zu workers",
                      rows[r].name, workers);
            stoa_pool_free(pool);
            free(again);
        }
        free(values);
    }
    for (size_t t = 0; t < 3; t++)
        free(gradients[t]);
    free(begin);
}

Test(optimiser, a_sum_of_squares_is_finite_exactly_if_all_are)
{
    float a[37], b[37];
    for (size_t i = 0; i < 37; i++) {
        a[i] = i % 2 ? 3e38f : 1e-30f;
        b[i] = -1;
    }
    cr_expect(isfinite(stoa_sum_of_squares(37, a, NULL)) && isfinite(stoa_sum_of_squares(37, a, b)));
    for (size_t i = 0; i < 37; i++) {
        static const float bad[] = {INFINITY, -INFINITY, NAN};
        for (size_t k = 0; k < 3; k++) {
            float kept = a[i];
            a[i] = bad[k];
            cr_expect(!isfinite(stoa_sum_of_squares(37, a, NULL)), "%zu", i);
            cr_expect(!isfinite(stoa_sum_of_squares(37, a, b)), "%zu", i);
            a[i] = kept;
        }
        b[i] = 3e38f;
        cr_expect(!isfinite(stoa_sum_of_squares(37, a, b)) == (i % 2 == 1), "%zu: the sum overflows", i);
        b[i] = -1;
    }
    cr_expect(stoa_sum_of_squares(0, a, NULL) == 0);
}

static const struct {
    const char *name;
    struct stoa_trainer_options options;
    size_t step;
    double rate;
} rates[] = {
    {"constant", {SGD}, 1000, 0.1},
    {"first of warm-up", {SGD, .warmup = 4}, 0, 0.025},
    {"last of warm-up", {SGD, .warmup = 4}, 3, 0.1},
    {"behind warm-up", {SGD, .warmup = 4}, 4, 0.1},
    {"before a step", {SGD, STEP, .step_size = 10, .gamma = 0.5}, 9, 0.1},
    {"at a step", {SGD, STEP, .step_size = 10, .gamma = 0.5}, 10, 0.05},
    {"at the second step", {SGD, STEP, .step_size = 10, .gamma = 0.5}, 29, 0.025},
    {"a step counts from the end of warm-up", {SGD, STEP, .step_size = 10, .warmup = 5}, 14, 0.1},
    {"so the next one", {SGD, STEP, .step_size = 10, .warmup = 5}, 15, 0.01},
    {"cosine begins", {SGD, COSINE, .total_steps = 10}, 0, 0.1},
    {"cosine is half way", {SGD, COSINE, .total_steps = 10, .final_rate = 0.02}, 5, 0.06},
    {"cosine is over", {SGD, COSINE, .total_steps = 10, .final_rate = 0.02}, 10, 0.02},
    {"and stays there", {SGD, COSINE, .total_steps = 10, .final_rate = 0.02}, 10000, 0.02},
    {"cosine behind warm-up", {SGD, COSINE, .total_steps = 12, .warmup = 2}, 7, 0.05},
};

Test(schedule, rates_are_functions_of_the_step)
{
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct stoa_trainer_options options;
        cr_assert(stoa_optimiser_options(&rates[i].options, NULL, &options) == STOA_OK, "%s", rates[i].name);
        double rate = stoa_schedule_rate(&options, rates[i].step);
        cr_expect(fabs(rate - rates[i].rate) < 1e-12, "%s: %g, not %g", rates[i].name, rate, rates[i].rate);
    }
}

static const struct {
    const char *field;
    struct stoa_trainer_options options;
} refusals[] = {
    {"learning_rate", {.learning_rate = -1}},
    {"learning_rate", {.learning_rate = NAN}},
    {"learning_rate", {.learning_rate = INFINITY}},
    {"momentum", {.momentum = 1}},
    {"momentum", {.nesterov = 1}},
    {"beta1", {ADAM, .beta1 = 1}},
    {"beta2", {ADAM, .beta2 = -0.5}},
    {"epsilon", {ADAM, .epsilon = -1e-8}},
    {"weight_decay", {.weight_decay = -1}},
    {"clip_norm", {.clip_norm = NAN}},
    {"clip_value", {.clip_value = -1}},
    {"optimiser", {.optimiser = STOA_OPTIMISER_COUNT}},
    {"schedule", {.schedule = STOA_SCHEDULE_COUNT}},
    {"step_size", {STEP}},
    {"total_steps", {COSINE}},
    {"total_steps", {COSINE, .total_steps = 5, .warmup = 5}},
    {"gamma", {STEP, .step_size = 1, .gamma = 1.5}},
    {"final_rate", {COSINE, .total_steps = 5, .final_rate = -1}},
};

Test(optimiser, numbers_without_sense_are_refused)
{
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct stoa_trainer_options options;
        struct stoa_error error = {0};
        cr_expect(stoa_optimiser_options(&refusals[i].options, &error, &options) == STOA_ERROR_ARGUMENT, "%zu: %s", i,
                  refusals[i].field);
        cr_expect(strstr(error.message, refusals[i].field), "%zu: %s", i, error.message);
    }
}

Test(optimiser, gives_back_its_memory_when_some_is_missing)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct stoa_trainer_options options;
    cr_assert(stoa_optimiser_options(&rows[0].options, NULL, &options) == STOA_OK);
    const struct optimised parameter = {.count = 100};
    for (memory.fail_at = 1; memory.fail_at <= 2; memory.fail_at++) {
        struct optimiser optimiser;
        memory.calls = 0;
        cr_expect(stoa_optimiser_init(&optimiser, &options, 1, &parameter, &memory.interface, NULL) ==
                  STOA_ERROR_MEMORY);
        cr_expect(memory.live == 0);
    }
}
