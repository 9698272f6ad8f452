/* What measuring told of convolutions: a table from shapes to the time each lowering takes. */
#ifndef STOA_LOWER_TUNING_H
#define STOA_LOWER_TUNING_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/status.h>
#include <stoa/tuning.h>

#include "lower/lower.h"

#define TUNING_MACHINE 128

struct tuning_entry {
    char machine[TUNING_MACHINE]; /* CPU and BLAS kernels, a word each */
    size_t threads;
    struct conv_shape shape;
    double seconds[STOA_LOWERING_COUNT]; /* 0: does not apply, or was not measured */
};

struct stoa_tuning {
    struct stoa_allocator allocator;
    char machine[TUNING_MACHINE]; /* this one */
    struct tuning_entry *entries;
    size_t count, capacity;
};

/* A copy of its own, without room for more. */
STOA_CHECKED enum stoa_status stoa_tuning_copy(const struct stoa_tuning *tuning, const struct stoa_allocator *allocator,
                                               struct stoa_error *error, struct stoa_tuning **copy);
/* This machine's entry for a shape, or null. `tuning` may be null. */
const struct tuning_entry *stoa_tuning_find(const struct stoa_tuning *tuning, const struct conv_shape *shape,
                                            size_t threads);
/* Adds an entry, or replaces the one of the same machine, threads and shape. */
STOA_CHECKED enum stoa_status stoa_tuning_put(struct stoa_tuning *tuning, const struct tuning_entry *entry,
                                              struct stoa_error *error);
/* The fastest measured; AUTO where nothing was. */
enum stoa_lowering stoa_tuning_fastest(const struct tuning_entry *entry);

#endif
