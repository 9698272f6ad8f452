/* Gradients of operators that put elements elsewhere, against the twin. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Concat of channels", "ConcatBackward", 4, "axis=1", "f32[2,8,7,3] f32[2,5,7,3] f32[2,2,7,3] f32[2,1,7,3]", 3},
    {"Concat, one unwanted", "ConcatBackward", 13, "axis=1", "f32[2,8,7,3] f32[2,5,7,3] f32[2,2,7,3] f32[2,1,7,3]", 3,
     2},
    {"Concat of rows", "ConcatBackward", 11, "axis=-2", "f32[2,5,8,3] f32[2,5,7,3] f32[2,5,1,3]", 2},
    {"Concat of one", "ConcatBackward", 13, "axis=0", "f32[2,3] f32[2,3]"},
    {"Concat with nothing", "ConcatBackward", 13, "axis=1", "f32[2,7] f32[2,3] f32[2,0] f32[2,4]", 3},
    {"Concat of eight", "ConcatBackward", 13, "axis=0",
     "f32[8] f32[1] f32[1] f32[1] f32[1] f32[1] f32[1] f32[1] f32[1]", 8},
    {"Split in equal parts", "SplitBackward", 11, "axis=1", "f32[2,6,7,3] - f32[2,2,7,3] f32[2,2,7,3] f32[2,2,7,3]"},
    {"Split by attribute", "SplitBackward", 11, "axis=1 split=[1,0,5]",
     "f32[2,6,7,3] - f32[2,1,7,3] f32[2,0,7,3] f32[2,5,7,3]"},
    {"Split by input", "SplitBackward", 13, "axis=-1", "f32[2,6,7,3] !i64{2,1} f32[2,6,7,2] f32[2,6,7,1]"},
    {"Split, a part unread", "SplitBackward", 13, "axis=1", "f32[2,6,7,3] !i64{2,3,1} f32[2,2,7,3] - f32[2,1,7,3]"},
    {"Split, the first part unread", "SplitBackward", 11, "axis=1 split=[1,5]", "f32[2,6,7,3] - - f32[2,5,7,3]"},
    {"Split, the last parts unread", "SplitBackward", 13, "axis=1", "f32[2,6,7,3] - f32[2,2,7,3]"},
    {"Split by attribute, the last part unread", "SplitBackward", 11, "axis=1 split=[1,5]",
     "f32[2,6,7,3] - f32[2,1,7,3]"},
    {"Split by input, the last part unread", "SplitBackward", 13, "axis=2", "f32[2,6,7] !i64{3,2,2} - f32[2,6,2]"},
    {"Split by default", "SplitBackward", 13, "", "f32[4,3] - f32[2,3] f32[2,3]"},
    {"Flatten", "ReshapeBackward", 13, "axis=1", "f32[2,105] f32[2,5,7,3]"},
    {"Reshape", "ReshapeBackward", 14, "allowzero=0", "f32[6,35] f32[2,5,7,3]"},
    {"Reshape of an image to one", "ReshapeBackward", 13, "", "f32[2,5,3,7] f32[2,5,7,3]"},
    {"Squeeze", "ReshapeBackward", 11, "axes=[2,3]", "f32[2,5] f32[2,5,1,1]"},
    {"Squeeze of all", "ReshapeBackward", 13, "", "f32[] f32[1,1,1,1]"},
    {"Unsqueeze", "ReshapeBackward", 11, "axes=[0,-1]", "f32[1,5,7,1] f32[5,7]"},
    {"Reshape of nothing", "ReshapeBackward", 13, "", "f32[0,3] f32[3,0,2]"},
    {"Transpose reversed", "TransposeBackward", 7, "", "f32[3,7,5,2] f32[2,5,7,3]"},
    {"Transpose to channels last", "TransposeBackward", 13, "perm=[0,2,3,1]", "f32[2,7,3,5] f32[2,5,7,3]"},
    {"Transpose in a circle", "TransposeBackward", 13, "perm=[2,-1,0,1]", "f32[7,3,2,5] f32[2,5,7,3]"},
    {"Transpose of rank 5", "TransposeBackward", 13, "perm=[3,0,2,1,4]", "f32[4,2,3,2,5] f32[2,2,3,4,5]"},
    {"Transpose of a scalar", "TransposeBackward", 13, "", "f32[] f32[]"},
    {"Identity", "IdentityBackward", 13, "", "f32[2,5,7,3]"},
    {"Dropout", "IdentityBackward", 7, "ratio=0.5", "f32[2,5,7,3]"},
    {"Dropout of opset 13", "IdentityBackward", 13, "seed=7", "f32[2,5]"},
    {"Pad with 0", "PadBackward", 7, "pads=[0,0,1,2,0,0,3,4]", "f32[2,5,11,9] f32[2,5,7,3]"},
    {"Pad with a number", "PadBackward", 10, "pads=[1,0,0,1] value=1.5 mode='constant'", "f32[3,4] f32[2,3]"},
    {"Pad by an input", "PadBackward", 11, "", "f32[3,6,9,4] f32[2,5,7,3] !i64{0,1,0,1,1,0,2,0}"},
    {"Pad by cutting", "PadBackward", 11, "", "f32[2,3,6,3] f32[2,5,7,3] !i64{0,-1,-2,1,0,-1,1,-1}"},
    {"Pad by cutting all", "PadBackward", 11, "", "f32[0] f32[4] !i64{-2,-2}"},
    {"Pad behind what was cut", "PadBackward", 11, "", "f32[4] f32[3] !i64{-5,6}"},
    {"Pad of nothing", "PadBackward", 11, "", "f32[2,3] f32[0,2] !i64{1,0,1,1}"},
    {"Pad by reflection", "PadBackward", 11, "mode='reflect'", "f32[2,5,16,6] f32[2,5,7,3] !i64{0,0,3,2,0,0,6,1}"},
    {"Pad by reflection, cutting", "PadBackward", 11, "mode='reflect'", "f32[9] f32[7] !i64{-2,4}"},
    {"Pad by the edge", "PadBackward", 11, "mode='edge'", "f32[3,6,19,6] f32[2,5,7,3] !i64{0,1,3,2,1,0,9,1}"},
    {"Pad by the edge, cutting", "PadBackward", 11, "mode='edge'", "f32[7] f32[5] !i64{3,-1}"},
    {"Pad by the edge of one", "PadBackward", 11, "mode='edge'", "f32[4,5] f32[1,1] !i64{1,2,2,2}"},
    {"Slice by attributes", "SliceBackward", 9, "starts=[1,0] ends=[3,-1] axes=[1,3]", "f32[2,2,7,2] f32[2,5,7,3]"},
    {"Slice of channels", "SliceBackward", 13, "", "f32[2,3,7,3] f32[2,5,7,3] !i64{2} !i64{9} !i64{1}"},
    {"Slice by inputs", "SliceBackward", 10, "", "f32[2,3,5,3] f32[2,5,7,3] !i64{1,1} !i64{4,6} !i64{1,2}"},
    {"Slice by steps", "SliceBackward", 13, "", "f32[2,2,2,3] f32[2,5,7,3] !i32{1,1} !i32{4,6} !i32{-3,2} !i32{2,3}"},
    {"Slice backwards", "SliceBackward", 10, "",
     "f32[2,5,3,3] f32[2,5,7,3] !i64{-1,5} !i64{-1000,0} !i64{1,2} !i64{-1,-2}"},
    {"Slice backwards from far out", "SliceBackward", 10, "", "f32[2] f32[7] !i64{1000} !i64{2} !i64{0} !i64{-3}"},
    {"Slice of one, an odd step", "SliceBackward", 10, "",
     "f32[1] f32[7] !i64{9223372036854774784} !i64{-9223372036854775808} !i64{0} !i64{-9000000000000000000}"},
    {"Slice of nothing left", "SliceBackward", 10, "", "f32[0,2] f32[7,2] !i64{5} !i64{2}"},
    {"Slice of all", "SliceBackward", 10, "", "f32[3,2] f32[3,2] !i64{} !i64{}"},
    {"Gather of rows", "GatherBackward", 7, "", "f32[4,4] f32[5,4] i64{0,4,2,2}"},
    {"Gather of channels", "GatherBackward", 11, "axis=1", "f32[2,4,7,3] f32[2,5,7,3] i64{4,-5,-1,4}"},
    {"Gather by one index", "GatherBackward", 13, "axis=-1", "f32[2,5,7] f32[2,5,7,3] i64(1)"},
    {"Gather by int32", "GatherBackward", 13, "axis=2", "f32[2,5,2,3] f32[2,5,7,3] i32{6,0}"},
    {"Gather by two dimensions", "GatherBackward", 13, "axis=1", "f32[2,2,2,3] f32[2,5,3] !i64#[2,2]"},
    {"Gather of one row many times", "GatherBackward", 13, "", "f32[40,300] f32[3,300] i64{1*40}"},
    {"Gather nothing", "GatherBackward", 13, "", "f32[0,4] f32[5,4] i64{}"},
    {"Cast to float", "CastBackward", 13, "to=1", "f32[2,5,7,3] f64[2,5,7,3]"},
    {"Cast to double", "CastBackward", 13, "to=11", "f64[2,5,7,3] f32[2,5,7,3]"},
};

static const struct op_refusal refused[] = {
    {{"a part too long", "ConcatBackward", 13, "axis=0", "f32[4] f32[2] f32[3]", 2},
     STOA_ERROR_SHAPE,
     "the output float[5]"},
    {{"more gradients than parts", "SplitBackward", 11, "split=[4]", "f32[4] - f32[4] f32[4]"},
     STOA_ERROR_SHAPE,
     "2 gradients of 1 parts"},
    {{"parts of other dims", "SplitBackward", 13, "", "f32[4,3] - f32[2,3] f32[2,2]"}, STOA_ERROR_SHAPE, "output 1"},
    {{"fewer elements", "ReshapeBackward", 13, "", "f32[4] f32[5]"}, STOA_ERROR_SHAPE, "input [5]"},
    {{"not transposed", "TransposeBackward", 13, "", "f32[2,3] f32[2,3]"}, STOA_ERROR_SHAPE, "the output float[3,2]"},
    {{"not padded", "PadBackward", 13, "", "f32[3] f32[3] !i64{1,1}"}, STOA_ERROR_SHAPE, "the output float[5]"},
    {{"not sliced", "SliceBackward", 13, "", "f32[3] f32[3] !i64{1} !i64{2}"}, STOA_ERROR_SHAPE, "the output float[1]"},
    {{"not picked", "GatherBackward", 13, "", "f32[3] f32[3] i64{1}"}, STOA_ERROR_SHAPE, "the output float[1]"},
    {{"past the end", "GatherBackward", 13, "", "f32[1] f32[3] i64{3}"}, STOA_ERROR_DATA, "indices holds 3"},
    {{"of integers", "CastBackward", 13, "to=1", "f32[3] i64[3]"}, STOA_ERROR_UNSUPPORTED, "int64"},
};

Test(move_backward, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(move_backward, refuses_what_does_not_fit)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
