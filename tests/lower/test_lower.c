/* Every lowering against a plain loop: exactly on small whole numbers, and within the bound of a sum of products
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1) on random ones. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "lower/lower.h"
#include "support/allocator.h"

#define SHAPE_TEXT 160
/* Keeps the plain loop quick. */
#define MOST_MACS 1e6

static const char *shape_text(const struct conv_shape *s, char text[SHAPE_TEXT])
{
    snprintf(text, SHAPE_TEXT, "%zux%zux%zux%zu -> %zu, %zux%zu/%zux%zu pad %zu,%zu,%zu,%zu dilation %zux%zu group %zu",
             s->N, s->C, s->H, s->W, s->OC, s->kernel[0], s->kernel[1], s->stride[0], s->stride[1], s->pad[0],
             s->pad[1], s->pad[2], s->pad[3], s->dilation[0], s->dilation[1], s->groups);
    return text;
}

/* What one output element is: the exact sum and the sum of magnitudes. */
struct sum {
    double value, magnitude;
};

/* What a run takes and must give. Images may be slices of channels of wider ones. */
struct data {
    float *x, *weights, *bias, *addend, *y;
    size_t x_stride, y_stride;
    struct activation activation; /* exact on small whole numbers, and with slopes of at most 1 */
    struct sum *expected;         /* [N*OH*OW][OC], before the activation */
    size_t pixels;                /* N*OH*OW */
};

static size_t y_index(const struct conv_shape *s, size_t n, size_t c, size_t h, size_t w)
{
    return ((n * s->OH + h) * s->OW + w) * s->OC + c;
}

static void add(struct sum *sum, float a, float b)
{
    sum->value += (double)a * b;
    sum->magnitude += fabs((double)a * b);
}

/* Visits each (input pixel, output pixel) pair that a tap connects, channel by channel. `transposed` swaps which of the
 * two the window moves over. */
static void naive(const struct conv_shape *s, bool transposed, struct data *data)
{
    size_t ic = s->C / s->groups, oc = s->OC / s->groups;
    const size_t small[2] = {transposed ? s->H : s->OH, transposed ? s->W : s->OW};
    const size_t large[2] = {transposed ? s->OH : s->H, transposed ? s->OW : s->W};
    for (size_t n = 0; n < s->N; n++)
        for (size_t h = 0; h < small[0]; h++)
            for (size_t w = 0; w < small[1]; w++)
                for (size_t r = 0; r < s->kernel[0]; r++)
                    for (size_t q = 0; q < s->kernel[1]; q++) {
                        ptrdiff_t lh = (ptrdiff_t)(h * s->stride[0] + r * s->dilation[0]) - (ptrdiff_t)s->pad[0];
                        ptrdiff_t lw = (ptrdiff_t)(w * s->stride[1] + q * s->dilation[1]) - (ptrdiff_t)s->pad[1];
                        if (lh < 0 || lw < 0 || lh >= (ptrdiff_t)large[0] || lw >= (ptrdiff_t)large[1])
                            continue;
                        for (size_t o = 0; o < s->OC; o++)
                            for (size_t i = 0; i < ic; i++) {
                                size_t g = o / oc, c = g * ic + i, tap = r * s->kernel[1] + q;
                                size_t taps = s->kernel[0] * s->kernel[1];
                                size_t row = transposed ? h : (size_t)lh, column = transposed ? w : (size_t)lw;
                                size_t xi = ((n * s->H + row) * s->W + column) * data->x_stride + c;
                                size_t yi =
                                    transposed ? y_index(s, n, o, (size_t)lh, (size_t)lw) : y_index(s, n, o, h, w);
                                size_t wi = transposed ? (c * oc + o % oc) * taps + tap : (o * ic + i) * taps + tap;
                                add(&data->expected[yi], data->x[xi], data->weights[wi]);
                            }
                    }
    for (size_t i = 0; i < data->pixels * s->OC; i++) {
        if (data->bias)
            add(&data->expected[i], data->bias[i % s->OC], 1);
        if (data->addend)
            add(&data->expected[i], data->addend[i / s->OC * data->y_stride + i % s->OC], 1);
    }
}

static void fill(struct random *random, bool whole, size_t count, float *values)
{
    for (size_t i = 0; i < count; i++)
        values[i] = whole ? (float)stoa_random_int(random, -4, 4) : stoa_random_normal(random);
}

static float *random_floats(struct random *random, bool whole, size_t count)
{
    float *values = malloc((count + 1) * sizeof *values);
    fill(random, whole, count, values);
    return values;
}

/* Half of all data are plain: no gaps, no addend, no activation. */
static void make_data(const struct conv_shape *s, bool transposed, bool whole, struct random *random, struct data *data)
{
    static const struct activation activations[] = {
        {ACTIVATION_NONE, 0, 0},
        {ACTIVATION_RELU, 0, 0},
        {ACTIVATION_CLIP, -3, 5},
        {ACTIVATION_LEAKY_RELU, 0.5f, 0},
    };
    bool plain = stoa_random_bits(random) & 1;
    *data = (struct data){.x_stride = s->C, .y_stride = s->OC, .pixels = s->N * s->OH * s->OW};
    if (!plain) {
        data->activation = activations[stoa_random_int(random, 0, 3)];
        data->x_stride += (size_t)stoa_random_int(random, 0, 1) * 5;
        data->y_stride += (size_t)stoa_random_int(random, 0, 1) * 3;
    }
    data->x = random_floats(random, whole, s->N * s->H * s->W * data->x_stride);
    data->weights = random_floats(random, whole, s->OC * (s->C / s->groups) * s->kernel[0] * s->kernel[1]);
    if (stoa_random_bits(random) & 1)
        data->bias = random_floats(random, whole, s->OC);
    if (!plain && stoa_random_bits(random) & 1)
        data->addend = random_floats(random, whole, data->pixels * data->y_stride);
    data->y = malloc(data->pixels * data->y_stride * sizeof(float) + 1);
    data->expected = calloc(data->pixels * s->OC + 1, sizeof *data->expected);
    naive(s, transposed, data);
}

static void free_data(struct data *data)
{
    free(data->x);
    free(data->weights);
    free(data->bias);
    free(data->addend);
    free(data->y);
    free(data->expected);
}

static void run(const struct conv *conv, const struct data *data, struct pool *pool, const float *packed, float *y)
{
    size_t stride = (stoa_conv_worker_scratch(conv) + 63) / 64 * 64 + 64;
    char *scratch = aligned_alloc(64, stride * stoa_pool_workers(pool));
    struct conv_args args = {.x = data->x,
                             .x_stride = data->x_stride,
                             .y = y,
                             .y_stride = data->y_stride,
                             .packed = packed,
                             .bias = packed ? data->bias : NULL,
                             .addend = data->addend,
                             .addend_stride = data->y_stride,
                             .activation = data->activation,
                             .pool = pool,
                             .worker_base = scratch,
                             .worker_stride = stride};
    memset(y, 0xff, data->pixels * data->y_stride * sizeof *y); /* NaN: what is not written shows */
    stoa_conv_run(conv, &args);
    free(scratch);
}

static double activate(struct activation activation, double value)
{
    switch (activation.kind) {
    case ACTIVATION_RELU:
        return fmax(value, 0);
    case ACTIVATION_CLIP:
        return fmin(fmax(value, activation.alpha), activation.beta);
    case ACTIVATION_LEAKY_RELU:
        return value < 0 ? value * activation.alpha : value;
    default:
        return value;
    }
}

static void compare(const char *text, const char *how, const struct conv_shape *s, bool whole, const struct data *data)
{
    double terms = (double)(s->C / s->groups * s->kernel[0] * s->kernel[1]) + 2;
    for (size_t i = 0; i < data->pixels * data->y_stride; i++) {
        size_t pixel = i / data->y_stride, channel = i % data->y_stride;
        if (channel >= s->OC) {
            uint32_t bits;
            memcpy(&bits, &data->y[i], sizeof bits);
            cr_assert(bits == UINT32_MAX, "%s: %s: wrote between pixels", text, how);
            continue;
        }
        const struct sum *expected = &data->expected[pixel * s->OC + channel];
        double value = activate(data->activation, expected->value);
        double tolerance = whole ? 0 : (terms + 1) * 0x1p-24 * expected->magnitude;
        double difference = fabs(data->y[i] - value);
        if (difference <= tolerance)
            continue;
        cr_expect(false, "%s: %s: y[%zu] is %.9g, must be %.9g within %.3g", text, how, i, data->y[i], value,
                  tolerance);
        return;
    }
}

static struct pool *pool_of(size_t threads)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct pool *pool;
    cr_assert(stoa_pool_create(&allocator, threads, NULL, &pool) == STOA_OK);
    return pool;
}

/* One shape, one kind of numbers: weights at creation with one worker, with three, and weights at run time. */
static void check(const struct conv_shape *shape, bool transposed, enum stoa_lowering lowering, bool whole,
                  struct pool *pool, struct random *random)
{
    char text[SHAPE_TEXT];
    shape_text(shape, text);
    struct data data;
    make_data(shape, transposed, whole, random, &data);
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct conv *conv;
    struct stoa_error error = {0};
    struct conv_choice choice = {.lowering = lowering};
    for (int at_run = 0; at_run < 2; at_run++) {
        const float *weights = at_run ? NULL : data.weights, *bias = at_run ? NULL : data.bias;
        enum stoa_status status =
            transposed ? stoa_conv_transpose_create(&memory.interface, shape, weights, bias, &error, &conv)
                       : stoa_conv_create(&memory.interface, shape, weights, bias, &choice, &error, &conv);
        cr_assert(status == STOA_OK, "%s: %s", text, error.message);
        const char *how = stoa_conv_describe(conv);
        if (!transposed && lowering)
            cr_expect(strncmp(how, stoa_lowering_name(lowering), strlen(stoa_lowering_name(lowering))) == 0,
                      "%s: %s is not %s", text, how, stoa_lowering_name(lowering));
        float *packed = NULL;
        if (at_run) {
            packed = aligned_alloc(64, (stoa_conv_packed_size(conv) + 63) / 64 * 64);
            stoa_conv_pack(conv, data.weights, NULL, packed);
        }
        run(conv, &data, NULL, packed, data.y);
        compare(text, how, shape, whole, &data);
        size_t bytes = data.pixels * data.y_stride * sizeof(float);
        float *again = malloc(bytes + 1);
        run(conv, &data, pool, packed, again);
        cr_expect(memcmp(again, data.y, bytes) == 0, "%s: %s: 3 workers differ from 1", text, how);
        free(again);
        free(packed);
        stoa_conv_free(conv);
    }
    cr_expect(memory.live == 0, "%s: %zu blocks leak", text, memory.live);
    free_data(&data);
}

static bool applies(enum stoa_lowering lowering, const struct conv_shape *s)
{
    return lowering != STOA_LOWERING_DEPTHWISE || (s->groups == s->C && s->OC == s->C);
}

static void check_all(const struct conv_shape *shape, struct pool *pool, struct random *random)
{
    for (int lowering = STOA_LOWERING_AUTO; lowering < STOA_LOWERING_COUNT; lowering++)
        for (int whole = 0; whole < 2 && applies((enum stoa_lowering)lowering, shape); whole++)
            check(shape, false, (enum stoa_lowering)lowering, whole, pool, random);
}

/* Shapes at which one thing is special. Zero means 1 for stride, dilation, groups and N. */
static const struct {
    const char *name;
    struct conv_shape shape;
} rows[] = {
    {"one pixel, one channel", {.C = 1, .H = 1, .W = 1, .OC = 1, .kernel = {1, 1}}},
    {"1x1 over several images", {.N = 3, .C = 37, .H = 7, .W = 5, .OC = 70, .kernel = {1, 1}}},
    {"1x1 with padding", {.C = 19, .H = 4, .W = 5, .OC = 8, .kernel = {1, 1}, .pad = {1, 0, 2, 1}}},
    {"1x1 with stride", {.C = 64, .H = 9, .W = 8, .OC = 130, .kernel = {1, 1}, .stride = {2, 3}}},
    {"1x1 of more pixels than a tile", {.C = 16, .H = 40, .W = 30, .OC = 20, .kernel = {1, 1}}},
    {"a long row, cut in columns", {.C = 17, .H = 2, .W = 1500, .OC = 5, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"a long row of few channels", {.C = 3, .H = 2, .W = 1500, .OC = 5, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"k in several blocks", {.C = 300, .H = 6, .W = 7, .OC = 65, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"first layer of ResNet",
     {.C = 3, .H = 40, .W = 36, .OC = 64, .kernel = {7, 7}, .stride = {2, 2}, .pad = {3, 3, 3, 3}}},
    {"first layer of AlexNet",
     {.C = 3, .H = 43, .W = 43, .OC = 64, .kernel = {11, 11}, .stride = {4, 4}, .pad = {2, 2, 2, 2}}},
    {"first layer of LeNet", {.N = 3, .C = 1, .H = 28, .W = 28, .OC = 6, .kernel = {5, 5}, .pad = {2, 2, 2, 2}}},
    {"stride larger than the kernel", {.C = 3, .H = 17, .W = 16, .OC = 9, .kernel = {2, 2}, .stride = {3, 3}}},
    {"stride larger than the image", {.C = 3, .H = 5, .W = 5, .OC = 9, .kernel = {3, 3}, .stride = {7, 9}}},
    {"kernel as large as the image", {.C = 20, .H = 7, .W = 6, .OC = 66, .kernel = {7, 6}}},
    {"padding wider than the image", {.C = 5, .H = 2, .W = 1, .OC = 4, .kernel = {3, 3}, .pad = {3, 3, 3, 3}}},
    {"taps that only see padding", {.C = 5, .H = 1, .W = 1, .OC = 4, .kernel = {5, 5}, .pad = {2, 2, 2, 2}}},
    {"windows that only see padding", {.C = 18, .H = 2, .W = 2, .OC = 4, .kernel = {2, 2}, .pad = {3, 3, 3, 3}}},
    {"dilation", {.C = 20, .H = 12, .W = 13, .OC = 21, .kernel = {3, 3}, .pad = {2, 2, 2, 2}, .dilation = {2, 2}}},
    {"dilation of few channels", {.C = 2, .H = 12, .W = 13, .OC = 21, .kernel = {3, 3}, .dilation = {2, 3}}},
    {"a row filter", {.C = 17, .H = 6, .W = 11, .OC = 16, .kernel = {1, 7}, .pad = {0, 3, 0, 3}}},
    {"a column filter", {.C = 5, .H = 11, .W = 6, .OC = 16, .kernel = {7, 1}, .pad = {3, 0, 3, 0}}},
    {"depthwise", {.C = 33, .H = 9, .W = 9, .OC = 33, .kernel = {3, 3}, .pad = {1, 1, 1, 1}, .groups = 33}},
    {"depthwise with multiplier", {.C = 6, .H = 5, .W = 9, .OC = 18, .kernel = {3, 3}, .stride = {2, 2}, .groups = 6}},
    {"groups wider than a panel",
     {.C = 40, .H = 5, .W = 6, .OC = 140, .kernel = {3, 3}, .pad = {1, 1, 1, 1}, .groups = 2}},
    {"1x1 of more pixels than a tile", {.N = 2, .C = 5, .H = 37, .W = 41, .OC = 7, .kernel = {1, 1}}},
    {"no images", {.N = 0, .C = 3, .H = 5, .W = 5, .OC = 4, .kernel = {3, 3}}},
};

static struct conv_shape completed(struct conv_shape shape)
{
    for (int i = 0; i < 2; i++) {
        shape.stride[i] = shape.stride[i] ? shape.stride[i] : 1;
        shape.dilation[i] = shape.dilation[i] ? shape.dilation[i] : 1;
    }
    shape.groups = shape.groups ? shape.groups : 1;
    return shape;
}

Test(lower, special_shapes)
{
    struct pool *pool = pool_of(3);
    struct random random = {1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conv_shape shape = completed(rows[i].shape);
        if (!shape.N && strcmp(rows[i].name, "no images") != 0)
            shape.N = 1;
        struct stoa_error error = {0};
        cr_assert(stoa_conv_shape_finish(&shape, &error) == STOA_OK, "%s: %s", rows[i].name, error.message);
        check_all(&shape, pool, &random);
    }
    stoa_pool_free(pool);
}

static size_t pick(struct random *random, size_t count, const size_t *choices)
{
    return choices[stoa_random_int(random, 0, (int64_t)count - 1)];
}

static struct conv_shape random_shape(struct random *random)
{
    static const size_t channels[] = {1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 64, 67};
    static const size_t groups[] = {1, 1, 1, 2, 3};
    struct conv_shape s = {.N = (size_t)stoa_random_int(random, 1, 2)};
    s.groups = pick(random, sizeof groups / sizeof *groups, groups);
    s.C = s.groups * pick(random, sizeof channels / sizeof *channels, channels);
    s.OC = s.groups * pick(random, sizeof channels / sizeof *channels, channels);
    s.H = (size_t)stoa_random_int(random, 1, 17);
    s.W = (size_t)stoa_random_int(random, 1, 17);
    for (int i = 0; i < 2; i++) {
        s.kernel[i] = (size_t)stoa_random_int(random, 1, 5);
        s.stride[i] = (size_t)stoa_random_int(random, 1, 3);
        s.dilation[i] = (size_t)stoa_random_int(random, 1, 2);
    }
    for (int i = 0; i < 4; i++)
        s.pad[i] = (size_t)stoa_random_int(random, 0, 3);
    return s;
}

Test(lower, random_shapes)
{
    struct pool *pool = pool_of(3);
    struct random random = {2};
    size_t done = 0;
    while (done < 400) {
        struct conv_shape shape = random_shape(&random);
        if (stoa_conv_shape_finish(&shape, NULL) != STOA_OK || stoa_conv_macs(&shape) > MOST_MACS)
            continue;
        done++;
        enum stoa_lowering lowering = (enum stoa_lowering)(done % STOA_LOWERING_DEPTHWISE);
        check(&shape, false, lowering, done & 4, pool, &random);
    }
    stoa_pool_free(pool);
}

Test(lower, random_depthwise_shapes)
{
    static const size_t channels[] = {1, 2, 7, 15, 16, 17, 31, 64, 67, 80, 131};
    struct pool *pool = pool_of(3);
    struct random random = {4};
    size_t done = 0;
    while (done < 250) {
        struct conv_shape shape = random_shape(&random);
        shape.C = shape.OC = shape.groups = pick(&random, sizeof channels / sizeof *channels, channels);
        if (stoa_conv_shape_finish(&shape, NULL) != STOA_OK || stoa_conv_macs(&shape) > MOST_MACS)
            continue;
        done++;
        /* Every other shape by its own kernel, the others by each way in turn. */
        enum stoa_lowering lowering =
            done & 1 ? STOA_LOWERING_DEPTHWISE : (enum stoa_lowering)(done / 2 % STOA_LOWERING_COUNT);
        check(&shape, false, lowering, done & 2, pool, &random);
    }
    stoa_pool_free(pool);
}

Test(lower, what_is_not_depthwise_is_refused_as_such)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct conv_shape shape =
        completed((struct conv_shape){.N = 1, .C = 6, .H = 5, .W = 5, .OC = 12, .kernel = {3, 3}});
    shape.groups = 6;
    struct stoa_error error = {0};
    struct conv *conv;
    cr_assert(stoa_conv_shape_finish(&shape, &error) == STOA_OK);
    cr_expect(stoa_conv_create(&allocator, &shape, NULL, NULL,
                               &(struct conv_choice){.lowering = STOA_LOWERING_DEPTHWISE}, &error,
                               &conv) == STOA_ERROR_UNSUPPORTED);
    cr_expect(!conv && strstr(error.message, "6 groups of 1 to 2 channels"), "%s", error.message);
}

Test(lower, random_transposed_shapes)
{
    struct pool *pool = pool_of(3);
    struct random random = {3};
    size_t done = 0;
    while (done < 300) {
        struct conv_shape shape = random_shape(&random);
        size_t output_padding[2] = {(size_t)stoa_random_int(&random, 0, 1), (size_t)stoa_random_int(&random, 0, 2)};
        if (stoa_conv_transpose_shape_finish(&shape, output_padding, NULL) != STOA_OK ||
            stoa_conv_transpose_macs(&shape) > MOST_MACS)
            continue;
        done++;
        check(&shape, true, STOA_LOWERING_AUTO, done & 1, pool, &random);
    }
    stoa_pool_free(pool);
}

/* Shapes that are refused: one field of a good one changed. */
static const struct {
    const char *name;
    struct conv_shape shape;
    enum stoa_status status;
    const char *words;
} refused[] = {
#define GOOD .N = 1, .C = 4, .H = 8, .W = 8, .OC = 6, .groups = 1
#define WINDOW .kernel = {3, 3}, .stride = {1, 1}, .dilation = {1, 1}
    {"stride 0",
     {GOOD, .kernel = {3, 3}, .stride = {1, 0}, .dilation = {1, 1}},
     STOA_ERROR_ATTRIBUTE,
     "stride[1] is 0"},
    {"dilation 0",
     {GOOD, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {0, 1}},
     STOA_ERROR_ATTRIBUTE,
     "dilation[0] is 0"},
    {"kernel 0",
     {GOOD, .kernel = {0, 3}, .stride = {1, 1}, .dilation = {1, 1}},
     STOA_ERROR_ATTRIBUTE,
     "kernel[0] is 0"},
    {"group 0", {.N = 1, .C = 4, .H = 8, .W = 8, .OC = 6, WINDOW}, STOA_ERROR_ATTRIBUTE, "group is 0"},
    {"group 3 of 4 channels",
     {.N = 1, .C = 4, .H = 8, .W = 8, .OC = 6, .groups = 3, WINDOW},
     STOA_ERROR_SHAPE,
     "input channels are 4"},
    {"group 4 of 6 outputs",
     {.N = 1, .C = 4, .H = 8, .W = 8, .OC = 6, .groups = 4, WINDOW},
     STOA_ERROR_SHAPE,
     "output channels are 6"},
    {"no channels", {.N = 1, .H = 8, .W = 8, .OC = 6, .groups = 1, WINDOW}, STOA_ERROR_SHAPE, "input channels are 0"},
    {"kernel beyond the padded input",
     {GOOD, .kernel = {3, 11}, .stride = {1, 1}, .dilation = {1, 1}, .pad = {0, 1, 0, 1}},
     STOA_ERROR_SHAPE,
     "padded input width of 10"},
    {"dilated kernel beyond it",
     {GOOD, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {4, 1}},
     STOA_ERROR_SHAPE,
     "spans 9"},
    {"dilation of 2^62",
     {GOOD, .kernel = {3, 3}, .stride = {1, 1}, .dilation = {(size_t)1 << 62, 1}},
     STOA_ERROR_LIMIT,
     "dilation[0]"},
    {"all pads 2^31-1",
     {GOOD, WINDOW, .pad = {2147483647, 2147483647, 2147483647, 2147483647}},
     STOA_ERROR_LIMIT,
     "pads 2147483647"},
    {"an image of 2^62 pixels",
     {.N = 1, .C = 4, .H = 2147483647, .W = 2147483647, .OC = 4, .groups = 1, WINDOW},
     STOA_ERROR_LIMIT,
     "input"},
    {"more output than memory",
     {.N = 1, .C = 1, .H = 1048576, .W = 1048576, .OC = 2147483647, .groups = 1, WINDOW},
     STOA_ERROR_LIMIT,
     "output"},
    {"no height",
     {.N = 1, .C = 4, .W = 8, .OC = 6, .groups = 1, WINDOW, .pad = {2, 0, 2, 0}},
     STOA_ERROR_SHAPE,
     "input height is 0"},
};

Test(lower, refused_shapes)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct conv_shape shape = refused[i].shape;
        struct stoa_error error = {0};
        enum stoa_status status = stoa_conv_shape_finish(&shape, &error);
        cr_expect(status == refused[i].status, "%s: status %s, %s", refused[i].name, stoa_status_name(status),
                  error.message);
        cr_expect(strstr(error.message, refused[i].words) != NULL, "%s: \"%s\" does not say \"%s\"", refused[i].name,
                  error.message, refused[i].words);
    }
}

Test(lower, full_columns_have_a_cap)
{
    struct conv_shape shape = {.N = 1,
                               .C = 1,
                               .H = 50000,
                               .W = 50000,
                               .OC = 1,
                               .groups = 1,
                               .kernel = {7, 7},
                               .stride = {1, 1},
                               .dilation = {1, 1}};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct conv *conv;
    cr_assert(stoa_conv_shape_finish(&shape, &error) == STOA_OK, "%s", error.message);
    enum stoa_status status = stoa_conv_create(
        &allocator, &shape, NULL, NULL, &(struct conv_choice){.lowering = STOA_LOWERING_IM2COL_FULL}, &error, &conv);
    cr_expect(status == STOA_ERROR_LIMIT && !conv, "status %s", stoa_status_name(status));
    cr_expect(strstr(error.message, "1024 MiB") != NULL, "%s", error.message);

    cr_assert(stoa_conv_create(&allocator, &shape, NULL, NULL, NULL, &error, &conv) == STOA_OK);
    cr_expect(strstr(stoa_conv_explain(conv), "not im2col-full") != NULL, "%s", stoa_conv_explain(conv));
    stoa_conv_free(conv);
}

Test(lower, failing_memory)
{
    struct conv_shape shape = {.N = 1, .C = 4, .H = 8, .W = 8, .OC = 6, .groups = 1, WINDOW};
    float weights[6 * 4 * 9] = {0}, bias[6] = {0};
    cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    for (memory.fail_at = 1; memory.fail_at <= 3; memory.fail_at++) {
        struct conv *conv;
        memory.calls = 0;
        enum stoa_status status = stoa_conv_create(&memory.interface, &shape, weights, bias, NULL, NULL, &conv);
        cr_expect(status == STOA_ERROR_MEMORY && !conv, "allocation %zu: %s", memory.fail_at, stoa_status_name(status));
        cr_expect(memory.live == 0, "allocation %zu: %zu blocks leak", memory.fail_at, memory.live);
    }
}

Test(lower, names)
{
    cr_expect(strcmp(stoa_lowering_name(STOA_LOWERING_AUTO), "auto") == 0);
    cr_expect(strcmp(stoa_lowering_name(STOA_LOWERING_VIEW), "view") == 0);
    cr_expect(strcmp(stoa_lowering_name(STOA_LOWERING_IM2COL), "im2col") == 0);
    cr_expect(strcmp(stoa_lowering_name(STOA_LOWERING_IM2COL_FULL), "im2col-full") == 0);
    cr_expect(stoa_lowering_name((enum stoa_lowering)99) != NULL);
}
