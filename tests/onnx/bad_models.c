#include "onnx/bad_models.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "support/allocator.h"

enum stoa_status bad_model_load(const char *name, const struct onnx_writer *writer, struct stoa_error *error)
{
    struct counting_allocator allocator;
    counting_allocator_init(&allocator);
    struct stoa_model_options options = {.allocator = &allocator.interface};
    struct stoa_model *model;
    enum stoa_status status = stoa_model_load_memory(writer->data ? writer->data : (const uint8_t *)"", writer->size,
                                                     &options, error, &model);
    cr_expect((status == STOA_OK) == (model != NULL), "%s: model after %s", name, stoa_status_name(status));
    stoa_model_free(model);
    cr_expect(allocator.live == 0, "%s: %zu blocks leaked", name, allocator.live);
    cr_expect(allocator.peak_bytes <= ((size_t)64 << 20) + 4 * writer->size, "%s: %zu bytes for a file of %zu", name,
              allocator.peak_bytes, writer->size);
    return status;
}

void bad_models_check(const struct bad_model *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct onnx_writer writer = {0};
        struct stoa_error error = {0};
        rows[i].write(&writer);
        enum stoa_status status = bad_model_load(rows[i].name, &writer, &error);
        cr_expect(status == rows[i].status, "%s: %s: %s", rows[i].name, stoa_status_name(status), error.message);
        char text[256], *rest = text, *word;
        snprintf(text, sizeof text, "%s", rows[i].words);
        while ((word = strsep(&rest, "|")))
            cr_expect(strstr(error.message, word), "%s: no \"%s\" in: %s", rows[i].name, word, error.message);
        onnx_free(&writer);
    }
}
