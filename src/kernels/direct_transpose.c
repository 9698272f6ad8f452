/* What one pixel of x adds to several rows of y stays in registers over all channels of x: each is spread over a vector
 * and multiplied with the weights of all taps. Runs of neighbouring pixels overlap in y, so they are added there one
 * pixel after another; by the time the next one is, the last one's stores are long done. */
#include "kernels/direct_transpose.h"

#include "kernels/isa.h"

/* Vectors of DIRECT_TRANSPOSE_LANES floats. */
#define PARTS (DIRECT_TRANSPOSE_LANES / LANES)
#define MOST_SUMS 24

/* Loops over sums are of known length, so that the compiler unrolls them before it gives out registers. */
#define UNROLLED _Pragma("GCC unroll 32")

/* `taps` and `vectors` are known where this is inlined: of the filter's rows so many, whose weights `weights` points
 * to. */
static STOA_INLINE void block(const struct direct_transpose *d, size_t taps, size_t vectors, size_t count,
                              const float *x, const float *weights, float *y)
{
    const size_t step = d->taps * vectors * LANES;
    lane_bits ours[PARTS]; /* lanes of the last vectors that are part of the run */
    for (size_t i = 0; i < DIRECT_TRANSPOSE_LANES; i++)
        ours[i / LANES][i % LANES] = (vectors - PARTS) * LANES + i < d->width ? -1 : 0;
    for (size_t p = 0; p < count; p++, x += d->x_pixel, y += d->y_pixel) {
        lanes sums[MOST_SUMS];
        UNROLLED
        for (size_t i = 0; i < taps * vectors; i++)
            sums[i] = (lanes){0};
        const float *w = weights;
        for (size_t k = 0; k < d->depth; k++, w += step) {
            UNROLLED
            for (size_t i = 0; i < taps * vectors; i++)
                sums[i] += x[k] * *(const lanes *)(w + i * LANES);
        }
        UNROLLED
        for (size_t i = 0; i < taps * vectors; i++) {
            lanes *to = (lanes *)(y + i / vectors * d->y_tap + i % vectors * LANES);
            lanes all = *to + sums[i];
            if (i % vectors + PARTS >= vectors) {
                lane_bits here = ours[i % vectors + PARTS - vectors];
                all = (lanes)(((lane_bits)all & here) | ((lane_bits)*to & ~here));
            }
            *to = all;
        }
    }
}

/* By vectors of DIRECT_TRANSPOSE_LANES and then by filter rows, as the registers allow. */
/* clang-format off */
#if LANES == DIRECT_TRANSPOSE_LANES
#define EACH_VECTORS 3
#define BLOCKS(BLOCK) \
    BLOCK(1, 1) BLOCK(1, 3) BLOCK(1, 5) BLOCK(2, 1) BLOCK(2, 3) BLOCK(2, 5) BLOCK(3, 1) BLOCK(3, 3) BLOCK(3, 5)
#else
#define EACH_VECTORS 2
#define BLOCKS(BLOCK) BLOCK(1, 1) BLOCK(1, 3) BLOCK(2, 1) BLOCK(2, 3) BLOCK(3, 1) BLOCK(3, 2)
#endif
/* clang-format on */

#define FUNCTION(vectors, taps)                                                                                        \
    static void block_##vectors##_##taps(const struct direct_transpose *d, size_t count, const float *x,               \
                                         const float *weights, float *y)                                               \
    {                                                                                                                  \
        block(d, taps, (vectors)*PARTS, count, x, weights, y);                                                         \
    }
BLOCKS(FUNCTION)

#define ROW(vectors, taps) {taps, block_##vectors##_##taps},
static const struct {
    size_t taps;
    void (*run)(const struct direct_transpose *d, size_t count, const float *x, const float *weights, float *y);
} blocks[] = {BLOCKS(ROW)};

STOA_COPY(stoa_direct_transpose_row,
          (const struct direct_transpose *direct, size_t count, const float *x, const float *weights, float *y),
          (direct, count, x, weights, y))
{
    size_t vectors = (direct->width + DIRECT_TRANSPOSE_LANES - 1) / DIRECT_TRANSPOSE_LANES;
    for (size_t tap = 0, taps; tap < direct->taps; tap += taps) {
        size_t i = vectors * EACH_VECTORS - 1;
        while (blocks[i].taps > direct->taps - tap)
            i--;
        taps = blocks[i].taps;
        blocks[i].run(direct, count, x, weights + tap * vectors * DIRECT_TRANSPOSE_LANES, y + tap * direct->y_tap);
    }
}
