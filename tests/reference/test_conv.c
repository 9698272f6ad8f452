/* Conv, ConvTranspose and pooling against sums done by hand. */
#include <criterion/criterion.h>

#include "twin.h"

#define X33 "f32[1,1,3,3]{1..9}"

static const struct twin_row conv_rows[] = {
    /* 1*1+5*1, 2+6, 4+8, 5+9 */
    {"two taps of a 2x2 kernel", "Conv", 11, NULL, X33 " f32[1,1,2,2]{1,0,0,1}", "f32[1,1,2,2]{6,8,12,14}", 1},
    {"bias", "Conv", 11, "kernel_shape=[2,2]", X33 " f32[1,1,2,2]{1,0,0,1} f32[1]{100}",
     "f32[1,1,2,2]{106,108,112,114}", 1},
    {"asymmetric pads: top 1, left 0, bottom 0, right 1", "Conv", 11, "pads=[1,0,0,1]",
     X33 " f32[1,1,2,2]{1,10,100,1000}", "f32[1,1,3,3]{2100,3200,300,5421,6532,603,8754,9865,906}", 1},
    {"stride 2 along h only", "Conv", 11, "strides=[2,1]", X33 " f32[1,1,1,2]{1,-1}", "f32[1,1,2,2]{-1*4}", 1},
    {"dilation 2", "Conv", 11, "dilations=[2,2]", X33 " f32[1,1,2,2]{1,1,1,1}", "f32[1,1,1,1]{20}", 1},
    {"dilation 2 with pads", "Conv", 11, "dilations=[1,2] pads=[0,1,0,1]", X33 " f32[1,1,1,2]{1,10}",
     "f32[1,1,3,3]{20,31,2,50,64,5,80,97,8}", 1},
    {"SAME_UPPER pads the end first", "Conv", 11, "auto_pad='SAME_UPPER'", "f32[1,1,1,3]{1,2,3} f32[1,1,1,2]{1,10}",
     "f32[1,1,1,3]{21,32,3}", 1},
    {"SAME_LOWER pads the front first", "Conv", 11, "auto_pad='SAME_LOWER'", "f32[1,1,1,3]{1,2,3} f32[1,1,1,2]{1,10}",
     "f32[1,1,1,3]{10,21,32}", 1},
    {"SAME_UPPER with stride 2", "Conv", 11, "auto_pad='SAME_UPPER' strides=[2,2]",
     "f32[1,1,1,4]{1..4} f32[1,1,1,3]{1,10,100}", "f32[1,1,1,2]{321,43}", 1},
    {"VALID", "Conv", 11, "auto_pad='VALID'", "f32[1,1,1,3]{1,2,3} f32[1,1,1,2]{1,10}", "f32[1,1,1,2]{21,32}", 1},
    {"two groups", "Conv", 11, "group=2", "f32[1,4,1,1]{1,2,3,4} f32[2,2,1,1]{1,10,1,10}", "f32[1,2,1,1]{21,43}", 1},
    {"depthwise with two outputs a channel", "Conv", 11, "group=2", "f32[1,2,1,2]{1,2,3,4} f32[4,1,1,1]{1,10,100,1000}",
     "f32[1,4,1,2]{1,2,10,20,300,400,3000,4000}", 1},
    {"two images, two input channels", "Conv", 11, NULL, "f32[2,2,1,1]{1,2,3,4} f32[1,2,1,1]{1,10}",
     "f32[2,1,1,1]{21,43}", 1},
    {"rank 3", "Conv", 11, "pads=[1,1] strides=[2]", "f32[1,1,4]{1..4} f32[1,1,3]{1,10,100}", "f32[1,1,2]{210,432}", 1},
    {"rank 5", "Conv", 11, "pads=[0,0,0,1,0,0]", "f32[1,1,2,1,2]{1..4} f32[1,1,2,1,1]{1,10}",
     "f32[1,1,2,1,2]{31,42,3,4}", 1},
};

Test(conv, definition)
{
    for (size_t i = 0; i < sizeof conv_rows / sizeof *conv_rows; i++)
        twin_check(&conv_rows[i]);
}

static const struct twin_row transpose_rows[] = {
    {"each input spreads the kernel", "ConvTranspose", 11, NULL, "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}",
     "f32[1,1,1,3]{1,12,20}", 1},
    {"stride 2 leaves gaps", "ConvTranspose", 11, "strides=[1,3]", "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}",
     "f32[1,1,1,5]{1,2,0,10,20}", 1},
    {"output_padding adds at the end", "ConvTranspose", 11, "strides=[1,3] output_padding=[0,1]",
     "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2} f32[1]{0.5}", "f32[1,1,1,6]{1.5,2.5,0.5,10.5,20.5,0.5}", 1},
    {"pads cut off", "ConvTranspose", 11, "pads=[0,1,0,0]", "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}",
     "f32[1,1,1,2]{12,20}", 1},
    {"dilation", "ConvTranspose", 11, "dilations=[1,2]", "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}",
     "f32[1,1,1,4]{1,10,2,20}", 1},
    {"two groups, two outputs each", "ConvTranspose", 11, "group=2", "f32[1,2,1,1]{1,10} f32[2,2,1,1]{1,2,3,4}",
     "f32[1,4,1,1]{1,2,30,40}", 1},
    {"channels are summed", "ConvTranspose", 11, NULL, "f32[1,2,1,1]{1,10} f32[2,1,1,1]{3,4}", "f32[1,1,1,1]{43}", 1},
    {"output_shape: the odd pad at the front", "ConvTranspose", 11, "output_shape=[1,2]",
     "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}", "f32[1,1,1,2]{12,20}", 1},
    {"output_shape before opset 11: at the end", "ConvTranspose", 7, "output_shape=[1,2]",
     "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}", "f32[1,1,1,2]{1,12}", 1},
    {"SAME_UPPER: the odd pad at the end", "ConvTranspose", 11, "auto_pad='SAME_UPPER'",
     "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}", "f32[1,1,1,2]{1,12}", 1},
    {"SAME_LOWER: the odd pad at the front", "ConvTranspose", 11, "auto_pad='SAME_LOWER'",
     "f32[1,1,1,2]{1,10} f32[1,1,1,2]{1,2}", "f32[1,1,1,2]{12,20}", 1},
    {"Col2Im", "Col2Im", 18, NULL, "f32[1,2,2]{1,2,3,4} i64[1]{3} i64[1]{2}", "f32[1,1,3]{1,5,4}", 1},
    {"Col2Im with pads and strides", "Col2Im", 18, "pads=[1,0] strides=[2]", "f32[1,2,2]{1,2,3,4} i64[1]{3} i64[1]{2}",
     "f32[1,1,3]{3,2,4}", 1},
    {"Col2Im with dilations", "Col2Im", 18, "dilations=[2]", "f32[1,2,1]{1,2} i64[1]{3} i64[1]{2}", "f32[1,1,3]{1,0,2}",
     1},
};

Test(conv, transpose)
{
    for (size_t i = 0; i < sizeof transpose_rows / sizeof *transpose_rows; i++)
        twin_check(&transpose_rows[i]);
}

static const struct twin_row pool_rows[] = {
    {"max 2x2", "MaxPool", 11, "kernel_shape=[2,2]", X33, "f32[1,1,2,2]{5,6,8,9} i64[1,1,2,2]{4,5,7,8}", 0},
    {"max stride 2", "MaxPool", 11, "kernel_shape=[2,2] strides=[2,2]", X33, "f32[1,1,1,1]{5}", 0},
    {"max ceil_mode", "MaxPool", 11, "kernel_shape=[2,2] strides=[2,2] ceil_mode=1", X33, "f32[1,1,2,2]{5,6,8,9}", 0},
    {"max ceil_mode: no window beyond the input", "MaxPool", 11,
     "kernel_shape=[1,2] strides=[1,2] pads=[0,1,0,1] ceil_mode=1", "f32[1,1,1,3]{1,2,3}", "f32[1,1,1,2]{1,3}", 0},
    {"max of negatives beside padding", "MaxPool", 11, "kernel_shape=[2,2] pads=[1,1,1,1] strides=[3,3]",
     "f32[1,1,3,3]{-9..-1}", "f32[1,1,2,2]{-9,-7,-3,-1} i64[1,1,2,2]{0,2,6,8}", 0},
    {"max dilation", "MaxPool", 11, "kernel_shape=[2,2] dilations=[2,2]", X33, "f32[1,1,1,1]{9} i64[1,1,1,1]{8}", 0},
    {"max indices count all planes; ties take the first", "MaxPool", 11, "kernel_shape=[1,2]", "f32[1,2,1,2]{4,4,1,2}",
     "f32[1,2,1,1]{4,2} i64[1,2,1,1]{0,3}", 0},
    {"max indices column-major", "MaxPool", 11, "kernel_shape=[2,2] storage_order=1", "f32[1,1,2,3]{1..6}",
     "- i64[1,1,1,2]{3,5}", 0},
    {"max NaN", "MaxPool", 11, "kernel_shape=[1,2]", "f32[1,1,1,4]{1,nan,2,3}", "f32[1,1,1,3]{nan,nan,3}", 0},
    {"max of uint8", "MaxPool", 12, "kernel_shape=[2]", "u8[1,1,3]{1,7,3}", "u8[1,1,2]{7,7}", 0},
    {"max SAME_LOWER", "MaxPool", 11, "kernel_shape=[2] auto_pad='SAME_LOWER'", "f32[1,1,3]{3,2,1}",
     "f32[1,1,3]{3,3,2}", 0},
    {"average excludes pads", "AveragePool", 11, "kernel_shape=[2,2] pads=[1,1,0,0] strides=[2,2]", X33,
     "f32[1,1,2,2]{1,2.5,5.5,7}", 1},
    {"average includes pads", "AveragePool", 11, "kernel_shape=[2,2] pads=[1,1,0,0] strides=[2,2] count_include_pad=1",
     X33, "f32[1,1,2,2]{0.25,1.25,2.75,7}", 1},
    {"average ceil_mode", "AveragePool", 11, "kernel_shape=[2] strides=[2] ceil_mode=1", "f32[1,1,3]{1,3,7}",
     "f32[1,1,2]{2,7}", 1},
    {"average ceil_mode: what lies beyond the pads is no pad", "AveragePool", 11,
     "kernel_shape=[4] strides=[3] pads=[1,1] ceil_mode=1 count_include_pad=1", "f32[1,1,3]{1,3,8}", "f32[1,1,2]{3,4}",
     1},
    {"average rank 5", "AveragePool", 11, "kernel_shape=[2,1,2]", "f32[1,1,2,1,2]{1..4}", "f32[1,1,1,1,1]{2.5}", 1},
    {"global average", "GlobalAveragePool", 11, NULL, "f32[1,2,2,2]{1..4,10,20,30,40}", "f32[1,2,1,1]{2.5,25}", 1},
    {"norm", "LpPool", 11, "kernel_shape=[2] strides=[2]", "f32[1,1,4]{3,-4,0,5}", "f32[1,1,2]{5,5}", 1},
    {"norm, p 1", "LpPool", 11, "kernel_shape=[2] p=1", "f32[1,1,3]{3,-4,5}", "f32[1,1,2]{7,9}", 1},
    {"global norm", "GlobalLpPool", 11, NULL, "f32[1,2,2]{3,-4,0,6}", "f32[1,2,1]{5,6}", 1},
    {"unpooled", "MaxUnpool", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[1,1,2,2]{1,2,3,4} i64[1,1,2,2]{5,7,13,15}",
     "f32[1,1,4,4]{0,0,0,0,0,1,0,2,0,0,0,0,0,3,0,4}", 0},
    {"unpooled to output_shape", "MaxUnpool", 11, "kernel_shape=[2]", "f32[1,1,2]{1,2} i64[1,1,2]{4,0} i64[3]{1,1,5}",
     "f32[1,1,5]{2,0,0,0,1}", 0},
    {"global max", "GlobalMaxPool", 11, NULL, "f32[2,1,3]{1,-3,-2,-3,-2,nan}", "f32[2,1,1]{1,nan}", 0},
};

Test(pool, definition)
{
    for (size_t i = 0; i < sizeof pool_rows / sizeof *pool_rows; i++)
        twin_check(&pool_rows[i]);
}

static const struct {
    struct twin_row row;
    enum stoa_status status;
} refused[] = {
    {{"kernel larger than the input", "Conv", 11, NULL, X33 " f32[1,1,4,1]{1..4}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"weights of another rank", "Conv", 11, NULL, X33 " f32[1,1,2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"channels that do not fit", "Conv", 11, NULL, X33 " f32[1,2,1,1]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"outputs that do not fall into groups", "Conv", 11, "group=2", "f32[1,2,1,1]{1,2} f32[3,1,1,1]{1..3}", "f32(0)"},
     STOA_ERROR_SHAPE},
    {{"kernel_shape against the weights", "Conv", 11, "kernel_shape=[1,1]", X33 " f32[1,1,2,1]{1,2}", "f32(0)"},
     STOA_ERROR_SHAPE},
    {{"bias too long", "Conv", 11, NULL, X33 " f32[1,1,1,1]{1} f32[2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"stride 0", "Conv", 11, "strides=[0,1]", X33 " f32[1,1,1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"group 0", "Conv", 11, "group=0", X33 " f32[1,1,1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"three pads", "Conv", 11, "pads=[0,0,0]", X33 " f32[1,1,1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"rank 2", "Conv", 11, NULL, "f32[1,1]{1} f32[1,1]{1}", "f32(0)"}, STOA_ERROR_UNSUPPORTED},
    {{"pads beyond memory", "Conv", 11, "pads=[2147483647,2147483647,2147483647,2147483647]", X33 " f32[1,1,1,1]{1}",
      "f32(0)"},
     STOA_ERROR_LIMIT},
    {{"no kernel_shape", "MaxPool", 11, NULL, X33, "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"pads as wide as the kernel", "AveragePool", 11, "kernel_shape=[1,1] pads=[1,0,0,0]", X33, "f32(0)"},
     STOA_ERROR_ATTRIBUTE},
    {{"columns of other windows", "Col2Im", 18, NULL, "f32[1,2,1]{1,2} i64[1]{3} i64[1]{2}", "f32(0)"},
     STOA_ERROR_SHAPE},
    {{"columns of no window", "Col2Im", 18, NULL, "f32[1,2,1]{1,2} i64[1]{1} i64[1]{2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"columns with stride 0", "Col2Im", 18, "strides=[0]", "f32[1,2,1]{1,2} i64[1]{2} i64[1]{2}", "f32(0)"},
     STOA_ERROR_ATTRIBUTE},
    {{"a third output", "MaxPool", 11, "kernel_shape=[1,1]", X33, "f32(0) f32(0) f32(0)"}, STOA_ERROR_UNSUPPORTED},
};

Test(conv, refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        twin_check_refused(&refused[i].row, refused[i].status);
}
