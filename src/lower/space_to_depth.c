/* A convolution at a stride of s is one at stride 1 of the image whose pixels are s x s blocks of the padded x (ONNX's
 * SpaceToDepth): it has s*s*C channels, and the filter ceil(k/s) taps along an axis, 0 where it is cut short. So stems
 * whose filters are large come within the reach of transforms. The image is written piece by piece, where it is needed:
 * x comes from memory once, and nothing goes there. */
#include <string.h>

#include "base/size.h"
#include "base/vector.h"
#include "lower/lowering.h"

/* Floats of a row of blocks. */
#define MOST_FLOATS ((size_t)1 << 26)

bool stoa_space_to_depth_shape(const struct conv_shape *shape, struct conv_shape *deep)
{
    size_t s = shape->stride[0], row;
    if (s == 1 || s != shape->stride[1] || shape->dilation[0] != 1 || shape->dilation[1] != 1 || shape->groups != 1)
        return false;
    *deep = *shape;
    memset(deep->pad, 0, sizeof deep->pad);
    for (size_t i = 0; i < 2; i++) {
        deep->stride[i] = 1;
        deep->kernel[i] = stoa_size_ceil_div(shape->kernel[i], s);
    }
    deep->H = shape->OH + deep->kernel[0] - 1;
    deep->W = shape->OW + deep->kernel[1] - 1;
    return stoa_size_mul(s, s, &deep->C) && stoa_size_mul(deep->C, shape->C, &deep->C) &&
           stoa_size_mul(deep->W, deep->C, &row) && row <= MOST_FLOATS;
}

/* to[count] <- from, in pieces of which the last overlaps the one before: a call would take longer than the copy. */
static STOA_INLINE void copy(const float *from, size_t count, float *to)
{
    enum { PIECE = 4 };
    if (count < PIECE) {
        for (size_t i = 0; i < count; i++)
            to[i] = from[i];
        return;
    }
    for (size_t i = 0; i + PIECE < count; i += PIECE)
        memcpy(to + i, from + i, PIECE * sizeof *to);
    memcpy(to + count - PIECE, from + count - PIECE, PIECE * sizeof *to);
}

/* Blocks [first, end) of a row of x (null: of none), in steps of a block: pixel by pixel, as some may lie outside. */
static void copy_edge(const struct conv_shape *shape, size_t block, const float *row, size_t x_stride, size_t first,
                      size_t end, float *to)
{
    size_t s = shape->stride[0], C = shape->C, pad = shape->pad[1];
    for (size_t i = first * s; i < end * s; i++) {
        bool inside = row && i >= pad && i - pad < shape->W;
        float *pixel = to + (i / s - first) * block + i % s * C;
        for (size_t c = 0; c < C; c++)
            pixel[c] = inside ? row[(i - pad) * x_stride + c] : 0;
    }
}

/* One row of s of to[end - column][s][s*C]. */
static void copy_row(const struct conv_shape *shape, size_t block, const float *row, size_t x_stride, size_t column,
                     size_t end, float *to)
{
    size_t s = shape->stride[0], C = shape->C, pad = shape->pad[1], together = x_stride == C ? s : 1;
    size_t inside = row ? stoa_size_max(stoa_size_min((pad + shape->W) / s, end), column) : column;
    size_t first = stoa_size_min(stoa_size_max(stoa_size_ceil_div(pad, s), column), inside);
    copy_edge(shape, block, row, x_stride, column, first, to);
    to += (first - column) * block;
    for (size_t j = first; j < inside; j++, to += block)
        for (size_t q = 0; q < s; q += together)
            copy(row + (j * s + q - pad) * x_stride, together * C, to + q * C);
    copy_edge(shape, block, row, x_stride, inside, end, to);
}

void stoa_space_to_depth_image(const struct conv_shape *shape, const float *x, size_t x_stride, const size_t first[2],
                               const size_t count[2], float *to)
{
    size_t s = shape->stride[0], block = s * s * shape->C;
    for (size_t i = first[0] * s; i < (first[0] + count[0]) * s; i++) {
        bool inside = i >= shape->pad[0] && i - shape->pad[0] < shape->H;
        const float *row = inside ? x + (i - shape->pad[0]) * shape->W * x_stride : NULL;
        copy_row(shape, block, row, x_stride, first[1], first[1] + count[1],
                 to + (i / s - first[0]) * count[1] * block + i % s * s * shape->C);
    }
}

void stoa_space_to_depth_filters(const struct conv_shape *shape, const struct conv_shape *deep, size_t count,
                                 const float *rows, float *to)
{
    size_t s = shape->stride[0], taps = stoa_conv_taps(deep);
    for (size_t i = 0; i < count * deep->C * taps; i++) {
        size_t tap = i % taps, channel = i / taps % deep->C, c = channel % shape->C, block = channel / shape->C;
        size_t r = tap / deep->kernel[1] * s + block / s, q = tap % deep->kernel[1] * s + block % s;
        const float *filter = rows + (i / taps / deep->C * shape->C + c) * stoa_conv_taps(shape);
        to[i] = r < shape->kernel[0] && q < shape->kernel[1] ? filter[r * shape->kernel[1] + q] : 0;
    }
}
