/* What an operator is to the rest of the engine. One file an operator (or a family that shares its code), its backward
 * pass beside it; op_table.c lists them. Each file has the same order: params and parse, infer, view or prepare, run.
 *
 *   model load     parse    attributes -> params, checked once
 *   planning       infer    input shapes (and the values of constant inputs) -> output types and shapes
 *                  view     (operators that only rename dimensions) output strides over the input's memory
 *                  prepare  pack weights, choose algorithms, state scratch sizes
 *   running        run      inputs -> outputs; allocates nothing
 *
 * Messages name the field and the value ("input W has dims [..]", "attribute strides[0] is 0"); the caller puts the
 * node's name in front. */
#ifndef STOA_OPS_OP_H
#define STOA_OPS_OP_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stoa/host.h>
#include <stoa/layers.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "base/pool.h"
#include "kernels/activation.h"

/* How an operator wants its tensors to lie. The planner sees to it and inserts conversions where needed. */
enum op_layout {
    OP_PLAIN, /* all inputs and outputs plain (row-major in the order of dims) */
    OP_ANY,   /* reads and writes any strides: outputs of rank 3 and more lie channels-last if an input does, else plain
               */
    OP_CHANNELS_LAST, /* input 0 and all outputs are images, of rank 3 (signals) or more, and lie channels-last (N W C,
                       * N H W C, N D H W C), perhaps as slices of the channels of wider images; other inputs plain */
    OP_VIEW           /* output 0 is input 0's memory under other dims and strides: see view */
};

/* What a call does to its output after its own operator: y <- f(scale[c] * y + shift[c] + bias[k] + addend), c being
 * the index along dimension 1 and k along the last, and then 0 where a mask has it so. */
struct op_epilogue {
    const double *scale, *shift; /* null: neither */
    const float *bias;           /* null: none */
    bool has_addend;             /* an input more than the operator takes: number op->max_inputs, of y's dims */
    /* Another, number op->max_inputs + 1: y becomes 0 where that is at most mask_bounds[0] or at least mask_bounds[1]
     * (NaN: no such bound). */
    bool has_mask;
    float mask_bounds[2];
    struct activation activation;
    bool pools; /* at last y becomes what the `pools` of an operator says */
};
enum op_takes {
    OP_TAKES_SCALE = 1,
    OP_TAKES_ADDEND = 2,
    OP_TAKES_ACTIVATION = 4,
    OP_TAKES_MASK = 8,
    OP_TAKES_BIAS = 16
};

/* One node at known shapes: what infer, prepare and run see. Arrays are the planner's. */
struct op_call {
    const struct op *op;
    const void *params; /* as parse wrote it */
    size_t input_count, output_count;
    /* An absent optional input or output has dtype STOA_NONE. At planning, data is set exactly for constants (which are
     * plain); when running, for all that are present. */
    struct stoa_tensor *inputs;
    struct stoa_tensor *outputs;
    /* Gemm and MatMul: when not 0, each row of input 0 is an image that lies channels-last with this many channels,
     * while the weights expect it as C H W: prepare permutes the weights, so that no one need permute the activations.
     */
    size_t column_channels;
    struct op_epilogue epilogue;
    size_t pad[4]; /* zeros around the images of input 0 on top of what the operator pads: top, left, bottom, right */

    /* Written by prepare. */
    void *state;           /* packed weights and the like; null when there is none */
    size_t shared_scratch; /* bytes run needs for itself */
    size_t worker_scratch; /* bytes each worker of the pool needs beside that */
};

struct op_prepare {
    const struct stoa_allocator *allocator; /* for what is kept */
    enum stoa_lowering lowering;      /* which way convolutions go where it applies; the cost model chooses where not */
    enum stoa_accuracy accuracy;      /* of convolutions */
    const struct stoa_tuning *tuning; /* what was measured with so many threads; may be null */
    size_t threads;
    double byte_price; /* what memory counts for in choices (conv_choice); 0 where there is enough */
    /* Tells the owner of a constant input that prepare has copied these bytes and will not read them again; may be
     * null.
     */
    void (*consumed)(void *user, const void *data, size_t size);
    void *user;
    struct pool *pool; /* to pack on; may be null */
};

/* The scratch pointers may be null where no bytes are asked for. */
struct op_run {
    struct pool *pool; /* may be null */
    void *shared;      /* op_call.shared_scratch bytes, aligned to STOA_ALIGNMENT; contents undefined */
    void *worker_base; /* one block of worker_stride bytes for each worker; stoa_op_worker gives a worker's own */
    size_t worker_stride;
};

/* Training. An operator says by which operators of the training table (training_op_table) gradients come from the
 * gradients of its outputs: rules that differentiating a graph (train/differentiate.h) turns into nodes. A backward
 * node has the forward node's attributes and opset. */

/* A tensor of the forward node: an input, an output, or the gradient of the loss with regard to an output. */
enum op_origin { OP_INPUT, OP_OUTPUT, OP_GRADIENT };
struct op_source {
    unsigned char origin, index;
    bool rest; /* stands for this one and all later of its kind */
};

#define OP_GRADIENT_INPUTS 6
#define OP_GRADIENT_OUTPUTS 4
struct op_gradient {
    const char *type; /* of the backward operator */
    unsigned char input_count;
    struct op_source inputs[OP_GRADIENT_INPUTS];
    unsigned char output_count;
    /* Output j is the gradient with regard to the forward node's input outputs[j]. One that nobody wants is absent. */
    unsigned char outputs[OP_GRADIENT_OUTPUTS];
    bool rest; /* the last output stands for all later inputs too */
};

/* What takes an operator's place while training: an operator with the same inputs and attributes, whose first outputs
 * are the operator's and whose others are for the backward pass. */
struct op_training {
    const char *type;
    unsigned char output_count;
    /* It has one input more, number max_inputs of the operator: int64 [2], the seed and the number of the step; and one
     * attribute more, the int "stream", which no other node of the graph has the same of. */
    bool takes_seed;
    /* Behind each step the output takes the input's place: running statistics. */
    unsigned char update_count;
    struct {
        unsigned char input, output;
    } updates[2];
};

/* The most elements from pixel to pixel that a slice of channels may have. */
#define OP_MOST_PIXEL_STRIDE ((size_t)1 << 15)

/* What nodes mean to each other when planning makes one step of several. All may be null. */
struct op_fusion {
    /* Which parts of an epilogue the call can have: a set of enum op_takes. */
    unsigned (*takes)(const struct op_call *call);
    /* Whether output 0 is a function of each element of input 0 alone that may become part of what computes it, and
     * which. */
    bool (*activation)(const struct op_call *call, struct activation *activation);
    /* Whether output 0 is input 0, of the same dims as input 1, with 0 where that is outside the bounds as op_epilogue
     * has them. */
    bool (*masks)(const struct op_call *call, float bounds[2]);
    /* Whether output 0 is scale[c] * x + shift[c] of input number `input`, with constants; the arrays hold as many as
     * that input's dimension 1. */
    bool (*affine)(const struct op_call *call, size_t input, double *scale, double *shift);
    /* Whether output 0 is input 0 with nothing but zeros around its height and width: how many (pads); whether the call
     * could see to so many itself (takes_pad). */
    bool (*pads)(const struct op_call *call, size_t pad[4]);
    bool (*takes_pad)(const struct op_call *call, const size_t pad[4]);
    /* Once prepared: whether output 0 may be the epilogue's addend; null: it may not. */
    bool (*adds_in_place)(const struct op_call *call);
    /* Whether output 0 is the maximum of 2 x 2 neighbours of input 0 each, at strides of 2 (an odd row or column at the
     * end is left out), and there is no other; whether the call, once prepared, could do so itself. */
    bool (*pools)(const struct op_call *call);
    bool (*takes_pool)(const struct op_call *call);
    /* Whether part i, an input of Concat (joins) or an output of Split or Slice (splits), is those channels (dimension
     * 1 of 4) of what it is a part of that begin with *first. */
    bool (*joins)(const struct op_call *call, size_t i, size_t *first);
    bool (*splits)(const struct op_call *call, size_t i, size_t *first);
    /* OP_CHANNELS_LAST: whether this call cannot have images that are slices of the channels of wider ones
     * (stoa_tensor_pixel_stride); null: it always can. */
    bool (*dense)(const struct op_call *call);
    /* Whether output 0 is input 0 at these dims, so that it needs no step. */
    bool (*is_identity)(const struct op_call *call);
    /* Whether output 0 is input 0 plus (times) input 1, and there are no others. */
    bool (*adds)(const struct op_call *call), (*multiplies)(const struct op_call *call);
};

/* What a call, once prepared, tells of itself. All may be null. */
struct op_report {
    /* Rounding errors beyond those of the operator's definition, as stoa_conv_error has them; null: there are none. */
    double (*error)(const struct op_call *call, size_t reach[2]);
    /* Multiply-adds of one run; null: none worth counting. */
    double (*macs)(const struct op_call *call);
    /* A few words on how it will run ("view", "im2col 4x32"), written to text. */
    void (*describe)(const struct op_call *call, size_t size, char *text);
    /* Why it will run so, as long as the call lives. */
    const struct stoa_lowering_choice *(*explain)(const struct op_call *call);
};

struct op {
    const char *type;                     /* ONNX's op_type, in the default domain */
    short since;                          /* the first opset version this entry stands for */
    short until;                          /* the last one; 0 = up to the newest the engine reads */
    unsigned char min_inputs, max_inputs; /* the first min_inputs must be present */
    unsigned char min_outputs, max_outputs;
    enum op_layout layout;
    /* Bit i: prepare takes a constant input i at any address, aligned or not (stoa_tensor_is_aligned), and run does not
     * read it. Whoever calls sees to it that all other data are aligned. */
    unsigned char loose_inputs;
    bool dims_only; /* run reads the dims of its inputs, never their data, so that the planner can fold it */
    /* Bit i: of input i only type, rank and dims are read. It may lie in any way, and its data may be gone (null). Bit
     * 7 stands for all later inputs too. */
    unsigned char dims_inputs;
    /* Bit i: the values of input i may decide the dims of outputs or whether the call can be made at all: those that
     * infer asks for (stoa_check_known), and no others. Operators that no file can name need not say. */
    unsigned char value_inputs;
    /* OP_CHANNELS_LAST. Bit i: input i lies as input 0 does; output i is plain all the same. */
    unsigned char images, plain_outputs;
    /* Each element of output 0 needs, of inputs 0 and 1 where they have its dims, the element in the same place alone:
     * output 0 may be one of them, if no later input lies there too. */
    bool elementwise;
    unsigned char parameters;     /* bit i: a constant input i is a parameter, which training changes */
    unsigned char gradient_count; /* of gradients */
    size_t params_size;
    /* Few operators have either: stoa_op_fusion and stoa_op_report give tables of nulls for those that have none. */
    const struct op_fusion *fusion;
    const struct op_report *report;

    /* Null: no gradients pass, and nothing takes its place while training. */
    const struct op_gradient *gradients;
    const struct op_training *training;

    /* Attributes -> *params (params_size zeroed bytes). Ends with `return stoa_reader_finish(reader);`. Null: there are
     * no attributes at all. */
    enum stoa_status (*parse)(struct attribute_reader *reader, void *params);
    /* Sets dtype, rank and dims of every present output (strides and data are the planner's, who also measures them).
     */
    enum stoa_status (*infer)(const struct op_call *call, struct stoa_error *error);
    /* OP_VIEW only: sets strides of output 0 over input 0's memory and returns true, or false where that needs input 0
     * to be plain. Called again with a plain input, it returns true. */
    bool (*view)(const struct op_call *call);
    /* May be null. Called once strides are known; on failure state must be null and nothing leaked. */
    enum stoa_status (*prepare)(struct op_call *call, const struct op_prepare *prepare, struct stoa_error *error);
    /* Frees call->state; null where prepare makes none. */
    void (*release)(const struct op_call *call, const struct stoa_allocator *allocator);
    /* Makes what prepare has packed one with what it packed for `other`, the same node in another plan, where both are
     * the same; null where that cannot be. */
    void (*share)(struct op_call *call, const struct op_call *other, const struct stoa_allocator *allocator);
    /* Null for an OP_VIEW without outputs of its own. Fails only for what depends on values, such as an index. */
    enum stoa_status (*run)(const struct op_call *call, const struct op_run *run, struct stoa_error *error);
};

/* The operator of that name at that opset version, or null. `known` (may be null) says whether the name exists at all.
 */
const struct op *stoa_op_find(const char *type, int opset, bool *known);
extern const struct op_fusion stoa_op_without_fusion;
extern const struct op_report stoa_op_without_report;
/* Every entry, for listings; ends with a null. */
extern const struct op *const stoa_op_table[];

/* The operators that only training graphs have. No file can name them: they are in a domain of their own. */
#define OP_TRAINING_DOMAIN "stoa.training"
const struct op *stoa_training_op_find(const char *type);
extern const struct op *const stoa_training_op_table[];

/* Runs the call with scratch from the allocator, if it needs any, for those who have none laid out. The pool may be
 * null. */
STOA_CHECKED enum stoa_status stoa_op_run_once(const struct op_call *call, const struct stoa_allocator *allocator,
                                               struct pool *pool, struct stoa_error *error);

static inline void *stoa_op_worker(const struct op_run *run, size_t worker)
{
    return (char *)run->worker_base + worker * run->worker_stride;
}

static inline void stoa_op_consumed(const struct op_prepare *prepare, const void *data, size_t size)
{
    if (prepare->consumed)
        prepare->consumed(prepare->user, data, size);
}

static inline const struct op_fusion *stoa_op_fusion(const struct op *op)
{
    return op->fusion ? op->fusion : &stoa_op_without_fusion;
}
static inline const struct op_report *stoa_op_report(const struct op *op)
{
    return op->report ? op->report : &stoa_op_without_report;
}

/* Whether the operator reads data of input `index`, rather than its dims alone. */
static inline bool stoa_op_reads(const struct op *op, size_t index)
{
    return !(op->dims_inputs >> (index < CHAR_BIT ? index : CHAR_BIT - 1) & 1);
}

/* OP_CHANNELS_LAST: whether input (output) `index` lies channels-last; an addend does, too. */
static inline bool stoa_op_takes_image(const struct op *op, size_t index)
{
    return index == 0 || index >= op->max_inputs || (index < CHAR_BIT && op->images >> index & 1);
}
static inline bool stoa_op_makes_image(const struct op *op, size_t index)
{
    return index >= CHAR_BIT || !(op->plain_outputs >> index & 1);
}

static inline bool stoa_op_has_input(const struct op_call *call, size_t index)
{
    return index < call->input_count && call->inputs[index].dtype != STOA_NONE;
}
static inline bool stoa_op_has_output(const struct op_call *call, size_t index)
{
    return index < call->output_count && call->outputs[index].dtype != STOA_NONE;
}

#endif
