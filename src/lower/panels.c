/* Packed weights, and the cutting of work into products that the BLAS at hand is good at. */
#include "base/size.h"
#include "gemm/gemm.h"
#include "lower/lowering.h"

/* Sixteen source rows at a time: each is read along its length, and the writes are whole cache lines. */
#define PACK_COLUMNS 16

/* Where weight (oc, c, tap) of a group lies: oc * out_stride + c * in_stride + tap. */
struct weight_strides {
    size_t group, out, in;
};

static size_t taps_of(const struct conv_shape *shape)
{
    return shape->kernel[0] * shape->kernel[1];
}

static void pack_columns(const float *from, const struct weight_strides *strides, size_t taps, size_t channels,
                         size_t count, size_t out_tap, size_t out_channel, size_t out_column, float *to)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t j = 0; j < count; j++)
                to[tap * out_tap + c * out_channel + j * out_column] = from[j * strides->out + c * strides->in + tap];
}

static void pack(const struct conv *conv, const struct weight_strides *strides, const float *weights, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t taps = taps_of(shape), channels = shape->C / shape->groups, depth = taps * channels;
    size_t count = stoa_panels_per_group(conv) * shape->groups;
    for (size_t i = 0; i < count; i++) {
        struct panel panel = stoa_panel(conv, packed, i);
        size_t per_group = shape->OC / shape->groups;
        const float *from =
            weights + panel.channel / per_group * strides->group + panel.channel % per_group * strides->out;
        float *to = packed + (panel.weights - packed);
        bool rows = conv->tiling.transposed;
        for (size_t j = 0; j < panel.width; j += PACK_COLUMNS) {
            size_t columns = stoa_size_min(PACK_COLUMNS, panel.width - j);
            if (rows)
                pack_columns(from + j * strides->out, strides, taps, channels, columns, channels, 1, depth,
                             to + j * depth);
            else
                pack_columns(from + j * strides->out, strides, taps, channels, columns, channels * panel.width,
                             panel.width, 1, to + j);
        }
    }
}

void stoa_panels_pack(const struct conv *conv, const float *weights, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t depth = taps_of(shape) * (shape->C / shape->groups);
    pack(conv, &(struct weight_strides){.group = shape->OC / shape->groups * depth, .out = depth, .in = taps_of(shape)},
         weights, packed);
}

void stoa_panels_pack_transpose(const struct conv *conv, const float *weights, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t taps = taps_of(shape), out_channels = shape->OC / shape->groups;
    pack(conv,
         &(struct weight_strides){
             .group = shape->C / shape->groups * out_channels * taps, .out = taps, .in = out_channels * taps},
         weights, packed);
}

size_t stoa_panels_per_group(const struct conv *conv)
{
    return stoa_size_ceil_div(conv->shape.OC / conv->shape.groups, conv->tiling.panel);
}

struct panel stoa_panel(const struct conv *conv, const float *packed, size_t index)
{
    const struct conv_shape *shape = &conv->shape;
    size_t per_group = stoa_panels_per_group(conv), out_channels = shape->OC / shape->groups;
    size_t first = index % per_group * conv->tiling.panel;
    size_t channel = index / per_group * out_channels + first;
    return (struct panel){
        .weights = packed + channel * (taps_of(shape) * (shape->C / shape->groups)),
        .channel = channel,
        .width = stoa_size_min(conv->tiling.panel, out_channels - first),
    };
}

void stoa_tiling_products(struct conv_tiling *tiling, size_t out_channels, size_t depth)
{
    size_t limit = stoa_gemm_small_limit();
    if (limit) {
        /* The kernels without packing walk 64 columns by 4 rows and read the whole weight block again for every 4
         * rows: 128 x 64 floats are 32 KB, which an L1 cache holds. */
        tiling->panel = stoa_size_min(out_channels, 64);
        tiling->segment = 64;
        tiling->k_block = stoa_size_part(depth, 128, 4);
    } else {
        /* Every product packs its operands first, which only large ones repay. */
        tiling->panel = stoa_size_min(out_channels, 512);
        tiling->segment = 4096;
        tiling->k_block = stoa_size_part(depth, 384, 4);
    }
}
