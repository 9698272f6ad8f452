/* More functions of one tensor against the twin: rounding, sign, logarithm, error function, the trigonometric ones. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Erf of an image", "Erf", 9, "", "f32[2,5,7,3]"},
    {"Erf at the edges", "Erf", 13, "", "f32{nan,inf,-inf,0.0,1e-40,-1e-6,0.22,-0.9,3.9,-4.1,1e30}"},
    {"Erf of several tasks", "Erf", 13, "", "f32[3,17000]"},
    {"Log", "Log", 7, "", "f32+[2,5,7,3]"},
    {"Log at the edges", "Log", 13, "", "f32{nan,inf,-inf,0.0,-0.0,-1.0,1.0,1.0000001,0.9999999,1e-40,1e-45,3e38}"},
    {"Abs", "Abs", 7, "", "f32[2,5,7,3]"},
    {"Abs at the edges", "Abs", 13, "", "f32{nan,inf,-inf,-0.0,-1e-45}"},
    {"Abs of int8", "Abs", 13, "", "i8{-128,-5,0,127}"},
    {"Abs of int64", "Abs", 13, "", "i64{-5,0,7}"},
    {"Abs of int32 of an image", "Abs", 13, "", "i32#[2,5,7,3]"},
    {"Abs of uint8", "Abs", 13, "", "u8{0,255}"},
    {"Abs of double", "Abs", 13, "", "f64{-2.5,nan,3}"},
    {"Neg", "Neg", 7, "", "f32[2,5,7,3]"},
    {"Neg at the edges", "Neg", 13, "", "f32{nan,inf,-inf,0.0,1e-45}"},
    {"Neg of int8", "Neg", 13, "", "i8{-128,-5,0,127}"},
    {"Neg of int16", "Neg", 13, "", "i16{-32768,-5,0}"},
    {"Neg of int64", "Neg", 13, "", "i64{-5,0,7}"},
    {"Neg of double", "Neg", 13, "", "f64[2,3]"},
    {"Floor", "Floor", 7, "", "f32[2,5,7,3]"},
    {"Floor at the edges", "Floor", 13, "", "f32{nan,inf,-inf,-0.0,0.99999994,-1e-45,2.0,-2.5,16777217,3e38}"},
    {"Ceil", "Ceil", 7, "", "f32[2,5,7,3]"},
    {"Ceil at the edges", "Ceil", 13, "", "f32{nan,inf,-inf,1e-45,1.0000001,-0.5,2.0,-2.5,3e38}"},
    {"Round", "Round", 11, "", "f32[2,5,7,3]"},
    {"Round at the edges", "Round", 11, "", "f32{nan,inf,-inf,0.5,1.5,2.5,-0.5,-1.5,-2.5,0.49999997,8388607.5,3e38}"},
    {"Round of double", "Round", 11, "", "f64{0.5,1.5,-2.5,2.4}"},
    {"Sign", "Sign", 9, "", "f32[2,5,7,3]"},
    {"Sign at the edges", "Sign", 13, "", "f32{nan,inf,-inf,0.0,-0.0,1e-45,-1e-45}"},
    {"Sign of int32", "Sign", 13, "", "i32{-5,0,7}"},
    {"Sign of uint8", "Sign", 13, "", "u8{0,200}"},
    {"Reciprocal", "Reciprocal", 7, "", "f32[2,5,7,3]"},
    {"Reciprocal at the edges", "Reciprocal", 13, "", "f32{nan,inf,-inf,0.0,-0.0,3.0,1e-40}"},
    {"Softsign", "Softsign", 7, "", "f32[2,5,7,3]"},
    {"Softsign at the edges", "Softsign", 7, "", "f32{nan,inf,-inf,3e38,33554431,33554432,-1e-40,-1.0}"},
    {"ThresholdedRelu by default", "ThresholdedRelu", 10, "", "f32[2,5,7,3]"},
    {"ThresholdedRelu with alpha", "ThresholdedRelu", 10, "alpha=-0.5", "f32{nan,inf,-inf,-0.5,-0.4,0.0,2.0}"},
    {"Celu by default", "Celu", 12, "", "f32[2,5,7,3]"},
    {"Celu with alpha", "Celu", 12, "alpha=2.5", "f32{nan,inf,-inf,-1e-6,-1e-40,-88.5,-200.0,0.0}"},
    {"Celu with a small alpha", "Celu", 12, "alpha=0.001", "f32{-0.0001,-0.1,-3,1}"},
    {"Mish", "Mish", 14, "", "f32[2,5,7,3]"},
    {"Mish at the edges", "Mish", 14, "", "f32{nan,inf,100.0,20.0,-20.0,-80.0,-1.19,0.0,1e-40}"},
    {"Shrink by default", "Shrink", 9, "", "f32[2,5,7,3]"},
    {"Shrink softly", "Shrink", 9, "lambd=1.5 bias=1.5", "f32{nan,inf,-inf,-1.5,1.5,1.6,-2,0}"},
    {"Sin", "Sin", 7, "", "f32[2,5,7,3]"},
    {"Sin at the edges", "Sin", 7, "", "f32{nan,inf,-0.0,1e10,3.1415927}"},
    {"Cos", "Cos", 7, "", "f32[2,5,7,3]"},
    {"Cos at the edges", "Cos", 7, "", "f32{nan,-inf,0.0,1e10,1.5707964}"},
    {"Tan", "Tan", 7, "", "f32[2,5,7,3]"},
    {"Asin", "Asin", 7, "", "f32{-1.0,-0.3,0.0,0.7,1.0,1.1,nan}"},
    {"Acos", "Acos", 7, "", "f32{-1.0,-0.3,0.0,0.7,1.0,1.1,nan}"},
    {"Atan", "Atan", 7, "", "f32[2,5,7,3]"},
    {"Atan at the edges", "Atan", 7, "", "f32{nan,inf,-inf,1e30}"},
    {"Sinh", "Sinh", 9, "", "f32{nan,inf,-inf,-0.3,1e-30,88.0,90.0}"},
    {"Cosh", "Cosh", 9, "", "f32{nan,inf,-inf,-0.3,0.0,88.0,90.0}"},
    {"Asinh", "Asinh", 9, "", "f32{nan,inf,-inf,-0.3,1e-30,3e38}"},
    {"Acosh", "Acosh", 9, "", "f32{nan,inf,1.0,1.5,0.5,3e38}"},
    {"Atanh", "Atanh", 9, "", "f32{nan,-1.0,1.0,-0.3,1e-30,1.5}"},
    {"Sin of an image, of double", "Sin", 7, "", "f64[2,5,7,3]"},

    {"Exp of double", "Exp", 13, "", "f64[2,3,4,5]"},
    {"Relu of double", "Relu", 13, "", "f64{-1,2,nan}"},
    {"Sigmoid of double", "Sigmoid", 13, "", "f64{-1000,-1,2,1000,nan}"},
    {"Tanh of double", "Tanh", 13, "", "f64{-1,2,nan}"},
    {"Softplus of double", "Softplus", 13, "", "f64{-1000,-1,2,1000,nan}"},
    {"LeakyRelu of double", "LeakyRelu", 13, "alpha=0.25", "f64{-1,2,nan}"},
    {"Elu of double", "Elu", 13, "alpha=0.25", "f64{-1,2,nan}"},
    {"Selu of double", "Selu", 13, "", "f64{-1,2,nan}"},
    {"HardSigmoid of double", "HardSigmoid", 13, "", "f64{-10,-1,2,10,nan}"},
    {"HardSwish of double", "HardSwish", 14, "", "f64{-10,-1,2,10,nan}"},
    {"Celu of double", "Celu", 13, "alpha=0.25", "f64{-1,2,nan}"},
    {"Mish of double", "Mish", 13, "", "f64{-1,2,nan}"},
    {"Sqrt of double", "Sqrt", 13, "", "f64{2,-1,nan}"},
    {"Erf of double", "Erf", 13, "", "f64{-1,0.5,nan}"},
    {"Log of double", "Log", 13, "", "f64{-1,0.5,nan}"},
    {"Softsign of double", "Softsign", 13, "", "f64{-1,0.5,inf}"},
    {"Shrink of double", "Shrink", 13, "", "f64{-1,0.25,nan}"},
    {"ThresholdedRelu of double", "ThresholdedRelu", 13, "", "f64{-1,1.25,nan}"},
    {"Reciprocal of double", "Reciprocal", 13, "", "f64{-1,1.25,0}"},

    {"Mean of three", "Mean", 8, "", "f32[2,5,7,3] f32[5,1,1] f32[]"},
    {"Mean of one", "Mean", 13, "", "f32[2,5,7,3]"},
    {"Mean whose last makes it larger", "Mean", 13, "", "f32[3] f32[1] f32[4,3]"},
    {"Mean of double", "Mean", 13, "", "f64[2,3] f64[3]"},

    {"Add of old", "Add", 6, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Add of old, channels", "Add", 6, "broadcast=1 axis=1", "f32[2,5,7,3] f32[5]"},
    {"Add of old, rows", "Add", 6, "broadcast=1", "f32[2,5,7,3] f32[7,3]"},
    {"Add of old, from the front", "Add", 6, "broadcast=1 axis=0", "f32[2,5,7,3] f32[2,5]"},
    {"Add of old, consumed", "Add", 1, "consumed_inputs=[0,0]", "f32[3] f32[3]"},
    {"Sub of old, channels", "Sub", 6, "broadcast=1 axis=1", "f32[2,5,7,3] !f32[5,7]"},
    {"Mul of old, a scalar", "Mul", 6, "broadcast=1", "f32[2,5,7,3] f32[]"},
    {"Div of old, columns", "Div", 6, "broadcast=1 axis=0", "f32[4,5] f32+[4]"},
    {"Pow of old", "Pow", 6, "broadcast=1 axis=0", "f32+[4,5] f32[4,1]"},
    {"PRelu of old, channels", "PRelu", 6, "", "f32[2,5,7,3] !f32[5]"},
    {"PRelu of old, one slope", "PRelu", 6, "", "f32[2,5,7] f32[1]"},
    {"Gemm of old", "Gemm", 6, "broadcast=1 transB=1", "f32[3,4] f32[5,4] f32[5]"},
};

Test(functions, agree_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"Erf of int64", "Erf", 9, "", "i64[3]"}, STOA_ERROR_UNSUPPORTED, "int64"},
    {{"Abs of bool", "Abs", 13, "", "b{1}"}, STOA_ERROR_UNSUPPORTED, "bool"},
    {{"Celu with alpha 0", "Celu", 12, "alpha=0.0", "f32[3]"}, STOA_ERROR_ATTRIBUTE, "alpha is 0"},
    {{"an attribute Sin has not", "Sin", 7, "alpha=1.0", "f32[3]"}, STOA_ERROR_ATTRIBUTE, "alpha"},
    {{"Mean of int64", "Mean", 13, "", "i64[3]"}, STOA_ERROR_UNSUPPORTED, "int64"},
    {{"Mean of two types", "Mean", 13, "", "f32[3] f64[3]"}, STOA_ERROR_GRAPH, "double"},
    {{"Add of old without broadcast", "Add", 6, "", "f32[2,3] f32[3]"}, STOA_ERROR_SHAPE, "broadcast is 0"},
    {{"Add of old past the end", "Add", 6, "broadcast=1 axis=2", "f32[2,3] f32[3]"}, STOA_ERROR_SHAPE, "axis"},
    {{"Add of old that does not fit", "Add", 6, "broadcast=1 axis=0", "f32[2,3] f32[3]"}, STOA_ERROR_SHAPE, "[3]"},
    {{"Add of old, B larger", "Add", 6, "broadcast=1", "f32[1,3] f32[2,3]"}, STOA_ERROR_SHAPE, "[2,3]"},
    {{"Pow of old, of bytes", "Pow", 6, "", "u8[3]{1,2,3} u8[3]{1,2,3}"}, STOA_ERROR_UNSUPPORTED, "uint8"},
    {{"PRelu of old that does not fit", "PRelu", 6, "", "f32[2,5,7,3] f32[3]"}, STOA_ERROR_SHAPE, "[3]"},
};

Test(functions, refuse_what_they_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
