/* What several threads do at once, and what a fork leaves of it. A program of its own, so that it can be built with
 * ThreadSanitizer without the rest (tests/run). */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stoa/stoa.h>

#include "base/random.h"
#include "support/net.h"

enum { SESSIONS = 8, RUNS = 4, C = 3, SIZE = 24, OUT = 10, MOST_BATCH = 3, IMAGE = C * SIZE * SIZE };

static const char network[] =
    "input x f32[?,3,?,?]\nconst w f32[16,3,3,3]\nconst b f32[16]\nconst v f32[16,16,3,3]\nconst g f32[16,1,3,3]\n"
    "const f f32[10,16]\nconst z f32[10]\na = Conv(x, w, b) pads=[1,1,1,1]\nr = Relu(a)\n"
    "c = Conv(r, v) pads=[1,1,1,1]\ns = Add(c, r)\nd = Conv(s, g) pads=[1,1,1,1] group=16\nm = Sigmoid(d)\n"
    "p = GlobalAveragePool(m)\nq = Flatten(p)\ny = Gemm(q, f, z) transB=1\noutput y\n";

static float images[SESSIONS][MOST_BATCH * IMAGE];

static void fill_images(void)
{
    struct random random = {.state = 11};
    stoa_random_fill(&random, sizeof images / sizeof(float), images[0]);
}

struct visitor {
    const struct net *net;
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
    visitor->status = stoa_session_create(visitor->net->model, &options, NULL, &session);
    for (size_t i = 0; i < RUNS && visitor->status == STOA_OK; i++) {
        struct stoa_tensor y;
        spec.dims[0] = 1 + (visitor->number + i) % MOST_BATCH;
        visitor->status = stoa_session_reshape(session, &spec, 1, NULL);
        if (visitor->status == STOA_OK)
            visitor->status = stoa_session_bind_input_at(session, 0, images[visitor->number], NULL);
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

Test(threads, sessions_of_one_model_give_the_same_bits_as_one_after_the_other)
{
    static struct visitor serial[SESSIONS], parallel[SESSIONS];
    struct net net;
    fill_images();
    net_build(&net, network, NULL);
    for (size_t threads = 1; threads <= 2; threads++) {
        pthread_t ids[SESSIONS];
        for (size_t i = 0; i < SESSIONS; i++) {
            memset(&parallel[i], 0, sizeof parallel[i]);
            parallel[i].net = &net;
            parallel[i].number = i;
            parallel[i].threads = threads;
            serial[i] = parallel[i];
            serial[i].threads = 1;
            visit(&serial[i]);
            cr_assert(serial[i].status == STOA_OK);
        }
        for (size_t i = 0; i < SESSIONS; i++)
            cr_assert(pthread_create(&ids[i], NULL, visit, &parallel[i]) == 0);
        for (size_t i = 0; i < SESSIONS; i++) {
            pthread_join(ids[i], NULL);
            cr_expect(parallel[i].status == STOA_OK);
            cr_expect(memcmp(serial[i].results, parallel[i].results, sizeof serial[i].results) == 0,
                      "session %zu, %zu threads each: other bits", i, threads);
        }
    }
    net_free(&net);
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

Test(threads, a_layer_is_shared)
{
    static struct shared_layer serial[SESSIONS], parallel[SESSIONS];
    static float w[8 * C * 9];
    struct random random = {.state = 2};
    fill_images();
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
        cr_assert(stoa_conv2d_create(&desc, w, NULL, &error, &conv) == STOA_OK, "%s", error.message);
        cr_assert(stoa_conv2d_backward_create(&desc, &error, &backward) == STOA_OK, "%s", error.message);
        cr_assert(stoa_conv2d_backward_set_weights(backward, w, &error) == STOA_OK);
        cr_assert(stoa_conv2d_backward_workspace_size(backward) <= 1 << 20);
        for (size_t i = 0; i < SESSIONS; i++) {
            parallel[i] = (struct shared_layer){.conv = conv, .backward = backward, .x = images[i]};
            serial[i] = parallel[i];
            run_layer(&serial[i]);
        }
        for (size_t i = 0; i < SESSIONS; i++)
            cr_assert(pthread_create(&ids[i], NULL, run_layer, &parallel[i]) == 0);
        for (size_t i = 0; i < SESSIONS; i++) {
            pthread_join(ids[i], NULL);
            cr_expect(!serial[i].failed && !parallel[i].failed);
            cr_expect(memcmp(serial[i].y, parallel[i].y, sizeof serial[i].y) == 0 &&
                          memcmp(serial[i].dx, parallel[i].dx, sizeof serial[i].dx) == 0 &&
                          memcmp(serial[i].dw, parallel[i].dw, sizeof serial[i].dw) == 0,
                      "thread %zu, %zu threads of the layer's: other bits", i, threads);
        }
        stoa_conv2d_backward_free(backward);
        stoa_conv2d_free(conv);
    }
}

struct runner {
    struct stoa_session *session;
    atomic_bool running, stop;
    enum stoa_status status;
};

static void *run_on(void *argument)
{
    struct runner *runner = argument;
    do {
        runner->status = stoa_session_run(runner->session, NULL);
        atomic_store(&runner->running, true);
    } while (runner->status == STOA_OK && !atomic_load(&runner->stop));
    return NULL;
}

Test(threads, another_thread_cancels)
{
    struct net net;
    fill_images();
    net_build(&net, network, NULL);
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
    struct runner runner = {0};
    pthread_t thread;
    cr_assert(stoa_session_create(net.model,
                                  &(struct stoa_session_options){.threads = 2, .inputs = &spec, .input_count = 1}, NULL,
                                  &runner.session) == STOA_OK);
    cr_assert(stoa_session_bind_input_at(runner.session, 0, images[0], NULL) == STOA_OK);
    cr_assert(pthread_create(&thread, NULL, run_on, &runner) == 0);
    while (!atomic_load(&runner.running))
        ;
    stoa_session_cancel(runner.session);
    pthread_join(thread, NULL);
    cr_expect(runner.status == STOA_ERROR_CANCELLED);
    stoa_session_free(runner.session);
    net_free(&net);
}

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define SANITIZED_THREADS 1
#endif
#endif
#ifndef SANITIZED_THREADS /* which does not follow forks of programs with threads */

static int result_is(struct stoa_session *session, const float *expected)
{
    struct stoa_tensor y;
    return stoa_session_run(session, NULL) == STOA_OK && stoa_session_output_at(session, 0, NULL, &y) == STOA_OK &&
           memcmp(y.data, expected, OUT * sizeof(float)) == 0;
}

/* A child that uses the session, one made by itself of the same model, and frees both. */
static int child_lives(struct stoa_session *session, const struct net *net, const float *expected)
{
    pid_t child = fork();
    if (child == 0) {
        alarm(60); /* whoever hangs has failed */
        struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
        struct stoa_session *own;
        int fine = !session || result_is(session, expected);
        fine = fine && stoa_session_create(
                           net->model, &(struct stoa_session_options){.threads = 2, .inputs = &spec, .input_count = 1},
                           NULL, &own) == STOA_OK;
        fine = fine && stoa_session_bind_input_at(own, 0, images[0], NULL) == STOA_OK && result_is(own, expected);
        spec.dims[0] = 2;
        fine = fine && (!session || stoa_session_reshape(session, &spec, 1, NULL) == STOA_OK);
        if (fine) {
            stoa_session_free(own);
            stoa_session_free(session);
        }
        _exit(fine ? 0 : 1);
    }
    int status = -1;
    cr_assert(child > 0 && waitpid(child, &status, 0) == child);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

Test(threads, forks_before_during_and_after_use)
{
    struct net net;
    float expected[OUT];
    struct stoa_tensor y;
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, C, SIZE, SIZE}};
    struct runner runner = {0};
    fill_images();
    net_build(&net, network, NULL);
    for (size_t threads = 1; threads <= 3; threads++) {
        struct stoa_session *session;
        cr_assert(stoa_session_create(
                      net.model, &(struct stoa_session_options){.threads = threads, .inputs = &spec, .input_count = 1},
                      NULL, &session) == STOA_OK);
        cr_assert(stoa_session_bind_input_at(session, 0, images[0], NULL) == STOA_OK);
        cr_assert(stoa_session_run(session, NULL) == STOA_OK);
        cr_assert(stoa_session_output_at(session, 0, NULL, &y) == STOA_OK);
        memcpy(expected, y.data, sizeof expected);
        stoa_session_free(session);

        cr_expect(child_lives(NULL, &net, expected), "%zu threads: before", threads);
        cr_assert(stoa_session_create(
                      net.model, &(struct stoa_session_options){.threads = threads, .inputs = &spec, .input_count = 1},
                      NULL, &session) == STOA_OK);
        cr_assert(stoa_session_bind_input_at(session, 0, images[0], NULL) == STOA_OK);
        cr_expect(child_lives(session, &net, expected), "%zu threads: created", threads);
        cr_expect(result_is(session, expected) && child_lives(session, &net, expected), "%zu threads: after", threads);

        pthread_t thread;
        runner = (struct runner){.session = session};
        cr_assert(pthread_create(&thread, NULL, run_on, &runner) == 0);
        while (!atomic_load(&runner.running))
            ;
        for (int i = 0; i < 10; i++)
            cr_expect(child_lives(session, &net, expected), "%zu threads: during, %d", threads, i);
        atomic_store(&runner.stop, true);
        pthread_join(thread, NULL);
        cr_expect(runner.status == STOA_OK && result_is(session, expected), "%zu threads: the parent", threads);
        stoa_session_free(session);
    }
    net_free(&net);
}
#endif
