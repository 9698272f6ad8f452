/* Arithmetic of several tensors against the twin, and what integers do. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Add of two images", "Add", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Add of a number a channel", "Add", 7, "", "f32[2,5,7,3] !f32[5,1,1]"},
    {"Add of a number an image and channel", "Add", 13, "", "f32[2,5,1,1] f32[2,5,7,3]"},
    {"Add of a row", "Add", 13, "", "f32[2,5,7,3] f32[3]"},
    {"Add of a column", "Add", 13, "", "f32[2,5,7,3] f32[7,1]"},
    {"Add of a scalar", "Add", 14, "", "f32[] f32[2,5,7,3]"},
    {"Add, both broadcast", "Add", 14, "", "f32[4,1,3] f32[5,1]"},
    {"Add of nothing", "Add", 14, "", "f32[2,0,3] f32[1,3]"},
    {"Add of scalars", "Add", 14, "", "f32[] f32[]"},
    {"Add of several tasks", "Add", 14, "", "f32[2,8,50,50] f32[2,8,50,50]"},
    {"Add of double", "Add", 14, "", "f64[2,3] f64[3]"},
    {"Add of int64", "Add", 14, "", "i64#[2,3] i64#[3]"},
    {"Add of int32 past the end", "Add", 14, "", "i32{2147483647,-2147483648,5} i32{1,-1,6}"},
    {"Add of uint8 past the end", "Add", 14, "", "u8{250,3} u8{10,4}"},
    {"Add of int8 past the end", "Add", 14, "", "i8{120,-128} i8{10,-1}"},
    {"Sub", "Sub", 7, "", "f32[2,5,7,3] f32[5,1,1]"},
    {"Sub from a scalar", "Sub", 7, "", "f32(1.5) f32[2,5,7,3]"},
    {"Add of int16 past the end", "Add", 14, "", "i16{32767,-32768} i16{1,-1}"},
    {"Add of uint16 past the end", "Add", 14, "", "u16{65535,3} u16{1,4}"},
    {"Add of uint32 past the end", "Add", 14, "", "u32{4294967295,3} u32{1,4}"},
    {"Add of uint64", "Add", 14, "", "u64{4294967295,9223372036854775808} u64{1,4096}"},
    {"Mul of int16 past the end", "Mul", 14, "", "i16{300,-300} i16{300,7}"},
    {"Mul of uint16 past the end", "Mul", 14, "", "u16{65535,300} u16{65535,300}"},
    {"Sub of uint16 past the end", "Sub", 14, "", "u16{3} u16{4}"},
    {"Sub of uint32 past the end", "Sub", 14, "", "u32{3} u32{4}"},
    {"Div of the least int16 by -1", "Div", 14, "", "i16{-32768,-7} i16{-1,2}"},
    {"Div of uint16 by 65535", "Div", 14, "", "u16{65535,65534} u16{65535,65535}"},
    {"Div of uint32 by the largest", "Div", 14, "", "u32{4294967295,7} u32{4294967295,2}"},
    {"Div of uint64, large", "Div", 14, "", "u64{9223372036854775808,7} u64{4,2}"},
    {"Max of uint64, large", "Max", 13, "", "u64{9223372036854775808,7} u64{4,8}"},
    {"Min of int16", "Min", 13, "", "i16{-300,7} i16{4,-8}"},
    {"Pow of float to uint64", "Pow", 13, "", "f32{1.5,-2.0} u64{2,3}"},
    {"Pow of double to int8", "Pow", 13, "", "f64{1.5,-2.0} i8{-2,3}"},
    {"Pow of int32 to uint16", "Pow", 13, "", "i32{2,-3} u16{10,3}"},
    {"Pow of int64 to uint64", "Pow", 13, "", "i64{1,-1} u64{9223372036854775808,3}"},
    {"Sub of uint8 past the end", "Sub", 14, "", "u8{3} u8{4}"},
    {"Mul", "Mul", 7, "", "f32[2,5,7,3] f32[2,5,1,1]"},
    {"Mul of int32 past the end", "Mul", 14, "", "i32{65536,-3} i32{65536,7}"},
    {"Mul of int64", "Mul", 7, "", "i64{3,4} i64(5)"},
    {"Div", "Div", 7, "", "f32[2,5,7,3] f32+[2,5,7,3]"},
    {"Div by zero", "Div", 7, "", "f32{1.0,-1.0,0.0} f32(0.0)"},
    {"Div of int64 towards zero", "Div", 7, "", "i64{7,-7,7,-7} i64{2,2,-2,-2}"},
    {"Div of the least int32 by -1", "Div", 14, "", "i32{-2147483648,5} i32{-1,-1}"},
    {"Div of uint8 by 255", "Div", 14, "", "u8{255,254} u8{255,255}"},
    {"Pow", "Pow", 7, "", "f32+[2,5,7,3] f32[2,5,7,3]"},
    {"Pow of a square", "Pow", 7, "", "f32[2,5,7,3] !f32(2.0)"},
    {"Pow of a root", "Pow", 13, "", "f32+[2,5,7,3] !f32(0.5)"},
    {"Pow at the edges", "Pow", 13, "", "f32{0.0,-2.0,nan,1.0,-8.0} f32{0.0,3.0,0.0,nan,0.5}"},
    {"Pow of float to int64", "Pow", 12, "", "f32{1.5,-2.0,3.0} i64{2,3,-1}"},
    {"Pow of float to int32", "Pow", 12, "", "f32{1.5,-2.0,3.0} i32{2,3,-1}"},
    {"Pow of int64 to float", "Pow", 12, "", "i64{2,3,4} f32{3.0,2.0,0.5}"},
    {"Pow of int32 to int32", "Pow", 12, "", "i32{2,-3,4} i32{10,3,0}"},
    {"Pow of int64 to int64", "Pow", 13, "", "i64{2,-3,1} i64{40,3,9}"},
    {"Pow of double", "Pow", 7, "", "f64+[4] f64[4]"},
    {"Max of three", "Max", 8, "", "f32[2,5,7,3] f32[5,1,1] f32[]"},
    {"Max of one", "Max", 13, "", "f32[2,5,7,3]"},
    {"Max passes NaN on from either", "Max", 13, "", "f32{nan,1.0,2.0} f32{1.0,nan,3.0} f32{5.0,5.0,nan}"},
    {"Max of int64", "Max", 13, "", "i64{1,-5} i64{0,7}"},
    {"Min of three", "Min", 8, "", "f32[2,5,7,3] f32[5,1,1] f32[]"},
    {"Min passes NaN on from either", "Min", 13, "", "f32{nan,1.0,2.0} f32{1.0,nan,3.0} f32{5.0,5.0,nan}"},
    {"Min of uint8", "Min", 13, "", "u8{1,200} u8{0,201}"},
    {"Min of int8", "Min", 13, "", "i8{1,-100} i8{0,100}"},
    {"Min of int32", "Min", 13, "", "i32{1,-100} i32{0,100}"},
    {"Max of double", "Max", 13, "", "f64[3] f64[3]"},
    {"Sum of one", "Sum", 8, "", "f32[2,5,7,3]"},
    {"Sum of four, broadcast", "Sum", 8, "", "f32[5,1,1] f32[2,5,7,3] f32[3] f32[2,1,1,1]"},
    {"Sum whose last makes it larger", "Sum", 13, "", "f32[3] f32[1] f32[4,3]"},
};

Test(arithmetic, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"dims that do not broadcast", "Add", 7, "", "f32[2,3] f32[2]"}, STOA_ERROR_SHAPE, "[2]"},
    {{"the third does not broadcast", "Sum", 8, "", "f32[2,3] f32[3] f32[4,1]"}, STOA_ERROR_SHAPE, "input 2"},
    {{"types that differ", "Mul", 7, "", "f32[2] i64[2]"}, STOA_ERROR_GRAPH, "int64"},
    {{"sums of bool", "Add", 7, "", "b{1} b{1}"}, STOA_ERROR_UNSUPPORTED, "bool"},
    {{"an integer divided by 0", "Div", 7, "", "i64{6,7} i64{1,0}"}, STOA_ERROR_DATA, "input B"},
    {{"a small integer divided by 0", "Div", 14, "", "u8{6,7} u8(0)"}, STOA_ERROR_DATA, "uint8"},
    {{"an unsigned integer divided by 0", "Div", 14, "", "u64{6,7} u64(0)"}, STOA_ERROR_DATA, "uint64"},
    {{"powers of uint8", "Pow", 13, "", "u8{2} u8{2}"}, STOA_ERROR_UNSUPPORTED, "uint8"},
    {{"an attribute of old", "Add", 7, "axis=1", "f32[2] f32[2]"}, STOA_ERROR_ATTRIBUTE, "axis"},
    {{"broadcast beyond memory", "Add", 7, "", "f32[0,4194304,1,1] f32[1,1,4194304,1] f32[1,1,1,4194304]"},
     STOA_ERROR_LIMIT,
     "memory"},
};

Test(arithmetic, refuses_what_it_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
