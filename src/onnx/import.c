/* The order is: versions, initialisers, inputs and outputs, nodes; then the graph checks itself. Where a node calls a
 * function of the file's, the function's nodes are read instead. */
#include "onnx/import.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"
#include "graph/branch.h"
#include "onnx/attribute.h"
#include "onnx/function.h"
#include "onnx/text.h"

#define LEAST_IR 3
#define MOST_IR 13
#define LEAST_OPSET 1 /* below 7 as far as operators have kept their meaning: the operator table knows since when */
#define MOST_OPSET 26

struct import {
    const struct onnx_source *source;
    struct arena *scratch;
    struct stoa_error *error;
    struct graph *graph;
    int opset;      /* of the default domain */
    bool in_branch; /* the graph is an If's branch */
    const struct functions *functions;
    const struct call *call; /* whose function is being read, or null */
};

/* The version of the default domain; where nothing is stated, *opset stays. */
static enum stoa_status read_opset(Onnx__OperatorSetIdProto *const *imports, size_t count, struct stoa_error *error,
                                   int *opset)
{
    const Onnx__OperatorSetIdProto *found = NULL;
    for (size_t i = 0; i < count; i++) {
        if (!stoa_onnx_is_default_domain(imports[i]->domain))
            continue;
        if (found && found->version != imports[i]->version)
            return stoa_fail(error, STOA_ERROR_GRAPH,
                             "opset_import[%zu] states version %" PRId64 " of the default domain, and an entry before "
                             "it %" PRId64,
                             i, imports[i]->version, found->version);
        found = imports[i];
    }
    if (!found)
        return STOA_OK;
    if (found->version < LEAST_OPSET || found->version > MOST_OPSET)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "opset version is %" PRId64 ", versions %d to %d are supported",
                         found->version, LEAST_OPSET, MOST_OPSET);
    *opset = (int)found->version;
    return STOA_OK;
}

static enum stoa_status check_versions(const Onnx__ModelProto *message, struct stoa_error *error, int *opset)
{
    if (!message->has_ir_version || message->ir_version <= 0)
        return stoa_fail(error, STOA_ERROR_GRAPH, "ir_version is %" PRId64, message->ir_version);
    if (message->ir_version < LEAST_IR || message->ir_version > MOST_IR)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "ir_version is %" PRId64 ", versions %d to %d are supported",
                         message->ir_version, LEAST_IR, MOST_IR);
    *opset = 0;
    STOA_TRY(read_opset(message->opset_import, message->n_opset_import, error, opset));
    return *opset ? STOA_OK : stoa_fail(error, STOA_ERROR_GRAPH, "opset_import has no entry for the default domain");
}

/* The value that the file calls so here. */
static enum stoa_status read_name(const struct import *import, const char *name, size_t *value)
{
    const char *outside;
    STOA_TRY(stoa_call_name(import->call, name, import->scratch, import->error, &outside));
    return stoa_graph_value(import->graph, outside, import->error, value);
}

static enum stoa_status add_initializer(struct import *import, const Onnx__TensorProto *message)
{
    struct stoa_tensor tensor;
    size_t value;
    STOA_TRY(read_name(import, message->name, &value));
    STOA_TRY(stoa_onnx_tensor(message, import->source, true, &import->graph->arena, import->error, &tensor));
    return stoa_graph_set_constant(import->graph, value, &tensor, import->error);
}

static enum stoa_status add_initializers(struct import *import, const Onnx__GraphProto *message)
{
    for (size_t i = 0; i < message->n_initializer; i++) {
        const char *name = message->initializer[i]->name;
        if (!stoa_onnx_is_named(name))
            return stoa_fail(import->error, STOA_ERROR_GRAPH, "initializer[%zu] has no name", i);
        enum stoa_status status = add_initializer(import, message->initializer[i]);
        if (status != STOA_OK) {
            stoa_error_prefix(import->error, "initializer '%.100s': ", name);
            return status;
        }
    }
    return STOA_OK;
}

static enum stoa_status read_shape(const Onnx__TensorShapeProto *shape, struct stoa_error *error,
                                   struct graph_value *value)
{
    if (shape->n_dim > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_LIMIT, "shape has %zu dimensions, at most %d are taken", shape->n_dim,
                         STOA_MAX_RANK);
    value->has_shape = true;
    value->rank = shape->n_dim;
    for (size_t i = 0; i < shape->n_dim; i++) {
        const Onnx__TensorShapeProto__Dimension *dim = shape->dim[i];
        /* A number below 0 says as little as none: some exporters write -1 for a dimension that is open. */
        bool stated = dim->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && dim->dim_value >= 0;
        value->dims[i] = stated ? dim->dim_value : GRAPH_UNKNOWN;
    }
    return STOA_OK;
}

/* The type and shape the file states for an input or output. An output may leave them open, an input its shape only. */
static enum stoa_status read_type(const Onnx__TypeProto *type, bool is_input, struct stoa_error *error,
                                  struct graph_value *value)
{
    if (!type || type->value_case == ONNX__TYPE_PROTO__VALUE__NOT_SET)
        return is_input ? stoa_fail(error, STOA_ERROR_GRAPH, "has no type") : STOA_OK;
    if (type->value_case != ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "is not a tensor");
    const Onnx__TypeProto__Tensor *tensor = type->tensor_type;
    if (is_input || tensor->elem_type)
        STOA_TRY(stoa_onnx_dtype(tensor->elem_type, error, &value->dtype));
    return tensor->shape ? read_shape(tensor->shape, error, value) : STOA_OK;
}

static enum stoa_status add_info(struct import *import, const Onnx__ValueInfoProto *info, bool is_input)
{
    size_t index;
    STOA_TRY(read_name(import, info->name, &index));
    /* Whoever asks for outputs of the model does so by name: one that is listed again is there already. */
    if (!is_input && !import->in_branch && import->graph->values[index].is_output)
        return STOA_OK;
    STOA_TRY(is_input ? stoa_graph_add_input(import->graph, index, import->error)
                      : stoa_graph_add_output(import->graph, index, import->error));
    struct graph_value *value = &import->graph->values[index];
    /* What a constant or an input is has been said already. */
    if (value->constant || (!is_input && value->is_input))
        return STOA_OK;
    return read_type(info->type, is_input, import->error, value);
}

static enum stoa_status add_infos(struct import *import, Onnx__ValueInfoProto *const *infos, size_t count,
                                  bool is_input)
{
    const char *what = is_input ? "input" : "output";
    for (size_t i = 0; i < count; i++) {
        if (!stoa_onnx_is_named(infos[i]->name))
            return stoa_fail(import->error, STOA_ERROR_GRAPH, "%s[%zu] of the model has no name", what, i);
        enum stoa_status status = add_info(import, infos[i], is_input);
        if (status != STOA_OK) {
            stoa_error_prefix(import->error, "model %s '%.100s': ", what, infos[i]->name);
            return status;
        }
    }
    return STOA_OK;
}

static enum stoa_status read_names(struct import *import, char *const *names, size_t count, const size_t **values)
{
    size_t *read;
    STOA_TRY(stoa_arena_allocate(import->scratch, count, sizeof *read, import->error, &read));
    for (size_t i = 0; i < count; i++) {
        const char *outside;
        STOA_TRY(stoa_call_name(import->call, names[i], import->scratch, import->error, &outside));
        read[i] = GRAPH_NONE;
        if (outside[0])
            STOA_TRY(stoa_graph_value(import->graph, outside, import->error, &read[i]));
    }
    *values = read;
    return STOA_OK;
}

static enum stoa_status read_attributes(struct import *import, const Onnx__NodeProto *message,
                                        struct attributes *attributes)
{
    if (message->n_attribute > STOA_MAX_ATTRIBUTES)
        return stoa_fail(import->error, STOA_ERROR_LIMIT, "%zu attributes, at most %d are taken", message->n_attribute,
                         STOA_MAX_ATTRIBUTES);
    struct attribute *items;
    STOA_TRY(stoa_arena_allocate(import->scratch, message->n_attribute, sizeof *items, import->error, &items));
    size_t count = 0;
    for (size_t i = 0; i < message->n_attribute; i++) {
        const Onnx__AttributeProto *meant;
        STOA_TRY(stoa_call_attribute(import->call, message->attribute[i], import->error, &meant));
        if (!meant)
            continue;
        Onnx__AttributeProto named = *meant;
        named.name = message->attribute[i]->name;
        STOA_TRY(stoa_onnx_attribute(&named, import->source, &import->graph->arena, import->error, &items[count++]));
    }
    *attributes = (struct attributes){.items = items, .count = count};
    return STOA_OK;
}

static enum stoa_status add_node(struct import *import, size_t index, const Onnx__NodeProto *message);

static bool is_if(const Onnx__NodeProto *message)
{
    return strcmp(message->op_type, "If") == 0 && stoa_onnx_is_default_domain(message->domain);
}

/* A branch's values may have the names of others outside; what it takes from there, it names too. Nesting ends where
 * the guard has ended it. */
static enum stoa_status read_branch(const struct import *around, const Onnx__GraphProto *message, size_t outputs,
                                    const struct graph **branch)
{
    struct graph *graph;
    STOA_TRY(stoa_graph_add_branch(around->graph, around->error, &graph));
    struct import import = *around;
    import.graph = graph;
    import.in_branch = true;
    if (message->n_input)
        return stoa_fail(import.error, STOA_ERROR_GRAPH, "has %zu inputs, branches have none", message->n_input);
    if (message->n_output != outputs)
        return stoa_fail(import.error, STOA_ERROR_GRAPH, "has %zu outputs, the node has %zu", message->n_output,
                         outputs);
    STOA_TRY(add_initializers(&import, message));
    STOA_TRY(add_infos(&import, message->output, message->n_output, false));
    for (size_t i = 0; i < message->n_node; i++)
        STOA_TRY(add_node(&import, i, message->node[i]));
    STOA_TRY(stoa_graph_capture(graph, import.error));
    *branch = graph;
    return STOA_OK;
}

static enum stoa_status read_branches(const struct import *import, const Onnx__NodeProto *message,
                                      const struct graph *branches[2])
{
    static const char *const names[] = {"then_branch", "else_branch"};
    for (size_t i = 0; i < message->n_attribute; i++) {
        const Onnx__AttributeProto *attribute = message->attribute[i];
        size_t side = 0;
        while (side < 2 && (!attribute->name || strcmp(attribute->name, names[side]) != 0))
            side++;
        if (side == 2)
            return stoa_fail(import->error, STOA_ERROR_ATTRIBUTE, "attribute %.100s is not known",
                             attribute->name ? attribute->name : "without a name");
        if (attribute->type != ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH || !attribute->g)
            return stoa_fail(import->error, STOA_ERROR_GRAPH, "attribute %s is no graph", names[side]);
        if (branches[side])
            return stoa_fail(import->error, STOA_ERROR_GRAPH, "attribute %s is given twice", names[side]);
        enum stoa_status status = read_branch(import, attribute->g, message->n_output, &branches[side]);
        if (status != STOA_OK) {
            stoa_error_prefix(import->error, "%s: ", names[side]);
            return status;
        }
    }
    for (size_t side = 0; side < 2; side++)
        if (!branches[side])
            return stoa_fail(import->error, STOA_ERROR_ATTRIBUTE, "attribute %s is missing", names[side]);
    return STOA_OK;
}

/* Puts what the branches read of the graph around them behind the node's inputs. */
static enum stoa_status add_captured(struct import *import, struct graph_node *node)
{
    size_t *inputs, count = 1;
    if (node->input_count != 1)
        return stoa_fail(import->error, STOA_ERROR_GRAPH, "node '%.80s' (If): has %zu inputs, must have 1",
                         node->name ? node->name : "", node->input_count);
    STOA_TRY(stoa_arena_allocate(import->scratch,
                                 1 + node->branches[0]->captured_count + node->branches[1]->captured_count,
                                 sizeof *inputs, import->error, &inputs));
    inputs[0] = node->inputs[0];
    for (size_t side = 0; side < 2; side++)
        for (size_t i = 0; i < node->branches[side]->captured_count; i++) {
            const struct graph *branch = node->branches[side];
            STOA_TRY(stoa_graph_value(import->graph, branch->values[branch->captured[i]].name, import->error,
                                      &inputs[count++]));
        }
    node->inputs = inputs;
    node->input_count = count;
    return STOA_OK;
}

/* How messages name a node before the graph knows it: by its name, or by its first output. */
static enum stoa_status find_label(const struct import *import, const Onnx__NodeProto *message, const char **label)
{
    STOA_TRY(stoa_call_label(import->call, message->name, import->scratch, import->error, label));
    for (size_t i = 0; !stoa_onnx_is_named(*label) && i < message->n_output; i++)
        STOA_TRY(stoa_call_name(import->call, message->output[i], import->scratch, import->error, label));
    if (!*label)
        *label = "";
    return STOA_OK;
}

/* The outputs of a function that are inputs too, or the same as outputs before, are copied. */
static enum stoa_status copy_formals(struct import *import)
{
    const Onnx__FunctionProto *function = import->call->function->message;
    for (size_t i = 0; i < import->call->node->n_output; i++) {
        char *name = function->output[i];
        const char *output = import->call->actual[function->n_input + i];
        if (!output[0] || stoa_call_is_own(import->call, i))
            continue;
        struct graph_node node = {.type = "Identity", .opset = import->opset, .input_count = 1, .output_count = 1};
        size_t to;
        STOA_TRY(stoa_graph_value(import->graph, output, import->error, &to));
        STOA_TRY(read_names(import, &name, 1, &node.inputs));
        node.outputs = &to;
        STOA_TRY(stoa_graph_add_node(import->graph, &node, import->error));
    }
    return STOA_OK;
}

static enum stoa_status read_function(const struct import *around, const Onnx__NodeProto *message,
                                      const struct function *function, const char *label)
{
    struct import import = *around;
    struct call call;
    import.call = &call;
    enum stoa_status status =
        stoa_call_begin(&call, around->call, message, function, label, import.scratch, import.error);
    if (status == STOA_OK)
        status =
            read_opset(function->message->opset_import, function->message->n_opset_import, import.error, &import.opset);
    if (status != STOA_OK) {
        stoa_error_prefix(import.error, "node '%.80s' (%.80s): ", label, message->op_type);
        return status;
    }
    for (size_t i = 0; call.prefix && i < function->message->n_node; i++)
        STOA_TRY(add_node(&import, i, function->message->node[i]));
    return copy_formals(&import);
}

static enum stoa_status add_node(struct import *import, size_t index, const Onnx__NodeProto *message)
{
    const char *label;
    STOA_TRY(find_label(import, message, &label));
    if (!stoa_onnx_is_named(message->op_type))
        return stoa_fail(import->error, STOA_ERROR_PARSE, "node '%.80s' (node[%zu]) has no op_type", label, index);
    const struct function *function = stoa_functions_find(import->functions, message);
    if (function)
        return read_function(import, message, function, label);
    struct graph_node node = {.type = message->op_type,
                              .domain = message->domain,
                              .opset = import->opset,
                              .input_count = message->n_input,
                              .output_count = message->n_output};
    bool branches = is_if(message);
    enum stoa_status status =
        branches ? read_branches(import, message, node.branches) : read_attributes(import, message, &node.attributes);
    if (status != STOA_OK) {
        stoa_error_prefix(import->error, "node '%.80s' (%.80s): ", label, message->op_type);
        return status;
    }
    STOA_TRY(stoa_call_label(import->call, message->name, import->scratch, import->error, &node.name));
    STOA_TRY(read_names(import, message->input, message->n_input, &node.inputs));
    if (branches)
        STOA_TRY(add_captured(import, &node));
    STOA_TRY(read_names(import, message->output, message->n_output, &node.outputs));
    return stoa_graph_add_node(import->graph, &node, import->error);
}

enum stoa_status stoa_onnx_import(const Onnx__ModelProto *message, const struct onnx_source *source,
                                  struct arena *scratch, struct stoa_error *error, struct graph *graph)
{
    struct import import = {.source = source, .scratch = scratch, .error = error, .graph = graph};
    if (!message->graph)
        return stoa_fail(error, STOA_ERROR_PARSE, "the file holds no graph");
    STOA_TRY(check_versions(message, error, &import.opset));
    STOA_TRY(add_initializers(&import, message->graph));
    STOA_TRY(add_infos(&import, message->graph->input, message->graph->n_input, true));
    STOA_TRY(add_infos(&import, message->graph->output, message->graph->n_output, false));
    struct functions functions;
    import.functions = &functions;
    enum stoa_status status = stoa_functions_init(&functions, message, scratch, error);
    for (size_t i = 0; status == STOA_OK && i < message->graph->n_node; i++)
        status = add_node(&import, i, message->graph->node[i]);
    stoa_functions_deinit(&functions);
    STOA_TRY(status);
    return stoa_graph_finish(graph, error);
}
