/* Reading goes the model's way (guard, unpack, check) and then copies. */
#include "onnx/tensor_file.h"

#include <string.h>

#include "base/budget.h"
#include "base/status.h"
#include "base/tensor.h"
#include "onnx/tensor.h"
#include "onnx/unpack.h"

static enum stoa_status read_message(const struct onnx_source *source, size_t limit, struct arena *arena,
                                     struct stoa_error *error, struct stoa_tensor *tensor, const char **name,
                                     enum half *half)
{
    Onnx__TensorProto *message;
    STOA_TRY(stoa_onnx_unpack(source->bytes, source->size, ONNX_TENSOR, limit, arena, error, &message));
    *half = stoa_half_of(message->data_type);
    *name = message->name ? message->name : "";
    return stoa_onnx_tensor(message, source, true, arena, error, tensor);
}

static enum stoa_status copy_out(const struct stoa_allocator *allocator, const void *from, size_t size,
                                 struct stoa_error *error, void *out)
{
    void *copy;
    STOA_TRY(stoa_allocate_raw(allocator, size, 1, error, &copy));
    if (size)
        memcpy(copy, from, size);
    memcpy(out, &copy, sizeof copy);
    return STOA_OK;
}

enum stoa_status stoa_onnx_read_tensor(const void *bytes, size_t size, const struct stoa_allocator *allocator,
                                       struct stoa_error *error, struct stoa_tensor *tensor, char **name,
                                       enum half *half)
{
    struct budget budget;
    stoa_budget_init(&budget, allocator, stoa_onnx_read_limit(size));
    struct arena arena;
    stoa_arena_init(&arena, &budget.interface);

    struct onnx_source source = {.bytes = bytes, .size = size};
    struct stoa_tensor read;
    const char *read_name;
    enum half read_half = HALF_NONE;
    void *data = NULL;
    enum stoa_status status = read_message(&source, budget.limit, &arena, error, &read, &read_name, &read_half);
    if (status == STOA_OK)
        status = copy_out(allocator, read.data, stoa_tensor_bytes(&read), error, &data);
    if (status == STOA_OK && name)
        status = copy_out(allocator, read_name, strlen(read_name) + 1, error, name);
    status = stoa_budget_status(&budget, status, "the tensor", error);
    stoa_arena_deinit(&arena);
    if (status != STOA_OK) {
        stoa_release(allocator, data);
        return status;
    }
    *tensor = read;
    tensor->data = data;
    if (half)
        *half = read_half;
    return STOA_OK;
}
