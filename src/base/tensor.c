/* Tensor arithmetic. */
#include "base/tensor.h"

#include <stdint.h>
#include <stdio.h>

#include "base/size.h"
#include "base/status.h"

size_t stoa_dtype_size(enum stoa_dtype dtype)
{
#define SIZE(constant, name, type)                                                                                     \
    case constant:                                                                                                     \
        return sizeof(type);
    switch (dtype) {
        STOA_DTYPES(SIZE)
    case STOA_NONE:
        break;
    }
    return 0;
}

const char *stoa_dtype_name(enum stoa_dtype dtype)
{
#define NAME(constant, name, type)                                                                                     \
    case constant:                                                                                                     \
        return #name;
    switch (dtype) {
        STOA_DTYPES(NAME)
    case STOA_NONE:
        break;
    }
    return "unknown";
}

enum stoa_status stoa_tensor_measure(const struct stoa_tensor *tensor, struct stoa_error *error, size_t *elements,
                                     size_t *bytes)
{
    size_t count = 1, total, element = stoa_dtype_size(tensor->dtype);
    /* Dimensions of 0 must not hide an overflow among the others: strides are products of them. */
    size_t product = 1;
    bool empty = false, fits = tensor->rank <= STOA_MAX_RANK;
    for (size_t i = 0; fits && i < tensor->rank; i++) {
        if (tensor->dims[i] == 0)
            empty = true;
        else
            fits = stoa_size_mul(product, tensor->dims[i], &product);
    }
    count = empty ? 0 : product;
    /* Pointer differences must stay representable. */
    if (!fits || !stoa_size_mul(product, element ? element : 1, &total) || total > PTRDIFF_MAX) {
        char text[STOA_DIMS_TEXT];
        return stoa_fail(error, STOA_ERROR_LIMIT, "dimensions %s are larger than memory can be",
                         stoa_dims_text(tensor->rank, tensor->dims, text));
    }
    if (elements)
        *elements = count;
    if (bytes)
        *bytes = count * element;
    return STOA_OK;
}

size_t stoa_tensor_elements(const struct stoa_tensor *tensor)
{
    size_t count = 1;
    for (size_t i = 0; i < tensor->rank; i++)
        count *= tensor->dims[i];
    return count;
}

size_t stoa_tensor_bytes(const struct stoa_tensor *tensor)
{
    return stoa_tensor_elements(tensor) * stoa_dtype_size(tensor->dtype);
}

void stoa_tensor_set_plain(struct stoa_tensor *tensor)
{
    size_t stride = 1;
    for (size_t i = tensor->rank; i-- > 0;) {
        tensor->strides[i] = stride;
        stride *= tensor->dims[i] ? tensor->dims[i] : 1;
    }
}

void stoa_tensor_set_channels_last(struct stoa_tensor *tensor)
{
    size_t stride = tensor->dims[1] ? tensor->dims[1] : 1;
    tensor->strides[1] = 1;
    for (size_t i = tensor->rank; i-- > 0;)
        if (i != 1) {
            tensor->strides[i] = stride;
            stride *= tensor->dims[i] ? tensor->dims[i] : 1;
        }
}

static bool has_strides_of(const struct stoa_tensor *tensor, const struct stoa_tensor *wanted)
{
    if (stoa_tensor_elements(tensor) == 0)
        return true;
    for (size_t i = 0; i < tensor->rank; i++)
        if (tensor->dims[i] != 1 && tensor->strides[i] != wanted->strides[i])
            return false;
    return true;
}

bool stoa_tensor_is_plain(const struct stoa_tensor *tensor)
{
    struct stoa_tensor wanted = *tensor;
    stoa_tensor_set_plain(&wanted);
    return has_strides_of(tensor, &wanted);
}

bool stoa_tensor_is_channels_last(const struct stoa_tensor *tensor)
{
    if (tensor->rank < 3)
        return false;
    struct stoa_tensor wanted = *tensor;
    stoa_tensor_set_channels_last(&wanted);
    return has_strides_of(tensor, &wanted);
}

size_t stoa_tensor_pixel_stride(const struct stoa_tensor *tensor)
{
    if (tensor->rank < 3)
        return 0;
    struct stoa_tensor wanted = *tensor;
    stoa_tensor_set_channels_last(&wanted);
    size_t C = tensor->dims[1], pixel = C;
    if (stoa_tensor_elements(tensor) == 0)
        return C;
    /* The innermost dimension of pixels tells; those of 1 say nothing. */
    for (size_t i = tensor->rank; i-- > 0;)
        if (i != 1 && tensor->dims[i] != 1) {
            pixel = tensor->strides[i];
            break;
        }
    for (size_t i = 0; i < tensor->rank; i++)
        if (i != 1)
            wanted.strides[i] = wanted.strides[i] / C * pixel;
    return pixel >= C && has_strides_of(tensor, &wanted) ? pixel : 0;
}

bool stoa_tensor_same_dims(const struct stoa_tensor *a, const struct stoa_tensor *b)
{
    if (a->rank != b->rank)
        return false;
    for (size_t i = 0; i < a->rank; i++)
        if (a->dims[i] != b->dims[i])
            return false;
    return true;
}

bool stoa_tensor_is_aligned(const struct stoa_tensor *tensor)
{
    size_t element = stoa_dtype_size(tensor->dtype);
    return element == 0 || (uintptr_t)tensor->data % element == 0;
}

size_t stoa_tensor_offset(const struct stoa_tensor *tensor, size_t index)
{
    size_t offset = 0;
    for (size_t i = tensor->rank; i-- > 0; index /= tensor->dims[i])
        offset += index % tensor->dims[i] * tensor->strides[i];
    return offset;
}

double stoa_tensor_load(const struct stoa_tensor *tensor, size_t offset)
{
#define LOAD(constant, name, type)                                                                                     \
    case constant:                                                                                                     \
        return (double)((const type *)tensor->data)[offset];
    switch (tensor->dtype) {
        STOA_DTYPES(LOAD)
    case STOA_NONE:
        break;
    }
    return 0;
}

char *stoa_dims_text(size_t rank, const size_t *dims, char text[STOA_DIMS_TEXT])
{
    size_t used = (size_t)snprintf(text, STOA_DIMS_TEXT, "[");
    for (size_t i = 0; i < rank && used < STOA_DIMS_TEXT; i++)
        used += (size_t)snprintf(text + used, STOA_DIMS_TEXT - used, i ? ",%zu" : "%zu", dims[i]);
    if (used < STOA_DIMS_TEXT)
        snprintf(text + used, STOA_DIMS_TEXT - used, "]");
    return text;
}
