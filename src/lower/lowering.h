/* What a lowering is, and what the lowerings share. Private to this room. */
#ifndef STOA_LOWER_LOWERING_H
#define STOA_LOWER_LOWERING_H

#include <stdbool.h>
#include <stddef.h>

#include "base/memory.h"
#include "base/size.h"
#include "gemm/gemm.h"
#include "kernels/epilogue.h"
#include "kernels/winograd.h"
#include "lower/lower.h"

/* Tasks of Winograd's lowering: a whole block of tiles; or, of a block that all workers share, the products
 * of a panel with a part of its tiles, and their transform back; or one point of a panel at a time. */
enum winograd_split { SPLIT_BLOCKS, SPLIT_PANELS, SPLIT_POINTS, SPLIT_COUNT };

/* How the work is cut up: a function of the shape and of the BLAS, never of the number of threads. */
struct conv_tiling {
    size_t panel;         /* columns of one weight panel (output channels of one product) */
    bool strips;          /* of panels (struct gemm_packed) */
    bool near;            /* weights (the same) */
    size_t k_block;       /* longest k of one product: a weight block of k_block x panel stays in the L1 cache */
    size_t segment;       /* most rows (pixels) of one product */
    size_t rows, columns; /* output rows and columns of one task's tile, where tasks are such */
    size_t phases;        /* view: 0, or merged taps: every phases-th pixel in one product, k = kw * C */
    size_t pixels;        /* im2col: pixels of one column tile */
    const struct winograd_form *form; /* winograd; else null */
    size_t tiles;                     /* winograd: tiles of one block, counted through all images */
    bool to_depth;                    /* winograd: of the image that stoa_space_to_depth_image makes of x */
    enum winograd_split split;        /* winograd: what is a task */
    size_t part;                      /* winograd: tiles of a task, where those of a block are shared out */
};

/* Tasks that a layer should have at least, so that two or more threads share it. */
#define LOWERING_LEAST_TASKS 4
/* As many parts, or up to a third more, as give four workers, or else two, the same number of tasks, `each` of a part:
 * of seven tasks one of two workers would have four. Where there are many it does not matter. At least 1. */
static inline size_t stoa_conv_even_parts(size_t parts, size_t each)
{
    for (size_t workers = 4; workers > 1 && parts * each < 16; workers /= 2)
        for (size_t more = parts; more <= parts + parts / 3; more++)
            if (more && more * each % workers == 0)
                return more;
    return stoa_size_max(parts, 1);
}

/* So many output channels side by side are a whole cache line of packed weights. */
#define LOWERING_PACK_ROWS 16

static inline bool stoa_conv_is_padded(const struct conv_shape *shape)
{
    return shape->pad[0] | shape->pad[1] | shape->pad[2] | shape->pad[3];
}

struct lowering {
    enum stoa_lowering id;
    const char *name;
    /* Cuts the work up: sets tiling, scratch (bytes a worker), shared_scratch and the text of stoa_conv_describe, or
     * says why this lowering does not apply to the shape (LIMIT, UNSUPPORTED). */
    enum stoa_status (*plan)(struct conv *conv, struct stoa_error *error);
    /* An estimate in nanoseconds, once planned; of the run without packing. */
    double (*cost)(const struct conv *conv);
    /* Floats of the packed weights; null: those of the panels below. */
    size_t (*packed_count)(const struct conv *conv);
    /* Takes rows [first, first + count) of the weights' outermost dimension, which begin at `rows`, to their places in
     * packed. Called for blocks of rows on several threads at once; first is a multiple of LOWERING_PACK_ROWS. */
    void (*pack)(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed);
    /* As stoa_conv_adds_in_place; null: never. */
    bool (*adds_in_place)(const struct conv *conv, const struct epilogue *epilogue);
    /* As stoa_conv_pools; null: never. */
    bool (*pools)(const struct conv *conv, const struct epilogue *epilogue);
    /* args complete: packed is never null, strides are never 0; bias and addend may be null. */
    void (*run)(const struct conv *conv, const struct conv_args *args);
    bool transpose; /* rows of the weights are input channels */
};

struct conv {
    struct stoa_allocator allocator;
    struct conv_shape shape;
    const struct lowering *lowering;
    struct conv_tiling tiling;
    size_t scratch, shared_scratch;
    enum stoa_accuracy accuracy;
    bool pack_each_run;
    bool exchanged; /* weights lie [C][OC/groups][kh][kw] in each group, taps last to first: packing takes them so */
    const struct conv_tiling *forced; /* winograd: its form, tiles and split rather than those the cost model takes */
    float *packed, *bias;             /* null where given at run time; packed is a shared block */
    char text[64];
    struct explanation *explanation; /* one allocation */
};

/* What is known of one lowering of a convolution. */
struct candidate {
    const struct lowering *lowering;
    double cost, measured;     /* nanoseconds; 0 where there is no estimate, or it was not measured */
    double price;              /* of its memory, in nanoseconds too */
    size_t bytes;              /* of packed weights and scratch */
    char text[64];             /* conv.text when planned so */
    struct stoa_error refusal; /* empty where it applies */
    const char *reason;        /* "chosen" and the like: a literal */
};
/* Writes down what was decided among, as conv->explanation; `chosen` is an index. */
STOA_CHECKED enum stoa_status stoa_conv_explain_choice(struct conv *conv, const struct candidate *candidates,
                                                       size_t count, size_t chosen, struct stoa_error *error);

extern const struct lowering stoa_lowering_view, stoa_lowering_im2col, stoa_lowering_im2col_full;
extern const struct lowering stoa_lowering_depthwise, stoa_lowering_direct, stoa_lowering_winograd;
/* Of transposed convolutions; not in the table. */
extern const struct lowering stoa_lowering_transpose, stoa_lowering_depthwise_transpose, stoa_lowering_direct_transpose;

/* As stoa_conv_create with STOA_LOWERING_WINOGRAD, of which the tiling's form, tiles (0: as planned) and split are
 * given. */
STOA_CHECKED enum stoa_status stoa_conv_create_winograd(const struct stoa_allocator *allocator,
                                                        const struct conv_shape *shape, const float *weights,
                                                        const float *bias, const struct conv_tiling *forced,
                                                        struct stoa_error *error, struct conv **conv);

/* Packed weights, one layout for all: for each group, panels of K rows and n columns one after another, K = taps *
 * C/groups with the channel innermost, n = panel but for a group's last. Winograd's points stand for taps. A panel is
 * [K][n], or packed by strips where the tiling says so. */
void stoa_panels_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed);
void stoa_panels_pack_transpose(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed);

struct panel {
    struct gemm_packed weights; /* a column an output channel */
    size_t channel;             /* the first one's */
};
/* Panels are counted through all groups: index = group * panels a group + panel. */
size_t stoa_panels_per_group(const struct conv *conv);
/* K: rows of a panel. */
size_t stoa_panel_depth(const struct conv *conv);
struct panel stoa_panel(const struct conv *conv, const float *packed, size_t index);

/* Where the weights of output channels belong. */
struct pack_columns {
    float *to;    /* the first one's, of k = 0 */
    size_t count; /* channels that lie side by side from there on */
    size_t width; /* floats from one k to the next */
};
struct pack_columns stoa_panel_columns(const struct conv *conv, size_t channel, float *packed);

/* What is left to do to the outputs at [pixel...][channel...] after the products; pixels are counted through all
 * images.
 */
struct epilogue stoa_conv_epilogue(const struct conv_args *args, size_t pixel, size_t channel);

/* Relu, Clip or HardSwish, where it is all that is left to do beside the bias. */
struct squash stoa_conv_squash(const struct conv_args *args);

/* Of a 1x1 filter: whether its weights stay in the L2 cache while x goes by. */
bool stoa_weights_are_near(const struct conv_shape *shape);

/* panel, k_block and segment for products whose k is at most `depth`. */
void stoa_tiling_products(struct conv_tiling *tiling, size_t out_channels, size_t depth);

/* The shape whose tiles are transformed: the convolution's, or that of the space-to-depth image. */
struct conv_shape stoa_winograd_shape(const struct conv *conv);

/* The convolution at stride 1 that one at the same stride s > 1 along both axes is, undilated and of one group, of an
 * image of blocks of s x s pixels, padding included; false where `shape` is none or that would be too large. */
bool stoa_space_to_depth_shape(const struct conv_shape *shape, struct conv_shape *deep);
/* to[count[0]][count[1]][s][s][C] <- those blocks of x[H][W][x_stride] from first[0], first[1] on; outside there is 0.
 */
void stoa_space_to_depth_image(const struct conv_shape *shape, const float *x, size_t x_stride, const size_t first[2],
                               const size_t count[2], float *to);
/* to[count][s][s][C][taps of deep] <- rows[count][C][kh][kw] */
void stoa_space_to_depth_filters(const struct conv_shape *shape, const struct conv_shape *deep, size_t count,
                                 const float *rows, float *to);

/* The transposed convolution that is the gradient of a convolution with regard to its images. */
void stoa_conv_transposed_shape(const struct conv_shape *forward, struct conv_shape *transposed);
/* The convolution that is the gradient of another with regard to its images, its weights exchanged; false where that is
 * none: strides, or pads beyond the filter's reach. */
bool stoa_conv_backward_shape(const struct conv_shape *forward, struct conv_shape *backward);
/* Nanoseconds that weights take besides the lowering's cost: packed at a run, or read from memory. */
double stoa_conv_weights_cost(const struct conv *conv);
/* Bytes of a worker's scratch while packing. */
size_t stoa_conv_pack_scratch(const struct conv *conv);

/* [*first, *end) = the i below count for which i*stride + offset - pad lies in [0, size). */
void stoa_window_span(size_t count, size_t size, size_t stride, size_t offset, size_t pad, size_t *first, size_t *end);

#endif
