/* The transforms, vectorised over channels: a vector holds the next channels of one pixel, and a tile is n*n of
 * them. The vertical pass leaves its result in the L1 cache, where the horizontal one reads it.
 *
 * Points come in pairs a, -a: a row of B^T is the sum of an even and an odd polynomial and its partner's their
 * difference; likewise A^T takes sums and differences of pairs. */
#include "kernels/winograd.h"

#include <math.h>

#include "kernels/winograd_tile.h"

/* Most pairs of points. */
#define PAIRS (WINOGRAD_MOST / 2 - 1)

#define UNROLLED _Pragma("GCC unroll 16")
/* The narrowest copy, where there are wider ones, is for CPUs of long ago and small: one function for whole and clipped
 * tiles. In others a row of outputs is unrolled, of which GCC 12 left to itself makes a loop for each epilogue. */
#if defined(STOA_ISA_SEVERAL)
#define UNROLLED_ROW
#define WHOLE_TILES false
#else
#define UNROLLED_ROW UNROLLED
#define WHOLE_TILES true
#endif

/* v[n] <- B^T x[n]. Row k of B^T holds the coefficients of the product of (t - a) over all finite points a but the
 * k-th; the last row, that over all of them. At stride 2 the points are 0, 1 and infinity, of every other input. */
static STOA_INLINE void input_axis(size_t n, const lanes *x, lanes *v)
{
    lanes even[PAIRS], odd[PAIRS];
    if (n == WINOGRAD_STRIDED) {
        v[0] = x[2] - x[0];
        v[1] = x[2];
        v[2] = x[4] - x[2];
        v[3] = x[1];
        v[4] = x[3];
        return;
    }
    if (n == 4) {
        even[0] = x[2], odd[0] = x[1];
        v[0] = x[2] - x[0];
        v[3] = x[3] - x[1];
    } else if (n == 6) {
        even[0] = x[4] - 4 * x[2], odd[0] = x[3] - 4 * x[1];
        even[1] = x[4] - x[2], odd[1] = 2 * (x[3] - x[1]);
        v[0] = x[4] + (4 * x[0] - 5 * x[2]);
        v[5] = x[5] + (4 * x[1] - 5 * x[3]);
    } else if (n == 8) {
        even[0] = (x[6] + x[2]) - 4.25f * x[4], odd[0] = (x[5] + x[1]) - 4.25f * x[3];
        even[1] = x[6] + (0.25f * x[2] - 1.25f * x[4]), odd[1] = 2 * x[5] + (0.5f * x[1] - 2.5f * x[3]);
        even[2] = x[6] + (4 * x[2] - 5 * x[4]), odd[2] = 0.5f * x[5] + (2 * x[1] - 2.5f * x[3]);
        v[0] = (x[6] - x[0]) + 5.25f * (x[2] - x[4]);
        v[7] = (x[7] - x[1]) + 5.25f * (x[3] - x[5]);
    } else {
        even[0] = x[8] - 4.8125f * x[6] + 3.390625f * x[4] - 0.5625f * x[2];
        odd[0] = x[7] - 4.8125f * x[5] + 3.390625f * x[3] - 0.5625f * x[1];
        even[1] = x[8] - 1.8125f * x[6] + 0.953125f * x[4] - 0.140625f * x[2];
        odd[1] = 2 * x[7] - 3.625f * x[5] + 1.90625f * x[3] - 0.28125f * x[1];
        even[2] = x[8] - 5.5625f * x[6] + 6.8125f * x[4] - 2.25f * x[2];
        odd[2] = 0.5f * x[7] - 2.78125f * x[5] + 3.40625f * x[3] - 1.125f * x[1];
        even[3] = x[8] - x[2] + 5.25f * (x[4] - x[6]);
        odd[3] = 0.75f * (x[7] - x[1]) + 3.9375f * (x[3] - x[5]);
        v[0] = x[8] - 5.8125f * x[6] + 8.203125f * x[4] - 3.953125f * x[2] + 0.5625f * x[0];
        v[9] = x[9] - 5.8125f * x[7] + 8.203125f * x[5] - 3.953125f * x[3] + 0.5625f * x[1];
    }
    UNROLLED
    for (size_t p = 0; p < n / 2 - 1; p++) {
        v[2 * p + 1] = even[p] + odd[p];
        v[2 * p + 2] = even[p] - odd[p];
    }
}

/* y[m] <- A^T v[n], or v where both are 1: row i of A^T holds the i-th powers of the points; infinity counts in the
 * last row alone. */
static STOA_INLINE void output_axis(size_t n, size_t m, const lanes *v, lanes *y)
{
    lanes sum[PAIRS], difference[PAIRS];
    if (n == WINOGRAD_STRIDED) {
        y[0] = v[0] + v[1] + v[3];
        y[1] = v[1] + v[2] + v[4];
        return;
    }
    y[0] = v[0];
    if (n == 1)
        return;
    for (size_t p = 0; p < n / 2 - 1; p++) {
        sum[p] = v[2 * p + 1] + v[2 * p + 2];
        difference[p] = v[2 * p + 1] - v[2 * p + 2];
    }
    for (size_t i = 0; i < m; i++) {
        y[i] = i % 2 ? difference[0] : sum[0];
        for (size_t p = 1; p < n / 2 - 1; p++)
            y[i] += winograd_powers[p][i] * (i % 2 ? difference[p] : sum[p]);
    }
    y[0] += v[0];
    y[m - 1] += v[n - 1];
}

/* One tile's vector of channels. With `whole` known where this is inlined, nothing is left of the checks. */
static STOA_INLINE void input_vector(const size_t n[2], const struct steps *steps, const struct place *place,
                                     bool whole, const float *x, float *v, size_t point)
{
    lanes half[WINOGRAD_MOST][WINOGRAD_MOST], in[WINOGRAD_MOST], out[WINOGRAD_MOST];
    for (size_t j = 0; j < n[1]; j++) {
        bool inside = whole || (j >= place->first[1] && j < place->end[1]);
        for (size_t i = 0; i < n[0]; i++)
            if (whole || (inside && i >= place->first[0] && i < place->end[0]))
                in[i] = *(const lanes *)(x + float_at(place, steps, i, j));
            else
                in[i] = (lanes){0};
        input_axis(n[0], in, out);
        for (size_t i = 0; i < n[0]; i++)
            half[i][j] = out[i];
    }
    for (size_t i = 0; i < n[0]; i++) {
        input_axis(n[1], half[i], out);
        for (size_t j = 0; j < n[1]; j++)
            *(lanes *)(v + (i * n[1] + j) * point) = out[j];
    }
}

/* The same of a form that is a line along `axis`: there is one pass, and one function for whole and clipped tiles, as
 * checks cost little beside the memory that is read. */
static STOA_INLINE void input_line(size_t n, size_t axis, const struct steps *steps, const struct place *place,
                                   const float *x, float *v, size_t point)
{
    lanes in[WINOGRAD_MOST], out[WINOGRAD_MOST];
    size_t first = place->first[axis], end = place->end[1 - axis] > place->first[1 - axis] ? place->end[axis] : 0;
    UNROLLED
    for (size_t j = 0; j < n; j++)
        if (j >= first && j < end)
            in[j] = *(const lanes *)(x + float_at(place, steps, axis ? 0 : j, axis ? j : 0));
        else
            in[j] = (lanes){0};
    input_axis(n, in, out);
    UNROLLED
    for (size_t j = 0; j < n; j++)
        *(lanes *)(v + j * point) = out[j];
}

/* n is known where this is inlined, for a line (not 0) its length alone. */
static STOA_INLINE void input_tiles(const size_t n[2], size_t line, const struct winograd_grid *grid, const float *x,
                                    size_t channels, size_t first, size_t count, const struct winograd_values *v)
{
    const size_t size[2] = {grid->H, grid->W};
    struct staged_tile staged;
    bool stages = channels < LANES;
    for (size_t t = 0; t < count; t++) {
        struct place place;
        struct steps steps = steps_of(grid, grid->W, grid->x_pixel);
        locate(grid, first + t, grid->step, n, size, grid->pad, &place);
        const float *from = stages ? *staged.values : x;
        if (stages)
            stage_tile(n, x, channels, &staged, &place, &steps);
        bool whole = WHOLE_TILES && is_whole(&place, n);
        float *values = v->values + t * v->tile;
        for (size_t c = 0; c < channels; c += LANES) {
            size_t at = vector_at(c, channels);
            if (line)
                input_line(line, n[0] == 1, &steps, &place, from + at, values + at, v->point);
            else if (whole)
                input_vector(n, &steps, &place, true, from + at, values + at, v->point);
            else
                input_vector(n, &steps, &place, false, from + at, values + at, v->point);
        }
    }
}

/* What happens to a vector of y before it is written. */
struct last {
    const float *bias, *addend; /* of the vector's first channel; addend of the tile's origin */
    size_t addend_row;
    struct squash bounds;
    const float *mask; /* of the tile's origin */
    size_t mask_row;
    float mask_least, mask_most;
};

static STOA_INLINE void choose(const lane_bits *where, lanes *y, float value)
{
    lane_bits replacement = (lane_bits)((lanes){0} + value);
    *y = (lanes)(((lane_bits)*y & ~*where) | (replacement & *where));
}

static STOA_INLINE void finish(const struct last *last, size_t pixel, size_t count, lanes *y)
{
    lanes term;
    if (last->bias) {
        load(last->bias, count, &term);
        *y += term;
    }
    if (last->addend) {
        load(last->addend + pixel * last->addend_row, count, &term);
        *y += term;
    }
    if (last->bounds.given)
        bound(last->bounds.least, last->bounds.most, y);
    if (last->mask) {
        load(last->mask + pixel * last->mask_row, count, &term);
        lane_bits outside = term <= last->mask_least;
        /* Two comparisons of the same vector come out as scalars with GCC 12. */
        if (!isnan(last->mask_most)) {
            choose(&outside, &term, last->mask_most);
            outside = term >= last->mask_most;
        }
        *y = (lanes)((lane_bits)*y & ~outside);
    }
}

/* The place of output i, j of a tile among all pixels. */
static STOA_INLINE size_t pixel_at(const struct winograd_grid *grid, const struct place *place, size_t i, size_t j)
{
    return place->origin + i * grid->dilation[0] * grid->OW + j * grid->dilation[1];
}

static STOA_INLINE void output_vector(const size_t m[2], const size_t n[2], const struct winograd_grid *grid,
                                      const struct place *place, bool whole, const float *values, size_t point,
                                      const struct last *last, size_t count, float *y)
{
    lanes half[WINOGRAD_MOST][WINOGRAD_MOST], in[WINOGRAD_MOST], out[WINOGRAD_MOST];
    for (size_t j = 0; j < n[1]; j++) {
        for (size_t i = 0; i < n[0]; i++)
            in[i] = *(const lanes *)(values + (i * n[1] + j) * point);
        output_axis(n[0], m[0], in, out);
        for (size_t i = 0; i < m[0]; i++)
            half[i][j] = out[i];
    }
    for (size_t i = 0; i < m[0] && (whole || i < place->end[0]); i++) {
        output_axis(n[1], m[1], half[i], out);
        UNROLLED_ROW
        for (size_t j = 0; j < m[1]; j++)
            if (whole || j < place->end[1]) {
                size_t pixel = pixel_at(grid, place, i, j);
                finish(last, pixel, count, &out[j]);
                store(&out[j], count, y + pixel * grid->y_pixel);
            }
    }
}

STOA_RARE static void output_part(const size_t m[2], const size_t n[2], const struct winograd_grid *grid,
                                  const struct place *place, const float *values, size_t point, const struct last *last,
                                  size_t count, float *y)
{
    output_vector(m, n, grid, place, false, values, point, last, count, y);
}

/* Outputs of a tile, which are pooled. */
struct patch {
    float values[6 * 6][LANES];
};

/* A vector of channels of y from a tile's outputs: as MaxPool finds them, to the bit. */
STOA_RARE static void pool_tile(const struct winograd_grid *grid, size_t tile, const size_t m[2],
                                const struct patch *patch, size_t count, float *y)
{
    const size_t half[2] = {m[0] / 2, m[1] / 2}, size[2] = {grid->OH / 2, grid->OW / 2}, none[2] = {0, 0};
    struct place place;
    locate(grid, tile, half, half, size, none, &place);
    for (size_t i = 0; i < place.end[0]; i++)
        for (size_t j = 0; j < place.end[1]; j++) {
            lanes best = (lanes){0} - INFINITY;
            lane_bits nan = {0};
            UNROLLED
            for (size_t k = 0; k < 4; k++)
                larger(*(const lanes *)patch->values[(2 * i + k / 2) * m[1] + 2 * j + k % 2], &best, &nan);
            best = (lanes)((lane_bits)best | nan);
            store(&best, count, y + (place.origin + i * size[1] + j) * grid->y_pixel);
        }
}

/* One function for all lines: they are a small part of the work. */
static STOA_INLINE void output_line(size_t m, size_t n, size_t axis, const struct winograd_grid *grid,
                                    const struct place *place, const float *values, size_t point,
                                    const struct last *last, float *y)
{
    lanes terms[2][PAIRS]; /* sums and differences of pairs */
    for (size_t p = 0; p < n / 2 - 1; p++) {
        lanes plus = *(const lanes *)(values + (2 * p + 1) * point);
        lanes minus = *(const lanes *)(values + (2 * p + 2) * point);
        terms[0][p] = plus + minus;
        terms[1][p] = plus - minus;
    }
    for (size_t i = 0; i < place->end[axis]; i++) {
        lanes out = terms[i % 2][0];
        for (size_t p = 1; p < n / 2 - 1; p++)
            out += winograd_powers[p][i] * terms[i % 2][p];
        if (i == 0)
            out += *(const lanes *)values;
        if (i + 1 == m)
            out += *(const lanes *)(values + (n - 1) * point);
        size_t pixel = pixel_at(grid, place, axis ? 0 : i, axis ? i : 0);
        finish(last, pixel, LANES, &out);
        *(lanes *)(y + pixel * grid->y_pixel) = out;
    }
}

/* Floats of a cache line, at least. */
#define LINE 16

/* Asks for what an output tile is written to, and what is added to it: its rows lie apart, which the CPU does not
 * foresee, and may come from memory. */
STOA_RARE static void ask_tile(const struct winograd_grid *grid, size_t tile, size_t rows, size_t columns,
                               size_t channels, const struct epilogue *epilogue, const float *y)
{
    const size_t none[2] = {0, 0}, size[2] = {grid->OH, grid->OW}, m[2] = {rows, columns};
    struct place place;
    locate(grid, tile, m, m, size, none, &place);
    for (size_t i = 0; i < place.end[0]; i++)
        for (size_t j = 0; j < place.end[1]; j++) {
            size_t pixel = pixel_at(grid, &place, i, j);
            __asm__ volatile(""); /* else the compiler drops calls, which have no effect that it knows of */
            for (size_t c = 0; c < channels; c += LINE)
                __builtin_prefetch(y + pixel * grid->y_pixel + c);
            for (size_t c = 0; epilogue->addend && c < channels; c += LINE)
                __builtin_prefetch(epilogue->addend + pixel * epilogue->addend_row + c);
        }
}

/* m and n are known where this is inlined, but for a line. */
static STOA_INLINE void output_tiles(const size_t m[2], const size_t n[2], bool line, const struct winograd_grid *grid,
                                     const struct winograd_values *v, size_t first, size_t count, size_t channels,
                                     const struct epilogue *epilogue, float *y)
{
    static const size_t none[2] = {0, 0};
    const size_t size[2] = {grid->OH, grid->OW};
    const struct activation *activation = &epilogue->activation;
    struct last last = {.addend_row = epilogue->addend_row,
                        .bounds = stoa_activation_squash(activation),
                        .mask_row = epilogue->mask_row,
                        .mask_least = epilogue->mask_least,
                        .mask_most = epilogue->mask_most};
    /* Each tile has its own code for what is done in registers: HardSwish is seldom behind it. */
    bool other = last.bounds.swishes || !stoa_activation_is_squash(activation);
    last.bounds.given &= !other;
    size_t axis = n[0] == 1; /* of a line */
    struct patch patch = {0};
    const struct winograd_grid own = {.OW = m[1], .y_pixel = LANES, .dilation = {1, 1}, .places = {1, 1}},
                               *written = grid->pools ? &own : grid;
    for (size_t t = 0; t < count; t++) {
        struct place place;
        locate(grid, first + t, m, m, size, none, &place);
        place.origin = grid->pools ? 0 : place.origin; /* of the patch */
        if (t + 1 < count && !grid->pools)
            ask_tile(grid, first + t + 1, m[0], m[1], channels, epilogue, y);
        bool whole = WHOLE_TILES && is_whole(&place, m);
        const float *values = v->values + t * v->tile;
        for (size_t c = 0; c < channels; c += LANES) {
            size_t at = vector_at(c, channels);
            last.bias = epilogue->bias ? epilogue->bias + at : NULL;
            last.addend = epilogue->addend ? epilogue->addend + at : NULL;
            last.mask = epilogue->mask && !other ? epilogue->mask + at : NULL;
            float *to = grid->pools ? *patch.values : y + at;
            if (channels < LANES)
                output_part(m, n, written, &place, values, v->point, &last, channels, to);
            else if (line)
                output_line(m[axis], n[axis], axis, grid, &place, values + at, v->point, &last, y + at);
            else if (whole)
                output_vector(m, n, written, &place, true, values + at, v->point, &last, LANES, to);
            else
                output_vector(m, n, written, &place, false, values + at, v->point, &last, LANES, to);
            if (grid->pools)
                pool_tile(grid, first + t, m, &patch, stoa_size_min(channels, LANES), y + at);
        }
        for (size_t i = 0; other && i < place.end[0]; i++) {
            struct epilogue rest = *epilogue;
            size_t pixel = pixel_at(grid, &place, i, 0), apart = grid->dilation[1];
            rest.bias = rest.addend = NULL;
            rest.mask = rest.mask ? rest.mask + pixel * rest.mask_row : NULL;
            rest.mask_row *= apart;
            stoa_epilogue_rows(place.end[1], channels, &rest, y + pixel * grid->y_pixel, apart * grid->y_pixel);
        }
    }
}

/* The transform of tiles of n x n inputs, and that back to m x m outputs, with sizes known to the compiler. */
#define INPUT(n)                                                                                                       \
    static void input_##n(const struct winograd_grid *grid, const float *x, size_t channels, size_t first,             \
                          size_t count, const struct winograd_values *v)                                               \
    {                                                                                                                  \
        input_tiles((const size_t[]){n, n}, 0, grid, x, channels, first, count, v);                                    \
    }
#define INPUT_LINE(n)                                                                                                  \
    static void input_line_##n(const size_t size[2], const struct winograd_grid *grid, const float *x,                 \
                               size_t channels, size_t first, size_t count, const struct winograd_values *v)           \
    {                                                                                                                  \
        input_tiles(size, n, grid, x, channels, first, count, v);                                                      \
    }
#define OUTPUT(n, m)                                                                                                   \
    static void output_##n##_##m(const struct winograd_grid *grid, const struct winograd_values *values, size_t first, \
                                 size_t count, size_t channels, const struct epilogue *epilogue, float *y)             \
    {                                                                                                                  \
        output_tiles((const size_t[]){m, m}, (const size_t[]){n, n}, false, grid, values, first, count, channels,      \
                     epilogue, y);                                                                                     \
    }

INPUT(4)
INPUT(5)
INPUT(6)
INPUT(8)
OUTPUT(4, 2)
OUTPUT(6, 4)
OUTPUT(8, 6)
OUTPUT(8, 4)
OUTPUT(8, 5)
OUTPUT(6, 5)
OUTPUT(8, 2)
OUTPUT(5, 2)
INPUT_LINE(6)
INPUT_LINE(8)
INPUT_LINE(10)

STOA_COPY(stoa_winograd_input,
          (const struct winograd_form *form, const struct winograd_grid *grid, const float *x, size_t channels,
           size_t first, size_t count, const struct winograd_values *v),
          (form, grid, x, channels, first, count, v))
{
    const size_t size[2] = {stoa_winograd_size(form, 0), stoa_winograd_size(form, 1)};
    size_t n = stoa_size_max(size[0], size[1]);
    if (stoa_winograd_is_line(form)) {
        (n == 6 ? input_line_6 : n == 8 ? input_line_8 : input_line_10)(size, grid, x, channels, first, count, v);
        return;
    }
    (n == 4 ? input_4 : n == 5 ? input_5 : n == 6 ? input_6 : input_8)(grid, x, channels, first, count, v);
}

STOA_COPY(stoa_winograd_output,
          (const struct winograd_form *form, const struct winograd_grid *grid, const struct winograd_values *m,
           size_t first, size_t count, size_t channels, const struct epilogue *epilogue, float *y),
          (form, grid, m, first, count, channels, epilogue, y))
{
    const size_t n[2] = {stoa_winograd_size(form, 0), stoa_winograd_size(form, 1)};
    if (stoa_winograd_is_line(form)) {
        output_tiles(form->tile, n, true, grid, m, first, count, channels, epilogue, y);
        return;
    }
    bool three = form->kernel[0] == 3;
    size_t tile = form->tile[0];
    (form->stride == 2 ? output_5_2
     : tile == 6       ? output_8_6
     : tile == 2       ? three ? output_4_2 : output_8_2
     : three           ? output_6_4
     : tile == 5       ? form->kernel[0] == 2 ? output_6_5 : output_8_5
                       : output_8_4)(grid, m, first, count, channels, epilogue, y);
}
