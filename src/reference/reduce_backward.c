/* Backward reductions. A mean's gradient goes to its K elements in equal parts (2 roundings), a maximum's as it is to
 * the first that has it, or the last NaN; each of the others has its derivative. */
#include <math.h>

#include "base/memory.h"
#include "reference/reduce.h"

/* Inputs dy and x; dims are x's with 1 where it is reduced. */
static enum stoa_status share(struct reference_run *run, const size_t *dims)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    struct reference_tensor kept = *x, *dx;
    size_t index[STOA_MAX_RANK] = {0};
    double K = 1;
    for (size_t i = 0; i < x->rank; i++) {
        kept.dims[i] = dims[i];
        K *= dims[i] == x->dims[i] ? 1 : (double)x->dims[i];
    }
    if (stoa_reference_count(dy) != stoa_reference_count(&kept))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 does not have the dims of the output");
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(x->rank, x->dims, index)) {
        dx->values[i] = dy->values[stoa_reference_offset(&kept, x->rank, index)] / K;
        dx->slack[i] = K > 1 ? 2 * fabs(dx->values[i]) : 0;
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_reduce_mean_backward(struct reference_run *run)
{
    struct reduction_axes axes;
    STOA_TRY(stoa_reference_reduction_axes(run, stoa_reference_input(run, 1), 18, 2, &axes));
    return share(run, axes.kept.dims);
}

/* dx[i] = dy * f, f and its roundings beside the product's from x, y and their element. */
typedef double (*derivative)(double x, double y, double *roundings);

static enum stoa_status weigh(struct reference_run *run, derivative f, int since, bool of_y)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1), *y;
    struct reduction_axes axes;
    struct reference_tensor *dx;
    size_t index[STOA_MAX_RANK] = {0};
    y = of_y ? stoa_reference_input(run, 2) : NULL;
    STOA_TRY(stoa_reference_reduction_axes(run, x, since, of_y ? 3 : 2, &axes));
    size_t count = stoa_reference_count(&axes.kept);
    if (stoa_reference_count(dy) != count || (y && stoa_reference_count(y) != count))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 or 2 does not have the dims of the output");
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(x->rank, x->dims, index)) {
        size_t at = stoa_reference_offset(&axes.kept, x->rank, index);
        double roundings = 0;
        dx->values[i] = dy->values[at] * f(x->values[i], y ? y->values[at] : 0, &roundings);
        dx->slack[i] = roundings * fabs(dx->values[i]);
    }
    return STOA_OK;
}

static double d_sum(double x, double y, double *roundings)
{
    (void)x;
    (void)y;
    (void)roundings;
    return 1;
}

static double d_l1(double x, double y, double *roundings)
{
    (void)y;
    (void)roundings;
    return x > 0 ? 1 : x < 0 ? -1 : x;
}

static double d_l2(double x, double y, double *roundings)
{
    *roundings = 2;
    return y != 0 ? x / y : 0;
}

static double d_sum_square(double x, double y, double *roundings)
{
    (void)y;
    *roundings = 2;
    return 2 * x;
}

static double d_log_sum(double x, double y, double *roundings)
{
    (void)x;
    *roundings = 2 * fabs(y) + 10;
    return exp(-y);
}

/* Rounding x - y costs |x - y| in the exponential. */
static double d_log_sum_exp(double x, double y, double *roundings)
{
    *roundings = fabs(x - y) + 10;
    return exp(x - y);
}

#define WEIGHED(name, since, of_y)                                                                                     \
    enum stoa_status stoa_reference_reduce_##name##_backward(struct reference_run *run)                                \
    {                                                                                                                  \
        return weigh(run, d_##name, since, of_y);                                                                      \
    }
WEIGHED(sum, 13, false)
WEIGHED(l1, 18, false)
WEIGHED(l2, 18, true)
WEIGHED(sum_square, 18, false)
WEIGHED(log_sum, 18, true)
WEIGHED(log_sum_exp, 18, true)

/* All of dy to the first that is largest, sign -1: smallest; or the last NaN. */
static enum stoa_status give_to_extreme(struct reference_run *run, double sign)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    struct reduction_axes axes;
    struct reference_tensor *dx;
    size_t index[STOA_MAX_RANK] = {0}, *best;
    STOA_TRY(stoa_reference_reduction_axes(run, x, 18, 2, &axes));
    size_t count = stoa_reference_count(&axes.kept);
    if (stoa_reference_count(dy) != count)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 does not have the dims of the output");
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    STOA_TRY(stoa_allocate(run->allocator, count, sizeof *best, run->error, &best));
    for (size_t o = 0; o < count; o++)
        best[o] = SIZE_MAX;
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(x->rank, x->dims, index)) {
        size_t *of = &best[stoa_reference_offset(&axes.kept, x->rank, index)];
        if (*of == SIZE_MAX || sign * x->values[i] > sign * x->values[*of] || isnan(x->values[i]))
            *of = i;
    }
    for (size_t o = 0; o < count; o++)
        if (best[o] != SIZE_MAX)
            dx->values[best[o]] = dy->values[o];
    stoa_release(run->allocator, best);
    return STOA_OK;
}

enum stoa_status stoa_reference_reduce_max_backward(struct reference_run *run)
{
    return give_to_extreme(run, 1);
}

enum stoa_status stoa_reference_reduce_min_backward(struct reference_run *run)
{
    return give_to_extreme(run, -1);
}

enum stoa_status stoa_reference_global_average_pool_backward(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    size_t dims[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = i < 2 ? x->dims[i] : 1;
    return share(run, dims);
}

enum stoa_status stoa_reference_global_max_pool_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    struct reference_tensor *dx;
    size_t pixels = stoa_reference_product(x, 2, x->rank), planes = stoa_reference_product(x, 0, 2);
    if (stoa_reference_count(dy) != planes || !pixels)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 does not have the dims of the output");
    STOA_TRY(stoa_reference_output_like(run, x, &dx));
    for (size_t plane = 0; plane < planes; plane++) {
        const double *of = x->values + plane * pixels;
        size_t best = 0;
        for (size_t i = 1; i < pixels; i++)
            if (of[i] > of[best] || isnan(of[i]))
                best = i;
        dx->values[plane * pixels + best] = dy->values[plane];
    }
    return STOA_OK;
}
