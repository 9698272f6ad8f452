/* Planes of volumes, folded into channels of pictures and unfolded again; a task for each row of a plane. */
#include "ops/volume.h"

#include "base/size.h"
#include "kernels/depth.h"

double stoa_volume_macs(const struct volume *volume, bool transposed, double plane)
{
    return plane * (double)volume->kernel * (double)(transposed ? volume->D : volume->OD);
}

struct moving {
    const struct volume_window *window;
    size_t first, rows, pixels, channels;
    const float *from, *bias;
    float *to;
    size_t stride; /* of the volume's pixels */
};

static void fold_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct moving *moving = context;
    const struct volume_window *window = moving->window;
    const size_t picture = task / moving->rows, row = task % moving->rows, number = moving->first + picture;
    const size_t image = number / window->narrow, begin = number % window->narrow * window->stride;
    const size_t row_step = moving->pixels * moving->stride, plane = moving->rows * row_step;
    const size_t beyond = window->wide + window->pad; /* counted from the padding's edge */
    struct depth_taps taps = {.count = window->kernel, .step = window->dilation * plane};
    if (begin < window->pad)
        taps.first = stoa_size_ceil_div(window->pad - begin, window->dilation);
    if (begin < beyond)
        taps.end = stoa_size_min(window->kernel, stoa_size_ceil_div(beyond - begin, window->dilation));
    const float *x = moving->from + image * window->wide * plane + row * row_step;
    if (taps.first < taps.end)
        x += (begin + taps.first * window->dilation - window->pad) * plane;
    stoa_depth_fold(moving->pixels, moving->channels, &taps, x, moving->stride,
                    moving->to + (picture * moving->rows + row) * moving->pixels * moving->channels * window->kernel);
}

void stoa_volume_fold(const struct volume_window *window, size_t first, size_t count, size_t rows, size_t row_pixels,
                      size_t channels, const float *x, size_t x_stride, struct pool *pool, float *z)
{
    struct moving moving = {.window = window,
                            .first = first,
                            .rows = rows,
                            .pixels = row_pixels,
                            .channels = channels,
                            .from = x,
                            .to = z,
                            .stride = x_stride};
    stoa_pool_run(pool, count * rows, fold_row, &moving);
}

static void unfold_row(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct moving *moving = context;
    const struct volume_window *window = moving->window;
    const size_t plane = task / moving->rows, row = task % moving->rows, kd = window->kernel;
    float *y = moving->to + task * moving->pixels * moving->stride;
    stoa_depth_begin(moving->pixels, moving->channels, moving->bias, y, moving->stride);
    for (size_t k = 0; k < kd; k++) {
        const size_t at = plane + window->pad, offset = k * window->dilation;
        if (at < offset || (at - offset) % window->stride != 0 || (at - offset) / window->stride >= window->narrow)
            continue;
        const size_t picture = (at - offset) / window->stride;
        const float *z =
            moving->from + (picture * moving->rows + row) * moving->pixels * moving->channels * window->kernel;
        stoa_depth_add(moving->pixels, moving->channels, kd, k, z, y, moving->stride);
    }
}

void stoa_volume_unfold(const struct volume_window *window, size_t rows, size_t row_pixels, size_t channels,
                        const float *z, const float *bias, struct pool *pool, float *y, size_t y_stride)
{
    struct moving moving = {.window = window,
                            .rows = rows,
                            .pixels = row_pixels,
                            .channels = channels,
                            .from = z,
                            .bias = bias,
                            .to = y,
                            .stride = y_stride};
    stoa_pool_run(pool, window->wide * rows, unfold_row, &moving);
}
