/* Operators that a file defines as functions of its own (FunctionProto): whoever reads a node that calls one reads the
 * function's nodes in its place. What they call their values and attributes means something in the call only. */
#ifndef STOA_ONNX_FUNCTION_H
#define STOA_ONNX_FUNCTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "base/memory.h"
#include "graph/names.h"
#include "onnx.pb-c.h"

#define FUNCTION_MAX_DEPTH 32 /* of calls within functions */

struct function {
    const Onnx__FunctionProto *message;
    struct name_table formals; /* its inputs, then its outputs, by number; of two with one name, the first */
};

struct functions {
    struct function *items;
    size_t count;
    struct name_table names; /* domain, name and overload as lines; of two with one name, the first */
};

/* A call whose function is being read. */
struct call {
    const struct call *outer; /* the call of the function that the node is in, or null */
    const Onnx__NodeProto *node;
    const struct function *function;
    const char *label;   /* of the node, for messages and for the nodes of the function */
    const char *prefix;  /* of the names of its values; null where the call has no output, and so no effect */
    const char **actual; /* the names of the call's inputs and outputs outside; empty where there is none */
    size_t depth;
};

/* Lists the file's functions; deinit must follow, after a failure too. They lie in `scratch` and in the message. */
STOA_CHECKED enum stoa_status stoa_functions_init(struct functions *functions, const Onnx__ModelProto *message,
                                                  struct arena *scratch, struct stoa_error *error);
void stoa_functions_deinit(struct functions *functions);

/* The function that the node calls, or null. */
const struct function *stoa_functions_find(const struct functions *functions, const Onnx__NodeProto *node);

/* `label`: of the node, as everybody should name it. */
STOA_CHECKED enum stoa_status stoa_call_begin(struct call *call, const struct call *outer, const Onnx__NodeProto *node,
                                              const struct function *function, const char *label, struct arena *scratch,
                                              struct stoa_error *error);

/* What the model calls the value that the call's function calls so; where `call` is null, the same. */
STOA_CHECKED enum stoa_status stoa_call_name(const struct call *call, const char *name, struct arena *scratch,
                                             struct stoa_error *error, const char **outside);

/* Whether output `i` of the call's function is a name of its own: neither an input, nor an output before. */
bool stoa_call_is_own(const struct call *call, size_t i);

/* The same for the name of a node, which may be null. */
STOA_CHECKED enum stoa_status stoa_call_label(const struct call *call, const char *name, struct arena *scratch,
                                              struct stoa_error *error, const char **outside);

/* The attribute that is meant: where one of a node in a function refers to one of the call, that of the call, or the
 * function's default; null where neither is given. */
STOA_CHECKED enum stoa_status stoa_call_attribute(const struct call *call, const Onnx__AttributeProto *attribute,
                                                  struct stoa_error *error, const Onnx__AttributeProto **meant);

#endif
