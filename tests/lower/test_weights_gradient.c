/* The gradient of weights against plain loops: every lowering, forced, over random convolutions of both kinds; on small
 * whole numbers, where all but transforms must be exact. One worker and several must agree to the bit. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "lower/conv_check.h"
#include "lower/weights_gradient.h"
#include "support/allocator.h"

#define MOST_MACS 1.5e5

struct sum {
    double value, magnitude, mixed;
};

struct data {
    struct conv_shape shape;
    bool transposed;
    float *x, *dy, *dw, *db;
    size_t x_stride, dy_stride, pixels, weights;
    struct sum *expected, *bias;
};

/* The larger and the smaller image, as the window moves over them. */
struct sides {
    size_t large[2], small[2];
    const float *large_data, *small_data;
    size_t large_stride, small_stride, large_channels, small_channels;
};

static struct sides sides_of(const struct data *data)
{
    const struct conv_shape *s = &data->shape;
    struct sides forward = {{s->H, s->W},   {s->OH, s->OW},  data->x, data->dy,
                            data->x_stride, data->dy_stride, s->C,    s->OC};
    struct sides backward = {{s->OH, s->OW},  {s->H, s->W},   data->dy, data->x,
                             data->dy_stride, data->x_stride, s->OC,    s->C};
    return data->transposed ? backward : forward;
}

/* Largest |large| of a channel within reach of what pixel (h, w) of the small image sees. */
static double largest(const struct data *data, const struct sides *sides, const size_t reach[2], size_t n, size_t c,
                      size_t h, size_t w)
{
    const struct conv_shape *s = &data->shape;
    double found = 0;
    for (size_t y = 0; y < sides->large[0]; y++)
        for (size_t x = 0; x < sides->large[1]; x++)
            if (y + s->pad[0] + reach[0] >= h && y + s->pad[0] < h + s->kernel[0] + reach[0] &&
                x + s->pad[1] + reach[1] >= w && x + s->pad[1] < w + s->kernel[1] + reach[1])
                found = fmax(
                    found,
                    fabs(
                        (double)sides
                            ->large_data[((n * sides->large[0] + y) * sides->large[1] + x) * sides->large_stride + c]));
    return found;
}

static void naive(struct data *data)
{
    const struct conv_shape *s = &data->shape;
    struct sides sides = sides_of(data);
    size_t in = sides.large_channels / s->groups, out = sides.small_channels / s->groups;
    size_t taps = s->kernel[0] * s->kernel[1];
    for (size_t i = 0; i < s->N * sides.small[0] * sides.small[1]; i++)
        for (size_t t = 0; t < taps; t++) {
            size_t n = i / sides.small[0] / sides.small[1], h = i / sides.small[1] % sides.small[0];
            size_t y = h * s->stride[0] + t / s->kernel[1] * s->dilation[0] - s->pad[0];
            size_t x = i % sides.small[1] * s->stride[1] + t % s->kernel[1] * s->dilation[1] - s->pad[1];
            if (y >= sides.large[0] || x >= sides.large[1])
                continue;
            const float *large =
                sides.large_data + ((n * sides.large[0] + y) * sides.large[1] + x) * sides.large_stride;
            for (size_t o = 0; o < sides.small_channels; o++)
                for (size_t c = 0; c < in; c++) {
                    double product = (double)sides.small_data[i * sides.small_stride + o] * large[o / out * in + c];
                    struct sum *sum = &data->expected[(o * in + c) * taps + t];
                    sum->value += product;
                    sum->magnitude += fabs(product);
                }
        }
    for (size_t i = 0; i < data->pixels; i++)
        for (size_t o = 0; o < s->OC; o++) {
            data->bias[o].value += data->dy[i * data->dy_stride + o];
            data->bias[o].magnitude += fabs((double)data->dy[i * data->dy_stride + o]);
        }
}

/* What the error of transforms multiplies. */
static void mix(struct data *data, const size_t reach[2])
{
    const struct conv_shape *s = &data->shape;
    struct sides sides = sides_of(data);
    size_t in = sides.large_channels / s->groups, out = sides.small_channels / s->groups;
    size_t taps = s->kernel[0] * s->kernel[1], across = sides.small[1], pixels = sides.small[0] * across;
    for (size_t i = 0; i < data->weights; i++)
        data->expected[i].mixed = 0;
    for (size_t i = 0; i < s->N * pixels; i++)
        for (size_t c = 0; c < sides.large_channels; c++) {
            double most = largest(data, &sides, reach, i / pixels, c, i / across % sides.small[0], i % across);
            for (size_t o = c / in * out; o < (c / in + 1) * out; o++)
                for (size_t t = 0; t < taps; t++)
                    data->expected[(o * in + c % in) * taps + t].mixed +=
                        most * fabs((double)sides.small_data[i * sides.small_stride + o]);
        }
}

static float *floats(struct random *random, bool whole, size_t count)
{
    float *values = malloc(count * sizeof *values + 1);
    for (size_t i = 0; i < count; i++)
        values[i] = whole ? (float)stoa_random_int(random, -4, 4) : stoa_random_normal(random);
    return values;
}

/* Images end with their last pixel's last channel: to read on is to read beyond. */
static void make_data(const struct conv_shape *shape, bool transposed, bool whole, struct random *random,
                      struct data *data)
{
    const struct conv_shape *s = shape;
    bool gaps = stoa_random_bits(random) & 1;
    *data = (struct data){.shape = *s,
                          .transposed = transposed,
                          .x_stride = s->C + (gaps ? 5 : 0),
                          .dy_stride = s->OC + (gaps ? 3 : 0),
                          .pixels = s->N * s->OH * s->OW,
                          .weights = s->C / s->groups * s->OC * s->kernel[0] * s->kernel[1]};
    data->x = floats(random, whole, (s->N * s->H * s->W - 1) * data->x_stride + s->C);
    data->dy = floats(random, whole, (data->pixels - 1) * data->dy_stride + s->OC);
    data->dw = malloc(data->weights * sizeof(float));
    data->db = malloc(s->OC * sizeof(float));
    data->expected = calloc(data->weights, sizeof *data->expected);
    data->bias = calloc(s->OC, sizeof *data->bias);
    naive(data);
}

static void free_data(struct data *data)
{
    free(data->x);
    free(data->dy);
    free(data->dw);
    free(data->db);
    free(data->expected);
    free(data->bias);
}

static void run(const struct weights_gradient *gradient, const struct data *data, struct pool *pool, float *dw,
                float *db)
{
    size_t stride = (stoa_weights_gradient_worker_scratch(gradient) + 63) / 64 * 64;
    size_t shared = (stoa_weights_gradient_shared_scratch(gradient) + 63) / 64 * 64;
    char *scratch = aligned_alloc(64, shared + stride * stoa_pool_workers(pool) + 64);
    memset(scratch, 0xff, shared + stride * stoa_pool_workers(pool));
    struct weights_gradient_args args = {.x = dw ? data->x : NULL,
                                         .x_stride = data->x_stride == data->shape.C ? 0 : data->x_stride,
                                         .dy = data->dy,
                                         .dy_stride = data->dy_stride,
                                         .dw = dw,
                                         .db = db,
                                         .pool = pool,
                                         .shared = scratch,
                                         .worker_base = scratch + shared,
                                         .worker_stride = stride};
    if (dw)
        memset(dw, 0xff, data->weights * sizeof *dw);
    if (db)
        memset(db, 0xff, data->shape.OC * sizeof *db);
    stoa_weights_gradient_run(gradient, &args);
    free(scratch);
}

static bool compare(const char *name, const char *how, size_t count, const float *values, const struct sum *expected,
                    bool exact, double terms, double error)
{
    for (size_t i = 0; i < count; i++) {
        double tolerance = exact ? 0 : ((terms + 1) * expected[i].magnitude + error * expected[i].mixed) * 0x1p-24;
        if (fabs(values[i] - expected[i].value) <= tolerance)
            continue;
        cr_expect(false, "%s: %s: element %zu is %.9g, must be %.9g within %.3g", name, how, i, (double)values[i],
                  expected[i].value, tolerance);
        return false;
    }
    return true;
}

/* Whether the lowering applies. */
static bool check(const char *name, struct data *data, const struct weights_gradient_choice *choice, bool whole,
                  struct pool *pool)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct weights_gradient *gradient;
    struct stoa_error error = {0};
    enum stoa_status status = stoa_weights_gradient_create(&memory.interface, &data->shape, choice, &error, &gradient);
    if (status == STOA_ERROR_UNSUPPORTED && choice->lowering) {
        cr_expect(!gradient && error.message[0] && memory.live == 0, "%s: refused without a reason, or leaks", name);
        return false;
    }
    cr_assert(status == STOA_OK, "%s: %s", name, error.message);
    size_t reach[2], channels = data->shape.OC;
    const char *how = stoa_weights_gradient_describe(gradient);
    double mixing = stoa_weights_gradient_error(gradient, reach);
    if (mixing > 0)
        mix(data, reach);
    run(gradient, data, NULL, data->dw, data->db);
    bool exact = whole && mixing == 0;
    double terms =
        (double)(data->shape.N * (data->transposed ? data->shape.H * data->shape.W : data->shape.OH * data->shape.OW));
    compare(name, how, data->weights, data->dw, data->expected, exact, terms, mixing);
    compare(name, how, channels, data->db, data->bias, whole, (double)data->pixels, 0);

    float *dw = malloc(data->weights * sizeof *dw), *db = malloc(channels * sizeof *db);
    run(gradient, data, pool, dw, db);
    cr_expect(memcmp(dw, data->dw, data->weights * sizeof *dw) == 0, "%s: %s: 3 workers differ from 1", name, how);
    cr_expect(memcmp(db, data->db, channels * sizeof *db) == 0, "%s: %s: bias: 3 workers differ from 1", name, how);
    run(gradient, data, pool, dw, NULL);
    cr_expect(memcmp(dw, data->dw, data->weights * sizeof *dw) == 0, "%s: %s: alone it differs", name, how);
    run(gradient, data, pool, NULL, db);
    compare(name, how, channels, db, data->bias, whole, (double)data->pixels, 0);
    free(dw);
    free(db);
    stoa_weights_gradient_free(gradient);
    cr_expect(memory.live == 0, "%s: %zu blocks leak", name, memory.live);
    return true;
}

static const struct weights_gradient_choice choices[] = {
    {.accuracy = STOA_ACCURACY_STRICT},    {.lowering = STOA_LOWERING_IM2COL},   {.lowering = STOA_LOWERING_DIRECT},
    {.lowering = STOA_LOWERING_DEPTHWISE}, {.lowering = STOA_LOWERING_WINOGRAD}, {0},
};
#define CHOICES (sizeof choices / sizeof *choices)

static void check_all(const struct conv_shape *shape, bool transposed, bool whole, struct random *random,
                      struct pool *pool, size_t runs[CHOICES])
{
    char name[160];
    snprintf(name, sizeof name,
             "%s%zux%zux%zux%zu -> %zu, %zux%zu/%zux%zu pad %zu,%zu,%zu,%zu dilation %zux%zu group %zu",
             transposed ? "transposed " : "", shape->N, shape->C, shape->H, shape->W, shape->OC, shape->kernel[0],
             shape->kernel[1], shape->stride[0], shape->stride[1], shape->pad[0], shape->pad[1], shape->pad[2],
             shape->pad[3], shape->dilation[0], shape->dilation[1], shape->groups);
    struct data data;
    make_data(shape, transposed, whole, random, &data);
    for (size_t i = 0; i < CHOICES; i++) {
        struct weights_gradient_choice choice = choices[i];
        choice.transposed = transposed;
        runs[i] += check(name, &data, &choice, whole, pool);
    }
    free_data(&data);
}

Test(weights_gradient, agrees_with_plain_loops_on_random_convolutions)
{
    struct random random = {77};
    struct pool *pool = conv_check_pool(3);
    static const size_t none[2] = {0, 0};
    size_t runs[CHOICES] = {0};
    for (size_t done = 0; done < 1500;) {
        struct conv_shape shape = conv_check_draw(&random);
        bool transposed = done % 4 == 3;
        enum stoa_status status =
            transposed ? stoa_conv_transpose_shape_finish(&shape, none, NULL) : stoa_conv_shape_finish(&shape, NULL);
        double macs = transposed ? stoa_conv_transpose_macs(&shape) : stoa_conv_macs(&shape);
        if (status != STOA_OK || macs > MOST_MACS)
            continue;
        check_all(&shape, transposed, done % 2 == 0, &random, pool, runs);
        done++;
    }
    for (size_t i = 0; i < CHOICES; i++)
        cr_expect(runs[i] > 50, "choice %zu applied %zu times", i, runs[i]);
    stoa_pool_free(pool);
}

#define SHAPE(n, c, h, w, oc, k, s, p, g)                                                                              \
    {                                                                                                                  \
        .N = n, .C = c, .H = h, .W = w, .OC = oc, .kernel = {k, k}, .stride = {s, s}, .dilation = {1, 1},              \
        .pad = {p, p, p, p}, .groups = g                                                                               \
    }
/* Long enough to be cut into steps and chunks, and channels into slices and panels. */
static const struct {
    const char *name;
    struct conv_shape shape;
} large[] = {
    {"3x3", SHAPE(6, 32, 14, 14, 40, 3, 1, 1, 1)},
    {"3x3 of many channels", SHAPE(2, 130, 9, 9, 70, 3, 1, 1, 1)},
    {"5x5", SHAPE(9, 6, 14, 14, 16, 5, 1, 0, 1)},
    {"one channel", SHAPE(12, 1, 28, 28, 6, 5, 1, 2, 1)},
    {"a network's first layer", SHAPE(2, 3, 61, 61, 24, 7, 2, 3, 1)},
    {"1x1", SHAPE(4, 330, 7, 7, 70, 1, 1, 0, 1)},
    {"groups", SHAPE(3, 40, 15, 15, 60, 3, 2, 1, 2)},
    {"depthwise", SHAPE(4, 50, 20, 20, 50, 3, 1, 1, 50)},
};

Test(weights_gradient, agrees_with_plain_loops_where_work_is_cut)
{
    struct random random = {78};
    struct pool *pool = conv_check_pool(3);
    size_t runs[CHOICES] = {0};
    for (size_t i = 0; i < sizeof large / sizeof *large; i++)
        for (int whole = 0; whole < 2; whole++) {
            struct conv_shape shape = large[i].shape;
            cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
            check_all(&shape, false, whole, &random, pool, runs);
        }
    stoa_pool_free(pool);
}

/* No images: gradients are zero. */
Test(weights_gradient, of_no_images_is_zero)
{
    struct conv_shape shape = SHAPE(0, 4, 5, 5, 3, 3, 1, 1, 1);
    cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
    for (size_t i = 0; i < CHOICES; i++) {
        struct stoa_allocator allocator = stoa_allocator_default();
        struct weights_gradient *gradient;
        if (stoa_weights_gradient_create(&allocator, &shape, &choices[i], NULL, &gradient) != STOA_OK)
            continue;
        float dw[3 * 4 * 9], db[3], none[1];
        memset(dw, 0xff, sizeof dw);
        memset(db, 0xff, sizeof db);
        struct weights_gradient_args args = {.x = none, .dy = none, .dw = dw, .db = db, .shared = none};
        stoa_weights_gradient_run(gradient, &args);
        for (size_t j = 0; j < sizeof dw / sizeof *dw; j++)
            cr_expect(dw[j] == 0, "choice %zu: dw[%zu] is %g", i, j, (double)dw[j]);
        cr_expect(db[0] == 0 && db[1] == 0 && db[2] == 0, "choice %zu: the bias is not zero", i);
        stoa_weights_gradient_free(gradient);
    }
}
