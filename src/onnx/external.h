/* Tensors whose data lie in a file beside the model's (TensorProto.external_data; ONNX, docs/ExternalData.md), as
 * exporters write them for models of any size. */
#ifndef STOA_ONNX_EXTERNAL_H
#define STOA_ONNX_EXTERNAL_H

#include <stdbool.h>

#include "base/budget.h"
#include "base/file.h"
#include "base/memory.h"
#include "graph/names.h"
#include "onnx.pb-c.h"

/* The files of a model that is being read. */
struct onnx_files {
    const char *model;            /* the path of the first, whose directory the others are in */
    struct file_map *map;         /* the first; the others are chained to it */
    struct arena *arena;          /* for the others' maps: lives until they are unmapped */
    struct budget *budget;        /* grows with each file by what reading it may take */
    struct name_table names;      /* locations and the paths they lead to: numbers of maps */
    const struct file_map **maps; /* in the arena */
    size_t count, capacity;       /* of maps */
};

bool stoa_onnx_is_external(const Onnx__TensorProto *message);

/* *bytes = the place of the tensor's data, *size = how many there are: what the message says, or else `needed`. Each
 * file is mapped once, however it is spelled. Its location is relative, without "..", and leads, links followed, to a
 * regular file in the directory of the model's path or in the one where the model itself lies when its path is a link.
 * `files` may be null: then all is refused. */
STOA_CHECKED enum stoa_status stoa_onnx_external(const Onnx__TensorProto *message, struct onnx_files *files,
                                                 size_t needed, struct stoa_error *error, const uint8_t **bytes,
                                                 size_t *size);

#endif
