/* Everything about a model that can be decided before it runs, decided: shapes, constant results, layouts, steps, and
 * one block of memory for all activations. What is left for running is a loop over the steps. */
#ifndef STOA_PLAN_PLAN_H
#define STOA_PLAN_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/layers.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/budget.h"
#include "base/memory.h"
#include "graph/model.h"
#include "ops/op.h"

#define PLAN_NONE ((size_t)-1)

enum storage_kind {
    STORAGE_ARENA,    /* in the plan's block, at offset `place` */
    STORAGE_INPUT,    /* the caller's buffer of graph input `place` */
    STORAGE_OUTPUT,   /* the buffer of graph output `place` */
    STORAGE_CONSTANT, /* weights and folded results */
};

/* Memory that one or more tensors view. */
struct plan_storage {
    enum storage_kind kind;
    size_t bytes;
    size_t first, last; /* the steps between which it is in use, both included */
    size_t place;
    void *data; /* its address once it has one; of constants the tensors alone know theirs */
};

/* Where a tensor begins. */
struct plan_place {
    size_t storage; /* PLAN_NONE: nowhere yet */
    size_t offset;  /* in bytes */
};
#define PLAN_NOWHERE ((struct plan_place){.storage = PLAN_NONE})

/* A tensor and the storage it views. Its data are null until the storage has an address; constants have theirs at once.
 */
struct plan_tensor {
    struct stoa_tensor tensor;
    struct plan_place place;
};

/* What became of a graph value. */
struct plan_value {
    bool known;          /* somebody needs it, and its dims have been worked out */
    bool fused;          /* it is not written down any more, since ... */
    enum stoa_pass pass; /* ... this pass made one step of those who made and read it */
    /* Constants lie plain and have a storage at once; what is computed, when its step is made. */
    struct plan_tensor main;
    /* It is some channels of value `whole`, from `channel` on, in whose memory it lies; `whole` may be sliced too. */
    bool sliced;
    size_t whole, channel;
    struct plan_tensor other; /* the same in the other layout, once some step has asked for it; else nowhere */
    /* Not 0: a flattened image left channels-last with so many channels; only matrix products that permute their
     * weights accordingly read it. */
    size_t column_channels;
};

/* What planning knows of a node of the graph before steps are made. */
struct plan_node {
    bool planned;        /* somebody needs it, and it does not depend on constants alone */
    const char *type;    /* its operator, or all its step does: "Conv+Relu" */
    struct op_call call; /* types, dims, constants */
    /* Graph values parallel to the call's inputs and outputs: the node's own, or those of all that is fused into it. */
    const size_t *inputs, *outputs;
    /* Nodes that are one step: a chain in the order in which one reads the other. Alone, a node is its own leader. */
    size_t leader;      /* the node whose operator the step runs */
    size_t next;        /* in the chain; PLAN_NONE at its end */
    size_t first, last; /* of the chain; a leader's */
};

/* One thing a pass did. */
struct plan_rewrite {
    enum stoa_pass pass;
    const char *node, *into;
};

/* What is made of the graph's values. */
struct plan_uses {
    bool *wanted;    /* for each value: whether anything asks for it */
    size_t *first;   /* of value v: the nodes readers[first[v]] ... readers[first[v + 1] - 1] */
    size_t *readers; /* nodes that somebody needs, once for each input */
};

struct plan_step {
    const char *node, *type; /* of the graph; of a conversion the value and "Layout" */
    struct op_call call;
    struct plan_place *inputs, *outputs; /* parallel to call.inputs and call.outputs; nowhere when absent */
    size_t parameter_count;              /* elements of constant inputs */
    bool serial;                         /* so little work that handing it to other threads would take longer */
};

struct plan {
    const struct stoa_model *model; /* without If: the caller's, or `resolved`, whose first values are the caller's */
    struct stoa_model *resolved;    /* the plan's own, or null */
    struct stoa_allocator allocator;
    struct arena arena;        /* steps' arrays, folded constants */
    struct plan_value *values; /* parallel to the graph's */
    struct plan_node *nodes;   /* parallel to the graph's */
    struct plan_uses uses;
    struct plan_rewrite *rewrites;
    size_t rewrite_count, rewrite_capacity;
    unsigned disabled_passes;
    struct plan_storage *storages;
    size_t storage_count, storage_capacity;
    struct plan_step *steps;
    size_t step_count, step_capacity;
    struct plan_tensor *outputs; /* the graph's outputs as callers see them: plain */
    unsigned char *memory;       /* the block, which is the owner's (stoa_plan_set_memory) */
    size_t memory_bytes;
    size_t scratch_place, workers; /* scratch of the running step lies in the block from scratch_place on */
};

struct plan_options {
    const struct stoa_input_spec *inputs;
    size_t input_count;
    enum stoa_lowering lowering;
    enum stoa_accuracy accuracy;
    const struct stoa_tuning *tuning; /* may be null */
    bool keep_values;                 /* no value's memory is used again for another */
    /* The one the plan's allocator is of; null: nothing is limited. What it has out, what the plan takes of it, and the
     * block and outputs that its owner will take stay within max_bytes (0: as many as it takes). */
    struct budget *budget;
    size_t max_bytes;
    bool beside; /* of plans that can go: not even while it is made is there more than that, rather there is no plan */
    size_t step_bytes; /* the owner will also take a block of so many for each step; 0: none */
    /* Other plans of the model, of the same allocator and thread: what is packed and the same is kept once. */
    struct plan *const *siblings;
    size_t sibling_count;
    const struct stoa_output_spec *outputs;
    size_t output_count;
    struct pool *pool;        /* that will run the plan: weights are packed on it; may be null */
    unsigned disabled_passes; /* bits */
};

STOA_CHECKED enum stoa_status stoa_plan_create(const struct stoa_model *model, const struct stoa_allocator *allocator,
                                               const struct plan_options *options, struct stoa_error *error,
                                               struct plan **plan);
void stoa_plan_free(struct plan *plan);

/* What a caller says of the inputs (shapes.c). */
/* Whether the specs are of inputs there are, each once. */
STOA_CHECKED enum stoa_status stoa_plan_check_specs(const struct graph *graph, const struct stoa_input_spec *specs,
                                                    size_t count, struct stoa_error *error);
/* The spec of that name, or null. */
const struct stoa_input_spec *stoa_plan_find_spec(const struct stoa_input_spec *specs, size_t count, const char *name);
/* The input's type, dims and strides, of what its spec (may be null) says and what the model does. */
STOA_CHECKED enum stoa_status stoa_plan_input(const struct graph_value *value, const struct stoa_input_spec *spec,
                                              struct stoa_error *error, struct stoa_tensor *tensor);

/* Whether the plan is the one these inputs would give; fails for specs that are wrong in themselves. */
STOA_CHECKED enum stoa_status stoa_plan_matches(const struct plan *plan, const struct stoa_input_spec *inputs,
                                                size_t count, struct stoa_error *error, bool *matches);
/* Gives the plan its block: memory_bytes at STOA_ALIGNMENT, its owner's. Places all tensors; another block may follow.
 * Needed before the plan runs. */
void stoa_plan_set_memory(struct plan *plan, void *memory);
/* Gives the storage of graph input (STORAGE_INPUT) or output (STORAGE_OUTPUT) `index` an address, which tensors take
 * over with stoa_plan_place: one walk over all of them, however many were bound. */
void stoa_plan_bind(struct plan *plan, enum storage_kind kind, size_t index, void *data);
void stoa_plan_place(struct plan *plan);

#endif
