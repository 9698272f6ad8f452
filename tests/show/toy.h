/* A small smooth classifier: what it says of a class has difference quotients everywhere. */
#ifndef TESTS_SHOW_TOY_H
#define TESTS_SHOW_TOY_H

#include <stoa/show.h>

#include "support/net.h"

enum { TOY_CHANNELS = 3, TOY_HEIGHT = 9, TOY_WIDTH = 7, TOY_CLASSES = 4, TOY_MAPS = 5 };
#define TOY_PIXELS (TOY_CHANNELS * TOY_HEIGHT * TOY_WIDTH)

struct toy {
    struct net net;
    float picture[TOY_PIXELS];
    struct stoa_input_spec spec;
    const void *values[1];
    struct stoa_subject subject;
};

/* Nodes c1 (Conv), t1 (Tanh), p1 (AveragePool), c2 (Conv, TOY_MAPS maps of 4 x 3), t2, d (Dropout), g
 * (GlobalAveragePool), f (Flatten), s (Gemm) and, the output, y (Softmax). Fails the running test when something does.
 */
void toy_make(struct toy *toy);
void toy_free(struct toy *toy);
/* The score of a class. */
double toy_score(const struct toy *toy, size_t class_index);
/* The data of the constant of that name, to be changed between calls. */
float *toy_constant(const struct toy *toy, const char *name);

#endif
