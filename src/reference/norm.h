/* What the twin's normalisations by statistics of their own share. */
#ifndef STOA_REFERENCE_NORM_H
#define STOA_REFERENCE_NORM_H

#include "reference/internal.h"

/* The elements of a channel, of one image or of all. */
struct lane {
    size_t first, images, image_step, pixels;
};

size_t stoa_reference_lane_place(const struct lane *lane, size_t k);
size_t stoa_reference_channel_count(const struct reference_tensor *x);
/* Channel c of all images. */
struct lane stoa_reference_whole_channel(const struct reference_tensor *x, size_t c);
/* Inputs first to last have one number for each channel. */
STOA_CHECKED enum stoa_status stoa_reference_check_channels(struct reference_run *run, size_t first, size_t last,
                                                            size_t channels);

/* The mean of K elements in float is off by mean_error = (K + 1) * mean |x|; the variance, from deviations d that
 * inherit it, by (K + 6) * variance + 2 mean_error * mean |d| + u mean_error^2; the reciprocal r of the deviation by
 * r * (variance_error / (2 (variance + epsilon)) + 4). */
struct moments {
    double count, mean, variance, reciprocal, mean_error, variance_error, reciprocal_error;
};

struct moments stoa_reference_measure(const double *x, const struct lane *lane, double epsilon);

/* What GroupNormalization's attributes say. */
struct group_norm {
    double epsilon;
    size_t groups, size; /* channels of a group */
    bool by_group;       /* scale and bias: before opset 21 */
};
/* Reads them; x must be images whose channels fall into so many groups. */
STOA_CHECKED enum stoa_status stoa_reference_group_norm_read(struct reference_run *run,
                                                             const struct reference_tensor *x, struct group_norm *norm);
/* Element i of the tensor; null: nobody wants it. */
void stoa_reference_put(struct reference_tensor *tensor, size_t i, double value, double slack);

#endif
