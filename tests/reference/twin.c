#include "twin.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/tensor.h"

#define MOST_VALUES 4096
#define MOST_TENSORS 8
#define MOST_ATTRIBUTES 16

struct twin {
    struct stoa_allocator allocator; /* of the outputs, once they are there */
    struct attribute items[MOST_ATTRIBUTES];
    struct attributes attributes;
    struct reference_tensor inputs[MOST_TENSORS], outputs[MOST_TENSORS], expected[MOST_TENSORS];
    struct reference_call call;
    void *blocks[4 * MOST_ATTRIBUTES + 4 * MOST_TENSORS];
    size_t block_count;
};

static void *keep(struct twin *twin, size_t size)
{
    void *block = calloc(1, size + 1);
    twin->blocks[twin->block_count++] = block;
    return block;
}

static const struct {
    const char *name;
    enum stoa_dtype dtype;
} types[] = {{"f32", STOA_FLOAT}, {"f64", STOA_DOUBLE}, {"i64", STOA_INT64}, {"i32", STOA_INT32},
             {"i8", STOA_INT8},   {"u8", STOA_UINT8},   {"b", STOA_BOOL}};

/* Numbers up to the closing bracket, which is passed over. Floats go through float, as real inputs do. */
static size_t read_numbers(const char **text, char close, enum stoa_dtype dtype, double values[MOST_VALUES])
{
    size_t count = 0;
    while (**text != close) {
        char *end;
        double first = strtod(*text, &end), last = first;
        cr_assert(end != *text, "no number at %s", *text);
        if (!strncmp(end - 1, "..", 2)) /* strtod takes the first dot along */
            end--;
        if (!strncmp(end, "..", 2))
            last = strtod(end + 2, &end);
        size_t times = *end == '*' ? strtoul(end + 1, &end, 10) : 1;
        size_t steps = last > first ? (size_t)(last - first) + 1 : 1;
        for (size_t i = 0; i < steps * times; i++) {
            double value = steps > 1 ? first + (double)(i / times) : first;
            cr_assert(count < MOST_VALUES);
            values[count++] = dtype == STOA_FLOAT ? (double)(float)value : value;
        }
        *text = *end == ',' ? end + 1 : end;
    }
    ++*text;
    return count;
}

static struct reference_tensor read_tensor(struct twin *twin, const char **text)
{
    struct reference_tensor tensor = {.dtype = STOA_NONE};
    if (**text == '-') {
        ++*text;
        return tensor;
    }
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strncmp(*text, types[i].name, strlen(types[i].name)) && tensor.dtype == STOA_NONE) {
            tensor.dtype = types[i].dtype;
            *text += strlen(types[i].name);
        }
    cr_assert(tensor.dtype != STOA_NONE, "no type at %s", *text);
    double values[MOST_VALUES];
    size_t count = 1;
    if (**text == '[') {
        ++*text;
        tensor.rank = read_numbers(text, ']', STOA_INT64, values);
        for (size_t i = 0; i < tensor.rank; i++)
            count *= tensor.dims[i] = (size_t)values[i];
    }
    cr_assert(*(*text)++ == '{', "no elements before %s", *text);
    size_t given = read_numbers(text, '}', tensor.dtype, values);
    cr_assert(given == count, "%zu elements for %zu before %s", given, count, *text);
    tensor.values = keep(twin, count * sizeof *values);
    memcpy(tensor.values, values, count * sizeof *values);
    return tensor;
}

static size_t read_tensors(struct twin *twin, const char *text, struct reference_tensor *tensors)
{
    size_t count = 0;
    while (text && *text) {
        tensors[count++] = read_tensor(twin, &text);
        while (*text == ' ')
            text++;
    }
    return count;
}

static const struct stoa_tensor *plain_tensor(struct twin *twin, const char **text)
{
    struct reference_tensor from = read_tensor(twin, text);
    struct stoa_tensor *tensor = keep(twin, sizeof *tensor);
    tensor->dtype = from.dtype;
    tensor->rank = from.rank;
    memcpy(tensor->dims, from.dims, sizeof from.dims);
    stoa_tensor_set_plain(tensor);
    size_t count = stoa_tensor_elements(tensor);
    tensor->data = keep(twin, count * sizeof(double));
    for (size_t i = 0; i < count; i++) {
        cr_assert(from.dtype == STOA_FLOAT || from.dtype == STOA_INT64);
        if (from.dtype == STOA_FLOAT)
            ((float *)tensor->data)[i] = (float)from.values[i];
        else
            ((int64_t *)tensor->data)[i] = (int64_t)from.values[i];
    }
    return tensor;
}

static void read_list(struct twin *twin, const char **text, struct attribute *attribute)
{
    const char *start = ++*text, *end = strchr(start, ']');
    double values[MOST_VALUES];
    attribute->count = read_numbers(text, ']', STOA_DOUBLE, values);
    float *numbers = keep(twin, attribute->count * sizeof *numbers);
    int64_t *integers = keep(twin, attribute->count * sizeof *integers);
    for (size_t i = 0; i < attribute->count; i++) {
        numbers[i] = (float)values[i];
        integers[i] = values[i] < 0x1p63 ? (int64_t)values[i] : INT64_MAX;
    }
    attribute->kind = memchr(start, '.', (size_t)(end - start)) ? ATTRIBUTE_FLOATS : ATTRIBUTE_INTS;
    attribute->numbers = numbers;
    attribute->integers = integers;
}

static void read_attribute(struct twin *twin, const char **text, struct attribute *attribute)
{
    size_t length = strcspn(*text, "=");
    char *name = keep(twin, length);
    memcpy(name, *text, length);
    attribute->name = name;
    *text += length + 1;
    if (**text == '\'') {
        length = strcspn(++*text, "'");
        char *string = keep(twin, length);
        memcpy(string, *text, length);
        attribute->kind = ATTRIBUTE_STRING;
        attribute->string = string;
        *text += length + 1;
    } else if (**text == '[') {
        read_list(twin, text, attribute);
    } else if (**text == 'f' || **text == 'i') {
        attribute->kind = ATTRIBUTE_TENSOR;
        attribute->tensor = plain_tensor(twin, text);
    } else {
        char *end;
        double value = strtod(*text, &end);
        cr_assert(end != *text, "no value at %s", *text);
        attribute->kind = memchr(*text, '.', (size_t)(end - *text)) ? ATTRIBUTE_FLOAT : ATTRIBUTE_INT;
        attribute->number = (float)value;
        attribute->integer = isnan(value) ? 0 : (int64_t)value;
        *text = end;
    }
}

struct twin *twin_create(const struct twin_row *row)
{
    struct twin *twin = calloc(1, sizeof *twin);
    const char *text = row->attributes ? row->attributes : "";
    while (*text) {
        read_attribute(twin, &text, &twin->items[twin->attributes.count++]);
        while (*text == ' ')
            text++;
    }
    twin->attributes.items = twin->items;
    twin->call = (struct reference_call){
        .type = row->type,
        .attributes = &twin->attributes,
        .opset = row->opset,
        .input_count = read_tensors(twin, row->inputs, twin->inputs),
        .output_count = read_tensors(twin, row->outputs, twin->expected),
        .inputs = twin->inputs,
        .outputs = twin->outputs,
    };
    return twin;
}

struct reference_call *twin_call(struct twin *twin)
{
    return &twin->call;
}

enum stoa_status twin_run(struct twin *twin, const struct stoa_allocator *allocator, struct stoa_error *error)
{
    twin->allocator = *allocator;
    for (size_t i = 0; i < twin->call.output_count; i++)
        twin->outputs[i] = (struct reference_tensor){.dtype = twin->expected[i].dtype ? STOA_FLOAT : STOA_NONE};
    return stoa_reference_run(&twin->call, allocator, error);
}

void twin_free(struct twin *twin)
{
    for (size_t i = 0; i < twin->call.output_count; i++)
        stoa_reference_free(&twin->allocator, &twin->outputs[i]);
    for (size_t i = 0; i < twin->block_count; i++)
        free(twin->blocks[i]);
    free(twin);
}

static void compare(const struct twin_row *row, size_t output, const struct reference_tensor *y,
                    const struct reference_tensor *expected)
{
    cr_expect(y->dtype == expected->dtype, "%s: output %zu has type %d, not %d", row->name, output, y->dtype,
              expected->dtype);
    cr_assert(y->rank == expected->rank, "%s: output %zu has rank %zu, not %zu", row->name, output, y->rank,
              expected->rank);
    size_t count = 1, slack = 0;
    double largest = 0;
    for (size_t i = 0; i < y->rank; i++) {
        cr_assert(y->dims[i] == expected->dims[i], "%s: dims[%zu] of output %zu is %zu, not %zu", row->name, i, output,
                  y->dims[i], expected->dims[i]);
        count *= y->dims[i];
    }
    for (size_t i = 0; i < count; i++)
        if (isfinite(expected->values[i]))
            largest = fmax(largest, fabs(expected->values[i]));
    for (size_t i = 0; i < count; i++) {
        double a = y->values[i], b = expected->values[i];
        double tolerance = row->rounded ? 1e-6 * largest : 0;
        cr_expect(a == b || (isnan(a) && isnan(b)) || fabs(a - b) <= tolerance,
                  "%s: element %zu of output %zu is %.9g, not %.9g", row->name, i, output, a, b);
        cr_expect(y->slack[i] >= 0 && y->slack[i] * 0x1p-24 <= 1e-3 * (largest + 1),
                  "%s: element %zu of output %zu has slack %g", row->name, i, output, y->slack[i]);
        slack += y->slack[i] > 0;
    }
    cr_expect(row->rounded ? slack > 0 : slack == 0, "%s: %zu elements of output %zu have slack", row->name, slack,
              output);
}

void twin_check(const struct twin_row *row)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct twin *twin = twin_create(row);
    enum stoa_status status = twin_run(twin, &allocator, &error);
    cr_expect(status == STOA_OK, "%s: %s", row->name, error.message);
    for (size_t i = 0; status == STOA_OK && i < twin->call.output_count; i++)
        if (twin->expected[i].dtype != STOA_NONE)
            compare(row, i, &twin->outputs[i], &twin->expected[i]);
        else
            cr_expect(!twin->outputs[i].values, "%s: output %zu was not wanted", row->name, i);
    twin_free(twin);
}

void twin_check_refused(const struct twin_row *row, enum stoa_status status)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    struct twin *twin = twin_create(row);
    enum stoa_status got = twin_run(twin, &allocator, &error);
    cr_expect(got == status, "%s: %s, not %s (%s)", row->name, stoa_status_name(got), stoa_status_name(status),
              error.message);
    cr_expect(error.message[0], "%s: no message", row->name);
    for (size_t i = 0; got != STOA_OK && i < twin->call.output_count; i++)
        cr_expect(!twin->outputs[i].values && !twin->outputs[i].slack, "%s: output %zu is left behind", row->name, i);
    twin_free(twin);
}
