/* The public model, written: exported as messages, which protobuf-c packs piece by piece, so that the weights go from
 * where they lie to the file without a copy of the whole between. */
#include <string.h>

#include "base/file_writer.h"
#include "base/status.h"
#include "graph/model.h"
#include "onnx/export.h"
#include "onnx/guard.h"

/* protobuf-c hands over every tag and length by itself: small pieces are gathered before they are written. */
#define GATHER ((size_t)64 << 10)

/* Receives the file's bytes in order. */
struct sink {
    ProtobufCBuffer base; /* first: protobuf-c knows this member only */
    uint8_t *data;        /* where the next bytes go: the gathering block of a file, or the caller's memory */
    size_t used;
    struct file_writer *writer; /* null: to memory, which is large enough */
    enum stoa_status status;
    struct stoa_error *error;
};

static void flush(struct sink *sink)
{
    if (sink->status == STOA_OK)
        sink->status = stoa_file_writer_write(sink->writer, sink->data, sink->used, sink->error);
    sink->used = 0;
}

static void append(ProtobufCBuffer *base, size_t size, const uint8_t *bytes)
{
    struct sink *sink = (struct sink *)base;
    if (sink->writer && size > GATHER - sink->used)
        flush(sink);
    if (sink->writer && size > GATHER) {
        if (sink->status == STOA_OK)
            sink->status = stoa_file_writer_write(sink->writer, bytes, size, sink->error);
    } else if (size) {
        memcpy(sink->data + sink->used, bytes, size);
        sink->used += size;
    }
}

static enum stoa_status write_file(const ProtobufCMessage *message, const char *path, struct arena *arena,
                                   struct stoa_error *error)
{
    struct file_writer *writer;
    struct sink sink = {.base = {.append = append}, .error = error};
    STOA_TRY(stoa_arena_allocate(arena, 1, GATHER, error, &sink.data));
    STOA_TRY(stoa_arena_allocate(arena, 1, sizeof *writer, error, &writer));
    STOA_TRY(stoa_file_writer_begin(path, error, writer));
    sink.writer = writer;
    protobuf_c_message_pack_to_buffer(message, &sink.base);
    flush(&sink);
    if (sink.status == STOA_OK)
        return stoa_file_writer_finish(writer, error);
    stoa_file_writer_abandon(writer);
    return sink.status;
}

static enum stoa_status write_memory(const ProtobufCMessage *message, size_t size, size_t capacity, void *data,
                                     struct stoa_error *error)
{
    if (capacity < size)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "capacity is %zu, the model takes %zu bytes", capacity, size);
    struct sink sink = {.base = {.append = append}, .data = data};
    protobuf_c_message_pack_to_buffer(message, &sink.base);
    return STOA_OK;
}

/* To the path if there is one, else to data if there are any; *size in any case. */
static enum stoa_status save(const struct stoa_model *model, const char *path, size_t capacity, void *data,
                             struct stoa_error *error, size_t *size)
{
    struct arena arena;
    stoa_arena_init(&arena, &model->allocator);
    Onnx__ModelProto *message;
    enum stoa_status status = stoa_onnx_export(&model->graph, &arena, error, &message);
    if (status == STOA_OK) {
        *size = protobuf_c_message_get_packed_size(&message->base);
        if (*size > ONNX_MAX_FILE)
            status = stoa_fail(error, STOA_ERROR_LIMIT, "the model would take %zu bytes, an ONNX file has at most %zu",
                               *size, ONNX_MAX_FILE);
        else if (path)
            status = write_file(&message->base, path, &arena, error);
        else if (data)
            status = write_memory(&message->base, *size, capacity, data, error);
    }
    stoa_arena_deinit(&arena);
    return status;
}

enum stoa_status stoa_model_save(const struct stoa_model *model, const char *path, struct stoa_error *error)
{
    if (!model || !path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", model ? "path" : "model");
    size_t size;
    return save(model, path, 0, NULL, error, &size);
}

enum stoa_status stoa_model_save_memory(const struct stoa_model *model, size_t capacity, void *data,
                                        struct stoa_error *error, size_t *size)
{
    if (!model || !size)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "%s is null", model ? "size" : "model");
    *size = 0;
    return save(model, NULL, capacity, data, error, size);
}
