/* Every lowering against a plain loop: exactly on small whole numbers, and within the bound of a sum of products
 * (Higham, Accuracy and Stability of Numerical Algorithms, section 3.1) on random ones. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/pool.h"
#include "base/random.h"
#include "lower/conv_check.h"
#include "lower/lower.h"
#include "support/allocator.h"

/* Keeps the plain loop quick. */
#define MOST_MACS 1e6

static enum stoa_status create(const struct conv_check *check, const struct stoa_allocator *allocator,
                               const struct conv_shape *shape, const float *weights, const float *bias,
                               struct stoa_error *error, struct conv **conv)
{
    const enum stoa_lowering *lowering = check->context;
    struct conv_choice choice = {.lowering = *lowering, .accuracy = STOA_ACCURACY_STRICT};
    if (check->transposed)
        return stoa_conv_transpose_create(allocator, shape, weights, bias, error, conv);
    return stoa_conv_create(allocator, shape, weights, bias, &choice, error, conv);
}

static void check(const struct conv_shape *shape, bool transposed, enum stoa_lowering lowering, bool whole,
                  struct pool *pool, struct random *random)
{
    struct conv_check how = {.create = create,
                             .context = &lowering,
                             .begins = lowering && !transposed ? stoa_lowering_name(lowering) : "",
                             .transposed = transposed,
                             .whole = whole,
                             .exact = whole};
    conv_check(shape, &how, pool, random);
}

static void check_all(const struct conv_shape *shape, struct pool *pool, struct random *random)
{
    for (int lowering = STOA_LOWERING_AUTO; lowering < STOA_LOWERING_COUNT; lowering++)
        for (int whole = 0; whole < 2; whole++)
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
    {"five panels, shared among tasks by twos",
     {.C = 5, .H = 4, .W = 4, .OC = 300, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
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
    {"first layer of VGG", {.C = 3, .H = 9, .W = 50, .OC = 64, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"three vectors of channels", {.C = 2, .H = 7, .W = 13, .OC = 45, .kernel = {3, 3}, .pad = {1, 0, 0, 2}}},
    {"two vectors of channels", {.C = 1, .H = 9, .W = 31, .OC = 23, .kernel = {3, 2}, .stride = {1, 2}}},
    {"one output channel", {.C = 40, .H = 9, .W = 21, .OC = 1, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"three output channels, 1x1", {.N = 2, .C = 67, .H = 9, .W = 11, .OC = 3, .kernel = {1, 1}}},
    {"groups of four", {.C = 24, .H = 7, .W = 9, .OC = 24, .kernel = {3, 3}, .pad = {1, 1, 1, 1}, .groups = 6}},
    {"groups of eight", {.C = 40, .H = 6, .W = 11, .OC = 40, .kernel = {3, 3}, .stride = {2, 2}, .groups = 5}},
    {"groups of eight, wider",
     {.C = 24, .H = 9, .W = 30, .OC = 24, .kernel = {3, 3}, .pad = {1, 1, 0, 1}, .groups = 3}},
    {"groups of four with stride",
     {.C = 20, .H = 7, .W = 17, .OC = 20, .kernel = {3, 3}, .stride = {1, 2}, .pad = {2, 1, 0, 1}, .groups = 5}},
    {"groups of two", {.C = 34, .H = 5, .W = 15, .OC = 34, .kernel = {2, 3}, .pad = {1, 1, 1, 0}, .groups = 17}},
    {"groups of four to eight", {.C = 20, .H = 6, .W = 7, .OC = 40, .kernel = {3, 2}, .groups = 5}},
    {"depthwise with stride and dilation",
     {.C = 67, .H = 13, .W = 23, .OC = 67, .kernel = {3, 3}, .stride = {2, 3}, .dilation = {2, 2}, .groups = 67}},
    {"depthwise of a wide kernel",
     {.C = 19, .H = 9, .W = 30, .OC = 19, .kernel = {5, 7}, .pad = {2, 3, 2, 3}, .groups = 19}},
    {"depthwise with multiplier 4",
     {.C = 9, .H = 7, .W = 19, .OC = 36, .kernel = {3, 3}, .pad = {1, 1, 1, 1}, .groups = 9}},
    {"no images", {.N = 0, .C = 3, .H = 5, .W = 5, .OC = 4, .kernel = {3, 3}}},
};

Test(lower, special_shapes)
{
    struct pool *pool = conv_check_pool(3);
    struct random random = {1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conv_shape shape = conv_check_completed(rows[i].shape);
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
    struct pool *pool = conv_check_pool(3);
    struct random random = {2};
    size_t done = 0;
    while (done < 400) {
        struct conv_shape shape = random_shape(&random);
        if (stoa_conv_shape_finish(&shape, NULL) != STOA_OK || stoa_conv_macs(&shape) > MOST_MACS)
            continue;
        done++;
        enum stoa_lowering lowering = (enum stoa_lowering)(done % STOA_LOWERING_COUNT);
        check(&shape, false, lowering, done & 4, pool, &random);
    }
    stoa_pool_free(pool);
}

Test(lower, random_depthwise_shapes)
{
    static const size_t channels[] = {1, 2, 7, 15, 16, 17, 31, 64, 67, 80, 131}, few[] = {2, 4, 8};
    struct pool *pool = conv_check_pool(3);
    struct random random = {4};
    size_t done = 0;
    while (done < 250) {
        struct conv_shape shape = random_shape(&random);
        shape.groups = pick(&random, sizeof channels / sizeof *channels, channels);
        shape.C = shape.OC = shape.groups * (done % 3 ? 1 : pick(&random, sizeof few / sizeof *few, few));
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
        conv_check_completed((struct conv_shape){.N = 1, .C = 6, .H = 5, .W = 5, .OC = 12, .kernel = {3, 3}});
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
    struct pool *pool = conv_check_pool(3);
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

/* Columns that are too many for one way, which is then not taken. */
static const struct {
    const char *name;
    enum stoa_lowering lowering;
    struct conv_shape shape;
    const char *words;
} capped[] = {
    {"a column matrix of 456 GiB",
     STOA_LOWERING_IM2COL_FULL,
     {.N = 1, .C = 1, .H = 50000, .W = 50000, .OC = 1, .kernel = {7, 7}},
     "im2col-full: the column matrix of 2499400036 x 49 is more than the 1024 MiB it may be"},
    {"one of 2^64 elements",
     STOA_LOWERING_IM2COL_FULL,
     {.N = 1, .C = 1, .H = 1 << 25, .W = 1 << 25, .OC = 1, .kernel = {128, 128}, .pad = {63, 63, 64, 64}},
     "im2col-full: the column matrix of 1125899906842624 x 16384 is more than"},
    {"an image of more pixels than an int counts",
     STOA_LOWERING_IM2COL_FULL,
     {.N = 1, .C = 1, .H = 50000, .W = 50000, .OC = 1, .kernel = {1, 1}},
     "im2col-full: 2500000000 output pixels are more than BLAS can address"},
    {"a filter of which four columns are too much",
     STOA_LOWERING_IM2COL,
     {.N = 1, .C = 1, .H = 5000, .W = 5000, .OC = 1, .kernel = {4097, 4097}},
     "im2col: a tile of 4 x 16785409 columns is more than the 256 MiB it may be"},
};

Test(lower, columns_have_a_cap)
{
    for (size_t i = 0; i < sizeof capped / sizeof *capped; i++) {
        struct conv_shape shape = conv_check_completed(capped[i].shape);
        struct stoa_allocator allocator = stoa_allocator_default();
        struct stoa_error error = {0};
        struct conv *conv;
        cr_assert(stoa_conv_shape_finish(&shape, &error) == STOA_OK, "%s: %s", capped[i].name, error.message);
        enum stoa_status status = stoa_conv_create(
            &allocator, &shape, NULL, NULL, &(struct conv_choice){.lowering = capped[i].lowering}, &error, &conv);
        cr_expect(status == STOA_ERROR_LIMIT && !conv, "%s: %s", capped[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, capped[i].words), "%s: %s", capped[i].name, error.message);

        cr_assert(stoa_conv_create(&allocator, &shape, NULL, NULL, NULL, &error, &conv) == STOA_OK);
        char told[200];
        snprintf(told, sizeof told, "not %s: %s", stoa_lowering_name(capped[i].lowering), capped[i].words);
        cr_expect(strstr(stoa_conv_explain(conv)->line, told), "%s: %s", capped[i].name, stoa_conv_explain(conv)->line);
        stoa_conv_free(conv);
    }
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
