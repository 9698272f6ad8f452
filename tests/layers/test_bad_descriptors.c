/* Descriptors that make no sense: no layer, a message with the field and the value, nothing left allocated. The numbers
 * in the rows' names count the same kinds of faults as those of tests/session/test_bad_attributes.c; what cannot be
 * said in a descriptor (a negative stride, three pads) is left out, and a 0 means the default of 1 where there is one.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <stoa/backward.h>
#include <stoa/layers.h>

#include "support/allocator.h"

#define ATTRIBUTE STOA_ERROR_ATTRIBUTE
#define SHAPE STOA_ERROR_SHAPE
#define LIMIT STOA_ERROR_LIMIT

static void check_words(const char *name, const char *words, const char *message)
{
    char text[256], *rest = text, *word;
    snprintf(text, sizeof text, "%s", words);
    while ((word = strsep(&rest, "|")))
        cr_expect(strstr(message, word), "%s: no \"%s\" in: %s", name, word, message);
}

/* An 8 x 8 image of 4 channels, 4 filters of 3 x 3, and what the row says. */
#define CONV(...)                                                                                                      \
    {                                                                                                                  \
        .height = 8, .width = 8, .in_channels = 4, .out_channels = 4, .kernel = {3, 3}, __VA_ARGS__                    \
    }

static const struct {
    const char *name;
    struct stoa_conv2d_desc desc;
    enum stoa_status status;
    const char *words;
} convs[] = {
    {"46 stride 2^32", CONV(.stride = {(size_t)1 << 32, 1}), LIMIT, "stride[0] is 4294967296"},
    {"49 dilation 2^62", CONV(.dilation = {(size_t)1 << 62, 1}), LIMIT, "dilation[0] is 4611686018427387904"},
    {"49 dilation 2^31-1", CONV(.dilation = {1, INT_MAX}), LIMIT, "dilation[1] 2147483647"},
    {"50 kernel of 0",
     {.height = 8, .width = 8, .in_channels = 4, .out_channels = 4, .kernel = {0, 3}},
     ATTRIBUTE,
     "kernel[0] is 0"},
    {"50 kernel of 2^63",
     {.height = 8, .width = 8, .in_channels = 4, .out_channels = 4, .kernel = {3, (size_t)1 << 63}},
     LIMIT,
     "kernel[1] is 9223372036854775808"},
    {"52 kernel beyond the input",
     {.height = 8, .width = 8, .in_channels = 4, .out_channels = 4, .kernel = {9, 3}},
     SHAPE,
     "kernel[0] 9|height of 8"},
    {"52 with its dilation", CONV(.dilation = {1, 4}), SHAPE, "kernel[1] 3|dilation 4|spans 9|width of 8"},
    {"55 pads of 2^31-1", CONV(.pad = {INT_MAX, INT_MAX, INT_MAX, INT_MAX}), LIMIT, "height 8|2147483647"},
    {"55 pads that wrap", CONV(.pad = {SIZE_MAX, 0, 1, 0}), LIMIT, "pad[0] is 18446744073709551615"},
    {"58 group 3 of 4 channels", CONV(.groups = 3), SHAPE, "input channels are 4|group 3"},
    {"58 group 2^63", CONV(.groups = (size_t)1 << 63), SHAPE, "input channels are 4|group 9223372036854775808"},
    {"59 3 filters in 2 groups",
     {.height = 8, .width = 8, .in_channels = 4, .out_channels = 3, .kernel = {3, 3}, .groups = 2},
     SHAPE,
     "output channels are 3|group 2"},
    {"67 columns of 490 GB",
     {.height = 50000,
      .width = 50000,
      .in_channels = 1,
      .out_channels = 1,
      .kernel = {7, 7},
      .lowering = STOA_LOWERING_IM2COL_FULL},
     LIMIT,
     "im2col"},
    {"no height", {.width = 8, .in_channels = 4, .out_channels = 4, .kernel = {3, 3}}, SHAPE, "height is 0"},
    {"no channels", {.height = 8, .width = 8, .out_channels = 4, .kernel = {3, 3}}, SHAPE, "input channels are 0"},
    {"no filters", {.height = 8, .width = 8, .in_channels = 4, .kernel = {3, 3}}, SHAPE, "output channels are 0"},
    {"images beyond memory", CONV(.batch = SIZE_MAX), LIMIT, "input: 18446744073709551615 x 4 x 8 x 8"},
    {"an image beyond memory",
     {.height = (size_t)1 << 32, .width = (size_t)1 << 32, .in_channels = 1, .out_channels = 1, .kernel = {1, 1}},
     LIMIT,
     "height 4294967296"},
    {"no such activation", CONV(.activation = (enum stoa_activation)99), STOA_ERROR_ARGUMENT, "activation is 99"},
    {"no such lowering", CONV(.lowering = (enum stoa_lowering)99), STOA_ERROR_ARGUMENT, "lowering is 99"},
    {"no such accuracy", CONV(.accuracy = (enum stoa_accuracy)9), STOA_ERROR_ARGUMENT, "accuracy is 9"},
    {"winograd, and strict", CONV(.lowering = STOA_LOWERING_WINOGRAD, .accuracy = STOA_ACCURACY_STRICT),
     STOA_ERROR_UNSUPPORTED, "accuracy is strict"},
    {"winograd with two strides", CONV(.lowering = STOA_LOWERING_WINOGRAD, .stride = {1, 2}), STOA_ERROR_UNSUPPORTED,
     "stride 1x2"},
    {"no such layout", CONV(.layout = (enum stoa_layout)7), STOA_ERROR_ARGUMENT, "layout is 7"},
};

Test(bad_descriptors, convolutions_are_refused_by_field)
{
    static const float weights[4 * 4 * 9] = {0};
    for (size_t i = 0; i < sizeof convs / sizeof *convs; i++) {
        struct counting_allocator memory;
        struct stoa_error error = {0};
        struct stoa_conv2d *conv;
        counting_allocator_init(&memory);
        struct stoa_conv2d_desc desc = convs[i].desc;
        desc.allocator = &memory.interface;
        enum stoa_status status = stoa_conv2d_create(&desc, weights, NULL, &error, &conv);
        cr_expect(status == convs[i].status && !conv, "%s: %s: %s", convs[i].name, stoa_status_name(status),
                  error.message);
        check_words(convs[i].name, convs[i].words, error.message);
        cr_expect(memory.live == 0, "%s: %zu blocks leaked", convs[i].name, memory.live);
    }
}

Test(bad_descriptors, null_is_refused)
{
    struct stoa_error error;
    struct stoa_conv2d *conv;
    size_t height, width;
    float w = 0;
    cr_expect(stoa_conv2d_create(NULL, &w, NULL, &error, &conv) == STOA_ERROR_ARGUMENT && !conv);
    cr_expect(stoa_conv2d_create(&(struct stoa_conv2d_desc){0}, NULL, NULL, &error, &conv) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_pool2d_output_size(NULL, &error, &height, &width) == STOA_ERROR_ARGUMENT);
    stoa_conv2d_free(NULL);
    stoa_linear_free(NULL);
}

#define POOL(...)                                                                                                      \
    {                                                                                                                  \
        .height = 8, .width = 8, .channels = 1, .kernel = {2, 2}, __VA_ARGS__                                          \
    }

static const struct {
    const char *name;
    struct stoa_pool2d_desc desc;
    enum stoa_status status;
    const char *words;
} pools[] = {
    {"46 stride 2^32", POOL(.stride = {1, (size_t)1 << 32}), LIMIT, "desc.stride[1] is 4294967296"},
    {"49 dilation 2^62", POOL(.dilation = {(size_t)1 << 62, 1}), LIMIT, "desc.dilation[0] is 4611686018427387904"},
    {"49 dilation 2^31-1", POOL(.dilation = {INT_MAX, 1}), SHAPE, "kernel_shape[0]|2147483647"},
    {"50 kernel of 0", {.height = 8, .width = 8, .channels = 1, .kernel = {0, 2}}, ATTRIBUTE, "kernel_shape[0] is 0"},
    {"52 kernel beyond the input",
     {.height = 8, .width = 8, .channels = 1, .kernel = {2, 9}},
     SHAPE,
     "kernel_shape[1] of 9"},
    {"55 pads of 2^31-1", POOL(.pad = {INT_MAX, INT_MAX, INT_MAX, INT_MAX}), ATTRIBUTE, "pads[0] is 2147483647"},
    {"65 pads as large as the kernel", POOL(.pad = {0, 0, 2, 0}), ATTRIBUTE, "pads[2] is 2|kernel's 2"},
    {"65 of an average", POOL(.kind = STOA_AVERAGE_POOL, .pad = {0, 2, 0, 0}), ATTRIBUTE, "pads[1] is 2|kernel's 2"},
    {"dilated average", POOL(.kind = STOA_AVERAGE_POOL, .dilation = {2, 2}), STOA_ERROR_UNSUPPORTED,
     "desc.dilation[0] is 2"},
    {"images beyond memory", POOL(.batch = SIZE_MAX), LIMIT, "18446744073709551615"},
    {"no such kind", POOL(.kind = (enum stoa_pooling)9), STOA_ERROR_ARGUMENT, "kind is 9"},
};

Test(bad_descriptors, momentums_are_within_0_and_1)
{
    static const float bad[] = {1, 2, -0.5f, NAN, INFINITY};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct stoa_batch_norm_desc desc = {.channels = 2, .height = 3, .width = 3, .momentum = bad[i]};
        struct stoa_error error = {0};
        size_t size;
        cr_expect(stoa_batch_norm_workspace_size(&desc, &error, &size) == ATTRIBUTE, "%g", (double)bad[i]);
        cr_expect(strstr(error.message, "desc.momentum is"), "%g: %s", (double)bad[i], error.message);
    }
}

Test(bad_descriptors, pools_are_refused_by_field)
{
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        struct stoa_error error = {0}, again = {0};
        size_t height, width;
        float x = 0, y = 0;
        enum stoa_status status = stoa_pool2d_output_size(&pools[i].desc, &error, &height, &width);
        cr_expect(status == pools[i].status, "%s: %s: %s", pools[i].name, stoa_status_name(status), error.message);
        check_words(pools[i].name, pools[i].words, error.message);
        cr_expect(stoa_pool2d_run(&pools[i].desc, &x, &again, &y) == status, "%s: run says %s", pools[i].name,
                  again.message);
    }
}
