/* Winograd's minimal filtering: the transforms around its products.
 *
 * Along one axis F(m, r) gives m outputs of a filter of r taps from n = m + r - 1 inputs with n products instead of
 * m*r:
 *
 *     y = A^T [(G g) * (B^T d)]        d: n inputs, g: r taps, y: m outputs, * element by element
 *
 * (Winograd, Arithmetic Complexity of Computations, 1980; Lavin and Gray, Fast Algorithms for Convolutional Neural
 * Networks, 2016.) It is the product of two polynomials from its values at n points, infinity being one of them: B^T
 * depends on the points alone, A^T holds their powers, and G is worked out here from them in double. At stride 2 two
 * outputs of three taps are F(2, 2) of the even inputs, by the outer taps, plus the odd inputs by the middle one: five
 * products instead of six, those of F(2, 2) first. In two dimensions the transforms nest. Summed over channels, each of
 * the n*n points is a matrix product of its own.
 *
 * Dilated by d, a convolution is one of its own for each place of an image's pixel within blocks of d x d: then a
 * tile's pixels lie d apart.
 *
 * All images are channels-last; tiles are numbered through all images, in them through those places, row by row. */
#ifndef STOA_KERNELS_WINOGRAD_H
#define STOA_KERNELS_WINOGRAD_H

#include <stdbool.h>
#include <stddef.h>

#include "kernels/epilogue.h"

#define WINOGRAD_MOST 10     /* the largest n */
#define WINOGRAD_MOST_TAPS 7 /* and r */
#define WINOGRAD_STRIDED 5   /* n of an axis at stride 2 alone */

/* The images and how they are cut. */
struct winograd_grid {
    size_t H, W, OH, OW;
    size_t pad[2];           /* top, left */
    size_t x_pixel, y_pixel; /* floats from pixel to pixel */
    size_t step[2];     /* pixels of x from tile to tile where they are not dilated: the form's tile times its stride */
    size_t dilation[2]; /* more than 1 only at stride 1 */
    size_t places[2];   /* as many, or fewer where y has fewer rows or columns */
    size_t down, across; /* tiles of an image's place */
    bool pools;          /* y[N][OH/2][OW/2] is the maximum of 2 x 2 outputs each */
};

/* values[point][tile][channel]: `point` and `tile` are the floats from one to the next. */
struct winograd_values {
    float *values;
    size_t point, tile;
};

/* F(tile[0] x tile[1], kernel[0] x kernel[1]) at a stride along either axis: square, or of a kernel that is one row or
 * one column, where the tile is one too and the other axis has n = 1 and no transform. */
struct winograd_form {
    size_t tile[2], kernel[2], stride;
};

/* By kernel, stride and then size of tile; ends with a form whose tile is 0. */
extern const struct winograd_form stoa_winograd_forms[];

/* v[point][count][channels] <- tiles [first, first + count) of x[N][H][W][x_pixel]; outside the images there is 0. Rows
 * of v have room for the next multiple of 16 channels. */
void stoa_winograd_input(const struct winograd_form *form, const struct winograd_grid *grid, const float *x,
                         size_t channels, size_t first, size_t count, const struct winograd_values *v);
/* y[N][OH][OW][y_pixel] <- epilogue of tiles [first, first + count) from m[point][count][channels], whose rows are
 * readable up to the next multiple of 16 channels. The epilogue's rows are the pixels of y; with `pools`, which a line
 * cannot have, it is none but bias and bounds, and comes before. */
void stoa_winograd_output(const struct winograd_form *form, const struct winograd_grid *grid,
                          const struct winograd_values *m, size_t first, size_t count, size_t channels,
                          const struct epilogue *epilogue, float *y);

/* n of an axis, and of both: the products. */
size_t stoa_winograd_size(const struct winograd_form *form, size_t axis);
size_t stoa_winograd_points(const struct winograd_form *form);
bool stoa_winograd_is_line(const struct winograd_form *form);

/* G of F(n - taps + 1, taps): n rows of `taps`. B^T has whole polynomials, not Lagrange's, so that G has what they are
 * to be divided by. */
void stoa_winograd_filter_matrix(size_t n, size_t taps, double g[WINOGRAD_MOST][WINOGRAD_MOST_TAPS]);

/* The first `count` columns of u[point][C][width] <- weights[count][C][kh][kw], in double and then rounded. */
void stoa_winograd_filters(const struct winograd_form *form, size_t C, size_t count, const float *weights, size_t width,
                           float *u);

/* How far the rounding errors of a sum over so many channels may reach: an output is off by less than
 *
 *     2^-24 * error * sum over channels of (largest |x| of the tile) * (sum of |w|).
 *
 * Along an axis, the k-th value of B^T d is at most b_k = sum_j |B_kj| times the largest |d|, that of G g at most
 * sum_q |G_kq| |g_q|. Their product has gone through C + 20 roundings at most (the transforms' own, that of the filter
 * and the sum over channels) of half a unit each in the mean, which as independent errors amount to sqrt(C + 20) / 2
 * units (Higham and Mary, A New Approach to Probabilistic Rounding Error Analysis, 2019); A^T adds up the points'
 * errors, again independent. Of many millions of outputs of one channel a single one was off by 3 % more: so, with
 * room,
 *
 *     error = 5/8 * sqrt(C + 20) * amplification of either axis,
 *     amplification = max over i, q of sqrt(sum_k (A_ki * G_kq * b_k)^2):
 *
 * 1 an axis where n is 1, 2.2 where it is 5, 2.4 where it is 4, 15 where it is 6, 20 where it is 8, 103 where it is 10.
 * Tests hold measured errors against this. */
double stoa_winograd_error(const struct winograd_form *form, size_t channels);

#endif
