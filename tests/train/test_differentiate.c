/* Training graphs: what becomes an input, what an output, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/memory.h"
#include "support/net.h"
#include "train/differentiate.h"

static const struct {
    const char *name, *net, *frozen, *words;
    enum stoa_status status;
} refusals[] = {
    {"no parameters", "input x f32[2,3]\ny = Relu(x)\noutput y\n", "", "output 'y' depends on no parameter",
     STOA_ERROR_ARGUMENT},
    {"all frozen", "input x f32[2,3]\nconst w f32[3,4]\ny = MatMul(x, w)\noutput y\n", "?", "is not frozen",
     STOA_ERROR_ARGUMENT},
    {"a parameter behind the scores",
     "input x f32[2,3]\nconst w f32[3,4]\ny = Relu(x)\nz = MatMul(y, w)\noutput y\noutput z\n", "",
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
            .loss = "MeanSquaredError", .frozen = &refusals[i].frozen, .frozen_count = 1};
        enum stoa_status status = stoa_differentiate(net.model, &options, &allocator, &error, &graph);
        cr_expect(status == refusals[i].status, "%s: %s", refusals[i].name, stoa_status_name(status));
        cr_expect(strstr(error.message, refusals[i].words), "%s: %s", refusals[i].name, error.message);
        cr_expect(!graph);
        net_free(&net);
    }
}
