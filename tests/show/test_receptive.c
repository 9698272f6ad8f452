/* Receptive fields, by the book and by trying: which pixels change an element. */
#include <criterion/criterion.h>
#include <math.h>

#include <stoa/stoa.h>

#include "run/session.h"
#include "show/receptive.h"
#include "support/net.h"

static const struct {
    const char *name, *net;
    size_t row, column;
    struct receptive_field field;
} rows[] = {
    {"convolution",
     "input x f32[1,1,16,16]\nconst k f32[1,1,3,5]\ny = Conv(x, k)\noutput y\n",
     4,
     6,
     {{4, 6}, {6, 10}}},
    {"stride, padding, dilation",
     "input x f32[1,1,16,16]\nconst k f32[1,1,3,3]\n"
     "y = Conv(x, k) strides=[2,1] pads=[1,2,1,2] dilations=[1,2]\noutput y\n",
     0,
     3,
     {{-1, 1}, {1, 5}}},
    {"SAME",
     "input x f32[1,1,16,16]\nconst k f32[1,1,3,3]\ny = Conv(x, k) auto_pad='SAME_UPPER' strides=[2,2]\noutput y\n",
     2,
     3,
     {{4, 6}, {6, 8}}},
    {"two convolutions and a pooling",
     "input x f32[1,1,16,16]\nconst k f32[1,1,3,3]\nc = Conv(x, k) pads=[1,1,1,1]\nr = Relu(c)\n"
     "p = MaxPool(r) kernel_shape=[2,2] strides=[2,2]\ny = Conv(p, k)\noutput y\n",
     1,
     2,
     {{1, 3}, {8, 10}}},
    {"average pooling",
     "input x f32[1,1,16,16]\ny = AveragePool(x) kernel_shape=[3,3] strides=[3,3]\noutput y\n",
     1,
     2,
     {{3, 6}, {5, 8}}},
    {"the larger of two branches",
     "input x f32[1,1,16,16]\nconst k f32[1,1,3,3]\nconst l f32[1,1,1,1]\na = Conv(x, k) pads=[1,1,1,1]\n"
     "b = Conv(x, l)\ny = Add(a, b)\noutput y\n",
     5,
     6,
     {{4, 5}, {6, 7}}},
    {"zeros around",
     "input x f32[1,1,16,16]\nconst p i64{0,0,2,1,0,0,2,1}\ny = Pad(x, p)\noutput y\n",
     5,
     6,
     {{3, 5}, {3, 5}}},
    {"transposed",
     "input x f32[1,1,8,8]\nconst k f32[1,1,4,4]\ny = ConvTranspose(x, k) strides=[2,2] pads=[1,1,1,1]\noutput y\n",
     4,
     5,
     {{1, 2}, {2, 3}}},
    {"a gate does not count",
     "input x f32[1,1,16,16]\nconst k f32[1,1,3,3]\nc = Conv(x, k)\ng = GlobalAveragePool(c)\ns = Sigmoid(g)\n"
     "y = Mul(c, s)\noutput y\n",
     3,
     3,
     {{3, 3}, {5, 5}}},
    {"fully connected",
     "input x f32[1,1,6,5]\nconst k f32[1,1,3,3]\nconst w f32[12,4]\nc = Conv(x, k)\nf = Flatten(c)\n"
     "y = MatMul(f, w)\noutput y\n",
     0,
     0,
     {{0, 0}, {5, 4}}},
};

static struct stoa_session *session_of(const struct net *net, const char *name)
{
    struct stoa_session *session;
    struct stoa_error error = {0};
    const struct stoa_session_options options = {.threads = 1};
    cr_assert(stoa_session_create(net->model, &options, &error, &session) == STOA_OK, "%s: %s", name, error.message);
    return session;
}

Test(receptive, fields_are_those_of_the_windows)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct receptive_field field;
        bool found;
        net_build(&net, rows[i].net, NULL);
        struct stoa_session *session = session_of(&net, rows[i].name);
        const struct graph *graph = &net.model->graph;
        cr_assert(stoa_receptive_field(session->plan, graph->outputs[0], rows[i].row, rows[i].column, graph->inputs[0],
                                       &error, &found, &field) == STOA_OK);
        cr_expect(found, "%s", rows[i].name);
        for (size_t a = 0; a < 2; a++)
            cr_expect(field.first[a] == rows[i].field.first[a] && field.last[a] == rows[i].field.last[a],
                      "%s: axis %zu is %lld to %lld", rows[i].name, a, (long long)field.first[a],
                      (long long)field.last[a]);
        stoa_session_free(session);
        net_free(&net);
    }
}

/* Changing one pixel at a time: inside the field and nowhere else the element can change. */
Test(receptive, fields_are_what_elements_depend_on)
{
    static const char text[] = "input x f32[1,1,14,14]\nconst k f32[2,1,3,3]\nconst l f32[1,2,3,3]\n"
                               "c = Conv(x, k) strides=[2,2] pads=[1,1,1,1]\nr = Sigmoid(c)\n"
                               "y = Conv(r, l) dilations=[2,1]\noutput y\n";
    struct net net;
    struct stoa_error error = {0};
    struct receptive_field field;
    bool found;
    float x[14 * 14] = {0};
    net_build(&net, text, NULL);
    struct stoa_session *session = session_of(&net, "depends");
    const struct graph *graph = &net.model->graph;
    struct stoa_tensor y;
    size_t row = 1, column = 2;
    cr_assert(stoa_receptive_field(session->plan, graph->outputs[0], row, column, graph->inputs[0], &error, &found,
                                   &field) == STOA_OK);
    cr_assert(stoa_session_bind_input_at(session, 0, x, &error) == STOA_OK);
    cr_assert(stoa_session_run(session, &error) == STOA_OK);
    cr_assert(stoa_session_output_at(session, 0, &error, &y) == STOA_OK);
    size_t at = row * y.dims[3] + column, least[2] = {14, 14}, most[2] = {0, 0};
    float before = ((float *)y.data)[at];
    for (size_t p = 0; p < 14 * 14; p++) {
        x[p] = 1;
        cr_assert(stoa_session_run(session, &error) == STOA_OK);
        x[p] = 0;
        size_t place[2] = {p / 14, p % 14};
        for (size_t a = 0; fabsf(((float *)y.data)[at] - before) > 1e-6f && a < 2; a++) {
            least[a] = place[a] < least[a] ? place[a] : least[a];
            most[a] = place[a] > most[a] ? place[a] : most[a];
        }
    }
    for (size_t a = 0; a < 2; a++)
        cr_expect(field.first[a] == (int64_t)least[a] && field.last[a] == (int64_t)most[a],
                  "axis %zu: %lld to %lld, found %zu to %zu", a, (long long)field.first[a], (long long)field.last[a],
                  least[a], most[a]);
    stoa_session_free(session);
    net_free(&net);
}
