/* Small matrices of 4-byte elements, transposed; a tile is 16 x 16, so that each cache line it touches is used to the
 * full. */
#ifndef STOA_KERNELS_TRANSPOSE_H
#define STOA_KERNELS_TRANSPOSE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/vector.h"

#define TRANSPOSE_TILE 16

typedef uint32_t __attribute__((may_alias)) transpose_unit;

#if defined(__GNUC__) && defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define TRANSPOSE_SHUFFLES
#endif
#endif

#ifdef TRANSPOSE_SHUFFLES
typedef uint32_t transpose_four __attribute__((vector_size(16)));

static STOA_INLINE transpose_four stoa_transpose_load(const transpose_unit *x)
{
    transpose_four value;
    memcpy(&value, x, sizeof value);
    return value;
}

static STOA_INLINE void stoa_transpose_store(transpose_four value, transpose_unit *y)
{
    memcpy(y, &value, sizeof value);
}

/* y[4][ldy] <- x[4][ldx], transposed. */
static STOA_INLINE void stoa_transpose_four(const transpose_unit *x, size_t ldx, transpose_unit *y, size_t ldy)
{
    transpose_four a = stoa_transpose_load(x), b = stoa_transpose_load(x + ldx);
    transpose_four c = stoa_transpose_load(x + 2 * ldx), d = stoa_transpose_load(x + 3 * ldx);
    transpose_four ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
    transpose_four ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
    transpose_four cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
    transpose_four cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
    stoa_transpose_store(__builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5), y);
    stoa_transpose_store(__builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7), y + ldy);
    stoa_transpose_store(__builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5), y + 2 * ldy);
    stoa_transpose_store(__builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7), y + 3 * ldy);
}

/* y[4][3] <- x[3][ldx], transposed. */
static STOA_INLINE void stoa_transpose_three(const transpose_unit *x, size_t ldx, transpose_unit *y)
{
    transpose_four a = stoa_transpose_load(x), b = stoa_transpose_load(x + ldx), c = stoa_transpose_load(x + 2 * ldx);
    transpose_four a0_b0 = __builtin_shufflevector(a, b, 0, 4, 0, 4), c0_a1 = __builtin_shufflevector(c, a, 0, 5, 0, 5);
    transpose_four b1_c1 = __builtin_shufflevector(b, c, 1, 5, 1, 5), a2_b2 = __builtin_shufflevector(a, b, 2, 6, 2, 6);
    transpose_four c2_a3 = __builtin_shufflevector(c, a, 2, 7, 2, 7), b3_c3 = __builtin_shufflevector(b, c, 3, 7, 3, 7);
    stoa_transpose_store(__builtin_shufflevector(a0_b0, c0_a1, 0, 1, 4, 5), y);
    stoa_transpose_store(__builtin_shufflevector(b1_c1, a2_b2, 0, 1, 4, 5), y + 4);
    stoa_transpose_store(__builtin_shufflevector(c2_a3, b3_c3, 0, 1, 4, 5), y + 8);
}
#endif

/* y[16][ldy] <- x[16][ldx], transposed. Whole lines of x go through a buffer, since the rows of x may all fall into the
 * same cache set. */
static STOA_INLINE void stoa_transpose_tile(const transpose_unit *x, size_t ldx, transpose_unit *y, size_t ldy)
{
    transpose_unit rows[TRANSPOSE_TILE][TRANSPOSE_TILE];
    for (size_t j = 0; j < TRANSPOSE_TILE; j++)
        memcpy(rows[j], x + j * ldx, sizeof rows[j]);
    for (size_t i = 0; i < TRANSPOSE_TILE; i += 4)
        for (size_t j = 0; j < TRANSPOSE_TILE; j += 4) {
#ifdef TRANSPOSE_SHUFFLES
            stoa_transpose_four(&rows[j][i], TRANSPOSE_TILE, y + i * ldy + j, ldy);
#else
            for (size_t k = 0; k < 16; k++)
                y[(i + k / 4) * ldy + j + k % 4] = rows[j + k % 4][i + k / 4];
#endif
        }
}

#endif
