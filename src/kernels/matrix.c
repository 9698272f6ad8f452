/* The beginning and the end of matrix products. Rows are short, so a loop beats a call. */
#include "kernels/matrix.h"

#include "base/vector.h"

STOA_CLONES void stoa_matrix_clear_rows(size_t rows, size_t columns, float *y, size_t y_row)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns; j++)
            y[i * y_row + j] = 0;
}

STOA_CLONES void stoa_matrix_finish(size_t rows, size_t columns, float alpha, float beta, const float *c, size_t c_row,
                                    size_t c_column, float *y, size_t y_row)
{
    for (size_t i = 0; i < rows; i++) {
        float *restrict to = y + i * y_row;
        if (!c) {
            for (size_t j = 0; j < columns; j++)
                to[j] = alpha * to[j];
        } else if (c_column == 1) {
            const float *from = c + i * c_row;
            for (size_t j = 0; j < columns; j++)
                to[j] = alpha * to[j] + beta * from[j];
        } else {
            const float term = beta * c[i * c_row];
            for (size_t j = 0; j < columns; j++)
                to[j] = alpha * to[j] + term;
        }
    }
}

#define LINE (64 / sizeof(float))

void stoa_matrix_fetch(size_t rows, size_t columns, const float *x, size_t x_row)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t j = 0; j < columns + LINE - 1; j += LINE)
            __builtin_prefetch(x + i * x_row + (j < columns ? j : columns - 1), 0, 2);
}

/* Blocks of columns whose sums stay in registers over all rows. */
STOA_CLONES void stoa_matrix_add_rows(size_t rows, size_t columns, const float *x, size_t x_row, float *sums)
{
    size_t j = 0;
    for (; j + 32 <= columns; j += 32) {
        float total[32];
        for (size_t k = 0; k < 32; k++)
            total[k] = sums[j + k];
        for (size_t i = 0; i < rows; i++)
            for (size_t k = 0; k < 32; k++)
                total[k] += x[i * x_row + j + k];
        for (size_t k = 0; k < 32; k++)
            sums[j + k] = total[k];
    }
    for (size_t i = 0; j < columns && i < rows; i++)
        for (size_t k = j; k < columns; k++)
            sums[k] += x[i * x_row + k];
}
