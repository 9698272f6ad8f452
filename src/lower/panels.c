/* Packed weights, and the cutting of work into products that the BLAS at hand is good at. */
#include <string.h>

#include "base/cache.h"
#include "base/size.h"
#include "gemm/gemm.h"
#include "kernels/transpose.h"
#include "lower/lowering.h"

/* to[tap][c][j] <- from[j][c][tap], count rows j, `width` floats from one (tap, c) to the next. Sixteen of them go by
 * tiles, which are transposed in the cache and written a line at a time. */
static void pack_columns(const float *from, size_t count, size_t channels, size_t taps, size_t width, float *to)
{
    size_t K = channels * taps, k = 0;
    for (; count == TRANSPOSE_TILE && k + TRANSPOSE_TILE <= K; k += TRANSPOSE_TILE) {
        float tile[TRANSPOSE_TILE][TRANSPOSE_TILE];
        stoa_transpose_tile((const transpose_unit *)(from + k), K, (transpose_unit *)tile, TRANSPOSE_TILE);
        for (size_t i = 0, c = k / taps, tap = k % taps; i < TRANSPOSE_TILE; i++) {
            memcpy(to + (tap * channels + c) * width, tile[i], sizeof tile[i]);
            if (++tap == taps) {
                tap = 0;
                c++;
            }
        }
    }
    for (; k < K; k++)
        for (size_t j = 0; j < count; j++)
            to[(k % taps * channels + k / taps) * width + j] = from[j * K + k];
}

struct pack_columns stoa_panel_columns(const struct conv *conv, size_t channel, float *packed)
{
    size_t per_group = conv->shape.OC / conv->shape.groups, within = channel % per_group;
    size_t index = channel / per_group * stoa_panels_per_group(conv) + within / conv->tiling.panel;
    struct panel panel = stoa_panel(conv, packed, index);
    size_t begin = 0, width, column = channel - panel.channel;
    while ((width = stoa_gemm_strip(&panel.weights, begin)) <= column - begin)
        begin += width;
    return (struct pack_columns){
        .to = packed + (panel.channel + begin) * panel.weights.rows + (column - begin),
        .count = width - (column - begin),
        .width = width,
    };
}

void stoa_panels_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t taps = stoa_conv_taps(shape), channels = shape->C / shape->groups;
    for (size_t done = 0, columns; done < count; done += columns) {
        struct pack_columns place = stoa_panel_columns(conv, first + done, packed);
        columns = stoa_size_min(LOWERING_PACK_ROWS, stoa_size_min(place.count, count - done));
        pack_columns(rows + done * channels * taps, columns, channels, taps, place.width, place.to);
    }
}

/* Row c of a transposed convolution's weights is [OC/groups][taps] of one input channel. */
void stoa_panels_pack_transpose(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t taps = stoa_conv_taps(shape), channels = shape->C / shape->groups, per_group = shape->OC / shape->groups;
    for (size_t i = 0; i < count; i++) {
        size_t group = (first + i) / channels, c = (first + i) % channels;
        for (size_t done = 0, columns; done < per_group; done += columns, rows += columns * taps) {
            struct pack_columns place = stoa_panel_columns(conv, group * per_group + done, packed);
            columns = place.count;
            for (size_t tap = 0; tap < taps; tap++)
                for (size_t j = 0; j < columns; j++)
                    place.to[(tap * channels + c) * place.width + j] = rows[j * taps + tap];
        }
    }
}

size_t stoa_panels_per_group(const struct conv *conv)
{
    return stoa_size_ceil_div(conv->shape.OC / conv->shape.groups, conv->tiling.panel);
}

size_t stoa_panel_depth(const struct conv *conv)
{
    const struct winograd_form *form = conv->tiling.form;
    if (!form)
        return stoa_conv_depth(&conv->shape);
    struct conv_shape shape = stoa_winograd_shape(conv);
    return stoa_winograd_points(form) * (shape.C / shape.groups);
}

struct panel stoa_panel(const struct conv *conv, const float *packed, size_t index)
{
    const struct conv_shape *shape = &conv->shape;
    size_t per_group = stoa_panels_per_group(conv), out_channels = shape->OC / shape->groups;
    size_t first = index % per_group * conv->tiling.panel;
    size_t channel = index / per_group * out_channels + first, depth = stoa_panel_depth(conv);
    size_t width = stoa_size_min(conv->tiling.panel, out_channels - first);
    return (struct panel){
        .weights =
            {
                .values = packed + channel * depth,
                .rows = depth,
                .columns = width,
                .strips = conv->tiling.strips,
                .near = conv->tiling.near,
            },
        .channel = channel,
    };
}

/* Of small images the weights, which all come from memory once, are the larger part. */
bool stoa_weights_are_near(const struct conv_shape *shape)
{
    return shape->N * shape->OH * shape->OW / 2 >= shape->OC &&
           shape->C / shape->groups * shape->OC <= stoa_cache_bytes() / (2 * sizeof(float));
}

void stoa_tiling_products(struct conv_tiling *tiling, size_t out_channels, size_t depth)
{
    struct gemm_tile tile = stoa_gemm_tile();
    tiling->panel = stoa_size_min(out_channels, tile.n);
    tiling->strips = stoa_gemm_takes_strips();
    tiling->segment = tile.m;
    tiling->k_block = stoa_size_part(depth, tile.k, 4);
}
