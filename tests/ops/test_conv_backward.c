/* The gradients of Conv and ConvTranspose beside their twins. Inputs: dy, W, X; the gradient with regard to X reads
 * dims alone of X, that with regard to W and B of W. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

#include "support/op_check.h"

#define CONV "ConvBackwardData", 13
#define TRANSPOSE "ConvTransposeBackwardData", 13

static const struct op_row rows[] = {
    {"3x3 as VGG has it", CONV, "pads=[1,1,1,1]", "f32[2,32,14,14] f32[32,32,3,3] f32[2,32,14,14]"},
    {"3x3 of few channels", CONV, "pads=[1,1,1,1]", "f32[2,8,9,10] f32[8,3,3,3] f32[2,3,9,10]"},
    {"3x3 without pads", CONV, "", "f32[1,8,5,7] f32[8,4,3,3] f32[1,4,7,9]"},
    {"LeNet's first layer", CONV, "pads=[2,2,2,2]", "f32[3,6,28,28] f32[6,1,5,5] f32[3,1,28,28]"},
    {"LeNet's second layer", CONV, "", "f32[3,16,10,10] f32[16,6,5,5] f32[3,6,14,14]"},
    {"kernel_shape beside W", CONV, "kernel_shape=[3,2] strides=[2,1]", "f32[2,5,3,6] f32[5,3,3,2] f32[2,3,8,7]"},
    {"asymmetric pads", CONV, "pads=[1,2,0,3]", "f32[1,7,5,8] f32[7,17,3,3] f32[1,17,6,5]"},
    {"pads that crop", CONV, "pads=[2,3,0,1]", "f32[1,5,5,5] f32[5,7,2,3] f32[1,7,4,3]"},
    {"pads of a stride that crop", CONV, "pads=[2,3,1,1] strides=[2,2]", "f32[1,5,3,3] f32[5,7,2,2] f32[1,7,4,3]"},
    {"dilations", CONV, "dilations=[2,3] pads=[2,3,2,3]", "f32[1,4,9,11] f32[4,5,3,3] f32[1,5,9,11]"},
    {"dilations and strides", CONV, "dilations=[3,2] strides=[2,2] pads=[3,2,3,2]",
     "f32[1,4,5,6] f32[4,5,3,3] f32[1,5,9,11]"},
    {"groups", CONV, "group=3 pads=[1,1,1,1]", "f32[1,9,6,6] f32[9,4,3,3] f32[1,12,6,6]", .macs = 36.0 * 9 * 4 * 9},
    {"depthwise", CONV, "group=17 pads=[1,1,1,1]", "f32[2,17,9,8] f32[17,1,3,3] f32[2,17,9,8]"},
    {"depthwise with stride", CONV, "group=23 pads=[1,1,1,1] strides=[2,2]",
     "f32[2,23,5,4] f32[23,1,3,3] f32[2,23,9,8]"},
    {"depthwise of few channels with stride", CONV, "group=7 pads=[1,1,1,1] strides=[2,2]",
     "f32[2,7,5,4] f32[7,1,3,3] f32[2,7,9,8]"},
    {"depthwise with multiplier", CONV, "group=3", "f32[1,6,3,3] f32[6,1,3,3] f32[1,3,5,5]"},
    {"1x1", CONV, "", "f32[3,70,5,6] f32[70,33,1,1] f32[3,33,5,6]"},
    {"1x1 with stride", CONV, "strides=[2,2]", "f32[1,65,4,4] f32[65,20,1,1] f32[1,20,7,8]"},
    {"3x3 with stride", CONV, "strides=[2,2] pads=[1,1,1,1]", "f32[2,37,7,8] f32[37,19,3,3] f32[2,19,14,15]",
     .macs = 2.0 * 56 * 37 * 19 * 9},
    {"one input channel", CONV, "", "f32[2,6,8,8] f32[6,1,5,5] f32[2,1,12,12]"},
    {"one output channel", CONV, "pads=[1,1,1,1]", "f32[2,1,12,12] f32[1,40,3,3] f32[2,40,12,12]"},
    {"kernel as large as the image", CONV, "", "f32[2,12,1,1] f32[12,16,5,5] f32[2,16,5,5]"},
    {"stride beyond the kernel", CONV, "strides=[4,3]", "f32[1,4,3,3] f32[4,3,2,2] f32[1,3,10,10]"},
    {"SAME_UPPER", CONV, "auto_pad='SAME_UPPER' strides=[2,2]", "f32[1,5,4,4] f32[5,4,4,3] f32[1,4,7,8]"},
    {"SAME_LOWER", CONV, "auto_pad='SAME_LOWER' strides=[2,3]", "f32[1,5,4,3] f32[5,4,4,3] f32[1,4,7,8]"},
    {"SAME_UPPER with dilations", CONV, "auto_pad='SAME_UPPER' dilations=[2,2]",
     "f32[1,5,7,8] f32[5,4,2,3] f32[1,4,7,8]"},
    {"VALID", CONV, "auto_pad='VALID'", "f32[1,5,6,6] f32[5,4,2,3] f32[1,4,7,8]"},
    {"constant weights", CONV, "pads=[1,1,1,1]", "f32[1,66,7,9] !f32[66,4,3,3] f32[1,4,7,9]"},
    {"constant weights with stride", CONV, "strides=[2,2]", "f32[1,66,3,4] !f32[66,4,3,3] f32[1,4,7,9]"},
    {"exact sums", CONV, "dilations=[2,1] pads=[2,1,2,1]", "f32#[1,70,9,9] f32#[70,40,3,3] f32#[1,40,9,9]"},
    {"no images", CONV, "", "f32[0,8,5,7] f32[8,4,3,3] f32[0,4,7,9]"},
    {"plain", TRANSPOSE, "", "f32[1,8,7,8] f32[4,8,3,3] f32[1,4,5,6]"},
    {"3x3 with pads", TRANSPOSE, "pads=[1,1,1,1]", "f32[2,19,9,8] f32[37,19,3,3] f32[2,37,9,8]"},
    {"strides", TRANSPOSE, "strides=[2,3]", "f32[2,5,11,18] f32[17,5,3,3] f32[2,17,5,6]"},
    {"stride beyond the kernel", TRANSPOSE, "strides=[3,4]", "f32[1,2,11,14] f32[3,2,2,2] f32[1,3,4,4]"},
    {"2x2 with stride 2", TRANSPOSE, "strides=[2,2] kernel_shape=[2,2]", "f32[1,1,12,14] f32[24,1,2,2] f32[1,24,6,7]"},
    {"pads", TRANSPOSE, "strides=[2,2] pads=[1,0,2,1]", "f32[1,70,9,10] f32[6,70,4,3] f32[1,6,5,5]"},
    {"output_padding", TRANSPOSE, "strides=[3,2] output_padding=[2,1]", "f32[1,4,14,12] f32[3,4,3,3] f32[1,3,4,5]"},
    {"output_padding of a whole stride", TRANSPOSE, "dilations=[2,2] output_padding=[1,1]",
     "f32[2,4,9,10] f32[3,4,3,3] f32[2,3,4,5]"},
    {"output_shape", TRANSPOSE, "strides=[3,2] output_shape=[10,8]", "f32[2,2,10,8] f32[1,2,3,3] f32[2,1,3,3]"},
    {"larger output_shape", TRANSPOSE, "strides=[3,2] output_shape=[15,13]",
     "f32[2,2,15,13] f32[1,2,3,3] f32[2,1,3,3]"},
    {"smaller output_shape", TRANSPOSE, "strides=[2,2] output_shape=[8,8]", "f32[1,2,8,8] f32[2,2,4,3] f32[1,2,4,4]"},
    {"SAME_UPPER", TRANSPOSE, "strides=[2,2] auto_pad='SAME_UPPER'", "f32[1,3,8,10] f32[2,3,3,5] f32[1,2,4,5]"},
    {"SAME_LOWER", TRANSPOSE, "strides=[2,2] auto_pad='SAME_LOWER'", "f32[1,3,8,10] f32[2,3,3,5] f32[1,2,4,5]"},
    {"SAME of a short kernel", TRANSPOSE, "strides=[3,3] auto_pad='SAME_UPPER'",
     "f32[2,3,12,15] f32[2,3,2,1] f32[2,2,4,5]"},
    {"dilations", TRANSPOSE, "dilations=[2,3] strides=[2,1]", "f32[1,4,11,8] f32[5,4,3,2] f32[1,5,4,5]"},
    {"groups", TRANSPOSE, "group=2 strides=[2,2] pads=[1,1,1,1]", "f32[2,10,7,9] f32[6,5,3,3] f32[2,6,4,5]",
     .macs = 2.0 * 20 * 6 * 5 * 9},
    {"constant weights", TRANSPOSE, "strides=[2,2]", "f32[1,67,9,11] !f32[6,67,3,3] f32[1,6,4,5]"},
    {"signal", CONV, "pads=[1,1]", "f32[2,8,9] f32[8,4,3] f32[2,4,9]"},
    {"signal, all attributes", CONV, "strides=[2] dilations=[2] pads=[3,1] group=2",
     "f32[1,6,9] f32[6,2,3] f32[1,4,17]"},
    {"volume", CONV, "pads=[1,1,1,1,1,1]", "f32[2,8,3,4,5] f32[8,4,3,3,3] f32[2,4,3,4,5]"},
    {"volume, all attributes", CONV, "strides=[2,1,3] dilations=[3,2,1] pads=[1,0,2,3,2,0] group=2",
     "f32[2,6,5,5,4] f32[6,2,2,3,2] f32[2,4,8,7,9]", .macs = 2.0 * 100 * 6 * 2 * 12},
    {"volume, planes alone", CONV, "pads=[0,1,1,0,1,1]", "f32[2,8,3,5,4] f32[8,6,1,3,3] f32[2,6,3,5,4]"},
    {"signal", TRANSPOSE, "strides=[2] pads=[1,0]", "f32[2,3,12] f32[5,3,3] f32[2,5,6]"},
    {"volume", TRANSPOSE, "strides=[2,2,2]", "f32[2,4,6,8,6] f32[5,4,2,2,2] f32[2,5,3,4,3]"},
    {"volume, all attributes", TRANSPOSE,
     "strides=[3,2,1] dilations=[2,1,2] pads=[1,0,2,2,1,1] output_padding=[2,1,0] group=2",
     "f32[2,4,8,9,6] f32[6,2,2,3,3] f32[2,6,3,4,5]", .macs = 2.0 * 60 * 6 * 2 * 18},
    {"exact sums", TRANSPOSE, "strides=[2,2]", "f32#[1,5,9,11] f32#[140,5,3,3] f32#[1,140,4,5]"},
};

Test(conv_backward_data, agrees_with_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(conv_backward_data, agrees_with_twin_whatever_the_lowering)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int lowering = STOA_LOWERING_AUTO + 1; lowering < STOA_LOWERING_COUNT; lowering++)
            op_check_lowering(&rows[i], (enum stoa_lowering)lowering);
}

static const struct op_refusal refused[] = {
    {{"dY of another size", CONV, "pads=[1,1,1,1]", "f32[1,8,7,9] f32[8,4,3,3] f32[1,4,7,8]"},
     STOA_ERROR_SHAPE,
     "input dY has dims [1,8,7,9], the output has [1,8,7,8]"},
    {{"dY of other channels", TRANSPOSE, "", "f32[1,7,7,8] f32[4,8,3,3] f32[1,4,5,6]"},
     STOA_ERROR_SHAPE,
     "input dY has dims [1,7,7,8], the output has [1,8,7,8]"},
    {{"W of other channels", CONV, "", "f32[1,8,5,6] f32[8,5,3,3] f32[1,4,7,8]"}, STOA_ERROR_SHAPE, "input W"},
    {{"dY of doubles", CONV, "", "f64[1,8,5,6] f32[8,4,3,3] f32[1,4,7,8]"}, STOA_ERROR_UNSUPPORTED, "input dY"},
};

Test(conv_backward_data, refuses)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* The same convolution's gradient with regard to W and B. */
static struct op_row of_weights(const struct op_row *row, unsigned unwanted)
{
    struct op_row result = *row;
    bool conv = strcmp(row->type, "ConvBackwardData") == 0;
    result.type = conv ? "ConvBackwardWeights" : "ConvTransposeBackwardWeights";
    result.outputs = 2;
    result.unwanted = unwanted;
    result.macs = unwanted & 1 ? 0 : row->macs; /* B's is a sum */
    return result;
}

Test(conv_backward_weights, agrees_with_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        for (unsigned unwanted = 0; unwanted < 3; unwanted++) {
            struct op_row row = of_weights(&rows[i], unwanted);
            op_check(&row);
        }
}

Test(conv_backward_weights, agrees_with_twin_whatever_the_lowering)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        for (int lowering = STOA_LOWERING_AUTO + 1; lowering < STOA_LOWERING_COUNT; lowering++) {
            struct op_row row = of_weights(&rows[i], 0);
            op_check_lowering(&row, (enum stoa_lowering)lowering);
        }
}

Test(conv_backward_weights, refuses)
{
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct op_refusal refusal = refused[i];
        refusal.row = of_weights(&refused[i].row, 0);
        op_check_refused(&refusal);
    }
}
