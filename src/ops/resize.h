/* What Resize, Upsample and their backward pass share. */
#ifndef STOA_OPS_RESIZE_H
#define STOA_OPS_RESIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "ops/arguments.h"
#include "ops/op.h"

#define RESIZE_MOST_BLENDED 256 /* input elements that one output element is made of, but for the innermost axis */
#define RESIZE_MOST_TAPS 512    /* along one axis */

enum { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum {
    RESIZE_HALF_PIXEL,
    RESIZE_ASYMMETRIC,
    RESIZE_ALIGN_CORNERS,
    RESIZE_PYTORCH_HALF_PIXEL,
    RESIZE_TF_HALF_PIXEL_FOR_NN,
    RESIZE_CROP,
    RESIZE_HALF_PIXEL_SYMMETRIC
};
/* Whether all axes are stretched alike, the output being no larger (smaller) than the sizes given. */
enum { RESIZE_STRETCH, RESIZE_NOT_LARGER, RESIZE_NOT_SMALLER };

struct resize_params {
    size_t mode, coordinates, rounding;
    size_t roi, scales, sizes;             /* input indices */
    size_t scale_count;                    /* Upsample before opset 9: */
    float attribute_scales[STOA_MAX_RANK]; /* so many scales are an attribute */
    float cubic_a, extrapolation;
    bool exclude_outside, antialias;
    struct op_integers axes; /* that scales, sizes and roi are for; none: all */
    size_t policy;
};

/* One axis, and where its output indices come from: index i of `weights[i*taps + t]` times input index
 * from[i*taps + t]. */
struct resize_axis {
    size_t in, out, x_stride, y_stride;
    size_t taps;
    size_t *from; /* null: they are where they are, and taps is 1 */
    float *weights;
    bool *outside; /* index i lies outside of what there is, and gets the extrapolation value; null: none does */
};

struct resize {
    size_t rank; /* outermost first, by the output's strides; at least 2 */
    struct resize_axis axes[STOA_MAX_RANK + 2];
};

/* What stretches an axis. Sizes: from `in` to `numerator` elements; scales: `numerator` for each. */
struct resize_stretch {
    double numerator, denominator; /* the scale is the first by the second */
    double start, end;             /* of what is cropped, as parts of the axis; else 0 and 1 */
};

/* How many elements along an axis one element of the output is made of. */
size_t stoa_resize_taps(const struct resize_params *params, const struct resize_stretch *stretch);
/* axis->in, out, taps, from, weights and outside are set (with room for out indices): fills the tables and returns
 * whether they say anything at all. */
bool stoa_resize_trace(const struct resize_params *params, const struct resize_stretch *stretch,
                       struct resize_axis *axis);

STOA_CHECKED enum stoa_status stoa_resize_parse(struct attribute_reader *reader, void *params);
/* Sets call->state to a struct resize, one block of memory. */
STOA_CHECKED enum stoa_status stoa_resize_prepare(struct op_call *call, const struct op_prepare *prepare,
                                                  struct stoa_error *error);

#endif
