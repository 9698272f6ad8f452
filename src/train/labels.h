/* Batches as callers give them: labels that are classes, and scores that hit them or miss. */
#ifndef STOA_TRAIN_LABELS_H
#define STOA_TRAIN_LABELS_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/train.h>

/* STOA_ERROR_DATA unless each of labels[count] is a class or -1; ARGUMENT where they are not aligned. */
STOA_CHECKED enum stoa_status stoa_labels_check(size_t count, size_t classes, const int64_t *labels,
                                                struct stoa_error *error);
/* Whether there is a set, and something in it; `name` is what messages call it. */
STOA_CHECKED enum stoa_status stoa_batches_check(const struct stoa_batches *set, const char *name,
                                                 struct stoa_error *error);
/* Batch `position` of an epoch. classes: how many there are; 0: labels are no classes, and a batch is full. DATA for
 * null, a count that does not fit and labels that are no classes. */
STOA_CHECKED enum stoa_status stoa_batch_get(const struct stoa_batches *set, size_t epoch, size_t position,
                                             size_t classes, struct stoa_error *error, struct stoa_examples *examples);
/* How many of labels[count] are not -1. */
size_t stoa_labels_counted(size_t count, const int64_t *labels);
/* How many of scores[classes] come before the label's: greater ones, equal ones of lower classes, and where one of the
 * two is not a number, all. */
size_t stoa_scores_before(size_t classes, const float *scores, size_t label);
/* The class of the greatest score; of equal ones the first. */
size_t stoa_scores_best(size_t classes, const float *scores);

#endif
