/* What is counted of labels and scores. */
#include "train/labels.h"

#include "base/reserved.h"
#include "base/status.h"

enum stoa_status stoa_labels_check(size_t count, size_t classes, const int64_t *labels, struct stoa_error *error)
{
    if ((uintptr_t)labels % _Alignof(int64_t) != 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "labels are at %p, not aligned as int64_t", (const void *)labels);
    for (size_t i = 0; i < count; i++)
        if (labels[i] < -1 || (labels[i] >= 0 && (uint64_t)labels[i] >= classes))
            return stoa_fail(error, STOA_ERROR_DATA, "labels[%zu] is %lld, there are %zu classes", i,
                             (long long)labels[i], classes);
    return STOA_OK;
}

enum stoa_status stoa_batches_check(const struct stoa_batches *set, const char *name, struct stoa_error *error)
{
    if (!set || !set->get)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s%s is null", name, set ? ".get" : "");
    if (set->batch == 0 || set->count == 0)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s has %zu batches of %zu", name, set->count, set->batch);
    return STOA_CHECK_RESERVED(set, name, error);
}

static enum stoa_status check_batch(size_t batch, size_t classes, const struct stoa_examples *examples,
                                    struct stoa_error *error)
{
    const int64_t *labels = examples->labels;
    size_t count = examples->count;
    if (!examples->x || !labels)
        return stoa_fail(error, STOA_ERROR_DATA, "%s is null", examples->x ? "labels" : "x");
    if (count == 0 || count > batch || (classes == 0 && count < batch))
        return stoa_fail(error, STOA_ERROR_DATA, "%zu examples of %zu%s", count, batch,
                         classes == 0 ? ", the loss needs all" : "");
    if (classes == 0)
        return STOA_OK;
    STOA_TRY(stoa_labels_check(count, classes, labels, error));
    for (size_t i = count; i < batch; i++)
        if (labels[i] != -1)
            return stoa_fail(error, STOA_ERROR_DATA, "labels[%zu] is %lld, must be -1 behind %zu examples", i,
                             (long long)labels[i], count);
    return STOA_OK;
}

enum stoa_status stoa_batch_get(const struct stoa_batches *set, size_t epoch, size_t position, size_t classes,
                                struct stoa_error *error, struct stoa_examples *examples)
{
    *examples = (struct stoa_examples){0};
    STOA_TRY(set->get(set->user, epoch, position, error, examples));
    enum stoa_status status = check_batch(set->batch, classes, examples, error);
    if (status != STOA_OK)
        stoa_error_prefix(error, "batch %zu: ", position);
    return status;
}

size_t stoa_labels_counted(size_t count, const int64_t *labels)
{
    size_t counted = 0;
    for (size_t i = 0; i < count; i++)
        counted += labels[i] >= 0;
    return counted;
}

size_t stoa_scores_before(size_t classes, const float *scores, size_t label)
{
    size_t behind = 0;
    for (size_t k = 0; k < classes; k++)
        behind += scores[k] < scores[label] || (scores[k] == scores[label] && k >= label);
    return classes - behind;
}

size_t stoa_scores_best(size_t classes, const float *scores)
{
    size_t best = 0;
    for (size_t k = 1; k < classes; k++)
        best = scores[k] > scores[best] ? k : best;
    return best;
}
