/* The names of all operator entries: adding an operator is its file, its line here and in meson.build. Entries of one
 * ONNX name at different opset versions carry the version they begin at (softmax, softmax_13). */
#ifndef STOA_OPS_TABLE_H
#define STOA_OPS_TABLE_H

#include "ops/op.h"

/* clang-format off */
#define STOA_OPS(OP) \
    /* matrix products */ \
    OP(conv) OP(conv_transpose) OP(col2im) OP(gemm) OP(matmul) OP(einsum) \
    /* sequences */ \
    OP(rnn) OP(gru) OP(lstm) \
    /* pooling, normalisation, resizing */ \
    OP(max_pool) OP(max_unpool) OP(average_pool) OP(lp_pool) OP(global_average_pool) OP(global_max_pool) \
    OP(global_lp_pool) OP(softmax) OP(log_softmax) OP(batch_normalization) OP(instance_normalization) \
    OP(group_normalization) OP(layer_normalization) OP(rms_normalization) OP(mean_variance_normalization) \
    OP(lp_normalization) OP(lrn) OP(upsample) OP(upsample_9) OP(resize_10) OP(resize_11) \
    /* losses */ \
    OP(negative_log_likelihood_loss) OP(softmax_cross_entropy_loss) \
    /* reductions */ \
    OP(reduce_l1) OP(reduce_l2) OP(reduce_log_sum) OP(reduce_log_sum_exp) OP(reduce_max) OP(reduce_mean) \
    OP(reduce_min) OP(reduce_prod) OP(reduce_sum) OP(reduce_sum_square) \
    /* selecting, cumulating */ \
    OP(arg_max) OP(arg_min) OP(hardmax) OP(top_k) OP(cum_sum) \
    /* elementwise */ \
    OP(relu) OP(leaky_relu) OP(prelu) OP(elu) OP(selu) OP(clip) OP(clip_11) OP(sigmoid) OP(tanh) OP(hard_sigmoid) \
    OP(hard_swish) OP(softplus) OP(sqrt) OP(exp) OP(add) OP(sub) OP(mul) OP(div) OP(pow) OP(max) OP(min) OP(sum) \
    OP(celu) OP(mish) OP(gelu) OP(swish) OP(erf) OP(log) OP(abs) OP(neg) OP(floor) OP(ceil) OP(round) OP(sign) \
    OP(reciprocal) OP(softsign) OP(thresholded_relu) OP(shrink) OP(sin) OP(cos) OP(tan) OP(asin) OP(acos) OP(atan) OP(sinh) \
    OP(cosh) OP(asinh) OP(acosh) OP(atanh) OP(mean) OP(mod) OP(bit_shift) OP(add_1) OP(sub_1) OP(mul_1) OP(div_1) \
    OP(pow_1) OP(prelu_1) OP(gemm_1) \
    /* comparison, logic */ \
    OP(equal) OP(greater) OP(greater_or_equal) OP(less) OP(less_or_equal) OP(and) OP(or) OP(xor) OP(not) OP(is_nan) \
    OP(is_inf) OP(where) \
    /* moving data, shapes */ \
    OP(concat) OP(split) OP(split_13) OP(flatten) OP(reshape) OP(transpose) OP(squeeze) OP(squeeze_13) OP(unsqueeze) \
    OP(unsqueeze_13) OP(identity) OP(dropout) OP(dropout_12) OP(pad) OP(pad_11) OP(center_crop_pad) OP(slice) \
    OP(slice_10) OP(gather) OP(cast) OP(cast_like) OP(shape) OP(constant_of_shape) OP(expand) OP(size) OP(tile) \
    OP(depth_to_space) OP(space_to_depth) OP(gather_elements) OP(gather_nd) OP(scatter) OP(scatter_elements) \
    OP(scatter_nd) OP(reverse_sequence) OP(range) OP(one_hot) OP(eye_like) OP(trilu) OP(nonzero) OP(compress) \
    OP(unique) OP(det) \
    /* chosen while planning */ \
    OP(if) \
    /* quantisation */ \
    OP(quantize_linear) OP(dequantize_linear) OP(dynamic_quantize_linear) \
    /* regions and places of images */ \
    OP(affine_grid) OP(grid_sample) OP(roi_align) OP(non_max_suppression)

/* Of training graphs: losses, what takes an operator's place while training, and the backward pass. */
#define STOA_TRAINING_OPS(OP) \
    /* losses */ \
    OP(softmax_cross_entropy) OP(multi_class_hinge) OP(mean_squared_error) OP(binary_cross_entropy) \
    /* while training */ \
    OP(max_pool_training) OP(batch_normalization_training) OP(dropout_training) \
    /* backward: matrix products */ \
    OP(conv_backward_data) OP(conv_transpose_backward_data) OP(gemm_backward_a) OP(gemm_backward_b) \
    OP(gemm_backward_c) OP(matmul_backward_a) OP(matmul_backward_b) OP(conv_backward_weights) OP(einsum_backward_a) \
    OP(einsum_backward_b) OP(conv_transpose_backward_weights) \
    /* backward: pooling, normalisation, resizing */ \
    OP(max_pool_backward) OP(max_unpool_backward) OP(average_pool_backward) OP(batch_normalization_backward) \
    OP(batch_normalization_training_backward) OP(instance_normalization_backward) OP(group_normalization_backward) \
    OP(layer_normalization_backward) \
    OP(reduce_l1_backward) OP(reduce_l2_backward) OP(reduce_log_sum_backward) OP(reduce_log_sum_exp_backward) \
    OP(reduce_max_backward) OP(reduce_mean_backward) OP(reduce_min_backward) OP(reduce_sum_backward) \
    OP(reduce_sum_square_backward) OP(cum_sum_backward) OP(global_average_pool_backward) \
    OP(global_max_pool_backward) OP(dropout_backward) OP(softmax_backward) OP(log_softmax_backward) OP(lrn_backward) \
    OP(resize_backward) \
    /* backward: elementwise */ \
    OP(relu_backward) OP(leaky_relu_backward) OP(elu_backward) OP(selu_backward) OP(sigmoid_backward) \
    OP(tanh_backward) OP(hard_sigmoid_backward) OP(hard_swish_backward) OP(softplus_backward) OP(sqrt_backward) \
    OP(exp_backward) OP(clip_backward) OP(sum_to) OP(sub_backward) OP(mul_backward) OP(div_backward) \
    OP(div_backward_divisor) OP(pow_backward) OP(pow_backward_exponent) OP(prelu_backward) OP(prelu_backward_slope) \
    OP(sum_backward) OP(max_backward) OP(min_backward) OP(mean_backward) OP(where_backward) OP(where_backward_other) \
    OP(celu_backward) OP(mish_backward) OP(gelu_backward) OP(swish_backward) OP(erf_backward) OP(log_backward) \
    OP(abs_backward) OP(reciprocal_backward) \
    OP(softsign_backward) OP(thresholded_relu_backward) OP(shrink_backward) OP(sin_backward) OP(cos_backward) \
    OP(tan_backward) OP(asin_backward) OP(acos_backward) OP(atan_backward) OP(sinh_backward) OP(cosh_backward) \
    OP(asinh_backward) OP(acosh_backward) OP(atanh_backward) \
    /* backward: moving data */ \
    OP(concat_backward) OP(split_backward) OP(reshape_backward) OP(transpose_backward) OP(identity_backward) \
    OP(pad_backward) OP(slice_backward) OP(gather_backward) OP(cast_backward) OP(tile_backward) \
    OP(depth_to_space_backward) OP(space_to_depth_backward) OP(gather_elements_backward) OP(gather_nd_backward) \
    OP(scatter_elements_backward) OP(scatter_elements_backward_updates) OP(scatter_nd_backward) \
    OP(scatter_nd_backward_updates) OP(trilu_backward) OP(reverse_sequence_backward)
/* clang-format on */

#define OP(name) extern const struct op stoa_op_##name;
STOA_OPS(OP)
STOA_TRAINING_OPS(OP)
#undef OP

#endif
