/* ModelProto to graph. */
#ifndef STOA_ONNX_IMPORT_H
#define STOA_ONNX_IMPORT_H

#include "graph/graph.h"
#include "onnx/tensor.h"

/* Builds and finishes the graph, which is initialised and empty. Large constants stay in the source. `scratch` is for
 * what is needed during the call only. */
STOA_CHECKED enum stoa_status stoa_onnx_import(const Onnx__ModelProto *message, const struct onnx_source *source,
                                               struct arena *scratch, struct stoa_error *error, struct graph *graph);

#endif
