/* Single convolutions: the naive loop, every lowering, what the cost model chooses ("stoa"), and oneDNN's algorithms.
 * Each result is compared with the naive loop's before it is timed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "base/status.h"
#include "contest.h"
#include "datafile.h"
#include "naive.h"
#include "onednn.h"
#include "settle.h"
#include "suite.h"

#define TURN_SECONDS 4e-3
#define DENSE_CHANNELS 16  /* dense layers with fewer input channels are "shallow": a stem's */
#define NAIVE_MACS 2e9     /* beyond so much work in a batch, only its first and last image are checked */
#define ONEDNN_TARGET 0.95 /* of each row */
#define MAX_CONTENDERS (BENCH_MAX_LIST * (STOA_LOWERING_COUNT + 4))

struct layer {
    const struct conv_shape *shape;
    float *x, *y;                    /* channels-last for the engine */
    float *plain_x, *weights, *bias; /* as ONNX has them */
    float *expected, *result;        /* N C H W */
    size_t image, images;            /* outputs of one image; how many images are checked: all, or first and last */
};

/* A contender at work; which it is, its members that are not null say. */
struct runner {
    const struct layer *layer;
    size_t threads;
    struct conv *conv;
    struct pool *pool;
    char *scratch; /* the workers', then what they share */
    size_t scratch_stride;
    struct onednn_conv *onednn;
};

static enum stoa_status floats(size_t count, struct stoa_error *error, float **block)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    return stoa_allocate_raw(&allocator, count, sizeof(float), error, block);
}

static void drop(void *block)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    stoa_release(&allocator, block);
}

/* The image that is the i-th to be checked. */
static size_t checked_image(const struct layer *layer, size_t i)
{
    return layer->images < layer->shape->N && i > 0 ? layer->shape->N - 1 : i;
}

static void run_naive(void *context)
{
    const struct layer *layer = ((struct runner *)context)->layer;
    const struct conv_shape *s = layer->shape;
    for (size_t i = 0; i < layer->images; i++) {
        size_t n = checked_image(layer, i);
        stoa_bench_naive(s, layer->plain_x + n * s->C * s->H * s->W, layer->weights, layer->bias,
                         layer->expected + n * layer->image);
    }
}

static void run_conv(void *context)
{
    const struct runner *runner = context;
    stoa_conv_run(runner->conv,
                  &(struct conv_args){.x = runner->layer->x,
                                      .y = runner->layer->y,
                                      .pool = runner->pool,
                                      .shared = runner->scratch + runner->threads * runner->scratch_stride,
                                      .worker_base = runner->scratch,
                                      .worker_stride = runner->scratch_stride});
}

static void run_onednn(void *context)
{
    stoa_bench_onednn_run(((struct runner *)context)->onednn);
}

static enum stoa_status turn(void *context, const struct turn *turn, struct stoa_error *error, double *seconds)
{
    const struct runner *runner = context;
    void (*run)(void *) = runner->conv ? run_conv : runner->onednn ? run_onednn : run_naive;
    STOA_TRY(stoa_bench_time_turn(turn, run, context, error, seconds));
    if (runner->threads > 1)
        stoa_bench_settle(0);
    return STOA_OK;
}

/* Once is enough: the slowest of all needs no warming up. */
static enum stoa_status naive_turn(void *context, const struct turn *turn, struct stoa_error *error, double *seconds)
{
    struct turn cold = {.runs = 1, .cold = true};
    (void)turn;
    return stoa_bench_time_turn(&cold, run_naive, context, error, seconds);
}

static enum stoa_status prepare(const struct conv_shape *s, struct stoa_error *error, struct layer *layer)
{
    size_t inputs = s->N * s->C * s->H * s->W, outputs = s->N * s->OC * s->OH * s->OW;
    size_t weights = s->OC * (s->C / s->groups) * s->kernel[0] * s->kernel[1];
    struct random random = {.state = 1};
    bool whole = s->N <= 2 || stoa_conv_macs(s) <= NAIVE_MACS;
    *layer = (struct layer){.shape = s, .image = s->OC * s->OH * s->OW, .images = whole ? s->N : 2};
    STOA_TRY(floats(inputs, error, &layer->x));
    STOA_TRY(floats(inputs, error, &layer->plain_x));
    STOA_TRY(floats(weights, error, &layer->weights));
    STOA_TRY(floats(s->OC, error, &layer->bias));
    STOA_TRY(floats(outputs, error, &layer->y));
    STOA_TRY(floats(outputs, error, &layer->expected));
    STOA_TRY(floats(outputs, error, &layer->result));
    stoa_random_fill(&random, inputs, layer->plain_x);
    stoa_random_fill(&random, weights, layer->weights);
    stoa_random_fill(&random, s->OC, layer->bias);
    stoa_bench_swap_channels(s->N, s->C, s->H * s->W, layer->plain_x, layer->x);
    return STOA_OK;
}

static void release(struct layer *layer)
{
    drop(layer->x);
    drop(layer->plain_x);
    drop(layer->weights);
    drop(layer->bias);
    drop(layer->y);
    drop(layer->expected);
    drop(layer->result);
}

static void close_runner(struct runner *runner)
{
    stoa_conv_free(runner->conv);
    stoa_pool_free(runner->pool);
    stoa_bench_onednn_free(runner->onednn);
    drop(runner->scratch);
}

static enum stoa_status open_conv(const struct layer *layer, enum stoa_lowering lowering, struct stoa_error *error,
                                  struct runner *runner)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    STOA_TRY(stoa_conv_create(&allocator, layer->shape, layer->weights, layer->bias,
                              &(struct conv_choice){.lowering = lowering}, error, &runner->conv));
    STOA_TRY(stoa_pool_create(&allocator, runner->threads, error, &runner->pool));
    runner->scratch_stride = (stoa_conv_worker_scratch(runner->conv) + STOA_ALIGNMENT - 1) & ~(STOA_ALIGNMENT - 1UL);
    size_t bytes = runner->threads * runner->scratch_stride + stoa_conv_shared_scratch(runner->conv);
    return stoa_allocate_raw(&allocator, 1, bytes, error, &runner->scratch);
}

/* Runs it once and compares; a result that is wrong is noted in the entry. */
static bool check(struct runner *runner, struct entry *entry)
{
    const struct layer *layer = runner->layer;
    const struct conv_shape *s = layer->shape;
    double difference = 0, largest = 0;
    bool right = true;
    memset(layer->y, 0xff, s->N * layer->image * sizeof(float));
    if (runner->conv) {
        run_conv(runner);
        stoa_bench_swap_channels(s->N, s->OH * s->OW, s->OC, layer->y, layer->result);
    } else {
        run_onednn(runner);
        stoa_bench_onednn_result(runner->onednn, layer->result);
    }
    for (size_t i = 0; right && i < layer->images; i++) {
        size_t at = checked_image(layer, i) * layer->image;
        right = stoa_bench_right(layer->image, layer->result + at, layer->expected + at, &difference, &largest);
    }
    if (!right) {
        entry->state = ENTRY_WRONG;
        snprintf(entry->message, sizeof entry->message, "off by %g where the largest is %g", difference, largest);
    }
    return right;
}

/* The contenders of one case. */
struct field {
    const struct bench *bench;
    struct layer layer;
    struct bench_case *c;
    struct runner runners[MAX_CONTENDERS];
    struct contender contenders[MAX_CONTENDERS];
    size_t runner_count, count;
};

static enum stoa_status add_naive(struct field *field, struct stoa_error *error)
{
    struct runner *runner = &field->runners[field->runner_count++];
    struct entry *entry;
    *runner = (struct runner){.layer = &field->layer, .threads = 1};
    run_naive(runner);
    if (!stoa_bench_against(&field->bench->options, "naive"))
        return STOA_OK;
    STOA_TRY(stoa_bench_add_entry(field->c, "naive", "naive", error, &entry));
    entry->ours = true;
    if (field->layer.images < field->layer.shape->N) {
        entry->state = ENTRY_ABSENT;
        stoa_bench_set(sizeof entry->message, entry->message, "it would take too long");
        return STOA_OK;
    }
    field->contenders[field->count++] =
        (struct contender){.entry = field->c->entry_count - 1, .once = true, .context = runner, .turn = naive_turn};
    return STOA_OK;
}

/* Puts a runner that is open, or could not be opened for the reason given, in the field. */
static enum stoa_status enter(struct field *field, struct runner *runner, const char *name, const char *family,
                              const char *reason, struct stoa_error *error)
{
    struct entry *entry;
    STOA_TRY(stoa_bench_add_entry(field->c, name, family, error, &entry));
    entry->threads = runner->threads;
    entry->ours = strcmp(family, "onednn") != 0;
    if (reason) {
        entry->state = ENTRY_ABSENT;
        stoa_bench_set(sizeof entry->message, entry->message, reason);
        return STOA_OK;
    }
    if (runner->conv)
        stoa_bench_set(sizeof entry->how, entry->how, stoa_conv_describe(runner->conv));
    if (check(runner, entry))
        field->contenders[field->count++] =
            (struct contender){.entry = field->c->entry_count - 1, .context = runner, .turn = turn};
    return STOA_OK;
}

static enum stoa_status add_lowering(struct field *field, size_t threads, enum stoa_lowering lowering,
                                     struct stoa_error *error)
{
    const char *name = lowering == STOA_LOWERING_AUTO ? "stoa" : stoa_lowering_name(lowering);
    struct runner *runner = &field->runners[field->runner_count++];
    *runner = (struct runner){.layer = &field->layer, .threads = threads};
    struct stoa_error reason;
    enum stoa_status status = open_conv(&field->layer, lowering, &reason, runner);
    if (status == STOA_OK)
        return enter(field, runner, name, name, NULL, error);
    if (status != STOA_ERROR_UNSUPPORTED && status != STOA_ERROR_LIMIT)
        return stoa_fail(error, status, "%s: %s", name, reason.message);
    return enter(field, runner, name, name, reason.message, error);
}

static enum stoa_status add_onednn(struct field *field, size_t threads, enum onednn_algorithm algorithm,
                                   struct stoa_error *error)
{
    const struct layer *layer = &field->layer;
    struct runner *runner = &field->runners[field->runner_count++];
    *runner = (struct runner){.layer = layer, .threads = threads};
    runner->onednn =
        stoa_bench_onednn_create(layer->shape, algorithm, threads, layer->plain_x, layer->weights, layer->bias);
    const char *reason = runner->onednn                ? NULL
                         : stoa_bench_onednn_present() ? "oneDNN does not offer it"
                                                       : "oneDNN was not found when this was built";
    return enter(field, runner, algorithm == ONEDNN_DIRECT ? "onednn-direct" : "onednn-winograd", "onednn", reason,
                 error);
}

static enum stoa_status add_threads(struct field *field, size_t threads, struct stoa_error *error)
{
    const struct bench_options *options = &field->bench->options;
    size_t first = field->c->entry_count;
    for (int i = STOA_LOWERING_AUTO; i < STOA_LOWERING_COUNT; i++)
        if (i == STOA_LOWERING_AUTO || stoa_bench_against(options, stoa_lowering_name((enum stoa_lowering)i)))
            STOA_TRY(add_lowering(field, threads, (enum stoa_lowering)i, error));
    if (stoa_bench_against(options, "onednn")) {
        STOA_TRY(add_onednn(field, threads, ONEDNN_DIRECT, error));
        STOA_TRY(add_onednn(field, threads, ONEDNN_WINOGRAD, error));
    }
    for (size_t i = first + 1; i < field->c->entry_count; i++) {
        struct entry *entry = &field->c->entries[i];
        entry->rival = first;
        entry->target = strcmp(entry->family, "onednn") == 0 ? ONEDNN_TARGET : 0;
    }
    return STOA_OK;
}

static const char *group(const struct conv_shape *s)
{
    if (s->groups == 1)
        return s->C >= DENSE_CHANNELS ? "dense" : "shallow";
    return s->groups == s->C ? "depthwise" : "grouped";
}

static void describe(const struct conv_shape *s, struct bench_case *c)
{
    c->batch = s->N;
    c->flops = 2 * stoa_conv_macs(s);
    c->bytes = sizeof(float) *
               ((double)s->N * ((double)s->C * (double)(s->H * s->W) + (double)s->OC * (double)(s->OH * s->OW)) +
                (double)s->OC * (double)(s->C / s->groups * s->kernel[0] * s->kernel[1] + 1));
    stoa_bench_set(sizeof c->group, c->group, group(s));
    size_t used = (size_t)snprintf(c->shape, sizeof c->shape, "%zu→%zu, %zux%zu, %zux%zu", s->C, s->OC, s->H, s->W,
                                   s->kernel[0], s->kernel[1]);
    if (s->stride[0] > 1)
        used += (size_t)snprintf(c->shape + used, sizeof c->shape - used, " stride %zu", s->stride[0]);
    if (s->groups > 1)
        snprintf(c->shape + used, sizeof c->shape - used, ", %zu groups", s->groups);
}

static enum stoa_status measure(struct field *field, struct stoa_error *error)
{
    const struct bench_options *options = &field->bench->options;
    STOA_TRY(add_naive(field, error));
    for (size_t i = 0; i < options->threads.count; i++)
        STOA_TRY(add_threads(field, options->threads.items[i], error));
    return stoa_bench_contest(options, TURN_SECONDS, field->contenders, field->count, error, field->c);
}

static enum stoa_status bench_layer(struct bench *bench, const char *name, const struct conv_shape *shape,
                                    struct stoa_error *error)
{
    struct field *field = calloc(1, sizeof *field);
    if (!field)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory");
    field->bench = bench;
    enum stoa_status status = stoa_bench_add_case(&bench->record, "layers", name, error, &field->c);
    if (status == STOA_OK) {
        field->c->cold = bench->options.cold;
        describe(shape, field->c);
        status = prepare(shape, error, &field->layer);
    }
    if (status == STOA_OK)
        status = measure(field, error);
    if (status == STOA_OK)
        bench->row(bench, field->c);
    else
        stoa_error_prefix(error, "%s: ", name);
    for (size_t i = 0; i < field->runner_count; i++)
        close_runner(&field->runners[i]);
    release(&field->layer);
    free(field);
    return status;
}

enum stoa_status stoa_bench_layers(struct bench *bench, struct stoa_error *error)
{
    static struct layer_line lines[BENCH_MAX_CASES];
    char path[4096];
    size_t count;
    const struct size_list *batches = &bench->options.batch;
    STOA_TRY(stoa_bench_read_layers(stoa_bench_list_path(bench, "shapes/layers.txt", sizeof path, path), error, &count,
                                    lines));
    for (size_t i = 0; i < count; i++)
        for (size_t b = 0; stoa_bench_selected(bench, lines[i].name) && b < (batches->count ? batches->count : 1);
             b++) {
            struct conv_shape shape = lines[i].shape;
            if (batches->count)
                shape.N = batches->items[b];
            STOA_TRY(bench_layer(bench, lines[i].name, &shape, error));
        }
    return STOA_OK;
}
