/* The inputs of a plan: what the model leaves open, the caller states. */
#include <inttypes.h>
#include <string.h>

#include "base/reserved.h"
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

enum stoa_status stoa_plan_input(const struct graph_value *value, const struct stoa_input_spec *spec,
                                 struct stoa_error *error, struct stoa_tensor *tensor)
{
    tensor->dtype = value->dtype;
    if (spec && (spec->rank || !value->has_shape)) {
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
    if (status == STOA_OK && spec && spec->layout == STOA_NHWC) {
        if (tensor->rank != 4 || spec->data)
            return stoa_fail(error, STOA_ERROR_SHAPE,
                             "input '%s': %s, only images (rank 4) that are bound have a layout", value->name,
                             spec->data ? "its value is fixed" : "its rank is not 4");
        stoa_tensor_set_channels_last(tensor);
    }
    return status;
}

enum stoa_status stoa_plan_check_specs(const struct graph *graph, const struct stoa_input_spec *specs, size_t count,
                                       struct stoa_error *error)
{
    for (size_t s = 0; s < count; s++) {
        size_t index = specs[s].name ? stoa_graph_find(graph, specs[s].name) : GRAPH_NONE;
        if (index == GRAPH_NONE || !graph->values[index].is_input)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no input '%s'",
                             specs[s].name ? specs[s].name : "(null)");
        STOA_TRY(STOA_CHECK_RESERVED(&specs[s], "input spec", error));
        if ((unsigned)specs[s].layout > STOA_NHWC)
            return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s': layout is %d, which is none", specs[s].name,
                             (int)specs[s].layout);
        for (size_t earlier = 0; earlier < s; earlier++)
            if (strcmp(specs[earlier].name, specs[s].name) == 0)
                return stoa_fail(error, STOA_ERROR_ARGUMENT, "input '%s' is given twice", specs[s].name);
    }
    return STOA_OK;
}

const struct stoa_input_spec *stoa_plan_find_spec(const struct stoa_input_spec *specs, size_t count, const char *name)
{
    for (size_t s = 0; s < count; s++)
        if (strcmp(specs[s].name, name) == 0)
            return &specs[s];
    return NULL;
}

enum stoa_status stoa_plan_matches(const struct plan *plan, const struct stoa_input_spec *inputs, size_t count,
                                   struct stoa_error *error, bool *matches)
{
    const struct graph *graph = &plan->model->graph;
    *matches = true;
    STOA_TRY(stoa_plan_check_specs(graph, inputs, count, error));
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        const struct plan_tensor *planned = &plan->values[graph->inputs[i]].main;
        const struct stoa_input_spec *spec = stoa_plan_find_spec(inputs, count, value->name);
        struct stoa_tensor tensor = {0};
        STOA_TRY(stoa_plan_input(value, spec, error, &tensor));
        size_t size = tensor.rank * sizeof *tensor.dims;
        const void *fixed =
            plan->storages[planned->place.storage].kind == STORAGE_CONSTANT ? planned->tensor.data : NULL;
        *matches &= tensor.rank == planned->tensor.rank && memcmp(tensor.dims, planned->tensor.dims, size) == 0 &&
                    memcmp(tensor.strides, planned->tensor.strides, size) == 0 && !fixed == !(spec && spec->data) &&
                    (!fixed || memcmp(fixed, spec->data, stoa_tensor_bytes(&tensor)) == 0);
    }
    return STOA_OK;
}

enum stoa_status stoa_plan_inputs(struct plan *plan, const struct plan_options *options, struct stoa_error *error)
{
    const struct graph *graph = &plan->model->graph;
    STOA_TRY(stoa_plan_check_specs(graph, options->inputs, options->input_count, error));
    for (size_t i = 0; i < graph->input_count; i++) {
        const struct graph_value *value = &graph->values[graph->inputs[i]];
        struct plan_value *planned = &plan->values[graph->inputs[i]];
        const struct stoa_input_spec *spec = stoa_plan_find_spec(options->inputs, options->input_count, value->name);

        struct stoa_tensor *tensor = &planned->main.tensor;
        STOA_TRY(stoa_plan_input(value, spec, error, tensor));
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
