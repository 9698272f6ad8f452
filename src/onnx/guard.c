/* The schema is protobuf-c's own: its message descriptors say which field is a message, a string, a number. */
#include "onnx/guard.h"

#include <inttypes.h>
#include <protobuf-c/protobuf-c.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/status.h"
#include "onnx.pb-c.h"
#include "onnx/text.h"

#define MAX_FIELDS 32      /* in any message of the schema */
#define LENGTH_BYTES 5     /* of a rewritten length: fixed, so that it can be patched when the message ends */
#define UNPACK_OVERHEAD 64 /* bytes protobuf-c takes for one occurrence of a field, beside its value */

enum wire { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_START_GROUP = 3, WIRE_END_GROUP = 4, WIRE_32 = 5 };

/* One message that is being walked through. */
struct frame {
    const ProtobufCMessageDescriptor *descriptor;
    const ProtobufCFieldDescriptor *field; /* the one being read, or null */
    size_t end;                            /* in the file */
    size_t length_at;                      /* where the skeleton holds its length */
    bool dropped;                          /* not written to the skeleton */
    uint32_t seen[MAX_FIELDS];             /* occurrences of each field */
};

struct guard {
    const uint8_t *bytes;
    size_t position, field_start;
    size_t cost, limit; /* of unpacking */
    const struct stoa_allocator *allocator;
    struct stoa_error *error;
    struct skeleton out;
    size_t out_capacity;
    struct frame frames[ONNX_MAX_DEPTH];
    size_t depth;
};

/* What is special about a field. */
enum treatment {
    COPIED,
    DROPPED,
    REFERENCED, /* raw_data */
    UNSUPPORTED
};

static const struct {
    const ProtobufCMessageDescriptor *message;
    const char *field;
    enum treatment treatment;
} special[] = {
    {&onnx__model_proto__descriptor, "metadata_props", DROPPED},
    {&onnx__model_proto__descriptor, "training_info", DROPPED},
    {&onnx__graph_proto__descriptor, "value_info", DROPPED},
    {&onnx__graph_proto__descriptor, "quantization_annotation", DROPPED},
    {&onnx__graph_proto__descriptor, "sparse_initializer", UNSUPPORTED},
    /* The importer knows by the attribute's type that it held something the engine does not take. */
    {&onnx__attribute_proto__descriptor, "graphs", DROPPED},
    {&onnx__attribute_proto__descriptor, "sparse_tensor", DROPPED},
    {&onnx__attribute_proto__descriptor, "sparse_tensors", DROPPED},
    {&onnx__attribute_proto__descriptor, "tensors", DROPPED},
    {&onnx__attribute_proto__descriptor, "tp", DROPPED},
    {&onnx__attribute_proto__descriptor, "type_protos", DROPPED},
    {&onnx__tensor_proto__descriptor, "raw_data", REFERENCED},
    {&onnx__tensor_proto__descriptor, "segment", UNSUPPORTED},
    {&onnx__tensor_proto__descriptor, "string_data", DROPPED},
};

static enum treatment treatment_of(const ProtobufCMessageDescriptor *message, const ProtobufCFieldDescriptor *field)
{
    if (!field || strcmp(field->name, "doc_string") == 0)
        return DROPPED;
    for (size_t i = 0; i < sizeof special / sizeof special[0]; i++)
        if (special[i].message == message && strcmp(special[i].field, field->name) == 0)
            return special[i].treatment;
    return COPIED;
}

static struct frame *top(struct guard *guard)
{
    return &guard->frames[guard->depth - 1];
}

/* "graph.node[3].attribute[0].t", as far as it fits. */
static void write_path(const struct guard *guard, size_t size, char *path)
{
    size_t used = 0;
    path[0] = '\0';
    for (size_t i = 0; i < guard->depth && used < size; i++) {
        const struct frame *frame = &guard->frames[i];
        if (!frame->field)
            break;
        int length;
        if (frame->field->label == PROTOBUF_C_LABEL_REPEATED)
            length = snprintf(path + used, size - used, "%s%s[%" PRIu32 "]", i ? "." : "", frame->field->name,
                              frame->seen[frame->field - frame->descriptor->fields] - 1);
        else
            length = snprintf(path + used, size - used, "%s%s", i ? "." : "", frame->field->name);
        used += (size_t)length;
    }
    if (!path[0])
        snprintf(path, size, "the file");
}

/* Whether nothing that an ONNX file has comes before the present field. */
static bool is_foreign(const struct guard *guard)
{
    const struct frame *root = &guard->frames[0];
    uint32_t seen = 0;
    for (unsigned i = 0; i < root->descriptor->n_fields; i++)
        seen += root->seen[i];
    return guard->depth == 1 && seen == (root->field != NULL);
}

static enum stoa_status fail(struct guard *guard, enum stoa_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static enum stoa_status fail(struct guard *guard, enum stoa_status status, const char *format, ...)
{
    char path[200], text[256];
    write_path(guard, sizeof path, path);
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *foreign = status == STOA_ERROR_PARSE && is_foreign(guard) ? "; no ONNX file begins like this" : "";
    return stoa_fail(guard->error, status, "%s (byte %zu): %s%s", path, guard->field_start, text, foreign);
}

static enum stoa_status read_varint(struct guard *guard, size_t most_bytes, uint64_t *value)
{
    *value = 0;
    for (size_t i = 0; i < most_bytes; i++) {
        if (guard->position == top(guard)->end)
            return fail(guard, STOA_ERROR_PARSE, "ends within a number");
        uint8_t byte = guard->bytes[guard->position++];
        *value |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (!(byte & 0x80))
            return STOA_OK;
    }
    return fail(guard, STOA_ERROR_PARSE, "a number is longer than %zu bytes", most_bytes);
}

static enum stoa_status write_bytes(struct guard *guard, const void *bytes, size_t size)
{
    if (size > guard->out_capacity - guard->out.size) {
        size_t capacity = stoa_size_max(guard->out.size + size, stoa_size_max(guard->out_capacity * 2, 4096));
        uint8_t *data;
        STOA_TRY(stoa_allocate_raw(guard->allocator, capacity, 1, guard->error, &data));
        if (guard->out.size)
            memcpy(data, guard->out.data, guard->out.size);
        stoa_release(guard->allocator, guard->out.data);
        guard->out.data = data;
        guard->out_capacity = capacity;
    }
    if (size)
        memcpy(guard->out.data + guard->out.size, bytes, size);
    guard->out.size += size;
    return STOA_OK;
}

static enum stoa_status write_varint(struct guard *guard, uint64_t value)
{
    uint8_t bytes[10];
    size_t size = 0;
    for (; value > 0x7f; value >>= 7)
        bytes[size++] = (uint8_t)(value | 0x80);
    bytes[size++] = (uint8_t)value;
    return write_bytes(guard, bytes, size);
}

static enum stoa_status add_cost(struct guard *guard, size_t cost)
{
    if (!stoa_size_add(guard->cost, cost, &guard->cost) || guard->cost > guard->limit)
        return fail(guard, STOA_ERROR_LIMIT, "up to here the file takes more than %zu bytes of memory to read",
                    guard->limit);
    return STOA_OK;
}

/* What one element of a repeated number takes, unpacked. */
static size_t element_size(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_SINT64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_UINT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}

static enum wire wire_of(ProtobufCType type)
{
    switch (type) {
    case PROTOBUF_C_TYPE_SFIXED32:
    case PROTOBUF_C_TYPE_FIXED32:
    case PROTOBUF_C_TYPE_FLOAT:
        return WIRE_32;
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return WIRE_64;
    case PROTOBUF_C_TYPE_STRING:
    case PROTOBUF_C_TYPE_BYTES:
    case PROTOBUF_C_TYPE_MESSAGE:
        return WIRE_BYTES;
    default:
        return WIRE_VARINT;
    }
}

static size_t packed_count(ProtobufCType type, const uint8_t *bytes, size_t size)
{
    if (wire_of(type) != WIRE_VARINT)
        return size / element_size(type);
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += bytes[i] < 0x80;
    return count;
}

static bool packed_is_whole(ProtobufCType type, const uint8_t *bytes, size_t size)
{
    if (wire_of(type) != WIRE_VARINT)
        return size % element_size(type) == 0;
    return size == 0 || bytes[size - 1] < 0x80;
}

/* Counts the field; refuses a singular field, or a second member of a oneof, that is given twice. */
static enum stoa_status count_field(struct guard *guard, struct frame *frame)
{
    const ProtobufCFieldDescriptor *field = frame->field, *fields = frame->descriptor->fields;
    frame->seen[field - fields]++;
    if (field->label == PROTOBUF_C_LABEL_REPEATED)
        return STOA_OK;
    uint32_t count = 0;
    for (unsigned i = 0; i < frame->descriptor->n_fields; i++)
        if (&fields[i] == field || (field->flags & fields[i].flags & PROTOBUF_C_FIELD_FLAG_ONEOF &&
                                    fields[i].quantifier_offset == field->quantifier_offset))
            count += frame->seen[i];
    return count > 1 ? fail(guard, STOA_ERROR_PARSE, "is given twice") : STOA_OK;
}

static enum stoa_status enter_message(struct guard *guard, size_t length, bool dropped)
{
    if (guard->depth == ONNX_MAX_DEPTH)
        return fail(guard, STOA_ERROR_LIMIT, "messages are nested more than %d deep", ONNX_MAX_DEPTH);
    const ProtobufCMessageDescriptor *descriptor = top(guard)->field->descriptor;
    if (!dropped) {
        STOA_TRY(add_cost(guard, descriptor->sizeof_message));
        STOA_TRY(write_bytes(guard, (uint8_t[LENGTH_BYTES]){0}, LENGTH_BYTES));
    }
    struct frame *frame = &guard->frames[guard->depth++];
    *frame = (struct frame){.descriptor = descriptor,
                            .end = guard->position + length,
                            .length_at = guard->out.size - (dropped ? 0 : LENGTH_BYTES),
                            .dropped = dropped};
    return STOA_OK;
}

/* Ends the messages whose last byte has been read, and writes their lengths. */
static void leave_messages(struct guard *guard)
{
    while (guard->depth > 1 && guard->position == top(guard)->end) {
        const struct frame *frame = top(guard);
        size_t length = frame->dropped ? 0 : guard->out.size - frame->length_at - LENGTH_BYTES;
        for (size_t i = 0; i < LENGTH_BYTES && !frame->dropped; i++)
            guard->out.data[frame->length_at + i] =
                (uint8_t)((length >> (7 * i) & 0x7f) | (i + 1 < LENGTH_BYTES ? 0x80 : 0));
        guard->depth--;
    }
}

/* The field's value is the `length` bytes from `position` on. */
static enum stoa_status read_bytes_field(struct guard *guard, size_t length, enum treatment treatment, bool dropped)
{
    const ProtobufCFieldDescriptor *field = top(guard)->field;
    const uint8_t *bytes = guard->bytes + guard->position;
    if (field && field->type == PROTOBUF_C_TYPE_MESSAGE)
        return enter_message(guard, length, dropped);

    size_t offset = guard->position;
    guard->position += length;
    if (dropped)
        return STOA_OK;
    if (treatment == REFERENCED) {
        struct raw_reference reference = {.offset = offset, .size = length};
        STOA_TRY(add_cost(guard, sizeof reference));
        STOA_TRY(write_varint(guard, sizeof reference));
        return write_bytes(guard, &reference, sizeof reference);
    }
    if (field->type == PROTOBUF_C_TYPE_STRING) {
        const char *fault = stoa_onnx_text_fault(bytes, length);
        if (fault)
            return fail(guard, STOA_ERROR_PARSE, "%s", fault);
    }
    if (wire_of(field->type) == WIRE_BYTES)
        STOA_TRY(add_cost(guard, length));
    else if (packed_is_whole(field->type, bytes, length))
        STOA_TRY(add_cost(guard, packed_count(field->type, bytes, length) * element_size(field->type)));
    else
        return fail(guard, STOA_ERROR_PARSE, "ends within a number");
    STOA_TRY(write_varint(guard, length));
    return write_bytes(guard, bytes, length);
}

static enum stoa_status read_value(struct guard *guard, enum wire wire, enum treatment treatment, bool dropped)
{
    size_t start = guard->position, width = wire == WIRE_64 ? 8 : 4;
    uint64_t value;
    switch (wire) {
    case WIRE_VARINT:
        STOA_TRY(read_varint(guard, 10, &value));
        break;
    case WIRE_64:
    case WIRE_32:
        if (top(guard)->end - guard->position < width)
            return fail(guard, STOA_ERROR_PARSE, "ends within a number");
        guard->position += width;
        break;
    case WIRE_BYTES:
        STOA_TRY(read_varint(guard, LENGTH_BYTES, &value));
        if (value > top(guard)->end - guard->position)
            return fail(guard, STOA_ERROR_PARSE, "is %" PRIu64 " bytes long, but only %zu are left", value,
                        top(guard)->end - guard->position);
        return read_bytes_field(guard, (size_t)value, treatment, dropped);
    default:
        return fail(guard, STOA_ERROR_PARSE, "has wire type %d, which the format does not use", (int)wire);
    }
    return dropped ? STOA_OK : write_bytes(guard, guard->bytes + start, guard->position - start);
}

static enum stoa_status read_field(struct guard *guard)
{
    struct frame *frame = top(guard);
    frame->field = NULL;
    guard->field_start = guard->position;
    uint64_t tag;
    STOA_TRY(read_varint(guard, 5, &tag));
    if (tag >> 3 == 0 || tag > UINT32_MAX)
        return fail(guard, STOA_ERROR_PARSE, "field number %" PRIu64 " is not possible", tag >> 3);
    enum wire wire = (enum wire)(tag & 7);
    const ProtobufCFieldDescriptor *field =
        protobuf_c_message_descriptor_get_field(frame->descriptor, (unsigned)(tag >> 3));
    enum treatment treatment = treatment_of(frame->descriptor, field);
    bool dropped = frame->dropped || treatment == DROPPED;
    if (field) {
        frame->field = field;
        STOA_TRY(count_field(guard, frame));
        bool packed = field->label == PROTOBUF_C_LABEL_REPEATED && wire == WIRE_BYTES;
        if (wire != wire_of(field->type) && !packed)
            return fail(guard, STOA_ERROR_PARSE, "has wire type %d, must be %d", (int)wire, (int)wire_of(field->type));
        if (treatment == UNSUPPORTED)
            return fail(guard, STOA_ERROR_UNSUPPORTED, "is not supported");
    }
    if (!dropped) {
        STOA_TRY(add_cost(guard, UNPACK_OVERHEAD));
        STOA_TRY(write_varint(guard, tag));
    }
    return read_value(guard, wire, treatment, dropped);
}

enum stoa_status stoa_onnx_guard(const uint8_t *bytes, size_t size, enum onnx_root root, size_t limit,
                                 const struct stoa_allocator *allocator, struct stoa_error *error,
                                 struct skeleton *skeleton)
{
    *skeleton = (struct skeleton){0};
    if (size > ONNX_MAX_FILE)
        return stoa_fail(error, STOA_ERROR_LIMIT, "the file has %zu bytes, at most %zu are taken", size, ONNX_MAX_FILE);
    struct guard guard = {.bytes = bytes, .limit = limit, .allocator = allocator, .error = error, .depth = 1};
    guard.frames[0].descriptor = root == ONNX_MODEL ? &onnx__model_proto__descriptor : &onnx__tensor_proto__descriptor;
    guard.frames[0].end = size;

    enum stoa_status status = write_bytes(&guard, NULL, 0);
    while (status == STOA_OK && guard.position < size) {
        status = read_field(&guard);
        if (status == STOA_OK)
            leave_messages(&guard);
    }
    if (status != STOA_OK)
        stoa_release(allocator, guard.out.data);
    else
        *skeleton = guard.out;
    return status;
}
