/* Training graphs: what becomes a parameter, what changes besides, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "support/net.h"
#include "train/differentiate.h"

static const struct {
    const char *name, *net, *frozen, *words;
    enum stoa_status status;
} refusals[] = {
    {"no parameters", "input x f32[2,3]\ny = Relu(x)\noutput y\n", NULL, "output 'y' depends on no parameter",
     STOA_ERROR_ARGUMENT},
    {"all frozen", "input x f32[2,3]\nconst w f32[3,4]\ny = MatMul(x, w)\noutput y\n", "?", "is not frozen",
     STOA_ERROR_ARGUMENT},
    {"a function without a gradient in front of a parameter",
     "input x f32[2,3]\nconst w f32[3,4]\nconst v f32[4,4]\na = MatMul(x, w)\nb = Det(c)\nc = Reshape(a, s)\nconst s "
     "i64{2,2,2}\n"
     "y = Mul(b, u)\nconst u f32[2]\noutput y\n",
     NULL, "no gradient passes through it", STOA_ERROR_UNSUPPORTED},
    {"a parameter behind the scores",
     "input x f32[2,3]\nconst w f32[3,4]\ny = Relu(x)\nz = MatMul(y, w)\noutput y\noutput z\n", NULL,
     "output 'y' depends on no parameter", STOA_ERROR_ARGUMENT},
};

Test(train, what_cannot_be_trained_is_refused)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct train_graph *graph;
        net_build(&net, refusals[i].net, NULL);
        const struct differentiate_options options = {
            .loss = "MeanSquaredError", .frozen = &refusals[i].frozen, .frozen_count = refusals[i].frozen != NULL};
        enum stoa_status status = stoa_differentiate(net.model, &options, &allocator, &error, &graph);
        cr_expect(status == refusals[i].status, "%s: %s", refusals[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, refusals[i].words), "%s: %s", refusals[i].name, error.message);
        cr_expect(!graph);
        net_free(&net);
    }
}

#define LAYERS                                                                                                         \
    "input x f32[2,3,5,5]\nconst k f32[4,3,3,3]\nconst kb f32[4]\nc = Conv(x, k, kb)\n"                                \
    "const s f32[4]\nconst b f32[4]\nconst m f32[4]\nconst v f32+[4]\nn = BatchNormalization(c, s, b, m, v)\n"

static const struct {
    const char *name, *net, *frozen;
    const char *parameters; /* in the order of the graph's values */
    size_t statistics;
    bool random;
} graphs[] = {
    {"convolution and norm", LAYERS "y = Relu(n)\noutput y\n", "", "k kb s b ", 2, false},
    {"a norm whose parameters are frozen keeps its statistics", LAYERS "y = Relu(n)\noutput y\n", "[sb]", "k kb ", 0,
     false},
    {"one that has one parameter left does not", LAYERS "y = Relu(n)\noutput y\n", "s", "k kb b ", 2, false},
    {"frozen in front", LAYERS "y = Relu(n)\noutput y\n", "k*", "s b ", 2, false},
    {"dropout", LAYERS "const r f32(0.5)\ny = Dropout(n, r)\noutput y\n", "", "k kb s b ", 2, true},
    {"groups",
     "input x f32[2,4,3,3]\nconst s f32[2]\nconst b f32[2]\ny = GroupNormalization@18(x, s, b) num_groups=2\n"
     "output y\n",
     "", "s b ", 0, false},
    {"a sum behind a product, but no factor",
     "input x f32[2,3]\nconst w f32[3,4]\nconst b f32[4]\nconst f f32[4]\nm = MatMul(x, w)\na = Add(m, b)\n"
     "y = Mul(a, f)\noutput y\n",
     "", "w b ", 0, false},
    {"nothing that the scores do not need",
     "input x f32[2,3]\nconst w f32[3,4]\nconst u f32[3,4]\ny = MatMul(x, w)\nz = MatMul(x, u)\noutput y\noutput z\n",
     "", "w ", 0, false},
};

Test(train, graphs_know_their_parameters)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < sizeof graphs / sizeof *graphs; i++) {
        struct net net;
        struct stoa_error error = {0};
        struct train_graph *graph;
        net_build(&net, graphs[i].net, NULL);
        const struct differentiate_options options = {
            .loss = "MeanSquaredError", .frozen = &graphs[i].frozen, .frozen_count = graphs[i].frozen[0] != 0};
        cr_assert(stoa_differentiate(net.model, &options, &allocator, &error, &graph) == STOA_OK, "%s: %s",
                  graphs[i].name, error.message);
        char names[128] = "";
        for (size_t p = 0; p < graph->parameter_count; p++) {
            strcat(strcat(names, graph->parameters[p].name), " ");
            cr_expect(graph->parameters[p].output != GRAPH_NONE, "%s: no gradient of %s", graphs[i].name,
                      graph->parameters[p].name);
        }
        cr_expect(strcmp(names, graphs[i].parameters) == 0, "%s: %s", graphs[i].name, names);
        cr_expect(graph->statistic_count == graphs[i].statistics, "%s: %zu", graphs[i].name, graph->statistic_count);
        cr_expect((graph->seed != GRAPH_NONE) == graphs[i].random, "%s", graphs[i].name);
        stoa_train_graph_free(graph);
        net_free(&net);
    }
}
