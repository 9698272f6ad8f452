/* Checking gradients: whether what training computes is the derivative of the loss. */
#ifndef STOA_GRADIENT_H
#define STOA_GRADIENT_H

#include <stddef.h>
#include <stdint.h>
#include <stoa/loss.h>
#include <stoa/model.h>
#include <stoa/session.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One parameter, compared. Numeric is a difference quotient of the naive twin's loss in double, analytic what the
 * twin's backward pass says; differences count relative to the largest element of the parameter's gradient. */
struct stoa_gradient_info {
    const char *name; /* of the parameter or input in the model */
    size_t rank;
    size_t dims[STOA_MAX_RANK];
    size_t elements, tried;
    size_t kinks; /* of those tried: so close to a kink, such as Relu's at 0, that there is no derivative to compare */
    double worst; /* the largest relative difference */
    size_t worst_index;
    double numeric, analytic; /* there */
    int passed;
    size_t reserved[4];
};

struct stoa_gradient_options {
    enum stoa_loss loss;
    double label_smoothing, margin;             /* as for trainers */
    const struct stoa_session_options *session; /* null: defaults; input specs and how the engine runs */
    const char *const *frozen;                  /* as for trainers */
    size_t frozen_count;
    int inputs;       /* check the gradients of the model's float inputs, too */
    size_t samples;   /* elements tried of each parameter; 0: 16 */
    double tolerance; /* 0: 1e-6 */
    uint64_t seed;    /* of inputs, labels and the choice of elements */
    /* Called for each parameter, in order; may be null. */
    void (*parameter)(void *user, const struct stoa_gradient_info *info);
    void *user;
    size_t reserved[8]; /* zeros (stoa.h) */
};

/* Two steps. First the twin alone: for some elements of each parameter its gradient against a difference quotient of
 * fourth order. Then the engine against the twin: one training pass, forward and backward, judged operator by operator
 * as by stoa_verify. Inputs that have no value fixed by the session's options are seeded normal random numbers, labels
 * random too. STOA_ERROR_MISMATCH names the parameter or node that diverges first, or a parameter more than half of
 * whose tried elements are kinks. Takes four forward passes of the naive twin for each element tried, twelve
 * where kinks are near: meant for small images. Options may be null. */
STOA_API STOA_CHECKED enum stoa_status stoa_gradient_check(const struct stoa_model *model,
                                                           const struct stoa_gradient_options *options,
                                                           struct stoa_error *error);

/* Gradients of any value, for those who ask what a network looks at. */
struct stoa_gradient_model_options {
    const char *value;     /* whose; null: the first output, or the scores that a Softmax makes it of */
    const char *const *of; /* of_count names: with regard to which inputs and computed values */
    size_t of_count;       /* 0: no gradients */
    int deconvolution;     /* what the deconvolutional network makes of the signal, instead of gradients: see below */
    size_t reserved[8];    /* zeros (stoa.h) */
};

/* *gradient = a model with one input more than `model`, behind its own: what the gradient begins with, of the value's
 * type and dims, which sessions must be told (1 for an element asks for the gradient of that element). It has no such
 * input without `of`. Outputs are the value; the gradient of each name in `of`, in their order; and those among the
 * latter that are no inputs, in their order. Operators do what they do in inference. The model is borrowed: it must
 * outlive *gradient. UNSUPPORTED, with the node's name, where no gradient passes. Options may be null. On failure
 * *gradient is null.
 *
 * With `deconvolution` a signal goes back as in Zeiler and Fergus (Visualizing and Understanding Convolutional
 * Networks, 2013): rectifiers of any kind rectify it, whatever they let through on the way there; max pooling undoes
 * itself by where its maxima came from (switches); convolutions apply their filters transposed, norms with constants
 * their scale; local response normalisation lets it pass as it is; all others do what they do to gradients. */
STOA_API STOA_CHECKED enum stoa_status stoa_gradient_model(const struct stoa_model *model,
                                                           const struct stoa_gradient_model_options *options,
                                                           struct stoa_error *error, struct stoa_model **gradient);

#ifdef __cplusplus
}
#endif
#endif
