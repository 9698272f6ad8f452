/* Matrix products, as the engine computes them and as one plain call of cblas_sgemm does, against the peak of the
 * machine. The engine's product is a 1x1 convolution of m pixels, or a fully connected layer where there are few rows:
 * weights packed beforehand, cut into tiles that BLAS likes. */
#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <stoa/layers.h>
#include <string.h>

#include "base/memory.h"
#include "base/random.h"
#include "base/size.h"
#include "base/status.h"
#include "contest.h"
#include "datafile.h"
#include "naive.h"
#include "settle.h"
#include "suite.h"

#define TURN_SECONDS 4e-3
#define LINEAR_ROWS 16  /* up to so many rows are a fully connected layer's */
#define CHECKED_ROWS 16 /* of the result, spread over all of it */
#define MAX_CONTENDERS (2 * BENCH_MAX_LIST)

struct product {
    const struct gemm_line *line;
    bool linear; /* weights are [n][k] */
    float *x, *weights, *bias, *y;
    float *expected, *result; /* of the checked rows */
};

/* Both null: plain cblas_sgemm. */
struct runner {
    const struct product *product;
    size_t threads;
    struct stoa_conv2d *conv;
    struct stoa_linear *linear;
    void *workspace;
    size_t workspace_size;
};

static void run_stoa(void *context)
{
    const struct runner *runner = context;
    const struct product *p = runner->product;
    struct stoa_error error;
    enum stoa_status status =
        runner->linear ? stoa_linear_run(runner->linear, p->x, &error, p->y)
                       : stoa_conv2d_run(runner->conv, p->x, runner->workspace_size, runner->workspace, &error, p->y);
    if (status != STOA_OK) /* the check before timing sees this */
        memset(p->y, 0xff, p->line->m * p->line->n * sizeof(float));
}

static void run_cblas(void *context)
{
    const struct product *p = ((struct runner *)context)->product;
    const struct gemm_line *l = p->line;
    for (size_t i = 0; i < l->m; i++)
        memcpy(p->y + i * l->n, p->bias, l->n * sizeof(float));
    cblas_sgemm(CblasRowMajor, CblasNoTrans, p->linear ? CblasTrans : CblasNoTrans, (blasint)l->m, (blasint)l->n,
                (blasint)l->k, 1, p->x, (blasint)l->k, p->weights, (blasint)(p->linear ? l->k : l->n), 1, p->y,
                (blasint)l->n);
}

static enum stoa_status turn(void *context, const struct turn *turn, struct stoa_error *error, double *seconds)
{
    const struct runner *runner = context;
    STOA_TRY(
        stoa_bench_time_turn(turn, runner->conv || runner->linear ? run_stoa : run_cblas, context, error, seconds));
    if (runner->threads > 1)
        stoa_bench_settle(0);
    return STOA_OK;
}

static size_t checked_rows(const struct product *p)
{
    return stoa_size_min(p->line->m, CHECKED_ROWS);
}

static size_t checked_row(const struct product *p, size_t i)
{
    return i * (p->line->m - 1) / stoa_size_max(checked_rows(p) - 1, 1);
}

/* In double, by the definition. */
static void expect(struct product *p)
{
    const struct gemm_line *l = p->line;
    for (size_t i = 0; i < checked_rows(p); i++)
        for (size_t j = 0; j < l->n; j++) {
            const float *x = p->x + checked_row(p, i) * l->k;
            double sum = (double)p->bias[j];
            for (size_t k = 0; k < l->k; k++)
                sum += (double)x[k] * (double)p->weights[p->linear ? j * l->k + k : k * l->n + j];
            p->expected[i * l->n + j] = (float)sum;
        }
}

static bool check(struct runner *runner, struct entry *entry)
{
    const struct product *p = runner->product;
    size_t n = p->line->n;
    double difference, largest;
    memset(p->y, 0xff, p->line->m * n * sizeof(float));
    (runner->conv || runner->linear ? run_stoa : run_cblas)(runner);
    for (size_t i = 0; i < checked_rows(p); i++)
        memcpy(p->result + i * n, p->y + checked_row(p, i) * n, n * sizeof(float));
    if (stoa_bench_right(checked_rows(p) * n, p->result, p->expected, &difference, &largest))
        return true;
    entry->state = ENTRY_WRONG;
    snprintf(entry->message, sizeof entry->message, "off by %g where the largest is %g", difference, largest);
    return false;
}

static enum stoa_status prepare(const struct gemm_line *l, struct stoa_error *error, struct product *p)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct random random = {.state = 1};
    if (l->m > INT_MAX || l->n > INT_MAX || l->k > INT_MAX || l->m * l->k > SIZE_MAX / 64 ||
        l->k * l->n > SIZE_MAX / 64)
        return stoa_fail(error, STOA_ERROR_LIMIT, "%zu x %zu x %zu is too large", l->m, l->n, l->k);
    *p = (struct product){.line = l, .linear = l->m <= LINEAR_ROWS};
    STOA_TRY(stoa_allocate_raw(&allocator, l->m * l->k, sizeof(float), error, &p->x));
    STOA_TRY(stoa_allocate_raw(&allocator, l->k * l->n, sizeof(float), error, &p->weights));
    STOA_TRY(stoa_allocate_raw(&allocator, l->n, sizeof(float), error, &p->bias));
    STOA_TRY(stoa_allocate_raw(&allocator, l->m * l->n, sizeof(float), error, &p->y));
    STOA_TRY(stoa_allocate_raw(&allocator, CHECKED_ROWS * l->n, sizeof(float), error, &p->expected));
    STOA_TRY(stoa_allocate_raw(&allocator, CHECKED_ROWS * l->n, sizeof(float), error, &p->result));
    stoa_random_fill(&random, l->m * l->k, p->x);
    stoa_random_fill(&random, l->k * l->n, p->weights);
    stoa_random_fill(&random, l->n, p->bias);
    expect(p);
    return STOA_OK;
}

static void release(struct product *p)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    float *const blocks[] = {p->x, p->weights, p->bias, p->y, p->expected, p->result};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
        stoa_release(&allocator, blocks[i]);
}

/* The convolution wants its weights as [n][k], so they are turned round for it. */
static enum stoa_status open_conv(const struct product *p, struct stoa_error *error, struct runner *runner)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    const struct gemm_line *l = p->line;
    struct stoa_conv2d_desc desc = {.height = 1,
                                    .width = l->m,
                                    .in_channels = l->k,
                                    .out_channels = l->n,
                                    .kernel = {1, 1},
                                    .layout = STOA_NHWC,
                                    .threads = runner->threads};
    float *turned;
    STOA_TRY(stoa_allocate_raw(&allocator, l->k * l->n, sizeof(float), error, &turned));
    stoa_bench_swap_channels(1, l->k, l->n, p->weights, turned);
    enum stoa_status status = stoa_conv2d_create(&desc, turned, p->bias, error, &runner->conv);
    stoa_release(&allocator, turned);
    STOA_TRY(status);
    runner->workspace_size = stoa_conv2d_workspace_size(runner->conv);
    return stoa_allocate_raw(&allocator, runner->workspace_size, 1, error, &runner->workspace);
}

static void close_runner(struct runner *runner)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    stoa_conv2d_free(runner->conv);
    stoa_linear_free(runner->linear);
    stoa_release(&allocator, runner->workspace);
}

/* The contenders of one product. */
struct field {
    struct product product;
    struct runner runners[MAX_CONTENDERS];
    struct contender contenders[MAX_CONTENDERS];
    size_t runner_count, count;
};

static enum stoa_status enter(struct field *field, struct runner *runner, const char *name, struct stoa_error *error,
                              struct bench_case *c)
{
    struct entry *entry;
    STOA_TRY(stoa_bench_add_entry(c, name, name, error, &entry));
    entry->threads = runner->threads;
    entry->ours = strcmp(name, "stoa") == 0;
    if (check(runner, entry))
        field->contenders[field->count++] =
            (struct contender){.entry = c->entry_count - 1, .context = runner, .turn = turn};
    return STOA_OK;
}

static enum stoa_status add_stoa(struct field *field, size_t threads, struct stoa_error *error, struct bench_case *c)
{
    const struct product *p = &field->product;
    struct runner *runner = &field->runners[field->runner_count++];
    *runner = (struct runner){.product = p, .threads = threads};
    if (p->linear) {
        struct stoa_linear_desc desc = {
            .batch = p->line->m, .in_features = p->line->k, .out_features = p->line->n, .threads = threads};
        STOA_TRY(stoa_linear_create(&desc, p->weights, p->bias, error, &runner->linear));
    } else {
        STOA_TRY(open_conv(p, error, runner));
    }
    return enter(field, runner, "stoa", error, c);
}

/* Products of few rows are bound by reading the weights: that speed, and its share of what copying reads and writes. */
static void tell_bandwidth(const struct gemm_line *line, double copy_gbytes, struct entry *entry)
{
    double seconds = stoa_bench_quantile(entry->count, entry->samples, 0.5);
    double gbytes = seconds > 0 ? 4e-9 * (double)line->n * (double)line->k / seconds : 0;
    if (seconds > 0)
        snprintf(entry->how, sizeof entry->how, "weights at %.1f GB/s, %.0f %% of copying", gbytes,
                 copy_gbytes > 0 ? 100 * gbytes / (2 * copy_gbytes) : 0);
}

static enum stoa_status measure(struct field *field, const struct bench *bench, struct stoa_error *error,
                                struct bench_case *c)
{
    const struct bench_options *options = &bench->options;
    for (size_t i = 0; i < options->threads.count; i++) {
        STOA_TRY(add_stoa(field, options->threads.items[i], error, c));
        /* BLAS's own threads are not ours to switch between turns, so it stands beside one thread of ours alone. */
        if (options->threads.items[i] != 1 || !stoa_bench_against(options, "cblas"))
            continue;
        struct runner *runner = &field->runners[field->runner_count++];
        *runner = (struct runner){.product = &field->product, .threads = 1};
        STOA_TRY(enter(field, runner, "cblas", error, c));
        c->entries[c->entry_count - 1].rival = c->entry_count - 2;
    }
    STOA_TRY(stoa_bench_contest(options, TURN_SECONDS, field->contenders, field->count, error, c));
    for (size_t i = 0; field->product.linear && i < c->entry_count; i++)
        tell_bandwidth(field->product.line, bench->record.machine.copy_gbytes, &c->entries[i]);
    return STOA_OK;
}

static enum stoa_status bench_product(struct bench *bench, const struct gemm_line *line, struct stoa_error *error)
{
    struct field *field = calloc(1, sizeof *field);
    struct bench_case *c = NULL;
    if (!field)
        return stoa_fail(error, STOA_ERROR_MEMORY, "out of memory");
    enum stoa_status status = stoa_bench_add_case(&bench->record, "gemm", line->name, error, &c);
    if (status == STOA_OK)
        status = prepare(line, error, &field->product);
    if (status == STOA_OK) {
        c->cold = bench->options.cold;
        c->flops = 2.0 * (double)line->m * (double)line->n * (double)line->k;
        c->bytes =
            sizeof(float) * ((double)line->m * (double)(line->k + line->n) + (double)line->n * (double)(line->k + 1));
        stoa_bench_set(sizeof c->group, c->group, field->product.linear ? "few rows" : "convolution");
        snprintf(c->shape, sizeof c->shape, "%zu x %zu x %zu", line->m, line->n, line->k);
        status = measure(field, bench, error, c);
    }
    if (status == STOA_OK)
        bench->row(bench, c);
    else
        stoa_error_prefix(error, "%s: ", line->name);
    for (size_t i = 0; i < field->runner_count; i++)
        close_runner(&field->runners[i]);
    release(&field->product);
    free(field);
    return status;
}

enum stoa_status stoa_bench_gemm(struct bench *bench, struct stoa_error *error)
{
    static struct gemm_line lines[BENCH_MAX_CASES];
    char path[4096];
    size_t count;
    STOA_TRY(
        stoa_bench_read_gemms(stoa_bench_list_path(bench, "shapes/gemm.txt", sizeof path, path), error, &count, lines));
    for (size_t i = 0; i < count; i++)
        if (stoa_bench_selected(bench, lines[i].name))
            STOA_TRY(bench_product(bench, &lines[i], error));
    return STOA_OK;
}
