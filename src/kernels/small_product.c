/* A tile of C stays in registers over all of k: each float of A is spread over a vector and multiplied with vectors of
 * a row of B, which serve all rows of the tile. B is read again for every tile of a strip of columns, from the L1
 * cache, as long as it is small. */
#include "kernels/small_product.h"

#include "kernels/isa.h"

/* Rows of a tile, and vectors of its columns: sums for all registers but those of a row of B and a float of A. */
#define ROWS 6
#define VECTORS (LANES == 16 ? 4 : 2)

/* Loops over sums are single and of known length, so that the compiler unrolls them before it gives out registers. */
#define UNROLLED _Pragma("GCC unroll 32")

/* `rows` and `vectors` are known where this is inlined. The last vector begins at column `last` and may overlap the one
 * before it, which then computes the same. */
static STOA_INLINE void tile(const struct small_product *p, size_t rows, size_t vectors, size_t last, const float *a,
                             const float *b, const float *next, float *c)
{
    lanes sums[ROWS * VECTORS];
    size_t a_row = p->a_row, a_column = p->a_column, b_row = p->b_row, c_row = p->c_row;
    UNROLLED
    for (size_t i = 0; i < rows * vectors; i++)
        sums[i] = (lanes){0};
    /* Addresses as a third row's and a step from there: one for each row would not fit the registers. */
    const size_t step[3] = {0, a_row, 2 * a_row};
    const float *from[2] = {a, a + 3 * a_row};
    for (size_t k = p->k; k > 0; k--, from[0] += a_column, from[1] += a_column, b += b_row, next += b_row) {
        __builtin_prefetch(next);
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            sums[i] += from[i / vectors / 3][step[i / vectors % 3]] *
                       *(const lanes *)(b + (i % vectors + 1 < vectors ? i % vectors * LANES : last));
    }
    if (p->add) {
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            sums[i] +=
                *(const lanes *)(c + i / vectors * c_row + (i % vectors + 1 < vectors ? i % vectors * LANES : last));
    }
    UNROLLED
    for (size_t i = 0; i < rows * vectors; i++)
        *(lanes *)(c + i / vectors * c_row + (i % vectors + 1 < vectors ? i % vectors * LANES : last)) = sums[i];
}

/* A strip of columns from j on, its rows in tiles as even as can be. `vectors` is known where this is inlined. */
static STOA_INLINE void strip(const struct small_product *p, size_t vectors, size_t j, size_t last)
{
    size_t tiles = (p->m + ROWS - 1) / ROWS, least = p->m / tiles, more = p->m % tiles;
    const float *a = p->a, *b = p->b + j;
    float *c = p->c + j;
    const float *next = j + VECTORS * LANES < p->n ? b + VECTORS * LANES : p->b + p->k * p->b_row;
    for (size_t i = 0; i < tiles; i++) {
        size_t rows = least + (i < more);
        switch (rows) {
        case 1:
            tile(p, 1, vectors, last, a, b, next, c);
            break;
        case 2:
            tile(p, 2, vectors, last, a, b, next, c);
            break;
        case 3:
            tile(p, 3, vectors, last, a, b, next, c);
            break;
        case 4:
            tile(p, 4, vectors, last, a, b, next, c);
            break;
        case 5:
            tile(p, 5, vectors, last, a, b, next, c);
            break;
        default:
            tile(p, 6, vectors, last, a, b, next, c);
            break;
        }
        a += rows * p->a_row;
        c += rows * p->c_row;
    }
}

STOA_COPY(stoa_small_product, (const struct small_product *p), (p))
{
    if (p->m == 0)
        return;
    for (size_t j = 0; j < p->n;) {
        /* What is left after a strip is nothing or at least a vector. */
        size_t rest = p->n - j, width = VECTORS * LANES;
        if (rest > width && rest < width + LANES)
            width -= LANES;
        else if (rest < width)
            width = rest;
        size_t last = width - LANES;
        switch ((width + LANES - 1) / LANES) {
        case 1:
            strip(p, 1, j, last);
            break;
#if VECTORS > 2
        case 3:
            strip(p, 3, j, last);
            break;
        case 4:
            strip(p, 4, j, last);
            break;
#endif
        default:
            strip(p, 2, j, last);
            break;
        }
        j += width;
    }
}
