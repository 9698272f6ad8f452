/* ArgMax, ArgMin, Hardmax, TopK and CumSum. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"largest of channels", "ArgMax", 13, "axis=1", "f32[2,21,6,7]"},
    {"largest of channels, dropped", "ArgMax", 13, "axis=1 keepdims=0", "f32[2,21,6,7]"},
    {"largest of the first", "ArgMax", 11, "", "f32[5,3,2]"},
    {"largest of the last", "ArgMax", 7, "axis=-1", "f32[3,5,100]"},
    {"largest of height", "ArgMax", 13, "axis=2", "f32[2,70,6,7]"},
    {"largest of equal ones", "ArgMax", 13, "axis=1", "f32#[3,100]"},
    {"largest of equal ones, last", "ArgMax", 13, "axis=1 select_last_index=1", "f32#[3,100]"},
    {"largest of equal channels, last", "ArgMax", 12, "axis=1 select_last_index=1", "f32#[2,70,3,5]"},
    {"largest with NaN", "ArgMax", 13, "axis=1", "f32[2,4]{1,nan,nan,2,inf,1,-inf,inf}"},
    {"largest with NaN, last", "ArgMax", 13, "axis=1 select_last_index=1", "f32[2,4]{1,nan,nan,2,inf,1,-inf,inf}"},
    {"smallest with NaN", "ArgMin", 13, "axis=1", "f32[2,4]{1,nan,nan,2,inf,-inf,-inf,inf}"},
    {"zeros of either sign", "ArgMax", 13, "", "f32{-0.0,0.0,-1.0}"},
    {"smallest of channels", "ArgMin", 13, "axis=1", "f32[2,21,6,7]"},
    {"smallest of equal ones, last", "ArgMin", 13, "axis=0 select_last_index=1 keepdims=0", "f32#[50,4]"},
    {"largest of doubles", "ArgMax", 13, "axis=1", "f64[3,9]"},
    {"largest of int64", "ArgMax", 13, "", "i64{2,-5,7,7}"},
    {"smallest of int32", "ArgMin", 13, "", "i32{2,-5,7,-5}"},
    {"largest of int8", "ArgMax", 13, "", "i8{2,-5,7,7}"},
    {"largest of uint8", "ArgMax", 13, "", "u8{2,200,7,7}"},
    {"largest of uint64", "ArgMax", 13, "", "u64{2,200,7,7}"},
    {"smallest of int16", "ArgMin", 13, "", "i16{2,-5,7,-5}"},
    {"largest of one", "ArgMax", 13, "", "f32[1]"},
    {"largest of no lines", "ArgMax", 13, "axis=1", "f32[0,3]"},

    {"hard, scores", "Hardmax", 13, "", "f32[3,1000]"},
    {"hard, along channels", "Hardmax", 13, "axis=1", "f32[2,21,6,7]"},
    {"hard, equal ones", "Hardmax", 13, "axis=1", "f32#[2,21,6,7]"},
    {"hard, all from 1", "Hardmax", 11, "", "f32[2,5,6,7]"},
    {"hard, all from 2, equal ones", "Hardmax", 7, "axis=2", "f32#[2,5,6,7]"},
    {"hard, no rows", "Hardmax", 13, "", "f32[0,3]"},
    {"hard, no columns", "Hardmax", 13, "", "f32[3,0]"},

    {"top 5", "TopK", 11, "", "f32[2,1000] !i64{5}", 2},
    {"top 1", "TopK", 11, "", "f32[7,33] !i64{1}", 2},
    {"all", "TopK", 10, "", "f32[2,17] !i64{17}", 2},
    {"none", "TopK", 10, "", "f32[2,17] !i64{0}", 2},
    {"by attribute", "TopK", 9, "k=3", "f32[2,17]", 2},
    {"along channels", "TopK", 11, "axis=1", "f32[2,21,6,7] !i64{4}", 2},
    {"along the first", "TopK", 11, "axis=0", "f32[21,6,7] !i64{4}", 2},
    {"smallest", "TopK", 11, "largest=0", "f32[2,300] !i64{7}", 2},
    {"equal ones", "TopK", 11, "", "f32#[5,300] !i64{200}", 2},
    {"smallest of equal ones", "TopK", 11, "largest=0 sorted=0", "f32#[5,300] !i64{200}", 2},
    {"NaN", "TopK", 11, "", "f32{1,nan,-inf,inf,nan,-0.0,0.0} !i64{6}", 2},
    {"smallest with NaN", "TopK", 11, "largest=0", "f32{1,nan,-inf,inf,nan,-0.0,0.0} !i64{6}", 2},
    {"of doubles", "TopK", 11, "", "f64[2,300] !i64{7}", 2},
    {"of int64", "TopK", 11, "", "i64{5,-3,5,0,7} !i64{4}", 2},
    {"of int32", "TopK", 11, "largest=0", "i32{5,-3,5,0,7} !i64{4}", 2},
    {"of int8", "TopK", 11, "", "i8{5,-3,5,0,7} !i64{4}", 2},
    {"of uint8", "TopK", 11, "", "u8{5,253,5,0,7} !i64{4}", 2},
    {"of uint64", "TopK", 11, "", "u64{5,253,5,0,7} !i64{4}", 2},
    {"of uint32", "TopK", 11, "", "u32{5,253,5,0,7} !i64{4}", 2},
    {"of uint16", "TopK", 11, "largest=0", "u16{5,253,5,0,7} !i64{4}", 2},
    {"of int16", "TopK", 11, "", "i16{5,-3,5,0,7} !i64{4}", 2},
    {"places alone", "TopK", 11, "", "f32[2,300] !i64{7}", 2, 1},
    {"values alone", "TopK", 11, "", "f32[2,300] !i64{7}", 2, 2},
    {"of no lines", "TopK", 11, "", "f32[0,300] !i64{7}", 2},

    {"cumulated along channels", "CumSum", 11, "", "f32[2,21,6,7] !i64(1)"},
    {"cumulated along the last", "CumSum", 14, "", "f32[2,300] !i32(-1)"},
    {"cumulated, exclusive", "CumSum", 14, "exclusive=1", "f32[2,5,70] !i64{1}"},
    {"cumulated backwards", "CumSum", 14, "reverse=1", "f32[2,5,70] i64{0}"},
    {"cumulated backwards, exclusive", "CumSum", 14, "reverse=1 exclusive=1", "f32[2,5,70] i64(2)"},
    {"cumulated doubles", "CumSum", 14, "", "f64[30] i64(0)"},
    {"cumulated int64", "CumSum", 14, "exclusive=1", "i64[2,3]{-3..2} !i64(1)"},
    {"cumulated int32", "CumSum", 14, "reverse=1", "i32[2,3]{-3..2} !i64(1)"},
    {"cumulated nothing", "CumSum", 14, "", "f32[2,0] !i64(1)"},
};

Test(select, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(select, refused)
{
    static const struct op_refusal refused[] = {
        {{"axis 2 of 2", "ArgMax", 13, "axis=2", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "axis is 2"},
        {{"of nothing", "ArgMin", 13, "axis=1", "f32[2,0]"}, STOA_ERROR_SHAPE, "no elements along axis 1"},
        {{"of bools", "ArgMax", 13, "", "b{1,0}"}, STOA_ERROR_UNSUPPORTED, "bool"},
        {{"last, opset 11", "ArgMax", 11, "select_last_index=1", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "select_last_index"},
        {{"of a scalar", "ArgMax", 11, "", "f32[]"}, STOA_ERROR_ATTRIBUTE, "axis is 0"},
        {{"hard, integers", "Hardmax", 13, "", "i64{2,3}"}, STOA_ERROR_UNSUPPORTED, "int64"},
        {{"hard, axis 9", "Hardmax", 11, "axis=9", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "axis is 9"},
        {{"top 4 of 3", "TopK", 11, "", "f32[2,3] !i64{4}", 2}, STOA_ERROR_SHAPE, "K is 4"},
        {{"top -1", "TopK", 11, "", "f32[2,3] !i64{-1}", 2}, STOA_ERROR_SHAPE, "K is -1"},
        {{"top by none", "TopK", 11, "", "f32[2,3] !i64[0]{}", 2}, STOA_ERROR_SHAPE, "input K"},
        {{"top by two", "TopK", 11, "", "f32[2,3] !i64{1,2}", 2}, STOA_ERROR_LIMIT, "input K"},
        {{"top without K", "TopK", 11, "", "f32[2,3]", 2}, STOA_ERROR_GRAPH, "input K is missing"},
        {{"top with both", "TopK", 9, "k=1", "f32[2,3] !i64{1}", 2}, STOA_ERROR_GRAPH, "input K is there"},
        {{"top without k", "TopK", 9, "", "f32[2,3]", 2}, STOA_ERROR_ATTRIBUTE, "k is missing"},
        {{"top not known", "TopK", 11, "", "f32[2,3] i64{1}", 2}, STOA_ERROR_UNSUPPORTED, "input K"},
        {{"top, axis", "TopK", 11, "axis=-3", "f32[2,3] !i64{1}", 2}, STOA_ERROR_ATTRIBUTE, "axis is -3"},
        {{"cumulated, axis", "CumSum", 11, "", "f32[2,3] !i64(2)"}, STOA_ERROR_ATTRIBUTE, "axis is 2"},
        {{"cumulated, axis found out late", "CumSum", 11, "", "f32[2,3] i64(2)"}, STOA_ERROR_ATTRIBUTE, "axis is 2"},
        {{"cumulated along two", "CumSum", 11, "", "f32[2,3] !i64{0,1}"}, STOA_ERROR_SHAPE, "input axis"},
        {{"cumulated, axis of float", "CumSum", 11, "", "f32[2,3] !f32(0)"}, STOA_ERROR_GRAPH, "input axis"},
        {{"cumulated bools", "CumSum", 11, "", "b{1,0} !i64(0)"}, STOA_ERROR_UNSUPPORTED, "bool"},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
