/* What the twin's Resize and its backward pass share. */
#ifndef STOA_REFERENCE_RESIZE_H
#define STOA_REFERENCE_RESIZE_H

#include "reference/internal.h"

enum { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };

struct axis {
    double in, out;
    double numerator, denominator; /* a coordinate is divided by the scale: times numerator / denominator */
    double start, end;             /* of the region that is cropped, in parts of the axis */
    bool resized;
};

struct resize {
    size_t mode, transformation, rounding;
    size_t policy; /* keep_aspect_ratio_policy */
    bool crop, exclude_outside, antialias;
    double a, extrapolation; /* cubic_coeff_a */
    struct axis axes[STOA_MAX_RANK];
};

/* Reads attributes and the inputs from `first` on, which is x; dims are the output's. */
STOA_CHECKED enum stoa_status stoa_reference_resize_read(struct reference_run *run, size_t first, struct resize *resize,
                                                         size_t dims[STOA_MAX_RANK]);
/* Where index `index` of the output's axis i lies on the input. */
double stoa_reference_resize_coordinate(const struct resize *resize, size_t i, size_t index);
/* Whether the output has the extrapolation value there, because cropping leaves the input. */
bool stoa_reference_resize_is_outside(const struct resize *resize, size_t rank, const double *c);
/* The elements that a place c of axis i is made of, and their parts; returns how many. */
#define RESIZE_PARTS 512
size_t stoa_reference_resize_parts(const struct resize *resize, size_t i, double c, size_t at[RESIZE_PARTS],
                                   double part[RESIZE_PARTS]);
/* Along how many axes elements are interpolated. */
size_t stoa_reference_resize_axes(const struct resize *resize, size_t rank);

#endif
