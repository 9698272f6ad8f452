/* The reductions, in two passes over x: the maximum of each set, then what is summed up. Slack for K elements, S being
 * the sum and A that of the magnitudes:
 *
 *   Sum, L1           (K + 1) A
 *   Mean              (K + 1) A / K, divided or multiplied by the reciprocal
 *   SumSquare         (K + 2) S
 *   L2                half of that, relative to S, and the root's own rounding: y ((K + 2) / 2 + 1)
 *   Prod              (K + 1) |y|
 *   LogSum            (K + 1) A / |S| and the logarithm 8 |y| + 2
 *   LogSumExp         as LogSoftmax (softmax.c), with m the maximum: sum_j p_j |x_j - m| + K + 8 + 8 |y - m| + 2 |y| +
 *                     |m|
 *   Max, Min          none
 *
 * What x itself may be off by adds up as x does: of Sum and Mean alone. */
#include "reference/reduce.h"

#include <math.h>

#include "base/memory.h"

enum stoa_status stoa_reference_reduction_axes(struct reference_run *run, const struct reference_tensor *x, int since,
                                               size_t axes, struct reduction_axes *result)
{
    struct reference_list list;
    bool reduced[STOA_MAX_RANK], keep = stoa_read_int(&run->reader, "keepdims", 1, 0, 1), none_is_none = false,
                                 in_input = run->call->opset >= since;
    if (in_input)
        none_is_none = stoa_read_int(&run->reader, "noop_with_empty_axes", 0, 0, 1);
    STOA_TRY(run->reader.status);
    STOA_TRY(stoa_reference_list(run, in_input ? axes : 0, in_input ? NULL : "axes", &list));
    STOA_TRY(stoa_reference_axes(run, &list, x->rank, reduced));
    *result = (struct reduction_axes){.kept = *x, .K = 1};
    for (size_t i = 0; i < x->rank; i++) {
        bool gone = reduced[i] || (!list.count && !none_is_none);
        if (gone) {
            result->K *= (double)x->dims[i];
            result->kept.dims[i] = 1;
        }
        if (!gone || keep)
            result->dims[result->rank++] = result->kept.dims[i];
    }
    return STOA_OK;
}

enum kind { SUM, MEAN, L1, L2, SUM_SQUARE, LOG_SUM, LOG_SUM_EXP, PROD, MAX, MIN };

/* What has been gathered of one set: the largest (smallest) element, and sums. */
struct gathered {
    double m, sum, magnitude, spread, carried;
};

static void gather(enum kind kind, double x, struct gathered *g)
{
    double e = exp(x - g->m);
    switch (kind) {
    case L1:
        g->sum += fabs(x);
        g->magnitude += fabs(x);
        break;
    case L2:
    case SUM_SQUARE:
        g->sum += x * x;
        break;
    case LOG_SUM_EXP:
        g->sum += e;
        g->spread += e > 0 ? e * fabs(x - g->m) : 0;
        break;
    case PROD:
        g->sum *= x;
        break;
    case MAX:
    case MIN:
        break;
    default:
        g->sum += x;
        g->magnitude += fabs(x);
    }
}

static double settle(enum kind kind, double K, const struct gathered *g, double *slack)
{
    double y = g->sum, m = g->m;
    *slack = (K + 1) * g->magnitude + g->carried;
    switch (kind) {
    case MEAN:
        *slack /= K;
        return y / K;
    case L2:
        *slack = sqrt(y) * ((K + 2) / 2 + 1);
        return sqrt(y);
    case SUM_SQUARE:
        *slack = (K + 2) * y;
        return y;
    case LOG_SUM:
        *slack = *slack / fabs(y) + 8 * fabs(log(y)) + 2;
        return log(y);
    case LOG_SUM_EXP:
        y = m + log(g->sum);
        *slack = g->spread / g->sum + K + 8 + 8 * fabs(log(g->sum)) + 2 * fabs(y) + fabs(m);
        return y;
    case PROD:
        *slack = (K + 1) * fabs(y);
        return y;
    case MAX:
    case MIN:
        *slack = 0;
        return m;
    default:
        return y;
    }
}

/* Sign -1 turns minima into maxima. */
static double extreme(double sign, double best, double x)
{
    return sign * x > sign * best || isnan(x) ? x : best;
}

static void gather_all(enum kind kind, const struct reference_tensor *x, const struct reference_tensor *kept,
                       struct gathered *sets)
{
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(x->rank, x->dims, index)) {
        struct gathered *g = &sets[stoa_reference_offset(kept, x->rank, index)];
        g->m = extreme(kind == MIN ? -1 : 1, g->m, x->values[i]);
    }
    for (size_t o = 0; kind == LOG_SUM_EXP && o < stoa_reference_count(kept); o++)
        sets[o].m = isfinite(sets[o].m) ? sets[o].m : 0;
    for (size_t i = 0; i < stoa_reference_count(x); i++, stoa_reference_next(x->rank, x->dims, index)) {
        struct gathered *g = &sets[stoa_reference_offset(kept, x->rank, index)];
        gather(kind, x->values[i], g);
        g->carried += x->slack ? x->slack[i] : 0;
    }
}

static enum stoa_status reduce(struct reference_run *run, enum kind kind)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reduction_axes axes;
    struct reference_tensor *y;
    struct gathered *sets;
    STOA_TRY(stoa_reference_reduction_axes(run, x, kind == SUM ? 13 : 18, 1, &axes));
    STOA_TRY(stoa_reference_output(run, 0, x->dtype, axes.rank, axes.dims, &y));
    size_t count = stoa_reference_count(y);
    STOA_TRY(stoa_allocate(run->allocator, count, sizeof *sets, run->error, &sets));
    for (size_t o = 0; o < count; o++)
        sets[o] = (struct gathered){.sum = kind == PROD, .m = kind == MIN ? INFINITY : -INFINITY};
    gather_all(kind, x, &axes.kept, sets);
    for (size_t o = 0; o < count; o++) {
        y->values[o] = settle(kind, axes.K, &sets[o], &y->slack[o]);
        if (stoa_reference_is_integer(y->dtype))
            y->values[o] = stoa_reference_convert(STOA_DOUBLE, y->dtype, y->values[o]);
    }
    stoa_release(run->allocator, sets);
    return STOA_OK;
}

#define REDUCTION(name, kind)                                                                                          \
    enum stoa_status stoa_reference_reduce_##name(struct reference_run *run)                                           \
    {                                                                                                                  \
        return reduce(run, kind);                                                                                      \
    }
REDUCTION(sum, SUM)
REDUCTION(mean, MEAN)
REDUCTION(l1, L1)
REDUCTION(l2, L2)
REDUCTION(sum_square, SUM_SQUARE)
REDUCTION(log_sum, LOG_SUM)
REDUCTION(log_sum_exp, LOG_SUM_EXP)
REDUCTION(prod, PROD)
REDUCTION(max, MAX)
REDUCTION(min, MIN)
