/* The gradient of convolutions with regard to their images against the plain loop that adds each product where it
 * belongs: by every lowering, exactly on small whole numbers (but for transforms), within the bounds on random ones. */
#include <criterion/criterion.h>
#include <string.h>

#include "kernels/depthwise.h"
#include "lower/conv_check.h"
#include "lower/lowering.h"

/* Keeps the plain loop quick. */
#define MOST_MACS 4e5

/* `shape` is the transposed convolution's, whose output is dx. */
static struct conv_shape forward_of(const struct conv_shape *shape)
{
    struct conv_shape forward = *shape;
    forward.C = shape->OC;
    forward.H = shape->OH;
    forward.W = shape->OW;
    forward.OC = shape->C;
    forward.OH = shape->H;
    forward.OW = shape->W;
    return forward;
}

static enum stoa_status create(const struct conv_check *check, const struct stoa_allocator *allocator,
                               const struct conv_shape *shape, const float *weights, const float *bias,
                               struct stoa_error *error, struct conv **conv)
{
    const enum stoa_lowering *lowering = check->context;
    /* What the model chooses is to be exact, too. */
    struct conv_choice choice = {.lowering = *lowering,
                                 .accuracy = *lowering ? STOA_ACCURACY_FAST : STOA_ACCURACY_STRICT,
                                 .pack_each_run = !weights};
    struct conv_shape forward = forward_of(shape);
    return stoa_conv_backward_create(allocator, &forward, weights, bias, &choice, error, conv);
}

/* Whether the gradient is a convolution, for which there is more than one way. */
static bool has_choice(const struct conv_shape *forward)
{
    for (size_t i = 0; i < 4; i++)
        if (forward->stride[i % 2] != 1 || forward->pad[i] > forward->dilation[i % 2] * (forward->kernel[i % 2] - 1))
            return false;
    return true;
}

/* Of the convolution `forward`, finished, with one lowering forced; -1 where it does not apply. */
static double check(const struct conv_shape *forward, enum stoa_lowering lowering, bool whole, struct pool *pool,
                    struct random *random)
{
    struct conv_shape shape = forward_of(forward);
    bool chosen = has_choice(forward);
    bool narrow = stoa_depthwise_takes(shape.groups, shape.C / shape.groups, shape.OC / shape.groups);
    const char *only = narrow ? "depthwise" : "view";
    struct conv_check how = {.create = create,
                             .context = &lowering,
                             .begins = !chosen    ? only
                                       : lowering ? stoa_lowering_name(lowering)
                                                  : "",
                             .transposed = true,
                             .whole = whole,
                             .exact = whole && (!chosen || lowering != STOA_LOWERING_WINOGRAD)};
    return conv_check(&shape, &how, pool, random);
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
    {"3x3 as VGG has it", {.N = 2, .C = 32, .H = 14, .W = 14, .OC = 64, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"no pads", {.C = 17, .H = 9, .W = 12, .OC = 13, .kernel = {3, 3}}},
    {"pads of one side", {.C = 7, .H = 9, .W = 12, .OC = 5, .kernel = {3, 4}, .pad = {2, 0, 1, 3}}},
    {"pads that crop", {.C = 7, .H = 4, .W = 3, .OC = 5, .kernel = {2, 3}, .pad = {2, 3, 0, 1}}},
    {"LeNet's first layer", {.N = 3, .C = 1, .H = 28, .W = 28, .OC = 6, .kernel = {5, 5}, .pad = {2, 2, 2, 2}}},
    {"LeNet's second layer", {.N = 3, .C = 6, .H = 14, .W = 14, .OC = 16, .kernel = {5, 5}}},
    {"ResNet's first layer",
     {.C = 3, .H = 40, .W = 36, .OC = 24, .kernel = {7, 7}, .stride = {2, 2}, .pad = {3, 3, 3, 3}}},
    {"3x3 with stride", {.C = 33, .H = 15, .W = 14, .OC = 18, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}}},
    {"stride larger than the kernel", {.C = 3, .H = 17, .W = 16, .OC = 9, .kernel = {2, 2}, .stride = {3, 3}}},
    {"rows and columns that nothing saw", {.C = 3, .H = 12, .W = 13, .OC = 9, .kernel = {3, 3}, .stride = {4, 4}}},
    {"kernel as large as the image", {.C = 20, .H = 7, .W = 6, .OC = 66, .kernel = {7, 6}}},
    {"dilation", {.C = 20, .H = 12, .W = 13, .OC = 21, .kernel = {3, 3}, .pad = {2, 2, 2, 2}, .dilation = {2, 2}}},
    {"dilation of two kinds", {.C = 2, .H = 12, .W = 13, .OC = 21, .kernel = {3, 3}, .dilation = {2, 3}}},
    {"a row filter", {.C = 17, .H = 6, .W = 11, .OC = 16, .kernel = {1, 7}, .pad = {0, 3, 0, 3}}},
    {"a column filter", {.C = 5, .H = 11, .W = 6, .OC = 16, .kernel = {7, 1}, .pad = {3, 0, 3, 0}}},
    {"depthwise", {.C = 33, .H = 9, .W = 9, .OC = 33, .kernel = {3, 3}, .pad = {1, 1, 1, 1}, .groups = 33}},
    {"depthwise with multiplier", {.C = 18, .H = 6, .W = 9, .OC = 36, .kernel = {3, 3}, .groups = 18}},
    {"depthwise with stride", {.C = 17, .H = 9, .W = 9, .OC = 17, .kernel = {3, 3}, .stride = {2, 2}, .groups = 17}},
    {"depthwise with stride and dilation",
     {.C = 35, .H = 13, .W = 23, .OC = 35, .kernel = {3, 4}, .stride = {2, 3}, .dilation = {2, 2}, .groups = 35}},
    {"depthwise with stride of few channels",
     {.C = 5, .H = 9, .W = 8, .OC = 5, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}, .groups = 5}},
    {"depthwise with stride and pads that crop",
     {.C = 16, .H = 5, .W = 5, .OC = 16, .kernel = {2, 2}, .stride = {2, 3}, .pad = {3, 5, 2, 1}, .groups = 16}},
    {"groups of eight with stride",
     {.C = 40, .H = 8, .W = 11, .OC = 40, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}, .groups = 5}},
    {"groups", {.C = 38, .H = 9, .W = 8, .OC = 34, .kernel = {3, 3}, .pad = {1, 1, 1, 1}, .groups = 2}},
    {"groups of four to eight", {.C = 20, .H = 6, .W = 7, .OC = 40, .kernel = {3, 2}, .groups = 5}},
    {"filters beyond a block of packing", {.C = 67, .H = 4, .W = 5, .OC = 300, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"one output channel", {.C = 40, .H = 9, .W = 21, .OC = 1, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}},
    {"no images", {.N = 0, .C = 3, .H = 5, .W = 5, .OC = 4, .kernel = {3, 3}}},
};

Test(backward, special_shapes)
{
    struct pool *pool = conv_check_pool(3);
    struct random random = {1};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conv_shape shape = conv_check_completed(rows[i].shape);
        if (!shape.N && strcmp(rows[i].name, "no images") != 0)
            shape.N = 1;
        struct stoa_error error = {0};
        cr_assert(stoa_conv_shape_finish(&shape, &error) == STOA_OK, "%s: %s", rows[i].name, error.message);
        for (int lowering = STOA_LOWERING_AUTO; lowering < STOA_LOWERING_COUNT; lowering++)
            for (int whole = 0; whole < 2; whole++)
                check(&shape, (enum stoa_lowering)lowering, whole, pool, &random);
    }
    stoa_pool_free(pool);
}

static size_t draw(struct random *random, size_t least, size_t most)
{
    return (size_t)stoa_random_int(random, (int64_t)least, (int64_t)most);
}

/* Two of three at stride 1, of those half 3x3. */
static struct conv_shape draw_shape(struct random *random)
{
    static const size_t channels[] = {1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 64, 67}, groups[] = {1, 1, 1, 2, 16, 16};
    struct conv_shape s = {.N = draw(random, 1, 2), .groups = groups[draw(random, 0, 5)]};
    s.C = s.groups * channels[draw(random, 0, 11)];
    s.OC = s.groups * channels[draw(random, 0, 11)];
    if (s.groups == 16) /* depthwise */
        s.C = s.OC = s.groups = draw(random, 16, 36);
    s.H = draw(random, 1, 17);
    s.W = draw(random, 1, 17);
    bool unit = draw(random, 0, 2) > 0, plain = unit && draw(random, 0, 1);
    for (int i = 0; i < 2; i++) {
        s.kernel[i] = plain ? 3 : draw(random, 1, 5);
        s.stride[i] = unit ? 1 : draw(random, 1, 3);
        s.dilation[i] = plain ? 1 : draw(random, 1, 2);
    }
    for (int i = 0; i < 4; i++)
        s.pad[i] = draw(random, 0, plain ? 2 : 3);
    return s;
}

Test(backward, random_shapes)
{
    struct pool *pool = conv_check_pool(3);
    struct random random = {2};
    size_t runs[STOA_LOWERING_COUNT] = {0}, configurations = 600;
    for (size_t done = 0; done < configurations;) {
        struct conv_shape shape = draw_shape(&random);
        if (stoa_conv_shape_finish(&shape, NULL) != STOA_OK || stoa_conv_macs(&shape) > MOST_MACS)
            continue;
        enum stoa_lowering lowering = (enum stoa_lowering)(++done % STOA_LOWERING_COUNT);
        bool applies = check(&shape, lowering, draw(&random, 0, 1), pool, &random) >= 0;
        runs[lowering] += applies && has_choice(&shape);
    }
    for (int i = STOA_LOWERING_AUTO; i < STOA_LOWERING_COUNT; i++)
        cr_expect(runs[i] >= 5, "%s applied to %zu of %zu configurations", stoa_lowering_name((enum stoa_lowering)i),
                  runs[i], configurations);
    stoa_pool_free(pool);
}

/* Transposed convolutions of whole images that the direct way just takes, or does not. */
static const struct {
    const char *name;
    struct conv_shape shape;
    enum stoa_status status;
    const char *words;
} direct[] = {
#define ROW .N = 1, .C = 1, .H = 1, .OC = 1
    {"a row of 2^28 sums", {ROW, .W = (size_t)1 << 28, .kernel = {1, 1}}, STOA_OK, ""},
    {"one more", {ROW, .W = ((size_t)1 << 28) + 1, .kernel = {1, 1}}, STOA_ERROR_LIMIT, "a row of sums is too large"},
    {"five such rows",
     {ROW, .W = (size_t)1 << 28, .kernel = {3, 1}},
     STOA_ERROR_LIMIT,
     "the rows of a task are more than 1024 MiB"},
    {"weights of 256 KiB", {.N = 1, .C = 4096, .H = 1, .W = 1, .OC = 1, .kernel = {1, 1}}, STOA_OK, ""},
    {"one channel more",
     {.N = 1, .C = 4097, .H = 1, .W = 1, .OC = 1, .kernel = {1, 1}},
     STOA_ERROR_UNSUPPORTED,
     "weights are more than the 256 KiB"},
    {"three vectors", {.N = 1, .C = 1, .H = 4, .W = 4, .OC = 16, .kernel = {1, 3}}, STOA_OK, ""},
    {"more than that",
     {.N = 1, .C = 1, .H = 4, .W = 4, .OC = 17, .kernel = {1, 3}},
     STOA_ERROR_UNSUPPORTED,
     "17 channels times 3 taps are more than 48"},
    {"holes",
     {.N = 1, .C = 1, .H = 4, .W = 4, .OC = 1, .kernel = {2, 2}, .dilation = {1, 2}},
     STOA_ERROR_UNSUPPORTED,
     "dilation[1] is 2"},
    {"holes between rows",
     {.N = 1, .C = 1, .H = 4, .W = 4, .OC = 1, .kernel = {2, 1}, .dilation = {2, 2}},
     STOA_OK,
     ""},
    {"groups",
     {.N = 1, .C = 2, .H = 4, .W = 4, .OC = 2, .kernel = {1, 1}, .groups = 2},
     STOA_ERROR_UNSUPPORTED,
     "2 groups"},
};

Test(backward, the_direct_way_has_its_limits)
{
    for (size_t i = 0; i < sizeof direct / sizeof *direct; i++) {
        struct stoa_error error = {0};
        struct conv conv = {.shape = conv_check_completed(direct[i].shape)};
        cr_assert(stoa_conv_transpose_shape_finish(&conv.shape, (const size_t[2]){0}, &error) == STOA_OK, "%s: %s",
                  direct[i].name, error.message);
        enum stoa_status status = stoa_lowering_direct_transpose.plan(&conv, &error);
        cr_expect(status == direct[i].status, "%s: %s", direct[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, direct[i].words), "%s: %s", direct[i].name, error.message);
    }
}
