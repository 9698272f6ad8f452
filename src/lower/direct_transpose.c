/* Transposed convolution of few output channels directly: the data gradient of shallow layers. As products they are
 * thin in one way or another: by taps n is a few channels, turned round and as a convolution it is, too, and filling
 * columns for one product of n = kh*kw*OC costs more than it does. Here each pixel's sums go from registers to the rows
 * of y that they belong to. Measured on LeNet-5's second layer (16 to 6 channels, 5x5, 10x10 to 14x14, 64 images) on
 * one AVX-512 core: Winograd's transforms, the best of the others, 640 us, this 290 us.
 *
 * y is summed in rows of scratch with room for what pads crop, so that no tap is special. */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/vector.h"
#include "kernels/direct_transpose.h"
#include "lower/lowering.h"

#define LANES DIRECT_TRANSPOSE_LANES
/* Larger weights are refused: out of the L2 cache, products do better. */
#define WEIGHT_FLOATS (64 * 1024)
/* Sums of a task: few enough for the caches. */
#define TASK_FLOATS 16384
#define SCRATCH_CAP ((size_t)256 << 20)

static size_t width_of(const struct conv_shape *shape)
{
    return stoa_size_round_up(shape->kernel[1] * shape->OC, LANES);
}

static size_t reach(const struct conv_shape *shape, size_t axis)
{
    return (shape->kernel[axis] - 1) * shape->dilation[axis] + 1;
}

/* Columns of a row of sums: pads included, and whatever of y is beyond the kernel's reach. */
static size_t columns_of(const struct conv_shape *shape)
{
    return stoa_size_max((shape->W - 1) * shape->stride[1] + reach(shape, 1), shape->pad[1] + shape->OW);
}

/* Rows of sums for so many rows of y: those that a row of x at either end may reach beyond them. */
static size_t rows_of(const struct conv_shape *shape, size_t rows)
{
    return rows + 2 * (reach(shape, 0) - 1);
}

static enum stoa_status plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    size_t row, floats, weights;
    if (shape->groups != 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "direct: %zu groups, not one", shape->groups);
    if (shape->dilation[1] != 1 && shape->kernel[1] != 1)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "direct: dilation[1] is %zu, not 1", shape->dilation[1]);
    if (shape->OC > DIRECT_TRANSPOSE_WIDEST / shape->kernel[1])
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "direct: %zu channels times %zu taps are more than %d",
                         shape->OC, shape->kernel[1], DIRECT_TRANSPOSE_WIDEST);
    if (!stoa_size_mul(width_of(shape) * shape->kernel[0], shape->C, &weights) || weights > WEIGHT_FLOATS)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "direct: weights are more than the %d KiB they may be",
                         WEIGHT_FLOATS / 256);
    if (!stoa_size_mul(columns_of(shape), shape->OC, &row) || row > SCRATCH_CAP)
        return stoa_fail(error, STOA_ERROR_LIMIT, "direct: a row of sums is too large");
    struct conv_tiling *tiling = &conv->tiling;
    tiling->rows = stoa_size_max(shape->OH, 1);
    while (tiling->rows > 1 && rows_of(shape, tiling->rows) > TASK_FLOATS / row)
        tiling->rows = (tiling->rows + 1) / 2;
    if (!stoa_size_mul(rows_of(shape, tiling->rows), row, &floats) || floats > SCRATCH_CAP)
        return stoa_fail(error, STOA_ERROR_LIMIT, "direct: the rows of a task are more than %zu MiB",
                         SCRATCH_CAP >> 18);
    /* Whole vectors are written. */
    conv->scratch = (floats + LANES) * sizeof(float);
    snprintf(conv->text, sizeof conv->text, "direct %zux%zux%zu", shape->W, shape->kernel[1] * shape->OC, shape->C);
    return STOA_OK;
}

static size_t packed_count(const struct conv *conv)
{
    return width_of(&conv->shape) * conv->shape.kernel[0] * conv->shape.C;
}

/* packed[C][kh][width] <- rows[count][OC][kh][kw] of so many input channels; width: kw*OC, and zeros up to a whole
 * vector. */
static void pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t width = width_of(shape), kh = shape->kernel[0], kw = shape->kernel[1];
    packed += first * kh * width;
    for (size_t i = 0; i < count; i++, rows += shape->OC * kh * kw)
        for (size_t r = 0; r < kh; r++, packed += width) {
            for (size_t s = 0; s < kw; s++)
                for (size_t o = 0; o < shape->OC; o++)
                    packed[s * shape->OC + o] = rows[(o * kh + r) * kw + s];
            memset(packed + kw * shape->OC, 0, (width - kw * shape->OC) * sizeof *packed);
        }
}

struct job {
    const struct conv *conv;
    const struct conv_args *args;
    size_t tasks; /* of an image */
};

/* y[rows][OW][OC] <- the sums, from row `first` of the image on, a row at a time while it is in the cache */
static void finish(const struct job *job, size_t image, size_t first, size_t rows, const float *sums)
{
    const struct conv_shape *shape = &job->conv->shape;
    const struct conv_args *args = job->args;
    size_t OC = shape->OC, row = columns_of(shape) * OC;
    for (size_t i = 0; i < rows; i++, sums += row) {
        size_t pixel = (image * shape->OH + first + i) * shape->OW;
        float *y = args->y + pixel * args->y_stride;
        const float *from = sums + shape->pad[1] * OC;
        if (args->y_stride == OC)
            memcpy(y, from, shape->OW * OC * sizeof *y);
        else
            for (size_t j = 0; j < shape->OW; j++)
                memcpy(y + j * args->y_stride, from + j * OC, OC * sizeof *y);
        struct epilogue epilogue = stoa_conv_epilogue(args, pixel, 0);
        stoa_epilogue_rows(shape->OW, OC, &epilogue, y, args->y_stride);
    }
}

/* Row oy of y gets from row iy of x what tap t gives where oy + pad = iy*stride + t*dilation: of the rows of x those
 * whose reach touches the task's are taken whole, whatever falls beside them. */
static void run_task(void *context, size_t task, size_t worker)
{
    const struct job *job = context;
    const struct conv *conv = job->conv;
    const struct conv_shape *shape = &conv->shape;
    const struct conv_args *args = job->args;
    size_t image = task / job->tasks, first = task % job->tasks * conv->tiling.rows;
    size_t rows = stoa_size_min(conv->tiling.rows, shape->OH - first), margin = reach(shape, 0) - 1;
    size_t row = columns_of(shape) * shape->OC, stride = shape->stride[0];
    float *sums = (void *)((char *)args->worker_base + worker * args->worker_stride);
    memset(sums, 0, (rows_of(shape, rows) * row + LANES) * sizeof *sums);
    const struct direct_transpose direct = {
        .depth = shape->C,
        .taps = shape->kernel[0],
        .width = shape->kernel[1] * shape->OC,
        .x_pixel = args->x_stride,
        .y_pixel = shape->stride[1] * shape->OC,
        .y_tap = shape->dilation[0] * row,
    };
    size_t begin = first + shape->pad[0], end = begin + rows; /* of y with its pads */
    for (size_t iy = begin > margin ? stoa_size_ceil_div(begin - margin, stride) : 0;
         iy < shape->H && iy * stride < end; iy++)
        stoa_direct_transpose_row(&direct, shape->W, args->x + (image * shape->H + iy) * shape->W * args->x_stride,
                                  args->packed, sums + (iy * stride + margin - begin) * row);
    finish(job, image, first, rows, sums + margin * row);
}

static void run(const struct conv *conv, const struct conv_args *args)
{
    struct job job = {.conv = conv, .args = args};
    job.tasks = stoa_size_ceil_div(conv->shape.OH, conv->tiling.rows);
    stoa_pool_run(args->pool, conv->shape.N * job.tasks, run_task, &job);
}

/* Nanoseconds, measured: a vector of sums times a channel of x; a vector added to y; a pixel; a float of sums cleared
 * and copied. */
#define SHARED_COST 0.19
#define ADD_COST 1.0
#define PIXEL_COST 5.0
#define COPY_COST 0.15

static double cost(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    double vectors = (double)(width_of(shape) / LANES * shape->kernel[0]), depth = (double)shape->C;
    double tasks = (double)stoa_size_ceil_div(shape->OH, stoa_size_max(conv->tiling.rows, 1));
    double rows = (double)shape->H + tasks * (double)(reach(shape, 0) - 1) / (double)shape->stride[0];
    /* Eight sums hide the latency of their additions. */
    double pixel = (vectors > 8 ? vectors : 8) * depth * SHARED_COST + vectors * ADD_COST + PIXEL_COST;
    double sums = (double)columns_of(shape) * (double)shape->OC * COPY_COST *
                  ((double)shape->OH + 2 * tasks * (double)(reach(shape, 0) - 1));
    return (double)shape->N * (rows * (double)shape->W * (stoa_has_wide_registers() ? 1 : 2) * pixel + sums);
}

const struct lowering stoa_lowering_direct_transpose = {
    .id = STOA_LOWERING_DIRECT,
    .name = "direct",
    .plan = plan,
    .cost = cost,
    .packed_count = packed_count,
    .pack = pack,
    .run = run,
    .transpose = true,
};
