/* Einsum and its backward passes. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"matrix product", "Einsum", 12, "equation='ij,jk->ik'", "f32[37,19] f32[19,53]"},
    {"matrix product, implied", "Einsum", 12, "equation='ij,jk'", "f32[37,19] f32[19,53]"},
    {"matrix product, known", "Einsum", 12, "equation='ij,jk->ik'", "f32[7,19] !f32[19,53]"},
    {"transposed on the left", "Einsum", 12, "equation='ji,jk->ik'", "f32[19,37] f32[19,53]"},
    {"transposed on the right", "Einsum", 12, "equation='ij,kj->ik'", "f32[37,19] f32[53,19]"},
    {"transposed results", "Einsum", 12, "equation='ij,jk->ki'", "f32[37,19] f32[19,53]"},
    {"batch", "Einsum", 12, "equation='bij, bjk -> bik'", "f32[5,7,11] f32[5,11,3]"},
    {"batch inside", "Einsum", 12, "equation='ibj,jbk->ibk'", "f32[7,5,11] f32[11,5,3]"},
    {"attention", "Einsum", 12, "equation='bqhd,bkhd->bhqk'", "f32[2,9,4,8] f32[2,7,4,8]", .macs = 2.0 * 9 * 4 * 8 * 7},
    {"attention, values", "Einsum", 12, "equation='bhqk,bkhd->bqhd'", "f32[2,4,9,7] f32[2,7,4,8]"},
    {"squeeze and excite", "Einsum", 12, "equation='nchw,nc->nchw'", "f32[2,5,7,6] f32[2,5]"},
    {"channels to channels", "Einsum", 12, "equation='nchw,oc->nohw'", "f32[2,5,7,6] f32[9,5]"},
    {"relative positions", "Einsum", 12, "equation='bhwc,hkc->bhwk'", "f32[2,4,5,8] f32[4,3,8]"},
    {"two sums at once", "Einsum", 12, "equation='iab,abj->ij'", "f32[6,3,5] f32[3,5,7]"},
    {"two sums crossed", "Einsum", 12, "equation='iab,baj->ij'", "f32[6,3,5] f32[5,3,7]"},
    {"inner product", "Einsum", 12, "equation='i,i'", "f32[300] f32[300]"},
    {"outer product", "Einsum", 12, "equation='i,j->ij'", "f32[30] f32[17]"},
    {"elementwise product", "Einsum", 12, "equation='ij,ij->ij'", "f32[30,4] f32[30,4]"},
    {"sum on one side", "Einsum", 12, "equation='ij,k->ik'", "f32[6,5] f32[4]"},
    {"sums on both sides", "Einsum", 12, "equation='ij,k->'", "f32[6,5] f32[4]"},
    {"by a scalar", "Einsum", 12, "equation='ij,->ij'", "f32[6,5] f32[]"},
    {"ellipsis", "Einsum", 12, "equation='...ij,...jk->...ik'", "f32[2,3,7,5] f32[2,3,5,4]"},
    {"ellipsis that broadcasts", "Einsum", 12, "equation='...ij,...jk->...ik'", "f32[2,1,7,5] f32[3,5,4]"},
    {"ellipsis, implied", "Einsum", 12, "equation='i...,i...'", "f32[7,2,3] f32[7,2,3]"},
    {"ellipsis on one side", "Einsum", 12, "equation='...c,oc->...o'", "f32[2,7,6,5] f32[9,5]"},
    {"ellipsis of nothing", "Einsum", 12, "equation='...i,...i->...'", "f32[9] f32[9]"},
    {"diagonal by a vector", "Einsum", 12, "equation='ii,i->i'", "f32[9,9] f32[9]"},
    {"trace of a product", "Einsum", 12, "equation='ij,ji'", "f32[9,7] f32[7,9]"},
    {"capitals", "Einsum", 12, "equation='aB,Bc'", "f32[4,5] f32[5,3]"},
    {"no rows", "Einsum", 12, "equation='ij,jk->ik'", "f32[0,5] f32[5,3]"},
    {"nothing to sum", "Einsum", 12, "equation='ij,jk->ik'", "f32[4,0] f32[0,3]"},
    {"doubles", "Einsum", 12, "equation='bij,bjk->bik'", "f64[5,7,11] f64[5,11,3]"},
    {"int64", "Einsum", 12, "equation='ij,jk->ik'", "i64[2,3]{-3..2} i64[3,2]{-2..3}"},
    {"int32", "Einsum", 12, "equation='i,j->ij'", "i32{1,2,3} i32{4,-5}"},
    {"uint8", "Einsum", 12, "equation='i,i->'", "u8{1,2,3} u8{4,5,6}"},

    {"transposition", "Einsum", 12, "equation='ij->ji'", "f32[37,19]"},
    {"permutation", "Einsum", 12, "equation='nchw->nhwc'", "f32[2,5,7,6]"},
    {"permutation, implied", "Einsum", 12, "equation='ba'", "f32[7,6]"},
    {"sum", "Einsum", 12, "equation='ij->i'", "f32[37,19]"},
    {"sum of all", "Einsum", 12, "equation='ij->'", "f32[37,19]"},
    {"sum of the first", "Einsum", 12, "equation='ijk->kj'", "f32[4,7,5]"},
    {"diagonal", "Einsum", 12, "equation='...ii ->...i'", "f32[3,5,5]"},
    {"trace", "Einsum", 12, "equation='ii'", "f32[19,19]"},
    {"sum of doubles", "Einsum", 12, "equation='ij->j'", "f64[7,9]"},
    {"transposed integers", "Einsum", 12, "equation='ij->ji'", "i32[2,3]{1..6}"},
    {"as it is", "Einsum", 12, "equation='ij'", "f32[7,9]"},
};

Test(einsum, rows)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(einsum, refused)
{
    static const struct op_refusal refused[] = {
        {{"no equation", "Einsum", 12, "", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "equation is missing"},
        {{"digits", "Einsum", 12, "equation='i1'", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "cannot be read"},
        {{"a broken arrow", "Einsum", 12, "equation='ij-ji'", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "cannot be read"},
        {{"two points", "Einsum", 12, "equation='..i'", "f32[2,3]"}, STOA_ERROR_ATTRIBUTE, "cannot be read"},
        {{"two outputs", "Einsum", 12, "equation='i->i,i'", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "cannot be read"},
        {{"two ellipses", "Einsum", 12, "equation='...i...'", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "two ellipses"},
        {{"nine labels", "Einsum", 12, "equation='abcdefghi'", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "more labels"},
        {{"three operands", "Einsum", 12, "equation='i,i,i'", "f32[2] f32[2]"}, STOA_ERROR_ATTRIBUTE, "one or two"},
        {{"output twice", "Einsum", 12, "equation='i->ii'", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "twice"},
        {{"output from nowhere", "Einsum", 12, "equation='i->ij'", "f32[2]"}, STOA_ERROR_ATTRIBUTE, "no input has"},
        {{"an input too many", "Einsum", 12, "equation='i->i'", "f32[2] f32[2]"}, STOA_ERROR_GRAPH, "1 operands"},
        {{"an input too few", "Einsum", 12, "equation='i,i->i'", "f32[2]"}, STOA_ERROR_GRAPH, "2 operands"},
        {{"rank", "Einsum", 12, "equation='ij->i'", "f32[2]"}, STOA_ERROR_SHAPE, "names 2 of them"},
        {{"rank below the letters", "Einsum", 12, "equation='...ij->i'", "f32[2]"}, STOA_ERROR_SHAPE, "names 2"},
        {{"dims", "Einsum", 12, "equation='ij,jk'", "f32[2,3] f32[4,5]"}, STOA_ERROR_SHAPE, "goes with one of 3"},
        {{"no square", "Einsum", 12, "equation='ii'", "f32[1,3]"}, STOA_ERROR_SHAPE, "goes with one of 1"},
        {{"nine indices", "Einsum", 12, "equation='abcde,fghij->a'", "f32[1,1,1,1,2] f32[1,1,1,1,2]"},
         STOA_ERROR_LIMIT,
         "more than 8 indices"},
        {{"bools", "Einsum", 12, "equation='i'", "b{1,0}"}, STOA_ERROR_UNSUPPORTED, "bool"},
        {{"two types", "Einsum", 12, "equation='i,i'", "f32{1,0} f64{1,0}"}, STOA_ERROR_GRAPH, "double"},
    };
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
