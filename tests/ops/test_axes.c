/* Windows over signals and volumes: convolutions, their gradients and pooling beside their twins. Of pictures they have
 * files of their own. */
#include <criterion/criterion.h>
#include <stoa/layers.h>

#include "support/op_check.h"

static const struct op_row conv_rows[] = {
    {"signal", "Conv", 11, "", "f32[2,4,9] !f32[8,4,3]"},
    {"signal, all attributes", "Conv", 11, "kernel_shape=[3] strides=[2] dilations=[2] pads=[3,1]",
     "f32[1,5,17] !f32[7,5,3] !f32[7]"},
    {"signal, groups", "Conv", 11, "group=3 pads=[1,1]", "f32[1,12,11] !f32[9,4,3] !f32[9]"},
    {"signal, depthwise", "Conv", 11, "group=20 pads=[2,2]", "f32[1,20,31] !f32[20,1,5]"},
    {"signal, SAME_UPPER", "Conv", 11, "auto_pad='SAME_UPPER' strides=[2]", "f32[1,4,8] !f32[5,4,4] !f32[5]"},
    {"signal, weights at run time", "Conv", 11, "pads=[1,1]", "f32[2,20,30] f32[66,20,3] f32[66]"},
    {"signal, 1", "Conv", 11, "", "f32[2,20,30] !f32[6,20,1]"},
    {"signal, exact", "Conv", 11, "pads=[4,4]", "f32#[1,40,50] !f32#[70,40,9] !f32#[70]"},
    {"volume", "Conv", 11, "", "f32[1,4,5,6,7] !f32[8,4,3,3,3]"},
    {"volume, pads", "Conv", 11, "pads=[1,1,1,1,1,1]", "f32[2,5,4,6,5] !f32[7,5,3,3,3] !f32[7]"},
    {"volume, all attributes", "Conv", 11, "kernel_shape=[2,3,2] strides=[2,1,3] dilations=[3,2,1] pads=[1,0,2,3,2,0]",
     "f32[2,3,8,7,9] !f32[4,3,2,3,2] !f32[4]", .macs = 2.0 * 100 * 4 * 3 * 12},
    {"volume, beyond its depth", "Conv", 11, "dilations=[5,1,1] pads=[6,0,0,7,0,0]", "f32[1,2,3,4,4] !f32[3,2,2,2,2]"},
    {"volume, groups", "Conv", 11, "group=2 pads=[1,1,1,1,1,1]", "f32[1,6,3,5,4] !f32[8,3,3,3,3] !f32[8]"},
    {"volume, depthwise", "Conv", 11, "group=6 pads=[1,1,1,1,1,1]", "f32[1,6,3,5,4] !f32[6,1,3,3,3]"},
    {"volume, planes alone", "Conv", 11, "pads=[0,1,1,0,1,1]", "f32[2,6,3,5,4] !f32[8,6,1,3,3]"},
    {"volume, depth alone", "Conv", 11, "pads=[1,0,0,1,0,0] strides=[2,1,1]", "f32[2,6,5,3,4] !f32[8,6,3,1,1]"},
    {"volume, SAME_LOWER", "Conv", 11, "auto_pad='SAME_LOWER' strides=[2,2,1]", "f32[1,3,5,4,5] !f32[4,3,2,3,2]"},
    {"volume, VALID", "Conv", 11, "auto_pad='VALID'", "f32[1,3,5,4,5] !f32[4,3,2,3,2]"},
    {"volume, weights at run time", "Conv", 11, "", "f32[1,4,5,6,7] f32[66,4,3,3,3] f32[66]"},
    {"volume, many", "Conv", 11, "pads=[1,1,1,1,1,1]", "f32[1,32,3,12,12] !f32[64,32,3,3,3] !f32[64]"},
    {"volume, exact", "Conv", 11, "pads=[1,1,1,1,1,1]", "f32#[1,20,4,9,9] !f32#[70,20,3,3,3] !f32#[70]"},
    {"signal", "ConvTranspose", 11, "", "f32[2,4,9] !f32[4,8,3] !f32[8]"},
    {"signal, all attributes", "ConvTranspose", 11, "strides=[3] dilations=[2] pads=[1,2] output_padding=[2]",
     "f32[1,6,7] !f32[6,2,4] !f32[2]"},
    {"signal, groups", "ConvTranspose", 11, "group=2 strides=[2]", "f32[1,6,7] !f32[6,3,4] !f32[6]"},
    {"signal, output_shape", "ConvTranspose", 11, "strides=[2] output_shape=[15]", "f32[1,3,7] !f32[3,2,4] !f32[2]"},
    {"signal, whole output_shape", "ConvTranspose", 11, "strides=[2] kernel_shape=[4] output_shape=[1,2,15]",
     "f32[1,3,7] !f32[3,2,4]"},
    {"signal, SAME_UPPER", "ConvTranspose", 11, "strides=[2] auto_pad='SAME_UPPER'", "f32[1,3,7] !f32[3,2,5]"},
    {"signal, SAME_LOWER, opset 7", "ConvTranspose", 7, "strides=[2] auto_pad='SAME_LOWER'", "f32[1,3,7] !f32[3,2,5]"},
    {"picture, whole output_shape", "ConvTranspose", 11, "strides=[2,2] kernel_shape=[3,3] output_shape=[1,2,8,9]",
     "f32[1,3,4,4] !f32[3,2,3,3]"},
    {"picture, all attributes", "ConvTranspose", 11,
     "strides=[3,2] dilations=[2,3] pads=[1,2,0,1] output_padding=[2,1] group=2", "f32[1,6,4,5] !f32[6,2,3,2] !f32[4]"},
    {"volume", "ConvTranspose", 11, "", "f32[1,4,3,4,5] !f32[4,6,3,3,3] !f32[6]"},
    {"volume, strides", "ConvTranspose", 11, "strides=[2,2,2]", "f32[2,5,3,4,3] !f32[5,4,2,2,2] !f32[4]"},
    {"volume, all attributes", "ConvTranspose", 11,
     "strides=[3,2,1] dilations=[2,1,2] pads=[1,0,2,2,1,1] output_padding=[2,1,0] group=2",
     "f32[2,6,3,4,5] !f32[6,2,2,3,3] !f32[4]", .macs = 2.0 * 60 * 6 * 2 * 18},
    {"volume, output_shape", "ConvTranspose", 11, "strides=[2,3,2] output_shape=[7,14,6]",
     "f32[1,2,3,4,3] !f32[2,2,3,3,3]"},
    {"volume, SAME_UPPER", "ConvTranspose", 11, "strides=[2,2,3] auto_pad='SAME_UPPER'",
     "f32[1,2,3,4,3] !f32[2,2,3,4,5]"},
    {"volume, weights at run time", "ConvTranspose", 11, "strides=[2,1,1]", "f32[1,4,3,4,5] f32[4,70,3,2,2] f32[70]"},
    {"volume, exact", "ConvTranspose", 11, "strides=[2,2,2]", "f32#[1,24,3,4,5] !f32#[24,7,3,3,3] !f32#[7]"},
};

Test(axes, conv)
{
    for (size_t i = 0; i < COUNT(conv_rows); i++)
        op_check(&conv_rows[i]);
}

Test(axes, conv_whatever_the_lowering)
{
    for (size_t i = 0; i < COUNT(conv_rows); i++)
        for (int lowering = STOA_LOWERING_AUTO + 1; lowering < STOA_LOWERING_COUNT; lowering++)
            op_check_lowering(&conv_rows[i], (enum stoa_lowering)lowering);
}

static const struct op_row pool_rows[] = {
    {"signal", "MaxPool", 11, "kernel_shape=[2] strides=[2]", "f32[2,5,9]", 2},
    {"signal, all attributes", "MaxPool", 11, "kernel_shape=[3] strides=[2] dilations=[2] pads=[1,2] ceil_mode=1",
     "f32[2,70,13]", 2},
    {"signal, column-major", "MaxPool", 11, "kernel_shape=[3] storage_order=1", "f32[2,3,9]", 2},
    {"signal, SAME_UPPER", "MaxPool", 11, "kernel_shape=[3] strides=[2] auto_pad='SAME_UPPER'", "f32[1,9,8]"},
    {"volume", "MaxPool", 11, "kernel_shape=[2,2,2] strides=[2,2,2]", "f32[2,5,4,6,8]"},
    {"volume, indices", "MaxPool", 11, "kernel_shape=[2,3,2] strides=[1,2,2]", "f32[2,5,4,7,8]", 2},
    {"volume, column-major", "MaxPool", 11, "kernel_shape=[2,2,2] storage_order=1", "f32[2,3,3,4,5]", 2},
    {"volume, all attributes", "MaxPool", 11,
     "kernel_shape=[3,2,3] strides=[2,1,2] dilations=[1,2,2] pads=[1,0,2,1,2,0] ceil_mode=1", "f32[2,9,6,7,9]", 2},
    {"volume, SAME_LOWER", "MaxPool", 11, "kernel_shape=[2,3,4] strides=[2,2,3] auto_pad='SAME_LOWER'",
     "f32[1,66,5,6,7]"},
    {"signal", "AveragePool", 11, "kernel_shape=[2] strides=[2]", "f32[2,5,9]"},
    {"signal, ceil_mode", "AveragePool", 11, "kernel_shape=[3] strides=[2] pads=[1,1] ceil_mode=1", "f32[2,5,8]"},
    {"volume", "AveragePool", 11, "kernel_shape=[2,2,2]", "f32[2,5,4,6,8]"},
    {"volume, pads counted", "AveragePool", 11,
     "kernel_shape=[3,2,3] strides=[2,1,2] pads=[1,1,0,2,0,1] count_include_pad=1", "f32[1,5,6,7,6]"},
    {"volume, ceil_mode", "AveragePool", 11, "kernel_shape=[3,3,3] strides=[2,2,2] pads=[1,0,1,0,1,1] ceil_mode=1",
     "f32[1,70,6,7,6]"},
    {"volume, ceil_mode, pads counted", "AveragePool", 11,
     "kernel_shape=[3,3,3] strides=[2,2,2] pads=[1,0,1,0,1,1] ceil_mode=1 count_include_pad=1", "f32[1,5,6,7,6]"},
    {"volume, SAME_UPPER", "AveragePool", 11, "kernel_shape=[3,2,3] auto_pad='SAME_UPPER'", "f32[1,5,4,5,6]"},
    {"picture", "LpPool", 11, "kernel_shape=[2,2]", "f32[2,5,6,7]"},
    {"picture, p 1", "LpPool", 11, "kernel_shape=[3,2] p=1 strides=[2,2] pads=[1,0,2,1]", "f32[2,70,6,7]"},
    {"picture, p 3", "LpPool", 2, "kernel_shape=[2,3] p=3 auto_pad='SAME_UPPER'", "f32[1,5,6,7]"},
    {"signal", "LpPool", 11, "kernel_shape=[3] strides=[2]", "f32[2,5,9]"},
    {"volume", "LpPool", 11, "kernel_shape=[2,3,2] pads=[1,1,0,0,1,1]", "f32[1,5,3,4,5]"},
    {"picture", "GlobalLpPool", 11, "", "f32[2,37,5,6]"},
    {"picture, opset 18", "LpPool", 18, "kernel_shape=[2,2]", "f32[2,5,6,7]"},
    {"picture, dilations", "LpPool", 18, "kernel_shape=[3,2] dilations=[2,3] pads=[2,1,1,2] strides=[1,2] p=1",
     "f32[2,37,7,8]"},
    {"picture, ceil_mode", "LpPool", 18, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", "f32[1,5,8,6]"},
    {"signal, dilations and ceil_mode", "LpPool", 19, "kernel_shape=[3] dilations=[2] strides=[3] ceil_mode=1 p=3",
     "f32[2,5,14]"},
    {"picture, p 1", "GlobalLpPool", 11, "p=1", "f32[2,3,5,6]"},
    {"picture, p 3", "GlobalLpPool", 2, "p=3", "f32[2,3,5,6]"},
    {"signal", "GlobalLpPool", 11, "", "f32[2,3,17]"},
    {"volume", "GlobalLpPool", 11, "", "f32[2,3,3,4,2]"},
    {"picture", "MaxUnpool", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[1,1,2,2] !i64[1,1,2,2]{5,7,8,15}"},
    {"index at run time", "MaxUnpool", 9, "kernel_shape=[2,2] strides=[2,2]", "f32[1,1,2,2] i64[1,1,2,2]{5,7,8,15}"},
    {"two planes", "MaxUnpool", 11, "kernel_shape=[2,2] strides=[2,2] pads=[1,0,0,1]",
     "f32[1,2,2,1] !i64[1,2,2,1]{2,0,5,3}"},
    {"signal", "MaxUnpool", 11, "kernel_shape=[3] strides=[2]", "f32[2,1,2] !i64[2,1,2]{2,4,5,9}"},
    {"volume", "MaxUnpool", 11, "kernel_shape=[1,2,2] strides=[1,2,2]", "f32[1,1,2,1,1] !i64[1,1,2,1,1]{3,6}"},
    {"output_shape", "MaxUnpool", 11, "kernel_shape=[2,2] strides=[2,2]",
     "f32[1,1,2,2] !i64[1,1,2,2]{6,8,16,24} !i64{1,1,5,5}"},
    {"one place twice", "MaxUnpool", 11, "kernel_shape=[2,2]", "f32[1,1,2,2] !i64[1,1,2,2]{4,4,4,0}"},
};

Test(axes, pool)
{
    for (size_t i = 0; i < COUNT(pool_rows); i++)
        op_check(&pool_rows[i]);
}

static const struct op_refusal refused[] = {
    {{"a matrix", "Conv", 11, "", "f32[4,7] !f32[8,4]"}, STOA_ERROR_UNSUPPORTED, "input X has rank 2"},
    {{"four spatial axes", "Conv", 11, "", "f32[1,4,7,7,7,7] !f32[8,4,3,3,3,3]"},
     STOA_ERROR_UNSUPPORTED,
     "input X has rank 6"},
    {{"strides of a picture", "Conv", 11, "strides=[1,1]", "f32[1,4,7] !f32[8,4,3]"},
     STOA_ERROR_ATTRIBUTE,
     "for 2 axes, the input has 1"},
    {{"kernel_shape of another depth", "Conv", 11, "kernel_shape=[2,3,3]", "f32[1,4,7,7,7] !f32[8,4,3,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "kernel_shape[0] is 2"},
    {{"a kernel deeper than the volume", "Conv", 11, "", "f32[1,4,2,7,7] !f32[8,4,3,3,3]"},
     STOA_ERROR_SHAPE,
     "spans 3"},
    {{"no depth", "Conv", 11, "", "f32[1,4,0,7,7] !f32[8,4,3,3,3]"}, STOA_ERROR_SHAPE, "is 0"},
    {{"pads beyond the depth", "ConvTranspose", 11, "pads=[5,0,0,5,0,0]", "f32[1,4,2,7,7] !f32[4,8,3,3,3]"},
     STOA_ERROR_SHAPE,
     "pads 5 and 5"},
    {{"output_shape of a picture", "ConvTranspose", 11, "output_shape=[8,8]", "f32[1,4,7] !f32[4,8,3]"},
     STOA_ERROR_ATTRIBUTE,
     "output_shape is for 2 axes, the input has 1"},
    {{"four spatial axes", "AveragePool", 11, "kernel_shape=[2,2]", "f32[1,1,4,4,4,4]"},
     STOA_ERROR_UNSUPPORTED,
     "rank 6"},
    {{"pad as wide as the kernel", "MaxPool", 11, "kernel_shape=[2] pads=[0,2]", "f32[1,1,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads[1] is 2"},
    {{"kernel beyond the depth", "MaxPool", 11, "kernel_shape=[5,2,2]", "f32[1,1,4,4,4]"},
     STOA_ERROR_SHAPE,
     "kernel_shape[0] of 5"},
    {{"p 0", "LpPool", 11, "kernel_shape=[2,2] p=0", "f32[1,1,4,4]"}, STOA_ERROR_ATTRIBUTE, "p is 0"},
    {{"no kernel_shape", "LpPool", 11, "", "f32[1,1,4,4]"}, STOA_ERROR_ATTRIBUTE, "kernel_shape is missing"},
    {{"doubles", "LpPool", 11, "kernel_shape=[2]", "f64[1,1,4]"}, STOA_ERROR_UNSUPPORTED, "X"},
    {{"an index beyond the output", "MaxUnpool", 11, "kernel_shape=[2]", "f32[1,1,2] !i64[1,1,2]{1,3}"},
     STOA_ERROR_DATA,
     "input I has 3 at 1"},
    {{"an index below 0", "MaxUnpool", 11, "kernel_shape=[2]", "f32[1,1,2] i64[1,1,2]{-1,2}"},
     STOA_ERROR_DATA,
     "input I has -1 at 0"},
    {{"fewer indices", "MaxUnpool", 11, "kernel_shape=[2]", "f32[1,1,2] !i64[1,1,1]{1}"},
     STOA_ERROR_SHAPE,
     "input I has dims [1,1,1]"},
    {{"output_shape of other channels", "MaxUnpool", 11, "kernel_shape=[2]", "f32[1,1,2] !i64[1,1,2]{1,2} !i64{1,2,3}"},
     STOA_ERROR_SHAPE,
     "output_shape has 2 for axis 1"},
    {{"output_shape of two", "MaxUnpool", 11, "kernel_shape=[2]", "f32[1,1,2] !i64[1,1,2]{1,2} !i64{1,1}"},
     STOA_ERROR_SHAPE,
     "output_shape has 2 values"},
    {{"pads beyond the output", "MaxUnpool", 11, "kernel_shape=[2] pads=[2,1]", "f32[1,1,2] !i64[1,1,2]{1,2}"},
     STOA_ERROR_SHAPE,
     "leave nothing"},
    {{"a matrix", "GlobalLpPool", 11, "", "f32[2,3]"}, STOA_ERROR_SHAPE, "rank 3 or more"},
};

Test(axes, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
