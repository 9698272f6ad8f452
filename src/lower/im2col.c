/* Convolution through explicit columns: the matrix whose row is what the filter sees at one output pixel, times the
 * weights. Tiled, so that a tile of columns stays in the L2 cache; and the textbook's way, the whole matrix of an image
 * at once, to compare with.
 */
#include <stdio.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "gemm/gemm.h"
#include "kernels/im2col.h"
#include "kernels/matrix.h"
#include "lower/lowering.h"

#define TILE_BYTES (512 * 1024)
/* Columns beyond these are refused: a tile of a filter too large to be meant, and a matrix that has no business in
 * memory. */
#define TILE_CAP ((size_t)256 << 20)
#define FULL_CAP ((size_t)1 << 30)

static struct im2col_window window_of(const struct conv_shape *shape, const struct conv_args *args)
{
    return (struct im2col_window){
        .H = shape->H,
        .W = shape->W,
        .channels = shape->C / shape->groups,
        .pixel_stride = args->x_stride,
        .OW = shape->OW,
        .kernel = {shape->kernel[0], shape->kernel[1]},
        .stride = {shape->stride[0], shape->stride[1]},
        .dilation = {shape->dilation[0], shape->dilation[1]},
        .pad = {shape->pad[0], shape->pad[1]},
    };
}

struct tile;

struct job {
    const struct conv *conv;
    const struct conv_args *args;
    struct im2col_window window;
    size_t tiles;                              /* of an image */
    size_t groups_a_task, tasks_across, parts; /* parts: of a group's panels */
    void (*run_tile)(const struct job *job, const struct tile *tile);
};

/* A tile of pixels of one group of one image, and the panels that it meets. */
struct tile {
    size_t group, first, count;
    size_t panel, panel_end;
    size_t pixel;   /* the first, counted through all images */
    const float *x; /* the image's first channel of the group */
    float *y;       /* the tile's first pixel, channel 0 */
    float *scratch;
};

static struct tile tile_of(const struct job *job, size_t position, size_t group, size_t part, size_t worker)
{
    const struct conv_shape *shape = &job->conv->shape;
    size_t pixels = shape->OH * shape->OW;
    size_t image = position / job->tiles, first = position % job->tiles * job->conv->tiling.pixels;
    size_t panels = stoa_panels_per_group(job->conv), share = stoa_size_ceil_div(panels, job->parts);
    return (struct tile){
        .group = group,
        .first = first,
        .count = stoa_size_min(job->conv->tiling.pixels, pixels - first),
        .panel = stoa_size_min(part * share, panels),
        .panel_end = stoa_size_min((part + 1) * share, panels),
        .pixel = image * pixels + first,
        .x = job->args->x + image * shape->H * shape->W * job->args->x_stride + group * job->window.channels,
        .y = job->args->y + (image * pixels + first) * job->args->y_stride,
        .scratch =
            job->conv->scratch ? (void *)((char *)job->args->worker_base + worker * job->args->worker_stride) : NULL,
    };
}

static void multiply_panel(const struct job *job, const struct tile *tile, const struct panel *panel)
{
    const struct conv_tiling *tiling = &job->conv->tiling;
    size_t depth = stoa_conv_depth(&job->conv->shape), ldy = job->args->y_stride;
    size_t segment = stoa_size_part(tile->count, tiling->segment, 4);
    for (size_t k = 0; k < depth; k += tiling->k_block)
        for (size_t i = 0; i < tile->count; i += segment) {
            struct epilogue epilogue = stoa_conv_epilogue(job->args, tile->pixel + i, panel->channel);
            stoa_gemm_packed(stoa_size_min(segment, tile->count - i), stoa_size_min(tiling->k_block, depth - k),
                             tile->scratch + i * depth + k, depth, &panel->weights, k, k > 0,
                             tile->y + panel->channel + i * ldy, ldy, k + tiling->k_block >= depth ? &epilogue : NULL);
        }
}

static void run_tile(const struct job *job, const struct tile *tile)
{
    size_t panels = stoa_panels_per_group(job->conv);
    stoa_im2col_rows(&job->window, tile->x, tile->first, tile->count, tile->scratch);
    for (size_t i = tile->panel; i < tile->panel_end; i++) {
        struct panel panel = stoa_panel(job->conv, job->args->packed, tile->group * panels + i);
        multiply_panel(job, tile, &panel);
    }
}

/* The textbook: all columns of an image (or of one group of it), one product; a 1x1 image, which is its own columns, in
 * pieces. */
static void run_full_tile(const struct job *job, const struct tile *tile)
{
    const struct conv_shape *shape = &job->conv->shape;
    struct panel panel = stoa_panel(job->conv, job->args->packed, tile->group);
    size_t depth = stoa_conv_depth(shape);
    const float *columns = tile->x + tile->first * job->args->x_stride;
    size_t ldx = job->args->x_stride;
    if (job->conv->scratch) {
        stoa_im2col_rows(&job->window, tile->x, 0, tile->count, tile->scratch);
        columns = tile->scratch;
        ldx = depth;
    }
    struct epilogue epilogue = stoa_conv_epilogue(job->args, tile->pixel, panel.channel);
    stoa_gemm_packed(tile->count, depth, columns, ldx, &panel.weights, 0, false, tile->y + panel.channel,
                     job->args->y_stride, &epilogue);
}

/* A pool task is a tile of pixels in as many groups as write a cache line of y together: workers that write the same
 * lines hold each other up. */
static void run_task(void *context, size_t task, size_t worker)
{
    const struct job *job = context;
    /* Neighbouring tasks are tiles of one part, so that the last one, which may be smaller, is not one worker's alone.
     */
    size_t tiles = job->conv->shape.N * job->tiles, part = task / job->tasks_across / tiles;
    size_t across = task % job->tasks_across, position = task / job->tasks_across % tiles;
    size_t first = across * job->groups_a_task;
    size_t end = stoa_size_min(first + job->groups_a_task, job->conv->shape.groups);
    for (size_t group = first; group < end; group++) {
        struct tile tile = tile_of(job, position, group, part, worker);
        job->run_tile(job, &tile);
    }
}

static void run_tiles(const struct conv *conv, const struct conv_args *args, size_t parts,
                      void (*run_one)(const struct job *, const struct tile *))
{
    const struct conv_shape *shape = &conv->shape;
    struct job job = {
        .conv = conv,
        .args = args,
        .window = window_of(shape, args),
        .tiles = stoa_size_ceil_div(shape->OH * shape->OW, conv->tiling.pixels),
        .groups_a_task = stoa_size_ceil_div(STOA_ALIGNMENT / sizeof(float), shape->OC / shape->groups),
        .parts = parts,
        .run_tile = run_one,
    };
    job.tasks_across = stoa_size_ceil_div(shape->groups, job.groups_a_task);
    stoa_pool_run(args->pool, shape->N * job.tiles * job.tasks_across * parts, run_task, &job);
}

/* Where tiles are few, a task is a part of the panels, so that several workers share the layer; each writes the tile's
 * columns for itself, which is little beside its products. */
static size_t parts_of(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    size_t tiles = stoa_size_ceil_div(shape->OH * shape->OW, conv->tiling.pixels);
    size_t tasks = stoa_size_max(shape->N * tiles * shape->groups, 1);
    size_t panels = stoa_panels_per_group(conv),
           parts = stoa_size_min(stoa_size_ceil_div(LOWERING_LEAST_TASKS, tasks), panels);
    return stoa_size_ceil_div(panels, stoa_size_ceil_div(panels, parts));
}

static void im2col_run(const struct conv *conv, const struct conv_args *args)
{
    run_tiles(conv, args, parts_of(conv), run_tile);
}

static void full_run(const struct conv *conv, const struct conv_args *args)
{
    run_tiles(conv, args, 1, run_full_tile);
}

static enum stoa_status im2col_plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    struct conv_tiling *tiling = &conv->tiling;
    size_t depth = stoa_conv_depth(shape), out_channels = shape->OC / shape->groups, pixels = shape->OH * shape->OW,
           floats;
    stoa_tiling_products(tiling, out_channels, depth);
    tiling->pixels = stoa_size_part(pixels, stoa_size_max(TILE_BYTES / sizeof(float) / depth, 4), 4);
    if (!stoa_size_mul(depth, tiling->pixels, &floats) || (floats += IM2COL_EXCESS) > TILE_CAP / sizeof(float))
        return stoa_fail(error, STOA_ERROR_LIMIT,
                         "im2col: a tile of %zu x %zu columns is more than the %zu MiB it may be", tiling->pixels,
                         depth, TILE_CAP >> 20);
    conv->scratch = floats * sizeof(float);
    snprintf(conv->text, sizeof conv->text, "im2col %zux%zux%zu", stoa_size_part(tiling->pixels, tiling->segment, 4),
             tiling->panel, tiling->k_block);
    return STOA_OK;
}

static bool is_its_own_columns(const struct conv_shape *shape)
{
    return shape->kernel[0] * shape->kernel[1] == 1 && shape->stride[0] == 1 && shape->stride[1] == 1 &&
           !stoa_conv_is_padded(shape) && shape->groups == 1;
}

#define OWN_PIXELS 1024

static enum stoa_status full_plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    size_t depth = stoa_conv_depth(shape), out_channels = shape->OC / shape->groups, pixels = shape->OH * shape->OW,
           floats;
    if (!is_its_own_columns(shape)) {
        if (!stoa_size_mul(depth, pixels, &floats) || (floats += IM2COL_EXCESS) > FULL_CAP / sizeof(float))
            return stoa_fail(error, STOA_ERROR_LIMIT,
                             "im2col-full: the column matrix of %zu x %zu is more than the %zu MiB it may be", pixels,
                             depth, FULL_CAP >> 20);
        conv->scratch = floats * sizeof(float);
    }
    if (!stoa_gemm_fits(pixels))
        return stoa_fail(error, STOA_ERROR_LIMIT, "im2col-full: %zu output pixels are more than BLAS can address",
                         pixels);
    conv->tiling.panel = out_channels;
    /* An image that is its own columns can be cut anywhere, so that threads share it. */
    size_t tiles = stoa_conv_even_parts(stoa_size_ceil_div(pixels, OWN_PIXELS), shape->N);
    conv->tiling.pixels = conv->scratch ? pixels : stoa_size_part(pixels, stoa_size_ceil_div(pixels, tiles), 4);
    conv->tiling.strips =
        (double)conv->tiling.pixels * (double)out_channels * (double)depth <= (double)stoa_gemm_small_limit() &&
        stoa_gemm_takes_strips();
    snprintf(conv->text, sizeof conv->text, "im2col-full %zux%zux%zu", conv->tiling.pixels, out_channels, depth);
    return STOA_OK;
}

/* Nanoseconds a column element costs beyond its product: copied in runs; written to memory beyond the caches. */
#define COPY_COST 0.1
#define FULL_COST 0.4
/* And what each run costs besides. */
#define RUN_COST 2

static double columns_of(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    return (double)shape->N * (double)(shape->OH * shape->OW) * (double)stoa_conv_depth(shape) * (double)shape->groups;
}

/* Filter rows, or taps where those do not lie side by side. */
static double runs_of(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    bool whole_rows = shape->groups == 1 && shape->dilation[1] == 1;
    return columns_of(conv) / (double)(shape->C / shape->groups * (whole_rows ? shape->kernel[1] : 1));
}

static double im2col_cost(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    const struct conv_tiling *tiling = &conv->tiling;
    double pixels = (double)shape->N * (double)(shape->OH * shape->OW), columns = columns_of(conv);
    double blocks = (double)stoa_conv_depth(shape) / (double)tiling->k_block;
    size_t segment = stoa_size_part(tiling->pixels, tiling->segment, 4);
    return columns * COPY_COST + runs_of(conv) * RUN_COST +
           pixels / (double)segment * blocks * (double)shape->OC / (double)tiling->panel *
               stoa_gemm_cost(segment, tiling->panel, tiling->k_block);
}

static double full_cost(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    double copies = conv->scratch ? columns_of(conv) * FULL_COST + runs_of(conv) * RUN_COST : 0;
    double tiles = (double)(shape->OH * shape->OW) / (double)conv->tiling.pixels;
    return copies + (double)(shape->N * shape->groups) * tiles *
                        stoa_gemm_cost(conv->tiling.pixels, conv->tiling.panel, stoa_conv_depth(shape));
}

const struct lowering stoa_lowering_im2col = {
    .id = STOA_LOWERING_IM2COL,
    .name = "im2col",
    .plan = im2col_plan,
    .cost = im2col_cost,
    .pack = stoa_panels_pack,
    .run = im2col_run,
};

const struct lowering stoa_lowering_im2col_full = {
    .id = STOA_LOWERING_IM2COL_FULL,
    .name = "im2col-full",
    .plan = full_plan,
    .cost = full_cost,
    .pack = stoa_panels_pack,
    .run = full_run,
};
