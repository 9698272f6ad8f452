/* Measuring: the model runs with each lowering forced on all convolutions it applies to, and each layer's least time
 * goes into the table. Layers are timed inside the network, not alone, because what decides is often where the weights
 * come from: a way with larger weights that wins while they lie in the cache may lose when they do not. */
#include <stoa/tuning.h>

#include <string.h>

#include "base/memory.h"
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
    enum stoa_lowering lowering; /* AUTO: only to find out what is unknown */
    void **random;
    double *least; /* of each step */
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

static enum stoa_status run_rounds(struct trial *trial, size_t rounds, struct stoa_error *error)
{
    size_t steps = trial->session->plan->step_count;
    STOA_TRY(stoa_allocate(&trial->session->allocator, steps, sizeof *trial->least, error, &trial->least));
    for (size_t round = 0; round < rounds; round++) {
        STOA_TRY(stoa_session_run(trial->session, error));
        for (size_t i = 0; i < steps; i++) {
            double seconds = trial->session->times[i].end - trial->session->times[i].begin;
            if (round == 0 || seconds < trial->least[i])
                trial->least[i] = seconds;
        }
    }
    return STOA_OK;
}

/* The mean over all layers of the shape, whose weights lie in different places. */
static double seconds_of(const struct trial *trial, const struct conv_shape *shape)
{
    double sum = 0;
    size_t count = 0;
    for (size_t i = 0; i < trial->session->plan->step_count; i++) {
        const struct conv_shape *other = shape_tried(trial, i);
        if (other && stoa_conv_same_shape(other, shape)) {
            sum += trial->least[i];
            count++;
        }
    }
    return sum / (double)count;
}

static enum stoa_status note_times(const struct trial *trial, struct stoa_tuning *found, struct stoa_error *error)
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
        entry.seconds[trial->lowering] = seconds_of(trial, shape);
        STOA_TRY(stoa_tuning_put(found, &entry, error));
    }
    return STOA_OK;
}

static enum stoa_status try_lowering(struct trial *trial, const struct stoa_model *model,
                                     const struct stoa_session_options *options, const void *const *data, size_t rounds,
                                     struct stoa_tuning *found, struct stoa_error *error, bool *any)
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
    if (!*any || trial->lowering == STOA_LOWERING_AUTO)
        return STOA_OK;
    STOA_TRY(stoa_random_inputs_bind(trial->session, data, 0, error, &trial->random));
    STOA_TRY(run_rounds(trial, rounds, error));
    return note_times(trial, found, error);
}

static enum stoa_status try_all(const struct stoa_tuning *known, const struct stoa_model *model,
                                const struct stoa_session_options *options, const void *const *data, size_t rounds,
                                struct stoa_tuning *found, struct stoa_error *error)
{
    bool unknown = true;
    for (int i = STOA_LOWERING_AUTO; unknown && i < STOA_LOWERING_COUNT; i++) {
        bool any = false;
        struct trial trial = {.known = known, .lowering = (enum stoa_lowering)i};
        enum stoa_status status = try_lowering(&trial, model, options, data, rounds, found, error, &any);
        if (trial.session) {
            stoa_release(&trial.session->allocator, trial.least);
            stoa_random_inputs_free(trial.session, trial.random);
            stoa_session_free(trial.session);
        }
        STOA_TRY(status);
        if (trial.lowering == STOA_LOWERING_AUTO)
            unknown = any;
    }
    return STOA_OK;
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
