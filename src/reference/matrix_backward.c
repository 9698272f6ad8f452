/* Gradients of Gemm and MatMul, from dL/da = sum over y of dL/dy * dy/da.
 *
 * Slack: a sum of K products in any order: (K + 1) * sum |products|; Gemm's factor is one rounding more, and starting
 * from nothing one addition. */
#include <math.h>

#include "reference/internal.h"

struct gemm {
    double alpha, beta;
    bool a_turned, b_turned;
};

static enum stoa_status read_gemm(struct reference_run *run, struct gemm *gemm)
{
    gemm->alpha = (double)stoa_read_float(&run->reader, "alpha", 1);
    gemm->beta = (double)stoa_read_float(&run->reader, "beta", 1);
    gemm->a_turned = stoa_read_int(&run->reader, "transA", 0, 0, 1);
    gemm->b_turned = stoa_read_int(&run->reader, "transB", 0, 0, 1);
    STOA_TRY(run->reader.status);
    if (stoa_reference_input(run, 0)->rank != 2)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "the gradient has rank %zu, must have 2",
                         stoa_reference_input(run, 0)->rank);
    return STOA_OK;
}

/* Element (row, column) of a matrix that may lie turned. */
static double element(const struct reference_tensor *x, bool turned, size_t row, size_t column)
{
    return turned ? x->values[column * x->dims[1] + row] : x->values[row * x->dims[1] + column];
}

static void add(struct reference_tensor *y, size_t at, double value)
{
    y->values[at] += value;
    y->slack[at] += fabs(value);
}

static void settle(struct reference_tensor *y, size_t terms)
{
    for (size_t i = 0; i < stoa_reference_count(y); i++)
        y->slack[i] = (double)(terms + 2) * (y->slack[i] + REFERENCE_TINY);
}

enum stoa_status stoa_reference_gemm_backward_a(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *b = stoa_reference_input(run, 1);
    struct gemm gemm;
    STOA_TRY(read_gemm(run, &gemm));
    size_t M = dy->dims[0], N = dy->dims[1];
    if (b->rank != 2 || b->dims[!gemm.b_turned] != N)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 does not have %zu columns", N);
    size_t K = b->dims[gemm.b_turned];
    struct reference_tensor *da;
    STOA_TRY(stoa_reference_output(run, 0, dy->dtype, 2, gemm.a_turned ? (size_t[]){K, M} : (size_t[]){M, K}, &da));
    for (size_t m = 0; m < M; m++)
        for (size_t k = 0; k < K; k++)
            for (size_t n = 0; n < N; n++)
                add(da, gemm.a_turned ? k * M + m : m * K + k,
                    gemm.alpha * dy->values[m * N + n] * element(b, gemm.b_turned, k, n));
    settle(da, N);
    return STOA_OK;
}

enum stoa_status stoa_reference_gemm_backward_b(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *a = stoa_reference_input(run, 1);
    struct gemm gemm;
    STOA_TRY(read_gemm(run, &gemm));
    size_t M = dy->dims[0], N = dy->dims[1];
    if (a->rank != 2 || a->dims[gemm.a_turned] != M)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 does not have %zu rows", M);
    size_t K = a->dims[!gemm.a_turned];
    struct reference_tensor *db;
    STOA_TRY(stoa_reference_output(run, 0, dy->dtype, 2, gemm.b_turned ? (size_t[]){N, K} : (size_t[]){K, N}, &db));
    for (size_t k = 0; k < K; k++)
        for (size_t n = 0; n < N; n++)
            for (size_t m = 0; m < M; m++)
                add(db, gemm.b_turned ? n * K + k : k * N + n,
                    gemm.alpha * element(a, gemm.a_turned, m, k) * dy->values[m * N + n]);
    settle(db, M);
    return STOA_OK;
}

enum stoa_status stoa_reference_gemm_backward_c(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *c = stoa_reference_input(run, 1);
    struct gemm gemm;
    STOA_TRY(read_gemm(run, &gemm));
    size_t rank = 2, dims[STOA_MAX_RANK] = {dy->dims[0], dy->dims[1]}, index[2] = {0};
    STOA_TRY(stoa_reference_broadcast(run, c, &rank, dims));
    if (rank != 2 || dims[0] != dy->dims[0] || dims[1] != dy->dims[1])
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 does not broadcast to %zu x %zu", dy->dims[0],
                         dy->dims[1]);
    struct reference_tensor *dc;
    STOA_TRY(stoa_reference_output(run, 0, dy->dtype, c->rank, c->dims, &dc));
    size_t count = stoa_reference_count(dy), sums = stoa_reference_count(dc);
    for (size_t at = 0; at < count; at++, stoa_reference_next(2, dims, index))
        add(dc, stoa_reference_offset(dc, 2, index), gemm.beta * dy->values[at]);
    settle(dc, sums ? count / sums : 0);
    return STOA_OK;
}

/* The tensor without its last two dimensions. */
static struct reference_tensor stack_of(const struct reference_tensor *tensor)
{
    struct reference_tensor stack = *tensor;
    stack.rank = tensor->rank > 2 ? tensor->rank - 2 : 0;
    return stack;
}

/* With regard to input 0 (side 0) or 1 of the product. */
static enum stoa_status matmul_backward(struct reference_run *run, size_t side)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0);
    const struct reference_tensor *a = stoa_reference_input(run, 1), *b = stoa_reference_input(run, 2);
    if (!a->rank || !b->rank)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 1 and 2 must not be scalars");
    size_t M = a->rank > 1 ? a->dims[a->rank - 2] : 1, K = a->dims[a->rank - 1];
    size_t N = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    struct reference_tensor a_stack = stack_of(a), b_stack = stack_of(b), *out;
    size_t rank = 0, dims[STOA_MAX_RANK + 2] = {0}, index[STOA_MAX_RANK] = {0}, stacks = 1;
    STOA_TRY(stoa_reference_broadcast(run, &a_stack, &rank, dims));
    STOA_TRY(stoa_reference_broadcast(run, &b_stack, &rank, dims));
    for (size_t i = 0; i < rank; i++)
        stacks *= dims[i];
    if (b->dims[b->rank > 1 ? b->rank - 2 : 0] != K || stoa_reference_count(dy) != stacks * M * N)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0, 1 and 2 do not fit each other");
    const struct reference_tensor *of = side ? b : a;
    STOA_TRY(stoa_reference_output(run, 0, dy->dtype, of->rank, of->dims, &out));

    for (size_t s = 0; s < stacks; s++, stoa_reference_next(rank, dims, index)) {
        size_t left = stoa_reference_offset(&a_stack, rank, index) * M * K;
        size_t right = stoa_reference_offset(&b_stack, rank, index) * K * N;
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < N; n++)
                for (size_t k = 0; k < K; k++) {
                    double gradient = dy->values[(s * M + m) * N + n];
                    size_t a_at = left + m * K + k, b_at = right + k * N + n;
                    add(out, side ? b_at : a_at, gradient * (side ? a->values[a_at] : b->values[b_at]));
                }
    }
    size_t products = stacks * M * N * K, sums = stoa_reference_count(out);
    settle(out, sums ? products / sums : 0);
    return STOA_OK;
}

enum stoa_status stoa_reference_matmul_backward_a(struct reference_run *run)
{
    return matmul_backward(run, 0);
}

enum stoa_status stoa_reference_matmul_backward_b(struct reference_run *run)
{
    return matmul_backward(run, 1);
}
