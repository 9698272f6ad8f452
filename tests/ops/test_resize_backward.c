/* The backward passes of Resize and LRN. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"nearest twofold", "ResizeBackward", 13, "coordinate_transformation_mode='asymmetric' nearest_mode='floor'",
     "f32[1,24,10,14] f32[1,24,5,7] - !f32{1.0,1.0,2.0,2.0}"},
    {"nearest, defaults", "ResizeBackward", 13, "", "f32[2,3,10,21] f32[2,3,5,7] - !f32{1.0,1.0,2.0,3.0}"},
    {"nearest, fractions", "ResizeBackward", 13, "nearest_mode='ceil'",
     "f32[1,3,6,15] f32[1,3,8,12] - !f32{1.0,1.0,0.75,1.25}"},
    {"nearest, corners", "ResizeBackward", 11, "coordinate_transformation_mode='align_corners' nearest_mode='floor'",
     "f32[1,3,9,7] f32[1,3,5,4] f32[0] f32[0] !i64{1,3,9,7}"},
    {"nearest, to one pixel", "ResizeBackward", 13, "coordinate_transformation_mode='pytorch_half_pixel'",
     "f32[1,3,1,1] f32[1,3,4,5] - - !i64{1,3,1,1}"},
    {"nearest, channels and batch", "ResizeBackward", 13, "", "f32[4,6,4,5] f32[2,3,4,5] - - !i64{4,6,4,5}"},
    {"nearest of a vector", "ResizeBackward", 13, "", "f32[15] f32[6] - !f32{2.5}"},
    {"nearest of a volume", "ResizeBackward", 13, "", "f32[1,2,6,4,10] f32[1,2,3,4,5] - - !i64{1,2,6,4,10}"},
    {"nearest, same size", "ResizeBackward", 13, "", "f32[2,9,3,4] f32[2,9,3,4] - !f32{1.0,1.0,1.0,1.0}"},
    {"nearest to nothing", "ResizeBackward", 13, "", "f32[1,2,0,4] f32[1,2,1,4] - !f32{1.0,1.0,0.5,1.0}"},
    {"nearest, opset 10", "ResizeBackward", 10, "", "f32[1,5,6,12] f32[1,5,3,4] !f32{1.0,1.0,2.0,3.0}"},
    {"nearest, opset 10, smaller", "ResizeBackward", 10, "mode='nearest'",
     "f32[1,5,4,2] f32[1,5,8,8] !f32{1.0,1.0,0.5,0.25}"},

    {"linear twofold", "ResizeBackward", 13, "mode='linear'", "f32[1,19,10,14] f32[1,19,5,7] - !f32{1.0,1.0,2.0,2.0}"},
    {"linear, smaller", "ResizeBackward", 13, "mode='linear'", "f32[2,3,4,3] f32[2,3,9,8] - !f32{1.0,1.0,0.5,0.375}"},
    {"linear, asymmetric", "ResizeBackward", 13, "mode='linear' coordinate_transformation_mode='asymmetric'",
     "f32[1,16,9,8] f32[1,16,3,4] - !f32{1.0,1.0,3.0,2.0}"},
    {"linear, corners", "ResizeBackward", 11, "mode='linear' coordinate_transformation_mode='align_corners'",
     "f32[1,4,11,17] f32[1,4,6,5] f32[0] f32[0] !i64{1,4,11,17}"},
    {"linear, width alone", "ResizeBackward", 13, "mode='linear'",
     "f32[1,7,4,12] f32[1,7,4,6] - !f32{1.0,1.0,1.0,2.0}"},
    {"linear, height alone", "ResizeBackward", 13, "mode='linear'",
     "f32[1,7,8,6] f32[1,7,4,6] - !f32{1.0,1.0,2.0,1.0}"},
    {"linear of a signal", "ResizeBackward", 13, "mode='linear'", "f32[2,3,25] f32[2,3,10] - - !i64{2,3,25}"},
    {"linear of a volume", "ResizeBackward", 13, "mode='linear'",
     "f32[1,2,6,7,10] f32[1,2,3,4,5] - - !i64{1,2,6,7,10}"},
    {"linear of one element", "ResizeBackward", 13, "mode='linear'", "f32[1,2,3,4] f32[1,2,1,1] - - !i64{1,2,3,4}"},
    {"linear of one channel", "ResizeBackward", 13, "mode='linear'",
     "f32[1,1,29,31] f32[1,1,13,11] - - !i64{1,1,29,31}"},
    {"linear, opset 10", "ResizeBackward", 10, "mode='linear'", "f32[1,3,7,8] f32[1,3,5,4] !f32{1.0,1.0,1.5,2.0}"},

    {"nearest of two axes", "ResizeBackward", 18, "axes=[2,3]", "f32[2,3,10,21] f32[2,3,5,7] - !f32{2.0,3.0}"},
    {"linear of two axes, as floats have them", "ResizeBackward", 18,
     "mode='linear' axes=[3,-2] keep_aspect_ratio_policy='not_larger'", "f32[1,4,8,16] f32[1,4,5,10] - - !i64{17,8}"},
    {"linear, antialias", "ResizeBackward", 18, "mode='linear' antialias=1",
     "f32[1,3,6,5] f32[1,3,13,17] - - !i64{1,3,6,5}"},
    {"cubic, antialias", "ResizeBackward", 18, "mode='cubic' antialias=1 exclude_outside=1",
     "f32[1,3,6,5] f32[1,3,13,17] - - !i64{1,3,6,5}"},
    {"linear, symmetric", "ResizeBackward", 19, "mode='linear' coordinate_transformation_mode='half_pixel_symmetric'",
     "f32[1,3,6,15] f32[1,3,9,13] - !f32{1.0,1.0,0.7,1.2}"},
    {"lrn", "LRNBackward", 13, "size=5", "f32[1,64,5,6] f32[1,64,5,6]"},
    {"lrn, strong", "LRNBackward", 13, "size=3 alpha=2.0 beta=0.5 bias=2.0", "f32[2,7,4,3] f32[2,7,4,3]"},
    {"lrn, strong, beta 3/4", "LRNBackward", 13, "size=5 alpha=3.0 bias=1.5", "f32[2,100,3,3] f32[2,100,3,3]"},
    {"lrn, even window", "LRNBackward", 1, "size=4 alpha=1.0", "f32[1,11,4,4] f32[1,11,4,4]"},
    {"lrn, window of one", "LRNBackward", 13, "size=1 alpha=1.0", "f32[1,5,2,2] f32[1,5,2,2]"},
    {"lrn, window beyond the channels", "LRNBackward", 13, "size=29 alpha=1.0", "f32[1,6,3,3] f32[1,6,3,3]"},
    {"lrn of one channel", "LRNBackward", 13, "size=5 alpha=1.0", "f32[1,1,9,9] f32[1,1,9,9]"},
    {"lrn of a signal", "LRNBackward", 13, "size=3 alpha=1.0", "f32[2,5,80] f32[2,5,80]"},
};

Test(resize_backward, like_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}
