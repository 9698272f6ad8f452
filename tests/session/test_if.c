/* If: the branch that the condition chooses takes the node's place; the other is not looked into. */
#include <criterion/criterion.h>
#include <stdbool.h>
#include <stdio.h>
#include <stoa/stoa.h>
#include <string.h>

#include "support/allocator.h"
#include "support/onnx_writer.h"

/* A branch in `name`: whatever is written between is its graph. */
static void begin_branch(struct onnx_writer *w, const char *name)
{
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_text(w, ATTRIBUTE_NAME, name);
    onnx_int(w, ATTRIBUTE_TYPE, 5);
    onnx_begin(w, ATTRIBUTE_G);
}

static void end_branch(struct onnx_writer *w)
{
    onnx_end(w);
    onnx_end(w);
}

/* A branch of one node. */
static void branch(struct onnx_writer *w, const char *name, const char *type, const char *inputs, const char *output)
{
    begin_branch(w, name);
    onnx_node(w, type, inputs, output);
    onnx_info(w, GRAPH_OUTPUT, output, NULL);
    end_branch(w);
}

static void bool_constant(struct onnx_writer *w, const char *name, bool value)
{
    onnx_tensor_begin(w, GRAPH_INITIALIZER, name, STOA_BOOL, NULL);
    onnx_bytes(w, TENSOR_RAW_DATA, value ? "\1" : "\0", 1);
    onnx_end(w);
}

static void bool_input(struct onnx_writer *w, const char *name)
{
    onnx_begin(w, GRAPH_INPUT);
    onnx_text(w, INFO_NAME, name);
    onnx_begin(w, INFO_TYPE);
    onnx_begin(w, TYPE_TENSOR);
    onnx_int(w, TYPE_TENSOR_ELEM_TYPE, STOA_BOOL);
    onnx_begin(w, TYPE_TENSOR_SHAPE);
    for (int message = 0; message < 4; message++)
        onnx_end(w);
}

/* x [3] -> y, and a network around: what is written of the If's branches comes from the row. */
static void begin_net(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){3, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", NULL);
}

/* A network of one If, whose first branch, taken, is what is written between; the other is Exp. */
static void begin_taken(struct onnx_writer *w)
{
    begin_net(w);
    bool_constant(w, "c", true);
    onnx_node_begin(w, "If", "c", "y");
}

static void end_taken(struct onnx_writer *w)
{
    branch(w, "else_branch", "Exp", "x", "t");
    onnx_end(w);
    onnx_end(w);
}

static void constant_then(struct onnx_writer *w)
{
    begin_taken(w);
    branch(w, "then_branch", "Relu", "x", "t");
    end_taken(w);
}

static void constant_else(struct onnx_writer *w)
{
    begin_net(w);
    bool_constant(w, "c", false);
    onnx_node_begin(w, "If", "c", "y");
    branch(w, "then_branch", "Frobnicate", "x,zero", "t"); /* there is no such operator */
    branch(w, "else_branch", "Add", "x,x", "e");
    onnx_end(w);
    onnx_weights(w, "zero", (const int64_t[]){3, 0});
    onnx_end(w);
}

/* The condition is computed: whether the size of x is 3. */
static void condition_of_shapes(struct onnx_writer *w)
{
    begin_net(w);
    onnx_node(w, "Relu", "x", "r");
    onnx_node(w, "Shape", "r", "s");
    onnx_node_begin(w, "Cast", "s", "c");
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_text(w, ATTRIBUTE_NAME, "to");
    onnx_int(w, ATTRIBUTE_TYPE, 2);
    onnx_int(w, ATTRIBUTE_I, STOA_BOOL);
    onnx_end(w);
    onnx_end(w);
    onnx_node_begin(w, "If", "c", "y");
    branch(w, "then_branch", "Mul", "r,x", "t");
    branch(w, "else_branch", "Exp", "x", "t");
    onnx_end(w);
    onnx_end(w);
}

/* The branch has an initialiser and a name that are also outside, and gives what it was given. */
static void branch_of_its_own_names(struct onnx_writer *w)
{
    begin_net(w);
    bool_constant(w, "c", true);
    onnx_node(w, "Exp", "x", "t");
    onnx_node_begin(w, "If", "c", "a,b");
    begin_branch(w, "then_branch");
    onnx_weights(w, "w", (const int64_t[]){3, 0});
    onnx_node(w, "Add", "x,w", "inner");
    onnx_node(w, "Add", "inner,w", "u");
    onnx_info(w, GRAPH_OUTPUT, "u", NULL);
    onnx_info(w, GRAPH_OUTPUT, "x", NULL);
    end_branch(w);
    begin_branch(w, "else_branch");
    onnx_node(w, "Exp", "x", "u");
    onnx_info(w, GRAPH_OUTPUT, "u", NULL);
    onnx_info(w, GRAPH_OUTPUT, "x", NULL);
    end_branch(w);
    onnx_end(w);
    onnx_node(w, "Relu", "x", "inner");
    onnx_node(w, "Sum", "a,b,inner", "y");
    onnx_end(w);
}

/* An If within an If, whose condition is another one's result, and a constant for a result. */
static void nested(struct onnx_writer *w)
{
    begin_net(w);
    bool_constant(w, "yes", true);
    bool_constant(w, "no", false);
    onnx_node_begin(w, "If", "yes", "c");
    branch(w, "then_branch", "Identity", "no", "t");
    branch(w, "else_branch", "Identity", "yes", "t");
    onnx_end(w);
    onnx_node_begin(w, "If", "yes", "y");
    begin_branch(w, "then_branch");
    onnx_node(w, "Relu", "x", "r");
    onnx_node_begin(w, "If", "c", "deep");
    branch(w, "then_branch", "Exp", "r", "t");
    begin_branch(w, "else_branch");
    onnx_weights(w, "k", (const int64_t[]){3, 0});
    onnx_node(w, "Add", "r,k", "t");
    onnx_info(w, GRAPH_OUTPUT, "t", NULL);
    end_branch(w);
    onnx_end(w);
    onnx_info(w, GRAPH_OUTPUT, "deep", NULL);
    end_branch(w);
    branch(w, "else_branch", "Exp", "x", "t");
    onnx_end(w);
    onnx_end(w);
}

static void constant_result(struct onnx_writer *w)
{
    begin_net(w);
    bool_constant(w, "c", true);
    onnx_node_begin(w, "If", "c", "k");
    begin_branch(w, "then_branch");
    onnx_weights(w, "k", (const int64_t[]){3, 0});
    onnx_info(w, GRAPH_OUTPUT, "k", NULL);
    end_branch(w);
    branch(w, "else_branch", "Exp", "x", "t");
    onnx_end(w);
    onnx_node(w, "Add", "x,k", "y");
    onnx_end(w);
}

static void given_condition(struct onnx_writer *w)
{
    begin_net(w);
    bool_input(w, "c");
    onnx_node_begin(w, "If", "c", "y");
    branch(w, "then_branch", "Add", "x,x", "t");
    branch(w, "else_branch", "Mul", "x,x", "t");
    onnx_end(w);
    onnx_end(w);
}

static struct stoa_model *load(const char *name, const struct onnx_writer *writer, struct counting_allocator *allocator)
{
    struct stoa_model *model;
    struct stoa_error error = {0};
    const struct stoa_model_options options = {.allocator = &allocator->interface};
    counting_allocator_init(allocator);
    cr_assert(stoa_model_load_memory(writer->data, writer->size, &options, &error, &model) == STOA_OK, "%s: %s", name,
              error.message);
    return model;
}

static const struct {
    const char *name;
    void (*write)(struct onnx_writer *w);
    int condition; /* given with the inputs; -1: none */
    float y[3];    /* of x = -1, 2, 3 */
} rows[] = {
    {"a constant condition, true", constant_then, -1, {0, 2, 3}},
    {"a constant condition, false", constant_else, -1, {-2, 4, 6}},
    {"a condition of shapes", condition_of_shapes, -1, {-0.0F, 4, 9}},
    {"names of its own", branch_of_its_own_names, -1, {0, 8, 11}},
    {"nested", nested, -1, {1, 3, 4}},
    {"a constant result", constant_result, -1, {0, 3, 4}},
    {"a given condition, true", given_condition, 1, {-2, 4, 6}},
    {"a given condition, false", given_condition, 0, {1, 4, 9}},
};

Test(branches, the_branch_that_is_chosen_runs)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        rows[i].write(&writer);
        struct stoa_model *model = load(rows[i].name, &writer, &allocator);
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

/* The condition follows from the size of x: Cast(Shape(x) - 3). */
static void open_size(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_info(w, GRAPH_INPUT, "x", (const int64_t[]){-1, 0});
    onnx_info(w, GRAPH_OUTPUT, "y", NULL);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "three", STOA_INT64, (const int64_t[]){1, 0});
    onnx_int(w, TENSOR_INT64_DATA, 3);
    onnx_end(w);
    onnx_node(w, "Shape", "x", "s");
    onnx_node(w, "Sub", "s,three", "d");
    onnx_node_begin(w, "Cast", "d", "c");
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_text(w, ATTRIBUTE_NAME, "to");
    onnx_int(w, ATTRIBUTE_TYPE, 2);
    onnx_int(w, ATTRIBUTE_I, STOA_BOOL);
    onnx_end(w);
    onnx_end(w);
    onnx_node_begin(w, "If", "c", "y");
    branch(w, "then_branch", "Add", "x,x", "t");
    branch(w, "else_branch", "Mul", "x,x", "t");
    onnx_end(w);
    onnx_end(w);
}

Test(branches, each_shape_has_its_branch)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    open_size(&writer);
    struct stoa_model *model = load("an open size", &writer, &allocator);
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

static void float_condition(struct onnx_writer *w)
{
    begin_net(w);
    onnx_weights(w, "c", (const int64_t[]){1, 0});
    onnx_node_begin(w, "If", "c", "y");
    branch(w, "then_branch", "Relu", "x", "t");
    branch(w, "else_branch", "Exp", "x", "t");
    onnx_end(w);
    onnx_end(w);
}

static void unknown_operator_taken(struct onnx_writer *w)
{
    begin_taken(w);
    branch(w, "then_branch", "Frobnicate", "x", "t");
    end_taken(w);
}

static void cycle_in_the_branch(struct onnx_writer *w)
{
    begin_taken(w);
    begin_branch(w, "then_branch");
    onnx_node(w, "Add", "x,b", "a");
    onnx_node(w, "Relu", "a", "b");
    onnx_info(w, GRAPH_OUTPUT, "b", NULL);
    end_branch(w);
    end_taken(w);
}

static void bad_attribute_in_the_branch(struct onnx_writer *w)
{
    begin_taken(w);
    begin_branch(w, "then_branch");
    onnx_node_begin(w, "Relu", "x", "t");
    onnx_ints(w, "nonsense", 1, (const int64_t[]){1});
    onnx_end(w);
    onnx_info(w, GRAPH_OUTPUT, "t", NULL);
    end_branch(w);
    end_taken(w);
}

static void output_twice_in_the_branch(struct onnx_writer *w)
{
    begin_taken(w);
    begin_branch(w, "then_branch");
    onnx_node(w, "Relu", "x", "t");
    onnx_node(w, "Exp", "x", "t");
    onnx_info(w, GRAPH_OUTPUT, "t", NULL);
    end_branch(w);
    end_taken(w);
}

/* Each If's condition is the one's before. */
static void a_long_chain(struct onnx_writer *w)
{
    char condition[16] = "c", result[16];
    begin_net(w);
    bool_constant(w, "c", true);
    for (int i = 0; i < 70; i++) {
        snprintf(result, sizeof result, "c%d", i);
        onnx_node_begin(w, "If", condition, result);
        branch(w, "then_branch", "Identity", "c", "t");
        branch(w, "else_branch", "Identity", "c", "t");
        onnx_end(w);
        strcpy(condition, result);
    }
    onnx_node_begin(w, "If", condition, "y");
    branch(w, "then_branch", "Relu", "x", "t");
    branch(w, "else_branch", "Exp", "x", "t");
    onnx_end(w);
    onnx_end(w);
}

static const struct {
    const char *name;
    void (*write)(struct onnx_writer *w);
    enum stoa_status status;
    const char *words;
} refused[] = {
    {"a condition that is not known", given_condition, STOA_ERROR_UNSUPPORTED, "node 'y' (If): input cond 'c' depends"},
    {"a condition of float", float_condition, STOA_ERROR_GRAPH, "node 'y' (If): input cond 'c' is float[1]"},
    {"an unknown operator", unknown_operator_taken, STOA_ERROR_UNSUPPORTED, "Frobnicate"},
    {"a cycle", cycle_in_the_branch, STOA_ERROR_GRAPH, "cycle"},
    {"an attribute that is not known", bad_attribute_in_the_branch, STOA_ERROR_ATTRIBUTE, "nonsense"},
    {"a value made twice", output_twice_in_the_branch, STOA_ERROR_GRAPH, "produced by node"},
    {"too long a chain", a_long_chain, STOA_ERROR_LIMIT, "64 deep"},
};

Test(branches, refusals_when_a_session_is_created)
{
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        struct counting_allocator allocator;
        refused[i].write(&writer);
        struct stoa_model *model = load(refused[i].name, &writer, &allocator);
        struct stoa_session *session;
        enum stoa_status status = stoa_session_create(model, NULL, &error, &session);
        cr_expect(status == refused[i].status && session == NULL, "%s: %s: %s", refused[i].name,
                  stoa_status_name(status), error.message);
        cr_expect(strstr(error.message, refused[i].words), "%s: no \"%s\" in: %s", refused[i].name, refused[i].words,
                  error.message);
        stoa_model_free(model);
        cr_expect(allocator.live == 0, "%s: %zu blocks leaked", refused[i].name, allocator.live);
        onnx_free(&writer);
    }
}

Test(branches, models_with_branches_are_not_written)
{
    struct onnx_writer writer = {0};
    struct stoa_error error = {0};
    struct counting_allocator allocator;
    size_t size;
    constant_then(&writer);
    struct stoa_model *model = load("saving", &writer, &allocator);
    cr_expect(stoa_model_save_memory(model, 0, NULL, &error, &size) == STOA_ERROR_UNSUPPORTED);
    cr_expect(strstr(error.message, "node 'y' (If)"), "%s", error.message);
    stoa_model_free(model);
    onnx_free(&writer);
}

/* Allocation number n fails, for every n. */
Test(branches, no_memory_leaks_nothing)
{
    struct onnx_writer writer = {0};
    nested(&writer);
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
