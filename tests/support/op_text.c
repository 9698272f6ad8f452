/* A small hand-written reader: the rows are ours, so anything odd in them fails the test at once. */
#include "support/op_text.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/tensor.h"

#define MAX_VALUES 64

static void *take(struct arena *arena, size_t count, size_t size)
{
    void *memory = NULL;
    cr_assert(stoa_arena_allocate(arena, count, size, NULL, &memory) == STOA_OK, "out of memory in a test");
    return memory;
}

static const char *copy_text(struct arena *arena, const char *begin, size_t length)
{
    char *copy = take(arena, length + 1, 1);
    memcpy(copy, begin, length);
    return copy;
}

/* Reads "1,2.5,3" up to the closing character; returns the count and whether any had a point. */
static size_t read_numbers(const char **cursor, char close, double *values, bool *fractional)
{
    size_t count = 0;
    *fractional = false;
    while (**cursor != close) {
        char *end;
        cr_assert(count < MAX_VALUES, "too many values: %s", *cursor);
        values[count++] = strtod(*cursor, &end);
        cr_assert(end != *cursor, "a number was expected: %s", *cursor);
        for (const char *c = *cursor; c < end; c++)
            *fractional |= *c == '.' || *c == 'e' || *c == 'n'; /* 1.5, 1e3, nan, inf */
        *cursor = *end == ',' ? end + 1 : end;
    }
    ++*cursor;
    return count;
}

struct attributes op_text_attributes(const char *text, struct arena *arena)
{
    struct attribute *items = take(arena, STOA_MAX_ATTRIBUTES, sizeof *items);
    size_t count = 0;
    for (const char *cursor = text ? text : ""; *cursor;) {
        if (*cursor == ' ') {
            cursor++;
            continue;
        }
        const char *equals = strchr(cursor, '=');
        cr_assert(equals && count < STOA_MAX_ATTRIBUTES, "an attribute was expected: %s", cursor);
        struct attribute *item = &items[count++];
        item->name = copy_text(arena, cursor, (size_t)(equals - cursor));
        cursor = equals + 1;
        double values[MAX_VALUES];
        bool fractional;
        if (*cursor == '\'') {
            const char *end = strchr(cursor + 1, '\'');
            cr_assert(end, "an unclosed string: %s", cursor);
            item->kind = ATTRIBUTE_STRING;
            item->string = copy_text(arena, cursor + 1, (size_t)(end - cursor - 1));
            cursor = end + 1;
        } else if (*cursor == '[') {
            cursor++;
            item->count = read_numbers(&cursor, ']', values, &fractional);
            item->kind = fractional ? ATTRIBUTE_FLOATS : ATTRIBUTE_INTS;
            int64_t *integers = take(arena, item->count, sizeof *integers);
            float *numbers = take(arena, item->count, sizeof *numbers);
            for (size_t i = 0; i < item->count; i++)
                fractional ? (void)(numbers[i] = (float)values[i]) : (void)(integers[i] = (int64_t)values[i]);
            item->integers = integers;
            item->numbers = numbers;
        } else {
            char *end;
            double value = strtod(cursor, &end);
            cr_assert(end != cursor, "a value was expected: %s", cursor);
            for (const char *c = cursor; c < end; c++)
                fractional = c == cursor ? *c == '.' || *c == 'n' : fractional || *c == '.' || *c == 'e' || *c == 'n';
            item->kind = fractional ? ATTRIBUTE_FLOAT : ATTRIBUTE_INT;
            item->number = (float)value;
            item->integer = fractional ? 0 : (int64_t)strtoll(cursor, NULL, 10);
            cursor = end;
        }
    }
    return (struct attributes){.items = items, .count = count};
}

static enum stoa_dtype read_dtype(const char **cursor)
{
    static const struct {
        const char *text;
        enum stoa_dtype dtype;
    } names[] = {{"f32", STOA_FLOAT}, {"f64", STOA_DOUBLE}, {"i64", STOA_INT64}, {"i32", STOA_INT32},
                 {"u8", STOA_UINT8},  {"i8", STOA_INT8},    {"b", STOA_BOOL}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(*cursor, names[i].text, strlen(names[i].text)) == 0) {
            *cursor += strlen(names[i].text);
            return names[i].dtype;
        }
    cr_assert(false, "a type was expected: %s", *cursor);
    return STOA_NONE;
}

static void store(const struct stoa_tensor *tensor, size_t index, double value)
{
    switch (tensor->dtype) {
    case STOA_FLOAT:
        ((float *)tensor->data)[index] = (float)value;
        break;
    case STOA_DOUBLE:
        ((double *)tensor->data)[index] = value;
        break;
    case STOA_INT64:
        ((int64_t *)tensor->data)[index] = (int64_t)value;
        break;
    case STOA_INT32:
        ((int32_t *)tensor->data)[index] = (int32_t)value;
        break;
    case STOA_INT8:
        ((int8_t *)tensor->data)[index] = (int8_t)value;
        break;
    case STOA_UINT8:
    case STOA_BOOL:
        ((uint8_t *)tensor->data)[index] = (uint8_t)value;
        break;
    case STOA_NONE:
        break;
    }
}

size_t op_text_inputs(const char *text, unsigned seed, struct arena *arena, struct op_text_input *inputs)
{
    size_t count = 0;
    struct random random = {.state = seed};
    for (const char *cursor = text ? text : ""; *cursor;) {
        if (*cursor == ' ') {
            cursor++;
            continue;
        }
        cr_assert(count < OP_TEXT_MAX_INPUTS, "too many inputs: %s", text);
        struct op_text_input *input = &inputs[count++];
        *input = (struct op_text_input){0};
        if (*cursor == '-') {
            cursor++;
            continue;
        }
        if (*cursor == '!') {
            input->constant = true;
            cursor++;
        }
        struct stoa_tensor *tensor = &input->tensor;
        tensor->dtype = read_dtype(&cursor);
        char kind = *cursor;
        bool positive = kind == '+', whole = kind == '#', fractional;
        if (positive || whole)
            kind = *++cursor;
        double values[MAX_VALUES] = {0};
        cursor++;
        size_t listed = read_numbers(&cursor, kind == '[' ? ']' : kind == '{' ? '}' : ')', values, &fractional);
        if (kind == '[') {
            tensor->rank = listed;
            for (size_t i = 0; i < listed; i++)
                tensor->dims[i] = (size_t)values[i];
        } else {
            tensor->rank = kind == '{';
            tensor->dims[0] = listed;
        }
        stoa_tensor_set_plain(tensor);
        size_t elements = stoa_tensor_elements(tensor);
        tensor->data = take(arena, elements, stoa_dtype_size(tensor->dtype));
        for (size_t i = 0; i < elements; i++) {
            double value = kind != '[' ? values[i]
                           : whole     ? (double)stoa_random_int(&random, -4, 4)
                                       : stoa_random_normal(&random);
            if (positive)
                value = (value < 0 ? -value : value) + 0.1;
            store(tensor, i, value);
        }
    }
    return count;
}
