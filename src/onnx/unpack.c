/* protobuf-c allocates many small blocks and we free them all at once, so an arena serves it: freeing one does nothing.
 */
#include "onnx/unpack.h"

#include <stdbool.h>
#include <string.h>

#include "base/size.h"
#include "base/status.h"
#include "onnx.pb-c.h"

size_t stoa_onnx_read_limit(size_t size)
{
    return ((size_t)64 << 20) + 4 * stoa_size_min(size, ONNX_MAX_FILE);
}

struct unpacker {
    struct arena *arena;
    struct stoa_error *error;
    enum stoa_status status; /* of the last allocation */
};

static void *unpack_allocate(void *user, size_t size)
{
    struct unpacker *unpacker = user;
    void *memory;
    unpacker->status = stoa_arena_allocate(unpacker->arena, 1, size, unpacker->error, &memory);
    return unpacker->status == STOA_OK ? memory : NULL;
}

static void unpack_free(void *user, void *memory)
{
    (void)user;
    (void)memory;
}

enum stoa_status stoa_onnx_unpack(const uint8_t *bytes, size_t size, enum onnx_root root, size_t limit,
                                  struct arena *arena, struct stoa_error *error, void *message)
{
    struct skeleton skeleton;
    STOA_TRY(stoa_onnx_guard(bytes, size, root, limit, &arena->allocator, error, &skeleton));

    struct unpacker unpacker = {.arena = arena, .error = error};
    ProtobufCAllocator allocator = {.alloc = unpack_allocate, .free = unpack_free, .allocator_data = &unpacker};
    const ProtobufCMessageDescriptor *descriptor =
        root == ONNX_MODEL ? &onnx__model_proto__descriptor : &onnx__tensor_proto__descriptor;
    ProtobufCMessage *unpacked = protobuf_c_message_unpack(descriptor, &allocator, skeleton.size, skeleton.data);
    stoa_release(&arena->allocator, skeleton.data);
    if (!unpacked && unpacker.status != STOA_OK)
        return unpacker.status;
    if (!unpacked)
        return stoa_fail(error, STOA_ERROR_PARSE, "the file is not a protobuf message of type %s",
                         descriptor->short_name);
    memcpy(message, &unpacked, sizeof unpacked);
    return STOA_OK;
}
