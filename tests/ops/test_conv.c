/* Conv, ConvTranspose and Col2Im beside their twin, and what they refuse. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "ops/op.h"
#include "support/op_check.h"

static const struct op_row rows[] = {
    {"plain", "Conv", 11, "", "f32[1,4,7,9] !f32[8,4,3,3]"},
    {"kernel_shape beside W", "Conv", 7, "kernel_shape=[3,2] strides=[2,1]", "f32[2,3,8,7] !f32[5,3,3,2] !f32[5]"},
    {"asymmetric pads", "Conv", 11, "pads=[1,2,0,3]", "f32[1,17,6,5] !f32[7,17,3,3] !f32[7]"},
    {"dilations", "Conv", 11, "dilations=[2,3] pads=[2,3,2,3]", "f32[1,5,9,11] !f32[4,5,3,3]"},
    {"groups", "Conv", 11, "group=3 pads=[1,1,1,1]", "f32[1,12,6,6] !f32[9,4,3,3] !f32[9]", .macs = 36.0 * 9 * 4 * 9},
    {"depthwise", "Conv", 11, "group=7 pads=[1,1,1,1] strides=[2,2]", "f32[2,7,9,8] !f32[7,1,3,3]"},
    {"depthwise with multiplier", "Conv", 11, "group=3", "f32[1,3,5,5] !f32[6,1,3,3] !f32[6]"},
    {"1x1", "Conv", 11, "", "f32[3,33,5,6] !f32[70,33,1,1] !f32[70]"},
    {"1x1 with stride across", "Conv", 11, "strides=[1,2]", "f32[1,20,7,8] !f32[65,20,1,1]"},
    {"1x1 with stride", "Conv", 11, "strides=[2,2]", "f32[1,20,7,8] !f32[65,20,1,1]"},
    {"one channel", "Conv", 11, "pads=[2,2,2,2]", "f32[2,1,12,12] !f32[6,1,5,5] !f32[6]"},
    {"kernel as large as the image", "Conv", 11, "", "f32[2,16,5,5] !f32[12,16,5,5] !f32[12]"},
    {"stride beyond the kernel", "Conv", 11, "strides=[4,3]", "f32[1,3,10,10] !f32[4,3,2,2]"},
    {"SAME_UPPER", "Conv", 11, "auto_pad='SAME_UPPER' strides=[2,2]", "f32[1,4,7,8] !f32[5,4,4,3] !f32[5]"},
    {"SAME_LOWER", "Conv", 11, "auto_pad='SAME_LOWER' strides=[2,3]", "f32[1,4,7,8] !f32[5,4,4,3]"},
    {"SAME_UPPER with dilations", "Conv", 11, "auto_pad='SAME_UPPER' dilations=[2,2]", "f32[1,4,7,8] !f32[5,4,2,3]"},
    {"VALID", "Conv", 11, "auto_pad='VALID'", "f32[1,4,7,8] !f32[5,4,2,3]"},
    {"weights at run time", "Conv", 11, "pads=[1,1,1,1]", "f32[1,4,7,9] f32[66,4,3,3] f32[66]"},
    {"bias at run time", "Conv", 11, "", "f32[1,4,7,9] !f32[8,4,3,3] f32[8]"},
    {"no bias, said so", "Conv", 11, "", "f32[1,4,7,9] !f32[8,4,3,3] -"},
    {"exact sums", "Conv", 11, "pads=[1,1,1,1]", "f32#[1,40,9,9] !f32#[70,40,3,3] !f32#[70]"},
    {"plain", "ConvTranspose", 11, "", "f32[1,4,5,6] !f32[4,8,3,3]"},
    {"strides", "ConvTranspose", 11, "strides=[2,3]", "f32[2,17,5,6] !f32[17,5,3,3] !f32[5]"},
    {"stride beyond the kernel", "ConvTranspose", 11, "strides=[3,4]", "f32[1,3,4,4] !f32[3,2,2,2] !f32[2]"},
    {"2x2 with stride 2", "ConvTranspose", 11, "strides=[2,2] kernel_shape=[2,2]",
     "f32[1,24,6,7] !f32[24,1,2,2] !f32[1]"},
    {"pads", "ConvTranspose", 11, "strides=[2,2] pads=[1,0,2,1]", "f32[1,6,5,5] !f32[6,70,4,3]"},
    {"output_padding", "ConvTranspose", 11, "strides=[3,2] output_padding=[2,1]", "f32[1,3,4,5] !f32[3,4,3,3] !f32[4]"},
    {"output_shape", "ConvTranspose", 11, "strides=[3,2] output_shape=[10,8]", "f32[1,1,3,3] !f32[1,2,3,3] !f32[2]"},
    {"smaller output_shape", "ConvTranspose", 11, "strides=[2,2] output_shape=[8,8]", "f32[1,2,4,4] !f32[2,2,4,3]"},
    {"SAME_UPPER", "ConvTranspose", 11, "strides=[2,2] auto_pad='SAME_UPPER'", "f32[1,2,4,5] !f32[2,3,3,5]"},
    {"SAME_UPPER before opset 11", "ConvTranspose", 7, "strides=[2,2] auto_pad='SAME_UPPER'",
     "f32[1,2,4,5] !f32[2,3,3,5]"},
    {"SAME_LOWER", "ConvTranspose", 11, "strides=[2,2] auto_pad='SAME_LOWER'", "f32[1,2,4,5] !f32[2,3,3,5]"},
    {"SAME of a short kernel", "ConvTranspose", 11, "strides=[3,3] auto_pad='SAME_UPPER'",
     "f32[1,2,4,5] !f32[2,3,2,1] !f32[3]"},
    {"VALID", "ConvTranspose", 11, "auto_pad='VALID'", "f32[1,2,4,5] !f32[2,3,3,5]"},
    {"dilations", "ConvTranspose", 11, "dilations=[2,3] strides=[2,1]", "f32[1,5,4,5] !f32[5,4,3,2]"},
    {"groups", "ConvTranspose", 11, "group=2 strides=[2,2] pads=[1,1,1,1]", "f32[2,6,4,5] !f32[6,5,3,3] !f32[10]",
     .macs = 2.0 * 20 * 6 * 5 * 9},
    {"weights at run time", "ConvTranspose", 11, "strides=[2,2]", "f32[1,6,4,5] f32[6,67,3,3] f32[67]"},
    {"exact sums", "ConvTranspose", 11, "strides=[2,2]", "f32#[1,140,4,5] !f32#[140,5,3,3] !f32#[5]"},
};

Test(conv, agrees_with_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(conv, agrees_with_twin_whatever_the_lowering)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int lowering = STOA_LOWERING_VIEW; lowering < STOA_LOWERING_COUNT; lowering++)
            op_check_lowering(&rows[i], (enum stoa_lowering)lowering);
}

#define X "f32[1,4,7,9] "
static const struct op_row column_rows[] = {
    {"one window", "Col2Im", 18, "", "f32[1,6,1] !i64{2,3} !i64{2,3}"},
    {"windows apart", "Col2Im", 18, "strides=[2,3]", "f32[2,12,6] !i64{4,9} !i64{2,3}"},
    {"windows that overlap", "Col2Im", 18, "", "f32[2,27,35] !i64{7,9} !i64{3,3}"},
    {"windows with gaps", "Col2Im", 18, "strides=[3,4]", "f32[1,4,6] !i64{7,11} !i64{2,1}"},
    {"windows over pads", "Col2Im", 18, "pads=[1,2,0,3]", "f32[2,18,77] !i64{8,8} !i64{3,3}"},
    {"windows beyond the image", "Col2Im", 18, "pads=[5,4,3,6] strides=[2,3]", "f32[1,4,25] !i64{3,4} !i64{2,2}"},
    {"windows with holes", "Col2Im", 18, "dilations=[2,3] pads=[2,3,2,3] strides=[1,2]",
     "f32[1,45,54] !i64{9,11} !i64{3,3}"},
    {"windows that miss the end", "Col2Im", 18, "strides=[4,3]", "f32[1,4,6] !i64{8,8} !i64{2,2}"},
    {"pixels as they are", "Col2Im", 20, "", "f32[2,5,12] !i64{3,4} !i64{1,1}"},
    {"windows of attributes that say nothing", "Col2Im", 18, "strides=[] dilations=[] pads=[]",
     "f32[1,4,4] !i64{3,3} !i64{2,2}"},
    {"windows by int32", "Col2Im", 18, "", "f32[1,4,4] !i32{3,3} !i32{2,2}"},
    {"many windows of many channels", "Col2Im", 18, "pads=[1,1,1,1]", "f32[2,333,899] !i64{31,29} !i64{3,3}"},
    {"whole numbers", "Col2Im", 18, "pads=[2,2,2,2]", "f32#[1,25,81] !i64{9,9} !i64{5,5}"},
    {"signals", "Col2Im", 18, "strides=[2] dilations=[2] pads=[1,2]", "f32[2,9,5] !i64{10} !i64{3}"},
    {"volumes", "Col2Im", 18, "strides=[1,2,1] dilations=[1,1,2] pads=[0,1,1,1,1,0]",
     "f32[1,24,60] !i64{4,5,6} !i64{2,3,2}"},
    {"six axes", "Col2Im", 18, "strides=[1,2,1,1,1,1] pads=[0,0,0,0,1,0,0,0,0,0,0,1]",
     "f32[1,48,16] !i64{2,4,2,3,2,2} !i64{2,2,1,2,3,2}"},
    {"columns of no image", "Col2Im", 18, "", "f32[0,4,4] !i64{3,3} !i64{2,2}"},
    {"columns of no channel", "Col2Im", 18, "", "f32[2,0,4] !i64{3,3} !i64{2,2}"},
    {"a sum with no number", "Col2Im", 18, "", "f32[1,2,2]{1,nan,inf,2} !i64{3} !i64{2}"},
};

Test(conv, columns_to_images)
{
    for (size_t i = 0; i < COUNT(column_rows); i++)
        op_check(&column_rows[i]);
}

static const struct op_refusal refused[] = {
    {{"stride 0", "Conv", 11, "strides=[0,1]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "strides[0] is 0"},
    {{"stride -1", "Conv", 11, "strides=[-1,1]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "strides[0] is -1"},
    {{"stride 2^32", "Conv", 11, "strides=[4294967296,1]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "strides[0]"},
    {{"three strides", "Conv", 11, "strides=[1,1,1]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "strides"},
    {{"dilation 0", "Conv", 11, "dilations=[0,1]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "dilations[0] is 0"},
    {{"dilation 2^62", "Conv", 11, "dilations=[4611686018427387904,1]", X "!f32[8,4,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "dilations[0]"},
    {{"kernel_shape 0", "Conv", 11, "kernel_shape=[0,3]", X "!f32[8,4,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "kernel_shape[0] is 0"},
    {{"kernel_shape unlike W", "Conv", 11, "kernel_shape=[5,5]", X "!f32[8,4,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "kernel_shape[0] is 5"},
    {{"kernel beyond padded input", "Conv", 11, "", X "!f32[8,4,8,3]"}, STOA_ERROR_SHAPE, "kernel[0] 8"},
    {{"negative pad", "Conv", 11, "pads=[-1,0,0,0]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "pads[0] is -1"},
    {{"three pads", "Conv", 11, "pads=[1,1,1]", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "pads has 3 values"},
    {{"pads 2^31-1", "Conv", 11, "pads=[2147483647,2147483647,2147483647,2147483647]", X "!f32[8,4,3,3]"},
     STOA_ERROR_LIMIT,
     "pads 2147483647"},
    {{"group 0", "Conv", 11, "group=0", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "group is 0"},
    {{"group -1", "Conv", 11, "group=-1", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "group is -1"},
    {{"group 3 of 4 channels", "Conv", 11, "group=3", X "!f32[9,1,3,3]"}, STOA_ERROR_SHAPE, "group 3"},
    {{"outputs not divisible", "Conv", 11, "group=2", X "!f32[7,2,3,3]"}, STOA_ERROR_SHAPE, "output channels are 7"},
    {{"W of other channels", "Conv", 11, "", X "!f32[8,3,3,3]"}, STOA_ERROR_SHAPE, "input W has dims [8,3,3,3]"},
    {{"W of rank 3", "Conv", 11, "", X "!f32[8,4,3]"}, STOA_ERROR_SHAPE, "input W has dims [8,4,3]"},
    {{"W of rank 6", "Conv", 11, "", X "!f32[8,4,3,3,1,1]"}, STOA_ERROR_SHAPE, "input W has dims [8,4,3,3,1,1]"},
    {{"bias too long", "Conv", 11, "", X "!f32[8,4,3,3] !f32[9]"}, STOA_ERROR_SHAPE, "input B has dims [9]"},
    {{"unknown auto_pad", "Conv", 11, "auto_pad='X'", X "!f32[8,4,3,3]"}, STOA_ERROR_ATTRIBUTE, "auto_pad is \"X\""},
    {{"SAME_UPPER with pads", "Conv", 11, "auto_pad='SAME_UPPER' pads=[1,1,1,1]", X "!f32[8,4,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "pads"},
    {{"no output channels", "Conv", 11, "", X "f32[0,4,3,3]"}, STOA_ERROR_SHAPE, "output channels are 0"},
    {{"no kernel", "Conv", 11, "", X "f32[8,4,0,3]"}, STOA_ERROR_ATTRIBUTE, "kernel[0] is 0"},
    {{"whole numbers", "Conv", 11, "", X "!i64{1,2}"}, STOA_ERROR_UNSUPPORTED, "input W is of type int64"},
    {{"an attribute of none", "Conv", 11, "stride=[1,1]", X "!f32[8,4,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "attribute stride "},
    {{"stride 0", "ConvTranspose", 11, "strides=[0,1]", X "!f32[4,8,3,3]"}, STOA_ERROR_ATTRIBUTE, "strides[0] is 0"},
    {{"W of other channels", "ConvTranspose", 11, "", X "!f32[8,4,3,3]"},
     STOA_ERROR_SHAPE,
     "input W has dims [8,4,3,3]"},
    {{"group 3 of 4 channels", "ConvTranspose", 11, "group=3", X "!f32[4,8,3,3]"},
     STOA_ERROR_SHAPE,
     "input channels are 4"},
    {{"pads beyond the output", "ConvTranspose", 11, "pads=[5,0,5,0]", X "!f32[4,8,3,3]"},
     STOA_ERROR_SHAPE,
     "pads 5 and 5"},
    {{"negative output_padding", "ConvTranspose", 11, "output_padding=[-1,0]", X "!f32[4,8,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "output_padding[0] is -1"},
    {{"output_padding 2^31-1", "ConvTranspose", 11, "output_padding=[2147483647,0]", X "!f32[4,8,3,3]"},
     STOA_ERROR_LIMIT,
     "output_padding 2147483647"},
    {{"three of output_shape", "ConvTranspose", 11, "output_shape=[1,2,3]", X "!f32[4,8,3,3]"},
     STOA_ERROR_ATTRIBUTE,
     "output_shape is for 3 axes"},
    {{"columns of other windows", "Col2Im", 18, "", "f32[1,4,5] !i64{3,3} !i64{2,2}"},
     STOA_ERROR_SHAPE,
     "input input has dims [1,4,5], must have [N,C*4,4]"},
    {{"columns of other taps", "Col2Im", 18, "", "f32[1,6,4] !i64{3,3} !i64{2,2}"}, STOA_ERROR_SHAPE, "[N,C*4,4]"},
    {{"columns without images", "Col2Im", 18, "", "f32[4,4] !i64{3,3} !i64{2,2}"}, STOA_ERROR_SHAPE, "[4,4]"},
    {{"blocks of other axes", "Col2Im", 18, "", "f32[1,4,4] !i64{3,3} !i64{2}"}, STOA_ERROR_SHAPE, "2 and 1 values"},
    {{"images of no axes", "Col2Im", 18, "", "f32[1,1,1] !i64{} !i64{}"}, STOA_ERROR_SHAPE, "0 and 0 values"},
    {{"images of seven axes", "Col2Im", 18, "", "f32[1,1,1] !i64{1*7} !i64{1*7}"},
     STOA_ERROR_LIMIT,
     "image_shape has 7 values"},
    {{"images of no pixels", "Col2Im", 18, "", "f32[1,4,4] !i64{3,0} !i64{2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "image_shape[1] is 0"},
    {{"blocks of no pixels", "Col2Im", 18, "", "f32[1,4,4] !i64{3,3} !i64{-2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "block_shape[0] is -2"},
    {{"blocks beyond 2^31", "Col2Im", 18, "", "f32[1,4,4] !i64{3,3} !i64{2147483648,2}"},
     STOA_ERROR_ATTRIBUTE,
     "block_shape[0] is 2147483648"},
    {{"blocks beyond the image", "Col2Im", 18, "dilations=[1,3]", "f32[1,4,4] !i64{3,3} !i64{2,2}"},
     STOA_ERROR_SHAPE,
     "block_shape[1] of 2, dilation 3, reaches over 4; the padded image_shape[1] is 3"},
    {{"columns beyond all numbers", "Col2Im", 18, "pads=[0,0,0,2147483647,2147483647,2147483647]",
      "f32[1,4,4] !i64{2147483647,2147483647,2147483647} !i64{1,1,1}"},
     STOA_ERROR_LIMIT,
     "image_shape and block_shape"},
    {{"images beyond memory", "Col2Im", 18, "strides=[2147483647,2147483647,2147483647]",
      "f32[1,1,1] !i64{2147483647,2147483647,2147483647} !i64{1,1,1}"},
     STOA_ERROR_LIMIT,
     "memory"},
    {{"strides of one axis", "Col2Im", 18, "strides=[1]", "f32[1,4,4] !i64{3,3} !i64{2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "strides has 1 values, must have 2"},
    {{"pads of one side", "Col2Im", 18, "pads=[1,1]", "f32[1,4,4] !i64{3,3} !i64{2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "pads has 2 values, must have 4"},
    {{"pads below 0", "Col2Im", 18, "pads=[0,-1,0,0]", "f32[1,4,4] !i64{3,3} !i64{2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "pads[1] is -1"},
    {{"dilation 0", "Col2Im", 18, "dilations=[0,1]", "f32[1,4,4] !i64{3,3} !i64{2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "dilations[0] is 0"},
    {{"columns of doubles", "Col2Im", 18, "", "f64[1,4,4] !i64{3,3} !i64{2,2}"}, STOA_ERROR_UNSUPPORTED, "double"},
    {{"an image that is computed", "Col2Im", 18, "", "f32[1,4,4] i64{3,3} !i64{2,2}"},
     STOA_ERROR_UNSUPPORTED,
     "image_shape"},
    {{"blocks that are computed", "Col2Im", 18, "", "f32[1,4,4] !i64{3,3} i64{2,2}"},
     STOA_ERROR_UNSUPPORTED,
     "block_shape"},
};

Test(conv, refuses)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* The whole column matrix of this one would take 122 GB; weights at run time, so that nothing need be that large. */
Test(conv, a_forced_lowering_that_does_not_apply_is_not_taken)
{
    struct stoa_tensor inputs[2] = {{.dtype = STOA_FLOAT, .rank = 4, .dims = {1, 1, 25000, 25000}},
                                    {.dtype = STOA_FLOAT, .rank = 4, .dims = {1, 1, 7, 7}}};
    struct stoa_tensor output = {.dtype = STOA_FLOAT};
    struct stoa_error error = {0};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct op_prepare prepare = {.allocator = &allocator, .lowering = STOA_LOWERING_IM2COL_FULL};
    struct op_call call = {.op = stoa_op_find("Conv", 11, NULL),
                           .input_count = 2,
                           .output_count = 1,
                           .inputs = inputs,
                           .outputs = &output};
    max_align_t params[32] = {0};
    const struct attributes none = {0};
    struct attribute_reader reader = stoa_reader(&none, 11, 2, 1, &error);
    cr_assert(call.op && call.op->params_size <= sizeof params);
    cr_assert(call.op->parse(&reader, params) == STOA_OK);
    call.params = params;
    cr_assert(call.op->infer(&call, &error) == STOA_OK, "%s", error.message);
    cr_assert(call.op->prepare(&call, &prepare, &error) == STOA_OK, "%s", error.message);
    char how[64];
    call.op->report->describe(&call, sizeof how, how);
    cr_expect(strncmp(how, "im2col-full", strlen("im2col-full")) != 0, "%s", how);
    call.op->release(&call, &allocator);
}
