/* Layers that cannot be: finish says which and why, and nothing is leaked. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include <stoa/stoa.h>

#include "support/allocator.h"

typedef struct stoa_value build_function(struct stoa_builder *b, struct stoa_value x);

static struct stoa_value conv(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, NULL, x, &(struct stoa_build_conv){.out_channels = 6, .kernel = {1, 1}});
}
static struct stoa_value max_pool(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_max_pool2d(b, NULL, x, &(struct stoa_build_pool){.kernel = {2, 2}});
}
static struct stoa_value bad_kernel(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.out_channels = 6, .kernel = {3, 0}});
}
static struct stoa_value wide_kernel(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.out_channels = 6, .kernel = {3, 7}});
}
static struct stoa_value no_channels(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.kernel = {3, 3}});
}
static struct stoa_value no_descriptor(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, NULL);
}
static struct stoa_value odd_groups(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.out_channels = 6, .kernel = {1, 1}, .groups = 3});
}
static struct stoa_value odd_outputs(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.out_channels = 5, .kernel = {1, 1}, .groups = 2});
}
static struct stoa_value bad_init(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x,
                             &(struct stoa_build_conv){.out_channels = 5, .kernel = {1, 1}, .init = STOA_INIT_COUNT});
}
static struct stoa_value huge_conv(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.out_channels = (size_t)1 << 62, .kernel = {1, 1}});
}
static struct stoa_value large_linear(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_linear(b, "f", stoa_build_flatten(b, NULL, x),
                             &(struct stoa_build_linear){.out_features = (size_t)1 << 30});
}
static struct stoa_value many_linear(struct stoa_builder *b, struct stoa_value x)
{
    struct stoa_build_linear wide = {.out_features = 20000, .init = STOA_INIT_ZEROS};
    x = stoa_build_linear(b, "f1", stoa_build_flatten(b, NULL, x), &wide);
    x = stoa_build_linear(b, "f2", x, &wide);
    return stoa_build_linear(b, "f3", x, &wide);
}
static struct stoa_value no_features(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_linear(b, "f", stoa_build_flatten(b, NULL, x), &(struct stoa_build_linear){0});
}
static struct stoa_value unflattened(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_linear(b, "f", x, &(struct stoa_build_linear){.out_features = 5});
}
static struct stoa_value flat_conv(struct stoa_builder *b, struct stoa_value x)
{
    return conv(b, stoa_build_flatten(b, NULL, x));
}
static struct stoa_value wide_pool(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_max_pool2d(b, "p", x, &(struct stoa_build_pool){.kernel = {8, 1}});
}
static struct stoa_value deep_pad(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_average_pool2d(b, "p", x, &(struct stoa_build_pool){.kernel = {2, 2}, .pad = {2, 0, 0, 0}});
}
static struct stoa_value all_dropped(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_dropout(b, "d", x, 1);
}
static struct stoa_value nan_dropped(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_dropout(b, "d", x, NAN);
}
static struct stoa_value bad_epsilon(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_batch_norm(b, "n", x, &(struct stoa_build_norm){.epsilon = -1});
}
static struct stoa_value bad_momentum(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_batch_norm(b, "n", x, &(struct stoa_build_norm){.momentum = 1});
}
static struct stoa_value empty_clip(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_clip(b, "k", x, 1, 0);
}
static struct stoa_value ragged_add(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_add(b, "a", x, conv(b, x));
}
static struct stoa_value ranks_add(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_add(b, "a", x, stoa_build_flatten(b, NULL, x));
}
static struct stoa_value batch_concat(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_concat(b, "a", 2, (const struct stoa_value[]){x, x}, 0);
}
static struct stoa_value far_concat(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_concat(b, "a", 1, &x, 4);
}
static struct stoa_value ragged_concat(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_concat(b, "a", 2, (const struct stoa_value[]){x, max_pool(b, x)}, 1);
}
static struct stoa_value no_parts(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_concat(b, "a", 0, &x, 1);
}
static struct stoa_value no_rows(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_upsample(b, "u", x, 0, 2);
}
static struct stoa_value taken_name(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_relu(b, "r", stoa_build_relu(b, "r", x));
}
static struct stoa_value empty_name(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_relu(b, "", x);
}
static struct stoa_value long_name(struct stoa_builder *b, struct stoa_value x)
{
    char name[200];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    return stoa_build_relu(b, name, x);
}
static struct stoa_value parameter_name(struct stoa_builder *b, struct stoa_value x)
{
    x = stoa_build_relu(b, "c.weight", x);
    return stoa_build_conv2d(b, "c", x, &(struct stoa_build_conv){.out_channels = 6, .kernel = {1, 1}});
}
static struct stoa_value foreign_value(struct stoa_builder *b, struct stoa_value x)
{
    x.index = 1000;
    return stoa_build_relu(b, "r", x);
}
static struct stoa_value second_input(struct stoa_builder *b, struct stoa_value x)
{
    (void)stoa_build_input(b, "input", 1, (const size_t[]){3});
    return x;
}
static struct stoa_value empty_input(struct stoa_builder *b, struct stoa_value x)
{
    (void)stoa_build_input(b, "other", 2, (const size_t[]){3, 0});
    return x;
}
static struct stoa_value high_input(struct stoa_builder *b, struct stoa_value x)
{
    (void)stoa_build_input(b, "other", STOA_MAX_RANK, (const size_t[STOA_MAX_RANK]){1, 1, 1, 1, 1, 1, 1, 1});
    return x;
}
static struct stoa_value highest_input(struct stoa_builder *b, struct stoa_value x)
{
    (void)stoa_build_input(b, "other", SIZE_MAX, (const size_t[1]){1});
    return x;
}
static struct stoa_value no_dims(struct stoa_builder *b, struct stoa_value x)
{
    (void)stoa_build_input(b, "other", 2, NULL);
    return x;
}
static struct stoa_value taken_output(struct stoa_builder *b, struct stoa_value x)
{
    struct stoa_value y = stoa_build_relu(b, "r", x);
    stoa_build_output(b, "input", y);
    return y;
}
static struct stoa_value twice_output(struct stoa_builder *b, struct stoa_value x)
{
    struct stoa_value y = stoa_build_relu(b, "r", x);
    stoa_build_output(b, NULL, y);
    return y;
}
static struct stoa_value first_of_two(struct stoa_builder *b, struct stoa_value x)
{
    return bad_kernel(b, all_dropped(b, no_channels(b, x)));
}

static const struct {
    const char *name;
    build_function *build;
    enum stoa_status status;
    const char *message;
} mistakes[] = {
    {"kernel 0", bad_kernel, STOA_ERROR_ATTRIBUTE, "layer 'c' (Conv): kernel[1] is 0"},
    {"kernel beyond the image", wide_kernel, STOA_ERROR_SHAPE, "layer 'c' (Conv): kernel[1] 7"},
    {"no descriptor", no_descriptor, STOA_ERROR_ARGUMENT, "layer 'c' (Conv): its descriptor is null"},
    {"no channels", no_channels, STOA_ERROR_ATTRIBUTE, "layer 'c' (Conv): out_channels is 0"},
    {"groups of inputs", odd_groups, STOA_ERROR_SHAPE, "layer 'c' (Conv): input has 4 channels"},
    {"groups of outputs", odd_outputs, STOA_ERROR_ATTRIBUTE, "layer 'c' (Conv): out_channels is 5"},
    {"unknown init", bad_init, STOA_ERROR_ARGUMENT, "layer 'c' (Conv): init is 7"},
    {"more weights than bytes", huge_conv, STOA_ERROR_LIMIT, "layer 'c' (Conv): weight: "},
    {"more weights than a file", large_linear, STOA_ERROR_LIMIT, "layer 'f' (Gemm): weight: takes"},
    {"more layers than a file", many_linear, STOA_ERROR_LIMIT, "the net would take more than"},
    {"no features", no_features, STOA_ERROR_ATTRIBUTE, "layer 'f' (Gemm): out_features is 0"},
    {"images into a product", unflattened, STOA_ERROR_SHAPE, "layer 'f' (Gemm): input has dims [1,4,7,6]"},
    {"rows into a convolution", flat_conv, STOA_ERROR_SHAPE, "layer 'conv1' (Conv): input has dims [1,168]"},
    {"window beyond the image", wide_pool, STOA_ERROR_SHAPE, "layer 'p' (MaxPool): kernel_shape[0] of 8"},
    {"pad beyond the window", deep_pad, STOA_ERROR_ATTRIBUTE, "layer 'p' (AveragePool): attribute pads[0] is 2"},
    {"ratio 1", all_dropped, STOA_ERROR_ATTRIBUTE, "layer 'd' (Dropout): ratio is 1"},
    {"ratio NaN", nan_dropped, STOA_ERROR_ATTRIBUTE, "layer 'd' (Dropout): ratio is nan"},
    {"epsilon", bad_epsilon, STOA_ERROR_ATTRIBUTE, "layer 'n' (BatchNormalization): attribute epsilon is -1"},
    {"momentum", bad_momentum, STOA_ERROR_ATTRIBUTE, "layer 'n' (BatchNormalization): momentum is 1"},
    {"clip to nothing", empty_clip, STOA_ERROR_ATTRIBUTE, "layer 'k' (Clip): least is 1, most is 0"},
    {"sum of other dims", ragged_add, STOA_ERROR_SHAPE, "layer 'a' (Add): "},
    {"sum of other ranks", ranks_add, STOA_ERROR_SHAPE, "layer 'a' (Add): its inputs have ranks 4 and 2"},
    {"batches side by side", batch_concat, STOA_ERROR_ATTRIBUTE, "layer 'a' (Concat): axis is 0"},
    {"axis beyond the rank", far_concat, STOA_ERROR_ATTRIBUTE, "layer 'a' (Concat): axis is 4"},
    {"parts of other sizes", ragged_concat, STOA_ERROR_SHAPE, "layer 'a' (Concat): "},
    {"no parts", no_parts, STOA_ERROR_ARGUMENT, "layer 'a' (Concat): has 0 inputs"},
    {"no rows", no_rows, STOA_ERROR_ATTRIBUTE, "layer 'u' (Resize): rows is 0"},
    {"a name twice", taken_name, STOA_ERROR_ARGUMENT, "layer 'r' (Relu): its name is taken"},
    {"an empty name", empty_name, STOA_ERROR_ARGUMENT, "its name is empty"},
    {"a long name", long_name, STOA_ERROR_LIMIT, "its name is longer than"},
    {"a parameter's name", parameter_name, STOA_ERROR_ARGUMENT, "layer 'c' (Conv): weight: name 'c.weight' is taken"},
    {"another's value", foreign_value, STOA_ERROR_ARGUMENT, "layer 'r' (Relu): input 0 is no value"},
    {"an input twice", second_input, STOA_ERROR_ARGUMENT, "input 'input': name 'input' is taken"},
    {"an input of nothing", empty_input, STOA_ERROR_SHAPE, "input 'other': dims[1] is 0"},
    {"an input of high rank", high_input, STOA_ERROR_LIMIT, "input 'other': rank is 8"},
    {"an input of the highest rank", highest_input, STOA_ERROR_LIMIT, "input 'other': rank is 18446744073709551615"},
    {"an input without dims", no_dims, STOA_ERROR_ARGUMENT, "input 'other': dims is null"},
    {"an output's name", taken_output, STOA_ERROR_GRAPH, "output 'input': name 'input' is taken"},
    {"an output twice", twice_output, STOA_ERROR_GRAPH, "is declared twice"},
    {"the first of several", first_of_two, STOA_ERROR_ATTRIBUTE, "layer 'c' (Conv): out_channels is 0"},
};

Test(bad_layers, the_first_mistake_is_told)
{
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        struct counting_allocator counting;
        counting_allocator_init(&counting);
        struct stoa_builder_options options = {.allocator = &counting.interface};
        struct stoa_builder *b;
        struct stoa_error error = {0};
        struct stoa_model *model;
        cr_assert(stoa_builder_create(&options, &error, &b) == STOA_OK);
        struct stoa_value y = mistakes[i].build(b, stoa_build_input(b, NULL, 3, (const size_t[]){4, 7, 6}));
        stoa_build_output(b, NULL, y);
        cr_expect(stoa_builder_describe(b, y).rank == 0, "%s: a value has a shape", mistakes[i].name);
        enum stoa_status status = stoa_builder_finish(b, &error, &model);
        cr_expect(status == mistakes[i].status, "%s: %s: %s", mistakes[i].name, stoa_status_name(status),
                  error.message);
        cr_expect(strstr(error.message, mistakes[i].message) && error.status == status, "%s: %s", mistakes[i].name,
                  error.message);
        cr_expect(!model && counting.live == 0, "%s: %zu blocks leaked", mistakes[i].name, counting.live);
    }
}
