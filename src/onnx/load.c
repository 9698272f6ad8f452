/* The public model: mapped, guarded, unpacked, imported; all within a budget that depends on the files' sizes only. */
#include "base/reserved.h"
#include "base/status.h"
#include "graph/model.h"
#include "onnx/external.h"
#include "onnx/import.h"
#include "onnx/unpack.h"

static enum stoa_status read_graph(struct stoa_model *model, const struct onnx_source *source, struct stoa_error *error)
{
    const struct stoa_allocator *allocator = &model->budget.interface;
    STOA_TRY(stoa_graph_init(&model->graph, allocator, error));
    struct arena scratch;
    stoa_arena_init(&scratch, allocator);
    Onnx__ModelProto *message;
    enum stoa_status status =
        stoa_onnx_unpack(source->bytes, source->size, ONNX_MODEL, model->budget.limit, &scratch, error, &message);
    if (status == STOA_OK)
        status = stoa_onnx_import(message, source, &scratch, error, &model->graph);
    stoa_arena_deinit(&scratch);
    return stoa_budget_status(&model->budget, status, "the model", error);
}

/* Exactly one of path and data is given. */
static enum stoa_status load(const char *path, const void *data, size_t size, const struct stoa_model_options *options,
                             struct stoa_error *error, struct stoa_model **result)
{
    STOA_TRY(STOA_CHECK_RESERVED(options, "options", error));
    struct stoa_allocator allocator = options && options->allocator ? *options->allocator : stoa_allocator_default();
    struct stoa_model *model;
    STOA_TRY(stoa_allocate(&allocator, 1, sizeof *model, error, &model));
    model->allocator = allocator;
    if (options && options->log)
        model->log = *options->log;

    struct onnx_source source = {.bytes = data, .size = size};
    struct onnx_files files = {
        .model = path, .map = &model->file, .arena = &model->graph.arena, .budget = &model->budget};
    enum stoa_status status = STOA_OK;
    if (path) {
        status = stoa_file_map(path, error, &model->file);
        source = (struct onnx_source){.bytes = model->file.data, .size = model->file.size, .files = &files};
    }
    if (status == STOA_OK) {
        stoa_budget_init(&model->budget, &allocator, stoa_onnx_read_limit(source.size));
        stoa_names_init(&files.names, &model->budget.interface);
        status = read_graph(model, &source, error);
        stoa_names_deinit(&files.names);
        if (status != STOA_OK && path)
            stoa_error_prefix(error, "%s: ", path);
    }
    if (status == STOA_OK)
        *result = model;
    else
        stoa_model_free(model);
    return status;
}

enum stoa_status stoa_model_load(const char *path, const struct stoa_model_options *options, struct stoa_error *error,
                                 struct stoa_model **model)
{
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    *model = NULL;
    if (!path)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "path is null");
    return load(path, NULL, 0, options, error, model);
}

enum stoa_status stoa_model_load_memory(const void *data, size_t size, const struct stoa_model_options *options,
                                        struct stoa_error *error, struct stoa_model **model)
{
    if (!model)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "model is null");
    *model = NULL;
    if (!data)
        return stoa_fail(error, STOA_ERROR_ARGUMENT, "data is null");
    return load(NULL, data, size, options, error, model);
}
