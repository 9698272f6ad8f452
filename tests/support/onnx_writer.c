#include "support/onnx_writer.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void onnx_free(struct onnx_writer *writer)
{
    free(writer->data);
    *writer = (struct onnx_writer){0};
}

void onnx_save(const struct onnx_writer *writer, const char *path)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file && fwrite(writer->data, 1, writer->size, file) == writer->size && fclose(file) == 0, "%s", path);
}

void onnx_raw(struct onnx_writer *writer, const void *bytes, size_t size)
{
    if (size > writer->capacity - writer->size) {
        writer->capacity = (writer->size + size) * 2 + 64;
        writer->data = realloc(writer->data, writer->capacity);
        cr_assert(writer->data);
    }
    if (size)
        memcpy(writer->data + writer->size, bytes, size);
    writer->size += size;
}

void onnx_varint(struct onnx_writer *writer, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; value > 0x7f; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    onnx_raw(writer, bytes, size);
}

void onnx_int(struct onnx_writer *writer, unsigned field, int64_t value)
{
    onnx_varint(writer, field << 3);
    onnx_varint(writer, (uint64_t)value);
}

void onnx_float(struct onnx_writer *writer, unsigned field, float value)
{
    onnx_varint(writer, field << 3 | 5);
    onnx_raw(writer, &value, sizeof value);
}

void onnx_bytes(struct onnx_writer *writer, unsigned field, const void *bytes, size_t size)
{
    onnx_varint(writer, field << 3 | 2);
    onnx_varint(writer, size);
    onnx_raw(writer, bytes, size);
}

void onnx_text(struct onnx_writer *writer, unsigned field, const char *text)
{
    onnx_bytes(writer, field, text, strlen(text));
}

void onnx_begin(struct onnx_writer *writer, unsigned field)
{
    onnx_varint(writer, field << 3 | 2);
    writer->open[writer->depth++] = writer->size;
}

void onnx_end(struct onnx_writer *writer)
{
    size_t begin = writer->open[--writer->depth], length = writer->size - begin, old = writer->size;
    onnx_varint(writer, length);
    size_t prefix = writer->size - old;
    uint8_t header[10];
    memcpy(header, writer->data + old, prefix);
    memmove(writer->data + begin + prefix, writer->data + begin, length);
    memcpy(writer->data + begin, header, prefix);
}

void onnx_opset(struct onnx_writer *writer, const char *domain, int64_t version)
{
    onnx_begin(writer, MODEL_OPSET_IMPORT);
    if (domain)
        onnx_text(writer, OPSET_DOMAIN, domain);
    onnx_int(writer, OPSET_VERSION, version);
    onnx_end(writer);
}

void onnx_info(struct onnx_writer *writer, unsigned field, const char *name, const int64_t *dims)
{
    onnx_begin(writer, field);
    onnx_text(writer, INFO_NAME, name);
    onnx_begin(writer, INFO_TYPE);
    onnx_begin(writer, TYPE_TENSOR);
    onnx_int(writer, TYPE_TENSOR_ELEM_TYPE, 1);
    onnx_begin(writer, TYPE_TENSOR_SHAPE);
    for (; dims && *dims; dims++) {
        onnx_begin(writer, SHAPE_DIM);
        if (*dims == -1)
            onnx_text(writer, DIM_PARAM, "N");
        else
            onnx_int(writer, DIM_VALUE, *dims);
        onnx_end(writer);
    }
    for (int i = 0; i < 4; i++)
        onnx_end(writer);
}

static void write_names(struct onnx_writer *writer, unsigned field, const char *names)
{
    while (names) {
        const char *comma = strchr(names, ',');
        onnx_bytes(writer, field, names, comma ? (size_t)(comma - names) : strlen(names));
        names = comma ? comma + 1 : NULL;
    }
}

void onnx_node_begin(struct onnx_writer *writer, const char *type, const char *inputs, const char *outputs)
{
    onnx_begin(writer, GRAPH_NODE);
    write_names(writer, NODE_INPUT, inputs);
    write_names(writer, NODE_OUTPUT, outputs);
    onnx_text(writer, NODE_OP_TYPE, type);
}

void onnx_node(struct onnx_writer *writer, const char *type, const char *inputs, const char *outputs)
{
    onnx_node_begin(writer, type, inputs, outputs);
    onnx_end(writer);
}

void onnx_ints(struct onnx_writer *writer, const char *name, size_t count, const int64_t *values)
{
    onnx_begin(writer, NODE_ATTRIBUTE);
    onnx_text(writer, ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < count; i++)
        onnx_int(writer, ATTRIBUTE_LIST_OF_INTS, values[i]);
    onnx_int(writer, ATTRIBUTE_TYPE, 7);
    onnx_end(writer);
}

void onnx_tensor_begin(struct onnx_writer *writer, unsigned field, const char *name, int data_type, const int64_t *dims)
{
    onnx_begin(writer, field);
    for (; dims && *dims; dims++)
        onnx_int(writer, TENSOR_DIMS, *dims);
    onnx_int(writer, TENSOR_DATA_TYPE, data_type);
    if (name)
        onnx_text(writer, TENSOR_NAME, name);
}

void onnx_weights(struct onnx_writer *writer, const char *name, const int64_t *dims)
{
    onnx_tensor_begin(writer, GRAPH_INITIALIZER, name, 1, dims);
    size_t count = 1;
    for (; dims && *dims; dims++)
        count *= (size_t)*dims;
    onnx_begin(writer, TENSOR_RAW_DATA);
    for (size_t i = 0; i < count; i++)
        onnx_raw(writer, &(float){1}, sizeof(float));
    onnx_end(writer);
    onnx_end(writer);
}

void onnx_model_begin(struct onnx_writer *writer)
{
    onnx_int(writer, MODEL_IR_VERSION, 8);
    onnx_opset(writer, NULL, 13);
    onnx_begin(writer, MODEL_GRAPH);
}
