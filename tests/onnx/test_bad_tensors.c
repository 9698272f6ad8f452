/* Tensors whose data do not fit their type and dimensions: initialiser 'w' throughout. */
#include <criterion/criterion.h>
#include <string.h>

#include "onnx/bad_models.h"

static void tensor(struct onnx_writer *w, int data_type, const int64_t *dims, size_t raw_bytes)
{
    onnx_model_begin(w);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", data_type, dims);
    onnx_begin(w, TENSOR_RAW_DATA);
    for (size_t i = 0; i < raw_bytes; i++)
        onnx_raw(w, "", 1);
    onnx_end(w);
    onnx_end(w);
    onnx_end(w);
}

static void negative_dim(struct onnx_writer *w)
{
    tensor(w, 1, (const int64_t[]){-1, 3, 3, 3, 0}, 108);
}

static void wrapping_product(struct onnx_writer *w)
{
    tensor(w, 1, (const int64_t[]){INT64_C(1) << 32, INT64_C(1) << 32, 0}, 0);
}

static void wrapping_bytes(struct onnx_writer *w)
{
    tensor(w, 1, (const int64_t[]){INT64_C(1) << 62, 0}, 0);
}

static void above_int(struct onnx_writer *w)
{
    tensor(w, 1, (const int64_t[]){INT64_C(1) << 31, 1, 1, 1, 0}, 4);
}

static void rank_65(struct onnx_writer *w)
{
    int64_t dims[66] = {0};
    for (int i = 0; i < 65; i++)
        dims[i] = 1;
    tensor(w, 1, dims, 4);
}

static void fifteen_bytes(struct onnx_writer *w)
{
    tensor(w, 1, (const int64_t[]){4, 0}, 15);
}

static void twenty_bytes(struct onnx_writer *w)
{
    tensor(w, 1, (const int64_t[]){4, 0}, 20);
}

static void type_0(struct onnx_writer *w)
{
    tensor(w, 0, (const int64_t[]){4, 0}, 16);
}

static void type_float8(struct onnx_writer *w)
{
    tensor(w, 17, NULL, 4);
}

static void type_int2(struct onnx_writer *w)
{
    tensor(w, 26, NULL, 1);
}

static void type_99(struct onnx_writer *w)
{
    tensor(w, 99, (const int64_t[]){4, 0}, 16);
}

static void half(struct onnx_writer *w)
{
    tensor(w, 10, (const int64_t[]){4, 0}, 16);
}

/* One typed number in the field, and perhaps raw data. */
static void typed(struct onnx_writer *w, int data_type, unsigned field, int64_t value, int with_raw)
{
    onnx_model_begin(w);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", data_type, NULL);
    if (field == TENSOR_FLOAT_DATA)
        onnx_float(w, field, (float)value);
    else
        onnx_int(w, field, value);
    if (with_raw)
        onnx_bytes(w, TENSOR_RAW_DATA, "\0\0\x80\x3f", 4);
    onnx_end(w);
    onnx_end(w);
}

static void raw_and_floats(struct onnx_writer *w)
{
    typed(w, 1, TENSOR_FLOAT_DATA, 1, 1);
}

static void float_with_int64s(struct onnx_writer *w)
{
    typed(w, 1, TENSOR_INT64_DATA, 1, 0);
}

static void uint8_300(struct onnx_writer *w)
{
    typed(w, 2, TENSOR_INT32_DATA, 300, 0);
}

static void half_65536(struct onnx_writer *w)
{
    typed(w, 10, TENSOR_INT32_DATA, 65536, 0);
}

static void uint32_too_large(struct onnx_writer *w)
{
    typed(w, 12, TENSOR_UINT64_DATA, (int64_t)1 << 32, 0);
}

static void no_data(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", 1, (const int64_t[]){1000000000, 0});
    onnx_end(w);
    onnx_end(w);
}

static void in_an_attribute(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_node_begin(w, "Constant", NULL, "c");
    onnx_begin(w, NODE_ATTRIBUTE);
    onnx_text(w, ATTRIBUTE_NAME, "value");
    onnx_int(w, ATTRIBUTE_TYPE, 4);
    onnx_tensor_begin(w, ATTRIBUTE_T, NULL, 1, (const int64_t[]){4, 0});
    onnx_bytes(w, TENSOR_RAW_DATA, "abc", 3);
    for (int i = 0; i < 4; i++)
        onnx_end(w);
}

static void external(struct onnx_writer *w, const char *location, size_t size)
{
    onnx_model_begin(w);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", 1, (const int64_t[]){4, 0});
    onnx_begin(w, TENSOR_EXTERNAL_DATA);
    onnx_text(w, 1, "location");
    onnx_bytes(w, 2, location, size);
    onnx_end(w);
    onnx_int(w, TENSOR_DATA_LOCATION, 1);
    onnx_end(w);
    onnx_end(w);
}

static void external_elsewhere(struct onnx_writer *w)
{
    external(w, "w.bin", 5);
}

static void external_zero_byte(struct onnx_writer *w)
{
    external(w, "w.bin\0x", 7);
}

static void location_only(struct onnx_writer *w)
{
    onnx_model_begin(w);
    onnx_tensor_begin(w, GRAPH_INITIALIZER, "w", 1, (const int64_t[]){4, 0});
    onnx_int(w, TENSOR_DATA_LOCATION, (INT64_C(1) << 32) + 1);
    onnx_end(w);
    onnx_end(w);
}

static const struct bad_model data_rows[] = {
    {"28 negative dimension", negative_dim, DATA, "initializer 'w'|dims[0] is -1"},
    {"29 product wraps to 0", wrapping_product, DATA, "initializer 'w'|[4294967296,4294967296]"},
    {"30 bytes wrap", wrapping_bytes, DATA, "initializer 'w'|[4611686018427387904]"},
    {"31 2^31", above_int, DATA, "initializer 'w'|raw_data has 4 bytes"},
    {"32 rank 65", rank_65, DATA, "initializer 'w'|65 dimensions"},
    {"33 15 bytes for 4 floats", fifteen_bytes, DATA, "initializer 'w'|15 bytes|[4]|16"},
    {"33 20 bytes for 4 floats", twenty_bytes, DATA, "initializer 'w'|20 bytes|[4]|16"},
    {"34 raw and typed data", raw_and_floats, DATA, "initializer 'w'|raw_data|float_data"},
    {"35 10^9 elements without data", no_data, DATA, "initializer 'w'|float_data has 0|1000000000"},
    {"36 data type 0", type_0, DATA, "initializer 'w'|data type 0"},
    {"36 data type float8", type_float8, UNSUPPORTED, "initializer 'w'|data type|not supported"},
    {"36 data type int2", type_int2, UNSUPPORTED, "initializer 'w'|data type|not supported"},
    {"36 data type 99", type_99, DATA, "initializer 'w'|data type 99"},
    {"half precision of more than 16 bits", half_65536, DATA, "initializer 'w'|int32_data[0] is 65536"},
    {"uint32 of more than 32 bits", uint32_too_large, DATA, "initializer 'w'|uint64_data[0] is 4294967296"},
    {"33 half precision, as many bytes as floats have", half, DATA, "initializer 'w'|raw_data has 16 bytes|need 8"},
    {"37 floats in int64_data", float_with_int64s, DATA, "initializer 'w'|float_data"},
    {"37 300 as uint8", uint8_300, DATA, "initializer 'w'|int32_data[0] is 300|uint8"},
    {"33 in an attribute", in_an_attribute, DATA, "node 'c' (Constant)|attribute value|3 bytes"},
    {"38 external, of a model in memory", external_elsewhere, DATA, "initializer 'w'|external data ('w.bin')"},
    {"41 external: zero byte", external_zero_byte, PARSE, "graph.initializer[0].external_data[0].value|zero byte"},
    {"38 external: location only", location_only, DATA, "initializer 'w'|gives no location"},
};

Test(bad_models, tensor_data_that_do_not_fit)
{
    BAD_MODELS_CHECK(data_rows);
}
