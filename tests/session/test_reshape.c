/* Sessions of other shapes: the plans kept, their memory, bindings; and that what is planned is what is taken. */
#include <criterion/criterion.h>
#include <string.h>

#include <stoa/session.h>

#include "base/random.h"
#include "support/allocator.h"
#include "support/net.h"

/* Of any batch and size, down to 8 x 8. A grouped convolution, a residual sum, a concatenation, a classifier. */
static const char network[] =
    "input x f32[?,3,?,?]\nconst w f32[16,3,3,3]\nconst b f32[16]\nconst v f32[16,16,3,3]\nconst g f32[16,4,3,3]\n"
    "const f f32[10,32]\nconst z f32[10]\na = Conv(x, w, b) pads=[1,1,1,1] strides=[2,2]\nr = Relu(a)\n"
    "c = Conv(r, v) pads=[1,1,1,1]\ns = Add(c, r)\nd = Conv(s, g) pads=[1,1,1,1] group=4\n"
    "e = Concat(s, d) axis=1\np = GlobalAveragePool(e)\nq = Flatten(p)\ny = Gemm(q, f, z) transB=1\n"
    "output y\noutput e\n";

#define MOST (4 * 3 * 40 * 40)
static float image[MOST];

/* Batch, height, width. */
static const size_t shapes[][3] = {{1, 16, 16}, {3, 16, 16}, {1, 33, 21}, {2, 9, 40},
                                   {1, 16, 16}, {4, 40, 40}, {1, 8, 8}};
#define SHAPES (sizeof shapes / sizeof *shapes)

static struct stoa_input_spec spec_of(const size_t shape[3])
{
    return (struct stoa_input_spec){.name = "x", .rank = 4, .dims = {shape[0], 3, shape[1], shape[2]}};
}

struct results {
    float y[4 * 10], e[4 * 32 * 20 * 20];
};

static void fill_image(void)
{
    struct random random = {.state = 5};
    stoa_random_fill(&random, MOST, image);
}

static struct stoa_session *open_at(const struct net *net, struct stoa_session_options options, const size_t shape[3])
{
    struct stoa_input_spec spec = spec_of(shape);
    struct stoa_session *session;
    struct stoa_error error;
    options.inputs = &spec;
    options.input_count = 1;
    cr_assert(stoa_session_create(net->model, &options, &error, &session) == STOA_OK, "%s", error.message);
    return session;
}

static void run(struct stoa_session *session, struct results *results)
{
    struct stoa_error error;
    struct stoa_tensor y, e;
    memset(results, 0, sizeof *results);
    cr_assert(stoa_session_bind_input(session, "x", image, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_output(session, "y", &error, &y) == STOA_OK);
    cr_assert(stoa_session_output(session, "e", &error, &e) == STOA_OK);
    memcpy(results->y, y.data, y.dims[0] * 10 * sizeof(float));
    memcpy(results->e, e.data, e.dims[0] * e.strides[0] * sizeof(float));
}

static size_t sum(const struct stoa_session *session)
{
    struct stoa_memory_info info;
    stoa_session_memory(session, &info);
    return info.weights + info.activations + info.outputs;
}

Test(reshape, results_are_those_of_a_fresh_session)
{
    static struct results reshaped, fresh;
    struct net net;
    fill_image();
    net_build(&net, network, NULL);
    const struct stoa_session_options rows[] = {{.threads = 1},
                                                {.threads = 2, .cached_plans = 6},
                                                {.threads = 1, .no_cached_plans = 1},
                                                {.threads = 1, .profile = 1, .keep_values = 1, .cached_plans = 1}};
    for (size_t r = 0; r < sizeof rows / sizeof *rows; r++) {
        struct stoa_session *session = open_at(&net, rows[r], shapes[0]);
        for (size_t i = 0; i < 2 * SHAPES; i++) {
            struct stoa_input_spec spec = spec_of(shapes[i % SHAPES]);
            struct stoa_error error;
            cr_assert(stoa_session_reshape(session, &spec, 1, &error) == STOA_OK, "%zu: %s", i, error.message);
            size_t most = rows[r].no_cached_plans ? 1 : rows[r].cached_plans ? 1 + rows[r].cached_plans : 3;
            cr_expect(stoa_session_plan_count(session) <= most, "row %zu: %zu plans", r,
                      stoa_session_plan_count(session));
            run(session, &reshaped);
            struct stoa_session *other = open_at(&net, rows[r], shapes[i % SHAPES]);
            run(other, &fresh);
            stoa_session_free(other);
            cr_expect(memcmp(&reshaped, &fresh, sizeof fresh) == 0, "row %zu, reshape %zu differs", r, i);
        }
        stoa_session_free(session);
    }
    net_free(&net);
}

Test(reshape, what_is_planned_is_what_is_taken)
{
    static struct results results;
    struct counting_allocator memory;
    struct net net;
    struct stoa_memory_info info;
    fill_image();
    net_build(&net, network, NULL);
    for (int profile = 0; profile < 2; profile++) {
        counting_allocator_init(&memory);
        struct stoa_session *session = open_at(
            &net, (struct stoa_session_options){.threads = 2, .profile = profile, .allocator = &memory.interface},
            shapes[0]);
        cr_expect(sum(session) == memory.live_bytes, "%zu planned, %zu taken", sum(session), memory.live_bytes);
        for (size_t i = 0; i < 2 * SHAPES; i++) {
            struct stoa_input_spec spec = spec_of(shapes[i % SHAPES]);
            cr_assert(stoa_session_reshape(session, &spec, 1, NULL) == STOA_OK);
            cr_expect(sum(session) == memory.live_bytes, "%zu: %zu planned, %zu taken", i, sum(session),
                      memory.live_bytes);
            size_t calls = memory.calls;
            run(session, &results);
            cr_expect(memory.calls == calls, "%zu: a run allocates", i);
            stoa_session_memory(session, &info);
            cr_expect(info.peak == memory.peak_bytes, "%zu: peak %zu, %zu taken", i, info.peak, memory.peak_bytes);
        }
        stoa_session_trim(session);
        stoa_session_memory(session, &info);
        cr_expect(info.activations == 0 && stoa_session_plan_count(session) == 1);
        cr_expect(sum(session) == memory.live_bytes, "trimmed: %zu planned, %zu taken", sum(session),
                  memory.live_bytes);
        run(session, &results);
        cr_expect(sum(session) == memory.live_bytes);
        stoa_session_free(session);
        cr_expect(memory.live == 0);
    }
    net_free(&net);
}

/* Where memory is limited, block and outputs make room while a plan is made; else they stay as large as they were. */
Test(reshape, the_block_stays_as_large_as_the_largest_needs)
{
    static const size_t large[3] = {4, 40, 40}, small[3] = {1, 8, 8};
    const struct stoa_input_spec to_small = spec_of(small), to_large = spec_of(large);
    static struct results results;
    struct net net;
    fill_image();
    net_build(&net, network, NULL);
    for (int limited = 0; limited < 2; limited++) {
        const struct stoa_session_options options = {.threads = 1, .max_bytes = limited ? (size_t)1 << 30 : 0};
        struct stoa_memory_info least, most, info;
        struct stoa_session *session = open_at(&net, options, small);
        stoa_session_memory(session, &least);
        stoa_session_free(session);
        session = open_at(&net, options, large);
        stoa_session_memory(session, &most);
        cr_assert(least.activations < most.activations && least.outputs < most.outputs);

        const struct stoa_memory_info *made = limited ? &least : &most;
        cr_assert(stoa_session_reshape(session, &to_small, 1, NULL) == STOA_OK);
        stoa_session_memory(session, &info);
        cr_expect(info.activations == made->activations && info.outputs == made->outputs, "%d: made, %zu and %zu",
                  limited, info.activations, info.outputs);
        cr_assert(stoa_session_reshape(session, &to_large, 1, NULL) == STOA_OK);
        stoa_session_memory(session, &info);
        cr_expect(info.activations == most.activations && info.outputs == most.outputs, "%d: %zu and %zu", limited,
                  info.activations, info.outputs);
        cr_assert(stoa_session_reshape(session, &to_small, 1, NULL) == STOA_OK);
        stoa_session_memory(session, &info);
        cr_expect(info.activations == most.activations && info.outputs == most.outputs, "%d: kept, %zu and %zu",
                  limited, info.activations, info.outputs);
        run(session, &results);
        stoa_session_free(session);
    }
    net_free(&net);
}

Test(reshape, plans_share_their_weights)
{
    struct net net;
    struct stoa_memory_info one, three;
    net_build(&net,
              "input x f32[?,64,?,?]\nconst w f32[128,64,3,3]\nconst f f32[10,128]\nc = Conv(x, w)\n"
              "p = GlobalAveragePool(c)\nq = Flatten(p)\ny = Gemm(q, f) transB=1\noutput y\n",
              NULL);
    struct stoa_session_options options = {.threads = 1, .lowering = STOA_LOWERING_VIEW, .cached_plans = 4};
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, 64, 8, 8}};
    struct stoa_session *session;
    options.inputs = &spec;
    options.input_count = 1;
    cr_assert(stoa_session_create(net.model, &options, NULL, &session) == STOA_OK);
    stoa_session_memory(session, &one);
    for (spec.dims[2] = 10; spec.dims[2] < 14; spec.dims[2] += 2)
        cr_assert(stoa_session_reshape(session, &spec, 1, NULL) == STOA_OK);
    stoa_session_memory(session, &three);
    cr_expect(stoa_session_plan_count(session) == 3);
    size_t packed = 128 * 64 * 9 * sizeof(float);
    cr_expect(one.weights > packed && three.weights < one.weights + packed / 2 + 3 * 100000, "%zu, then %zu",
              one.weights, three.weights);
    stoa_session_free(session);
    net_free(&net);
}

Test(reshape, bindings_stay_where_dims_stay)
{
    struct net net;
    net_build(&net, "input x f32[?,4]\ninput k f32[4]\ny = Mul(x, k)\nz = Exp(k)\noutput y\noutput z\n", NULL);
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_tensor tensor;
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8}, k[4] = {1, 2, 3, 4}, y[8] = {0}, z[4] = {0};
    cr_assert(stoa_session_create(net.model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_input_at(session, 0, x, &error) == STOA_OK);
    cr_assert(stoa_session_bind_input_at(session, 1, k, &error) == STOA_OK);
    cr_assert(stoa_session_bind_output_at(session, 0, y, &error) == STOA_OK);
    cr_assert(stoa_session_bind_output_at(session, 1, z, &error) == STOA_OK);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    cr_expect(y[3] == 16 && y[4] == 0 && z[0] > 2.7f);

    struct stoa_input_spec spec = {.name = "x", .rank = 2, .dims = {2, 4}};
    cr_assert(stoa_session_reshape(session, &spec, 1, &error) == STOA_OK, "%s", error.message);
    cr_expect(stoa_session_run(session, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(strstr(error.message, "input 'x' is not bound"), "%s", error.message);
    z[0] = 0;
    cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_output_at(session, 0, &error, &tensor) == STOA_OK);
    cr_expect(tensor.data != y && ((float *)tensor.data)[7] == 32 && y[4] == 0, "the smaller buffer is not written");
    cr_expect(z[0] > 2.7f, "the other output is still the caller's");

    /* A failure leaves all as it was. */
    spec.dims[1] = 5;
    cr_expect(stoa_session_reshape(session, &spec, 1, &error) == STOA_ERROR_SHAPE);
    spec.name = "nobody";
    cr_expect(stoa_session_reshape(session, &spec, 1, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_reshape(session, NULL, 1, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_reshape(NULL, NULL, 0, &error) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_session_run(session, &error) == STOA_OK);
    stoa_session_free(session);
    net_free(&net);
}

Test(reshape, data_that_shapes_depend_on_are_compared)
{
    struct net net;
    net_build(&net, "input x f32[6]\ninput s i64[2]\ny = Reshape(x, s)\noutput y\n", NULL);
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_tensor y;
    int64_t shape[2] = {3, -1};
    const float x[6] = {1, 2, 3, 4, 5, 6};
    struct stoa_input_spec spec = {.name = "s", .rank = 1, .dims = {2}, .data = shape};
    struct stoa_session_options options = {.threads = 1, .inputs = &spec, .input_count = 1};
    cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%s", error.message);
    for (size_t i = 0; i < 4; i++) {
        shape[0] = i % 2 ? 3 : 2;
        cr_assert(stoa_session_reshape(session, &spec, 1, &error) == STOA_OK, "%s", error.message);
        cr_expect(stoa_session_plan_count(session) == 2);
        cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK);
        cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_output(session, "y", &error, &y) == STOA_OK);
        cr_expect(y.dims[0] == (size_t)shape[0] && memcmp(y.data, x, sizeof x) == 0);
    }
    stoa_session_free(session);
    net_free(&net);
}

Test(reshape, memory_stays_within_max_bytes)
{
    static struct results results;
    struct counting_allocator memory;
    struct net net;
    struct stoa_error error;
    fill_image();
    net_build(&net, network, NULL);
    counting_allocator_init(&memory);
    struct stoa_session_options options = {.threads = 2, .allocator = &memory.interface, .cached_plans = 8};
    struct stoa_session *session = open_at(&net, options, (const size_t[]){4, 40, 40});
    size_t largest = sum(session);
    stoa_session_free(session);
    options.max_bytes = largest + largest / 2;
    session = open_at(&net, options, shapes[0]);
    size_t most_plans = 0;
    memory.peak_bytes = memory.live_bytes;
    for (size_t i = 0; i < 3 * SHAPES; i++) {
        struct stoa_input_spec spec = spec_of(shapes[i % SHAPES]);
        cr_assert(stoa_session_reshape(session, &spec, 1, &error) == STOA_OK, "%zu: %s", i, error.message);
        run(session, &results);
        cr_expect(sum(session) == memory.live_bytes && memory.peak_bytes <= options.max_bytes, "%zu: %zu of %zu bytes",
                  i, memory.peak_bytes, options.max_bytes);
        if (stoa_session_plan_count(session) > most_plans)
            most_plans = stoa_session_plan_count(session);
    }
    cr_expect(most_plans > 1, "plans are kept as far as they fit");
    struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {1, 3, 999, 999}};
    cr_expect(stoa_session_reshape(session, &spec, 1, &error) == STOA_ERROR_LIMIT &&
              strstr(error.message, "max_bytes is"));
    run(session, &results);
    stoa_session_free(session);
    cr_expect(memory.live == 0);
    net_free(&net);
}

/* What a session of two shapes holds when the first comes again, whose block and outputs are larger. */
static size_t hold_again(const struct net *net, size_t max_bytes, bool bind, size_t *plans)
{
    static const size_t large[3] = {1, 40, 40}, small[3] = {4, 8, 8};
    const struct stoa_input_spec to_small = spec_of(small), to_large = spec_of(large);
    static struct results bound;
    struct stoa_error error;
    struct stoa_session *session =
        open_at(net, (struct stoa_session_options){.threads = 1, .max_bytes = max_bytes}, large);
    cr_assert(stoa_session_reshape(session, &to_small, 1, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_plan_count(session) == 2);
    if (bind)
        cr_assert(stoa_session_bind_output(session, "y", bound.y, &error) == STOA_OK &&
                  stoa_session_bind_output(session, "e", bound.e, &error) == STOA_OK);
    cr_assert(stoa_session_reshape(session, &to_large, 1, &error) == STOA_OK, "%s", error.message);
    size_t bytes = sum(session);
    *plans = stoa_session_plan_count(session);
    stoa_session_free(session);
    return bytes;
}

Test(reshape, a_kept_plan_goes_only_where_its_room_is_needed)
{
    struct net net;
    net_build(&net, network, NULL);
    for (int bind = 0; bind < 2; bind++) {
        size_t plans, whole = hold_again(&net, (size_t)1 << 30, bind, &plans);
        cr_expect(plans == 2);
        cr_expect(hold_again(&net, whole, bind, &plans) == whole && plans == 2, "%d: they fit", bind);
        cr_expect(hold_again(&net, whole - 1, bind, &plans) < whole && plans == 1, "%d: a byte is missing", bind);
    }
    net_free(&net);
}

/* More than max_bytes only where nothing is left that could go: the plan before and the one made. */
Test(reshape, kept_plans_go_before_a_peak_exceeds_max_bytes)
{
    struct counting_allocator memory;
    struct net net;
    net_build(&net, network, NULL);
    counting_allocator_init(&memory);
    struct stoa_session_options options = {.threads = 1, .allocator = &memory.interface, .cached_plans = 8};
    struct stoa_session *session = open_at(&net, options, shapes[0]);
    const size_t one = sum(session);
    size_t tight = 0;
    stoa_session_free(session);
    for (size_t extra = 0; extra < 2 * one; extra += one / 32) {
        options.max_bytes = one + extra;
        session = open_at(&net, options, shapes[0]);
        for (size_t batch = 2; batch < 9; batch++) {
            struct stoa_error error;
            const struct stoa_input_spec spec = spec_of((const size_t[]){batch, 16, 16});
            memory.peak_bytes = memory.live_bytes;
            if (stoa_session_reshape(session, &spec, 1, &error) != STOA_OK)
                continue;
            tight += stoa_session_plan_count(session) > 2;
            cr_expect(memory.peak_bytes <= options.max_bytes || stoa_session_plan_count(session) <= 2,
                      "batch %zu, %zu plans: %zu of %zu bytes", batch, stoa_session_plan_count(session),
                      memory.peak_bytes, options.max_bytes);
        }
        stoa_session_free(session);
    }
    cr_expect(tight > 10, "%zu", tight);
    net_free(&net);
}

Test(reshape, every_failing_allocation_is_reported_and_leaks_nothing)
{
    static struct results before, after;
    struct net net;
    fill_image();
    net_build(&net, network, NULL);
    for (int limited = 0; limited < 2; limited++)
        for (size_t at = 1;; at++) {
            struct counting_allocator memory;
            counting_allocator_init(&memory);
            struct stoa_error error = {0};
            struct stoa_session *session =
                open_at(&net,
                        (struct stoa_session_options){.threads = 1,
                                                      .profile = 1,
                                                      .allocator = &memory.interface,
                                                      .max_bytes = limited ? (size_t)1 << 30 : 0},
                        shapes[0]);
            run(session, &before);
            memory.fail_at = memory.calls + at;
            struct stoa_input_spec spec = spec_of(shapes[3]);
            enum stoa_status status = stoa_session_reshape(session, &spec, 1, &error);
            memory.fail_at = 0;
            cr_expect(status == STOA_OK || (status == STOA_ERROR_MEMORY && error.message[0]), "allocation %zu: %s", at,
                      stoa_status_name(status));
            if (status != STOA_OK) {
                cr_expect(stoa_session_plan_count(session) == 1, "allocation %zu: the plan stayed", at);
                cr_expect(stoa_session_run(session, &error) == STOA_OK, "allocation %zu: %s", at, error.message);
                run(session, &after);
                cr_expect(memcmp(&before, &after, sizeof after) == 0, "allocation %zu: not as it was", at);
            }
            stoa_session_free(session);
            cr_expect(memory.live == 0, "allocation %zu: %zu blocks leaked", at, memory.live);
            if (status == STOA_OK) {
                cr_expect(at > 20);
                break;
            }
        }
    net_free(&net);
}
