/* What the choice among lowerings listens to beside their cost. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "lower/conv_check.h"
#include "lower/lower.h"

static struct conv *choose(const struct conv_shape *shape, const struct conv_choice *choice)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct conv *conv;
    cr_assert(stoa_conv_create(&allocator, shape, NULL, NULL, choice, &error, &conv) == STOA_OK, "%s", error.message);
    return conv;
}

static const struct stoa_lowering_info *find(const struct stoa_lowering_choice *made, enum stoa_lowering lowering)
{
    size_t i = 0;
    while (i < made->count && made->lowerings[i].lowering != lowering)
        i++;
    cr_assert(i < made->count, "%s is not explained", stoa_lowering_name(lowering));
    return &made->lowerings[i];
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
        const struct stoa_lowering_choice *made = stoa_conv_explain(conv);
        cr_expect((stoa_conv_lowering(conv) == STOA_LOWERING_IM2COL_FULL) == rows[i].full, "row %zu: %s", i,
                  made->line);
        const struct stoa_lowering_info *full = find(made, STOA_LOWERING_IM2COL_FULL);
        cr_expect(full->applies && strcmp(full->reason, rows[i].full ? "chosen" : "too large for max_bytes") == 0,
                  "row %zu: %s", i, full->reason);
        if (rows[i].byte_price > 1e8)
            cr_expect(stoa_conv_worker_scratch(conv) == 0, "row %zu: %zu bytes of scratch", i,
                      stoa_conv_worker_scratch(conv));
        stoa_conv_free(conv);
    }
}

#define SHAPE(...)                                                                                                     \
    {                                                                                                                  \
        .N = 1, .H = 20, .W = 20, __VA_ARGS__                                                                          \
    }
static const double measured[STOA_LOWERING_COUNT] = {
    [STOA_LOWERING_VIEW] = 3e-3, [STOA_LOWERING_IM2COL] = 1e-3, [STOA_LOWERING_IM2COL_FULL] = 2e-3};
/* What each lowering's reason begins with; null: whatever the costs say. */
static const struct {
    const char *name;
    struct conv_shape shape;
    struct conv_choice choice;
    const char *reasons[STOA_LOWERING_COUNT];
} explained[] = {
    {"dense", SHAPE(.C = 32, .OC = 32, .kernel = {3, 3}), {0}, {[STOA_LOWERING_DEPTHWISE] = "1 groups of 32"}},
    {"strict",
     SHAPE(.C = 32, .OC = 32, .kernel = {3, 3}),
     {.accuracy = STOA_ACCURACY_STRICT},
     {[STOA_LOWERING_WINOGRAD] = "accuracy is strict"}},
    {"depthwise",
     SHAPE(.C = 32, .OC = 32, .kernel = {3, 3}, .groups = 32),
     {0},
     {[STOA_LOWERING_DEPTHWISE] = "chosen"}},
    {"strided",
     SHAPE(.C = 8, .OC = 8, .kernel = {3, 3}, .stride = {3, 3}),
     {.workers = 3},
     {[STOA_LOWERING_WINOGRAD] = "no transform for kernel 3x3, stride 3x3"}},
    {"forced",
     SHAPE(.C = 32, .OC = 32, .kernel = {1, 1}),
     {.lowering = STOA_LOWERING_IM2COL, .workers = 2},
     {[STOA_LOWERING_VIEW] = "another is forced",
      [STOA_LOWERING_IM2COL] = "forced",
      [STOA_LOWERING_IM2COL_FULL] = "another is forced",
      [STOA_LOWERING_DEPTHWISE] = "1 groups",
      [STOA_LOWERING_WINOGRAD] = "no transform for kernel 1x1"}},
    {"measured",
     SHAPE(.C = 32, .OC = 32, .kernel = {3, 3}),
     {.seconds = measured, .workers = 2},
     {[STOA_LOWERING_VIEW] = "slower",
      [STOA_LOWERING_IM2COL] = "chosen",
      [STOA_LOWERING_IM2COL_FULL] = "slower",
      [STOA_LOWERING_WINOGRAD] = "not measured"}},
};

/* One is chosen, the least by what counts: measured times where there are any. The memory is the plan's. */
Test(choice, is_explained)
{
    for (size_t i = 0; i < sizeof explained / sizeof *explained; i++) {
        const char *name = explained[i].name;
        struct conv_shape shape = conv_check_completed(explained[i].shape);
        cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
        struct conv *conv = choose(&shape, &explained[i].choice);
        const struct stoa_lowering_choice *made = stoa_conv_explain(conv);
        const struct stoa_lowering_info *chosen = find(made, stoa_conv_lowering(conv));
        size_t workers = explained[i].choice.workers ? explained[i].choice.workers : 1, marked = 0;
        cr_expect(made->count == STOA_LOWERING_COUNT - 1, "%s: %zu lowerings", name, made->count);
        cr_expect(chosen->chosen && strcmp(chosen->text, stoa_conv_describe(conv)) == 0, "%s: %s", name, chosen->text);
        cr_expect(strncmp(made->line, chosen->text, strlen(chosen->text)) == 0, "%s: %s", name, made->line);
        cr_expect(chosen->bytes == stoa_conv_packed_size(conv) + stoa_conv_shared_scratch(conv) +
                                       workers * stoa_conv_worker_scratch(conv),
                  "%s: %zu bytes", name, chosen->bytes);
        for (size_t k = 0; k < made->count; k++) {
            const struct stoa_lowering_info *info = &made->lowerings[k];
            const char *reason = explained[i].reasons[info->lowering];
            marked += info->chosen != 0;
            cr_expect(!reason || strncmp(info->reason, reason, strlen(reason)) == 0, "%s: %s: %s", name, info->text,
                      info->reason);
            cr_expect(strstr(made->line, info->applies ? info->text : info->reason), "%s: %s", name, made->line);
            if (!info->applies) {
                cr_expect(!info->bytes && !(info->estimated_seconds > 0), "%s: %s", name, info->text);
                continue;
            }
            cr_expect(info->estimated_seconds > 0 && info->bytes >= shape.OC * sizeof(float), "%s: %s", name,
                      info->text);
            if (explained[i].choice.lowering)
                continue;
            cr_expect(chosen->measured_seconds > 0
                          ? !(info->measured_seconds > 0) || info->measured_seconds >= chosen->measured_seconds
                          : info->estimated_seconds >= chosen->estimated_seconds,
                      "%s: %s is faster than %s", name, info->text, chosen->text);
        }
        cr_expect(marked == 1, "%s: %zu are chosen", name, marked);
        stoa_conv_free(conv);
    }
}

/* Whatever its length, nothing of the text is cut off. */
Test(choice, shape_is_told)
{
    struct conv_shape shape = conv_check_completed((struct conv_shape){.N = 2,
                                                                       .C = 4,
                                                                       .H = 9,
                                                                       .W = 11,
                                                                       .OC = 6,
                                                                       .kernel = {3, 2},
                                                                       .stride = {1, 2},
                                                                       .pad = {0, 1, 2, 3},
                                                                       .dilation = {2, 1},
                                                                       .groups = 2});
    cr_assert(stoa_conv_shape_finish(&shape, NULL) == STOA_OK);
    struct conv *conv = choose(&shape, NULL);
    cr_expect(strcmp(stoa_conv_explain(conv)->shape,
                     "[2,4,9,11] to [2,6,7,7], kernel 3x2, stride 1x2, pad 0 1 2 3, dilation 2x1, 2 groups") == 0,
              "%s", stoa_conv_explain(conv)->shape);
    stoa_conv_free(conv);
}
