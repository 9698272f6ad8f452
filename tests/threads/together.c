/* Sessions and layers in eight threads against serial runs, by bit. */
#include "threads/together.h"

#include <pthread.h>
#include <string.h>

#include "base/random.h"

#define REQUIRE(condition)                                                                                             \
    if (!(condition))                                                                                                  \
    return #condition
#define EXPECT(condition)                                                                                              \
    if (!(condition))                                                                                                  \
    wrong = #condition

float together_images[SESSIONS][MOST_BATCH * IMAGE];

struct stoa_model *together_model(void)
{
    struct random random = {.state = 11};
    stoa_random_fill(&random, sizeof together_images / sizeof(float), together_images[0]);
    struct stoa_builder *b;
    struct stoa_model *model = NULL;
    if (stoa_builder_create(NULL, NULL, &b) != STOA_OK)
        return NULL;
    const struct stoa_build_conv conv = {.out_channels = 16, .kernel = {3, 3}, .pad = {1, 1, 1, 1}};
    struct stoa_build_conv depthwise = conv;
    depthwise.groups = 16;
    struct stoa_value x = stoa_build_input(b, "x", 3, (size_t[]){C, SIZE, SIZE});
    struct stoa_value r = stoa_build_relu(b, NULL, stoa_build_conv2d(b, NULL, x, &conv));
    struct stoa_value s = stoa_build_add(b, NULL, stoa_build_conv2d(b, NULL, r, &conv), r);
    struct stoa_value m = stoa_build_sigmoid(b, NULL, stoa_build_conv2d(b, NULL, s, &depthwise));
    m = stoa_build_flatten(b, NULL, stoa_build_global_average_pool(b, NULL, m));
    stoa_build_output(b, "y", stoa_build_linear(b, NULL, m, &(struct stoa_build_linear){.out_features = OUT}));
    return stoa_builder_finish(b, NULL, &model) == STOA_OK ? model : NULL;
}

struct visitor {
    const struct stoa_model *model;
    size_t number, threads;
    float results[RUNS][MOST_BATCH * OUT];
    enum stoa_status status;
};

/* A session's life: made, run, made another shape's, run again, trimmed, freed. */
static void *visit(void *argument)
{
    struct visitor *visitor = argument;
    struct stoa_session *session = NULL;
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
    struct stoa_session_options options = {.threads = visitor->threads, .inputs = &spec, .input_count = 1};
    visitor->status = stoa_session_create(visitor->model, &options, NULL, &session);
    for (size_t i = 0; i < RUNS && visitor->status == STOA_OK; i++) {
        struct stoa_tensor y;
        spec.dims[0] = 1 + (visitor->number + i) % MOST_BATCH;
        visitor->status = stoa_session_reshape(session, &spec, 1, NULL);
        if (visitor->status == STOA_OK)
            visitor->status = stoa_session_bind_input_at(session, 0, together_images[visitor->number], NULL);
        if (visitor->status == STOA_OK)
            visitor->status = stoa_session_run(session, NULL);
        if (visitor->status == STOA_OK)
            visitor->status = stoa_session_output_at(session, 0, NULL, &y);
        if (visitor->status == STOA_OK)
            memcpy(visitor->results[i], y.data, y.dims[0] * OUT * sizeof(float));
        if (i == RUNS / 2)
            stoa_session_trim(session);
    }
    stoa_session_free(session);
    return NULL;
}

static const char *sessions_of_one_model(void)
{
    static struct visitor serial[SESSIONS], parallel[SESSIONS];
    struct stoa_model *model = together_model();
    const char *wrong = NULL;
    REQUIRE(model);
    for (size_t threads = 1; threads <= 2; threads++) {
        pthread_t ids[SESSIONS];
        for (size_t i = 0; i < SESSIONS; i++) {
            memset(&parallel[i], 0, sizeof parallel[i]);
            parallel[i].model = model;
            parallel[i].number = i;
            parallel[i].threads = threads;
            serial[i] = parallel[i];
            serial[i].threads = 1;
            visit(&serial[i]);
            REQUIRE(serial[i].status == STOA_OK);
        }
        for (size_t i = 0; i < SESSIONS; i++)
            REQUIRE(pthread_create(&ids[i], NULL, visit, &parallel[i]) == 0);
        for (size_t i = 0; i < SESSIONS; i++) {
            pthread_join(ids[i], NULL);
            EXPECT(parallel[i].status == STOA_OK);
            EXPECT(memcmp(serial[i].results, parallel[i].results, sizeof serial[i].results) == 0);
        }
    }
    stoa_model_free(model);
    return wrong;
}

struct shared_layer {
    const struct stoa_conv2d *conv;
    const struct stoa_conv2d_backward *backward;
    const float *x;
    float y[8 * SIZE * SIZE], dx[IMAGE], dw[8 * C * 9];
    int failed;
};

static void *run_layer(void *argument)
{
    struct shared_layer *run = argument;
    _Alignas(64) static _Thread_local unsigned char workspace[1 << 20];
    for (int i = 0; i < RUNS; i++)
        run->failed |= stoa_conv2d_run(run->conv, run->x, sizeof workspace, workspace, NULL, run->y) ||
                       stoa_conv2d_backward_data(run->backward, run->y, sizeof workspace, workspace, NULL, run->dx) ||
                       stoa_conv2d_backward_weights(run->backward, run->x, run->y, sizeof workspace, workspace, NULL,
                                                    run->dw, NULL);
    return NULL;
}

static const char *a_shared_layer(void)
{
    static struct shared_layer serial[SESSIONS], parallel[SESSIONS];
    static float w[8 * C * 9];
    struct random random = {.state = 2};
    const char *wrong = NULL;
    stoa_model_free(together_model());
    stoa_random_fill(&random, sizeof w / sizeof *w, w);
    for (size_t threads = 1; threads <= 2; threads++) {
        struct stoa_conv2d_desc desc = {.height = SIZE,
                                        .width = SIZE,
                                        .in_channels = C,
                                        .out_channels = 8,
                                        .kernel = {3, 3},
                                        .pad = {1, 1, 1, 1},
                                        .activation = STOA_RELU,
                                        .threads = threads};
        struct stoa_conv2d *conv;
        struct stoa_conv2d_backward *backward;
        struct stoa_error error = {0};
        pthread_t ids[SESSIONS];
        REQUIRE(stoa_conv2d_create(&desc, w, NULL, &error, &conv) == STOA_OK);
        REQUIRE(stoa_conv2d_backward_create(&desc, &error, &backward) == STOA_OK);
        REQUIRE(stoa_conv2d_backward_set_weights(backward, w, &error) == STOA_OK);
        REQUIRE(stoa_conv2d_backward_workspace_size(backward) <= 1 << 20);
        for (size_t i = 0; i < SESSIONS; i++) {
            parallel[i] = (struct shared_layer){.conv = conv, .backward = backward, .x = together_images[i]};
            serial[i] = parallel[i];
            run_layer(&serial[i]);
        }
        for (size_t i = 0; i < SESSIONS; i++)
            REQUIRE(pthread_create(&ids[i], NULL, run_layer, &parallel[i]) == 0);
        for (size_t i = 0; i < SESSIONS; i++) {
            pthread_join(ids[i], NULL);
            EXPECT(!serial[i].failed && !parallel[i].failed);
            EXPECT(memcmp(serial[i].y, parallel[i].y, sizeof serial[i].y) == 0 &&
                   memcmp(serial[i].dx, parallel[i].dx, sizeof serial[i].dx) == 0 &&
                   memcmp(serial[i].dw, parallel[i].dw, sizeof serial[i].dw) == 0);
        }
        stoa_conv2d_backward_free(backward);
        stoa_conv2d_free(conv);
    }
    return wrong;
}

void *together_run(void *argument)
{
    struct together_runner *runner = argument;
    do {
        runner->status = stoa_session_run(runner->session, NULL);
        atomic_store(&runner->running, true);
    } while (runner->status == STOA_OK && !atomic_load(&runner->stop));
    return NULL;
}

static const char *a_run_cancelled(void)
{
    struct stoa_model *model = together_model();
    const char *wrong = NULL;
    REQUIRE(model);
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
    struct together_runner runner = {0};
    pthread_t thread;
    REQUIRE(stoa_session_create(model, &(struct stoa_session_options){.threads = 2, .inputs = &spec, .input_count = 1},
                                NULL, &runner.session) == STOA_OK);
    REQUIRE(stoa_session_bind_input_at(runner.session, 0, together_images[0], NULL) == STOA_OK);
    REQUIRE(pthread_create(&thread, NULL, together_run, &runner) == 0);
    while (!atomic_load(&runner.running))
        ;
    stoa_session_cancel(runner.session);
    pthread_join(thread, NULL);
    EXPECT(runner.status == STOA_ERROR_CANCELLED);
    stoa_session_free(runner.session);
    stoa_model_free(model);
    return wrong;
}

const struct together together_rows[] = {
    {"sessions of one model", sessions_of_one_model},
    {"a layer, forward and backward", a_shared_layer},
    {"a run that another thread cancels", a_run_cancelled},
};
const size_t together_count = sizeof together_rows / sizeof *together_rows;
