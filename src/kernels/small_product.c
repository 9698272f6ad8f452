/* A tile of C stays in registers over all of k: each float of A is spread over a vector and multiplied with vectors of
 * a row of B, which serve all rows of the tile. A strip of columns of B is read again for every tile, from the L1
 * cache; the next one is asked for meanwhile, since its rows lie too far apart for the CPU to guess: on a Zen 3 core a
 * 1x1 convolution of 49 pixels, 2048 to 512 channels, takes 1.4 times as long without. */
#include "kernels/small_product.h"

#include <math.h>

#include "kernels/isa.h"

/* Rows of a tile, and vectors of its columns: with 16 registers, sums for all but those of a row of B and a float of A.
 * Narrow vectors are for checks alone (gemm/blas.c), and go row by row. */
#define ROWS (LANES > 4 ? 6 : 1)
#define VECTORS 2

/* Loops over sums are single and of known length, so that the compiler unrolls them before it gives out registers. */
#define UNROLLED _Pragma("GCC unroll 16")

/* A tile's place: column `last` is where its last vector begins, which may overlap the one before it and then computes
 * the same; `next` is B's next strip. */
struct place {
    const float *a, *b, *next;
    float *c;
    size_t row, column, last;
};

/* Columns of vector v, `vectors` being known. */
static STOA_INLINE size_t column_of(const struct place *place, size_t v, size_t vectors)
{
    return v + 1 < vectors ? v * LANES : place->last;
}

/* The epilogue, in registers. */
static STOA_INLINE void finish(const struct epilogue *epilogue, const struct place *place, size_t rows, size_t vectors,
                               lanes *sums)
{
    const struct activation *activation = &epilogue->activation;
    if (epilogue->bias) {
        const float *bias = epilogue->bias + place->column;
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            sums[i] += *(const lanes *)(bias + column_of(place, i % vectors, vectors));
    }
    if (epilogue->addend) {
        const float *addend = epilogue->addend + place->row * epilogue->addend_row + place->column;
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            sums[i] +=
                *(const lanes *)(addend + i / vectors * epilogue->addend_row + column_of(place, i % vectors, vectors));
    }
    if (activation->kind != ACTIVATION_NONE) {
        bool clip = activation->kind == ACTIVATION_CLIP;
        float least = clip ? activation->alpha : 0, most = clip ? activation->beta : INFINITY;
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            bound(least, most, &sums[i]);
    }
}

/* `rows` and `vectors` are known where this is inlined. */
static STOA_INLINE void tile(const struct small_product *p, const struct place *place, size_t rows, size_t vectors)
{
    lanes sums[ROWS * VECTORS];
    size_t a_row = p->a_row, a_column = p->a_column, b_row = p->b_row;
    const float *b = place->b, *next = place->next;
    UNROLLED
    for (size_t i = 0; i < rows * vectors; i++)
        sums[i] = (lanes){0};
    /* Addresses as a third row's and a step from there: one for each row would not fit the registers. */
    const size_t step[3] = {0, a_row, 2 * a_row};
    const float *from[2] = {place->a, place->a + 3 * a_row};
    for (size_t k = p->k; k > 0; k--, from[0] += a_column, from[1] += a_column, b += b_row, next += b_row) {
        __builtin_prefetch(next);
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            sums[i] += from[i / vectors / 3][step[i / vectors % 3]] *
                       *(const lanes *)(b + column_of(place, i % vectors, vectors));
    }
    if (p->add) {
        UNROLLED
        for (size_t i = 0; i < rows * vectors; i++)
            sums[i] += *(const lanes *)(place->c + i / vectors * p->c_row + column_of(place, i % vectors, vectors));
    }
    if (p->last)
        finish(p->last, place, rows, vectors, sums);
    UNROLLED
    for (size_t i = 0; i < rows * vectors; i++)
        *(lanes *)(place->c + i / vectors * p->c_row + column_of(place, i % vectors, vectors)) = sums[i];
}

/* Rows of the next tile of so many that are left: sixes, and threes and fours where that would leave one or two. */
static size_t rows_of(size_t left)
{
    if (ROWS == 1)
        return 1;
    return left == 7 || left == 8 || left == 4 ? 4 : left == 5 ? 3 : left < ROWS ? left : ROWS;
}

/* `vectors` is known where this is inlined. */
static STOA_INLINE void strip(const struct small_product *p, size_t vectors, size_t column, size_t width)
{
    struct place place = {
        .a = p->a,
        .b = p->b + column,
        .next = column + VECTORS * LANES < p->n ? p->b + column + VECTORS * LANES : p->b + p->k * p->b_row,
        .c = p->c + column,
        .column = column,
        .last = width - LANES,
    };
    while (place.row < p->m) {
        size_t rows = rows_of(p->m - place.row);
        if (ROWS > 1 && rows == 6)
            tile(p, &place, ROWS, vectors);
        else if (ROWS > 1 && rows == 4)
            tile(p, &place, ROWS > 1 ? 4 : 1, vectors);
        else if (ROWS > 1 && rows == 3)
            tile(p, &place, ROWS > 1 ? 3 : 1, vectors);
        else if (ROWS > 1 && rows == 2)
            tile(p, &place, ROWS > 1 ? 2 : 1, vectors);
        else
            tile(p, &place, 1, vectors);
        place.row += rows;
        place.a += rows * p->a_row;
        place.c += rows * p->c_row;
    }
}

STOA_COPY(stoa_small_product, (const struct small_product *p), (p))
{
    for (size_t column = 0; column < p->n;) {
        /* What is left behind a strip is nothing or at least a vector. */
        size_t left = p->n - column, width = VECTORS * LANES;
        if (left > width && left < width + LANES)
            width = LANES;
        else if (left < width)
            width = left;
        if (width == LANES)
            strip(p, 1, column, width);
        else
            strip(p, 2, column, width);
        column += width;
    }
}
