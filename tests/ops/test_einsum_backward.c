/* The backward passes of Einsum. */
#include <criterion/criterion.h>

#include "support/op_check.h"

#define BOTH(name, equation, inputs)                                                                                   \
    {name ", A", "EinsumBackwardA", 12, "equation='" equation "'", inputs},                                            \
    {                                                                                                                  \
        name ", B", "EinsumBackwardB", 12, "equation='" equation "'", inputs                                           \
    }

static const struct op_row rows[] = {
    BOTH("matrix product", "ij,jk->ik", "f32[37,53] f32[37,19] f32[19,53]"),
    BOTH("batch", "bij,bjk->bik", "f32[5,7,3] f32[5,7,11] f32[5,11,3]"),
    BOTH("attention", "bqhd,bkhd->bhqk", "f32[2,4,9,7] f32[2,9,4,8] f32[2,7,4,8]"),
    BOTH("outer product", "i,j->ij", "f32[30,17] f32[30] f32[17]"),
    BOTH("inner product", "i,i->", "f32[] f32[30] f32[30]"),
    BOTH("sums on both sides", "ij,k->", "f32[] f32[6,5] f32[4]"),
    BOTH("ellipsis that broadcasts", "...ij,...jk->...ik", "f32[2,3,7,4] f32[2,1,7,5] f32[3,5,4]"),
    BOTH("diagonal by a vector", "ii,i->i", "f32[9] f32[9,9] f32[9]"),
    {"transposition", "EinsumBackwardA", 12, "equation='ij->ji'", "f32[9,7] f32[7,9]"},
    {"sum", "EinsumBackwardA", 12, "equation='ij->i'", "f32[7] f32[7,9]"},
    {"trace", "EinsumBackwardA", 12, "equation='ii'", "f32[] f32[7,7]"},
};

Test(einsum_backward, like_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}
