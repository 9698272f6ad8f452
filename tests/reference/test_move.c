/* Operators that move elements, rename dimensions, make constants; and Resize. */
#include <criterion/criterion.h>

#include "twin.h"

static const struct twin_row rows[] = {
    {"Concat axis 0", "Concat", 11, "axis=0", "f32[1,2]{1,2} f32[2,2]{3..6}", "f32[3,2]{1..6}", 0},
    {"Concat axis -1", "Concat", 11, "axis=-1", "f32[2,1]{1,2} f32[2,2]{3..6}", "f32[2,3]{1,3,4,2,5,6}", 0},
    {"Split equally", "Split", 11, "axis=1", "f32[2,2]{1..4}", "f32[2,1]{1,3} f32[2,1]{2,4}", 0},
    {"Split by attribute", "Split", 11, "split=[1,2]", "f32[3]{1,2,3}", "f32[1]{1} f32[2]{2,3}", 0},
    {"Split by input, first part unwanted", "Split", 13, "axis=-1", "f32[1,3]{1,2,3} i64[2]{2,1}", "- f32[1,1]{3}", 0},
    {"Split with an empty part", "Split", 13, NULL, "f32[2]{1,2} i64[2]{0,2}", "f32[0]{} f32[2]{1,2}", 0},
    {"Flatten", "Flatten", 9, NULL, "f32[2,1,3]{1..6}", "f32[2,3]{1..6}", 0},
    {"Flatten axis 0", "Flatten", 9, "axis=0", "f32[2,3]{1..6}", "f32[1,6]{1..6}", 0},
    {"Flatten axis -1", "Flatten", 13, "axis=-1", "f32[2,1,3]{1..6}", "f32[2,3]{1..6}", 0},
    {"Flatten axis at the end", "Flatten", 13, "axis=2", "f32[2,3]{1..6}", "f32[6,1]{1..6}", 0},
    {"Reshape 0 and -1", "Reshape", 5, NULL, "f32[2,3,2]{1..12} i64[2]{0,-1}", "f32[2,6]{1..12}", 0},
    {"Reshape allowzero", "Reshape", 14, "allowzero=1", "f32[0,3]{} i64[2]{3,0}", "f32[3,0]{}", 0},
    {"Reshape to a scalar", "Reshape", 14, NULL, "f32[1,1]{7} i64[0]{}", "f32(7)", 0},
    {"Transpose reverses", "Transpose", 1, NULL, "f32[2,3]{1..6}", "f32[3,2]{1,4,2,5,3,6}", 0},
    {"Transpose NCHW to NHWC", "Transpose", 13, "perm=[0,2,3,1]", "f32[1,2,1,3]{1..6}", "f32[1,1,3,2]{1,4,2,5,3,6}", 0},
    {"Squeeze all", "Squeeze", 11, NULL, "f32[1,2,1]{1,2}", "f32[2]{1,2}", 0},
    {"Squeeze by attribute", "Squeeze", 11, "axes=[0]", "f32[1,2,1]{1,2}", "f32[2,1]{1,2}", 0},
    {"Squeeze by input", "Squeeze", 13, NULL, "f32[1,2,1]{1,2} i64[1]{-1}", "f32[1,2]{1,2}", 0},
    {"Unsqueeze by attribute", "Unsqueeze", 11, "axes=[0,2]", "f32[2]{1,2}", "f32[1,2,1]{1,2}", 0},
    {"Unsqueeze by input, unsorted", "Unsqueeze", 13, NULL, "f32[2]{1,2} i64[2]{-1,0}", "f32[1,2,1]{1,2}", 0},
    {"Identity", "Identity", 13, NULL, "i64[2]{1,-2}", "i64[2]{1,-2}", 0},
    {"Dropout", "Dropout", 7, "ratio=0.5", "f32[2]{1,2}", "f32[2]{1,2} f32[2]{1,1}", 0},
    {"Dropout mask is bool", "Dropout", 12, NULL, "f32[2]{1,2} f32(0.5) b(0)", "f32[2]{1,2} b[2]{1,1}", 0},
    {"Pad by attributes", "Pad", 10, "pads=[0,1,0,2] value=9.0", "f32[1,2]{1,2}", "f32[1,5]{9,1,2,9,9}", 0},
    {"Pad by inputs", "Pad", 11, NULL, "f32[1,2]{1,2} i64[4]{1,0,0,1} f32(9)", "f32[2,3]{9,9,9,1,2,9}", 0},
    {"Pad with zeros", "Pad", 13, NULL, "f32[1]{5} i64[2]{1,1}", "f32[3]{0,5,0}", 0},
    {"Pad reflect", "Pad", 11, "mode='reflect'", "f32[3]{1,2,3} i64[2]{2,1}", "f32[6]{3,2,1,2,3,2}", 0},
    {"Pad edge", "Pad", 11, "mode='edge'", "f32[3]{1,2,3} i64[2]{2,1}", "f32[6]{1,1,1,2,3,3}", 0},
    {"Pad negative crops", "Pad", 11, NULL, "f32[3]{1,2,3} i64[2]{-1,1}", "f32[3]{2,3,0}", 0},
    {"Slice by attributes", "Slice", 9, "starts=[1,-2] ends=[9223372036854775807,-1] axes=[0,1]", "f32[2,3]{1..6}",
     "f32[1,1]{5}", 0},
    {"Slice by inputs, step 2", "Slice", 10, NULL, "f32[5]{1..5} i64[1]{1} i64[1]{5} i64[1]{0} i64[1]{2}",
     "f32[2]{2,4}", 0},
    {"Slice backwards", "Slice", 11, NULL, "f32[4]{1..4} i64[1]{-1} i64[1]{-9223372036854775808} i64[1]{0} i64[1]{-1}",
     "f32[4]{4,3,2,1}", 0},
    {"Slice backwards from beyond", "Slice", 11, NULL, "f32[5]{1..5} i64[1]{100} i64[1]{0} i64[1]{-1} i64[1]{-2}",
     "f32[2]{5,3}", 0},
    {"Slice default axes", "Slice", 13, NULL, "f32[2,2]{1..4} i64[2]{0,1} i64[2]{2,2}", "f32[2,1]{2,4}", 0},
    {"Slice of nothing", "Slice", 13, NULL, "f32[2]{1,2} i64[1]{2} i64[1]{1}", "f32[0]{}", 0},
    {"Gather rows", "Gather", 11, NULL, "f32[3,2]{1..6} i64[2]{2,-3}", "f32[2,2]{5,6,1,2}", 0},
    {"Gather axis 1 by a matrix", "Gather", 11, "axis=1", "f32[2,3]{1..6} i64[1,2]{2,0}", "f32[2,1,2]{3,1,6,4}", 0},
    {"Gather by a scalar", "Gather", 13, NULL, "i64[3]{7,8,9} i64(1)", "i64(8)", 0},
    {"Cast cuts", "Cast", 9, "to=7", "f32[3]{1.9,-1.9,nan}", "i64[3]{1,-1,0}", 0},
    {"Cast holds floats within the range", "Cast", 9, "to=2", "f32[2]{300,-1}", "u8[2]{255,0}", 0},
    {"Cast wraps whole numbers", "Cast", 9, "to=3", "i32[2]{200,-129}", "i8[2]{-56,127}", 0},
    {"Cast to bool", "Cast", 9, "to=9", "f32[3]{0,0.5,-3}", "b[3]{0,1,1}", 0},
    {"Cast rounds to float", "Cast", 9, "to=1", "f64[2]{0.1,16777217}", "f32[2]{0.1,16777216}", 0},
    {"Shape", "Shape", 13, NULL, "f32[2,3]{1..6}", "i64[2]{2,3}", 0},
    {"Shape start, end", "Shape", 15, "start=1 end=-1", "f32[2,3,1]{1..6}", "i64[1]{3}", 0},
    {"Constant tensor", "Constant", 11, "value=i64[2]{3,-4}", NULL, "i64[2]{3,-4}", 0},
    {"Constant float", "Constant", 12, "value_float=2.5", NULL, "f32(2.5)", 0},
    {"Constant floats", "Constant", 12, "value_floats=[2.5,3.5]", NULL, "f32[2]{2.5,3.5}", 0},
    {"Constant int", "Constant", 12, "value_int=7", NULL, "i64(7)", 0},
    {"Constant ints", "Constant", 12, "value_ints=[7,8]", NULL, "i64[2]{7,8}", 0},
    {"ConstantOfShape default", "ConstantOfShape", 9, NULL, "i64[2]{1,2}", "f32[1,2]{0,0}", 0},
    {"ConstantOfShape value", "ConstantOfShape", 9, "value=i64[1]{5}", "i64[1]{3}", "i64[3]{5,5,5}", 0},
    {"ConstantOfShape scalar", "ConstantOfShape", 9, "value=f32[1]{5}", "i64[0]{}", "f32(5)", 0},
    {"Expand", "Expand", 8, NULL, "f32[2,1]{1,2} i64[3]{2,1,2}", "f32[2,2,2]{1,1,2,2,1,1,2,2}", 0},
    {"Expand to less keeps x", "Expand", 13, NULL, "f32[2]{1,2} i64[1]{1}", "f32[2]{1,2}", 0},
    {"Resize opset 10 nearest", "Resize", 10, NULL, "f32[1,2]{1,2} f32[2]{1,2}", "f32[1,4]{1,1,2,2}", 0},
    /* floor(5 * 0.5) = 2; coordinates 0, 2 */
    {"Resize opset 10 downwards", "Resize", 10, NULL, "f32[5]{1..5} f32[1]{0.5}", "f32[2]{1,3}", 0},
    {"Resize opset 10 linear", "Resize", 10, "mode='linear'", "f32[2]{1,3} f32[1]{2}", "f32[4]{1,2,3,3}", 1},
    /* coordinates -0.25, 0.25, 0.75, 1.25 */
    {"Resize half_pixel linear", "Resize", 11, "mode='linear'", "f32[2]{0,4} f32[0]{} f32[1]{2}", "f32[4]{0,1,3,4}", 1},
    {"Resize half_pixel nearest", "Resize", 11, "mode='nearest'", "f32[2]{1,2} f32[0]{} f32[1]{2}", "f32[4]{1,1,2,2}",
     0},
    {"Resize align_corners", "Resize", 11, "mode='linear' coordinate_transformation_mode='align_corners'",
     "f32[2]{0,3} - f32[0]{} i64[1]{4}", "f32[4]{0,1,2,3}", 1},
    {"Resize asymmetric", "Resize", 13, "mode='linear' coordinate_transformation_mode='asymmetric'",
     "f32[2]{0,4} - f32[1]{2}", "f32[4]{0,2,4,4}", 1},
    {"Resize pytorch_half_pixel to one", "Resize", 13,
     "mode='linear' coordinate_transformation_mode='pytorch_half_pixel'", "f32[3]{7,8,9} - - i64[1]{1}", "f32[1]{7}",
     1},
    {"Resize half_pixel to one", "Resize", 13, "mode='linear'", "f32[3]{7,8,9} - - i64[1]{1}", "f32[1]{8}", 1},
    /* coordinates (x + 0.5) * 3/2 = 0.75, 2.25 */
    {"Resize tf_half_pixel_for_nn", "Resize", 11,
     "coordinate_transformation_mode='tf_half_pixel_for_nn' nearest_mode='floor'", "f32[3]{7,8,9} - - i64[1]{2}",
     "f32[2]{7,9}", 0},
    /* asymmetric, 2 to 4: coordinates 0, 0.5, 1, 1.5 */
    {"Resize round_prefer_floor", "Resize", 11, "coordinate_transformation_mode='asymmetric'",
     "f32[2]{7,8} - f32[1]{2}", "f32[4]{7,7,8,8}", 0},
    {"Resize round_prefer_ceil", "Resize", 11,
     "coordinate_transformation_mode='asymmetric' nearest_mode='round_prefer_ceil'", "f32[2]{7,8} - f32[1]{2}",
     "f32[4]{7,8,8,8}", 0},
    {"Resize ceil", "Resize", 11, "coordinate_transformation_mode='asymmetric' nearest_mode='ceil'",
     "f32[3]{7,8,9} - f32[1]{1.5}", "f32[4]{7,8,9,9}", 0},
    /* (2 + 0.5) * 3/5 - 0.5 is exactly 1: not a hair below */
    {"Resize by sizes: coordinates that are whole", "Resize", 11, "nearest_mode='floor'", "f32[3]{7,8,9} - - i64[1]{5}",
     "f32[5]{7,7,8,8,9}", 0},
    {"Resize bilinear", "Resize", 11, "mode='linear' coordinate_transformation_mode='align_corners'",
     "f32[1,1,2,2]{0,2,4,6} - - i64[4]{1,1,3,3}", "f32[1,1,3,3]{0,1,2,2,3,4,4,5,6}", 1},
    {"Resize linear to the same size is a move", "Resize", 11, "mode='linear'", "f32[2]{1,2} - f32[1]{1}",
     "f32[2]{1,2}", 0},
};

Test(move, definition)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        twin_check(&rows[i]);
}

static const struct {
    struct twin_row row;
    enum stoa_status status;
} refused[] = {
    {{"Concat without axis", "Concat", 11, NULL, "f32[1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"Concat dims", "Concat", 11, "axis=0", "f32[1,1]{1} f32[1,2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Split unequal", "Split", 11, NULL, "f32[3]{1,2,3}", "f32(0) f32(0)"}, STOA_ERROR_SHAPE},
    {{"Split sum", "Split", 11, "split=[1,1]", "f32[3]{1,2,3}", "f32(0) f32(0)"}, STOA_ERROR_SHAPE},
    {{"Split with fewer sizes than outputs", "Split", 11, "split=[3]", "f32[3]{1,2,3}", "f32(0) f32(0)"},
     STOA_ERROR_SHAPE},
    {{"Flatten axis", "Flatten", 11, "axis=9", "f32[1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"Reshape two -1", "Reshape", 11, NULL, "f32[1]{1} i64[2]{-1,-1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Reshape to another count", "Reshape", 11, NULL, "f32[2]{1,2} i64[1]{3}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Reshape overflow", "Reshape", 11, NULL, "f32[2]{1,2} i64[2]{4294967296,4294967296}", "f32(0)"},
     STOA_ERROR_LIMIT},
    {{"Reshape 0 beyond the rank", "Reshape", 11, NULL, "f32[2]{1,2} i64[2]{2,0}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Transpose perm", "Transpose", 11, "perm=[0,0]", "f32[1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"Transpose perm too short", "Transpose", 11, "perm=[0]", "f32[1,1]{1}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"Squeeze of a long axis", "Squeeze", 11, "axes=[0]", "f32[2]{1,2}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Unsqueeze past rank 8", "Unsqueeze", 11, "axes=[0,1,2,3,4,5,6,7]", "f32[1]{1}", "f32(0)"}, STOA_ERROR_LIMIT},
    {{"Dropout in training", "Dropout", 12, NULL, "f32[1]{1} f32(0.5) b(1)", "f32(0)"}, STOA_ERROR_UNSUPPORTED},
    {{"Pad count", "Pad", 11, NULL, "f32[1]{1} i64[1]{1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Pad crops too much", "Pad", 11, NULL, "f32[1]{1} i64[2]{-1,-1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Pad edge of nothing", "Pad", 11, "mode='edge'", "f32[0]{} i64[2]{1,0}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Pad mode", "Pad", 11, "mode='wrap'", "f32[1]{1} i64[2]{1,0}", "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"Slice step 0", "Slice", 11, NULL, "f32[1]{1} i64[1]{0} i64[1]{1} i64[1]{0} i64[1]{0}", "f32(0)"},
     STOA_ERROR_ATTRIBUTE},
    {{"Slice lists", "Slice", 11, NULL, "f32[1]{1} i64[1]{0} i64[2]{1,1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Gather index", "Gather", 11, NULL, "f32[2]{1,2} i64[1]{2}", "f32(0)"}, STOA_ERROR_DATA},
    {{"Gather rank past 8", "Gather", 11, NULL, "f32[1,1,1,1,1]{1} i64[1,1,1,1,1]{0}", "f32(0)"}, STOA_ERROR_LIMIT},
    {{"Cast to string", "Cast", 11, "to=8", "f32[1]{1}", "f32(0)"}, STOA_ERROR_UNSUPPORTED},
    {{"Constant without value", "Constant", 11, NULL, NULL, "f32(0)"}, STOA_ERROR_ATTRIBUTE},
    {{"ConstantOfShape negative", "ConstantOfShape", 11, NULL, "i64[1]{-1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"ConstantOfShape huge", "ConstantOfShape", 11, NULL, "i64[2]{4294967296,4294967296}", "f32(0)"},
     STOA_ERROR_LIMIT},
    {{"Expand does not fit", "Expand", 11, NULL, "f32[2]{1,2} i64[1]{3}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Resize without scales", "Resize", 11, NULL, "f32[1]{1}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Resize by nothing", "Resize", 11, NULL, "f32[1]{1} - f32[1]{0}", "f32(0)"}, STOA_ERROR_SHAPE},
    {{"Resize NaN", "Resize", 11, NULL, "f32[1]{1} - f32[1]{nan}", "f32(0)"}, STOA_ERROR_SHAPE},
};

Test(move, refused)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        twin_check_refused(&refused[i].row, refused[i].status);
}
