/* Planning on random networks (support/sketch.h). Every layer must be the naive twin's, and sharing memory, other
 * buffers, more threads and the planner's passes must not change a bit of any output. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/random.h"
#include "base/tensor.h"
#include "run/session.h"
#include "support/net.h"
#include "support/sketch.h"

#define NETWORKS 300
#define MAX_PORTS 8

/* An output that is kept as a value too, whatever way it lies inside, is the same. */
static void check_kept(const struct stoa_session *session, const char *name, const struct stoa_tensor *output,
                       const char *text)
{
    struct stoa_tensor value;
    struct stoa_error error = {0};
    if (stoa_session_value(session, name, &error, &value) == STOA_ERROR_UNSUPPORTED)
        return;
    cr_assert(value.rank == output->rank && value.dtype == output->dtype, "%s\n%s", error.message, text);
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < stoa_tensor_elements(output); i++) {
        size_t offset = 0;
        for (size_t d = 0; d < value.rank; d++)
            offset += index[d] * value.strides[d];
        double kept = stoa_tensor_load(&value, offset), given = stoa_tensor_load(output, i);
        cr_assert(memcmp(&kept, &given, sizeof kept) == 0, "output %s: element %zu is %g, was computed as %g\n%s", name,
                  i, given, kept, text);
        for (size_t d = value.rank; d-- > 0 && ++index[d] == value.dims[d];)
            index[d] = 0;
    }
}

/* Runs twice; outputs[i] are the graph's, in buffers of our own from the start when `bind` says so. */
static void run_session(const struct net *net, struct stoa_session_options options, float *const *inputs, bool bind,
                        const char *text, struct stoa_tensor outputs[MAX_PORTS])
{
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_value_info info;
    cr_assert(stoa_session_create(net->model, &options, &error, &session) == STOA_OK, "%s\n%s", error.message, text);
    net_check_memory(session->plan, text);
    for (size_t i = 0; i < stoa_model_input_count(net->model); i++)
        cr_assert(stoa_model_input(net->model, i, &error, &info) == STOA_OK &&
                  stoa_session_bind_input(session, info.name, inputs[i], &error) == STOA_OK);
    size_t count = stoa_model_output_count(net->model);
    void *own[MAX_PORTS];
    for (size_t i = 0; i < count; i++) {
        cr_assert(stoa_model_output(net->model, i, &error, &info) == STOA_OK &&
                  stoa_session_output(session, info.name, &error, &outputs[i]) == STOA_OK);
        size_t bytes = stoa_tensor_bytes(&outputs[i]);
        own[i] = malloc(bytes + 1);
        memset(own[i], 0xff, bytes);
        if (bind)
            cr_assert(stoa_session_bind_output(session, info.name, own[i], &error) == STOA_OK);
    }
    for (int again = 0; again < 2; again++)
        cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s\n%s", error.message, text);
    for (size_t i = 0; i < count; i++) {
        cr_assert(stoa_model_output(net->model, i, &error, &info) == STOA_OK);
        if (options.keep_values)
            check_kept(session, info.name, &outputs[i], text);
        if (!bind)
            memcpy(own[i], outputs[i].data, stoa_tensor_bytes(&outputs[i]));
        outputs[i].data = own[i];
    }
    stoa_session_free(session);
}

static void check_network(const char *name, const char *text, uint64_t seed)
{
    struct net net;
    struct stoa_error error = {0};
    net_build(&net, text, NULL);
    struct stoa_verify_options verify = {.seed = seed, .session = &(struct stoa_session_options){.threads = 1}};
    cr_expect(stoa_verify(net.model, NULL, &verify, &error) == STOA_OK, "%s: %s\n%s", name, error.message, text);

    struct random random = {.state = seed};
    float *inputs[MAX_PORTS];
    for (size_t i = 0; i < stoa_model_input_count(net.model); i++) {
        struct stoa_value_info info;
        cr_assert(stoa_model_input(net.model, i, &error, &info) == STOA_OK);
        size_t count = 1;
        for (size_t d = 0; d < info.rank; d++)
            count *= (size_t)info.dims[d];
        inputs[i] = malloc(count * sizeof(float) + 1);
        stoa_random_fill(&random, count, inputs[i]);
    }
    /* Norms in the weights round otherwise, and padding is not summed; whatever else passes do changes no bit. */
    const unsigned rounding = STOA_PASS_BIT(STOA_PASS_FUSE_NORM) | STOA_PASS_BIT(STOA_PASS_FUSE_PAD);
    const struct {
        const char *name;
        bool keep, bind;
        size_t threads;
        unsigned disabled_passes;
        enum stoa_lowering lowering; /* where it can be */
    } ways[] = {{"every value kept", true, false, 1, 0},
                {"memory shared", false, false, 1, 0},
                {"own buffers", false, true, 2, 0},
                {"no norms or pads in weights", false, false, 1, rounding},
                {"no passes", false, false, 1, STOA_PASS_ALL},
                {"no passes, every value kept", true, false, 3, STOA_PASS_ALL},
                {"Winograd's transforms", true, false, 1, 0, STOA_LOWERING_WINOGRAD},
                {"those, own buffers", false, true, 1, 0, STOA_LOWERING_WINOGRAD}};
    struct stoa_tensor first[MAX_PORTS], other[MAX_PORTS];
    for (size_t w = 0; w < sizeof ways / sizeof *ways; w++) {
        bool begins = w == 0 || (ways[w].disabled_passes & rounding) != (ways[w - 1].disabled_passes & rounding) ||
                      ways[w].lowering != ways[w - 1].lowering;
        struct stoa_session_options options = {.threads = ways[w].threads,
                                               .keep_values = ways[w].keep,
                                               .disabled_passes = ways[w].disabled_passes,
                                               .lowering = ways[w].lowering};
        run_session(&net, options, inputs, ways[w].bind, text, other);
        for (size_t i = 0; i < stoa_model_output_count(net.model); i++) {
            cr_expect(begins || memcmp(first[i].data, other[i].data, stoa_tensor_bytes(&first[i])) == 0,
                      "%s: output %zu changes with %s\n%s", name, i, ways[w].name, text);
            if (w)
                free(first[i].data);
            first[i] = other[i];
        }
    }
    for (size_t i = 0; i < stoa_model_output_count(net.model); i++)
        free(first[i].data);
    for (size_t i = 0; i < stoa_model_input_count(net.model); i++)
        free(inputs[i]);
    net_free(&net);
}

Test(random_networks, however_they_are_planned_the_results_are_the_same)
{
    static struct sketch sketch;
    for (uint64_t seed = 1; seed <= NETWORKS; seed++) {
        char name[32];
        snprintf(name, sizeof name, "network %u", (unsigned)seed);
        sketch_network(&sketch, seed);
        check_network(name, sketch.text, seed);
    }
}

/* What the sketches do not reach. */
static const struct {
    const char *name, *text;
} corners[] = {
    {"no images at all",
     "input x f32[0,3,5,5]\nconst w f32[4,3,3,3]\nconst f f32[6,36]\na = Conv(x, w)\nb = Flatten(a)\n"
     "y = Gemm(b, f) transB=1\nz = GlobalAveragePool(a)\noutput y\noutput z\noutput a\n"},
    {"no images, flattened to another size",
     "input x f32[0,3,5,5]\nconst w f32[4,3,3,3]\nconst s i64{0,7}\nconst f f32[7,2]\na = Conv(x, w)\n"
     "b = Reshape(a, s)\ny = MatMul(b, f)\noutput y\n"},
    {"a renaming of a constant that has another input",
     "input r f32[]\nconst c f32[1,3,4,4]\nconst w f32[2,3,1,1]\na = Dropout(c, r)\ny = Conv(a, w)\nz = Relu(a)\n"
     "output y\noutput z\noutput a\n"},
    {"a mask that is an output", "input x f32[1,3,4,4]\nconst w f32[2,3,1,1]\na = Conv(x, w)\nb, m = Dropout(a)\n"
                                 "output m\noutput b\noutput a\n"},
    {"inputs and constants as outputs",
     "input x f32[2,3]\nconst c f32[2,3]\nk = Transpose(c)\ny = Add(x, c)\noutput x\noutput c\noutput k\n"
     "output y\n"},
    {"one value flattened twice, one of them read otherwise",
     "input x f32[2,3,6,6]\nconst w f32[8,3,3,3]\nconst f f32[128,5]\na = Conv(x, w)\nb = Flatten(a)\n"
     "c = Flatten(a)\ny = MatMul(b, f)\nz = Softmax(c)\noutput y\noutput z\n"},
    {"one flattening, two products",
     "input x f32[2,3,6,6]\nconst w f32[8,3,3,3]\nconst f f32[128,5]\nconst g f32[7,128]\na = Conv(x, w)\n"
     "b = Flatten(a)\nc = Identity(b)\ny = MatMul(c, f)\nz = Gemm(c, g) transB=1\noutput y\noutput z\n"},
    {"a product with itself and with what is computed",
     "input x f32[2,3,6,6]\nconst w f32[8,3,5,5]\na = Conv(x, w)\nb = Flatten(a)\nt = Transpose(b)\n"
     "y = MatMul(b, t)\noutput y\n"},
    {"a constant image in wide padding, where there is exactly nothing",
     "input x f32[1,64,1,1]\nconst c f32[3,64,12,12]\nconst w f32[64,64,5,5]\na = Conv(c, w) pads=[5,5,5,5]\n"
     "y = Add(x, a)\noutput y\noutput a\n"},
    {"constant images",
     "input x f32[1,4,2,2]\nconst c f32[1,3,6,6]\nconst w f32[4,3,3,3]\na = Conv(c, w)\nb = MaxPool(a) "
     "kernel_shape=[3,3]\ny = Add(x, b)\noutput y\noutput b\n"},
};

Test(random_networks, corners_too)
{
    for (size_t i = 0; i < sizeof corners / sizeof *corners; i++)
        check_network(corners[i].name, corners[i].text, 5);
}
