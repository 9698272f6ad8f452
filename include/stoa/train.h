/* Training: a trainer owns the weights of a model while they change, and gives out models made of them.
 *
 *     stoa_trainer_create(model, &(struct stoa_trainer_options){.batch = 64, .learning_rate = 0.05, .momentum = 0.9},
 *                         &error, &trainer);
 *     while (...)
 *         stoa_trainer_step(trainer, images, labels, &error, &result);
 *     stoa_trainer_model(trainer, &error, &trained);
 *
 * What comes out is the same to the last bit for any number of threads. */
#ifndef STOA_TRAIN_H
#define STOA_TRAIN_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/host.h>
#include <stoa/loss.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* g is the gradient, clipped. */
enum stoa_optimiser {
    STOA_OPTIMISER_SGD = 0, /* v <- momentum v + g; w <- w - rate v; with nesterov: w <- w - rate (g + momentum v) */
    STOA_OPTIMISER_ADAM,    /* Kingma and Ba 2015, with bias correction; decay is added to the gradient */
    STOA_OPTIMISER_ADAMW,   /* Loshchilov and Hutter 2019: decay is decoupled, w <- w - rate decay w */
    STOA_OPTIMISER_COUNT
};

/* How the learning rate goes on after the warm-up, s being the steps of the optimiser since then. */
enum stoa_schedule {
    STOA_SCHEDULE_CONSTANT = 0, /* rate */
    STOA_SCHEDULE_STEP,         /* rate * gamma^floor(s / step_size) */
    STOA_SCHEDULE_COSINE,       /* from rate to final_rate along half a cosine, there when total_steps are done */
    STOA_SCHEDULE_COUNT
};

/* Their names in lower case ("sgd", "adam", "adamw"; "constant", "step", "cosine"); "unknown" for others. */
STOA_API const char *stoa_optimiser_name(enum stoa_optimiser optimiser);
STOA_API const char *stoa_schedule_name(enum stoa_schedule schedule);

/* Zeros are the defaults. */
struct stoa_trainer_options {
    enum stoa_loss loss;
    double label_smoothing; /* 0 to below 1: this share of each label is spread evenly over all classes */
    double margin;          /* of hinge; 0: 1 */

    enum stoa_optimiser optimiser;
    double learning_rate; /* 0: 0.01 for SGD, else 0.001 */
    double momentum;      /* of SGD: 0 to below 1 */
    int nesterov;         /* needs momentum */
    double beta1, beta2;  /* of Adam: below 1; 0: 0.9 and 0.999 */
    double epsilon;       /* of Adam; 0: 1e-8 */
    /* L2: g <- g + weight_decay * w, for AdamW decoupled. Biases, and scales and shifts of norms (parameters of rank 0
     * or 1), are left out unless decay_all. */
    double weight_decay;
    int decay_all;

    enum stoa_schedule schedule;
    size_t total_steps; /* of the optimiser, warm-up included; needed by cosine */
    size_t warmup;      /* so many steps at first, in which the rate grows evenly: rate * (t + 1) / warmup at step t */
    size_t step_size;   /* of step; must not be 0 there */
    double gamma;       /* of step; 0: 0.1 */
    double final_rate;  /* of cosine */

    /* Gradients: the norm of all of them together (clip_norm; all are scaled alike), then each element (clip_value); 0:
     * not clipped. */
    double clip_norm, clip_value;
    size_t accumulate; /* calls of stoa_trainer_step to a step of the optimiser, which gets their mean; 0: 1 */

    size_t batch;                         /* what inputs have for an open first dimension; 0: 1 */
    const struct stoa_input_spec *inputs; /* input_count of them, as for sessions: fixed values, other open dims */
    size_t input_count;
    /* Parameters that stay as they are: frozen_count patterns as in a shell (fnmatch: "features.*"), matched with their
     * names. One that matches no constant is refused. A norm whose scale and shift are both frozen does what it does in
     * inference, and its running statistics stay; others go on. */
    const char *const *frozen;
    size_t frozen_count;
    uint64_t seed; /* of dropout */

    size_t threads;                         /* 0: as many as the caller's CPU affinity allows */
    const struct stoa_pool *pool;           /* null: threads of the trainer's own; else `threads` does not count */
    enum stoa_accuracy accuracy;            /* of convolutions */
    const struct stoa_tuning *tuning;       /* measured choices; may be null; read during creation only */
    int profile;                            /* measure each step: stoa_trainer_session */
    const struct stoa_allocator *allocator; /* null: the model's; copied */
    size_t reserved[8];                     /* zeros (stoa.h) */
};

struct stoa_trainer;

/* The model is borrowed: it must outlive the trainer, and stays as it is. Options may be null. The model's parameters
 * are the float constants that gradients reach as weights, biases, scales, shifts or slopes of operators that have
 * such, or as what is added to a MatMul; other constants, such as factors of a Mul, stay as they are. Of its inputs one
 * is fed at each step; others must have fixed values (options.inputs). On failure *trainer is null. */
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_create(const struct stoa_model *model,
                                                           const struct stoa_trainer_options *options,
                                                           struct stoa_error *error, struct stoa_trainer **trainer);
/* Null is fine. */
STOA_API void stoa_trainer_free(struct stoa_trainer *trainer);

struct stoa_train_result {
    double loss;    /* of this batch, before the step */
    size_t correct; /* examples whose greatest score is at the label, the first of equal ones; 0 without classes */
    double learning_rate; /* of the step of the optimiser, this one or the one that is being accumulated for */
    double gradient_norm; /* of the mean of the gradients accumulated so far, before clipping */
    int stepped;          /* whether the optimiser made its step: always, unless accumulating */
    size_t reserved[4];
};

/* One batch: forward, backward, and a step of the optimiser. x is the input that is fed (row-major, `batch` examples of
 * the input's type), labels as the loss says; a class of -1 leaves its example out of the loss, not of the statistics
 * of a norm over the batch. Both are read during the call only. `result` may be null. A class that does not exist is
 * STOA_ERROR_DATA. STOA_ERROR_NONFINITE when loss, gradients or statistics are not finite: the message names the first
 * node with such a result. After any failure weights, state of the optimiser, running statistics and generator are as
 * before the call. */
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_step(struct stoa_trainer *trainer, const void *x,
                                                         const void *labels, struct stoa_error *error,
                                                         struct stoa_train_result *result);

/* A model of the current weights and running statistics: the original graph, with its names, owned by the caller and
 * independent of trainer and original. */
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_model(const struct stoa_trainer *trainer, struct stoa_error *error,
                                                          struct stoa_model **model);
/* The same of the weights that did best on the test set, as stoa_fit keeps them; the current ones if there are none. */
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_best_model(const struct stoa_trainer *trainer,
                                                               struct stoa_error *error, struct stoa_model **model);

/* A parameter that is not frozen: strings and arrays live as the trainer, row-major; what they hold changes with each
 * step. */
struct stoa_parameter_info {
    const char *name; /* of the constant in the model */
    size_t rank;
    size_t dims[STOA_MAX_RANK];
    size_t count; /* elements */
    const float *values;
    const float *gradient; /* of the last batch, neither clipped nor averaged; null where none reaches it */
    size_t reserved[4];
};
STOA_API size_t stoa_trainer_parameter_count(const struct stoa_trainer *trainer);
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_parameter(const struct stoa_trainer *trainer, size_t index,
                                                              struct stoa_error *error,
                                                              struct stoa_parameter_info *info);

/* Steps of the optimiser so far; their learning rates are a function of that number. */
STOA_API size_t stoa_trainer_steps(const struct stoa_trainer *trainer);
STOA_API size_t stoa_trainer_batch(const struct stoa_trainer *trainer);
/* Scores of an example. */
STOA_API size_t stoa_trainer_classes(const struct stoa_trainer *trainer);
/* The session that computes loss and gradients, for reports: its steps, memory, times. Not to be run or bound. */
STOA_API const struct stoa_session *stoa_trainer_session(const struct stoa_trainer *trainer);

/* Checkpoints: all that the trainer has become (weights, running statistics, optimiser, generator, accumulated
 * gradients; of stoa_fit the place in the data and the best weights), so that a trainer made anew with the same options
 * goes on as if nothing had been, to the bit. Saving writes a temporary file beside `path`, syncs it and renames it: at
 * any moment there is the old file or the new one. On STOA_ERROR_IO the old one is intact and the temporary gone. */
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_save(const struct stoa_trainer *trainer, const char *path,
                                                         struct stoa_error *error);
/* Refuses what is torn or damaged (each bit is under a checksum) or foreign: STOA_ERROR_PARSE; of another model:
 * STOA_ERROR_SHAPE; of another optimiser or accumulate: STOA_ERROR_ARGUMENT. The trainer is as before then. Other
 * options may differ; the seed becomes that of the file. */
STOA_API STOA_CHECKED enum stoa_status stoa_trainer_load(struct stoa_trainer *trainer, const char *path,
                                                         struct stoa_error *error);

/* A batch of a set. */
struct stoa_examples {
    const void *x, *labels; /* as stoa_trainer_step takes them; valid until the next call of `get` */
    size_t count;           /* examples in it; classes beyond are -1. Less than `batch` only with classes */
    size_t reserved[2];
};
/* A set of examples, for stoa_fit and stoa_evaluate. */
struct stoa_batches {
    size_t batch; /* examples that x and labels hold */
    size_t count; /* batches in an epoch, at least 1 */
    /* Batch number `position` of an epoch, both from 0; mostly called in order. What comes is a function of the two. */
    enum stoa_status (*get)(void *user, size_t epoch, size_t position, struct stoa_error *error,
                            struct stoa_examples *examples);
    void *user;
    size_t reserved[8]; /* zeros (stoa.h) */
};

struct stoa_evaluation {
    double loss; /* mean over the examples */
    size_t examples, top1, top5;
    size_t reserved[4];
};
/* The current weights, as the model's own inference has them, on one epoch of a set. Its batch may differ from the
 * trainer's. confusion may be null; else [K][K]: examples of class (row) taken for class (column), zeroed here. A score
 * counts for top5 when fewer than five are greater, or equal and of a lower class; without classes top1 and top5 are 0.
 * */
STOA_API STOA_CHECKED enum stoa_status stoa_evaluate(const struct stoa_trainer *trainer, const struct stoa_batches *set,
                                                     size_t epoch, struct stoa_error *error,
                                                     struct stoa_evaluation *evaluation, size_t *confusion);

/* How far stoa_fit is. */
struct stoa_fit_progress {
    size_t epoch, epochs;                /* the one under way, from 0 */
    size_t position, count;              /* batches of it that are done */
    size_t examples;                     /* of it so far */
    double loss, accuracy;               /* means over these, each with the weights of its moment */
    double seconds, images_per_s;        /* of this epoch in this call of stoa_fit */
    double learning_rate, gradient_norm; /* of the last step */
    size_t reserved[4];
};
struct stoa_fit_epoch {
    size_t epoch; /* from 0 */
    double loss, train_accuracy;
    int evaluated; /* whether there is a test set and this epoch's turn has come; else what follows is 0 */
    double test_loss, test_accuracy, test_top5;
    int best;                     /* whether these weights are kept as the best so far */
    double images_per_s, seconds; /* of training, as above */
    size_t reserved[4];
};

struct stoa_fit_options {
    size_t epochs;   /* in all, those before a resumed checkpoint included; 0: 1 */
    size_t evaluate; /* every so many epochs, and after the last; 0: 1 */
    size_t patience; /* not 0: stop after so many evaluations without a better accuracy (loss, without classes) */
    const char *checkpoint;     /* null: none; written after each epoch, at the end, and when cancelled */
    size_t checkpoint_interval; /* not 0: and after each so many batches */
    /* All may be null. They are called from the thread that called stoa_fit, and get `user`. */
    void (*progress)(void *user, const struct stoa_fit_progress *progress); /* after each batch */
    void (*epoch_done)(void *user, const struct stoa_fit_epoch *epoch);
    int (*cancel)(void *user); /* asked after each batch, of `test` as well: not 0 ends here */
    void *user;
    size_t reserved[8]; /* zeros (stoa.h) */
};
enum stoa_fit_end { STOA_FIT_DONE = 0, STOA_FIT_STOPPED_EARLY, STOA_FIT_CANCELLED };
struct stoa_fit_result {
    enum stoa_fit_end end;
    size_t epochs; /* done in all */
    size_t best_epoch;
    double best_accuracy, best_loss; /* on the test set; 0 if it was never asked */
    size_t reserved[4];
};

/* Trains for epochs over `training`, whose batch is the trainer's, and evaluates on `test` (may be null). Goes on where
 * a loaded checkpoint was, to the bit: the training set must have as many batches as it had then. A failing step ends
 * with that step's status, weights as before it. A loss on the test set that is not finite ends with
 * STOA_ERROR_NONFINITE, without that epoch's checkpoint. Options and result may be null. */
STOA_API STOA_CHECKED enum stoa_status stoa_fit(struct stoa_trainer *trainer, const struct stoa_batches *training,
                                                const struct stoa_batches *test, const struct stoa_fit_options *options,
                                                struct stoa_error *error, struct stoa_fit_result *result);

#ifdef __cplusplus
}
#endif
#endif
