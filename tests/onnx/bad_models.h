/* Rows of models that must be refused: the status, the words of the message, no model, nothing leaked, and never more
 * memory than 64 MiB and four times the file. The numbers in the rows' names count the kinds of faults. */
#ifndef TESTS_ONNX_BAD_MODELS_H
#define TESTS_ONNX_BAD_MODELS_H

#include <stdint.h>
#include <stoa/model.h>

#include "support/onnx_writer.h"

#define PARSE STOA_ERROR_PARSE
#define LIMIT STOA_ERROR_LIMIT
#define GRAPH STOA_ERROR_GRAPH
#define DATA STOA_ERROR_DATA
#define UNSUPPORTED STOA_ERROR_UNSUPPORTED

struct bad_model {
    const char *name;
    void (*write)(struct onnx_writer *writer);
    enum stoa_status status;
    const char *words; /* all of them, separated by |, are in the message */
};

/* Loads what was written and frees it again, checking leaks and the memory used; `name` is for messages. */
enum stoa_status bad_model_load(const char *name, const struct onnx_writer *writer, struct stoa_error *error);
void bad_models_check(const struct bad_model *rows, size_t count);
#define BAD_MODELS_CHECK(rows) bad_models_check(rows, sizeof(rows) / sizeof(rows)[0])

#endif
