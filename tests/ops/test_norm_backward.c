/* BatchNormalization in training, and the backward passes of normalisations. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row training_rows[] = {
    {"as in ResNet", "BatchNormalizationTraining", 15, "", "f32[4,16,8,8] f32[16] f32[16] f32[16] f32+[16]", 5},
    {"momentum and epsilon", "BatchNormalizationTraining", 14, "momentum=0.7 epsilon=0.01 training_mode=1",
     "f32[3,64,5,7] f32[64] f32[64] f32[64] f32+[64]", 5},
    {"many channels", "BatchNormalizationTraining", 9, "", "f32[2,200,13,11] f32[200] f32[200] f32[200] f32+[200]", 5},
    {"many chunks", "BatchNormalizationTraining", 9, "", "f32[5,7,41,43] f32[7] f32[7] f32[7] f32+[7]", 5},
    {"chunks of an even fold", "BatchNormalizationTraining", 9, "", "f32[4,32,32,33] f32[32] f32[32] f32[32] f32+[32]",
     5},
    {"one channel", "BatchNormalizationTraining", 9, "", "f32[3,1,40,91] f32[1] f32[1] f32[1] f32+[1]", 5},
    {"three channels", "BatchNormalizationTraining", 9, "", "f32[1,3,97,101] f32[3] f32[3] f32[3] f32+[3]", 5},
    {"a prime of pixels", "BatchNormalizationTraining", 9, "", "f32[1,5,1,13] f32[5] f32[5] f32[5] f32+[5]", 5},
    {"a matrix", "BatchNormalizationTraining", 9, "", "f32[50,70] f32[70] f32[70] f32[70] f32+[70]", 5},
    {"a signal", "BatchNormalizationTraining", 7, "spatial=1", "f32[2,6,11] f32[6] f32[6] f32[6] f32+[6]", 5},
    {"a volume", "BatchNormalizationTraining", 9, "", "f32[2,3,4,5,6] f32[3] f32[3] f32[3] f32+[3]", 5},
    {"equal elements", "BatchNormalizationTraining", 9, "", "f32[2,1,2,2]{3.3*8} f32[1] f32[1] f32[1] f32+[1]", 5},
    {"one element", "BatchNormalizationTraining", 9, "", "f32[1,2,1,1] f32[2] f32[2] f32[2] f32+[2]", 5},
    {"far from zero", "BatchNormalizationTraining", 9, "",
     "f32[2,1,2,3]{1000.5,1000.25,999,1001,1000,1000.75,1000.125,999.5,1000,1002,998,1000} f32[1] f32[1] f32[1] "
     "f32+[1]",
     5},
    {"NaN", "BatchNormalizationTraining", 9, "", "f32[1,2,1,3]{nan,1,2,3,5,4} f32[2]{1,2} f32[2] f32[2] f32+[2]", 5},
    {"statistics alone", "BatchNormalizationTraining", 9, "", "f32[2,5,3,4] f32[5] f32[5] f32[5] f32+[5]", 5, 24},
};

#define BACKWARD_ROWS(TYPE)                                                                                             \
    {"as in ResNet", TYPE, 15, "", "f32[4,16,8,8] f32[4,16,8,8] f32[16] f32[16] f32+[16]", 3},                          \
        {"many channels", TYPE, 9, "epsilon=0.01", "f32[2,200,13,11] f32[2,200,13,11] f32[200] f32[200] f32+[200]", 3}, \
        {"many chunks", TYPE, 9, "", "f32[5,7,41,43] f32[5,7,41,43] f32[7] f32[7] f32+[7]", 3},                         \
        {"chunks of an even fold", TYPE, 9, "", "f32[4,32,32,33] f32[4,32,32,33] f32[32] f32[32] f32+[32]", 3},         \
        {"one channel", TYPE, 9, "", "f32[3,1,40,91] f32[3,1,40,91] f32[1] f32[1] f32+[1]", 3},                         \
        {"a prime of pixels", TYPE, 9, "", "f32[1,5,1,13] f32[1,5,1,13] f32[5] f32[5] f32+[5]", 3},                     \
        {"a matrix", TYPE, 9, "", "f32[50,70] f32[50,70] f32[70] f32[70] f32+[70]", 3},                                 \
        {"a signal", TYPE, 7, "spatial=1", "f32[2,6,11] f32[2,6,11] f32[6] f32[6] f32+[6]", 3},                         \
        {"a volume", TYPE, 9, "", "f32[2,3,4,5,6] f32[2,3,4,5,6] f32[3] f32[3] f32+[3]", 3},                            \
        {"one element", TYPE, 14, "training_mode=1", "f32[1,2,1,1] f32[1,2,1,1] f32[2] f32[2] f32+[2]", 3},             \
        {"images alone", TYPE, 9, "", "f32[2,5,3,4] f32[2,5,3,4] f32[5] f32[5] f32+[5]", 3, 6},                         \
    {                                                                                                                   \
        "parameters alone", TYPE, 9, "", "f32[2,5,3,4] f32[2,5,3,4] f32[5] f32[5] f32+[5]", 3, 1                        \
    }

#define GROUP "GroupNormalizationBackward"
static const struct op_row backward_rows[] = {
    BACKWARD_ROWS("BatchNormalizationTrainingBackward"),
    BACKWARD_ROWS("BatchNormalizationBackward"),
    {"instance", "InstanceNormalizationBackward", 6, "", "f32[2,16,9,7] f32[2,16,9,7] f32[16]", 3},
    {"instance of one channel", "InstanceNormalizationBackward", 6, "epsilon=0.01", "f32[3,1,8,5] f32[3,1,8,5] f32[1]",
     3},
    {"instance of prime channels", "InstanceNormalizationBackward", 6, "", "f32[1,71,4,5] f32[1,71,4,5] f32[71]", 3},
    {"instance of a signal", "InstanceNormalizationBackward", 6, "", "f32[2,3,50] f32[2,3,50] f32[3]", 3},
    {"instance of a volume", "InstanceNormalizationBackward", 6, "", "f32[2,3,2,5,4] f32[2,3,2,5,4] f32[3]", 3},
    {"instance, images alone", "InstanceNormalizationBackward", 6, "", "f32[2,6,9,7] f32[2,6,9,7] f32[6]", 3, 6},
    {"instance, parameters alone", "InstanceNormalizationBackward", 6, "", "f32[2,6,9,7] f32[2,6,9,7] f32[6]", 3, 1},
    {"groups", GROUP, 18, "num_groups=3", "f32[2,12,5,7] f32[2,12,5,7] f32[3]", 3},
    {"groups, epsilon", GROUP, 20, "num_groups=2 epsilon=0.5", "f32[3,70,5,3] f32[3,70,5,3] f32[2]", 3},
    {"groups, scales of channels", GROUP, 21, "num_groups=4", "f32[2,12,5,7] f32[2,12,5,7] f32[12]", 3},
    {"one group", GROUP, 21, "num_groups=1", "f32[2,37,6,5] f32[2,37,6,5] f32[37]", 3},
    {"one group, one scale", GROUP, 18, "num_groups=1", "f32[2,37,6,5] f32[2,37,6,5] f32[1]", 3},
    {"as many groups as channels", GROUP, 21, "num_groups=7", "f32[3,7,6,5] f32[3,7,6,5] f32[7]", 3},
    {"as many groups as channels, opset 18", GROUP, 18, "num_groups=7", "f32[3,7,6,5] f32[3,7,6,5] f32[7]", 3},
    {"groups of one channel in all", GROUP, 21, "num_groups=1", "f32[3,1,8,5] f32[3,1,8,5] f32[1]", 3},
    {"groups of prime size", GROUP, 21, "num_groups=2 stash_type=1", "f32[2,142,3,5] f32[2,142,3,5] f32[142]", 3},
    {"groups across units", GROUP, 18, "num_groups=3", "f32[1,201,4,5] f32[1,201,4,5] f32[3]", 3},
    {"groups of a signal", GROUP, 21, "num_groups=2", "f32[3,6,19] f32[3,6,19] f32[6]", 3},
    {"groups of a volume", GROUP, 18, "num_groups=2", "f32[2,6,3,4,5] f32[2,6,3,4,5] f32[2]", 3},
    {"groups of one pixel", GROUP, 21, "num_groups=2", "f32[2,6,1,1] f32[2,6,1,1] f32[6]", 3},
    {"groups of one element", GROUP, 21, "num_groups=6", "f32[2,6,1,1] f32[2,6,1,1] f32[6]", 3},
    {"groups of a large image", GROUP, 21, "num_groups=2", "f32[1,4,97,101] f32[1,4,97,101] f32[4]", 3},
    {"groups, scales of zero", GROUP, 21, "num_groups=2", "f32[2,4,3,5] f32[2,4,3,5] f32[4]{0,0,0,2}", 3},
    {"groups whose channels differ", GROUP, 21, "num_groups=1",
     "f32[2,2,1,3] f32[2,2,1,3]{100,101,99,-50,-51,-52,0,1,0,1000,999,1001} f32[2]", 3},
    {"groups, NaN in one", GROUP, 21, "num_groups=2", "f32[1,4,1,2] f32[1,4,1,2]{1,2,nan,3,5,4,6,8} f32[4]", 3},
    {"groups of no images", GROUP, 21, "num_groups=2", "f32[0,4,3,3] f32[0,4,3,3] f32[4]", 3},
    {"groups of no pixels", GROUP, 18, "num_groups=2", "f32[2,4,0,3] f32[2,4,0,3] f32[2]", 3},
    {"groups of no channels", GROUP, 18, "num_groups=2", "f32[2,0,4,3] f32[2,0,4,3] f32[2]", 3},
    {"groups, dY plain in any case", GROUP, 21, "num_groups=3", "!f32[2,6,9,7] f32[2,6,9,7] f32[6]", 3},
    {"groups, X plain in any case", GROUP, 21, "num_groups=3", "f32[2,6,9,7] !f32[2,6,9,7] f32[6]", 3},
    {"groups, images alone", GROUP, 21, "num_groups=3", "f32[2,6,9,7] f32[2,6,9,7] f32[6]", 3, 6},
    {"groups, parameters alone", GROUP, 21, "num_groups=3", "f32[2,6,9,7] f32[2,6,9,7] f32[6]", 3, 1},
    {"layer", "LayerNormalizationBackward", 17, "", "f32[6,50] f32[6,50] f32[50]", 3},
    {"layer of channels last", "LayerNormalizationBackward", 17, "", "f32[2,7,5,96] f32[2,7,5,96] f32[96]", 3},
    {"layer of images", "LayerNormalizationBackward", 17, "axis=1 epsilon=0.01", "f32[3,4,7,5] f32[3,4,7,5] f32[4,7,5]",
     3},
    {"layer of many rows", "LayerNormalizationBackward", 17, "", "f32[9001,33] f32[9001,33] f32[33]", 3},
    {"layer of one column", "LayerNormalizationBackward", 17, "", "f32[9,1] f32[9,1] f32[1]", 3},
    {"layer of no rows", "LayerNormalizationBackward", 17, "", "f32[0,9] f32[0,9] f32[9]", 3},
    {"layer, parameters alone", "LayerNormalizationBackward", 17, "", "f32[6,50] f32[6,50] f32[50]", 3, 1},
    {"layer, rows alone", "LayerNormalizationBackward", 17, "", "f32[6,50] f32[6,50] f32[50]", 3, 6},
};

Test(norm_backward, training)
{
    for (size_t i = 0; i < COUNT(training_rows); i++)
        op_check(&training_rows[i]);
}

Test(norm_backward, backward)
{
    for (size_t i = 0; i < COUNT(backward_rows); i++)
        op_check(&backward_rows[i]);
}

#define LAYER "LayerNormalizationBackward", 17
static const struct op_refusal refused[] = {
    {{"statistics of no image", "BatchNormalizationTraining", 15, "", "f32[0,2,3,3] f32[2] f32[2] f32[2] f32+[2]", 5},
     STOA_ERROR_SHAPE,
     "no elements"},
    {{"a scale of the last axis alone", LAYER, "axis=1", "f32[3,4,5] f32[3,4,5] f32[5]", 3},
     STOA_ERROR_SHAPE,
     "input Scale has dims [5], must have [4,5]"},
    {{"a scale of doubles", LAYER, "", "f32[3,5] f32[3,5] f64[5]", 3}, STOA_ERROR_UNSUPPORTED, "input Scale"},
    {{"dY of doubles", LAYER, "", "f64[3,5] f32[3,5] f32[5]", 3}, STOA_ERROR_UNSUPPORTED, "input dY"},
    {{"X of doubles", LAYER, "", "f32[3,5] f64[3,5] f32[5]", 3}, STOA_ERROR_UNSUPPORTED, "input X"},
};

Test(norm_backward, refuses)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
