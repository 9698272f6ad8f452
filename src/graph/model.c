/* What the public interface tells of a model. Loading is the reader's business. */
#include "graph/model.h"

#include <string.h>

#include "base/memory.h"
#include "base/status.h"

void stoa_model_free(struct stoa_model *model)
{
    if (!model)
        return;
    struct stoa_allocator allocator = model->allocator;
    stoa_file_unmap(&model->file); /* the chain lies in the graph's arena */
    if (model->graph.arena.allocator.release)
        stoa_graph_deinit(&model->graph);
    stoa_release(&allocator, model);
}

size_t stoa_model_input_count(const struct stoa_model *model)
{
    return model->graph.input_count;
}

size_t stoa_model_output_count(const struct stoa_model *model)
{
    return model->graph.output_count;
}

static enum stoa_status describe(const struct stoa_model *model, bool input, size_t index, struct stoa_error *error,
                                 struct stoa_value_info *info)
{
    if (!model || !info)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !model ? "model" : "info");
    const struct graph *graph = &model->graph;
    const char *what = input ? "input" : "output";
    const size_t *values = input ? graph->inputs : graph->outputs;
    size_t count = input ? graph->input_count : graph->output_count;
    if (index >= count)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s %zu does not exist: the model has %zu", what, index, count);
    const struct graph_value *value = &graph->values[values[index]];
    *info = (struct stoa_value_info){.name = value->name,
                                     .dtype = value->dtype,
                                     .has_shape = value->has_shape,
                                     .rank = value->rank,
                                     .decides_shapes = value->decides_shapes};
    for (size_t i = 0; i < value->rank; i++)
        info->dims[i] = value->dims[i];
    return STOA_OK;
}

enum stoa_status stoa_model_input(const struct stoa_model *model, size_t index, struct stoa_error *error,
                                  struct stoa_value_info *info)
{
    return describe(model, true, index, error, info);
}

enum stoa_status stoa_model_output(const struct stoa_model *model, size_t index, struct stoa_error *error,
                                   struct stoa_value_info *info)
{
    return describe(model, false, index, error, info);
}

static enum stoa_status find(const struct stoa_model *model, bool input, const char *name, struct stoa_error *error,
                             size_t *index)
{
    if (!model || !index)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", !model ? "model" : "index");
    const struct graph *graph = &model->graph;
    size_t count = input ? graph->input_count : graph->output_count;
    const size_t *values = input ? graph->inputs : graph->outputs;
    for (size_t i = 0; name && i < count; i++)
        if (strcmp(graph->values[values[i]].name, name) == 0) {
            *index = i;
            return STOA_OK;
        }
    return stoa_fail(error, STOA_ERROR_ARGUMENT, "the model has no %s '%s'", input ? "input" : "output",
                     name ? name : "(null)");
}

enum stoa_status stoa_model_find_input(const struct stoa_model *model, const char *name, struct stoa_error *error,
                                       size_t *index)
{
    return find(model, true, name, error, index);
}

enum stoa_status stoa_model_find_output(const struct stoa_model *model, const char *name, struct stoa_error *error,
                                        size_t *index)
{
    return find(model, false, name, error, index);
}
