/* What succeeds says nothing in the error, whatever it tried on the way. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/status.h"
#include "support/net.h"

static struct net net;

static const char network[] =
    "input x f32[?,8,12,12]\nconst v f32[8,8,3,3]\nconst w f32[8,8,3,3]\nconst d f32[8,1,3,3]\n"
    "a = Conv(x, v) pads=[1,1,1,1]\nb = Conv(a, w) pads=[1,1,1,1]\n"
    "y = Conv(b, d) group=8\noutput y\n";

/* The least that a session can have. */
static size_t least_bytes(void)
{
    const char *words = "at least ";
    struct stoa_error error = {0};
    struct stoa_session *session;
    cr_assert(stoa_session_create(net.model, &(struct stoa_session_options){.threads = 1, .max_bytes = 1}, &error,
                                  &session) == STOA_ERROR_LIMIT);
    const char *found = strstr(error.message, words);
    cr_assert(found);
    return strtoul(found + strlen(words), NULL, 10);
}

static enum stoa_status create(const struct stoa_session_options *options, struct stoa_error *error)
{
    struct stoa_session *session;
    enum stoa_status status = stoa_session_create(net.model, options, error, &session);
    stoa_session_free(session);
    return status;
}

static enum stoa_status create_in_little(struct stoa_error *error)
{
    return create(&(struct stoa_session_options){.threads = 1, .max_bytes = least_bytes() + 64}, error);
}

static enum stoa_status create_forced(struct stoa_error *error)
{
    return create(&(struct stoa_session_options){.threads = 1, .lowering = STOA_LOWERING_DEPTHWISE}, error);
}

/* Where one of two plans that are kept must go for the third. */
static enum stoa_status reshape_in_little(struct stoa_error *error)
{
    struct stoa_session *session;
    struct stoa_session_options options = {.threads = 1, .max_bytes = 4 * least_bytes()};
    STOA_TRY(stoa_session_create(net.model, &options, error, &session));
    enum stoa_status status = STOA_OK;
    for (size_t batch = 2; status == STOA_OK && batch < 6; batch++) {
        const struct stoa_input_spec spec = {.name = "x", .rank = 4, .dims = {batch, 8, 12, 12}};
        status = stoa_session_reshape(session, &spec, 1, error);
    }
    stoa_session_free(session);
    return status;
}

static enum stoa_status verify_forced(struct stoa_error *error)
{
    const struct stoa_session_options session = {.threads = 1, .lowering = STOA_LOWERING_WINOGRAD};
    return stoa_verify(net.model, NULL, &(struct stoa_verify_options){.session = &session}, error);
}

static enum stoa_status tune(struct stoa_error *error)
{
    struct stoa_tuning *tuning;
    STOA_TRY(stoa_tuning_create(NULL, error, &tuning));
    const struct stoa_session_options options = {.threads = 1, .max_bytes = least_bytes() + 1024};
    enum stoa_status status = stoa_tune(tuning, net.model, &options, NULL, 1, error, NULL);
    stoa_tuning_free(tuning);
    return status;
}

static enum stoa_status layer_backward(struct stoa_error *error)
{
    struct stoa_conv2d_backward *backward;
    const struct stoa_conv2d_desc desc = {.height = 8,
                                          .width = 8,
                                          .in_channels = 3,
                                          .out_channels = 3,
                                          .kernel = {3, 3},
                                          .threads = 1,
                                          .lowering = STOA_LOWERING_DEPTHWISE};
    STOA_TRY(stoa_conv2d_backward_create(&desc, error, &backward));
    stoa_conv2d_backward_free(backward);
    return STOA_OK;
}

static const struct {
    const char *name;
    enum stoa_status (*call)(struct stoa_error *error);
} calls[] = {
    {"a session in little memory", create_in_little},
    {"a session with a lowering that does not apply", create_forced},
    {"reshapes in little memory", reshape_in_little},
    {"verification with a lowering that does not apply", verify_forced},
    {"tuning", tune},
    {"a layer's backward pass with a lowering that does not apply", layer_backward},
};

Test(success, says_nothing_in_the_error)
{
    static const struct stoa_error zero;
    net_build(&net, network, NULL);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct stoa_error error = {0};
        cr_expect(calls[i].call(&error) == STOA_OK, "%s: %s", calls[i].name, error.message);
        cr_expect(memcmp(&error, &zero, sizeof error) == 0, "%s: %s", calls[i].name, error.message);
    }
    net_free(&net);
}
