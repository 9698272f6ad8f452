/* Sessions: binding, running, threads, memory. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/memory.h"
#include "base/random.h"
#include "support/allocator.h"
#include "support/host_pool.h"
#include "support/net.h"

/* Convolutions of several kinds, branches, a flattened image in front of a product, two outputs. */
static const char network[] =
    "input x f32[?,3,17,13]\nconst w f32[16,3,3,3]\nconst b f32[16]\nconst v f32[24,16,1,1]\nconst u f32[20,8,3,3]\n"
    "const f f32[10,400]\nconst g f32[10]\n"
    "a = Conv(x, w, b) pads=[1,0,2,1] strides=[2,1]\nr = Relu(a)\nc = Conv(r, v)\n"
    "p = MaxPool(c) kernel_shape=[3,3] strides=[2,2]\nd = AveragePool(r) kernel_shape=[3,3] strides=[2,2]\n"
    "e = Concat(p, d) axis=1\nh = Conv(e, u) group=5 pads=[1,1,1,1]\ni = Flatten(h)\ny = Gemm(i, f, g) transB=1\n"
    "s = Softmax(y)\nq = Sigmoid(e)\noutput s\noutput q\n";
#define IMAGE (3 * 17 * 13)
#define MAP (40 * 4 * 5)

struct results {
    float s[8 * 10], q[8 * MAP];
};

static struct stoa_session *open_session(const struct net *net, struct stoa_session_options options, size_t batch)
{
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {batch, 3, 17, 13}};
    options.inputs = &spec;
    options.input_count = 1;
    cr_assert(stoa_session_create(net->model, &options, &error, &session) == STOA_OK, "%s", error.message);
    return session;
}

static void run_on(struct stoa_session *session, const float *image, struct results *results)
{
    struct stoa_error error = {0};
    cr_assert(stoa_session_bind_input(session, "x", image, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_output(session, "s", results->s, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_output(session, "q", results->q, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
}

Test(session, any_number_of_threads_gives_the_same_bits)
{
    struct net net;
    net_build(&net, network, NULL);
    float images[8 * IMAGE];
    struct random random = {.state = 3};
    stoa_random_fill(&random, 8 * IMAGE, images);
    for (int lowering = STOA_LOWERING_AUTO; lowering < STOA_LOWERING_COUNT; lowering++)
        for (size_t batch = 1; batch <= 8; batch += 7) {
            static struct results one, many;
            memset(&one, 0, sizeof one);
            for (size_t threads = 1; threads <= 4; threads++) {
                memset(&many, 0, sizeof many);
                struct stoa_session *session = open_session(
                    &net, (struct stoa_session_options){.threads = threads, .lowering = (enum stoa_lowering)lowering},
                    batch);
                run_on(session, images, threads == 1 ? &one : &many);
                stoa_session_free(session);
                if (threads > 1)
                    cr_expect(memcmp(&one, &many, sizeof one) == 0, "batch %zu, %s: 1 and %zu threads differ", batch,
                              stoa_lowering_name((enum stoa_lowering)lowering), threads);
            }
        }
    net_free(&net);
}

Test(session, the_hosts_pool_gives_the_same_bits)
{
    struct net net;
    net_build(&net, network, NULL);
    float image[IMAGE];
    struct random random = {.state = 3};
    stoa_random_fill(&random, IMAGE, image);
    const struct stoa_pool pools[] = {host_pool_serial(1), host_pool_serial(3), host_pool_threads(2)};
    static struct results one, many;
    for (size_t i = 0; i <= sizeof pools / sizeof *pools; i++) {
        struct stoa_session_options options = {.threads = i ? 1000000 : 1, .pool = i ? &pools[i - 1] : NULL};
        struct stoa_session *session = open_session(&net, options, 1);
        run_on(session, image, i ? &many : &one);
        stoa_session_free(session);
        if (i)
            cr_expect(memcmp(&one, &many, sizeof one) == 0, "pool %zu: results differ", i - 1);
    }
    struct stoa_error error = {0};
    struct stoa_session *session;
    cr_expect(stoa_session_create(net.model, &(struct stoa_session_options){.pool = &(struct stoa_pool){.workers = 1}},
                                  &error, &session) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "pool.parallel_for is null"), "%s", error.message);
    net_free(&net);
}

/* A stem of large columns: the textbook way wants the whole matrix, others do with little. */
static const char wide[] = "input x f32[1,8,96,96]\nconst w f32[64,8,5,5]\nconst v f32[8,64,3,3]\n"
                           "a = Conv(x, w) pads=[2,2,2,2]\ny = Conv(a, v) pads=[1,1,1,1]\noutput y\n";

static size_t planned(const struct stoa_session *session)
{
    struct stoa_memory_info info;
    stoa_session_memory(session, &info);
    return info.weights + info.activations + info.outputs;
}

Test(session, memory_stays_within_max_bytes)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct net net;
    net_build(&net, wide, NULL);
    struct stoa_error error = {0};
    struct stoa_session_options options = {.threads = 2, .max_bytes = 1, .allocator = &memory.interface};
    struct stoa_session *session;
    cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_LIMIT && !session);
    const char *words = "max_bytes is 1, at least ", *least_text = strstr(error.message, words);
    cr_assert(least_text, "%s", error.message);
    cr_expect(memory.live == 0, "%zu blocks leaked", memory.live);
    size_t least = strtoul(least_text + strlen(words), NULL, 10), free_choice = 0;

    /* What is said to be the least is, to the byte; and more is never refused. */
    const size_t limits[] = {least, least + 1, least + (1 << 20), 0};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        options.max_bytes = limits[i];
        cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%zu: %s", limits[i],
                  error.message);
        free_choice = planned(session);
        cr_expect(!limits[i] || free_choice <= limits[i], "%zu bytes of %zu", free_choice, limits[i]);
        stoa_session_free(session);
    }
    cr_expect(least <= free_choice);
    options.max_bytes = least - 1;
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_LIMIT);

    /* A model refused for other reasons is refused for them. */
    struct stoa_input_spec spec = {.name = "z", .rank = 1};
    options.inputs = &spec;
    options.input_count = 1;
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT);
    cr_expect(memory.live == 0, "%zu blocks leaked", memory.live);
    net_free(&net);
}

Test(session, running_allocates_nothing_and_repeats_itself)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct net net;
    net_build(&net, network, NULL);
    struct stoa_session *session =
        open_session(&net, (struct stoa_session_options){.threads = 2, .allocator = &memory.interface}, 2);
    static float images[2 * IMAGE];
    static struct results first, again;
    struct random random = {.state = 3};
    stoa_random_fill(&random, 2 * IMAGE, images);
    run_on(session, images, &first);
    size_t calls = memory.calls;
    for (int i = 0; i < 3; i++)
        run_on(session, images, &again);
    cr_expect(memory.calls == calls, "%zu allocations while running", memory.calls - calls);
    cr_expect(memcmp(&first, &again, sizeof first) == 0);
    struct stoa_memory_info info;
    stoa_session_memory(session, &info);
    cr_expect(info.weights + info.activations + info.outputs <= memory.live_bytes);
    cr_expect(info.outputs == 0 && info.weights > 0 && info.activations > 0);
    stoa_session_free(session);
    cr_expect(memory.live == 0);
    net_free(&net);
}

struct visitor {
    const struct net *net;
    const float *image;
    const struct results *expected;
    int differs;
};

static void *visit(void *argument)
{
    struct visitor *visitor = argument;
    struct stoa_session *session = open_session(visitor->net, (struct stoa_session_options){.threads = 2}, 1);
    struct results *results = calloc(1, sizeof *results);
    for (int i = 0; i < 20; i++) {
        memset(results, 0, sizeof *results);
        run_on(session, visitor->image, results);
        visitor->differs |= memcmp(results, visitor->expected, sizeof *results) != 0;
    }
    free(results);
    stoa_session_free(session);
    return NULL;
}

Test(session, sessions_of_one_model_run_at_once)
{
    enum { THREADS = 6 };
    struct net net;
    net_build(&net, network, NULL);
    static float images[IMAGE];
    static struct results expected;
    struct random random = {.state = 5};
    stoa_random_fill(&random, IMAGE, images);
    struct stoa_session *session = open_session(&net, (struct stoa_session_options){.threads = 1}, 1);
    run_on(session, images, &expected);
    stoa_session_free(session);

    struct visitor visitors[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        visitors[i] = (struct visitor){.net = &net, .image = images, .expected = &expected};
        cr_assert(pthread_create(&threads[i], NULL, visit, &visitors[i]) == 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        cr_expect(!visitors[i].differs, "thread %d saw other results", i);
    }
    net_free(&net);
}

Test(session, every_failing_allocation_is_reported_and_leaks_nothing)
{
    struct net net;
    net_build(&net, network, NULL);
    for (int after = 0; after < 2; after++)
        for (size_t at = 1;; at++) {
            struct counting_allocator memory;
            counting_allocator_init(&memory);
            memory.fail_at = at;
            memory.fail_after = after;
            struct stoa_session *session;
            struct stoa_error error = {0};
            struct stoa_session_options options = {
                .threads = after ? 1 : 3, .profile = !after, .allocator = &memory.interface};
            struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, 3, 17, 13}};
            options.inputs = &spec;
            options.input_count = 1;
            enum stoa_status status = stoa_session_create(net.model, &options, &error, &session);
            if (status == STOA_OK) {
                stoa_session_free(session);
                cr_expect(memory.live == 0 && at > 20, "%zu allocations", at);
                break;
            }
            cr_expect(status == STOA_ERROR_MEMORY && !session && error.message[0], "allocation %zu: %s", at,
                      stoa_status_name(status));
            cr_expect(memory.live == 0, "allocation %zu: %zu blocks leaked", at, memory.live);
        }
    net_free(&net);
}

Test(session, outputs_may_be_inputs_constants_and_each_others_sources)
{
    struct net net;
    net_build(
        &net,
        "input x f32[1,2,2,2]\nconst c f32{1,2}\nconst w f32[2,2,1,1]\na = Identity(x)\nk = Identity(c)\nb = Relu(x)\n"
        "d = Exp(b)\nt = Transpose(x) perm=[0,2,3,1]\nv = Conv(x, w)\noutput a\noutput k\noutput b\noutput d\noutput "
        "t\n"
        "output v\n",
        NULL);
    struct stoa_session *session;
    struct stoa_error error = {0};
    cr_assert(stoa_session_create(net.model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    const float x[8] = {1, -2, 3, -4, 5, -6, 7, -8};
    cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    struct stoa_tensor a, k, b, t;
    cr_assert(stoa_session_output(session, "a", &error, &a) == STOA_OK &&
              stoa_session_output(session, "k", &error, &k) == STOA_OK);
    cr_assert(stoa_session_output(session, "b", &error, &b) == STOA_OK &&
              stoa_session_output(session, "t", &error, &t) == STOA_OK);
    cr_expect(memcmp(a.data, x, sizeof x) == 0);
    cr_expect(((float *)k.data)[1] == 2);
    cr_expect(((float *)b.data)[1] == 0 && ((float *)b.data)[6] == 7);
    cr_expect(((float *)t.data)[1] == 5 && ((float *)t.data)[2] == -2, "channels-last is written out as such");
    stoa_session_free(session);
    net_free(&net);
}

Test(session, misuse_is_refused_with_the_name)
{
    struct net net;
    net_build(&net, network, NULL);
    struct stoa_session *session = open_session(&net, (struct stoa_session_options){.threads = 1}, 1);
    struct stoa_error error = {0};
    struct stoa_tensor tensor;
    struct stoa_step_info step;
    float buffer[1];
    cr_expect(stoa_session_run(session, &error) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "input 'x' is not bound"));
    cr_expect(stoa_session_bind_input(session, "z", buffer, &error) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "'z'"));
    cr_expect(stoa_session_bind_input(session, NULL, buffer, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_bind_input(session, "x", NULL, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_bind_output(session, "x", buffer, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_value(session, "r", &error, &tensor) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "keep_values"));
    cr_expect(stoa_session_step(session, 1000, &error, &step) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_bind_input(session, "x", (char *)buffer + 2, &error) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "input 'x': data are not aligned as float"));
    cr_expect(stoa_session_bind_output(session, "q", (char *)buffer + 1, &error) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "output 'q'"));
    cr_expect(stoa_session_step(session, 0, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_worker(session, 0, 0, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_rewrite(session, 0, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_input(session, "x", &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_output(session, "s", &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_value(session, "s", &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_input(net.model, 0, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_output(NULL, 0, &error, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_find_input(net.model, "x", &error, NULL) == STOA_ERROR_ARGUMENT &&
              strcmp(error.message, "index is null") == 0);
    stoa_session_free(session);

    struct stoa_input_spec wrong = {.name = "x", .rank = 4, .dims = {1, 4, 17, 13}};
    struct stoa_session_options options = {.inputs = &wrong, .input_count = 1};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_SHAPE && !session);
    cr_expect(strstr(error.message, "dimension 1 is given as 4"), "%s", error.message);
    wrong = (struct stoa_input_spec){.name = "nobody", .rank = 1, .dims = {1}};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT);
    struct stoa_input_spec twice[2] = {{.name = "x", .rank = 4, .dims = {1, 3, 17, 13}}};
    twice[1] = twice[0];
    options = (struct stoa_session_options){.inputs = twice, .input_count = 2};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "'x' is given twice"));
    const struct stoa_output_spec both[2] = {{.name = "q", .layout = STOA_NHWC}, {.name = "q"}};
    options = (struct stoa_session_options){.outputs = both, .output_count = 2};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "'q' is given twice"));
    cr_expect(stoa_session_step(NULL, 0, &error, &step) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_value(NULL, "x", &error, &tensor) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_create(NULL, NULL, &error, &session) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_create(net.model, NULL, &error, NULL) == STOA_ERROR_ARGUMENT);
    stoa_session_free(NULL);
    net_free(&net);
}

Test(session, an_input_may_be_fixed_when_shapes_depend_on_it)
{
    struct net net;
    net_build(&net, "input x f32[6]\ninput s i64[2]\ny = Reshape(x, s)\noutput y\n", NULL);
    struct stoa_error error = {0};
    struct stoa_session *session;
    const int64_t shape[2] = {3, -1};
    struct stoa_input_spec spec = {.name = "s", .rank = 1, .dims = {2}, .data = shape};
    struct stoa_session_options options = {.threads = 1, .inputs = &spec, .input_count = 1};
    cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%s", error.message);
    const float x[6] = {1, 2, 3, 4, 5, 6};
    cr_expect(stoa_session_bind_input(session, "s", shape, &error) == STOA_ERROR_ARGUMENT);
    cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK);
    cr_assert(stoa_session_run(session, &error) == STOA_OK);
    struct stoa_tensor y;
    cr_assert(stoa_session_output(session, "y", &error, &y) == STOA_OK);
    cr_expect(y.rank == 2 && y.dims[0] == 3 && y.dims[1] == 2 && memcmp(y.data, x, sizeof x) == 0);
    stoa_session_free(session);
    net_free(&net);
}

Test(session, steps_can_be_profiled_and_values_read)
{
    struct net net;
    net_build(&net, network, NULL);
    struct stoa_session *session =
        open_session(&net, (struct stoa_session_options){.threads = 1, .profile = 1, .keep_values = 1}, 1);
    static float images[IMAGE];
    static struct results results;
    run_on(session, images, &results);
    size_t steps = stoa_session_step_count(session);
    double seconds = 0, macs = 0, ended = 0;
    struct stoa_error error = {0};
    for (size_t i = 0; i < steps; i++) {
        struct stoa_step_info step;
        cr_assert(stoa_session_step(session, i, &error, &step) == STOA_OK);
        cr_expect(step.node && step.type && step.output->rank > 0);
        seconds += step.seconds;
        macs += step.macs;
        cr_expect(step.begin >= ended && (i > 0 || step.begin == 0), "step %zu begins at %g, the last ended at %g", i,
                  step.begin, ended);
        ended = step.begin + step.seconds - 1e-9;
        struct stoa_worker_info worker;
        cr_assert(stoa_session_worker(session, i, 0, &error, &worker) == STOA_OK);
        cr_expect(worker.busy <= worker.seconds && worker.seconds <= step.seconds && worker.begin <= ended + 1e-9);
    }
    cr_expect(seconds > 0);
    struct stoa_worker_info worker;
    cr_expect(stoa_session_worker_count(session) == 1);
    cr_expect(stoa_session_worker(session, steps, 0, &error, &worker) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_worker(session, 0, 1, &error, &worker) == STOA_ERROR_ARGUMENT);
    cr_expect(macs >= 16.0 * 9 * 12 * 27 + 24.0 * 9 * 12 * 16 + 20.0 * 20 * 72 + 4000, "%g multiply-adds", macs);
    struct stoa_tensor value;
    cr_assert(stoa_session_value(session, "r", &error, &value) == STOA_OK, "%s", error.message);
    cr_expect(value.dims[1] == 16 && value.strides[1] == 1, "inside, channels lie innermost");
    cr_expect(stoa_session_value(session, "i", &error, &value) == STOA_ERROR_UNSUPPORTED);
    stoa_session_free(session);
    net_free(&net);
}

static void count_line(void *user, const char *line)
{
    cr_expect(strstr(line, "BLAS") && !strchr(line, '\n'), "%s", line);
    ++*(int *)user;
}

Test(session, slow_settings_of_the_process_are_logged_and_left_alone)
{
    struct net net;
    net_build(&net, "input x f32[1,2,2,2]\ny = Relu(x)\noutput y\n", NULL);
    int lines = 0;
    net.model->log = (struct stoa_log){.write = count_line, .user = &lines};
    struct stoa_blas_info before, after;
    stoa_blas_set_threads(2);
    stoa_blas_describe(&before);
    struct stoa_session *session;
    struct stoa_error error = {0};
    cr_assert(stoa_session_create(net.model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    stoa_session_free(session);
    stoa_blas_describe(&after);
    cr_expect(lines == (before.threads > 1) + (before.better_core != NULL), "%d lines", lines);
    cr_expect(after.threads == before.threads);
    stoa_blas_set_threads(1);
    net_free(&net);
}
