/* Models that compute gradients of any value: against what is known of them, and what is refused. */
#include <criterion/criterion.h>
#include <stoa/gradient.h>
#include <string.h>

#include "support/net.h"

#define NET                                                                                                            \
    "input x f32[1,4]\nconst k f32[4]{2,3,5,7}\na = Mul(x, k)\nb = Add(a, x)\nr = Dropout(b)\nz = Mul(x, x)\noutput "  \
    "r\n"                                                                                                              \
    "output z\n"

Test(gradient_model, gives_gradients_of_inputs_and_values)
{
    static const char *const of[] = {"x", "a"};
    static const float x[4] = {1, -1, 2, 0}, begin[4] = {1, 0, 10, 1};
    static const float expected[][4] = {{3, -4, 12, 0}, {3, 0, 60, 8}, {1, 0, 10, 1}, {2, -3, 10, 0}};
    struct net net;
    struct stoa_error error = {0};
    struct stoa_model *gradient;
    struct stoa_session *session;
    struct stoa_value_info info;
    net_build(&net, NET, NULL);
    const struct stoa_gradient_model_options options = {.value = "r", .of = of, .of_count = 2};
    cr_assert(stoa_gradient_model(net.model, &options, &error, &gradient) == STOA_OK, "%s", error.message);
    cr_assert(stoa_model_input_count(gradient) == 2 && stoa_model_output_count(gradient) == 4);
    cr_assert(stoa_model_input(gradient, 1, &error, &info) == STOA_OK);
    const struct stoa_input_spec spec = {.name = info.name, .rank = 2, .dims = {1, 4}};
    const struct stoa_session_options run = {.threads = 1, .inputs = &spec, .input_count = 1};
    cr_assert(stoa_session_create(gradient, &run, &error, &session) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_input_at(session, 0, x, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_bind_input_at(session, 1, begin, &error) == STOA_OK, "%s", error.message);
    cr_assert(stoa_session_run(session, &error) == STOA_OK, "%s", error.message);
    for (size_t i = 0; i < 4; i++) {
        struct stoa_tensor tensor;
        cr_assert(stoa_session_output_at(session, i, &error, &tensor) == STOA_OK, "%s", error.message);
        for (size_t e = 0; e < 4; e++)
            cr_expect(((const float *)tensor.data)[e] == expected[i][e], "output %zu, element %zu: %g", i, e,
                      (double)((const float *)tensor.data)[e]);
    }
    stoa_session_free(session);
    stoa_model_free(gradient);
    net_free(&net);
}

Test(gradient_model, without_of_computes_the_value_alone)
{
    struct net net;
    struct stoa_error error = {0};
    struct stoa_model *model;
    struct stoa_value_info info;
    net_build(&net, NET, NULL);
    cr_assert(stoa_gradient_model(net.model, &(struct stoa_gradient_model_options){.value = "b"}, &error, &model) ==
                  STOA_OK,
              "%s", error.message);
    cr_assert(stoa_model_input_count(model) == 1 && stoa_model_output_count(model) == 1);
    cr_assert(stoa_model_output(model, 0, &error, &info) == STOA_OK);
    cr_expect(strcmp(info.name, "b") == 0, "%s", info.name);
    stoa_model_free(model);
    net_free(&net);
}

Test(gradient_model, refuses_what_has_none)
{
    static const char *const same[] = {"x", "x"}, *const unknown[] = {"q"}, *const constant[] = {"k"},
                             *const apart[] = {"z"}, *const itself[] = {"r"};
    static const struct {
        const char *says;
        struct stoa_gradient_model_options options;
    } rows[] = {
        {"value: the model has no value 'q'", {.value = "q"}},
        {"value: no node computes 'x'", {.value = "x"}},
        {"of: 'x' is there twice", {.value = "r", .of = same, .of_count = 2}},
        {"of: the model has no value 'q'", {.value = "r", .of = unknown, .of_count = 1}},
        {"of: no node computes 'k'", {.value = "r", .of = constant, .of_count = 1}},
        {"of: 'r' does not depend on 'z'", {.value = "r", .of = apart, .of_count = 1}},
        {"of: 'r' is the value itself", {.value = "r", .of = itself, .of_count = 1}},
        {"of is null, its count is 1", {.of_count = 1}},
    };
    struct net net;
    net_build(&net, NET, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stoa_error error = {0};
        struct stoa_model *model;
        cr_expect(stoa_gradient_model(net.model, &rows[i].options, &error, &model) == STOA_ERROR_ARGUMENT, "%s",
                  rows[i].says);
        cr_expect(strstr(error.message, rows[i].says), "'%s', not '%s'", error.message, rows[i].says);
        cr_expect(!model);
    }
    cr_expect(stoa_gradient_model(net.model, NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    net_free(&net);
}
