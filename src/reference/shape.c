/* Operators that rename dimensions, tell shapes, make constants or change types. All are exact. */
#include <string.h>

#include "base/half.h"
#include "base/memory.h"
#include "base/tensor.h"
#include "reference/internal.h"

enum stoa_status stoa_reference_identity(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    return stoa_reference_output_copy(run, x, x->rank, x->dims);
}

/* Inference: the data as they are, and a mask that keeps everything. */
enum stoa_status stoa_reference_dropout(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *training = stoa_reference_input(run, 2);
    const struct reference_tensor *ratio = stoa_reference_input(run, 1);
    bool drops = !ratio || stoa_reference_count(ratio) != 1 || ratio->values[0] != 0;
    if (drops && training && stoa_reference_count(training) == 1 && training->values[0] != 0)
        return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "input 2 (training_mode) is true");
    struct reference_tensor *mask;
    STOA_TRY(stoa_reference_output_copy(run, x, x->rank, x->dims));
    STOA_TRY(stoa_reference_output(run, 1, run->call->opset < 10 ? x->dtype : STOA_BOOL, x->rank, x->dims, &mask));
    for (size_t i = 0; mask && i < stoa_reference_count(mask); i++)
        mask->values[i] = 1;
    return STOA_OK;
}

enum stoa_status stoa_reference_flatten(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", 1, INT32_MIN, INT32_MAX);
    STOA_TRY(run->reader.status);
    size_t axis;
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, true, &axis));
    size_t dims[] = {stoa_reference_product(x, 0, axis), stoa_reference_product(x, axis, x->rank)};
    return stoa_reference_output_copy(run, x, 2, dims);
}

enum stoa_status stoa_reference_reshape(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    bool allow_zero = stoa_read_int(&run->reader, "allowzero", 0, 0, 1);
    struct reference_list shape;
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_list(run, 1, NULL, &shape));
    size_t dims[STOA_MAX_RANK], known = 1, open = STOA_MAX_RANK;
    if (shape.count > STOA_MAX_RANK)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "shape has %zu values, at most %d are taken", shape.count,
                         STOA_MAX_RANK);
    for (size_t i = 0; i < shape.count; i++) {
        int64_t size = shape.items[i];
        if (size < -1 || (size == -1 && open < STOA_MAX_RANK) || (size == 0 && !allow_zero && i >= x->rank))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "shape[%zu] is %lld", i, (long long)size);
        if (size == -1) {
            open = i;
            continue;
        }
        dims[i] = size || allow_zero ? (size_t)size : x->dims[i];
        known *= dims[i];
    }
    size_t count = stoa_reference_count(x);
    if (open < STOA_MAX_RANK) {
        if (!known || count % known)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "%zu elements leave nothing whole for shape[%zu] = -1",
                             count, open);
        dims[open] = count / known;
    }
    return stoa_reference_output_copy(run, x, shape.count, dims);
}

enum stoa_status stoa_reference_squeeze(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list axes;
    bool named[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_list(run, 1, run->call->opset < 13 ? "axes" : NULL, &axes));
    STOA_TRY(stoa_reference_axes(run, &axes, x->rank, named));
    size_t rank = 0, dims[STOA_MAX_RANK];
    for (size_t i = 0; i < x->rank; i++) {
        if (named[i] && x->dims[i] != 1)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "axis %zu has %zu elements, must have 1", i, x->dims[i]);
        if (axes.present ? !named[i] : x->dims[i] != 1)
            dims[rank++] = x->dims[i];
    }
    return stoa_reference_output_copy(run, x, rank, dims);
}

enum stoa_status stoa_reference_unsqueeze(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list axes;
    bool named[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_list(run, 1, run->call->opset < 13 ? "axes" : NULL, &axes));
    size_t rank = x->rank + axes.count, dims[STOA_MAX_RANK], from = 0;
    if (!axes.present || rank > STOA_MAX_RANK)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "axes are missing or make rank %zu", rank);
    STOA_TRY(stoa_reference_axes(run, &axes, rank, named));
    for (size_t i = 0; i < rank; i++)
        dims[i] = named[i] ? 1 : x->dims[from++];
    return stoa_reference_output_copy(run, x, rank, dims);
}

static enum stoa_status cast(struct reference_run *run, enum stoa_dtype to, int bits, int least, double most)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, to, x->rank, x->dims, &y));
    for (size_t i = 0; i < stoa_reference_count(y); i++)
        y->values[i] = bits ? stoa_reference_round(x->values[i], bits, least, most)
                            : stoa_reference_convert(x->dtype, to, x->values[i]);
    return STOA_OK;
}

/* The 16-bit floats are rounded to and kept as floats: of 11 bits down to 2^-24 (IEEE 754, binary16), or of 8 bits with
 * the exponents of a float. */
enum stoa_status stoa_reference_cast(struct reference_run *run)
{
    int64_t to = stoa_read_int(&run->reader, "to", 0, 0, INT32_MAX);
    STOA_TRY(run->reader.status);
    if (to == HALF_FLOAT16)
        return cast(run, STOA_FLOAT, 11, -24, 65504);
    if (to == HALF_BFLOAT16)
        return cast(run, STOA_FLOAT, 8, -133, 0x1.fep127);
    if (!stoa_dtype_size((enum stoa_dtype)to))
        return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "attribute to is %d", (int)to);
    return cast(run, (enum stoa_dtype)to, 0, 0, 0);
}

enum stoa_status stoa_reference_cast_like(struct reference_run *run)
{
    return cast(run, stoa_reference_input(run, 1)->dtype, 0, 0, 0);
}

/* An end of the range of dimensions that Shape tells: from the back where negative, held within [0, rank]. */
static int64_t hold(int64_t value, int64_t rank)
{
    value = value < 0 ? value + rank : value;
    return value < 0 ? 0 : value > rank ? rank : value;
}

enum stoa_status stoa_reference_shape(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    int64_t rank = (int64_t)x->rank;
    int64_t start = hold(stoa_read_int(&run->reader, "start", 0, INT32_MIN, INT32_MAX), rank);
    int64_t end = hold(stoa_read_int(&run->reader, "end", rank, INT32_MIN, INT32_MAX), rank);
    struct reference_tensor *y;
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_output(run, 0, STOA_INT64, 1, (size_t[]){(size_t)(end > start ? end - start : 0)}, &y));
    for (size_t i = 0; i < y->dims[0]; i++)
        y->values[i] = (double)x->dims[(size_t)start + i];
    return STOA_OK;
}

static enum stoa_status constant_tensor(struct reference_run *run, const struct stoa_tensor *tensor)
{
    struct reference_tensor *y;
    size_t count;
    double *values;
    STOA_TRY(stoa_reference_output(run, 0, tensor->dtype, tensor->rank, tensor->dims, &y));
    STOA_TRY(stoa_reference_constant(run, tensor, &count, &values));
    memcpy(y->values, values, count * sizeof *values);
    stoa_release(run->allocator, values);
    return STOA_OK;
}

/* A scalar, or a list as a tensor of rank 1. */
static enum stoa_status constant_numbers(struct reference_run *run, enum stoa_dtype dtype, bool list, size_t count)
{
    struct reference_tensor *y;
    const char *name = dtype == STOA_FLOAT ? list ? "value_floats" : "value_float" : list ? "value_ints" : "value_int";
    STOA_TRY(stoa_reference_output(run, 0, dtype, list, (size_t[]){count}, &y));
    for (size_t i = 0; i < run->call->attributes->count; i++) {
        const struct attribute *attribute = &run->call->attributes->items[i];
        if (strcmp(attribute->name, name) != 0)
            continue;
        if (!list)
            y->values[0] = dtype == STOA_FLOAT ? (double)attribute->number : (double)attribute->integer;
        for (size_t k = 0; list && k < count; k++)
            y->values[k] = dtype == STOA_FLOAT ? (double)attribute->numbers[k] : (double)attribute->integers[k];
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_constant_value(struct reference_run *run)
{
    for (size_t i = 0; i < run->call->attributes->count; i++) {
        const struct attribute *attribute = &run->call->attributes->items[i];
        if (!strcmp(attribute->name, "value") && attribute->kind == ATTRIBUTE_TENSOR)
            return constant_tensor(run, attribute->tensor);
        if (!strcmp(attribute->name, "value_float") && attribute->kind == ATTRIBUTE_FLOAT)
            return constant_numbers(run, STOA_FLOAT, false, 1);
        if (!strcmp(attribute->name, "value_floats") && attribute->kind == ATTRIBUTE_FLOATS)
            return constant_numbers(run, STOA_FLOAT, true, attribute->count);
        if (!strcmp(attribute->name, "value_int") && attribute->kind == ATTRIBUTE_INT)
            return constant_numbers(run, STOA_INT64, false, 1);
        if (!strcmp(attribute->name, "value_ints") && attribute->kind == ATTRIBUTE_INTS)
            return constant_numbers(run, STOA_INT64, true, attribute->count);
    }
    return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "none of value, value_float(s), value_int(s) is given");
}

enum stoa_status stoa_reference_constant_of_shape(struct reference_run *run)
{
    size_t dims[STOA_MAX_RANK], count = 0;
    const struct reference_tensor *input = stoa_reference_input(run, 0);
    const struct stoa_tensor *tensor = stoa_read_tensor(&run->reader, "value");
    STOA_TRY(run->reader.status);
    size_t rank = stoa_reference_count(input);
    if (rank > STOA_MAX_RANK)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "input 0 has %zu values, at most %d are taken", rank,
                         STOA_MAX_RANK);
    for (size_t i = 0; i < rank; i++) {
        if (!(input->values[i] >= 0))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "shape[%zu] is %.0f", i, input->values[i]);
        dims[i] = (size_t)stoa_reference_integer(input->values[i]);
    }
    double value = 0, *values = NULL;
    if (tensor) {
        STOA_TRY(stoa_reference_constant(run, tensor, &count, &values));
        if (count)
            value = values[0];
        stoa_release(run->allocator, values);
        if (count != 1)
            return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "attribute value has %zu elements, must have 1", count);
    }
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, tensor ? tensor->dtype : STOA_FLOAT, rank, dims, &y));
    for (size_t i = 0; i < stoa_reference_count(y); i++)
        y->values[i] = value;
    return STOA_OK;
}
