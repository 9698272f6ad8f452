/* What the twin's operators share: the call under way, its tensors, lists of integers, broadcasting.
 *
 * An operator reads its attributes, checks shapes only so far that nothing is read out of bounds, asks for its outputs
 * (whose values and slack start as zeros) and fills them. It need not care for integer results, infinities and numbers
 * below float's normal range in the slack: stoa_reference_run settles those at the end. */
#ifndef STOA_REFERENCE_INTERNAL_H
#define STOA_REFERENCE_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "base/status.h"
#include "reference/reference.h"

/* The smallest normal float, 2^-126, in units of 2^-24: results below it may be flushed to zero. */
#define REFERENCE_TINY 0x1p-102

struct reference_run {
    const struct reference_call *call;
    const struct stoa_allocator *allocator;
    struct stoa_error *error;
    struct attribute_reader reader;
};

/* Null when absent. */
const struct reference_tensor *stoa_reference_input(const struct reference_run *run, size_t index);
size_t stoa_reference_count(const struct reference_tensor *tensor);
/* The elements of the dimensions [first, last). */
size_t stoa_reference_product(const struct reference_tensor *tensor, size_t first, size_t last);
bool stoa_reference_same_dims(const struct reference_tensor *a, const struct reference_tensor *b);
bool stoa_reference_is_integer(enum stoa_dtype dtype);
/* Makes output `index`; *y is null when nobody wants it. */
STOA_CHECKED enum stoa_status stoa_reference_output(struct reference_run *run, size_t index, enum stoa_dtype dtype,
                                                    size_t rank, const size_t *dims, struct reference_tensor **y);
/* Makes output 0 with the dtype and dims of x. */
STOA_CHECKED enum stoa_status stoa_reference_output_like(struct reference_run *run, const struct reference_tensor *x,
                                                         struct reference_tensor **y);
/* Makes output 0 with the dims and copies x's values in their order. */
STOA_CHECKED enum stoa_status stoa_reference_output_copy(struct reference_run *run, const struct reference_tensor *x,
                                                         size_t rank, const size_t *dims);

/* The value towards zero, held within int64. */
int64_t stoa_reference_integer(double value);
/* The same number as the bits of an int64 or, from 2^63 on, of a uint64. */
uint64_t stoa_reference_bits(double value);
/* What a number becomes in an element of type `to`: rounded to float; cut to a whole number, which wraps around if the
 * number comes from a type of whole numbers and is held within the range (NaN becoming 0) if it is a real one: the
 * definitions leave that open, hardware differs. */
double stoa_reference_convert(enum stoa_dtype from, enum stoa_dtype to, double value);
/* The nearest number (ties to even) of `bits` significant bits that is a multiple of 2^least, or an infinity if that is
 * larger than `most`. */
double stoa_reference_round(double value, int bits, int least, double most);
/* Copies a tensor of an attribute; *out (an array of *count) is to be released by the caller. */
STOA_CHECKED enum stoa_status stoa_reference_constant(struct reference_run *run, const struct stoa_tensor *tensor,
                                                      size_t *count, double **out);

#define REFERENCE_LIST 256
struct reference_list {
    bool present;
    size_t count;
    int64_t items[REFERENCE_LIST];
};
/* Axes, pads, splits …: from the attribute of that name (may be null: none), or from the input if `input` is not 0. */
STOA_CHECKED enum stoa_status stoa_reference_list(struct reference_run *run, size_t input, const char *attribute,
                                                  struct reference_list *list);
/* axis in [-rank, rank) (or [-rank, rank] if `past_end`), counted from the front. */
STOA_CHECKED enum stoa_status stoa_reference_axis(struct reference_run *run, int64_t axis, size_t rank, bool past_end,
                                                  size_t *result);
/* flags[i]: whether the list names axis i, each at most once. */
STOA_CHECKED enum stoa_status stoa_reference_axes(struct reference_run *run, const struct reference_list *list,
                                                  size_t rank, bool flags[STOA_MAX_RANK]);

/* *at = which of `size` elements of an axis the index means, counted from the back where negative. */
STOA_CHECKED enum stoa_status stoa_reference_index(struct reference_run *run, double value, size_t size, size_t *at);

/* NumPy's rule. dims holds rank dims and becomes the common shape of itself and the tensor. */
STOA_CHECKED enum stoa_status stoa_reference_broadcast(struct reference_run *run, const struct reference_tensor *tensor,
                                                       size_t *rank, size_t dims[STOA_MAX_RANK]);
/* Where the element at an index of the common shape lies in the tensor. */
size_t stoa_reference_offset(const struct reference_tensor *tensor, size_t rank, const size_t *index);
/* Moves index on by one in row-major order; after the last it is all zeros again. */
void stoa_reference_next(size_t rank, const size_t *dims, size_t *index);

/* A function of one element: its result, and how far that may be off (reference.h). */
typedef double (*reference_function)(double x, const double *p, double *slack);
/* Output 0 <- f of each element of input 0; whole numbers wrap around. Between any two arguments f either only rises or
 * only falls, or is even and grows with |x|, or its slope is at most `steepness` anywhere. */
STOA_CHECKED enum stoa_status stoa_reference_map(struct reference_run *run, reference_function f, const double *p,
                                                 double steepness);

/* *slack, f's own at x where that is y, becomes how far y may be off given how far x may: f at both ends of that. */
void stoa_reference_carry(reference_function f, double x, double x_slack, const double *p, double steepness, double y,
                          double *slack);
double stoa_reference_relu_of(double x, const double *p, double *slack);
double stoa_reference_leaky_relu_of(double x, const double *p, double *slack);
double stoa_reference_thresholded_relu_of(double x, const double *p, double *slack);
double stoa_reference_elu_of(double x, const double *p, double *slack);
double stoa_reference_sigmoid_of(double x, const double *p, double *slack);
double stoa_reference_hard_sigmoid_of(double x, const double *p, double *slack);
double stoa_reference_tanh_of(double x, const double *p, double *slack);
double stoa_reference_softsign_of(double x, const double *p, double *slack);
double stoa_reference_softplus_of(double x, const double *p, double *slack);

/* g * f'(x), given x, or y = f(x) where the operator keeps that. */
typedef double (*reference_derivative)(double g, double kept, const double *p, double *slack);
/* Output 0 <- that of input 0, the gradients, and input 1, what was kept. */
STOA_CHECKED enum stoa_status stoa_reference_map_backward(struct reference_run *run, reference_derivative f,
                                                          const double *p);

/* The spatial dimensions of a convolution or pooling: always three, those that x lacks come first with size and kernel
 * 1, so that one loop serves every rank. */
struct reference_window {
    size_t rank; /* x's own spatial rank */
    int64_t in[3], kernel[3], stride[3], dilation[3], begin[3], end[3], out[3];
};
/* kernel_shape, strides, dilations, pads, auto_pad. `weights`: where the kernel's dims are known from, or null. Leaves
 * out for the caller to compute. */
STOA_CHECKED enum stoa_status stoa_reference_window_read(struct reference_run *run, const struct reference_tensor *x,
                                                         const struct reference_tensor *weights,
                                                         struct reference_window *window, size_t *auto_pad);
/* Sets out, and pads as auto_pad has it. */
STOA_CHECKED enum stoa_status stoa_reference_window_slide(struct reference_run *run, size_t auto_pad, bool ceil_mode,
                                                          struct reference_window *window);
/* The same for a transposed convolution: out and pads from output_padding, output_shape and auto_pad. */
STOA_CHECKED enum stoa_status stoa_reference_window_slide_back(struct reference_run *run, size_t auto_pad,
                                                               struct reference_window *window);
/* most[OD][OH][OW] = the largest |x[ID][IH][IW]| within run->call->reach rows and columns of what each output sees. */
void stoa_reference_window_most(const struct reference_run *run, const struct reference_window *window, const double *x,
                                double *most);
enum { AUTO_PAD_NOTSET, AUTO_PAD_SAME_UPPER, AUTO_PAD_SAME_LOWER, AUTO_PAD_VALID };

typedef enum stoa_status (*reference_operator)(struct reference_run *run);

enum stoa_status stoa_reference_conv(struct reference_run *run);
enum stoa_status stoa_reference_conv_transpose(struct reference_run *run);
enum stoa_status stoa_reference_col2im(struct reference_run *run);
enum stoa_status stoa_reference_max_pool(struct reference_run *run);
enum stoa_status stoa_reference_average_pool(struct reference_run *run);
enum stoa_status stoa_reference_global_average_pool(struct reference_run *run);
enum stoa_status stoa_reference_global_max_pool(struct reference_run *run);
enum stoa_status stoa_reference_lp_pool(struct reference_run *run);
enum stoa_status stoa_reference_global_lp_pool(struct reference_run *run);
enum stoa_status stoa_reference_max_unpool(struct reference_run *run);
enum stoa_status stoa_reference_gemm(struct reference_run *run);
enum stoa_status stoa_reference_matmul(struct reference_run *run);
enum stoa_status stoa_reference_einsum(struct reference_run *run);
enum stoa_status stoa_reference_einsum_backward_a(struct reference_run *run);
enum stoa_status stoa_reference_einsum_backward_b(struct reference_run *run);
enum stoa_status stoa_reference_recurrent(struct reference_run *run);
enum stoa_status stoa_reference_relu(struct reference_run *run);
enum stoa_status stoa_reference_leaky_relu(struct reference_run *run);
enum stoa_status stoa_reference_prelu(struct reference_run *run);
enum stoa_status stoa_reference_elu(struct reference_run *run);
enum stoa_status stoa_reference_selu(struct reference_run *run);
enum stoa_status stoa_reference_clip(struct reference_run *run);
enum stoa_status stoa_reference_sigmoid(struct reference_run *run);
enum stoa_status stoa_reference_tanh(struct reference_run *run);
enum stoa_status stoa_reference_hard_sigmoid(struct reference_run *run);
enum stoa_status stoa_reference_hard_swish(struct reference_run *run);
enum stoa_status stoa_reference_softplus(struct reference_run *run);
enum stoa_status stoa_reference_sqrt(struct reference_run *run);
enum stoa_status stoa_reference_exp(struct reference_run *run);
enum stoa_status stoa_reference_function(struct reference_run *run);
enum stoa_status stoa_reference_gelu(struct reference_run *run);
enum stoa_status stoa_reference_relation(struct reference_run *run);
enum stoa_status stoa_reference_not(struct reference_run *run);
enum stoa_status stoa_reference_is_nan(struct reference_run *run);
enum stoa_status stoa_reference_is_inf(struct reference_run *run);
enum stoa_status stoa_reference_where(struct reference_run *run);
enum stoa_status stoa_reference_softmax(struct reference_run *run);
enum stoa_status stoa_reference_log_softmax(struct reference_run *run);
enum stoa_status stoa_reference_negative_log_likelihood(struct reference_run *run);
enum stoa_status stoa_reference_softmax_cross_entropy_loss(struct reference_run *run);
enum stoa_status stoa_reference_batch_norm(struct reference_run *run);
enum stoa_status stoa_reference_batch_norm_training(struct reference_run *run);
enum stoa_status stoa_reference_instance_norm(struct reference_run *run);
enum stoa_status stoa_reference_group_norm(struct reference_run *run);
enum stoa_status stoa_reference_lrn(struct reference_run *run);
enum stoa_status stoa_reference_reduce_l1(struct reference_run *run);
enum stoa_status stoa_reference_reduce_l2(struct reference_run *run);
enum stoa_status stoa_reference_reduce_log_sum(struct reference_run *run);
enum stoa_status stoa_reference_reduce_log_sum_exp(struct reference_run *run);
enum stoa_status stoa_reference_reduce_max(struct reference_run *run);
enum stoa_status stoa_reference_reduce_mean(struct reference_run *run);
enum stoa_status stoa_reference_reduce_min(struct reference_run *run);
enum stoa_status stoa_reference_reduce_prod(struct reference_run *run);
enum stoa_status stoa_reference_reduce_sum(struct reference_run *run);
enum stoa_status stoa_reference_reduce_sum_square(struct reference_run *run);
enum stoa_status stoa_reference_arg_max(struct reference_run *run);
enum stoa_status stoa_reference_arg_min(struct reference_run *run);
enum stoa_status stoa_reference_hardmax(struct reference_run *run);
enum stoa_status stoa_reference_top_k(struct reference_run *run);
enum stoa_status stoa_reference_cum_sum(struct reference_run *run);
enum stoa_status stoa_reference_layer_norm(struct reference_run *run);
enum stoa_status stoa_reference_rms_norm(struct reference_run *run);
enum stoa_status stoa_reference_mean_variance_norm(struct reference_run *run);
enum stoa_status stoa_reference_lp_norm(struct reference_run *run);
enum stoa_status stoa_reference_add(struct reference_run *run);
enum stoa_status stoa_reference_sub(struct reference_run *run);
enum stoa_status stoa_reference_mul(struct reference_run *run);
enum stoa_status stoa_reference_div(struct reference_run *run);
enum stoa_status stoa_reference_pow(struct reference_run *run);
enum stoa_status stoa_reference_max(struct reference_run *run);
enum stoa_status stoa_reference_min(struct reference_run *run);
enum stoa_status stoa_reference_sum(struct reference_run *run);
enum stoa_status stoa_reference_mean(struct reference_run *run);
enum stoa_status stoa_reference_mod(struct reference_run *run);
enum stoa_status stoa_reference_bit_shift(struct reference_run *run);
enum stoa_status stoa_reference_concat(struct reference_run *run);
enum stoa_status stoa_reference_split(struct reference_run *run);
enum stoa_status stoa_reference_transpose(struct reference_run *run);
enum stoa_status stoa_reference_pad(struct reference_run *run);
enum stoa_status stoa_reference_center_crop_pad(struct reference_run *run);
enum stoa_status stoa_reference_slice(struct reference_run *run);
enum stoa_status stoa_reference_gather(struct reference_run *run);
enum stoa_status stoa_reference_expand(struct reference_run *run);
enum stoa_status stoa_reference_flatten(struct reference_run *run);
enum stoa_status stoa_reference_reshape(struct reference_run *run);
enum stoa_status stoa_reference_squeeze(struct reference_run *run);
enum stoa_status stoa_reference_unsqueeze(struct reference_run *run);
enum stoa_status stoa_reference_identity(struct reference_run *run);
enum stoa_status stoa_reference_dropout(struct reference_run *run);
enum stoa_status stoa_reference_cast(struct reference_run *run);
enum stoa_status stoa_reference_cast_like(struct reference_run *run);
enum stoa_status stoa_reference_quantize_linear(struct reference_run *run);
enum stoa_status stoa_reference_dequantize_linear(struct reference_run *run);
enum stoa_status stoa_reference_dynamic_quantize_linear(struct reference_run *run);
enum stoa_status stoa_reference_shape(struct reference_run *run);
enum stoa_status stoa_reference_constant_value(struct reference_run *run);
enum stoa_status stoa_reference_constant_of_shape(struct reference_run *run);
enum stoa_status stoa_reference_resize(struct reference_run *run);
enum stoa_status stoa_reference_affine_grid(struct reference_run *run);
enum stoa_status stoa_reference_compress(struct reference_run *run);
enum stoa_status stoa_reference_depth_to_space(struct reference_run *run);
enum stoa_status stoa_reference_det(struct reference_run *run);
enum stoa_status stoa_reference_eye_like(struct reference_run *run);
enum stoa_status stoa_reference_gather_elements(struct reference_run *run);
enum stoa_status stoa_reference_gather_nd(struct reference_run *run);
enum stoa_status stoa_reference_grid_sample(struct reference_run *run);
enum stoa_status stoa_reference_non_max_suppression(struct reference_run *run);
enum stoa_status stoa_reference_nonzero(struct reference_run *run);
enum stoa_status stoa_reference_one_hot(struct reference_run *run);
enum stoa_status stoa_reference_range(struct reference_run *run);
enum stoa_status stoa_reference_reverse_sequence(struct reference_run *run);
enum stoa_status stoa_reference_roi_align(struct reference_run *run);
enum stoa_status stoa_reference_scatter_elements(struct reference_run *run);
enum stoa_status stoa_reference_scatter_nd(struct reference_run *run);
enum stoa_status stoa_reference_size(struct reference_run *run);
enum stoa_status stoa_reference_space_to_depth(struct reference_run *run);
enum stoa_status stoa_reference_tile(struct reference_run *run);
enum stoa_status stoa_reference_trilu(struct reference_run *run);
enum stoa_status stoa_reference_unique(struct reference_run *run);

/* Only where training is built. */
enum stoa_status stoa_reference_softmax_cross_entropy(struct reference_run *run);
enum stoa_status stoa_reference_multi_class_hinge(struct reference_run *run);
enum stoa_status stoa_reference_mean_squared_error(struct reference_run *run);
enum stoa_status stoa_reference_binary_cross_entropy(struct reference_run *run);
enum stoa_status stoa_reference_clip_backward(struct reference_run *run);
enum stoa_status stoa_reference_elu_backward(struct reference_run *run);
enum stoa_status stoa_reference_exp_backward(struct reference_run *run);
enum stoa_status stoa_reference_hard_sigmoid_backward(struct reference_run *run);
enum stoa_status stoa_reference_hard_swish_backward(struct reference_run *run);
enum stoa_status stoa_reference_leaky_relu_backward(struct reference_run *run);
enum stoa_status stoa_reference_relu_backward(struct reference_run *run);
enum stoa_status stoa_reference_selu_backward(struct reference_run *run);
enum stoa_status stoa_reference_sigmoid_backward(struct reference_run *run);
enum stoa_status stoa_reference_softplus_backward(struct reference_run *run);
enum stoa_status stoa_reference_sqrt_backward(struct reference_run *run);
enum stoa_status stoa_reference_tanh_backward(struct reference_run *run);
enum stoa_status stoa_reference_sum_to(struct reference_run *run);
enum stoa_status stoa_reference_sub_backward(struct reference_run *run);
enum stoa_status stoa_reference_mul_backward(struct reference_run *run);
enum stoa_status stoa_reference_div_backward(struct reference_run *run);
enum stoa_status stoa_reference_div_backward_divisor(struct reference_run *run);
enum stoa_status stoa_reference_pow_backward(struct reference_run *run);
enum stoa_status stoa_reference_pow_backward_exponent(struct reference_run *run);
enum stoa_status stoa_reference_prelu_backward(struct reference_run *run);
enum stoa_status stoa_reference_prelu_backward_slope(struct reference_run *run);
enum stoa_status stoa_reference_sum_backward(struct reference_run *run);
enum stoa_status stoa_reference_mean_backward(struct reference_run *run);
enum stoa_status stoa_reference_where_backward(struct reference_run *run);
enum stoa_status stoa_reference_where_backward_other(struct reference_run *run);
enum stoa_status stoa_reference_function_backward(struct reference_run *run);
enum stoa_status stoa_reference_gelu_backward(struct reference_run *run);
enum stoa_status stoa_reference_extreme_backward(struct reference_run *run);
#ifdef STOA_TRAINING
enum stoa_status stoa_reference_conv_backward_data(struct reference_run *run);
enum stoa_status stoa_reference_conv_transpose_backward_data(struct reference_run *run);
#endif
enum stoa_status stoa_reference_gemm_backward_a(struct reference_run *run);
enum stoa_status stoa_reference_gemm_backward_b(struct reference_run *run);
enum stoa_status stoa_reference_gemm_backward_c(struct reference_run *run);
enum stoa_status stoa_reference_matmul_backward_a(struct reference_run *run);
enum stoa_status stoa_reference_matmul_backward_b(struct reference_run *run);
enum stoa_status stoa_reference_concat_backward(struct reference_run *run);
enum stoa_status stoa_reference_split_backward(struct reference_run *run);
enum stoa_status stoa_reference_reshape_backward(struct reference_run *run);
enum stoa_status stoa_reference_transpose_backward(struct reference_run *run);
enum stoa_status stoa_reference_pad_backward(struct reference_run *run);
enum stoa_status stoa_reference_slice_backward(struct reference_run *run);
enum stoa_status stoa_reference_gather_backward(struct reference_run *run);
enum stoa_status stoa_reference_cast_backward(struct reference_run *run);
enum stoa_status stoa_reference_depth_to_space_backward(struct reference_run *run);
enum stoa_status stoa_reference_space_to_depth_backward(struct reference_run *run);
enum stoa_status stoa_reference_tile_backward(struct reference_run *run);
enum stoa_status stoa_reference_gather_elements_backward(struct reference_run *run);
enum stoa_status stoa_reference_gather_nd_backward(struct reference_run *run);
enum stoa_status stoa_reference_scatter_elements_backward(struct reference_run *run);
enum stoa_status stoa_reference_scatter_elements_backward_updates(struct reference_run *run);
enum stoa_status stoa_reference_scatter_nd_backward(struct reference_run *run);
enum stoa_status stoa_reference_scatter_nd_backward_updates(struct reference_run *run);
/* Of training graphs. */
enum stoa_status stoa_reference_max_pool_training(struct reference_run *run);
enum stoa_status stoa_reference_max_pool_backward(struct reference_run *run);
enum stoa_status stoa_reference_max_unpool_backward(struct reference_run *run);
enum stoa_status stoa_reference_average_pool_backward(struct reference_run *run);
enum stoa_status stoa_reference_batch_norm_training_backward(struct reference_run *run);
enum stoa_status stoa_reference_batch_norm_backward(struct reference_run *run);
enum stoa_status stoa_reference_instance_norm_backward(struct reference_run *run);
enum stoa_status stoa_reference_group_norm_backward(struct reference_run *run);
enum stoa_status stoa_reference_dropout_training(struct reference_run *run);
enum stoa_status stoa_reference_dropout_backward(struct reference_run *run);
enum stoa_status stoa_reference_lrn_backward(struct reference_run *run);
enum stoa_status stoa_reference_resize_backward(struct reference_run *run);
enum stoa_status stoa_reference_softmax_backward(struct reference_run *run);
enum stoa_status stoa_reference_log_softmax_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_l1_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_l2_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_log_sum_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_log_sum_exp_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_max_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_mean_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_min_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_sum_backward(struct reference_run *run);
enum stoa_status stoa_reference_reduce_sum_square_backward(struct reference_run *run);
enum stoa_status stoa_reference_cum_sum_backward(struct reference_run *run);
enum stoa_status stoa_reference_layer_norm_backward(struct reference_run *run);
enum stoa_status stoa_reference_global_average_pool_backward(struct reference_run *run);
enum stoa_status stoa_reference_global_max_pool_backward(struct reference_run *run);
enum stoa_status stoa_reference_conv_backward_weights(struct reference_run *run);
enum stoa_status stoa_reference_conv_transpose_backward_weights(struct reference_run *run);

#endif
