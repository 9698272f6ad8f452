/* Stoa runs whole networks: questions and answers around one session. */
#include "serve.h"

#include <stdint.h>
#include <stdlib.h>
#include <stoa/stoa.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/status.h"
#include "base/tensor.h"
#include "engine.h"
#include "rawfile.h"

#define MAX_INPUTS 16

struct served {
    struct stoa_allocator allocator;
    struct stoa_model *model;
    struct stoa_session *session;
    float *inputs[MAX_INPUTS];
    struct stoa_input_spec specs[MAX_INPUTS];
};

static enum stoa_status take_input(struct served *served, char *words, struct stoa_error *error)
{
    struct stoa_tensor tensor = {.dtype = STOA_FLOAT};
    char *rest;
    unsigned long index = strtoul(words, &rest, 10);
    if (index >= MAX_INPUTS || *rest != ' ')
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input %.64s is not understood", words);
    do
        tensor.dims[tensor.rank++] = strtoul(rest + 1, &rest, 10);
    while (*rest == 'x' && tensor.rank < STOA_MAX_RANK);
    if (*rest != ' ')
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input %.64s is not understood", words);
    size_t elements;
    STOA_TRY(stoa_tensor_measure(&tensor, error, &elements, NULL));
    stoa_release(&served->allocator, served->inputs[index]);
    served->inputs[index] = NULL;
    STOA_TRY(stoa_allocate_raw(&served->allocator, elements, sizeof(float), error, &served->inputs[index]));
    served->specs[index].rank = tensor.rank;
    memcpy(served->specs[index].dims, tensor.dims, sizeof tensor.dims);
    return stoa_bench_read_floats(rest + 1, elements, error, served->inputs[index]);
}

static enum stoa_status load(void *user, char *words, struct stoa_error *error, double *seconds)
{
    struct served *served = user;
    char *path;
    unsigned long threads = strtoul(words, &path, 10);
    double begin = stoa_seconds();
    if (served->model || *path != ' ')
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "load %.64s is not understood, or not the first", words);
    STOA_TRY(stoa_model_load(path + 1, NULL, error, &served->model));
    size_t count = stoa_model_input_count(served->model);
    for (size_t i = 0; i < count; i++) {
        struct stoa_value_info info;
        if (i == MAX_INPUTS || !served->inputs[i])
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input %zu was not given", i);
        STOA_TRY(stoa_model_input(served->model, i, error, &info));
        served->specs[i].name = info.name;
    }
    struct stoa_session_options options = {.threads = threads, .inputs = served->specs, .input_count = count};
    STOA_TRY(stoa_session_create(served->model, &options, error, &served->session));
    for (size_t i = 0; i < count; i++)
        STOA_TRY(stoa_session_bind_input(served->session, served->specs[i].name, served->inputs[i], error));
    *seconds = stoa_seconds() - begin;
    return STOA_OK;
}

static enum stoa_status run(void *user, struct stoa_error *error)
{
    struct served *served = user;
    if (!served->session)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "nothing is loaded");
    return stoa_session_run(served->session, error);
}

static enum stoa_status give_output(struct served *served, char *words, struct stoa_error *error, FILE *out)
{
    char *path;
    struct stoa_value_info info;
    struct stoa_tensor tensor;
    size_t index = strtoul(words, &path, 10);
    if (!served->session || *path != ' ')
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "output %.64s: nothing is loaded, or it is not understood", words);
    STOA_TRY(stoa_model_output(served->model, index, error, &info));
    STOA_TRY(stoa_session_output(served->session, info.name, error, &tensor));
    if (tensor.dtype != STOA_FLOAT)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "output %zu is %s, not float", index,
                         stoa_dtype_name(tensor.dtype));
    STOA_TRY(stoa_bench_write_floats(path + 1, stoa_tensor_elements(&tensor), tensor.data, error));
    fputs("ok ", out);
    for (size_t i = 0; i < tensor.rank; i++)
        fprintf(out, i ? "x%zu" : "%zu", tensor.dims[i]);
    fputc('\n', out);
    return STOA_OK;
}

static enum stoa_status answer(void *user, const char *word, char *words, struct stoa_error *error, FILE *out)
{
    struct served *served = user;
    if (strcmp(word, "input") == 0) {
        STOA_TRY(take_input(served, words, error));
        fputs("ok\n", out);
        return STOA_OK;
    }
    if (strcmp(word, "output") == 0)
        return give_output(served, words, error, out);
    return stoa_bench_no_question(word, error);
}

int stoa_bench_serve_models(FILE *in, FILE *out)
{
    static const struct service service = {.load = load, .answer = answer, .run = run};
    struct served served = {.allocator = stoa_allocator_default()};
    stoa_bench_serve(&service, &served, in, out);
    stoa_session_free(served.session);
    stoa_model_free(served.model);
    for (size_t i = 0; i < MAX_INPUTS; i++)
        stoa_release(&served.allocator, served.inputs[i]);
    return 0;
}
