/* Facts about tensors: element sizes, counts, strides. */
#ifndef STOA_BASE_TENSOR_H
#define STOA_BASE_TENSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

/* The element types: X(its constant, its name, the type C holds it in). A bool is 0 or 1. */
#define STOA_REAL_DTYPES(X)                                                                                            \
    X(STOA_FLOAT, float, float)                                                                                        \
    X(STOA_DOUBLE, double, double)
#define STOA_WHOLE_DTYPES(X)                                                                                           \
    X(STOA_INT64, int64, int64_t)                                                                                      \
    X(STOA_INT32, int32, int32_t)                                                                                      \
    X(STOA_INT16, int16, int16_t)                                                                                      \
    X(STOA_INT8, int8, int8_t)                                                                                         \
    X(STOA_UINT64, uint64, uint64_t)                                                                                   \
    X(STOA_UINT32, uint32, uint32_t)                                                                                   \
    X(STOA_UINT16, uint16, uint16_t)                                                                                   \
    X(STOA_UINT8, uint8, uint8_t)
#define STOA_DTYPES(X) STOA_REAL_DTYPES(X) STOA_WHOLE_DTYPES(X) X(STOA_BOOL, bool, uint8_t)
/* One more than the largest of the constants, for tables that they index. */
#define STOA_DTYPE_LIMIT (STOA_UINT64 + 1)
/* The last number of a type of ONNX's: from 17 on they have 8, 4 or 2 bits. */
#define STOA_MOST_DATA_TYPE 26

/* Whether elements are floating-point numbers. */
static inline bool stoa_dtype_is_real(enum stoa_dtype dtype)
{
    return dtype == STOA_FLOAT || dtype == STOA_DOUBLE;
}

/* Bytes of one element; 0 for a type the engine does not know. */
size_t stoa_dtype_size(enum stoa_dtype dtype);
/* "float", "int64", …; "unknown" for others. */
const char *stoa_dtype_name(enum stoa_dtype dtype);

/* The number of elements and bytes, checked; either result pointer may be null. Dimensions that BLAS could not
 * address are the concern of the operators that use it. */
STOA_CHECKED enum stoa_status stoa_tensor_measure(const struct stoa_tensor *tensor, struct stoa_error *error,
                                                  size_t *elements, size_t *bytes);
/* The same for a tensor that has been measured before. */
size_t stoa_tensor_elements(const struct stoa_tensor *tensor);
size_t stoa_tensor_bytes(const struct stoa_tensor *tensor);

/* Sets strides: row-major in the order of dims; or, for rank 3 and more (N C W, N C H W, N C D H W, …), with C
 * innermost. */
void stoa_tensor_set_plain(struct stoa_tensor *tensor);
void stoa_tensor_set_channels_last(struct stoa_tensor *tensor);
/* Where a model's pictures have their channels, by the two dims that may be theirs: 1 (N C H W), 3 (N H W C), or 0
 * where neither is 1 or 3, as channels are. */
static inline size_t stoa_channel_axis(int64_t second, int64_t last)
{
    if (second == 1 || second == 3)
        return 1;
    return last == 1 || last == 3 ? 3 : 0;
}
/* Whether the elements lie so already. The strides of dimensions of 1 do not matter; a tensor without elements is both.
 */
bool stoa_tensor_is_plain(const struct stoa_tensor *tensor);
bool stoa_tensor_is_channels_last(const struct stoa_tensor *tensor);
/* For rank 3 and more: the elements from one pixel to the next where channels lie side by side, pixels evenly spaced
 * and rows and images follow without a gap of their own: C if the tensor is channels-last, more if it is a slice of the
 * channels of a wider one. 0 if it lies otherwise. */
size_t stoa_tensor_pixel_stride(const struct stoa_tensor *tensor);
bool stoa_tensor_same_dims(const struct stoa_tensor *a, const struct stoa_tensor *b);

/* The data of a tensor that is only read: `data` is not const, since the same struct describes what is written. */
static inline void *stoa_read_only(const void *data)
{
    union {
        const void *given;
        void *kept;
    } pointer = {.given = data};
    return pointer.kept;
}

/* Whether data lie as their type must: what a file says may lie anywhere. Data that do not may only be copied. */
bool stoa_tensor_is_aligned(const struct stoa_tensor *tensor);

/* The offset (in elements) from data of the element with that row-major index. */
size_t stoa_tensor_offset(const struct stoa_tensor *tensor, size_t index);
/* The element at an offset (in elements) from data, as a double; integers beyond 2^53 are rounded. */
double stoa_tensor_load(const struct stoa_tensor *tensor, size_t offset);

/* Writes "[1,3,224,224]" to text (always terminated) and returns text. */
#define STOA_DIMS_TEXT 128
char *stoa_dims_text(size_t rank, const size_t *dims, char text[STOA_DIMS_TEXT]);

#endif
