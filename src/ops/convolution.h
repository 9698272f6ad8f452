/* What Conv and ConvTranspose share: checks of their inputs, and carrying a prepared convolution from planning to
 * running. Their gradients with regard to X share it, too. Weights that are constant are packed while planning, others
 * at every run. */
#ifndef STOA_OPS_CONVOLUTION_H
#define STOA_OPS_CONVOLUTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "lower/lower.h"
#include "lower/tuning.h"
#include "ops/op.h"
#include "ops/window.h"

/* Horizontal strides up to this, times OP_MOST_PIXEL_STRIDE, are within what BLAS can address. */
#define CONVOLUTION_MOST_STRIDE ((size_t)1 << 15)

struct conv_params {
    struct window window;
    size_t groups;
};

struct conv_transpose_params {
    struct window window;
    size_t groups;
    size_t output_padding[2];
    size_t output_shape[2]; /* 0: follows from the rest */
    bool begins_less;       /* which side gets the odd element of pads worked out from an output shape */
};

/* op.parse of either kind, also of its gradients. */
STOA_CHECKED enum stoa_status stoa_conv_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_conv_transpose_parse(struct attribute_reader *reader, void *params);
/* The finished shape of a call that has params, pad and inputs (X, W, maybe B) of either kind; of its op nothing is
 * read. */
STOA_CHECKED enum stoa_status stoa_conv_call_shape(const struct op_call *call, struct stoa_error *error,
                                                   struct conv_shape *shape);
STOA_CHECKED enum stoa_status stoa_conv_transpose_call_shape(const struct op_call *call, struct stoa_error *error,
                                                             struct conv_shape *shape);
typedef enum stoa_status (*convolution_shape)(const struct op_call *, struct stoa_error *, struct conv_shape *);
/* Inputs of the gradients of either kind. */
enum { GRADIENT_DY, GRADIENT_W, GRADIENT_X };
/* The finished shape of the operator whose gradient the call is, read by one of the two above; dY is of the dims of its
 * output. */
STOA_CHECKED enum stoa_status stoa_convolution_forward_shape(const struct op_call *call, convolution_shape read,
                                                             struct stoa_error *error, struct conv_shape *shape);
/* op.dense: BLAS counts in an int what lies between two pixels of a row. */
bool stoa_conv_dense(const struct op_call *call);
bool stoa_conv_transpose_dense(const struct op_call *call);

/* X, W and B are float and X and W of rank 4; kernel_shape is W's where it is given. Sets N, C, H, W, groups, stride,
 * dilation, pad and kernel of *shape as the attributes and inputs have them. */
STOA_CHECKED enum stoa_status stoa_convolution_read(const struct op_call *call, const struct window *window,
                                                    size_t groups, struct stoa_error *error, struct conv_shape *shape);
/* Dims of the output. */
void stoa_convolution_output(const struct op_call *call, const struct conv_shape *shape);

typedef enum stoa_status (*convolution_create)(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                               const float *weights, const float *bias,
                                               const struct conv_choice *choice, struct stoa_error *error,
                                               struct conv **conv);
/* `create`s what the call is to run, as `prepare` asks for it, without its weights (input 1). `measured` (may be null)
 * has the times of its lowerings. */
STOA_CHECKED enum stoa_status stoa_convolution_create(const struct op_call *call, const struct op_prepare *prepare,
                                                      convolution_create create, const struct conv_shape *shape,
                                                      const float *bias, const struct tuning_entry *measured,
                                                      struct stoa_error *error, struct conv **conv);
/* For op.takes: anything, but a scale only where weights and bias are constant. */
unsigned stoa_convolution_takes(const struct op_call *call);
/* *scaled = the bias that the call's scale and shift make of its own, computed in double and rounded once: to be given
 * back to prepare->allocator when the convolution has been created. Null where there is no scale. */
STOA_CHECKED enum stoa_status stoa_convolution_scale_bias(const struct op_call *call, const struct op_prepare *prepare,
                                                          size_t channels, struct stoa_error *error, float **scaled);

/* Gives `conv` the call's weights where they are constant, scaled if need be, and makes it the call's state; frees it
 * on failure. */
STOA_CHECKED enum stoa_status stoa_convolution_prepare(struct op_call *call, const struct op_prepare *prepare,
                                                       struct conv *conv, struct stoa_error *error);
void stoa_convolution_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator);
void stoa_convolution_release(const struct op_call *call, const struct stoa_allocator *allocator);
STOA_CHECKED enum stoa_status stoa_convolution_run(const struct op_call *call, const struct op_run *run,
                                                   struct stoa_error *error);
/* The prepared convolution of a Conv; null for any other call. */
const struct conv *stoa_convolution_of(const struct op_call *call);
double stoa_convolution_error(const struct op_call *call, size_t reach[2]);
void stoa_convolution_describe(const struct op_call *call, size_t size, char *text);
const struct stoa_lowering_choice *stoa_convolution_explain(const struct op_call *call);

#endif
