/* Convolution without columns: for output row oy and filter tap (r, s) the column block of the im2col matrix is already
 * in memory, as the strided view
 *
 *     A = x[oy*stride + r*dilation - top][ox*stride + s*dilation - left][:]    lda = stride * C
 *
 * of the image, so each tap is a product accumulated into the output row. Padding clips the view: a tap that falls off
 * the edge has fewer pixels. Blocks of weights are the outer loop and rows the inner one, so that a block serves a
 * whole tile of rows from the L1 cache.
 *
 * Where C is small, one tap is too short a product. The taps of one filter row lie side by side in memory, but views
 * whose rows overlap are not matrices to CBLAS (lda >= k). Every phases-th pixel's do not overlap: k = kw * C,
 * lda = phases * stride * C, and as many products as phases. Pixels whose filter row is clipped go column by column,
 * with the rows of the tile as the matrix's rows.
 *
 * The first product sets a tile where its tap sees the image from every pixel. Otherwise the tile starts from zeros.
 *
 * A transposed convolution is the same with the strides on the other side: y's view += x's row * weights. */
#include <stdio.h>

#include "base/size.h"
#include "gemm/gemm.h"
#include "kernels/matrix.h"
#include "lower/lowering.h"

/* Output pixels of a tile: enough rows to use a weight block often, few enough that their panel stays in the L2 cache.
 */
#define TILE_PIXELS 448
/* Pixels of a tile that are not made fewer only to have as many tasks as there should be. */
#define LEAST_PIXELS 48
/* Below this many input channels the taps of a filter row are merged. */
#define MERGE_CHANNELS 16

struct tile {
    const struct conv *conv;
    const struct conv_args *args;
    struct panel panel;
    const float *x;      /* the group's first channel of the image */
    float *y;            /* the panel's first channel of the image's output */
    size_t pixel;        /* the image's first output pixel, counted through all images */
    size_t channels;     /* input channels of a group */
    size_t row, row_end; /* output rows */
    size_t column, column_end;
};

/* A 1x1 filter with stride 1 and no padding sees no rows: all pixels of all images are one long row. */
static struct conv_shape flattened(const struct conv *conv)
{
    struct conv_shape shape = conv->shape;
    bool unit = shape.kernel[0] * shape.kernel[1] == 1 && shape.stride[0] == 1 && shape.stride[1] == 1;
    if (unit && !stoa_conv_is_padded(&shape)) {
        shape.W = shape.OW = shape.N * shape.OH * shape.OW;
        shape.N = shape.H = shape.OH = 1;
    }
    return shape;
}

static float *tile_row(const struct tile *tile, const struct conv_shape *shape, size_t oy)
{
    return tile->y + (oy * shape->OW + tile->column) * tile->args->y_stride;
}

/* Every pixel starts from zero; products are added. */
static void begin(const struct tile *tile, const struct conv_shape *shape)
{
    for (size_t oy = tile->row; oy < tile->row_end; oy++)
        stoa_matrix_clear_rows(tile->column_end - tile->column, tile->panel.weights.columns, tile_row(tile, shape, oy),
                               tile->args->y_stride);
}

static void finish(const struct tile *tile, const struct conv_shape *shape)
{
    for (size_t oy = tile->row; oy < tile->row_end; oy++) {
        struct epilogue epilogue =
            stoa_conv_epilogue(tile->args, tile->pixel + oy * shape->OW + tile->column, tile->panel.channel);
        stoa_epilogue_rows(tile->column_end - tile->column, tile->panel.weights.columns, &epilogue,
                           tile_row(tile, shape, oy), tile->args->y_stride);
    }
}

/* Which of a pixel's products one is: the first sets it, the last is followed by what is left to do. */
struct turn {
    bool first, last;
};

/* y[m][width] = A[m][k] * the panel's rows from `first` on + y, m cut in segments. */
static void accumulate_rows(const struct tile *tile, size_t m, size_t k, const float *a, size_t lda, size_t first,
                            struct turn turn, float *y, size_t ldy)
{
    size_t segment = stoa_size_part(m, tile->conv->tiling.segment, 4);
    size_t y_stride = tile->args->y_stride, step = ldy / y_stride;
    for (size_t i = 0; i < m; i += segment, y += segment * ldy) {
        size_t pixel = tile->pixel + (size_t)(y - tile->y) / y_stride;
        struct epilogue epilogue = stoa_conv_epilogue(tile->args, pixel, tile->panel.channel);
        epilogue.addend_row *= step;
        epilogue.mask_row *= step;
        stoa_gemm_packed(stoa_size_min(segment, m - i), k, a + i * lda, lda, &tile->panel.weights, first, !turn.first,
                         y, ldy, turn.last ? &epilogue : NULL);
    }
}

/* A block of pixels of one tap: input and output step from row to row and from pixel to pixel. */
struct block {
    size_t rows, columns;
    const float *x;
    size_t x_row, x_pixel;
    float *y;
    size_t y_row, y_pixel;
};

/* Adds one tap's k channels. Rows of pixels become the matrix's rows, all at once where they follow one another in
 * memory. The kernels take rows by fours and are slow on an odd one, so that goes down the block's columns instead. */
static void accumulate(const struct tile *tile, struct block block, size_t k, size_t first, struct turn turn)
{
    if (block.rows == 0 || block.columns == 0)
        return;
    if (block.x_row == block.columns * block.x_pixel && block.y_row == block.columns * block.y_pixel) {
        block.columns *= block.rows;
        block.rows = 1;
    }
    size_t down = block.columns < 4 ? block.columns : block.columns % 2;
    if (block.rows < 4 || !stoa_gemm_fits(block.x_row) || !stoa_gemm_fits(block.y_row))
        down = 0;
    size_t across = block.columns - down;
    for (size_t i = 0; across && i < block.rows; i++)
        accumulate_rows(tile, across, k, block.x + i * block.x_row, block.x_pixel, first, turn,
                        block.y + i * block.y_row, block.y_pixel);
    for (size_t i = across; i < block.columns; i++)
        accumulate_rows(tile, block.rows, k, block.x + i * block.x_pixel, block.x_row, first, turn,
                        block.y + i * block.y_pixel, block.y_row);
}

/* The part of [tile, tile_end) in which a tap sees the image: a window span, cut to the tile. */
static void span_in_tile(size_t tile, size_t tile_end, size_t size, size_t stride, size_t offset, size_t pad,
                         size_t *first, size_t *end)
{
    stoa_window_span(tile_end, size, stride, offset, pad, first, end);
    *first = stoa_size_max(*first, tile);
    *end = stoa_size_max(*first, *end);
}

/* The first filter row that lies inside the image for every output row of the tile; kernel[0] if there is none. */
static size_t covering_row(const struct tile *tile, const struct conv_shape *shape)
{
    for (size_t r = 0; r < shape->kernel[0]; r++) {
        size_t row, row_end;
        span_in_tile(tile->row, tile->row_end, shape->H, shape->stride[0], r * shape->dilation[0], shape->pad[0], &row,
                     &row_end);
        if (row == tile->row && row_end == tile->row_end)
            return r;
    }
    return shape->kernel[0];
}

/* The same for columns. */
static size_t covering_column(const struct tile *tile, const struct conv_shape *shape)
{
    for (size_t s = 0; s < shape->kernel[1]; s++) {
        size_t first, end;
        span_in_tile(tile->column, tile->column_end, shape->W, shape->stride[1], s * shape->dilation[1], shape->pad[1],
                     &first, &end);
        if (first == tile->column && end == tile->column_end)
            return s;
    }
    return shape->kernel[1];
}

/* One tap of a whole tile, which covers it where it is the first. */
static void tap(const struct tile *tile, const struct conv_shape *shape, size_t r, size_t s, struct turn turn)
{
    size_t k_block = tile->conv->tiling.k_block, row, row_end, first, end;
    size_t dy = r * shape->dilation[0], dx = s * shape->dilation[1];
    span_in_tile(tile->row, tile->row_end, shape->H, shape->stride[0], dy, shape->pad[0], &row, &row_end);
    span_in_tile(tile->column, tile->column_end, shape->W, shape->stride[1], dx, shape->pad[1], &first, &end);
    if (row == row_end || first == end)
        return;
    size_t iy = row * shape->stride[0] + dy - shape->pad[0], ix = first * shape->stride[1] + dx - shape->pad[1];
    size_t depth = (r * shape->kernel[1] + s) * tile->channels;
    size_t x_stride = tile->args->x_stride, y_stride = tile->args->y_stride;
    struct block block = {
        .rows = row_end - row,
        .columns = end - first,
        .x = tile->x + (iy * shape->W + ix) * x_stride,
        .x_row = shape->stride[0] * shape->W * x_stride,
        .x_pixel = shape->stride[1] * x_stride,
        .y = tile->y + (row * shape->OW + first) * y_stride,
        .y_row = shape->OW * y_stride,
        .y_pixel = y_stride,
    };
    for (size_t c = 0; c < tile->channels; c += k_block, block.x += k_block)
        accumulate(tile, block, stoa_size_min(k_block, tile->channels - c), depth + c,
                   (struct turn){turn.first && c == 0, turn.last && c + k_block >= tile->channels});
}

static void tap_by_tap(const struct tile *tile, const struct conv_shape *shape)
{
    size_t kh = shape->kernel[0], kw = shape->kernel[1];
    size_t r0 = covering_row(tile, shape), s0 = covering_column(tile, shape);
    bool covered = r0 < kh && s0 < kw, only = covered && kh * kw == 1;
    if (covered)
        tap(tile, shape, r0, s0, (struct turn){.first = true, .last = only});
    else
        begin(tile, shape);
    for (size_t r = 0; r < kh; r++)
        for (size_t s = 0; s < kw; s++)
            if (!covered || r != r0 || s != s0)
                tap(tile, shape, r, s, (struct turn){.first = false});
    if (!only)
        finish(tile, shape);
}

/* One filter row, dy below the window's top, over output rows [row, row_end), which all see it inside the image: the
 * panel's rows from `first_row` on; with `set` it covers the tile. No groups, no horizontal dilation, whole rows as
 * tile, x_stride = C. */
static void merged_row(const struct tile *tile, const struct conv_shape *shape, size_t dy, size_t row, size_t row_end,
                       size_t first_row, bool set)
{
    const struct conv_tiling *tiling = &tile->conv->tiling;
    size_t C = shape->C, y_stride = tile->args->y_stride, stride = shape->stride[1], left = shape->pad[1],
           kw = shape->kernel[1], depth = kw * C;
    /* The pixels that see the whole filter row. */
    size_t first = stoa_size_min(stoa_size_ceil_div(left, stride), shape->OW);
    size_t end = shape->W + left >= kw ? stoa_size_min((shape->W + left - kw) / stride + 1, shape->OW) : 0;
    end = stoa_size_max(first, end);

    struct block block = {
        .rows = row_end - row,
        .x_row = shape->stride[0] * shape->W * C,
        .x_pixel = tiling->phases * stride * C,
        .y_row = shape->OW * y_stride,
        .y_pixel = tiling->phases * y_stride,
    };
    const float *x = tile->x + (row * shape->stride[0] + dy - shape->pad[0]) * shape->W * C;
    float *y = tile->y + row * shape->OW * y_stride;
    for (size_t c = 0; c < depth; c += tiling->k_block)
        for (size_t ox = first; ox < stoa_size_min(first + tiling->phases, end); ox++) {
            block.columns = stoa_size_ceil_div(end - ox, tiling->phases);
            block.x = x + (ox * stride - left) * C + c;
            block.y = y + ox * y_stride;
            accumulate(tile, block, stoa_size_min(tiling->k_block, depth - c), first_row + c,
                       (struct turn){.first = set && c == 0});
        }
    block.columns = 1;
    for (size_t ox = 0; ox < shape->OW; ox++) {
        if (ox == first && (ox = end) == shape->OW)
            break;
        size_t s, s_end;
        stoa_window_span(kw, shape->W, 1, ox * stride, left, &s, &s_end);
        if (s == s_end)
            continue;
        block.x = x + (ox * stride + s - left) * C;
        block.y = y + ox * y_stride;
        accumulate(tile, block, (s_end - s) * C, first_row + s * C, (struct turn){.first = set});
    }
}

static void filter_row(const struct tile *tile, const struct conv_shape *shape, size_t r, bool set)
{
    size_t row, row_end, dy = r * shape->dilation[0];
    span_in_tile(tile->row, tile->row_end, shape->H, shape->stride[0], dy, shape->pad[0], &row, &row_end);
    if (row < row_end)
        merged_row(tile, shape, dy, row, row_end, r * shape->kernel[1] * shape->C, set);
}

static void row_by_row(const struct tile *tile, const struct conv_shape *shape)
{
    size_t r0 = covering_row(tile, shape), first, first_end, last, last_end;
    /* Each pixel sees some of a filter row if the first and the last do. */
    stoa_window_span(shape->kernel[1], shape->W, 1, 0, shape->pad[1], &first, &first_end);
    stoa_window_span(shape->kernel[1], shape->W, 1, (shape->OW - 1) * shape->stride[1], shape->pad[1], &last,
                     &last_end);
    bool covered = r0 < shape->kernel[0] && first < first_end && last < last_end;
    if (covered)
        filter_row(tile, shape, r0, true);
    else
        begin(tile, shape);
    for (size_t r = 0; r < shape->kernel[0]; r++)
        if (!covered || r != r0)
            filter_row(tile, shape, r, false);
    finish(tile, shape);
}

/* A transposed convolution: input pixel (iy, ix) reaches output (iy*stride + dy - top, ix*stride + dx - left). */
static void tap_by_tap_transposed(const struct tile *tile, const struct conv_shape *shape)
{
    size_t x_stride = tile->args->x_stride, y_stride = tile->args->y_stride;
    size_t k_block = tile->conv->tiling.k_block, top = shape->pad[0], left = shape->pad[1];
    size_t depth = 0;
    begin(tile, shape);
    for (size_t r = 0; r < shape->kernel[0]; r++)
        for (size_t s = 0; s < shape->kernel[1]; s++) {
            size_t row, row_end, first, end, dy = r * shape->dilation[0], dx = s * shape->dilation[1];
            stoa_window_span(shape->H, tile->row_end, shape->stride[0], dy, top, &row, &row_end);
            if (tile->row + top > dy)
                row = stoa_size_max(row, stoa_size_ceil_div(tile->row + top - dy, shape->stride[0]));
            stoa_window_span(shape->W, shape->OW, shape->stride[1], dx, left, &first, &end);
            size_t oy = row * shape->stride[0] + dy - top, ox = first * shape->stride[1] + dx - left;
            for (size_t c = 0; c < tile->channels; c += k_block) {
                size_t k = stoa_size_min(k_block, tile->channels - c);
                if (row < row_end && first < end)
                    accumulate(tile,
                               (struct block){
                                   .rows = row_end - row,
                                   .columns = end - first,
                                   .x = tile->x + (row * shape->W + first) * x_stride + c,
                                   .x_row = shape->W * x_stride,
                                   .x_pixel = x_stride,
                                   .y = tile->y + (oy * shape->OW + ox) * y_stride,
                                   .y_row = shape->stride[0] * shape->OW * y_stride,
                                   .y_pixel = shape->stride[1] * y_stride,
                               },
                               k, depth, (struct turn){.first = false});
                depth += k;
            }
        }
    finish(tile, shape);
}

struct job {
    const struct conv *conv;
    const struct conv_args *args;
    struct conv_shape shape; /* flattened */
    void (*compute)(const struct tile *tile, const struct conv_shape *shape);
    size_t panels, across, down; /* tiles of a row of tiles, and of a column */
};

/* Tasks go panel by panel over one tile of pixels, whose input they share. */
static void run_task(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    const struct conv_shape *shape = &job->shape;
    const struct conv_tiling *tiling = &job->conv->tiling;
    struct panel panel = stoa_panel(job->conv, job->args->packed, task % job->panels);
    size_t position = task / job->panels, channels = shape->C / shape->groups;
    size_t column = position % job->across * tiling->columns;
    size_t row = position / job->across % job->down * tiling->rows;
    size_t image = position / job->across / job->down;
    size_t group = panel.channel / (shape->OC / shape->groups);
    struct tile tile = {
        .conv = job->conv,
        .args = job->args,
        .panel = panel,
        .x = job->args->x + image * shape->H * shape->W * job->args->x_stride + group * channels,
        .y = job->args->y + image * shape->OH * shape->OW * job->args->y_stride + panel.channel,
        .pixel = image * shape->OH * shape->OW,
        .channels = channels,
        .row = row,
        .row_end = stoa_size_min(row + tiling->rows, shape->OH),
        .column = column,
        .column_end = stoa_size_min(column + tiling->columns, shape->OW),
    };
    job->compute(&tile, shape);
}

static void run_tiles(const struct conv *conv, const struct conv_args *args, struct conv_shape shape,
                      void (*compute)(const struct tile *, const struct conv_shape *))
{
    struct job job = {
        .conv = conv,
        .args = args,
        .shape = shape,
        .compute = compute,
        .panels = stoa_panels_per_group(conv) * shape.groups,
        .across = stoa_size_ceil_div(shape.OW, conv->tiling.columns),
        .down = stoa_size_ceil_div(shape.OH, conv->tiling.rows),
    };
    stoa_pool_run(args->pool, shape.N * job.down * job.across * job.panels, run_task, &job);
}

static void view_run(const struct conv *conv, const struct conv_args *args)
{
    /* Taps of a filter row only lie side by side where pixels do. */
    bool merged = conv->tiling.phases && args->x_stride == conv->shape.C;
    run_tiles(conv, args, flattened(conv), merged ? row_by_row : tap_by_tap);
}

static void transpose_run(const struct conv *conv, const struct conv_args *args)
{
    run_tiles(conv, args, conv->shape, tap_by_tap_transposed);
}

/* 0 where merging the taps of a filter row does not apply or does not pay. */
static size_t merge_phases(const struct conv_shape *shape)
{
    size_t phases = stoa_size_ceil_div(shape->kernel[1], shape->stride[1]);
    if (shape->C >= MERGE_CHANNELS || shape->groups > 1 || shape->kernel[1] == 1 || shape->dilation[1] > 1)
        return 0;
    size_t edge, row, output_row;
    bool fits = stoa_size_mul(shape->stride[0] * shape->C, shape->W, &edge) && stoa_gemm_fits(edge) &&
                stoa_size_mul(phases * shape->stride[1], shape->C, &row) && stoa_gemm_fits(row) &&
                stoa_size_mul(shape->OW, shape->OC, &output_row) && stoa_gemm_fits(output_row);
    return fits ? phases : 0;
}

static void plan_tile(struct conv *conv, const struct conv_shape *shape, bool split_rows)
{
    struct conv_tiling *tiling = &conv->tiling;
    size_t target = stoa_gemm_small_limit() ? TILE_PIXELS : 4096;
    size_t panels = stoa_panels_per_group(conv) * shape->groups * stoa_size_max(shape->N, 1);
    size_t pixels = shape->OH * shape->OW, least = stoa_size_ceil_div(LOWERING_LEAST_TASKS, panels);
    size_t tiles = stoa_conv_even_parts(stoa_size_max(least, stoa_size_ceil_div(pixels, target)), panels);
    target = stoa_size_min(target, stoa_size_max(stoa_size_ceil_div(pixels, tiles), LEAST_PIXELS));
    tiling->columns = stoa_size_max(split_rows ? stoa_size_part(shape->OW, target, 6) : shape->OW, 1);
    tiling->rows = stoa_size_part(shape->OH, stoa_size_ceil_div(target, tiling->columns), 1);
}

static void describe(struct conv *conv, size_t pixels, size_t depth)
{
    const struct conv_tiling *tiling = &conv->tiling;
    size_t segment = stoa_size_part(pixels, tiling->segment, 4);
    snprintf(conv->text, sizeof conv->text, "view %zux%zux%zu", segment, tiling->panel,
             stoa_size_min(tiling->k_block, depth));
}

static enum stoa_status view_plan(struct conv *conv, struct stoa_error *error)
{
    (void)error;
    struct conv_shape shape = flattened(conv);
    struct conv_tiling *tiling = &conv->tiling;
    tiling->phases = merge_phases(&shape);
    size_t depth = shape.C / shape.groups * (tiling->phases ? shape.kernel[1] : 1);
    stoa_tiling_products(tiling, shape.OC / shape.groups, depth);
    plan_tile(conv, &shape, tiling->phases == 0);
    tiling->near = shape.kernel[0] * shape.kernel[1] == 1 && stoa_weights_are_near(&shape);
    describe(conv, tiling->columns / stoa_size_max(tiling->phases, 1), depth);
    return STOA_OK;
}

static enum stoa_status transpose_plan(struct conv *conv, struct stoa_error *error)
{
    (void)error;
    const struct conv_shape *shape = &conv->shape;
    stoa_tiling_products(&conv->tiling, shape->OC / shape->groups, shape->C / shape->groups);
    plan_tile(conv, shape, false);
    describe(conv, shape->W, shape->C / shape->groups);
    return STOA_OK;
}

/* The part of an axis's taps that see the image: the others cost nothing. */
static double seen(const struct conv_shape *shape, size_t axis)
{
    const size_t in[2] = {shape->H, shape->W}, out[2] = {shape->OH, shape->OW};
    double sum = 0;
    for (size_t t = 0; t < shape->kernel[axis]; t++) {
        size_t first, end;
        stoa_window_span(out[axis], in[axis], shape->stride[axis], t * shape->dilation[axis], shape->pad[axis], &first,
                         &end);
        sum += (double)(end - first);
    }
    return sum / ((double)out[axis] * (double)shape->kernel[axis]);
}

static double view_cost(const struct conv *conv)
{
    struct conv_shape shape = flattened(conv);
    const struct conv_tiling *tiling = &conv->tiling;
    if (shape.N * shape.OH * shape.OW == 0)
        return 0;
    bool merged = tiling->phases != 0;
    size_t depth = shape.C / shape.groups * (merged ? shape.kernel[1] : 1);
    size_t taps = shape.kernel[0] * (merged ? 1 : shape.kernel[1]);
    size_t row = stoa_size_max(stoa_size_min(tiling->columns, shape.OW) / (merged ? tiling->phases : 1), 1);
    /* What a row leaves over by fours goes down the tile's columns. */
    size_t m = stoa_size_part(row, tiling->segment, 4);
    if (tiling->rows >= 4)
        m = stoa_size_round_up(m, 4);
    double pixels = (double)shape.N * (double)(shape.OH * shape.OW) * seen(&shape, 0) * seen(&shape, 1);
    double products = pixels / (double)m * (double)taps * (double)shape.OC / (double)tiling->panel;
    return products * (double)depth / (double)tiling->k_block * stoa_gemm_cost(m, tiling->panel, tiling->k_block);
}

/* Where a single product makes an output. */
static bool view_adds_in_place(const struct conv *conv, const struct epilogue *epilogue)
{
    const struct conv_shape *shape = &conv->shape;
    return shape->kernel[0] * shape->kernel[1] == 1 && !stoa_conv_is_padded(shape) &&
           shape->C / shape->groups <= conv->tiling.k_block &&
           stoa_gemm_packed_finishes(shape->OC / shape->groups % conv->tiling.panel, epilogue) &&
           stoa_gemm_packed_finishes(conv->tiling.panel, epilogue);
}

const struct lowering stoa_lowering_view = {
    .id = STOA_LOWERING_VIEW,
    .name = "view",
    .plan = view_plan,
    .cost = view_cost,
    .pack = stoa_panels_pack,
    .adds_in_place = view_adds_in_place,
    .run = view_run,
};

const struct lowering stoa_lowering_transpose = {
    .id = STOA_LOWERING_VIEW,
    .name = "view",
    .plan = transpose_plan,
    .cost = NULL,
    .pack = stoa_panels_pack_transpose,
    .run = transpose_run,
    .transpose = true,
};
