/* Random inputs, as many as a session still wants. */
#include "run/random_inputs.h"

#include "base/memory.h"
#include "base/random.h"
#include "base/status.h"
#include "base/tensor.h"
#include "run/session.h"

static enum stoa_status make(struct stoa_session *session, const char *name, struct random *random,
                             struct stoa_error *error, void **out)
{
    struct stoa_tensor tensor;
    STOA_TRY(stoa_session_input(session, name, error, &tensor));
    if (tensor.dtype != STOA_FLOAT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is %s: random numbers are for float inputs, give one",
                         name, stoa_dtype_name(tensor.dtype));
    size_t elements = stoa_tensor_elements(&tensor);
    float *values;
    STOA_TRY(stoa_allocate_raw(&session->allocator, elements, sizeof *values, error, &values));
    stoa_random_fill(random, elements, values);
    *out = values;
    return STOA_OK;
}

enum stoa_status stoa_random_inputs_bind(struct stoa_session *session, const void *const *data, uint64_t seed,
                                         struct stoa_error *error, void ***out)
{
    const struct graph *graph = &session->model->graph;
    *out = NULL;
    STOA_TRY(stoa_allocate(&session->allocator, graph->input_count, sizeof **out, error, out));
    struct random random = {.state = seed};
    for (size_t i = 0; i < graph->input_count; i++) {
        const char *name = graph->values[graph->inputs[i]].name;
        if (session->inputs[i].fixed)
            continue;
        const void *given = data ? data[i] : NULL;
        if (!given) {
            STOA_TRY(make(session, name, &random, error, &(*out)[i]));
            given = (*out)[i];
        }
        STOA_TRY(stoa_session_bind_input(session, name, given, error));
    }
    return STOA_OK;
}

void stoa_random_inputs_free(const struct stoa_session *session, void **random)
{
    for (size_t i = 0; random && i < session->model->graph.input_count; i++)
        stoa_release(&session->allocator, random[i]);
    stoa_release(&session->allocator, random);
}
