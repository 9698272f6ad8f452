/* Checks of inputs. */
#include "ops/check.h"

#include <inttypes.h>
#include <string.h>

#include "base/status.h"
#include "base/tensor.h"

enum stoa_status stoa_check_float(const struct op_call *call, size_t input, const char *name, struct stoa_error *error)
{
    if (!stoa_op_has_input(call, input) || call->inputs[input].dtype == STOA_FLOAT)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_UNSUPPORTED, "input %s is of type %s, only float is supported", name,
                     stoa_dtype_name(call->inputs[input].dtype));
}

enum stoa_status stoa_check_known(const struct op_call *call, size_t input, const char *name, struct stoa_error *error)
{
    if (!stoa_op_has_input(call, input) || call->inputs[input].data)
        return STOA_OK;
    return stoa_fail(
        error, STOA_ERROR_UNSUPPORTED,
        "input %s is only computed when the model runs; its value must be known when the session is created", name);
}

enum stoa_status stoa_check_least_rank(const struct op_call *call, size_t input, const char *name, size_t least,
                                       struct stoa_error *error)
{
    const struct stoa_tensor *tensor = &call->inputs[input];
    if (tensor->rank >= least)
        return STOA_OK;
    char text[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must have rank %zu or more", name,
                     stoa_dims_text(tensor->rank, tensor->dims, text), least);
}

enum stoa_status stoa_check_vector(const struct op_call *call, size_t input, const char *name, size_t size,
                                   const char *meaning, struct stoa_error *error)
{
    const struct stoa_tensor *tensor = &call->inputs[input];
    if (tensor->rank == 1 && tensor->dims[0] == size)
        return STOA_OK;
    char text[STOA_DIMS_TEXT];
    return stoa_fail(error, STOA_ERROR_SHAPE, "input %s has dims %s, must be [%zu] (%s)", name,
                     stoa_dims_text(tensor->rank, tensor->dims, text), size, meaning);
}

enum stoa_status stoa_check_axis(const char *name, int64_t value, size_t rank, bool past, struct stoa_error *error,
                                 size_t *axis)
{
    int64_t count = (int64_t)rank, most = past ? count : count - 1;
    if (value < -count || value > most)
        return stoa_fail(error, STOA_ERROR_ATTRIBUTE,
                         "%s is %" PRId64 ", must be in [%" PRId64 ", %" PRId64 "] for rank %zu", name, value, -count,
                         most, rank);
    *axis = (size_t)(value < 0 ? value + count : value);
    return STOA_OK;
}

void stoa_same_as_input(const struct op_call *call, size_t input, size_t output)
{
    struct stoa_tensor *y = &call->outputs[output];
    const struct stoa_tensor *x = &call->inputs[input];
    y->dtype = x->dtype;
    y->rank = x->rank;
    memcpy(y->dims, x->dims, sizeof y->dims);
}
