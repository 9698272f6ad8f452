/* Sequences in a session: other numbers of steps and sequences, results to the bit, and what memory does. */
#include <criterion/criterion.h>
#include <stoa/stoa.h>
#include <string.h>

#include "base/random.h"
#include "support/allocator.h"
#include "support/onnx_net.h"

/* x [steps, batch, 7] -> y, of every step, and z, of the last. */
static const char network[] =
    "input x f32[?,?,7]\nconst w f32[2,44,7]\nconst r f32[2,44,11]\nconst b f32[2,88]\nconst s i64{0,0,-1}\n"
    "const v f32[1,51,22]\nconst u f32[1,51,17]\nconst a f32[1,102]\nconst k f32[1,13,22]\nconst l f32[1,13,13]\n"
    "h, -, c = LSTM(x, w, r, b) direction='bidirectional' hidden_size=11 "
    "activations=['Sigmoid','Tanh','Tanh','HardSigmoid','Softsign','Tanh']\n"
    "t = Transpose(h) perm=[0,2,1,3]\nq = Reshape(t, s)\ny = GRU(q, v, u, a) linear_before_reset=1\n"
    "-, z = RNN(q, k, l) direction='reverse'\noutput y\noutput z\n";

#define MOST_STEPS 9
#define MOST_BATCH 20
static float image[MOST_STEPS * MOST_BATCH * 7];

/* Steps and sequences. */
static const size_t shapes[][2] = {{5, 3}, {9, 1}, {1, 20}, {4, 7}};
#define SHAPES (sizeof shapes / sizeof *shapes)

/* The file is the writer's, who keeps it. */
static struct stoa_model *load(struct onnx_writer *writer, struct counting_allocator *allocator)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    const struct stoa_model_options options = {.allocator = &allocator->interface};
    struct random random = {.state = 3};
    stoa_random_fill(&random, sizeof image / sizeof *image, image);
    counting_allocator_init(allocator);
    onnx_net(writer, network, 14);
    cr_assert(stoa_model_load_memory(writer->data, writer->size, &options, &error, &model) == STOA_OK, "%s",
              error.message);
    return model;
}

static struct stoa_input_spec spec_of(const size_t shape[2])
{
    return (struct stoa_input_spec){.name = "x", .rank = 3, .dims = {shape[0], shape[1], 7}};
}

static enum stoa_status create(const struct stoa_model *model, const size_t shape[2],
                               struct stoa_session_options options, struct stoa_error *error,
                               struct stoa_session **session)
{
    struct stoa_input_spec spec = spec_of(shape);
    options.inputs = &spec;
    options.input_count = 1;
    return stoa_session_create(model, &options, error, session);
}

struct results {
    float y[MOST_STEPS * MOST_BATCH * 17], z[MOST_BATCH * 13];
};

static void run(struct stoa_session *session, const size_t shape[2], struct results *results)
{
    struct stoa_error error;
    struct stoa_tensor y, z;
    memset(results, 0, sizeof *results);
    cr_assert(stoa_session_bind_input(session, "x", image, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_output(session, "y", &error, &y) == STOA_OK);
    cr_assert(stoa_session_output(session, "z", &error, &z) == STOA_OK);
    cr_assert(y.rank == 4 && y.dims[0] == shape[0] && y.dims[2] == shape[1] && z.dims[1] == shape[1]);
    memcpy(results->y, y.data, shape[0] * shape[1] * 17 * sizeof(float));
    memcpy(results->z, z.data, shape[1] * 13 * sizeof(float));
}

Test(recurrent, other_shapes_and_threads_give_the_same_bits_and_running_allocates_nothing)
{
    static struct results fresh, got;
    struct onnx_writer writer = {0};
    struct counting_allocator memory;
    struct stoa_model *model = load(&writer, &memory);
    struct stoa_session *reshaped, *session;
    struct stoa_error error = {0};
    cr_assert(create(model, shapes[0], (struct stoa_session_options){.threads = 3, .cached_plans = 4}, &error,
                     &reshaped) == STOA_OK,
              "%s", error.message);
    for (size_t i = 0; i < SHAPES; i++) {
        struct stoa_input_spec spec = spec_of(shapes[i]);
        cr_assert(create(model, shapes[i], (struct stoa_session_options){.threads = 1}, &error, &session) == STOA_OK);
        size_t calls = memory.calls;
        run(session, shapes[i], &fresh);
        cr_expect(memory.calls == calls, "shape %zu: %zu allocations", i, memory.calls - calls);
        stoa_session_free(session);
        cr_assert(stoa_session_reshape(reshaped, &spec, 1, &error) == STOA_OK, "%s", error.message);
        run(reshaped, shapes[i], &got);
        cr_expect(memcmp(&fresh, &got, sizeof got) == 0, "shape %zu differs", i);
    }
    stoa_session_free(reshaped);
    stoa_model_free(model);
    onnx_free(&writer);
    cr_expect(memory.live == 0);
}

Test(recurrent, every_failing_allocation_is_reported_and_leaks_nothing)
{
    struct onnx_writer writer = {0};
    struct counting_allocator model_memory, memory;
    struct stoa_model *model = load(&writer, &model_memory);
    enum stoa_status status = STOA_ERROR_MEMORY;
    for (size_t at = 1; status != STOA_OK; at++) {
        struct stoa_session *session;
        struct stoa_error error = {0};
        counting_allocator_init(&memory);
        memory.fail_at = at;
        status = create(model, shapes[0], (struct stoa_session_options){.threads = 2, .allocator = &memory.interface},
                        &error, &session);
        cr_expect(status == STOA_OK || status == STOA_ERROR_MEMORY, "allocation %zu: %s", at, error.message);
        stoa_session_free(session);
        cr_expect(memory.live == 0, "allocation %zu: %zu blocks leaked", at, memory.live);
    }
    stoa_model_free(model);
    onnx_free(&writer);
}

/* The least that is possible is enough; a byte less is not. */
Test(recurrent, a_bound_is_kept)
{
    struct onnx_writer writer = {0};
    struct counting_allocator memory;
    struct stoa_model *model = load(&writer, &memory);
    struct stoa_session *session;
    struct stoa_error error = {0};
    size_t enough = 1 << 20, little = 1;
    while (enough - little > 1) {
        size_t bytes = little + (enough - little) / 2;
        const struct stoa_session_options options = {.threads = 1, .max_bytes = bytes};
        enum stoa_status status = create(model, shapes[0], options, &error, &session);
        cr_assert(status == STOA_OK || status == STOA_ERROR_LIMIT, "%zu bytes: %s", bytes, error.message);
        if (status == STOA_OK) {
            struct stoa_memory_info info;
            stoa_session_memory(session, &info);
            cr_expect(info.weights + info.activations + info.outputs <= bytes);
            stoa_session_free(session);
        }
        *(status == STOA_OK ? &enough : &little) = bytes;
    }
    cr_expect(enough > 8000 && enough < 200000, "%zu bytes", enough);
    stoa_model_free(model);
    onnx_free(&writer);
}
