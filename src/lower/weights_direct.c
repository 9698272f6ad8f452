/* The weights' gradient by sums in registers (kernels/filter_gradient.h): of shallow images, where columns would cost
 * more than their thin products, and of depthwise convolutions, which have no products at all. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/filter_gradient.h"
#include "kernels/matrix.h"
#include "lower/weights_lowering.h"

#define LANES FILTER_GRADIENT_LANES
/* Of the columns and of dy of a step, each: they stay in the L1 cache, if a row does. */
#define STEP_BYTES (16 * 1024)
#define SCRATCH_CAP ((size_t)256 << 20)

/* Columns that the pixels of an output row see. */
static size_t columns_of(const struct conv_shape *shape)
{
    return (shape->OW - 1) * shape->stride[1] + shape->kernel[1];
}

/* How the scratch is laid out, in floats, for tasks of so many input and output channels. */
struct layout {
    size_t columns, dy, sums, all; /* columns come first; the others' places */
};

static size_t rounded(size_t floats)
{
    return stoa_size_round_up(floats, LANES);
}

static struct layout layout_of(const struct conv_shape *shape, size_t rows, size_t in, size_t out, size_t taps)
{
    struct layout layout = {.columns = rows * columns_of(shape) * shape->kernel[0] * in};
    layout.dy = rounded(layout.columns + FILTER_GRADIENT_EXCESS * stoa_size_min(in, LANES) + LANES + IM2COL_EXCESS);
    layout.sums = layout.dy + rows * shape->OW * rounded(out);
    layout.all = layout.sums + (taps + FILTER_GRADIENT_EXCESS) * rounded(out);
    return layout;
}

/* The tiling of tasks of so many input and output channels of all, with so many taps. */
static enum stoa_status plan(struct weights_gradient *gradient, size_t in, size_t out, size_t taps,
                             struct stoa_error *error)
{
    const struct conv_shape *shape = &gradient->shape;
    struct weights_tiling *tiling = &gradient->tiling;
    size_t floats, dy;
    if (shape->dilation[1] != 1 && shape->kernel[1] != 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "dilation[1] is %zu, not 1", shape->dilation[1]);
    if (!stoa_size_mul(columns_of(shape), shape->kernel[0] * in, &floats) ||
        !stoa_size_mul(shape->OW, rounded(out), &dy) || floats > SCRATCH_CAP || dy > SCRATCH_CAP ||
        taps * rounded(out) > SCRATCH_CAP)
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu columns of a row are more than the %zu MiB they may be",
                         columns_of(shape), SCRATCH_CAP >> 20);
    tiling->units = shape->N * shape->OH;
    tiling->step = stoa_size_min(stoa_size_max(STEP_BYTES / sizeof(float) / stoa_size_max(floats, dy), 1), shape->OH);
    gradient->scratch = layout_of(shape, tiling->step, in, out, taps).all * sizeof(float);
    return STOA_OK;
}

static enum stoa_status direct_plan(struct weights_gradient *gradient, struct stoa_error *error)
{
    const struct conv_shape *shape = &gradient->shape;
    struct weights_tiling *tiling = &gradient->tiling;
    if (shape->groups != 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "group is %zu, not 1", shape->groups);
    tiling->groups = 1;
    tiling->slice = shape->C;
    tiling->panel = stoa_size_part(shape->OC, 4 * LANES, LANES);
    snprintf(gradient->text, sizeof gradient->text, "direct %zux%zux%zu", shape->kernel[0], shape->kernel[1], shape->C);
    return plan(gradient, shape->C, tiling->panel, stoa_conv_taps(shape) * shape->C, error);
}

static enum stoa_status depthwise_plan(struct weights_gradient *gradient, struct stoa_error *error)
{
    const struct conv_shape *shape = &gradient->shape;
    struct weights_tiling *tiling = &gradient->tiling;
    if (shape->C != shape->groups || shape->OC != shape->groups)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "%zu groups of %zu to %zu channels are not one channel each",
                         shape->groups, shape->C / shape->groups, shape->OC / shape->groups);
    tiling->groups = LANES;
    tiling->slice = tiling->panel = 1;
    snprintf(gradient->text, sizeof gradient->text, "depthwise %zux%zu", shape->kernel[0], shape->kernel[1]);
    return plan(gradient, LANES, LANES, stoa_conv_taps(shape), error);
}

/* dy of some rows as the kernels may read it: where whole vectors of the last pixel would reach beyond the images, a
 * copy of them. */
static const float *gradient_rows(const struct conv_shape *shape, const struct weights_gradient_args *args, size_t row,
                                  size_t rows, size_t channel, size_t channels, float *copy, struct filter_gradient *f)
{
    size_t last = shape->N * shape->OH * shape->OW, end = (row + rows) * shape->OW;
    const float *dy = args->dy + row * shape->OW * args->dy_stride + channel;
    f->y_pixel = args->dy_stride;
    f->y_row = shape->OW * f->y_pixel;
    if ((last - end) * args->dy_stride + shape->OC >= channel + rounded(channels))
        return dy;
    f->y_pixel = rounded(channels);
    f->y_row = shape->OW * f->y_pixel;
    for (size_t i = 0; i < rows * shape->OW; i++) {
        memcpy(copy + i * f->y_pixel, dy + i * args->dy_stride, channels * sizeof *copy);
        memset(copy + i * f->y_pixel + channels, 0, (f->y_pixel - channels) * sizeof *copy);
    }
    return copy;
}

/* sums[taps][out] over all rows of the task, from `in` channels of x on. */
static void sum_rows(const struct weights_gradient *gradient, const struct weights_gradient_args *args,
                     const struct weights_task *task, size_t in, const struct layout *layout, float *sums)
{
    const struct conv_shape *shape = &gradient->shape;
    bool depthwise = shape->groups > 1;
    float *columns = task->scratch;
    struct im2col_window window = {
        .H = shape->H,
        .W = shape->W,
        .channels = in,
        .pixel_stride = args->x_stride,
        .OW = columns_of(shape),
        .kernel = {shape->kernel[0], 1},
        .stride = {shape->stride[0], 1},
        .dilation = {shape->dilation[0], 1},
        .pad = {shape->pad[0], shape->pad[1]},
    };
    struct filter_gradient f = {
        .pixels = shape->OW,
        .taps = depthwise ? stoa_conv_taps(shape) : stoa_conv_taps(shape) * in,
        .x_row = window.OW * shape->kernel[0] * in,
        .x_step = shape->stride[1] * shape->kernel[0] * in,
        .x_tap = in,
    };
    memset(columns + layout->columns, 0, (layout->dy - layout->columns) * sizeof *columns);
    for (size_t row = task->first; row < task->end; row += f.rows) {
        size_t image = row / shape->OH, oy = row % shape->OH;
        f.rows = stoa_size_min(stoa_size_min(gradient->tiling.step, shape->OH - oy), task->end - row);
        stoa_filter_columns(&window, args->x + image * shape->H * shape->W * args->x_stride + task->in, oy, f.rows,
                            columns);
        const float *dy = gradient_rows(shape, args, row, f.rows, task->out, task->out_count, columns + layout->dy, &f);
        if (depthwise)
            stoa_filter_gradient_depthwise(&f, columns, dy, sums);
        else
            stoa_filter_gradient(&f, task->out_count, columns, dy, sums);
        if (task->bias)
            stoa_matrix_add_rows(f.rows * shape->OW, task->out_count, dy, f.y_pixel, task->bias);
    }
}

/* The sums' taps are in the order [kw][kh][in], the task's in that of [kh][kw][in]. */
static void direct_run(const struct weights_gradient *gradient, const struct weights_gradient_args *args,
                       const struct weights_task *task)
{
    const struct conv_shape *shape = &gradient->shape;
    const struct weights_tiling *tiling = &gradient->tiling;
    bool depthwise = shape->groups > 1;
    size_t channels = depthwise ? task->groups : task->in_count, each = depthwise ? 1 : channels;
    size_t taps = stoa_conv_taps(shape) * each, kh = shape->kernel[0], kw = shape->kernel[1];
    struct layout layout =
        layout_of(shape, tiling->step, depthwise ? LANES : tiling->slice, depthwise ? LANES : tiling->panel, taps);
    float *sums = (float *)task->scratch + layout.sums;
    size_t width = rounded(task->out_count);
    memset(sums, 0, (taps + FILTER_GRADIENT_EXCESS) * width * sizeof *sums);
    sum_rows(gradient, args, task, channels, &layout, sums);
    for (size_t o = 0; o < task->out_count; o++)
        for (size_t r = 0; r < kh; r++)
            for (size_t s = 0; s < kw; s++)
                for (size_t c = 0; c < each; c++)
                    task->sums[o * tiling->row + (r * kw + s) * each + c] = sums[((s * kh + r) * each + c) * width + o];
}

/* Nanoseconds for a product of vectors, which come 3 to 25 at a time; for a float of the columns, and for what is
 * loaded and stored beside them at each pixel. */
#define VECTOR_COST 0.27
#define COPY_COST 0.1
#define RUN_COST 0.8
#define PIXEL_COST 1.0

static double cost_of(const struct weights_gradient *gradient, double tasks, double in, double vectors, double taps)
{
    const struct conv_shape *shape = &gradient->shape;
    double columns = (double)(columns_of(shape) * shape->kernel[0]) * (in * COPY_COST + RUN_COST);
    double sums = (double)shape->OW * (vectors * taps * VECTOR_COST + PIXEL_COST);
    return tasks * (double)gradient->tiling.units * (columns + sums);
}

static double direct_cost(const struct weights_gradient *gradient)
{
    const struct conv_shape *shape = &gradient->shape;
    double vectors = (double)stoa_size_ceil_div(gradient->tiling.panel, LANES), in = (double)shape->C;
    return cost_of(gradient, (double)stoa_size_ceil_div(shape->OC, gradient->tiling.panel), in, vectors,
                   (double)stoa_conv_taps(shape) * in);
}

static double depthwise_cost(const struct weights_gradient *gradient)
{
    const struct conv_shape *shape = &gradient->shape;
    return cost_of(gradient, (double)stoa_size_ceil_div(shape->groups, LANES), LANES, 2, (double)stoa_conv_taps(shape));
}

const struct weights_lowering stoa_weights_direct = {
    .id = STOA_LOWERING_DIRECT,
    .plan = direct_plan,
    .cost = direct_cost,
    .run = direct_run,
};

const struct weights_lowering stoa_weights_depthwise = {
    .id = STOA_LOWERING_DEPTHWISE,
    .plan = depthwise_plan,
    .cost = depthwise_cost,
    .run = direct_run,
};
