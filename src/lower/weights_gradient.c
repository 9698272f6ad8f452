/* The gradient of weights: the choice among lowerings, the cutting into tasks, the joining of their sums. */
#include "lower/weights_gradient.h"

#include <stdint.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "gemm/gemm.h"
#include "kernels/matrix.h"
#include "lower/lowering.h"
#include "lower/weights_lowering.h"

static const struct weights_lowering *const table[] = {
    &stoa_weights_im2col,
    &stoa_weights_direct,
    &stoa_weights_depthwise,
    &stoa_weights_winograd,
};
#define TABLE_SIZE (sizeof table / sizeof *table)

/* Tasks enough to keep a few workers busy, as far as their sums stay within so many bytes. */
#define MOST_TASKS 16
#define SUM_BYTES ((size_t)4 << 20)
/* Multiply-adds that are worth a task, and floats that are worth one when sums are joined. */
#define LEAST_MACS 500000
#define LEAST_FLOATS 8192

/* Pixels of which one task sums the bias where it is summed alone. */
#define BIAS_PIXELS 1024

void stoa_weights_products(size_t k, size_t *m, size_t *n)
{
    size_t limit = stoa_gemm_small_limit();
    if (limit && *m * *n > limit / k) {
        *n = stoa_size_part(*n, 64, WEIGHTS_LANES);
        *m = stoa_size_part(*m, stoa_size_max(limit / (k * *n) / 4 * 4, 4), 4);
    }
}

void stoa_weights_multiply(size_t m, size_t n, size_t k, const float *a, size_t lda, const float *b, size_t ldb,
                           float beta, float *c, size_t ldc)
{
    size_t m_part = m, n_part = n;
    stoa_weights_products(k, &m_part, &n_part);
    for (size_t j = 0; j < n; j += n_part)
        for (size_t i = 0; i < m; i += m_part)
            stoa_gemm_tn(stoa_size_min(m_part, m - i), stoa_size_min(n_part, n - j), k, a + i, lda, b + j, ldb, beta,
                         c + i * ldc + j, ldc);
}

double stoa_weights_multiply_cost(size_t m, size_t n, size_t k)
{
    size_t m_part = m, n_part = n;
    stoa_weights_products(k, &m_part, &n_part);
    return (double)m / (double)m_part * (double)n / (double)n_part * stoa_gemm_cost(m_part, n_part, k);
}

static size_t slices_of(const struct weights_gradient *gradient)
{
    return stoa_size_ceil_div(gradient->shape.C / gradient->shape.groups, gradient->tiling.slice);
}

static size_t slice_floats(const struct weights_gradient *gradient)
{
    return stoa_size_round_up(stoa_conv_taps(&gradient->shape) * gradient->tiling.slice, WEIGHTS_LANES);
}

static size_t panels_of(const struct weights_gradient *gradient)
{
    return stoa_size_ceil_div(gradient->shape.OC / gradient->shape.groups, gradient->tiling.panel);
}

static size_t chunks_of(const struct weights_gradient *gradient)
{
    return stoa_size_ceil_div(gradient->tiling.units, gradient->tiling.chunk);
}

/* Tasks of a chunk. */
static size_t tasks_of(const struct weights_gradient *gradient)
{
    return stoa_size_ceil_div(gradient->shape.groups, gradient->tiling.groups) * slices_of(gradient) *
           panels_of(gradient);
}

static size_t bias_chunks(const struct weights_gradient *gradient)
{
    const struct conv_shape *shape = &gradient->shape;
    size_t pixels = gradient->transposed ? shape->H * shape->W : shape->OH * shape->OW;
    return stoa_size_ceil_div(shape->N * pixels, BIAS_PIXELS);
}

static size_t bias_channels(const struct weights_gradient *gradient)
{
    return gradient->transposed ? gradient->shape.C : gradient->shape.OC;
}

/* Chunks of at least a step of units: as many as make MOST_TASKS, as memory and work allow. */
static enum stoa_status cut(struct weights_gradient *gradient, struct stoa_error *error)
{
    const struct conv_shape *shape = &gradient->shape;
    struct weights_tiling *tiling = &gradient->tiling;
    tiling->chunk = 1;
    tiling->row = slices_of(gradient) * slice_floats(gradient);
    size_t bytes;
    if (!stoa_size_mul(tiling->row * sizeof(float), shape->OC, &bytes) || bytes > PTRDIFF_MAX / MOST_TASKS)
        return stoa_fail(error, STOA_ERROR_LIMIT, "sums for %zu weights of each of %zu output channels are too large",
                         tiling->row, shape->OC);
    size_t chunks = stoa_size_ceil_div(MOST_TASKS, tasks_of(gradient));
    chunks = stoa_size_min(chunks, stoa_size_max(SUM_BYTES / bytes, 1));
    chunks = stoa_size_min(chunks, (size_t)(stoa_conv_macs(shape) / LEAST_MACS) + 1);
    chunks = stoa_size_min(chunks, stoa_size_ceil_div(tiling->units, tiling->step));
    tiling->chunk = stoa_size_max(stoa_size_ceil_div(tiling->units, stoa_size_max(chunks, 1)), 1);
    return STOA_OK;
}

static enum stoa_status choose(struct weights_gradient *gradient, enum stoa_lowering forced, struct stoa_error *error)
{
    struct weights_gradient best = {.lowering = NULL};
    double best_cost = 0;
    for (size_t i = 0; i < TABLE_SIZE; i++) {
        if (forced && table[i]->id != forced)
            continue;
        struct weights_gradient planned = *gradient;
        planned.lowering = table[i];
        enum stoa_status status = table[i]->plan(&planned, error);
        if (status != STOA_OK && forced)
            return status;
        if (status != STOA_OK)
            continue;
        double cost = table[i]->cost(&planned);
        if (!best.lowering || cost < best_cost) {
            best = planned;
            best_cost = cost;
        }
    }
    if (!best.lowering)
        return forced ? stoa_fail(error, STOA_ERROR_UNSUPPORTED, "no gradient of weights by lowering %s",
                                  stoa_lowering_name(forced))
                      : stoa_fail(error, STOA_ERROR_LIMIT, "no way to the gradient of weights of so large filters");
    *gradient = best;
    if (error)
        *error = (struct stoa_error){0};
    return cut(gradient, error);
}

enum stoa_status stoa_weights_gradient_create(const struct stoa_allocator *allocator, const struct conv_shape *shape,
                                              const struct weights_gradient_choice *choice, struct stoa_error *error,
                                              struct weights_gradient **out)
{
    static const struct weights_gradient_choice no_choice = {0};
    choice = choice ? choice : &no_choice;
    *out = NULL;
    struct weights_gradient *gradient;
    STOA_TRY(stoa_allocate(allocator, 1, sizeof *gradient, error, &gradient));
    gradient->allocator = *allocator;
    gradient->shape = *shape;
    if (choice->transposed) /* its weights see its output and make its input */
        stoa_conv_transposed_shape(shape, &gradient->shape);
    gradient->transposed = choice->transposed;
    gradient->accuracy = choice->accuracy;
    enum stoa_status status = choose(gradient, choice->lowering, error);
    if (status != STOA_OK) {
        stoa_weights_gradient_free(gradient);
        return status;
    }
    *out = gradient;
    return STOA_OK;
}

void stoa_weights_gradient_free(struct weights_gradient *gradient)
{
    if (!gradient)
        return;
    struct stoa_allocator allocator = gradient->allocator;
    stoa_release(&allocator, gradient);
}

size_t stoa_weights_gradient_worker_scratch(const struct weights_gradient *gradient)
{
    return gradient->scratch;
}

/* The chunks' sums of weights; behind them those of the bias, which the tasks make or, without them, others. */
static size_t sums_floats(const struct weights_gradient *gradient)
{
    return chunks_of(gradient) * gradient->shape.OC * gradient->tiling.row;
}

size_t stoa_weights_gradient_shared_scratch(const struct weights_gradient *gradient)
{
    size_t bias =
        stoa_size_max(chunks_of(gradient) * gradient->shape.OC, bias_chunks(gradient) * bias_channels(gradient));
    return (sums_floats(gradient) + bias) * sizeof(float);
}

struct job {
    const struct weights_gradient *gradient;
    const struct weights_gradient_args *args;
    float *sums, *bias; /* bias: null where the tasks do not make it */
    size_t tasks;       /* of a chunk */
    size_t rows;        /* output channels joined at a time */
    struct bias_source {
        const float *values;
        size_t pixels, channels, stride, chunks;
        float *sums;
    } source;
};

static void run_task(void *context, size_t index, size_t worker)
{
    const struct job *job = context;
    const struct weights_gradient *gradient = job->gradient;
    const struct conv_shape *shape = &gradient->shape;
    const struct weights_tiling *tiling = &gradient->tiling;
    size_t chunk = index / job->tasks, place = index % job->tasks;
    size_t slices = slices_of(gradient), panels = panels_of(gradient);
    size_t slice = place % slices, panel = place / slices % panels, group = place / slices / panels * tiling->groups;
    size_t in = shape->C / shape->groups, out = shape->OC / shape->groups;
    struct weights_task task = {
        .group = group,
        .groups = stoa_size_min(tiling->groups, shape->groups - group),
        .in = group * in + slice * tiling->slice,
        .in_count = stoa_size_min(tiling->slice, in - slice * tiling->slice),
        .out = group * out + panel * tiling->panel,
        .out_count = stoa_size_min(tiling->panel, out - panel * tiling->panel),
        .first = chunk * tiling->chunk,
        .end = stoa_size_min((chunk + 1) * tiling->chunk, tiling->units),
        .scratch = gradient->scratch ? (char *)job->args->worker_base + worker * job->args->worker_stride : NULL,
    };
    task.out_count *= task.groups;
    task.sums = job->sums + (chunk * shape->OC + task.out) * tiling->row + slice * slice_floats(gradient);
    if (job->bias && slice == 0) {
        task.bias = job->bias + chunk * shape->OC + task.out;
        memset(task.bias, 0, task.out_count * sizeof *task.bias);
    }
    gradient->lowering->run(gradient, job->args, &task);
}

/* dw[channels][taps] <- sums[taps][channels] */
static void order_taps(size_t taps, size_t channels, const float *sums, float *dw)
{
    for (size_t c = 0; c < channels; c++)
        for (size_t t = 0; t < taps; t++)
            dw[c * taps + t] = sums[t * channels + c];
}

/* Some output channels: the chunks' sums are added to the first's, in their order. */
static void join_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    const struct weights_gradient *gradient = job->gradient;
    const struct conv_shape *shape = &gradient->shape;
    size_t row = gradient->tiling.row, slice = gradient->tiling.slice, in = shape->C / shape->groups;
    size_t first = index * job->rows, end = stoa_size_min(first + job->rows, shape->OC), taps = stoa_conv_taps(shape);
    if (chunks_of(gradient) > 1)
        stoa_matrix_add_rows(chunks_of(gradient) - 1, (end - first) * row, job->sums + (shape->OC + first) * row,
                             shape->OC * row, job->sums + first * row);
    for (size_t o = first; o < end; o++)
        for (size_t c = 0; c < in; c += slice)
            order_taps(taps, stoa_size_min(slice, in - c), job->sums + o * row + c / slice * slice_floats(gradient),
                       job->args->dw + (o * in + c) * taps);
}

static void bias_task(void *context, size_t index, size_t worker)
{
    (void)worker;
    const struct job *job = context;
    const struct bias_source *source = &job->source;
    size_t first = index * BIAS_PIXELS;
    float *sums = source->sums + index * source->channels;
    memset(sums, 0, source->channels * sizeof *sums);
    stoa_matrix_add_rows(stoa_size_min(BIAS_PIXELS, source->pixels - first), source->channels,
                         source->values + first * source->stride, source->stride, sums);
}

/* The bias on its own: where no weights are wanted, and of a transposed convolution, whose tasks see its gradient as
 * their image. */
static void run_bias(struct job *job, float *sums)
{
    const struct weights_gradient *gradient = job->gradient;
    const struct weights_gradient_args *args = job->args;
    const struct conv_shape *shape = &gradient->shape;
    bool image = gradient->transposed;
    job->source = (struct bias_source){
        .values = image ? args->x : args->dy,
        .pixels = shape->N * (image ? shape->H * shape->W : shape->OH * shape->OW),
        .channels = bias_channels(gradient),
        .stride = image ? args->x_stride : args->dy_stride,
        .chunks = bias_chunks(gradient),
        .sums = sums,
    };
    stoa_pool_run(args->pool, job->source.chunks, bias_task, job);
}

static void join_bias(size_t chunks, size_t channels, const float *sums, float *db)
{
    memset(db, 0, channels * sizeof *db);
    stoa_matrix_add_rows(chunks, channels, sums, channels, db);
}

static void run_weights(struct job *job)
{
    const struct weights_gradient *gradient = job->gradient;
    const struct conv_shape *shape = &gradient->shape;
    if (gradient->tiling.units == 0) {
        memset(job->args->dw, 0, shape->OC * (shape->C / shape->groups) * stoa_conv_taps(shape) * sizeof(float));
        return;
    }
    job->tasks = tasks_of(gradient);
    job->rows = stoa_size_part(shape->OC, stoa_size_ceil_div(LEAST_FLOATS, gradient->tiling.row), 1);
    stoa_pool_run(job->args->pool, chunks_of(gradient) * job->tasks, run_task, job);
    stoa_pool_run(job->args->pool, stoa_size_ceil_div(shape->OC, job->rows), join_task, job);
}

void stoa_weights_gradient_run(const struct weights_gradient *gradient, const struct weights_gradient_args *args)
{
    struct weights_gradient_args complete = *args;
    if (gradient->transposed) {
        complete.x = args->dy;
        complete.x_stride = args->dy_stride;
        complete.dy = args->x;
        complete.dy_stride = args->x_stride;
    }
    if (!complete.x_stride)
        complete.x_stride = gradient->shape.C;
    if (!complete.dy_stride)
        complete.dy_stride = gradient->shape.OC;
    struct job job = {.gradient = gradient, .args = &complete, .sums = args->shared};
    float *bias = job.sums ? job.sums + sums_floats(gradient) : NULL;
    bool alone = args->db && (!args->dw || gradient->transposed);
    if (args->db && !alone)
        job.bias = bias;
    if (args->dw)
        run_weights(&job);
    if (alone)
        run_bias(&job, bias);
    if (args->db)
        join_bias(alone ? job.source.chunks : chunks_of(gradient), bias_channels(gradient), bias, args->db);
}

double stoa_weights_gradient_error(const struct weights_gradient *gradient, size_t reach[2])
{
    const struct winograd_form *form = gradient->tiling.form;
    for (size_t i = 0; i < 2; i++)
        reach[i] = form ? form->tile[i] - 1 : 0;
    return form ? stoa_winograd_error(form, gradient->tiling.units) : 0;
}

const char *stoa_weights_gradient_describe(const struct weights_gradient *gradient)
{
    return gradient->text;
}
