/* Tensors of the twin: counting, making, converting, lists of integers, broadcasting. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/size.h"
#include "base/tensor.h"
#include "reference/internal.h"

const struct reference_tensor *stoa_reference_input(const struct reference_run *run, size_t index)
{
    if (index >= run->call->input_count || run->call->inputs[index].dtype == STOA_NONE)
        return NULL;
    return &run->call->inputs[index];
}

size_t stoa_reference_product(const struct reference_tensor *tensor, size_t first, size_t last)
{
    size_t count = 1;
    for (size_t i = first; i < last; i++)
        count *= tensor->dims[i];
    return count;
}

size_t stoa_reference_count(const struct reference_tensor *tensor)
{
    return stoa_reference_product(tensor, 0, tensor->rank);
}

bool stoa_reference_same_dims(const struct reference_tensor *a, const struct reference_tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

bool stoa_reference_is_integer(enum stoa_dtype dtype)
{
    return dtype != STOA_FLOAT && dtype != STOA_DOUBLE;
}

enum stoa_status stoa_reference_output(struct reference_run *run, size_t index, enum stoa_dtype dtype, size_t rank,
                                       const size_t *dims, struct reference_tensor **y)
{
    *y = NULL;
    if (index >= run->call->output_count || run->call->outputs[index].dtype == STOA_NONE)
        return STOA_OK;
    if (rank > STOA_MAX_RANK)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "output %zu has rank %zu, at most %d is taken", index, rank,
                         STOA_MAX_RANK);
    struct reference_tensor *out = &run->call->outputs[index];
    size_t count = 1;
    for (size_t i = 0; i < rank; i++)
        if (dims[i] && !stoa_size_mul(count, dims[i], &count))
            return stoa_fail(run->error, STOA_ERROR_LIMIT, "output %zu has more elements than memory can hold", index);
    for (size_t i = 0; i < rank; i++)
        if (!dims[i])
            count = 0;
    out->dtype = dtype;
    out->rank = rank;
    if (rank)
        memcpy(out->dims, dims, rank * sizeof *dims);
    STOA_TRY(stoa_allocate(run->allocator, count, sizeof *out->values, run->error, &out->values));
    STOA_TRY(stoa_allocate(run->allocator, count, sizeof *out->slack, run->error, &out->slack));
    *y = out;
    return STOA_OK;
}

enum stoa_status stoa_reference_output_like(struct reference_run *run, const struct reference_tensor *x,
                                            struct reference_tensor **y)
{
    return stoa_reference_output(run, 0, x->dtype, x->rank, x->dims, y);
}

enum stoa_status stoa_reference_output_copy(struct reference_run *run, const struct reference_tensor *x, size_t rank,
                                            const size_t *dims)
{
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, rank, dims, &y));
    size_t count = stoa_reference_count(x);
    if (y && stoa_reference_count(y) != count)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "the output has %zu elements, the input %zu",
                         stoa_reference_count(y), count);
    for (size_t i = 0; y && i < count; i++)
        y->values[i] = x->values[i];
    return STOA_OK;
}

int64_t stoa_reference_integer(double value)
{
    if (isnan(value))
        return 0;
    if (value >= 0x1p63)
        return INT64_MAX;
    if (value <= -0x1p63)
        return INT64_MIN;
    return (int64_t)value;
}

uint64_t stoa_reference_bits(double value)
{
    if (value >= 0x1p63)
        return value >= 0x1p64 ? UINT64_MAX : (uint64_t)value;
    return (uint64_t)stoa_reference_integer(value);
}

double stoa_reference_convert(enum stoa_dtype from, enum stoa_dtype to, double value)
{
    static const struct {
        enum stoa_dtype dtype;
        double least, most;
    } ranges[] = {{STOA_UINT8, 0, UINT8_MAX},   {STOA_INT8, INT8_MIN, INT8_MAX},
                  {STOA_UINT16, 0, UINT16_MAX}, {STOA_INT16, INT16_MIN, INT16_MAX},
                  {STOA_UINT32, 0, UINT32_MAX}, {STOA_INT32, INT32_MIN, INT32_MAX},
                  {STOA_UINT64, 0, 0x1p64}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges && !stoa_reference_is_integer(from); i++)
        if (ranges[i].dtype == to)
            value = value < ranges[i].least ? ranges[i].least : value > ranges[i].most ? ranges[i].most : value;
    switch (to) {
    case STOA_BOOL:
        return value != 0;
    case STOA_UINT64:
        return (double)stoa_reference_bits(value);
    case STOA_UINT32:
        return (double)(uint32_t)stoa_reference_bits(value);
    case STOA_UINT16:
        return (double)(uint16_t)stoa_reference_bits(value);
    case STOA_INT16:
        return (double)(int16_t)stoa_reference_bits(value);
    case STOA_UINT8:
        return (double)(uint8_t)stoa_reference_bits(value);
    case STOA_INT8:
        return (double)(int8_t)stoa_reference_bits(value);
    case STOA_INT32:
        return (double)(int32_t)stoa_reference_bits(value);
    case STOA_INT64:
        return (double)(stoa_reference_is_integer(from) ? (int64_t)stoa_reference_bits(value)
                                                        : stoa_reference_integer(value));
    case STOA_FLOAT:
        return (double)(float)value;
    default:
        return value;
    }
}

double stoa_reference_round(double value, int bits, int least, double most)
{
    if (value == 0 || !isfinite(value))
        return value;
    int exponent;
    frexp(value, &exponent);
    int place = exponent - bits < least ? least : exponent - bits;
    double rounded = ldexp(rint(ldexp(value, -place)), place);
    return fabs(rounded) > most ? copysign(INFINITY, value) : rounded;
}

enum stoa_status stoa_reference_constant(struct reference_run *run, const struct stoa_tensor *tensor, size_t *count,
                                         double **out)
{
    STOA_TRY(stoa_tensor_measure(tensor, run->error, count, NULL));
    STOA_TRY(stoa_allocate(run->allocator, *count, sizeof **out, run->error, out));
    for (size_t i = 0; i < *count; i++)
        (*out)[i] = stoa_tensor_load(tensor, i);
    return STOA_OK;
}

enum stoa_status stoa_reference_list(struct reference_run *run, size_t input, const char *attribute,
                                     struct reference_list *list)
{
    list->count = 0;
    list->present = attribute && stoa_reader_has(&run->reader, attribute);
    if (list->present) {
        list->count = stoa_read_ints(&run->reader, attribute, INT64_MIN, INT64_MAX, REFERENCE_LIST, list->items);
        return run->reader.status;
    }
    const struct reference_tensor *tensor = input ? stoa_reference_input(run, input) : NULL;
    if (!tensor)
        return STOA_OK;
    size_t count = stoa_reference_count(tensor);
    if (count > REFERENCE_LIST)
        return stoa_fail(run->error, STOA_ERROR_LIMIT, "input %zu has %zu elements, at most %d are taken", input, count,
                         REFERENCE_LIST);
    for (size_t i = 0; i < count; i++)
        list->items[i] = stoa_reference_integer(tensor->values[i]);
    list->present = true;
    list->count = count;
    return STOA_OK;
}

enum stoa_status stoa_reference_axis(struct reference_run *run, int64_t axis, size_t rank, bool past_end,
                                     size_t *result)
{
    int64_t limit = (int64_t)rank + (past_end ? 1 : 0);
    if (axis < -(int64_t)rank || axis >= limit)
        return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "axis is %lld, must be in [-%zu, %lld)", (long long)axis,
                         rank, (long long)limit);
    *result = (size_t)(axis < 0 ? axis + (int64_t)rank : axis);
    return STOA_OK;
}

enum stoa_status stoa_reference_axes(struct reference_run *run, const struct reference_list *list, size_t rank,
                                     bool flags[STOA_MAX_RANK])
{
    memset(flags, 0, STOA_MAX_RANK * sizeof *flags);
    for (size_t i = 0; i < list->count; i++) {
        size_t axis = 0;
        STOA_TRY(stoa_reference_axis(run, list->items[i], rank, false, &axis));
        if (flags[axis])
            return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE, "axis %zu is named twice", axis);
        flags[axis] = true;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_broadcast(struct reference_run *run, const struct reference_tensor *tensor,
                                          size_t *rank, size_t dims[STOA_MAX_RANK])
{
    while (*rank < tensor->rank) {
        memmove(dims + 1, dims, *rank * sizeof *dims);
        dims[0] = 1;
        ++*rank;
    }
    for (size_t i = 0; i < tensor->rank; i++) {
        size_t *common = &dims[*rank - tensor->rank + i];
        if (*common == 1)
            *common = tensor->dims[i];
        else if (tensor->dims[i] != 1 && tensor->dims[i] != *common)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "dimensions %zu and %zu do not broadcast", *common,
                             tensor->dims[i]);
    }
    return STOA_OK;
}

size_t stoa_reference_offset(const struct reference_tensor *tensor, size_t rank, const size_t *index)
{
    size_t offset = 0;
    for (size_t i = 0; i < tensor->rank; i++)
        offset = offset * tensor->dims[i] + (tensor->dims[i] == 1 ? 0 : index[rank - tensor->rank + i]);
    return offset;
}

void stoa_reference_next(size_t rank, const size_t *dims, size_t *index)
{
    for (size_t i = rank; i-- > 0;) {
        if (++index[i] < dims[i])
            return;
        index[i] = 0;
    }
}
