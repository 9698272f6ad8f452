/* Single layers against plain loops written here. */
#include <criterion/criterion.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/backward.h>
#include <stoa/layers.h>

#include "base/random.h"
#include "support/allocator.h"
#include "support/host_pool.h"

#define MAX 40000

static const struct {
    const char *name;
    struct stoa_conv2d_desc desc;
    int bias;
} convs[] = {
    {"3x3", {.height = 9, .width = 7, .in_channels = 5, .out_channels = 6, .kernel = {3, 3}}, 1},
    {"batch, pads, stride",
     {.batch = 3,
      .height = 8,
      .width = 11,
      .in_channels = 17,
      .out_channels = 33,
      .kernel = {3, 5},
      .stride = {2, 1},
      .pad = {1, 2, 0, 3}},
     1},
    {"transforms shared by the workers",
     {.height = 20,
      .width = 20,
      .in_channels = 64,
      .out_channels = 64,
      .kernel = {3, 3},
      .threads = 2,
      .lowering = STOA_LOWERING_WINOGRAD},
     1},
    {"1x1, no bias", {.height = 5, .width = 5, .in_channels = 64, .out_channels = 70, .kernel = {1, 1}}, 0},
    {"groups, dilation",
     {.height = 9,
      .width = 9,
      .in_channels = 6,
      .out_channels = 9,
      .kernel = {2, 3},
      .dilation = {2, 1},
      .groups = 3,
      .threads = 2},
     1},
};

/* y and the bound on its float error, N C H W. */
static void naive_conv(const struct stoa_conv2d_desc *d, size_t OH, size_t OW, const float *x, const float *w,
                       const float *bias, double *y, double *slack)
{
    size_t N = d->batch ? d->batch : 1, G = d->groups ? d->groups : 1, C = d->in_channels / G, OC = d->out_channels;
    size_t sh = d->stride[0] ? d->stride[0] : 1, sw = d->stride[1] ? d->stride[1] : 1;
    size_t dh = d->dilation[0] ? d->dilation[0] : 1, dw = d->dilation[1] ? d->dilation[1] : 1;
    for (size_t n = 0; n < N; n++)
        for (size_t k = 0; k < OC; k++)
            for (size_t oy = 0; oy < OH; oy++)
                for (size_t ox = 0; ox < OW; ox++) {
                    double sum = bias ? (double)bias[k] : 0, size = fabs(sum);
                    for (size_t c = 0; c < C; c++)
                        for (size_t r = 0; r < d->kernel[0]; r++)
                            for (size_t s = 0; s < d->kernel[1]; s++) {
                                size_t iy = oy * sh + r * dh - d->pad[0], ix = ox * sw + s * dw - d->pad[1];
                                if (iy >= d->height || ix >= d->width)
                                    continue; /* below 0 wraps to above */
                                size_t channel = k / (OC / G) * C + c;
                                double term = (double)x[((n * C * G + channel) * d->height + iy) * d->width + ix] *
                                              (double)w[((k * C + c) * d->kernel[0] + r) * d->kernel[1] + s];
                                sum += term;
                                size += fabs(term);
                            }
                    size_t at = ((n * OC + k) * OH + oy) * OW + ox;
                    y[at] = sum;
                    slack[at] = (double)(C * d->kernel[0] * d->kernel[1] + 2) * 0x1p-24 * size;
                }
}

static void to_nhwc(size_t N, size_t C, size_t P, const float *from, float *to)
{
    for (size_t n = 0; n < N; n++)
        for (size_t c = 0; c < C; c++)
            for (size_t p = 0; p < P; p++)
                to[(n * P + p) * C + c] = from[(n * C + c) * P + p];
}

Test(layers, conv2d_is_the_naive_loop_in_both_layouts)
{
    static float x[MAX], last[MAX], w[MAX], bias[128], y[MAX];
    static double expected[MAX], slack[MAX];
    struct random random = {.state = 1};
    stoa_random_fill(&random, MAX, x);
    stoa_random_fill(&random, MAX, w);
    stoa_random_fill(&random, 128, bias);
    for (size_t i = 0; i < 2 * sizeof convs / sizeof *convs; i++) {
        struct counting_allocator memory;
        counting_allocator_init(&memory);
        struct stoa_conv2d_desc desc = convs[i / 2].desc;
        desc.layout = i % 2 ? STOA_NHWC : STOA_NCHW;
        desc.allocator = &memory.interface;
        desc.activation = STOA_RELU;
        const float *b = convs[i / 2].bias ? bias : NULL;
        struct stoa_conv2d *conv;
        struct stoa_error error = {0};
        cr_assert(stoa_conv2d_create(&desc, w, b, &error, &conv) == STOA_OK, "%s: %s", convs[i / 2].name,
                  error.message);
        size_t OH, OW, N = desc.batch ? desc.batch : 1, size = stoa_conv2d_workspace_size(conv);
        stoa_conv2d_output_size(conv, &OH, &OW);
        naive_conv(&desc, OH, OW, x, w, b, expected, slack);
        to_nhwc(N, desc.in_channels, desc.height * desc.width, x, last);
        void *workspace = NULL;
        cr_assert(posix_memalign(&workspace, 64, size + 64) == 0);
        cr_assert(stoa_conv2d_run(conv, i % 2 ? last : x, size, workspace, &error, y) == STOA_OK, "%s", error.message);
        for (size_t n = 0; n < N; n++)
            for (size_t k = 0; k < desc.out_channels; k++)
                for (size_t p = 0; p < OH * OW; p++) {
                    size_t at = (n * desc.out_channels + k) * OH * OW + p;
                    double got = (double)y[i % 2 ? (n * OH * OW + p) * desc.out_channels + k : at];
                    cr_assert(fabs(got - fmax(expected[at], 0)) <= slack[at], "%s: element %zu is %g, not %g",
                              convs[i / 2].name, at, got, fmax(expected[at], 0));
                }
        if (size)
            cr_expect(stoa_conv2d_run(conv, x, size - 1, workspace, &error, y) == STOA_ERROR_ARGUMENT);
        cr_expect(stoa_conv2d_run(conv, NULL, size, workspace, &error, y) == STOA_ERROR_ARGUMENT);
        cr_expect(strlen(stoa_conv2d_explain(conv)->line) > 10);
        free(workspace);
        stoa_conv2d_free(conv);
        cr_expect(memory.live == 0, "%s: leaked", convs[i / 2].name);
    }
}

Test(layers, pool2d_is_the_naive_loop_in_both_layouts)
{
    enum { C = 3, H = 7, W = 6 };
    float x[C * H * W], last[C * H * W], y[C * H * W];
    struct random random = {.state = 1};
    stoa_random_fill(&random, C * H * W, x);
    to_nhwc(1, C, H * W, x, last);
    for (int layout = STOA_NCHW; layout <= STOA_NHWC; layout++)
        for (int kind = STOA_MAX_POOL; kind <= STOA_AVERAGE_POOL; kind++) {
            struct stoa_pool2d_desc desc = {.kind = (enum stoa_pooling)kind,
                                            .height = H,
                                            .width = W,
                                            .channels = C,
                                            .kernel = {3, 2},
                                            .stride = {2, 2},
                                            .pad = {1, 0, 1, 0},
                                            .layout = (enum stoa_layout)layout};
            struct counting_allocator memory;
            counting_allocator_init(&memory);
            desc.allocator = &memory.interface;
            struct stoa_error error = {0};
            size_t OH, OW;
            cr_assert(stoa_pool2d_output_size(&desc, &error, &OH, &OW) == STOA_OK, "%s", error.message);
            cr_assert(OH == 4 && OW == 3);
            cr_assert(stoa_pool2d_run(&desc, layout ? last : x, &error, y) == STOA_OK, "%s", error.message);
            cr_expect(memory.calls == (layout == STOA_NCHW) && memory.live == 0, "layout %d: %zu blocks, %zu kept",
                      layout, memory.calls, memory.live);
            for (size_t c = 0; c < C; c++)
                for (size_t oy = 0; oy < OH; oy++)
                    for (size_t ox = 0; ox < OW; ox++) {
                        double best = -INFINITY, sum = 0, size = 0;
                        int count = 0;
                        for (size_t r = 0; r < 3; r++)
                            for (size_t s = 0; s < 2; s++)
                                if (oy * 2 + r >= 1 && oy * 2 + r - 1 < H && ox * 2 + s < W) {
                                    double value = (double)x[(c * H + oy * 2 + r - 1) * W + ox * 2 + s];
                                    best = fmax(best, value);
                                    sum += value;
                                    size += fabs(value);
                                    count++;
                                }
                        double wanted = kind == STOA_MAX_POOL ? best : sum / count;
                        double got = (double)y[layout ? (oy * OW + ox) * C + c : (c * OH + oy) * OW + ox];
                        double slack = kind == STOA_MAX_POOL ? 0 : (count + 1) * 0x1p-24 * size / count;
                        cr_expect(fabs(got - wanted) <= slack, "kind %d, layout %d: %g, not %g", kind, layout, got,
                                  wanted);
                    }
        }
    struct stoa_pool2d_desc global = {.kind = STOA_GLOBAL_MAX_POOL, .height = H, .width = W, .channels = C};
    struct stoa_error error = {0};
    cr_assert(stoa_pool2d_run(&global, x, &error, y) == STOA_OK, "%s", error.message);
    float best = -INFINITY;
    for (size_t i = 0; i < H * W; i++)
        best = fmaxf(best, x[i]);
    cr_expect(y[0] == best);
    struct stoa_pool2d_desc bad = {
        .kind = STOA_MAX_POOL, .height = H, .width = W, .channels = C, .kernel = {2, 2}, .pad = {2, 0, 0, 0}};
    cr_expect(stoa_pool2d_run(&bad, x, &error, y) == STOA_ERROR_ATTRIBUTE, "a pad as large as the kernel");
    bad = (struct stoa_pool2d_desc){.kind = STOA_GLOBAL_MAX_POOL, .channels = C, .layout = (enum stoa_layout)2};
    cr_expect(stoa_pool2d_run(&bad, x, &error, y) == STOA_ERROR_ARGUMENT, "no such layout");
}

Test(layers, linear_softmax_and_activations)
{
    enum { N = 3, IN = 37, OUT = 19 };
    float x[N * IN], w[OUT * IN], bias[OUT], y[N * OUT];
    struct random random = {.state = 1};
    stoa_random_fill(&random, N * IN, x);
    stoa_random_fill(&random, OUT * IN, w);
    stoa_random_fill(&random, OUT, bias);
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct stoa_linear_desc desc = {.batch = N,
                                    .in_features = IN,
                                    .out_features = OUT,
                                    .activation = STOA_TANH,
                                    .threads = 2,
                                    .allocator = &memory.interface};
    struct stoa_linear *linear;
    struct stoa_error error = {0};
    cr_assert(stoa_linear_create(&desc, w, bias, &error, &linear) == STOA_OK, "%s", error.message);
    size_t calls = memory.calls;
    cr_assert(stoa_linear_run(linear, x, &error, y) == STOA_OK, "%s", error.message);
    cr_expect(memory.calls == calls, "a run allocates");
    for (size_t n = 0; n < N; n++)
        for (size_t o = 0; o < OUT; o++) {
            double sum = (double)bias[o], size = fabs(sum);
            for (size_t i = 0; i < IN; i++) {
                sum += (double)x[n * IN + i] * (double)w[o * IN + i];
                size += fabs((double)x[n * IN + i] * (double)w[o * IN + i]);
            }
            /* The sum's error, which tanh does not enlarge, and tanh's own (kernels/activation.h). */
            cr_expect(fabs((double)y[n * OUT + o] - tanh(sum)) <= ((IN + 2) * size + 2 * 2.5) * 0x1p-24);
        }
    cr_expect(stoa_linear_run(linear, x, &error, NULL) == STOA_ERROR_ARGUMENT);
    stoa_linear_free(linear);
    cr_expect(memory.live == 0, "leaked");

    cr_assert(stoa_softmax_run(N, IN, x, &error, x) == STOA_OK, "%s", error.message);
    for (size_t n = 0; n < N; n++) {
        double sum = 0;
        for (size_t i = 0; i < IN; i++)
            sum += (double)x[n * IN + i];
        cr_expect(fabs(sum - 1) <= 1e-6, "a row sums to %g", sum);
    }
    const float in[4] = {-10, -1, 2, 8};
    float out[4];
    cr_expect(stoa_activation_run(STOA_RELU6, 4, in, &error, out) == STOA_OK && out[0] == 0 && out[2] == 2 &&
              out[3] == 6);
    cr_expect(stoa_activation_run(STOA_HARD_SWISH, 4, in, &error, out) == STOA_OK && out[0] == 0 && out[3] == 8);
    cr_expect(stoa_activation_run(STOA_IDENTITY, 4, in, &error, out) == STOA_OK && memcmp(in, out, sizeof in) == 0);
    cr_expect(stoa_activation_run(STOA_ACTIVATION_COUNT, 4, in, &error, out) == STOA_ERROR_ARGUMENT);
}

struct shared_run {
    const struct stoa_conv2d *conv;
    const float *x;
    float *y;
    enum stoa_status status;
};

static void *run_many_times(void *argument)
{
    struct shared_run *run = argument;
    size_t size = stoa_conv2d_workspace_size(run->conv);
    void *workspace = NULL;
    run->status = posix_memalign(&workspace, 64, size + 64) ? STOA_ERROR_MEMORY : STOA_OK;
    for (int i = 0; i < 20 && run->status == STOA_OK; i++)
        run->status = stoa_conv2d_run(run->conv, run->x, size, workspace, NULL, run->y);
    free(workspace);
    return NULL;
}

Test(layers, the_hosts_pool_gives_the_same_bits)
{
    enum { C = 20, SIDE = 12, OC = 24 };
    static float x[C * SIDE * SIDE], w[OC * C * 9], own[OC * SIDE * SIDE], given[OC * SIDE * SIDE];
    _Alignas(64) static unsigned char workspace[1 << 20];
    struct random random = {.state = 9};
    stoa_random_fill(&random, C * SIDE * SIDE, x);
    stoa_random_fill(&random, OC * C * 9, w);
    const struct stoa_pool pool = host_pool_threads(3);
    struct stoa_error error = {0};
    for (int i = 0; i < 2; i++) {
        float *y = i ? given : own;
        struct stoa_conv2d_desc desc = {.height = SIDE,
                                        .width = SIDE,
                                        .in_channels = C,
                                        .out_channels = OC,
                                        .kernel = {3, 3},
                                        .pad = {1, 1, 1, 1},
                                        .pool = i ? &pool : NULL};
        struct stoa_conv2d *conv;
        cr_assert(stoa_conv2d_create(&desc, w, NULL, &error, &conv) == STOA_OK, "%s", error.message);
        cr_assert(stoa_conv2d_workspace_size(conv) <= sizeof workspace);
        cr_assert(stoa_conv2d_run(conv, x, sizeof workspace, workspace, &error, y) == STOA_OK, "%s", error.message);
        stoa_conv2d_free(conv);
    }
    cr_expect(memcmp(own, given, sizeof own) == 0, "conv2d: results differ");
    for (int i = 0; i < 2; i++) {
        struct stoa_linear_desc desc = {.in_features = 2880, .out_features = 20, .pool = i ? &pool : NULL};
        struct stoa_linear *linear;
        cr_assert(stoa_linear_create(&desc, (float[2880 * 20]){1}, NULL, &error, &linear) == STOA_OK);
        cr_assert(stoa_linear_run(linear, x, &error, i ? given : own) == STOA_OK);
        stoa_linear_free(linear);
    }
    cr_expect(memcmp(own, given, 20 * sizeof *own) == 0, "linear: results differ");
}

/* One layer in several threads at once, whether it has threads of its own or not. */
Test(layers, a_layer_is_shared_by_threads)
{
    enum { RUNS = 3, C = 9, SIZE = 30, COUNT = C * SIZE * SIZE };
    static float x[RUNS][COUNT], w[C * C * 9], y[RUNS][COUNT], alone[RUNS][COUNT];
    struct random random = {.state = 3};
    stoa_random_fill(&random, RUNS * COUNT, x[0]);
    stoa_random_fill(&random, sizeof w / sizeof *w, w);
    for (size_t threads = 1; threads <= 2; threads++) {
        struct stoa_conv2d_desc desc = {.height = SIZE,
                                        .width = SIZE,
                                        .in_channels = C,
                                        .out_channels = C,
                                        .kernel = {3, 3},
                                        .pad = {1, 1, 1, 1},
                                        .lowering = STOA_LOWERING_IM2COL,
                                        .threads = threads};
        struct stoa_conv2d *conv;
        cr_assert(stoa_conv2d_create(&desc, w, NULL, NULL, &conv) == STOA_OK);
        pthread_t ids[RUNS];
        struct shared_run runs[RUNS];
        for (size_t i = 0; i < RUNS; i++) {
            runs[i] = (struct shared_run){.conv = conv, .x = x[i], .y = alone[i]};
            run_many_times(&runs[i]);
            runs[i].y = y[i];
        }
        for (size_t i = 0; i < RUNS; i++)
            cr_assert(pthread_create(&ids[i], NULL, run_many_times, &runs[i]) == 0);
        for (size_t i = 0; i < RUNS; i++) {
            pthread_join(ids[i], NULL);
            cr_expect(runs[i].status == STOA_OK, "run %zu: %s", i, stoa_status_name(runs[i].status));
        }
        cr_expect(memcmp(y, alone, sizeof y) == 0, "%zu threads of its own: runs disturb each other", threads);
        stoa_conv2d_free(conv);
    }
}

/* Of no elements: fine, and UBSan sees no arithmetic on null. */
Test(layers, take_images_of_no_channels_or_rows)
{
    const struct stoa_pool2d_desc pool = {.height = 4, .width = 4, .kernel = {2, 2}};
    const struct stoa_batch_norm_desc norm = {.width = 4, .channels = 2};
    struct stoa_error error = {0};
    float x[2] = {1, 2}, y[2];
    cr_expect(stoa_pool2d_run(&pool, x, &error, y) == STOA_OK, "%s", error.message);
    cr_expect(stoa_batch_norm_run(&norm, x, x, x, x, x, &error, y) == STOA_OK, "%s", error.message);
}
