/* What Resize and its backward pass share. */
#ifndef STOA_OPS_RESIZE_H
#define STOA_OPS_RESIZE_H

#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "ops/op.h"

#define MAX_BLENDED 4 /* axes along which linear resizing interpolates */

enum { NEAREST, LINEAR };

struct resize_params {
    size_t mode, coordinates, rounding;
    size_t scales, sizes; /* input indices */
};

/* One axis, and where its output indices come from. */
struct resize_axis {
    size_t in, out, x_stride, y_stride;
    size_t *low, *high; /* null: where they are */
    float *part;        /* of high; the rest is of low */
};

struct resize {
    size_t rank; /* outermost first, by the output's strides; at least 2 */
    struct resize_axis axes[STOA_MAX_RANK + 2];
};

STOA_CHECKED enum stoa_status stoa_resize_parse(struct attribute_reader *reader, void *params);
/* Sets call->state to a struct resize, one block of memory. */
STOA_CHECKED enum stoa_status stoa_resize_prepare(struct op_call *call, const struct op_prepare *prepare,
                                                  struct stoa_error *error);

#endif
