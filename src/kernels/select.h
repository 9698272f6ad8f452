/* Which elements are the largest, of any type. NaN counts as larger than any number. */
#ifndef STOA_KERNELS_SELECT_H
#define STOA_KERNELS_SELECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/tensor.h>

#include "kernels/block.h"

struct select_loops {
    /* place[l] <- the r with the largest (with `least` smallest; NaN either way) x(r, l) of a lane of at least one
     * element: the first such r, or the `last` one */
    void (*extreme)(const struct block *block, bool least, bool last, const void *x, int64_t *place);
    /* keys[i] <- a number that is larger the larger x[i * step] is, and the same for equal ones */
    void (*keys)(size_t count, size_t step, const void *x, uint64_t *keys);
};

/* Null for types that are no numbers. */
const struct select_loops *stoa_select_loops(enum stoa_dtype dtype);

#endif
