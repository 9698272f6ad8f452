/* A small hand-written reader: the rows are ours, so anything odd in them fails the test at once. */
#include "support/op_text.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/tensor.h"

#define MAX_VALUES 4096

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

/* 1.5, 1e3, nan, inf */
static bool is_fractional(const char *begin, const char *end)
{
    for (; begin < end; begin++)
        if (*begin == '.' || *begin == 'e' || *begin == 'n')
            return true;
    return false;
}

/* Reads "1,2.5,4..6,0*3" up to the closing character; returns the count and whether any had a point. */
static size_t read_numbers(const char **cursor, char close, double *values, bool *fractional)
{
    size_t count = 0;
    *fractional = false;
    while (**cursor != close) {
        char *end;
        double first = strtod(*cursor, &end), last = first;
        cr_assert(end != *cursor, "a number was expected: %s", *cursor);
        if (strncmp(end - 1, "..", 2) == 0) /* strtod takes the first dot along */
            end--;
        *fractional |= is_fractional(*cursor, end);
        if (strncmp(end, "..", 2) == 0)
            last = strtod(end + 2, &end);
        size_t times = *end == '*' ? strtoul(end + 1, &end, 10) : 1;
        size_t steps = last > first ? (size_t)(last - first) + 1 : 1;
        cr_assert(count + steps * times <= MAX_VALUES, "too many values: %s", *cursor);
        for (size_t i = 0; i < steps * times; i++)
            values[count++] = steps > 1 ? first + (double)(i / times) : first;
        *cursor = *end == ',' ? end + 1 : end;
    }
    ++*cursor;
    return count;
}

static enum stoa_dtype read_dtype(const char **cursor)
{
    static const struct {
        const char *text;
        enum stoa_dtype dtype;
    } names[] = {{"f32", STOA_FLOAT},  {"f64", STOA_DOUBLE}, {"i64", STOA_INT64},  {"i32", STOA_INT32},
                 {"i16", STOA_INT16},  {"i8", STOA_INT8},    {"u64", STOA_UINT64}, {"u32", STOA_UINT32},
                 {"u16", STOA_UINT16}, {"u8", STOA_UINT8},   {"b", STOA_BOOL}};
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
    if (tensor->dtype == STOA_INT64 && value >= 0x1p63) {
        ((int64_t *)tensor->data)[index] = INT64_MAX;
        return;
    }
#define STORE(constant, name, type)                                                                                    \
    case constant:                                                                                                     \
        ((type *)tensor->data)[index] = (type)value;                                                                   \
        break;
    switch (tensor->dtype) {
        STOA_REAL_DTYPES(STORE)
#define STORE_WHOLE(constant, name, type)                                                                              \
    case constant:                                                                                                     \
        ((type *)tensor->data)[index] = value < 0 ? (type)(int64_t)value : (type)value;                                \
        break;
        STOA_WHOLE_DTYPES(STORE_WHOLE)
    case STOA_BOOL:
        ((uint8_t *)tensor->data)[index] = value != 0;
        break;
    case STOA_NONE:
        break;
    }
}

/* Without random numbers, values must be listed. */
static void read_tensor(const char **cursor, struct random *random, struct arena *arena, struct stoa_tensor *tensor)
{
    *tensor = (struct stoa_tensor){.dtype = read_dtype(cursor)};
    bool positive = **cursor == '+', whole = **cursor == '#', fractional;
    *cursor += positive || whole;
    int64_t below = 0;
    if (**cursor == '<') {
        char *end;
        below = strtoll(*cursor + 1, &end, 10);
        *cursor = end;
    }
    double values[MAX_VALUES];
    size_t listed = 0;
    char kind = *(*cursor)++;
    cr_assert(kind == '[' || kind == '{' || kind == '(', "a tensor was expected before %s", *cursor);
    if (kind == '[') {
        tensor->rank = read_numbers(cursor, ']', values, &fractional);
        cr_assert(tensor->rank <= STOA_MAX_RANK, "too many dims before %s", *cursor);
        for (size_t i = 0; i < tensor->rank; i++)
            tensor->dims[i] = (size_t)values[i];
        if (**cursor == '{')
            kind = *(*cursor)++;
        if (kind == '{')
            listed = read_numbers(cursor, '}', values, &fractional);
    } else {
        listed = read_numbers(cursor, kind == '{' ? '}' : ')', values, &fractional);
        tensor->rank = kind == '{';
        tensor->dims[0] = listed;
    }
    stoa_tensor_set_plain(tensor);
    size_t elements = stoa_tensor_elements(tensor);
    cr_assert(kind == '[' ? random != NULL : listed == elements, "%zu values for %zu elements before %s", listed,
              elements, *cursor);
    tensor->data = take(arena, elements, stoa_dtype_size(tensor->dtype));
    for (size_t i = 0; i < elements; i++) {
        double value = kind != '[' ? values[i]
                       : below     ? (double)stoa_random_int(random, 0, below - 1)
                       : whole     ? (double)stoa_random_int(random, -4, 4)
                                   : (double)stoa_random_normal(random);
        if (positive)
            value = (value < 0 ? -value : value) + 0.1;
        store(tensor, i, value);
    }
}

/* "['A','B']" */
static const char *const *read_strings(const char **cursor, struct arena *arena, size_t *count)
{
    const char **strings = take(arena, STOA_MAX_ATTRIBUTES, sizeof *strings);
    for (*count = 0; **cursor != ']'; ++*count) {
        const char *begin = *cursor + 2, *end = strchr(begin, '\'');
        cr_assert(end && *count < STOA_MAX_ATTRIBUTES, "strings were expected: %s", *cursor);
        strings[*count] = copy_text(arena, begin, (size_t)(end - begin));
        *cursor = end + 1;
    }
    ++*cursor;
    return strings;
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
        if (isalpha((unsigned char)*cursor) && !isalpha((unsigned char)cursor[1])) {
            struct stoa_tensor *tensor = take(arena, 1, sizeof *tensor);
            read_tensor(&cursor, NULL, arena, tensor);
            item->kind = ATTRIBUTE_TENSOR;
            item->tensor = tensor;
        } else if (*cursor == '\'') {
            const char *end = strchr(cursor + 1, '\'');
            cr_assert(end, "an unclosed string: %s", cursor);
            item->kind = ATTRIBUTE_STRING;
            item->string = copy_text(arena, cursor + 1, (size_t)(end - cursor - 1));
            cursor = end + 1;
        } else if (cursor[0] == '[' && cursor[1] == '\'') {
            item->kind = ATTRIBUTE_STRINGS;
            item->strings = read_strings(&cursor, arena, &item->count);
        } else if (*cursor == '[') {
            cursor++;
            item->count = read_numbers(&cursor, ']', values, &fractional);
            item->kind = fractional ? ATTRIBUTE_FLOATS : ATTRIBUTE_INTS;
            int64_t *integers = take(arena, item->count, sizeof *integers);
            float *numbers = take(arena, item->count, sizeof *numbers);
            for (size_t i = 0; i < item->count; i++)
                fractional ? (void)(numbers[i] = (float)values[i])
                           : (void)(integers[i] = values[i] < 0x1p63 ? (int64_t)values[i] : INT64_MAX);
            item->integers = integers;
            item->numbers = numbers;
        } else {
            char *end;
            double value = strtod(cursor, &end);
            cr_assert(end != cursor, "a value was expected: %s", cursor);
            fractional = is_fractional(cursor, end);
            item->kind = fractional ? ATTRIBUTE_FLOAT : ATTRIBUTE_INT;
            item->number = (float)value;
            item->integer = fractional ? 0 : (int64_t)strtoll(cursor, NULL, 10);
            cursor = end;
        }
    }
    return (struct attributes){.items = items, .count = count};
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
        *input = (struct op_text_input){.constant = *cursor == '!'};
        cursor += input->constant;
        if (*cursor == '-')
            cursor++;
        else
            read_tensor(&cursor, &random, arena, &input->tensor);
    }
    return count;
}

struct reference_tensor op_text_reference(const struct stoa_tensor *tensor, struct arena *arena)
{
    struct reference_tensor reference = {.dtype = tensor->dtype, .rank = tensor->rank};
    if (tensor->dtype == STOA_NONE)
        return reference;
    memcpy(reference.dims, tensor->dims, sizeof reference.dims);
    size_t elements = stoa_tensor_elements(tensor);
    reference.values = take(arena, elements, sizeof *reference.values);
    for (size_t i = 0; i < elements; i++)
        reference.values[i] = stoa_tensor_load(tensor, stoa_tensor_offset(tensor, i));
    return reference;
}
