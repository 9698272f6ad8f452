/* Evaluation: the model as inference has it, with the loss behind, over a whole set. */
#include <stoa/train.h>
#include <string.h>

#include "base/status.h"
#include "train/labels.h"
#include "train/trainer.h"

#define TOP 5

static void count_batch(const struct stoa_trainer *trainer, size_t batch, const float *scores, const int64_t *labels,
                        struct stoa_evaluation *evaluation, size_t *confusion)
{
    size_t classes = trainer->classes;
    for (size_t n = 0; n < batch; n++) {
        if (labels[n] < 0)
            continue;
        const float *row = scores + n * classes;
        size_t label = (size_t)labels[n], before = stoa_scores_before(classes, row, label);
        evaluation->top1 += before == 0;
        evaluation->top5 += before < TOP;
        if (confusion)
            confusion[label * classes + stoa_scores_best(classes, row)]++;
    }
}

static enum stoa_status walk(const struct stoa_trainer *trainer, struct stoa_session *session,
                             const struct stoa_batches *set, size_t epoch, const struct end_early *end,
                             struct stoa_error *error, struct stoa_evaluation *evaluation, size_t *confusion)
{
    const struct graph *graph = &trainer->graph->model->graph;
    struct stoa_tensor scores, losses;
    STOA_TRY(stoa_session_output(session, graph->values[graph->outputs[trainer->graph->scores]].name, error, &scores));
    STOA_TRY(stoa_session_output(session, graph->values[graph->outputs[trainer->graph->loss]].name, error, &losses));
    double sum = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct stoa_examples examples;
        STOA_TRY(stoa_batch_get(set, epoch, i, trainer->class_labels ? trainer->classes : 0, error, &examples));
        STOA_TRY(stoa_session_bind_input(session, trainer->x_name, examples.x, error));
        STOA_TRY(stoa_session_bind_input(session, trainer->labels_name, examples.labels, error));
        STOA_TRY(stoa_session_run(session, error));
        size_t counted = trainer->class_labels ? stoa_labels_counted(set->batch, examples.labels) : set->batch;
        evaluation->examples += counted;
        if (counted)
            sum += (double)*(const float *)losses.data * (double)counted;
        if (trainer->class_labels)
            count_batch(trainer, set->batch, scores.data, examples.labels, evaluation, confusion);
        if (end && end->asked(end->user))
            return stoa_fail(error, STOA_ERROR_CANCELLED, "evaluation was cancelled after %zu batches", i + 1);
    }
    evaluation->loss = evaluation->examples ? sum / (double)evaluation->examples : 0;
    return STOA_OK;
}

/* A session of the model at the set's batch size. */
static enum stoa_status open_session(const struct stoa_trainer *trainer, const struct stoa_model *model, size_t batch,
                                     struct stoa_error *error, struct stoa_session **session)
{
    struct stoa_input_spec *specs;
    size_t count = trainer->spec_count;
    STOA_TRY(stoa_allocate(&trainer->allocator, count, sizeof *specs, error, &specs));
    memcpy(specs, trainer->specs, count * sizeof *specs);
    for (size_t i = 0; i < count; i++)
        if (strcmp(specs[i].name, trainer->x_name) == 0 || strcmp(specs[i].name, trainer->labels_name) == 0)
            specs[i].dims[0] = batch;
    struct stoa_session_options options = {.pool = &trainer->shared,
                                           .accuracy = trainer->options.accuracy,
                                           .inputs = specs,
                                           .input_count = count,
                                           .allocator = &trainer->allocator};
    enum stoa_status status = stoa_session_create(model, &options, error, session);
    stoa_release(&trainer->allocator, specs);
    return status;
}

enum stoa_status stoa_evaluate_until(const struct stoa_trainer *trainer, const struct stoa_batches *set, size_t epoch,
                                     const struct end_early *end, struct stoa_error *error,
                                     struct stoa_evaluation *evaluation, size_t *confusion)
{
    if (!trainer || !evaluation)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", trainer ? "evaluation" : "trainer");
    STOA_TRY(stoa_batches_check(set, "set", error));
    struct stoa_evaluation found = {0};
    struct stoa_model *model;
    struct stoa_session *session = NULL;
    size_t *counts = NULL, cells = trainer->classes * trainer->classes;
    STOA_TRY(stoa_trainer_make_model(trainer, trainer->values, MODEL_TO_EVALUATE, error, &model));
    enum stoa_status status = open_session(trainer, model, set->batch, error, &session);
    if (status == STOA_OK && confusion)
        status = stoa_allocate(&trainer->allocator, cells, sizeof *counts, error, &counts);
    if (status == STOA_OK)
        status = walk(trainer, session, set, epoch, end, error, &found, counts);
    if (status == STOA_OK) {
        *evaluation = found;
        if (confusion)
            memcpy(confusion, counts, cells * sizeof *counts);
    }
    stoa_release(&trainer->allocator, counts);
    stoa_session_free(session);
    stoa_model_free(model);
    return status;
}

enum stoa_status stoa_evaluate(const struct stoa_trainer *trainer, const struct stoa_batches *set, size_t epoch,
                               struct stoa_error *error, struct stoa_evaluation *evaluation, size_t *confusion)
{
    return stoa_evaluate_until(trainer, set, epoch, NULL, error, evaluation, confusion);
}
