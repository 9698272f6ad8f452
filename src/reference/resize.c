/* Resize: nearest and linear, all coordinate transformations but tf_crop_and_resize. Opset 10 knows neither the
 * coordinate attributes nor sizes: its coordinates are asymmetric and cut down.
 *
 * Coordinates are computed with one division, (x + 1/2) * in / out where the output's size is what is given, so that
 * they are exact where they should be: that decides which element is the nearest.
 *
 * Slack: nearest moves elements and is exact. Linear interpolation along r axes has 4 r + 2 roundings of sum |w * x|;
 * and a float coordinate c may be off by 3 * (|c| + 1), which moves the result by what it changes between the
 * coordinates that far to either side. */
#include <math.h>
#include <string.h>

#include "reference/resize.h"

enum { HALF_PIXEL, PYTORCH_HALF_PIXEL, ALIGN_CORNERS, ASYMMETRIC, TF_HALF_PIXEL_FOR_NN };
enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };

double stoa_reference_resize_coordinate(const struct resize *resize, size_t i, size_t index)
{
    const struct axis *axis = &resize->axes[i];
    double x = (double)index;
    switch (resize->transformation) {
    case HALF_PIXEL:
        return (x + 0.5) * axis->numerator / axis->denominator - 0.5;
    case PYTORCH_HALF_PIXEL:
        return axis->out > 1 ? (x + 0.5) * axis->numerator / axis->denominator - 0.5 : 0;
    case ALIGN_CORNERS:
        return axis->out > 1 ? x * (axis->in - 1) / (axis->out - 1) : 0;
    case TF_HALF_PIXEL_FOR_NN:
        return (x + 0.5) * axis->numerator / axis->denominator;
    default:
        return x * axis->numerator / axis->denominator;
    }
}

double stoa_reference_resize_round(size_t rounding, double x)
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

static void nearest(const struct resize *resize, const struct reference_tensor *x, struct reference_tensor *y)
{
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        size_t source = 0;
        for (size_t i = 0; i < x->rank; i++) {
            double place =
                stoa_reference_resize_round(resize->rounding, stoa_reference_resize_coordinate(resize, i, index[i]));
            source = source * x->dims[i] + (size_t)stoa_reference_resize_clamp(place, resize->axes[i].in);
        }
        y->values[at] = x->values[source];
    }
}

/* The multilinear function through the elements of x at c; outside, the elements of the border go on. */
static double interpolate(const struct reference_tensor *x, const double *c, double *magnitude)
{
    size_t low[STOA_MAX_RANK], between[STOA_MAX_RANK], count = 0;
    double part[STOA_MAX_RANK], sum = 0, absolute = 0;
    for (size_t i = 0; i < x->rank; i++) {
        double place = stoa_reference_resize_clamp(c[i], (double)x->dims[i]);
        low[i] = (size_t)place;
        part[i] = place - (double)low[i];
        if (part[i] > 0)
            between[count++] = i;
    }
    for (size_t corner = 0; corner < (size_t)1 << count; corner++) {
        size_t place[STOA_MAX_RANK];
        double weight = 1;
        memcpy(place, low, sizeof place);
        for (size_t k = 0; k < count; k++) {
            bool high = corner >> k & 1;
            place[between[k]] += high;
            weight *= high ? part[between[k]] : 1 - part[between[k]];
        }
        double term = weight * x->values[stoa_reference_offset(x, x->rank, place)];
        sum += term;
        absolute += fabs(term);
    }
    *magnitude = absolute;
    return sum;
}

static void linear(const struct resize *resize, const struct reference_tensor *x, struct reference_tensor *y)
{
    size_t index[STOA_MAX_RANK] = {0}, resized = 0;
    for (size_t i = 0; i < x->rank; i++)
        resized += x->dims[i] != y->dims[i] || resize->axes[i].numerator != resize->axes[i].denominator;
    for (size_t at = 0; at < stoa_reference_count(y); at++, stoa_reference_next(y->rank, y->dims, index)) {
        double c[STOA_MAX_RANK], magnitude, ignored;
        for (size_t i = 0; i < x->rank; i++)
            c[i] = stoa_reference_resize_coordinate(resize, i, index[i]);
        double value = interpolate(x, c, &magnitude), drift = 0;
        for (size_t i = 0; i < x->rank; i++) {
            if (x->dims[i] == y->dims[i] && resize->axes[i].numerator == resize->axes[i].denominator)
                continue;
            double here = c[i], reach = 3 * (fabs(here) + 1) * 0x1p-24;
            c[i] = here - reach;
            drift += fabs(interpolate(x, c, &ignored) - value);
            c[i] = here + reach;
            drift += fabs(interpolate(x, c, &ignored) - value);
            c[i] = here;
        }
        y->values[at] = value;
        y->slack[at] = resized ? (double)(4 * resized + 2) * magnitude + drift * 0x1p24 : 0;
    }
}

double stoa_reference_resize_clamp(double x, double in)
{
    return x < 0 ? 0 : x > in - 1 ? in - 1 : x;
}

/* Output dims and the way of coordinates, from scales or sizes. */
static enum stoa_status measure(struct reference_run *run, const struct reference_tensor *x, size_t first,
                                struct resize *resize, size_t dims[STOA_MAX_RANK])
{
    bool old = run->call->opset < 11;
    const struct reference_tensor *scales = stoa_reference_input(run, first + (old ? 1 : 2));
    const struct reference_tensor *sizes = old ? NULL : stoa_reference_input(run, first + 3);
    bool by_size = sizes && stoa_reference_count(sizes) > 0;
    const struct reference_tensor *given = by_size ? sizes : scales;
    if (!given || stoa_reference_count(given) != x->rank)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "neither scales nor sizes has one value for each of %zu axes",
                         x->rank);
    for (size_t i = 0; i < x->rank; i++) {
        struct axis *axis = &resize->axes[i];
        double value = given->values[i];
        if (!(value > 0) || value > INT32_MAX)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "%s[%zu] is %g", by_size ? "sizes" : "scales", i, value);
        axis->in = (double)x->dims[i];
        axis->out = by_size ? value : floor(axis->in * value);
        axis->numerator = by_size ? axis->in : 1;
        axis->denominator = value;
        if (axis->out > INT32_MAX || (axis->out > 0 && axis->in == 0))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "axis %zu cannot go from %g to %g elements", i, axis->in,
                             axis->out);
        dims[i] = (size_t)axis->out;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_resize_read(struct reference_run *run, size_t first, struct resize *resize,
                                            size_t dims[STOA_MAX_RANK])
{
    static const char *const modes[] = {"nearest", "linear", "cubic", NULL};
    static const char *const transformations[] = {"half_pixel", "pytorch_half_pixel",   "align_corners",
                                                  "asymmetric", "tf_half_pixel_for_nn", "tf_crop_and_resize",
                                                  NULL};
    static const char *const roundings[] = {"round_prefer_floor", "round_prefer_ceil", "floor", "ceil", NULL};
    const struct reference_tensor *x = stoa_reference_input(run, first);
    *resize = (struct resize){.transformation = ASYMMETRIC, .rounding = FLOOR};
    size_t mode = stoa_read_choice(&run->reader, "mode", modes);
    if (run->call->opset >= 11) {
        resize->transformation = stoa_read_choice(&run->reader, "coordinate_transformation_mode", transformations);
        resize->rounding = stoa_read_choice(&run->reader, "nearest_mode", roundings);
    }
    STOA_TRY(run->reader.status);
    if (mode > 1 || resize->transformation > TF_HALF_PIXEL_FOR_NN)
        return stoa_fail(run->error, STOA_ERROR_UNSUPPORTED, "mode %s, coordinate_transformation_mode %s", modes[mode],
                         transformations[resize->transformation]);
    resize->nearest = mode == 0;
    return measure(run, x, first, resize, dims);
}

enum stoa_status stoa_reference_resize(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct resize resize;
    size_t dims[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_resize_read(run, 0, &resize, dims));
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    if (resize.nearest)
        nearest(&resize, x, y);
    else
        linear(&resize, x, y);
    return STOA_OK;
}
