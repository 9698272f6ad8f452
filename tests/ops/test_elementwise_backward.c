/* Gradients of elementwise operators against the twin. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Relu of an image", "ReluBackward", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Relu of a scalar", "ReluBackward", 13, "", "f32[] f32[]"},
    {"Relu of nothing", "ReluBackward", 14, "", "f32[2,0,3] f32[2,0,3]"},
    {"Relu at the edges", "ReluBackward", 14, "", "f32{nan,inf,-inf,1,2,3,4,nan} f32{1,1,0,-0.0,1e-45,inf,nan,0}"},
    {"Relu of several tasks", "ReluBackward", 14, "", "f32[3,17000] f32[3,17000]"},
    {"LeakyRelu by default", "LeakyReluBackward", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"LeakyRelu with a slope", "LeakyReluBackward", 16, "alpha=0.3", "f32{2,-1,3,nan,inf} f32{-2.0,0,1,nan,-inf}"},
    {"LeakyRelu with a slope below 0", "LeakyReluBackward", 16, "alpha=-0.3", "f32[31] f32[31]"},
    {"Elu by default", "EluBackward", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Elu at the edges", "EluBackward", 7, "alpha=2.5", "f32{1,2,3,4,5,6,7} f32{nan,inf,-inf,0,-1e-6,-88.5,200}"},
    {"Selu by default", "SeluBackward", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Selu with constants", "SeluBackward", 7, "alpha=2.0 gamma=3.0", "f32{1,2,3,4,5} f32{nan,inf,-inf,0,-3}"},
    {"Sigmoid of an image", "SigmoidBackward", 7, "", "f32[2,5,7,3] f32+[2,5,7,3]"},
    {"Sigmoid at the edges", "SigmoidBackward", 13, "", "f32{1,2,3,4,nan} f32{nan,0,1,0.99999994,0.5}"},
    {"Tanh of an image", "TanhBackward", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Tanh at the edges", "TanhBackward", 13, "", "f32{1,2,3,4,5} f32{nan,-1,1,0.99999994,-1e-20}"},
    {"HardSigmoid by default", "HardSigmoidBackward", 7, "", "f32[2,5,7,3] f32+[2,5,7,3]"},
    {"HardSigmoid with constants", "HardSigmoidBackward", 7, "alpha=0.5 beta=0.6", "f32{1,2,3,4} f32{0,1,0.5,nan}"},
    {"HardSwish", "HardSwishBackward", 14, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"HardSwish at the edges", "HardSwishBackward", 14, "", "f32{1,2,3,4,5,6} f32{-3.5,-2.5,2.5,3.5,-1.5,0}"},
    {"Softplus of an image", "SoftplusBackward", 7, "", "f32[2,5,7,3] f32+[2,5,7,3]"},
    {"Softplus at the edges", "SoftplusBackward", 7, "", "f32{1,2,3,4,5} f32{0,1e-30,100,inf,nan}"},
    {"Sqrt", "SqrtBackward", 7, "", "f32[2,5,7,3] f32+[2,5,7,3]"},
    {"Sqrt at the edges", "SqrtBackward", 13, "", "f32{1,0,-1,2,3} f32{0,0,0,inf,nan}"},
    {"Exp", "ExpBackward", 7, "", "f32[2,5,7,3] f32+[2,5,7,3]"},
    {"Exp at the edges", "ExpBackward", 7, "", "f32{1,2,3,0} f32{0,inf,nan,inf}"},
    {"Clip by attributes", "ClipBackward", 7, "min=-0.5 max=0.5", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Clip by one attribute", "ClipBackward", 6, "max=0.5", "f32{1,2,3,4} f32{0.5,0.4,-7,nan}"},
    {"Clip by inputs", "ClipBackward", 11, "", "f32[2,5,7,3] f32[2,5,7,3] !f32(-0.5) !f32(0.5)"},
    {"Clip by inputs that are computed", "ClipBackward", 13, "", "f32{1,2,3} f32{0,3,6} f32(0.0) f32(6.0)"},
    {"Clip without a least", "ClipBackward", 11, "", "f32[2,5,7,3] f32[2,5,7,3] - f32(0.5)"},
    {"Clip without bounds", "ClipBackward", 11, "", "f32[31] f32[31]"},
    {"Clip with bounds crossed", "ClipBackward", 12, "", "f32{1,2,3} f32{-1,-1,-1} f32(1.0) f32(-1.0)"},

    {"SumTo of nothing to do", "SumTo", 13, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"SumTo a bias of images", "SumTo", 13, "", "f32[2,5,7,3] f32[5,1,1]"},
    {"SumTo a bias of many images", "SumTo", 13, "", "f32[4,32,28,28] f32[32,1,1]"},
    {"SumTo a bias of many small images", "SumTo", 13, "", "f32[37,67,5,5] f32[1,67,1,1]"},
    {"SumTo a bias of one channel", "SumTo", 13, "", "f32[5,1,90,91] f32[1,1,1]"},
    {"SumTo a bias of three channels", "SumTo", 13, "", "f32[5,3,90,91] f32[3,1,1]"},
    {"SumTo a bias of more channels than lanes", "SumTo", 13, "", "f32[2,600,9,8] f32[600,1,1]"},
    {"SumTo a bias of rows", "SumTo", 13, "", "f32[128,10] f32[10]"},
    {"SumTo a bias of one row", "SumTo", 13, "", "f32[1,1001] f32[1001]"},
    {"SumTo a bias of many rows", "SumTo", 13, "", "f32[300,700] f32[700]"},
    {"SumTo a scalar", "SumTo", 13, "", "f32[5,3,90,91] f32[]"},
    {"SumTo one element", "SumTo", 13, "", "f32[40000] f32[1]"},
    {"SumTo gates of channels", "SumTo", 13, "", "f32[3,19,30,41] f32[3,19,1,1]"},
    {"SumTo a gate of places", "SumTo", 13, "", "f32[3,19,12,13] f32[3,1,12,13]"},
    {"SumTo one line", "SumTo", 13, "", "f32[3,19,12,13] f32[13]"},
    {"SumTo one column", "SumTo", 13, "", "f32[3,19,12,13] f32[12,1]"},
    {"SumTo every other axis", "SumTo", 13, "", "f32[3,4,5,6,7] f32[3,1,5,1,7]"},
    {"SumTo the other axes", "SumTo", 13, "", "f32[3,4,5,6,7] f32[4,1,6,1]"},
    {"SumTo one image", "SumTo", 13, "", "f32[64,3,12,13] f32[3,12,13]"},
    {"SumTo of a scalar", "SumTo", 13, "", "f32[] f32[]"},
    {"SumTo of dims of 1", "SumTo", 13, "", "f32[1,1,1] f32[1]"},
    {"SumTo of nothing", "SumTo", 13, "", "f32[0,3] f32[3]"},
    {"SumTo of no places", "SumTo", 13, "", "f32[2,3,0,5] f32[3,1,1]"},
    {"SumTo nothing", "SumTo", 13, "", "f32[4,0] f32[0]"},
    {"SumTo of one element", "SumTo", 13, "", "f32[1,3,1,1] f32[3,1,1]"},
    {"SumTo of whole numbers", "SumTo", 13, "", "f32#[33,65] f32[65]"},
    {"SumTo with infinities", "SumTo", 13, "", "f32[3,2]{inf,1,1,-inf,nan,-inf} f32[2]"},
};

Test(elementwise_backward, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"Relu of other dims", "ReluBackward", 14, "", "f32[3] f32[4]"}, STOA_ERROR_SHAPE, "[4]"},
    {{"Relu of double", "ReluBackward", 14, "", "f64[3] f64[3]"}, STOA_ERROR_UNSUPPORTED, "double"},
    {{"SumTo what does not broadcast", "SumTo", 14, "", "f32[2,3] f32[2]"}, STOA_ERROR_SHAPE, "[2]"},
    {{"SumTo more dims", "SumTo", 14, "", "f32[3] f32[1,3]"}, STOA_ERROR_SHAPE, "[1,3]"},
};

Test(elementwise_backward, refuses_what_it_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
