/* What is counted of labels and scores. */
#include "train/labels.h"

#include "base/status.h"

enum stoa_status stoa_labels_check(size_t count, size_t classes, const int64_t *labels, struct stoa_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (labels[i] < -1 || (labels[i] >= 0 && (uint64_t)labels[i] >= classes))
            return stoa_fail(error, STOA_ERROR_DATA, "labels[%zu] is %lld, there are %zu classes", i,
                             (long long)labels[i], classes);
    return STOA_OK;
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
