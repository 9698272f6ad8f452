/* What the twin's Resize and its backward pass share. */
#ifndef STOA_REFERENCE_RESIZE_H
#define STOA_REFERENCE_RESIZE_H

#include "reference/internal.h"

struct axis {
    double in, out;
    double numerator, denominator; /* a coordinate is divided by the scale: times numerator / denominator */
};

struct resize {
    bool nearest;
    size_t transformation, rounding;
    struct axis axes[STOA_MAX_RANK];
};

/* Reads attributes and the inputs from `first` on, which is x; dims are the output's. */
STOA_CHECKED enum stoa_status stoa_reference_resize_read(struct reference_run *run, size_t first, struct resize *resize,
                                                         size_t dims[STOA_MAX_RANK]);
/* Where index `index` of the output's axis i lies on the input. */
double stoa_reference_resize_coordinate(const struct resize *resize, size_t i, size_t index);
double stoa_reference_resize_round(size_t rounding, double x);
double stoa_reference_resize_clamp(double x, double in);

#endif
