/* The twin's table of operators, and the frame around each: absent inputs, wanted outputs, what every slack has in
 * common, and the way out when something fails. */
#include "reference/reference.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "reference/internal.h"

static const struct {
    const char *type;
    size_t least_inputs, most_inputs; /* the first least_inputs must be there */
    size_t most_outputs;
    reference_operator run;
    unsigned carries; /* bits: the inputs that may have slack */
} table[] = {
    {"Abs", 1, 1, 1, stoa_reference_function, 1},
    {"Acos", 1, 1, 1, stoa_reference_function},
    {"Acosh", 1, 1, 1, stoa_reference_function},
    {"Add", 2, 2, 1, stoa_reference_add, ~0u},
    {"AffineGrid", 2, 2, 1, stoa_reference_affine_grid},
    {"And", 2, 2, 1, stoa_reference_relation},
    {"ArgMax", 1, 1, 1, stoa_reference_arg_max},
    {"ArgMin", 1, 1, 1, stoa_reference_arg_min},
    {"Asin", 1, 1, 1, stoa_reference_function},
    {"Asinh", 1, 1, 1, stoa_reference_function, 1},
    {"Atan", 1, 1, 1, stoa_reference_function, 1},
    {"Atanh", 1, 1, 1, stoa_reference_function},
    {"AveragePool", 1, 1, 1, stoa_reference_average_pool},
    {"BatchNormalization", 5, 5, 5, stoa_reference_batch_norm, 1},
    {"BitShift", 2, 2, 1, stoa_reference_bit_shift},
    {"Cast", 1, 1, 1, stoa_reference_cast},
    {"CastLike", 2, 2, 1, stoa_reference_cast_like},
    {"Ceil", 1, 1, 1, stoa_reference_function},
    {"Celu", 1, 1, 1, stoa_reference_function, 1},
    {"CenterCropPad", 2, 2, 1, stoa_reference_center_crop_pad},
    {"Clip", 1, 3, 1, stoa_reference_clip, 1},
    {"Col2Im", 3, 3, 1, stoa_reference_col2im},
    {"Compress", 2, 2, 1, stoa_reference_compress},
    {"Concat", 1, SIZE_MAX, 1, stoa_reference_concat},
    {"Constant", 0, 0, 1, stoa_reference_constant_value},
    {"ConstantOfShape", 1, 1, 1, stoa_reference_constant_of_shape},
    {"Conv", 2, 3, 1, stoa_reference_conv, 2},
    {"ConvTranspose", 2, 3, 1, stoa_reference_conv_transpose, 2},
    {"Cos", 1, 1, 1, stoa_reference_function, 1},
    {"Cosh", 1, 1, 1, stoa_reference_function, 1},
    {"CumSum", 2, 2, 1, stoa_reference_cum_sum},
    {"DepthToSpace", 1, 1, 1, stoa_reference_depth_to_space},
    {"DequantizeLinear", 2, 3, 1, stoa_reference_dequantize_linear},
    {"Det", 1, 1, 1, stoa_reference_det},
    {"Div", 2, 2, 1, stoa_reference_div, ~0u},
    {"Dropout", 1, 3, 2, stoa_reference_dropout},
    {"DynamicQuantizeLinear", 1, 1, 3, stoa_reference_dynamic_quantize_linear},
    {"Einsum", 1, 2, 1, stoa_reference_einsum},
    {"Elu", 1, 1, 1, stoa_reference_elu, 1},
    {"Equal", 2, 2, 1, stoa_reference_relation},
    {"Erf", 1, 1, 1, stoa_reference_function, 1},
    {"Exp", 1, 1, 1, stoa_reference_exp, 1},
    {"Expand", 2, 2, 1, stoa_reference_expand},
    {"EyeLike", 1, 1, 1, stoa_reference_eye_like},
    {"Flatten", 1, 1, 1, stoa_reference_flatten},
    {"Floor", 1, 1, 1, stoa_reference_function},
    {"GRU", 3, 6, 2, stoa_reference_recurrent},
    {"Gather", 2, 2, 1, stoa_reference_gather},
    {"GatherElements", 2, 2, 1, stoa_reference_gather_elements},
    {"GatherND", 2, 2, 1, stoa_reference_gather_nd},
    {"Gelu", 1, 1, 1, stoa_reference_gelu, 1},
    {"Gemm", 2, 3, 1, stoa_reference_gemm},
    {"GlobalAveragePool", 1, 1, 1, stoa_reference_global_average_pool},
    {"GlobalLpPool", 1, 1, 1, stoa_reference_global_lp_pool},
    {"GlobalMaxPool", 1, 1, 1, stoa_reference_global_max_pool},
    {"Greater", 2, 2, 1, stoa_reference_relation},
    {"GreaterOrEqual", 2, 2, 1, stoa_reference_relation},
    {"GridSample", 2, 2, 1, stoa_reference_grid_sample},
    {"GroupNormalization", 3, 3, 1, stoa_reference_group_norm},
    {"HardSigmoid", 1, 1, 1, stoa_reference_hard_sigmoid, 1},
    {"HardSwish", 1, 1, 1, stoa_reference_hard_swish, 1},
    {"Hardmax", 1, 1, 1, stoa_reference_hardmax},
    {"Identity", 1, 1, 1, stoa_reference_identity},
    {"InstanceNormalization", 3, 3, 1, stoa_reference_instance_norm},
    {"IsInf", 1, 1, 1, stoa_reference_is_inf},
    {"IsNaN", 1, 1, 1, stoa_reference_is_nan},
    {"LRN", 1, 1, 1, stoa_reference_lrn},
    {"LSTM", 3, 8, 3, stoa_reference_recurrent},
    {"LayerNormalization", 2, 3, 3, stoa_reference_layer_norm},
    {"LeakyRelu", 1, 1, 1, stoa_reference_leaky_relu, 1},
    {"Less", 2, 2, 1, stoa_reference_relation},
    {"LessOrEqual", 2, 2, 1, stoa_reference_relation},
    {"Log", 1, 1, 1, stoa_reference_function},
    {"LogSoftmax", 1, 1, 1, stoa_reference_log_softmax},
    {"LpNormalization", 1, 1, 1, stoa_reference_lp_norm},
    {"LpPool", 1, 1, 1, stoa_reference_lp_pool},
    {"MatMul", 2, 2, 1, stoa_reference_matmul},
    {"Max", 1, SIZE_MAX, 1, stoa_reference_max, ~0u},
    {"MaxPool", 1, 1, 2, stoa_reference_max_pool},
    {"MaxUnpool", 2, 3, 1, stoa_reference_max_unpool},
    {"Mean", 1, SIZE_MAX, 1, stoa_reference_mean, ~0u},
    {"MeanVarianceNormalization", 1, 1, 1, stoa_reference_mean_variance_norm},
    {"Min", 1, SIZE_MAX, 1, stoa_reference_min, ~0u},
    {"Mish", 1, 1, 1, stoa_reference_function, 1},
    {"Mod", 2, 2, 1, stoa_reference_mod},
    {"Mul", 2, 2, 1, stoa_reference_mul, ~0u},
    {"Neg", 1, 1, 1, stoa_reference_function, 1},
    {"NegativeLogLikelihoodLoss", 2, 3, 1, stoa_reference_negative_log_likelihood},
    {"NonMaxSuppression", 2, 5, 1, stoa_reference_non_max_suppression},
    {"NonZero", 1, 1, 1, stoa_reference_nonzero},
    {"Not", 1, 1, 1, stoa_reference_not},
    {"OneHot", 3, 3, 1, stoa_reference_one_hot},
    {"Or", 2, 2, 1, stoa_reference_relation},
    {"PRelu", 2, 2, 1, stoa_reference_prelu},
    {"Pad", 1, 4, 1, stoa_reference_pad},
    {"Pow", 2, 2, 1, stoa_reference_pow, 1},
    {"QuantizeLinear", 2, 3, 1, stoa_reference_quantize_linear},
    {"RMSNormalization", 2, 2, 1, stoa_reference_rms_norm},
    {"RNN", 3, 6, 2, stoa_reference_recurrent},
    {"Range", 3, 3, 1, stoa_reference_range},
    {"Reciprocal", 1, 1, 1, stoa_reference_function},
    {"ReduceL1", 1, 2, 1, stoa_reference_reduce_l1},
    {"ReduceL2", 1, 2, 1, stoa_reference_reduce_l2},
    {"ReduceLogSum", 1, 2, 1, stoa_reference_reduce_log_sum},
    {"ReduceLogSumExp", 1, 2, 1, stoa_reference_reduce_log_sum_exp},
    {"ReduceMax", 1, 2, 1, stoa_reference_reduce_max},
    {"ReduceMean", 1, 2, 1, stoa_reference_reduce_mean, 1},
    {"ReduceMin", 1, 2, 1, stoa_reference_reduce_min},
    {"ReduceProd", 1, 2, 1, stoa_reference_reduce_prod},
    {"ReduceSum", 1, 2, 1, stoa_reference_reduce_sum, 1},
    {"ReduceSumSquare", 1, 2, 1, stoa_reference_reduce_sum_square},
    {"Relu", 1, 1, 1, stoa_reference_relu, 1},
    {"Reshape", 2, 2, 1, stoa_reference_reshape},
    {"Resize", 1, 4, 1, stoa_reference_resize},
    {"ReverseSequence", 2, 2, 1, stoa_reference_reverse_sequence},
    {"RoiAlign", 3, 3, 1, stoa_reference_roi_align},
    {"Round", 1, 1, 1, stoa_reference_function},
    {"Scatter", 3, 3, 1, stoa_reference_scatter_elements},
    {"ScatterElements", 3, 3, 1, stoa_reference_scatter_elements},
    {"ScatterND", 3, 3, 1, stoa_reference_scatter_nd},
    {"Selu", 1, 1, 1, stoa_reference_selu, 1},
    {"Shape", 1, 1, 1, stoa_reference_shape},
    {"Shrink", 1, 1, 1, stoa_reference_function},
    {"Sigmoid", 1, 1, 1, stoa_reference_sigmoid, 1},
    {"Sign", 1, 1, 1, stoa_reference_function},
    {"Sin", 1, 1, 1, stoa_reference_function, 1},
    {"Sinh", 1, 1, 1, stoa_reference_function, 1},
    {"Size", 1, 1, 1, stoa_reference_size},
    {"Slice", 1, 5, 1, stoa_reference_slice},
    {"Softmax", 1, 1, 1, stoa_reference_softmax},
    {"SoftmaxCrossEntropyLoss", 2, 3, 2, stoa_reference_softmax_cross_entropy_loss},
    {"Softplus", 1, 1, 1, stoa_reference_softplus, 1},
    {"Softsign", 1, 1, 1, stoa_reference_function, 1},
    {"SpaceToDepth", 1, 1, 1, stoa_reference_space_to_depth},
    {"Split", 1, 2, SIZE_MAX, stoa_reference_split},
    {"Sqrt", 1, 1, 1, stoa_reference_sqrt, 1},
    {"Squeeze", 1, 2, 1, stoa_reference_squeeze},
    {"Sub", 2, 2, 1, stoa_reference_sub, ~0u},
    {"Sum", 1, SIZE_MAX, 1, stoa_reference_sum, ~0u},
    {"Swish", 1, 1, 1, stoa_reference_function, 1},
    {"Tan", 1, 1, 1, stoa_reference_function},
    {"Tanh", 1, 1, 1, stoa_reference_tanh, 1},
    {"ThresholdedRelu", 1, 1, 1, stoa_reference_function},
    {"Tile", 2, 2, 1, stoa_reference_tile},
    {"TopK", 1, 2, 2, stoa_reference_top_k},
    {"Transpose", 1, 1, 1, stoa_reference_transpose},
    {"Trilu", 1, 2, 1, stoa_reference_trilu},
    {"Unique", 1, 1, 4, stoa_reference_unique},
    {"Unsqueeze", 1, 2, 1, stoa_reference_unsqueeze},
    {"Upsample", 1, 2, 1, stoa_reference_resize},
    {"Where", 3, 3, 1, stoa_reference_where},
    {"Xor", 2, 2, 1, stoa_reference_relation},
#ifdef STOA_TRAINING
    {"AbsBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AcosBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AcoshBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AsinBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AsinhBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AtanBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AtanhBackward", 2, 2, 1, stoa_reference_function_backward},
    {"AveragePoolBackward", 2, 2, 1, stoa_reference_average_pool_backward},
    {"BatchNormalizationBackward", 5, 5, 3, stoa_reference_batch_norm_backward},
    {"BatchNormalizationTraining", 5, 5, 5, stoa_reference_batch_norm_training, 1},
    {"BatchNormalizationTrainingBackward", 5, 5, 3, stoa_reference_batch_norm_training_backward},
    {"BinaryCrossEntropyWithLogits", 2, 2, 2, stoa_reference_binary_cross_entropy},
    {"CastBackward", 2, 2, 1, stoa_reference_cast_backward},
    {"CeluBackward", 2, 2, 1, stoa_reference_function_backward},
    {"ClipBackward", 2, 4, 1, stoa_reference_clip_backward, 1},
    {"ConcatBackward", 2, SIZE_MAX, SIZE_MAX, stoa_reference_concat_backward},
    {"ConvBackwardData", 3, 3, 1, stoa_reference_conv_backward_data},
    {"ConvBackwardWeights", 3, 3, 2, stoa_reference_conv_backward_weights},
    {"ConvTransposeBackwardData", 3, 3, 1, stoa_reference_conv_transpose_backward_data},
    {"ConvTransposeBackwardWeights", 3, 3, 2, stoa_reference_conv_transpose_backward_weights},
    {"CosBackward", 2, 2, 1, stoa_reference_function_backward},
    {"CoshBackward", 2, 2, 1, stoa_reference_function_backward},
    {"CumSumBackward", 2, 2, 1, stoa_reference_cum_sum_backward},
    {"DepthToSpaceBackward", 2, 2, 1, stoa_reference_depth_to_space_backward},
    {"DivBackward", 3, 3, 1, stoa_reference_div_backward},
    {"DivBackwardDivisor", 3, 3, 1, stoa_reference_div_backward_divisor},
    {"DropoutBackward", 2, 3, 1, stoa_reference_dropout_backward},
    {"DropoutTraining", 1, 4, 2, stoa_reference_dropout_training},
    {"EinsumBackwardA", 2, 3, 1, stoa_reference_einsum_backward_a},
    {"EinsumBackwardB", 3, 3, 1, stoa_reference_einsum_backward_b},
    {"EluBackward", 2, 2, 1, stoa_reference_elu_backward},
    {"ErfBackward", 2, 2, 1, stoa_reference_function_backward},
    {"ExpBackward", 2, 2, 1, stoa_reference_exp_backward},
    {"GatherBackward", 3, 3, 1, stoa_reference_gather_backward},
    {"GatherElementsBackward", 3, 3, 1, stoa_reference_gather_elements_backward},
    {"GatherNDBackward", 3, 3, 1, stoa_reference_gather_nd_backward},
    {"GeluBackward", 2, 2, 1, stoa_reference_gelu_backward},
    {"GemmBackwardA", 2, 2, 1, stoa_reference_gemm_backward_a},
    {"GemmBackwardB", 2, 2, 1, stoa_reference_gemm_backward_b},
    {"GemmBackwardC", 2, 2, 1, stoa_reference_gemm_backward_c},
    {"GlobalAveragePoolBackward", 2, 2, 1, stoa_reference_global_average_pool_backward},
    {"GlobalMaxPoolBackward", 2, 2, 1, stoa_reference_global_max_pool_backward},
    {"GroupNormalizationBackward", 3, 3, 3, stoa_reference_group_norm_backward},
    {"HardSigmoidBackward", 2, 2, 1, stoa_reference_hard_sigmoid_backward},
    {"HardSwishBackward", 2, 2, 1, stoa_reference_hard_swish_backward},
    {"IdentityBackward", 1, 1, 1, stoa_reference_identity},
    {"InstanceNormalizationBackward", 3, 3, 3, stoa_reference_instance_norm_backward},
    {"LRNBackward", 2, 2, 1, stoa_reference_lrn_backward},
    {"LayerNormalizationBackward", 3, 3, 3, stoa_reference_layer_norm_backward},
    {"LeakyReluBackward", 2, 2, 1, stoa_reference_leaky_relu_backward},
    {"LogBackward", 2, 2, 1, stoa_reference_function_backward},
    {"LogSoftmaxBackward", 2, 2, 1, stoa_reference_log_softmax_backward},
    {"MatMulBackwardA", 3, 3, 1, stoa_reference_matmul_backward_a},
    {"MatMulBackwardB", 3, 3, 1, stoa_reference_matmul_backward_b},
    {"MaxBackward", 3, SIZE_MAX, SIZE_MAX, stoa_reference_extreme_backward},
    {"MaxPoolBackward", 3, 3, 1, stoa_reference_max_pool_backward},
    {"MaxPoolTraining", 1, 1, 3, stoa_reference_max_pool_training},
    {"MaxUnpoolBackward", 2, 2, 1, stoa_reference_max_unpool_backward},
    {"MeanBackward", 2, SIZE_MAX, SIZE_MAX, stoa_reference_mean_backward},
    {"MeanSquaredError", 2, 2, 2, stoa_reference_mean_squared_error},
    {"MinBackward", 3, SIZE_MAX, SIZE_MAX, stoa_reference_extreme_backward},
    {"MishBackward", 2, 2, 1, stoa_reference_function_backward},
    {"MulBackward", 3, 3, 1, stoa_reference_mul_backward},
    {"MultiClassHinge", 2, 2, 2, stoa_reference_multi_class_hinge},
    {"PReluBackward", 3, 3, 1, stoa_reference_prelu_backward},
    {"PReluBackwardSlope", 3, 3, 1, stoa_reference_prelu_backward_slope},
    {"PadBackward", 2, 5, 1, stoa_reference_pad_backward},
    {"PowBackward", 3, 3, 1, stoa_reference_pow_backward},
    {"PowBackwardExponent", 3, 3, 1, stoa_reference_pow_backward_exponent},
    {"ReciprocalBackward", 2, 2, 1, stoa_reference_function_backward},
    {"ReduceL1Backward", 2, 3, 1, stoa_reference_reduce_l1_backward},
    {"ReduceL2Backward", 3, 4, 1, stoa_reference_reduce_l2_backward},
    {"ReduceLogSumBackward", 3, 4, 1, stoa_reference_reduce_log_sum_backward},
    {"ReduceLogSumExpBackward", 3, 4, 1, stoa_reference_reduce_log_sum_exp_backward},
    {"ReduceMaxBackward", 2, 3, 1, stoa_reference_reduce_max_backward},
    {"ReduceMeanBackward", 2, 3, 1, stoa_reference_reduce_mean_backward},
    {"ReduceMinBackward", 2, 3, 1, stoa_reference_reduce_min_backward},
    {"ReduceSumBackward", 2, 3, 1, stoa_reference_reduce_sum_backward},
    {"ReduceSumSquareBackward", 2, 3, 1, stoa_reference_reduce_sum_square_backward},
    {"ReluBackward", 2, 2, 1, stoa_reference_relu_backward, 1},
    {"ReshapeBackward", 2, 2, 1, stoa_reference_reshape_backward},
    {"ResizeBackward", 2, 5, 1, stoa_reference_resize_backward},
    {"ReverseSequenceBackward", 2, 2, 1, stoa_reference_reverse_sequence},
    {"ScatterElementsBackward", 4, 4, 1, stoa_reference_scatter_elements_backward},
    {"ScatterElementsBackwardUpdates", 4, 4, 1, stoa_reference_scatter_elements_backward_updates},
    {"ScatterNDBackward", 4, 4, 1, stoa_reference_scatter_nd_backward},
    {"ScatterNDBackwardUpdates", 4, 4, 1, stoa_reference_scatter_nd_backward_updates},
    {"SeluBackward", 2, 2, 1, stoa_reference_selu_backward},
    {"ShrinkBackward", 2, 2, 1, stoa_reference_function_backward},
    {"SigmoidBackward", 2, 2, 1, stoa_reference_sigmoid_backward},
    {"SinBackward", 2, 2, 1, stoa_reference_function_backward},
    {"SinhBackward", 2, 2, 1, stoa_reference_function_backward},
    {"SliceBackward", 2, 6, 1, stoa_reference_slice_backward},
    {"SoftmaxBackward", 2, 2, 1, stoa_reference_softmax_backward},
    {"SoftmaxCrossEntropy", 2, 2, 2, stoa_reference_softmax_cross_entropy},
    {"SoftplusBackward", 2, 2, 1, stoa_reference_softplus_backward},
    {"SoftsignBackward", 2, 2, 1, stoa_reference_function_backward},
    {"SpaceToDepthBackward", 2, 2, 1, stoa_reference_space_to_depth_backward},
    {"SplitBackward", 1, SIZE_MAX, 1, stoa_reference_split_backward},
    {"SqrtBackward", 2, 2, 1, stoa_reference_sqrt_backward},
    {"SubBackward", 2, 2, 1, stoa_reference_sub_backward},
    {"SumBackward", 2, SIZE_MAX, SIZE_MAX, stoa_reference_sum_backward},
    {"SumTo", 2, 2, 1, stoa_reference_sum_to},
    {"SwishBackward", 2, 2, 1, stoa_reference_function_backward},
    {"TanBackward", 2, 2, 1, stoa_reference_function_backward},
    {"TanhBackward", 2, 2, 1, stoa_reference_tanh_backward},
    {"ThresholdedReluBackward", 2, 2, 1, stoa_reference_function_backward},
    {"TileBackward", 3, 3, 1, stoa_reference_tile_backward},
    {"TransposeBackward", 2, 2, 1, stoa_reference_transpose_backward},
    {"TriluBackward", 1, 2, 1, stoa_reference_trilu},
    {"WhereBackward", 3, 3, 1, stoa_reference_where_backward},
    {"WhereBackwardOther", 3, 3, 1, stoa_reference_where_backward_other},
#endif
};
#define TABLE_COUNT (sizeof table / sizeof *table)

static size_t find(const char *type)
{
    size_t index = 0;
    while (index < TABLE_COUNT && strcmp(table[index].type, type) != 0)
        index++;
    return index;
}

void stoa_reference_free(const struct stoa_allocator *allocator, struct reference_tensor *tensor)
{
    stoa_release(allocator, tensor->values);
    stoa_release(allocator, tensor->slack);
    tensor->values = tensor->slack = NULL;
}

/* The common part of the rule: integers are exact; where a float may be below the normal range it may be flushed to
 * zero; where the value is not finite, nothing but that very value will do. */
static void settle_slack(struct reference_tensor *y)
{
    size_t count = stoa_reference_count(y);
    bool integer = stoa_reference_is_integer(y->dtype);
    for (size_t i = 0; i < count; i++) {
        if (integer || !isfinite(y->values[i]) || !(y->slack[i] > 0))
            y->slack[i] = 0;
        else
            y->slack[i] += REFERENCE_TINY;
    }
}

static bool has_slack(const struct reference_tensor *tensor)
{
    size_t count = tensor->slack ? stoa_reference_count(tensor) : 0;
    for (size_t i = 0; i < count; i++)
        if (tensor->slack[i] > 0)
            return true;
    return false;
}

static enum stoa_status check_call(const struct reference_call *call, size_t row, struct stoa_error *error)
{
    if (call->input_count > table[row].most_inputs)
        return stoa_fail(error, STOA_ERROR_GRAPH, "%zu inputs, at most %zu are taken", call->input_count,
                         table[row].most_inputs);
    if (call->output_count > table[row].most_outputs)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "%zu outputs, at most %zu are given", call->output_count,
                         table[row].most_outputs);
    for (size_t i = 0; i < table[row].least_inputs; i++)
        if (i >= call->input_count || call->inputs[i].dtype == STOA_NONE)
            return stoa_fail(error, STOA_ERROR_GRAPH, "input %zu is missing", i);
    for (size_t i = 0; i < call->input_count; i++)
        if (!(i < 32 && table[row].carries >> i & 1) && has_slack(&call->inputs[i]))
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input %zu is not exact, which %s cannot account for", i,
                             call->type);
    for (size_t i = 0; i < call->input_count; i++)
        if (call->inputs[i].rank > STOA_MAX_RANK)
            return stoa_fail(error, STOA_ERROR_LIMIT, "input %zu has rank %zu, at most %d is taken", i,
                             call->inputs[i].rank, STOA_MAX_RANK);
    return STOA_OK;
}

enum stoa_status stoa_reference_run(const struct reference_call *call, const struct stoa_allocator *allocator,
                                    struct stoa_error *error)
{
    bool wanted = false;
    for (size_t i = 0; i < call->output_count; i++) {
        call->outputs[i].values = call->outputs[i].slack = NULL;
        wanted |= call->outputs[i].dtype != STOA_NONE;
    }
    size_t row = find(call->type);
    if (row == TABLE_COUNT)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "the reference has no operator %s", call->type);
    STOA_TRY(check_call(call, row, error));
    if (!wanted)
        return STOA_OK;

    struct reference_run run = {
        .call = call,
        .allocator = allocator,
        .error = error,
        .reader = stoa_reader(call->attributes, call->opset, call->input_count, call->output_count, error),
    };
    enum stoa_status status = table[row].run(&run);
    if (status == STOA_OK)
        status = run.reader.status;
    for (size_t i = 0; status == STOA_OK && i < call->output_count; i++)
        if (call->outputs[i].dtype != STOA_NONE && !call->outputs[i].values)
            status = stoa_fail(error, STOA_ERROR_UNSUPPORTED, "output %zu is not one the reference computes", i);
    for (size_t i = 0; i < call->output_count; i++) {
        if (status != STOA_OK)
            stoa_reference_free(allocator, &call->outputs[i]);
        else if (call->outputs[i].dtype != STOA_NONE)
            settle_slack(&call->outputs[i]);
    }
    return status;
}
