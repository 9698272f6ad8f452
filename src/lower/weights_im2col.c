/* The weights' gradient through columns: a tile of them (im2col.c), pixels by taps, times the same pixels of dy, both
 * transposed as products go: dw[OC][kh*kw*C] += dY[pixels][OC]^T * col[pixels][kh*kw*C]. Each weight gets its products
 * of all pixels of a tile at once, so that tiles should be long; they go on from one image to the next. Columns are
 * filled up with zeros to whole vectors. Serves every shape. */
#include <stdio.h>

#include "base/size.h"
#include "base/status.h"
#include "gemm/gemm.h"
#include "kernels/im2col.h"
#include "kernels/matrix.h"
#include "lower/weights_lowering.h"

#define TILE_BYTES (192 * 1024)
#define TILE_CAP ((size_t)256 << 20)
/* Pixels of a product where it is not packed, of large ones; and of any. */
#define SMALL_PIXELS 240
#define MOST_PIXELS 1024
/* Taps times input channels of a task's columns. */
#define SLICE_DEPTH 640

/* Whether the image is its own columns. */
static bool is_plain(const struct conv_shape *shape)
{
    return shape->kernel[0] * shape->kernel[1] == 1 && shape->stride[0] == 1 && shape->stride[1] == 1 &&
           shape->OH == shape->H && shape->OW == shape->W && !(shape->pad[0] | shape->pad[1]);
}

/* Floats of a pixel's column. */
static size_t width_of(const struct conv_shape *shape, size_t channels)
{
    size_t depth = shape->kernel[0] * shape->kernel[1] * channels;
    return is_plain(shape) ? depth : stoa_size_round_up(depth, WEIGHTS_LANES);
}

static enum stoa_status im2col_plan(struct weights_gradient *gradient, struct stoa_error *error)
{
    const struct conv_shape *shape = &gradient->shape;
    struct weights_tiling *tiling = &gradient->tiling;
    size_t taps = shape->kernel[0] * shape->kernel[1], channels = shape->C / shape->groups;
    size_t most = is_plain(shape) ? SLICE_DEPTH / 2 : stoa_size_round_up(SLICE_DEPTH / taps + 1, WEIGHTS_LANES), floats;
    tiling->groups = 1;
    tiling->slice = stoa_size_part(channels, most, WEIGHTS_LANES);
    tiling->panel = shape->OC / shape->groups;
    tiling->units = shape->N * shape->OH * shape->OW;
    size_t width = width_of(shape, tiling->slice);
    size_t pixels = stoa_size_max(TILE_BYTES / sizeof(float) / width / 4 * 4, 16);
    size_t least = stoa_gemm_small_limit() ? SMALL_PIXELS : MOST_PIXELS;
    size_t small = stoa_gemm_small_limit() / (stoa_size_min(tiling->panel, 64) * stoa_size_min(width, 64));
    tiling->step = stoa_size_min(pixels, stoa_size_max(least, stoa_size_min(small / 4 * 4, MOST_PIXELS)));
    if (!stoa_size_mul(width, tiling->step, &floats) || (floats += IM2COL_EXCESS) > TILE_CAP / sizeof(float))
        return stoa_fail(error, STOA_ERROR_LIMIT,
                         "im2col: a tile of %zu x %zu columns is more than the %zu MiB it may be", tiling->step, width,
                         TILE_CAP >> 20);
    gradient->scratch = is_plain(shape) ? 0 : floats * sizeof(float);
    size_t m = tiling->panel, n = width;
    stoa_weights_products(tiling->step, &m, &n);
    snprintf(gradient->text, sizeof gradient->text, "im2col %zux%zux%zu", m, n, tiling->step);
    return STOA_OK;
}

/* col[count][width] <- pixels [first, first + count), counted through all images. */
static void columns(const struct conv_shape *shape, const struct weights_gradient_args *args,
                    const struct weights_task *task, size_t width, size_t first, size_t count, float *col)
{
    size_t pixels = shape->OH * shape->OW;
    struct im2col_window window = {
        .H = shape->H,
        .W = shape->W,
        .channels = task->in_count,
        .pixel_stride = args->x_stride,
        .OW = shape->OW,
        .kernel = {shape->kernel[0], shape->kernel[1]},
        .stride = {shape->stride[0], shape->stride[1]},
        .dilation = {shape->dilation[0], shape->dilation[1]},
        .pad = {shape->pad[0], shape->pad[1]},
        .tail = width - shape->kernel[0] * shape->kernel[1] * task->in_count,
    };
    for (size_t done = 0, part; done < count; done += part) {
        size_t image = (first + done) / pixels, pixel = (first + done) % pixels;
        part = stoa_size_min(pixels - pixel, count - done);
        stoa_im2col_rows(&window, args->x + image * shape->H * shape->W * args->x_stride + task->in, pixel, part,
                         col + done * width);
    }
}

static void im2col_run(const struct weights_gradient *gradient, const struct weights_gradient_args *args,
                       const struct weights_task *task)
{
    const struct conv_shape *shape = &gradient->shape;
    size_t width = width_of(shape, task->in_count);
    size_t part = stoa_size_part(task->end - task->first, gradient->tiling.step, 4);
    for (size_t first = task->first; first < task->end; first += part) {
        size_t count = stoa_size_min(part, task->end - first), ld = width;
        const float *dy = args->dy + first * args->dy_stride + task->out, *col = task->scratch;
        stoa_matrix_fetch(count, task->out_count, dy, args->dy_stride);
        if (is_plain(shape)) {
            stoa_matrix_fetch(count, width, args->x + first * args->x_stride + task->in, args->x_stride);
            col = args->x + first * args->x_stride + task->in;
            ld = args->x_stride;
        } else {
            columns(shape, args, task, width, first, count, task->scratch);
        }
        stoa_weights_multiply(task->out_count, width, count, dy, args->dy_stride, col, ld, first > task->first,
                              task->sums, gradient->tiling.row);
        if (task->bias)
            stoa_matrix_add_rows(count, task->out_count, dy, args->dy_stride, task->bias);
    }
}

/* Nanoseconds that a column element and a run of them cost beyond their product, as those of im2col.c. */
#define COPY_COST 0.1
#define RUN_COST 2

static double im2col_cost(const struct weights_gradient *gradient)
{
    const struct conv_shape *shape = &gradient->shape;
    const struct weights_tiling *tiling = &gradient->tiling;
    size_t width = width_of(shape, tiling->slice), kernel = shape->kernel[0] * shape->kernel[1];
    size_t slices = stoa_size_ceil_div(shape->C / shape->groups, tiling->slice);
    bool rows = shape->groups * slices == 1 && shape->dilation[1] == 1;
    double copies = (double)width * COPY_COST + (double)(rows ? shape->kernel[0] : kernel) * RUN_COST;
    double pixels = (double)tiling->units, products = pixels / (double)tiling->step;
    return (double)(shape->groups * slices) *
           ((is_plain(shape) ? 0 : pixels * copies) +
            products * stoa_weights_multiply_cost(tiling->panel, width, tiling->step));
}

const struct weights_lowering stoa_weights_im2col = {
    .id = STOA_LOWERING_IM2COL,
    .plan = im2col_plan,
    .cost = im2col_cost,
    .run = im2col_run,
};
