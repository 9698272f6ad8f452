/* What is done to the elements of a matrix product beside the product itself. */
#ifndef STOA_KERNELS_MATRIX_H
#define STOA_KERNELS_MATRIX_H

#include <stddef.h>

/* y[rows][columns], rows y_row apart, <- zeros. */
void stoa_matrix_clear_rows(size_t rows, size_t columns, float *y, size_t y_row);

/* y[rows][columns], rows y_row apart: y(i, j) <- alpha * y(i, j) + beta * c[i*c_row + j*c_column], c_column being 0 or
 * 1; c may be null, which adds nothing. */
void stoa_matrix_finish(size_t rows, size_t columns, float alpha, float beta, const float *c, size_t c_row,
                        size_t c_column, float *y, size_t y_row);

#endif
