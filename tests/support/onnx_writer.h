/* Writes protobuf's wire format by hand, so that tests can build ONNX files that no proper writer would. Fields are
 * given by number; the names of those in use stand below. Fails the running test when memory runs out. */
#ifndef TESTS_SUPPORT_ONNX_WRITER_H
#define TESTS_SUPPORT_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_IR_VERSION = 1,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    MODEL_FUNCTIONS = 25,
    FUNCTION_NAME = 1,
    FUNCTION_INPUT = 4,
    FUNCTION_OUTPUT = 5,
    FUNCTION_ATTRIBUTE = 6,
    FUNCTION_NODE = 7,
    FUNCTION_OPSET_IMPORT = 9,
    FUNCTION_DOMAIN = 10,
    FUNCTION_ATTRIBUTE_PROTO = 11,
    FUNCTION_OVERLOAD = 13,
    OPSET_DOMAIN = 1,
    OPSET_VERSION = 2,
    GRAPH_NODE = 1,
    GRAPH_INITIALIZER = 5,
    GRAPH_INPUT = 11,
    GRAPH_OUTPUT = 12,
    GRAPH_SPARSE_INITIALIZER = 15,
    NODE_INPUT = 1,
    NODE_OUTPUT = 2,
    NODE_NAME = 3,
    NODE_OP_TYPE = 4,
    NODE_ATTRIBUTE = 5,
    NODE_DOMAIN = 7,
    NODE_OVERLOAD = 8,
    ATTRIBUTE_NAME = 1,
    ATTRIBUTE_F = 2,
    ATTRIBUTE_I = 3,
    ATTRIBUTE_S = 4,
    ATTRIBUTE_T = 5,
    ATTRIBUTE_G = 6,
    ATTRIBUTE_LIST_OF_FLOATS = 7,
    ATTRIBUTE_LIST_OF_INTS = 8,
    ATTRIBUTE_LIST_OF_STRINGS = 9,
    ATTRIBUTE_TYPE = 20,
    ATTRIBUTE_REF = 21,
    TENSOR_DIMS = 1,
    TENSOR_DATA_TYPE = 2,
    TENSOR_SEGMENT = 3,
    TENSOR_FLOAT_DATA = 4,
    TENSOR_INT32_DATA = 5,
    TENSOR_INT64_DATA = 7,
    TENSOR_UINT64_DATA = 11,
    TENSOR_NAME = 8,
    TENSOR_RAW_DATA = 9,
    TENSOR_DOUBLE_DATA = 10,
    TENSOR_EXTERNAL_DATA = 13,
    TENSOR_DATA_LOCATION = 14,
    INFO_NAME = 1,
    INFO_TYPE = 2,
    TYPE_TENSOR = 1,
    TYPE_SEQUENCE = 4,
    TYPE_TENSOR_ELEM_TYPE = 1,
    TYPE_TENSOR_SHAPE = 2,
    SHAPE_DIM = 1,
    DIM_VALUE = 1,
    DIM_PARAM = 2
};

struct onnx_writer {
    uint8_t *data;
    size_t size, capacity;
    size_t open[64]; /* where each open message begins */
    size_t depth;
};

/* A writer starts zeroed. */
void onnx_free(struct onnx_writer *writer);
/* Writes what there is to a file. */
void onnx_save(const struct onnx_writer *writer, const char *path);

void onnx_raw(struct onnx_writer *writer, const void *bytes, size_t size); /* bytes as they are */
void onnx_varint(struct onnx_writer *writer, uint64_t value);              /* without a tag */
void onnx_int(struct onnx_writer *writer, unsigned field, int64_t value);
void onnx_float(struct onnx_writer *writer, unsigned field, float value);
void onnx_bytes(struct onnx_writer *writer, unsigned field, const void *bytes, size_t size);
void onnx_text(struct onnx_writer *writer, unsigned field, const char *text);
/* A message: what is written in between belongs to it. */
void onnx_begin(struct onnx_writer *writer, unsigned field);
void onnx_end(struct onnx_writer *writer);

/* Pieces of a model. Dims are a zero-free list ended by 0 (null: a scalar); -1 writes dim_param. */
void onnx_opset(struct onnx_writer *writer, const char *domain, int64_t version); /* domain may be null */
/* Input or output `name`, float. */
void onnx_info(struct onnx_writer *writer, unsigned field, const char *name, const int64_t *dims);
/* Begins a node and writes its type and its inputs and outputs, names separated by commas ("x,,y"); null: none. */
void onnx_node_begin(struct onnx_writer *writer, const char *type, const char *inputs, const char *outputs);
void onnx_node(struct onnx_writer *writer, const char *type, const char *inputs, const char *outputs);
void onnx_ints(struct onnx_writer *writer, const char *name, size_t count, const int64_t *values);
/* Begins a tensor in `field` with its name, data type and dims. */
void onnx_tensor_begin(struct onnx_writer *writer, unsigned field, const char *name, int data_type,
                       const int64_t *dims);
/* An initialiser of floats (raw_data), all 1. */
void onnx_weights(struct onnx_writer *writer, const char *name, const int64_t *dims);
/* Writes ir_version 8 and opset 13 and begins the graph; one onnx_end ends the model. */
void onnx_model_begin(struct onnx_writer *writer);

#endif
