/* The beginning and the end of matrix products. Rows are short, so a loop beats a call. */
#include "kernels/matrix.h"

#include "base/vector.h"
#include "kernels/transpose.h"

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

/* sums[j] += the column's: four sums of every fourth row, which do not wait for each other, then those joined. Vectors
 * wider than 8 floats would go through the stack where registers are no wider. */
#define DEFINE_ADD_COLUMNS(COUNT)                                                                                      \
    typedef float floats##COUNT __attribute__((vector_size((COUNT) * sizeof(float)), aligned(4), may_alias));          \
    static STOA_INLINE void add_columns##COUNT(size_t rows, const float *x, size_t x_row, float *sums)                 \
    {                                                                                                                  \
        floats##COUNT a = {0}, b = {0}, c = {0}, d = {0};                                                              \
        size_t i = 0;                                                                                                  \
        for (; i + 4 <= rows; i += 4, x += 4 * x_row) {                                                                \
            a += *(const floats##COUNT *)x;                                                                            \
            b += *(const floats##COUNT *)(x + x_row);                                                                  \
            c += *(const floats##COUNT *)(x + 2 * x_row);                                                              \
            d += *(const floats##COUNT *)(x + 3 * x_row);                                                              \
        }                                                                                                              \
        for (; i < rows; i++, x += x_row)                                                                              \
            a += *(const floats##COUNT *)x;                                                                            \
        *(floats##COUNT *)sums += (a + b) + (c + d);                                                                   \
    }
DEFINE_ADD_COLUMNS(8)
DEFINE_ADD_COLUMNS(4)
DEFINE_ADD_COLUMNS(2)
DEFINE_ADD_COLUMNS(1)

STOA_CLONES void stoa_matrix_add_rows(size_t rows, size_t columns, const float *x, size_t x_row, float *sums)
{
    size_t j = 0;
    if (!rows) /* and maybe no x */
        return;
    for (; j + 8 <= columns; j += 8)
        add_columns8(rows, x + j, x_row, sums + j);
    if (columns & 4)
        add_columns4(rows, x + j, x_row, sums + j);
    j += columns & 4;
    if (columns & 2)
        add_columns2(rows, x + j, x_row, sums + j);
    j += columns & 2;
    if (columns & 1)
        add_columns1(rows, x + j, x_row, sums + j);
}

void stoa_matrix_transpose(size_t rows, size_t columns, const float *x, size_t x_row, float *y, size_t y_row)
{
    size_t i = 0;
#ifdef TRANSPOSE_SHUFFLES
    for (; i + 4 <= rows; i += 4, x += 4 * x_row, y += 4) {
        size_t j = 0;
        for (; j + 4 <= columns; j += 4)
            stoa_transpose_four((const transpose_unit *)(x + j), x_row, (transpose_unit *)(y + j * y_row), y_row);
        for (; j < columns; j++)
            for (size_t k = 0; k < 4; k++)
                y[j * y_row + k] = x[k * x_row + j];
    }
#endif
    for (; i < rows; i++, x += x_row, y++)
        for (size_t j = 0; j < columns; j++)
            y[j * y_row] = x[j];
}
