/* Measuring: the model runs with each lowering forced on all convolutions it applies to. Layers are timed inside the
 * network, not alone, because what decides is often where the weights come from: a way with larger weights that wins
 * while they lie in the cache may lose when they do not.
 *
 * Clocks change and other programs come and go between one way's turn and another's. So each run is preceded by one of
 * the model as it goes without a table, and times count by how long that took: the median of the rounds. */
#include <stoa/tuning.h>

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "lower/tuning.h"
#include "ops/convolution.h"
#include "run/random_inputs.h"
#include "run/session.h"

#define ROUNDS 5

/* One way of convolving, tried. */
struct trial {
    const struct stoa_tuning *known; /* before any trial */
    struct stoa_session *session;
    enum stoa_lowering lowering; /* AUTO: to find out what is unknown, and the pace */
    void **random;
    double *times; /* [steps][rounds], in proportion to the pace */
};

/* The model as it goes without a table, and how long a run took at first. */
struct pace {
    const struct trial *trial;
    double seconds;
};

/* The shape of a step that is an unknown convolution and goes the trial's way; null for all other steps. */
static const struct conv_shape *shape_tried(const struct trial *trial, size_t step)
{
    const struct conv *conv = stoa_convolution_of(&trial->session->plan->steps[step].call);
    if (!conv || (trial->lowering != STOA_LOWERING_AUTO && stoa_conv_lowering(conv) != trial->lowering))
        return NULL;
    const struct conv_shape *shape = stoa_conv_shape(conv);
    return stoa_tuning_find(trial->known, shape, stoa_pool_workers(trial->session->pool)) ? NULL : shape;
}

static double seconds_of_step(const struct stoa_session *session, size_t step)
{
    return session->times[step].end - session->times[step].begin;
}

/* One run, of which the steps' times are added up. */
static enum stoa_status run_once(const struct trial *trial, struct stoa_error *error, double *seconds)
{
    STOA_TRY(stoa_session_run(trial->session, error));
    *seconds = 0;
    for (size_t i = 0; i < trial->session->plan->step_count; i++)
        *seconds += seconds_of_step(trial->session, i);
    return STOA_OK;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;
    return (left > right) - (left < right);
}

static enum stoa_status run_rounds(struct trial *trial, size_t rounds, const struct pace *pace,
                                   struct stoa_error *error)
{
    size_t steps = trial->session->plan->step_count, count;
    if (!stoa_size_mul(steps, rounds, &count))
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu rounds of %zu steps are too many", rounds, steps);
    STOA_TRY(stoa_allocate(&trial->session->allocator, count, sizeof *trial->times, error, &trial->times));
    for (size_t round = 0; round < rounds; round++) {
        double seconds, unused;
        STOA_TRY(run_once(pace->trial, error, &seconds));
        STOA_TRY(run_once(trial, error, &unused));
        double faster = seconds > 0 ? pace->seconds / seconds : 1;
        for (size_t i = 0; i < steps; i++)
            trial->times[i * rounds + round] = seconds_of_step(trial->session, i) * faster;
    }
    for (size_t i = 0; i < steps; i++)
        qsort(trial->times + i * rounds, rounds, sizeof *trial->times, by_size);
    return STOA_OK;
}

/* The mean over all layers of the shape, whose weights lie in different places. */
static double seconds_of(const struct trial *trial, const struct conv_shape *shape, size_t rounds)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < trial->session->plan->step_count; i++) {
        const struct conv_shape *other = shape_tried(trial, i);
        if (other && stoa_conv_same_shape(other, shape)) {
            sum += trial->times[i * rounds + rounds / 2];
            count++;
        }
    }
    return sum / (double)count;
}

static enum stoa_status note_times(const struct trial *trial, size_t rounds, struct stoa_tuning *found,
                                   struct stoa_error *error)
{
    size_t threads = stoa_pool_workers(trial->session->pool);
    for (size_t i = 0; i < trial->session->plan->step_count; i++) {
        const struct conv_shape *shape = shape_tried(trial, i);
        if (!shape)
            continue;
        const struct tuning_entry *before = stoa_tuning_find(found, shape, threads);
        struct tuning_entry entry = {.threads = threads, .shape = *shape};
        memcpy(entry.machine, found->machine, sizeof entry.machine);
        if (before)
            entry = *before;
        entry.seconds[trial->lowering] = seconds_of(trial, shape, rounds);
        STOA_TRY(stoa_tuning_put(found, &entry, error));
    }
    return STOA_OK;
}

static enum stoa_status begin(struct trial *trial, const struct stoa_model *model,
                              const struct stoa_session_options *options, const void *const *data,
                              struct stoa_error *error, bool *any)
{
    struct stoa_session_options forced = options ? *options : (struct stoa_session_options){0};
    forced.lowering = trial->lowering;
    forced.profile = 1;
    forced.tuning = NULL;
    forced.accuracy = STOA_ACCURACY_FAST; /* what is measured serves sessions of either */
    *any = false;
    struct stoa_error attempt;
    enum stoa_status status = stoa_session_create(model, &forced, &attempt, &trial->session);
    if (status == STOA_ERROR_LIMIT && forced.max_bytes && trial->lowering != STOA_LOWERING_AUTO)
        return STOA_OK; /* a way that takes too much memory is none */
    STOA_TRY(stoa_error_hand_on(&attempt, status, error));
    for (size_t i = 0; i < trial->session->plan->step_count; i++)
        *any |= shape_tried(trial, i) != NULL;
    return *any ? stoa_random_inputs_bind(trial->session, data, 0, error, &trial->random) : STOA_OK;
}

static void end(struct trial *trial)
{
    if (!trial->session)
        return;
    stoa_release(&trial->session->allocator, trial->times);
    stoa_random_inputs_free(trial->session, trial->random);
    stoa_session_free(trial->session);
}

static enum stoa_status try_each(const struct trial *usual, const struct stoa_model *model,
                                 const struct stoa_session_options *options, const void *const *data, size_t rounds,
                                 struct stoa_tuning *found, struct stoa_error *error)
{
    struct pace pace = {.trial = usual};
    enum stoa_status status = run_once(usual, error, &pace.seconds); /* memory is touched for the first time */
    if (status == STOA_OK)
        status = run_once(usual, error, &pace.seconds);
    for (int i = STOA_LOWERING_AUTO + 1; status == STOA_OK && i < STOA_LOWERING_COUNT; i++) {
        bool any = false;
        struct trial trial = {.known = usual->known, .lowering = (enum stoa_lowering)i};
        status = begin(&trial, model, options, data, error, &any);
        if (status == STOA_OK && any)
            status = run_rounds(&trial, rounds, &pace, error);
        if (status == STOA_OK && any)
            status = note_times(&trial, rounds, found, error);
        end(&trial);
    }
    return status;
}

static enum stoa_status try_all(const struct stoa_tuning *known, const struct stoa_model *model,
                                const struct stoa_session_options *options, const void *const *data, size_t rounds,
                                struct stoa_tuning *found, struct stoa_error *error)
{
    bool unknown = false;
    struct trial usual = {.known = known, .lowering = STOA_LOWERING_AUTO};
    enum stoa_status status = begin(&usual, model, options, data, error, &unknown);
    if (status == STOA_OK && unknown)
        status = try_each(&usual, model, options, data, rounds, found, error);
    end(&usual);
    return status;
}

enum stoa_status stoa_tune(struct stoa_tuning *tuning, const struct stoa_model *model,
                           const struct stoa_session_options *options, const void *const *data, size_t rounds,
                           struct stoa_error *error, size_t *measured)
{
    if (!tuning || !model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", tuning ? "model" : "tuning");
    if (options)
        STOA_TRY(stoa_session_check_options(options, error)); /* also what trials replace */
    struct stoa_tuning *found;
    STOA_TRY(stoa_tuning_create(&tuning->allocator, error, &found));
    enum stoa_status status = try_all(tuning, model, options, data, rounds ? rounds : ROUNDS, found, error);
    for (size_t i = 0; status == STOA_OK && i < found->count; i++)
        status = stoa_tuning_put(tuning, &found->entries[i], error);
    if (measured)
        *measured = status == STOA_OK ? found->count : 0;
    stoa_tuning_free(found);
    return status;
}
