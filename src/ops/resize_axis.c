/* Where along an axis each output index of Resize comes from.
 *
 * Coordinates follow ONNX's formulas in double, with the scale as a fraction, so that they are exact where sizes are
 * given. Which element is the nearest by a scale that is a float is as floats divide: 1 by a third is 3, in double a
 * little less, and its floor another element. Opset 10 (and Upsample before it) states no formula; what exporters meant
 * by it is asymmetric, cut down. */
#include <math.h>

#include "ops/resize.h"

enum { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, FLOOR, CEIL };

/* x by the scale, less `shift`. */
static double unscaled(const struct resize_params *params, const struct resize_stretch *stretch, double x, double shift)
{
    if (params->mode == RESIZE_NEAREST && stretch->denominator == 1)
        return (double)((float)x / (float)stretch->numerator - (float)shift);
    return x * stretch->denominator / stretch->numerator - shift;
}

/* The place in the input that output index i stands for. */
static double coordinate(const struct resize_params *params, size_t i, double in, double out,
                         const struct resize_stretch *stretch)
{
    const double x = (double)i, start = stretch->start, end = stretch->end;
    switch (params->coordinates) {
    case RESIZE_HALF_PIXEL:
        return unscaled(params, stretch, x + 0.5, 0.5);
    case RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? unscaled(params, stretch, x + 0.5, 0.5) : 0;
    case RESIZE_ALIGN_CORNERS:
        return out > 1 ? x * (in - 1) / (out - 1) : 0;
    case RESIZE_TF_HALF_PIXEL_FOR_NN: /* it would shift axes that stay as they are */
        return stretch->numerator == stretch->denominator ? x : unscaled(params, stretch, x + 0.5, 0);
    case RESIZE_HALF_PIXEL_SYMMETRIC: /* what is lost or gained by a whole number of elements is so at both ends */
        return in / 2 - 0.5 + (x + 0.5 - out / 2) * stretch->denominator / stretch->numerator;
    case RESIZE_CROP:
        return out > 1 ? start * (in - 1) + x * (end - start) * (in - 1) / (out - 1) : 0.5 * (start + end) * (in - 1);
    default:
        return unscaled(params, stretch, x, 0);
    }
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

static double clamp(double x, double last)
{
    return x < 0 ? 0 : x > last ? last : x;
}

/* How many elements of the input stand for one of the output, where it is antialiased. */
static double spread(const struct resize_params *params, const struct resize_stretch *stretch)
{
    bool wide = params->antialias && stretch->numerator < stretch->denominator;
    return wide ? stretch->denominator / stretch->numerator : 1;
}

size_t stoa_resize_taps(const struct resize_params *params, const struct resize_stretch *stretch)
{
    if (params->mode == RESIZE_NEAREST)
        return 1;
    double each = ceil((params->mode == RESIZE_LINEAR ? 1 : 2) * spread(params, stretch));
    return 2 * (size_t)(each < RESIZE_MOST_TAPS ? each : RESIZE_MOST_TAPS);
}

/* Keys' convolution kernel at the four elements around a place `part` beyond the second (Keys: Cubic convolution
 * interpolation for digital image processing, 1981), with its parameter a. */
static void cubic_weights(double a, double part, double weights[4])
{
    const double near[2] = {part, 1 - part};
    for (size_t i = 0; i < 2; i++) {
        double d = near[i], e = 1 + d;
        weights[1 + i] = ((a + 2) * d - (a + 3)) * d * d + 1;
        weights[3 * i] = ((a * e - 5 * a) * e + 8 * a) * e - 4 * a;
    }
}

/* Beyond the edge the border goes on, or with exclude_outside nothing does and the others make up for it. */
static void trace_cubic(const struct resize_params *params, double place, double last, size_t *from, float *weights)
{
    double exact[4], sum = 0, low = floor(place);
    cubic_weights((double)params->cubic_a, place - low, exact);
    for (size_t t = 0; t < 4; t++) {
        double at = low - 1 + (double)t;
        if (params->exclude_outside && (at < 0 || at > last))
            exact[t] = 0;
        from[t] = (size_t)clamp(at, last);
        sum += exact[t];
    }
    for (size_t t = 0; t < 4; t++)
        weights[t] = (float)(params->exclude_outside ? exact[t] / sum : exact[t]);
}

static void trace_linear(double place, double last, size_t *from, float *weights)
{
    place = clamp(place, last);
    from[0] = (size_t)place;
    weights[1] = (float)(place - floor(place));
    weights[0] = 1 - weights[1];
    from[1] = from[0] + (weights[1] > 0);
}

/* Antialiased: the kernel is as much wider as the input is longer, and its weights are made to sum up to 1. */
static void trace_wide(const struct resize_params *params, double wide, double place, double last, size_t taps,
                       size_t *from, float *weights)
{
    const double first = floor(place) + 1 - (double)(taps / 2), a = (double)params->cubic_a;
    double sum = 0;
    for (size_t pass = 0; pass < 2; pass++)
        for (size_t t = 0; t < taps; t++) {
            double at = first + (double)t, d = fabs(at - place) / wide;
            double weight = d < 1 ? 1 - d : 0;
            if (params->mode == RESIZE_CUBIC)
                weight = d < 1   ? ((a + 2) * d - (a + 3)) * d * d + 1
                         : d < 2 ? ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
                                 : 0;
            if (params->exclude_outside && (at < 0 || at > last))
                weight = 0;
            from[t] = (size_t)clamp(at, last);
            weights[t] = pass ? (float)(weight / sum) : 0;
            sum += pass ? 0 : weight;
        }
}

static void trace_nearest(size_t rounding, double place, double last, size_t *from, float *weights)
{
    *from = (size_t)clamp(round_to(rounding, place), last);
    *weights = 1;
}

/* Whether index i is input index i and nothing else. */
static bool stays(const struct resize_axis *axis, size_t i)
{
    if (axis->outside && axis->outside[i])
        return false;
    for (size_t t = 0; t < axis->taps; t++) {
        size_t at = i * axis->taps + t;
        if (axis->weights[at] != 0 && (axis->from[at] != i || axis->weights[at] != 1))
            return false;
    }
    return true;
}

bool stoa_resize_trace(const struct resize_params *params, const struct resize_stretch *stretch,
                       struct resize_axis *axis)
{
    bool moved = axis->in != axis->out;
    const double in = (double)axis->in, last = in - 1;
    for (size_t i = 0; i < axis->out; i++) {
        double place = coordinate(params, i, in, (double)axis->out, stretch);
        size_t *from = axis->from + i * axis->taps;
        float *weights = axis->weights + i * axis->taps;
        if (axis->outside)
            axis->outside[i] = place < 0 || place > last;
        if (spread(params, stretch) > 1 && params->mode != RESIZE_NEAREST)
            trace_wide(params, spread(params, stretch), place, last, axis->taps, from, weights);
        else if (params->mode == RESIZE_CUBIC)
            trace_cubic(params, place, last, from, weights);
        else if (params->mode == RESIZE_LINEAR)
            trace_linear(place, last, from, weights);
        else
            trace_nearest(params->rounding, place, last, from, weights);
        moved = moved || !stays(axis, i);
    }
    return moved;
}
