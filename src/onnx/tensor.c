/* Large tensors come as raw_data, little-endian bytes at any address of the file. Where they happen to be aligned for
 * their type they are used in place. Where not, only a copy may be read; large ones are left to whoever needs them, who
 * mostly copies them anyway, into an order of his own. */
#include "onnx/tensor.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/half.h"
#include "base/size.h"
#include "base/status.h"
#include "base/tensor.h"
#include "onnx/external.h"
#include "onnx/guard.h"

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "raw_data are used as they lie: little-endian machines only");

/* Tensors of fewer bytes than this are copied at once. */
#define LOOSE_LEAST ((size_t)64 << 10)

enum stoa_status stoa_onnx_dtype(int32_t data_type, struct stoa_error *error, enum stoa_dtype *dtype)
{
    *dtype = stoa_half_of(data_type) ? STOA_FLOAT : (enum stoa_dtype)data_type;
    if (stoa_dtype_size(*dtype))
        return STOA_OK;
    const ProtobufCEnumValue *known =
        protobuf_c_enum_descriptor_get_value(&onnx__tensor_proto__data_type__descriptor, data_type);
    if (known && data_type != ONNX__TENSOR_PROTO__DATA_TYPE__UNDEFINED)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "data type %s is not supported", known->name);
    /* The schema may be older than the file. */
    if (data_type > ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16 && data_type <= STOA_MOST_DATA_TYPE)
        return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "data type %" PRId32 " (of 8, 4 or 2 bits) is not supported",
                         data_type);
    return stoa_fail(error, STOA_ERROR_DATA, "data type %" PRId32 " is none of ONNX's", data_type);
}

/* The typed field that the data type may use, and what the message holds in all of them. */
struct typed_data {
    const char *name;
    size_t count;
    size_t others; /* elements in fields of other types */
};

static struct typed_data find_typed_data(const Onnx__TensorProto *message)
{
    int32_t dtype = message->data_type;
    struct typed_data data = {.name = "int32_data", .count = message->n_int32_data};
    if (dtype == STOA_FLOAT)
        data = (struct typed_data){.name = "float_data", .count = message->n_float_data};
    else if (dtype == STOA_DOUBLE)
        data = (struct typed_data){.name = "double_data", .count = message->n_double_data};
    else if (dtype == STOA_INT64)
        data = (struct typed_data){.name = "int64_data", .count = message->n_int64_data};
    else if (dtype == STOA_UINT64 || dtype == STOA_UINT32)
        data = (struct typed_data){.name = "uint64_data", .count = message->n_uint64_data};
    data.others = message->n_float_data + message->n_double_data + message->n_int64_data + message->n_int32_data +
                  message->n_uint64_data - data.count;
    return data;
}

static enum stoa_status read_dims(const Onnx__TensorProto *message, struct stoa_error *error,
                                  struct stoa_tensor *tensor)
{
    if (message->n_dims > STOA_MAX_RANK)
        return stoa_fail(error, STOA_ERROR_DATA, "dims has %zu dimensions, at most %d are taken", message->n_dims,
                         STOA_MAX_RANK);
    tensor->rank = message->n_dims;
    for (size_t i = 0; i < tensor->rank; i++) {
        if (message->dims[i] < 0)
            return stoa_fail(error, STOA_ERROR_DATA, "dims[%zu] is %" PRId64, i, message->dims[i]);
        tensor->dims[i] = (size_t)message->dims[i];
    }
    return STOA_OK;
}

/* raw_data, or the same bytes in another file. */
static enum stoa_status read_raw(const Onnx__TensorProto *message, const struct onnx_source *source, size_t elements,
                                 bool loose, struct arena *arena, struct stoa_error *error, struct stoa_tensor *tensor)
{
    enum half half = stoa_half_of(message->data_type);
    size_t element = half ? sizeof(uint16_t) : stoa_dtype_size(tensor->dtype), size;
    const uint8_t *bytes;
    bool external = stoa_onnx_is_external(message);
    if (external)
        STOA_TRY(stoa_onnx_external(message, source->files, elements * element, error, &bytes, &size));
    else {
        struct raw_reference reference;
        memcpy(&reference, message->raw_data.data, sizeof reference);
        bytes = source->bytes + reference.offset;
        size = (size_t)reference.size;
    }
    if (size % element || size / element != elements) {
        char text[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_DATA, "%s %zu bytes, dims %s of %s need %zu",
                         external ? "external data have" : "raw_data has", size,
                         stoa_dims_text(tensor->rank, tensor->dims, text),
                         half ? "16-bit floats" : stoa_dtype_name(tensor->dtype), elements * element);
    }
    if (half) {
        STOA_TRY(stoa_arena_allocate(arena, elements, sizeof(float), error, &tensor->data));
        stoa_half_widen_all(half, bytes, elements, tensor->data);
        return STOA_OK;
    }
    tensor->data = stoa_read_only(bytes);
    /* Truth values are made 0 or 1, whatever the file has. */
    if (tensor->dtype != STOA_BOOL && (stoa_tensor_is_aligned(tensor) || (loose && size >= LOOSE_LEAST)))
        return STOA_OK;
    STOA_TRY(stoa_arena_allocate(arena, size, 1, error, &tensor->data));
    uint8_t *copy = tensor->data;
    for (size_t i = 0; i < size; i++)
        copy[i] = tensor->dtype == STOA_BOOL ? bytes[i] != 0 : bytes[i];
    return STOA_OK;
}

/* int32_data hold the values of all the smaller types too, uint64_data those of uint32. */
#define NARROW(field, source, format, dtype, type, most)                                                               \
    static enum stoa_status narrow_to_##dtype(const source *values, size_t count, struct stoa_error *error, type *to)  \
    {                                                                                                                  \
        for (size_t i = 0; i < count; i++) {                                                                           \
            to[i] = (type)values[i];                                                                                   \
            if ((source)to[i] != values[i] || to[i] > (most))                                                          \
                return stoa_fail(error, STOA_ERROR_DATA, #field "[%zu] is %" format ", which is no " #dtype, i,        \
                                 values[i]);                                                                           \
        }                                                                                                              \
        return STOA_OK;                                                                                                \
    }
NARROW(int32_data, int32_t, PRId32, int16, int16_t, INT16_MAX)
NARROW(int32_data, int32_t, PRId32, int8, int8_t, INT8_MAX)
NARROW(int32_data, int32_t, PRId32, uint16, uint16_t, UINT16_MAX)
NARROW(int32_data, int32_t, PRId32, uint8, uint8_t, UINT8_MAX)
NARROW(int32_data, int32_t, PRId32, bool, uint8_t, 1)
NARROW(uint64_data, uint64_t, PRIu64, uint32, uint32_t, UINT32_MAX)

/* 16-bit floats are in int32_data as the bits they have. */
static enum stoa_status widen(enum half half, const int32_t *values, size_t count, struct stoa_error *error, float *to)
{
    for (size_t i = 0; i < count; i++) {
        if (values[i] < 0 || values[i] > UINT16_MAX)
            return stoa_fail(error, STOA_ERROR_DATA, "int32_data[%zu] is %" PRId32 ", which is no 16-bit float", i,
                             values[i]);
        to[i] = stoa_half_widen(half, (uint16_t)values[i]);
    }
    return STOA_OK;
}

static enum stoa_status read_typed(const Onnx__TensorProto *message, size_t count, struct arena *arena,
                                   struct stoa_error *error, struct stoa_tensor *tensor)
{
    STOA_TRY(stoa_arena_allocate(arena, count, stoa_dtype_size(tensor->dtype), error, &tensor->data));
    if (!count)
        return STOA_OK;
    enum half half = stoa_half_of(message->data_type);
    if (half)
        return widen(half, message->int32_data, count, error, tensor->data);
    switch (tensor->dtype) {
    case STOA_FLOAT:
        memcpy(tensor->data, message->float_data, count * sizeof *message->float_data);
        return STOA_OK;
    case STOA_DOUBLE:
        memcpy(tensor->data, message->double_data, count * sizeof *message->double_data);
        return STOA_OK;
    case STOA_INT64:
        memcpy(tensor->data, message->int64_data, count * sizeof *message->int64_data);
        return STOA_OK;
    case STOA_INT32:
        memcpy(tensor->data, message->int32_data, count * sizeof *message->int32_data);
        return STOA_OK;
    case STOA_UINT64:
        memcpy(tensor->data, message->uint64_data, count * sizeof *message->uint64_data);
        return STOA_OK;
    case STOA_INT16:
        return narrow_to_int16(message->int32_data, count, error, tensor->data);
    case STOA_INT8:
        return narrow_to_int8(message->int32_data, count, error, tensor->data);
    case STOA_UINT16:
        return narrow_to_uint16(message->int32_data, count, error, tensor->data);
    case STOA_UINT8:
        return narrow_to_uint8(message->int32_data, count, error, tensor->data);
    case STOA_BOOL:
        return narrow_to_bool(message->int32_data, count, error, tensor->data);
    case STOA_UINT32:
        return narrow_to_uint32(message->uint64_data, count, error, tensor->data);
    case STOA_NONE:
        break;
    }
    return STOA_OK;
}

enum stoa_status stoa_onnx_tensor(const Onnx__TensorProto *message, const struct onnx_source *source, bool loose,
                                  struct arena *arena, struct stoa_error *error, struct stoa_tensor *tensor)
{
    char text[STOA_DIMS_TEXT];
    *tensor = (struct stoa_tensor){0};
    STOA_TRY(stoa_onnx_dtype(message->data_type, error, &tensor->dtype));
    STOA_TRY(read_dims(message, error, tensor));
    size_t elements;
    if (stoa_tensor_measure(tensor, NULL, &elements, NULL) != STOA_OK)
        return stoa_fail(error, STOA_ERROR_DATA, "dims %s are larger than memory can be",
                         stoa_dims_text(tensor->rank, tensor->dims, text));
    stoa_tensor_set_plain(tensor);

    struct typed_data typed = find_typed_data(message);
    if (typed.others)
        return stoa_fail(error, STOA_ERROR_DATA, "data of type %s belong in raw_data or %s, not in another field",
                         stoa_dtype_name(tensor->dtype), typed.name);
    if (message->has_raw_data && typed.count)
        return stoa_fail(error, STOA_ERROR_DATA, "both raw_data and %s are set", typed.name);
    bool external = stoa_onnx_is_external(message);
    if (external && (message->has_raw_data || typed.count))
        return stoa_fail(error, STOA_ERROR_DATA, "both external_data and %s are set",
                         message->has_raw_data ? "raw_data" : typed.name);
    if (message->has_raw_data || external)
        return read_raw(message, source, elements, loose, arena, error, tensor);
    if (typed.count != elements)
        return stoa_fail(error, STOA_ERROR_DATA, "%s has %zu elements, dims %s need %zu", typed.name, typed.count,
                         stoa_dims_text(tensor->rank, tensor->dims, text), elements);
    return read_typed(message, elements, arena, error, tensor);
}

void stoa_onnx_tensor_message(const struct stoa_tensor *tensor, const char *name, int64_t dims[STOA_MAX_RANK],
                              Onnx__TensorProto *message)
{
    onnx__tensor_proto__init(message);
    for (size_t i = 0; i < tensor->rank; i++)
        dims[i] = (int64_t)tensor->dims[i];
    message->n_dims = tensor->rank;
    message->dims = dims;
    message->has_data_type = true;
    message->data_type = (int32_t)tensor->dtype;
    message->name = stoa_read_only(name);
    message->has_raw_data = true;
    message->raw_data = (ProtobufCBinaryData){.len = stoa_tensor_bytes(tensor), .data = tensor->data};
}
