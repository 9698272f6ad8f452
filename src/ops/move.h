/* What operators that put elements elsewhere share with their backward sides: which element goes where. */
#ifndef STOA_OPS_MOVE_H
#define STOA_OPS_MOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/half.h"
#include "kernels/nd.h"
#include "ops/arguments.h"
#include "ops/op.h"

/* Concat and Split. */
#define OP_MAX_PARTS 255
struct concat_params {
    int64_t axis;
};
struct split_params {
    int64_t axis;
    bool has_sizes, sizes_input;
    size_t count;
    size_t outputs; /* into so many parts of one size, but for the last; 0: not said */
    int64_t sizes[OP_MAX_PARTS];
};
STOA_CHECKED enum stoa_status stoa_concat_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_split_parse(struct attribute_reader *reader, void *params);
/* The `size` elements of the whole from `start` on, along the axis. */
struct stoa_tensor stoa_part_of(const struct stoa_tensor *whole, size_t axis, size_t start, size_t size);
/* The axis of a Split, and the length of each output along it. */
STOA_CHECKED enum stoa_status stoa_split_parts(const struct op_call *call, struct stoa_error *error, size_t *axis,
                                               size_t sizes[OP_MAX_PARTS]);

/* Slice: what is taken of one axis, `count` elements from `start` on, `step` apart. */
enum { SLICE_STARTS, SLICE_ENDS, SLICE_AXES, SLICE_STEPS, SLICE_LISTS };
struct slice_params {
    bool inputs; /* the lists are inputs rather than attributes */
    struct op_integers lists[SLICE_LISTS];
};
struct slice_range {
    int64_t start, step;
    size_t count;
};
STOA_CHECKED enum stoa_status stoa_slice_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_slice_ranges(const struct op_call *call, struct stoa_error *error,
                                                struct slice_range *ranges);
/* Makes the operand walk the elements of x that the ranges take. */
void stoa_slice_walk(const struct slice_range *ranges, const struct stoa_tensor *x, struct nd_operand *operand);

/* Pad: output elements [start, start + size) of one axis come from input elements from, from + step, … */
enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };
struct pad_params {
    enum pad_mode mode;
    bool pads_input; /* the pads are input 1 */
    bool axes_input; /* the axes they are for may be input 3 */
    bool centers;    /* CenterCropPad: input 1 is the dims that are to remain instead, the axes are an attribute */
    struct op_integers pads, axes;
    float value;
};
struct pad_span {
    size_t start, size, from;
    int step;
    bool constant, inside; /* of the input: it is where it was */
};
STOA_CHECKED enum stoa_status stoa_pad_parse(struct attribute_reader *reader, void *params);
/* The spans of each axis, at most three, and how many. */
struct pad_spans {
    struct pad_span spans[STOA_MAX_RANK][3];
    size_t counts[STOA_MAX_RANK];
};
STOA_CHECKED enum stoa_status stoa_pad_spans(const struct op_call *call, struct stoa_error *error,
                                             struct pad_spans *spans);
/* Combination number `index` of the axes' spans; false past the last. */
bool stoa_pad_choose(const struct pad_spans *spans, size_t rank, size_t index, const struct pad_span **chosen);

/* Gather: calls each(context, part of x, part of y) for every index in their order; both have the same dims. */
struct gather_params {
    int64_t axis;
};
typedef void (*gather_each)(void *context, const struct stoa_tensor *x, const struct stoa_tensor *y);
STOA_CHECKED enum stoa_status stoa_gather_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_gather_walk(const struct op_call *call, const struct stoa_tensor *x,
                                               const struct stoa_tensor *indices, const struct stoa_tensor *y,
                                               gather_each each, void *context, struct stoa_error *error);

/* Transpose */
struct transpose_params {
    struct op_integers perm; /* absent: reversed */
};
STOA_CHECKED enum stoa_status stoa_transpose_parse(struct attribute_reader *reader, void *params);
/* The input's dimension that becomes dimension i of the output; both have that rank. */
size_t stoa_transpose_source(const struct transpose_params *params, size_t rank, size_t i);

/* Reshape, Flatten, Squeeze, Unsqueeze: op.view for any output dims of as many elements. */
bool stoa_reshape_view(const struct op_call *call);

/* Cast */
struct cast_params {
    enum stoa_dtype to;
    enum half half; /* rounded to; `to` is STOA_FLOAT then */
};
/* Conversion to the output's type; looks at no params. */
STOA_CHECKED enum stoa_status stoa_cast_run(const struct op_call *call, const struct op_run *run,
                                            struct stoa_error *error);

#endif
