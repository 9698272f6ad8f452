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

static void sweep(size_t configurations, struct pool *pool, uint64_t seed)
{
    struct random random = {seed};
    size_t runs[STOA_LOWERING_COUNT] = {0};
    for (size_t done = 0; done < configurations;) {
        struct conv_shape shape = conv_check_draw(&random);
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
