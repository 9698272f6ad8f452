/* TensorProto to tensor. */
#ifndef STOA_ONNX_TENSOR_H
#define STOA_ONNX_TENSOR_H

#include <stdbool.h>
#include <stoa/tensor.h>

#include "base/memory.h"
#include "onnx.pb-c.h"

struct onnx_files;

/* The bytes that were unpacked, into which raw_data refer, and where external data are (onnx/external.h). */
struct onnx_source {
    const uint8_t *bytes;
    size_t size;
    struct onnx_files *files; /* null: external data are refused */
};

/* ONNX's data type as ours, float for its 16-bit floats; STOA_ERROR_UNSUPPORTED for those of ONNX that the engine does
 * not have, STOA_ERROR_DATA for numbers that are none of ONNX's. */
STOA_CHECKED enum stoa_status stoa_onnx_dtype(int32_t data_type, struct stoa_error *error, enum stoa_dtype *dtype);

/* Checks the message and sets *tensor, plain. 16-bit floats are widened to float. Its data lie in the source if they
 * are stored as the machine wants them, otherwise in the arena. With `loose`, large data lie in the source even where
 * they are not aligned (stoa_tensor_is_aligned). Messages do not name the tensor. */
STOA_CHECKED enum stoa_status stoa_onnx_tensor(const Onnx__TensorProto *message, const struct onnx_source *source,
                                               bool loose, struct arena *arena, struct stoa_error *error,
                                               struct stoa_tensor *tensor);

/* The other way: sets *message to a plain tensor, its data as raw_data. `name` may be null. The message points to the
 * name, to the tensor's data (at any address) and to `dims`, which is written. */
void stoa_onnx_tensor_message(const struct stoa_tensor *tensor, const char *name, int64_t dims[STOA_MAX_RANK],
                              Onnx__TensorProto *message);

#endif
