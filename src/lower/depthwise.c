/* Depthwise layers directly: one product a channel would be of 1 x 1 matrices, which no BLAS makes fast, so a kernel
 * runs over the channels of each pixel instead. Channels-last, they lie side by side. */
#include <stdio.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/depthwise.h"
#include "lower/lowering.h"

static enum stoa_status depthwise_plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    if (shape->groups != shape->C || shape->OC != shape->C)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "%zu groups of %zu to %zu channels are not one channel each",
                         shape->groups, shape->C / shape->groups, shape->OC / shape->groups);
    snprintf(conv->text, sizeof conv->text, "depthwise %zux%zu", shape->kernel[0], shape->kernel[1]);
    return STOA_OK;
}

/* rows[count][1][kh][kw] -> packed[kh*kw][first ... of C] */
static void depthwise_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    size_t C = conv->shape.C, taps = conv->shape.kernel[0] * conv->shape.kernel[1];
    for (size_t t = 0; t < taps; t++)
        for (size_t c = 0; c < count; c++)
            packed[t * C + first + c] = rows[c * taps + t];
}

struct job {
    const struct conv *conv;
    const struct conv_args *args;
};

/* One output row of one image. */
static void run_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    const struct conv_shape *shape = &job->conv->shape;
    size_t image = task / shape->OH, oy = task % shape->OH, first = 0, end = shape->kernel[0];
    while (first < end && oy * shape->stride[0] + first * shape->dilation[0] < shape->pad[0])
        first++;
    while (end > first && oy * shape->stride[0] + (end - 1) * shape->dilation[0] >= shape->pad[0] + shape->H)
        end--;
    struct depthwise row = {
        .C = shape->C,
        .W = shape->W,
        .OW = shape->OW,
        .rows = end - first,
        .columns = shape->kernel[1],
        .x_pixel = job->args->x_stride,
        .y_pixel = job->args->y_stride,
        .row_step = shape->dilation[0] * shape->W * job->args->x_stride,
        .stride = shape->stride[1],
        .dilation = shape->dilation[1],
        .pad = shape->pad[1],
    };
    const float *x = job->args->x + image * shape->H * shape->W * job->args->x_stride;
    if (end > first)
        x += (oy * shape->stride[0] + first * shape->dilation[0] - shape->pad[0]) * shape->W * job->args->x_stride;
    float *y = job->args->y + task * shape->OW * job->args->y_stride;
    stoa_depthwise_row(&row, x, job->args->packed + first * shape->kernel[1] * shape->C, job->args->bias, y);
    struct epilogue epilogue = stoa_conv_epilogue(job->args, task * shape->OW, 0);
    epilogue.bias = NULL;
    stoa_epilogue_rows(shape->OW, shape->C, &epilogue, y, job->args->y_stride);
}

static void depthwise_run(const struct conv *conv, const struct conv_args *args)
{
    struct job job = {.conv = conv, .args = args};
    stoa_pool_run(args->pool, conv->shape.N * conv->shape.OH, run_row, &job);
}

/* Nanoseconds for a vector of 16 channels times one tap, and for a single channel: measured like those of products. */
#define VECTOR_COST 0.45
#define CHANNEL_COST 0.5

static double depthwise_cost(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    double taps = (double)(shape->N * shape->OH * shape->OW) * (double)(shape->kernel[0] * shape->kernel[1]);
    return taps * ((double)(shape->C / 16) * VECTOR_COST + (double)(shape->C % 16) * CHANNEL_COST);
}

const struct lowering stoa_lowering_depthwise = {
    .id = STOA_LOWERING_DEPTHWISE,
    .name = "depthwise",
    .plan = depthwise_plan,
    .cost = depthwise_cost,
    .pack = depthwise_pack,
    .run = depthwise_run,
};
