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
