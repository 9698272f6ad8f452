/* Convolution through Winograd's transforms (kernels/winograd.h): tiles of the image become V[point][tile][C], each
 * point is a product with its own panel of transformed weights, M[point][tile][OC] = V * U, and M's transform is y.
 *
 * Three ways to cut this up. Where tiles are many, a task is a block of tiles of which V and a panel's M stay in the L2
 * cache from the transform to y. Where they are few, each block would read all weights for little work, and there would
 * not be blocks enough for several workers: then all share one block, and once it is transformed either a task is a
 * panel, or, where panels are few or V is larger than a cache, products are shared out point by point, so that a
 * point's V serves all panels in turn.
 *
 * Filters larger than their stride are a few taps of the space-to-depth image: ResNet's 7x7 at 2 is F(5x5, 4x4) of
 * 12 channels, a fifth of the multiplications. */
#include <math.h>
#include <stdio.h>

#include "base/cache.h"
#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "base/vector.h"
#include "gemm/gemm.h"
#include "lower/lowering.h"

/* What V and a panel's M of a block may take, and V and all of M of a shared block. */
static size_t block_bytes(void)
{
    return stoa_cache_bytes() / 4 * 3;
}

static size_t staged_bytes(void)
{
    return 8 * stoa_cache_bytes();
}

/* Filters of a space-to-depth image that are packed at a time; larger ones are refused: their layers are none that need
 * this. */
#define FILTER_FLOATS 8192
/* Tiles and channels that one task transforms of a shared block. */
#define TASK_TILES 4
#define TASK_CHANNELS 128

struct job {
    const struct conv *conv;
    const struct conv_args *args;
    struct winograd_grid grid;
    size_t points, panels, channels; /* panels and channels of a group */
    size_t total, group, first;      /* tiles; where the shared block begins */
    size_t v_floats, m_floats;       /* V; M of one panel */
    size_t x_floats;                 /* space-to-depth image of a row of a task's tiles; 0: x is taken as it is */
    float *v, *m;                    /* of the shared block */
};

/* Steps from point to point that are an odd number of cache lines: writes to the same place of every point then spread
 * over the sets of a cache. */
static size_t point_step(size_t tiles, size_t row)
{
    return (tiles * row / 16 | 1) * 16;
}

static size_t rows_of(size_t channels)
{
    return stoa_size_round_up(channels, 16);
}

static struct winograd_values v_at(const struct job *job, float *values)
{
    size_t row = rows_of(job->channels);
    return (struct winograd_values){.values = values, .point = point_step(job->conv->tiling.tiles, row), .tile = row};
}

static struct winograd_values m_at(const struct job *job, float *values)
{
    size_t row = rows_of(job->conv->tiling.panel);
    return (struct winograd_values){.values = values, .point = point_step(job->conv->tiling.part, row), .tile = row};
}

struct conv_shape stoa_winograd_shape(const struct conv *conv)
{
    struct conv_shape deep;
    return conv->tiling.to_depth && stoa_space_to_depth_shape(&conv->shape, &deep) ? deep : conv->shape;
}

/* Dilation of an axis along which there is more than one tap. */
static size_t dilation_of(const struct conv_shape *shape, size_t axis)
{
    return shape->kernel[axis] > 1 ? shape->dilation[axis] : 1;
}

/* Along an axis: places that dilation makes into images of their own, and the tiles of each. */
static size_t places_of(const struct conv_shape *shape, size_t axis)
{
    return stoa_size_max(stoa_size_min(dilation_of(shape, axis), axis ? shape->OW : shape->OH), 1);
}

static size_t tiles_along(const struct conv_shape *shape, const struct winograd_form *form, size_t axis)
{
    size_t outputs = stoa_size_ceil_div(axis ? shape->OW : shape->OH, dilation_of(shape, axis));
    return stoa_size_ceil_div(outputs, form->tile[axis]);
}

static size_t tiles_of(const struct conv_shape *shape, const struct winograd_form *form)
{
    return shape->N * places_of(shape, 0) * places_of(shape, 1) * tiles_along(shape, form, 0) *
           tiles_along(shape, form, 1);
}

static float *scratch_of(const struct job *job, size_t worker)
{
    char *base = job->args->worker_base;
    return base ? (void *)(base + worker * job->args->worker_stride) : NULL;
}

/* m[count][width] = v[count][channels] * panel, of one point. */
static void product(const struct job *job, const struct panel *panel, size_t point, size_t count,
                    const struct winograd_values *v, const struct winograd_values *m)
{
    const struct conv_tiling *tiling = &job->conv->tiling;
    const float *a = v->values + point * v->point;
    float *c = m->values + point * m->point;
    size_t segment = stoa_size_part(count, tiling->segment, 4);
    for (size_t k = 0; k < job->channels; k += tiling->k_block)
        for (size_t i = 0; i < count; i += segment)
            stoa_gemm_packed(stoa_size_min(segment, count - i), stoa_size_min(tiling->k_block, job->channels - k),
                             a + i * v->tile + k, v->tile, &panel->weights, point * job->channels + k, k > 0,
                             c + i * m->tile, m->tile, NULL);
}

/* v <- tiles [first, first + count) of channels of x, or of its space-to-depth image: of that, what a row of tiles sees
 * is written to `image` first. */
static void transform_input(const struct job *job, size_t channel, size_t channels, size_t first, size_t count,
                            float *image, const struct winograd_values *v)
{
    const struct conv_shape *shape = &job->conv->shape;
    const struct winograd_form *form = job->conv->tiling.form;
    const struct conv_args *args = job->args;
    if (!job->x_floats) {
        stoa_winograd_input(form, &job->grid, args->x + channel, channels, first, count, v);
        return;
    }
    for (size_t done = 0, some; done < count; done += some) {
        size_t row = (first + done) / job->grid.across, column = (first + done) % job->grid.across;
        some = stoa_size_min(count - done, job->grid.across - column);
        size_t sides[2] = {stoa_winograd_size(form, 0), stoa_winograd_size(form, 1) + (some - 1) * form->tile[1]};
        stoa_space_to_depth_image(
            shape, args->x + row / job->grid.down * shape->H * shape->W * args->x_stride, args->x_stride,
            (size_t[]){row % job->grid.down * form->tile[0], column * form->tile[1]}, sides, image);
        struct winograd_grid grid = job->grid; /* neither padded nor dilated */
        grid.H = sides[0];
        grid.W = sides[1];
        grid.x_pixel = job->channels;
        grid.down = 1;
        grid.across = some;
        struct winograd_values part = *v;
        part.values += done * v->tile;
        stoa_winograd_input(form, &grid, image + channel, channels, 0, some, &part);
    }
}

static void transform_back(const struct job *job, const struct panel *panel, size_t first, size_t count,
                           const struct winograd_values *m)
{
    struct epilogue epilogue = stoa_conv_epilogue(job->args, 0, panel->channel);
    stoa_winograd_output(job->conv->tiling.form, &job->grid, m, first, count, panel->weights.columns, &epilogue,
                         job->args->y + panel->channel);
}

/* A block of tiles of one group, from x to y. */
static void run_block(void *context, size_t task, size_t worker)
{
    const struct job *job = context;
    const struct conv_tiling *tiling = &job->conv->tiling;
    size_t groups = job->conv->shape.groups, group = task % groups, first = task / groups * tiling->tiles;
    size_t count = stoa_size_min(tiling->tiles, job->total - first);
    float *scratch = scratch_of(job, worker);
    struct winograd_values v = v_at(job, scratch), m = m_at(job, scratch + job->v_floats);
    transform_input(job, group * job->channels, job->channels, first, count, scratch + job->v_floats + job->m_floats,
                    &v);
    for (size_t i = 0; i < job->panels; i++) {
        struct panel panel = stoa_panel(job->conv, job->args->packed, group * job->panels + i);
        for (size_t point = 0; point < job->points; point++)
            product(job, &panel, point, count, &v, &m);
        transform_back(job, &panel, first, count, &m);
    }
}

static size_t block_count(const struct job *job)
{
    return stoa_size_min(job->conv->tiling.tiles, job->total - job->first);
}

/* A space-to-depth image is written for all channels at once. */
static size_t task_channels(const struct job *job)
{
    return job->x_floats ? job->channels : TASK_CHANNELS;
}

static void stage_input(void *context, size_t task, size_t worker)
{
    const struct job *job = context;
    size_t most = task_channels(job), pieces = stoa_size_ceil_div(job->channels, most);
    size_t tile = task / pieces * TASK_TILES, channel = task % pieces * most;
    struct winograd_values v = v_at(job, job->v);
    v.values += tile * v.tile + channel;
    float *scratch = scratch_of(job, worker);
    transform_input(job, job->group * job->channels + channel, stoa_size_min(most, job->channels - channel),
                    job->first + tile, stoa_size_min(TASK_TILES, block_count(job) - tile), scratch, &v);
}

static struct panel staged_panel(const struct job *job, size_t index)
{
    return stoa_panel(job->conv, job->args->packed, job->group * job->panels + index);
}

static void stage_panel(void *context, size_t task, size_t worker)
{
    const struct job *job = context;
    struct panel panel = staged_panel(job, task % job->panels);
    size_t tile = task / job->panels * job->conv->tiling.part;
    size_t count = stoa_size_min(job->conv->tiling.part, block_count(job) - tile);
    float *scratch = scratch_of(job, worker);
    struct winograd_values v = v_at(job, job->v), m = m_at(job, scratch);
    v.values += tile * v.tile;
    for (size_t point = 0; point < job->points; point++)
        product(job, &panel, point, count, &v, &m);
    transform_back(job, &panel, job->first + tile, count, &m);
}

static void stage_product(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    size_t index = task % job->panels;
    struct panel panel = staged_panel(job, index);
    struct winograd_values v = v_at(job, job->v), m = m_at(job, job->m + index * job->m_floats);
    product(job, &panel, task / job->panels, block_count(job), &v, &m);
}

static void stage_output(void *context, size_t task, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    size_t index = task % job->panels, tile = task / job->panels * TASK_TILES;
    struct panel panel = staged_panel(job, index);
    struct winograd_values m = m_at(job, job->m + index * job->m_floats);
    m.values += tile * m.tile;
    transform_back(job, &panel, job->first + tile, stoa_size_min(TASK_TILES, block_count(job) - tile), &m);
}

static void run_staged(struct job *job)
{
    const struct conv_tiling *tiling = &job->conv->tiling;
    struct pool *pool = job->args->pool;
    job->v = job->args->shared;
    job->m = job->v + job->v_floats;
    for (job->first = 0; job->first < job->total; job->first += tiling->tiles)
        for (job->group = 0; job->group < job->conv->shape.groups; job->group++) {
            size_t parts = stoa_size_ceil_div(block_count(job), TASK_TILES);
            stoa_pool_run(pool, parts * stoa_size_ceil_div(job->channels, task_channels(job)), stage_input, job);
            if (tiling->split == SPLIT_PANELS) {
                stoa_pool_run(pool, job->panels * stoa_size_ceil_div(block_count(job), tiling->part), stage_panel, job);
            } else {
                stoa_pool_run(pool, job->points * job->panels, stage_product, job);
                stoa_pool_run(pool, parts * job->panels, stage_output, job);
            }
        }
}

static struct job job_of(const struct conv *conv, const struct conv_args *args)
{
    const struct conv_shape shape = stoa_winograd_shape(conv);
    const struct winograd_form *form = conv->tiling.form;
    struct job job = {
        .conv = conv,
        .args = args,
        .grid = {.H = shape.H,
                 .W = shape.W,
                 .OH = shape.OH,
                 .OW = shape.OW,
                 .pad = {shape.pad[0], shape.pad[1]},
                 .step = {form->stride * form->tile[0], form->stride * form->tile[1]},
                 .dilation = {dilation_of(&shape, 0), dilation_of(&shape, 1)},
                 .places = {places_of(&shape, 0), places_of(&shape, 1)},
                 .down = tiles_along(&shape, form, 0),
                 .across = tiles_along(&shape, form, 1)},
        .points = stoa_winograd_points(form),
        .panels = stoa_panels_per_group(conv),
        .channels = shape.C / shape.groups,
        .total = tiles_of(&shape, form),
    };
    size_t together = conv->tiling.split == SPLIT_BLOCKS ? conv->tiling.tiles : TASK_TILES;
    if (conv->tiling.to_depth)
        job.x_floats = stoa_winograd_size(form, 0) * job.channels *
                       (form->tile[1] * stoa_size_min(job.grid.across, together) + form->kernel[1] - 1);
    job.v_floats = job.points * v_at(&job, NULL).point;
    job.m_floats = job.points * m_at(&job, NULL).point;
    return job;
}

static void winograd_run(const struct conv *conv, const struct conv_args *args)
{
    struct job job = job_of(conv, args);
    job.grid.x_pixel = args->x_stride;
    job.grid.y_pixel = args->y_stride;
    job.grid.pools = args->pools;
    if (conv->tiling.split != SPLIT_BLOCKS)
        run_staged(&job);
    else
        stoa_pool_run(args->pool, stoa_size_ceil_div(job.total, conv->tiling.tiles) * conv->shape.groups, run_block,
                      &job);
}

/* rows[count][C/groups][kh][kw] -> their columns of panels[n*n][C/groups][width] */
static void winograd_pack(const struct conv *conv, size_t first, size_t count, const float *rows, float *packed)
{
    const struct conv_shape shape = stoa_winograd_shape(conv);
    float filters[FILTER_FLOATS];
    size_t most = conv->tiling.to_depth ? FILTER_FLOATS / stoa_conv_depth(&shape) : count;
    for (size_t done = 0, columns; done < count; done += columns) {
        struct pack_columns place = stoa_panel_columns(conv, first + done, packed);
        columns = stoa_size_min(stoa_size_min(place.count, count - done), most);
        const float *from = rows + done * stoa_conv_depth(&conv->shape);
        if (conv->tiling.to_depth) {
            stoa_space_to_depth_filters(&conv->shape, &shape, columns, from, filters);
            from = filters;
        }
        stoa_winograd_filters(conv->tiling.form, shape.C / shape.groups, columns, from, place.width, place.to);
    }
}

/* Nanoseconds, measured like those of products (gemm/cost.c): for each point of 16 channels that are transformed, there
 * or back, without and with wide registers, along each axis, by n (with wide ones 1, 5 and 10 by proportion). */
static const double point_cost[2][WINOGRAD_MOST + 1] = {
    {[1] = 0.6, [4] = 1.1, [5] = 0.7, [6] = 1.8, [8] = 2.75, [10] = 3.2},
    {[1] = 0.3, [4] = 0.45, [5] = 0.3, [6] = 0.6, [8] = 0.9, [10] = 1.1},
};
/* For each float of V from a space-to-depth image, and for 16 channels of one of its tiles, there or back, which short
 * products hide less than long ones. */
#define TO_DEPTH_COST 0.3
#define TO_DEPTH_TILE_COST 50
/* For each float that workers share and that leaves the L2 cache: V of a block larger than that, and as much again for
 * what of V is beyond two such caches, which networks, unlike a layer alone, find in memory; or V and M where products
 * are shared out by points. */
#define FAR_V_COST 0.1
#define STAGED_COST 0.25

static double winograd_cost(const struct conv *conv)
{
    const struct conv_tiling *tiling = &conv->tiling;
    struct job job = job_of(conv, NULL);
    if (job.total == 0)
        return 0;
    double groups = (double)conv->shape.groups, parts = (double)stoa_size_ceil_div(job.total, tiling->part);
    size_t count = stoa_size_min(tiling->part, job.total), m = stoa_size_part(count, tiling->segment, 4);
    double products = groups * (double)(job.points * job.panels) * (double)job.total / (double)m *
                      (double)job.channels / (double)tiling->k_block;
    double values = (double)(job.total * job.points) * groups *
                    (double)(rows_of(job.channels) + job.panels * rows_of(tiling->panel));
    double weights = (double)conv->shape.OC * (double)stoa_panel_depth(conv);
    const double *point = point_cost[stoa_has_wide_registers()];
    double cost =
        products * stoa_gemm_cost(m, tiling->panel, tiling->k_block) +
        values / 16 * (point[stoa_winograd_size(tiling->form, 0)] + point[stoa_winograd_size(tiling->form, 1)]) +
        weights * parts * stoa_gemm_far_cost();
    if (tiling->to_depth)
        cost += (double)job.total * (double)(job.points * job.channels) * TO_DEPTH_COST +
                values / (double)job.points / 16 * TO_DEPTH_TILE_COST;
    if (tiling->split == SPLIT_POINTS)
        cost += values * STAGED_COST;
    else if (tiling->split == SPLIT_PANELS && job.v_floats * sizeof(float) > block_bytes())
        cost += (double)(job.total * job.points) * groups * (double)rows_of(job.channels) * FAR_V_COST *
                (1 + fmax(0, 1 - 2 * (double)stoa_cache_bytes() / (double)(job.v_floats * sizeof(float))));
    return cost;
}

static void plan_split(struct conv *conv, const struct winograd_form *form, bool to_depth, enum winograd_split split,
                       size_t tiles)
{
    struct conv_tiling *tiling = &conv->tiling;
    *tiling = (struct conv_tiling){.form = form, .split = split, .to_depth = to_depth};
    struct conv_shape shape = stoa_winograd_shape(conv);
    size_t channels = shape.C / shape.groups, out_channels = shape.OC / shape.groups;
    stoa_tiling_products(tiling, out_channels, channels);
    size_t total = tiles_of(&shape, form), points = stoa_winograd_points(form);
    size_t outputs = split == SPLIT_POINTS ? stoa_size_round_up(out_channels, tiling->panel) : tiling->panel;
    size_t tile_bytes = points * (rows_of(channels) + rows_of(outputs)) * sizeof(float);
    size_t most = (split == SPLIT_BLOCKS ? block_bytes() : staged_bytes()) / tile_bytes;
    if (split == SPLIT_BLOCKS)
        most = stoa_size_min(most, stoa_size_ceil_div(total, LOWERING_LEAST_TASKS));
    tiling->tiles = tiles ? tiles : stoa_size_part(total, stoa_size_round_up(stoa_size_max(most, 1), 4), 4);
    tiling->part = tiling->tiles;
    size_t panels = stoa_panels_per_group(conv);
    if (split == SPLIT_PANELS && panels < LOWERING_LEAST_TASKS)
        tiling->part = stoa_size_part(
            tiling->tiles, stoa_size_ceil_div(tiling->tiles, stoa_size_ceil_div(LOWERING_LEAST_TASKS, panels)), 4);
    struct job job = job_of(conv, NULL);
    size_t task_floats = split == SPLIT_BLOCKS   ? job.v_floats + job.m_floats + job.x_floats
                         : split == SPLIT_PANELS ? stoa_size_max(job.m_floats, job.x_floats)
                                                 : job.x_floats;
    conv->scratch = task_floats * sizeof(float);
    conv->shared_scratch =
        (split == SPLIT_BLOCKS ? 0 : job.v_floats + (split == SPLIT_POINTS ? job.m_floats * job.panels : 0)) *
        sizeof(float);
}

/* Whether a way to cut the work up gives tasks enough for a few workers; products by points always do. */
static bool is_shared_well(const struct conv *conv)
{
    struct job job = job_of(conv, NULL);
    size_t parts = stoa_size_ceil_div(stoa_size_min(job.total, conv->tiling.tiles), conv->tiling.part);
    switch (conv->tiling.split) {
    case SPLIT_BLOCKS:
        return stoa_size_ceil_div(job.total, conv->tiling.tiles) * conv->shape.groups >= LOWERING_LEAST_TASKS;
    case SPLIT_PANELS:
        return job.panels * parts >= LOWERING_LEAST_TASKS;
    default:
        return true;
    }
}

static enum stoa_status refuse(const struct conv_shape *shape, struct stoa_error *error)
{
    for (size_t i = 0; i < 2; i++)
        if (dilation_of(shape, i) != 1 && shape->stride[i] != 1)
            return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "dilation[%zu] is %zu at stride %zu", i, shape->dilation[i],
                             shape->stride[i]);
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "no transform for kernel %zux%zu, stride %zux%zu, %zu groups",
                     shape->kernel[0], shape->kernel[1], shape->stride[0], shape->stride[1], shape->groups);
}

static bool serves(const struct winograd_form *form, const struct conv_shape *shape)
{
    for (size_t i = 0; i < 2; i++)
        if (form->kernel[i] != shape->kernel[i] || form->stride != shape->stride[i] ||
            (form->stride != 1 && dilation_of(shape, i) != 1))
            return false;
    return true;
}

static enum stoa_status winograd_plan(struct conv *conv, struct stoa_error *error)
{
    const struct conv_shape *shape = &conv->shape;
    if (conv->accuracy == STOA_ACCURACY_STRICT)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "accuracy is strict");
    struct conv_tiling best = {.form = NULL};
    struct conv_shape deep;
    double best_cost = 0;
    bool is_deep = stoa_space_to_depth_shape(shape, &deep) && stoa_conv_depth(&deep) <= FILTER_FLOATS;
    for (const struct winograd_form *form = stoa_winograd_forms; form->tile[0]; form++)
        for (int split = 0; split < SPLIT_COUNT; split++) {
            bool to_depth = is_deep && !stoa_winograd_is_line(form) && serves(form, &deep);
            if (!to_depth && !serves(form, shape))
                continue;
            plan_split(conv, form, to_depth, (enum winograd_split)split, 0);
            double cost = winograd_cost(conv) + stoa_conv_weights_cost(conv);
            if (is_shared_well(conv) && (!best.form || cost < best_cost)) {
                best = conv->tiling;
                best_cost = cost;
            }
        }
    if (!best.form)
        return refuse(shape, error);
    if (conv->forced)
        plan_split(conv, conv->forced->form, !serves(conv->forced->form, shape), conv->forced->split,
                   conv->forced->tiles);
    else
        plan_split(conv, best.form, best.to_depth, best.split, best.tiles);
    const struct conv_tiling *tiling = &conv->tiling;
    static const char *const splits[SPLIT_COUNT] = {"", " by panels", " by points"};
    snprintf(conv->text, sizeof conv->text, "winograd %zux%zu%s %zux%zux%zu%s", tiling->form->tile[0],
             tiling->form->tile[1], tiling->to_depth ? " to depth" : "",
             stoa_size_part(tiling->part, tiling->segment, 4), tiling->panel, tiling->k_block, splits[tiling->split]);
    return STOA_OK;
}

/* Where vectors of channels do not overlap, each output is written once, when its addend has been read. */
static bool winograd_adds_in_place(const struct conv *conv, const struct epilogue *epilogue)
{
    (void)epilogue;
    return conv->shape.OC / conv->shape.groups % 16 == 0;
}

/* MaxPool takes fewer than 16 channels one by one, and of zeros of either sign another. */
static bool winograd_pools(const struct conv *conv, const struct epilogue *epilogue)
{
    return !stoa_winograd_is_line(conv->tiling.form) && conv->tiling.form->tile[0] % 2 == 0 && conv->shape.OC >= 16 &&
           dilation_of(&conv->shape, 0) == 1 && dilation_of(&conv->shape, 1) == 1 && !epilogue->addend &&
           !epilogue->mask && epilogue->activation.kind != ACTIVATION_HARD_SWISH &&
           stoa_activation_is_squash(&epilogue->activation);
}

const struct lowering stoa_lowering_winograd = {
    .id = STOA_LOWERING_WINOGRAD,
    .name = "winograd",
    .plan = winograd_plan,
    .cost = winograd_cost,
    .pack = winograd_pack,
    .adds_in_place = winograd_adds_in_place,
    .pools = winograd_pools,
    .run = winograd_run,
};
