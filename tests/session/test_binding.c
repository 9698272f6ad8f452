/* Buffers by name and number and in either layout; progress and cancelling; members kept for later. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include <stoa/session.h>

#include "base/random.h"
#include "support/net.h"

enum { N = 2, C = 3, H = 9, W = 7, OC = 5 };

static const char *const networks[] = {
    "input x f32[2,3,9,7]\nconst w f32[5,3,3,3]\nc = Conv(x, w) pads=[1,1,1,1]\ny = Relu(c)\noutput y\n",
    /* Operators that want plain images, that take any, and views. */
    ("input x f32[2,3,9,7]\nconst w f32[5,3,3,3]\nc = Conv(x, w) pads=[1,1,1,1]\nt = Transpose(c) perm=[0,1,3,2]\n"
     "y = Transpose(t) perm=[0,1,3,2]\noutput y\n"),
    "input x f32[2,3,9,7]\nconst k f32[5,3,1,1]\na = Exp(x)\nb = Softmax(a) axis=3\ny = Conv(b, k)\noutput y\n",
    "input x f32[2,3,9,7]\nconst k f32[2,3,1,1]\na = Sigmoid(x)\nb = Conv(a, k)\ny = Concat(x, b) axis=1\noutput y\n",
};

static void to_nhwc(size_t channels, const float *from, float *to)
{
    for (size_t n = 0; n < N; n++)
        for (size_t c = 0; c < channels; c++)
            for (size_t p = 0; p < H * W; p++)
                to[(n * H * W + p) * channels + c] = from[(n * channels + c) * H * W + p];
}

static size_t layout_steps(const struct stoa_session *session)
{
    size_t count = 0;
    for (size_t i = 0; i < stoa_session_step_count(session); i++) {
        struct stoa_step_info info;
        cr_assert(stoa_session_step(session, i, NULL, &info) == STOA_OK);
        count += strcmp(info.type, "Layout") == 0;
    }
    return count;
}

Test(binding, images_in_either_layout)
{
    static float x[N * C * H * W], x_last[N * C * H * W];
    static float expected[N * OC * H * W], last[N * OC * H * W], y[N * OC * H * W];
    struct random random = {.state = 1};
    stoa_random_fill(&random, sizeof x / sizeof *x, x);
    to_nhwc(C, x, x_last);
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++)
        for (int given = 0; given < 4; given++) {
            struct net net;
            net_build(&net, networks[i], NULL);
            const int in = given & 1, out = given >> 1;
            struct stoa_input_spec input = {.name = "x", .layout = in ? STOA_NHWC : STOA_NCHW};
            struct stoa_output_spec output = {.name = "y", .layout = out ? STOA_NHWC : STOA_NCHW};
            struct stoa_session_options options = {
                .threads = 1, .inputs = &input, .input_count = 1, .outputs = &output, .output_count = 1};
            struct stoa_error error;
            struct stoa_session *session;
            struct stoa_tensor tensor;
            cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%s", error.message);
            cr_assert(stoa_session_input_at(session, 0, &error, &tensor) == STOA_OK);
            cr_expect(tensor.dims[1] == C && tensor.strides[1] == (in ? 1 : H * W) && !tensor.data);
            cr_assert(stoa_session_output_at(session, 0, &error, &tensor) == STOA_OK);
            cr_expect(tensor.dims[1] == OC && tensor.strides[1] == (out ? 1 : H * W) && tensor.data);
            cr_assert(stoa_session_bind_input(session, "x", in ? x_last : x, &error) == STOA_OK);
            cr_assert(stoa_session_bind_output(session, "y", given ? y : expected, &error) == STOA_OK);
            cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
            if (given == 0)
                to_nhwc(OC, expected, last);
            else
                cr_expect(memcmp(y, out ? last : expected, sizeof y) == 0, "network %zu, layouts %d", i, given);
            if (i == 0)
                cr_expect(layout_steps(session) == (size_t)(!in + !out), "%zu conversions with layouts %d",
                          layout_steps(session), given);
            stoa_session_free(session);
            net_free(&net);
        }
}

Test(binding, layouts_are_for_images)
{
    struct net net;
    net_build(&net, "input x f32[4,5]\ny = Relu(x)\noutput y\n", NULL);
    struct stoa_error error = {0};
    struct stoa_session *session;
    struct stoa_input_spec input = {.name = "x", .layout = STOA_NHWC};
    struct stoa_output_spec output = {.name = "y", .layout = STOA_NHWC};
    struct stoa_session_options options = {.inputs = &input, .input_count = 1};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_SHAPE && !session);
    options = (struct stoa_session_options){.outputs = &output, .output_count = 1};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_SHAPE &&
                  strstr(error.message, "output 'y'"),
              "%s", error.message);
    output.name = "z";
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "'z'"));
    output = (struct stoa_output_spec){.name = "y", .layout = (enum stoa_layout)2};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT);
    options = (struct stoa_session_options){.output_count = 1};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT);
    net_free(&net);
}

Test(binding, by_number)
{
    struct net net;
    net_build(&net, "input a f32[2]\ninput b f32[2]\ns = Sub(a, b)\nt = Add(a, b)\noutput t\noutput s\n", NULL);
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_tensor tensor;
    size_t index = 9;
    cr_expect(stoa_model_find_input(net.model, "b", &error, &index) == STOA_OK && index == 1);
    cr_expect(stoa_model_find_output(net.model, "s", &error, &index) == STOA_OK && index == 1);
    cr_expect(stoa_model_find_output(net.model, "b", &error, &index) == STOA_ERROR_ARGUMENT && index == 1);
    cr_expect(stoa_model_find_input(net.model, NULL, &error, &index) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_model_find_input(NULL, "b", &error, &index) == STOA_ERROR_ARGUMENT);
    cr_assert(stoa_session_create(net.model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    float a[2] = {5, 7}, b[2] = {1, 2}, t[2];
    cr_assert(stoa_session_bind_input_at(session, 0, a, &error) == STOA_OK);
    cr_assert(stoa_session_bind_input_at(session, 1, b, &error) == STOA_OK);
    cr_assert(stoa_session_bind_output_at(session, 0, t, &error) == STOA_OK);
    cr_assert(stoa_session_run(session, &error) == STOA_OK);
    cr_assert(stoa_session_output_at(session, 1, &error, &tensor) == STOA_OK);
    cr_expect(t[1] == 9 && ((float *)tensor.data)[1] == 5);
    cr_expect(stoa_session_bind_input_at(session, 2, a, &error) == STOA_ERROR_ARGUMENT &&
              strstr(error.message, "input 2 does not exist: the model has 2"));
    cr_expect(stoa_session_bind_output_at(session, 0, NULL, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_output_at(session, 2, &error, &tensor) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_input_at(NULL, 0, &error, &tensor) == STOA_ERROR_ARGUMENT);
    stoa_session_free(session);
    net_free(&net);
}

/* Ends the run when `left` more steps are done; 0: never. */
struct watch {
    size_t left, calls, last, steps;
    struct stoa_session *session; /* cancelled instead of refused, if there is one */
};

static int watch(void *user, size_t done, size_t steps)
{
    struct watch *seen = user;
    seen->calls++;
    cr_expect(done == seen->last + 1 && done < steps);
    seen->last = done;
    seen->steps = steps;
    if (seen->left == 0 || --seen->left > 0)
        return 0;
    if (!seen->session)
        return 1;
    stoa_session_cancel(seen->session);
    return 0;
}

Test(binding, runs_report_progress_and_end_when_cancelled)
{
    struct net net;
    net_build(&net, "input x f32[4]\na = Exp(x)\nb = Softmax(a)\nc = Sqrt(b)\ny = Softmax(c)\noutput y\n", NULL);
    struct watch seen = {0};
    struct stoa_session_options options = {.threads = 1, .progress = watch, .user = &seen};
    struct stoa_session *session;
    struct stoa_error error = {0};
    cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%s", error.message);
    size_t steps = stoa_session_step_count(session);
    cr_assert(steps >= 3);
    float x[4] = {1, 2, 3, 4}, first[4], again[4];
    cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK);
    cr_assert(stoa_session_bind_output(session, "y", first, &error) == STOA_OK);
    cr_expect(stoa_session_run(session, &error) == STOA_OK);
    cr_expect(seen.calls == steps - 1 && seen.steps == steps, "%zu of %zu", seen.calls, steps);

    for (int by_callback = 0; by_callback < 2; by_callback++) {
        seen = (struct watch){.left = 2, .session = by_callback ? NULL : session};
        cr_expect(stoa_session_run(session, &error) == STOA_ERROR_CANCELLED && seen.calls == 2);
        cr_expect(strstr(error.message, "cancelled after 2 of "), "%s", error.message);
    }
    /* Before a run: that one. */
    seen = (struct watch){0};
    stoa_session_cancel(session);
    stoa_session_cancel(session);
    cr_expect(stoa_session_run(session, &error) == STOA_ERROR_CANCELLED && seen.calls == 0);
    cr_assert(stoa_session_bind_output(session, "y", again, &error) == STOA_OK);
    cr_expect(stoa_session_run(session, &error) == STOA_OK);
    cr_expect(memcmp(first, again, sizeof first) == 0);
    stoa_session_cancel(NULL);
    stoa_session_free(session);
    net_free(&net);
}

struct endless {
    struct stoa_session *session;
    atomic_bool ran;
    enum stoa_status status;
};

static void *run_until_cancelled(void *argument)
{
    struct endless *endless = argument;
    while (endless->status == STOA_OK) {
        endless->status = stoa_session_run(endless->session, NULL);
        atomic_store(&endless->ran, true);
    }
    return NULL;
}

Test(binding, another_thread_cancels)
{
    struct net net;
    net_build(&net, networks[0], NULL);
    static float x[N * C * H * W];
    struct endless endless = {0};
    pthread_t thread;
    cr_assert(stoa_session_create(net.model, NULL, NULL, &endless.session) == STOA_OK);
    cr_assert(stoa_session_bind_input(endless.session, "x", x, NULL) == STOA_OK);
    cr_assert(pthread_create(&thread, NULL, run_until_cancelled, &endless) == 0);
    while (!atomic_load(&endless.ran))
        ;
    stoa_session_cancel(endless.session);
    pthread_join(thread, NULL);
    cr_expect(endless.status == STOA_ERROR_CANCELLED);
    stoa_session_free(endless.session);
    net_free(&net);
}

/* What a later version may add must not go unnoticed by this one. */
Test(binding, reserved_members_must_be_zero)
{
    struct net net;
    net_build(&net, networks[0], NULL);
    struct stoa_error error = {0};
    struct stoa_session *session;
    struct stoa_session_options options = {.threads = 1};
    options.reserved[sizeof options.reserved / sizeof *options.reserved - 1] = 1;
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT && !session);
    cr_expect(strstr(error.message, "options.reserved[15] is 0x1"), "%s", error.message);
    struct stoa_input_spec spec = {.name = "x", .reserved = {7}};
    options = (struct stoa_session_options){.inputs = &spec, .input_count = 1};
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "input spec.reserved[0]"), "%s", error.message);
    net_free(&net);
}
