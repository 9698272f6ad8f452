/* Comparisons, logic, choices, and what whole numbers leave, against the twin. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"Equal of images", "Equal", 11, "", "f32#[2,5,7,3] f32#[2,5,7,3]"},
    {"Equal of channels", "Equal", 13, "", "f32#[2,5,7,3] f32#[5,1,1]"},
    {"Equal at the edges", "Equal", 13, "", "f32{nan,inf,-inf,0.0,nan} f32{nan,inf,inf,-0.0,1}"},
    {"Equal of bools", "Equal", 7, "", "b{0,1,0,1} b{0,0,1,1}"},
    {"Equal of int64", "Equal", 7, "", "i64{0,-1,9} i64(9)"},
    {"Equal of double", "Equal", 11, "", "f64{1,2.5,nan} f64{1,2,nan}"},
    {"Less", "Less", 7, "", "f32[2,5,7,3] f32[2,5,7,3]"},
    {"Less of a scalar", "Less", 9, "", "f32[] f32[2,5,7,3]"},
    {"Less of several tasks", "Less", 9, "", "f32[3,17000] f32[17000]"},
    {"Less of nothing", "Less", 9, "", "f32[2,0,3] f32[3]"},
    {"Less at the edges", "Less", 13, "", "f32{nan,1,-inf,-0.0,2} f32{1,nan,inf,0.0,2}"},
    {"Less of int32", "Less", 9, "", "i32{-5,3,7} i32{2,3,6}"},
    {"Less of int16", "Less", 9, "", "i16{-5,3,7} i16{2,3,6}"},
    {"Less of int8", "Less", 9, "", "i8{-5,3,7} i8{2,3,6}"},
    {"Less of uint8", "Less", 9, "", "u8{250,3,7} u8{2,3,8}"},
    {"Less of uint16", "Less", 9, "", "u16{65000,3,7} u16{2,3,8}"},
    {"Less of uint32", "Less", 9, "", "u32{4000000000,3,7} u32{2,3,8}"},
    {"Less of uint64", "Less", 9, "", "u64{9300000000000000000,3,7} u64{2,3,8}"},
    {"LessOrEqual", "LessOrEqual", 12, "", "f32#[2,5,7,3] f32#[7,3]"},
    {"LessOrEqual at the edges", "LessOrEqual", 16, "", "f32{nan,1,-inf,-0.0,2} f32{1,nan,inf,0.0,2}"},
    {"LessOrEqual of int64", "LessOrEqual", 16, "", "i64#[2,3,4,5] i64#[3,1,1]"},
    {"Greater", "Greater", 7, "", "f32#[2,5,7,3] f32#[2,5,7,3]"},
    {"Greater, both broadcast", "Greater", 9, "", "f32#[4,1,3] f32#[5,1]"},
    {"Greater of uint64", "Greater", 9, "", "u64{9300000000000000000,3,7} u64{2,3,8}"},
    {"GreaterOrEqual", "GreaterOrEqual", 12, "", "f32#[2,5,7,3] f32#[5,1,1]"},
    {"GreaterOrEqual of double", "GreaterOrEqual", 16, "", "f64{1,nan,3} f64{1,2,nan}"},
    {"And", "And", 7, "", "b{0,1,0,1} b{0,0,1,1}"},
    {"And of images", "And", 7, "", "b<2[2,5,7,3] b<2[5,1,1]"},
    {"Or", "Or", 7, "", "b{0,1,0,1} b{0,0,1,1}"},
    {"Or of images", "Or", 7, "", "b<2[2,5,7,3] b<2[3]"},
    {"Xor", "Xor", 7, "", "b{0,1,0,1} b{0,0,1,1}"},
    {"Xor of images", "Xor", 7, "", "b<2[2,5,7,3] b<2[2,5,7,3]"},
    {"Not", "Not", 1, "", "b<2[2,5,7,3]"},
    {"Not of a scalar", "Not", 7, "", "b(1)"},
    {"IsNaN", "IsNaN", 9, "", "f32{nan,inf,-inf,0.0,1.5}"},
    {"IsNaN of images", "IsNaN", 13, "", "f32[2,5,7,3]"},
    {"IsNaN of double", "IsNaN", 13, "", "f64{nan,inf,1}"},
    {"IsInf", "IsInf", 10, "", "f32{nan,inf,-inf,0.0,1.5}"},
    {"IsInf above", "IsInf", 10, "detect_negative=0", "f32{nan,inf,-inf,0.0,1.5}"},
    {"IsInf below", "IsInf", 10, "detect_positive=0", "f64{nan,inf,-inf,0.0,1.5}"},
    {"IsInf of none", "IsInf", 10, "detect_positive=0 detect_negative=0", "f32{nan,inf,-inf}"},

    {"Where of images", "Where", 9, "", "b<2[2,5,7,3] f32[2,5,7,3] f32[2,5,7,3]"},
    {"Where, all broadcast", "Where", 9, "", "b<2[5,1,1] f32[2,1,7,1] f32[3]"},
    {"Where of a scalar condition", "Where", 16, "", "b(1) f32[2,3] f32[3]"},
    {"Where of scalars", "Where", 16, "", "b(0) f32[] f32[]"},
    {"Where with a constant", "Where", 16, "", "b<2[2,5,7,3] !f32(-inf) f32[2,5,7,3]"},
    {"Where of nothing", "Where", 16, "", "b[0,3] f32[3] f32[1,3]"},
    {"Where of several tasks", "Where", 16, "", "b<2[17000] f32[3,17000] f32[]"},
    {"Where of int64", "Where", 16, "", "b{0,1} i64{3,4} i64{5,6}"},
    {"Where of int16", "Where", 16, "", "b{0,1} i16{3,4} i16{5,6}"},
    {"Where of uint8", "Where", 16, "", "b{0,1} u8{3,4} u8{5,6}"},
    {"Where of bools", "Where", 16, "", "b{0,1} b{0,0} b{1,1}"},
    {"Where of double", "Where", 16, "", "b{0,1} f64{3,4} f64{nan,6}"},

    {"Mod of int64", "Mod", 10, "", "i64{-4,7,5,4,-7,8,0} i64{2,-3,8,-2,3,5,-5}"},
    {"Mod of int32, broadcast", "Mod", 13, "", "i32#[2,5,7,3] i32(3)"},
    {"Mod of the least int32 by -1", "Mod", 13, "", "i32{-2147483648} i32{-1}"},
    {"Mod of the least int64 by -1", "Mod", 13, "", "i64{-9223372036854775808} i64{-1}"},
    {"Mod of int16", "Mod", 13, "", "i16{-4,7,5,4,-7,8} i16{2,-3,8,-2,3,5}"},
    {"Mod of int8", "Mod", 13, "", "i8{-4,7,-128,127} i8{2,-3,-1,-128}"},
    {"Mod of uint8", "Mod", 13, "", "u8{200,7,255} u8{3,255,255}"},
    {"Mod of uint64", "Mod", 13, "", "u64{18446744073709549568,7} u64{1000,7}"},
    {"fmod of float", "Mod", 10, "fmod=1",
     "f32{-4.3,7.2,5.0,4.3,-7.2,8.0,nan,1,inf} f32{2.1,-3.4,8.0,-2.1,3.4,5.0,1,0,2}"},
    {"fmod of images", "Mod", 10, "fmod=1", "f32[2,5,7,3] f32+[5,1,1]"},
    {"fmod of double", "Mod", 13, "fmod=1", "f64{-4.3,7.2} f64{2.1,-3.4}"},
    {"fmod of int64", "Mod", 13, "fmod=1", "i64{-4,7,5,4,-7,8} i64{2,-3,8,-2,3,5}"},
    {"fmod of int8", "Mod", 13, "fmod=1", "i8{-4,7,-128,127} i8{3,-3,-1,-128}"},
    {"BitShift left of uint8", "BitShift", 11, "direction='LEFT'", "u8{16,4,1,255} u8{1,2,3,9}"},
    {"BitShift right of uint8", "BitShift", 11, "direction='RIGHT'", "u8{16,4,1,255} u8{1,2,3,9}"},
    {"BitShift left of uint16", "BitShift", 11, "direction='LEFT'", "u16{16,4,40000} u16{1,20,1}"},
    {"BitShift right of uint32", "BitShift", 11, "direction='RIGHT'", "u32{4000000000,4} u32{31,32}"},
    {"BitShift left of uint32", "BitShift", 11, "direction='LEFT'", "u32{4000000000,5} u32(3)"},
    {"BitShift right of uint64", "BitShift", 11, "direction='RIGHT'", "u64{9300000000000000000,4} u64{60,64}"},
    {"BitShift left of uint64", "BitShift", 11, "direction='LEFT'", "u64{3,4} u64{60,64}"},
};

Test(logic, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refused[] = {
    {{"Equal of two types", "Equal", 11, "", "f32[3] i64[3]"}, STOA_ERROR_GRAPH, "int64"},
    {{"Less of bools", "Less", 9, "", "b{1} b{0}"}, STOA_ERROR_UNSUPPORTED, "bool"},
    {{"And of floats", "And", 7, "", "f32[3] f32[3]"}, STOA_ERROR_UNSUPPORTED, "float"},
    {{"Or of what does not broadcast", "Or", 7, "", "b<2[2,3] b<2[2]"}, STOA_ERROR_SHAPE, "[2]"},
    {{"Not of int64", "Not", 7, "", "i64[3]"}, STOA_ERROR_GRAPH, "int64"},
    {{"an attribute Equal has no more", "Equal", 7, "broadcast=1", "i64[3] i64[3]"}, STOA_ERROR_ATTRIBUTE, "broadcast"},
    {{"IsNaN of int64", "IsNaN", 13, "", "i64[3]"}, STOA_ERROR_UNSUPPORTED, "int64"},
    {{"IsInf with another attribute", "IsInf", 13, "detect=1", "f32[3]"}, STOA_ERROR_ATTRIBUTE, "detect"},
    {{"Where of a condition of float", "Where", 9, "", "f32[3] f32[3] f32[3]"}, STOA_ERROR_GRAPH, "condition"},
    {{"Where of two types", "Where", 9, "", "b<2[3] f32[3] i64[3]"}, STOA_ERROR_GRAPH, "int64"},
    {{"Where of what does not broadcast", "Where", 9, "", "b<2[3] f32[3] f32[2]"}, STOA_ERROR_SHAPE, "[2]"},
    {{"Mod by 0", "Mod", 10, "", "i64{3,4} i64{1,0}"}, STOA_ERROR_DATA, "divide"},
    {{"fmod of int32 by 0", "Mod", 10, "fmod=1", "i32{3,4} i32{1,0}"}, STOA_ERROR_DATA, "divide"},
    {{"Mod of float without fmod", "Mod", 10, "", "f32[3] f32[3]"}, STOA_ERROR_UNSUPPORTED, "float"},
    {{"BitShift nowhere", "BitShift", 11, "", "u8{3} u8{3}"}, STOA_ERROR_ATTRIBUTE, "direction"},
    {{"BitShift of int32", "BitShift", 11, "direction='LEFT'", "i32{3} i32{3}"}, STOA_ERROR_UNSUPPORTED, "int32"},
    {{"BitShift sideways", "BitShift", 11, "direction='UP'", "u8{3} u8{3}"}, STOA_ERROR_ATTRIBUTE, "UP"},
};

Test(logic, refuses_what_it_cannot_do)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
