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

/* Asks for x[rows][columns], whose rows are x_row apart, to be brought into the cache: products walk their operands in
 * an order that waits for each line where it comes from memory. */
void stoa_matrix_fetch(size_t rows, size_t columns, const float *x, size_t x_row);

/* y[columns][rows], rows y_row apart, <- x[rows][columns]^T, rows x_row apart. */
void stoa_matrix_transpose(size_t rows, size_t columns, const float *x, size_t x_row, float *y, size_t y_row);

/* sums[columns] += the rows of x[rows][columns], which are x_row apart. */
void stoa_matrix_add_rows(size_t rows, size_t columns, const float *x, size_t x_row, float *sums);

#endif
