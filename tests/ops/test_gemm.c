/* Gemm and MatMul: every way of cutting a product, and weights taken in the order of channels-last images. */
#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/tensor.h"
#include "ops/direct.h"
#include "ops/op.h"
#include "support/op_check.h"

static const struct op_row gemm_rows[] = {
    {"one row", "Gemm", 11, "transB=1", "f32[1,512] !f32[100,512] !f32[100]"},
    {"one row, several blocks", "Gemm", 11, "transB=1", "f32[1,3000] !f32[67,3000] !f32[67]"},
    {"2 rows, k cut", "Gemm", 11, "transB=1", "f32[2,1500] !f32[130,1500] !f32[130]"},
    {"3 rows", "Gemm", 13, "transB=1", "f32[3,64] !f32[10,64] !f32[10]"},
    {"12 rows", "Gemm", 13, "transB=1", "f32[12,100] !f32[129,100]"},
    {"13 rows", "Gemm", 13, "transB=1", "f32[13,70] !f32[65,70] !f32[65]"},
    {"5 rows, k cut", "Gemm", 13, "transB=1", "f32[5,1031] !f32[131,1031] !f32[131]"},
    {"16 rows, k cut", "Gemm", 13, "transB=1 alpha=0.5 beta=2.0", "f32[16,515] !f32[401,515] !f32[401]"},
    {"17 rows", "Gemm", 13, "transB=1", "f32[17,301] !f32[59,301] !f32[59]"},
    {"29 rows", "Gemm", 13, "transB=1", "f32[29,131] !f32[7,131]"},
    {"32 rows, one column", "Gemm", 13, "transB=1", "f32[32,130] !f32[1,130] !f32[1]"},
    {"33 rows", "Gemm", 13, "transB=1", "f32[33,130] !f32[40,130] !f32[40]"},
    {"300 rows, 270 columns", "Gemm", 13, "transB=1", "f32[300,17] !f32[270,17] !f32[270]"},
    {"33 rows, 16 columns", "Gemm", 13, "transB=1", "f32[33,1] !f32[16,1] !f32[1,16]"},
    {"33 rows, 15 columns", "Gemm", 13, "transB=1", "f32[33,31] !f32[15,31] !f32[15]"},
    {"197 rows, primes", "Gemm", 13, "transB=1", "f32[197,331] !f32[97,331] !f32[97]"},
    {"many rows, c computed", "Gemm", 13, "transB=1", "f32[50,20] !f32[30,20] f32[30]"},
    {"many rows, c a scalar", "Gemm", 13, "transB=1", "f32[50,20] !f32[30,20] !f32[]"},
    {"many rows, c a column", "Gemm", 13, "", "f32[50,20] !f32[20,30] !f32[50,1]"},
    {"many rows, c a matrix", "Gemm", 13, "", "f32[50,20] !f32[20,30] !f32[50,30]"},
    {"many rows, c a column, no wider", "Gemm", 13, "", "f32[50,20] !f32[20,16] !f32[50,1]"},
    {"many rows, alpha", "Gemm", 13, "alpha=0.5", "f32[50,20] !f32[20,30] !f32[30]"},
    {"many rows, beta", "Gemm", 13, "beta=0.5", "f32[50,20] !f32[20,30] !f32[30]"},
    {"many rows, a transposed", "Gemm", 13, "transA=1", "f32[20,50] !f32[20,30] !f32[30]"},
    {"many rows, exact", "Gemm", 13, "", "f32#[61,260] !f32#[260,70] !f32#[70]"},
    {"one row, b as it is", "Gemm", 11, "", "f32[1,2000] !f32[2000,600] !f32[600]"},
    {"5 rows, b as it is", "Gemm", 11, "", "f32[5,900] !f32[900,513] !f32[513]"},
    {"33 rows, b as it is", "Gemm", 11, "", "f32[33,40] !f32[40,300]"},
    {"one column", "Gemm", 11, "", "f32[700,120] f32[120,1] f32[1]"},
    {"one column, b transposed", "Gemm", 11, "transB=1", "f32[70,120] f32[1,120] f32[70,1]"},
    {"one element", "Gemm", 11, "", "f32[1,1] f32[1,1] f32[1]"},
    {"primes", "Gemm", 11, "", "f32[31,37] f32[37,41] f32[41]"},
    {"exact", "Gemm", 11, "transB=1", "f32#[9,33] f32#[21,33] f32#[21]"},
    {"exact, k cut", "Gemm", 11, "transB=1", "f32#[24,260] f32#[50,260] f32#[50]"},
    {"alpha", "Gemm", 11, "alpha=0.5", "f32[3,5] f32[5,4]"},
    {"alpha and beta", "Gemm", 11, "alpha=0.25 beta=-3.0 transB=1", "f32[1,50] f32[40,50] f32[40]"},
    {"beta without c", "Gemm", 11, "beta=0.5", "f32[3,5] f32[5,4]"},
    {"alpha 0", "Gemm", 11, "alpha=0.0", "f32[3,5] f32[5,4] f32[4]"},
    {"beta 0", "Gemm", 11, "beta=0.0", "f32[3,5] f32[5,4] f32[4]"},
    {"a transposed", "Gemm", 11, "transA=1", "f32[50,7] f32[50,20] f32[20]"},
    {"a transposed, large", "Gemm", 11, "transA=1", "f32[70,300] f32[70,290] f32[290]"},
    {"both transposed", "Gemm", 11, "transA=1 transB=1 alpha=2.0", "f32[30,9] f32[31,30] f32[31]",
     .macs = 9.0 * 31 * 30},
    {"both transposed, one row", "Gemm", 11, "transA=1 transB=1", "f32[30,1] f32[31,30] f32[31]"},
    {"c a scalar", "Gemm", 11, "", "f32[3,5] f32[5,4] f32[]"},
    {"c of one element", "Gemm", 11, "", "f32[3,5] f32[5,4] f32[1]"},
    {"c a row", "Gemm", 11, "", "f32[3,5] f32[5,4] f32[1,4]"},
    {"c a column", "Gemm", 11, "", "f32[300,5] f32[5,4] f32[300,1]"},
    {"c a matrix", "Gemm", 11, "", "f32[300,5] f32[5,270] f32[300,270]"},
    {"c a vector, one row", "Gemm", 11, "transB=1", "f32[1,5] f32[270,5] f32[270]"},
    {"no rows", "Gemm", 11, "transB=1", "f32[0,5] f32[4,5] f32[4]"},
    {"no rows, b as it is", "Gemm", 11, "", "f32[0,5] f32[5,4] f32[4]"},
    {"no columns", "Gemm", 11, "transB=1", "f32[3,5] f32[0,5]"},
    {"no columns, b as it is", "Gemm", 11, "", "f32[3,5] f32[5,0]"},
    {"nothing to sum", "Gemm", 11, "transB=1", "f32[3,0] f32[4,0] f32[4]"},
    {"nothing to sum, no c", "Gemm", 11, "", "f32[1,0] f32[0,4]"},
    {"opset 7", "Gemm", 7, "transB=1", "f32[2,6] f32[3,6] f32[3]"},
};

static const struct op_row matmul_rows[] = {
    {"matrices", "MatMul", 13, "", "f32[3,4] f32[4,5]"},
    {"known weights", "MatMul", 13, "", "f32[40,120] !f32[120,700]"},
    {"known weights, k and n prime", "MatMul", 13, "", "f32[2,37,131] !f32[131,67]"},
    {"known weights of rank 3", "MatMul", 13, "", "f32[40,30] !f32[1,30,20]"},
    {"known weights of a batch", "MatMul", 13, "", "f32[2,40,30] !f32[2,30,20]"},
    {"one row", "MatMul", 13, "", "f32[1,300] !f32[300,1100]"},
    {"one column", "MatMul", 13, "", "f32[20,30] f32[30,1]"},
    {"a batch by one matrix", "MatMul", 13, "", "f32[2,3,40,30] !f32[30,17]"},
    {"a batch by one matrix of rank 4", "MatMul", 13, "", "f32[2,3,4,5] f32[1,1,5,6]"},
    {"one matrix by a batch", "MatMul", 13, "", "f32[4,5] f32[3,5,6]"},
    {"batches", "MatMul", 13, "", "f32[2,3,4,5] f32[2,3,5,6]"},
    {"batches that broadcast", "MatMul", 13, "", "f32[2,1,4,5] f32[3,5,6]", .macs = 6.0 * 4 * 5 * 6},
    {"batches that broadcast both ways", "MatMul", 9, "", "f32[4,1,3,1,6,5] f32[2,1,3,5,2]"},
    {"vectors", "MatMul", 13, "", "f32[9] f32[9]"},
    {"vector and matrix", "MatMul", 13, "", "f32[9] f32[9,4]"},
    {"matrix and vector", "MatMul", 13, "", "f32[6,9] f32[9]"},
    {"vector and batch", "MatMul", 13, "", "f32[9] f32[3,2,9,4]"},
    {"batch and vector", "MatMul", 13, "", "f32[3,2,7,9] f32[9]"},
    {"large batches", "MatMul", 13, "", "f32[3,70,64] f32[3,64,80]"},
    {"no batch", "MatMul", 13, "", "f32[0,4,5] f32[5,6]"},
    {"nothing to sum", "MatMul", 13, "", "f32[2,3,0] f32[0,4]"},
};

static const struct op_refusal refused[] = {
    {{"K differs", "Gemm", 11, "transB=1", "f32[2,5] f32[3,6] f32[3]"},
     STOA_ERROR_SHAPE,
     "input A has K = 5 (its dims[1]), input B has K = 6 (its dims[1])"},
    {{"K differs, A transposed", "Gemm", 11, "transA=1", "f32[2,5] f32[3,6]"},
     STOA_ERROR_SHAPE,
     "input A has K = 2 (its dims[0])"},
    {{"alpha NaN", "Gemm", 11, "alpha=nan", "f32[2,5] f32[5,6]"}, STOA_ERROR_ATTRIBUTE, "alpha is NaN"},
    {{"transA 2", "Gemm", 11, "transA=2", "f32[2,5] f32[5,6]"}, STOA_ERROR_ATTRIBUTE, "transA is 2"},
    {{"A of rank 3", "Gemm", 11, "", "f32[1,2,5] f32[5,6]"}, STOA_ERROR_SHAPE, "input A has dims [1,2,5]"},
    {{"B a vector", "Gemm", 11, "", "f32[2,5] f32[5]"}, STOA_ERROR_SHAPE, "input B has dims [5]"},
    {{"C does not broadcast", "Gemm", 11, "", "f32[2,5] f32[5,6] f32[5]"}, STOA_ERROR_SHAPE, "input C has dims [5]"},
    {{"C larger than y", "Gemm", 11, "", "f32[1,5] f32[5,6] f32[2,6]"}, STOA_ERROR_SHAPE, "input C has dims [2,6]"},
    {{"C of rank 3", "Gemm", 11, "", "f32[2,5] f32[5,6] f32[1,2,6]"}, STOA_ERROR_SHAPE, "input C has dims [1,2,6]"},
    {{"integers", "Gemm", 11, "", "f32[1,2] i64{1,2}"}, STOA_ERROR_UNSUPPORTED, "input B is of type int64"},
    {{"K differs", "MatMul", 11, "", "f32[2,5] f32[3,6]"}, STOA_ERROR_SHAPE, "K = 5, input B [3,6] has K = 3"},
    {{"batches differ", "MatMul", 11, "", "f32[2,4,5] f32[3,5,6]"}, STOA_ERROR_SHAPE, "2 beside 3"},
    {{"a scalar", "MatMul", 11, "", "f32[] f32[3,5,6]"}, STOA_ERROR_SHAPE, "input A has dims []"},
};

Test(gemm, gemm)
{
    for (size_t i = 0; i < COUNT(gemm_rows); i++)
        op_check(&gemm_rows[i]);
}

Test(gemm, matmul)
{
    for (size_t i = 0; i < COUNT(matmul_rows); i++)
        op_check(&matmul_rows[i]);
}

Test(gemm, refused)
{
    for (size_t i = 0; i < COUNT(refused); i++)
        op_check_refused(&refused[i]);
}

Test(gemm, products_beyond_an_int_are_refused)
{
    struct stoa_tensor inputs[2] = {{.dtype = STOA_FLOAT, .rank = 2, .dims = {1, (size_t)INT32_MAX + 1}},
                                    {.dtype = STOA_FLOAT, .rank = 2, .dims = {(size_t)INT32_MAX + 1, 1}}};
    struct stoa_tensor output = {.dtype = STOA_FLOAT};
    struct stoa_error error = {0};
    struct op_call call = {.input_count = 2, .output_count = 1, .inputs = inputs, .outputs = &output};
    call.op = stoa_op_find("MatMul", 11, NULL);
    cr_expect(call.op->infer(&call, &error) == STOA_ERROR_LIMIT);
    cr_expect(strstr(error.message, "2147483648"), "%s", error.message);
}

struct flattened_row {
    const char *name, *type;
    int transposed;
    size_t m, n, channels, places;
};

static const struct flattened_row flattened_rows[] = {
    {"Gemm [n][k]", "Gemm", 1, 1, 10, 3, 4},
    {"Gemm [n][k], large", "Gemm", 1, 2, 700, 64, 49},
    {"Gemm [k][n]", "Gemm", 0, 3, 10, 5, 6},
    {"MatMul", "MatMul", 0, 3, 9, 17, 12},
    {"MatMul, large", "MatMul", 0, 1, 300, 128, 50},
    {"one channel", "Gemm", 1, 2, 5, 1, 8},
    {"one place", "Gemm", 1, 2, 5, 8, 1},
};

struct consumption {
    const char *next; /* where the next report must begin */
    size_t calls;
};

static void consume(void *user, const void *data, size_t size)
{
    struct consumption *consumption = user;
    cr_expect(consumption->next == data, "consumed out of order");
    consumption->next += size;
    consumption->calls++;
}

/* With loose weights, they lie at an odd address. */
static float *multiply(const struct flattened_row *row, const struct stoa_tensor *inputs, size_t column_channels,
                       bool loose)
{
    size_t weights = stoa_tensor_bytes(&inputs[1]);
    char *odd = malloc(weights + 1);
    struct stoa_tensor b = inputs[1];
    memcpy(odd + 1, b.data, weights);
    if (loose)
        b.data = odd + 1;
    struct consumption consumption = {.next = b.data};
    struct direct direct = {.name = row->name,
                            .type = row->type,
                            .opset = 13,
                            .attribute_count = row->transposed,
                            .attributes = {{.name = "transB", .kind = ATTRIBUTE_INT, .integer = 1}},
                            .input_count = 2,
                            .inputs = {inputs[0], b},
                            .known = 2,
                            .column_channels = column_channels,
                            .consumed = consume,
                            .user = &consumption};
    float *y = direct_run(&direct).data;
    size_t bytes = column_channels || loose ? weights : 0;
    size_t consumed = (size_t)(consumption.next - (const char *)b.data);
    free(odd);
    cr_expect(consumed == bytes, "%s: %zu bytes consumed of %zu", row->name, consumed, bytes);
    cr_expect(consumption.calls <= bytes / (2 << 20) + 1, "%s: %zu reports", row->name, consumption.calls);
    return y;
}

/* Small whole numbers, so that the order of summation does not show: the product of channels-last rows with weights
 * taken in that order is the plain one. */
Test(gemm, channels_last_rows)
{
    for (size_t i = 0; i < COUNT(flattened_rows); i++) {
        const struct flattened_row *row = &flattened_rows[i];
        size_t k = row->channels * row->places, bytes = sizeof(float);
        float *plain = malloc(row->m * k * bytes), *last = malloc(row->m * k * bytes), *b = malloc(row->n * k * bytes);
        struct random random = {.state = i};
        for (size_t j = 0; j < row->m * k; j++)
            plain[j] = (float)stoa_random_int(&random, -4, 4);
        for (size_t j = 0; j < row->n * k; j++)
            b[j] = (float)stoa_random_int(&random, -4, 4);
        for (size_t m = 0; m < row->m; m++)
            for (size_t c = 0; c < row->channels; c++)
                for (size_t p = 0; p < row->places; p++)
                    last[m * k + p * row->channels + c] = plain[m * k + c * row->places + p];

        struct stoa_tensor inputs[2] = {{.dtype = STOA_FLOAT, .rank = 2, .dims = {row->m, k}, .data = plain},
                                        {.dtype = STOA_FLOAT, .rank = 2, .data = b}};
        inputs[1].dims[0] = row->transposed ? row->n : k;
        inputs[1].dims[1] = row->transposed ? k : row->n;
        stoa_tensor_set_plain(&inputs[0]);
        stoa_tensor_set_plain(&inputs[1]);
        float *expected = multiply(row, inputs, 0, false), *got = multiply(row, inputs, 0, true);
        cr_expect(memcmp(expected, got, row->m * row->n * bytes) == 0, "%s: results of loose weights differ",
                  row->name);
        free(got);
        inputs[0].data = last;
        got = multiply(row, inputs, row->channels, true);
        cr_expect(memcmp(expected, got, row->m * row->n * bytes) == 0, "%s: results of loose rows differ", row->name);
        free(got);
        got = multiply(row, inputs, row->channels, false);
        cr_expect(memcmp(expected, got, row->m * row->n * bytes) == 0, "%s: results differ", row->name);
        free(plain);
        free(last);
        free(b);
        free(expected);
        free(got);
    }
}
