/* Functions of one tensor against the twin. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Relu of an image", "Relu", 7, "", "f32[2,5,7,3]"},
    {"Relu of a scalar", "Relu", 13, "", "f32[]"},
    {"Relu of nothing", "Relu", 14, "", "f32[2,0,3]"},
    {"Relu at the edges", "Relu", 14, "", "f32{nan,inf,-inf,-0.0,0.0,1e-45,-1e-45}"},
    {"Relu of several tasks", "Relu", 14, "", "f32[3,17000]"},
    {"LeakyRelu by default", "LeakyRelu", 7, "", "f32[2,5,7,3]"},
    {"LeakyRelu with a slope", "LeakyRelu", 16, "alpha=0.3", "f32{-2.0,nan,inf,-inf,3.0}"},
    {"Elu by default", "Elu", 7, "", "f32[2,5,7,3]"},
    {"Elu at the edges", "Elu", 7, "alpha=2.5", "f32{nan,inf,-inf,-1e-6,-1e-40,-88.5,-200.0,0.0}"},
    {"Selu by default", "Selu", 7, "", "f32[2,5,7,3]"},
    {"Selu with constants", "Selu", 7, "alpha=2.0 gamma=3.0", "f32{nan,-1e-6,-3.0,2.0,inf,-inf}"},
    {"Sigmoid of an image", "Sigmoid", 7, "", "f32[2,5,7,3]"},
    {"Sigmoid at the edges", "Sigmoid", 13, "", "f32{nan,inf,-inf,-80.0,-88.5,-104.5,80.0,0.0}"},
    {"Tanh of an image", "Tanh", 7, "", "f32[2,5,7,3]"},
    {"Tanh at the edges", "Tanh", 13, "", "f32{nan,inf,-inf,-9.5,9.5,1e-6,1e-40,-0.0,0.3}"},
    {"HardSigmoid by default", "HardSigmoid", 7, "", "f32[2,5,7,3]"},
    {"HardSigmoid with constants", "HardSigmoid", 7, "alpha=0.5 beta=0.6", "f32{nan,inf,-inf,-1.2,0.8,0.1}"},
    {"HardSwish", "HardSwish", 14, "", "f32[2,5,7,3]"},
    {"HardSwish at the edges", "HardSwish", 14, "", "f32{nan,inf,-3.0,3.0,-2.9,2.9}"},
    {"Softplus of an image", "Softplus", 7, "", "f32[2,5,7,3]"},
    {"Softplus at the edges", "Softplus", 7, "", "f32{nan,inf,-inf,100.0,-100.0,-20.0,20.0,0.0}"},
    {"Sqrt", "Sqrt", 7, "", "f32+[2,5,7,3]"},
    {"Sqrt at the edges", "Sqrt", 13, "", "f32{nan,inf,0.0,1e-40,-1.0}"},
    {"Exp of an image", "Exp", 7, "", "f32[2,5,7,3]"},
    {"Exp at the edges", "Exp", 13, "", "f32{nan,inf,-inf,88.7,89.0,-87.5,-103.0,-105.0,1e-10}"},

    {"Relu of int32", "Relu", 14, "", "i32{-5,0,7,-2147483648}"},
    {"Relu of int64 of an image", "Relu", 14, "", "i64#[2,5,7,3]"},
    {"Relu of int8", "Relu", 14, "", "i8{-128,-5,7,127}"},

    {"Clip by attributes", "Clip", 7, "min=-0.5 max=0.5", "f32[2,5,7,3]"},
    {"Clip by attributes, one absent", "Clip", 6, "max=0.5", "f32{nan,inf,-inf,0.7,-7.0}"},
    {"Clip by inputs", "Clip", 11, "", "f32[2,5,7,3] !f32(-0.5) !f32(0.5)"},
    {"Clip by inputs that are computed", "Clip", 13, "", "f32[2,5,7,3] f32(-0.5) f32(0.5)"},
    {"Clip without a least", "Clip", 11, "", "f32[2,5,7,3] - f32(0.5)"},
    {"Clip without bounds", "Clip", 11, "", "f32{nan,1.5,-3.5}"},
    {"Clip with bounds crossed", "Clip", 12, "", "f32{nan,1.5,-3.5,0.0} f32(1.0) f32(-1.0)"},
    {"Clip of int64", "Clip", 12, "", "i64{-5,0,7,9} i64(-2) i64(8)"},
    {"Clip of int32, no most", "Clip", 12, "", "i32{-5,0,7,9} i32(-2)"},
    {"Clip of int8, no least", "Clip", 12, "", "i8{-128,-5,7,127} - i8(6)"},
    {"Clip of uint8", "Clip", 12, "", "u8{0,5,200,255} u8(6) u8(199)"},
    {"Clip of double", "Clip", 12, "", "f64[2,3,4,5] f64(-0.5) f64(0.25)"},

    {"PRelu with a slope a channel", "PRelu", 7, "", "f32[2,5,7,3] !f32[5,1,1]"},
    {"PRelu with one slope", "PRelu", 9, "", "f32[2,5,7,3] f32[1]"},
    {"PRelu with a slope an element", "PRelu", 16, "", "f32[2,5,7,3] f32[2,5,7,3]"},
};

Test(activation, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"Elu of int64", "Elu", 14, "", "i64[3]"}, STOA_ERROR_UNSUPPORTED, "int64"},
    {{"an attribute Relu has not", "Relu", 14, "alpha=0.1", "f32[3]"}, STOA_ERROR_ATTRIBUTE, "alpha"},
    {{"alpha of the wrong kind", "Elu", 7, "alpha=1", "f32[3]"}, STOA_ERROR_GRAPH, "alpha"},
    {{"alpha is NaN", "LeakyRelu", 7, "alpha=nan", "f32[3]"}, STOA_ERROR_ATTRIBUTE, "alpha"},
    {{"Clip with min as attribute at 11", "Clip", 11, "min=0.0", "f32[3]"}, STOA_ERROR_ATTRIBUTE, "min"},
    {{"Clip with a bound of another type", "Clip", 11, "", "f32[3] i64(1)"}, STOA_ERROR_GRAPH, "min"},
    {{"Clip with two bounds below", "Clip", 11, "", "f32[3] f32{1,2}"}, STOA_ERROR_SHAPE, "min"},
    {{"Clip of bool", "Clip", 12, "", "b{0,1}"}, STOA_ERROR_UNSUPPORTED, "bool"},
    {{"PRelu whose slope is larger", "PRelu", 9, "", "f32[3] f32[2,3]"}, STOA_ERROR_SHAPE, "slope"},
    {{"PRelu whose slope does not fit", "PRelu", 9, "", "f32[2,3] f32[2]"}, STOA_ERROR_SHAPE, "[2]"},
    {{"PRelu of double", "PRelu", 9, "", "f64[3] f64[3]"}, STOA_ERROR_UNSUPPORTED, "double"},
};

Test(activation, refuses_what_it_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
