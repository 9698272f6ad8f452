/* The mirror of import.c. All constants become initialisers, in the order of the graph's values; nodes keep the graph's
 * order, which the importer keeps in turn. A file states one version of the operator set, and all nodes of a graph have
 * the same one, since a graph is read from a file or built at one version: meanings would change were it another. */
#include "onnx/export.h"

#include <stoa/stoa.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "onnx/tensor.h"

#define DEFAULT_OPSET 13 /* of a graph without nodes */
#define BATCH "batch"

struct exporter {
    const struct graph *graph;
    struct arena *arena;
    struct stoa_error *error;
    int opset;
};

/* The first ir_version whose files may state the opset, by ONNX's table of versions; 4 is the first whose initialisers
 * need not be inputs too. */
static int64_t ir_version(int opset)
{
    static const unsigned char versions[] = {
        [10] = 5, [11] = 6, [12] = 7,  [13] = 7,  [14] = 7,  [15] = 8,  [16] = 8,  [17] = 8, [18] = 8,
        [19] = 9, [20] = 9, [21] = 10, [22] = 10, [23] = 11, [24] = 12, [25] = 13, [26] = 13};
    return opset < 10 ? 4 : versions[opset];
}

/* `count` messages of `size` bytes and the pointers to them that protobuf-c wants; the caller initialises each. */
static enum stoa_status allocate_messages(struct exporter *exporter, size_t count, size_t size, void *messages,
                                          void *pointers)
{
    char *block;
    void **list;
    STOA_TRY(stoa_arena_allocate(exporter->arena, count, size, exporter->error, &block));
    STOA_TRY(stoa_arena_allocate(exporter->arena, count, sizeof *list, exporter->error, &list));
    for (size_t i = 0; i < count; i++)
        list[i] = block + i * size;
    memcpy(messages, &block, sizeof block);
    memcpy(pointers, &list, sizeof list);
    return STOA_OK;
}

static enum stoa_status write_tensor(struct exporter *exporter, const struct stoa_tensor *tensor, const char *name,
                                     Onnx__TensorProto *message)
{
    int64_t *dims;
    STOA_TRY(stoa_arena_allocate(exporter->arena, STOA_MAX_RANK, sizeof *dims, exporter->error, &dims));
    stoa_onnx_tensor_message(tensor, name, dims, message);
    return STOA_OK;
}

static ProtobufCBinaryData bytes_of(const char *text)
{
    return (ProtobufCBinaryData){.len = strlen(text), .data = stoa_read_only(text)};
}

static enum stoa_status write_attribute(struct exporter *exporter, const struct attribute *attribute,
                                        Onnx__AttributeProto *message)
{
    onnx__attribute_proto__init(message);
    message->name = stoa_read_only(attribute->name);
    message->has_type = true;
    message->type = (Onnx__AttributeProto__AttributeType)attribute->kind;
    switch (attribute->kind) {
    case ATTRIBUTE_FLOAT:
        message->has_f = true;
        message->f = attribute->number;
        return STOA_OK;
    case ATTRIBUTE_INT:
        message->has_i = true;
        message->i = attribute->integer;
        return STOA_OK;
    case ATTRIBUTE_STRING:
        message->has_s = true;
        message->s = bytes_of(attribute->string);
        return STOA_OK;
    case ATTRIBUTE_TENSOR:
        STOA_TRY(stoa_arena_allocate(exporter->arena, 1, sizeof *message->t, exporter->error, &message->t));
        return write_tensor(exporter, attribute->tensor, NULL, message->t);
    case ATTRIBUTE_FLOATS:
        message->n_floats = attribute->count;
        message->floats = stoa_read_only(attribute->numbers);
        return STOA_OK;
    case ATTRIBUTE_INTS:
        message->n_ints = attribute->count;
        message->ints = stoa_read_only(attribute->integers);
        return STOA_OK;
    case ATTRIBUTE_STRINGS:
        message->n_strings = attribute->count;
        STOA_TRY(stoa_arena_allocate(exporter->arena, attribute->count, sizeof *message->strings, exporter->error,
                                     &message->strings));
        for (size_t i = 0; i < attribute->count; i++)
            message->strings[i] = bytes_of(attribute->strings[i]);
        return STOA_OK;
    case ATTRIBUTE_GRAPH:
        break;
    }
    return stoa_fail(exporter->error, STOA_ERROR_UNSUPPORTED, "attribute %.100s is of type %d, which is not kept",
                     attribute->name, (int)attribute->kind);
}

static enum stoa_status write_names(struct exporter *exporter, const size_t *values, size_t count, char ***names)
{
    STOA_TRY(stoa_arena_allocate(exporter->arena, count, sizeof **names, exporter->error, names));
    for (size_t i = 0; i < count; i++)
        (*names)[i] = stoa_read_only(values[i] == GRAPH_NONE ? "" : exporter->graph->values[values[i]].name);
    return STOA_OK;
}

static enum stoa_status write_node(struct exporter *exporter, const struct graph_node *node, Onnx__NodeProto *message)
{
    onnx__node_proto__init(message);
    if (node->domain[0] && strcmp(node->domain, "ai.onnx") != 0)
        return stoa_fail(exporter->error, STOA_ERROR_UNSUPPORTED, "domain '%.100s' is not ONNX's", node->domain);
    if (node->branches[0])
        return stoa_fail(exporter->error, STOA_ERROR_UNSUPPORTED, "models with branches are not written");
    if (node->opset != exporter->opset)
        return stoa_fail(exporter->error, STOA_ERROR_UNSUPPORTED,
                         "opset version is %d, that of the nodes before is %d; a file states one", node->opset,
                         exporter->opset);
    message->name = stoa_read_only(node->name);
    message->op_type = stoa_read_only(node->type);
    message->n_input = node->input_count;
    message->n_output = node->output_count;
    STOA_TRY(write_names(exporter, node->inputs, node->input_count, &message->input));
    STOA_TRY(write_names(exporter, node->outputs, node->output_count, &message->output));

    Onnx__AttributeProto *attributes;
    message->n_attribute = node->attributes.count;
    STOA_TRY(allocate_messages(exporter, node->attributes.count, sizeof *attributes, &attributes, &message->attribute));
    for (size_t i = 0; i < node->attributes.count; i++)
        STOA_TRY(write_attribute(exporter, &node->attributes.items[i], &attributes[i]));
    return STOA_OK;
}

static enum stoa_status write_nodes(struct exporter *exporter, Onnx__GraphProto *message)
{
    const struct graph *graph = exporter->graph;
    Onnx__NodeProto *nodes;
    message->n_node = graph->node_count;
    STOA_TRY(allocate_messages(exporter, graph->node_count, sizeof *nodes, &nodes, &message->node));
    for (size_t i = 0; i < graph->node_count; i++) {
        enum stoa_status status = write_node(exporter, &graph->nodes[i], &nodes[i]);
        if (status != STOA_OK) {
            stoa_error_prefix(exporter->error, "node '%.80s' (%.80s): ", graph->nodes[i].name, graph->nodes[i].type);
            return status;
        }
    }
    return STOA_OK;
}

static enum stoa_status write_initializers(struct exporter *exporter, Onnx__GraphProto *message)
{
    const struct graph *graph = exporter->graph;
    size_t count = 0;
    for (size_t v = 0; v < graph->value_count; v++)
        count += graph->values[v].constant != NULL;
    Onnx__TensorProto *tensors;
    STOA_TRY(allocate_messages(exporter, count, sizeof *tensors, &tensors, &message->initializer));
    for (size_t v = 0; v < graph->value_count; v++)
        if (graph->values[v].constant)
            STOA_TRY(write_tensor(exporter, graph->values[v].constant, graph->values[v].name,
                                  &tensors[message->n_initializer++]));
    return STOA_OK;
}

static enum stoa_status write_shape(struct exporter *exporter, const struct graph_value *value,
                                    Onnx__TensorShapeProto **shape)
{
    Onnx__TensorShapeProto__Dimension *dims;
    STOA_TRY(stoa_arena_allocate(exporter->arena, 1, sizeof **shape, exporter->error, shape));
    onnx__tensor_shape_proto__init(*shape);
    (*shape)->n_dim = value->rank;
    STOA_TRY(allocate_messages(exporter, value->rank, sizeof *dims, &dims, &(*shape)->dim));
    for (size_t i = 0; i < value->rank; i++) {
        onnx__tensor_shape_proto__dimension__init(&dims[i]);
        if (value->dims[i] != GRAPH_UNKNOWN) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            dims[i].dim_value = value->dims[i];
        } else if (i == 0) {
            dims[i].value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            dims[i].dim_param = stoa_read_only(BATCH);
        }
    }
    return STOA_OK;
}

/* An input or output; what the graph does not state of it is left out. */
static enum stoa_status write_info(struct exporter *exporter, const struct graph_value *value,
                                   Onnx__ValueInfoProto *message)
{
    onnx__value_info_proto__init(message);
    message->name = stoa_read_only(value->name);
    if (value->dtype == STOA_NONE && !value->has_shape)
        return STOA_OK;
    STOA_TRY(stoa_arena_allocate(exporter->arena, 1, sizeof *message->type, exporter->error, &message->type));
    onnx__type_proto__init(message->type);
    message->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    Onnx__TypeProto__Tensor **tensor = &message->type->tensor_type;
    STOA_TRY(stoa_arena_allocate(exporter->arena, 1, sizeof **tensor, exporter->error, tensor));
    onnx__type_proto__tensor__init(*tensor);
    (*tensor)->has_elem_type = value->dtype != STOA_NONE;
    (*tensor)->elem_type = (int32_t)value->dtype;
    return value->has_shape ? write_shape(exporter, value, &(*tensor)->shape) : STOA_OK;
}

static enum stoa_status write_infos(struct exporter *exporter, const size_t *values, size_t count,
                                    Onnx__ValueInfoProto ***infos)
{
    Onnx__ValueInfoProto *messages;
    STOA_TRY(allocate_messages(exporter, count, sizeof *messages, &messages, infos));
    for (size_t i = 0; i < count; i++)
        STOA_TRY(write_info(exporter, &exporter->graph->values[values[i]], &messages[i]));
    return STOA_OK;
}

static enum stoa_status write_graph(struct exporter *exporter, Onnx__GraphProto *message)
{
    const struct graph *graph = exporter->graph;
    onnx__graph_proto__init(message);
    message->name = stoa_read_only("graph");
    message->n_input = graph->input_count;
    message->n_output = graph->output_count;
    STOA_TRY(write_nodes(exporter, message));
    STOA_TRY(write_initializers(exporter, message));
    STOA_TRY(write_infos(exporter, graph->inputs, graph->input_count, &message->input));
    return write_infos(exporter, graph->outputs, graph->output_count, &message->output);
}

enum stoa_status stoa_onnx_export(const struct graph *graph, struct arena *arena, struct stoa_error *error,
                                  Onnx__ModelProto **message)
{
    struct exporter exporter = {.graph = graph,
                                .arena = arena,
                                .error = error,
                                .opset = graph->node_count ? graph->nodes[0].opset : DEFAULT_OPSET};
    Onnx__ModelProto *model;
    Onnx__OperatorSetIdProto *opset;
    STOA_TRY(allocate_messages(&exporter, 1, sizeof *model, &model, message));
    onnx__model_proto__init(model);
    model->has_ir_version = true;
    model->ir_version = ir_version(exporter.opset);
    model->producer_name = stoa_read_only("stoa");
    model->producer_version = stoa_read_only(stoa_version());
    model->n_opset_import = 1;
    STOA_TRY(allocate_messages(&exporter, 1, sizeof *opset, &opset, &model->opset_import));
    onnx__operator_set_id_proto__init(opset);
    opset->domain = stoa_read_only("");
    opset->has_version = true;
    opset->version = exporter.opset;
    STOA_TRY(stoa_arena_allocate(arena, 1, sizeof *model->graph, error, &model->graph));
    STOA_TRY(write_graph(&exporter, model->graph));
    *message = model;
    return STOA_OK;
}
