/* Graph to ModelProto. */
#ifndef STOA_ONNX_EXPORT_H
#define STOA_ONNX_EXPORT_H

#include "base/memory.h"
#include "graph/graph.h"
#include "onnx.pb-c.h"

/* *message = the model file of a finished graph, in the arena but for names, attributes and constants, which stay where
 * the graph has them. */
STOA_CHECKED enum stoa_status stoa_onnx_export(const struct graph *graph, struct arena *arena, struct stoa_error *error,
                                               Onnx__ModelProto **message);

#endif
