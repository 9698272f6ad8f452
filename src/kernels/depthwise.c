/* A pixel's channels in blocks that stay in registers over all taps; each tap adds a product of two runs of channels.
 */
#include "kernels/depthwise.h"

#include "base/vector.h"

#define LANES 16
/* Four vectors of sums hide the latency of their additions. */
#define WIDE (4 * LANES)

typedef float lanes __attribute__((vector_size(LANES * sizeof(float)), aligned(sizeof(float)), may_alias));

/* The taps that a pixel sees: rows x [first, end) columns; x at (row 0, tap column 0), which may lie outside the image.
 */
struct taps {
    const float *x;
    size_t first, end;
};

static STOA_INLINE struct taps taps_of(const struct depthwise *d, const float *x, size_t ox)
{
    size_t begin = ox * d->stride; /* column of the pixel in the padded image */
    struct taps taps = {.x = x, .first = 0, .end = d->columns};
    while (taps.first < d->columns && begin + taps.first * d->dilation < d->pad)
        taps.first++;
    while (taps.end > taps.first && begin + (taps.end - 1) * d->dilation >= d->pad + d->W)
        taps.end--;
    return taps;
}

/* The float at tap (r, s), channel c, for pixel ox. */
static STOA_INLINE const float *at(const struct depthwise *d, const struct taps *taps, size_t ox, size_t r, size_t s)
{
    return taps->x + r * d->row_step + (ox * d->stride + s * d->dilation - d->pad) * d->x_pixel;
}

static STOA_INLINE void block(const struct depthwise *d, const struct taps *taps, size_t ox, size_t vectors, size_t c,
                              const float *weights, const float *bias, float *y)
{
    lanes sums[WIDE / LANES];
    for (size_t v = 0; v < vectors; v++)
        sums[v] = bias ? *(const lanes *)(bias + c + v * LANES) : (lanes){0};
    for (size_t r = 0; r < d->rows; r++)
        for (size_t s = taps->first; s < taps->end; s++) {
            const float *from = at(d, taps, ox, r, s) + c, *w = weights + (r * d->columns + s) * d->C + c;
            for (size_t v = 0; v < vectors; v++)
                sums[v] += *(const lanes *)(from + v * LANES) * *(const lanes *)(w + v * LANES);
        }
    for (size_t v = 0; v < vectors; v++)
        *(lanes *)(y + c + v * LANES) = sums[v];
}

STOA_CLONES void stoa_depthwise_row(const struct depthwise *d, const float *x, const float *weights, const float *bias,
                                    float *y)
{
    for (size_t ox = 0; ox < d->OW; ox++, y += d->y_pixel) {
        struct taps taps = taps_of(d, x, ox);
        size_t c = 0;
        for (; c + WIDE <= d->C; c += WIDE)
            block(d, &taps, ox, WIDE / LANES, c, weights, bias, y);
        for (; c + 2 * LANES <= d->C; c += 2 * LANES)
            block(d, &taps, ox, 2, c, weights, bias, y);
        for (; c + LANES <= d->C; c += LANES)
            block(d, &taps, ox, 1, c, weights, bias, y);
        for (; c < d->C; c++) {
            float sum = bias ? bias[c] : 0;
            for (size_t r = 0; r < d->rows; r++)
                for (size_t s = taps.first; s < taps.end; s++)
                    sum += at(d, &taps, ox, r, s)[c] * weights[(r * d->columns + s) * d->C + c];
            y[c] = sum;
        }
    }
}
