/* What the reductions and their backward passes share. */
#ifndef STOA_OPS_REDUCE_H
#define STOA_OPS_REDUCE_H

#include <stdbool.h>
#include <stdint.h>
#include <stoa/status.h>
#include <stoa/tensor.h>

#include "base/attributes.h"
#include "ops/arguments.h"

struct reduce_params {
    struct op_integers axes; /* of the attribute; none: all */
    bool keep;
    bool axes_input;   /* they are in an input instead */
    bool none_is_none; /* without axes nothing is reduced */
    bool of_bools;     /* ReduceMax and ReduceMin take them */
};

/* How a set of elements becomes one. */
enum reduction {
    REDUCTION_SUM,
    REDUCTION_MEAN,
    REDUCTION_L1,         /* sum of |x| */
    REDUCTION_L2,         /* root of the sum of x^2 */
    REDUCTION_SUM_SQUARE, /* sum of x^2 */
    REDUCTION_LOG_SUM,
    REDUCTION_LOG_SUM_EXP,
    REDUCTION_PROD,
    REDUCTION_MAX, /* NaN if any element is */
    REDUCTION_MIN
};

/* The axes are an input since opset 18, of ReduceSum since 13. */
STOA_CHECKED enum stoa_status stoa_reduce_parse(struct attribute_reader *reader, void *params);
STOA_CHECKED enum stoa_status stoa_reduce_sum_parse(struct attribute_reader *reader, void *params);
/* Which axes of a tensor of that rank go; where an input names them it is number `axes`. */
STOA_CHECKED enum stoa_status stoa_reduce_axes(const struct op_call *call, size_t axes, size_t rank,
                                               struct stoa_error *error, bool reduced[STOA_MAX_RANK]);
/* The strides with which y, whose axes those of x are but for the reduced ones, is walked along with x. */
void stoa_reduce_strides(const struct reduce_params *params, const bool *reduced, const struct stoa_tensor *x,
                         const struct stoa_tensor *y, size_t strides[STOA_MAX_RANK]);

/* y <- x reduced, of the same type, over these dims: axes of y have stride 0 where they are reduced. */
struct reduce_nest {
    size_t rank;
    size_t dims[STOA_MAX_RANK], x_strides[STOA_MAX_RANK], y_strides[STOA_MAX_RANK];
    bool reduced[STOA_MAX_RANK];
};
void stoa_reduce(enum reduction reduction, const struct reduce_nest *nest, enum stoa_dtype dtype, const void *x,
                 void *y, struct pool *pool);

#endif
