/* The builder as its layers see it. A layer checks its description, makes its parameters, and adds a node; shapes come
 * from the operators themselves. After the first error each of these does nothing. */
#ifndef STOA_BUILD_BUILD_H
#define STOA_BUILD_BUILD_H

#include <stdbool.h>
#include <stoa/build.h>

#include "base/attributes.h"
#include "base/random.h"
#include "graph/model.h"

#define BUILD_MAX_INPUTS 64
#define BUILD_NAME 96 /* bytes a layer's name may have, its zero included */

struct kind_count {
    const char *kind;
    size_t count;
};

struct stoa_builder {
    struct stoa_model *model; /* while building, graph_values say type and dims of every value, batch open */
    struct random random;
    enum stoa_init init;
    enum stoa_status status; /* of the first failure, and its message */
    struct stoa_error error;
    struct kind_count kinds[40]; /* how often each was named */
};

/* A layer under construction. */
struct draft {
    struct stoa_builder *builder;
    const char *type; /* ONNX's */
    char name[BUILD_NAME];
    size_t inputs[BUILD_MAX_INPUTS];
    size_t input_count;
    struct attribute attributes[8];
    size_t attribute_count;
};

/* Begins a layer over x, named `name` or after its kind. False after an error, for a value that is none or a name that
 * is taken; the layer then is to be left. */
bool stoa_draft_begin(struct draft *draft, struct stoa_builder *builder, const char *type, const char *kind,
                      const char *name, size_t count, const struct stoa_value *x);
/* Records an error in the layer, unless there is one already. */
void stoa_draft_fail(struct draft *draft, enum stoa_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The type and dims of input i. */
const struct graph_value *stoa_draft_input(const struct draft *draft, size_t i);

void stoa_draft_int(struct draft *draft, const char *name, int64_t value);
void stoa_draft_float(struct draft *draft, const char *name, float value);
void stoa_draft_string(struct draft *draft, const char *name, const char *value);
/* `values` must stay until the end of the layer. */
void stoa_draft_ints(struct draft *draft, const char *name, size_t count, const int64_t *values);

/* The next input is left out. */
void stoa_draft_absent(struct draft *draft);
/* The next input is a constant LAYER.NAME of those dims; its zeroed floats are returned to be filled, null after an
 * error. */
float *stoa_draft_constant(struct draft *draft, const char *name, size_t rank, const size_t *dims);
/* The same, filled as `init` says. */
void stoa_draft_weights(struct draft *draft, size_t rank, const size_t *dims, double fan_in, double fan_out,
                        enum stoa_init init);
/* Adds the node; the value is its output. */
struct stoa_value stoa_draft_end(struct draft *draft);

/* Fills count weights. */
void stoa_initialise(struct random *random, enum stoa_init init, double fan_in, double fan_out, size_t count,
                     float *weights);

#endif
