/* Backward passes of single layers against the twin's, over many shapes and in both layouts. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/backward.h>

#include "layers/operands.h"
#include "support/allocator.h"
#include "support/host_pool.h"

static const struct {
    const char *name;
    struct stoa_conv2d_desc desc;
} convs[] = {
    {"3x3", {.height = 9, .width = 7, .in_channels = 5, .out_channels = 6, .kernel = {3, 3}}},
    {"same, 20 channels",
     {.batch = 2,
      .height = 12,
      .width = 12,
      .in_channels = 20,
      .out_channels = 18,
      .kernel = {3, 3},
      .pad = {1, 1, 1, 1}}},
    {"stride, pads",
     {.batch = 3,
      .height = 8,
      .width = 11,
      .in_channels = 7,
      .out_channels = 9,
      .kernel = {3, 5},
      .stride = {2, 3},
      .pad = {1, 2, 0, 3}}},
    {"1x1", {.batch = 2, .height = 5, .width = 5, .in_channels = 33, .out_channels = 17, .kernel = {1, 1}}},
    {"1x1, stride", {.height = 9, .width = 8, .in_channels = 8, .out_channels = 8, .kernel = {1, 1}, .stride = {2, 2}}},
    {"groups, dilation",
     {.height = 9, .width = 9, .in_channels = 6, .out_channels = 9, .kernel = {2, 3}, .dilation = {2, 1}, .groups = 3}},
    {"depthwise",
     {.batch = 2,
      .height = 10,
      .width = 9,
      .in_channels = 16,
      .out_channels = 16,
      .kernel = {3, 3},
      .pad = {1, 1, 1, 1},
      .groups = 16}},
    {"one channel",
     {.height = 28, .width = 28, .in_channels = 1, .out_channels = 4, .kernel = {5, 5}, .pad = {2, 2, 2, 2}}},
    {"forced",
     {.height = 9,
      .width = 7,
      .in_channels = 5,
      .out_channels = 6,
      .kernel = {3, 3},
      .lowering = STOA_LOWERING_IM2COL}},
};

static size_t one(size_t value)
{
    return value ? value : 1;
}

static void check_conv(const char *name, struct stoa_conv2d_desc desc, const struct stoa_pool *pool)
{
    struct operands bench = {.name = name, .layout = desc.layout, .random = {.state = 7}};
    struct stoa_error error = {0};
    struct stoa_conv2d_backward *backward;
    struct stoa_conv2d *forward;
    size_t N = one(desc.batch), OH, OW;
    desc.accuracy = STOA_ACCURACY_STRICT;
    desc.pool = pool;
    static const float none[MOST];
    cr_assert(stoa_conv2d_create(&desc, none, NULL, &error, &forward) == STOA_OK, "%s: %s", name, error.message);
    stoa_conv2d_output_size(forward, &OH, &OW);
    operands_integers(&bench, "strides", 2, desc.stride, 1);
    operands_integers(&bench, "dilations", 2, desc.dilation, 1);
    operands_integers(&bench, "pads", 4, desc.pad, 0);
    operands_integer(&bench, "group", one(desc.groups));
    struct reference_tensor x_dims = operands_image(N, desc.in_channels, desc.height, desc.width);
    struct reference_tensor w_dims =
        operands_image(desc.out_channels, desc.in_channels / one(desc.groups), desc.kernel[0], desc.kernel[1]);
    float *dy = operands_fill(&bench, 0, operands_image(N, desc.out_channels, OH, OW), true);
    float *w = operands_fill(&bench, 1, w_dims, false), *x = operands_fill(&bench, 2, x_dims, true);
    float *dx = calloc(operands_elements(&x_dims), sizeof *dx), *dw = calloc(operands_elements(&w_dims), sizeof *dw);
    float *dw_alone = calloc(operands_elements(&w_dims), sizeof *dw), *db = calloc(desc.out_channels, sizeof *db);
    cr_assert(stoa_conv2d_backward_create(&desc, &error, &backward) == STOA_OK, "%s: %s", name, error.message);
    size_t size = stoa_conv2d_backward_workspace_size(backward);
    void *workspace = operands_aligned(size);
    cr_expect(stoa_conv2d_backward_data(backward, dy, size, workspace, &error, dx) == STOA_ERROR_ARGUMENT,
              "%s: there are no weights yet", name);
    cr_assert(stoa_conv2d_backward_set_weights(backward, none, &error) == STOA_OK);
    cr_assert(stoa_conv2d_backward_set_weights(backward, w, &error) == STOA_OK);
    cr_assert(stoa_conv2d_backward_data(backward, dy, size, workspace, &error, dx) == STOA_OK, "%s", error.message);
    cr_assert(stoa_conv2d_backward_weights(backward, x, dy, size, workspace, &error, dw, db) == STOA_OK);
    cr_assert(stoa_conv2d_backward_weights(backward, x, dy, size, workspace, &error, dw_alone, NULL) == STOA_OK);
    cr_expect(memcmp(dw, dw_alone, operands_elements(&w_dims) * sizeof *dw) == 0);
    if (size)
        cr_expect(stoa_conv2d_backward_weights(backward, x, dy, size - 1, workspace, &error, dw, db) ==
                  STOA_ERROR_ARGUMENT);

    operands_twin(&bench, "ConvBackwardData", 3, 1);
    operands_compare(&bench, 0, true, dx, "dx");
    operands_clear(&bench, 0, 1);
    operands_twin(&bench, "ConvBackwardWeights", 3, 2);
    operands_compare(&bench, 0, false, dw, "dweights");
    operands_compare(&bench, 1, false, db, "dbias");
    operands_clear(&bench, 3, 2);
    free(workspace);

    /* A forward layer whose weights are changed is one created with them. */
    struct stoa_conv2d *fresh;
    cr_assert(stoa_conv2d_create(&desc, w, NULL, &error, &fresh) == STOA_OK);
    cr_assert(stoa_conv2d_set_weights(forward, w, NULL, &error) == STOA_OK);
    cr_expect(stoa_conv2d_set_weights(forward, w, w, &error) == STOA_ERROR_ARGUMENT);
    size = stoa_conv2d_workspace_size(forward);
    workspace = operands_aligned(size);
    float *y = calloc(2 * N * desc.out_channels * OH * OW, sizeof *y), *again = y + N * desc.out_channels * OH * OW;
    cr_assert(stoa_conv2d_run(forward, x, size, workspace, &error, y) == STOA_OK);
    cr_assert(stoa_conv2d_run(fresh, x, size, workspace, &error, again) == STOA_OK);
    cr_expect(memcmp(y, again, N * desc.out_channels * OH * OW * sizeof *y) == 0, "%s", name);
    stoa_conv2d_free(fresh);
    stoa_conv2d_free(forward);
    stoa_conv2d_backward_free(backward);
    float *const buffers[] = {dy, w, x, dx, dw, dw_alone, db, y};
    for (size_t i = 0; i < sizeof buffers / sizeof *buffers; i++)
        free(buffers[i]);
    free(workspace);
}

/* Of a convolution with strides 2 the backward pass has no transforms. */
Test(backward, a_lowering_is_forced_where_it_applies)
{
    const struct stoa_conv2d_desc desc = {.height = 9,
                                          .width = 9,
                                          .in_channels = 5,
                                          .out_channels = 6,
                                          .kernel = {3, 3},
                                          .accuracy = STOA_ACCURACY_STRICT,
                                          .lowering = STOA_LOWERING_WINOGRAD};
    struct stoa_conv2d_backward *backward;
    struct stoa_error error = {0};
    cr_expect(stoa_conv2d_backward_create(&desc, &error, &backward) == STOA_OK, "%s", error.message);
    stoa_conv2d_backward_free(backward);
}

Test(backward, conv2d)
{
    struct stoa_pool pool = host_pool_threads(3);
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++)
        for (int layout = 0; layout < 2; layout++) {
            struct stoa_conv2d_desc desc = convs[i].desc;
            desc.layout = (enum stoa_layout)layout;
            check_conv(convs[i].name, desc, NULL);
            check_conv(convs[i].name, desc, &pool);
            desc.threads = 2;
            check_conv(convs[i].name, desc, NULL);
        }
}

static const struct {
    const char *name;
    struct stoa_pool2d_desc desc;
} pools[] = {
    {"max 2x2", {.height = 8, .width = 6, .channels = 5, .kernel = {2, 2}, .stride = {2, 2}}},
    {"max 3x3, overlapping, pads",
     {.batch = 2, .height = 9, .width = 7, .channels = 18, .kernel = {3, 3}, .stride = {2, 1}, .pad = {1, 1, 0, 2}}},
    {"max, ceil, dilation",
     {.height = 10,
      .width = 11,
      .channels = 3,
      .kernel = {2, 3},
      .stride = {3, 2},
      .dilation = {2, 2},
      .ceil_mode = 1}},
    {"average 3x3, pads",
     {.kind = STOA_AVERAGE_POOL,
      .batch = 2,
      .height = 7,
      .width = 9,
      .channels = 17,
      .kernel = {3, 3},
      .stride = {2, 2},
      .pad = {1, 1, 1, 1}}},
    {"average, pads count",
     {.kind = STOA_AVERAGE_POOL,
      .height = 6,
      .width = 6,
      .channels = 4,
      .kernel = {3, 2},
      .pad = {1, 0, 1, 1},
      .count_include_pad = 1}},
    {"global average", {.kind = STOA_GLOBAL_AVERAGE_POOL, .batch = 2, .height = 5, .width = 7, .channels = 9}},
    {"global max", {.kind = STOA_GLOBAL_MAX_POOL, .batch = 2, .height = 5, .width = 7, .channels = 9}},
};

static void check_pool(const char *name, const struct stoa_pool2d_desc *desc)
{
    static const char *const types[] = {"MaxPoolBackward", "AveragePoolBackward", "GlobalAveragePoolBackward",
                                        "GlobalMaxPoolBackward"};
    struct operands bench = {.name = name, .layout = desc->layout, .random = {.state = 9}};
    struct stoa_error error = {0};
    size_t N = one(desc->batch), OH, OW, size;
    cr_assert(stoa_pool2d_output_size(desc, &error, &OH, &OW) == STOA_OK, "%s: %s", name, error.message);
    bool windows = desc->kind <= STOA_AVERAGE_POOL, max = desc->kind == STOA_MAX_POOL;
    if (windows) {
        operands_integers(&bench, "kernel_shape", 2, desc->kernel, 1);
        operands_integers(&bench, "strides", 2, desc->stride, 1);
        operands_integers(&bench, "pads", 4, desc->pad, 0);
        operands_integer(&bench, "ceil_mode", (size_t)desc->ceil_mode);
    }
    if (max)
        operands_integers(&bench, "dilations", 2, desc->dilation, 1);
    if (desc->kind == STOA_AVERAGE_POOL)
        operands_integer(&bench, "count_include_pad", (size_t)desc->count_include_pad);
    struct reference_tensor dims = operands_image(N, desc->channels, desc->height, desc->width);
    float *x = operands_fill(&bench, 0, dims, true), *dx = calloc(operands_elements(&dims), sizeof *dx);
    struct reference_tensor x_twin = bench.inputs[0], taps = {0};
    if (max) {
        bench.absent = 1 << 1;
        operands_twin(&bench, "MaxPoolTraining", 1, 3);
        taps = bench.outputs[2];
        bench.outputs[2] = (struct reference_tensor){0};
        free(taps.slack);
        taps.slack = NULL;
        operands_clear(&bench, 0, 3);
    }
    float *dy = operands_fill(&bench, 0, operands_image(N, desc->channels, OH, OW), true);
    bench.inputs[max ? 2 : 1] = x_twin;
    if (max)
        bench.inputs[1] = taps;
    cr_assert(stoa_pool2d_backward_workspace_size(desc, &error, &size) == STOA_OK);
    void *workspace = operands_aligned(size);
    cr_assert(stoa_pool2d_backward_run(desc, x, dy, size, workspace, &error, dx) == STOA_OK, "%s: %s", name,
              error.message);
    if (size)
        cr_expect(stoa_pool2d_backward_run(desc, x, dy, 0, NULL, &error, dx) == STOA_ERROR_ARGUMENT);
    operands_twin(&bench, types[desc->kind], max ? 3 : 2, 1);
    operands_compare(&bench, 0, true, dx, "dx");
    operands_clear(&bench, max ? 3 : 2, 1);
    free(x);
    free(dx);
    free(dy);
    free(workspace);
}

Test(backward, pool2d)
{
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++)
        for (int layout = 0; layout < 2; layout++) {
            struct stoa_pool2d_desc desc = pools[i].desc;
            desc.layout = (enum stoa_layout)layout;
            check_pool(pools[i].name, &desc);
        }
}

Test(backward, linear)
{
    static const size_t rows[][3] = {{1, 1, 1}, {1, 70, 10}, {5, 33, 17}, {64, 20, 30}, {3, 257, 1}};
    struct stoa_pool pool = host_pool_threads(2);
    for (size_t i = 0; i < 2 * sizeof rows / sizeof *rows; i++) {
        const size_t *row = rows[i / 2], batch = row[0], in = row[1], out = row[2];
        struct operands bench = {.name = "linear", .random = {.state = i}};
        struct stoa_linear_desc desc = {
            .batch = batch, .in_features = in, .out_features = out, .pool = i % 2 ? &pool : NULL};
        struct stoa_error error = {0};
        size_t size;
        float *dy = operands_fill(&bench, 0, operands_matrix(batch, out), false),
              *w = operands_fill(&bench, 1, operands_matrix(out, in), false);
        struct reference_tensor w_twin = bench.inputs[1];
        float *x = operands_fill(&bench, 1, operands_matrix(batch, in), false);
        struct reference_tensor x_twin = bench.inputs[1];
        float *dx = calloc(batch * in, sizeof *dx), *dw = calloc(in * out, sizeof *dw), *db = calloc(out, sizeof *db);
        cr_assert(stoa_linear_backward_workspace_size(&desc, &error, &size) == STOA_OK, "%s", error.message);
        void *workspace = operands_aligned(size);
        cr_assert(stoa_linear_backward_run(&desc, x, w, dy, size, workspace, &error, dx, NULL, NULL) == STOA_OK);
        cr_assert(stoa_linear_backward_run(&desc, x, NULL, dy, size, workspace, &error, NULL, dw, db) == STOA_OK);
        cr_expect(stoa_linear_backward_workspace_size(&desc, &error, NULL) == STOA_ERROR_ARGUMENT);
        cr_expect(stoa_linear_backward_run(&desc, x, NULL, dy, size, workspace, &error, dx, dw, db) ==
                      STOA_ERROR_ARGUMENT &&
                  strcmp(error.message, "weights is null") == 0);
        operands_integer(&bench, "transB", 1);
        bench.inputs[1] = w_twin;
        operands_twin(&bench, "GemmBackwardA", 2, 1);
        operands_compare(&bench, 0, false, dx, "dx");
        operands_clear(&bench, 0, 1);
        bench.inputs[1] = x_twin;
        operands_twin(&bench, "GemmBackwardB", 2, 1);
        operands_compare(&bench, 0, false, dw, "dweights");
        operands_clear(&bench, 0, 1);
        bench.inputs[1] = operands_vector(out);
        bench.inputs[1].values = calloc(out, sizeof(double));
        operands_twin(&bench, "GemmBackwardC", 2, 1);
        operands_compare(&bench, 0, false, db, "dbias");
        operands_clear(&bench, 2, 1);
        free(w_twin.values);
        free(x_twin.values);
        float *const buffers[] = {dy, w, x, dx, dw, db};
        for (size_t b = 0; b < sizeof buffers / sizeof *buffers; b++)
            free(buffers[b]);
        free(workspace);
    }
}

Test(backward, softmax)
{
    static const size_t rows[][2] = {{1, 1}, {3, 10}, {17, 65}, {2, 1000}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct operands bench = {.name = "softmax", .random = {.state = i}};
        size_t count = rows[i][0] * rows[i][1];
        float *x = operands_fill(&bench, 0, operands_matrix(rows[i][0], rows[i][1]), false),
              *y = calloc(count, sizeof *y);
        float *dx = calloc(count, sizeof *dx);
        operands_clear(&bench, 1, 0);
        cr_assert(stoa_softmax_run(rows[i][0], rows[i][1], x, NULL, y) == STOA_OK);
        operands_take(&bench, 0, operands_matrix(rows[i][0], rows[i][1]), false, y);
        float *dy = operands_fill(&bench, 1, operands_matrix(rows[i][0], rows[i][1]), false);
        cr_assert(stoa_softmax_backward_run(rows[i][0], rows[i][1], y, dy, NULL, dx) == STOA_OK);
        operands_twin(&bench, "SoftmaxBackward", 2, 1);
        operands_compare(&bench, 0, false, dx, "dx");
        cr_expect(stoa_softmax_backward_run(1, 1, y, NULL, NULL, dx) == STOA_ERROR_ARGUMENT);
        operands_clear(&bench, 2, 1);
        free(x);
        free(y);
        free(dx);
        free(dy);
    }
}

/* Against difference quotients in double, away from kinks. */
Test(backward, activations)
{
    enum { COUNT = 1001 };
    static float x[COUNT], y[COUNT], dy[COUNT], dx[COUNT];
    struct random random = {.state = 4};
    stoa_random_fill(&random, COUNT, x);
    stoa_random_fill(&random, COUNT, dy);
    for (int kind = STOA_IDENTITY; kind < STOA_ACTIVATION_COUNT; kind++) {
        const enum stoa_activation activation = (enum stoa_activation)kind;
        const double h = 1e-3;
        cr_assert(stoa_activation_run(activation, COUNT, x, NULL, y) == STOA_OK);
        cr_assert(stoa_activation_backward_run(activation, COUNT, x, y, dy, NULL, dx) == STOA_OK);
        for (size_t i = 0; i < COUNT; i++) {
            float ends[2] = {x[i] - (float)h, x[i] + (float)h}, values[2];
            if (fabsf(x[i]) < 0.01f || fabsf(fabsf(x[i]) - 3) < 0.01f)
                continue;
            cr_assert(stoa_activation_run(activation, 2, ends, NULL, values) == STOA_OK);
            double slope = ((double)values[1] - (double)values[0]) / ((double)ends[1] - (double)ends[0]);
            cr_expect(fabs(slope * (double)dy[i] - (double)dx[i]) < 2e-3, "activation %d of %g: %g, should be %g", kind,
                      (double)x[i], (double)dx[i], slope * (double)dy[i]);
        }
        bool of_x = activation == STOA_LEAKY_RELU || activation == STOA_HARD_SWISH;
        cr_expect(stoa_activation_backward_run(activation, COUNT, of_x ? x : NULL, of_x ? NULL : y, dy, NULL, dx) ==
                  STOA_OK);
        cr_expect(stoa_activation_backward_run(activation, COUNT, of_x ? NULL : x, of_x ? y : NULL, dy, NULL, dx) ==
                  (activation == STOA_IDENTITY ? STOA_OK : STOA_ERROR_ARGUMENT));
    }
    cr_expect(stoa_activation_backward_run(STOA_ACTIVATION_COUNT, 1, x, y, dy, NULL, dx) == STOA_ERROR_ARGUMENT);
}

/* What PyTorch takes where a function has no derivative; in vectors and in what is left behind the last. */
Test(backward, activations_at_kinks)
{
    static const struct {
        enum stoa_activation activation;
        float x, y, slope;
    } kinks[] = {
        {STOA_RELU, 0, 0, 0},
        {STOA_HARD_SWISH, -3, 0, -0.5f},
        {STOA_HARD_SWISH, 3, 3, 1},
    };
    enum { COUNT = 19 };
    for (size_t k = 0; k < sizeof kinks / sizeof *kinks; k++) {
        float x[COUNT], y[COUNT], dy[COUNT], dx[COUNT];
        for (size_t i = 0; i < COUNT; i++) {
            x[i] = kinks[k].x;
            y[i] = kinks[k].y;
            dy[i] = (float)i;
        }
        cr_assert(stoa_activation_backward_run(kinks[k].activation, COUNT, x, y, dy, NULL, dx) == STOA_OK);
        for (size_t i = 0; i < COUNT; i++)
            cr_expect(dx[i] == kinks[k].slope * dy[i], "activation %d of %g: %g", kinks[k].activation, (double)x[i],
                      (double)dx[i]);
    }
}

Test(backward, batch_norm)
{
    static const size_t rows[][4] = {{1, 1, 2, 2}, {2, 5, 7, 3}, {4, 16, 6, 6}, {3, 33, 5, 1}};
    struct stoa_pool pool = host_pool_threads(2);
    for (size_t i = 0; i < 4 * sizeof rows / sizeof *rows; i++) {
        const size_t *row = rows[i / 4], N = row[0], C = row[1], H = row[2], W = row[3];
        struct stoa_batch_norm_desc desc = {.batch = N,
                                            .channels = C,
                                            .height = H,
                                            .width = W,
                                            .layout = (enum stoa_layout)(i & 1),
                                            .pool = i & 2 ? &pool : NULL};
        struct operands bench = {.name = "batch norm", .layout = desc.layout, .random = {.state = i}};
        struct stoa_error error = {0};
        size_t size, count = N * C * H * W;
        cr_assert(stoa_batch_norm_workspace_size(&desc, &error, &size) == STOA_OK, "%s", error.message);
        void *workspace = operands_aligned(size);
        float *x = operands_fill(&bench, 0, operands_image(N, C, H, W), true),
              *scale = operands_fill(&bench, 1, operands_vector(C), false);
        float *shift = operands_fill(&bench, 2, operands_vector(C), false),
              *mean = operands_fill(&bench, 3, operands_vector(C), false);
        float *variance = operands_fill(&bench, 4, operands_vector(C), false);
        for (size_t c = 0; c < C; c++)
            bench.inputs[4].values[c] = (double)(variance[c] = fabsf(variance[c]));
        float *y = calloc(2 * count, sizeof *y), *dx = y + count, *saved = calloc(4 * C, sizeof *saved);
        cr_assert(stoa_batch_norm_run(&desc, x, scale, shift, mean, variance, &error, y) == STOA_OK, "%s",
                  error.message);
        operands_twin(&bench, "BatchNormalization", 5, 1);
        operands_compare(&bench, 0, true, y, "y of inference");
        operands_clear(&bench, 0, 1);
        cr_assert(stoa_batch_norm_training_run(&desc, x, scale, shift, size, workspace, &error, mean, variance, saved,
                                               saved + C, y) == STOA_OK,
                  "%s", error.message);
        operands_twin(&bench, "BatchNormalizationTraining", 5, 5);
        operands_compare(&bench, 0, true, y, "y");
        operands_compare(&bench, 1, false, mean, "running means");
        operands_compare(&bench, 2, false, variance, "running variances");
        operands_compare(&bench, 3, false, saved, "means");
        operands_compare(&bench, 4, false, saved + C, "factors");
        operands_clear(&bench, 5, 5);

        operands_take(&bench, 1, operands_image(N, C, H, W), true, x);
        operands_take(&bench, 2, operands_vector(C), false, scale);
        operands_take(&bench, 3, operands_vector(C), false, saved);
        operands_take(&bench, 4, operands_vector(C), false, saved + C);
        float *dy = operands_fill(&bench, 0, operands_image(N, C, H, W), true);
        cr_assert(stoa_batch_norm_backward_run(&desc, x, dy, scale, saved, saved + C, size, workspace, &error, dx,
                                               saved + 2 * C, saved + 3 * C) == STOA_OK);
        cr_expect(stoa_batch_norm_backward_run(&desc, x, dy, scale, saved, saved + C, size, workspace, &error, NULL,
                                               saved + 2 * C, saved + 3 * C) == STOA_ERROR_ARGUMENT);
        operands_twin(&bench, "BatchNormalizationTrainingBackward", 5, 3);
        operands_compare(&bench, 0, true, dx, "dx");
        operands_compare(&bench, 1, false, saved + 2 * C, "dscale");
        operands_compare(&bench, 2, false, saved + 3 * C, "dshift");
        operands_clear(&bench, 5, 3);
        float *const buffers[] = {x, scale, shift, mean, variance, y, saved, dy};
        for (size_t b = 0; b < sizeof buffers / sizeof *buffers; b++)
            free(buffers[b]);
        free(workspace);
    }
}

/* All through the caller's allocator, and nothing leaked when it fails. */
Test(backward, failing_allocations)
{
    static const float w[20 * 20 * 9];
    for (size_t at = 1;; at++) {
        struct counting_allocator memory;
        counting_allocator_init(&memory);
        memory.fail_at = at;
        struct stoa_conv2d_desc desc = convs[1].desc;
        desc.in_channels = desc.out_channels = 20;
        desc.allocator = &memory.interface;
        struct stoa_conv2d_backward *backward;
        enum stoa_status status = stoa_conv2d_backward_create(&desc, NULL, &backward);
        if (status == STOA_OK)
            status = stoa_conv2d_backward_set_weights(backward, w, NULL);
        stoa_conv2d_backward_free(backward);
        cr_expect(memory.live == 0, "allocation %zu: %zu blocks leaked", at, memory.live);
        if (status == STOA_OK) {
            cr_expect(at > 3);
            break;
        }
        cr_expect(status == STOA_ERROR_MEMORY);
    }
}

Test(backward, results_without_a_place_are_refused)
{
    const struct stoa_pool2d_desc pool = {.height = 4, .width = 4, .channels = 1, .kernel = {2, 2}};
    const struct stoa_batch_norm_desc norm = {.height = 4, .width = 4, .channels = 1};
    struct stoa_error error = {0};
    size_t size;
    cr_expect(stoa_pool2d_output_size(&pool, &error, NULL, &size) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_pool2d_output_size(&pool, &error, &size, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_pool2d_backward_workspace_size(&pool, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_batch_norm_workspace_size(&norm, &error, NULL) == STOA_ERROR_ARGUMENT &&
              strcmp(error.message, "size is null") == 0);
}
