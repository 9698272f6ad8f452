/* Steps: run, check, and only then change anything. */
#include <math.h>
#include <string.h>

#include "base/status.h"
#include "kernels/optimise.h"
#include "train/labels.h"
#include "train/schedule.h"
#include "train/trainer.h"

static size_t count_correct(const struct stoa_trainer *trainer, const int64_t *labels)
{
    size_t correct = 0;
    for (size_t n = 0; n < trainer->batch; n++)
        if (labels[n] >= 0)
            correct +=
                stoa_scores_before(trainer->classes, trainer->scores + n * trainer->classes, (size_t)labels[n]) == 0;
    return correct;
}

static enum stoa_status bind(struct stoa_trainer *trainer, const void *x, const void *labels, struct stoa_error *error)
{
    if (trainer->bound[0] != x)
        STOA_TRY(stoa_session_bind_input(trainer->session, trainer->x_name, x, error));
    trainer->bound[0] = x;
    if (trainer->bound[1] != labels)
        STOA_TRY(stoa_session_bind_input(trainer->session, trainer->labels_name, labels, error));
    trainer->bound[1] = labels;
    return STOA_OK;
}

static bool statistics_are_finite(const struct stoa_trainer *trainer)
{
    for (size_t i = trainer->parameter_count; i < trainer->tensor_count; i++) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        if (!isfinite(stoa_sum_of_squares(tensor->count, stoa_trainer_update(trainer, tensor), NULL)))
            return false;
    }
    return true;
}

static void take_statistics(struct stoa_trainer *trainer)
{
    for (size_t i = trainer->parameter_count; i < trainer->tensor_count; i++) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        memcpy(trainer->values + tensor->offset, stoa_trainer_update(trainer, tensor), tensor->count * sizeof(float));
    }
}

/* All is finite: from here on nothing fails. */
static void advance(struct stoa_trainer *trainer, const struct optimiser_buffers *buffers, double norm)
{
    struct trainer_state *state = &trainer->state;
    take_statistics(trainer);
    state->calls++;
    if (trainer->sum)
        stoa_optimiser_accumulate(&trainer->optimiser, buffers, trainer->pool);
    if (++state->accumulated < trainer->options.accumulate)
        return;
    double share = 1.0 / (double)trainer->options.accumulate;
    stoa_optimiser_step(&trainer->optimiser, buffers, state->steps, share, norm, trainer->pool);
    if (trainer->sum)
        memset(trainer->sum, 0, trainer->trained_count * sizeof(float));
    state->accumulated = 0;
    state->steps++;
}

enum stoa_status stoa_trainer_step(struct stoa_trainer *trainer, const void *x, const void *labels,
                                   struct stoa_error *error, struct stoa_train_result *result)
{
    if (!trainer || !x || !labels)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !trainer ? "trainer" : !x ? "x" : "labels");
    if (trainer->class_labels)
        STOA_TRY(stoa_labels_check(trainer->batch, trainer->classes, labels, error));
    STOA_TRY(bind(trainer, x, labels, error));
    trainer->generator[0] = (int64_t)trainer->state.seed;
    trainer->generator[1] = (int64_t)trainer->state.calls;
    STOA_TRY(stoa_session_run(trainer->session, error));

    struct optimiser_buffers buffers = {.values = trainer->values,
                                        .gradient = trainer->gradient,
                                        .sum = trainer->sum,
                                        .states = {trainer->states[0], trainer->states[1]}};
    double norm = sqrt(stoa_optimiser_squares(&trainer->optimiser, &buffers, trainer->pool)) /
                  (double)(trainer->state.accumulated + 1);
    if (!isfinite(*trainer->loss) || !isfinite(norm) || !statistics_are_finite(trainer))
        return stoa_trainer_explain(trainer, x, labels, error);

    struct stoa_train_result done = {.loss = *trainer->loss,
                                     .correct = trainer->class_labels ? count_correct(trainer, labels) : 0,
                                     .learning_rate = stoa_schedule_rate(&trainer->options, trainer->state.steps),
                                     .gradient_norm = norm};
    advance(trainer, &buffers, norm);
    done.stepped = trainer->state.accumulated == 0;
    if (result)
        *result = done;
    return STOA_OK;
}

size_t stoa_trainer_parameter_count(const struct stoa_trainer *trainer)
{
    return trainer->parameter_count;
}

enum stoa_status stoa_trainer_parameter(const struct stoa_trainer *trainer, size_t index, struct stoa_error *error,
                                        struct stoa_parameter_info *info)
{
    if (!trainer || !info)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", trainer ? "info" : "trainer");
    if (index >= trainer->parameter_count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "parameter %zu does not exist: the model has %zu", index,
                         trainer->parameter_count);
    const struct trainer_tensor *tensor = &trainer->tensors[index];
    *info = (struct stoa_parameter_info){.name = tensor->name,
                                         .rank = tensor->rank,
                                         .count = tensor->count,
                                         .values = trainer->values + tensor->offset,
                                         .gradient = tensor->trained ? trainer->gradient + tensor->offset : NULL};
    memcpy(info->dims, tensor->dims, sizeof info->dims);
    return STOA_OK;
}

size_t stoa_trainer_steps(const struct stoa_trainer *trainer)
{
    return trainer->state.steps;
}

size_t stoa_trainer_batch(const struct stoa_trainer *trainer)
{
    return trainer->batch;
}

size_t stoa_trainer_classes(const struct stoa_trainer *trainer)
{
    return trainer->classes;
}

const struct stoa_session *stoa_trainer_session(const struct stoa_trainer *trainer)
{
    return trainer->session;
}
