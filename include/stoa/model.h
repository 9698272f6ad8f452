/* A network, loaded from an ONNX file or built (build.h): immutable, shared by any number of sessions and threads. */
#ifndef STOA_MODEL_H
#define STOA_MODEL_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

struct stoa_model;

struct stoa_model_options {
    const struct stoa_allocator *allocator; /* null: the C library's; copied */
    const struct stoa_log *log;             /* null: none; copied */
    size_t reserved[8];                     /* zeros (stoa.h) */
};

/* Reads an ONNX model (ir_version 3 to 13; opsets 7 to 26, and earlier ones where the operators used have not
 * changed since). Weights are read where they lie in the mapped file, which must not be shortened while the model
 * lives. The same holds of external data: of files in the directory of `path` or below it; symbolic links count as what
 * they lead to, which may also be in the directory that holds the model itself when `path` is one. Weights, inputs and
 * outputs in float16 and bfloat16 are float here: weights are widened, which is exact, inputs and outputs are declared
 * as float, and all is computed in float. Cast to one of the two rounds to it. An output that the file lists more than
 * once is one output, in the place where it is listed first. On failure *model is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_model_load(const char *path, const struct stoa_model_options *options,
                                                       struct stoa_error *error, struct stoa_model **model);
/* The same from memory, which is borrowed: it must stay as it is until the model is freed. External data are refused.
 */
STOA_API STOA_CHECKED enum stoa_status stoa_model_load_memory(const void *data, size_t size,
                                                              const struct stoa_model_options *options,
                                                              struct stoa_error *error, struct stoa_model **model);
/* Sessions of the model must be freed before. Null is fine. */
STOA_API void stoa_model_free(struct stoa_model *model);

/* Writes the model as an ONNX file, which reads back as the same graph: nodes with their names, types, attributes and
 * order, values with their names, constants bit for bit. Constants, also those that came as Constant nodes, become
 * initialisers with raw data; what was float16 or bfloat16 is written as float, but Casts to the two stay, and so do
 * the types that QuantizeLinear and DequantizeLinear state: of a model that mixes them with float, other readers may
 * not take what comes out. The opset version is the one the model was read at, 13 for models that were built; the
 * ir_version is the first that has the opset and initialisers that are no inputs. An open first dimension of an input
 * or output is called "batch", other open ones have no name. Models with If nodes are STOA_ERROR_UNSUPPORTED. Larger
 * than 2 GiB, which the format does not allow, is STOA_ERROR_LIMIT.
 *
 * The file appears whole or not at all, and may be the one the model was loaded from. */
STOA_API STOA_CHECKED enum stoa_status stoa_model_save(const struct stoa_model *model, const char *path,
                                                       struct stoa_error *error);
/* The same into memory: *size = the file's bytes. With `data` null that is all; otherwise they are written to data, and
 * a capacity that is too small is STOA_ERROR_ARGUMENT. */
STOA_API STOA_CHECKED enum stoa_status stoa_model_save_memory(const struct stoa_model *model, size_t capacity,
                                                              void *data, struct stoa_error *error, size_t *size);

/* What a model says of an input or output. dims are -1 where the model leaves them open. Strings live as the model. */
struct stoa_value_info {
    const char *name;
    enum stoa_dtype dtype;
    int has_shape; /* 0: the model does not state rank and dims */
    size_t rank;
    int64_t dims[STOA_MAX_RANK];
    /* Of an input. Not 0: its value may decide dims, which branch of an If is taken, or whether an operator can be
     * computed at all (a Reshape's shape, a Resize's scales), be it through other operators. Sessions want to know such
     * a value when they are planned (stoa_input_spec.data); where they need it, they are STOA_ERROR_UNSUPPORTED
     * without. All other inputs can be bound. */
    int decides_shapes;
    size_t reserved[3];
};
STOA_API size_t stoa_model_input_count(const struct stoa_model *model);
STOA_API size_t stoa_model_output_count(const struct stoa_model *model);
STOA_API STOA_CHECKED enum stoa_status stoa_model_input(const struct stoa_model *model, size_t index,
                                                        struct stoa_error *error, struct stoa_value_info *info);
STOA_API STOA_CHECKED enum stoa_status stoa_model_output(const struct stoa_model *model, size_t index,
                                                         struct stoa_error *error, struct stoa_value_info *info);
/* *index = the number of the input (output) of that name, by which the calls above and those of sessions know it. An
 * unknown name is STOA_ERROR_ARGUMENT. */
STOA_API STOA_CHECKED enum stoa_status stoa_model_find_input(const struct stoa_model *model, const char *name,
                                                             struct stoa_error *error, size_t *index);
STOA_API STOA_CHECKED enum stoa_status stoa_model_find_output(const struct stoa_model *model, const char *name,
                                                              struct stoa_error *error, size_t *index);

#ifdef __cplusplus
}
#endif
#endif
