/* The optimiser: flat arrays of parameters, cut into pieces of one parameter each, walked by the pool. */
#ifndef STOA_TRAIN_OPTIMISER_H
#define STOA_TRAIN_OPTIMISER_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/train.h>

#include "base/memory.h"
#include "base/pool.h"

/* A parameter that is trained, as an array somewhere in each of the buffers. */
struct optimised {
    size_t offset; /* in all buffers, in elements */
    size_t count;
    bool decays;
};

struct optimiser_piece {
    size_t offset, count;
    bool decays;
};

struct optimiser {
    const struct stoa_trainer_options *options; /* checked, with defaults */
    struct optimiser_piece *pieces;
    size_t piece_count, count; /* count: elements in all */
    double *sums;              /* for each piece */
};

/* *options with its defaults filled in, or what is wrong with it. */
STOA_CHECKED enum stoa_status stoa_optimiser_options(const struct stoa_trainer_options *given, struct stoa_error *error,
                                                     struct stoa_trainer_options *options);
/* Arrays of state that the optimiser has beside each parameter: 0 to 2. */
size_t stoa_optimiser_states(const struct stoa_trainer_options *options);

/* `options` must outlive the optimiser. After success deinit must follow. */
STOA_CHECKED enum stoa_status stoa_optimiser_init(struct optimiser *optimiser,
                                                  const struct stoa_trainer_options *options, size_t count,
                                                  const struct optimised *parameters,
                                                  const struct stoa_allocator *allocator, struct stoa_error *error);
void stoa_optimiser_deinit(struct optimiser *optimiser, const struct stoa_allocator *allocator);

/* The buffers, parallel to each other: parameters lie at their offsets. */
struct optimiser_buffers {
    float *values;
    float *gradient;  /* of the last batch */
    float *sum;       /* accumulated gradients; null: nothing is accumulated */
    float *states[2]; /* null where the optimiser has none */
};
/* The sum of the squares of gradient + sum; finite exactly if all of these are. */
double stoa_optimiser_squares(const struct optimiser *optimiser, const struct optimiser_buffers *buffers,
                              struct pool *pool);
/* sum <- sum + gradient. */
void stoa_optimiser_accumulate(const struct optimiser *optimiser, const struct optimiser_buffers *buffers,
                               struct pool *pool);
/* Step number `step`, from 0, along `share` times the sum (the gradient, if nothing is accumulated); `norm` is the norm
 * of that. */
void stoa_optimiser_step(const struct optimiser *optimiser, const struct optimiser_buffers *buffers, size_t step,
                         double share, double norm, struct pool *pool);

#endif
