/* The cells of RNN, GRU and LSTM. A step is a product of the state of all rows with R, and then, row by row, what is
 * done to the gates, which is a row of a few vectors at a time, in the L1 cache. */
#include "ops/recurrent.h"

#include <math.h>
#include <string.h>

#include "base/tensor.h"
#include "kernels/arithmetic.h"
#include "kernels/epilogue.h"
#include "kernels/matrix.h"
#include "ops/product.h"

/* y <- rows [first, first + columns) of R, times a. */
static void multiply(const struct recurrent_state *s, const float *a, size_t first, size_t columns, float *y)
{
    const struct product product = {.m = s->rows,
                                    .n = columns,
                                    .k = s->n,
                                    .b_transposed = true,
                                    .a = a,
                                    .b = s->r + first * s->n,
                                    .alpha = 1,
                                    .y = y};
    stoa_product_run(&product, s->pool);
}

/* y[i] <- a[i] (operation) b[i], i < n; y may be either. */
static void combine(enum arithmetic operation, size_t n, const float *a, const float *b, float *y)
{
    char *data[] = {(char *)y, stoa_read_only(a), stoa_read_only(b)};
    const ptrdiff_t strides[] = {1, 1, 1};
    stoa_arithmetic_loop(operation, STOA_FLOAT)(NULL, n, data, strides);
}

/* y <- slope * y + offset */
static void scale(size_t n, float slope, float offset, float *y)
{
    if (slope != 1 || offset != 0)
        stoa_matrix_finish(1, n, slope, 1, &offset, 0, 0, y, n);
}

static void apply(const struct recurrent_function *f, size_t n, float *y)
{
    scale(n, f->scale, 0, y);
    stoa_activate(&f->activation, n, y, y);
    scale(n, f->slope, f->offset, y);
}

/* The same of a gate's sum. */
static void open(const struct recurrent_state *s, const struct recurrent_function *f, size_t n, float *y)
{
    if (s->clip < INFINITY)
        stoa_activate(&(struct activation){ACTIVATION_CLIP, -s->clip, s->clip}, n, y, y);
    apply(f, n, y);
}

/* y <- (y + bias) + x, n of them from `first` on; no bias where there is none. */
static void add(const float *bias, const float *x, size_t first, size_t n, float *y)
{
    const struct epilogue sum = {.bias = bias ? bias + first : NULL, .addend = x ? x + first : NULL, .addend_row = n};
    stoa_epilogue_rows(1, n, &sum, y, n);
}

/* y <- y + a * b */
static void add_product(const struct recurrent_state *s, const float *a, const float *b, float *y)
{
    combine(ARITHMETIC_MUL, s->n, a, b, s->spare);
    combine(ARITHMETIC_ADD, s->n, y, s->spare, y);
}

static void rnn_step(const struct recurrent_state *s)
{
    multiply(s, s->h, 0, s->n, s->gates);
    for (size_t i = 0; i < s->rows; i++) {
        float *h = s->h + i * s->n;
        if (!s->x[i])
            continue;
        memcpy(h, s->gates + i * s->n, s->n * sizeof *h);
        add(s->sums, s->x[i], 0, s->n, h);
        open(s, s->functions, s->n, h);
    }
}

/* h <- (1 - z) * candidate + z * h */
static void blend(size_t n, float *z, float *candidate, float *h)
{
    combine(ARITHMETIC_MUL, n, z, h, h);
    scale(n, -1, 1, z);
    combine(ARITHMETIC_MUL, n, z, candidate, candidate);
    combine(ARITHMETIC_ADD, n, h, candidate, h);
}

/* Gates z (update), r (reset) and the candidate, which takes r into account before the product with R or `late`, after
 * it. */
static void gru_step(const struct recurrent_state *s)
{
    size_t n = s->n, stride = (s->late ? 3 : 2) * n;
    float *candidates = s->gates + (s->late ? 2 : s->rows * 2) * n;
    multiply(s, s->h, 0, stride, s->gates);
    for (size_t i = 0; i < s->rows; i++) {
        float *z = s->gates + i * stride, *r = z + n;
        if (!s->x[i])
            continue;
        add(s->sums, s->x[i], 0, 2 * n, z);
        open(s, &s->functions[0], 2 * n, z);
        if (!s->late)
            combine(ARITHMETIC_MUL, n, r, s->h + i * n, s->c + i * n);
    }
    if (!s->late)
        multiply(s, s->c, 2 * n, n, candidates);
    for (size_t i = 0; i < s->rows; i++) {
        float *z = s->gates + i * stride, *candidate = candidates + i * (s->late ? stride : n);
        if (!s->x[i])
            continue;
        if (s->late) {
            add(s->sums ? s->b + 3 * n : NULL, NULL, 2 * n, n, candidate);
            combine(ARITHMETIC_MUL, n, z + n, candidate, candidate);
        }
        add(s->sums && s->late ? s->b : s->sums, s->x[i], 2 * n, n, candidate);
        open(s, &s->functions[1], n, candidate);
        blend(n, z, candidate, s->h + i * n);
    }
}

/* Gates i (input), o (output), f (forget) and the cell's. */
static void lstm_row(const struct recurrent_state *s, const float *x, float *i, float *h, float *c)
{
    size_t n = s->n;
    float *o = i + n, *f = o + n, *cell = f + n;
    add(s->sums, x, 0, 4 * n, i);
    if (s->p) {
        add_product(s, s->p, c, i);
        add_product(s, s->p + 2 * n, c, f);
        open(s, &s->functions[0], n, i);
        open(s, &s->functions[0], n, f);
    } else {
        open(s, &s->functions[0], 3 * n, i);
    }
    if (s->coupled) {
        memcpy(f, i, n * sizeof *f);
        scale(n, -1, 1, f);
    }
    open(s, &s->functions[1], n, cell);
    combine(ARITHMETIC_MUL, n, f, c, c);
    add_product(s, i, cell, c);
    if (s->p) {
        add_product(s, s->p + n, c, o);
        open(s, &s->functions[0], n, o);
    }
    memcpy(h, c, n * sizeof *h);
    apply(&s->functions[2], n, h);
    combine(ARITHMETIC_MUL, n, o, h, h);
}

static void lstm_step(const struct recurrent_state *s)
{
    multiply(s, s->h, 0, 4 * s->n, s->gates);
    for (size_t i = 0; i < s->rows; i++)
        if (s->x[i])
            lstm_row(s, s->x[i], s->gates + i * 4 * s->n, s->h + i * s->n, s->c + i * s->n);
}

const struct recurrent_cell stoa_rnn_cell = {"RNN", 1, 1, {"Tanh"}, rnn_step};
const struct recurrent_cell stoa_gru_cell = {"GRU", 3, 2, {"Sigmoid", "Tanh"}, gru_step};
const struct recurrent_cell stoa_lstm_cell = {"LSTM", 4, 3, {"Sigmoid", "Tanh", "Tanh"}, lstm_step};
