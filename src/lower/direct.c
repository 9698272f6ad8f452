/* Shallow images directly, without a product. Their columns are short, so that writing them (im2col) or adding up short
 * products (views) costs as much as a third of the arithmetic; a kernel that reads x where it stands and begins from
 * the bias needs neither. Measured on ResNet's stem (3 to 64 channels, 7x7, stride 2) on one AVX-512 core: its product
 * alone takes 1350 us (175 GFLOP/s), the columns 230 us and the bias 60 us, this whole lowering 1400 us.
 *
 * Padding is written: the rows of the image that a task sees are copied with their margins, and no pixel is special. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/vector.h"
#include "kernels/direct.h"
#include "lower/lowering.h"

/* Larger panels of weights are refused: out of the L2 cache, products do better. */
#define PANEL_FLOATS (256 * 1024)
/* Multiply-adds and floats of a task: enough that margins and the start of a task weigh little, few enough for the
 * caches and that threads share small layers. */
#define TASK_MACS 4000000
#define TASK_FLOATS 16384
/* Outputs of a panel before it is the next one's turn: few enough that an epilogue finds them in a cache, and
 * panels which write lines side by side find those in the L2 cache; enough that weights read again weigh little. */
#define CHUNK_FLOATS 4096

/* Pixels of the padded image that `count` outputs see along an axis. */
static size_t window(const struct conv_shape *shape, int axis, size_t count)
{
    return (count - 1) * shape->stride[axis] + (shape->kernel[axis] - 1) * shape->dilation[axis] + 1;
}

static size_t panel_width(const struct conv *conv, size_t first)
{
    return stoa_size_min(conv->tiling.panel, conv->shape.OC / conv->shape.groups - first);
}

/* Output channels of a group with each panel filled up to whole vectors: all panels but the last are whole vectors
 * anyway. */
static size_t padded_channels(const struct conv *conv)
{
    return stoa_size_round_up(conv->shape.OC / conv->shape.groups, DIRECT_LANES);
}

static enum stoa_status direct_plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    struct conv_tiling *tiling = &conv->tiling;
    size_t depth = stoa_conv_depth(shape), out_channels = shape->OC / shape->groups, floats = 0;
    size_t panels = stoa_size_ceil_div(out_channels, stoa_direct_panel());
    tiling->panel = stoa_size_round_up(stoa_size_ceil_div(out_channels, panels), DIRECT_LANES);
    if (depth > PANEL_FLOATS / tiling->panel)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "direct: %zu weights of each of %zu channels are more than the %d KiB they may be", depth,
                         tiling->panel, PANEL_FLOATS / 256);
    size_t row_macs = stoa_size_max(shape->OW * shape->OC * depth, 1);
    tiling->columns = shape->OW;
    size_t tasks = stoa_size_ceil_div(shape->OH, stoa_size_max(TASK_MACS / row_macs, 1));
    tasks = stoa_conv_even_parts(tasks, shape->N);
    tiling->rows = stoa_size_part(shape->OH, stoa_size_max(stoa_size_ceil_div(shape->OH, tasks), 1), 1);
    if (stoa_conv_is_padded(shape) && shape->OH && shape->OW) {
        size_t row;
        if (!stoa_size_mul(window(shape, 1, shape->OW), shape->C, &row))
            return stoa_fail(error, STOA_ERROR_LIMIT, "direct: a padded row is too large");
        while (tiling->rows > 1 && window(shape, 0, tiling->rows) * row > TASK_FLOATS)
            tiling->rows = (tiling->rows + 1) / 2;
        if (!stoa_size_mul(window(shape, 0, tiling->rows), row, &floats) || floats > (size_t)1 << 26)
            return stoa_fail(error, STOA_ERROR_LIMIT, "direct: the padded rows of a task are more than 256 MiB");
    }
    conv->scratch = stoa_size_round_up(depth * sizeof(ptrdiff_t), STOA_ALIGNMENT) + floats * sizeof(float);
    snprintf(conv->text, sizeof conv->text, "direct %zux%zux%zu", shape->OW, tiling->panel, depth);
    return STOA_OK;
}

static size_t direct_packed_count(const struct conv *conv)
{
    return conv->shape.groups * padded_channels(conv) * stoa_conv_depth(&conv->shape);
}

/* packed: for each group, panels [depth][width] one after another, width in whole vectors; what is beyond a group's
 * last channel is 0. A row is one output channel [C/groups][kh*kw]. */
static void direct_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t taps = shape->kernel[0] * shape->kernel[1], channels = shape->C / shape->groups;
    size_t depth = taps * channels, out_channels = shape->OC / shape->groups;
    for (size_t i = 0; i < count; i++, rows += depth) {
        size_t channel = (first + i) % out_channels, begin = channel / conv->tiling.panel * conv->tiling.panel;
        size_t width = stoa_size_round_up(panel_width(conv, begin), DIRECT_LANES), column = channel - begin;
        size_t columns = channel + 1 == out_channels ? width - column : 1;
        float *panel = packed + ((first + i) / out_channels * padded_channels(conv) + begin) * depth;
        for (size_t tap = 0; tap < taps; tap++)
            for (size_t c = 0; c < channels; c++)
                for (size_t j = 0; j < columns; j++)
                    panel[(tap * channels + c) * width + column + j] = j ? 0 : rows[c * taps + tap];
    }
}

struct job {
    const struct conv *conv;
    const struct conv_args *args;
    size_t tasks; /* of an image */
};

/* to[rows][columns][C] <- the padded image from row `first` on. */
static void copy_padded(const struct conv_shape *shape, const float *x, size_t x_stride, size_t first, size_t rows,
                        size_t columns, float *to)
{
    size_t left = stoa_size_min(shape->pad[1], columns), right = stoa_size_min(left + shape->W, columns);
    size_t C = shape->C;
    for (size_t i = first; i < first + rows; i++, to += columns * C) {
        if (i < shape->pad[0] || i - shape->pad[0] >= shape->H) {
            memset(to, 0, columns * C * sizeof *to);
            continue;
        }
        const float *row = x + (i - shape->pad[0]) * shape->W * x_stride;
        memset(to, 0, left * C * sizeof *to);
        if (x_stride == C)
            memcpy(to + left * C, row, (right - left) * C * sizeof *to);
        else
            for (size_t j = left; j < right; j++)
                memcpy(to + j * C, row + (j - left) * x_stride, C * sizeof *to);
        memset(to + right * C, 0, (columns - right) * C * sizeof *to);
    }
}

/* The runs of floats that a pixel sees: filter rows where their pixels lie side by side, or taps. */
static size_t fill_offsets(const struct conv_shape *shape, size_t x_row, size_t x_pixel, ptrdiff_t *offsets)
{
    size_t channels = shape->C / shape->groups, runs = 0;
    size_t taps = x_pixel == channels && shape->dilation[1] == 1 ? shape->kernel[1] : 1;
    for (size_t r = 0; r < shape->kernel[0]; r++)
        for (size_t s = 0; s < shape->kernel[1]; s += taps)
            offsets[runs++] = (ptrdiff_t)(r * shape->dilation[0] * x_row + s * shape->dilation[1] * x_pixel);
    return runs;
}

/* One panel of one group over some rows, so few that the epilogue finds them in the L1 cache. */
static void run_panel(const struct job *job, const struct direct *direct, size_t pixel, size_t rows, size_t channel,
                      const float *x, const float *weights)
{
    const struct conv_args *args = job->args;
    size_t OW = job->conv->shape.OW;
    float *y = args->y + pixel * args->y_stride + channel;
    stoa_direct_rows(direct, rows, OW, x, weights, args->bias ? args->bias + channel : NULL, y);
    struct epilogue epilogue = stoa_conv_epilogue(args, pixel, channel);
    epilogue.bias = NULL;
    if (!direct->squash.given)
        stoa_epilogue_rows(rows * OW, direct->channels, &epilogue, y, args->y_stride);
}

/* All panels over some rows, from row x on. */
static void run_panels(const struct job *job, struct direct *direct, size_t pixel, size_t rows, const float *x)
{
    const struct conv_shape *shape = &job->conv->shape;
    size_t channels = shape->C / shape->groups, out_channels = shape->OC / shape->groups,
           depth = stoa_conv_depth(shape);
    const float *weights = job->args->packed;
    for (size_t group = 0; group < shape->groups; group++)
        for (size_t j = 0; j < out_channels; j += job->conv->tiling.panel) {
            direct->channels = panel_width(job->conv, j);
            run_panel(job, direct, pixel, rows, group * out_channels + j, x + group * channels, weights);
            weights += depth * stoa_size_round_up(direct->channels, DIRECT_LANES);
        }
}

static void run_task(void *context, size_t task, size_t worker)
{
    const struct job *job = context;
    const struct conv *conv = job->conv;
    const struct conv_shape *shape = &conv->shape;
    const struct conv_args *args = job->args;
    size_t image = task / job->tasks, first = task % job->tasks * conv->tiling.rows;
    size_t rows = stoa_size_min(conv->tiling.rows, shape->OH - first);
    size_t depth = stoa_conv_depth(shape);
    char *scratch = (char *)args->worker_base + worker * args->worker_stride;
    ptrdiff_t *offsets = (void *)scratch;
    const float *x = args->x + image * shape->H * shape->W * args->x_stride;
    size_t x_pixel = args->x_stride, x_row = shape->W * x_pixel;
    if (stoa_conv_is_padded(shape)) {
        float *padded = (void *)(scratch + stoa_size_round_up(depth * sizeof *offsets, STOA_ALIGNMENT));
        size_t columns = window(shape, 1, shape->OW);
        copy_padded(shape, x, args->x_stride, first * shape->stride[0], window(shape, 0, rows), columns, padded);
        x = padded;
        x_pixel = shape->C;
        x_row = columns * x_pixel;
    } else {
        x += first * shape->stride[0] * x_row;
    }
    size_t runs = fill_offsets(shape, x_row, x_pixel, offsets);
    struct direct direct = {
        .squash = stoa_conv_squash(args),
        .runs = runs,
        .run = depth / runs,
        .offsets = offsets,
        .x_pixel = shape->stride[1] * x_pixel,
        .y_pixel = args->y_stride,
        .x_row = shape->stride[0] * x_row,
        .y_row = shape->OW * args->y_stride,
    };
    size_t pixel = (image * shape->OH + first) * shape->OW;
    size_t row_floats = shape->OW * stoa_size_min(conv->tiling.panel, args->y_stride);
    size_t some = stoa_size_max(CHUNK_FLOATS / stoa_size_max(row_floats, 1), 1);
    for (size_t i = 0; i < rows; i += some)
        run_panels(job, &direct, pixel + i * shape->OW, stoa_size_min(some, rows - i), x + i * direct.x_row);
}

static void direct_run(const struct conv *conv, const struct conv_args *args)
{
    struct job job = {.conv = conv, .args = args};
    job.tasks = stoa_size_ceil_div(conv->shape.OH, conv->tiling.rows);
    stoa_pool_run(args->pool, conv->shape.N * job.tasks, run_task, &job);
}

/* Nanoseconds, measured like those of products: a vector of sums times a float of x, where one or several such vectors
 * share it; the end of a vector of sums, and of one that is not full; the beginning of a block. */
#define SINGLE_COST 0.25
#define SHARED_COST 0.182
#define STORE_COST 1.0
#define PART_COST 3.0
#define BLOCK_COST 12.0
/* Without wide registers a vector is two or four; half of one counts for itself. */
#define NARROW_COST 0.32

/* A vector of weights from where a panel of so many floats lies, which a block of few pixels waits for. */
static double weight_cost(double floats)
{
    return floats < 10e3 ? 0.2 : floats < 50e3 ? 0.75 : floats < 100e3 ? 1.2 : 1.7;
}

static double block_cost(size_t pixels, size_t vectors, double depth, double product, double weight)
{
    /* Eight registers of sums hide the latency of their additions. */
    double sums = (double)stoa_size_max(pixels * vectors, stoa_has_wide_registers() ? 8 : 4) * product,
           loads = (double)vectors * weight;
    return depth * (sums > loads ? sums : loads) + (double)(pixels * vectors) * STORE_COST + BLOCK_COST;
}

/* A row of pixels of one panel, cut as stoa_direct_rows does. */
static double row_cost(size_t count, size_t vectors, double depth, double product)
{
    size_t most = stoa_direct_block(vectors), limit, done = 0;
    double weight = weight_cost(depth * (double)(vectors * DIRECT_LANES)), cost = 0;
    if (count == 0)
        return 0;
    limit = stoa_size_round_up(stoa_size_ceil_div(count, stoa_size_ceil_div(count, most)), 2);
    if (count > limit) {
        size_t blocks = count / limit;
        cost = (double)blocks * block_cost(limit, vectors, depth, product, weight);
        done = blocks * limit;
    }
    for (size_t part = limit; part && done<count; part = part> 2 ? part - 2 : part - 1)
        while (done < count && count >= part && count - done > (part > 2 ? part - 2 : part - 1)) {
            cost += block_cost(part, vectors, depth, product, weight);
            done += part;
        }
    return cost;
}

static double direct_cost(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    size_t out_channels = shape->OC / shape->groups;
    size_t lanes = stoa_has_wide_registers() ? DIRECT_LANES : DIRECT_LANES / 2;
    double row = 0, depth = (double)stoa_conv_depth(shape),
           rows = (double)(shape->N * shape->groups) * (double)shape->OH;
    for (size_t first = 0; first < out_channels; first += conv->tiling.panel) {
        size_t vectors = stoa_size_ceil_div(panel_width(conv, first), DIRECT_LANES);
        double product = vectors > 1 ? SHARED_COST : SINGLE_COST;
        if (!stoa_has_wide_registers())
            product = panel_width(conv, first) > lanes ? NARROW_COST : NARROW_COST / 2;
        row += row_cost(shape->OW, vectors, depth, product);
    }
    return rows * (row + (out_channels % lanes ? PART_COST * (double)shape->OW : 0));
}

const struct lowering stoa_lowering_direct = {
    .id = STOA_LOWERING_DIRECT,
    .name = "direct",
    .plan = direct_plan,
    .cost = direct_cost,
    .packed_count = direct_packed_count,
    .pack = direct_pack,
    .run = direct_run,
};
