/* The backward passes of reductions, global pooling and softmax. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"global mean", "GlobalAveragePoolBackward", 11, "", "f32[2,64,1,1] f32[2,64,7,7]"},
    {"global mean of prime channels", "GlobalAveragePoolBackward", 11, "", "f32[1,131,1,1] f32[1,131,5,3]"},
    {"global mean of one channel", "GlobalAveragePoolBackward", 11, "", "f32[2,1,1,1] f32[2,1,33,17]"},
    {"global mean of one pixel", "GlobalAveragePoolBackward", 11, "", "f32[3,9,1,1] f32[3,9,1,1]"},
    {"global mean of a signal", "GlobalAveragePoolBackward", 11, "", "f32[2,5,1] f32[2,5,19]"},
    {"global mean of a volume", "GlobalAveragePoolBackward", 11, "", "f32[1,6,1,1,1] f32[1,6,3,4,5]"},
    {"global mean of no image", "GlobalAveragePoolBackward", 11, "", "f32[0,6,1,1] f32[0,6,3,4]"},

    {"global maximum", "GlobalMaxPoolBackward", 11, "", "f32[2,64,1,1] f32[2,64,7,7]"},
    {"global maximum of equal elements", "GlobalMaxPoolBackward", 11, "", "f32[2,71,1,1] f32#[2,71,5,5]"},
    {"global maximum of one channel", "GlobalMaxPoolBackward", 11, "", "f32[2,1,1,1] f32[2,1,33,17]"},
    {"global maximum of one pixel", "GlobalMaxPoolBackward", 11, "", "f32[3,9,1,1] f32[3,9,1,1]"},
    {"global maximum of a signal", "GlobalMaxPoolBackward", 11, "", "f32[2,5,1] f32[2,5,19]"},
    {"global maximum with NaN", "GlobalMaxPoolBackward", 11, "", "f32[1,2,1,1] f32[1,2,1,3]{nan,nan,1,-inf,-inf,-inf}"},

    {"mean of all", "ReduceMeanBackward", 13, "", "f32[1,1,1] f32[3,4,5]"},
    {"mean of all, dropped", "ReduceMeanBackward", 13, "keepdims=0", "f32[] f32[3,4,5,2]"},
    {"mean of an image", "ReduceMeanBackward", 13, "axes=[2,3]", "f32[2,65,1,1] f32[2,65,6,5]"},
    {"mean of an image, dropped", "ReduceMeanBackward", 13, "axes=[2,3] keepdims=0", "f32[2,65] f32[2,65,6,5]"},
    {"mean of channels", "ReduceMeanBackward", 13, "axes=[1]", "f32[2,1,6,5] f32[2,33,6,5]"},
    {"mean of the last", "ReduceMeanBackward", 11, "axes=[-1]", "f32[7,9,1] f32[7,9,41]"},
    {"mean of the first", "ReduceMeanBackward", 11, "axes=[0] keepdims=0", "f32[9,41] f32[7,9,41]"},
    {"mean of three apart", "ReduceMeanBackward", 11, "axes=[0,2,4] keepdims=0", "f32[3,5] f32[2,3,4,5,6]"},
    {"mean of a scalar", "ReduceMeanBackward", 11, "", "f32[] f32[]"},
    {"mean by an input", "ReduceMeanBackward", 18, "", "f32[2,65,1,1] f32[2,65,6,5] !i64{2,3}"},
    {"mean of all, opset 18", "ReduceMeanBackward", 18, "keepdims=0", "f32[] f32[3,4,5,2]"},
    {"mean of nothing", "ReduceMeanBackward", 21, "noop_with_empty_axes=1", "f32[2,3] f32[2,3] !i64{}"},

#define ELEMENTS(TYPE, Y, OF_Y)                                                                                        \
    {TYPE " of all", TYPE, 13, "", "f32[1,1,1] f32[3,4,5]" Y("[1,1,1]")},                                              \
        {TYPE " of an image", TYPE, 13, "axes=[2,3]", "f32[2,65,1,1] f32[2,65,6,5]" Y("[2,65,1,1]")},                  \
        {TYPE " of an image, dropped", TYPE, 13, "axes=[2,3] keepdims=0", "f32[2,65] f32[2,65,6,5]" Y("[2,65]")},      \
        {TYPE " of channels", TYPE, 13, "axes=[1]", "f32[2,1,6,5] f32[2,33,6,5]" Y("[2,1,6,5]")},                      \
        {TYPE " of three apart", TYPE, 11, "axes=[0,2,4] keepdims=0", "f32[3,5] f32[2,3,4,5,6]" Y("[3,5]")},           \
        {TYPE " by an input", TYPE, 18, "keepdims=0", "f32[2,65] f32[2,65,6,5]" Y("[2,65]") " !i64{2,-1}"},            \
        {TYPE " of all, opset 18", TYPE, 18, "", "f32[1,1,1] f32[3,4,5]" Y("[1,1,1]")},                                \
        {TYPE " of nothing", TYPE, 18, "noop_with_empty_axes=1", "f32[2,3] f32[2,3]" Y("[2,3]")},                      \
    {                                                                                                                  \
        TYPE " with 0", TYPE, 11, "axes=[1]", "f32[2,1] f32[2,2]{0,0,-1,0}" OF_Y                                       \
    }
#define NO_Y(dims) ""
#define WITH_Y(dims) " f32+" dims
    ELEMENTS("ReduceL1Backward", NO_Y, ""),
    ELEMENTS("ReduceL2Backward", WITH_Y, " f32[2,1]{0,1}"),
    ELEMENTS("ReduceSumSquareBackward", NO_Y, ""),
    ELEMENTS("ReduceLogSumBackward", WITH_Y, " f32[2,1]{0,1}"),
    ELEMENTS("ReduceLogSumExpBackward", WITH_Y, " f32[2,1]{0,1}"),
    ELEMENTS("ReduceMaxBackward", NO_Y, ""),
    ELEMENTS("ReduceMinBackward", NO_Y, ""),
    {"maximum with NaN", "ReduceMaxBackward", 11, "axes=[2]", "f32[1,2,1] f32[1,2,3]{nan,nan,1,-inf,-inf,-inf}"},
    {"minimum with NaN", "ReduceMinBackward", 11, "axes=[2]", "f32[1,2,1] f32[1,2,3]{nan,nan,1,inf,inf,inf}"},
    {"maximum of equal channels", "ReduceMaxBackward", 11, "axes=[1,2,3]", "f32[2,1,1,1] f32#[2,7,5,3]"},
    {"sum of all", "ReduceSumBackward", 13, "", "f32[1,1,1] f32[3,4,5]"},
    {"sum of an image", "ReduceSumBackward", 13, "keepdims=0", "f32[2,65] f32[2,65,6,5] !i64{2,-1}"},
    {"sum of channels", "ReduceSumBackward", 11, "axes=[1]", "f32[2,1,6,5] f32[2,33,6,5]"},
    {"sum of nothing", "ReduceSumBackward", 13, "noop_with_empty_axes=1", "f32[2,3] f32[2,3]"},

    {"cumulated", "CumSumBackward", 11, "", "f32[2,7,5,3] i64(1)"},
    {"cumulated, exclusive", "CumSumBackward", 14, "exclusive=1", "f32[2,7] i64{1}"},
    {"cumulated, backwards", "CumSumBackward", 14, "reverse=1 exclusive=1", "f32[2,7] i64{0}"},

    {"softmax", "SoftmaxBackward", 13, "", "f32+[32,10] f32[32,10]"},
    {"softmax of many", "SoftmaxBackward", 13, "", "f32+[3,10007] f32[3,10007]"},
    {"softmax along channels", "SoftmaxBackward", 13, "axis=1", "f32+[2,21,5,7] f32[2,21,5,7]"},
    {"softmax along rows", "SoftmaxBackward", 13, "axis=2", "f32+[2,67,5,7] f32[2,67,5,7]"},
    {"softmax of all from an axis on", "SoftmaxBackward", 11, "axis=2", "f32+[2,3,5,7] f32[2,3,5,7]"},
    {"softmax of a matrix, by default", "SoftmaxBackward", 11, "", "f32+[2,3,5] f32[2,3,5]"},
    {"softmax of one", "SoftmaxBackward", 13, "", "f32+[5,1] f32[5,1]"},
    {"softmax of nothing", "SoftmaxBackward", 13, "", "f32+[0,4] f32[0,4]"},

    {"log softmax", "LogSoftmaxBackward", 13, "", "f32[32,10] f32[32,10]"},
    {"log softmax of many", "LogSoftmaxBackward", 13, "", "f32[3,10007] f32[3,10007]"},
    {"log softmax along channels", "LogSoftmaxBackward", 13, "axis=1", "f32[2,21,5,7] f32[2,21,5,7]"},
    {"log softmax along rows", "LogSoftmaxBackward", 13, "axis=-2", "f32[2,67,5,7] f32[2,67,5,7]"},
    {"log softmax of all from an axis on", "LogSoftmaxBackward", 11, "axis=2", "f32[2,3,5,7] f32[2,3,5,7]"},
};

Test(reduce_backward, like_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}
