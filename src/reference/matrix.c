/* Gemm, MatMul and Det.
 *
 * Slack: MatMul, a sum of K products in any order: (K + 1) * sum |a*b|. Gemm has alpha, beta and one addition more:
 * (K + 3) * (|alpha| * sum |a*b| + |beta*c|), which also covers starting the sum from beta*c. */
#include <math.h>

#include "base/memory.h"
#include "reference/internal.h"

/* *sum = sum of a[k*a_step] * b[k*b_step] for k < K, *magnitude the same of absolute values. */
static void dot(size_t K, const double *a, size_t a_step, const double *b, size_t b_step, double *sum,
                double *magnitude)
{
    double s = 0, m = 0;
    for (size_t k = 0; k < K; k++) {
        double product = a[k * a_step] * b[k * b_step];
        s += product;
        m += fabs(product);
    }
    *sum = s;
    *magnitude = m;
}

enum stoa_status stoa_reference_gemm(struct reference_run *run)
{
    const struct reference_tensor *a = stoa_reference_input(run, 0), *b = stoa_reference_input(run, 1);
    const struct reference_tensor *c = stoa_reference_input(run, 2);
    double alpha = (double)stoa_read_float(&run->reader, "alpha", 1),
           beta = (double)stoa_read_float(&run->reader, "beta", 1);
    bool a_turned = stoa_read_int(&run->reader, "transA", 0, 0, 1),
         b_turned = stoa_read_int(&run->reader, "transB", 0, 0, 1);
    STOA_TRY(run->reader.status);
    if (a->rank != 2 || b->rank != 2)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0 and 1 have ranks %zu and %zu, must be 2", a->rank,
                         b->rank);
    size_t M = a->dims[a_turned], K = a->dims[!a_turned], N = b->dims[!b_turned];
    if (b->dims[b_turned] != K)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has K = %zu, input 1 has %zu", K, b->dims[b_turned]);
    size_t rank = 2, dims[STOA_MAX_RANK] = {M, N};
    if (c)
        STOA_TRY(stoa_reference_broadcast(run, c, &rank, dims));
    if (rank != 2 || dims[0] != M || dims[1] != N)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 2 does not broadcast to %zu x %zu", M, N);
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, a->dtype, 2, dims, &y));

    for (size_t m = 0; m < M; m++)
        for (size_t n = 0; n < N; n++) {
            double sum, magnitude, term = c ? beta * c->values[stoa_reference_offset(c, 2, (size_t[]){m, n})] : 0;
            dot(K, a->values + (a_turned ? m : m * K), a_turned ? M : 1, b->values + (b_turned ? n * K : n),
                b_turned ? 1 : N, &sum, &magnitude);
            y->values[m * N + n] = stoa_reference_is_integer(y->dtype)
                                       ? stoa_reference_convert(STOA_DOUBLE, y->dtype, alpha * sum + term)
                                       : alpha * sum + term;
            y->slack[m * N + n] = (double)(K + 3) * (fabs(alpha) * magnitude + fabs(term) + REFERENCE_TINY);
        }
    return STOA_OK;
}

/* The tensor without its last two dimensions: what MatMul broadcasts. */
static struct reference_tensor stack_of(const struct reference_tensor *tensor)
{
    struct reference_tensor stack = *tensor;
    stack.rank = tensor->rank > 2 ? tensor->rank - 2 : 0;
    return stack;
}

enum stoa_status stoa_reference_matmul(struct reference_run *run)
{
    const struct reference_tensor *a = stoa_reference_input(run, 0), *b = stoa_reference_input(run, 1);
    if (!a->rank || !b->rank)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0 and 1 must not be scalars");
    /* A vector on the left is a row, on the right a column; the dimension added for it is dropped again. */
    size_t M = a->rank > 1 ? a->dims[a->rank - 2] : 1, K = a->dims[a->rank - 1];
    size_t N = b->rank > 1 ? b->dims[b->rank - 1] : 1;
    if (b->dims[b->rank > 1 ? b->rank - 2 : 0] != K)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has K = %zu, input 1 has %zu", K,
                         b->dims[b->rank > 1 ? b->rank - 2 : 0]);
    struct reference_tensor a_stack = stack_of(a), b_stack = stack_of(b);
    size_t rank = 0, dims[STOA_MAX_RANK + 2] = {0}, index[STOA_MAX_RANK] = {0}, stacks = 1;
    STOA_TRY(stoa_reference_broadcast(run, &a_stack, &rank, dims));
    STOA_TRY(stoa_reference_broadcast(run, &b_stack, &rank, dims));
    for (size_t i = 0; i < rank; i++)
        stacks *= dims[i];
    size_t y_rank = rank;
    if (a->rank > 1)
        dims[y_rank++] = M;
    if (b->rank > 1)
        dims[y_rank++] = N;
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, a->dtype, y_rank, dims, &y));

    for (size_t s = 0; s < stacks; s++, stoa_reference_next(rank, dims, index)) {
        const double *left = a->values + stoa_reference_offset(&a_stack, rank, index) * M * K;
        const double *right = b->values + stoa_reference_offset(&b_stack, rank, index) * K * N;
        for (size_t m = 0; m < M; m++)
            for (size_t n = 0; n < N; n++) {
                double sum, magnitude;
                dot(K, left + m * K, 1, right + n, N, &sum, &magnitude);
                size_t at = (s * M + m) * N + n;
                y->values[at] =
                    stoa_reference_is_integer(y->dtype) ? stoa_reference_convert(STOA_INT64, y->dtype, sum) : sum;
                y->slack[at] = (double)(K + 1) * (magnitude + REFERENCE_TINY);
            }
    }
    return STOA_OK;
}

/* Swaps rows (step: from element to element of a row) or columns of size elements. */
static void swap_lines(double *a, double *b, size_t size, size_t step)
{
    for (size_t i = 0; a != b && i < size; i++) {
        double moved = a[i * step];
        a[i * step] = b[i * step];
        b[i * step] = moved;
    }
}

/* Elimination with the largest element of all that is left as pivot. */
static double determinant(double *a, size_t size)
{
    double result = 1;
    for (size_t k = 0; k < size; k++) {
        size_t row = k, column = k;
        for (size_t i = k; i < size; i++)
            for (size_t j = k; j < size; j++)
                if (fabs(a[i * size + j]) > fabs(a[row * size + column])) {
                    row = i;
                    column = j;
                }
        swap_lines(a + k * size, a + row * size, size, 1);
        swap_lines(a + k, a + column, size, size);
        double pivot = a[k * size + k];
        result *= (row == k) == (column == k) ? pivot : -pivot;
        for (size_t i = k + 1; pivot != 0 && i < size; i++)
            for (size_t j = size; j-- > k;)
                a[i * size + j] -= a[i * size + k] / pivot * a[k * size + j];
    }
    return result;
}

/* Computed in double and rounded once. The double is off by at most about size^3 * 2^-53 of the product of the rows'
 * lengths, which is the most that the determinant can be (Hadamard). */
enum stoa_status stoa_reference_det(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    if (x->rank < 2 || x->dims[x->rank - 1] != x->dims[x->rank - 2])
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 holds no square matrices");
    size_t size = x->dims[x->rank - 1], each = size * size;
    double *matrix;
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank - 2, x->dims, &y));
    STOA_TRY(stoa_allocate(run->allocator, each, sizeof *matrix, run->error, &matrix));
    for (size_t m = 0; m < stoa_reference_count(y); m++) {
        double most = 1;
        for (size_t i = 0; i < size; i++) {
            double squares = 0;
            for (size_t j = 0; j < size; j++) {
                matrix[i * size + j] = x->values[m * each + i * size + j];
                squares += matrix[i * size + j] * matrix[i * size + j];
            }
            most *= sqrt(squares);
        }
        y->values[m] = determinant(matrix, size);
        y->slack[m] = fabs(y->values[m]) + most * (double)(each * size) * 0x1p-29;
    }
    stoa_release(run->allocator, matrix);
    return STOA_OK;
}
