/* What forward and backward pass of a convolution have in common. */
#ifndef STOA_LAYERS_CONV2D_H
#define STOA_LAYERS_CONV2D_H

#include <stdbool.h>
#include <stoa/layers.h>

#include "base/pool.h"
#include "lower/lower.h"

/* Whether the desc's members are in range, its shape aside. Null is an error. */
STOA_CHECKED enum stoa_status stoa_conv2d_check(const struct stoa_conv2d_desc *desc, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_conv2d_shape(const struct stoa_conv2d_desc *desc, struct stoa_error *error,
                                                struct conv_shape *shape);
STOA_CHECKED enum stoa_status stoa_conv2d_pool(const struct stoa_conv2d_desc *desc,
                                               const struct stoa_allocator *allocator, struct stoa_error *error,
                                               struct pool **pool);
/* A convolution of a checked desc or, backward, what takes dy to dx with its weights: x and y of its runs are these.
 * Without weights it must be given some before it runs. */
STOA_CHECKED enum stoa_status stoa_conv2d_make(const struct stoa_conv2d_desc *desc, bool backward, const float *weights,
                                               const float *bias, struct stoa_error *error, struct stoa_conv2d **conv);

#endif
