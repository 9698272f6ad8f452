/* Sums of several taps times several vectors of channels stay in registers over all pixels. What a tap is multiplied
 * with is a vector of dy, loaded once for all taps; a float of the columns is spread over a vector by the
 * multiplication itself. */
#include "kernels/filter_gradient.h"

#include "base/size.h"
#include "kernels/isa.h"

/* Vectors of FILTER_GRADIENT_LANES channels. */
#define PARTS (FILTER_GRADIENT_LANES / LANES)
#define MOST_SUMS 25
#define MOST_VECTORS 4

/* to[i*to_step + c] <- from[i*from_step + c] for i < count; null: zeros. Known channels leave no loop over them, and
 * floats one by one are not worth a turn of the loop each. */
static STOA_INLINE void spread(size_t count, size_t channels, const float *from, size_t from_step, float *to,
                               size_t to_step)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < count; i++)
        for (size_t c = 0; c < channels; c++)
            to[i * to_step + c] = from ? from[i * from_step + c] : 0;
}

static STOA_INLINE void columns_of(const struct im2col_window *w, size_t channels, const float *x, size_t first,
                                   size_t rows, float *columns)
{
    size_t kh = w->kernel[0], step = kh * channels, left = stoa_size_min(w->pad[1], w->OW);
    size_t inside = stoa_size_min(w->W, w->OW - left), right = w->OW - left - inside;
    for (size_t row = 0; row < rows; row++)
        for (size_t r = 0; r < kh; r++) {
            float *to = columns + (row * w->OW * kh + r) * channels;
            size_t y = (first + row) * w->stride[0] + r * w->dilation[0] - w->pad[0]; /* wraps above the image */
            const float *from = y < w->H ? x + y * w->W * w->pixel_stride : NULL;
            spread(left, channels, NULL, 0, to, step);
            if (from)
                spread(inside, channels, from, w->pixel_stride, to + left * step, step);
            else
                spread(inside, channels, NULL, 0, to + left * step, step);
            spread(right, channels, NULL, 0, to + (left + inside) * step, step);
        }
}

/* A run of one to three floats is not worth a vector: these go by the images' rows, float by float. */
STOA_COPY(stoa_filter_columns,
          (const struct im2col_window *window, const float *x, size_t first, size_t rows, float *columns),
          (window, x, first, rows, columns))
{
    if (window->channels > 3)
        stoa_im2col_rows(window, x, first * window->OW, rows * window->OW, columns);
    else if (window->channels == 1)
        columns_of(window, 1, x, first, rows, columns);
    else if (window->channels == 2)
        columns_of(window, 2, x, first, rows, columns);
    else
        columns_of(window, 3, x, first, rows, columns);
}

/* Loops over sums are of known length, so that the compiler unrolls them before it gives out registers. */
#define UNROLLED _Pragma("GCC unroll 32")

/* `taps` and `vectors` are known where this is inlined; sums: `width` floats from tap to tap. */
static STOA_INLINE void block(const struct filter_gradient *f, size_t taps, size_t vectors, const float *columns,
                              const float *dy, size_t width, float *sums)
{
    lanes total[MOST_SUMS];
    UNROLLED
    for (size_t i = 0; i < taps * vectors; i++)
        total[i] = *(const lanes *)(sums + i / vectors * width + i % vectors * LANES);
    size_t x_step = f->x_step, y_pixel = f->y_pixel;
    for (size_t row = 0; row < f->rows; row++) {
        const float *x = columns + row * f->x_row, *y = dy + row * f->y_row;
        for (size_t p = 0; p < f->pixels; p++, x += x_step, y += y_pixel) {
            lanes gradient[MOST_VECTORS];
            UNROLLED
            for (size_t v = 0; v < vectors; v++)
                gradient[v] = *(const lanes *)(y + v * LANES);
            UNROLLED
            for (size_t i = 0; i < taps * vectors; i++)
                total[i] += x[i / vectors] * gradient[i % vectors];
        }
    }
    UNROLLED
    for (size_t i = 0; i < taps * vectors; i++)
        *(lanes *)(sums + i / vectors * width + i % vectors * LANES) = total[i];
}

/* The same with a filter for each channel: a tap is a vector of its own. */
static STOA_INLINE void depthwise_block(const struct filter_gradient *f, size_t taps, const float *columns,
                                        const float *dy, float *sums)
{
    lanes total[MOST_SUMS];
    UNROLLED
    for (size_t i = 0; i < taps; i++)
        total[i] = *(const lanes *)(sums + i * FILTER_GRADIENT_LANES);
    size_t x_step = f->x_step, x_tap = f->x_tap, y_pixel = f->y_pixel;
    for (size_t row = 0; row < f->rows; row++) {
        const float *x = columns + row * f->x_row, *y = dy + row * f->y_row;
        for (size_t p = 0; p < f->pixels; p++, x += x_step, y += y_pixel) {
            lanes gradient = *(const lanes *)y;
            UNROLLED
            for (size_t i = 0; i < taps; i++)
                total[i] += *(const lanes *)(x + i * x_tap) * gradient;
        }
    }
    UNROLLED
    for (size_t i = 0; i < taps; i++)
        *(lanes *)(sums + i * FILTER_GRADIENT_LANES) = total[i];
}

/* By vectors of FILTER_GRADIENT_LANES and then by taps, as the registers allow; vectors = 0: one channel to one. */
/* clang-format off */
#if LANES == FILTER_GRADIENT_LANES
#define BLOCKS(BLOCK) \
    BLOCK(0, 3) BLOCK(0, 9) BLOCK(0, 15) BLOCK(0, 25) \
    BLOCK(1, 5) BLOCK(1, 10) BLOCK(1, 15) BLOCK(1, 20) BLOCK(1, 25) \
    BLOCK(2, 3) BLOCK(2, 6) BLOCK(2, 9) BLOCK(2, 12) \
    BLOCK(4, 3) BLOCK(4, 6)
#else
#define BLOCKS(BLOCK) BLOCK(0, 3) BLOCK(0, 9) BLOCK(1, 3) BLOCK(1, 5)
#endif
/* clang-format on */

#define FUNCTION(vectors, taps)                                                                                        \
    static void block_##vectors##_##taps(const struct filter_gradient *f, const float *columns, const float *dy,       \
                                         size_t width, float *sums)                                                    \
    {                                                                                                                  \
        if (vectors)                                                                                                   \
            block(f, taps, (vectors)*PARTS, columns, dy, width, sums);                                                 \
        else                                                                                                           \
            for (size_t at = 0; at < FILTER_GRADIENT_LANES; at += LANES)                                               \
                depthwise_block(f, taps, columns + at, dy + at, sums + at);                                            \
    }
BLOCKS(FUNCTION)

#define ROW(vectors, taps) {vectors, taps, block_##vectors##_##taps},
static const struct {
    size_t vectors, taps;
    void (*run)(const struct filter_gradient *f, const float *columns, const float *dy, size_t width, float *sums);
} blocks[] = {BLOCKS(ROW)};
#define BLOCK_COUNT (sizeof blocks / sizeof *blocks)

/* All taps of so many vectors, in as few blocks as can be, of about equal size. */
static void run_blocks(const struct filter_gradient *f, size_t vectors, const float *columns, const float *dy,
                       size_t width, float *sums)
{
    size_t first = 0, last = 0;
    while (blocks[first].vectors != vectors)
        first++;
    for (last = first; last + 1 < BLOCK_COUNT && blocks[last + 1].vectors == vectors;)
        last++;
    size_t part = stoa_size_ceil_div(f->taps, stoa_size_ceil_div(f->taps, blocks[last].taps));
    while (blocks[first].taps < part)
        first++;
    part = blocks[first].taps;
    for (size_t tap = 0; tap < f->taps; tap += part)
        blocks[first].run(f, columns + tap * (vectors ? 1 : f->x_tap), dy, width, sums + tap * width);
}

STOA_COPY(stoa_filter_gradient,
          (const struct filter_gradient *f, size_t channels, const float *columns, const float *dy, float *sums),
          (f, channels, columns, dy, sums))
{
    size_t count = stoa_size_ceil_div(channels, FILTER_GRADIENT_LANES), width = count * FILTER_GRADIENT_LANES;
    for (size_t v = 0, vectors; v < count; v += vectors) {
        vectors = PARTS > 1 ? 1 : count - v >= 4 ? 4 : count - v >= 2 ? 2 : 1;
        run_blocks(f, vectors, columns, dy + v * FILTER_GRADIENT_LANES, width, sums + v * FILTER_GRADIENT_LANES);
    }
}

STOA_COPY(stoa_filter_gradient_depthwise,
          (const struct filter_gradient *f, const float *columns, const float *dy, float *sums), (f, columns, dy, sums))
{
    run_blocks(f, 0, columns, dy, FILTER_GRADIENT_LANES, sums);
}
