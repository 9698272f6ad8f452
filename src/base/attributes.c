/* Reading a node's attributes. */
#include "base/attributes.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/status.h"

struct attribute_reader stoa_reader(const struct attributes *attributes, int opset, size_t input_count,
                                    size_t output_count, struct stoa_error *error)
{
    return (struct attribute_reader){.attributes = attributes,
                                     .opset = opset,
                                     .input_count = input_count,
                                     .output_count = output_count,
                                     .error = error};
}

void stoa_reader_fail(struct attribute_reader *reader, enum stoa_status status, const char *format, ...)
{
    if (reader->status != STOA_OK)
        return;
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    reader->status = stoa_fail(reader->error, status, "%s", text);
}

static const char *kind_name(enum attribute_kind kind)
{
    switch (kind) {
    case ATTRIBUTE_FLOAT:
        return "FLOAT";
    case ATTRIBUTE_INT:
        return "INT";
    case ATTRIBUTE_STRING:
        return "STRING";
    case ATTRIBUTE_TENSOR:
        return "TENSOR";
    case ATTRIBUTE_GRAPH:
        return "GRAPH";
    case ATTRIBUTE_FLOATS:
        return "FLOATS";
    case ATTRIBUTE_INTS:
        return "INTS";
    case ATTRIBUTE_STRINGS:
        return "STRINGS";
    }
    return "unknown";
}

static const struct attribute *find(struct attribute_reader *reader, const char *name, enum attribute_kind kind)
{
    for (size_t i = 0; i < reader->attributes->count; i++) {
        const struct attribute *attribute = &reader->attributes->items[i];
        if (strcmp(attribute->name, name) != 0)
            continue;
        reader->used |= UINT64_C(1) << i;
        if (attribute->kind == kind)
            return attribute;
        stoa_reader_fail(reader, STOA_ERROR_GRAPH, "attribute %s is of type %s, must be %s", name,
                         kind_name(attribute->kind), kind_name(kind));
        return NULL;
    }
    return NULL;
}

int stoa_reader_has(const struct attribute_reader *reader, const char *name)
{
    for (size_t i = 0; i < reader->attributes->count; i++)
        if (strcmp(reader->attributes->items[i].name, name) == 0)
            return 1;
    return 0;
}

void stoa_reader_require(struct attribute_reader *reader, const char *name)
{
    if (!stoa_reader_has(reader, name))
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s is missing", name);
}

int64_t stoa_read_int(struct attribute_reader *reader, const char *name, int64_t fallback, int64_t least, int64_t most)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_INT);
    if (!attribute)
        return fallback;
    if (attribute->integer >= least && attribute->integer <= most)
        return attribute->integer;
    stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s is %" PRId64 ", must be in [%" PRId64 ", %" PRId64 "]",
                     name, attribute->integer, least, most);
    return fallback;
}

float stoa_read_float(struct attribute_reader *reader, const char *name, float fallback)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_FLOAT);
    if (!attribute)
        return fallback;
    if (!isnan(attribute->number))
        return attribute->number;
    stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s is NaN", name);
    return fallback;
}

const char *stoa_read_string(struct attribute_reader *reader, const char *name, const char *fallback)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_STRING);
    return attribute ? attribute->string : fallback;
}

const struct stoa_tensor *stoa_read_tensor(struct attribute_reader *reader, const char *name)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_TENSOR);
    return attribute ? attribute->tensor : NULL;
}

static int fits(struct attribute_reader *reader, const struct attribute *attribute, size_t capacity)
{
    if (attribute->count > capacity)
        stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s has %zu values, at most %zu are taken",
                         attribute->name, attribute->count, capacity);
    return attribute->count <= capacity;
}

size_t stoa_read_ints(struct attribute_reader *reader, const char *name, int64_t least, int64_t most, size_t capacity,
                      int64_t *values)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_INTS);
    if (!attribute || !fits(reader, attribute, capacity))
        return 0;
    for (size_t i = 0; i < attribute->count; i++) {
        values[i] = attribute->integers[i];
        if (values[i] < least || values[i] > most) {
            stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE,
                             "attribute %s[%zu] is %" PRId64 ", must be in [%" PRId64 ", %" PRId64 "]", name, i,
                             values[i], least, most);
            return 0;
        }
    }
    return attribute->count;
}

size_t stoa_read_floats(struct attribute_reader *reader, const char *name, size_t capacity, float *values)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_FLOATS);
    if (!attribute || !fits(reader, attribute, capacity))
        return 0;
    for (size_t i = 0; i < attribute->count; i++) {
        values[i] = attribute->numbers[i];
        if (isnan(values[i])) {
            stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s[%zu] is NaN", name, i);
            return 0;
        }
    }
    return attribute->count;
}

size_t stoa_read_strings(struct attribute_reader *reader, const char *name, size_t capacity, const char **values)
{
    const struct attribute *attribute = find(reader, name, ATTRIBUTE_STRINGS);
    if (!attribute || !fits(reader, attribute, capacity))
        return 0;
    for (size_t i = 0; i < attribute->count; i++)
        values[i] = attribute->strings[i];
    return attribute->count;
}

size_t stoa_read_choice(struct attribute_reader *reader, const char *name, const char *const *choices)
{
    const char *value = stoa_read_string(reader, name, choices[0]);
    for (size_t i = 0; choices[i]; i++)
        if (strcmp(value, choices[i]) == 0)
            return i;
    stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s is \"%s\", which is none of its values", name, value);
    return 0;
}

enum stoa_status stoa_reader_finish(struct attribute_reader *reader)
{
    for (size_t i = 0; i < reader->attributes->count; i++)
        if (!(reader->used >> i & 1))
            stoa_reader_fail(reader, STOA_ERROR_ATTRIBUTE, "attribute %s is not one this operator has at opset %d",
                             reader->attributes->items[i].name, reader->opset);
    return reader->status;
}
