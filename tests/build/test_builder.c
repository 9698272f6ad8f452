/* Nets built layer by layer: shapes, names, weights, and what errors say. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/status.h"
#include "base/tensor.h"
#include "graph/model.h"
#include "support/allocator.h"
#include "support/same_graph.h"

static struct stoa_builder *create(uint64_t seed, enum stoa_init init)
{
    struct stoa_builder *builder;
    struct stoa_error error = {0};
    struct stoa_builder_options options = {.seed = seed, .init = init};
    cr_assert(stoa_builder_create(&options, &error, &builder) == STOA_OK, "%s", error.message);
    return builder;
}

static struct stoa_model *finish(struct stoa_builder *builder)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    cr_assert(stoa_builder_finish(builder, &error, &model) == STOA_OK, "%s", error.message);
    return model;
}

static const struct stoa_tensor *constant(const struct stoa_model *model, const char *name)
{
    size_t value = stoa_graph_find(&model->graph, name);
    cr_assert(value != GRAPH_NONE && model->graph.values[value].constant, "there is no constant %s", name);
    return model->graph.values[value].constant;
}

typedef struct stoa_value build_function(struct stoa_builder *b, struct stoa_value x);

static struct stoa_value conv(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(
        b, NULL, x,
        &(struct stoa_build_conv){.out_channels = 6, .kernel = {3, 2}, .stride = {2, 1}, .pad = {1, 0, 1, 1}});
}
static struct stoa_value grouped(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv2d(
        b, NULL, x,
        &(struct stoa_build_conv){.out_channels = 8, .kernel = {3, 3}, .dilation = {2, 1}, .groups = 4, .no_bias = 1});
}
static struct stoa_value transposed(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_conv_transpose2d(
        b, NULL, x,
        &(struct stoa_build_conv){
            .out_channels = 6, .kernel = {3, 3}, .stride = {2, 2}, .pad = {1, 1, 1, 1}, .output_pad = {1, 0}});
}
static struct stoa_value max_pool(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_max_pool2d(b, NULL, x,
                                 &(struct stoa_build_pool){.kernel = {2, 3}, .stride = {2, 2}, .ceil_mode = 1});
}
static struct stoa_value average_pool(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_average_pool2d(
        b, NULL, x, &(struct stoa_build_pool){.kernel = {2, 3}, .pad = {1, 1, 0, 1}, .count_include_pad = 1});
}
static struct stoa_value linear(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_linear(b, NULL, stoa_build_flatten(b, NULL, x), &(struct stoa_build_linear){.out_features = 5});
}
static struct stoa_value norm(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_batch_norm(b, NULL, x, NULL);
}
static struct stoa_value dropout(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_dropout(b, NULL, x, 0.25f);
}
static struct stoa_value global(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_global_average_pool(b, NULL, x);
}
static struct stoa_value relu(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_relu(b, NULL, x);
}
static struct stoa_value leaky(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_leaky_relu(b, NULL, x, 0.1f);
}
static struct stoa_value elu(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_elu(b, NULL, x, 1.5f);
}
static struct stoa_value selu(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_selu(b, NULL, x);
}
static struct stoa_value sigmoid(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_sigmoid(b, NULL, x);
}
static struct stoa_value hyperbolic(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_tanh(b, NULL, x);
}
static struct stoa_value softplus(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_softplus(b, NULL, x);
}
static struct stoa_value hard(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_mul(b, NULL, x, stoa_build_hard_sigmoid(b, NULL, x));
}
static struct stoa_value clip(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_clip(b, NULL, x, 0, 6);
}
static struct stoa_value add(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_add(b, NULL, x, relu(b, x));
}
static struct stoa_value scaled(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_mul(b, NULL, x, sigmoid(b, global(b, x)));
}
static struct stoa_value concat(struct stoa_builder *b, struct stoa_value x)
{
    const struct stoa_value parts[3] = {x, relu(b, x), global(b, stoa_build_upsample(b, NULL, x, 1, 1))};
    return stoa_build_concat(b, NULL, 2, parts, 1);
}
static struct stoa_value softmax(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_softmax(b, NULL, linear(b, x));
}
static struct stoa_value upsample(struct stoa_builder *b, struct stoa_value x)
{
    return stoa_build_upsample(b, NULL, x, 2, 3);
}

/* Each over images of 4 channels, 7 x 6. */
static const struct {
    const char *name; /* of the layer, as it comes by itself */
    build_function *build;
    size_t rank;
    int64_t dims[4];
} layers[] = {
    {"conv1", conv, 4, {-1, 6, 4, 6}},
    {"conv1", grouped, 4, {-1, 8, 3, 4}},
    {"conv_transpose1", transposed, 4, {-1, 6, 14, 11}},
    {"max_pool1", max_pool, 4, {-1, 4, 4, 3}},
    {"average_pool1", average_pool, 4, {-1, 4, 7, 6}},
    {"fc1", linear, 2, {-1, 5}},
    {"bn1", norm, 4, {-1, 4, 7, 6}},
    {"dropout1", dropout, 4, {-1, 4, 7, 6}},
    {"global_average_pool1", global, 4, {-1, 4, 1, 1}},
    {"relu1", relu, 4, {-1, 4, 7, 6}},
    {"leaky_relu1", leaky, 4, {-1, 4, 7, 6}},
    {"elu1", elu, 4, {-1, 4, 7, 6}},
    {"selu1", selu, 4, {-1, 4, 7, 6}},
    {"sigmoid1", sigmoid, 4, {-1, 4, 7, 6}},
    {"tanh1", hyperbolic, 4, {-1, 4, 7, 6}},
    {"softplus1", softplus, 4, {-1, 4, 7, 6}},
    {"mul1", hard, 4, {-1, 4, 7, 6}},
    {"clip1", clip, 4, {-1, 4, 7, 6}},
    {"add1", add, 4, {-1, 4, 7, 6}},
    {"mul1", scaled, 4, {-1, 4, 7, 6}},
    {"concat1", concat, 4, {-1, 8, 7, 6}},
    {"softmax1", softmax, 2, {-1, 5}},
    {"upsample1", upsample, 4, {-1, 4, 14, 18}},
};

static bool has_dims(const struct stoa_value_info *info, size_t rank, const int64_t *dims)
{
    return info->dtype == STOA_FLOAT && info->has_shape && info->rank == rank &&
           memcmp(info->dims, dims, rank * sizeof *dims) == 0;
}

/* Saved and read, the model is the same; and it runs as the reference does at batch 2. */
static void check_model(const struct stoa_model *model, const char *name)
{
    struct stoa_error error = {0};
    struct stoa_model *read;
    char text[512];
    size_t size;
    cr_assert(stoa_model_save_memory(model, 0, NULL, &error, &size) == STOA_OK, "%s: %s", name, error.message);
    void *data = malloc(size);
    cr_assert(data && stoa_model_save_memory(model, size, data, &error, &size) == STOA_OK);
    cr_assert(stoa_model_load_memory(data, size, NULL, &error, &read) == STOA_OK, "%s: %s", name, error.message);
    cr_expect(!*same_graph(&model->graph, &read->graph, sizeof text, text), "%s: %s", name, text);
    stoa_model_free(read);
    free(data);
}

static void run_twice(const struct stoa_model *model, const char *name)
{
    struct stoa_error error = {0};
    struct stoa_session *session;
    static float x[2 * 4 * 7 * 6], y[2 * 4 * 14 * 18];
    struct stoa_input_spec spec = {.name = "input", .rank = 4, .dims = {2, 4, 7, 6}};
    struct stoa_session_options options = {.inputs = &spec, .input_count = 1, .threads = 1};
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)(i % 23) - 11;
    cr_assert(stoa_session_create(model, &options, &error, &session) == STOA_OK, "%s: %s", name, error.message);
    cr_expect(stoa_session_bind_input(session, "input", x, &error) == STOA_OK &&
                  stoa_session_bind_output(session, "output", y, &error) == STOA_OK &&
                  stoa_session_run(session, &error) == STOA_OK,
              "%s: %s", name, error.message);
    for (size_t i = 0; i < 10; i++)
        cr_expect(isfinite(y[i]), "%s: y[%zu] is %g", name, i, (double)y[i]);
    stoa_session_free(session);
}

Test(builder, layers_know_their_shapes)
{
    for (size_t i = 0; i < sizeof layers / sizeof layers[0]; i++) {
        struct stoa_builder *b = create(i, STOA_INIT_DEFAULT);
        struct stoa_value x = stoa_build_input(b, NULL, 3, (const size_t[]){4, 7, 6});
        struct stoa_value y = layers[i].build(b, x);
        struct stoa_value_info info = stoa_builder_describe(b, y);
        cr_expect(strcmp(info.name, layers[i].name) == 0, "row %zu: '%s', not '%s'", i, info.name, layers[i].name);
        cr_expect(has_dims(&info, layers[i].rank, layers[i].dims), "%s: other dims", layers[i].name);
        stoa_build_output(b, "output", y);
        struct stoa_model *model = finish(b);
        cr_expect(stoa_model_input_count(model) == 1 && stoa_model_output_count(model) == 1);
        cr_expect(stoa_model_output(model, 0, NULL, &info) == STOA_OK && strcmp(info.name, "output") == 0 &&
                      has_dims(&info, layers[i].rank, layers[i].dims),
                  "%s: the model's output", layers[i].name);
        cr_expect(stoa_model_input(model, 0, NULL, &info) == STOA_OK && strcmp(info.name, "input") == 0 &&
                      has_dims(&info, 4, (const int64_t[]){-1, 4, 7, 6}),
                  "%s: the model's input", layers[i].name);
        check_model(model, layers[i].name);
        run_twice(model, layers[i].name);
        stoa_model_free(model);
    }
}

/* As an importer has it: nothing is stated of values in between, no name is left of the output's old one. */
Test(builder, the_graph_is_what_an_importer_makes)
{
    struct stoa_builder *b = create(0, STOA_INIT_DEFAULT);
    struct stoa_value x = stoa_build_input(b, "image", 3, (const size_t[]){4, 7, 6});
    struct stoa_value h = norm(b, conv(b, x));
    stoa_build_output(b, "scores", linear(b, h));
    struct stoa_model *model = finish(b);
    const struct graph *graph = &model->graph;
    static const char *const types[] = {"Conv", "BatchNormalization", "Flatten", "Gemm"};
    static const char *const names[] = {"conv1", "bn1", "flatten1", "fc1"};
    cr_assert(graph->node_count == 4);
    for (size_t i = 0; i < 4; i++)
        cr_expect(strcmp(graph->nodes[i].type, types[i]) == 0 && strcmp(graph->nodes[i].name, names[i]) == 0 &&
                      graph->nodes[i].op && graph->nodes[i].opset == 13,
                  "node %zu", i);
    const struct graph_value *between = &graph->values[stoa_graph_find(graph, "conv1")];
    cr_expect(between->dtype == STOA_NONE && !between->has_shape && between->rank == 0 && between->dims[1] == 0);
    cr_expect(stoa_graph_find(graph, "fc1") == GRAPH_NONE);
    size_t output = stoa_graph_find(graph, "scores");
    cr_expect(output != GRAPH_NONE && graph->values[output].is_output && graph->values[output].producer == 3);
    stoa_model_free(model);
}

Test(builder, names_are_numbered_by_kind_or_given)
{
    struct stoa_builder *b = create(0, STOA_INIT_DEFAULT);
    struct stoa_value x = stoa_build_input(b, NULL, 3, (const size_t[]){2, 4, 4});
    const struct stoa_build_conv desc = {.out_channels = 2, .kernel = {1, 1}};
    static const struct {
        const char *given, *expected;
    } rows[] = {{NULL, "conv1"}, {"conv3", "conv3"}, {NULL, "conv2"}, {NULL, "conv4"}, {"a.b/c", "a.b/c"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        x = stoa_build_conv2d(b, rows[i].given, x, &desc);
        cr_expect(strcmp(stoa_builder_describe(b, x).name, rows[i].expected) == 0, "%s, not %s",
                  stoa_builder_describe(b, x).name, rows[i].expected);
    }
    x = stoa_build_dropout(b, NULL, stoa_build_batch_norm(b, NULL, x, NULL), 0.5f);
    stoa_build_output(b, NULL, x);
    struct stoa_model *model = finish(b);
    static const char *const constants[] = {"conv1.weight", "conv1.bias",      "conv3.weight",   "a.b/c.bias",
                                            "bn1.weight",   "bn1.running_var", "dropout1.ratio", "bn1.running_mean"};
    for (size_t i = 0; i < sizeof constants / sizeof constants[0]; i++)
        cr_expect(constant(model, constants[i])->data);
    cr_expect(strcmp(model->graph.values[model->graph.outputs[0]].name, "dropout1") == 0);
    stoa_model_free(model);
}

static struct stoa_model *seeded(uint64_t seed, enum stoa_init init, enum stoa_init own)
{
    struct stoa_builder *b = create(seed, init);
    struct stoa_value x = stoa_build_input(b, NULL, 3, (const size_t[]){16, 8, 8});
    x = stoa_build_conv2d(b, "c", x,
                          &(struct stoa_build_conv){.out_channels = 32, .kernel = {5, 5}, .groups = 2, .init = own});
    x = stoa_build_batch_norm(b, "n", x, NULL);
    stoa_build_output(b, NULL, x);
    return finish(b);
}

/* Variance of weights with 8 * 25 inputs and 16 * 25 outputs, and the largest there may be. */
Test(builder, weights_begin_as_asked_for)
{
    static const struct {
        const char *name;
        enum stoa_init init, own;
        double variance, most;
    } rows[] = {
        {"default", STOA_INIT_DEFAULT, STOA_INIT_DEFAULT, 2.0 / 200, 0.6},
        {"he normal", STOA_INIT_HE_NORMAL, STOA_INIT_DEFAULT, 2.0 / 200, 0.6},
        {"he uniform", STOA_INIT_HE_UNIFORM, STOA_INIT_DEFAULT, 2.0 / 200, 0.17320508},
        {"xavier normal", STOA_INIT_XAVIER_NORMAL, STOA_INIT_DEFAULT, 2.0 / 600, 0.35},
        {"xavier uniform", STOA_INIT_XAVIER_UNIFORM, STOA_INIT_DEFAULT, 2.0 / 600, 0.1},
        {"the layer's own", STOA_INIT_HE_NORMAL, STOA_INIT_XAVIER_UNIFORM, 2.0 / 600, 0.1},
        {"fan-in uniform", STOA_INIT_FAN_IN_UNIFORM, STOA_INIT_DEFAULT, 1.0 / 600, 0.07071068},
        {"zeros", STOA_INIT_ZEROS, STOA_INIT_DEFAULT, 0, 0},
    };
    for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
        struct stoa_model *model = seeded(3, rows[r].init, rows[r].own);
        const struct stoa_tensor *w = constant(model, "c.weight");
        const float *values = w->data;
        size_t count = stoa_tensor_elements(w);
        double sum = 0, squares = 0, most = 0;
        cr_assert(count == 32 * 8 * 25);
        for (size_t i = 0; i < count; i++) {
            sum += (double)values[i];
            squares += (double)values[i] * (double)values[i];
            most = fmax(most, fabs((double)values[i]));
        }
        double mean = sum / (double)count, variance = squares / (double)count;
        cr_expect(fabs(mean) <= 4 * sqrt(rows[r].variance / (double)count), "%s: mean %g", rows[r].name, mean);
        cr_expect(fabs(variance - rows[r].variance) <= 0.07 * rows[r].variance, "%s: variance %g", rows[r].name,
                  variance);
        cr_expect(most <= rows[r].most, "%s: most %g", rows[r].name, most);
        static const struct {
            const char *name;
            float value;
        } others[] = {{"c.bias", 0}, {"n.weight", 1}, {"n.bias", 0}, {"n.running_mean", 0}, {"n.running_var", 1}};
        for (size_t o = 0; o < sizeof others / sizeof others[0]; o++)
            for (size_t i = 0; i < 32; i++)
                cr_expect(((float *)constant(model, others[o].name)->data)[i] == others[o].value, "%s", others[o].name);
        stoa_model_free(model);
    }
}

Test(builder, the_seed_decides_the_weights)
{
    char text[512];
    struct stoa_model *a = seeded(7, 0, 0), *b = seeded(7, 0, 0), *c = seeded(8, 0, 0);
    cr_expect(!*same_graph(&a->graph, &b->graph, sizeof text, text), "%s", text);
    cr_expect(strcmp(same_graph(&a->graph, &c->graph, sizeof text, text), "value 'c.weight' differs") == 0, "%s", text);
    /* The same bits on every machine. */
    static const uint32_t first[] = {0xbdccfedb, 0x3e088df2, 0x3d548695};
    cr_expect(memcmp(constant(a, "c.weight")->data, first, sizeof first) == 0, "0x%08x, 0x%08x, 0x%08x",
              ((uint32_t *)constant(a, "c.weight")->data)[0], ((uint32_t *)constant(a, "c.weight")->data)[1],
              ((uint32_t *)constant(a, "c.weight")->data)[2]);
    stoa_model_free(a);
    stoa_model_free(b);
    stoa_model_free(c);
}

Test(builder, misuse_is_harmless)
{
    struct stoa_builder *b;
    struct stoa_model *model;
    struct stoa_error error = {0};
    cr_expect(stoa_builder_create(NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_builder_create(&(struct stoa_builder_options){.init = STOA_INIT_COUNT}, &error, &b) ==
                  STOA_ERROR_ARGUMENT &&
              !b);
    cr_expect(stoa_builder_finish(NULL, &error, &model) == STOA_ERROR_ARGUMENT);
    struct stoa_value none = stoa_build_relu(NULL, NULL, stoa_build_input(NULL, NULL, 0, NULL));
    stoa_build_output(NULL, NULL, none);
    cr_expect(stoa_builder_describe(NULL, none).rank == 0);
    stoa_builder_free(NULL);

    b = create(0, STOA_INIT_DEFAULT);
    (void)stoa_build_concat(b, "k", 2, NULL, 1);
    cr_expect(stoa_builder_finish(b, &error, &model) == STOA_ERROR_ARGUMENT && strstr(error.message, "inputs are null"),
              "%s", error.message);

    cr_assert(stoa_builder_create(NULL, &error, &b) == STOA_OK);
    cr_expect(stoa_builder_finish(b, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_assert(stoa_builder_create(NULL, &error, &b) == STOA_OK);
    (void)conv(b, stoa_build_input(b, NULL, 3, (const size_t[]){4, 7, 6}));
    cr_expect(stoa_builder_finish(b, &error, &model) == STOA_ERROR_GRAPH && !model);
    cr_expect(strstr(error.message, "no output"), "%s", error.message);
    cr_assert(stoa_builder_create(NULL, &error, &b) == STOA_OK);
    (void)conv(b, stoa_build_input(b, NULL, 3, (const size_t[]){4, 7, 6}));
    stoa_builder_free(b);
}

/* What is an input or an output already keeps its name, and is copied to the other. */
Test(builder, outputs_have_names_of_their_own)
{
    struct stoa_builder *b = create(0, STOA_INIT_DEFAULT);
    struct stoa_error error = {0};
    struct stoa_session *session;
    const float image[3] = {1, -2, 3}, positive[3] = {1, 0, 3};
    struct stoa_value x = stoa_build_input(b, "image", 1, (const size_t[]){3}), y = stoa_build_relu(b, NULL, x);
    stoa_build_output(b, "copy", x);
    stoa_build_output(b, "a", y);
    stoa_build_output(b, "b", y);
    stoa_build_output(b, "image", x);
    struct stoa_model *model = finish(b);
    cr_expect(strcmp(model->graph.values[model->graph.inputs[0]].name, "image") == 0);
    cr_assert(stoa_session_create(model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_input(session, "image", image, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    static const char *const names[] = {"copy", "a", "b", "image"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct stoa_tensor output;
        cr_assert(stoa_session_output(session, names[i], &error, &output) == STOA_OK, "%s", error.message);
        cr_expect(memcmp(output.data, i % 3 ? positive : image, sizeof image) == 0, "%s", names[i]);
    }
    stoa_session_free(session);
    stoa_model_free(model);

    b = create(0, STOA_INIT_DEFAULT);
    y = stoa_build_relu(b, "y", stoa_build_input(b, NULL, 1, (const size_t[]){3}));
    stoa_build_output(b, NULL, y);
    stoa_build_output(b, NULL, y);
    cr_expect(stoa_builder_finish(b, &error, &model) == STOA_ERROR_GRAPH && strstr(error.message, "twice"), "%s",
              error.message);
}

static enum stoa_status build_with(const struct stoa_allocator *allocator)
{
    struct stoa_builder_options options = {.allocator = allocator};
    struct stoa_builder *b;
    struct stoa_model *model;
    STOA_TRY(stoa_builder_create(&options, NULL, &b));
    struct stoa_value x = stoa_build_input(b, NULL, 3, (const size_t[]){16, 32, 32});
    for (size_t i = 0; i < 20; i++)
        x = norm(b, conv(b, stoa_build_upsample(b, NULL, x, 2, 1)));
    stoa_build_output(b, "output", linear(b, x));
    STOA_TRY(stoa_builder_finish(b, NULL, &model));
    stoa_model_free(model);
    return STOA_OK;
}

Test(builder, memory_that_runs_out_leaks_nothing)
{
    struct counting_allocator counting;
    counting_allocator_init(&counting);
    cr_assert(build_with(&counting.interface) == STOA_OK);
    size_t calls = counting.calls;
    cr_expect(calls > 5 && counting.live == 0);
    for (size_t i = 1; i <= calls; i++) {
        counting.fail_at = counting.calls + i;
        cr_expect(build_with(&counting.interface) == STOA_ERROR_MEMORY, "call %zu of %zu", i, calls);
        cr_expect(counting.live == 0, "call %zu leaks", i);
    }
}
