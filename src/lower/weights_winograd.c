/* The weights' gradient by Winograd's filtering (kernels/winograd_gradient.h): a block of tiles of x and of dy is
 * transformed, and each point's product over those tiles is added to the point's sums; these go back to the filters'
 * taps when a task ends. With tiles of 4 x 4 that is a quarter of the multiplications. Blocks and sums of a task stay
 * in the L2 cache, which is why tasks have no more channels; the transforms are repeated for each other task's. */
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "kernels/matrix.h"
#include "kernels/winograd_gradient.h"
#include "lower/weights_lowering.h"

/* Channels of a task, either side. */
#define TASK_CHANNELS 64
/* Of a block's transformed tiles. */
#define BLOCK_BYTES (768 * 1024)
#define MOST_TILES 240

static size_t round_up(size_t channels)
{
    return stoa_size_round_up(channels, WEIGHTS_LANES);
}

static size_t tiles_across(const struct conv_shape *shape, const struct winograd_form *form, size_t axis)
{
    return stoa_size_ceil_div(axis ? shape->OW : shape->OH, form->tile[axis]);
}

/* Floats of the scratch: V, U and the points' sums. */
static size_t v_floats(const struct weights_tiling *tiling)
{
    return stoa_winograd_points(tiling->form) * tiling->step * round_up(tiling->slice);
}

static size_t u_floats(const struct weights_tiling *tiling)
{
    return stoa_winograd_points(tiling->form) * tiling->step * round_up(tiling->panel);
}

static void plan_form(struct weights_gradient *gradient, const struct winograd_form *form)
{
    const struct conv_shape *shape = &gradient->shape;
    struct weights_tiling *tiling = &gradient->tiling;
    *tiling = (struct weights_tiling){
        .groups = 1,
        .slice = stoa_size_part(shape->C / shape->groups, TASK_CHANNELS, WEIGHTS_LANES),
        .panel = stoa_size_part(shape->OC / shape->groups, TASK_CHANNELS, WEIGHTS_LANES),
        .units = shape->N * tiles_across(shape, form, 0) * tiles_across(shape, form, 1),
        .form = form,
    };
    size_t points = stoa_winograd_points(form), in = round_up(tiling->slice), out = round_up(tiling->panel);
    tiling->step = stoa_size_min(BLOCK_BYTES / sizeof(float) / (points * (in + out)) / 4 * 4, MOST_TILES);
    gradient->scratch = (v_floats(tiling) + u_floats(tiling) + points * tiling->panel * in) * sizeof(float);
}

/* Nanoseconds for each point of a vector of channels that is transformed, by n (winograd.c), of a part of a vector so
 * many times as much; and of a weight's way back from the points' sums, for each chunk of tiles. */
static const double point_cost[] = {[4] = 0.9, [6] = 1.2, [8] = 1.8};
#define PART_COST 4.0
#define BACK_COST 5.0

static double vectors_of(size_t channels)
{
    return channels < WEIGHTS_LANES ? PART_COST : (double)round_up(channels) / WEIGHTS_LANES;
}

static double winograd_cost(const struct weights_gradient *gradient)
{
    const struct conv_shape *shape = &gradient->shape;
    const struct weights_tiling *tiling = &gradient->tiling;
    double slices = (double)stoa_size_ceil_div(shape->C / shape->groups, tiling->slice);
    double panels = (double)stoa_size_ceil_div(shape->OC / shape->groups, tiling->panel);
    double tasks = (double)shape->groups * slices * panels, tiles = (double)tiling->units;
    size_t points = stoa_winograd_points(tiling->form), in = round_up(tiling->slice);
    double vectors = vectors_of(tiling->slice) + vectors_of(tiling->panel);
    double transforms = tiles * (double)points * vectors * point_cost[stoa_winograd_size(tiling->form, 0)];
    double products =
        tiles / (double)tiling->step * (double)points * stoa_weights_multiply_cost(tiling->panel, in, tiling->step);
    return tasks * (transforms + products + (double)(in * tiling->panel) * BACK_COST);
}

/* Filters of 3x3 and 5x5 have transforms here. */
static enum stoa_status winograd_plan(struct weights_gradient *gradient, struct stoa_error *error)
{
    const struct conv_shape *shape = &gradient->shape;
    if (gradient->accuracy == STOA_ACCURACY_STRICT)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "accuracy is strict");
    const struct winograd_form *best = NULL;
    double best_cost = 0;
    bool unit = shape->stride[0] == 1 && shape->stride[1] == 1 && shape->dilation[0] == 1 && shape->dilation[1] == 1;
    for (const struct winograd_form *form = stoa_winograd_forms; unit && form->tile[0]; form++) {
        if (form->kernel[0] != shape->kernel[0] || form->kernel[1] != shape->kernel[1] || form->stride != 1 ||
            stoa_winograd_is_line(form) || (form->kernel[0] != 3 && form->kernel[0] != 5))
            continue;
        plan_form(gradient, form);
        double cost = winograd_cost(gradient);
        if (!best || cost < best_cost) {
            best = form;
            best_cost = cost;
        }
    }
    if (!best)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "no transform for this kernel, stride and dilation");
    plan_form(gradient, best);
    snprintf(gradient->text, sizeof gradient->text, "winograd %zux%zu %zux%zux%zu", best->tile[0], best->tile[1],
             gradient->tiling.panel, round_up(gradient->tiling.slice), gradient->tiling.step);
    return STOA_OK;
}

/* Where channels do not fill vectors, what is left in their rows must be numbers. */
static void clear_tails(const struct winograd_values *values, size_t points, size_t count, size_t channels)
{
    size_t tail = values->tile - channels;
    for (size_t i = 0; tail && i < points; i++)
        stoa_matrix_clear_rows(count, tail, values->values + i * values->point + channels, values->tile);
}

static void winograd_run(const struct weights_gradient *gradient, const struct weights_gradient_args *args,
                         const struct weights_task *task)
{
    const struct conv_shape *shape = &gradient->shape;
    const struct weights_tiling *tiling = &gradient->tiling;
    const struct winograd_form *form = tiling->form;
    struct winograd_grid grid = {
        .H = shape->H,
        .W = shape->W,
        .OH = shape->OH,
        .OW = shape->OW,
        .pad = {shape->pad[0], shape->pad[1]},
        .x_pixel = args->x_stride,
        .y_pixel = args->dy_stride,
        .step = {form->tile[0], form->tile[1]},
        .dilation = {1, 1},
        .places = {1, 1},
        .down = tiles_across(shape, form, 0),
        .across = tiles_across(shape, form, 1),
    };
    size_t points = stoa_winograd_points(form), in = round_up(task->in_count), out = round_up(task->out_count);
    struct winograd_values v = {.values = task->scratch, .point = tiling->step * in, .tile = in};
    struct winograd_values u = {.values = v.values + v_floats(tiling), .point = tiling->step * out, .tile = out};
    struct winograd_values m = {.values = u.values + u_floats(tiling), .point = task->out_count * in, .tile = in};
    clear_tails(&v, points, tiling->step, task->in_count);
    size_t part = stoa_size_part(task->end - task->first, tiling->step, 4);
    for (size_t first = task->first; first < task->end; first += part) {
        size_t count = stoa_size_min(part, task->end - first);
        stoa_winograd_input(form, &grid, args->x + task->in, task->in_count, first, count, &v);
        stoa_winograd_gradient_tiles(form, &grid, args->dy + task->out, task->out_count, first, count, &u);
        for (size_t i = 0; i < points; i++)
            stoa_weights_multiply(task->out_count, in, count, u.values + i * u.point, out, v.values + i * v.point, in,
                                  first > task->first, m.values + i * m.point, in);
        if (task->bias)
            stoa_matrix_add_rows(count, task->out_count, u.values + stoa_winograd_sum_point(form) * u.point, out,
                                 task->bias);
    }
    stoa_winograd_gradient_filters(form, &m, task->out_count, task->in_count, task->sums, tiling->row);
}

const struct weights_lowering stoa_weights_winograd = {
    .id = STOA_LOWERING_WINOGRAD,
    .plan = winograd_plan,
    .cost = winograd_cost,
    .run = winograd_run,
};
