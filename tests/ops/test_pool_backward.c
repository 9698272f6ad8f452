/* MaxPool in training, and the backward passes of pooling. */
#include <criterion/criterion.h>

#include "support/op_check.h"

/* Indices, output 1, are not asked for. */
static const struct op_row training_rows[] = {
    {"2x2 stride 2", "MaxPoolTraining", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[2,16,8,8]", 3, 2},
    {"3x3 stride 2 pad 1, as in ResNet", "MaxPoolTraining", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]",
     "f32[1,64,15,13]", 3, 2},
    {"equal elements", "MaxPoolTraining", 11, "kernel_shape=[3,3]", "f32#[2,83,9,8]", 3, 2},
    {"prime channels", "MaxPoolTraining", 11, "kernel_shape=[3,2] strides=[2,3]", "f32[3,37,11,10]", 3, 2},
    {"one channel", "MaxPoolTraining", 11, "kernel_shape=[3,3] pads=[1,1,1,1]", "f32[1,1,5,9]", 3, 2},
    {"pads clip on every side", "MaxPoolTraining", 11, "kernel_shape=[3,3] pads=[2,2,2,2]", "f32[1,2,1,2]", 3, 2},
    {"dilations, pads and stride", "MaxPoolTraining", 12,
     "kernel_shape=[3,3] dilations=[2,3] pads=[2,3,1,4] strides=[2,1]", "f32[2,5,9,8]", 3, 2},
    {"ceil_mode", "MaxPoolTraining", 11, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", "f32[1,7,8,6]", 3, 2},
    {"two channels", "MaxPoolTraining", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[2,2,6,15]", 3, 2},
    {"few channels", "MaxPoolTraining", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[2,6,7,9]", 3, 2},
    {"fewer channels than a vector has lanes", "MaxPoolTraining", 11, "kernel_shape=[2,3] pads=[1,1,0,2]",
     "f32[2,13,5,7]", 3, 2},
    {"256 taps", "MaxPoolTraining", 11, "kernel_shape=[16,16] strides=[3,2]", "f32[1,5,20,21]", 3, 2},
    {"more taps than a byte holds", "MaxPoolTraining", 11, "kernel_shape=[17,16] strides=[3,2]", "f32[1,70,20,21]", 3,
     2},
    {"all are NaN", "MaxPoolTraining", 11, "kernel_shape=[2,2]", "f32[1,1,2,3]{nan*6}", 3, 2},
    {"some are NaN", "MaxPoolTraining", 11, "kernel_shape=[2,2]", "f32[1,2,2,3]{nan,1,2,4,nan,nan,1,nan,3,3,2,9}", 3,
     2},
    {"infinities", "MaxPoolTraining", 11, "kernel_shape=[2,2]", "f32[1,1,2,3]{-inf*4,inf,inf}", 3, 2},
    {"no image", "MaxPoolTraining", 11, "kernel_shape=[2,2]", "f32[0,3,4,4]", 3, 2},
};

/* Taps are anything: those that a window clips give to nobody. */
static const struct op_row max_rows[] = {
    {"2x2 stride 2", "MaxPoolBackward", 11, "kernel_shape=[2,2] strides=[2,2]",
     "f32[2,16,4,4] u8<4[2,16,4,4] f32[2,16,8,8]"},
    {"2x2 stride 2, odd sizes", "MaxPoolBackward", 11, "kernel_shape=[2,2] strides=[2,2]",
     "f32[2,131,4,3] u8<4[2,131,4,3] f32[2,131,9,7]"},
    {"3x3 stride 2 pad 1", "MaxPoolBackward", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]",
     "f32[1,64,8,7] u8<9[1,64,8,7] f32[1,64,15,13]"},
    {"3x3 stride 1", "MaxPoolBackward", 11, "kernel_shape=[3,3]", "f32[2,21,7,6] u8<9[2,21,7,6] f32[2,21,9,8]"},
    {"one channel", "MaxPoolBackward", 11, "kernel_shape=[3,3] pads=[1,1,1,1]",
     "f32[1,1,5,9] u8<9[1,1,5,9] f32[1,1,5,9]"},
    {"stride beyond the kernel", "MaxPoolBackward", 11, "kernel_shape=[1,2] strides=[3,5]",
     "f32[1,17,4,3] u8<2[1,17,4,3] f32[1,17,10,13]"},
    {"few channels", "MaxPoolBackward", 11, "kernel_shape=[2,2] strides=[2,2]",
     "f32[2,6,3,4] u8<4[2,6,3,4] f32[2,6,7,9]"},
    {"few channels, windows that touch", "MaxPoolBackward", 11, "kernel_shape=[2,3] strides=[2,3] pads=[1,2,0,0]",
     "f32[2,3,3,5] u8<6[2,3,3,5] f32[2,3,5,13]"},
    {"few channels, gaps and pads", "MaxPoolBackward", 11, "kernel_shape=[2,2] strides=[3,4] pads=[1,1,0,0]",
     "f32[2,5,3,4] u8<4[2,5,3,4] f32[2,5,9,16]"},
    {"fewer channels than a vector has lanes", "MaxPoolBackward", 11, "kernel_shape=[3,2] strides=[3,2]",
     "f32[2,13,3,5] u8<6[2,13,3,5] f32[2,13,9,11]"},
    {"pads clip on every side", "MaxPoolBackward", 11, "kernel_shape=[3,3] pads=[2,2,2,2]",
     "f32[1,2,3,4] u8<9[1,2,3,4] f32[1,2,1,2]"},
    {"asymmetric pads", "MaxPoolBackward", 11, "kernel_shape=[3,4] pads=[0,3,2,1]",
     "f32[1,6,7,6] u8<12[1,6,7,6] f32[1,6,7,5]"},
    {"dilations", "MaxPoolBackward", 11, "kernel_shape=[2,3] dilations=[3,2]",
     "f32[1,19,5,5] u8<6[1,19,5,5] f32[1,19,8,9]"},
    {"dilations, pads and stride", "MaxPoolBackward", 12,
     "kernel_shape=[3,3] dilations=[2,3] pads=[2,3,1,4] strides=[2,1]", "f32[2,5,4,9] u8<9[2,5,4,9] f32[2,5,9,8]"},
    {"ceil_mode", "MaxPoolBackward", 11, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1",
     "f32[1,7,4,3] u8<9[1,7,4,3] f32[1,7,8,6]"},
    {"SAME_UPPER", "MaxPoolBackward", 11, "kernel_shape=[3,2] strides=[2,2] auto_pad='SAME_UPPER'",
     "f32[1,11,5,4] u8<6[1,11,5,4] f32[1,11,9,8]"},
    {"wide taps", "MaxPoolBackward", 11, "kernel_shape=[17,16] strides=[3,2]",
     "f32[1,70,2,3] i32<272[1,70,2,3] f32[1,70,20,21]"},
    {"a NaN stays where it belongs", "MaxPoolBackward", 11, "kernel_shape=[2,2]",
     "f32[1,1,1,2]{nan,1} u8[1,1,1,2]{1,3} f32[1,1,2,3]"},
    {"no image", "MaxPoolBackward", 11, "kernel_shape=[2,2]", "f32[0,3,3,3] u8<4[0,3,3,3] f32[0,3,4,4]"},
};

static const struct op_row average_rows[] = {
    {"2x2", "AveragePoolBackward", 11, "kernel_shape=[2,2]", "f32[1,3,5,6] f32[1,3,6,7]"},
    {"2x2 stride 2", "AveragePoolBackward", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[2,67,3,3] f32[2,67,6,7]"},
    {"7x7, as in a classifier's end", "AveragePoolBackward", 11, "kernel_shape=[7,7]", "f32[1,64,1,1] f32[1,64,7,7]"},
    {"3x3 stride 2 pad 1", "AveragePoolBackward", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]",
     "f32[2,33,5,4] f32[2,33,9,7]"},
    {"pads counted", "AveragePoolBackward", 11, "kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1",
     "f32[1,16,6,5] f32[1,16,6,5]"},
    {"asymmetric pads counted", "AveragePoolBackward", 11,
     "kernel_shape=[4,3] strides=[3,2] pads=[0,2,3,1] count_include_pad=1", "f32[1,5,2,3] f32[1,5,6,5]"},
    {"one channel", "AveragePoolBackward", 11, "kernel_shape=[2,3] pads=[1,0,0,2]", "f32[1,1,4,5] f32[1,1,4,5]"},
    {"stride beyond the kernel", "AveragePoolBackward", 11, "kernel_shape=[2,1] strides=[5,3]",
     "f32[1,18,3,4] f32[1,18,12,10]"},
    {"ceil_mode", "AveragePoolBackward", 11, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1",
     "f32[1,8,4,3] f32[1,8,8,6]"},
    {"ceil_mode, pads counted but not what lies beyond them", "AveragePoolBackward", 11,
     "kernel_shape=[3,3] strides=[2,2] pads=[1,1,0,1] ceil_mode=1 count_include_pad=1", "f32[1,8,4,5] f32[1,8,7,8]"},
    {"SAME_LOWER, pads counted", "AveragePoolBackward", 11,
     "kernel_shape=[2,4] auto_pad='SAME_LOWER' count_include_pad=1", "f32[1,9,5,4] f32[1,9,5,4]"},
};

static void check_all(size_t count, const struct op_row *rows)
{
    for (size_t i = 0; i < count; i++)
        op_check(&rows[i]);
}

Test(pool_backward, max_training)
{
    check_all(COUNT(training_rows), training_rows);
}

Test(pool_backward, max)
{
    check_all(COUNT(max_rows), max_rows);
}

Test(pool_backward, average)
{
    check_all(COUNT(average_rows), average_rows);
}

Test(pool_backward, refused)
{
    static const struct op_refusal refused[] = {
        {{"Indices", "MaxPoolTraining", 11, "kernel_shape=[2,2]", "f32[1,1,4,4]", 3},
         STOA_ERROR_UNSUPPORTED,
         "Indices"},
        {{"bytes", "MaxPoolTraining", 11, "kernel_shape=[2,2]", "u8<9[1,1,4,4]", 3, 2},
         STOA_ERROR_UNSUPPORTED,
         "uint8"},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
