/* Every lowering, forced, over thousands of random convolutions: on small whole numbers, where most must be exact, and
 * on random ones. */
#include <criterion/criterion.h>
#include <stdint.h>

#include "lower/conv_check.h"

#define MOST_MACS 1.5e5

static enum stoa_status create(const struct conv_check *check, const struct stoa_allocator *allocator,
                               const struct conv_shape *shape, const float *weights, const float *bias,
                               struct stoa_error *error, struct conv **conv)
{
    const enum stoa_lowering *lowering = check->context;
    /* What the model chooses is to be exact, too. */
    struct conv_choice choice = {.lowering = *lowering,
                                 .accuracy = *lowering ? STOA_ACCURACY_FAST : STOA_ACCURACY_STRICT};
    return stoa_conv_create(allocator, shape, weights, bias, &choice, error, conv);
}

/* All but transforms, whose bound is wider (stoa_conv_error). */
static bool is_exact(enum stoa_lowering lowering)
{
    return lowering != STOA_LOWERING_WINOGRAD;
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

static struct conv_shape draw_shape(struct random *random)
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

static void sweep(size_t configurations, struct pool *pool, uint64_t seed)
{
    struct random random = {seed};
    size_t runs[STOA_LOWERING_COUNT] = {0};
    for (size_t done = 0; done < configurations;) {
        struct conv_shape shape = draw_shape(&random);
        if (stoa_conv_shape_finish(&shape, NULL) != STOA_OK || stoa_conv_macs(&shape) > MOST_MACS)
            continue;
        done++;
        for (int i = STOA_LOWERING_AUTO; i < STOA_LOWERING_COUNT; i++) {
            enum stoa_lowering lowering = (enum stoa_lowering)i;
            bool whole = done & 1;
            struct conv_check check = {.create = create,
                                       .context = &lowering,
                                       .begins = lowering ? stoa_lowering_name(lowering) : "",
                                       .whole = whole,
                                       .exact = whole && is_exact(lowering)};
            runs[i] += conv_check(&shape, &check, pool, &random) >= 0;
        }
    }
    for (int i = STOA_LOWERING_AUTO; i < STOA_LOWERING_COUNT; i++)
        cr_expect(runs[i] >= configurations / 25, "%s applied to %zu of %zu configurations",
                  stoa_lowering_name((enum stoa_lowering)i), runs[i], configurations);
}

Test(sweep, every_lowering_over_random_shapes)
{
    sweep(2400, NULL, 11);
}

Test(sweep, three_workers_compute_the_same_bits)
{
    struct pool *pool = conv_check_pool(3);
    sweep(100, pool, 12);
    stoa_pool_free(pool);
}
