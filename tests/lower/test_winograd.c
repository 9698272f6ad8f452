/* Winograd's transforms, each form of them and both ways of cutting the work up, against a plain loop. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "lower/conv_check.h"
#include "lower/lowering.h"

/* Keeps the plain loop quick. */
#define MOST_MACS 2e6

static enum stoa_status create(const struct conv_check *check, const struct stoa_allocator *allocator,
                               const struct conv_shape *shape, const float *weights, const float *bias,
                               struct stoa_error *error, struct conv **conv)
{
    return stoa_conv_create_winograd(allocator, shape, weights, bias, check->context, error, conv);
}

/* F(2x2, 3x3) has only halves in its matrices, at stride 2 whole numbers. */
static bool is_exact(const struct winograd_form *form)
{
    return stoa_winograd_size(form, 0) <= 5 && stoa_winograd_size(form, 1) <= 5;
}

static double check(const struct conv_shape *shape, const struct conv_tiling *tiling, bool whole, struct pool *pool,
                    struct random *random)
{
    char begins[32];
    snprintf(begins, sizeof begins, "winograd %zux%zu ", tiling->form->tile[0], tiling->form->tile[1]);
    struct conv_check how = {.create = create,
                             .context = tiling,
                             .begins = begins,
                             .whole = whole,
                             .exact = whole && is_exact(tiling->form)};
    return conv_check(shape, &how, pool, random);
}

/* Shapes at which one thing is special, for a kernel of 3x3; larger ones pad more. Zero means 1. */
static const struct {
    const char *name;
    struct conv_shape shape;
} rows[] = {
    {"one tile", {.C = 16, .H = 4, .W = 4, .OC = 16, .pad = {1, 1, 1, 1}}},
    {"one pixel", {.C = 3, .H = 1, .W = 1, .OC = 2, .pad = {2, 2, 2, 2}}},
    {"one channel", {.C = 1, .H = 9, .W = 10, .OC = 1, .pad = {1, 1, 1, 1}}},
    {"no padding", {.C = 17, .H = 15, .W = 12, .OC = 33}},
    {"padding on one side", {.C = 8, .H = 7, .W = 9, .OC = 7, .pad = {0, 4, 5, 0}}},
    {"padding wider than a tile", {.C = 5, .H = 5, .W = 5, .OC = 4, .pad = {9, 8, 7, 9}}},
    {"a row", {.C = 16, .H = 1, .W = 40, .OC = 20, .pad = {2, 2, 2, 2}}},
    {"a column", {.C = 20, .H = 40, .W = 1, .OC = 16, .pad = {2, 2, 2, 2}}},
    {"two panels and a bit", {.C = 24, .H = 6, .W = 6, .OC = 131, .pad = {1, 1, 1, 1}}},
    {"k in several blocks", {.C = 300, .H = 5, .W = 6, .OC = 18, .pad = {1, 1, 1, 1}}},
    {"ResNet's last stage, narrowed", {.C = 67, .H = 7, .W = 7, .OC = 70, .pad = {1, 1, 1, 1}}},
    {"several images", {.N = 3, .C = 13, .H = 7, .W = 8, .OC = 19, .pad = {1, 1, 1, 1}}},
    {"groups", {.C = 38, .H = 9, .W = 8, .OC = 34, .pad = {1, 1, 1, 1}, .groups = 2}},
    {"dilated", {.C = 8, .H = 13, .W = 17, .OC = 21, .pad = {2, 3, 2, 3}, .dilation = {2, 3}}},
    {"dilated along one axis", {.N = 2, .C = 17, .H = 11, .W = 9, .OC = 5, .pad = {1, 2, 1, 2}, .dilation = {1, 2}}},
    {"dilated beyond the outputs", {.C = 3, .H = 12, .W = 26, .OC = 16, .pad = {3, 9, 4, 9}, .dilation = {7, 13}}},
    {"dilated groups", {.C = 38, .H = 9, .W = 8, .OC = 34, .pad = {4, 4, 4, 4}, .dilation = {4, 2}, .groups = 2}},
    {"no images", {.N = 0, .C = 3, .H = 5, .W = 5, .OC = 4}},
};

static bool for_form(struct conv_shape shape, const struct winograd_form *form, struct conv_shape *out)
{
    *out = conv_check_completed(shape);
    for (size_t i = 0; i < 2; i++) {
        out->kernel[i] = form->kernel[i];
        out->stride[i] = form->stride;
    }
    bool is_dilated = out->dilation[0] * out->dilation[1] > 1;
    return (form->stride == 1 || !is_dilated) && stoa_conv_shape_finish(out, NULL) == STOA_OK;
}

/* The same at a stride of which the form serves the space-to-depth image: a kernel of `less` fewer taps than its. */
static bool to_depth(struct conv_shape shape, const struct winograd_form *form, size_t stride, size_t less,
                     struct conv_shape *out)
{
    *out = conv_check_completed(shape);
    for (size_t i = 0; i < 2; i++) {
        out->kernel[i] = form->kernel[i] * stride - (i ? less : less / 2);
        out->stride[i] = stride;
        out->dilation[i] = 1;
    }
    return form->stride == 1 && !stoa_winograd_is_line(form) && out->groups == 1 &&
           stoa_conv_shape_finish(out, NULL) == STOA_OK;
}

static void check_cuts(const char *name, struct conv_shape shape, const struct winograd_form *form, struct pool *pool,
                       struct random *random)
{
    static const struct conv_tiling cuts[] = {
        {.split = SPLIT_BLOCKS},
        {.split = SPLIT_BLOCKS, .tiles = 4},
        {.split = SPLIT_PANELS, .tiles = 20},
        {.split = SPLIT_PANELS},
        {.split = SPLIT_POINTS},
        {.split = SPLIT_POINTS, .tiles = 20},
    };
    if (!shape.N && strcmp(name, "no images") != 0)
        shape.N = 1;
    for (size_t j = 0; j < sizeof cuts / sizeof *cuts; j++) {
        struct conv_tiling tiling = cuts[j];
        tiling.form = form;
        check(&shape, &tiling, j % 2 && is_exact(form), pool, random);
    }
}

Test(winograd, special_shapes)
{
    struct pool *pool = conv_check_pool(3);
    struct random random = {1};
    for (const struct winograd_form *form = stoa_winograd_forms; form->tile[0]; form++)
        for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
            struct conv_shape shape;
            if (for_form(rows[i].shape, form, &shape))
                check_cuts(rows[i].name, shape, form, pool, &random);
            if (rows[i].shape.C <= 20 && to_depth(rows[i].shape, form, 2 + i % 3, i % 2, &shape))
                check_cuts(rows[i].name, shape, form, pool, &random);
        }
    stoa_pool_free(pool);
}

static struct conv_shape random_shape(struct random *random)
{
    static const size_t channels[] = {1, 2, 3, 5, 7, 8, 13, 16, 17, 31, 32, 37, 64, 67, 80};
    size_t count = sizeof channels / sizeof *channels;
    struct conv_shape s = {.N = (size_t)stoa_random_int(random, 1, 3)};
    s.groups = (size_t)stoa_random_int(random, 0, 5) ? 1 : 3;
    s.C = s.groups * channels[stoa_random_int(random, 0, (int64_t)count - 1)];
    s.OC = s.groups * channels[stoa_random_int(random, 0, (int64_t)count - 1)];
    s.H = (size_t)stoa_random_int(random, 1, 40);
    s.W = (size_t)stoa_random_int(random, 1, 40);
    for (int i = 0; i < 4; i++)
        s.pad[i] = (size_t)stoa_random_int(random, 0, 5);
    for (int i = 0; i < 2; i++)
        s.dilation[i] = (size_t)stoa_random_int(random, 0, 1) ? 1 : (size_t)stoa_random_int(random, 1, 4);
    return s;
}

/* The largest share of the bound over all random shapes shows that the bound is neither missed nor far away. */
Test(winograd, random_shapes)
{
    struct pool *pool = conv_check_pool(3);
    struct random random = {2};
    for (const struct winograd_form *form = stoa_winograd_forms; form->tile[0]; form++) {
        double most = 0;
        bool may_stride = form->stride == 1 && !stoa_winograd_is_line(form);
        for (size_t done = 0; done < (may_stride ? 80 : 40);) {
            struct conv_shape shape = random_shape(&random);
            size_t stride = (size_t)stoa_random_int(&random, 2, 4);
            bool drawn = done < 40 ? for_form(shape, form, &shape)
                                   : to_depth(shape, form, stride,
                                              (size_t)stoa_random_int(&random, 0, (int64_t)stride - 1), &shape);
            if (!drawn || stoa_conv_macs(&shape) > MOST_MACS || shape.C * stride * stride > 512)
                continue;
            struct conv_tiling tiling = {.form = form, .split = (enum winograd_split)(done % SPLIT_COUNT)};
            tiling.tiles = (size_t)stoa_random_int(&random, 0, 2) * (tiling.split ? 40 : 4);
            double share = check(&shape, &tiling, done % 4 == 3, pool, &random);
            most = done % 4 == 3 ? most : fmax(most, share);
            done++;
        }
        cr_expect(most > 0.01, "F(%zux%zu, %zux%zu, stride %zu): no error reaches more than %g of the bound",
                  form->tile[0], form->tile[1], form->kernel[0], form->kernel[1], form->stride, most);
    }
    stoa_pool_free(pool);
}

/* What the transforms do not serve is refused by name, and never chosen. */
static const struct {
    const char *name;
    struct conv_shape shape;
    enum stoa_accuracy accuracy;
    const char *words;
} refused[] = {
    {"stride", {.kernel = {3, 3}, .stride = {2, 1}}, STOA_ACCURACY_FAST, "kernel 3x3, stride 2x1"},
    {"filters that would be too large",
     {.kernel = {9, 9}, .stride = {4, 4}},
     STOA_ACCURACY_FAST,
     "kernel 9x9, stride 4x4"},
    {"no taps to share", {.kernel = {2, 2}, .stride = {2, 2}}, STOA_ACCURACY_FAST, "kernel 2x2, stride 2x2"},
    {"groups at stride 2", {.kernel = {5, 5}, .stride = {2, 2}, .groups = 2}, STOA_ACCURACY_FAST, "2x2, 2 groups"},
    {"dilation at stride 2",
     {.kernel = {3, 3}, .stride = {2, 2}, .dilation = {1, 3}},
     STOA_ACCURACY_FAST,
     "dilation[1] is 3 at stride 2"},
    {"kernel", {.kernel = {4, 3}}, STOA_ACCURACY_FAST, "kernel 4x3"},
    {"accuracy", {.kernel = {3, 3}}, STOA_ACCURACY_STRICT, "accuracy is strict"},
};

Test(winograd, what_it_does_not_serve)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct conv_shape shape = conv_check_completed(refused[i].shape);
        shape.N = 1;
        shape.H = shape.W = 56;
        shape.C = shape.OC = 64;
        struct stoa_error error = {0};
        struct conv *conv;
        cr_assert(stoa_conv_shape_finish(&shape, &error) == STOA_OK, "%s: %s", refused[i].name, error.message);
        struct conv_choice choice = {.lowering = STOA_LOWERING_WINOGRAD, .accuracy = refused[i].accuracy};
        cr_expect(stoa_conv_create(&allocator, &shape, NULL, NULL, &choice, &error, &conv) == STOA_ERROR_UNSUPPORTED);
        cr_expect(!conv && strstr(error.message, refused[i].words), "%s: %s", refused[i].name, error.message);
        choice.lowering = STOA_LOWERING_AUTO;
        cr_assert(stoa_conv_create(&allocator, &shape, NULL, NULL, &choice, &error, &conv) == STOA_OK);
        const char *why = stoa_conv_explain(conv)->line;
        cr_expect(strncmp(why, "winograd", 8) != 0 && strstr(why, refused[i].words), "%s: %s", refused[i].name, why);
        stoa_conv_free(conv);
    }
}

/* Layers of many channels: their filters are given at creation, where transforming them is not part of each run.
 * `small`: chosen where small products have kernels. */
static const struct {
    const char *name;
    struct conv_shape shape;
    bool small;
} chosen[] = {
    {"3x3", {.C = 64, .H = 56, .W = 56, .OC = 64, .kernel = {3, 3}, .pad = {1, 1, 1, 1}}, false},
    {"3x3 at stride 2",
     {.C = 128, .H = 56, .W = 56, .OC = 128, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}},
     true},
    {"ResNet's stem",
     {.C = 3, .H = 224, .W = 224, .OC = 64, .kernel = {7, 7}, .stride = {2, 2}, .pad = {3, 3, 3, 3}},
     true},
    {"AlexNet's",
     {.C = 3, .H = 224, .W = 224, .OC = 64, .kernel = {11, 11}, .stride = {4, 4}, .pad = {2, 2, 2, 2}},
     true},
    {"4x4 at stride 2",
     {.C = 64, .H = 64, .W = 64, .OC = 128, .kernel = {4, 4}, .stride = {2, 2}, .pad = {1, 1, 1, 1}},
     true},
    {"3x3 dilated",
     {.C = 256, .H = 28, .W = 28, .OC = 256, .kernel = {3, 3}, .pad = {2, 2, 2, 2}, .dilation = {2, 2}},
     false},
    {"5x5", {.C = 64, .H = 27, .W = 27, .OC = 192, .kernel = {5, 5}, .pad = {2, 2, 2, 2}}, false},
    {"7x7", {.C = 64, .H = 28, .W = 28, .OC = 64, .kernel = {7, 7}, .pad = {3, 3, 3, 3}}, false},
    {"a row of 7", {.C = 192, .H = 17, .W = 17, .OC = 192, .kernel = {1, 7}, .pad = {0, 3, 0, 3}}, false},
    {"a column of 7", {.C = 160, .H = 17, .W = 17, .OC = 192, .kernel = {7, 1}, .pad = {3, 0, 3, 0}}, false},
    {"a row of 3", {.C = 384, .H = 8, .W = 8, .OC = 384, .kernel = {1, 3}, .pad = {0, 1, 0, 1}}, true},
    {"a column of 3", {.C = 384, .H = 8, .W = 8, .OC = 384, .kernel = {3, 1}, .pad = {1, 0, 1, 0}}, true},
};

Test(winograd, is_chosen)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof chosen / sizeof *chosen; i++) {
        if (chosen[i].small && !stoa_gemm_small_limit())
            continue;
        struct conv_shape shape = conv_check_completed(chosen[i].shape);
        shape.N = 1;
        float *weights = calloc(shape.OC * shape.C * shape.kernel[0] * shape.kernel[1], sizeof *weights);
        struct conv *conv;
        size_t reach[2];
        cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
        cr_assert(stoa_conv_create(&allocator, &shape, weights, NULL, NULL, NULL, &conv) == STOA_OK);
        cr_expect(strncmp(stoa_conv_describe(conv), "winograd", 8) == 0, "%s: %s", chosen[i].name,
                  stoa_conv_explain(conv)->line);
        cr_expect(stoa_conv_error(conv, reach) > 1 && reach[0] + reach[1] > 0);
        stoa_conv_free(conv);
        free(weights);
    }
}
