/* Matrix products, functions of one element, arithmetic, normalisation: values by hand or from the definition's
 * formula worked out elsewhere. */
#include <criterion/criterion.h>

#include "twin.h"

#define CHECK(rows)                                                                                                    \
    for (size_t i = 0; i < sizeof(rows) / sizeof *(rows); i++)                                                         \
    twin_check(&(rows)[i])

static const struct twin_row matrix_rows[] = {
    {"Gemm plain", "Gemm", 11, NULL, "f32[1,2]{1,2} f32[2,2]{1,10,100,1000}", "f32[1,2]{201,2010}", 1},
    {"Gemm transA", "Gemm", 11, "transA=1", "f32[2,1]{1,2} f32[2,2]{1,10,100,1000}", "f32[1,2]{201,2010}", 1},
    {"Gemm transB", "Gemm", 11, "transB=1", "f32[1,2]{1,2} f32[2,2]{1,10,100,1000}", "f32[1,2]{21,2100}", 1},
    {"Gemm alpha, beta, row of C", "Gemm", 11, "alpha=2.0 beta=0.5", "f32[2,1]{1,2} f32[1,2]{3,4} f32[2]{10,20}",
     "f32[2,2]{11,18,17,26}", 1},
    {"Gemm column of C", "Gemm", 7, NULL, "f32[2,1]{1,2} f32[1,2]{3,4} f32[2,1]{10,20}", "f32[2,2]{13,14,26,28}", 1},
    {"Gemm scalar C", "Gemm", 11, NULL, "f32[1,1]{2} f32[1,1]{3} f32(1)", "f32[1,1]{7}", 1},
    {"MatMul 2-D", "MatMul", 9, NULL, "f32[2,2]{1..4} f32[2,1]{1,10}", "f32[2,1]{21,43}", 1},
    {"MatMul vectors", "MatMul", 9, NULL, "f32[2]{1,2} f32[2]{10,100}", "f32(210)", 1},
    {"MatMul vector and stack", "MatMul", 9, NULL, "f32[2]{1,2} f32[2,2,1]{1..4}", "f32[2,1]{5,11}", 1},
    {"MatMul stack and vector", "MatMul", 9, NULL, "f32[2,1,2]{1..4} f32[2]{1,10}", "f32[2,1]{21,43}", 1},
    {"MatMul stacks broadcast", "MatMul", 9, NULL, "f32[2,1,1,1]{2,3} f32[1,2,1,1]{5,7}", "f32[2,2,1,1]{10,14,15,21}",
     1},
    {"MatMul of integers", "MatMul", 9, NULL, "i32[1,2]{3,4} i32[2,1]{5,6}", "i32[1,1]{39}", 0},
};

Test(matrix, definition)
{
    CHECK(matrix_rows);
}

static const struct twin_row activation_rows[] = {
    {"Relu", "Relu", 6, NULL, "f32[4]{-1,0,2,nan}", "f32[4]{0,0,2,nan}", 0},
    {"LeakyRelu default", "LeakyRelu", 6, NULL, "f32[3]{-100,0,2}", "f32[3]{-1,0,2}", 1},
    {"LeakyRelu alpha", "LeakyRelu", 6, "alpha=0.5", "f32[2]{-3,3}", "f32[2]{-1.5,3}", 1},
    {"PRelu per channel", "PRelu", 9, NULL, "f32[1,2,1,2]{-1,1,-2,2} f32[2,1,1]{0.5,10}", "f32[1,2,1,2]{-0.5,1,-20,2}",
     1},
    {"PRelu one slope", "PRelu", 7, NULL, "f32[2]{-1,1} f32[1]{4}", "f32[2]{-4,1}", 1},
    {"Elu", "Elu", 6, "alpha=2.0", "f32[3]{-1,0,3}", "f32[3]{-1.26424111765712,0,3}", 1},
    {"Selu", "Selu", 6, NULL, "f32[2]{-1,1}", "f32[2]{-1.11133073767,1.05070102215}", 1},
    {"Selu own constants", "Selu", 6, "alpha=2.0 gamma=3.0", "f32[2]{-1,1}", "f32[2]{-3.79272335297,3}", 1},
    {"Clip attributes", "Clip", 6, "min=-1.0 max=1.0", "f32[4]{-2,0.5,3,nan}", "f32[4]{-1,0.5,1,nan}", 0},
    {"Clip without bounds", "Clip", 6, NULL, "f32[2]{-2,3}", "f32[2]{-2,3}", 0},
    {"Clip inputs", "Clip", 11, NULL, "f32[3]{-2,0.5,3} f32(-1) f32(1)", "f32[3]{-1,0.5,1}", 0},
    {"Clip max only", "Clip", 13, NULL, "f32[2]{-2,3} - f32(1)", "f32[2]{-2,1}", 0},
    {"Clip bounds crossed give max", "Clip", 13, NULL, "f32[2]{-2,3} f32(2) f32(1)", "f32[2]{1,1}", 0},
    {"Clip int8", "Clip", 13, NULL, "i8[2]{-100,100} i8(-5)", "i8[2]{-5,100}", 0},
    {"Sigmoid", "Sigmoid", 6, NULL, "f32[4]{0,2,-100,inf}", "f32[4]{0.5,0.880797077978,3.72007597602e-44,1}", 1},
    {"Tanh", "Tanh", 6, NULL, "f32[3]{0,1,-inf}", "f32[3]{0,0.761594155956,-1}", 1},
    {"HardSigmoid default", "HardSigmoid", 6, NULL, "f32[4]{-3,0,1,3}", "f32[4]{0,0.5,0.7,1}", 1},
    {"HardSigmoid alpha, beta", "HardSigmoid", 6, "alpha=0.5 beta=0.25", "f32[2]{-0.25,1}", "f32[2]{0.125,0.75}", 1},
    {"HardSwish", "HardSwish", 14, NULL, "f32[4]{-4,-1,1,4}", "f32[4]{0,-0.333333333333,0.666666666667,4}", 1},
    {"Softplus", "Softplus", 1, NULL, "f32[3]{0,1000,-1}", "f32[3]{0.69314718056,1000,0.313261687518}", 1},
    {"Sqrt", "Sqrt", 6, NULL, "f32[3]{4,2,-1}", "f32[3]{2,1.41421356237,nan}", 1},
    {"Exp", "Exp", 6, NULL, "f32[3]{0,1,-inf}", "f32[3]{1,2.71828182846,0}", 1},
    {"Softmax of the last axis", "Softmax", 13, NULL, "f32[2,2]{0,0.69314718056,5,5}",
     "f32[2,2]{0.333333333,0.666666667,0.5,0.5}", 1},
    {"Softmax along axis 0", "Softmax", 13, "axis=0", "f32[2,2]{0,5,0,5}", "f32[2,2]{0.5*4}", 1},
    {"Softmax before 13 takes all from axis 1", "Softmax", 11, NULL, "f32[1,2,2]{3*4}", "f32[1,2,2]{0.25*4}", 1},
    {"Softmax since 13 takes one axis", "Softmax", 13, "axis=1", "f32[1,2,2]{3*4}", "f32[1,2,2]{0.5*4}", 1},
    {"Softmax of large numbers", "Softmax", 13, NULL, "f32[2]{10000,10001}", "f32[2]{0.26894142137,0.73105857863}", 1},
    {"Softmax with -inf", "Softmax", 13, NULL, "f32[2]{-inf,1}", "f32[2]{0,1}", 1},
    {"LogSoftmax", "LogSoftmax", 13, NULL, "f32[2]{10000,10001}", "f32[2]{-1.31326168752,-0.313261687518}", 1},
    {"LogSoftmax before 13", "LogSoftmax", 7, "axis=0", "f32[2,2]{1*4}", "f32[2,2]{-1.38629436112*4}", 1},
};

Test(activation, definition)
{
    CHECK(activation_rows);
}

static const struct twin_row arithmetic_rows[] = {
    {"Add broadcasts both ways", "Add", 7, NULL, "f32[2,1]{1,2} f32[2]{10,20}", "f32[2,2]{11,21,12,22}", 1},
    {"Add of uint8 wraps", "Add", 14, NULL, "u8[1]{200} u8[1]{100}", "u8[1]{44}", 0},
    {"Sub", "Sub", 7, NULL, "f32[2]{1,2} f32(0.5)", "f32[2]{0.5,1.5}", 1},
    {"Sub of int32 wraps", "Sub", 7, NULL, "i32[1]{-2147483648} i32[1]{1}", "i32[1]{2147483647}", 0},
    {"Mul", "Mul", 7, NULL, "f32[3]{1,2,inf} f32[1]{0}", "f32[3]{0,0,nan}", 0},
    {"Mul of int64", "Mul", 7, NULL, "i64[2]{-3,4} i64(5)", "i64[2]{-15,20}", 0},
    {"Mul of int32 wraps", "Mul", 7, NULL, "i32[1]{65536} i32[1]{65537}", "i32[1]{65536}", 0},
    {"Div", "Div", 7, NULL, "f32[2]{1,-1} f32[2]{4,0}", "f32[2]{0.25,-inf}", 1},
    {"Div of integers cuts", "Div", 7, NULL, "i64[3]{7,-7,7} i64[3]{2,2,-2}", "i64[3]{3,-3,-3}", 0},
    {"Pow", "Pow", 7, NULL, "f32[3]{2,9,-2} f32[3]{10,0.5,3}", "f32[3]{1024,3,-8}", 1},
    {"Pow of two types", "Pow", 12, NULL, "i32[2]{2,3} f32(2)", "i32[2]{4,9}", 0},
    {"Max of three", "Max", 8, NULL, "f32[2]{1,5} f32[1]{3} f32[2]{2,nan}", "f32[2]{3,nan}", 0},
    {"Min, NaN first", "Min", 8, NULL, "f32[2]{1,nan} f32[2]{3,0}", "f32[2]{1,nan}", 0},
    {"Max of integers", "Max", 12, NULL, "i64[2]{1,5} i64(3)", "i64[2]{3,5}", 0},
    {"Sum of three", "Sum", 8, NULL, "f32[2]{1,2} f32(10) f32[2,1]{100,200}", "f32[2,2]{111,112,211,212}", 1},
    {"Sum of one is a move", "Sum", 8, NULL, "f32[2]{1,2}", "f32[2]{1,2}", 0},
};

Test(arithmetic, definition)
{
    CHECK(arithmetic_rows);
}

static const struct twin_row norm_rows[] = {
    /* channel 0: (x - 1) * 2/2 + 5, channel 1: (x - 2) * 3/1 */
    {"BatchNormalization", "BatchNormalization", 9, "epsilon=0.0",
     "f32[1,2,1,2]{1,2,3,4} f32[2]{2,3} f32[2]{5,0} f32[2]{1,2} f32[2]{4,1}", "f32[1,2,1,2]{5,6,3,6}", 1},
    {"BatchNormalization adds epsilon", "BatchNormalization", 15, "epsilon=3.0",
     "f32[2,1]{1,2} f32[1]{2} f32[1]{0} f32[1]{0} f32[1]{1}", "f32[2,1]{1,2}", 1},
    /* mean 2, variance 1 */
    {"BatchNormalization by its own statistics", "BatchNormalization", 14, "epsilon=0.0 training_mode=1 momentum=0.75",
     "f32[2,1]{1,3} f32[1]{2} f32[1]{5} f32[1]{4} f32[1]{9}", "f32[2,1]{3,7} f32[1]{3.5} f32[1]{7}", 1},
    {"BatchNormalization, opset 9, by its own statistics", "BatchNormalization", 9, "epsilon=0.0 momentum=0.75",
     "f32[2,1]{1,3} f32[1]{2} f32[1]{5} f32[1]{4} f32[1]{9}", "f32[2,1]{3,7} f32[1]{3.5} f32[1]{7} f32[1]{2} f32[1]{1}",
     1},
    /* mean 2, variance 1; mean 20, variance 100 */
    {"InstanceNormalization", "InstanceNormalization", 6, "epsilon=0.0",
     "f32[1,2,1,2]{1,3,10,30} f32[2]{2,1} f32[2]{5,0}", "f32[1,2,1,2]{3,7,-1,1}", 1},
    {"InstanceNormalization, epsilon", "InstanceNormalization", 6, "epsilon=3.0",
     "f32[2,1,2]{1,3,5,7} f32[1]{1} f32[1]{0}", "f32[2,1,2]{-0.5,0.5,-0.5,0.5}", 1},
    {"RMSNormalization", "RMSNormalization", 23, "epsilon=3.5", "f32[1,2]{3,-4} f32[2]{2,1}", "f32[1,2]{1.5,-1}", 1},
    /* size 3: neighbours -1 … +1; 1 + 3/3 * sum of squares, to the power 1 */
    {"LRN odd size", "LRN", 13, "size=3 alpha=3.0 beta=1.0 bias=1.0", "f32[1,3,1,1]{1,2,3}",
     "f32[1,3,1,1]{0.166666667,0.133333333,0.214285714}", 1},
    /* size 2: the channel itself and the next */
    {"LRN even size looks ahead", "LRN", 13, "size=2 alpha=2.0 beta=0.5 bias=4.0", "f32[1,3,1,1]{1,2,0}",
     "f32[1,3,1,1]{0.333333333,0.707106781,0}", 1},
    {"ReduceMean keeps dims", "ReduceMean", 11, "axes=[1]", "f32[2,2]{1,2,3,5}", "f32[2,1]{1.5,4}", 1},
    {"ReduceMean drops dims, negative axis", "ReduceMean", 11, "axes=[-2] keepdims=0", "f32[2,2]{1,2,3,5}",
     "f32[2]{2,3.5}", 1},
    {"ReduceMean of everything", "ReduceMean", 13, "keepdims=0", "f32[2,2]{1,2,3,5}", "f32(2.75)", 1},
    {"ReduceMean of two axes of four", "ReduceMean", 13, "axes=[2,3]", "f32[1,2,2,2]{1..8}", "f32[1,2,1,1]{2.5,6.5}",
     1},
};

Test(norm, definition)
{
    CHECK(norm_rows);
}

static const struct {
    struct twin_row row;
    enum stoa_status status;
} refused[] = {
    {{"Gemm K", "Gemm", 11, NULL, "f32[1,2]{1,2} f32[1,2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Gemm C too large", "Gemm", 11, NULL, "f32[1,1]{1} f32[1,1]{1} f32[2,1]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Gemm rank", "Gemm", 11, NULL, "f32[2]{1,2} f32[2,1]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Gemm alpha NaN", "Gemm", 11, "alpha=nan", "f32[1,1]{1} f32[1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"MatMul K", "MatMul", 11, NULL, "f32[1,2]{1,2} f32[1,2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"MatMul scalar", "MatMul", 11, NULL, "f32(1) f32[1]{1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"PRelu slope larger than x", "PRelu", 11, NULL, "f32[1]{1} f32[2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Clip bound of two numbers", "Clip", 11, NULL, "f32[1]{1} f32[2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Softmax axis", "Softmax", 13, "axis=2", "f32[1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"Add without a common shape", "Add", 7, NULL, "f32[2]{1,2} f32[3]{1,2,3}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Add of two types", "Add", 7, NULL, "f32[1]{1} i64[1]{1}", "f32(0)"}, STOA_ERROR_GRAPH},
    {{"whole division by zero", "Div", 7, NULL, "i64[2]{1,2} i64[2]{1,0}", "i64(0)"}, STOA_ERROR_DATA},
    {{"BatchNormalization in training, of nothing", "BatchNormalization", 14, "training_mode=1",
      "f32[0,1]{} f32[1]{1} f32[1]{1} f32[1]{1} f32[1]{1}", "f32(0)"},
     STOA_ERROR_SHAPE},
    {{"BatchNormalization scale", "BatchNormalization", 14, NULL,
      "f32[1,1]{1} f32[2]{1,1} f32[1]{1} f32[1]{1} f32[1]{1}", "f32(0)"},
     STOA_ERROR_SHAPE},
    {{"LRN without size", "LRN", 13, NULL, "f32[1,1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"ReduceMean axis twice", "ReduceMean", 13, "axes=[0,-2]", "f32[1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
};

Test(math, refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        twin_check_refused(&refused[i].row, refused[i].status);
}
