/* What is written where it belongs, read where it lies, and overwritten: steps, and that nothing lies in the way. */
#include <criterion/criterion.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/memory.h"
#include "gemm/gemm.h"
#include "plan/plan.h"
#include "support/net.h"

#define FIRE "input x f32[2,3,8,8]\nconst w f32[4,3,1,1]\nconst v f32[6,3,3,3]\n"

static const struct {
    const char *name;
    enum stoa_pass pass;
    size_t rewrites; /* with that pass alone */
    size_t saved;    /* steps fewer than without, conversions aside */
    const char *text;
} rows[] = {
    {"two convolutions", STOA_PASS_CONCAT_IN_PLACE, 2, 1,
     FIRE "a = Conv(x, w)\nb = Conv(x, v) pads=[1,1,1,1]\ny = Concat(a, b) axis=1\noutput y\n"},
    {"a pool and an elementwise operator too", STOA_PASS_CONCAT_IN_PLACE, 3, 1,
     FIRE "a = Conv(x, w)\nb = MaxPool(x) kernel_shape=[3,3] pads=[1,1,1,1]\nc = Relu(a)\nd = Conv(x, w)\n"
          "y = Concat(d, b, c) axis=-3\nz = Conv(y, u)\nconst u f32[2,11,1,1]\noutput z\n"},
    {"a list of features that grows: only the last is there", STOA_PASS_CONCAT_IN_PLACE, 6, 3,
     "input x f32[1,8,6,6]\nconst w f32[8,8,1,1]\nconst u f32[3,16,3,3]\nconst t f32[5,19,1,1]\n"
     "a = Conv(x, w)\nb = Conv(a, w)\nc = Concat(a, b) axis=1\nd = Conv(c, u) pads=[1,1,1,1]\n"
     "e = Concat(a, b, d) axis=1\nf = Conv(e, t)\ng = Concat(a, b, d, f) axis=1\ny = Relu(g)\noutput y\n"},
    {"one within another", STOA_PASS_CONCAT_IN_PLACE, 4, 2,
     FIRE "a = Conv(x, w)\nb = Conv(x, w)\nc = Concat(a, b) axis=1\nd = Conv(x, w)\ne = Concat(d, c) axis=1\n"
          "y = Tanh(e)\noutput y\n"},
    {"the same input twice: once in place", STOA_PASS_CONCAT_IN_PLACE, 1, 0,
     FIRE "a = Conv(x, w)\nc = Concat(a, a) axis=1\ny = Relu(c)\noutput y\n"},
    {"the input, a constant and a view are copied", STOA_PASS_CONCAT_IN_PLACE, 1, 0,
     FIRE
     "const k f32[2,3,8,8]\na = Conv(x, w)\nb = Identity(x)\nc = Concat(k, a, x, b) axis=1\ny = Relu(c)\noutput y\n"},
    {"an output is written apart as well", STOA_PASS_CONCAT_IN_PLACE, 2, 1,
     FIRE "a = Conv(x, w)\nb = Conv(x, w)\ny = Concat(a, b) axis=1\noutput y\noutput a\n"},
    {"one channel each, which lies the same both ways", STOA_PASS_CONCAT_IN_PLACE, 2, 1,
     "input x f32[1,1,4,4]\nconst w f32[1,1,3,3]\na = Conv(x, w)\nb = Conv(x, w)\ny = Concat(a, b) axis=1\noutput a\n"
     "output y\n"},
    {"two lists want the same value: the later one has it", STOA_PASS_CONCAT_IN_PLACE, 3, 1,
     FIRE "a = Conv(x, w)\nb = Conv(x, w)\nc = Concat(a, b) axis=1\nd = Conv(x, w)\ne = Concat(d, a) axis=1\n"
          "f = Relu(c)\ny = Relu(e)\noutput y\noutput f\n"},
    /* It lies as a tensor of its own would, but what overwrites it has no room for the whole. */
    {"one pixel, whose first channels are read last", STOA_PASS_CONCAT_IN_PLACE, 2, 1,
     "input x f32[1,3,1,1]\nconst w f32[4,3,1,1]\na = Conv(x, w)\nb = Conv(x, w)\nc = Concat(a, b) axis=1\n"
     "y = Exp(c)\nz = Tanh(a)\noutput y\noutput z\n"},
    {"not along another axis", STOA_PASS_CONCAT_IN_PLACE, 0, 0,
     FIRE "a = Conv(x, w)\nb = Conv(x, w)\ny = Concat(a, b) axis=2\noutput y\n"},
    {"not what does not lie channels-last", STOA_PASS_CONCAT_IN_PLACE, 0, 0,
     "input x f32[2,3,8,8]\na = Exp(x)\nb = Tanh(x)\ny = Concat(a, b) axis=1\noutput y\n"},
    {"not in a dead branch", STOA_PASS_CONCAT_IN_PLACE, 0, 0,
     FIRE "a = Conv(x, w)\nb = Conv(x, w)\ny = Concat(a, b) axis=1\nz = Add(a, b)\noutput z\n"},

    {"halves of channels are read where they lie", STOA_PASS_SPLIT_IN_PLACE, 1, 1,
     FIRE "const u f32[3,2,3,3]\na = Conv(x, w)\nb, c = Split(a) axis=1\nd = Conv(b, u)\ne = MaxPool(c) "
          "kernel_shape=[2,2]\nf = Relu(b)\noutput d\noutput e\noutput f\n"},
    {"a slice of channels", STOA_PASS_SPLIT_IN_PLACE, 1, 1,
     FIRE "const from i64{1}\nconst to i64{3}\nconst at i64{1}\na = Conv(x, w)\nb = Slice(a, from, to, at)\n"
          "const u f32[3,2,3,3]\ny = Conv(b, u)\noutput y\n"},
    {"halves that are joined again, turned round", STOA_PASS_SPLIT_IN_PLACE, 1, 1,
     FIRE "a = Conv(x, w)\nb, c = Split(a) axis=1\nd = Concat(c, b) axis=1\ny = Relu(d)\noutput y\n"},
    {"not every other channel", STOA_PASS_SPLIT_IN_PLACE, 0, 0,
     FIRE "const from i64{0}\nconst to i64{4}\nconst at i64{1}\nconst by i64{2}\na = Conv(x, w)\n"
          "b = Slice(a, from, to, at, by)\ny = Relu(b)\noutput y\n"},
    {"not rows", STOA_PASS_SPLIT_IN_PLACE, 0, 0,
     FIRE "a = Conv(x, w)\nb, c = Split(a) axis=2\nd = Relu(b)\ne = Relu(c)\noutput d\noutput e\n"},
    {"not an image that lies plain", STOA_PASS_SPLIT_IN_PLACE, 0, 0,
     "input x f32[2,4,8,8]\nb, c = Split(x) axis=1\nd = Relu(b)\ne = Relu(c)\noutput d\noutput e\n"},

    {"a function of what nobody else reads", STOA_PASS_OVERWRITE, 1, 0,
     FIRE "a = Conv(x, w)\nb = Relu(a)\nconst u f32[2,4,1,1]\ny = Conv(b, u)\noutput y\n"},
    {"a chain of them, into the output", STOA_PASS_OVERWRITE, 2, 0,
     "input x f32[2,3]\na = Exp(x)\nb = Tanh(a)\ny = Relu(b)\noutput y\n"},
    {"a sum that broadcasts the other side", STOA_PASS_OVERWRITE, 1, 0,
     FIRE "a = Conv(x, w)\nb = GlobalAveragePool(a)\nc = Mul(b, a)\nconst u f32[2,4,1,1]\ny = Conv(c, u)\noutput y\n"},
    {"twice the same", STOA_PASS_OVERWRITE, 1, 0, "input x f32[2,3]\na = Exp(x)\ny = Mul(a, a)\noutput y\n"},
    {"not what is read later", STOA_PASS_OVERWRITE, 0, 0,
     "input x f32[2,3]\na = Exp(x)\nb = Tanh(a)\ny = MatMul(a, t)\nt = Transpose(b)\noutput y\n"},
    {"not an input, a constant, an output", STOA_PASS_OVERWRITE, 0, 0,
     "input x f32[2,3]\nconst k f32[2,3]\na = Add(x, k)\nb = Exp(a)\noutput a\noutput b\n"},
    {"not what lies otherwise", STOA_PASS_OVERWRITE, 0, 0,
     "input x f32[3,3]\na = Exp(x)\nt = Transpose(a)\ny = Add(t, k)\nconst k f32[3,3]\noutput y\n"},
    {"not both ways at once", STOA_PASS_OVERWRITE, 0, 0,
     "input x f32[3,3]\na = Exp(x)\nt = Transpose(a)\ny = Add(a, t)\noutput y\n"},
    {"not the third of a sum", STOA_PASS_OVERWRITE, 0, 0, "input x f32[3,3]\na = Exp(x)\ny = Sum(x, x, a)\noutput y\n"},
};
#define ROWS (sizeof rows / sizeof *rows)

static size_t work(const struct plan *plan)
{
    size_t steps = 0;
    for (size_t s = 0; s < plan->step_count; s++)
        steps += strcmp(plan->steps[s].type, "Layout") != 0;
    return steps;
}

Test(places, each_pass_takes_what_is_meant_and_nothing_else)
{
    for (size_t i = 0; i < ROWS; i++) {
        struct net net;
        net_build(&net, rows[i].text, NULL);
        struct plan *off = net_plan(&net, STOA_PASS_ALL, rows[i].name);
        struct plan *on = net_plan(&net, STOA_PASS_ALL & ~STOA_PASS_BIT(rows[i].pass), rows[i].name);
        cr_expect(on->rewrite_count == rows[i].rewrites, "%s: %zu rewrites", rows[i].name, on->rewrite_count);
        cr_expect(work(on) + rows[i].saved == work(off), "%s: %zu steps, %zu without the pass", rows[i].name, work(on),
                  work(off));
        cr_expect(on->memory_bytes <= off->memory_bytes + 64 || rows[i].pass != STOA_PASS_OVERWRITE,
                  "%s: %zu bytes, %zu without the pass", rows[i].name, on->memory_bytes, off->memory_bytes);
        struct plan *all = net_plan(&net, 0, rows[i].name);
        net_check_memory(all, rows[i].name);
        stoa_plan_free(off);
        stoa_plan_free(on);
        stoa_plan_free(all);
        net_free(&net);
    }
}

static void run_with(const struct net *net, const struct stoa_session_options *options, const char *name,
                     float *results)
{
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_value_info info;
    cr_assert(stoa_session_create(net->model, options, &error, &session) == STOA_OK, "%s: %s", name, error.message);
    float x[2 * 16 * 8 * 8];
    for (size_t i = 0; i < sizeof x / sizeof *x; i++)
        x[i] = (float)((int)(i * 7 % 23) - 11) / 4;
    cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK, "%s", error.message);
    for (int again = 0; again < 2; again++)
        cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s: %s", name, error.message);
    for (size_t i = 0; i < stoa_model_output_count(net->model); i++) {
        struct stoa_tensor output;
        cr_assert(stoa_model_output(net->model, i, &error, &info) == STOA_OK &&
                  stoa_session_output(session, info.name, &error, &output) == STOA_OK);
        size_t elements = 1;
        for (size_t d = 0; d < output.rank; d++)
            elements *= output.dims[d];
        memcpy(results, output.data, elements * sizeof(float));
        results += elements;
    }
    stoa_session_free(session);
}

static void run(const struct net *net, unsigned disabled, size_t threads, const char *name, float *results)
{
    run_with(net, &(struct stoa_session_options){.threads = threads, .disabled_passes = disabled}, name, results);
}

/* Not a bit changes: with the pass, with all that leave the bits alone, and with more threads. */
Test(places, results_stay_the_same_to_the_bit)
{
    const unsigned rounding = STOA_PASS_BIT(STOA_PASS_FUSE_NORM) | STOA_PASS_BIT(STOA_PASS_FUSE_PAD);
    static float without[1 << 14], with[1 << 14];
    for (size_t i = 0; i < ROWS; i++) {
        struct net net;
        net_build(&net, rows[i].text, NULL);
        run(&net, STOA_PASS_ALL, 1, rows[i].name, without);
        const unsigned alone = STOA_PASS_ALL & ~STOA_PASS_BIT(rows[i].pass);
        for (size_t threads = 1; threads <= 3; threads++) {
            run(&net, threads == 1 ? alone : rounding, threads, rows[i].name, with);
            cr_expect(memcmp(without, with, sizeof with) == 0, "%s: %zu threads", rows[i].name, threads);
        }
        struct stoa_verify_options verify = {.session = &(struct stoa_session_options){.threads = 1}};
        struct stoa_error error = {0};
        cr_expect(stoa_verify(net.model, NULL, &verify, &error) == STOA_OK, "%s: %s", rows[i].name, error.message);
        net_free(&net);
    }
}

#define RESIDUAL "input x f32[2,16,8,8]\nconst w f32[16,16,3,3]\nconst v f32[16,16,1,1]\n"

/* What a pass makes of a net whose convolutions are forced to go one way. */
struct forced {
    const char *name;
    enum stoa_lowering lowering;
    size_t rewrites;
    const char *text;
};

/* Residual branches: with everything else left out, what adds in place. Views do where our own kernel multiplies. */
static const struct forced residuals[] = {
    {"by views", STOA_LOWERING_VIEW, 2,
     RESIDUAL "a = Conv(x, v)\nb = Conv(x, v)\nc = Add(a, b)\nd = Conv(c, v)\nf = Conv(d, v)\n"
              "e = Add(f, c)\ny = Conv(e, v)\noutput y\n"},
    {"not by columns", STOA_LOWERING_IM2COL, 0,
     RESIDUAL "a = Conv(x, v)\nb = Conv(x, w) pads=[1,1,1,1]\nc = Add(a, b)\ny = Conv(c, v)\noutput y\n"},
    {"not views of several taps", STOA_LOWERING_VIEW, 0,
     RESIDUAL "a = Conv(x, v)\nb = Conv(x, w) pads=[1,1,1,1]\nc = Add(a, b)\ny = Conv(c, v)\noutput y\n"},
    {"by Winograd's transforms", STOA_LOWERING_WINOGRAD, 1,
     RESIDUAL "a = Conv(x, v)\nb = Conv(x, w) pads=[1,1,1,1]\nc = Add(a, b)\ny = Conv(c, v)\noutput y\n"},
    {"not where its vectors overlap", STOA_LOWERING_WINOGRAD, 0,
     "input x f32[1,8,8,8]\nconst w f32[20,8,3,3]\nconst v f32[20,8,1,1]\nconst u f32[4,20,1,1]\n"
     "a = Conv(x, v)\nb = Conv(x, w) pads=[1,1,1,1]\nc = Add(a, b)\ny = Conv(c, u)\noutput y\n"},
    {"not where a kernel begins from the bias", STOA_LOWERING_DIRECT, 0,
     RESIDUAL "a = Conv(x, v)\nb = Conv(x, v)\nc = Add(a, b)\ny = Conv(c, v)\noutput y\n"},
    {"not over its own input", STOA_LOWERING_VIEW, 0,
     RESIDUAL "a = Conv(x, v)\nb = Conv(a, v)\nc = Add(a, b)\ny = Conv(c, v)\noutput y\n"},
    {"not what is read later", STOA_LOWERING_VIEW, 0,
     RESIDUAL "a = Conv(x, v)\nb = Conv(x, w) pads=[1,1,1,1]\nc = Add(a, b)\nd = Conv(c, v)\ny = Conv(a, v)\n"
              "output d\noutput y\n"},
    {"not over the graph's input", STOA_LOWERING_VIEW, 0,
     RESIDUAL "a = Conv(x, v)\nc = Add(a, x)\ny = Conv(c, v)\noutput y\n"},
};

#define POOLED "input x f32[2,16,8,8]\nconst w f32[16,16,3,3]\nconst v f32[20,16,3,3]\nconst b f32[16]\n"
#define HALVES " kernel_shape=[2,2] strides=[2,2]"

/* Pools behind convolutions, with everything else left out but activations. */
static const struct forced pools[] = {
    {"by Winograd's transforms", STOA_LOWERING_WINOGRAD, 1,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\ny = MaxPool(a)" HALVES "\noutput y\n"},
    {"not by another way", STOA_LOWERING_IM2COL, 0,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\ny = MaxPool(a)" HALVES "\noutput y\n"},
    {"one behind another, of odd images, behind functions", STOA_LOWERING_WINOGRAD, 2,
     POOLED "a = Conv(x, v) pads=[0,1,0,0]\nc = Relu(a)\nd = MaxPool(c)" HALVES "\nconst u f32[17,20,3,3]\n"
            "e = Conv(d, u) pads=[1,1,1,1]\nf = Clip(e, p, q)\nconst p f32(-0.5)\nconst q f32(1)\n"
            "y = MaxPool(f)" HALVES " auto_pad='VALID'\noutput y\n"},
    {"among what is joined, and read again later", STOA_LOWERING_WINOGRAD, 2,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\nc = Conv(x, v) pads=[1,1,1,1]\nd = MaxPool(a)" HALVES "\n"
            "e = MaxPool(c)" HALVES "\nf = Concat(d, e) axis=1\nconst u f32[4,36,1,1]\ng = Conv(f, u)\n"
            "h = Sigmoid(d)\noutput g\noutput h\n"},
    {"one pool, not the next one", STOA_LOWERING_WINOGRAD, 1,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\nc = MaxPool(a)" HALVES "\ny = MaxPool(c)" HALVES "\noutput y\n"},
    {"among what is joined, of which another part is written between", STOA_LOWERING_WINOGRAD, 1,
     POOLED "const u f32[16,20,3,3]\nz = Conv(x, v) pads=[1,1,1,1]\na = Conv(z, u) pads=[1,1,1,1]\n"
            "c = Conv(x, w) pads=[1,1,1,1] strides=[2,2]\nd = MaxPool(a)" HALVES "\ny = Concat(c, d) axis=1\n"
            "const t f32[4,32,1,1]\ne = Conv(y, t)\noutput e\n"},
    {"not another function in between", STOA_LOWERING_WINOGRAD, 0,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\nc = LeakyRelu(a)\ny = MaxPool(c)" HALVES "\noutput y\n"},
    {"nor HardSwish, which Winograd's tiles leave to a pass behind", STOA_LOWERING_WINOGRAD, 0,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\nc = HardSwish@14(a)\ny = MaxPool(c)" HALVES "\noutput y\n"},
    {"not of a few channels, nor of one row", STOA_LOWERING_WINOGRAD, 0,
     POOLED "const u f32[15,16,3,3]\na = Conv(x, u) pads=[1,1,1,1]\ny = MaxPool(a)" HALVES "\n"
            "const t f32[16,16,1,3]\nc = Conv(x, t) pads=[0,1,0,1]\nz = MaxPool(c)" HALVES "\noutput y\noutput z\n"},
    {"not what is read twice, or is an output", STOA_LOWERING_WINOGRAD, 0,
     POOLED "a = Conv(x, w, b) pads=[1,1,1,1]\ny = MaxPool(a)" HALVES "\nz = Relu(a)\n"
            "c = Conv(x, v) pads=[1,1,1,1]\ne = MaxPool(c)" HALVES "\noutput y\noutput z\noutput c\noutput e\n"},
    {"not other windows", STOA_LOWERING_WINOGRAD, 0,
     POOLED
     "a = Conv(x, w) pads=[1,1,1,1]\nc = MaxPool(a) kernel_shape=[2,2]\n"
     "d = Conv(x, w) pads=[1,1,1,1]\ne = MaxPool(d) kernel_shape=[3,3] strides=[2,2]\n"
     "f = Conv(x, w) pads=[1,1,1,1]\ng = MaxPool(f) kernel_shape=[2,2] strides=[2,2] pads=[1,1,0,0]\n"
     "h = Conv(x, w)\ni = Conv(h, w) pads=[1,1,0,0]\nj = MaxPool(i) kernel_shape=[2,2] strides=[2,2] ceil_mode=1\n"
     "k = Conv(x, w) pads=[1,1,1,1]\nl = AveragePool(k)" HALVES "\noutput c\noutput e\noutput g\noutput j\n"
     "output l\n"},
    {"not where indices are asked for", STOA_LOWERING_WINOGRAD, 0,
     POOLED "a = Conv(x, w) pads=[1,1,1,1]\ny, i = MaxPool(a)" HALVES "\nz = Cast(i) to=1\noutput y\noutput z\n"},
};

Test(places, convolutions_pool)
{
    const unsigned alone = STOA_PASS_ALL & ~STOA_PASS_BIT(STOA_PASS_FUSE_POOL);
    for (size_t i = 0; i < sizeof pools / sizeof *pools; i++) {
        struct net net;
        struct stoa_error error = {0};
        net_build(&net, pools[i].text, NULL);
        const unsigned disabled = alone & ~STOA_PASS_BIT(STOA_PASS_FUSE_ACTIVATION);
        struct plan_options options = {.disabled_passes = disabled, .lowering = pools[i].lowering};
        struct plan *on = net_plan_with(&net, &options, pools[i].name);
        options.disabled_passes |= STOA_PASS_BIT(STOA_PASS_FUSE_POOL);
        struct plan *off = net_plan_with(&net, &options, pools[i].name);
        size_t rewrites = 0;
        for (size_t r = 0; r < on->rewrite_count; r++)
            rewrites += on->rewrites[r].pass == STOA_PASS_FUSE_POOL;
        cr_expect(rewrites == pools[i].rewrites, "%s: %zu rewrites", pools[i].name, rewrites);
        cr_expect(on->step_count + rewrites == off->step_count && (on->memory_bytes < off->memory_bytes || !rewrites),
                  "%s: %zu and %zu steps, %zu and %zu bytes", pools[i].name, on->step_count, off->step_count,
                  on->memory_bytes, off->memory_bytes);
        stoa_plan_free(on);
        stoa_plan_free(off);
        options.disabled_passes = 0;
        struct plan *all = net_plan_with(&net, &options, pools[i].name);
        net_check_memory(all, pools[i].name);
        stoa_plan_free(all);
        static float with[1 << 14], without[1 << 14];
        run_with(&net,
                 &(struct stoa_session_options){.threads = 1,
                                                .disabled_passes = disabled | STOA_PASS_BIT(STOA_PASS_FUSE_POOL),
                                                .lowering = pools[i].lowering},
                 pools[i].name, without);
        for (size_t threads = 1; threads <= 3; threads++) {
            struct stoa_session_options session = {
                .threads = threads, .disabled_passes = threads == 1 ? disabled : 0, .lowering = pools[i].lowering};
            run_with(&net, &session, pools[i].name, with);
            cr_expect(memcmp(with, without, sizeof with) == 0, "%s: %zu threads", pools[i].name, threads);
            struct stoa_verify_options verify = {.session = &session};
            cr_expect(stoa_verify(net.model, NULL, &verify, &error) == STOA_OK, "%s: %s", pools[i].name, error.message);
        }
        net_free(&net);
    }
}

Test(places, convolutions_add_in_place)
{
    for (size_t i = 0; i < sizeof residuals / sizeof *residuals; i++) {
        struct net net;
        struct stoa_error error = {0};
        net_build(&net, residuals[i].text, NULL);
        const unsigned both = STOA_PASS_BIT(STOA_PASS_FUSE_ADD) | STOA_PASS_BIT(STOA_PASS_OVERWRITE);
        struct plan_options options = {.disabled_passes = STOA_PASS_ALL & ~both, .lowering = residuals[i].lowering};
        struct plan *plan = net_plan_with(&net, &options, residuals[i].name);
        size_t rewrites = 0;
        for (size_t r = 0; r < plan->rewrite_count; r++)
            rewrites += plan->rewrites[r].pass == STOA_PASS_OVERWRITE;
        bool own = residuals[i].lowering != STOA_LOWERING_VIEW || stoa_gemm_packed_finishes(16, &(struct epilogue){0});
        cr_expect(rewrites == (own ? residuals[i].rewrites : 0), "%s: %zu rewrites", residuals[i].name, rewrites);
        stoa_plan_free(plan);
        static float one[1 << 14], several[1 << 14];
        for (size_t threads = 1; threads <= 3; threads++) {
            struct stoa_session_options session = {.threads = threads, .lowering = residuals[i].lowering};
            struct stoa_verify_options verify = {.session = &session};
            cr_expect(stoa_verify(net.model, NULL, &verify, &error) == STOA_OK, "%s: %s", residuals[i].name,
                      error.message);
        }
        run_with(&net, &(struct stoa_session_options){.threads = 1, .lowering = residuals[i].lowering},
                 residuals[i].name, one);
        run_with(&net, &(struct stoa_session_options){.threads = 3, .lowering = residuals[i].lowering},
                 residuals[i].name, several);
        cr_expect(memcmp(one, several, sizeof one) == 0, "%s: 3 threads differ from 1", residuals[i].name);
        net_free(&net);
    }
}
