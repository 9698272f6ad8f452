/* The ready-made nets: their parameters are those of the originals, they take the images they say, and run. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/tensor.h"
#include "graph/model.h"
#include "support/same_graph.h"

static struct stoa_model *create(const char *name, const struct stoa_net_options *options)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    cr_assert(stoa_net_create(name, options, &error, &model) == STOA_OK, "%s: %s", name, error.message);
    return model;
}

/* Of weights and biases, as PyTorch counts them: running statistics are none, nor are limits and ratios. */
static size_t parameters(const struct stoa_model *model)
{
    size_t count = 0;
    for (size_t v = 0; v < model->graph.value_count; v++) {
        const struct graph_value *value = &model->graph.values[v];
        const char *dot = strrchr(value->name, '.');
        if (value->constant && dot && (strcmp(dot, ".weight") == 0 || strcmp(dot, ".bias") == 0))
            count += stoa_tensor_elements(value->constant);
    }
    return count;
}

/* torchvision 0.14 for the last four; the first by hand; resnet20 has 269,722 in He's option A, and option B two
 * convolutions more. */
static const struct row {
    const char *name;
    size_t parameters;
    int64_t channels, side, classes;
    const char *weight; /* one of them, and its dims */
    size_t rank, dims[4];
} rows[] = {
    {"lenet5", 61706, 1, 28, 10, "fc1.weight", 2, {120, 400}},
    {"vgg_small", 467818, 1, 28, 10, "conv4.weight", 4, {64, 64, 3, 3}},
    {"vgg_bn", 584618, 1, 28, 10, "fc1.weight", 2, {256, 1152}},
    {"resnet20", 272474, 3, 32, 10, "layer2.0.downsample.0.weight", 4, {32, 16, 1, 1}},
    {"alexnet", 61100840, 3, 224, 1000, "features.10.weight", 4, {256, 256, 3, 3}},
    {"vgg16", 138357544, 3, 224, 1000, "features.28.weight", 4, {512, 512, 3, 3}},
    {"resnet18", 11689512, 3, 224, 1000, "layer4.0.downsample.0.weight", 4, {512, 256, 1, 1}},
    {"mobilenet_v2", 3504872, 3, 224, 1000, "features.3.conv.2.weight", 4, {24, 144, 1, 1}},
};
#define ROWS (sizeof rows / sizeof rows[0])

Test(nets, are_what_their_names_say)
{
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        cr_assert(stoa_net_name(i) && strcmp(stoa_net_name(i), row->name) == 0, "net %zu is no %s", i, row->name);
        struct stoa_model *model = create(row->name, &(struct stoa_net_options){.init = STOA_INIT_ZEROS});
        cr_expect(parameters(model) == row->parameters, "%s: %zu parameters", row->name, parameters(model));
        struct stoa_value_info info;
        cr_assert(stoa_model_input(model, 0, NULL, &info) == STOA_OK);
        cr_expect(strcmp(info.name, "input") == 0 && info.rank == 4 && info.dims[0] == -1 &&
                      info.dims[1] == row->channels && info.dims[2] == row->side && info.dims[3] == row->side,
                  "%s: its input", row->name);
        cr_assert(stoa_model_output(model, 0, NULL, &info) == STOA_OK);
        cr_expect(strcmp(info.name, "output") == 0 && info.rank == 2 && info.dims[0] == -1 &&
                      info.dims[1] == row->classes,
                  "%s: its output", row->name);
        size_t value = stoa_graph_find(&model->graph, row->weight);
        cr_assert(value != GRAPH_NONE && model->graph.values[value].constant, "%s has no %s", row->name, row->weight);
        const struct stoa_tensor *weight = model->graph.values[value].constant;
        cr_expect(weight->rank == row->rank && memcmp(weight->dims, row->dims, row->rank * sizeof *row->dims) == 0,
                  "%s: %s", row->name, row->weight);
        stoa_model_free(model);
    }
    cr_expect(!stoa_net_name(ROWS));
}

/* Other images and classes than their own. */
static const struct {
    const char *name;
    struct stoa_net_options options;
} sizes[] = {
    {"lenet5", {.channels = 3, .height = 32, .width = 20, .classes = 7}},
    {"vgg_small", {.height = 16, .width = 13, .classes = 2}},
    {"vgg_bn", {.channels = 3, .height = 32, .width = 32, .classes = 100}},
    {"resnet20", {.channels = 1, .height = 28, .width = 28}},
    {"alexnet", {.height = 63, .width = 63, .classes = 10, .init = STOA_INIT_HE_UNIFORM}},
    {"resnet18", {.height = 33, .width = 40, .classes = 10, .init = STOA_INIT_HE_UNIFORM}},
    {"mobilenet_v2", {.height = 32, .width = 64, .classes = 10}},
};

Test(nets, take_other_images_and_run)
{
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct stoa_net_options options = sizes[i].options;
        options.seed = i;
        struct stoa_model *model = create(sizes[i].name, &options);
        struct stoa_error error = {0};
        struct stoa_session *session;
        size_t pixels = (options.channels ? options.channels : 3) * options.height * options.width * 2;
        if (strcmp(sizes[i].name, "vgg_small") == 0)
            pixels = options.height * options.width * 2;
        float *x = malloc(pixels * sizeof *x), y[200];
        cr_assert(x);
        for (size_t p = 0; p < pixels; p++)
            x[p] = (float)(p * 7 % 13) * 0.1f - 0.6f;
        struct stoa_value_info info;
        cr_assert(stoa_model_input(model, 0, NULL, &info) == STOA_OK);
        struct stoa_input_spec spec = {
            .name = "input", .rank = 4, .dims = {2, (size_t)info.dims[1], options.height, options.width}};
        struct stoa_session_options session_options = {.inputs = &spec, .input_count = 1, .threads = 1};
        cr_assert(stoa_session_create(model, &session_options, &error, &session) == STOA_OK, "%s: %s", sizes[i].name,
                  error.message);
        cr_expect(stoa_session_bind_input(session, "input", x, &error) == STOA_OK &&
                      stoa_session_bind_output(session, "output", y, &error) == STOA_OK &&
                      stoa_session_run(session, &error) == STOA_OK,
                  "%s: %s", sizes[i].name, error.message);
        double most = 0;
        for (size_t c = 0; c < 2 * (options.classes ? options.classes : 10); c++)
            most = fmax(most, fabs((double)y[c]));
        /* Neither dead nor exploding. */
        cr_expect(most > 1e-3 && most < 1e3, "%s: scores up to %g", sizes[i].name, most);
        stoa_session_free(session);
        stoa_model_free(model);
        free(x);
    }
}

Test(nets, same_seed_same_bits)
{
    char text[512];
    for (size_t i = 0; i < 4; i++) {
        struct stoa_model *a = create(rows[i].name, &(struct stoa_net_options){.seed = 5});
        struct stoa_model *b = create(rows[i].name, &(struct stoa_net_options){.seed = 5});
        struct stoa_model *c = create(rows[i].name, &(struct stoa_net_options){.seed = 6});
        cr_expect(!*same_graph(&a->graph, &b->graph, sizeof text, text), "%s: %s", rows[i].name, text);
        cr_expect(*same_graph(&a->graph, &c->graph, sizeof text, text), "%s: another seed, the same weights",
                  rows[i].name);
        stoa_model_free(a);
        stoa_model_free(b);
        stoa_model_free(c);
    }
}

static const struct {
    const char *name, *net;
    struct stoa_net_options options;
    enum stoa_status status;
    const char *message;
} mistakes[] = {
    {"unknown", "lenet6", {0}, STOA_ERROR_ARGUMENT, "no net 'lenet6'; there are lenet5, vgg_small, vgg_bn, resnet20"},
    {"unknown, to the last", "", {0}, STOA_ERROR_ARGUMENT, "resnet18, mobilenet_v2"},
    {"image too small", "lenet5", {.height = 9}, STOA_ERROR_SHAPE, "net 'lenet5': layer 'conv2' (Conv): kernel[0] 5"},
    {"nothing left to pool",
     "vgg_small",
     {.width = 3},
     STOA_ERROR_SHAPE,
     "layer 'max_pool2' (MaxPool): kernel_shape[1] of 2"},
    {"features of 8",
     "alexnet",
     {.height = 300, .init = STOA_INIT_ZEROS},
     STOA_ERROR_SHAPE,
     "layer 'avgpool' (AveragePool): input height is 8, must be a multiple or a divisor of 6"},
    {"unknown init", "lenet5", {.init = STOA_INIT_COUNT}, STOA_ERROR_ARGUMENT, "init is 7"},
    {"too many classes", "lenet5", {.classes = (size_t)1 << 40}, STOA_ERROR_LIMIT, "layer 'fc3' (Gemm): weight: "},
};

Test(nets, mistakes_are_told)
{
    struct stoa_error error = {0};
    struct stoa_model *model;
    for (size_t i = 0; i < sizeof mistakes / sizeof mistakes[0]; i++) {
        enum stoa_status status = stoa_net_create(mistakes[i].net, &mistakes[i].options, &error, &model);
        cr_expect(status == mistakes[i].status && !model, "%s: %s: %s", mistakes[i].name, stoa_status_name(status),
                  error.message);
        cr_expect(strstr(error.message, mistakes[i].message), "%s: %s", mistakes[i].name, error.message);
    }
    cr_expect(stoa_net_create(NULL, NULL, &error, &model) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_net_create("lenet5", NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
}
