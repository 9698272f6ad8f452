/* Pooling over windows and over whole images.
 *
 * Slack: a maximum is exact; an average of K elements is off by at most (K + 1) * sum |x| / K, whether it divides or
 * multiplies by the reciprocal. A maximum over elements of which one is NaN is NaN. */
#include <math.h>

#include "reference/pool.h"

struct extent stoa_reference_pool_extent(const struct reference_window *win, const int64_t out[3])
{
    struct extent extent = {.cells = 1};
    for (size_t i = 0; i < 3; i++) {
        int64_t start = out[i] * win->stride[i] - win->begin[i], step = win->dilation[i];
        int64_t stop = start + (win->kernel[i] - 1) * step + 1; /* one past the last tap */
        int64_t padded = win->in[i] + win->end[i];
        extent.cells *= (double)(((stop < padded ? stop : padded) - start + step - 1) / step);
        extent.from[i] = start < 0 ? start + (-start + step - 1) / step * step : start;
        extent.to[i] = stop < win->in[i] ? stop : win->in[i];
        extent.step[i] = step;
    }
    return extent;
}

static void max_window(const struct reference_window *win, const struct extent *e, const double *x, double *value,
                       int64_t place[3])
{
    *value = -INFINITY;
    bool found = false;
    for (int64_t d = e->from[0]; d < e->to[0]; d += e->step[0])
        for (int64_t h = e->from[1]; h < e->to[1]; h += e->step[1])
            for (int64_t w = e->from[2]; w < e->to[2]; w += e->step[2]) {
                double element = x[(d * win->in[1] + h) * win->in[2] + w];
                if (found && !(element > *value) && !(isnan(element) && !isnan(*value)))
                    continue;
                found = true;
                *value = element;
                place[0] = d;
                place[1] = h;
                place[2] = w;
            }
}

static void average_window(const struct reference_window *win, const struct extent *e, bool include_pad,
                           const double *x, double *value, double *slack)
{
    double sum = 0, magnitude = 0, count = 0;
    for (int64_t d = e->from[0]; d < e->to[0]; d += e->step[0])
        for (int64_t h = e->from[1]; h < e->to[1]; h += e->step[1])
            for (int64_t w = e->from[2]; w < e->to[2]; w += e->step[2]) {
                double element = x[(d * win->in[1] + h) * win->in[2] + w];
                sum += element;
                magnitude += fabs(element);
                count++;
            }
    double divisor = include_pad ? e->cells : count;
    *value = sum / divisor;
    *slack = (count + 1) * magnitude / divisor;
}

enum stoa_status stoa_reference_pool_place(struct reference_run *run, const struct reference_tensor *x,
                                           struct reference_window *win, size_t dims[5])
{
    size_t auto_pad;
    STOA_TRY(stoa_reference_window_read(run, x, NULL, win, &auto_pad));
    bool ceil_mode = stoa_read_int(&run->reader, "ceil_mode", 0, 0, 1);
    STOA_TRY(stoa_reference_window_slide(run, auto_pad, ceil_mode, win));
    dims[0] = x->dims[0];
    dims[1] = x->dims[1];
    for (size_t i = 0; i < win->rank; i++) {
        size_t axis = 3 - win->rank + i;
        dims[2 + i] = (size_t)win->out[axis];
        int64_t reach = (win->kernel[axis] - 1) * win->dilation[axis] + 1;
        if (win->begin[axis] >= reach || win->end[axis] >= reach)
            return stoa_fail(run->error, STOA_ERROR_ATTRIBUTE,
                             "pads of axis %zu are as wide as the kernel: a window would see padding only", i);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_max_pool(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_window win;
    struct reference_tensor *y, *indices;
    size_t dims[5];
    bool column_major = stoa_read_int(&run->reader, "storage_order", 0, 0, 1);
    STOA_TRY(stoa_reference_pool_place(run, x, &win, dims));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    STOA_TRY(stoa_reference_output(run, 1, STOA_INT64, x->rank, dims, &indices));

    int64_t pixels = win.in[0] * win.in[1] * win.in[2], out[3];
    size_t at = 0;
    for (size_t plane = 0; plane < dims[0] * dims[1]; plane++)
        for (out[0] = 0; out[0] < win.out[0]; out[0]++)
            for (out[1] = 0; out[1] < win.out[1]; out[1]++)
                for (out[2] = 0; out[2] < win.out[2]; out[2]++, at++) {
                    struct extent extent = stoa_reference_pool_extent(&win, out);
                    int64_t place[3] = {0, 0, 0};
                    double value;
                    max_window(&win, &extent, x->values + (int64_t)plane * pixels, &value, place);
                    if (y)
                        y->values[at] = value;
                    /* Column-major swaps the order of the spatial axes, each image standing where it stood. */
                    int64_t flat = column_major ? place[0] + win.in[0] * (place[1] + win.in[1] * place[2])
                                                : (place[0] * win.in[1] + place[1]) * win.in[2] + place[2];
                    if (indices)
                        indices->values[at] = (double)((int64_t)plane * pixels + flat);
                }
    return STOA_OK;
}

enum stoa_status stoa_reference_average_pool(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_window win;
    struct reference_tensor *y;
    size_t dims[5];
    bool include_pad = stoa_read_int(&run->reader, "count_include_pad", 0, 0, 1);
    STOA_TRY(stoa_reference_pool_place(run, x, &win, dims));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));

    int64_t pixels = win.in[0] * win.in[1] * win.in[2], out[3];
    size_t at = 0;
    for (size_t plane = 0; plane < dims[0] * dims[1]; plane++)
        for (out[0] = 0; out[0] < win.out[0]; out[0]++)
            for (out[1] = 0; out[1] < win.out[1]; out[1]++)
                for (out[2] = 0; out[2] < win.out[2]; out[2]++, at++) {
                    struct extent extent = stoa_reference_pool_extent(&win, out);
                    average_window(&win, &extent, include_pad, x->values + (int64_t)plane * pixels, &y->values[at],
                                   &y->slack[at]);
                }
    return STOA_OK;
}

/* y[N][C][1]… and the number of elements behind each of them. */
static enum stoa_status global_output(struct reference_run *run, struct reference_tensor **y, size_t *pixels)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    size_t dims[STOA_MAX_RANK];
    if (x->rank < 3)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has rank %zu, must be 3 or more", x->rank);
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = i < 2 ? x->dims[i] : 1;
    *pixels = stoa_reference_product(x, 2, x->rank);
    if (!*pixels)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 has no elements to pool");
    return stoa_reference_output(run, 0, x->dtype, x->rank, dims, y);
}

enum stoa_status stoa_reference_global_average_pool(struct reference_run *run)
{
    const double *x = stoa_reference_input(run, 0)->values;
    struct reference_tensor *y;
    size_t pixels;
    STOA_TRY(global_output(run, &y, &pixels));
    for (size_t plane = 0; plane < stoa_reference_count(y); plane++) {
        double sum = 0, magnitude = 0;
        for (size_t i = 0; i < pixels; i++) {
            sum += x[plane * pixels + i];
            magnitude += fabs(x[plane * pixels + i]);
        }
        y->values[plane] = sum / (double)pixels;
        y->slack[plane] = (double)(pixels + 1) * magnitude / (double)pixels;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_global_max_pool(struct reference_run *run)
{
    const double *x = stoa_reference_input(run, 0)->values;
    struct reference_tensor *y;
    size_t pixels;
    STOA_TRY(global_output(run, &y, &pixels));
    for (size_t plane = 0; plane < stoa_reference_count(y); plane++) {
        y->values[plane] = x[plane * pixels];
        for (size_t i = 1; i < pixels; i++) {
            double element = x[plane * pixels + i];
            if (element > y->values[plane] || isnan(element))
                y->values[plane] = element;
        }
    }
    return STOA_OK;
}

/* A term of the sum has p roundings, or those of a power, and K terms are summed: (K + p + 8) times the sum, of which
 * the root takes the p-th part; and the root its own. With p from a float, the exponent 1/p has one more, which moves
 * the result by |log sum| / p. */
static void put_norm(double p, double terms, double sum, double *value, double *slack)
{
    *value = pow(sum, 1 / p);
    *slack = *value * ((terms + p + 8) / p + 4 + (sum > 0 ? fabs(log(sum)) / p : 0));
}

enum stoa_status stoa_reference_lp_pool(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_window win;
    struct reference_tensor *y;
    size_t dims[5];
    const double p = (double)stoa_read_int(&run->reader, "p", 2, 1, INT32_MAX);
    STOA_TRY(stoa_reference_pool_place(run, x, &win, dims));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    int64_t pixels = win.in[0] * win.in[1] * win.in[2], out[3];
    size_t at = 0;
    for (size_t plane = 0; plane < dims[0] * dims[1]; plane++)
        for (out[0] = 0; out[0] < win.out[0]; out[0]++)
            for (out[1] = 0; out[1] < win.out[1]; out[1]++)
                for (out[2] = 0; out[2] < win.out[2]; out[2]++, at++) {
                    struct extent e = stoa_reference_pool_extent(&win, out);
                    const double *image = x->values + (int64_t)plane * pixels;
                    double sum = 0, terms = 0;
                    for (int64_t d = e.from[0]; d < e.to[0]; d += e.step[0])
                        for (int64_t h = e.from[1]; h < e.to[1]; h += e.step[1])
                            for (int64_t w = e.from[2]; w < e.to[2]; w += e.step[2], terms++)
                                sum += pow(fabs(image[(d * win.in[1] + h) * win.in[2] + w]), p);
                    put_norm(p, terms, sum, &y->values[at], &y->slack[at]);
                }
    return STOA_OK;
}

enum stoa_status stoa_reference_global_lp_pool(struct reference_run *run)
{
    const double *x = stoa_reference_input(run, 0)->values;
    const double p = (double)stoa_read_int(&run->reader, "p", 2, 1, INT32_MAX);
    struct reference_tensor *y;
    size_t pixels;
    STOA_TRY(global_output(run, &y, &pixels));
    for (size_t plane = 0; plane < stoa_reference_count(y); plane++) {
        double sum = 0;
        for (size_t i = 0; i < pixels; i++)
            sum += pow(fabs(x[plane * pixels + i]), p);
        put_norm(p, (double)pixels, sum, &y->values[plane], &y->slack[plane]);
    }
    return STOA_OK;
}

/* Without output_shape, the size that the window would pool to x's: (in - 1) * stride + kernel - pads. Exact. */
static enum stoa_status unpool_dims(struct reference_run *run, const struct reference_tensor *x,
                                    size_t dims[STOA_MAX_RANK])
{
    const struct reference_tensor *given = stoa_reference_input(run, 2);
    struct reference_window win;
    size_t auto_pad;
    STOA_TRY(stoa_reference_window_read(run, x, NULL, &win, &auto_pad));
    if (given && stoa_reference_count(given) != x->rank)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 2 has not a value for each of %zu axes", x->rank);
    for (size_t d = 0; d < x->rank; d++) {
        size_t i = d + 3 - win.rank - 2;
        int64_t size = given   ? stoa_reference_integer(given->values[d])
                       : d < 2 ? (int64_t)x->dims[d]
                               : (win.in[i] - 1) * win.stride[i] + win.kernel[i] - win.begin[i] - win.end[i];
        if (size < 1 || size > INT32_MAX)
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "axis %zu would be of %lld elements", d, (long long)size);
        dims[d] = (size_t)size;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_max_unpool(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0), *indices = stoa_reference_input(run, 1);
    size_t dims[STOA_MAX_RANK];
    struct reference_tensor *y;
    STOA_TRY(unpool_dims(run, x, dims));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, x->rank, dims, &y));
    if (!stoa_reference_same_dims(x, indices))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0 and 1 are of different dims");
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        if (!(indices->values[i] >= 0) || indices->values[i] >= (double)stoa_reference_count(y))
            return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 1 has %g at %zu", indices->values[i], i);
        y->values[(size_t)indices->values[i]] = x->values[i];
    }
    return STOA_OK;
}
