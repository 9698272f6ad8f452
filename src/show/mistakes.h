/* The most confident mistakes of a classifier, gathered batch by batch. */
#ifndef STOA_SHOW_MISTAKES_H
#define STOA_SHOW_MISTAKES_H

#include <stddef.h>
#include <stdint.h>

struct mistake {
    size_t index;        /* of the example in its set */
    size_t label, taken; /* its class, and the one it was taken for */
    double probability;  /* of `taken`, by the softmax of the scores */
    double of_label;     /* of `label` */
};

/* items has room for `most`; the greatest probability comes first, and of equal ones the first example. */
struct mistakes {
    struct mistake *items;
    size_t count, most;
    size_t made; /* in all */
};

/* Adds those of examples first, first + 1, ...: scores[batch][classes] before the softmax, labels[batch] below 0 for
 * what is no example. Of equal scores the first class counts. */
void stoa_mistakes_add(struct mistakes *mistakes, size_t first, size_t batch, size_t classes, const float *scores,
                       const int64_t *labels);

#endif
