/* Operators that rename dimensions, tell shapes, or change types, against the twin. */
#include <criterion/criterion.h>
#include <stdbool.h>

#include "ops/op.h"
#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Flatten", "Flatten", 7, "", "f32[2,5,7,3]"},
    {"Flatten all", "Flatten", 9, "axis=0", "f32[2,5,7,3]"},
    {"Flatten behind the last", "Flatten", 9, "axis=4", "f32[2,5,7,3]"},
    {"Flatten from the end", "Flatten", 11, "axis=-1", "f32[2,5,7,3]"},
    {"Flatten of what is pooled", "Flatten", 11, "", "f32[2,5,1,1]"},
    {"Flatten of a scalar", "Flatten", 13, "axis=0", "f32[]"},
    {"Flatten of nothing", "Flatten", 13, "", "f32[2,0,4]"},
    {"Reshape", "Reshape", 7, "", "f32[2,5,7,3] !i64{10,21}"},
    {"Reshape with an open dimension", "Reshape", 7, "", "f32[2,5,7,3] !i64{2,-1}"},
    {"Reshape keeping dimensions", "Reshape", 13, "", "f32[2,6,7,3] !i64{0,2,3,0,-1}"},
    {"Reshape to a scalar", "Reshape", 13, "", "f32[1,1] !i64{}"},
    {"Reshape of nothing", "Reshape", 13, "", "f32[0,3] !i64{0,7}"},
    {"Reshape to zeros that are meant", "Reshape", 14, "allowzero=1", "f32[3,0,4] !i64{3,4,0}"},
    {"Reshape of int64", "Reshape", 13, "", "i64{1,2,3,4} !i64{2,2}"},
    {"Squeeze of all", "Squeeze", 7, "", "f32[2,1,3,1]"},
    {"Squeeze by attribute", "Squeeze", 11, "axes=[-1]", "f32[2,1,3,1]"},
    {"Squeeze by input", "Squeeze", 13, "", "f32[2,1,3,1] !i64{1}"},
    {"Squeeze by input of nothing", "Squeeze", 13, "", "f32[2,1,3,1] !i64{}"},
    {"Squeeze without input", "Squeeze", 13, "", "f32[1,1]"},
    {"Unsqueeze by attribute", "Unsqueeze", 7, "axes=[0,3]", "f32[5,7]"},
    {"Unsqueeze by input", "Unsqueeze", 13, "", "f32[2,5,7,3] !i64{-1,0}"},
    {"Unsqueeze of a scalar", "Unsqueeze", 13, "", "i64(3) !i64{0}"},
    {"Identity", "Identity", 7, "", "f32[2,5,7,3]"},
    {"Identity of bool", "Identity", 13, "", "b{1,0}"},
    {"Dropout", "Dropout", 7, "ratio=0.1", "f32[2,5,7,3]"},
    {"Dropout with a mask of float", "Dropout", 7, "", "f32[2,5,7,3]", 2},
    {"Dropout with a mask of bool", "Dropout", 10, "", "f32[2,5,7,3]", 2},
    {"Dropout with inputs", "Dropout", 12, "seed=3", "f32[2,5,7,3] f32(0.3) !b(0)", 2},
    {"Dropout without ratio", "Dropout", 13, "", "f32[2,5,7,3] - !b(0)"},
    {"Shape", "Shape", 7, "", "f32[2,5,7,3]"},
    {"Shape of a scalar", "Shape", 13, "", "f32[]"},
    {"Shape from 1", "Shape", 15, "start=1", "f32[2,5,7,3]"},
    {"Shape up to the last", "Shape", 15, "end=-1", "f32[2,5,7,3]"},
    {"Shape far out", "Shape", 15, "start=-10 end=10", "f32[2,5,7,3]"},
    {"Shape of nothing", "Shape", 15, "start=3 end=1", "f32[2,5,7,3]"},
    {"ConstantOfShape", "ConstantOfShape", 9, "", "!i64{2,3}"},
    {"ConstantOfShape of fives", "ConstantOfShape", 9, "value=i64[1]{5}", "!i64{2,3}"},
    {"ConstantOfShape of true", "ConstantOfShape", 9, "value=b(1)", "!i64{3}"},
    {"ConstantOfShape of a scalar", "ConstantOfShape", 9, "", "!i64{}"},
    {"ConstantOfShape of nothing", "ConstantOfShape", 9, "", "!i64{2,0}"},
    {"Cast of float to int64", "Cast", 7, "to=7", "f32{1.7,-1.7,nan,inf,-inf,3e9}"},
    {"Cast of float to int32", "Cast", 9, "to=6", "f32{1.7,-1.7,nan,inf,-inf,3e9}"},
    {"Cast of float to uint8", "Cast", 9, "to=2", "f32{1.7,0.0,255.9,3.0}"},
    {"Cast of float to int8", "Cast", 9, "to=3", "f32{1.7,-128.9,127.9,3.0}"},
    {"Cast of float to bool", "Cast", 13, "to=9", "f32{0.0,-0.0,nan,0.2}"},
    {"Cast of float to double", "Cast", 13, "to=11", "f32[2,5,7,3]"},
    {"Cast of float to float", "Cast", 13, "to=1", "f32[2,5,7,3]"},
    {"Cast of double to float", "Cast", 13, "to=1", "f64[2,5,7,3]"},
    {"Cast of double to int32", "Cast", 13, "to=6", "f64{2147483647.5,-3e9,nan}"},
    {"Cast of int64 to float", "Cast", 13, "to=1", "i64{16777217,-3}"},
    {"Cast of int64 to int32", "Cast", 13, "to=6", "i64{4294967297,-3}"},
    {"Cast of int64 to uint8", "Cast", 13, "to=2", "i64{257,-1}"},
    {"Cast of int32 to double", "Cast", 13, "to=11", "i32{257,-1}"},
    {"Cast of int32 to int8", "Cast", 13, "to=3", "i32{129,-1}"},
    {"Cast of uint8 to int64", "Cast", 13, "to=7", "u8{255,1}"},
    {"Cast of float to uint16", "Cast", 13, "to=4", "f32{-1.5,2.9,65535.0,65536.0,1e9,nan,inf}"},
    {"Cast of float to int16", "Cast", 13, "to=5", "f32{-1.5,-32768.9,32767.9,32768.0,1e9,nan,inf}"},
    {"Cast of float to uint32", "Cast", 13, "to=12", "f32{-1.5,2.9,4294967040.0,4294967296.0,1e19,nan,inf}"},
    {"Cast of float to uint64", "Cast", 13, "to=13", "f32{-1.5,2.9,9223372036854775808.0,1e19,1e30,nan,inf}"},
    {"Cast of float to int64", "Cast", 13, "to=7", "f32{-2.9,9223372036854775808.0,-1e19,nan}"},
    {"Cast of int32 to uint64", "Cast", 13, "to=13", "i32{5,7}"},
    {"Cast of int32 to uint16", "Cast", 13, "to=4", "i32{65537,-1}"},
    {"Cast of int64 to uint32", "Cast", 13, "to=12", "i64{4294967297,-1}"},
    {"Cast of uint64 to float", "Cast", 13, "to=1", "u64{9223372036854775808,3}"},
    {"Cast of uint64 to int32", "Cast", 13, "to=6", "u64{9223372036854775808,4294967295}"},
    {"Cast of uint16 to int16", "Cast", 13, "to=5", "u16{65535,32767}"},
    {"Cast of uint32 to bool", "Cast", 13, "to=9", "u32{4294967295,0}"},
    {"Cast of bool to uint64", "Cast", 13, "to=13", "b{1,0}"},
    {"Transpose of uint16", "Transpose", 13, "perm=[1,0]", "u16#[37,21]"},
    {"Cast, saturating", "Cast", 19, "to=3 saturate=1", "f32{1.7,-128.9,127.9,3.0}"},
    {"Cast, not saturating", "Cast", 21, "to=1 saturate=0", "i32{1,2}"},
    {"CastLike, saturating", "CastLike", 19, "saturate=1", "f32{1.7,-3.2} i32[2]"},
    {"Cast, rounding up", "Cast", 24, "to=3 saturate=1 round_mode='up'", "f32{1.7,-128.9,127.9,3.0}"},
    {"Cast, rounding to the nearest", "Cast", 26, "to=1 round_mode='nearest'", "f64{1.7,-3.2}"},
    {"CastLike, rounding down", "CastLike", 24, "round_mode='down'", "f32{1.7,-3.2} i32[2]"},
    {"Cast to float16", "Cast", 13, "to=10", "f32[3,5,7]"},
    {"Cast to float16 of an image", "Cast", 13, "to=10", "f32[2,3,5,7]"},
    {"Cast to float16, ties", "Cast", 13, "to=10", "f32{2049.0,2051.0,-2049.0,1.00048828125,1.00146484375}"},
    {"Cast to float16, small", "Cast", 13, "to=10",
     "f32{6e-8,2.98023223876953125e-8,2.99e-8,1e-9,-8.9e-8,6.1e-5,-0.0,0.0}"},
    {"Cast to float16, large", "Cast", 13, "to=10", "f32{65504.0,65519.9,65520.0,-65520.0,1e30,inf,-inf,nan}"},
    {"Cast to float16 of double", "Cast", 13, "to=10", "f64{1.00048828125,1.000488281250001,1e300,-5e-324}"},
    {"Cast to float16 of int32", "Cast", 13, "to=10", "i32{2049,2051,-70000}"},
    {"Cast to float16 of bool", "Cast", 13, "to=10", "b{1,0}"},
    {"Cast to bfloat16", "Cast", 13, "to=16", "f32[3,5,7]"},
    {"Cast to bfloat16, ties", "Cast", 13, "to=16", "f32{257.0,259.0,-257.0,1e-40,nan}"},
    {"Cast to bfloat16, large", "Cast", 13, "to=16", "f32{3.3895e38,3.3961e38,3.4e38,-3.4e38,inf}"},
    {"Cast to bfloat16 of int64", "Cast", 13, "to=16", "i64{72057594037927937,70368744177665}"},
    {"CastLike of float", "CastLike", 15, "", "f32{-1.5,2.9} i8[2]{0,0}"},
    {"CastLike of an image", "CastLike", 15, "", "f32[2,3,4,5] f64[1]"},
    {"Cast of int8 to float", "Cast", 13, "to=1", "i8{-128,1}"},
    {"Cast of bool to float", "Cast", 13, "to=1", "b{1,0}"},
    {"Cast of bool to int64", "Cast", 13, "to=7", "b{1,0}"},
};

Test(shape_ops, agree_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"Flatten at axis 9", "Flatten", 9, "axis=9", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "axis is 9"},
    {{"Flatten at axis 3 of 2", "Flatten", 9, "axis=3", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "axis is 3"},
    {{"Reshape with two open", "Reshape", 7, "", "f32[4] !i64{-1,-1}"}, STOA_ERROR_ATTRIBUTE, "shape[1] is -1"},
    {{"Reshape below -1", "Reshape", 7, "", "f32[4] !i64{-2}"}, STOA_ERROR_ATTRIBUTE, "shape[0] is -2"},
    {{"Reshape beyond memory", "Reshape", 7, "", "f32[4] !i64{4294967296,4294967296}"}, STOA_ERROR_LIMIT, "memory"},
    {{"Reshape of nothing beyond memory", "Reshape", 14, "allowzero=1", "f32[0] !i64{0,4294967296,4294967296}"},
     STOA_ERROR_LIMIT,
     "memory"},
    {{"Reshape to other sizes", "Reshape", 7, "", "f32[4] !i64{5}"}, STOA_ERROR_SHAPE, "4 elements"},
    {{"Reshape that leaves a fraction", "Reshape", 7, "", "f32[4] !i64{3,-1}"}, STOA_ERROR_SHAPE, "shape[1] is -1"},
    {{"Reshape that leaves anything", "Reshape", 7, "", "f32[0] !i64{0,-1}"}, STOA_ERROR_SHAPE, "shape[1] is -1"},
    {{"Reshape keeping what is not there", "Reshape", 7, "", "f32[4] !i64{4,0}"}, STOA_ERROR_SHAPE, "shape[1] is 0"},
    {{"Reshape to rank 9", "Reshape", 7, "", "f32[1] !i64{1,1,1,1,1,1,1,1,1}"}, STOA_ERROR_LIMIT, "9 values"},
    {{"Reshape to a shape of rank 2", "Reshape", 7, "", "f32[1] !i64[1,1]"}, STOA_ERROR_SHAPE, "[1,1]"},
    {{"Reshape to a float shape", "Reshape", 7, "", "f32[1] !f32{1.0}"}, STOA_ERROR_GRAPH, "input shape"},
    {{"Reshape to what is computed", "Reshape", 7, "", "f32[4] i64{4}"}, STOA_ERROR_UNSUPPORTED, "input shape"},
    {{"allowzero before 14", "Reshape", 13, "allowzero=1", "f32[4] !i64{4}"}, STOA_ERROR_ATTRIBUTE, "allowzero"},
    {{"Squeeze of more than 1", "Squeeze", 11, "axes=[0]", "f32[2,1]"}, STOA_ERROR_SHAPE, "axis 0"},
    {{"Squeeze of an axis there is not", "Squeeze", 11, "axes=[2]", "f32[2,1]"}, STOA_ERROR_ATTRIBUTE, "axes is 2"},
    {{"Squeeze by what is computed", "Squeeze", 13, "", "f32[2,1] i64{1}"}, STOA_ERROR_UNSUPPORTED, "input axes"},
    {{"Unsqueeze without axes", "Unsqueeze", 11, "", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "axes is missing"},
    {{"Unsqueeze of one axis twice", "Unsqueeze", 11, "axes=[0,-3]", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "twice"},
    {{"Unsqueeze to rank 9", "Unsqueeze", 11, "axes=[0,1]", "f32[1,1,1,1,1,1,1]"}, STOA_ERROR_LIMIT, "rank 9"},
    {{"Dropout of all", "Dropout", 7, "ratio=1.0", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "ratio is 1"},
    {{"Dropout below 0", "Dropout", 7, "ratio=-0.5", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "ratio is -0.5"},
    {{"Dropout of NaN", "Dropout", 7, "ratio=nan", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "ratio is NaN"},
    {{"Dropout of all by input", "Dropout", 12, "", "f32[2] !f32(1.0)"}, STOA_ERROR_ATTRIBUTE, "ratio is 1"},
    {{"Dropout of NaN by input", "Dropout", 12, "", "f32[2] !f32(nan)"}, STOA_ERROR_ATTRIBUTE, "ratio is"},
    {{"Dropout in training", "Dropout", 12, "", "f32[2] !f32(0.5) !b(1)"}, STOA_ERROR_UNSUPPORTED, "training_mode"},
    {{"Dropout perhaps in training", "Dropout", 12, "", "f32[2] - b(0)"}, STOA_ERROR_UNSUPPORTED, "training_mode"},
    {{"Shape from 1 before 15", "Shape", 13, "start=1", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "start"},
    {{"ConstantOfShape below 0", "ConstantOfShape", 9, "", "!i64{2,-1}"}, STOA_ERROR_ATTRIBUTE, "input[1] is -1"},
    {{"ConstantOfShape beyond memory", "ConstantOfShape", 9, "", "!i64{4294967296,4294967296}"},
     STOA_ERROR_LIMIT,
     "memory"},
    {{"ConstantOfShape of two values", "ConstantOfShape", 9, "value=f32[2]{1,2}", "!i64{2}"},
     STOA_ERROR_ATTRIBUTE,
     "attribute value has 2 elements"},
    {{"ConstantOfShape of what is computed", "ConstantOfShape", 9, "", "i64{2}"}, STOA_ERROR_UNSUPPORTED, "input"},
    {{"Cast to nothing", "Cast", 9, "", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "to is missing"},
    {{"Cast to complex", "Cast", 9, "to=14", "f32[2]"}, STOA_ERROR_UNSUPPORTED, "to is 14"},
    {{"Cast to float8", "Cast", 19, "to=17", "f32[2]"}, STOA_ERROR_UNSUPPORTED, "to is 17"},
    {{"Cast to int4", "Cast", 21, "to=22", "f32[2]"}, STOA_ERROR_UNSUPPORTED, "to is 22"},
    {{"Cast, saturating before opset 19", "Cast", 18, "to=1 saturate=1", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "saturate"},
    {{"Cast to int2", "Cast", 25, "to=26", "f32[2]"}, STOA_ERROR_UNSUPPORTED, "to is 26"},
    {{"Cast, rounding before opset 24", "Cast", 23, "to=1 round_mode='up'", "f32[2]"},
     STOA_ERROR_ATTRIBUTE,
     "round_mode is not one"},
    {{"CastLike, rounding otherwise", "CastLike", 24, "round_mode='even'", "f32[2] i32[2]"},
     STOA_ERROR_ATTRIBUTE,
     "round_mode is \"even\""},
    {{"Cast to 99", "Cast", 9, "to=99", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "to is 99"},
};

Test(shape_ops, refuse_what_they_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

/* Channels-last memory must stay where it is when a reshape or flatten can be told by strides alone. */
Test(shape_ops, are_views_where_memory_allows)
{
    static const struct {
        const char *name;
        size_t rank, dims[STOA_MAX_RANK], strides[STOA_MAX_RANK];
        size_t to_rank, to_dims[STOA_MAX_RANK], to_strides[STOA_MAX_RANK];
        bool possible;
    } cases[] = {
        {"plain", 3, {2, 3, 4}, {12, 4, 1}, 2, {6, 4}, {4, 1}, true},
        {"channels in groups", 4, {2, 6, 7, 3}, {126, 1, 18, 6}, 5, {2, 2, 3, 7, 3}, {126, 3, 1, 18, 6}, true},
        {"pixels in one dimension", 4, {2, 6, 7, 3}, {126, 1, 18, 6}, 3, {2, 6, 21}, {126, 1, 6}, true},
        {"one more dimension of 1", 4, {2, 6, 7, 3}, {126, 1, 18, 6}, 5, {1, 2, 6, 7, 3}, {0, 126, 1, 18, 6}, true},
        {"channels and pixels", 4, {2, 6, 7, 3}, {126, 1, 18, 6}, 2, {2, 126}, {0}, false},
        {"what is pooled", 4, {2, 6, 1, 1}, {6, 1, 6, 6}, 2, {2, 6}, {6, 1}, true},
    };
    const struct op *op = stoa_op_find("Reshape", 13, NULL);
    cr_assert(op);
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct stoa_tensor x = {.dtype = STOA_FLOAT, .rank = cases[i].rank},
                           y = {.dtype = STOA_FLOAT, .rank = cases[i].to_rank};
        for (size_t k = 0; k < STOA_MAX_RANK; k++) {
            x.dims[k] = cases[i].dims[k];
            x.strides[k] = cases[i].strides[k];
            y.dims[k] = cases[i].to_dims[k];
        }
        bool viewed =
            op->view(&(struct op_call){.op = op, .input_count = 1, .output_count = 1, .inputs = &x, .outputs = &y});
        cr_expect(viewed == cases[i].possible, "%s: %s", cases[i].name, viewed ? "a view" : "no view");
        for (size_t k = 0; viewed && k < y.rank; k++)
            cr_expect(y.dims[k] == 1 || y.strides[k] == cases[i].to_strides[k], "%s: stride %zu is %zu", cases[i].name,
                      k, y.strides[k]);
    }
}
