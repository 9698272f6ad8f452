/* Winograd's minimal filtering, the gradient with regard to the filter. y = A^T [(G g) * (B^T d)] is linear in g, so
 * its adjoint takes dy to
 *
 *     dg = G^T [(A dy) * (B^T d)],
 *
 * in two dimensions again with nested transforms. Summed over tiles instead of channels, each point is a matrix product
 * U^T V of U = A dy A^T and V = B^T d B, tile by channel; G^T ... G is left for the very end. */
#ifndef STOA_KERNELS_WINOGRAD_GRADIENT_H
#define STOA_KERNELS_WINOGRAD_GRADIENT_H

#include "kernels/winograd.h"

/* u[n*n][count][channels] <- tiles [first, first + count) of dy[N][OH][OW][y_pixel]. Rows of u have room for the next
 * multiple of 16 channels. */
void stoa_winograd_gradient_tiles(const struct winograd_form *form, const struct winograd_grid *grid, const float *dy,
                                  size_t channels, size_t first, size_t count, const struct winograd_values *u);

/* The point of u that is the sum of a tile's elements. */
size_t stoa_winograd_sum_point(const struct winograd_form *form);

/* dw[rows][kh*kw][channels], rows dw_row apart, <- m[n*n][rows][channels], whose rows (m->tile apart) are readable up
 * to the next multiple of 16 channels. */
void stoa_winograd_gradient_filters(const struct winograd_form *form, const struct winograd_values *m, size_t rows,
                                    size_t channels, float *dw, size_t dw_row);

#endif
