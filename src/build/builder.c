/* Layers become nodes at once, and each node's operator infers its output's shape at once, so that the next layer can
 * be sized by it and a mistake is found where it was made. The batch counts as one entry meanwhile: no layer mixes
 * entries, so every first dimension is the batch. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/reserved.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "build/build.h"

#define OPSET 13
#define MOST_BYTES ((size_t)0x7fffffff) /* of an ONNX file */

#define NO_VALUE ((struct stoa_value){GRAPH_NONE})

static void fail(struct stoa_builder *builder, enum stoa_status status)
{
    if (builder->status == STOA_OK)
        builder->status = status;
}

enum stoa_status stoa_builder_create(const struct stoa_builder_options *options, struct stoa_error *error,
                                     struct stoa_builder **builder)
{
    if (!builder)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "builder is null");
    *builder = NULL;
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    struct stoa_builder_options given = options ? *options : (struct stoa_builder_options){0};
    if ((unsigned)given.init >= STOA_INIT_COUNT)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "init is %d, must be below %d", (int)given.init, STOA_INIT_COUNT);
    struct stoa_allocator allocator = given.allocator ? *given.allocator : stoa_allocator_default();
    struct stoa_builder *made;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *made, error, &made));
    made->random.state = given.seed;
    made->init = given.init ? given.init : STOA_INIT_HE_NORMAL;
    enum stoa_status status = stoa_allocate(&allocator, 1, sizeof *made->model, error, &made->model);
    if (status != STOA_OK) {
        stoa_release(&allocator, made);
        return status;
    }
    struct stoa_model *model = made->model;
    model->allocator = allocator;
    if (given.log)
        model->log = *given.log;
    stoa_budget_init(&model->budget, &allocator, MOST_BYTES);
    status = stoa_graph_init(&model->graph, &model->budget.interface, error);
    if (status == STOA_OK) {
        *builder = made;
        return STOA_OK;
    }
    stoa_builder_free(made);
    return status;
}

void stoa_builder_free(struct stoa_builder *builder)
{
    if (!builder)
        return;
    struct stoa_allocator allocator = builder->model->allocator;
    stoa_model_free(builder->model);
    stoa_release(&allocator, builder);
}

static enum stoa_status finish(struct stoa_builder *builder)
{
    struct graph *graph = &builder->model->graph;
    if (builder->status != STOA_OK)
        return builder->status;
    if (!graph->output_count)
        return stoa_fail(&builder->error, STOA_ERROR_GRAPH, "the net has no output");
    STOA_TRY(stoa_graph_finish(graph, &builder->error));
    /* A graph states what its model's inputs, outputs and constants are; the rest is for planning. */
    for (size_t v = 0; v < graph->value_count; v++) {
        struct graph_value *value = &graph->values[v];
        if (value->constant || value->is_input || value->is_output)
            continue;
        value->dtype = STOA_NONE;
        value->has_shape = false;
        value->rank = 0;
        memset(value->dims, 0, sizeof value->dims);
    }
    return STOA_OK;
}

enum stoa_status stoa_builder_finish(struct stoa_builder *builder, struct stoa_error *error, struct stoa_model **model)
{
    if (!builder || !model) {
        stoa_builder_free(builder);
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", builder ? "model" : "builder");
    }
    *model = NULL;
    enum stoa_status status = finish(builder);
    status = stoa_budget_status(&builder->model->budget, status, "the net", &builder->error);
    if (status == STOA_OK) {
        struct stoa_allocator allocator = builder->model->allocator;
        *model = builder->model;
        stoa_release(&allocator, builder);
        return STOA_OK;
    }
    (void)stoa_fail(error, status, "%s", builder->error.message);
    stoa_builder_free(builder);
    return status;
}

struct stoa_value_info stoa_builder_describe(const struct stoa_builder *builder, struct stoa_value value)
{
    struct stoa_value_info info = {.name = ""};
    if (!builder || builder->status != STOA_OK || value.index >= builder->model->graph.value_count)
        return info;
    const struct graph_value *described = &builder->model->graph.values[value.index];
    info = (struct stoa_value_info){
        .name = described->name, .dtype = described->dtype, .has_shape = 1, .rank = described->rank};
    memcpy(info.dims, described->dims, described->rank * sizeof *info.dims);
    return info;
}

/* Records a new value, its batch open; `tensor` says type and dims. */
static enum stoa_status add_value(struct stoa_builder *builder, const char *name, const struct stoa_tensor *tensor,
                                  size_t *index)
{
    struct graph *graph = &builder->model->graph;
    if (stoa_graph_find(graph, name) != GRAPH_NONE)
        return stoa_fail(&builder->error, STOA_ERROR_ARGUMENT, "name '%.80s' is taken already", name);
    STOA_TRY(stoa_graph_value(graph, name, &builder->error, index));
    struct graph_value *value = &graph->values[*index];
    value->dtype = tensor->dtype;
    value->has_shape = true;
    value->rank = tensor->rank;
    for (size_t i = 0; i < tensor->rank; i++)
        value->dims[i] = i ? (int64_t)tensor->dims[i] : GRAPH_UNKNOWN;
    return STOA_OK;
}

static enum stoa_status add_input(struct stoa_builder *builder, const char *name, size_t rank, const size_t *dims,
                                  size_t *index)
{
    struct stoa_tensor tensor = {.dtype = STOA_FLOAT, .rank = rank + 1, .dims = {1}};
    if (rank > 0 && !dims)
        return stoa_fail(&builder->error, STOA_ERROR_ARGUMENT, "dims is null");
    if (rank >= STOA_MAX_RANK)
        return stoa_fail(&builder->error, STOA_ERROR_LIMIT, "rank is %zu, at most %d are taken beside the batch", rank,
                         STOA_MAX_RANK - 1);
    for (size_t i = 0; i < rank; i++) {
        tensor.dims[i + 1] = dims[i];
        if (dims[i] == 0)
            return stoa_fail(&builder->error, STOA_ERROR_SHAPE, "dims[%zu] is 0", i);
    }
    STOA_TRY(stoa_tensor_measure(&tensor, &builder->error, NULL, NULL));
    STOA_TRY(add_value(builder, name, &tensor, index));
    return stoa_graph_add_input(&builder->model->graph, *index, &builder->error);
}

struct stoa_value stoa_build_input(struct stoa_builder *builder, const char *name, size_t rank, const size_t *dims)
{
    if (!builder || builder->status != STOA_OK)
        return NO_VALUE;
    struct stoa_value value = NO_VALUE;
    enum stoa_status status = add_input(builder, name ? name : "input", rank, dims, &value.index);
    if (status == STOA_OK)
        return value;
    stoa_error_prefix(&builder->error, "input '%.80s': ", name ? name : "input");
    fail(builder, status);
    return NO_VALUE;
}

void stoa_build_output(struct stoa_builder *builder, const char *name, struct stoa_value x)
{
    if (!builder || builder->status != STOA_OK)
        return;
    struct graph *graph = &builder->model->graph;
    enum stoa_status status = STOA_OK;
    struct draft copy;
    if (x.index >= graph->value_count)
        status = stoa_fail(&builder->error, STOA_ERROR_ARGUMENT, "its value is none of this builder's");
    else if (name && strcmp(name, graph->values[x.index].name) != 0) {
        const struct graph_value *value = &graph->values[x.index];
        if (!value->is_input && !value->is_output)
            status = stoa_graph_rename(graph, x.index, name, &builder->error);
        else if (stoa_draft_begin(&copy, builder, "Identity", "copy", name, 1, &x)) /* it keeps its own */
            x = stoa_draft_end(&copy);
    }
    if (builder->status != STOA_OK)
        return;
    if (status == STOA_OK)
        status = stoa_graph_add_output(graph, x.index, &builder->error);
    if (status != STOA_OK && name)
        stoa_error_prefix(&builder->error, "output '%.80s': ", name);
    fail(builder, status);
}

void stoa_draft_fail(struct draft *draft, enum stoa_status status, const char *format, ...)
{
    struct stoa_builder *builder = draft->builder;
    if (builder->status != STOA_OK)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    fail(builder, stoa_fail(&builder->error, status, "layer '%s' (%s): %s", draft->name, draft->type, text));
}

/* What a callee said of the layer. */
static void note(struct draft *draft, enum stoa_status status)
{
    if (status == STOA_OK || draft->builder->status != STOA_OK)
        return;
    stoa_error_prefix(&draft->builder->error, "layer '%s' (%s): ", draft->name, draft->type);
    fail(draft->builder, status);
}

/* "conv1", "conv2", ...: the next number of the kind that is free. */
static void name_by_kind(struct draft *draft, const char *kind)
{
    struct stoa_builder *builder = draft->builder;
    size_t k = 0, last = sizeof builder->kinds / sizeof builder->kinds[0] - 1;
    while (k < last && builder->kinds[k].kind && strcmp(builder->kinds[k].kind, kind) != 0)
        k++;
    builder->kinds[k].kind = kind;
    do
        snprintf(draft->name, sizeof draft->name, "%s%zu", kind, ++builder->kinds[k].count);
    while (stoa_graph_find(&builder->model->graph, draft->name) != GRAPH_NONE);
}

bool stoa_draft_begin(struct draft *draft, struct stoa_builder *builder, const char *type, const char *kind,
                      const char *name, size_t count, const struct stoa_value *x)
{
    if (!builder || builder->status != STOA_OK)
        return false;
    *draft = (struct draft){.builder = builder, .type = type};
    const struct graph *graph = &builder->model->graph;
    if (!name)
        name_by_kind(draft, kind);
    else if (snprintf(draft->name, sizeof draft->name, "%s", name) >= BUILD_NAME)
        stoa_draft_fail(draft, STOA_ERROR_LIMIT, "its name is longer than %d bytes", BUILD_NAME - 1);
    else if (!name[0])
        stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "its name is empty");
    else if (stoa_graph_find(graph, name) != GRAPH_NONE)
        stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "its name is taken already");
    if (count == 0 || count > BUILD_MAX_INPUTS)
        stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "has %zu inputs, must have 1 to %d", count, BUILD_MAX_INPUTS);
    else if (!x)
        stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "its inputs are null");
    for (size_t i = 0; i < count && builder->status == STOA_OK; i++) {
        if (x[i].index >= graph->value_count)
            stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "input %zu is no value of this builder", i);
        else
            draft->inputs[draft->input_count++] = x[i].index;
    }
    return builder->status == STOA_OK;
}

const struct graph_value *stoa_draft_input(const struct draft *draft, size_t i)
{
    return &draft->builder->model->graph.values[draft->inputs[i]];
}

static struct attribute *add_attribute(struct draft *draft, const char *name, enum attribute_kind kind)
{
    struct attribute *attribute = &draft->attributes[draft->attribute_count++];
    *attribute = (struct attribute){.name = name, .kind = kind};
    return attribute;
}

void stoa_draft_int(struct draft *draft, const char *name, int64_t value)
{
    add_attribute(draft, name, ATTRIBUTE_INT)->integer = value;
}

void stoa_draft_float(struct draft *draft, const char *name, float value)
{
    add_attribute(draft, name, ATTRIBUTE_FLOAT)->number = value;
}

void stoa_draft_string(struct draft *draft, const char *name, const char *value)
{
    add_attribute(draft, name, ATTRIBUTE_STRING)->string = value;
}

void stoa_draft_ints(struct draft *draft, const char *name, size_t count, const int64_t *values)
{
    struct attribute *attribute = add_attribute(draft, name, ATTRIBUTE_INTS);
    attribute->count = count;
    attribute->integers = values;
}

void stoa_draft_absent(struct draft *draft)
{
    draft->inputs[draft->input_count++] = GRAPH_NONE;
}

static enum stoa_status add_constant(struct draft *draft, const char *name, struct stoa_tensor *tensor, size_t *index)
{
    struct stoa_builder *builder = draft->builder;
    struct graph *graph = &builder->model->graph;
    char full[BUILD_NAME + 32];
    size_t elements, bytes;
    snprintf(full, sizeof full, "%s.%s", draft->name, name);
    enum stoa_status status = stoa_tensor_measure(tensor, &builder->error, &elements, &bytes);
    if (status == STOA_OK && bytes > MOST_BYTES)
        status =
            stoa_fail(&builder->error, STOA_ERROR_LIMIT, "takes %zu bytes, a model at most %zu", bytes, MOST_BYTES);
    if (status == STOA_OK)
        status = stoa_arena_allocate(&graph->arena, elements, sizeof(float), &builder->error, &tensor->data);
    if (status == STOA_OK)
        status = add_value(builder, full, tensor, index);
    if (status != STOA_OK) {
        stoa_error_prefix(&builder->error, "%s: ", name);
        return status;
    }
    stoa_tensor_set_plain(tensor);
    return stoa_graph_set_constant(graph, *index, tensor, &builder->error);
}

float *stoa_draft_constant(struct draft *draft, const char *name, size_t rank, const size_t *dims)
{
    struct stoa_tensor tensor = {.dtype = STOA_FLOAT, .rank = rank};
    if (draft->builder->status != STOA_OK)
        return NULL;
    for (size_t i = 0; i < rank; i++)
        tensor.dims[i] = dims[i];
    note(draft, add_constant(draft, name, &tensor, &draft->inputs[draft->input_count]));
    draft->input_count++;
    return draft->builder->status == STOA_OK ? tensor.data : NULL;
}

void stoa_draft_weights(struct draft *draft, size_t rank, const size_t *dims, double fan_in, double fan_out,
                        enum stoa_init init)
{
    struct stoa_builder *builder = draft->builder;
    if ((unsigned)init >= STOA_INIT_COUNT)
        stoa_draft_fail(draft, STOA_ERROR_ARGUMENT, "init is %d, must be below %d", (int)init, STOA_INIT_COUNT);
    float *weights = stoa_draft_constant(draft, "weight", rank, dims);
    size_t count = 1;
    for (size_t i = 0; i < rank && weights; i++)
        count *= dims[i];
    if (weights)
        stoa_initialise(&builder->random, init ? init : builder->init, fan_in, fan_out, count, weights);
}

/* Parses the attributes and infers the output, as planning will at the batch that is run. */
static enum stoa_status infer(struct draft *draft, struct stoa_tensor *output)
{
    struct stoa_builder *builder = draft->builder;
    struct graph *graph = &builder->model->graph;
    struct stoa_tensor inputs[BUILD_MAX_INPUTS] = {0};
    struct op_call call = {.op = stoa_op_find(draft->type, OPSET, NULL),
                           .input_count = draft->input_count,
                           .output_count = 1,
                           .inputs = inputs,
                           .outputs = output};
    for (size_t i = 0; i < draft->input_count; i++) {
        if (draft->inputs[i] == GRAPH_NONE)
            continue;
        const struct graph_value *value = &graph->values[draft->inputs[i]];
        inputs[i] = (struct stoa_tensor){.dtype = value->dtype, .rank = value->rank};
        for (size_t d = 0; d < value->rank; d++)
            inputs[i].dims[d] = value->dims[d] == GRAPH_UNKNOWN ? 1 : (size_t)value->dims[d];
        stoa_tensor_set_plain(&inputs[i]);
        inputs[i].data = value->constant ? value->constant->data : NULL;
    }
    struct attributes attributes = {.items = draft->attributes, .count = draft->attribute_count};
    struct attribute_reader reader = stoa_reader(&attributes, OPSET, draft->input_count, 1, &builder->error);
    void *params;
    STOA_TRY(stoa_arena_allocate(&graph->arena, 1, call.op->params_size, &builder->error, &params));
    call.params = params;
    STOA_TRY(call.op->parse ? call.op->parse(&reader, params) : stoa_reader_finish(&reader));
    output->dtype = STOA_FLOAT; /* present */
    STOA_TRY(call.op->infer(&call, &builder->error));
    return stoa_tensor_measure(output, &builder->error, NULL, NULL);
}

static enum stoa_status end(struct draft *draft, struct stoa_value *value)
{
    struct stoa_builder *builder = draft->builder;
    struct stoa_tensor output = {0};
    STOA_TRY(infer(draft, &output));
    STOA_TRY(add_value(builder, draft->name, &output, &value->index));
    struct graph_node node = {.name = draft->name,
                              .type = draft->type,
                              .domain = "",
                              .attributes = {.items = draft->attributes, .count = draft->attribute_count},
                              .opset = OPSET,
                              .input_count = draft->input_count,
                              .output_count = 1,
                              .inputs = draft->inputs,
                              .outputs = &value->index};
    return stoa_graph_add_node(&builder->model->graph, &node, &builder->error);
}

struct stoa_value stoa_draft_end(struct draft *draft)
{
    struct stoa_value value = NO_VALUE;
    if (draft->builder->status == STOA_OK)
        note(draft, end(draft, &value));
    return draft->builder->status == STOA_OK ? value : NO_VALUE;
}
