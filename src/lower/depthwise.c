/* Groups of few channels directly: one product a group would be of matrices a few floats wide, which no BLAS makes
 * fast, so a kernel runs over the channels of each pixel instead. Channels-last, they lie side by side.
 *
 * Transposed, with strides, the outputs of one phase (every stride-th row and column) see the same taps, each at the
 * next input pixel: so a phase is a convolution at stride 1 with some of the taps, whose outputs lie apart. */
#include <stdio.h>

#include "base/cache.h"
#include "base/size.h"
#include "base/status.h"
#include "base/vector.h"
#include "kernels/depthwise.h"
#include "lower/lowering.h"

/* Floats of an image's rows that a filter sees, and that are not to be read again for the next row: on AVX-512 they
 * stay in the L1 cache, on a Zen 3 core slices of 64 of 96 channels take 1.6 times as long as all of them, from the L2
 * cache.
 */
static size_t rows_floats(void)
{
    return stoa_has_wide_registers() ? 8192 : stoa_cache_bytes() / (2 * sizeof(float));
}

/* Multiply-adds of a task. */
#define TASK_MACS 250000

static enum stoa_status depthwise_plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    size_t groups = shape->groups, in = shape->C / groups, out = shape->OC / groups;
    if (!stoa_depthwise_takes(groups, in, out))
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED,
                         "%zu groups of %zu to %zu channels are neither one channel each nor fill vectors of %d",
                         groups, in, out, DEPTHWISE_LANES);
    /* Slices of whole vectors, of the channels that have one each; the last is what is left, at least a whole one. */
    size_t slice = rows_floats() / (shape->kernel[0] * shape->W) / (2 * DEPTHWISE_LANES) * (2 * DEPTHWISE_LANES);
    slice = in == out ? stoa_size_max(slice, 4 * DEPTHWISE_LANES) : shape->OC;
    conv->tiling.panel = stoa_size_min(slice, shape->OC);
    size_t row_macs = shape->OW * conv->tiling.panel * in * shape->kernel[0] * shape->kernel[1];
    size_t tasks = stoa_size_ceil_div(shape->OH, stoa_size_max(TASK_MACS / stoa_size_max(row_macs, 1), 1));
    tasks = stoa_conv_even_parts(tasks, shape->N * (shape->OC / conv->tiling.panel));
    conv->tiling.rows = stoa_size_part(shape->OH, stoa_size_max(stoa_size_ceil_div(shape->OH, tasks), 1), 1);
    snprintf(conv->text, sizeof conv->text, "depthwise %zux%zu", shape->kernel[0], shape->kernel[1]);
    return STOA_OK;
}

/* rows[count][in][kh][kw] -> packed[kh*kw][in][first ... of OC] */
static void depthwise_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    size_t OC = conv->shape.OC, in = conv->shape.C / conv->shape.groups;
    size_t taps = conv->shape.kernel[0] * conv->shape.kernel[1];
    for (size_t t = 0; t < taps; t++)
        for (size_t j = 0; j < in; j++)
            for (size_t o = 0; o < count; o++)
                packed[(t * in + j) * OC + first + o] = rows[(o * in + j) * taps + t];
}

struct job {
    const struct conv *conv;
    const struct conv_args *args;
    size_t slices, blocks; /* of channels, and of an image's rows */
    size_t ahead;          /* rows to ask the caches for while one is computed */
    /* Computes rows of one image from oy on, at most up to oy_end, and returns how many. */
    size_t (*run_rows)(const struct job *job, size_t image, size_t oy, size_t oy_end, size_t channel,
                       size_t channel_end);
};

/* All that is left to do to a row. */
static void finish_row(const struct job *job, size_t pixel, size_t channel, size_t channel_end, float *y)
{
    const struct conv_args *args = job->args;
    struct epilogue epilogue = stoa_conv_epilogue(args, pixel, channel);
    epilogue.bias = NULL;
    stoa_epilogue_rows(job->conv->shape.OW, channel_end - channel, &epilogue, y, args->y_stride);
}

/* Rows of the filter that lie inside the image for output row oy: [*first, *end). */
static void find_taps(const struct conv_shape *shape, size_t oy, size_t *first, size_t *end)
{
    for (*first = 0, *end = shape->kernel[0]; *first < *end; (*first)++)
        if (oy * shape->stride[0] + *first * shape->dilation[0] >= shape->pad[0])
            break;
    while (*end > *first && oy * shape->stride[0] + (*end - 1) * shape->dilation[0] >= shape->pad[0] + shape->H)
        (*end)--;
}

/* Output channels [channel, channel_end) of the rows that see the same rows of the filter as the first. */
static size_t run_rows(const struct job *job, size_t image, size_t oy, size_t oy_end, size_t channel,
                       size_t channel_end)
{
    const struct conv_shape *shape = &job->conv->shape;
    const struct conv_args *args = job->args;
    size_t first, end, OH = 1, pixel = (image * shape->OH + oy) * shape->OW;
    find_taps(shape, oy, &first, &end);
    for (size_t next_first, next_end; end > first && oy + OH < oy_end; OH++) {
        find_taps(shape, oy + OH, &next_first, &next_end);
        if (next_first != first || next_end != end)
            break;
    }
    size_t in = shape->C / shape->groups, out = shape->OC / shape->groups;
    struct depthwise rows = {
        .groups = (channel_end - channel) / out,
        .in = in,
        .out = out,
        .width = shape->OC,
        .W = shape->W,
        .OW = shape->OW,
        .rows = end - first,
        .columns = shape->kernel[1],
        .x_pixel = args->x_stride,
        .y_pixel = args->y_stride,
        .row_step = shape->dilation[0] * shape->W * args->x_stride,
        .OH = OH,
        .x_down = shape->stride[0] * shape->W * args->x_stride,
        .y_down = shape->OW * args->y_stride,
        .stride = shape->stride[1],
        .dilation = shape->dilation[1],
        .pad = shape->pad[1],
        .ahead = job->ahead,
        .squash = stoa_conv_squash(args),
    };
    const float *x = args->x + image * shape->H * shape->W * args->x_stride + channel / out * in;
    if (end > first)
        x += (oy * shape->stride[0] + first * shape->dilation[0] - shape->pad[0]) * shape->W * args->x_stride;
    float *y = args->y + pixel * args->y_stride + channel;
    const float *weights = args->packed + first * shape->kernel[1] * in * shape->OC + channel;
    stoa_depthwise_rows(&rows, x, weights, args->bias ? args->bias + channel : NULL, y);
    for (size_t i = 0; !rows.squash.given && i < OH; i++)
        finish_row(job, pixel + i * shape->OW, channel, channel_end, y + i * rows.y_down);
    return OH;
}

/* Some rows of one slice of one image. */
static void run_task(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    size_t slice = task % job->slices, block = task / job->slices % job->blocks,
           image = task / job->slices / job->blocks;
    size_t rows = job->conv->tiling.rows, panel = job->conv->tiling.panel;
    size_t channel_end = slice + 1 == job->slices ? job->conv->shape.OC : (slice + 1) * panel;
    size_t oy_end = stoa_size_min((block + 1) * rows, job->conv->shape.OH);
    for (size_t oy = block * rows; oy < oy_end;)
        oy += job->run_rows(job, image, oy, oy_end, slice * panel, channel_end);
}

static void run_all(const struct conv *conv, const struct conv_args *args, size_t ahead,
                    size_t (*run)(const struct job *, size_t, size_t, size_t, size_t, size_t))
{
    struct job job = {
        .conv = conv,
        .args = args,
        .slices = conv->shape.OC / conv->tiling.panel,
        .blocks = stoa_size_ceil_div(conv->shape.OH, conv->tiling.rows),
        .ahead = ahead,
        .run_rows = run,
    };
    stoa_pool_run(args->pool, conv->shape.N * job.blocks * job.slices, run_task, &job);
}

/* The rows that the next output row sees first, where images come from memory: the columns of a row follow one another,
 * but not in the order in which they are loaded, so the CPU does not foresee them. Where they come from a cache, asking
 * takes longer than waiting. */
static size_t rows_ahead(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    double floats = (double)(shape->N * shape->H) * (double)(shape->W * shape->C) +
                    (double)(shape->N * shape->OH) * (double)(shape->OW * shape->OC);
    bool whole = shape->dilation[0] == 1 && conv->tiling.panel == shape->OC;
    return whole && floats * sizeof(float) > 16 * (double)stoa_cache_bytes() ? stoa_size_min(shape->stride[0], 2) : 0;
}

static void depthwise_run(const struct conv *conv, const struct conv_args *args)
{
    run_all(conv, args, rows_ahead(conv), run_rows);
}

/* Nanoseconds for a vector of channels times one tap, the same through a shuffle, and where with narrow registers one
 * shuffle serves several taps, the start and end of a vector's sums, and a single channel times one tap: measured like
 * those of products. */
#define VECTOR_COST 0.25
#define SPREAD_COST 0.5
#define SHARED_COST 0.33
#define SUM_COST 2.0
#define CHANNEL_COST 0.5

/* For groups of several channels without wide registers. */
static double narrow_cost(const struct conv_shape *shape)
{
    bool shared = shape->C == shape->OC && shape->kernel[1] == 3 && shape->dilation[1] == 1 && shape->stride[1] <= 2;
    if (!stoa_has_avx2())
        return 16 * SPREAD_COST;
    return shared && shape->OW >= DEPTHWISE_SPAN ? SHARED_COST : 2 * SPREAD_COST;
}

static double depthwise_cost(const struct conv *conv)
{
    const struct conv_shape *shape = &conv->shape;
    double pixels = (double)(shape->N * shape->OH) * (double)shape->OW, in = (double)(shape->C / shape->groups);
    double taps = (double)(shape->kernel[0] * shape->kernel[1]) * in;
    if (shape->OC < DEPTHWISE_LANES)
        return pixels * taps * (double)shape->OC * CHANNEL_COST;
    double cost = shape->OC == shape->groups ? VECTOR_COST : SPREAD_COST;
    if (!stoa_has_wide_registers())
        cost = shape->OC == shape->groups ? 2 * VECTOR_COST : narrow_cost(shape);
    return pixels * (double)stoa_size_ceil_div(shape->OC, DEPTHWISE_LANES) * (taps * cost + SUM_COST);
}

const struct lowering stoa_lowering_depthwise = {
    .id = STOA_LOWERING_DEPTHWISE,
    .name = "depthwise",
    .plan = depthwise_plan,
    .cost = depthwise_cost,
    .pack = depthwise_pack,
    .run = depthwise_run,
};

/* The taps along one axis that outputs of one phase see: every `every`-th from `first` on. The last comes first, at the
 * lowest input; from tap to tap it is `step` inputs on. */
struct phase {
    size_t count, first, step;
    ptrdiff_t input; /* that the lowest tap of the phase's output 0 sees */
};

static size_t gcd(size_t a, size_t b)
{
    while (b) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Taps of an axis come in so many classes, those of a class a whole stride (or several) apart. */
static size_t classes_of(const struct conv_shape *shape, size_t axis)
{
    return shape->stride[axis] / gcd(shape->stride[axis], shape->dilation[axis]);
}

static size_t class_size(const struct conv_shape *shape, size_t axis, size_t class)
{
    size_t taps = shape->kernel[axis];
    return class < taps ? (taps - class - 1) / classes_of(shape, axis) + 1 : 0;
}

/* Taps of the classes before this one. */
static size_t class_start(const struct conv_shape *shape, size_t axis, size_t class)
{
    size_t start = 0;
    for (size_t i = 0; i < class; i++)
        start += class_size(shape, axis, i);
    return start;
}

/* Of output `first` and those a stride apart. Output o sees tap t at input (o + pad - t*dilation) / stride. */
static struct phase phase_of(const struct conv_shape *shape, size_t axis, size_t first)
{
    size_t classes = classes_of(shape, axis), stride = shape->stride[axis], dilation = shape->dilation[axis];
    struct phase phase = {.step = dilation * classes / stride};
    ptrdiff_t at = (ptrdiff_t)(first + shape->pad[axis]);
    while (phase.first < classes && (at - (ptrdiff_t)(phase.first * dilation)) % (ptrdiff_t)stride != 0)
        phase.first++;
    phase.count = class_size(shape, axis, phase.first);
    if (phase.first == classes || !phase.count)
        return (struct phase){.step = phase.step};
    phase.input =
        (at - (ptrdiff_t)(phase.first * dilation)) / (ptrdiff_t)stride - (ptrdiff_t)((phase.count - 1) * phase.step);
    return phase;
}

/* Where a phase's taps begin among the packed ones: those of a class of rows and a class of columns lie together. */
static size_t block_start(const struct conv_shape *shape, size_t row_class, size_t column_class)
{
    return class_start(shape, 0, row_class) * shape->kernel[1] +
           class_size(shape, 0, row_class) * class_start(shape, 1, column_class);
}

/* rows[count][out][kh][kw], each of one input channel -> packed[kh*kw][in][OC], taps by classes, in each the last
 * first. */
static void transpose_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    const struct conv_shape *shape = &conv->shape;
    size_t in = shape->C / shape->groups, out = shape->OC / shape->groups;
    for (size_t r = 0; r < shape->kernel[0]; r++)
        for (size_t s = 0; s < shape->kernel[1]; s++) {
            size_t row_class = r % classes_of(shape, 0), column_class = s % classes_of(shape, 1);
            size_t columns = class_size(shape, 1, column_class);
            size_t row = class_size(shape, 0, row_class) - 1 - r / classes_of(shape, 0);
            size_t column = columns - 1 - s / classes_of(shape, 1);
            float *to =
                packed + (block_start(shape, row_class, column_class) + row * columns + column) * in * shape->OC;
            for (size_t i = 0; i < count; i++)
                for (size_t o = 0; o < out; o++)
                    to[(first + i) % in * shape->OC + (first + i) / in * out + o] =
                        rows[((i * out + o) * shape->kernel[0] + r) * shape->kernel[1] + s];
        }
}

static size_t run_transposed_row(const struct job *job, size_t image, size_t oy, size_t oy_end, size_t channel,
                                 size_t channel_end)
{
    (void)oy_end;
    const struct conv_shape *shape = &job->conv->shape;
    const struct conv_args *args = job->args;
    size_t in = shape->C / shape->groups, out = shape->OC / shape->groups, stride = shape->stride[1];
    struct phase down = phase_of(shape, 0, oy);
    size_t first = 0, end = down.count;
    while (first < end && down.input + (ptrdiff_t)(first * down.step) < 0)
        first++;
    while (end > first && down.input + (ptrdiff_t)((end - 1) * down.step) >= (ptrdiff_t)shape->H)
        end--;
    size_t pixel = (image * shape->OH + oy) * shape->OW, row = (size_t)down.input + first * down.step;
    const float *x = args->x + image * shape->H * shape->W * args->x_stride + channel / out * in;
    float *y = args->y + pixel * args->y_stride + channel;
    for (size_t ox = 0; ox < stoa_size_min(stride, shape->OW); ox++) {
        struct phase across = phase_of(shape, 1, ox);
        /* Where pads crop, the first columns of x are not seen. */
        size_t unseen = across.input > 0 ? stoa_size_min((size_t)across.input, shape->W) : 0;
        struct depthwise phase = {
            .groups = (channel_end - channel) / out,
            .in = in,
            .out = out,
            .width = shape->OC,
            .W = shape->W - unseen,
            .OW = (shape->OW - ox - 1) / stride + 1,
            .rows = end - first,
            .columns = across.count,
            .x_pixel = args->x_stride,
            .y_pixel = stride * args->y_stride,
            .row_step = down.step * shape->W * args->x_stride,
            .OH = 1,
            .stride = 1,
            .dilation = across.step,
            .pad = across.input < 0 ? (size_t)-across.input : 0,
        };
        size_t taps = block_start(shape, down.first, across.first) + first * across.count;
        stoa_depthwise_rows(&phase, end > first ? x + (row * shape->W + unseen) * args->x_stride : x,
                            args->packed + taps * in * shape->OC + channel, args->bias ? args->bias + channel : NULL,
                            y + ox * args->y_stride);
    }
    finish_row(job, pixel, channel, channel_end, y);
    return 1;
}

static void transpose_run(const struct conv *conv, const struct conv_args *args)
{
    run_all(conv, args, 0, run_transposed_row);
}

const struct lowering stoa_lowering_depthwise_transpose = {
    .id = STOA_LOWERING_DEPTHWISE,
    .name = "depthwise",
    .plan = depthwise_plan,
    .cost = NULL,
    .pack = transpose_pack,
    .run = transpose_run,
    .transpose = true,
};
