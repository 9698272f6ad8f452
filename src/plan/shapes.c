/* The inputs of a plan: what the model leaves open, the caller states. */
#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "plan/build.h"

static enum stoa_status check_spec(const struct graph_value *value, const struct stoa_input_spec *spec,
                                   struct stoa_error *error)
{
    if (spec->rank > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': rank %zu, at most %d are taken", value->name,
                         spec->rank, STOA_MAX_RANK);
    if (!value->has_shape)
        return STOA_OK;
    if (spec->rank != value->rank)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input '%s': rank %zu is given, the model has %zu", value->name,
                         spec->rank, value->rank);
    for (size_t i = 0; i < spec->rank; i++)
        if (value->dims[i] != GRAPH_UNKNOWN && (uint64_t)value->dims[i] != spec->dims[i])
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "input '%s': dimension %zu is given as %zu, the model has %" PRId64, value->name, i,
                             spec->dims[i], value->dims[i]);
    return STOA_OK;
}

static enum stoa_status resolve(const struct graph_value *value, const struct stoa_input_spec *spec,
                                struct stoa_error *error, struct stoa_tensor *tensor)
{
    tensor->dtype = value->dtype;
    if (spec) {
        STOA_TRY(check_spec(value, spec, error));
        tensor->rank = spec->rank;
        memcpy(tensor->dims, spec->dims, spec->rank * sizeof *spec->dims);
    } else {
        if (!value->has_shape)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': the model does not state its shape, give one",
                             value->name);
        tensor->rank = value->rank;
        for (size_t i = 0; i < value->rank; i++) {
            if (value->dims[i] == GRAPH_UNKNOWN && i > 0)
                return stoa_fail(error, STOA_ERROR_ARGUMENT,
                                 "input '%s': dimension %zu is open, give the input's shape", value->name, i);
            tensor->dims[i] = value->dims[i] == GRAPH_UNKNOWN ? 1 : (size_t)value->dims[i];
        }
    }
    enum stoa_status status = stoa_tensor_measure(tensor, error, NULL, NULL);
    if (status != STOA_OK)
        stoa_error_prefix(error, "input '%s': ", value->name);
    stoa_tensor_set_plain(tensor);
    return status;
}

enum stoa_status stoa_plan_inputs(struct plan *plan, const struct plan_options *options, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    for (size_t s = 0; s < options->input_count; s++) {
        size_t index = options->inputs[s].name ? stoa_graph_find(graph, options->inputs[s].name) : GRAPH_NONE;
        if (index == GRAPH_NONE || !graph->values[index].is_input)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no input '%s'",
                             options->inputs[s].name ? options->inputs[s].name : "(null)");
        for (size_t earlier = 0; earlier < s; earlier++)
            if (strcmp(options->inputs[earlier].name, options->inputs[s].name) == 0)
                return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is given twice", options->inputs[s].name);
    }
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        struct plan_value *planned = &plan->values[graph->inputs[i]];
        const struct stoa_input_spec *spec = NULL;
        for (size_t s = 0; s < options->input_count; s++)
            if (strcmp(options->inputs[s].name, value->name) == 0)
                spec = &options->inputs[s];

        struct stoa_tensor *tensor = &planned->main.tensor;
        STOA_TRY(resolve(value, spec, error, tensor));
        size_t bytes = stoa_tensor_bytes(tensor);
        bool fixed = spec && spec->data;
        if (fixed) {
            STOA_TRY(stoa_arena_allocate(&plan->arena, 1, bytes, error, &tensor->data));
            memcpy(tensor->data, spec->data, bytes);
        }
        STOA_TRY(stoa_plan_add_storage(plan, fixed ? STORAGE_CONSTANT : STORAGE_INPUT, bytes, i, error,
                                       &planned->main.place.storage));
        planned->other.place = PLAN_NOWHERE;
        planned->known = true;
    }
    for (size_t v = 0; v < graph->value_count; v++)
        if (graph->values[v].constant) {
            struct plan_value *planned = &plan->values[v];
            planned->main.tensor = *graph->values[v].constant;
            stoa_tensor_set_plain(&planned->main.tensor);
            STOA_TRY(stoa_plan_add_storage(plan, STORAGE_CONSTANT, stoa_tensor_bytes(&planned->main.tensor), 0, error,
                                           &planned->main.place.storage));
            planned->other.place = PLAN_NOWHERE;
            planned->known = true;
            if (options->keep_values) /* callers may read any of them */
                STOA_TRY(stoa_plan_settle(plan, v, error));
        }
    return STOA_OK;
}
