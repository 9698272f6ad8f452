/* Networks as dot: what is written against what the steps say of themselves. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stoa/show.h>
#include <string.h>

#include "base/tensor.h"
#include "graph/model.h"
#include "support/net.h"

static const struct {
    const char *name, *text;
    size_t nodes, edges; /* with inputs, outputs and conversions */
    const char *has;
} networks[] = {
    {"one channel, one convolution", "input x f32[1,1,8,8]\nconst w f32[1,1,3,3]\ny = Conv(x, w)\noutput y\n", 3, 2,
     "[1,1,6,6]"},
    {"conversions stand between",
     "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\ny = Conv(x, w) pads=[1,1,1,1]\noutput y\n", 5, 4, "Layout"},
    {"what is one step is one node",
     "input x f32[1,3,8,8]\nconst w f32[8,3,3,3]\na = Conv(x, w) pads=[1,1,1,1]\ny = Relu(a)\noutput y\n", 5, 4,
     "Conv+Relu"},
    {"a view is drawn, too",
     "input x f32[1,2,4,4]\nconst w f32[5,32]\na = Flatten(x)\ny = Gemm(a, w) transB=1\noutput y\n", 4, 3,
     "style=dashed"},
    {"branches join",
     "input x f32[1,1,8,8]\nconst w f32[1,1,3,3]\na = Conv(x, w) pads=[1,1,1,1]\nb = Sigmoid(x)\n"
     "c = Mul(a, b)\nd = Exp(a)\noutput c\noutput d\n",
     7, 7, "Mul"},
    {"constants and what follows from them is not drawn",
     "input x f32[2,3]\nconst i i64{0}\ns = Shape(x)\ng = Gather(s, i)\ny = Relu(x)\noutput y\n", 3, 2, "Relu"},
};

static size_t count(const char *text, const char *word)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, word)); at += strlen(word))
        found++;
    return found;
}

static void check_steps(const char *name, const struct stoa_session *session, const char *dot)
{
    for (size_t i = 0; i < stoa_session_step_count(session); i++) {
        struct stoa_step_info info;
        char text[512], dims[STOA_DIMS_TEXT];
        cr_assert(stoa_session_step(session, i, NULL, &info) == STOA_OK);
        stoa_dims_text(info.output->rank, info.output->dims, dims);
        int length = snprintf(text, sizeof text, "\\n%s", dims);
        if (info.parameter_count)
            length += snprintf(text + length, sizeof text - (size_t)length, "\\n%zu parameters", info.parameter_count);
        if (info.macs > 0)
            length += snprintf(text + length, sizeof text - (size_t)length, "\\n%.6g million MACs", info.macs / 1e6);
        if (info.how[0])
            length += snprintf(text + length, sizeof text - (size_t)length, "\\n%s", info.how);
        snprintf(text + length, sizeof text - (size_t)length, "\\n%.4g ms", (double)(i + 1));
        cr_expect(strstr(dot, text), "%s: no '%s' in\n%s", name, text, dot);
        cr_expect(strstr(dot, info.type), "%s: %s", name, info.type);
    }
}

Test(network, text_says_what_steps_say)
{
    for (size_t i = 0; i < sizeof networks / sizeof *networks; i++) {
        const char *name = networks[i].name;
        struct net net;
        struct stoa_session *session;
        struct stoa_error error = {0};
        struct stoa_text dot;
        double seconds[16];
        net_build(&net, networks[i].text, NULL);
        cr_assert(stoa_session_create(net.model, &(struct stoa_session_options){.threads = 1}, &error, &session) ==
                      STOA_OK,
                  "%s: %s", name, error.message);
        cr_assert(stoa_session_step_count(session) <= 16);
        for (size_t k = 0; k < 16; k++)
            seconds[k] = 1e-3 * (double)(k + 1);
        cr_assert(stoa_show_graph(session, seconds, &error, &dot) == STOA_OK, "%s: %s", name, error.message);
        cr_expect(count(dot.data, "[label=") + count(dot.data, "[shape=ellipse") == networks[i].nodes, "%s:\n%s", name,
                  dot.data);
        cr_expect(count(dot.data, " -> ") == networks[i].edges, "%s:\n%s", name, dot.data);
        cr_expect(strstr(dot.data, networks[i].has), "%s:\n%s", name, dot.data);
        check_steps(name, session, dot.data);
        stoa_text_free(&dot);
        stoa_session_free(session);
        net_free(&net);
    }
}

Test(network, refuses_no_session)
{
    struct stoa_error error = {0};
    struct stoa_text dot;
    cr_expect(stoa_show_graph(NULL, NULL, &error, &dot) == STOA_ERROR_ARGUMENT && strstr(error.message, "session"));
    cr_expect(!dot.data);
    stoa_text_free(&dot);
    stoa_text_free(NULL);
}
