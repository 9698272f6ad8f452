/* What GroupNormalization and its backward pass share. */
#ifndef STOA_OPS_GROUP_NORM_H
#define STOA_OPS_GROUP_NORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stoa/status.h>

#include "base/attributes.h"
#include "base/pool.h"
#include "ops/walk.h"

struct group_norm_params {
    float epsilon;
    size_t groups;
    bool by_group; /* scale and bias */
};

STOA_CHECKED enum stoa_status stoa_group_norm_parse(struct attribute_reader *reader, void *params);
/* Of a walk whose units have all of their lanes, which are channels: the mean and the variance of each channel of each
 * image of x, [images][channels]. */
void stoa_group_norm_moments(const float *x, const struct walk *walk, struct pool *pool, float *mean, float *variance);
/* The mean and the variance of `count` channels of as many elements that have these. */
void stoa_group_norm_join(size_t count, const float *means, const float *variances, double *mean, double *variance);

#endif
