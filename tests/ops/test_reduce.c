/* The reductions. */
#include <criterion/criterion.h>

#include "support/op_check.h"

/* Of numbers that keep clear of a product's overflow and of a logarithm of what is below 0. */
#define ROWS_OF(TYPE, KIND)                                                                                            \
    {TYPE " of all", TYPE, 11, "", "f32" KIND "[3,4,5]"},                                                              \
        {TYPE " of all, dropped", TYPE, 11, "keepdims=0", "f32" KIND "[3,4,1,2]"},                                     \
        {TYPE " of an image", TYPE, 11, "axes=[2,3]", "f32" KIND "[2,65,6,5]"},                                        \
        {TYPE " of an image, dropped", TYPE, 12, "axes=[2,3] keepdims=0", "f32" KIND "[2,65,6,5]"},                    \
        {TYPE " of channels", TYPE, 12, "axes=[1]", "f32" KIND "[2,33,6,5]"},                                          \
        {TYPE " of the last", TYPE, 7, "axes=[-1]", "f32" KIND "[7,9,41]"},                                            \
        {TYPE " of many", TYPE, 7, "axes=[1]", "f32" KIND "[3,1007]"},                                                 \
        {TYPE " of the first", TYPE, 11, "axes=[0] keepdims=0", "f32" KIND "[7,9,41]"},                                \
        {TYPE " of three apart", TYPE, 11, "axes=[0,-3,4] keepdims=0", "f32" KIND "[2,3,4,5,6]"},                      \
        {TYPE " of dims of 1", TYPE, 11, "axes=[0,2]", "f32" KIND "[1,9,1,7]"},                                        \
        {TYPE " of one element", TYPE, 11, "", "f32" KIND "[1]"},                                                      \
        {TYPE " of a scalar", TYPE, 11, "", "f32" KIND "[]"},                                                          \
        {TYPE " of NaN", TYPE, 11, "axes=[1]", "f32[2,3]{1,nan,2,4,5,6}"},                                             \
        {TYPE " of doubles", TYPE, 11, "axes=[1]", "f64" KIND "[2,33,6,5]"},                                           \
        {TYPE " by an input", TYPE, 18, "keepdims=0", "f32" KIND "[2,65,6,5] !i64{2,-1}"},                             \
        {TYPE " of all, by no axes", TYPE, 18, "", "f32" KIND "[3,4,5] !i64{}"},                                       \
        {TYPE " of all, by no input", TYPE, 18, "keepdims=0", "f32" KIND "[3,4,5]"},                                   \
        {TYPE " of nothing, by no axes", TYPE, 18, "noop_with_empty_axes=1", "f32" KIND "[3,4,5] !i64{}"},             \
        {TYPE " of nothing, by no input", TYPE, 20, "noop_with_empty_axes=1", "f32" KIND "[3,4,5]"},                   \
        {TYPE " of axes beside noop", TYPE, 21, "noop_with_empty_axes=1", "f64" KIND "[3,4,5] !i64{1}"},               \
    {                                                                                                                  \
        TYPE " of no lines", TYPE, 11, "axes=[1]", "f32" KIND "[0,2,3]"                                                \
    }

#define ROWS_OF_INTEGERS(TYPE)                                                                                         \
    {TYPE " of int64", TYPE, 12, "axes=[0]", "i64{2,3,-5,7}"}, {TYPE " of int32", TYPE, 12, "", "i32[2,3]{-3..2}"},    \
        {TYPE " of int8", TYPE, 12, "axes=[1] keepdims=0", "i8[2,3]{-3..2}"},                                          \
        {TYPE " of uint8", TYPE, 12, "axes=[0]", "u8[2,3]{1..6}"},                                                     \
    {                                                                                                                  \
        TYPE " of an image of integers", TYPE, 12, "axes=[2,3]", "i32[2,3,2,2]{-11..12}"                               \
    }

static const struct op_row rows[] = {
    ROWS_OF("ReduceMean", ""),
    ROWS_OF("ReduceL1", ""),
    ROWS_OF("ReduceL2", ""),
    ROWS_OF("ReduceSumSquare", ""),
    ROWS_OF("ReduceLogSum", "+"),
    ROWS_OF("ReduceLogSumExp", ""),
    ROWS_OF("ReduceMax", ""),
    ROWS_OF("ReduceMin", ""),
    ROWS_OF("ReduceProd", ""),
    ROWS_OF_INTEGERS("ReduceMean"),
    ROWS_OF_INTEGERS("ReduceL1"),
    ROWS_OF_INTEGERS("ReduceSumSquare"),
    ROWS_OF_INTEGERS("ReduceMax"),
    ROWS_OF_INTEGERS("ReduceMin"),
    ROWS_OF_INTEGERS("ReduceProd"),

    {"mean of nothing", "ReduceMean", 11, "axes=[1]", "f32[2,0,3]"},
    {"product of nothing", "ReduceProd", 11, "axes=[1]", "f32[2,0,3]"},
    {"product of no integers", "ReduceProd", 11, "", "i64[0]{}"},
    {"logarithm of nothing", "ReduceLogSum", 11, "axes=[1]", "f32[2,0,3]"},
    {"logarithm of a sum of no exponentials", "ReduceLogSumExp", 11, "axes=[1]", "f32[2,0,3]"},
    {"norm of nothing", "ReduceL2", 11, "axes=[1]", "f32[2,0,3]"},
    {"exponentials far apart", "ReduceLogSumExp", 11, "axes=[1]", "f32[2,3]{1000,-1000,3,-1000,-1001,-1002}"},
    {"exponentials of infinity", "ReduceLogSumExp", 11, "axes=[1]", "f32[3,2]{inf,1,-inf,-inf,-inf,1}"},
    {"extreme of infinities", "ReduceMax", 11, "axes=[1]", "f32[3,2]{inf,1,-inf,-inf,-inf,1}"},
    {"least of infinities", "ReduceMin", 11, "axes=[1]", "f32[3,2]{inf,1,-inf,-inf,inf,inf}"},
    {"mean of many", "ReduceMean", 11, "axes=[1]", "f32[3,10007]"},

    {"sum of all", "ReduceSum", 13, "", "f32[3,4,5]"},
    {"sum of all, by no axes", "ReduceSum", 13, "", "f32[3,4,5] !i64{}"},
    {"sum of all, dropped", "ReduceSum", 13, "keepdims=0", "f32[3,4,5]"},
    {"sum of an image", "ReduceSum", 13, "", "f32[2,65,6,5] !i64{2,3}"},
    {"sum of an image, dropped", "ReduceSum", 13, "keepdims=0", "f32[2,65,6,5] !i64{-1,-2}"},
    {"sum of channels", "ReduceSum", 13, "", "f32[2,33,6,5] !i64{1}"},
    {"sum of channels by attribute", "ReduceSum", 11, "axes=[1]", "f32[2,33,6,5]"},
    {"sum of all, opset 7", "ReduceSum", 7, "", "f32[2,33,6,5]"},
    {"sum of nothing at all", "ReduceSum", 13, "noop_with_empty_axes=1", "f32[2,3,6,5]"},
    {"sum of nothing at all, by no axes", "ReduceSum", 13, "noop_with_empty_axes=1", "f32[2,3,6,5] !i64{}"},
    {"sum, axes beside the attribute", "ReduceSum", 13, "noop_with_empty_axes=1", "f32[2,3,6,5] !i64{1}"},
    {"sum of nothing", "ReduceSum", 13, "", "f32[2,0,3] !i64{1}"},
    {"sum of uint64", "ReduceSum", 13, "", "u64[2,3]{1..6} !i64{1}"},
    {"product of uint32", "ReduceProd", 13, "", "u32[2,3]{1..6}"},
    {"maximum of uint16", "ReduceMax", 13, "axes=[1]", "u16[2,3]{1..6}"},
    {"minimum of int16", "ReduceMin", 13, "axes=[1]", "i16[2,3]{-3..2}"},
    {"sum of int64", "ReduceSum", 13, "", "i64[2,3]{-5..0} !i64{1}"},
    {"sum of int32", "ReduceSum", 13, "", "i32[2,3]{-5..0} !i64{0}"},
    {"sum of doubles", "ReduceSum", 13, "", "f64[2,5,3,4] !i64{0,3}"},
    {"maximum of int32 by an input", "ReduceMax", 18, "", "i32[2,3]{-3..2} !i64{0}"},
    {"maximum of bools", "ReduceMax", 20, "", "b[2,3]{0,1,0,0,0,0} !i64{1}"},
    {"minimum of bools", "ReduceMin", 20, "keepdims=0", "b[2,3]{1,1,1,0,1,0} !i64{-1}"},
    {"minimum of all bools", "ReduceMin", 21, "", "b{1,1,1}"},
};

Test(reduce, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(reduce, refused)
{
    static const struct op_refusal refused[] = {
        {{"axis 4 of 4", "ReduceMean", 13, "axes=[4]", "f32[1,2,2,2]"}, STOA_ERROR_ATTRIBUTE, "axes is 4"},
        {{"axis twice", "ReduceL1", 13, "axes=[1,-3]", "f32[1,2,2,2]"}, STOA_ERROR_ATTRIBUTE, "axis 1 twice"},
        {{"axis -3 of 2", "ReduceSum", 13, "", "f32[2,2] !i64{-3}"}, STOA_ERROR_ATTRIBUTE, "axes is -3"},
        {{"axes that are not known", "ReduceSum", 13, "", "f32[2,2] i64{1}"}, STOA_ERROR_UNSUPPORTED, "input axes"},
        {{"axes of float", "ReduceSum", 13, "", "f32[2,2] !f32{1}"}, STOA_ERROR_GRAPH, "input axes is of type float"},
        {{"axes by both", "ReduceSum", 13, "axes=[1]", "f32[2,2]"}, STOA_ERROR_ATTRIBUTE, "axes"},
        {{"axes as input, opset 12", "ReduceSum", 12, "", "f32[2,2] !i64{1}"}, STOA_ERROR_GRAPH, "before opset 13"},
        {{"axes by an attribute, opset 18", "ReduceMean", 18, "axes=[1]", "f32[2,2]"}, STOA_ERROR_ATTRIBUTE, "axes"},
        {{"axes as input, opset 17", "ReduceMean", 17, "", "f32[2,2] !i64{1}"}, STOA_ERROR_GRAPH, "before opset 18"},
        {{"noop before opset 18", "ReduceL2", 17, "noop_with_empty_axes=1", "f32[2,2]"}, STOA_ERROR_ATTRIBUTE, "noop"},
        {{"axis 2 of 2, by an input", "ReduceMax", 18, "", "f32[2,2] !i64{2}"}, STOA_ERROR_ATTRIBUTE, "axes is 2"},
        {{"axis twice, by an input", "ReduceL2", 18, "", "f32[2,2] !i64{1,-1}"}, STOA_ERROR_ATTRIBUTE, "axis 1 twice"},
        {{"axes not known, opset 18", "ReduceProd", 18, "", "f32[2,2] i64{1}"}, STOA_ERROR_UNSUPPORTED, "input axes"},
        {{"bools, opset 18", "ReduceMax", 18, "", "b{1,0}"}, STOA_ERROR_UNSUPPORTED, "bool"},
        {{"a sum of bools", "ReduceSum", 20, "", "b{1,0}"}, STOA_ERROR_UNSUPPORTED, "bool"},
        {{"keepdims of 2", "ReduceMax", 13, "keepdims=2", "f32[2,2]"}, STOA_ERROR_ATTRIBUTE, "keepdims is 2"},
        {{"bools", "ReduceMax", 13, "", "b{1,0}"}, STOA_ERROR_UNSUPPORTED, "bool"},
        {{"root of integers", "ReduceL2", 13, "", "i64{1,2}"}, STOA_ERROR_UNSUPPORTED, "int64"},
        {{"logarithm of integers", "ReduceLogSum", 13, "", "i32{1,2}"}, STOA_ERROR_UNSUPPORTED, "int32"},
        {{"maximum of nothing", "ReduceMax", 13, "axes=[1]", "f32[2,0]"}, STOA_ERROR_SHAPE, "along axis 1"},
        {{"minimum of nothing", "ReduceMin", 13, "", "i64[0]{}"}, STOA_ERROR_SHAPE, "axis 0 to take an extreme"},
        {{"mean of no integers", "ReduceMean", 13, "", "i64[0]{}"}, STOA_ERROR_SHAPE, "along axis 0"},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
