/* Backward means and global pooling. A mean's gradient goes to its K elements in equal parts (2 roundings), a
 * maximum's as it is to the first that has it, or the last NaN. */
#include <math.h>

#include "reference/internal.h"

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
    const struct reference_tensor *x = stoa_reference_input(run, 1);
    struct reference_list list;
    bool reduced[STOA_MAX_RANK];
    size_t dims[STOA_MAX_RANK] = {0};
    stoa_read_int(&run->reader, "keepdims", 1, 0, 1);
    STOA_TRY(stoa_reference_list(run, 0, "axes", &list));
    STOA_TRY(stoa_reference_axes(run, &list, x->rank, reduced));
    for (size_t i = 0; i < x->rank; i++)
        dims[i] = reduced[i] || !list.count ? 1 : x->dims[i];
    return share(run, dims);
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
