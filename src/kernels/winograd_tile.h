/* What Winograd's transforms have in common: vectors of channels, and where a tile lies in its image. */
#ifndef STOA_KERNELS_WINOGRAD_TILE_H
#define STOA_KERNELS_WINOGRAD_TILE_H

#include <string.h>

#include "base/size.h"
#include "kernels/isa.h"
#include "kernels/winograd.h"

/* Of the points 1, 2, 1/2 and 3/4, which come with their negatives. */
static const float winograd_powers[4][6] = {
    {1, 1, 1, 1, 1, 1},
    {1, 2, 4, 8, 16, 32},
    {1, 0.5f, 0.25f, 0.125f, 0.0625f, 0.03125f},
    {1, 0.75f, 0.5625f, 0.421875f, 0.31640625f, 0.2373046875f},
};

/* A tile of an image: where it begins, and its part [first, end) of rows and columns that lies inside. */
struct place {
    size_t origin; /* pixel, counted through all images; wraps where padding comes before the first one */
    size_t first[2], end[2];
};

static STOA_INLINE void clip(size_t begin, size_t n, size_t dilation, size_t pad, size_t size, size_t *first,
                             size_t *end)
{
    *first = begin < pad ? stoa_size_min(stoa_size_ceil_div(pad - begin, dilation), n) : 0;
    *end = begin < pad + size ? stoa_size_min(stoa_size_ceil_div(pad + size - begin, dilation), n) : 0;
    *end = stoa_size_max(*first, *end);
}

/* Of x or y: `tile` is the step from tile to tile, n how far each reaches. */
static STOA_INLINE void locate(const struct winograd_grid *grid, size_t index, const size_t tile[2], const size_t n[2],
                               const size_t size[2], const size_t pad[2], struct place *place)
{
    const size_t *dilation = grid->dilation;
    size_t column = index % grid->across * tile[1] * dilation[1];
    size_t row = index / grid->across % grid->down * tile[0] * dilation[0], image = index / grid->across / grid->down;
    if (grid->places[0] * grid->places[1] > 1) {
        row += image / grid->places[1] % grid->places[0];
        column += image % grid->places[1];
        image /= grid->places[0] * grid->places[1];
    }
    clip(row, n[0], dilation[0], pad[0], size[0], &place->first[0], &place->end[0]);
    clip(column, n[1], dilation[1], pad[1], size[1], &place->first[1], &place->end[1]);
    place->origin = (image * size[0] + row - pad[0]) * size[1] + column - pad[1];
}

static STOA_INLINE bool is_whole(const struct place *place, const size_t n[2])
{
    return place->first[0] + place->first[1] == 0 && place->end[0] == n[0] && place->end[1] == n[1];
}

static STOA_INLINE void load(const float *from, size_t count, lanes *to)
{
    if (count == LANES) {
        *to = *(const lanes *)from;
    } else {
        *to = (lanes){0};
        memcpy(to, from, count * sizeof *from);
    }
}

static STOA_INLINE void store(const lanes *from, size_t count, float *to)
{
    if (count == LANES)
        *(lanes *)to = *from;
    else
        memcpy(to, from, count * sizeof *to);
}

/* A tile of its own, for pixels of fewer channels than a vector has. */
struct staged_tile {
    float values[WINOGRAD_MOST * WINOGRAD_MOST][LANES];
};

/* Floats from pixel to pixel of an image, and of a tile. */
struct steps {
    size_t pixel, row, column;
};

static STOA_INLINE struct steps steps_of(const struct winograd_grid *grid, size_t W, size_t pixel)
{
    return (struct steps){pixel, grid->dilation[0] * W * pixel, grid->dilation[1] * pixel};
}

/* Where pixel i, j of a tile is. */
static STOA_INLINE size_t float_at(const struct place *place, const struct steps *steps, size_t i, size_t j)
{
    return place->origin * steps->pixel + i * steps->row + j * steps->column;
}

/* Copies a tile of n pixels. `place` and `steps` then say where it lies in the copy, where pixels are LANES apart: it
 * is whole, as channels and pixels that are not there are 0. */
STOA_RARE static void stage_tile(const size_t n[2], const float *from, size_t channels, struct staged_tile *tile,
                                 struct place *place, struct steps *steps)
{
    memset(tile->values, 0, n[0] * n[1] * sizeof *tile->values);
    for (size_t i = place->first[0]; i < place->end[0]; i++)
        for (size_t j = place->first[1]; j < place->end[1]; j++)
            memcpy(tile->values[i * n[1] + j], from + float_at(place, steps, i, j), channels * sizeof *from);
    *place = (struct place){.end = {n[0], n[1]}};
    *steps = (struct steps){LANES, n[1] * LANES, LANES};
}

/* Where the last vector of a row begins: it overlaps the one before rather than reach beyond. */
static STOA_INLINE size_t vector_at(size_t c, size_t channels)
{
    return c + LANES > channels && channels >= LANES ? channels - LANES : c;
}

#endif
