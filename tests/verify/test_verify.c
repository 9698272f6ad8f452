/* The check of layers: what is right passes, what is wrong is named. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/tensor.h"
#include "ops/op.h"
#include "support/allocator.h"
#include "support/net.h"

static const char network[] =
    "input x f32[2,3,9,9]\nconst w f32[16,3,3,3]\nconst v f32[8,16,3,3]\nconst f f32[5,72]\nconst half f32{0.5}\n"
    "a = Conv(x, w)\nb = Relu(a)\nc = Conv(b, v) strides=[2,2] pads=[1,1,0,0]\nk = Exp(half)\nd = Mul(c, k)\ne = "
    "Flatten(d)\n"
    "y = Gemm(e, f) transB=1\noutput y\n";

static void count_layer(void *user, const struct stoa_layer_check *check)
{
    size_t *counts = user;
    counts[0]++;
    counts[1] += check->passed != 0;
    cr_expect(check->worst_share <= 1 || !check->passed, "%s", check->node);
}

Test(verify, a_right_network_passes_layer_by_layer)
{
    struct net net;
    net_build(&net, network, NULL);
    struct stoa_error error = {0};
    for (int lowering = STOA_LOWERING_AUTO; lowering < STOA_LOWERING_COUNT; lowering++) {
        size_t counts[2] = {0};
        struct stoa_session_options session = {
            .threads = 2, .lowering = (enum stoa_lowering)lowering, .disabled_passes = STOA_PASS_ALL};
        struct stoa_verify_options options = {.session = &session, .seed = 11, .layer = count_layer, .user = counts};
        cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s", error.message);
        cr_expect(counts[0] == 7 && counts[1] == 7, "%zu of %zu layers passed", counts[1], counts[0]);
    }
    net_free(&net);
}

Test(verify, outputs_may_lie_channels_last)
{
    struct net net;
    net_build(&net, "input x f32[2,3,6,6]\nconst w f32[4,3,3,3]\ny = Conv(x, w)\noutput y\n", NULL);
    const struct stoa_output_spec last = {.name = "y", .layout = STOA_NHWC};
    struct stoa_session_options session = {.outputs = &last, .output_count = 1};
    struct stoa_verify_options options = {.session = &session};
    struct stoa_error error = {0};
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s", error.message);
    net_free(&net);
}

/* A convolution through Winograd's transforms is judged by their own bound, and by no looser one. */
static const char tiles[] =
    "input x f32[1,40,19,18]\nconst w f32[32,40,3,3]\ny = Conv(x, w) pads=[1,1,1,1]\noutput y\n";

static enum stoa_status run_bent(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    enum stoa_status status = stoa_op_find("Conv", 13, NULL)->run(call, run, error);
    float *y = call->outputs[0].data;
    y[40] += 0.1f; /* of outputs whose mean square is 360 */
    return status;
}

struct share {
    double worst; /* of the last layer */
    size_t layers;
};

static void note_share(void *user, const struct stoa_layer_check *check)
{
    struct share *share = user;
    share->worst = check->worst_share;
    share->layers++;
}

Test(verify, winograd_has_a_bound_of_its_own)
{
    struct net net;
    net_build(&net, tiles, NULL);
    struct stoa_error error = {0};
    struct share share = {0};
    struct stoa_session_options session = {.threads = 1, .lowering = STOA_LOWERING_WINOGRAD};
    struct stoa_verify_options options = {.session = &session, .seed = 3, .layer = note_share, .user = &share};
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s", error.message);
    cr_expect(share.worst > 0.002, "the bound is far above the error: %g of it", share.worst);

    session.accuracy = STOA_ACCURACY_STRICT; /* then no convolution goes that way */
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%s", error.message);
    session.accuracy = STOA_ACCURACY_FAST;

    struct op bent = *stoa_op_find("Conv", 13, NULL);
    bent.run = run_bent;
    net.model->graph.nodes[0].op = &bent;
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_ERROR_MISMATCH, "share %g", share.worst);
    net_free(&net);
}

/* Relu, but for one element that is off by a little. */
static enum stoa_status run_broken(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    enum stoa_status status = stoa_op_find("Relu", 13, NULL)->run(call, run, error);
    float *y = call->outputs[0].data;
    y[17] += 1e-3f;
    return status;
}

Test(verify, the_first_layer_that_diverges_is_named)
{
    struct net net;
    net_build(&net, network, NULL);
    struct op broken = *stoa_op_find("Relu", 13, NULL);
    broken.run = run_broken;
    for (size_t n = 0; n < net.model->graph.node_count; n++)
        if (strcmp(net.model->graph.nodes[n].type, "Relu") == 0)
            net.model->graph.nodes[n].op = &broken;
    size_t counts[2] = {0};
    struct stoa_session_options session = {.disabled_passes = STOA_PASS_ALL};
    struct stoa_verify_options options = {.session = &session, .layer = count_layer, .user = counts};
    struct stoa_error error = {0};
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_ERROR_MISMATCH);
    cr_expect(strstr(error.message, "node 'node_b' (Relu)") && strstr(error.message, "1 of 7 layers"), "%s",
              error.message);
    cr_expect(counts[0] == 7 && counts[1] == 6, "layers after it are judged on what they were given");
    net_free(&net);
}

/* Relu, but in every other session's run for one element that is off by a little, or for the sign of all zeros. */
static bool turns_zeros;

static enum stoa_status run_fickle(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    static int runs;
    enum stoa_status status = stoa_op_find("Relu", 13, NULL)->run(call, run, error);
    float *y = call->outputs[0].data;
    if (runs++ % 2 == 0)
        return status;
    if (!turns_zeros)
        y[17] += 1e-3f;
    for (size_t i = 0; turns_zeros && i < stoa_tensor_elements(&call->outputs[0]); i++)
        y[i] = y[i] == 0 ? -0.0f : y[i];
    return status;
}

Test(verify, an_output_that_differs_where_values_are_not_kept_is_named)
{
    static const char *const nets[] = {
        "input x f32[1,3,6,6]\nconst w f32[4,3,3,3]\na = Relu(x)\ny = Conv(a, w)\noutput y\n",
        "input x f32[1,3,6,6]\ny = Relu(x)\noutput y\n",
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net net;
        net_build(&net, nets[i], NULL);
        struct op fickle = *stoa_op_find("Relu", 13, NULL);
        fickle.run = run_fickle;
        turns_zeros = i == 1;
        net.model->graph.nodes[0].op = &fickle;
        struct stoa_error error = {0};
        cr_expect(stoa_verify(net.model, NULL, NULL, &error) == STOA_ERROR_MISMATCH, "%zu", i);
        cr_expect(strstr(error.message, "output 'y'") && strstr(error.message, "where every value is kept"), "%s",
                  error.message);
        net_free(&net);
    }
}

Test(verify, nothing_leaks_when_memory_runs_out)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct net net;
    net_build(&net, network, &memory.interface);
    size_t before = memory.live;
    for (size_t at = 1;; at++) {
        struct stoa_error error = {0};
        struct stoa_session_options session = {.threads = 1};
        struct stoa_verify_options options = {.session = &session};
        memory.fail_at = memory.calls + at;
        enum stoa_status status = stoa_verify(net.model, NULL, &options, &error);
        memory.fail_at = 0;
        cr_expect(memory.live == before, "allocation %zu: %zu blocks leaked", at, memory.live - before);
        if (status == STOA_OK)
            break;
        cr_expect(status == STOA_ERROR_MEMORY, "allocation %zu: %s %s", at, stoa_status_name(status), error.message);
    }
    net_free(&net);
}

/* Changes a value after it was judged, as a faulty copy into the caller's buffer would. */
static void tamper(void *user, const struct stoa_layer_check *check)
{
    if (strcmp(check->value, user) == 0)
        ((float *)check->output.data)[5] += 1;
}

Test(verify, a_copy_that_is_not_what_was_judged_is_named)
{
    struct net net;
    net_build(&net, "input x f32[1,3,6,6]\nconst w f32[4,3,3,3]\ny = Conv(x, w)\noutput y\n", NULL);
    char value[] = "y";
    struct stoa_verify_options options = {.layer = tamper, .user = value};
    struct stoa_error error = {0};
    cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_ERROR_MISMATCH);
    cr_expect(strstr(error.message, "output 'y'"), "%s", error.message);
    net_free(&net);
}

/* A convolution that forgets one part of its epilogue, or one channel's factor. */
static enum op_takes forgotten;

static enum stoa_status run_forgetful(const struct op_call *call, const struct op_run *run, struct stoa_error *error)
{
    struct op_call changed = *call;
    if (forgotten == OP_TAKES_ADDEND)
        changed.epilogue.has_addend = false;
    if (forgotten == OP_TAKES_ACTIVATION)
        changed.epilogue.activation.kind = ACTIVATION_NONE;
    return stoa_op_find("Conv", 13, NULL)->run(&changed, run, error);
}

static enum stoa_status prepare_forgetful(struct op_call *call, const struct op_prepare *prepare,
                                          struct stoa_error *error)
{
    if (forgotten == OP_TAKES_SCALE)
        ((double *)stoa_read_only(call->epilogue.scale))[2] *= 1.0001;
    return stoa_op_find("Conv", 13, NULL)->prepare(call, prepare, error);
}

Test(verify, steps_of_several_nodes_are_judged_as_one)
{
    static const char text[] =
        "input x f32[2,3,9,9]\nconst w f32[5,3,3,3]\nconst v f32[5,3,3,3]\nconst s f32+[5]\nconst b f32[5]\n"
        "const m f32[5]\nconst r f32+[5]\nc = Conv(x, v)\na = Conv(x, w)\nn = BatchNormalization(a, s, b, m, r)\n"
        "d = Add(c, n)\ne = Tanh(d)\noutput e\n";
    static const struct {
        const char *name;
        enum op_takes forgotten;
        bool right;
    } rows[] = {
        {"nothing is forgotten", 0, true},
        {"a factor is a little off", OP_TAKES_SCALE, false},
        {"the addend is not added", OP_TAKES_ADDEND, false},
        {"the activation is not applied", OP_TAKES_ACTIVATION, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net net;
        net_build(&net, text, NULL);
        struct op broken = *stoa_op_find("Conv", 13, NULL);
        broken.run = run_forgetful;
        broken.prepare = prepare_forgetful;
        forgotten = rows[i].forgotten;
        for (size_t n = 0; n < net.model->graph.node_count; n++)
            if (strcmp(net.model->graph.nodes[n].name, "node_a") == 0)
                net.model->graph.nodes[n].op = &broken;
        struct stoa_error error = {0};
        size_t counts[2] = {0};
        struct stoa_verify_options options = {.seed = 3, .layer = count_layer, .user = counts};
        enum stoa_status status = stoa_verify(net.model, NULL, &options, &error);
        cr_expect(status == (rows[i].right ? STOA_OK : STOA_ERROR_MISMATCH), "%s: %s %s", rows[i].name,
                  stoa_status_name(status), error.message);
        cr_expect(counts[0] == 2, "%s: %zu layers", rows[i].name, counts[0]);
        if (!rows[i].right)
            cr_expect(strstr(error.message, "node 'node_a' (Conv+BatchNormalization+Add+Tanh)"), "%s: %s", rows[i].name,
                      error.message);
        net_free(&net);
    }
}

/* A shift far larger than what it shifts, in the bias from which a sum starts: each addition rounds at its size. The
 * bound counts them, and not those of the other groups. */
Test(verify, a_shift_in_the_bias_has_its_roundings)
{
    static const char *const nets[] = {
        "input x f32[1,32,21,21]\nconst w f32[32,1,5,5]\na = Conv(x, w) group=32 pads=[2,2,2,2]\n",
        "input x f32[1,32,21,21]\nconst w f32[32,1,5,5]\na = ConvTranspose(x, w) group=32 pads=[2,2,2,2]\n",
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net net;
        char text[400];
        snprintf(text, sizeof text, "%sconst s f32{0.01}\nconst t f32{1000}\nb = Mul(a, s)\ny = Add(b, t)\noutput y\n",
                 nets[i]);
        net_build(&net, text, NULL);
        struct stoa_error error = {0};
        struct share share = {0};
        struct stoa_verify_options options = {.seed = 5, .layer = note_share, .user = &share};
        cr_expect(stoa_verify(net.model, NULL, &options, &error) == STOA_OK, "%zu: %s", i, error.message);
        cr_expect(share.layers == 1 && share.worst > 0.05, "%zu: %g of the bound, %zu layers", i, share.worst,
                  share.layers);
        net_free(&net);
    }
}
