/* Resize. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "base/tensor.h"
#include "ops/direct.h"
#include "support/net.h"
#include "support/op_check.h"

#define SCALES "- !f32{1.0,1.0,"
#define SIZES "- - !i64{"

static const struct op_row rows[] = {
    {"nearest twofold", "Resize", 13, "coordinate_transformation_mode='asymmetric' nearest_mode='floor'",
     "f32[1,24,5,7] " SCALES "2.0,2.0}"},
    {"nearest, defaults", "Resize", 13, "", "f32[2,3,5,7] " SCALES "2.0,3.0}"},
    {"nearest, fractions", "Resize", 13, "nearest_mode='ceil'", "f32[1,3,8,12] " SCALES "0.75,1.25}"},
    {"nearest, by a third", "Resize", 13, "coordinate_transformation_mode='asymmetric' nearest_mode='floor'",
     "f32[1,3,30,32] " SCALES "0.33333334,0.3}"},
    {"nearest, by other fractions", "Resize", 13, "nearest_mode='round_prefer_ceil'",
     "f32[1,3,30,32] " SCALES "2.2,1.6}"},
    {"nearest, rounds half up", "Resize", 13, "nearest_mode='round_prefer_ceil'", "f32[1,5,4,6] " SCALES "0.5,2.0}"},
    {"nearest, rounds half down", "Resize", 13,
     "nearest_mode='round_prefer_floor' coordinate_transformation_mode='asymmetric'",
     "f32[1,5,4,6] " SCALES "4.0,2.0}"},
    {"nearest, corners", "Resize", 11, "coordinate_transformation_mode='align_corners' nearest_mode='floor'",
     "f32[1,3,5,4] f32[0] f32[0] !i64{1,3,9,7}"},
    {"nearest, tf_half_pixel_for_nn", "Resize", 11,
     "coordinate_transformation_mode='tf_half_pixel_for_nn' nearest_mode='floor'", "f32[1,3,4,4] " SIZES "1,3,3,2}"},
    {"nearest, tf_half_pixel_for_nn up, the channels as they are", "Resize", 11,
     "coordinate_transformation_mode='tf_half_pixel_for_nn' nearest_mode='round_prefer_ceil'",
     "f32[2,4,1,2] f32[0] !f32{1.0,1.0,2.0,2.0}"},
    {"linear, scales a little less than they say", "Resize", 13, "mode='linear'", "f32[1,1,10,10] " SCALES "1.3,0.7}"},
    {"nearest, to one pixel", "Resize", 13, "coordinate_transformation_mode='pytorch_half_pixel'",
     "f32[1,3,4,5] " SIZES "1,3,1,1}"},
    {"nearest, channels and batch", "Resize", 13, "", "f32[2,3,4,5] " SIZES "4,6,4,5}"},
    {"nearest of a vector", "Resize", 13, "", "f32[6] - !f32{2.5}"},
    {"nearest of a volume", "Resize", 13, "", "f32[1,2,3,4,5] - - !i64{1,2,6,4,10}"},
    {"nearest to nothing", "Resize", 13, "", "f32[1,2,1,4] " SCALES "0.5,1.0}"},
    {"nearest, same size", "Resize", 13, "", "f32[2,9,3,4] " SCALES "1.0,1.0}"},
    {"nearest, opset 10", "Resize", 10, "", "f32[1,5,3,4] !f32{1.0,1.0,2.0,3.0}"},
    {"nearest, opset 10, smaller", "Resize", 10, "mode='nearest'", "f32[1,5,8,8] !f32{1.0,1.0,0.5,0.25}"},

    {"linear twofold", "Resize", 13, "mode='linear'", "f32[1,19,5,7] " SCALES "2.0,2.0}"},
    {"linear, smaller", "Resize", 13, "mode='linear'", "f32[2,3,9,8] " SCALES "0.5,0.375}"},
    {"linear, asymmetric", "Resize", 13, "mode='linear' coordinate_transformation_mode='asymmetric'",
     "f32[1,16,3,4] " SCALES "3.0,2.0}"},
    {"linear, corners", "Resize", 11, "mode='linear' coordinate_transformation_mode='align_corners'",
     "f32[1,4,6,5] f32[0] f32[0] !i64{1,4,11,17}"},
    {"linear, corners of one pixel", "Resize", 13, "mode='linear' coordinate_transformation_mode='align_corners'",
     "f32[1,4,6,5] " SIZES "1,4,1,9}"},
    {"linear, pytorch_half_pixel", "Resize", 13, "mode='linear' coordinate_transformation_mode='pytorch_half_pixel'",
     "f32[1,4,6,5] " SIZES "1,4,13,1}"},
    {"linear, width alone", "Resize", 13, "mode='linear'", "f32[1,7,4,6] " SCALES "1.0,2.0}"},
    {"linear, height alone", "Resize", 13, "mode='linear'", "f32[1,7,4,6] " SCALES "2.0,1.0}"},
    {"linear of a signal", "Resize", 13, "mode='linear'", "f32[2,3,10] - - !i64{2,3,25}"},
    {"linear of a volume", "Resize", 13, "mode='linear'", "f32[1,2,3,4,5] - - !i64{1,2,6,7,10}"},
    {"linear of one element", "Resize", 13, "mode='linear'", "f32[1,2,1,1] " SIZES "1,2,3,4}"},
    {"linear of one channel", "Resize", 13, "mode='linear' exclude_outside=1", "f32[1,1,13,11] " SIZES "1,1,29,31}"},
    {"linear along 5 axes", "Resize", 13, "mode='linear'", "f32[2,2,2,2,2] - - !i64{3,3,3,3,3}"},
    {"linear, opset 10", "Resize", 10, "mode='linear'", "f32[1,3,5,4] !f32{1.0,1.0,1.5,2.0}"},

    {"cubic twofold", "Resize", 13, "mode='cubic'", "f32[1,19,5,7] " SCALES "2.0,2.0}"},
    {"cubic, smaller", "Resize", 13, "mode='cubic' cubic_coeff_a=-0.5", "f32[2,3,9,8] " SCALES "0.5,0.375}"},
    {"cubic, exclude_outside", "Resize", 11, "mode='cubic' exclude_outside=1 cubic_coeff_a=-0.5",
     "f32[1,3,4,5] f32[0] !f32{1.0,1.0,2.0,1.5}"},
    {"cubic, asymmetric", "Resize", 13, "mode='cubic' coordinate_transformation_mode='asymmetric'",
     "f32[1,16,3,4] " SCALES "3.0,2.0}"},
    {"cubic, corners", "Resize", 13, "mode='cubic' coordinate_transformation_mode='align_corners'",
     "f32[1,4,6,5] " SIZES "1,4,11,17}"},
    {"cubic, pytorch_half_pixel", "Resize", 13, "mode='cubic' coordinate_transformation_mode='pytorch_half_pixel'",
     "f32[1,4,6,5] " SIZES "1,4,13,1}"},
    {"cubic, width alone", "Resize", 13, "mode='cubic'", "f32[1,7,4,6] " SCALES "1.0,2.0}"},
    {"cubic, height alone", "Resize", 13, "mode='cubic'", "f32[1,7,4,6] " SCALES "2.0,1.0}"},
    {"cubic of a signal", "Resize", 13, "mode='cubic'", "f32[2,3,10] - - !i64{2,3,25}"},
    {"cubic of a volume", "Resize", 13, "mode='cubic'", "f32[1,2,3,4,5] - - !i64{1,2,6,7,10}"},
    {"cubic of one pixel", "Resize", 13, "mode='cubic'", "f32[1,2,1,1] " SIZES "1,2,3,4}"},
    {"cubic along 4 axes", "Resize", 13, "mode='cubic'", "f32[2,3,3,2] " SIZES "3,4,5,4}"},

    {"crop, linear", "Resize", 13,
     "mode='linear' coordinate_transformation_mode='tf_crop_and_resize' extrapolation_value=7.5",
     "f32[1,3,6,7] !f32{0.0,0.0,0.4,0.6,1.0,1.0,0.6,0.8} - !i64{1,3,5,4}"},
    {"crop beyond the image", "Resize", 13,
     "mode='linear' coordinate_transformation_mode='tf_crop_and_resize' extrapolation_value=-2.5",
     "f32[1,5,4,4] !f32{0.0,0.0,0.4,-0.7,1.0,1.0,1.2,1.7} - !i64{1,5,6,7}"},
    {"crop beyond the image, nearest, by scales", "Resize", 11,
     "nearest_mode='floor' coordinate_transformation_mode='tf_crop_and_resize' extrapolation_value=3.0",
     "f32[1,3,8,6] !f32{0.0,0.0,-0.3,0.25,1.0,1.0,0.7,1.5} !f32{1.0,1.0,1.5,0.8}"},
    {"crop, cubic", "Resize", 13, "mode='cubic' coordinate_transformation_mode='tf_crop_and_resize'",
     "f32[1,3,8,6] !f32{0.0,0.0,-0.3,0.25,1.0,1.0,0.7,1.3} - !i64{1,3,7,5}"},
    {"crop to one pixel", "Resize", 13, "mode='linear' coordinate_transformation_mode='tf_crop_and_resize'",
     "f32[1,3,5,5] !f32{0.0,0.0,0.2,0.4,1.0,1.0,0.8,0.6} - !i64{1,3,1,1}"},
    {"crop of channels", "Resize", 13, "mode='linear' coordinate_transformation_mode='tf_crop_and_resize'",
     "f32[1,6,3,4] !f32{0.0,0.2,0.0,0.0,1.0,1.2,1.0,1.0} - !i64{1,4,3,4}"},
    {"crop turned round", "Resize", 13, "mode='linear' coordinate_transformation_mode='tf_crop_and_resize'",
     "f32[1,2,5,5] !f32{0.0,0.0,0.8,0.0,1.0,1.0,0.2,1.0} - !i64{1,2,4,5}"},

    {"nearest, opset 7", "Upsample", 7, "scales=[1.0,1.0,2.0,3.0]", "f32[1,5,3,4]"},
    {"linear, opset 7", "Upsample", 7, "mode='linear' scales=[1.0,1.0,2.0,1.5]", "f32[2,5,3,4]"},
    {"nearest, opset 9", "Upsample", 9, "", "f32[1,5,3,4] !f32{1.0,1.0,2.0,3.0}"},
    {"linear of a signal, opset 9", "Upsample", 9, "mode='linear'", "f32[1,5,7] !f32{1.0,1.0,2.0}"},
};

static const struct op_row axes_rows[] = {
    {"nearest of two axes", "Resize", 18, "axes=[2,3]", "f32[2,3,5,7] - !f32{2.0,3.0}"},
    {"linear of two axes, turned around", "Resize", 18, "mode='linear' axes=[-1,2]", "f32[2,3,5,7] - !f32{0.6,1.7}"},
    {"cubic of one axis by its size", "Resize", 18, "mode='cubic' axes=[3]", "f32[1,3,5,7] - - !i64{11}"},
    {"cropped along two axes", "Resize", 18,
     "mode='linear' axes=[2,3] coordinate_transformation_mode='tf_crop_and_resize' extrapolation_value=7.5",
     "f32[1,3,6,8] !f32{-0.1,0.2,0.8,1.3} - !i64{5,9}"},
    {"of no axes", "Resize", 18, "axes=[]", "f32[2,3,5,7] - !f32{1.0,1.0,1.0,1.0}"},
    {"not larger", "Resize", 18, "mode='linear' axes=[2,3] keep_aspect_ratio_policy='not_larger'",
     "f32[1,3,5,10] - - !i64{8,17}"},
    {"not larger, by the other axis", "Resize", 18, "axes=[2,3] keep_aspect_ratio_policy='not_larger'",
     "f32[1,3,10,5] - - !i64{8,17}"},
    {"not smaller", "Resize", 18, "mode='linear' axes=[3,2] keep_aspect_ratio_policy='not_smaller'",
     "f32[1,3,5,10] - - !i64{8,17}"},
    {"not smaller, of all axes", "Resize", 18, "mode='cubic' keep_aspect_ratio_policy='not_smaller'",
     "f32[3,4] - - !i64{7,7}"},
    {"not larger, halves", "Resize", 18, "axes=[0,1] keep_aspect_ratio_policy='not_larger'", "f32[6,5] - - !i64{3,9}"},
    {"stretched", "Resize", 19, "keep_aspect_ratio_policy='stretch' antialias=0", "f32[3,4] - - !i64{7,7}"},
    {"antialias, linear", "Resize", 18, "mode='linear' antialias=1", "f32[2,3,13,17] - !f32{1.0,1.0,0.6,0.3}"},
    {"antialias, cubic", "Resize", 18, "mode='cubic' antialias=1", "f32[1,5,13,17] - - !i64{1,5,6,5}"},
    {"antialias, cubic, nothing outside", "Resize", 19, "mode='cubic' antialias=1 exclude_outside=1 axes=[3,2]",
     "f32[1,5,13,17] - - !i64{6,4}"},
    {"antialias, one axis longer", "Resize", 21, "mode='linear' antialias=1", "f32[1,3,13,7] - !f32{1.0,1.0,0.4,1.6}"},
    {"antialias, nearest", "Resize", 18, "antialias=1", "f32[1,3,13,7] - !f32{1.0,1.0,0.4,0.6}"},
    {"antialias, to little", "Resize", 18, "mode='linear' antialias=1 axes=[3]", "f32[1,2,3,200] - - !i64{2}"},
    {"antialias, to very little", "Resize", 18, "mode='linear' antialias=1 axes=[-1]", "f32[1,1,2,500] - - !i64{2}"},
    {"antialias, corners", "Resize", 18, "mode='linear' antialias=1 coordinate_transformation_mode='align_corners'",
     "f32[2,3,13,17] - - !i64{2,3,5,7}"},
    {"symmetric", "Resize", 19, "mode='linear' coordinate_transformation_mode='half_pixel_symmetric'",
     "f32[1,3,9,13] - !f32{1.0,1.0,0.7,1.2}"},
    {"symmetric, nearest", "Resize", 19, "coordinate_transformation_mode='half_pixel_symmetric'",
     "f32[1,3,9,13] - !f32{1.0,1.0,0.7,1.3}"},
    {"symmetric by sizes", "Resize", 20, "mode='cubic' coordinate_transformation_mode='half_pixel_symmetric'",
     "f32[1,3,9,13] - - !i64{1,3,6,17}"},
};

static const struct op_refusal refused[] = {
    {{"cubic, opset 10", "Resize", 10, "mode='cubic'", "f32[1,1,4,4] !f32{1.0,1.0,2.0,2.0}"},
     STOA_ERROR_ATTRIBUTE,
     "cubic"},
    {{"crop of what", "Resize", 13, "coordinate_transformation_mode='tf_crop_and_resize'",
      "f32[1,1,4,4] " SCALES "2.0,2.0}"},
     STOA_ERROR_GRAPH,
     "input roi is not given"},
    {{"half a region", "Resize", 13, "coordinate_transformation_mode='tf_crop_and_resize'",
      "f32[1,1,4,4] !f32{0.0,0.0,0.0,0.0} !f32{1.0,1.0,2.0,2.0}"},
     STOA_ERROR_SHAPE,
     "roi has dims [4], must have two values"},
    {{"region known too late", "Resize", 13, "coordinate_transformation_mode='tf_crop_and_resize'",
      "f32[1,1] f32{0.0,0.0,1.0,1.0} !f32{2.0,2.0}"},
     STOA_ERROR_UNSUPPORTED,
     "input roi is only computed"},
    {{"a region of negative size", "Resize", 13, "coordinate_transformation_mode='tf_crop_and_resize'",
      "f32[4,4] !f32{0.5,0.0,0.0,1.0} !f32{2.0,2.0}"},
     STOA_ERROR_SHAPE,
     "roi goes from 0.5 to 0 along axis 0"},
    {{"an axis twice", "Resize", 18, "axes=[2,-2]", "f32[1,1,4,4] - !f32{2.0,2.0}"},
     STOA_ERROR_ATTRIBUTE,
     "axes names axis 2 twice"},
    {{"an axis there is not", "Resize", 18, "axes=[4]", "f32[1,1,4,4] - !f32{2.0}"}, STOA_ERROR_ATTRIBUTE, "axes is 4"},
    {{"scales of other axes", "Resize", 18, "axes=[2,3]", "f32[1,1,4,4] " SCALES "2.0,2.0}"},
     STOA_ERROR_SHAPE,
     "a value for each of the named 2 axes"},
    {{"axes before opset 18", "Resize", 17, "axes=[2,3]", "f32[1,1,4,4] - !f32{2.0,2.0}"},
     STOA_ERROR_ATTRIBUTE,
     "axes is not one"},
    {{"antialias beyond measure", "Resize", 18, "antialias=1 mode='linear'", "f32[1,1,600,2] " SIZES "1,1,2,2}"},
     STOA_ERROR_UNSUPPORTED,
     "axis 2 goes from 600 to 2 elements: each would be made of more than 512"},
    {{"antialias before opset 18", "Resize", 17, "antialias=1", "f32[1,1,4,4] " SIZES "1,1,2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "antialias is not one"},
    {{"antialias of 2", "Resize", 18, "antialias=2", "f32[1,1,4,4] " SIZES "1,1,2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "antialias is 2"},
    {{"a ratio kept by scales", "Resize", 18, "keep_aspect_ratio_policy='not_larger'",
      "f32[1,1,4,4] " SCALES "2.0,2.0}"},
     STOA_ERROR_GRAPH,
     "input sizes is not given"},
    {{"a ratio kept in a way unknown", "Resize", 18, "keep_aspect_ratio_policy='not'",
      "f32[1,1,4,4] " SIZES "1,1,2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "keep_aspect_ratio_policy is \"not\""},
    {{"symmetric before opset 19", "Resize", 18, "coordinate_transformation_mode='half_pixel_symmetric'",
      "f32[1,1,4,4] " SIZES "1,1,2,2}"},
     STOA_ERROR_ATTRIBUTE,
     "half_pixel_symmetric"},
    {{"no scales", "Upsample", 7, "", "f32[1,1,4,4]"}, STOA_ERROR_ATTRIBUTE, "scales is missing"},
    {{"two scales for four axes", "Upsample", 7, "scales=[2.0,2.0]", "f32[1,1,4,4]"},
     STOA_ERROR_SHAPE,
     "scales has 2 values"},
    {{"scale 0", "Upsample", 9, "", "f32[1,1,4,4] !f32{1.0,1.0,0.0,2.0}"}, STOA_ERROR_SHAPE, "scales has 0 for axis 2"},
    {{"scales known too late", "Resize", 13, "", "f32[1,1,4,4] - f32{1.0,1.0,2.0,2.0}"},
     STOA_ERROR_UNSUPPORTED,
     "input scales is only computed when the model runs"},
    {{"no size", "Resize", 13, "", "f32[1,1,4,4]"}, STOA_ERROR_GRAPH, "none of the inputs scales and sizes"},
    {{"both", "Resize", 13, "", "f32[1,1] - !f32{1.0,1.0} !i64{1,1}"}, STOA_ERROR_GRAPH, "both of the inputs"},
    {{"two scales for four axes", "Resize", 13, "", "f32[1,1,4,4] - !f32{2.0,2.0}"},
     STOA_ERROR_SHAPE,
     "scales has dims [2]"},
    {{"scale 0", "Resize", 13, "", "f32[1,1,4,4] " SCALES "0.0,2.0}"}, STOA_ERROR_SHAPE, "scales has 0 for axis 2"},
    {{"size -1", "Resize", 13, "", "f32[1,1,4,4] " SIZES "1,1,-1,4}"}, STOA_ERROR_SHAPE, "sizes has -1 for axis 2"},
    {{"scale 1e30", "Resize", 13, "", "f32[1,1,4,4] " SCALES "1e30,1.0}"}, STOA_ERROR_LIMIT, "axis 2"},
    {{"nothing to resize", "Resize", 13, "", "f32[1,1,0,4] " SIZES "1,1,2,4}"}, STOA_ERROR_SHAPE, "no elements"},
    {{"cubic along 6 axes", "Resize", 13, "mode='cubic'", "f32[2,2,2,2,2,2] - - !i64{3,3,3,3,3,3}"},
     STOA_ERROR_UNSUPPORTED,
     "more than 256 elements"},
};

Test(resize, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(resize, axes_and_ratios)
{
    for (size_t i = 0; i < COUNT(axes_rows); i++)
        op_check(&axes_rows[i]);
}

Test(resize, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* Of ONNX's own shape inference: 10 * 1.3f, in float, are 13; 7 * 0.7f are 4. */
Test(resize, sizes_are_products_of_floats)
{
    struct net net;
    net_build(&net,
              "input x f32[1,1,7,10]\nconst s f32{1.0,1.0,0.7,1.3}\nconst c f32[1,1,4,13]\n"
              "y = Resize(x, -, s) mode='linear'\nz = Add(y, c)\noutput z\n",
              NULL);
    stoa_plan_free(net_plan(&net, 0, "sizes"));
    net_free(&net);
}

/* 1 / (1/3) is 3 as floats divide; in double it is a little less, and its floor the element before. */
Test(resize, the_nearest_by_a_scale_is_as_floats_divide)
{
    static float x[30];
    static const float scales[1] = {1.0f / 3};
    for (size_t i = 0; i < 30; i++)
        x[i] = (float)i;
    struct stoa_tensor tensors[2] = {{.dtype = STOA_FLOAT, .rank = 1, .dims = {30}, .data = x},
                                     {.dtype = STOA_FLOAT, .rank = 1, .dims = {1}, .data = (void *)(size_t)scales}};
    for (size_t i = 0; i < 2; i++)
        stoa_tensor_set_plain(&tensors[i]);
    const struct direct direct = {
        .name = "a third",
        .type = "Resize",
        .opset = 13,
        .attribute_count = 2,
        .attributes =
            {{.name = "coordinate_transformation_mode", .kind = ATTRIBUTE_STRING, .string = "asymmetric", .count = 10},
             {.name = "nearest_mode", .kind = ATTRIBUTE_STRING, .string = "floor", .count = 5}},
        .input_count = 3,
        .inputs = {tensors[0], {.dtype = STOA_NONE}, tensors[1]},
        .known = 4,
    };
    struct stoa_tensor y = direct_run(&direct);
    cr_assert(y.dims[0] == 10);
    for (size_t i = 0; i < 10; i++)
        cr_expect(((const float *)y.data)[i] == (float)(3 * i), "%zu: %g", i, (double)((const float *)y.data)[i]);
    free(y.data);
}
