/* Where a step stopped being finite: the same step once more, every value kept and nothing fused, searched in the order
 * in which it was computed. That costs memory and time, but only when training has come to an end. */
#include <math.h>

#include "base/status.h"
#include "base/tensor.h"
#include "kernels/optimise.h"
#include "train/trainer.h"

static bool is_finite(const struct stoa_tensor *tensor)
{
    if (tensor->dtype != STOA_FLOAT || !tensor->data)
        return true;
    size_t count = stoa_tensor_elements(tensor);
    for (size_t i = 0; i < count; i++)
        if (!isfinite(stoa_tensor_load(tensor, stoa_tensor_offset(tensor, i))))
            return false;
    return true;
}

/* The first node with a result that is not finite, and which; null if there is none. */
static const struct graph_node *find_node(const struct graph *graph, const struct stoa_session *session,
                                          const char **value)
{
    for (size_t n = 0; n < graph->node_count; n++)
        for (size_t o = 0; o < graph->nodes[n].output_count; o++) {
            struct stoa_tensor tensor;
            size_t output = graph->nodes[n].outputs[o];
            if (output == GRAPH_NONE ||
                stoa_session_value(session, graph->values[output].name, NULL, &tensor) != STOA_OK || is_finite(&tensor))
                continue;
            *value = graph->values[output].name;
            return &graph->nodes[n];
        }
    return NULL;
}

/* What the buffers alone tell. */
static enum stoa_status explain_briefly(const struct stoa_trainer *trainer, struct stoa_error *error)
{
    unsigned long long call = trainer->state.calls + 1;
    for (size_t i = trainer->parameter_count; i-- > 0;) {
        const struct trainer_tensor *tensor = &trainer->tensors[i];
        if (tensor->trained && !isfinite(stoa_sum_of_squares(tensor->count, trainer->gradient + tensor->offset, NULL)))
            return stoa_fail(error, STOA_ERROR_NONFINITE, "step %llu: the gradient of '%.200s' is not finite", call,
                             tensor->name);
    }
    if (!isfinite(*trainer->loss))
        return stoa_fail(error, STOA_ERROR_NONFINITE, "step %llu: the loss is %g", call, (double)*trainer->loss);
    return stoa_fail(error, STOA_ERROR_NONFINITE,
                     "step %llu: the sum of gradients, or a running statistic, is not finite", call);
}

/* Whether what the caller gave is finite. */
static bool input_is_finite(const struct stoa_session *session, const char *name, const void *data)
{
    struct stoa_tensor tensor;
    if (stoa_session_input(session, name, NULL, &tensor) != STOA_OK)
        return true;
    tensor.data = stoa_read_only(data);
    return is_finite(&tensor);
}

enum stoa_status stoa_trainer_explain(struct stoa_trainer *trainer, const void *x, const void *labels,
                                      struct stoa_error *error)
{
    struct stoa_session_options options = {.pool = &trainer->shared,
                                           .accuracy = trainer->options.accuracy,
                                           .inputs = trainer->specs,
                                           .input_count = trainer->spec_count,
                                           .keep_values = 1,
                                           .disabled_passes = STOA_PASS_ALL,
                                           .allocator = &trainer->allocator};
    struct stoa_session *session;
    enum stoa_status status = explain_briefly(trainer, error);
    if (!error || stoa_trainer_open(trainer, &options, x, labels, NULL, &session) != STOA_OK)
        return status;
    unsigned long long call = trainer->state.calls + 1;
    const char *value, *input = !input_is_finite(session, trainer->x_name, x)             ? trainer->x_name
                                : !input_is_finite(session, trainer->labels_name, labels) ? trainer->labels_name
                                                                                          : NULL;
    const struct graph_node *node = NULL;
    if (!input && stoa_session_run(session, NULL) == STOA_OK)
        node = find_node(&trainer->graph->model->graph, session, &value);
    if (input)
        stoa_fail(error, status, "step %llu: input '%.200s' is not finite", call, input);
    else if (node)
        stoa_fail(error, status, "step %llu: node '%.200s' (%.80s): its result '%.200s' is not finite", call,
                  node->name, node->type, value);
    stoa_session_free(session);
    return status;
}
