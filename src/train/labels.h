/* Labels that are classes, and scores that hit them or miss. */
#ifndef STOA_TRAIN_LABELS_H
#define STOA_TRAIN_LABELS_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>

/* STOA_ERROR_DATA unless each of labels[count] is a class or -1. */
STOA_CHECKED enum stoa_status stoa_labels_check(size_t count, size_t classes, const int64_t *labels,
                                                struct stoa_error *error);
/* How many of labels[count] are not -1. */
size_t stoa_labels_counted(size_t count, const int64_t *labels);
/* How many of scores[classes] come before the label's: greater ones, equal ones of lower classes, and where one of the
 * two is not a number, all. */
size_t stoa_scores_before(size_t classes, const float *scores, size_t label);

#endif
