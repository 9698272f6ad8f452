/* The transforms are vectorised over channels as those of winograd.c. */
#include "kernels/winograd_gradient.h"

#include "kernels/winograd_tile.h"

#define UNROLLED _Pragma("GCC unroll 8")

/* u[n] <- A d[m]: row k of A holds the powers of point k; infinity sees the last element alone. */
static STOA_INLINE void gradient_axis(size_t n, size_t m, const lanes *d, lanes *u)
{
    u[0] = d[0];
    u[n - 1] = d[m - 1];
    UNROLLED
    for (size_t p = 0; p < n / 2 - 1; p++) {
        lanes even = d[0], odd = winograd_powers[p][1] * d[1];
        UNROLLED
        for (size_t i = 2; i < m; i++)
            if (i % 2)
                odd += winograd_powers[p][i] * d[i];
            else
                even += winograd_powers[p][i] * d[i];
        u[2 * p + 1] = even + odd;
        u[2 * p + 2] = even - odd;
    }
}

static STOA_INLINE void gradient_vector(const size_t m[2], const size_t n[2], const struct steps *steps,
                                        const struct place *place, bool whole, const float *dy, float *u, size_t point)
{
    lanes half[WINOGRAD_MOST][WINOGRAD_MOST], in[WINOGRAD_MOST], out[WINOGRAD_MOST];
    for (size_t j = 0; j < m[1]; j++) {
        for (size_t i = 0; i < m[0]; i++)
            if (whole || (i < place->end[0] && j < place->end[1]))
                in[i] = *(const lanes *)(dy + float_at(place, steps, i, j));
            else
                in[i] = (lanes){0};
        gradient_axis(n[0], m[0], in, out);
        for (size_t i = 0; i < n[0]; i++)
            half[i][j] = out[i];
    }
    for (size_t i = 0; i < n[0]; i++) {
        gradient_axis(n[1], m[1], half[i], out);
        for (size_t j = 0; j < n[1]; j++)
            *(lanes *)(u + (i * n[1] + j) * point) = out[j];
    }
}

static STOA_INLINE void gradient_tiles(const size_t m[2], const size_t n[2], const struct winograd_grid *grid,
                                       const float *dy, size_t channels, size_t first, size_t count,
                                       const struct winograd_values *u)
{
    static const size_t none[2] = {0, 0};
    const size_t size[2] = {grid->OH, grid->OW};
    struct staged_tile staged;
    bool stages = channels < LANES;
    for (size_t t = 0; t < count; t++) {
        struct place place;
        struct steps steps = steps_of(grid, grid->OW, grid->y_pixel);
        locate(grid, first + t, m, m, size, none, &place);
        const float *from = stages ? *staged.values : dy;
        if (stages)
            stage_tile(m, dy, channels, &staged, &place, &steps);
        bool whole = is_whole(&place, m);
        float *values = u->values + t * u->tile;
        for (size_t c = 0; c < channels; c += LANES) {
            size_t at = vector_at(c, channels);
            if (whole)
                gradient_vector(m, n, &steps, &place, true, from + at, values + at, u->point);
            else
                gradient_vector(m, n, &steps, &place, false, from + at, values + at, u->point);
        }
    }
}

struct matrices {
    float rows[2][WINOGRAD_MOST][WINOGRAD_MOST_TAPS]; /* G of either axis */
};

static STOA_INLINE void filter_vector(const size_t n[2], const size_t taps[2], const struct matrices *g, const float *m,
                                      size_t point, size_t channels, size_t count, float *dw)
{
    lanes half[WINOGRAD_MOST][WINOGRAD_MOST];
    for (size_t j = 0; j < n[1]; j++) {
        lanes sums[WINOGRAD_MOST] = {{0}};
        for (size_t i = 0; i < n[0]; i++) {
            lanes value = *(const lanes *)(m + (i * n[1] + j) * point);
            for (size_t r = 0; r < taps[0]; r++)
                sums[r] += g->rows[0][i][r] * value;
        }
        for (size_t r = 0; r < taps[0]; r++)
            half[r][j] = sums[r];
    }
    for (size_t r = 0; r < taps[0]; r++)
        for (size_t s = 0; s < taps[1]; s++) {
            lanes sum = {0};
            for (size_t j = 0; j < n[1]; j++)
                sum += g->rows[1][j][s] * half[r][j];
            store(&sum, count, dw + (r * taps[1] + s) * channels);
        }
}

static STOA_INLINE void gradient_filters(const size_t n[2], const size_t taps[2], const struct matrices *g,
                                         const struct winograd_values *m, size_t rows, size_t channels, float *dw,
                                         size_t dw_row)
{
    for (size_t i = 0; i < rows; i++)
        for (size_t c = 0; c < channels; c += LANES)
            filter_vector(n, taps, g, m->values + i * m->tile + c, m->point, channels,
                          stoa_size_min(LANES, channels - c), dw + i * dw_row + c);
}

/* The transforms of m x m gradients of outputs to n x n points, and of those to the filter's, with sizes known to the
 * compiler. */
#define GRADIENT(n, m)                                                                                                 \
    static void tiles_##n##_##m(const struct winograd_grid *grid, const float *dy, size_t channels, size_t first,      \
                                size_t count, const struct winograd_values *u)                                         \
    {                                                                                                                  \
        gradient_tiles((const size_t[]){m, m}, (const size_t[]){n, n}, grid, dy, channels, first, count, u);           \
    }                                                                                                                  \
    static void filters_##n##_##m(const struct matrices *g, const struct winograd_values *values, size_t rows,         \
                                  size_t channels, float *dw, size_t dw_row)                                           \
    {                                                                                                                  \
        gradient_filters((const size_t[]){n, n}, (const size_t[]){n - m + 1, n - m + 1}, g, values, rows, channels,    \
                         dw, dw_row);                                                                                  \
    }

GRADIENT(4, 2)
GRADIENT(6, 4)
GRADIENT(8, 6)
GRADIENT(8, 4)

static const struct {
    size_t n, m;
    void (*tiles)(const struct winograd_grid *grid, const float *dy, size_t channels, size_t first, size_t count,
                  const struct winograd_values *u);
    void (*filters)(const struct matrices *g, const struct winograd_values *values, size_t rows, size_t channels,
                    float *dw, size_t dw_row);
} transforms[] = {
    {4, 2, tiles_4_2, filters_4_2},
    {6, 4, tiles_6_4, filters_6_4},
    {8, 6, tiles_8_6, filters_8_6},
    {8, 4, tiles_8_4, filters_8_4},
};

/* Each form of 3x3 and 5x5 has one. */
static size_t transform_of(const struct winograd_form *form)
{
    size_t i = 0;
    while (transforms[i].n != stoa_winograd_size(form, 0) || transforms[i].m != form->tile[0])
        i++;
    return i;
}

STOA_COPY(stoa_winograd_gradient_tiles,
          (const struct winograd_form *form, const struct winograd_grid *grid, const float *dy, size_t channels,
           size_t first, size_t count, const struct winograd_values *u),
          (form, grid, dy, channels, first, count, u))
{
    transforms[transform_of(form)].tiles(grid, dy, channels, first, count, u);
}

STOA_COPY(stoa_winograd_gradient_filters,
          (const struct winograd_form *form, const struct winograd_values *m, size_t rows, size_t channels, float *dw,
           size_t dw_row),
          (form, m, rows, channels, dw, dw_row))
{
    struct matrices g;
    for (size_t axis = 0; axis < 2; axis++) {
        double exact[WINOGRAD_MOST][WINOGRAD_MOST_TAPS] = {{0}};
        stoa_winograd_filter_matrix(stoa_winograd_size(form, axis), form->kernel[axis], exact);
        for (size_t i = 0; i < WINOGRAD_MOST; i++)
            for (size_t j = 0; j < WINOGRAD_MOST_TAPS; j++)
                g.rows[axis][i][j] = (float)exact[i][j];
    }
    transforms[transform_of(form)].filters(&g, m, rows, channels, dw, dw_row);
}
