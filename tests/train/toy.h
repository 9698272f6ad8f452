/* Small networks to train and small sets to train them on. */
#ifndef TESTS_TRAIN_TOY_H
#define TESTS_TRAIN_TOY_H

#include <stdint.h>
#include <stoa/train.h>

#include "support/net.h"

#define TOY_BATCH 8
#define TOY_CLASSES 3

struct toy {
    const char *name, *net;
    size_t elements; /* of an example */
};
/* Each has an input x with an open first dimension and scores y of TOY_CLASSES. */
extern const struct toy toys[];
extern const size_t toy_count;

#define TOY_MOST 64 /* elements of an example */

/* Examples around a point for each class: batch `position` of epoch `epoch` is a function of these and the seed; when
 * `fixed`, all epochs are the same. Of the last batch only `last` examples count. */
struct toy_set {
    struct stoa_batches batches; /* hand this on; it points back here */
    size_t elements, last;
    uint64_t seed;
    int fixed;
    size_t calls;
    float x[TOY_BATCH * TOY_MOST];
    int64_t labels[TOY_BATCH];
};
void toy_set_init(struct toy_set *set, const struct toy *toy, size_t count, uint64_t seed);

/* Fails the running test when that fails. */
struct stoa_trainer *toy_trainer(const struct net *net, const struct stoa_trainer_options *options, const char *name);
/* Steps over batches first, …, first + count - 1 of epoch 0. Fails the running test when that fails. */
void toy_steps(struct stoa_trainer *trainer, struct toy_set *set, size_t first, size_t count, const char *name);
/* Whether all that a checkpoint holds is the same to the bit. */
int toy_same(const struct stoa_trainer *a, const struct stoa_trainer *b);

#endif
