/* What the twin's pooling and its backward pass share. */
#ifndef STOA_REFERENCE_POOL_H
#define STOA_REFERENCE_POOL_H

#include "reference/internal.h"

/* The elements of one window that lie on the input: from, to and step for each axis. */
struct extent {
    int64_t from[3], to[3], step[3];
    double cells; /* how many the window covers, padding included */
};

/* Where the window lies on x, and y's dims. */
STOA_CHECKED enum stoa_status stoa_reference_pool_place(struct reference_run *run, const struct reference_tensor *x,
                                                        struct reference_window *win, size_t dims[5]);
struct extent stoa_reference_pool_extent(const struct reference_window *win, const int64_t out[3]);

#endif
