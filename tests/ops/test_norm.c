/* Normalisations. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"batch norm", "BatchNormalization", 9, "", "f32[2,16,5,7] f32[16] f32[16] f32[16] f32+[16]"},
    {"batch norm, all known", "BatchNormalization", 15, "epsilon=0.001",
     "f32[2,37,5,7] !f32[37] !f32[37] !f32[37] !f32+[37]"},
    {"batch norm, factors known in part", "BatchNormalization", 15, "", "f32[1,3,2,2] !f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm of one channel", "BatchNormalization", 14, "training_mode=0",
     "f32[3,1,4,9] !f32[1] !f32[1] !f32[1] !f32+[1]"},
    {"batch norm of a matrix", "BatchNormalization", 9, "momentum=0.5", "f32[5,70] f32[70] f32[70] f32[70] f32+[70]"},
    {"batch norm of a signal", "BatchNormalization", 7, "spatial=1", "f32[2,6,11] f32[6] f32[6] f32[6] f32+[6]"},
    {"batch norm of old", "BatchNormalization", 6, "is_test=1", "f32[2,6,5,4] f32[6] f32[6] f32[6] f32+[6]"},
    {"batch norm of a volume", "BatchNormalization", 9, "", "f32[2,3,4,5,6] f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm of a large image", "BatchNormalization", 9, "", "f32[1,3,97,101] f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm of many channels", "BatchNormalization", 9, "",
     "f32[1,200,13,11] f32[200] f32[200] f32[200] f32+[200]"},
    {"batch norm of one pixel", "BatchNormalization", 9, "", "f32[4,19,1,1] f32[19] f32[19] f32[19] f32+[19]"},
    {"batch norm of no image", "BatchNormalization", 9, "", "f32[0,3,2,2] f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm, epsilon 0", "BatchNormalization", 9, "epsilon=0.0", "f32[1,3,2,2] f32[3] f32[3] f32[3] f32+[3]"},

    {"batch norm by its own statistics", "BatchNormalization", 15, "training_mode=1",
     "f32[3,16,5,7] f32[16] f32[16] f32[16] f32+[16]", 3},
    {"batch norm by its own statistics, momentum", "BatchNormalization", 14,
     "training_mode=1 momentum=0.4 epsilon=0.01", "f32[2,3,9,7] !f32[3] !f32[3] !f32[3] !f32+[3]", 3, 4},
    {"batch norm by its own statistics, y alone", "BatchNormalization", 15, "training_mode=1",
     "f32[2,70,3,3] f32[70] f32[70] f32[70] f32+[70]"},
    {"batch norm by its own statistics of a matrix", "BatchNormalization", 15, "training_mode=1",
     "f32[9,5] f32[5] f32[5] f32[5] f32+[5]", 3},
    {"batch norm by its own statistics of a volume", "BatchNormalization", 15, "training_mode=1",
     "f32[2,5,3,4,2] f32[5] f32[5] f32[5] f32+[5]", 3},
    {"batch norm by its own statistics, opset 9", "BatchNormalization", 9, "momentum=0.7",
     "f32[3,6,5,7] f32[6] f32[6] f32[6] f32+[6]", 5},
    {"batch norm by its own statistics, opset 7", "BatchNormalization", 7, "",
     "f32[3,6,11] f32[6] f32[6] f32[6] f32+[6]", 5, 4},

    {"instance norm", "InstanceNormalization", 6, "", "f32[2,16,9,7] f32[16] f32[16]"},
    {"instance norm of one channel", "InstanceNormalization", 6, "epsilon=0.01", "f32[3,1,8,5] f32[1] f32[1]"},
    {"instance norm of prime channels", "InstanceNormalization", 6, "", "f32[1,71,4,5] !f32[71] !f32[71]"},
    {"instance norm of a signal", "InstanceNormalization", 6, "", "f32[2,3,50] f32[3] f32[3]"},
    {"instance norm of a volume", "InstanceNormalization", 6, "", "f32[2,3,2,5,4] f32[3] f32[3]"},

    {"lrn", "LRN", 13, "size=5", "f32[1,64,5,6]"},
    {"lrn, strong", "LRN", 13, "size=3 alpha=2.0 beta=0.5 bias=2.0", "f32[2,7,4,3]"},
    {"lrn, strong, beta 3/4", "LRN", 13, "size=5 alpha=3.0 bias=1.5", "f32[2,100,3,3]"},
    {"lrn, even window", "LRN", 1, "size=4 alpha=1.0", "f32[1,11,4,4]"},
    {"lrn, window of one", "LRN", 13, "size=1 alpha=1.0", "f32[1,5,2,2]"},
    {"lrn, window beyond the channels", "LRN", 13, "size=29 alpha=1.0", "f32[1,6,3,3]"},
    {"lrn of one channel", "LRN", 13, "size=5 alpha=1.0", "f32[1,1,9,9]"},
    {"lrn of one pixel", "LRN", 13, "size=3 alpha=1.0", "f32[2,150,1,1]"},
    {"lrn of a signal", "LRN", 13, "size=3 alpha=1.0", "f32[2,5,80]"},

    {"layer norm", "LayerNormalization", 17, "", "f32[6,50] f32[50] f32[50]", 3},
    {"layer norm of channels last", "LayerNormalization", 17, "", "f32[2,7,5,96] !f32[96] !f32[96]"},
    {"layer norm of images", "LayerNormalization", 17, "axis=1 epsilon=0.01", "f32[3,4,7,5] f32[4,7,5] f32[4,7,5]", 3},
    {"layer norm of all", "LayerNormalization", 17, "axis=0", "f32[4,7,5] f32[4,7,5]", 3},
    {"layer norm, no bias", "LayerNormalization", 17, "axis=-2 stash_type=1", "f32[4,7,5] f32[7,5]"},
    {"layer norm of one column", "LayerNormalization", 17, "", "f32[9,1] f32[1] f32[1]", 3},
    {"layer norm of no rows", "LayerNormalization", 17, "", "f32[0,9] f32[9] f32[9]", 3},
    {"layer norm of many columns", "LayerNormalization", 17, "", "f32[2,10007] f32[10007] f32[10007]", 3},
    {"layer norm, moments alone", "LayerNormalization", 17, "", "f32[6,50] f32[50] f32[50]", 3, 1},

    {"mean and variance", "MeanVarianceNormalization", 13, "", "f32[2,5,7,6]"},
    {"mean and variance of a pixel", "MeanVarianceNormalization", 9, "axes=[1]", "f32[2,65,7,6]"},
    {"mean and variance of an image", "MeanVarianceNormalization", 9, "axes=[-1,1,-2]", "f32[2,5,7,6]"},
    {"mean and variance of the last", "MeanVarianceNormalization", 9, "axes=[2]", "f32[3,4,50]"},
    {"mean and variance of equal ones", "MeanVarianceNormalization", 9, "axes=[0]", "f32[9]{0.1*9}"},
    {"mean and variance of one", "MeanVarianceNormalization", 9, "axes=[0]", "f32[1,5]"},

    {"unit length", "LpNormalization", 1, "", "f32[7,50]"},
    {"unit length of channels", "LpNormalization", 1, "axis=1", "f32[2,33,5,6]"},
    {"unit sum", "LpNormalization", 1, "p=1", "f32[7,50]"},
    {"unit sum of the first", "LpNormalization", 1, "axis=0 p=1", "f32[7,5,6]"},
    {"unit length of zeros", "LpNormalization", 1, "", "f32[2,2]{0,0,3,4}"},
};

static const struct op_refusal refused[] = {
    {{"epsilon -1", "BatchNormalization", 9, "epsilon=-1.0", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]"},
     STOA_ERROR_ATTRIBUTE,
     "epsilon is -1"},
    {{"epsilon -1", "InstanceNormalization", 6, "epsilon=-1.0", "f32[1,2,2,2] f32[2] f32[2]"},
     STOA_ERROR_ATTRIBUTE,
     "epsilon is -1"},
    {{"scale of 3 for 4 channels", "BatchNormalization", 9, "", "f32[1,4,2,2] f32[3] f32[4] f32[4] f32+[4]"},
     STOA_ERROR_SHAPE,
     "input scale has dims [3], must be [4]"},
    {{"variance of 2 axes", "BatchNormalization", 9, "", "f32[1,4,2,2] f32[4] f32[4] f32[4] f32+[1,4]"},
     STOA_ERROR_SHAPE,
     "input var has dims [1,4]"},
    {{"bias of 5 for 4 channels", "InstanceNormalization", 9, "", "f32[1,4,2,2] f32[4] f32[5]"},
     STOA_ERROR_SHAPE,
     "input B has dims [5]"},
    {{"training's outputs without training", "BatchNormalization", 14, "", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]",
      3},
     STOA_ERROR_GRAPH,
     "3 outputs"},
    {{"four outputs", "BatchNormalization", 14, "training_mode=1", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]", 4},
     STOA_ERROR_GRAPH,
     "4 outputs"},
    {{"statistics of nothing", "BatchNormalization", 14, "training_mode=1",
      "f32[0,2,2,2] f32[2] f32[2] f32[2] f32+[2]"},
     STOA_ERROR_SHAPE,
     "no elements"},
    {{"each pixel its own", "BatchNormalization", 7, "spatial=0", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]"},
     STOA_ERROR_UNSUPPORTED,
     "spatial is 0"},
    {{"training of old", "BatchNormalization", 6, "is_test=0", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]"},
     STOA_ERROR_UNSUPPORTED,
     "is_test is 0"},
    {{"a vector", "BatchNormalization", 9, "", "f32[4] f32[4] f32[4] f32[4] f32+[4]"}, STOA_ERROR_SHAPE, "rank 2"},
    {{"layer of other columns", "LayerNormalization", 17, "", "f32[6,50] f32[6] f32[50]"},
     STOA_ERROR_SHAPE,
     "input Scale has dims [6], must have [50]"},
    {{"layer of another bias", "LayerNormalization", 17, "axis=0", "f32[6,50] f32[6,50] f32[50]"},
     STOA_ERROR_SHAPE,
     "input B has dims [50], must have [6,50]"},
    {{"layer, axis 2 of 2", "LayerNormalization", 17, "axis=2", "f32[6,50] f32[6] f32[50]"},
     STOA_ERROR_ATTRIBUTE,
     "axis is 2"},
    {{"layer in double", "LayerNormalization", 17, "stash_type=11", "f32[6,50] f32[50]"},
     STOA_ERROR_UNSUPPORTED,
     "stash_type is 11"},
    {{"layer of doubles", "LayerNormalization", 17, "", "f64[6,50] f64[50]"}, STOA_ERROR_UNSUPPORTED, "double"},
    {{"moments of axis 3 of 3", "MeanVarianceNormalization", 13, "", "f32[2,5,7]"}, STOA_ERROR_ATTRIBUTE, "axes is 3"},
    {{"third power", "LpNormalization", 1, "p=3", "f32[2,5,7]"}, STOA_ERROR_ATTRIBUTE, "p is 3"},
    {{"length along axis 3", "LpNormalization", 1, "axis=3", "f32[2,5,7]"}, STOA_ERROR_ATTRIBUTE, "axis is 3"},
    {{"length of integers", "LpNormalization", 1, "", "i64{1,2}"}, STOA_ERROR_UNSUPPORTED, "int64"},
    {{"no size", "LRN", 13, "", "f32[1,2,2,2]"}, STOA_ERROR_ATTRIBUTE, "size is missing"},
    {{"size 0", "LRN", 13, "size=0", "f32[1,2,2,2]"}, STOA_ERROR_ATTRIBUTE, "size is 0"},
};

Test(norm, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(norm, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
