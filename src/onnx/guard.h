/* The scan that stands between a file and protobuf-c. It walks the wire format without recursion and refuses what
 * would make the unpacker crash, stall or swallow memory: deep nesting, singular fields given twice (protobuf-c merges
 * them, in quadratic time), lengths beyond the end, too many fields. While walking it writes a skeleton: the same
 * message, but
 *   - each TensorProto.raw_data is replaced by a struct raw_reference to the payload's place in the file, so that
 *     weights are never copied;
 *   - what the importer does not read is left out: unknown fields, documentation, annotations.
 * Nothing but the skeleton is given to protobuf-c. */
#ifndef STOA_ONNX_GUARD_H
#define STOA_ONNX_GUARD_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>

#define ONNX_MAX_DEPTH 32                  /* messages within messages */
#define ONNX_MAX_FILE ((size_t)0x7fffffff) /* the format's own limit: 2 GiB */

struct raw_reference {
    uint64_t offset, size; /* in the scanned bytes */
};

enum onnx_root { ONNX_MODEL, ONNX_TENSOR };

struct skeleton {
    uint8_t *data; /* to be released to the allocator */
    size_t size;
};

/* Scans a ModelProto or a TensorProto. `limit` bounds the bytes that unpacking will take. Messages name the field's
 * path and the byte's place. On failure there is nothing to release. */
STOA_CHECKED enum stoa_status stoa_onnx_guard(const uint8_t *bytes, size_t size, enum onnx_root root, size_t limit,
                                              const struct stoa_allocator *allocator, struct stoa_error *error,
                                              struct skeleton *skeleton);

#endif
