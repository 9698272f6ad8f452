/* What the choice among lowerings listens to beside their cost. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "lower/lower.h"

static struct conv *choose(const struct conv_shape *shape, const struct conv_choice *choice)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct conv *conv;
    cr_assert(stoa_conv_create(&allocator, shape, NULL, NULL, choice, &error, &conv) == STOA_OK, "%s", error.message);
    return conv;
}

/* Measured to be the fastest by far, the whole column matrix is given up for its memory as that becomes dear: at once
 * where every worker has one, later where there is one worker. */
Test(choice, memory_has_a_price)
{
    struct conv_shape shape = {.N = 1,
                               .C = 16,
                               .H = 60,
                               .W = 60,
                               .OC = 16,
                               .groups = 1,
                               .kernel = {3, 3},
                               .stride = {1, 1},
                               .dilation = {1, 1}};
    cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
    const double seconds[STOA_LOWERING_COUNT] = {
        [STOA_LOWERING_VIEW] = 1e-2, [STOA_LOWERING_IM2COL] = 1e-2, [STOA_LOWERING_IM2COL_FULL] = 1e-5};
    const struct {
        double byte_price;
        size_t workers;
        bool full;
    } rows[] = {{0, 1, true}, {0, 8, true}, {1, 1, true}, {1, 1000, false}, {1e9, 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct conv_choice choice = {.seconds = seconds, .byte_price = rows[i].byte_price, .workers = rows[i].workers};
        struct conv *conv = choose(&shape, &choice);
        cr_expect((stoa_conv_lowering(conv) == STOA_LOWERING_IM2COL_FULL) == rows[i].full, "row %zu: %s", i,
                  stoa_conv_explain(conv));
        if (rows[i].byte_price > 1e8)
            cr_expect(stoa_conv_worker_scratch(conv) == 0, "row %zu: %zu bytes of scratch", i,
                      stoa_conv_worker_scratch(conv));
        stoa_conv_free(conv);
    }
}
