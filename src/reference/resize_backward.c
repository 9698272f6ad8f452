/* Backward Resize: each output element gives its gradient to the elements it was made of, in their parts.
 *
 * Slack: an element that n outputs read is off by n roundings of the sum's magnitude; with linear interpolation along r
 * axes parts are off by 4 r + 2 of 1 (cubic ones by 12 r), and by 3 * (|c| + 1) for those who compute the coordinate c
 * in float. */
#include <math.h>

#include "base/memory.h"
#include "reference/resize.h"

/* Where an output element's gradient goes. */
struct spread {
    const struct resize *resize;
    const struct reference_tensor *x;
    struct reference_tensor *dx;
    double *counts; /* for each element of dx: how many parts, and their magnitude */
    double drift;
};

/* Gives `part` of a gradient to the elements that c is made of along axis i and later ones. */
static void give(const struct spread *spread, const double *c, size_t i, size_t offset, double part, double gradient)
{
    const struct reference_tensor *x = spread->x;
    if (i == x->rank) {
        spread->dx->values[offset] += part * gradient;
        spread->dx->slack[offset] += spread->drift * fabs(gradient);
        spread->counts[2 * offset]++;
        spread->counts[2 * offset + 1] += fabs(part * gradient);
        return;
    }
    size_t at[RESIZE_PARTS];
    double parts[RESIZE_PARTS];
    size_t count = stoa_reference_resize_parts(spread->resize, i, c[i], at, parts);
    for (size_t k = 0; k < count; k++)
        if (parts[k] != 0)
            give(spread, c, i + 1, offset * x->dims[i] + at[k], part * parts[k], gradient);
}

enum stoa_status stoa_reference_resize_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    struct resize resize;
    size_t dims[STOA_MAX_RANK], index[STOA_MAX_RANK] = {0};
    STOA_TRY(stoa_reference_resize_read(run, 1, &resize, dims));
    for (size_t i = 0; i < x->rank; i++)
        if (dy->rank != x->rank || dy->dims[i] != dims[i])
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 does not have the dims of the output");
    struct reference_tensor *dx;
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    double *counts; /* n and the magnitude of each sum */
    size_t count = stoa_reference_count(x);
    STOA_TRY(stoa_allocate(run->allocator, 2 * count, sizeof *counts, run->error, &counts));
    struct spread spread = {.resize = &resize, .x = x, .dx = dx, .counts = counts};
    const double roundings = resize.mode == RESIZE_CUBIC ? 12 : 6;
    for (size_t o = 0; o < stoa_reference_count(dy); o++, stoa_reference_next(dy->rank, dy->dims, index)) {
        double c[STOA_MAX_RANK];
        spread.drift = 0;
        for (size_t i = 0; i < x->rank; i++) {
            c[i] = stoa_reference_resize_coordinate(&resize, i, index[i]);
            if (resize.mode != RESIZE_NEAREST && resize.axes[i].resized)
                spread.drift += 3 * (fabs(c[i]) + 1) + roundings;
        }
        if (!stoa_reference_resize_is_outside(&resize, x->rank, c))
            give(&spread, c, 0, 0, 1, dy->values[o]);
    }
    for (size_t i = 0; i < count; i++)
        dx->slack[i] += counts[2 * i] > 1 ? counts[2 * i] * counts[2 * i + 1] : 0;
    stoa_release(run->allocator, counts);
    return STOA_OK;
}
