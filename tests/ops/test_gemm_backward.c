/* Gradients of Gemm and MatMul: sides as they lie and transposed, every way of cutting a product, batches that
 * broadcast. */
#include <criterion/criterion.h>

#include "support/op_check.h"

static const struct op_row rows[] = {
    {"A", "GemmBackwardA", 11, "", "f32[3,4] f32[5,4]"},
    {"A, B transposed", "GemmBackwardA", 13, "transB=1", "f32[3,4] f32[4,5]"},
    {"A transposed", "GemmBackwardA", 11, "transA=1", "f32[3,4] f32[5,4]"},
    {"A, both transposed", "GemmBackwardA", 11, "transA=1 transB=1", "f32[3,4] f32[4,5]", .macs = 3 * 4 * 5},
    {"A, alpha", "GemmBackwardA", 11, "alpha=0.3 beta=7.0", "f32[31,7] f32[37,7]"},
    {"A, batch 64, 400 to 120", "GemmBackwardA", 11, "transB=1", "f32[64,120] f32[120,400]"},
    {"A, batch 64, 84 to 10", "GemmBackwardA", 11, "transB=1", "f32[64,10] f32[10,84]"},
    {"A, batch 64, as it lies", "GemmBackwardA", 11, "", "f32[64,300] f32[130,300]"},
    {"A, batch 67, long", "GemmBackwardA", 11, "transB=1", "f32[67,600] f32[600,70]"},
    {"A, batch 130, k cut", "GemmBackwardA", 11, "transB=1", "f32[130,500] f32[500,33]"},
    {"A, one row", "GemmBackwardA", 11, "transB=1", "f32[1,500] f32[500,133]"},
    {"A, one row, as it lies", "GemmBackwardA", 11, "", "f32[1,500] f32[133,500]"},
    {"A, one column of dy", "GemmBackwardA", 11, "", "f32[40,1] f32[30,1]"},
    {"A, exact", "GemmBackwardA", 11, "transA=1 transB=1 alpha=2.0", "f32#[70,33] f32#[33,65]"},
    {"A transposed, large", "GemmBackwardA", 11, "transA=1", "f32[70,300] f32[290,300]"},
    {"A, no rows", "GemmBackwardA", 11, "transB=1", "f32[0,5] f32[5,3]"},
    {"A, nothing to sum", "GemmBackwardA", 11, "transB=1", "f32[4,0] f32[0,3]"},
    {"B", "GemmBackwardB", 11, "", "f32[3,4] f32[3,5]"},
    {"B transposed", "GemmBackwardB", 13, "transB=1", "f32[3,4] f32[3,5]"},
    {"B, A transposed", "GemmBackwardB", 11, "transA=1", "f32[3,4] f32[5,3]"},
    {"B, both transposed", "GemmBackwardB", 11, "transA=1 transB=1", "f32[3,4] f32[5,3]", .macs = 3 * 4 * 5},
    {"B, alpha", "GemmBackwardB", 11, "alpha=-1.25 transB=1", "f32[31,7] f32[31,37]"},
    {"B, batch 64, 400 to 120", "GemmBackwardB", 11, "transB=1", "f32[64,120] f32[64,400]"},
    {"B, batch 64, 84 to 10", "GemmBackwardB", 11, "transB=1", "f32[64,10] f32[64,84]"},
    {"B, batch 100", "GemmBackwardB", 11, "", "f32[100,150] f32[100,80]"},
    {"B, batch 600", "GemmBackwardB", 11, "transB=1", "f32[600,260] f32[600,30]"},
    {"B, one row", "GemmBackwardB", 11, "transB=1", "f32[1,120] f32[1,400]"},
    {"B, one column", "GemmBackwardB", 11, "", "f32[70,1] f32[70,40]"},
    {"B, one column of A", "GemmBackwardB", 11, "transB=1", "f32[70,40] f32[70,1]"},
    {"B, one element", "GemmBackwardB", 11, "", "f32[1,1] f32[1,1]"},
    {"B, exact", "GemmBackwardB", 11, "transA=1 transB=1", "f32#[66,70] f32#[65,66]"},
    {"B, no rows", "GemmBackwardB", 11, "transB=1", "f32[0,5] f32[0,3]"},
    {"C a vector", "GemmBackwardC", 11, "", "f32[64,120] f32[120]"},
    {"C a long vector", "GemmBackwardC", 11, "beta=0.5", "f32[17,1100] f32[1100]"},
    {"C a row", "GemmBackwardC", 11, "transB=1", "f32[5,33] f32[1,33]"},
    {"C a column", "GemmBackwardC", 11, "beta=3.0", "f32[5,33] f32[5,1]"},
    {"C a matrix", "GemmBackwardC", 11, "beta=-0.25", "f32[5,33] f32[5,33]"},
    {"C a scalar", "GemmBackwardC", 11, "", "f32[7,40] f32[]"},
    {"C of one element", "GemmBackwardC", 11, "beta=0.1", "f32[7,40] f32[1]"},
    {"C of one element, rank 2", "GemmBackwardC", 11, "", "f32[7,3] f32[1,1]"},
    {"C a vector, one row", "GemmBackwardC", 11, "", "f32[1,33] f32[33]"},
    {"C of one element, one column", "GemmBackwardC", 11, "", "f32[9,1] f32[1]"},
    {"C a column, one column", "GemmBackwardC", 11, "", "f32[9,1] f32[9,1]"},
    {"C, beta 0", "GemmBackwardC", 11, "beta=0.0", "f32[4,3] f32[3]"},
    {"C, no rows", "GemmBackwardC", 11, "", "f32[0,3] f32[3]"},
    {"C, no columns", "GemmBackwardC", 11, "", "f32[3,0] f32[3,1]"},
    {"matrices, A", "MatMulBackwardA", 13, "", "f32[3,5] f32[3,4] f32[4,5]"},
    {"matrices, B", "MatMulBackwardB", 13, "", "f32[3,5] f32[3,4] f32[4,5]"},
    {"a batch by one matrix, A", "MatMulBackwardA", 13, "", "f32[2,3,40,17] f32[2,3,40,30] f32[30,17]"},
    {"a batch by one matrix, B", "MatMulBackwardB", 13, "", "f32[2,3,40,17] f32[2,3,40,30] f32[30,17]"},
    {"a batch by one matrix of rank 4, B", "MatMulBackwardB", 13, "", "f32[2,3,4,6] f32[2,3,4,5] f32[1,1,5,6]"},
    {"one matrix by a batch, A", "MatMulBackwardA", 13, "", "f32[3,4,6] f32[4,5] f32[3,5,6]"},
    {"one matrix by a batch, B", "MatMulBackwardB", 13, "", "f32[3,4,6] f32[4,5] f32[3,5,6]"},
    {"batches, A", "MatMulBackwardA", 13, "", "f32[2,3,4,6] f32[2,3,4,5] f32[2,3,5,6]"},
    {"batches, B", "MatMulBackwardB", 13, "", "f32[2,3,4,6] f32[2,3,4,5] f32[2,3,5,6]"},
    {"large batches, A", "MatMulBackwardA", 13, "", "f32[3,70,80] f32[3,70,64] f32[3,64,80]"},
    {"large batches, B", "MatMulBackwardB", 13, "", "f32[3,70,80] f32[3,70,64] f32[3,64,80]"},
    {"batches that broadcast, A", "MatMulBackwardA", 13, "", "f32[2,3,4,6] f32[2,1,4,5] f32[3,5,6]",
     .macs = 6 * 4 * 5 * 6},
    {"batches that broadcast, B", "MatMulBackwardB", 13, "", "f32[2,3,4,6] f32[2,1,4,5] f32[3,5,6]",
     .macs = 6 * 4 * 5 * 6},
    {"batches that broadcast both ways, A", "MatMulBackwardA", 9, "",
     "f32[4,2,3,3,6,2] f32[4,1,3,1,6,5] f32[2,1,3,5,2]"},
    {"batches that broadcast both ways, B", "MatMulBackwardB", 9, "",
     "f32[4,2,3,3,6,2] f32[4,1,3,1,6,5] f32[2,1,3,5,2]"},
    {"vectors, A", "MatMulBackwardA", 13, "", "f32[] f32[9] f32[9]"},
    {"vectors, B", "MatMulBackwardB", 13, "", "f32[] f32[9] f32[9]"},
    {"vector and matrix, A", "MatMulBackwardA", 13, "", "f32[4] f32[9] f32[9,4]"},
    {"vector and matrix, B", "MatMulBackwardB", 13, "", "f32[4] f32[9] f32[9,4]"},
    {"matrix and vector, A", "MatMulBackwardA", 13, "", "f32[60] f32[60,90] f32[90]"},
    {"matrix and vector, B", "MatMulBackwardB", 13, "", "f32[60] f32[60,90] f32[90]"},
    {"vector and batch, A", "MatMulBackwardA", 13, "", "f32[3,2,4] f32[9] f32[3,2,9,4]"},
    {"vector and batch, B", "MatMulBackwardB", 13, "", "f32[3,2,4] f32[9] f32[3,2,9,4]"},
    {"batch and vector, A", "MatMulBackwardA", 13, "", "f32[3,2,7] f32[3,2,7,9] f32[9]"},
    {"batch and vector, B", "MatMulBackwardB", 13, "", "f32[3,2,7] f32[3,2,7,9] f32[9]"},
    {"columns and batches, B", "MatMulBackwardB", 13, "", "f32[3,2,7,1] f32[3,2,7,9] f32[3,1,9,1]"},
    {"no batch, A", "MatMulBackwardA", 13, "", "f32[0,4,6] f32[0,4,5] f32[5,6]"},
    {"no batch, B", "MatMulBackwardB", 13, "", "f32[0,4,6] f32[0,4,5] f32[5,6]"},
    {"one matrix by no batch, A", "MatMulBackwardA", 13, "", "f32[0,4,6] f32[4,5] f32[0,5,6]"},
    {"nothing to sum, A", "MatMulBackwardA", 13, "", "f32[2,3,0] f32[2,3,4] f32[4,0]"},
};

static const struct op_refusal refused[] = {
    {{"N differs", "GemmBackwardA", 11, "", "f32[3,4] f32[5,6]"}, STOA_ERROR_SHAPE, "the other factor [5,6]"},
    {{"M differs", "GemmBackwardB", 11, "", "f32[3,4] f32[5,6]"}, STOA_ERROR_SHAPE, "the other factor [5,6]"},
    {{"C too long", "GemmBackwardC", 11, "", "f32[3,4] f32[5]"}, STOA_ERROR_SHAPE, "input C [5]"},
    {{"another gradient", "MatMulBackwardA", 13, "", "f32[3,6] f32[3,4] f32[4,5]"}, STOA_ERROR_SHAPE, "[3,6]"},
    {{"another gradient", "MatMulBackwardB", 13, "", "f32[3,6] f32[3,4] f32[4,5]"}, STOA_ERROR_SHAPE, "[3,5]"},
    {{"double", "GemmBackwardA", 11, "", "f64[3,4] f32[5,4]"}, STOA_ERROR_UNSUPPORTED, "double"},
};

Test(gemm_backward, agrees_with_the_twin)
{
    for (size_t i = 0; i < COUNT(rows); i++)
        op_check(&rows[i]);
}

Test(gemm_backward, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}
