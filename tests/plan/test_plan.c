/* What planning decides: folding, views, layouts, absorbed flattenings, memory. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "plan/plan.h"
#include "support/allocator.h"
#include "support/net.h"

static const struct {
    const char *name, *text;
    size_t steps, layouts; /* steps in all, and conversions among them */
} plans[] = {
    {"a convolution: in, conv, out", "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\ny = Conv(x, w)\noutput y\n", 3, 2},
    {"one channel lies the same both ways", "input x f32[1,1,8,8]\nconst w f32[1,1,3,3]\ny = Conv(x, w)\noutput y\n", 1,
     0},
    {"layers in a row convert once",
     "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\nconst v f32[4,8,1,1]\n"
     "a = Conv(x, w)\nb = Relu(a)\nc = MaxPool(b) kernel_shape=[2,2]\ny = Conv(c, v)\noutput y\n",
     6, 2},
    {"two readers share a conversion",
     "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\na = Conv(x, w)\nb = Conv(x, w)\nc = Add(a, b)\ny = Conv(x, w)\n"
     "output c\noutput y\n",
     7, 3},
    {"a sum follows the image that lies channels-last, whichever side it is on",
     "input x f32[1,8,8,8]\nconst w f32[8,8,1,1]\na = Conv(x, w)\nb = Add(x, a)\ny = Conv(b, w)\noutput y\n", 5, 2},
    {"an output that is also read plain is converted once",
     "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\na = Conv(x, w)\nb = MatMul(a, a)\noutput a\noutput b\n", 4, 2},
    {"transposes around channels-last cancel",
     "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\na = Conv(x, w)\nb = Transpose(a) perm=[0,2,3,1]\noutput b\n", 2, 1},
    {"a flattened image stays as it lies",
     "input x f32[2,3,6,6]\nconst w f32[8,3,3,3]\nconst f f32[5,128]\n"
     "a = Conv(x, w)\nb = Flatten(a)\nc = Dropout(b)\ny = Gemm(c, f) transB=1\noutput y\n",
     3, 1},
    {"… also through Reshape and MatMul",
     "input x f32[2,3,6,6]\nconst w f32[8,3,3,3]\nconst s i64{2,-1}\nconst f f32[128,5]\n"
     "a = Conv(x, w)\nb = Reshape(a, s)\ny = MatMul(b, f)\noutput y\n",
     3, 1},
    {"… but not when somebody else reads it",
     "input x f32[2,3,6,6]\nconst w f32[8,3,3,3]\nconst f f32[5,128]\n"
     "a = Conv(x, w)\nb = Flatten(a)\ny = Gemm(b, f) transB=1\nz = Relu(b)\noutput y\noutput z\n",
     5, 2},
    {"… but a reader that nobody needs does not count",
     "input x f32[2,3,6,6]\nconst w f32[8,3,3,3]\nconst f f32[5,128]\n"
     "a = Conv(x, w)\nb = Flatten(a)\ny = Gemm(b, f) transB=1\nz = Relu(b)\noutput y\n",
     3, 1},
    {"shape arithmetic folds away",
     "input x f32[2,3,4,5]\nconst i i64(0)\nconst u i64{-1}\nconst axes i64{0}\n"
     "s = Shape(x)\nn = Gather(s, i)\nm = Unsqueeze(n, axes)\nt = Concat(m, u) axis=0\ny = Reshape(x, t)\noutput y\n",
     1, 1},
    {"identities of weights cost nothing",
     "input x f32[1,1,8,8]\nconst w f32[1,1,3,3]\nv = Identity(w)\nu = Identity(v)\ny = Conv(x, u)\noutput y\n", 1, 0},
    {"what nobody needs is not planned", "input x f32[4]\na = Relu(x)\nb = Exp(x)\nc = Tanh(b)\noutput a\n", 1, 0},
};

static enum stoa_status make(const struct net *net, const struct stoa_allocator *allocator, bool keep,
                             struct stoa_error *error, struct plan **plan)
{
    struct plan_options options = {.keep_values = keep, .disabled_passes = STOA_PASS_ALL};
    return stoa_plan_create(net->model, allocator, &options, error, plan);
}

Test(plan, steps_are_as_few_as_they_can_be)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct net net;
        struct plan *plan;
        struct stoa_error error = {0};
        net_build(&net, plans[i].text, NULL);
        cr_assert(make(&net, &allocator, false, &error, &plan) == STOA_OK, "%s: %s", plans[i].name, error.message);
        size_t layouts = 0;
        for (size_t s = 0; s < plan->step_count; s++)
            layouts += strcmp(plan->steps[s].call.op->type, "Layout") == 0;
        cr_expect(plan->step_count == plans[i].steps && layouts == plans[i].layouts,
                  "%s: %zu steps, %zu of them conversions; %zu and %zu were expected", plans[i].name, plan->step_count,
                  layouts, plans[i].steps, plans[i].layouts);
        stoa_plan_free(plan);
        net_free(&net);
    }
}

Test(plan, memory_is_used_again_but_never_shared)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct net net;
    net_build(
        &net,
        "input x f32[1,4,16,16]\nconst w f32[4,4,3,3]\na = Conv(x, w) pads=[1,1,1,1]\nb = Conv(a, w) pads=[1,1,1,1]\n"
        "c = Conv(b, w) pads=[1,1,1,1]\nd = Add(c, a)\ne = Conv(d, w) pads=[1,1,1,1]\nf = Relu(e)\ng = Conv(f, "
        "w)\noutput g\n",
        NULL);
    struct plan *tight, *kept;
    struct stoa_error error = {0};
    cr_assert(make(&net, &allocator, false, &error, &tight) == STOA_OK, "%s", error.message);
    cr_assert(make(&net, &allocator, true, &error, &kept) == STOA_OK, "%s", error.message);
    size_t one = 4 * 16 * 16 * sizeof(float);
    cr_expect(tight->scratch_place <= 4 * one, "%zu bytes of activations, at most 3 live at once and one converts",
              tight->scratch_place);
    cr_expect(kept->scratch_place >= 7 * one);
    for (size_t p = 0; p < 2; p++) {
        const struct plan *plan = p ? kept : tight;
        for (size_t a = 0; a < plan->storage_count; a++)
            for (size_t b = 0; b < a; b++) {
                const struct plan_storage *x = &plan->storages[a], *y = &plan->storages[b];
                if (x->kind != STORAGE_ARENA || y->kind != STORAGE_ARENA || x->last < y->first || y->last < x->first)
                    continue;
                cr_expect(x->place + x->bytes <= y->place || y->place + y->bytes <= x->place,
                          "storages %zu and %zu live at once in the same place", a, b);
            }
    }
    stoa_plan_free(tight);
    stoa_plan_free(kept);
    net_free(&net);
}

/* From half a huge page on, unless memory is limited. */
Test(plan, memory_is_whole_huge_pages)
{
    const size_t page = (size_t)2 << 20;
    static const struct {
        const char *text;
        bool large;
    } nets[] = {
        {"input x f32[1,4,64,64]\nconst w f32[4,4,3,3]\na = Conv(x, w)\nb = Conv(a, w)\ny = Conv(b, w)\noutput y\n",
         false},
        {"input x f32[1,4,256,256]\nconst w f32[4,4,3,3]\na = Conv(x, w)\nb = Conv(a, w)\ny = Conv(b, w)\noutput y\n",
         true},
    };
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        struct net net;
        net_build(&net, nets[i].text, NULL);
        struct plan *free_plan = net_plan_with(&net, &(struct plan_options){0}, "free");
        struct plan *limited = net_plan_with(&net, &(struct plan_options){.max_bytes = 64 * page}, "limited");
        cr_expect((limited->memory_bytes > page / 2) == nets[i].large && limited->memory_bytes % page != 0);
        cr_expect(nets[i].large
                      ? free_plan->memory_bytes % page == 0 && free_plan->memory_bytes > limited->memory_bytes &&
                            free_plan->memory_bytes - limited->memory_bytes < page
                      : free_plan->memory_bytes == limited->memory_bytes,
                  "%zu bytes, %zu where they are limited", free_plan->memory_bytes, limited->memory_bytes);
        stoa_plan_free(free_plan);
        stoa_plan_free(limited);
        net_free(&net);
    }
}

static const struct {
    const char *name, *text;
    enum stoa_status status;
    const char *words;
} refused[] = {
    {"an open dimension", "input x f32[1,3,?,8]\ny = Relu(x)\noutput y\n", STOA_ERROR_ARGUMENT,
     "input 'x': dimension 2"},
    {"a shape only known when running", "input x f32[4]\ninput s i64[2]\ny = Reshape(x, s)\noutput y\n",
     STOA_ERROR_UNSUPPORTED, "node 'node_y' (Reshape)"},
    {"dims that do not fit together", "input x f32[4]\ninput z f32[3]\ny = Add(x, z)\noutput y\n", STOA_ERROR_SHAPE,
     "node 'node_y' (Add)"},
    {"a result larger than memory", "input x f32[1]\nconst s i64{4294967296,4294967296}\ny = Expand(x, s)\noutput y\n",
     STOA_ERROR_LIMIT, "node 'node_y' (Expand)"},
};

Test(plan, what_cannot_be_planned_is_refused_by_name)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct counting_allocator memory;
        counting_allocator_init(&memory);
        struct net net;
        struct plan *plan;
        struct stoa_error error = {0};
        net_build(&net, refused[i].text, NULL);
        enum stoa_status status = make(&net, &memory.interface, false, &error, &plan);
        cr_expect(status == refused[i].status, "%s: %s", refused[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, refused[i].words), "%s: %s", refused[i].name, error.message);
        cr_expect(!plan && memory.live == 0, "%s: %zu blocks leaked", refused[i].name, memory.live);
        net_free(&net);
    }
}
