/* Times single convolutions: a naive loop, the textbook's im2col, tiled im2col, views, and oneDNN where it is there.
 * Contenders take turns, so that whatever else the machine does falls on all of them; each result is compared with the
 * naive loop's before it is timed. */
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/blas.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "cli/blas_restart.h"
#include "lower/lower.h"
#include "onednn.h"

#define MAX_ROUNDS 32
#define DENSE_CHANNELS 16 /* the summary is over dense layers with at least so many input channels */

enum contender { NAIVE, FULL, IM2COL, VIEW, CHOSEN, ONEDNN, CONTENDERS };
static const char *const names[CONTENDERS] = {"naive", "im2col-full", "im2col", "view", "chosen", "oneDNN"};
static const enum stoa_lowering lowerings[CONTENDERS] = {[FULL] = STOA_LOWERING_IM2COL_FULL,
                                                         [IM2COL] = STOA_LOWERING_IM2COL,
                                                         [VIEW] = STOA_LOWERING_VIEW,
                                                         [CHOSEN] = STOA_LOWERING_AUTO};

struct options {
    bool quick;
    size_t threads;
    const char *filter, *shapes;
};

struct layer {
    char name[32];
    struct conv_shape shape;
    float *x, *weights, *bias, *y;  /* x and y channels-last for the engine */
    float *plain_x, *naive_y;       /* and as N C H W */
    struct conv *convs[CONTENDERS]; /* FULL to CHOSEN */
    struct onednn_conv *onednn;
    char *scratch;
    size_t scratch_stride;
};

struct times {
    size_t count;
    double seconds[MAX_ROUNDS]; /* sorted */
};

static float *floats(size_t count)
{
    float *block = aligned_alloc(64, (count * sizeof(float) + 127) / 64 * 64);
    if (!block) {
        fprintf(stderr, "stoa-bench-layers: out of memory: %zu floats\n", count);
        exit(1);
    }
    return block;
}

/* to[n][columns][rows] <- from[n][rows][columns]: between N C H W and N H W C, either way. */
static void swap_channels(size_t n, size_t rows, size_t columns, const float *from, float *to)
{
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < rows; r++)
            for (size_t c = 0; c < columns; c++)
                to[(i * columns + c) * rows + r] = from[(i * rows + r) * columns + c];
}

static float naive_pixel(const struct conv_shape *s, const float *x, const float *weights, size_t oy, size_t ox)
{
    float sum = 0;
    for (size_t c = 0; c < s->C / s->groups; c++)
        for (size_t r = 0; r < s->kernel[0]; r++)
            for (size_t q = 0; q < s->kernel[1]; q++) {
                size_t iy = oy * s->stride[0] + r - s->pad[0], ix = ox * s->stride[1] + q - s->pad[1];
                if (iy < s->H && ix < s->W)
                    sum += x[(c * s->H + iy) * s->W + ix] * weights[(c * s->kernel[0] + r) * s->kernel[1] + q];
            }
    return sum;
}

static void naive(const struct layer *layer)
{
    const struct conv_shape *s = &layer->shape;
    size_t channels = s->C / s->groups, outputs = s->OC / s->groups, depth = channels * s->kernel[0] * s->kernel[1];
    for (size_t n = 0; n < s->N; n++)
        for (size_t o = 0; o < s->OC; o++) {
            const float *x = layer->plain_x + (n * s->C + o / outputs * channels) * s->H * s->W;
            float *y = layer->naive_y + (n * s->OC + o) * s->OH * s->OW;
            for (size_t oy = 0; oy < s->OH; oy++)
                for (size_t ox = 0; ox < s->OW; ox++)
                    y[oy * s->OW + ox] = layer->bias[o] + naive_pixel(s, x, layer->weights + o * depth, oy, ox);
        }
}

static void layer_run(const struct layer *layer, enum contender contender, struct pool *pool)
{
    if (contender == NAIVE)
        naive(layer);
    else if (contender == ONEDNN)
        onednn_run(layer->onednn);
    else
        stoa_conv_run(layer->convs[contender], &(struct conv_args){.x = layer->x,
                                                                   .y = layer->y,
                                                                   .pool = pool,
                                                                   .worker_base = layer->scratch,
                                                                   .worker_stride = layer->scratch_stride});
}

static bool layer_has(const struct layer *layer, enum contender contender)
{
    return contender == NAIVE || (contender == ONEDNN ? layer->onednn != NULL : layer->convs[contender] != NULL);
}

static bool layer_prepare(struct layer *layer, size_t workers)
{
    const struct conv_shape *s = &layer->shape;
    size_t inputs = s->N * s->C * s->H * s->W, outputs = s->N * s->OC * s->OH * s->OW;
    size_t weights = s->OC * (s->C / s->groups) * s->kernel[0] * s->kernel[1];
    struct random random = {.state = 1};
    layer->plain_x = floats(inputs);
    layer->x = floats(inputs);
    layer->weights = floats(weights);
    layer->bias = floats(s->OC);
    layer->y = floats(outputs);
    layer->naive_y = floats(outputs);
    stoa_random_fill(&random, inputs, layer->plain_x);
    stoa_random_fill(&random, weights, layer->weights);
    stoa_random_fill(&random, s->OC, layer->bias);
    swap_channels(s->N, s->C, s->H * s->W, layer->plain_x, layer->x);

    struct stoa_allocator allocator = stoa_allocator_default();
    for (int i = FULL; i <= CHOSEN; i++) {
        struct stoa_error error;
        if (stoa_conv_create(&allocator, s, layer->weights, layer->bias,
                             &(struct conv_choice){.lowering = lowerings[i]}, &error, &layer->convs[i])) {
            fprintf(stderr, "%s: %s: %s\n", layer->name, names[i], error.message);
            return false;
        }
        size_t scratch = (stoa_conv_worker_scratch(layer->convs[i]) + 63) / 64 * 64;
        if (scratch > layer->scratch_stride)
            layer->scratch_stride = scratch;
    }
    layer->scratch = (char *)floats(layer->scratch_stride * workers / sizeof(float));
    layer->onednn = onednn_create(s, layer->plain_x, layer->weights, layer->bias);
    return true;
}

static void layer_release(struct layer *layer)
{
    for (int i = 0; i < CONTENDERS; i++)
        stoa_conv_free(layer->convs[i]);
    onednn_free(layer->onednn);
    free(layer->x);
    free(layer->weights);
    free(layer->bias);
    free(layer->y);
    free(layer->plain_x);
    free(layer->naive_y);
    free(layer->scratch);
}

/* Whether the contender's result is the naive loop's, but for rounding. */
static bool layer_check(struct layer *layer, enum contender contender, struct pool *pool)
{
    const struct conv_shape *s = &layer->shape;
    size_t outputs = s->N * s->OC * s->OH * s->OW;
    float *y = floats(outputs);
    memset(layer->y, 0xff, outputs * sizeof(float));
    layer_run(layer, contender, pool);
    if (contender == ONEDNN)
        onednn_result(layer->onednn, y);
    else
        swap_channels(s->N, s->OH * s->OW, s->OC, layer->y, y);
    double largest = 0, difference = 0;
    bool finite = true;
    for (size_t i = 0; i < outputs; i++) {
        largest = fmax(largest, fabs((double)layer->naive_y[i]));
        difference = fmax(difference, fabs((double)layer->naive_y[i] - y[i]));
        finite = finite && isfinite(y[i]);
    }
    free(y);
    if (finite && difference <= 1e-4 * largest)
        return true;
    fprintf(stderr, "%s: %s is wrong by %g of %g\n", layer->name, names[contender], difference, largest);
    return false;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct times *times)
{
    size_t middle = times->count / 2;
    return times->count % 2 ? times->seconds[middle] : (times->seconds[middle - 1] + times->seconds[middle]) / 2;
}

static void measure(const struct layer *layer, const struct options *options, struct pool *pool,
                    struct times times[CONTENDERS])
{
    size_t rounds = options->quick ? 7 : 21;
    double target = options->quick ? 4e-3 : 10e-3;
    size_t repeats[CONTENDERS] = {0};
    for (int i = FULL; i < CONTENDERS; i++) {
        if (!layer_has(layer, i))
            continue;
        double start = stoa_seconds();
        layer_run(layer, i, pool);
        repeats[i] = (size_t)(target / (stoa_seconds() - start)) + 1;
    }
    for (size_t round = 0; round < rounds; round++)
        for (int i = FULL; i < CONTENDERS; i++) {
            if (!repeats[i])
                continue;
            double start = stoa_seconds();
            for (size_t j = 0; j < repeats[i]; j++)
                layer_run(layer, i, pool);
            times[i].seconds[times[i].count++] = (stoa_seconds() - start) / (double)repeats[i];
        }
    for (int i = 0; i < CONTENDERS; i++)
        qsort(times[i].seconds, times[i].count, sizeof(double), ascending);
}

static void print_times(const struct times *times)
{
    if (!times->count)
        printf(" %27s", "-");
    else
        printf(" %9.1f (%7.0f..%7.0f)", 1e6 * median(times), 1e6 * times->seconds[0],
               1e6 * times->seconds[times->count - 1]);
}

/* Sums of logarithms, for geometric means. */
struct summary {
    size_t count, peer_count; /* layers, and those of them that oneDNN takes */
    double median_ratio, best_ratio, full_ratio, im2col_ratio;
};

static void summarise(const struct layer *layer, const struct times times[CONTENDERS], struct summary *summary)
{
    if (layer->shape.groups > 1 || layer->shape.C < DENSE_CHANNELS)
        return;
    double view = median(&times[VIEW]);
    summary->count++;
    summary->full_ratio += log(median(&times[FULL]) / view);
    summary->im2col_ratio += log(median(&times[IM2COL]) / view);
    if (times[ONEDNN].count) {
        summary->peer_count++;
        summary->median_ratio += log(median(&times[ONEDNN]) / view);
        summary->best_ratio += log(times[ONEDNN].seconds[0] / times[VIEW].seconds[0]);
    }
}

static bool bench_layer(struct layer *layer, const struct options *options, struct pool *pool, struct summary *summary)
{
    struct times times[CONTENDERS] = {{0}};
    if (!layer_prepare(layer, stoa_pool_workers(pool)))
        return false;
    double start = stoa_seconds();
    naive(layer);
    times[NAIVE] = (struct times){.count = 1, .seconds = {stoa_seconds() - start}};
    bool right = true;
    for (int i = FULL; i < CONTENDERS; i++)
        right = right && (!layer_has(layer, i) || layer_check(layer, i, pool));
    if (!right)
        return false;

    measure(layer, options, pool, times);
    printf("%-11s %9.0f", layer->name, 1e6 * times[NAIVE].seconds[0]);
    for (int i = FULL; i < CONTENDERS; i++)
        print_times(&times[i]);
    double flops = 2e-9 * stoa_conv_macs(&layer->shape);
    printf(" %7.1f", flops / median(&times[VIEW]));
    for (int i = VIEW; i <= CHOSEN; i++)
        if (times[ONEDNN].count)
            printf(" %7.3f", times[ONEDNN].seconds[0] / times[i].seconds[0]);
        else
            printf(" %7s", "-");
    printf("  %s\n", stoa_conv_describe(layer->convs[CHOSEN]));
    fflush(stdout);
    summarise(layer, times, summary);
    return true;
}

/* One line of the file of shapes; 1: a layer, 0: nothing, -1: not understood. */
static int parse_line(const char *line, struct layer *layer)
{
    *layer = (struct layer){{0}};
    struct conv_shape *s = &layer->shape;
    size_t kernel, stride, pad;
    if (line[strspn(line, " \t\r\n")] == 0 || line[0] == '#')
        return 0;
    if (sscanf(line, "%31s %zu %zu %zu %zu %zu %zu %zu %zu %zu", layer->name, &s->N, &s->C, &s->H, &s->W, &s->OC,
               &kernel, &stride, &pad, &s->groups) != 10)
        return -1;
    for (int i = 0; i < 2; i++) {
        s->kernel[i] = kernel;
        s->stride[i] = stride;
        s->dilation[i] = 1;
        s->pad[i] = s->pad[i + 2] = pad;
    }
    struct stoa_error error;
    if (stoa_conv_shape_finish(s, &error) == STOA_OK)
        return 1;
    fprintf(stderr, "%s: %s\n", layer->name, error.message);
    return -1;
}

static void print_cpu(void)
{
    char line[256];
    FILE *file = fopen("/proc/cpuinfo", "r");
    while (file && fgets(line, sizeof line, file))
        if (strncmp(line, "model name", 10) == 0) {
            printf("CPU%s", strchr(line, ':'));
            break;
        }
    if (file)
        fclose(file);
}

static void print_head(const struct options *options)
{
    struct stoa_blas_info blas;
    stoa_blas_describe(&blas);
    print_cpu();
    printf("BLAS: %s, core %s, %d thread; small-matrix kernels: %s\n", blas.config, blas.core, blas.threads,
           blas.small_matrix ? "yes" : "no");
    printf("threads: %zu; oneDNN: %s\n", options->threads,
           onednn_present() ? "present" : "not found when this was built");
    printf("microseconds, median (least..most) of interleaved repeats; GFLOP/s of view;\n"
           "ratios oneDNN / view and oneDNN / chosen of least times, which other work on the machine disturbs least;\n"
           "chosen is what the cost model takes\n\n");
    printf("%-11s %9s", "layer", names[NAIVE]);
    for (int i = FULL; i < CONTENDERS; i++)
        printf(" %27s", names[i]);
    printf(" %7s %7s %7s  %s\n", "GFLOP/s", "/ view", "/chosen", "choice");
}

static void print_summary(const struct summary *summary)
{
    if (!summary->count)
        return;
    double count = (double)summary->count, peer_count = (double)summary->peer_count;
    printf("\ngeometric means over the %zu dense layers with C >= %d:\n", summary->count, DENSE_CHANNELS);
    if (summary->peer_count)
        printf("  oneDNN direct / view  %.3f (medians), %.3f (least times)\n", exp(summary->median_ratio / peer_count),
               exp(summary->best_ratio / peer_count));
    printf("  im2col-full / view    %.3f\n  im2col / view         %.3f\n", exp(summary->full_ratio / count),
           exp(summary->im2col_ratio / count));
}

static int bench_file(const struct options *options, struct pool *pool)
{
    FILE *file = fopen(options->shapes, "r");
    if (!file) {
        perror(options->shapes);
        return 1;
    }
    char line[256];
    struct summary summary = {0};
    int status = 0;
    size_t timed = 0;
    print_head(options);
    while (status == 0 && fgets(line, sizeof line, file)) {
        struct layer layer;
        int parsed = parse_line(line, &layer);
        if (parsed < 0) {
            fprintf(stderr, "%s: not understood: %s", options->shapes, line);
            status = 1;
        } else if (parsed > 0 && (!options->filter || strstr(layer.name, options->filter))) {
            status = bench_layer(&layer, options, pool, &summary) ? 0 : 1;
            layer_release(&layer);
            timed++;
        }
    }
    fclose(file);
    print_summary(&summary);
    if (status == 0 && timed == 0) {
        fprintf(stderr, "%s: no layer to time%s%s\n", options->shapes, options->filter ? " that is named like " : "",
                options->filter ? options->filter : "");
        status = 1;
    }
    return status;
}

static int usage(const char *word)
{
    fprintf(stderr,
            "stoa-bench-layers: %s\nusage: stoa-bench-layers [--quick] [--threads N] [--filter NAME] "
            "[--shapes FILE]\n",
            word);
    return 2;
}

int main(int argc, char **argv)
{
    struct options options = {.threads = 1, .shapes = BENCH_SHAPES};
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--quick") == 0) {
            options.quick = true;
            continue;
        }
        if (!value)
            return usage(argv[i]);
        if (strcmp(argv[i], "--threads") == 0)
            options.threads = strtoul(value, NULL, 10);
        else if (strcmp(argv[i], "--filter") == 0)
            options.filter = value;
        else if (strcmp(argv[i], "--shapes") == 0)
            options.shapes = value;
        else
            return usage(argv[i]);
        i++;
    }
    if (options.threads == 0)
        return usage("--threads must be at least 1");
    char threads[32];
    snprintf(threads, sizeof threads, "%zu", options.threads);
    stoa_cli_choose_blas(argv, threads); /* oneDNN shares out its work by OpenMP */

    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error;
    struct pool *pool;
    if (stoa_pool_create(&allocator, options.threads, &error, &pool)) {
        fprintf(stderr, "stoa-bench-layers: %s\n", error.message);
        return 1;
    }
    int status = bench_file(&options, pool);
    stoa_pool_free(pool);
    return status;
}
