/* Operands, and the comparison. */
#include "layers/operands.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

size_t operands_elements(const struct reference_tensor *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++)
        count *= tensor->dims[i];
    return count;
}

struct reference_tensor operands_image(size_t N, size_t C, size_t H, size_t W)
{
    return (struct reference_tensor){.dtype = STOA_FLOAT, .rank = 4, .dims = {N, C, H, W}};
}

struct reference_tensor operands_matrix(size_t rows, size_t columns)
{
    return (struct reference_tensor){.dtype = STOA_FLOAT, .rank = 2, .dims = {rows, columns}};
}

struct reference_tensor operands_vector(size_t count)
{
    return (struct reference_tensor){.dtype = STOA_FLOAT, .rank = 1, .dims = {count}};
}

/* The place of row-major element i in a buffer. */
static size_t place(const struct reference_tensor *tensor, enum stoa_layout layout, bool is_image, size_t i)
{
    if (!is_image || layout == STOA_NCHW)
        return i;
    size_t P = tensor->dims[2] * tensor->dims[3], C = tensor->dims[1];
    return (i / P / C * P + i % P) * C + i / P % C;
}

float *operands_fill(struct operands *bench, size_t operand, struct reference_tensor tensor, bool is_image)
{
    size_t count = operands_elements(&tensor);
    float *plain = malloc(count * sizeof *plain), *buffer = malloc(count * sizeof *buffer);
    tensor.values = malloc(count * sizeof *tensor.values);
    cr_assert(plain && buffer && tensor.values && count <= MOST);
    stoa_random_fill(&bench->random, count, plain);
    for (size_t i = 0; i < count; i++) {
        tensor.values[i] = (double)plain[i];
        buffer[place(&tensor, bench->layout, is_image, i)] = plain[i];
    }
    free(plain);
    bench->inputs[operand] = tensor;
    return buffer;
}

void operands_take(struct operands *bench, size_t operand, struct reference_tensor tensor, bool is_image,
                   const float *from)
{
    tensor.values = malloc(operands_elements(&tensor) * sizeof *tensor.values);
    cr_assert(tensor.values);
    for (size_t i = 0; i < operands_elements(&tensor); i++)
        tensor.values[i] = (double)from[place(&tensor, bench->layout, is_image, i)];
    bench->inputs[operand] = tensor;
}

void operands_twin(struct operands *bench, const char *type, size_t inputs, size_t outputs)
{
    const struct attributes attributes = {.items = bench->attributes, .count = bench->attribute_count};
    struct reference_call call = {.type = type,
                                  .attributes = &attributes,
                                  .opset = 13,
                                  .input_count = inputs,
                                  .output_count = outputs,
                                  .inputs = bench->inputs,
                                  .outputs = bench->outputs};
    struct stoa_allocator allocator = stoa_allocator_default();
    struct stoa_error error = {0};
    for (size_t i = 0; i < outputs; i++)
        bench->outputs[i] = (struct reference_tensor){.dtype = bench->absent >> i & 1 ? STOA_NONE : STOA_FLOAT};
    cr_assert(stoa_reference_run(&call, &allocator, &error) == STOA_OK, "%s: %s", bench->name, error.message);
}

void operands_compare(const struct operands *bench, size_t output, bool is_image, const float *given, const char *what)
{
    const struct reference_tensor *expected = &bench->outputs[output];
    size_t wrong = 0, count = operands_elements(expected), worst = 0;
    for (size_t i = 0; i < count; i++) {
        double value = (double)given[place(expected, bench->layout, is_image, i)];
        double slack = expected->slack ? expected->slack[i] * 0x1p-24 : 0;
        if (!(fabs(value - expected->values[i]) <= slack)) {
            worst = i;
            wrong++;
        }
    }
    cr_expect(wrong == 0 && count > 0, "%s, layout %d: %zu of %zu %s are off: [%zu] %g, twin %g", bench->name,
              (int)bench->layout, wrong, count, what, worst,
              count ? (double)given[place(expected, bench->layout, is_image, worst)] : 0,
              count ? expected->values[worst] : 0);
}

void operands_clear(struct operands *bench, size_t inputs, size_t outputs)
{
    struct stoa_allocator allocator = stoa_allocator_default();
    for (size_t i = 0; i < inputs; i++)
        free(bench->inputs[i].values);
    for (size_t i = 0; i < outputs; i++)
        stoa_reference_free(&allocator, &bench->outputs[i]);
}

void operands_integers(struct operands *bench, const char *name, size_t count, const size_t *sizes, size_t least)
{
    size_t at = bench->attribute_count++;
    for (size_t i = 0; i < count; i++)
        bench->integers[at][i] = (int64_t)(sizes[i] > least ? sizes[i] : least);
    bench->attributes[at] =
        (struct attribute){.name = name, .kind = ATTRIBUTE_INTS, .integers = bench->integers[at], .count = count};
}

void operands_integer(struct operands *bench, const char *name, size_t value)
{
    bench->attributes[bench->attribute_count++] =
        (struct attribute){.name = name, .kind = ATTRIBUTE_INT, .integer = (int64_t)value};
}

void *operands_aligned(size_t size)
{
    void *memory = NULL;
    cr_assert(size == 0 || posix_memalign(&memory, 64, size) == 0);
    return memory;
}
