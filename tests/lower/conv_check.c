#include "lower/conv_check.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "support/allocator.h"

#define SHAPE_TEXT 160

static const char *shape_text(const struct conv_shape *s, char text[SHAPE_TEXT])
{
    snprintf(text, SHAPE_TEXT, "%zux%zux%zux%zu -> %zu, %zux%zu/%zux%zu pad %zu,%zu,%zu,%zu dilation %zux%zu group %zu",
             s->N, s->C, s->H, s->W, s->OC, s->kernel[0], s->kernel[1], s->stride[0], s->stride[1], s->pad[0],
             s->pad[1], s->pad[2], s->pad[3], s->dilation[0], s->dilation[1], s->groups);
    return text;
}

/* What one output element is: the exact sum, the sum of magnitudes, and what stoa_conv_error's factor multiplies. */
struct sum {
    double value, magnitude, mixed;
};

/* What a run takes and must give. Images may be slices of channels of wider ones. */
struct data {
    float *x, *weights, *bias, *addend, *mask, *y;
    size_t x_stride, y_stride;
    float mask_bounds[2];
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
        {ACTIVATION_NONE, 0, 0},          {ACTIVATION_RELU, 0, 0},           {ACTIVATION_CLIP, -3, 5},
        {ACTIVATION_LEAKY_RELU, 0.5f, 0}, {ACTIVATION_HARD_SWISH, 0.25f, 1}, /* nowhere steeper than 1 */
    };
    bool plain = stoa_random_bits(random) & 1;
    *data = (struct data){.x_stride = s->C, .y_stride = s->OC, .pixels = s->N * s->OH * s->OW};
    if (!plain) {
        data->activation = activations[stoa_random_int(random, 0, 4)];
        data->x_stride += (size_t)stoa_random_int(random, 0, 1) * 5;
        data->y_stride += (size_t)stoa_random_int(random, 0, 1) * 3;
    }
    data->x = random_floats(random, whole, s->N * s->H * s->W * data->x_stride);
    data->weights = random_floats(random, whole, s->OC * (s->C / s->groups) * s->kernel[0] * s->kernel[1]);
    if (stoa_random_bits(random) & 1)
        data->bias = random_floats(random, whole, s->OC);
    if (!plain && stoa_random_bits(random) & 1)
        data->addend = random_floats(random, whole, data->pixels * data->y_stride);
    if (!plain && stoa_random_bits(random) & 1) {
        data->mask = random_floats(random, whole, data->pixels * data->y_stride);
        data->mask_bounds[0] = -1;
        data->mask_bounds[1] = stoa_random_bits(random) & 1 ? 2 : NAN;
    }
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
    free(data->mask);
    free(data->y);
    free(data->expected);
}

enum way { PLAIN, OVER /* y holds the addend and is it */, POOLED };

static size_t pixels_of(const struct conv_shape *s, enum way way)
{
    return way == POOLED ? s->N * (s->OH / 2) * (s->OW / 2) : s->N * s->OH * s->OW;
}

static void run(const struct conv *conv, const struct data *data, struct pool *pool, const float *packed, enum way way,
                float *y)
{
    const struct conv_shape *shape = stoa_conv_shape(conv);
    size_t floats = pixels_of(shape, way) * data->y_stride;
    size_t stride = (stoa_conv_worker_scratch(conv) + 63) / 64 * 64 + 64;
    size_t shared = (stoa_conv_shared_scratch(conv) + 63) / 64 * 64;
    char *scratch = aligned_alloc(64, shared + stride * stoa_pool_workers(pool));
    memset(scratch, 0xff, shared + stride * stoa_pool_workers(pool));
    struct conv_args args = {.x = data->x,
                             .x_stride = data->x_stride,
                             .y = y,
                             .y_stride = data->y_stride,
                             .packed = packed,
                             .bias = packed ? data->bias : NULL,
                             .addend = way == OVER ? y : data->addend,
                             .addend_stride = data->y_stride,
                             .activation = data->activation,
                             .mask = data->mask,
                             .mask_stride = data->y_stride,
                             .mask_least = data->mask_bounds[0],
                             .mask_most = data->mask_bounds[1],
                             .pools = way == POOLED,
                             .pool = pool,
                             .shared = scratch,
                             .worker_base = scratch + shared,
                             .worker_stride = stride};
    memset(y, 0xff, floats * sizeof *y); /* NaN: what is not written shows */
    for (size_t i = 0; way == OVER && i < floats; i += data->y_stride)
        memcpy(y + i, data->addend + i, shape->OC * sizeof *y);
    stoa_conv_run(conv, &args);
    free(scratch);
}

static void pack(const struct conv *conv, const float *weights, struct pool *pool, float *packed)
{
    size_t stride = (stoa_conv_worker_scratch(conv) + 63) / 64 * 64 + 64;
    char *scratch = aligned_alloc(64, stride * stoa_pool_workers(pool));
    memset(scratch, 0xff, stride * stoa_pool_workers(pool));
    memset(packed, 0xff, stoa_conv_packed_size(conv));
    stoa_conv_pack(conv, weights, pool, scratch, stride, packed);
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
    case ACTIVATION_HARD_SWISH:
        return value * fmin(fmax(value * activation.alpha + activation.beta, 0), 1);
    default:
        return value;
    }
}

/* The rows or columns within reach of what output `o` sees. */
static void window(const struct conv_shape *s, size_t axis, size_t pad, size_t reach, size_t o, size_t *first,
                   size_t *end)
{
    size_t size = axis ? s->W : s->H, begin = o * s->stride[axis];
    size_t kernel = (s->kernel[axis] - 1) * s->dilation[axis] + 1;
    *first = begin > pad + reach ? begin - pad - reach : 0;
    *end = begin + kernel + reach > pad ? begin + kernel + reach - pad : 0;
    *end = *end < size ? *end : size;
}

/* Largest |x| of a channel within reach of the window at (oy, ox), with pads at its top and left. */
static double largest(const struct conv_shape *s, const size_t pad[2], const struct data *data, const size_t reach[2],
                      size_t n, size_t c, size_t oy, size_t ox)
{
    double found = 0;
    size_t first[2], end[2];
    window(s, 0, pad[0], reach[0], oy, &first[0], &end[0]);
    window(s, 1, pad[1], reach[1], ox, &first[1], &end[1]);
    for (size_t h = first[0]; h < end[0]; h++)
        for (size_t w = first[1]; w < end[1]; w++)
            found = fmax(found, fabs((double)data->x[((n * s->H + h) * s->W + w) * data->x_stride + c]));
    return found;
}

/* A transposed convolution is one with pads the other way round. */
static void mix(const struct conv_shape *s, bool transposed, const size_t reach[2], struct data *data)
{
    size_t pad[2] = {s->pad[0], s->pad[1]};
    for (size_t i = 0; transposed && i < 2; i++)
        pad[i] = (s->kernel[i] - 1) * s->dilation[i] - s->pad[i];
    size_t ic = s->C / s->groups, oc = s->OC / s->groups, taps = s->kernel[0] * s->kernel[1];
    for (size_t pixel = 0; pixel < data->pixels; pixel++)
        for (size_t c = 0; c < s->C; c++) {
            double most = largest(s, pad, data, reach, pixel / s->OW / s->OH, c, pixel / s->OW % s->OH, pixel % s->OW);
            for (size_t o = c / ic * oc; o < (c / ic + 1) * oc; o++)
                for (size_t t = 0; t < taps; t++) {
                    size_t filter = transposed ? c * oc + o % oc : o * ic + c % ic;
                    data->expected[pixel * s->OC + o].mixed += most * fabs((double)data->weights[filter * taps + t]);
                }
        }
}

/* Returns the largest difference as a share of what is allowed. */
static double compare(const char *text, const struct conv *conv, const struct conv_shape *s,
                      const struct conv_check *check, struct data *data)
{
    double terms = (double)(s->C / s->groups * s->kernel[0] * s->kernel[1]) + 2, share = 0;
    const char *how = stoa_conv_describe(conv);
    size_t reach[2];
    double error = stoa_conv_error(conv, reach);
    if (error > 0 && data->pixels && data->expected[0].mixed == 0)
        mix(s, check->transposed, reach, data);
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
        if (data->mask && (data->mask[i] <= data->mask_bounds[0] || data->mask[i] >= data->mask_bounds[1]))
            value = 0;
        double tolerance = check->exact ? 0 : ((terms + 1) * expected->magnitude + error * expected->mixed) * 0x1p-24;
        double difference = fabs(data->y[i] - value);
        if (difference > 0 && tolerance > 0)
            share = fmax(share, difference / tolerance);
        if (difference <= tolerance)
            continue;
        cr_expect(false, "%s: %s: y[%zu] is %.9g, must be %.9g within %.3g", text, how, i, data->y[i], value,
                  tolerance);
        return INFINITY;
    }
    return share;
}

/* y pooled, against the maxima of what y was without. */
static void check_pooled(const char *text, const struct conv *conv, const struct data *data, struct pool *pool,
                         const float *packed)
{
    const struct conv_shape *s = stoa_conv_shape(conv);
    size_t floats = pixels_of(s, POOLED) * data->y_stride, wrong = 0;
    float *pooled = malloc(floats * sizeof *pooled + 1);
    run(conv, data, pool, packed, POOLED, pooled);
    for (size_t i = 0; i < floats; i++) {
        size_t channel = i % data->y_stride, pixel = i / data->y_stride, OH = s->OH / 2, OW = s->OW / 2;
        size_t row = pixel / OW / OH * s->OH + pixel / OW % OH * 2;
        const float *from = data->y + (row * s->OW + pixel % OW * 2) * data->y_stride + channel;
        const float *below = from + s->OW * data->y_stride;
        float most = fmaxf(fmaxf(from[0], from[data->y_stride]), fmaxf(below[0], below[data->y_stride]));
        uint32_t bits;
        memcpy(&bits, &pooled[i], sizeof bits);
        wrong += channel < s->OC ? pooled[i] != most : bits != UINT32_MAX;
    }
    cr_expect(wrong == 0, "%s: %s: %zu of %zu floats pooled are wrong", text, stoa_conv_describe(conv), wrong, floats);
    free(pooled);
}

struct pool *conv_check_pool(size_t threads)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct pool *pool;
    cr_assert(stoa_pool_create(&allocator, threads, NULL, &pool) == STOA_OK);
    return pool;
}

double conv_check(const struct conv_shape *shape, const struct conv_check *how, struct pool *pool,
                  struct random *random)
{
    char text[SHAPE_TEXT];
    shape_text(shape, text);
    struct data data;
    make_data(shape, how->transposed, how->whole, random, &data);
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct conv *conv;
    struct stoa_error error = {0};
    double share = 0;
    for (int at_run = 0; at_run < (pool ? 2 : 1); at_run++) {
        const float *weights = at_run ? NULL : data.weights, *bias = at_run ? NULL : data.bias;
        enum stoa_status status = how->create(how, &memory.interface, shape, weights, bias, &error, &conv);
        if (status == STOA_ERROR_UNSUPPORTED) {
            cr_expect(!conv && error.message[0], "%s: refused without a reason", text);
            share = -1;
            break;
        }
        cr_assert(status == STOA_OK, "%s: %s", text, error.message);
        const char *done = stoa_conv_describe(conv);
        cr_expect(strncmp(done, how->begins, strlen(how->begins)) == 0, "%s: %s is not %s", text, done, how->begins);
        float *packed = NULL;
        if (at_run) {
            packed = aligned_alloc(64, (stoa_conv_packed_size(conv) + 63) / 64 * 64);
            pack(conv, data.weights, pool, packed);
        }
        const struct epilogue epilogue = {.activation = data.activation, .addend = data.addend, .mask = data.mask};
        bool over = data.addend && stoa_conv_adds_in_place(conv, &epilogue);
        if (over) {
            run(conv, &data, pool, packed, OVER, data.y);
            share = fmax(share, compare(text, conv, shape, how, &data));
        }
        run(conv, &data, NULL, packed, PLAIN, data.y);
        share = fmax(share, compare(text, conv, shape, how, &data));
        if (stoa_conv_pools(conv, &epilogue))
            check_pooled(text, conv, &data, pool, packed);
        size_t bytes = data.pixels * data.y_stride * sizeof(float);
        float *again = pool ? malloc(bytes + 1) : NULL;
        if (pool) {
            run(conv, &data, pool, packed, PLAIN, again);
            cr_expect(memcmp(again, data.y, bytes) == 0, "%s: %s: 3 workers differ from 1", text, done);
        }
        free(again);
        free(packed);
        stoa_conv_free(conv);
    }
    cr_expect(memory.live == 0, "%s: %zu blocks leak", text, memory.live);
    free_data(&data);
    return share;
}

struct conv_shape conv_check_completed(struct conv_shape shape)
{
    for (int i = 0; i < 2; i++) {
        shape.stride[i] = shape.stride[i] ? shape.stride[i] : 1;
        shape.dilation[i] = shape.dilation[i] ? shape.dilation[i] : 1;
    }
    shape.groups = shape.groups ? shape.groups : 1;
    return shape;
}

static size_t draw(struct random *random, size_t least, size_t most)
{
    return (size_t)stoa_random_int(random, (int64_t)least, (int64_t)most);
}

/* Dense, in groups of few channels, or depthwise. */
static void draw_channels(struct random *random, struct conv_shape *shape)
{
    static const size_t few[] = {1, 2, 3, 4, 5, 7, 8, 11, 13, 16}, many[] = {17, 19, 23, 31, 32, 37, 41, 64, 67, 97};
    size_t kind = draw(random, 0, 5);
    size_t in = few[draw(random, 0, 9)], out = few[draw(random, 0, 9)];
    shape->groups = 1;
    if (kind == 0) { /* depthwise, some with a multiplier */
        shape->groups = many[draw(random, 0, 9)];
        in = 1;
        out = draw(random, 0, 1) ? 1 : draw(random, 1, 4);
    } else if (kind == 1) {
        shape->groups = draw(random, 2, 13);
        out = draw(random, 0, 1) ? in : out;
    } else if (kind == 2) {
        out = many[draw(random, 0, 9)];
    } else if (kind == 3) {
        in = many[draw(random, 0, 9)];
    }
    shape->C = shape->groups * in;
    shape->OC = shape->groups * out;
}

struct conv_shape conv_check_draw(struct random *random)
{
    struct conv_shape shape = {.N = draw(random, 1, 2)};
    draw_channels(random, &shape);
    shape.H = draw(random, 1, 40);
    shape.W = draw(random, 1, 40);
    bool plain = draw(random, 0, 2) == 0; /* 3x3 or so, as most are */
    for (int i = 0; i < 2; i++) {
        shape.kernel[i] = plain ? 3 : draw(random, 1, 7);
        shape.stride[i] = plain ? 1 : draw(random, 1, 4);
        shape.dilation[i] = plain ? 1 : draw(random, 1, 3);
    }
    for (int i = 0; i < 4; i++)
        shape.pad[i] = plain ? 1 : draw(random, 0, 5);
    return shape;
}
