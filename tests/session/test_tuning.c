/* Measured choices: what is measured is taken, once and for all. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include <stoa/stoa.h>

#include "base/random.h"
#include "lower/tuning.h"
#include "support/allocator.h"
#include "support/net.h"

/* Two convolutions of one shape, a depthwise one, a strided one, and a transposed one that has no choice. */
static const char network[] =
    "input x f32[1,16,9,9]\nconst v f32[16,16,3,3]\nconst w f32[16,16,3,3]\nconst d f32[16,1,3,3]\n"
    "const s f32[8,16,3,3]\nconst t f32[8,4,2,2]\n"
    "a = Conv(x, v) pads=[1,1,1,1]\nb = Conv(a, w) pads=[1,1,1,1]\nc = Conv(b, d) group=16\n"
    "e = Conv(c, s) strides=[2,2]\ny = ConvTranspose(e, t)\noutput y\n";

static struct stoa_session *open_session(const struct net *net, const struct stoa_tuning *tuning)
{
    struct stoa_session *session;
    struct stoa_error error = {0};
    struct stoa_session_options options = {.threads = 1, .tuning = tuning};
    cr_assert(stoa_session_create(net->model, &options, &error, &session) == STOA_OK, "%s", error.message);
    return session;
}

Test(tuning, measures_each_shape_once)
{
    struct counting_allocator memory;
    counting_allocator_init(&memory);
    struct net net;
    net_build(&net, network, &memory.interface);
    struct stoa_tuning *tuning;
    struct stoa_error error = {0};
    struct stoa_session_options options = {.threads = 1};
    size_t measured;
    cr_assert(stoa_tuning_create(&memory.interface, &error, &tuning) == STOA_OK);
    cr_assert(stoa_tune(tuning, net.model, &options, NULL, 1, &error, &measured) == STOA_OK, "%s", error.message);
    cr_expect(measured == 3 && stoa_tuning_count(tuning) == 3, "%zu measured, %zu known", measured,
              stoa_tuning_count(tuning));
    for (size_t i = 0; i < tuning->count; i++) {
        const struct tuning_entry *entry = &tuning->entries[i];
        bool depthwise = entry->shape.groups == 16;
        cr_expect(entry->seconds[STOA_LOWERING_VIEW] > 0 && entry->seconds[STOA_LOWERING_IM2COL_FULL] > 0);
        cr_expect((entry->seconds[STOA_LOWERING_DEPTHWISE] > 0) == depthwise);
    }
    cr_assert(stoa_tune(tuning, net.model, &options, NULL, 1, &error, &measured) == STOA_OK, "%s", error.message);
    cr_expect(measured == 0, "%zu measured again", measured);
    options.threads = 2;
    cr_assert(stoa_tune(tuning, net.model, &options, NULL, 1, &error, &measured) == STOA_OK, "%s", error.message);
    cr_expect(measured == 3, "%zu measured with another number of threads", measured);
    stoa_tuning_free(tuning);
    net_free(&net);
    cr_expect(memory.live == 0, "%zu blocks leak", memory.live);
}

Test(tuning, sessions_take_the_fastest_measured)
{
    static const enum stoa_lowering ways[] = {STOA_LOWERING_VIEW, STOA_LOWERING_IM2COL, STOA_LOWERING_IM2COL_FULL};
    struct net net;
    net_build(&net, network, NULL);
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct stoa_tuning *tuning;
        cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
        cr_assert(stoa_tune(tuning, net.model, &(struct stoa_session_options){.threads = 1}, NULL, 1, NULL, NULL) ==
                  STOA_OK);
        for (size_t e = 0; e < tuning->count; e++)
            tuning->entries[e].seconds[ways[i]] = 1e-12;
        struct stoa_session *session = open_session(&net, tuning);
        size_t convolutions = 0;
        for (size_t s = 0; s < stoa_session_step_count(session); s++) {
            struct stoa_step_info info;
            cr_assert(stoa_session_step(session, s, NULL, &info) == STOA_OK);
            bool transposed = strcmp(info.type, "ConvTranspose") == 0;
            cr_expect((info.choice && info.choice->count == 1) == transposed);
            if (strcmp(info.type, "Conv") != 0)
                continue;
            const char *name = stoa_lowering_name(ways[i]);
            cr_expect(strncmp(info.how, name, strlen(name)) == 0 && info.how[strlen(name)] == ' ', "%s, not %s",
                      info.how, name);
            cr_assert(info.choice);
            cr_expect(strstr(info.choice->line, "measured") != NULL, "%s", info.choice->line);
            for (size_t k = 0; k < info.choice->count; k++) {
                const struct stoa_lowering_info *way = &info.choice->lowerings[k];
                cr_expect((way->measured_seconds > 0) == (way->applies != 0), "%s: measured %g s", way->text,
                          way->measured_seconds);
                cr_expect(!way->chosen == (way->lowering != ways[i]), "%s: %s", way->text, way->reason);
                cr_expect(!way->chosen || strcmp(way->text, info.how) == 0, "%s, not %s", way->text, info.how);
            }
            convolutions++;
        }
        cr_expect(convolutions == 4);
        stoa_session_free(session);
        stoa_tuning_free(tuning);
    }
    net_free(&net);
}

/* Where memory is short, what does not fit is left out, and what does is still measured. */
Test(tuning, keeps_to_max_bytes)
{
    struct net net;
    net_build(&net, "input x f32[1,48,20,20]\nconst w f32[48,48,3,3]\ny = Conv(x, w) pads=[1,1,1,1]\noutput y\n", NULL);
    struct stoa_session_options options = {.threads = 1, .max_bytes = 1};
    struct stoa_session *session;
    struct stoa_error error = {0};
    cr_assert(stoa_session_create(net.model, &options, &error, &session) == STOA_ERROR_LIMIT);
    const char *words = "at least ", *least = strstr(error.message, words);
    cr_assert(least, "%s", error.message);
    /* What is told of measured times takes some room too. */
    options.max_bytes = strtoul(least + strlen(words), NULL, 10) + 1024;
    struct stoa_tuning *tuning;
    cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
    cr_expect(stoa_tune(tuning, net.model, &options, NULL, 1, &error, NULL) == STOA_OK, "%s", error.message);
    cr_expect(stoa_tuning_count(tuning) == 1 && tuning->entries[0].seconds[STOA_LOWERING_WINOGRAD] == 0);
    options.tuning = tuning;
    cr_expect(stoa_session_create(net.model, &options, &error, &session) == STOA_OK, "%s", error.message);
    stoa_session_free(session);
    options.max_bytes = 1;
    cr_expect(stoa_tune(tuning, net.model, &options, NULL, 1, &error, NULL) == STOA_ERROR_LIMIT);
    stoa_tuning_free(tuning);
    net_free(&net);
}

/* A table that a strict session has asked for does not keep others from what they may have. */
Test(tuning, measures_the_same_whatever_the_accuracy)
{
    struct net net;
    net_build(&net, "input x f32[1,16,9,9]\nconst w f32[16,16,3,3]\ny = Conv(x, w)\noutput y\n", NULL);
    struct stoa_tuning *tuning;
    struct stoa_session_options options = {.threads = 1, .accuracy = STOA_ACCURACY_STRICT};
    cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
    cr_assert(stoa_tune(tuning, net.model, &options, NULL, 1, NULL, NULL) == STOA_OK && tuning->count == 1);
    cr_expect(tuning->entries[0].seconds[STOA_LOWERING_WINOGRAD] > 0);
    tuning->entries[0].seconds[STOA_LOWERING_WINOGRAD] = 1e-12;
    for (int strict = 0; strict < 2; strict++) {
        struct stoa_session *session;
        struct stoa_step_info info;
        options = (struct stoa_session_options){
            .threads = 1, .tuning = tuning, .accuracy = strict ? STOA_ACCURACY_STRICT : STOA_ACCURACY_FAST};
        cr_assert(stoa_session_create(net.model, &options, NULL, &session) == STOA_OK);
        for (size_t s = 0; s < stoa_session_step_count(session); s++)
            if (stoa_session_step(session, s, NULL, &info) == STOA_OK && strcmp(info.type, "Conv") == 0)
                cr_expect((strncmp(info.how, "winograd", 8) == 0) == !strict, "%s", info.how);
        stoa_session_free(session);
    }
    stoa_tuning_free(tuning);
    net_free(&net);
}

/* Wherever an allocation fails, nothing leaks and what is known stays known. */
Test(tuning, survives_a_lack_of_memory)
{
    struct net net;
    net_build(&net, "input x f32[1,2,5,5]\nconst w f32[3,2,3,3]\ny = Conv(x, w)\noutput y\n", NULL);
    enum stoa_status status = STOA_ERROR_MEMORY;
    for (size_t limit = 1; status == STOA_ERROR_MEMORY; limit++) {
        struct counting_allocator memory;
        counting_allocator_init(&memory);
        memory.fail_at = limit;
        struct stoa_tuning *tuning = NULL;
        struct stoa_session_options options = {.threads = 1, .allocator = &memory.interface};
        status = stoa_tuning_create(&memory.interface, NULL, &tuning);
        if (status == STOA_OK)
            status = stoa_tune(tuning, net.model, &options, NULL, 1, NULL, NULL);
        cr_expect(status == STOA_OK || status == STOA_ERROR_MEMORY, "%s", stoa_status_name(status));
        cr_expect(!tuning || stoa_tuning_count(tuning) == (status == STOA_OK));
        stoa_tuning_free(tuning);
        cr_expect(memory.live == 0, "%zu blocks leak after %zu allocations", memory.live, limit);
        cr_assert(limit < 10000);
    }
    net_free(&net);
}

Test(tuning, wants_its_arguments)
{
    cr_expect(stoa_tuning_create(NULL, NULL, NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_tune(NULL, NULL, NULL, NULL, 0, NULL, NULL) == STOA_ERROR_ARGUMENT);
    struct net net;
    struct stoa_tuning *tuning;
    net_build(&net, network, NULL);
    cr_assert(stoa_tuning_create(NULL, NULL, &tuning) == STOA_OK);
    static const struct stoa_session_options bad[] = {{.lowering = STOA_LOWERING_COUNT},
                                                      {.accuracy = STOA_ACCURACY_COUNT}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct stoa_error error = {0};
        cr_expect(stoa_tune(tuning, net.model, &bad[i], NULL, 1, &error, NULL) == STOA_ERROR_ARGUMENT &&
                      strstr(error.message, i ? "options.accuracy is" : "options.lowering is"),
                  "%s", error.message);
    }
    stoa_tuning_free(tuning);
    net_free(&net);
    cr_expect(stoa_tuning_load(NULL, "x", NULL) == STOA_ERROR_ARGUMENT);
    cr_expect(stoa_tuning_save(NULL, "x", NULL) == STOA_ERROR_ARGUMENT);
    stoa_tuning_free(NULL);
}
