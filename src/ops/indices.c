/* Indices from tensors: their type, and whether they stay within their axis. */
#include "ops/indices.h"

#include <inttypes.h>

#include "base/status.h"
#include "base/tensor.h"

enum stoa_status stoa_check_indices(const struct op_call *call, size_t input, const char *name,
                                    struct stoa_error *error)
{
    enum stoa_dtype dtype = call->inputs[input].dtype;
    if (dtype == STOA_INT64 || dtype == STOA_INT32)
        return STOA_OK;
    return stoa_fail(error, STOA_ERROR_GRAPH, "input %s is of type %s, must be int64 or int32", name,
                     stoa_dtype_name(dtype));
}

enum stoa_status stoa_index_resolve(int64_t index, size_t size, size_t axis, struct stoa_error *error, size_t *at)
{
    int64_t count = (int64_t)size;
    if (index < -count || index >= count)
        return stoa_fail(error, STOA_ERROR_DATA,
                         "indices holds %" PRId64 ", must be in [%" PRId64 ", %" PRId64 "] for axis %zu of data", index,
                         -count, count - 1, axis);
    *at = (size_t)(index < 0 ? index + count : index);
    return STOA_OK;
}

enum stoa_status stoa_indices_resolve(const struct stoa_tensor *indices, size_t size, size_t axis,
                                      struct stoa_error *error)
{
    size_t count = stoa_tensor_elements(indices), at;
    bool plain = stoa_tensor_is_plain(indices);
    for (size_t i = 0; i < count; i++)
        STOA_TRY(stoa_index_resolve(stoa_index_load(indices, plain ? i : stoa_tensor_offset(indices, i)), size, axis,
                                    error, &at));
    return STOA_OK;
}

enum stoa_status stoa_lengths_resolve(const struct stoa_tensor *lengths, size_t most, struct stoa_error *error)
{
    for (size_t b = 0; b < lengths->dims[0]; b++) {
        int64_t length = stoa_index_load(lengths, b * lengths->strides[0]);
        if (length < 0 || length > (int64_t)most)
            return stoa_fail(error, STOA_ERROR_DATA, "sequence_lens[%zu] is %" PRId64 ", must be in [0, %zu]", b,
                             length, most);
    }
    return STOA_OK;
}
