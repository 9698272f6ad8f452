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
#include "ops/volume.h"
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
    size_t output_padding[WINDOW_AXES];
    size_t output_shape[WINDOW_AXES]; /* 0: follows from the rest */
    size_t axes;                      /* that these two speak of, as window.axes */
    bool begins_less;                 /* which side gets the odd element of pads worked out from an output shape */
};

/* op.parse of either kind, also of its gradients. */
STOA_CHECKED enum stoa_status stoa_conv_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_conv_transpose_parse(struct attribute_reader *reader, void *params);
/* The finished shape of a call that has params, pad and inputs (X, W, maybe B) of either kind; of its op nothing is
 * read. */
STOA_CHECKED enum stoa_status stoa_conv_call_shape(const struct op_call *call, struct stoa_error *error,
                                                   struct volume *volume);
STOA_CHECKED enum stoa_status stoa_conv_transpose_call_shape(const struct op_call *call, struct stoa_error *error,
                                                             struct volume *volume);
typedef enum stoa_status (*convolution_shape)(const struct op_call *, struct stoa_error *, struct volume *);
/* Inputs of the gradients of either kind. */
enum { GRADIENT_DY, GRADIENT_W, GRADIENT_X };
/* The finished shape of the operator whose gradient the call is, read by one of the two above; dY is of the dims of its
 * output. */
STOA_CHECKED enum stoa_status stoa_convolution_forward_shape(const struct op_call *call, convolution_shape read,
                                                             struct stoa_error *error, struct volume *volume);
/* op.dense: BLAS counts in an int what lies between two pixels of a row. */
bool stoa_conv_dense(const struct op_call *call);
bool stoa_conv_transpose_dense(const struct op_call *call);

/* X, W and B are float and X and W of one rank, 3 to 5; kernel_shape is W's where it is given. Sets N, C, D, H, W,
 * groups, stride, dilation, pad and kernel of *volume as the attributes and inputs have them. */
STOA_CHECKED enum stoa_status stoa_convolution_read(const struct op_call *call, const struct window *window,
                                                    size_t groups, struct stoa_error *error, struct volume *volume);
/* The dims of images of a rank: N, C and the last axes of D, H, W. */
void stoa_convolution_dims(size_t rank, size_t N, size_t C, const size_t size[WINDOW_AXES], size_t dims[STOA_MAX_RANK]);
/* Dims of the output. */
void stoa_convolution_output(const struct op_call *call, const struct volume *volume);

/* How a convolution of volumes goes by one of pictures: `folds` before (window: from what y has planes to those of x),
 * or unfolds after (transposed). */
struct convolution_fold {
    bool deep, folds;
    struct volume_window window;
    size_t pictures, at_once; /* of z: in all volumes; of a convolution, which divides them */
    size_t rows, row_pixels;  /* of a plane of the volume that is folded or unfolded */
    size_t channels;          /* of that */
};
/* *shape = the convolution to create, not finished: `volume`'s plane, or of pictures with the window's taps in the
 * channels of x, if it folds, or of y. Of a transposed convolution `volume` has one y for several planes of x. */
STOA_CHECKED enum stoa_status stoa_convolution_fold(const struct volume *volume, bool transposed, bool folds,
                                                    struct stoa_error *error, struct conv_shape *shape,
                                                    struct convolution_fold *fold);

/* Floats of the pictures at once. */
size_t stoa_convolution_pictures(const struct convolution_fold *fold);

/* `create`s what the call is to run, as `prepare` asks for it, without its weights (input 1). `measured` (may be null)
 * has the times of its lowerings. */
STOA_CHECKED enum stoa_status stoa_convolution_create(const struct op_call *call, const struct op_prepare *prepare,
                                                      conv_create create, const struct conv_shape *shape,
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
                                                       const struct convolution_fold *fold, struct conv *conv,
                                                       struct stoa_error *error);
void stoa_convolution_share(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator);
void stoa_convolution_release(const struct op_call *call, const struct stoa_allocator *allocator);
STOA_CHECKED enum stoa_status stoa_convolution_run(const struct op_call *call, const struct op_run *run,
                                                   struct stoa_error *error);
/* For op.adds_in_place and op.takes_pool. */
bool stoa_convolution_adds_in_place(const struct op_call *call);
bool stoa_convolution_takes_pool(const struct op_call *call);
/* The prepared convolution of a Conv of signals or pictures; null for any other call. */
const struct conv *stoa_convolution_of(const struct op_call *call);
double stoa_convolution_error(const struct op_call *call, size_t reach[2]);
void stoa_convolution_describe(const struct op_call *call, size_t size, char *text);
const struct stoa_lowering_choice *stoa_convolution_explain(const struct op_call *call);

#endif
