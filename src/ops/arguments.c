/* Reading arguments out of inputs, and broadcasting. */
#include "ops/arguments.h"

#include <string.h>

#include "base/status.h"
#include "base/tensor.h"
#include "ops/check.h"

void stoa_read_integers(struct attribute_reader *reader, const char *name, struct op_integers *list)
{
    list->present = stoa_reader_has(reader, name);
    list->count = stoa_read_ints(reader, name, INT64_MIN, INT64_MAX, OP_MAX_INTEGERS, list->values);
}

enum stoa_status stoa_input_values(const struct op_call *call, size_t input, const char *name, size_t capacity,
                                   struct stoa_error *error, int64_t *values, size_t *count)
{
    *count = 0;
    if (!stoa_op_has_input(call, input))
        return STOA_OK;
    const struct stoa_tensor *tensor = &call->inputs[input];
    if (tensor->dtype != STOA_INT64 && tensor->dtype != STOA_INT32)
        return stoa_fail(error, STOA_ERROR_GRAPH, "input %s is of type %s, must be int64", name,
                         stoa_dtype_name(tensor->dtype));
    char text[STOA_DIMS_TEXT];
    if (tensor->rank > 1)
        return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have rank 1", name,
                         stoa_dims_text(tensor->rank, tensor->dims, text));
    size_t elements = tensor->rank ? tensor->dims[0] : 1;
    if (elements > capacity)
        return stoa_fail(error, STOA_ERROR_LIMIT, "input %s has %zu values, at most %zu are taken", name, elements,
                         capacity);
    if (elements)
        STOA_TRY(stoa_check_known(call, input, name, error));
    for (size_t i = 0; i < elements; i++) {
        size_t at = tensor->rank ? i * tensor->strides[0] : 0;
        values[i] = tensor->dtype == STOA_INT64 ? ((const int64_t *)tensor->data)[at]
                                                : (int64_t)((const int32_t *)tensor->data)[at];
    }
    *count = elements;
    return STOA_OK;
}

enum stoa_status stoa_input_integers(const struct op_call *call, size_t input, const char *name,
                                     struct stoa_error *error, struct op_integers *list)
{
    list->present = stoa_op_has_input(call, input);
    return stoa_input_values(call, input, name, OP_MAX_INTEGERS, error, list->values, &list->count);
}

enum stoa_status stoa_check_axes(const char *name, const struct op_integers *list, size_t rank,
                                 struct stoa_error *error, bool *named)
{
    memset(named, 0, rank * sizeof *named);
    for (size_t i = 0; i < list->count; i++) {
        size_t axis;
        STOA_TRY(stoa_check_axis(name, list->values[i], rank, false, error, &axis));
        if (named[axis])
            return stoa_fail(error, STOA_ERROR_ATTRIBUTE, "%s names axis %zu twice", name, axis);
        named[axis] = true;
    }
    return STOA_OK;
}

enum stoa_status stoa_infer_broadcast(const struct op_call *call, struct stoa_error *error)
{
    struct stoa_tensor *y = &call->outputs[0];
    size_t rank = 0;
    for (size_t i = 0; i < call->input_count; i++)
        if (call->inputs[i].rank > rank)
            rank = call->inputs[i].rank;
    y->rank = rank;
    for (size_t i = 0; i < rank; i++)
        y->dims[i] = 1;
    for (size_t i = 0; i < call->input_count; i++) {
        const struct stoa_tensor *x = &call->inputs[i];
        for (size_t k = 0; k < x->rank; k++) {
            size_t *dim = &y->dims[rank - x->rank + k];
            if (*dim == 1)
                *dim = x->dims[k];
            char mine[STOA_DIMS_TEXT], others[STOA_DIMS_TEXT];
            if (x->dims[k] != 1 && x->dims[k] != *dim)
                return stoa_fail(error, STOA_ERROR_SHAPE,
                                 "input %zu has dims %s, which do not broadcast with %s of those before", i,
                                 stoa_dims_text(x->rank, x->dims, mine), stoa_dims_text(rank, y->dims, others));
        }
    }
    return stoa_tensor_measure(y, error, NULL, NULL);
}

enum stoa_status stoa_check_single(const struct op_call *call, size_t input, const char *name, struct stoa_error *error)
{
    if (!stoa_op_has_input(call, input) || stoa_tensor_elements(&call->inputs[input]) == 1)
        return STOA_OK;
    char text[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must be one element", name,
                     stoa_dims_text(call->inputs[input].rank, call->inputs[input].dims, text));
}
