/* Models of the weights as they are: the original graph once more, other constants in it. */
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "train/trainer.h"

/* One copy of a graph in the making. */
struct copy {
    const struct stoa_trainer *trainer;
    const struct graph *from;
    struct graph *to;
    bool borrows;
};

/* *tensor with data of the copy's own, if it owns any. */
static enum stoa_status keep_data(const struct copy *copy, struct stoa_tensor *tensor, struct stoa_error *error)
{
    size_t bytes = stoa_tensor_bytes(tensor);
    void *data;
    if (copy->borrows)
        return STOA_OK;
    STOA_TRY(stoa_arena_allocate(&copy->to->arena, bytes ? bytes : 1, 1, error, &data));
    if (bytes)
        memcpy(data, tensor->data, bytes);
    tensor->data = data;
    return STOA_OK;
}

static enum stoa_status copy_values(const struct copy *copy, struct stoa_error *error)
{
    for (size_t v = 0; v < copy->from->value_count; v++) {
        const struct graph_value *from = &copy->from->values[v];
        size_t made;
        STOA_TRY(stoa_graph_value(copy->to, from->name, error, &made));
        struct graph_value *to = &copy->to->values[made];
        to->dtype = from->dtype;
        to->has_shape = from->has_shape;
        to->rank = from->rank;
        memcpy(to->dims, from->dims, sizeof to->dims);
    }
    return STOA_OK;
}

/* What is not trained as it was, the others with the given values. Values keep their indices. */
static enum stoa_status copy_constants(const struct copy *copy, const float *values, struct stoa_error *error)
{
    const struct stoa_trainer *trainer = copy->trainer;
    for (size_t v = 0; v < copy->from->value_count; v++) {
        if (!copy->from->values[v].constant)
            continue;
        struct stoa_tensor tensor = *copy->from->values[v].constant;
        for (size_t i = 0; i < trainer->tensor_count; i++)
            if (stoa_trainer_given(trainer, i)->value == v)
                tensor.data = stoa_read_only(values + trainer->tensors[i].offset);
        STOA_TRY(keep_data(copy, &tensor, error));
        STOA_TRY(stoa_graph_set_constant(copy->to, v, &tensor, error));
    }
    return STOA_OK;
}

/* Adding a node copies its attributes, but not the data of tensors among them. */
static enum stoa_status copy_node(const struct copy *copy, const struct graph_node *from, struct stoa_error *error)
{
    struct graph_node node = *from;
    struct attribute items[STOA_MAX_ATTRIBUTES];
    struct stoa_tensor tensors[STOA_MAX_ATTRIBUTES];
    for (size_t i = 0; i < from->attributes.count; i++) {
        items[i] = from->attributes.items[i];
        if (items[i].kind != ATTRIBUTE_TENSOR)
            continue;
        tensors[i] = *items[i].tensor;
        STOA_TRY(keep_data(copy, &tensors[i], error));
        items[i].tensor = &tensors[i];
    }
    node.attributes.items = items;
    return stoa_graph_add_node(copy->to, &node, error);
}

static enum stoa_status copy_graph(const struct copy *copy, const float *values, struct stoa_error *error)
{
    STOA_TRY(copy_values(copy, error));
    STOA_TRY(copy_constants(copy, values, error));
    for (size_t i = 0; i < copy->from->input_count; i++)
        STOA_TRY(stoa_graph_add_input(copy->to, copy->from->inputs[i], error));
    for (size_t i = 0; i < copy->from->node_count; i++)
        STOA_TRY(copy_node(copy, &copy->from->nodes[i], error));
    for (size_t i = 0; i < copy->from->output_count; i++)
        STOA_TRY(stoa_graph_add_output(copy->to, copy->from->outputs[i], error));
    return STOA_OK;
}

/* The loss as the training graph has it. */
static enum stoa_status add_loss(const struct copy *copy, struct stoa_error *error)
{
    const struct train_graph *given = copy->trainer->graph;
    const struct graph *graph = &given->model->graph;
    const struct graph_value *labels = &graph->values[graph->inputs[given->labels]];
    const struct graph_value *loss = &graph->values[graph->outputs[given->loss]];
    struct graph_node node = graph->nodes[loss->producer];
    size_t inputs[2] = {graph->outputs[given->scores]}, outputs[2];
    STOA_TRY(stoa_graph_value(copy->to, labels->name, error, &inputs[1]));
    for (size_t i = 0; i < 2; i++)
        STOA_TRY(stoa_graph_value(copy->to, graph->values[node.outputs[i]].name, error, &outputs[i]));
    struct graph_value *made = &copy->to->values[inputs[1]];
    made->dtype = labels->dtype;
    made->has_shape = labels->has_shape;
    made->rank = labels->rank;
    memcpy(made->dims, labels->dims, sizeof made->dims);
    node.inputs = inputs;
    node.outputs = outputs;
    STOA_TRY(stoa_graph_add_input(copy->to, inputs[1], error));
    STOA_TRY(stoa_graph_add_node(copy->to, &node, error));
    STOA_TRY(stoa_graph_add_output(copy->to, outputs[0], error));
    return copy->to->values[inputs[0]].is_output ? STOA_OK : stoa_graph_add_output(copy->to, inputs[0], error);
}

enum stoa_status stoa_trainer_make_model(const struct stoa_trainer *trainer, const float *values,
                                         enum model_purpose purpose, struct stoa_error *error, struct stoa_model **out)
{
    struct stoa_model *model;
    STOA_TRY(stoa_allocate(&trainer->allocator, 1, sizeof *model, error, &model));
    model->allocator = trainer->allocator;
    model->log = trainer->model->log;
    enum stoa_status status = stoa_graph_init(&model->graph, &model->allocator, error);
    struct copy copy = {.trainer = trainer,
                        .from = &trainer->model->graph,
                        .to = &model->graph,
                        .borrows = purpose == MODEL_TO_EVALUATE};
    model->graph.training = purpose == MODEL_TO_EVALUATE;
    if (status == STOA_OK)
        status = copy_graph(&copy, values, error);
    if (status == STOA_OK && purpose == MODEL_TO_EVALUATE)
        status = add_loss(&copy, error);
    if (status == STOA_OK)
        status = stoa_graph_finish(&model->graph, error);
    if (status == STOA_OK)
        *out = model;
    else
        stoa_model_free(model);
    return status;
}

static enum stoa_status make(const struct stoa_trainer *trainer, bool best, struct stoa_error *error,
                             struct stoa_model **model)
{
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    *model = NULL;
    if (!trainer)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "trainer is null");
    const float *values = best && trainer->state.has_best ? trainer->best : trainer->values;
    return stoa_trainer_make_model(trainer, values, MODEL_TO_KEEP, error, model);
}

enum stoa_status stoa_trainer_model(const struct stoa_trainer *trainer, struct stoa_error *error,
                                    struct stoa_model **model)
{
    return make(trainer, false, error, model);
}

enum stoa_status stoa_trainer_best_model(const struct stoa_trainer *trainer, struct stoa_error *error,
                                         struct stoa_model **model)
{
    return make(trainer, true, error, model);
}
