/* What normalisation and its backward pass share. */
#ifndef STOA_OPS_NORM_H
#define STOA_OPS_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "kernels/activation.h"
#include "ops/op.h"
#include "ops/walk.h"

enum { X, SCALE, BIAS, MEAN, VARIANCE }; /* inputs of BatchNormalization; InstanceNormalization has the first three */

/* Outputs of BatchNormalization in training; the last is the reciprocal of the deviation, or the variance. */
enum { Y, NEW_MEAN, NEW_VARIANCE, SAVED_MEAN, SAVED_SCALE };

/* Inputs of backward passes: then the scale, and of BatchNormalization the mean and the variance or, in training, the
 * reciprocal of the deviation. */
enum { DY, OF_X, OF_SCALE, OF_MEAN, OF_VARIANCE };

struct norm_params {
    float epsilon;
    /* BatchNormalization */
    float momentum;
    bool training;       /* by the input's own statistics */
    bool saves_variance; /* as the last output */
};

/* The attribute, checked. */
float stoa_norm_epsilon(struct attribute_reader *reader);
STOA_CHECKED enum stoa_status stoa_instance_norm_parse(struct attribute_reader *reader, void *params);
/* Output 0 like X; all other inputs are one number a channel. */
STOA_CHECKED enum stoa_status stoa_norm_infer(const struct op_call *call, struct stoa_error *error);

/* BatchNormalization in training. */
STOA_CHECKED enum stoa_status stoa_norm_training_infer(const struct op_call *call, struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_norm_training_prepare(struct op_call *call, const struct op_prepare *prepare,
                                                         struct stoa_error *error);
STOA_CHECKED enum stoa_status stoa_norm_training_run(const struct op_call *call, const struct op_run *run,
                                                     struct stoa_error *error);
/* Channel c of an output of one number a channel, if it is there. */
void stoa_norm_write(const struct op_call *call, size_t output, size_t c, double value);

struct norm {
    const float *x;
    float *y;
    const float *scale, *bias, *mean; /* of each channel; scale is the whole factor when mean is there */
    float epsilon;
    struct activation activation;
};

/* y <- activation((x - mean) * scale + bias) over a unit, whose first lane the last three begin with. */
void stoa_normalise(const struct norm *norm, const struct walk *walk, const struct walk_unit *unit, const float *mean,
                    const float *scale, const float *bias);
/* The mean and variance of each lane of a unit that has all of its elements. */
void stoa_norm_moments(const float *x, const struct walk *walk, const struct walk_unit *unit, float *mean,
                       float *variance);

/* Of a backward pass: output 0 like X, the others like the scale. */
STOA_CHECKED enum stoa_status stoa_norm_backward_infer(const struct op_call *call, struct stoa_error *error);
/* The walk of X, dY and dX where a channel of an image is a lane of its own. */
void stoa_norm_backward_plan(const struct op_call *call, bool elementwise, struct walk *walk);
/* Adds a unit's sums of dy and dy * (x - mean) to what is there, which begins with the unit's first lane. */
void stoa_norm_add_sums(const float *x, const float *dy, const struct walk *walk, const struct walk_unit *unit,
                        const float *mean, double *sums, double *products);

#endif
