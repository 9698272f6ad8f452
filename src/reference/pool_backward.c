/* Backward pooling. A gradient goes to the tap its window's maximum came from, or in equal parts to all taps of the
 * window's average.
 *
 * Slack: a gradient that is moved is exact, a sum of n of them off by n times their magnitudes, parts by 2 more. */
#include <math.h>

#include "base/memory.h"
#include "reference/pool.h"

/* The tap of the window that holds its maximum: the first, or the last NaN. */
static int64_t best_tap(const struct reference_window *win, const int64_t out[3], const double *x, double *value)
{
    int64_t best = -1, tap = 0, at[3];
    for (int64_t d = 0; d < win->kernel[0]; d++)
        for (int64_t h = 0; h < win->kernel[1]; h++)
            for (int64_t w = 0; w < win->kernel[2]; w++, tap++) {
                const int64_t step[3] = {d, h, w};
                bool inside = true;
                for (size_t i = 0; i < 3; i++) {
                    at[i] = out[i] * win->stride[i] - win->begin[i] + step[i] * win->dilation[i];
                    inside &= at[i] >= 0 && at[i] < win->in[i];
                }
                if (!inside)
                    continue;
                double element = x[(at[0] * win->in[1] + at[1]) * win->in[2] + at[2]];
                if (best >= 0 && !(element > *value) && !isnan(element))
                    continue;
                best = tap;
                *value = element;
            }
    return best;
}

enum stoa_status stoa_reference_max_pool_training(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_window win;
    struct reference_tensor *y, *taps;
    size_t dims[5], at = 0;
    STOA_TRY(stoa_reference_pool_place(run, x, &win, dims));
    enum stoa_dtype dtype = win.kernel[0] * win.kernel[1] * win.kernel[2] <= 256 ? STOA_UINT8 : STOA_INT32;
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    STOA_TRY(stoa_reference_output(run, 2, dtype, x->rank, dims, &taps));

    int64_t pixels = win.in[0] * win.in[1] * win.in[2], out[3];
    for (size_t plane = 0; plane < dims[0] * dims[1]; plane++)
        for (out[0] = 0; out[0] < win.out[0]; out[0]++)
            for (out[1] = 0; out[1] < win.out[1]; out[1]++)
                for (out[2] = 0; out[2] < win.out[2]; out[2]++, at++) {
                    double value = 0;
                    int64_t tap = best_tap(&win, out, x->values + (int64_t)plane * pixels, &value);
                    if (y)
                        y->values[at] = value;
                    if (taps)
                        taps->values[at] = (double)tap;
                }
    return STOA_OK;
}

/* One window after another gives to the elements of dx that are its taps. */
struct spread {
    struct reference_window win;
    const double *dy, *taps; /* taps: null for averages */
    bool include_pad;
    double *dx, *magnitude, *count;
};

static void spread_window(const struct spread *spread, size_t at, int64_t plane, const int64_t out[3])
{
    const struct reference_window *win = &spread->win;
    struct extent e = stoa_reference_pool_extent(win, out);
    double covered = 0;
    for (int64_t d = e.from[0]; d < e.to[0]; d += e.step[0])
        for (int64_t h = e.from[1]; h < e.to[1]; h += e.step[1])
            for (int64_t w = e.from[2]; w < e.to[2]; w += e.step[2])
                covered++;
    for (int64_t d = e.from[0]; d < e.to[0]; d += e.step[0])
        for (int64_t h = e.from[1]; h < e.to[1]; h += e.step[1])
            for (int64_t w = e.from[2]; w < e.to[2]; w += e.step[2]) {
                const int64_t place[3] = {d, h, w};
                int64_t tap = 0;
                for (size_t i = 0; i < 3; i++)
                    tap =
                        tap * win->kernel[i] + (place[i] + win->begin[i] - out[i] * win->stride[i]) / win->dilation[i];
                if (spread->taps && spread->taps[at] != (double)tap)
                    continue;
                double share = spread->taps ? 1 : spread->include_pad ? e.cells : covered;
                int64_t to = ((plane * win->in[0] + d) * win->in[1] + h) * win->in[2] + w;
                spread->dx[to] += spread->dy[at] / share;
                spread->magnitude[to] += fabs(spread->dy[at]) / share;
                spread->count[to]++;
            }
}

static enum stoa_status spread_all(struct reference_run *run, const struct reference_tensor *x,
                                   const struct reference_tensor *taps)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0);
    struct spread spread = {.dy = dy->values, .taps = taps ? taps->values : NULL};
    struct reference_tensor *dx;
    size_t dims[5], at = 0;
    int64_t out[3];
    spread.include_pad = stoa_read_int(&run->reader, "count_include_pad", 0, 0, 1) != 0;
    STOA_TRY(stoa_reference_pool_place(run, x, &spread.win, dims));
    size_t count = stoa_reference_count(dy);
    for (size_t i = 0; i < x->rank; i++)
        if (dy->rank != x->rank || dy->dims[i] != dims[i] || (taps && stoa_reference_count(taps) != count))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 or the taps do not have the dims of the output");
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    STOA_TRY(stoa_allocate(run->allocator, stoa_reference_count(x), sizeof *spread.count, run->error, &spread.count));
    spread.dx = dx->values;
    spread.magnitude = dx->slack;
    for (size_t plane = 0; plane < dims[0] * dims[1]; plane++)
        for (out[0] = 0; out[0] < spread.win.out[0]; out[0]++)
            for (out[1] = 0; out[1] < spread.win.out[1]; out[1]++)
                for (out[2] = 0; out[2] < spread.win.out[2]; out[2]++, at++)
                    spread_window(&spread, at, (int64_t)plane, out);
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        double roundings = taps ? (spread.count[i] > 1 ? spread.count[i] : 0) : spread.count[i] + 2;
        dx->slack[i] *= roundings;
    }
    stoa_release(run->allocator, spread.count);
    return STOA_OK;
}

enum stoa_status stoa_reference_max_pool_backward(struct reference_run *run)
{
    return spread_all(run, stoa_reference_input(run, 2), stoa_reference_input(run, 1));
}

enum stoa_status stoa_reference_average_pool_backward(struct reference_run *run)
{
    return spread_all(run, stoa_reference_input(run, 1), NULL);
}

/* Where several elements went to one place, the last one stayed. */
enum stoa_status stoa_reference_max_unpool_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    struct reference_tensor *dx;
    STOA_TRY(stoa_reference_output(run, 0, dy->dtype, indices->rank, indices->dims, &dx));
    const size_t count = stoa_reference_count(indices);
    for (size_t i = 0; i < count; i++) {
        bool stays = indices->values[i] >= 0 && indices->values[i] < (double)stoa_reference_count(dy);
        if (!stays)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 has %g at %zu", indices->values[i], i);
        for (size_t later = i + 1; later < count; later++)
            stays &= indices->values[later] != indices->values[i];
        dx->values[i] = stays ? dy->values[(size_t)indices->values[i]] : 0;
    }
    return STOA_OK;
}
