/* MaxPool, AveragePool and the global pools. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/tensor.h"
#include "ops/direct.h"
#include "support/op_check.h"

static const struct op_row max_rows[] = {
    {"2x2", "MaxPool", 11, "kernel_shape=[2,2]", "f32[1,3,6,7]"},
    {"2x2 stride 2", "MaxPool", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[2,16,8,8]"},
    {"3x3 stride 2 pad 1, as in ResNet", "MaxPool", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]",
     "f32[1,64,15,13]"},
    {"one channel", "MaxPool", 11, "kernel_shape=[3,3] pads=[1,1,1,1]", "f32[1,1,5,9]"},
    {"prime channels", "MaxPool", 11, "kernel_shape=[3,2] strides=[2,3]", "f32[3,37,11,10]"},
    {"few channels", "MaxPool", 11, "kernel_shape=[2,2] strides=[2,2]", "f32[2,6,7,9]"},
    {"few channels, pads", "MaxPool", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]", "f32[2,3,9,8]"},
    {"fewer channels than a vector has lanes", "MaxPool", 11, "kernel_shape=[2,3]", "f32[2,13,5,7]"},
    {"one pixel", "MaxPool", 11, "kernel_shape=[1,1]", "f32[1,5,1,1]"},
    {"stride beyond the kernel", "MaxPool", 11, "kernel_shape=[1,2] strides=[3,5]", "f32[1,17,10,13]"},
    {"kernel as large as the image", "MaxPool", 11, "kernel_shape=[5,4]", "f32[2,3,5,4]"},
    {"asymmetric pads", "MaxPool", 11, "kernel_shape=[3,4] pads=[0,3,2,1]", "f32[1,6,7,5]"},
    {"pads clip on every side", "MaxPool", 11, "kernel_shape=[3,3] pads=[2,2,2,2]", "f32[1,2,1,2]"},
    {"dilations", "MaxPool", 11, "kernel_shape=[2,3] dilations=[3,2]", "f32[1,19,8,9]"},
    {"dilations, pads and stride", "MaxPool", 12, "kernel_shape=[3,3] dilations=[2,3] pads=[2,3,1,4] strides=[2,1]",
     "f32[2,5,9,8]"},
    {"ceil_mode adds a window", "MaxPool", 11, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", "f32[1,7,8,6]"},
    {"ceil_mode adds none", "MaxPool", 11, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", "f32[1,7,7,9]"},
    {"ceil_mode of an image smaller than the window", "MaxPool", 12, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1",
     "f32[1,18,2,2]"},
    {"ceil_mode of no image", "MaxPool", 12, "kernel_shape=[2,1] strides=[2,2] ceil_mode=1", "f32[1,2,3,0]"},
    {"ceil_mode leaves out a window of padding", "MaxPool", 11,
     "kernel_shape=[2,2] strides=[3,3] pads=[0,0,1,1] ceil_mode=1", "f32[1,4,6,6]"},
    {"SAME_UPPER", "MaxPool", 11, "kernel_shape=[3,2] strides=[2,2] auto_pad='SAME_UPPER'", "f32[1,11,9,8]"},
    {"SAME_LOWER", "MaxPool", 11, "kernel_shape=[2,2] auto_pad='SAME_LOWER'", "f32[1,11,5,6]"},
    {"SAME_UPPER, stride beyond the kernel", "MaxPool", 11, "kernel_shape=[1,1] strides=[3,2] auto_pad='SAME_UPPER'",
     "f32[1,2,7,7]"},
    {"VALID", "MaxPool", 11, "kernel_shape=[3,3] strides=[2,2] auto_pad='VALID'", "f32[1,4,8,8]"},
    {"auto_pad beside pads of 0", "MaxPool", 11, "kernel_shape=[3,3] auto_pad='SAME_UPPER' pads=[0,0,0,0]",
     "f32[1,4,5,5]"},
    {"no image", "MaxPool", 11, "kernel_shape=[2,2]", "f32[0,3,4,4]"},
    {"opset 7", "MaxPool", 7, "kernel_shape=[2,2] strides=[2,2] pads=[0,0,0,0]", "f32[1,3,4,6]"},
    {"Indices", "MaxPool", 12, "kernel_shape=[3,2] strides=[2,1] pads=[1,0,1,1]", "f32[2,5,6,7]", 2},
    {"Indices of equal elements", "MaxPool", 12, "kernel_shape=[3,3]", "f32#[1,3,8,8]", 2},
    {"Indices, column-major", "MaxPool", 12, "kernel_shape=[2,2] strides=[2,2] storage_order=1", "f32[2,3,6,5]", 2},
    {"Indices, dilations", "MaxPool", 12, "kernel_shape=[2,2] dilations=[2,3] pads=[1,1,1,1]", "f32[1,4,7,6]", 2},
};

static const struct op_row average_rows[] = {
    {"2x2", "AveragePool", 11, "kernel_shape=[2,2]", "f32[1,3,6,7]"},
    {"7x7, as in a classifier's end", "AveragePool", 11, "kernel_shape=[7,7]", "f32[1,64,7,7]"},
    {"3x3 stride 2 pad 1", "AveragePool", 11, "kernel_shape=[3,3] strides=[2,2] pads=[1,1,1,1]", "f32[2,33,9,7]"},
    {"pads counted", "AveragePool", 11, "kernel_shape=[3,3] pads=[1,1,1,1] count_include_pad=1", "f32[1,16,6,5]"},
    {"asymmetric pads counted", "AveragePool", 11,
     "kernel_shape=[4,3] strides=[3,2] pads=[0,2,3,1] count_include_pad=1", "f32[1,5,6,5]"},
    {"one channel", "AveragePool", 11, "kernel_shape=[2,3] pads=[1,0,0,2]", "f32[1,1,4,5]"},
    {"prime channels", "AveragePool", 11, "kernel_shape=[2,2]", "f32[1,47,3,4]"},
    {"stride beyond the kernel", "AveragePool", 11, "kernel_shape=[2,1] strides=[5,3]", "f32[1,18,12,10]"},
    {"ceil_mode", "AveragePool", 11, "kernel_shape=[3,3] strides=[2,2] ceil_mode=1", "f32[1,8,8,6]"},
    {"ceil_mode of an image smaller than the window, by one", "AveragePool", 11,
     "kernel_shape=[5,4] strides=[4,2] pads=[0,1,0,0] ceil_mode=1 count_include_pad=1", "f32[2,3,4,2]"},
    {"ceil_mode, pads counted but not what lies beyond them", "AveragePool", 11,
     "kernel_shape=[3,3] strides=[2,2] pads=[1,1,0,1] ceil_mode=1 count_include_pad=1", "f32[1,8,7,8]"},
    {"SAME_UPPER", "AveragePool", 11, "kernel_shape=[3,3] auto_pad='SAME_UPPER'", "f32[1,9,5,4]"},
    {"SAME_LOWER, pads counted", "AveragePool", 11, "kernel_shape=[2,4] auto_pad='SAME_LOWER' count_include_pad=1",
     "f32[1,9,5,4]"},
    {"VALID", "AveragePool", 7, "kernel_shape=[2,2] auto_pad='VALID'", "f32[1,9,5,4]"},
    {"dilations", "AveragePool", 19, "kernel_shape=[2,3] dilations=[3,2]", "f32[1,19,8,9]"},
    {"dilations, pads and stride", "AveragePool", 19, "kernel_shape=[3,3] dilations=[2,3] pads=[2,3,1,4] strides=[2,1]",
     "f32[2,5,9,8]"},
    {"dilations, pads counted", "AveragePool", 19,
     "kernel_shape=[3,2] dilations=[2,3] pads=[1,2,3,2] strides=[1,2] count_include_pad=1", "f32[2,33,7,8]"},
    {"dilations, ceil_mode, pads counted", "AveragePool", 20,
     "kernel_shape=[2,2] dilations=[3,2] pads=[1,1,1,0] strides=[3,2] ceil_mode=1 count_include_pad=1", "f32[1,6,9,8]"},
    {"dilations of a signal", "AveragePool", 19, "kernel_shape=[3] dilations=[4] pads=[2,1]", "f32[2,5,17]"},
    {"dilations of a volume", "AveragePool", 21, "kernel_shape=[2,2,2] dilations=[2,1,3] pads=[1,0,1,0,1,2]",
     "f32[1,4,5,6,7]"},
    {"dilations, SAME_UPPER", "AveragePool", 19, "kernel_shape=[3,3] dilations=[2,2] auto_pad='SAME_UPPER'",
     "f32[1,9,7,6]"},
};

static const struct op_row global_rows[] = {
    {"mean", "GlobalAveragePool", 11, "", "f32[2,64,7,7]"},
    {"mean of prime channels", "GlobalAveragePool", 11, "", "f32[1,131,5,3]"},
    {"mean of one pixel", "GlobalAveragePool", 11, "", "f32[3,9,1,1]"},
    {"mean of one channel", "GlobalAveragePool", 11, "", "f32[2,1,33,17]"},
    {"mean of a signal", "GlobalAveragePool", 11, "", "f32[2,5,19]"},
    {"mean of a volume", "GlobalAveragePool", 11, "", "f32[1,6,3,4,5]"},
    {"maximum", "GlobalMaxPool", 11, "", "f32[2,64,7,7]"},
    {"maximum of prime channels", "GlobalMaxPool", 11, "", "f32[1,131,5,3]"},
    {"maximum of one pixel", "GlobalMaxPool", 11, "", "f32[3,9,1,1]"},
    {"maximum of one channel", "GlobalMaxPool", 11, "", "f32[2,1,33,17]"},
    {"maximum of a signal", "GlobalMaxPool", 11, "", "f32[2,5,19]"},
};

static const struct op_refusal refused[] = {
    {{"no kernel_shape", "MaxPool", 11, "", "f32[1,1,4,4]"}, STOA_ERROR_ATTRIBUTE, "kernel_shape is missing"},
    {{"kernel 0", "MaxPool", 11, "kernel_shape=[0,3]", "f32[1,1,4,4]"}, STOA_ERROR_ATTRIBUTE, "kernel_shape[0] is 0"},
    {{"stride 0", "MaxPool", 11, "kernel_shape=[2,2] strides=[0,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "strides[0] is 0"},
    {{"stride -1", "AveragePool", 11, "kernel_shape=[2,2] strides=[1,-1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "strides[1] is -1"},
    {{"stride beyond an int", "MaxPool", 11, "kernel_shape=[2,2] strides=[4294967296,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "strides[0] is 4294967296"},
    {{"three strides", "MaxPool", 11, "kernel_shape=[2,2] strides=[1,1,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "strides has 3 values"},
    {{"three pads", "MaxPool", 11, "kernel_shape=[2,2] pads=[1,1,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads has 3 values"},
    {{"pad -1", "MaxPool", 11, "kernel_shape=[2,2] pads=[-1,0,0,0]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads[0] is -1"},
    {{"dilation 0", "MaxPool", 11, "kernel_shape=[2,2] dilations=[0,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "dilations[0] is 0"},
    {{"dilation 2^62", "MaxPool", 11, "kernel_shape=[2,2] dilations=[4611686018427387904,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "dilations[0]"},
    {{"dilations of AveragePool", "AveragePool", 11, "kernel_shape=[2,2] dilations=[1,1]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "dilations is not one this operator has"},
    {{"pad as wide as the kernel", "MaxPool", 11, "kernel_shape=[3,3] pads=[0,3,0,0]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads[1] is 3"},
    {{"pad as wide as the kernel, average", "AveragePool", 11, "kernel_shape=[2,3] pads=[0,0,2,0]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads[2] is 2"},
    {{"all pads 2^31-1", "MaxPool", 11, "kernel_shape=[3,3] pads=[2147483647,2147483647,2147483647,2147483647]",
      "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads[0] is 2147483647"},
    {{"window between the taps", "MaxPool", 11, "kernel_shape=[2,1] dilations=[9,1] pads=[4,0,4,0]", "f32[1,1,3,3]"},
     STOA_ERROR_SHAPE,
     "no element"},
    {{"kernel beyond the image", "MaxPool", 11, "kernel_shape=[5,5]", "f32[1,1,4,9]"},
     STOA_ERROR_SHAPE,
     "padded input height is 4"},
    {{"unknown auto_pad", "MaxPool", 11, "kernel_shape=[2,2] auto_pad='X'", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "auto_pad is \"X\""},
    {{"auto_pad and pads", "MaxPool", 11, "kernel_shape=[2,2] auto_pad='SAME_UPPER' pads=[0,1,0,0]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "pads[1] is 1 beside auto_pad SAME_UPPER"},
    {{"ceil_mode 2", "MaxPool", 11, "kernel_shape=[2,2] ceil_mode=2", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "ceil_mode is 2"},
    {{"dilations before opset 19", "AveragePool", 18, "kernel_shape=[2,2] dilations=[2,2]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "dilations is not one"},
    {{"dilations before opset 18", "LpPool", 17, "kernel_shape=[2,2] dilations=[2,2]", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "dilations is not one"},
    {{"ceil_mode before opset 18", "LpPool", 17, "kernel_shape=[2,2] ceil_mode=1", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "ceil_mode is not one"},
    {{"a mean of no element", "AveragePool", 19, "kernel_shape=[2,2] dilations=[5,1] pads=[2,0,3,0]", "f32[1,1,1,4]"},
     STOA_ERROR_SHAPE,
     "window 0 has no element"},
    {{"ceil_mode before opset 10", "MaxPool", 9, "kernel_shape=[2,2] ceil_mode=1", "f32[1,1,4,4]"},
     STOA_ERROR_ATTRIBUTE,
     "ceil_mode is not one this operator has at opset 9"},
    {{"a kernel of one axis", "MaxPool", 11, "kernel_shape=[2]", "f32[1,1,4,4]"}, STOA_ERROR_ATTRIBUTE, "1 axes"},
    {{"integers", "GlobalAveragePool", 11, "", "i64{1,2}"}, STOA_ERROR_UNSUPPORTED, "int64"},
    {{"maximum of nothing", "GlobalMaxPool", 11, "", "f32[1,2,0,3]"}, STOA_ERROR_SHAPE, "axis 2"},
    {{"a matrix", "GlobalMaxPool", 11, "", "f32[2,3]"}, STOA_ERROR_SHAPE, "rank 3 or more"},
};

static void check_all(size_t count, const struct op_row *rows)
{
    for (size_t i = 0; i < count; i++)
        op_check(&rows[i]);
}

Test(pool, max)
{
    check_all(COUNT(max_rows), max_rows);
}

Test(pool, average)
{
    check_all(COUNT(average_rows), average_rows);
}

Test(pool, global)
{
    check_all(COUNT(global_rows), global_rows);
}

Test(pool, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* Wherever a NaN lies in a window, it comes out; elsewhere it does not. */
Test(pool, nan_propagates)
{
    static const char *const types[] = {"MaxPool", "GlobalMaxPool"};
    const int64_t kernel[2] = {2, 2};
    for (size_t t = 0; t < 2; t++)
        for (size_t place = 0; place < 4; place++) {
            float x[8] = {1, 5, 2, 6, 3, 7, 4, 8}; /* 2 channels, last */
            x[2 * place + 1] = NAN;
            struct direct direct = {
                .name = types[t],
                .type = types[t],
                .opset = 11,
                .attribute_count = t == 0,
                .attributes = {{.name = "kernel_shape", .kind = ATTRIBUTE_INTS, .integers = kernel, .count = 2}},
                .input_count = 1,
                .inputs = {{.dtype = STOA_FLOAT, .rank = 4, .dims = {1, 2, 2, 2}, .data = x}}};
            stoa_tensor_set_channels_last(&direct.inputs[0]);
            struct stoa_tensor y = direct_run(&direct);
            const float *values = y.data;
            cr_expect(values[0] == 4 && isnan(values[1]), "%s, NaN at %zu: %g, %g", types[t], place, (double)values[0],
                      (double)values[1]);
            free(y.data);
        }
}

Test(pool, bytes)
{
    const int64_t kernel[2] = {2, 2};
    uint8_t x[6] = {3, 200, 127, 128, 5, 255};
    int8_t signed_x[6] = {3, -20, 127, -128, -5, -1};
    struct direct direct = {
        .name = "bytes",
        .type = "MaxPool",
        .opset = 12,
        .attribute_count = 1,
        .attributes = {{.name = "kernel_shape", .kind = ATTRIBUTE_INTS, .integers = kernel, .count = 2}},
        .input_count = 1,
        .inputs = {{.dtype = STOA_UINT8, .rank = 4, .dims = {1, 1, 2, 3}, .data = x}}};
    stoa_tensor_set_plain(&direct.inputs[0]);
    struct stoa_tensor y = direct_run(&direct);
    cr_expect(y.dtype == STOA_UINT8 && ((uint8_t *)y.data)[0] == 200 && ((uint8_t *)y.data)[1] == 255);
    free(y.data);
    direct.inputs[0].dtype = STOA_INT8;
    direct.inputs[0].data = signed_x;
    y = direct_run(&direct);
    cr_expect(y.dtype == STOA_INT8 && ((int8_t *)y.data)[0] == 3 && ((int8_t *)y.data)[1] == 127);
    free(y.data);
}
