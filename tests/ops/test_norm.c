/* BatchNormalization, InstanceNormalization and LRN. */
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
    {"batch norm of a volume", "BatchNormalization", 9, "", "f32[2,3,4,5,6] f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm of a large image", "BatchNormalization", 9, "", "f32[1,3,97,101] f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm of many channels", "BatchNormalization", 9, "",
     "f32[1,200,13,11] f32[200] f32[200] f32[200] f32+[200]"},
    {"batch norm of one pixel", "BatchNormalization", 9, "", "f32[4,19,1,1] f32[19] f32[19] f32[19] f32+[19]"},
    {"batch norm of no image", "BatchNormalization", 9, "", "f32[0,3,2,2] f32[3] f32[3] f32[3] f32+[3]"},
    {"batch norm, epsilon 0", "BatchNormalization", 9, "epsilon=0.0", "f32[1,3,2,2] f32[3] f32[3] f32[3] f32+[3]"},

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
    {{"training", "BatchNormalization", 14, "training_mode=1", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]"},
     STOA_ERROR_UNSUPPORTED,
     "training_mode is 1"},
    {{"training's outputs", "BatchNormalization", 9, "", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]", 3},
     STOA_ERROR_UNSUPPORTED,
     "3 outputs"},
    {{"each pixel its own", "BatchNormalization", 7, "spatial=0", "f32[1,2,2,2] f32[2] f32[2] f32[2] f32+[2]"},
     STOA_ERROR_UNSUPPORTED,
     "spatial is 0"},
    {{"a vector", "BatchNormalization", 9, "", "f32[4] f32[4] f32[4] f32[4] f32+[4]"}, STOA_ERROR_SHAPE, "rank 2"},
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
