/* QuantizeLinear, DequantizeLinear, DynamicQuantizeLinear. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"uint8, one scale", "QuantizeLinear", 13, "", "f32[2,3,5,4] f32(0.02) u8(128)"},
    {"int8, one scale", "QuantizeLinear", 13, "", "f32[2,3,5,4] f32(0.02) i8(-3)"},
    {"no zero point", "QuantizeLinear", 13, "", "f32+[7] f32(0.01)"},
    {"ties go to even", "QuantizeLinear", 13, "", "f32{0.5,1.5,2.5,-0.5,-1.5,3.5} f32(1.0) i8(0)"},
    {"held in the range", "QuantizeLinear", 13, "", "f32{-1e9,1e9,-inf,inf,nan,300.0,-300.0} f32(1.0) i8(5)"},
    {"a scale of 0", "QuantizeLinear", 13, "", "f32{-1.0,0.0,1.0} f32(0.0) u8(7)"},
    {"of int32", "QuantizeLinear", 10, "", "i32{-1000,-3,0,5,1000} f32(2.0) u8(7)"},
    {"a list of one", "QuantizeLinear", 10, "", "f32[3,4] f32{0.5} u8{9}"},
    {"along the channels", "QuantizeLinear", 13, "", "f32[2,3,5,4] f32{0.1,0.02,3.0} u8{1,128,255}"},
    {"along the last axis", "QuantizeLinear", 13, "axis=-1", "f32[2,3,4] f32{0.1,0.02,3.0,1.0} i8{1,-128,0,127}"},
    {"along the first axis", "QuantizeLinear", 13, "axis=0", "f32[2,3] f32{0.1,0.02}"},
    {"opset 21", "QuantizeLinear", 21, "axis=1 block_size=0 saturate=0",
     "f32[2,3,5,4] f32{0.1,0.02,3.0} u8{1,128,255}"},
    {"to a type that is stated", "QuantizeLinear", 21, "output_dtype=3", "f32[2,3,5,4] f32(0.02)"},
    {"to the zero point's type, stated", "QuantizeLinear", 21, "output_dtype=2", "f32[7] f32(0.02) u8(9)"},
    {"computed in float, stated", "QuantizeLinear", 23, "precision=1 output_dtype=2 block_size=0",
     "f32[2,3,5,4] f32(0.02) u8(128)"},
    {"computed in float16, which is float", "QuantizeLinear", 25, "precision=10", "f32[7] f32(0.02) i8(-3)"},
    {"int8 to float, stated", "DequantizeLinear", 23, "axis=0 output_dtype=1 block_size=0", "i8#[4,3] f32+[4] i8#[4]"},
    {"int8 to bfloat16, which is float", "DequantizeLinear", 24, "output_dtype=16", "i8#[4,3] f32(0.02) i8(3)"},
    {"int8 to float, opset 21", "DequantizeLinear", 21, "axis=0", "i8#[4,3] f32+[4] i8#[4]"},
    {"uint8 to float", "DequantizeLinear", 13, "", "u8<256[2,3,5,4] f32(0.02) u8(128)"},
    {"int8 to float, opset 10", "DequantizeLinear", 10, "", "i8{-128,0,127} f32(0.3) i8(-5)"},
    {"int32 to float", "DequantizeLinear", 13, "", "i32{-2147483648,2147483647,5} f32(0.3)"},
    {"constant weights along an axis", "DequantizeLinear", 13, "axis=0", "!i8#[4,3,3,2] !f32+[4] !i8#[4]"},
    {"along the channels to float", "DequantizeLinear", 13, "", "u8<256[2,3,5,4] f32{0.1,0.02,3.0} u8{1,128,255}"},
    {"nothing", "DequantizeLinear", 13, "", "u8[0,3] f32{0.1,0.02,3.0} u8{1,128,255}"},
    {"both signs", "DynamicQuantizeLinear", 11, "", "f32[3,5,7]", 3},
    {"of an image", "DynamicQuantizeLinear", 11, "", "f32[2,3,5,7]", 3},
    {"positive", "DynamicQuantizeLinear", 11, "", "f32{1.0,2.1,1.3,2.5,3.34,4.0}", 3},
    {"negative", "DynamicQuantizeLinear", 11, "", "f32{-1.0,-2.1,-1.3,-2.5,-3.34,-4.0}", 3},
    {"zeros", "DynamicQuantizeLinear", 11, "", "f32{0.0,0.0}", 3},
};

Test(quantize, against_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

static const struct op_refusal refusals[] = {
    {{"float zero point", "QuantizeLinear", 13, "", "f32[3] f32(1.0) f32(1.0)"},
     STOA_ERROR_UNSUPPORTED,
     "float to float"},
    {{"double", "QuantizeLinear", 13, "", "f64[3] f32(1.0) u8(1)"}, STOA_ERROR_UNSUPPORTED, "double"},
    {{"a scale of integers", "QuantizeLinear", 13, "", "f32[3] i32(1) u8(1)"}, STOA_ERROR_UNSUPPORTED, "y_scale"},
    {{"too many scales", "QuantizeLinear", 13, "", "f32[2,3] f32[4] u8<9[4]"}, STOA_ERROR_SHAPE, "y_scale"},
    {{"scales and no axis", "QuantizeLinear", 10, "", "f32[2,3] f32[3] u8<9[3]"}, STOA_ERROR_SHAPE, "y_scale"},
    {{"other zero points", "QuantizeLinear", 13, "", "f32[2,3] f32[3] u8(1)"}, STOA_ERROR_SHAPE, "y_zero_point"},
    {{"an axis too far", "QuantizeLinear", 13, "axis=2", "f32[2,3] f32[3]"}, STOA_ERROR_ATTRIBUTE, "axis is 2"},
    {{"an axis of a scalar", "QuantizeLinear", 13, "", "f32(1.0) f32[3]"}, STOA_ERROR_ATTRIBUTE, "axis"},
    {{"blocks", "QuantizeLinear", 21, "block_size=2", "f32[2,4] f32[2,2]"}, STOA_ERROR_UNSUPPORTED, "block_size is 2"},
    {{"blocks of weights", "DequantizeLinear", 21, "block_size=2", "i8#[2,4] f32[2,2]"},
     STOA_ERROR_UNSUPPORTED,
     "block_size is 2"},
    {{"blocks before opset 21", "DequantizeLinear", 19, "block_size=0", "i8#[2] f32(1.0)"},
     STOA_ERROR_ATTRIBUTE,
     "block_size is not one"},
    {{"to float8", "QuantizeLinear", 21, "output_dtype=17", "f32[2] f32(1.0)"},
     STOA_ERROR_UNSUPPORTED,
     "output_dtype is 17"},
    {{"to uint16", "QuantizeLinear", 21, "", "f32[2] f32(1.0) u16(1)"}, STOA_ERROR_UNSUPPORTED, "float to uint16"},
    {{"to another type than the zero point's", "QuantizeLinear", 21, "output_dtype=3", "f32[2] f32(1.0) u8(1)"},
     STOA_ERROR_GRAPH,
     "output_dtype is 3"},
    {{"computed in double", "QuantizeLinear", 23, "precision=11", "f32[2] f32(1.0)"},
     STOA_ERROR_UNSUPPORTED,
     "precision is 11"},
    {{"a precision before opset 23", "QuantizeLinear", 21, "precision=1", "f32[2] f32(1.0)"},
     STOA_ERROR_ATTRIBUTE,
     "precision is not one"},
    {{"to double", "DequantizeLinear", 23, "output_dtype=11", "i8#[2] f32(1.0)"},
     STOA_ERROR_UNSUPPORTED,
     "output_dtype is 11"},
    {{"a type before opset 23", "DequantizeLinear", 21, "output_dtype=1", "i8#[2] f32(1.0)"},
     STOA_ERROR_ATTRIBUTE,
     "output_dtype is not one"},
    {{"saturate of 2", "QuantizeLinear", 19, "saturate=2", "f32[2] f32(1.0)"}, STOA_ERROR_ATTRIBUTE, "saturate is 2"},
    {{"an axis before opset 13", "QuantizeLinear", 10, "axis=1", "f32[2,3] f32(1.0)"}, STOA_ERROR_ATTRIBUTE, "axis"},
    {{"a zero point of another type", "DequantizeLinear", 13, "", "u8<9[3] f32(1.0) i8(1)"}, STOA_ERROR_GRAPH, "int8"},
    {{"of float", "DequantizeLinear", 13, "", "f32[3] f32(1.0)"}, STOA_ERROR_UNSUPPORTED, "float"},
    {{"of double", "DynamicQuantizeLinear", 11, "", "f64[3]", 3}, STOA_ERROR_UNSUPPORTED, "double"},
};

Test(quantize, refusals)
{
    for (size_t i = 0; i < COUNT(refusals); i++)
        op_check_refused(&refusals[i]);
}
