/* Optimisers. Everything that does not depend on the element is computed once a step, in double; pieces have a size of
 * their own, so that sums of squares, which are joined piece by piece, do not depend on the number of threads. */
#include "train/optimiser.h"

#include <math.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/optimise.h"
#include "train/schedule.h"

/* Elements of a piece: long enough to hand out, short enough for its arrays to stay in L2. */
#define PIECE ((size_t)1 << 14)
/* With fewer elements in all, one thread is done before others have come. */
#define SERIAL ((size_t)1 << 15)

const char *stoa_optimiser_name(enum stoa_optimiser optimiser)
{
    static const char *const names[STOA_OPTIMISER_COUNT] = {"sgd", "adam", "adamw"};
    return (unsigned)optimiser < STOA_OPTIMISER_COUNT ? names[optimiser] : "unknown";
}

static void set_defaults(struct stoa_trainer_options *options)
{
    if (options->learning_rate == 0)
        options->learning_rate = options->optimiser == STOA_OPTIMISER_SGD ? 0.01 : 0.001;
    if (options->beta1 == 0)
        options->beta1 = 0.9;
    if (options->beta2 == 0)
        options->beta2 = 0.999;
    if (options->epsilon == 0)
        options->epsilon = 1e-8;
    if (options->gamma == 0)
        options->gamma = 0.1;
    if (options->accumulate == 0)
        options->accumulate = 1;
    if (options->batch == 0)
        options->batch = 1;
}

enum stoa_status stoa_optimiser_options(const struct stoa_trainer_options *given, struct stoa_error *error,
                                        struct stoa_trainer_options *options)
{
    *options = *given;
    if ((unsigned)options->optimiser >= STOA_OPTIMISER_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.optimiser is %d, which is none", (int)options->optimiser);
    set_defaults(options);
    const struct {
        const char *name;
        double value, end; /* 0 <= value < end */
    } numbers[] = {
        {"learning_rate", options->learning_rate, INFINITY},
        {"momentum", options->momentum, 1},
        {"beta1", options->beta1, 1},
        {"beta2", options->beta2, 1},
        {"epsilon", options->epsilon, INFINITY},
        {"weight_decay", options->weight_decay, INFINITY},
        {"clip_norm", options->clip_norm, INFINITY},
        {"clip_value", options->clip_value, INFINITY},
    };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (!(numbers[i].value >= 0 && numbers[i].value < numbers[i].end))
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.%s is %g, must be from 0 to below %g",
                             numbers[i].name, numbers[i].value, numbers[i].end);
    if (options->optimiser == STOA_OPTIMISER_SGD && options->nesterov && options->momentum == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "options.momentum is 0, nesterov needs one");
    return stoa_schedule_check(options, error);
}

size_t stoa_optimiser_states(const struct stoa_trainer_options *options)
{
    if (options->optimiser == STOA_OPTIMISER_SGD)
        return options->momentum > 0 ? 1 : 0;
    return 2;
}

enum stoa_status stoa_optimiser_init(struct optimiser *optimiser, const struct stoa_trainer_options *options,
                                     size_t count, const struct optimised *parameters,
                                     const struct stoa_allocator *allocator, struct stoa_error *error)
{
    *optimiser = (struct optimiser){.options = options};
    size_t pieces = 0;
    for (size_t i = 0; i < count; i++)
        pieces += stoa_size_ceil_div(parameters[i].count, PIECE);
    STOA_TRY(stoa_allocate(allocator, pieces, sizeof *optimiser->pieces, error, &optimiser->pieces));
    enum stoa_status status = stoa_allocate(allocator, pieces, sizeof *optimiser->sums, error, &optimiser->sums);
    if (status != STOA_OK) {
        stoa_optimiser_deinit(optimiser, allocator);
        return status;
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t done = 0; done < parameters[i].count; done += PIECE)
            optimiser->pieces[optimiser->piece_count++] =
                (struct optimiser_piece){.offset = parameters[i].offset + done,
                                         .count = stoa_size_min(PIECE, parameters[i].count - done),
                                         .decays = parameters[i].decays};
        optimiser->count += parameters[i].count;
    }
    return STOA_OK;
}

void stoa_optimiser_deinit(struct optimiser *optimiser, const struct stoa_allocator *allocator)
{
    stoa_release(allocator, optimiser->pieces);
    stoa_release(allocator, optimiser->sums);
    *optimiser = (struct optimiser){0};
}

/* What a walk over the pieces needs to know. */
struct walk {
    const struct optimiser *optimiser;
    const struct optimiser_buffers *buffers;
    struct sgd_step sgd;
    struct adam_step adam;
    float decay, shrink; /* of those that decay */
};

static void run(const struct optimiser *optimiser, struct pool *pool, pool_task task, struct walk *walk)
{
    stoa_pool_run(optimiser->count < SERIAL ? NULL : pool, optimiser->piece_count, task, walk);
}

static void squares_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct walk *walk = context;
    const struct optimiser_piece *piece = &walk->optimiser->pieces[index];
    const float *sum = walk->buffers->sum;
    walk->optimiser->sums[index] =
        stoa_sum_of_squares(piece->count, walk->buffers->gradient + piece->offset, sum ? sum + piece->offset : NULL);
}

double stoa_optimiser_squares(const struct optimiser *optimiser, const struct optimiser_buffers *buffers,
                              struct pool *pool)
{
    struct walk walk = {.optimiser = optimiser, .buffers = buffers};
    run(optimiser, pool, squares_task, &walk);
    double sum = 0;
    for (size_t i = 0; i < optimiser->piece_count; i++)
        sum += optimiser->sums[i];
    return sum;
}

static void accumulate_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct walk *walk = context;
    const struct optimiser_piece *piece = &walk->optimiser->pieces[index];
    stoa_accumulate(piece->count, walk->buffers->gradient + piece->offset, walk->buffers->sum + piece->offset);
}

void stoa_optimiser_accumulate(const struct optimiser *optimiser, const struct optimiser_buffers *buffers,
                               struct pool *pool)
{
    struct walk walk = {.optimiser = optimiser, .buffers = buffers};
    run(optimiser, pool, accumulate_task, &walk);
}

static void step_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct walk *walk = context;
    const struct optimiser_buffers *buffers = walk->buffers;
    const struct optimiser_piece *piece = &walk->optimiser->pieces[index];
    const float *gradient = (buffers->sum ? buffers->sum : buffers->gradient) + piece->offset;
    float *values = buffers->values + piece->offset;
    float *first = buffers->states[0] ? buffers->states[0] + piece->offset : NULL;
    if (walk->optimiser->options->optimiser == STOA_OPTIMISER_SGD) {
        struct sgd_step step = walk->sgd;
        step.decay = piece->decays ? walk->decay : 0;
        stoa_sgd_step(&step, piece->count, gradient, first, values);
    } else {
        struct adam_step step = walk->adam;
        step.decay = piece->decays ? walk->decay : 0;
        step.shrink = piece->decays ? walk->shrink : 1;
        stoa_adam_step(&step, piece->count, gradient, first, buffers->states[1] + piece->offset, values);
    }
}

void stoa_optimiser_step(const struct optimiser *optimiser, const struct optimiser_buffers *buffers, size_t step,
                         double share, double norm, struct pool *pool)
{
    const struct stoa_trainer_options *options = optimiser->options;
    double rate = stoa_schedule_rate(options, step), t = (double)step + 1;
    struct gradient_clip clip = {.scale = (float)share, .limit = INFINITY};
    if (options->clip_norm > 0 && norm > options->clip_norm)
        clip.scale = (float)(share * (options->clip_norm / norm));
    if (options->clip_value > 0)
        clip.limit = (float)options->clip_value;
    int decoupled = options->optimiser == STOA_OPTIMISER_ADAMW;
    struct walk walk = {
        .optimiser = optimiser,
        .buffers = buffers,
        .decay = decoupled ? 0 : (float)options->weight_decay,
        .shrink = decoupled ? (float)(1 - rate * options->weight_decay) : 1,
        .sgd = {.clip = clip,
                .rate = (float)rate,
                .momentum = (float)options->momentum,
                .nesterov = options->nesterov != 0},
        .adam = {.clip = clip,
                 .rate = (float)(rate / (1 - pow(options->beta1, t))),
                 .rest1 = (float)(1 - options->beta1),
                 .beta2 = (float)options->beta2,
                 .rest2 = (float)(1 - options->beta2),
                 .root = (float)sqrt(1 - pow(options->beta2, t)),
                 .epsilon = (float)options->epsilon},
    };
    run(optimiser, pool, step_task, &walk);
}
