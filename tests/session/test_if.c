/* If: the branch that the condition chooses takes the node's place; the other is not looked into. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stoa/stoa.h>
#include <string.h>

#include "support/allocator.h"
#include "support/onnx_net.h"

/* Networks x [3] -> y, as text (onnx_net.h). */
#define NET "input x f32[3]\noutput y\n"
#define IF(outputs, condition, chosen, other) outputs " = If(" condition ") {\n" chosen "} else {\n" other "}\n"
/* A branch of one node; of all the same. */
#define ONE(node) "t = " node "\noutput t\n"
#define EXP ONE("Exp(x)")
#define TRUE "const c b(1)\n"
#define GIVEN NET "input c b[]\n" IF("y", "c", ONE("Add(x, x)"), ONE("Mul(x, x)"))
#define SIMPLE NET TRUE IF("y", "c", ONE("Relu(x)"), EXP)
#define NESTED                                                                                                         \
    NET "const yes b(1)\nconst no b(0)\n" IF("c", "yes", ONE("Identity(no)"), ONE("Identity(yes)"))                    \
        IF("y", "yes",                                                                                                 \
           "r = Relu(x)\n" IF("deep", "c", ONE("Exp(r)"), "const k f32[3]{1,1,1}\n" ONE("Add(r, k)")) "output deep\n", \
           EXP)

static struct stoa_model *load(const char *name, const char *text, struct onnx_writer *writer,
                               struct counting_allocator *allocator)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    const struct stoa_model_options options = {.allocator = &allocator->interface};
    counting_allocator_init(allocator);
    onnx_net(writer, text, 13);
    cr_assert(stoa_model_load_memory(writer->data, writer->size, &options, &error, &model) == STOA_OK, "%s: %s", name,
              error.message);
    return model;
}

static const struct {
    const char *name, *text;
    int condition; /* given with the inputs; -1: none */
    float y[3];    /* of x = -1, 2, 3 */
} rows[] = {
    {"a constant condition, true", SIMPLE, -1, {0, 2, 3}},
    {"a constant condition, false; the other branch is not looked into",
     NET "const c b(0)\n" IF("y", "c", ONE("Frobnicate(x)"), ONE("Add(x, x)")),
     -1,
     {-2, 4, 6}},
    {"a condition of shapes",
     NET "r = Relu(x)\ns = Shape(r)\nc = Cast(s) to=9\n" IF("y", "c", ONE("Mul(r, x)"), EXP),
     -1,
     {-0.0F, 4, 9}},
    {"names of its own, a constant, and what it was given",
     NET TRUE
     "t = Exp(x)\n" IF("a, b", "c", "const w f32[3]{1,1,1}\ninner = Add(x, w)\nu = Add(inner, w)\noutput u\noutput x\n",
                       "u = Exp(x)\noutput u\noutput x\n") "inner = Relu(x)\ny = Sum(a, b, inner)\n",
     -1,
     {0, 8, 11}},
    {"an If within, of another's result", NESTED, -1, {1, 3, 4}},
    {"a constant result",
     NET TRUE IF("k", "c", "const k f32[3]{1,1,1}\noutput k\n", EXP) "y = Add(x, k)\n",
     -1,
     {0, 3, 4}},
    {"a given condition, true", GIVEN, 1, {-2, 4, 6}},
    {"a given condition, false", GIVEN, 0, {1, 4, 9}},
};

Test(branches, the_branch_that_is_chosen_runs)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        struct stoa_model *model = load(rows[i].name, rows[i].text, &writer, &allocator);
        const bool condition = rows[i].condition == 1;
        const struct stoa_input_spec spec = {.name = "c", .data = &condition};
        const struct stoa_session_options options = {.inputs = &spec, .input_count = rows[i].condition >= 0};
        struct stoa_session *session;
        const float x[3] = {-1, 2, 3};
        float y[3] = {0};
        cr_assert(stoa_session_create(model, &options, &error, &session) == STOA_OK, "%s: %s", rows[i].name,
                  error.message);
        cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_bind_output(session, "y", y, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s: %s", rows[i].name, error.message);
        cr_expect(memcmp(y, rows[i].y, sizeof y) == 0, "%s: %g %g %g", rows[i].name, (double)y[0], (double)y[1],
                  (double)y[2]);
        stoa_session_free(session);
        const void *inputs[2] = {x, &condition};
        const struct stoa_verify_options verify = {.session = &options};
        cr_expect(stoa_verify(model, inputs, &verify, &error) == STOA_OK, "%s: %s", rows[i].name, error.message);
        stoa_model_free(model);
        cr_expect(allocator.live == 0, "%s: %zu blocks leaked", rows[i].name, allocator.live);
        onnx_free(&writer);
    }
}

Test(branches, each_shape_has_its_branch)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    struct stoa_model *model =
        load("an open size",
             "input x f32[?]\noutput y\nconst three i64{3}\ns = Shape(x)\nd = Sub(s, three)\nc = Cast(d) to=9\n" IF(
                 "y", "c", ONE("Add(x, x)"), ONE("Mul(x, x)")),
             &writer, &allocator);
    struct stoa_session *session;
    cr_assert(stoa_session_create(model, NULL, &error, &session) == STOA_OK, "%s", error.message);
    for (size_t round = 0; round < 6; round++) {
        const size_t size = round % 2 ? 3 : 2 + round;
        const struct stoa_input_spec spec = {.name = "x", .rank = 1, .dims = {size}};
        const float x[8] = {3, 3, 3, 3, 3, 3, 3, 3};
        float y[8] = {0};
        cr_assert(stoa_session_reshape(session, &spec, 1, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_bind_input(session, "x", x, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_bind_output(session, "y", y, &error) == STOA_OK, "%s", error.message);
        cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
        cr_expect(y[0] == (size == 3 ? 9 : 6) && y[size - 1] == y[0], "%zu: %g", size, (double)y[0]);
    }
    stoa_session_free(session);
    stoa_model_free(model);
    cr_expect(allocator.live == 0, "%zu blocks leaked", allocator.live);
    onnx_free(&writer);
}

static const struct {
    const char *name, *text;
    enum stoa_status status;
    const char *words;
} refused[] = {
    {"a condition that is not known", GIVEN, STOA_ERROR_UNSUPPORTED, "node 'node_y' (If): input cond 'c' depends"},
    {"a condition of float", NET "const c f32[1]\n" IF("y", "c", EXP, EXP), STOA_ERROR_GRAPH,
     "node 'node_y' (If): input cond 'c' is float[1]"},
    {"an unknown operator", NET TRUE IF("y", "c", ONE("Frobnicate(x)"), EXP), STOA_ERROR_UNSUPPORTED, "Frobnicate"},
    {"a cycle", NET TRUE IF("y", "c", "a = Add(x, b)\nb = Relu(a)\noutput b\n", EXP), STOA_ERROR_GRAPH, "cycle"},
    {"an attribute that is not known", NET TRUE IF("y", "c", ONE("Relu(x) nonsense=[1]"), EXP), STOA_ERROR_ATTRIBUTE,
     "nonsense"},
    {"a value made twice", NET TRUE IF("y", "c", "t = Relu(x)\n" EXP, EXP), STOA_ERROR_GRAPH, "produced by node"},
};

static void check_refused(const char *name, const char *text, enum stoa_status expected, const char *words)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    struct stoa_model *model = load(name, text, &writer, &allocator);
    struct stoa_session *session;
    enum stoa_status status = stoa_session_create(model, NULL, &error, &session);
    cr_expect(status == expected && session == NULL, "%s: %s: %s", name, stoa_status_name(status), error.message);
    cr_expect(strstr(error.message, words), "%s: no \"%s\" in: %s", name, words, error.message);
    stoa_model_free(model);
    cr_expect(allocator.live == 0, "%s: %zu blocks leaked", name, allocator.live);
    onnx_free(&writer);
}

Test(branches, refusals_when_a_session_is_created)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        check_refused(refused[i].name, refused[i].text, refused[i].status, refused[i].words);
}

/* Each If's condition is the one's before. */
Test(branches, too_long_a_chain_is_refused)
{
    char text[8192] = NET TRUE IF("c0", "c", ONE("Identity(c)"), ONE("Identity(c)"));
    for (int i = 0; i < 70; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text),
                 IF("c%d", "c%d", ONE("Identity(c)"), ONE("Identity(c)")), i + 1, i);
    strcat(text, IF("y", "c70", ONE("Relu(x)"), EXP));
    check_refused("a chain", text, STOA_ERROR_LIMIT, "64 deep");
}

Test(branches, models_with_branches_are_not_written)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    size_t size;
    struct stoa_model *model = load("saving", SIMPLE, &writer, &allocator);
    cr_expect(stoa_model_save_memory(model, 0, NULL, &error, &size) == STOA_ERROR_UNSUPPORTED);
    cr_expect(strstr(error.message, "node 'node_y' (If)"), "%s", error.message);
    stoa_model_free(model);
    onnx_free(&writer);
}

/* Allocation number n fails, for every n. */
Test(branches, no_memory_leaks_nothing)
{
    struct onnx_writer writer = {0};
    onnx_net(&writer, NESTED, 13);
    bool done = false;
    for (size_t n = 1; !done; n++) {
        struct counting_allocator allocator;
        counting_allocator_init(&allocator);
        allocator.fail_at = n;
        const struct stoa_model_options options = {.allocator = &allocator.interface};
        struct stoa_model *model = NULL;
        struct stoa_session *session = NULL;
        enum stoa_status status = stoa_model_load_memory(writer.data, writer.size, &options, NULL, &model);
        if (status == STOA_OK)
            status = stoa_session_create(model, &(struct stoa_session_options){.threads = 1}, NULL, &session);
        done = status == STOA_OK;
        cr_expect(done || status == STOA_ERROR_MEMORY, "allocation %zu: %s", n, stoa_status_name(status));
        stoa_session_free(session);
        stoa_model_free(model);
        cr_expect(allocator.live == 0, "allocation %zu: %zu blocks leaked", n, allocator.live);
    }
    onnx_free(&writer);
}
