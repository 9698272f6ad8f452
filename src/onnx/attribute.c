/* An attribute states its type and sets the field that belongs to it. Writers may leave out a scalar that is zero. */
#include "onnx/attribute.h"

#include <stdbool.h>
#include <string.h>

#include "base/status.h"
#include "onnx/text.h"

/* The message's fields that are set, by the type each belongs to. */
static bool has_content_of(const Onnx__AttributeProto *message, enum attribute_kind kind)
{
    switch (kind) {
    case ATTRIBUTE_FLOAT:
        return message->has_f;
    case ATTRIBUTE_INT:
        return message->has_i;
    case ATTRIBUTE_STRING:
        return message->has_s;
    case ATTRIBUTE_TENSOR:
        return message->t;
    case ATTRIBUTE_FLOATS:
        return message->n_floats;
    case ATTRIBUTE_INTS:
        return message->n_ints;
    case ATTRIBUTE_STRINGS:
        return message->n_strings;
    case ATTRIBUTE_GRAPH:
        return message->g;
    }
    return false;
}

static enum stoa_status check_content(const Onnx__AttributeProto *message, const char *type, struct stoa_error *error)
{
    static const struct {
        enum attribute_kind kind;
        const char *field;
    } fields[] = {{ATTRIBUTE_FLOAT, "f"},         {ATTRIBUTE_INT, "i"},         {ATTRIBUTE_STRING, "s"},
                  {ATTRIBUTE_TENSOR, "t"},        {ATTRIBUTE_FLOATS, "floats"}, {ATTRIBUTE_INTS, "ints"},
                  {ATTRIBUTE_STRINGS, "strings"}, {ATTRIBUTE_GRAPH, "g"}};
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        if ((int)fields[i].kind != (int)message->type && has_content_of(message, fields[i].kind))
            return stoa_fail(error, STOA_ERROR_GRAPH, "is of type %s, but field %s is set", type, fields[i].field);
    return STOA_OK;
}

static enum stoa_status read_string(const ProtobufCBinaryData *bytes, struct arena *arena, struct stoa_error *error,
                                    const char **string)
{
    const char *fault = stoa_onnx_text_fault(bytes->data, bytes->len);
    if (fault)
        return stoa_fail(error, STOA_ERROR_PARSE, "its text %s", fault);
    return stoa_arena_string(arena, bytes->len ? (const char *)bytes->data : "", bytes->len, error, string);
}

static enum stoa_status read_strings(const Onnx__AttributeProto *message, struct arena *arena, struct stoa_error *error,
                                     struct attribute *attribute)
{
    const char **strings;
    STOA_TRY(stoa_arena_allocate(arena, message->n_strings, sizeof *strings, error, &strings));
    for (size_t i = 0; i < message->n_strings; i++)
        STOA_TRY(read_string(&message->strings[i], arena, error, &strings[i]));
    attribute->strings = strings;
    attribute->count = message->n_strings;
    return STOA_OK;
}

static enum stoa_status read_tensor(const Onnx__AttributeProto *message, const struct onnx_source *source,
                                    struct arena *arena, struct stoa_error *error, const struct stoa_tensor **tensor)
{
    if (!message->t)
        return stoa_fail(error, STOA_ERROR_GRAPH, "is of type TENSOR, but holds none");
    struct stoa_tensor *read;
    STOA_TRY(stoa_arena_allocate(arena, 1, sizeof *read, error, &read));
    STOA_TRY(stoa_onnx_tensor(message->t, source, false, arena, error, read));
    *tensor = read;
    return STOA_OK;
}

static enum stoa_status read_attribute(const Onnx__AttributeProto *message, const struct onnx_source *source,
                                       struct arena *arena, struct stoa_error *error, struct attribute *attribute)
{
    const ProtobufCEnumValue *type =
        protobuf_c_enum_descriptor_get_value(&onnx__attribute_proto__attribute_type__descriptor, (int)message->type);
    if (!type || message->type == ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__UNDEFINED)
        return stoa_fail(error, STOA_ERROR_GRAPH, "type %d is none of ONNX's", (int)message->type);
    if (message->ref_attr_name && message->ref_attr_name[0])
        return stoa_fail(error, STOA_ERROR_GRAPH, "refers to attribute '%.80s' of a function, but is in none",
                         message->ref_attr_name);
    STOA_TRY(check_content(message, type->name, error));
    attribute->kind = (enum attribute_kind)message->type;
    switch (attribute->kind) {
    case ATTRIBUTE_FLOAT:
        attribute->number = message->f;
        break;
    case ATTRIBUTE_INT:
        attribute->integer = message->i;
        break;
    case ATTRIBUTE_STRING:
        return read_string(&message->s, arena, error, &attribute->string);
    case ATTRIBUTE_TENSOR:
        return read_tensor(message, source, arena, error, &attribute->tensor);
    case ATTRIBUTE_FLOATS:
        attribute->numbers = message->floats;
        attribute->count = message->n_floats;
        break;
    case ATTRIBUTE_INTS:
        attribute->integers = message->ints;
        attribute->count = message->n_ints;
        break;
    case ATTRIBUTE_STRINGS:
        return read_strings(message, arena, error, attribute);
    default:
        break;
    }
    return STOA_OK;
}

enum stoa_status stoa_onnx_attribute(const Onnx__AttributeProto *message, const struct onnx_source *source,
                                     struct arena *arena, struct stoa_error *error, struct attribute *attribute)
{
    *attribute = (struct attribute){.name = message->name};
    if (!message->name || !message->name[0])
        return stoa_fail(error, STOA_ERROR_PARSE, "an attribute has no name");
    enum stoa_status status = read_attribute(message, source, arena, error, attribute);
    if (status != STOA_OK)
        stoa_error_prefix(error, "attribute %.100s: ", message->name);
    return status;
}
