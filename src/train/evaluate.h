/* Evaluation that lets somebody look on. */
#ifndef STOA_TRAIN_EVALUATE_H
#define STOA_TRAIN_EVALUATE_H

#include <stdint.h>
#include <stoa/train.h>

/* Told of each batch, where the loss is one of classes: scores[batch][classes], before any softmax, and labels[batch],
 * below 0 for what is no example. */
struct evaluation_watch {
    void (*batch)(void *user, size_t position, size_t batch, size_t classes, const float *scores,
                  const int64_t *labels);
    void *user;
};

/* stoa_evaluate; `watch` may be null. */
STOA_CHECKED enum stoa_status stoa_evaluate_watched(const struct stoa_trainer *trainer, const struct stoa_batches *set,
                                                    size_t epoch, const struct evaluation_watch *watch,
                                                    struct stoa_error *error, struct stoa_evaluation *evaluation,
                                                    size_t *confusion);

#endif
