/* The trainer: a session of the differentiated graph, the buffers it reads and writes, and an optimiser over them. */
#ifndef STOA_TRAIN_TRAINER_H
#define STOA_TRAIN_TRAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stoa/train.h>

#include "base/pool.h"
#include "train/differentiate.h"
#include "train/optimiser.h"

/* A parameter or a running statistic: an array at the same offset in each buffer that has it. */
struct trainer_tensor {
    const char *name; /* of the constant in the model; the graph's */
    size_t rank, dims[STOA_MAX_RANK];
    size_t count, offset; /* in elements */
    bool trained;
};

/* Where training is: what a checkpoint has beside the arrays. */
struct trainer_state {
    uint64_t seed;        /* of the generator */
    uint64_t calls;       /* of stoa_trainer_step: the generator's other half */
    uint64_t steps;       /* of the optimiser */
    uint64_t accumulated; /* calls since the last of these */

    /* stoa_fit's. */
    uint64_t epoch, position; /* the next batch */
    uint64_t batches;         /* in an epoch of the training set; 0: not known yet */
    uint64_t examples, correct;
    double loss_sum;                           /* of the batches' losses, times their examples */
    uint64_t has_best, best_epoch, since_best; /* since_best: evaluations */
    double best_loss, best_accuracy;
};

struct stoa_trainer {
    struct stoa_allocator allocator;
    const struct stoa_model *model;
    struct stoa_trainer_options options; /* with defaults; pointers that need not live on are null */
    struct train_graph *graph;
    struct pool *pool;
    struct stoa_pool shared; /* the same, for sessions */
    struct stoa_session *session;
    const void *bound[2]; /* x and labels */

    /* Parameters as the graph has them, then running statistics. */
    struct trainer_tensor *tensors;
    size_t parameter_count, tensor_count;
    size_t value_count, trained_count; /* elements; what is trained comes first */
    float *values;                     /* of all tensors */
    float *gradient;                   /* of what is trained, as are states and sum */
    float *states[2];
    float *sum;     /* of gradients; null unless accumulating */
    float *updates; /* at the statistics' offsets less trained_count (which they follow): their next values */
    float *best;    /* as values; null unless has_best */
    int64_t generator[2];
    struct optimiser optimiser;
    struct trainer_state state;

    struct arena arena;
    struct stoa_input_spec *specs; /* of the model's inputs and the labels; in the arena, with their values */
    size_t spec_count;
    const char *x_name, *labels_name;
    size_t batch, classes;
    bool class_labels; /* of the loss */
    const float *loss, *scores;
};

/* A session over the trainer's buffers: of its graph, with everything bound as an input that is one. x and labels may
 * be null: not bound. */
STOA_CHECKED enum stoa_status stoa_trainer_open(struct stoa_trainer *trainer,
                                                const struct stoa_session_options *options, const void *x,
                                                const void *labels, struct stoa_error *error,
                                                struct stoa_session **session);

/* Says of the step whose gradients are in the buffers, and were not finite, where that began. Returns
 * STOA_ERROR_NONFINITE. */
enum stoa_status stoa_trainer_explain(struct stoa_trainer *trainer, const void *x, const void *labels,
                                      struct stoa_error *error);

enum model_purpose {
    MODEL_TO_KEEP,    /* independent of trainer and original */
    MODEL_TO_EVALUATE /* borrows their arrays; behind the original's, inputs and outputs are those of the loss: labels
                       * in, loss and scores out */
};
/* A model of the original graph with those values (laid out as trainer->values) in place of its constants. */
STOA_CHECKED enum stoa_status stoa_trainer_make_model(const struct stoa_trainer *trainer, const float *values,
                                                      enum model_purpose purpose, struct stoa_error *error,
                                                      struct stoa_model **model);

/* Asked after each batch: not 0 ends here. */
struct end_early {
    int (*asked)(void *user);
    void *user;
};
/* As stoa_evaluate; CANCELLED where `end` (may be null) says so. */
STOA_CHECKED enum stoa_status stoa_evaluate_until(const struct stoa_trainer *trainer, const struct stoa_batches *set,
                                                  size_t epoch, const struct end_early *end, struct stoa_error *error,
                                                  struct stoa_evaluation *evaluation, size_t *confusion);

/* What the graph knows of tensor i. */
static inline const struct train_parameter *stoa_trainer_given(const struct stoa_trainer *trainer, size_t i)
{
    const struct train_graph *graph = trainer->graph;
    return i < graph->parameter_count ? &graph->parameters[i] : &graph->statistics[i - graph->parameter_count];
}

/* Where element 0 of a statistic's next value lies. */
static inline float *stoa_trainer_update(const struct stoa_trainer *trainer, const struct trainer_tensor *tensor)
{
    return trainer->updates + (tensor->offset - trainer->trained_count);
}

#endif
