/* Tensor files: one TensorProto, as ONNX's test data have them (input_0.pb). */
#ifndef STOA_ONNX_TENSOR_FILE_H
#define STOA_ONNX_TENSOR_FILE_H

#include <stddef.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/half.h"

/* Reads the tensor, plain, into memory of its own: tensor->data and *name (never null; `name` itself may be) are to be
 * given back with stoa_release. Where the file has 16-bit floats, *half (may be null) says
 * which, and the tensor is of float. The same guard and checks as for a model. On failure there is nothing to release.
 */
STOA_CHECKED enum stoa_status stoa_onnx_read_tensor(const void *bytes, size_t size,
                                                    const struct stoa_allocator *allocator, struct stoa_error *error,
                                                    struct stoa_tensor *tensor, char **name, enum half *half);

#endif
