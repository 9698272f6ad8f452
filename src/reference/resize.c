/* Resize and Upsample as their definitions have them: nearest, linear, cubic. Opset 10 and Upsample know neither the
 * coordinate attributes nor sizes: their coordinates are asymmetric and cut down.
 *
 * Coordinates are computed with one division, (x + 1/2) * in / out where the output's size is what is given, so that
 * they are exact where they should be: that decides which element is the nearest. A given scale is a float, and so is
 * what decides by it.
 *
 * Slack: nearest moves elements and is exact. Interpolation along r axes has 4 r + 2 roundings of sum |w * x| (cubic
 * ones 8 r, the weights being polynomials) or one for each term if that is more; and a float coordinate c may be off by
 * 3 * (|c| + 1), which moves the result by what it changes between the coordinates that far to either side. */
#include <math.h>
#include <string.h>

#include "reference/resize.h"

enum {
    HALF_PIXEL,
    PYTORCH_HALF_PIXEL,
    ALIGN_CORNERS,
    ASYMMETRIC,
    TF_HALF_PIXEL_FOR_NN,
    TF_CROP_AND_RESIZE,
    HALF_PIXEL_SYMMETRIC
};
enum { STRETCH, NOT_LARGER, NOT_SMALLER };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };

/* place by the scale, less `shift`. */
static double by_scale(const struct resize *resize, const struct axis *axis, double place, double shift)
{
    if (resize->mode == RESIZE_NEAREST && axis->numerator == 1) {
        float quotient = (float)place / (float)axis->denominator;
        return (double)(quotient - (float)shift);
    }
    return place * axis->numerator / axis->denominator - shift;
}

double stoa_reference_resize_coordinate(const struct resize *resize, size_t i, size_t index)
{
    const struct axis *axis = &resize->axes[i];
    double x = (double)index, last = axis->in - 1;
    switch (resize->transformation) {
    case HALF_PIXEL:
        return by_scale(resize, axis, x + 0.5, 0.5);
    case PYTORCH_HALF_PIXEL:
        return axis->out > 1 ? by_scale(resize, axis, x + 0.5, 0.5) : 0;
    case ALIGN_CORNERS:
        return axis->out > 1 ? x * last / (axis->out - 1) : 0;
    case TF_HALF_PIXEL_FOR_NN:
        return !axis->resized ? x : by_scale(resize, axis, x + 0.5, 0);
    case HALF_PIXEL_SYMMETRIC: /* the definition's, with the middles of both on each other */
        return last / 2 + (x - (axis->out - 1) / 2) * axis->numerator / axis->denominator;
    case TF_CROP_AND_RESIZE:
        return axis->out > 1 ? axis->start * last + x * (axis->end - axis->start) * last / (axis->out - 1)
                             : 0.5 * (axis->start + axis->end) * last;
    default:
        return by_scale(resize, axis, x, 0);
    }
}

bool stoa_reference_resize_is_outside(const struct resize *resize, size_t rank, const double *c)
{
    for (size_t i = 0; resize->crop && i < rank; i++)
        if (c[i] < 0 || c[i] > resize->axes[i].in - 1)
            return true;
    return false;
}

static double round_to(size_t rounding, double x)
{
    switch (rounding) {
    case ROUND_PREFER_FLOOR:
        return ceil(x - 0.5);
    case ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case FLOOR:
        return floor(x);
    default:
        return ceil(x);
    }
}

static size_t clamp(double x, double in)
{
    return (size_t)(x < 0 ? 0 : x > in - 1 ? in - 1 : x);
}

/* The weight of an element that lies so far from the place, by the definition of cubic convolution. */
static double cubic(double a, double distance)
{
    double d = fabs(distance);
    if (d <= 1)
        return (a + 2) * d * d * d - (a + 3) * d * d + 1;
    return d < 2 ? a * d * d * d - 5 * a * d * d + 8 * a * d - 4 * a : 0;
}

/* How many elements one of the output stands for, where antialiasing widens what interpolates. */
static double wide(const struct resize *resize, size_t i)
{
    const double ratio = resize->axes[i].numerator / resize->axes[i].denominator;
    return resize->antialias && resize->mode != RESIZE_NEAREST && ratio > 1 ? ratio : 1;
}

size_t stoa_reference_resize_parts(const struct resize *resize, size_t i, double c, size_t at[RESIZE_PARTS],
                                   double part[RESIZE_PARTS])
{
    const double in = resize->axes[i].in, by = wide(resize, i);
    if (resize->mode == RESIZE_NEAREST) {
        at[0] = clamp(round_to(resize->rounding, c), in);
        part[0] = 1;
        return 1;
    }
    const double reach = ceil((resize->mode == RESIZE_LINEAR ? 1 : 2) * by), first = floor(c) + 1 - reach;
    const size_t count = (size_t)(2 * reach);
    double sum = 0;
    for (size_t k = 0; k < count; k++) {
        double place = first + (double)k, d = (c - place) / by;
        part[k] = resize->mode == RESIZE_LINEAR ? fmax(1 - fabs(d), 0) : cubic(resize->a, d);
        if (resize->exclude_outside && (place < 0 || place > in - 1))
            part[k] = 0;
        at[k] = clamp(place, in);
        sum += part[k];
    }
    for (size_t k = 0; (resize->exclude_outside || by > 1) && sum != 0 && k < count; k++)
        part[k] /= sum;
    return count;
}

size_t stoa_reference_resize_axes(const struct resize *resize, size_t rank)
{
    size_t count = 0;
    for (size_t i = 0; i < rank && resize->mode != RESIZE_NEAREST; i++)
        count += resize->axes[i].resized;
    return count;
}

/* The sum over all combinations of the parts along axis i and later ones, for the elements whose indices along earlier
 * axes give `offset`. */
static double interpolate(const struct resize *resize, const struct reference_tensor *x, const double *c, size_t i,
                          size_t offset, double *magnitude)
{
    if (i == x->rank) {
        *magnitude = fabs(x->values[offset]);
        return x->values[offset];
    }
    double part[RESIZE_PARTS], sum = 0;
    size_t at[RESIZE_PARTS], count = stoa_reference_resize_parts(resize, i, c[i], at, part);
    *magnitude = 0;
    for (size_t k = 0; k < count; k++) {
        if (part[k] == 0)
            continue;
        double within, value = interpolate(resize, x, c, i + 1, offset * x->dims[i] + at[k], &within);
        sum += part[k] * value;
        *magnitude += fabs(part[k]) * within;
    }
    return sum;
}

/* What the result changes by when coordinates are off as floats are. */
static double drift(const struct resize *resize, const struct reference_tensor *x, double *c, double value)
{
    double sum = 0, ignored;
    for (size_t i = 0; i < x->rank; i++) {
        if (!resize->axes[i].resized)
            continue;
        double here = c[i], reach = 3 * (fabs(here) + 1) * 0x1p-24;
        c[i] = here - reach;
        sum += fabs(interpolate(resize, x, c, 0, 0, &ignored) - value);
        c[i] = here + reach;
        sum += fabs(interpolate(resize, x, c, 0, 0, &ignored) - value);
        c[i] = here;
    }
    return sum * 0x1p24;
}

/* places[i]: which of the `count` values of scales and sizes is axis i's; count: none is, it stays as it is. */
static enum stoa_status place_axes(struct reference_run *run, size_t rank, size_t places[STOA_MAX_RANK], size_t *count)
{
    struct reference_list axes = {.present = false};
    bool seen[STOA_MAX_RANK];
    if (run->call->opset >= 18)
        STOA_TRY(stoa_reference_list(run, 0, "axes", &axes));
    STOA_TRY(stoa_reference_axes(run, &axes, rank, seen));
    *count = axes.count ? axes.count : rank;
    for (size_t i = 0; i < rank; i++)
        places[i] = axes.count ? *count : i;
    for (size_t i = 0; i < axes.count; i++) {
        size_t axis;
        STOA_TRY(stoa_reference_axis(run, axes.items[i], rank, false, &axis));
        places[axis] = i;
    }
    return STOA_OK;
}

/* Gives all axes that have sizes the least (largest) of their scales; sizes are then rounded, as floats are. */
static void keep_ratio(struct resize *resize, size_t rank, const size_t *places, size_t count,
                       size_t dims[STOA_MAX_RANK])
{
    const struct axis *rules = NULL;
    for (size_t i = 0; i < rank && resize->policy != STRETCH; i++) {
        const struct axis *axis = &resize->axes[i];
        if (places[i] == count)
            continue;
        double more = rules ? axis->out * rules->in - rules->out * axis->in : 0;
        if (!rules || (resize->policy == NOT_LARGER ? more < 0 : more > 0))
            rules = axis;
    }
    if (!rules)
        return;
    const double from = rules->in, to = rules->out;
    for (size_t i = 0; i < rank; i++) {
        struct axis *axis = &resize->axes[i];
        if (places[i] == count)
            continue;
        axis->numerator = from;
        axis->denominator = to;
        axis->out = floor((double)((float)to / (float)from * (float)axis->in) + 0.5);
        axis->resized = axis->in != axis->out || from != to || resize->crop;
        dims[i] = (size_t)axis->out;
    }
}

/* Output dims and the way of coordinates, from scales or sizes. */
static enum stoa_status measure(struct reference_run *run, const struct reference_tensor *x, size_t first,
                                struct resize *resize, size_t dims[STOA_MAX_RANK])
{
    bool old = run->call->opset < 11;
    float listed[STOA_MAX_RANK];
    size_t listed_count = run->call->opset < 9 ? stoa_read_floats(&run->reader, "scales", STOA_MAX_RANK, listed) : 0;
    const struct reference_tensor *scales = stoa_reference_input(run, first + (old ? 1 : 2));
    const struct reference_tensor *sizes = old ? NULL : stoa_reference_input(run, first + 3);
    bool by_size = sizes && stoa_reference_count(sizes) > 0;
    const struct reference_tensor *given = by_size ? sizes : scales, *roi = NULL;
    size_t places[STOA_MAX_RANK], count;
    STOA_TRY(place_axes(run, x->rank, places, &count));
    if (listed_count != x->rank && (!given || stoa_reference_count(given) != count))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "neither scales nor sizes has one value for each of %zu axes",
                         count);
    if (resize->crop) {
        roi = stoa_reference_input(run, first + 1);
        if (!roi || stoa_reference_count(roi) != 2 * count)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "roi has not two values for each of %zu axes", count);
    }
    for (size_t i = 0; i < x->rank; i++) {
        struct axis *axis = &resize->axes[i];
        const size_t place = places[i];
        double value = listed_count    ? (double)listed[i]
                       : place < count ? given->values[place]
                       : by_size       ? (double)x->dims[i]
                                       : 1;
        axis->start = roi && place < count ? roi->values[place] : 0;
        axis->end = roi && place < count ? roi->values[count + place] : 1;
        if (!(value > 0) || value > INT32_MAX)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "%s[%zu] is %g", by_size ? "sizes" : "scales", i, value);
        axis->in = (double)x->dims[i];
        /* Scales are floats, and sizes by them are products of floats. */
        axis->out = by_size ? value
                    : axis->in <= 0x1p24
                        ? floor((double)((float)axis->in * (float)(axis->end - axis->start) * (float)value))
                        : floor(axis->in * (axis->end - axis->start) * value);
        axis->numerator = by_size ? axis->in : 1;
        axis->denominator = value;
        axis->resized = axis->in != axis->out || axis->numerator != axis->denominator || resize->crop;
        if (!(axis->out >= 0) || axis->out > INT32_MAX || (axis->out > 0 && axis->in == 0))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "axis %zu cannot go from %g to %g elements", i, axis->in,
                             axis->out);
        dims[i] = (size_t)axis->out;
    }
    if (by_size)
        keep_ratio(resize, x->rank, places, count, dims);
    return STOA_OK;
}

enum stoa_status stoa_reference_resize_read(struct reference_run *run, size_t first, struct resize *resize,
                                            size_t dims[STOA_MAX_RANK])
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const transformations[] = {
        "half_pixel",           "pytorch_half_pixel", "align_corners",        "asymmetric",
        "tf_half_pixel_for_nn", "tf_crop_and_resize", "half_pixel_symmetric", NULL};
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller", NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, first);
    *resize = (struct resize){.transformation = ASYMMETRIC, .rounding = FLOOR};
    resize->mode = stoa_read_choice(&run->reader, "mode", modes);
    if (run->call->opset >= 11) {
        resize->transformation = stoa_read_choice(&run->reader, "coordinate_transformation_mode", transformations);
        resize->rounding = stoa_read_choice(&run->reader, "nearest_mode", roundings);
        resize->a = (double)stoa_read_float(&run->reader, "cubic_coeff_a", -0.75f);
        resize->extrapolation = (double)stoa_read_float(&run->reader, "extrapolation_value", 0);
        resize->exclude_outside = stoa_read_int(&run->reader, "exclude_outside", 0, 0, 1);
    }
    if (run->call->opset >= 18) {
        resize->policy = stoa_read_choice(&run->reader, "keep_aspect_ratio_policy", policies);
        resize->antialias = stoa_read_int(&run->reader, "antialias", 0, 0, 1);
    }
    STOA_TRY(run->reader.status);
    resize->crop = resize->transformation == TF_CROP_AND_RESIZE;
    STOA_TRY(measure(run, x, first, resize, dims));
    for (size_t i = 0; i < x->rank; i++)
        if (2 * ceil((resize->mode == RESIZE_LINEAR ? 1 : 2) * wide(resize, i)) > RESIZE_PARTS)
            return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "axis %zu becomes too short to be antialiased", i);
    return STOA_OK;
}

enum stoa_status stoa_reference_resize(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct resize resize;
    size_t dims[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_resize_read(run, 0, &resize, dims));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    const size_t axes = stoa_reference_resize_axes(&resize, x->rank);
    const bool is_cubic = resize.mode == RESIZE_CUBIC;
    double terms = 1;
    for (size_t i = 0; i < x->rank; i++)
        terms *= resize.axes[i].resized ? 2 * ceil((is_cubic ? 2 : 1) * wide(&resize, i)) : 1;
    const double roundings = fmax((is_cubic ? 8 : 4) * (double)axes, terms) + 2;
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        double c[STOA_MAX_RANK], magnitude;
        for (size_t i = 0; i < x->rank; i++)
            c[i] = stoa_reference_resize_coordinate(&resize, i, index[i]);
        if (stoa_reference_resize_is_outside(&resize, x->rank, c)) {
            y->values[at] = resize.extrapolation;
            continue;
        }
        y->values[at] = interpolate(&resize, x, c, 0, 0, &magnitude);
        if (axes)
            y->slack[at] = roundings * magnitude + drift(&resize, x, c, y->values[at]);
    }
    return STOA_OK;
}
