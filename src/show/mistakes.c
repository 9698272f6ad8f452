/* What a classifier makes of a set of pictures: which classes it takes for which, and its surest mistakes, kept sorted:
 * there are few of them. */
#include <math.h>
#include <stoa/show.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "show/array.h"
#include "show/probe.h"
#include "train/labels.h"

/* What is done with scores[batch][classes] and labels[batch] of the batch that begins with picture `first`. */
typedef void (*batch_taker)(void *user, size_t first, size_t batch, size_t classes, const float *scores,
                            const int64_t *labels);

static enum stoa_status walk(const struct probe *probe, size_t input, size_t classes, const struct stoa_batches *set,
                             batch_taker take, void *user, struct stoa_error *error)
{
    struct stoa_tensor scores;
    for (size_t i = 0; i < set->count; i++) {
        struct stoa_examples examples;
        STOA_TRY(stoa_batch_get(set, 0, i, classes, error, &examples));
        STOA_TRY(stoa_session_bind_input_at(probe->session, input, examples.x, error));
        STOA_TRY(stoa_session_run(probe->session, error));
        STOA_TRY(stoa_session_output_at(probe->session, 0, error, &scores));
        take(user, i * set->batch, set->batch, classes, scores.data, examples.labels);
    }
    return STOA_OK;
}

/* *classes = how many scores there are; *input = the number of the pictures'. What is in the probe is released by
 * stoa_probe_close, also after a failure. */
static enum stoa_status open(const struct stoa_subject *subject, const struct stoa_batches *set,
                             struct stoa_error *error, struct probe *probe, size_t *input, size_t *classes)
{
    struct stoa_tensor picture;
    *probe = (struct probe){0};
    STOA_TRY(stoa_batches_check(set, "set", error));
    STOA_TRY(stoa_probe_open(subject, NULL, NULL, 0, error, probe));
    STOA_TRY(stoa_probe_picture(subject, probe, set->batch, error, input, &picture));
    return stoa_probe_classes(probe, set->batch, error, classes);
}

static void count_batch(void *user, size_t first, size_t batch, size_t classes, const float *scores,
                        const int64_t *labels)
{
    int64_t *confusion = user;
    (void)first;
    for (size_t n = 0; n < batch; n++)
        if (labels[n] >= 0)
            confusion[(size_t)labels[n] * classes + stoa_scores_best(classes, scores + n * classes)]++;
}

enum stoa_status stoa_show_confusion(const struct stoa_subject *subject, const struct stoa_batches *set,
                                     struct stoa_error *error, struct stoa_array *confusion)
{
    struct probe probe;
    size_t input, classes = 0;
    STOA_TRY(stoa_show_place(confusion, "confusion", error));
    *confusion = (struct stoa_array){0};
    enum stoa_status status = open(subject, set, error, &probe, &input, &classes);
    const size_t dims[2] = {classes, classes};
    if (status == STOA_OK)
        status = stoa_array_create(STOA_INT64, 2, dims, &probe.allocator, error, confusion);
    if (status == STOA_OK)
        status = walk(&probe, input, classes, set, count_batch, confusion->tensor.data, error);
    if (status != STOA_OK)
        stoa_array_free(confusion);
    stoa_probe_close(&probe);
    return status;
}

/* What a caller's mistakes are the first member of. */
struct made {
    struct stoa_mistakes shown;
    struct stoa_allocator allocator;
    struct stoa_mistake *items; /* shown.items, to be written */
    size_t most;
};

/* Of class k, `best` being the one with the largest score. */
static double probability_of(size_t classes, const float *scores, size_t best, size_t k)
{
    double sum = 0;
    for (size_t i = 0; i < classes; i++)
        sum += exp((double)scores[i] - (double)scores[best]);
    return exp((double)scores[k] - (double)scores[best]) / sum;
}

static void insert(struct made *made, const struct stoa_mistake *mistake)
{
    size_t at = made->shown.count;
    while (at > 0 && made->items[at - 1].probability < mistake->probability)
        at--;
    if (at == made->most)
        return;
    size_t kept = stoa_size_min(made->shown.count, made->most - 1);
    memmove(made->items + at + 1, made->items + at, (kept - at) * sizeof *made->items);
    made->items[at] = *mistake;
    made->shown.count = kept + 1;
}

static void gather_batch(void *user, size_t first, size_t batch, size_t classes, const float *scores,
                         const int64_t *labels)
{
    struct made *made = user;
    for (size_t n = 0; n < batch; n++) {
        const float *row = scores + n * classes;
        size_t best = stoa_scores_best(classes, row);
        if (labels[n] < 0)
            continue;
        made->shown.examples++;
        if ((size_t)labels[n] == best)
            continue;
        made->shown.made++;
        struct stoa_mistake mistake = {.index = first + n, .label = (size_t)labels[n], .taken = best};
        mistake.probability = probability_of(classes, row, best, best);
        mistake.of_label = probability_of(classes, row, best, mistake.label);
        insert(made, &mistake);
    }
}

static enum stoa_status gather(const struct probe *probe, size_t input, size_t classes, const struct stoa_batches *set,
                               size_t most, struct stoa_error *error, struct stoa_mistakes **mistakes)
{
    struct made *made;
    size_t all;
    if (stoa_size_mul(set->count, set->batch, &all))
        most = stoa_size_min(most, all);
    STOA_TRY(stoa_allocate(&probe->allocator, 1, sizeof *made, error, &made));
    made->allocator = probe->allocator;
    made->most = most;
    enum stoa_status status = stoa_allocate(&made->allocator, most, sizeof *made->items, error, &made->items);
    made->shown.items = made->items;
    if (status == STOA_OK)
        status = walk(probe, input, classes, set, gather_batch, made, error);
    if (status == STOA_OK)
        *mistakes = &made->shown;
    else
        stoa_mistakes_free(&made->shown);
    return status;
}

enum stoa_status stoa_show_errors(const struct stoa_subject *subject, const struct stoa_batches *set, size_t most,
                                  struct stoa_error *error, struct stoa_mistakes **mistakes)
{
    struct probe probe;
    size_t input, classes;
    STOA_TRY(stoa_show_place(mistakes, "mistakes", error));
    *mistakes = NULL;
    if (most == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "most is 0: how many mistakes?");
    enum stoa_status status = open(subject, set, error, &probe, &input, &classes);
    if (status == STOA_OK)
        status = gather(&probe, input, classes, set, most, error, mistakes);
    stoa_probe_close(&probe);
    return status;
}

void stoa_mistakes_free(struct stoa_mistakes *mistakes)
{
    if (!mistakes)
        return;
    struct made *made = (struct made *)mistakes;
    struct stoa_allocator allocator = made->allocator;
    stoa_release(&allocator, made->items);
    stoa_release(&allocator, made);
}
