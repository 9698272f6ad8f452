/* From the bytes of a file to protobuf-c's messages: guard scan, then unpacking into an arena. */
#ifndef STOA_ONNX_UNPACK_H
#define STOA_ONNX_UNPACK_H

#include "base/memory.h"
#include "onnx/guard.h"

/* How many bytes reading a file of that size may have allocated at once: 64 MiB and four times the file. */
size_t stoa_onnx_read_limit(size_t size);

/* *message = the unpacked message (Onnx__ModelProto * or Onnx__TensorProto *, as root says), which lives as long as the
 * arena; its raw_data hold a struct raw_reference each. All memory comes from the arena's allocator. */
STOA_CHECKED enum stoa_status stoa_onnx_unpack(const uint8_t *bytes, size_t size, enum onnx_root root, size_t limit,
                                               struct arena *arena, struct stoa_error *error, void *message);

#endif
