/* Backward Resize: each output element gives its gradient to the elements it was made of, in their parts.
 *
 * Slack: an element that n outputs read is off by n roundings of the sum's magnitude; with linear interpolation along r
 * axes parts are off by 4 r + 2 of 1, and by 3 * (|c| + 1) for those who compute the coordinate c in float. */
#include <math.h>

#include "base/memory.h"
#include "reference/resize.h"

/* The elements around c: corner bits choose along each axis. Those with no part are left out. */
static double corner_part(const struct reference_tensor *x, const double *c, size_t corner, size_t *at)
{
    double part = 1;
    *at = 0;
    for (size_t i = 0; i < x->rank; i++) {
        double low = floor(c[i]), high = c[i] - low;
        bool up = corner >> i & 1;
        part *= up ? high : 1 - high;
        *at = *at * x->dims[i] + (size_t)low + (up && high > 0);
    }
    return part;
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
    for (size_t o = 0; o < stoa_reference_count(dy); o++, stoa_reference_next(dy->rank, dy->dims, index)) {
        double c[STOA_MAX_RANK], drift = 0;
        for (size_t i = 0; i < x->rank; i++) {
            double place = stoa_reference_resize_coordinate(&resize, i, index[i]);
            if (resize.nearest)
                place = stoa_reference_resize_round(resize.rounding, place);
            else if (x->dims[i] != dy->dims[i] || resize.axes[i].numerator != resize.axes[i].denominator)
                drift += 3 * (fabs(place) + 1) + 6;
            c[i] = stoa_reference_resize_clamp(place, resize.axes[i].in);
        }
        for (size_t corner = 0; corner < (size_t)1 << x->rank; corner++) {
            size_t at;
            double part = corner_part(x, c, corner, &at);
            if (!(part > 0))
                continue;
            dx->values[at] += part * dy->values[o];
            dx->slack[at] += drift * fabs(dy->values[o]);
            counts[2 * at]++;
            counts[2 * at + 1] += part * fabs(dy->values[o]);
        }
    }
    for (size_t i = 0; i < count; i++)
        dx->slack[i] += counts[2 * i] > 1 ? counts[2 * i] * counts[2 * i + 1] : 0;
    stoa_release(run->allocator, counts);
    return STOA_OK;
}
