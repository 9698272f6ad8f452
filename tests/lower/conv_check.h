/* One convolution against a plain loop, on random data with random epilogues and gaps between pixels: weights at
 * creation and at run time, with one worker and with several, which must agree to the bit. */
#ifndef TESTS_LOWER_CONV_CHECK_H
#define TESTS_LOWER_CONV_CHECK_H

#include <stdbool.h>

#include "base/pool.h"
#include "base/random.h"
#include "lower/lower.h"

struct conv_check {
    enum stoa_status (*create)(const struct conv_check *check, const struct stoa_allocator *allocator,
                               const struct conv_shape *shape, const float *weights, const float *bias,
                               struct stoa_error *error, struct conv **conv);
    const void *context; /* create's */
    const char *begins;  /* what the description must begin with; "" for any */
    bool transposed;
    bool whole; /* small whole numbers */
    bool exact; /* the result must be exact; otherwise within the bound of a sum of products and stoa_conv_error's */
};

/* Fails the running Criterion test where they differ. Returns the largest difference as a share of the bound; -1 where
 * `create` says UNSUPPORTED, and why. A null pool checks one worker and weights at creation alone. */
double conv_check(const struct conv_shape *shape, const struct conv_check *check, struct pool *pool,
                  struct random *random);
/* Zero means 1 for stride, dilation and groups. */
struct conv_shape conv_check_completed(struct conv_shape shape);
/* A shape at random, not finished: it may not make sense. */
struct conv_shape conv_check_draw(struct random *random);
struct pool *conv_check_pool(size_t threads);

#endif
