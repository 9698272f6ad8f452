/* The tensor as Stoa sees it: a typed, strided view of memory somebody else owns. */
#ifndef STOA_TENSOR_H
#define STOA_TENSOR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define STOA_MAX_RANK 8

/* Element types, with the numbers ONNX gives them (TensorProto.DataType). float16 and bfloat16 live in files alone:
 * they are read as float. */
enum stoa_dtype {
    STOA_NONE = 0, /* no tensor: an optional input left out */
    STOA_FLOAT = 1,
    STOA_UINT8 = 2,
    STOA_INT8 = 3,
    STOA_UINT16 = 4,
    STOA_INT16 = 5,
    STOA_INT32 = 6,
    STOA_INT64 = 7,
    STOA_BOOL = 9,
    STOA_DOUBLE = 11,
    STOA_UINT32 = 12,
    STOA_UINT64 = 13
};

/* How the four dimensions of an image tensor lie in memory. */
enum stoa_layout { STOA_NCHW = 0, STOA_NHWC = 1 };

/* dims are logical, in ONNX's order (N C H W for images); strides count elements, one for each dimension, and say how
 * the tensor lies in memory. A plain tensor is row-major without gaps. rank 0 is a scalar. */
struct stoa_tensor {
    enum stoa_dtype dtype;
    size_t rank;
    size_t dims[STOA_MAX_RANK];
    size_t strides[STOA_MAX_RANK];
    void *data;
};

#ifdef __cplusplus
}
#endif
#endif
