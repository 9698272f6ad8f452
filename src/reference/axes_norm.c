/* Normalisations over sets of elements, a set being all along some axes: LayerNormalization and its backward pass,
 * RMSNormalization, MeanVarianceNormalization, LpNormalization.
 *
 * Of a set of K elements the mean in float is off by E = (K + 1) * mean |x|; the variance, from deviations d that
 * inherit it, by V = (K + 6) * variance + 2 E mean |d| + u E^2; r = 1 / sqrt(variance + epsilon) by
 * r * (V / (2 (variance + epsilon)) + 4). About 0 instead of the mean E is 0. */
#include <math.h>

#include "base/memory.h"
#include "reference/internal.h"

struct set {
    double mean, magnitude, squares, spread; /* all means; squares and spread of x - mean */
    double E, V;
    double r, r_error;
    double g, g_error, p, p_error; /* backward: sums of g = dy * scale and of g * xhat, and how far they may be off */
};

struct sets {
    const struct reference_tensor *x;
    struct reference_tensor kept; /* x with 1 for each axis that a set runs along */
    double K;
    struct set *of;
};

static enum stoa_status make_sets(struct reference_run *run, const struct reference_tensor *x, const bool *along,
                                  struct sets *sets)
{
    *sets = (struct sets){.x = x, .kept = *x, .K = 1};
    for (size_t i = 0; i < x->rank; i++)
        if (along[i]) {
            sets->K *= (double)x->dims[i];
            sets->kept.dims[i] = 1;
        }
    return stoa_allocate(run->allocator, stoa_reference_count(&sets->kept), sizeof *sets->of, run->error, &sets->of);
}

/* Moves index on and returns the set it was in. */
static struct set *set_of(const struct sets *sets, size_t *index)
{
    struct set *set = &sets->of[stoa_reference_offset(&sets->kept, sets->x->rank, index)];
    stoa_reference_next(sets->x->rank, sets->x->dims, index);
    return set;
}

static void measure(struct sets *sets, bool about_mean, double epsilon)
{
    const struct reference_tensor *x = sets->x;
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; about_mean && i < stoa_reference_count(x); i++) {
        struct set *set = set_of(sets, index);
        set->mean += x->values[i] / sets->K;
        set->magnitude += fabs(x->values[i]) / sets->K;
    }
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        struct set *set = set_of(sets, index);
        double d = x->values[i] - set->mean;
        set->squares += d * d / sets->K;
        set->spread += fabs(d) / sets->K;
    }
    for (size_t s = 0; s < stoa_reference_count(&sets->kept); s++) {
        struct set *set = &sets->of[s];
        if (sets->K == 0)
            set->mean = set->squares = NAN;
        set->E = (sets->K + 1) * set->magnitude;
        set->V = (sets->K + 6) * set->squares + 2 * set->E * set->spread + set->E * set->E * 0x1p-24;
        set->r = 1 / sqrt(set->squares + epsilon);
        set->r_error = set->r * (set->V / (2 * (set->squares + epsilon)) + 4);
    }
}

static void put(struct reference_tensor *tensor, size_t i, double value, double slack)
{
    if (!tensor)
        return;
    tensor->values[i] = value;
    tensor->slack[i] = slack;
}

/* The axes from one on, and the number of elements in a set. */
static enum stoa_status layer_sets(struct reference_run *run, const struct reference_tensor *x, struct sets *sets,
                                   double *epsilon)
{
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", -1, INT32_MIN, INT32_MAX);
    stoa_read_int(&run->reader, "stash_type", 1, 1, 1);
    *epsilon = (double)stoa_read_float(&run->reader, "epsilon", 1e-5f);
    STOA_TRY(run->reader.status);
    size_t axis;
    bool along[STOA_MAX_RANK] = {0};
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    for (size_t i = axis; i < x->rank; i++)
        along[i] = true;
    return make_sets(run, x, along, sets);
}

static enum stoa_status check_places(struct reference_run *run, const struct sets *sets, size_t input)
{
    const struct reference_tensor *tensor = stoa_reference_input(run, input);
    if (tensor && (double)stoa_reference_count(tensor) != sets->K)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input %zu must be one number for each of the %g places", input,
                         sets->K);
    return STOA_OK;
}

static enum stoa_status layer(struct reference_run *run, const struct sets *sets)
{
    const struct reference_tensor *x = sets->x, *scales = stoa_reference_input(run, 1);
    const struct reference_tensor *biases = stoa_reference_input(run, 2);
    struct reference_tensor *y, *means, *reciprocals;
    STOA_TRY(check_places(run, sets, 1));
    STOA_TRY(check_places(run, sets, 2));
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    STOA_TRY(stoa_reference_output(run, 1, STOA_FLOAT, x->rank, sets->kept.dims, &means));
    STOA_TRY(stoa_reference_output(run, 2, STOA_FLOAT, x->rank, sets->kept.dims, &reciprocals));
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        const struct set *set = set_of(sets, index);
        size_t place = i % stoa_reference_count(scales);
        double scale = scales->values[place], bias = biases ? biases->values[place] : 0, d = x->values[i] - set->mean;
        put(y, i, d * set->r * scale + bias,
            fabs(scale) * (set->r * set->E + fabs(d) * (set->r_error + 6 * set->r) +
                           4 * set->r * (fabs(x->values[i]) + fabs(set->mean))) +
                4 * fabs(bias));
    }
    for (size_t s = 0; s < stoa_reference_count(&sets->kept); s++) {
        put(means, s, sets->of[s].mean, sets->of[s].E);
        put(reciprocals, s, sets->of[s].r, sets->of[s].r_error);
    }
    return STOA_OK;
}

static enum stoa_status layer_about(struct reference_run *run, bool mean)
{
    struct sets sets;
    double epsilon;
    STOA_TRY(layer_sets(run, stoa_reference_input(run, 0), &sets, &epsilon));
    measure(&sets, mean, epsilon);
    enum stoa_status status = layer(run, &sets);
    stoa_release(run->allocator, sets.of);
    return status;
}

enum stoa_status stoa_reference_layer_norm(struct reference_run *run)
{
    return layer_about(run, true);
}

enum stoa_status stoa_reference_rms_norm(struct reference_run *run)
{
    return layer_about(run, false);
}

/* y = d / (sqrt(variance) + 1e-9). Where the variance may be nothing but rounding, y may be anything that K elements of
 * variance 1 hold. */
static enum stoa_status standardise(struct reference_run *run, const struct sets *sets)
{
    const struct reference_tensor *x = sets->x;
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    size_t index[STOA_MAX_RANK] = {0};
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        const struct set *set = set_of(sets, index);
        double d = x->values[i] - set->mean, s = sqrt(set->squares) + 1e-9;
        y->values[i] = d / s;
        if (set->squares > 2 * set->V * 0x1p-24)
            y->slack[i] = (set->E + 8 * fabs(d) + 4 * (fabs(x->values[i]) + fabs(set->mean))) / s +
                          fabs(d / s) * set->V / set->squares;
        else
            y->slack[i] = 0x1p24 * 2 * sqrt(sets->K);
    }
    return STOA_OK;
}

enum stoa_status stoa_reference_mean_variance_norm(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    struct reference_list list;
    struct sets sets;
    bool along[STOA_MAX_RANK];
    STOA_TRY(stoa_reference_list(run, 0, "axes", &list));
    if (!list.present)
        list = (struct reference_list){.count = 3, .items = {0, 2, 3}};
    STOA_TRY(stoa_reference_axes(run, &list, x->rank, along));
    STOA_TRY(make_sets(run, x, along, &sets));
    measure(&sets, true, 0);
    enum stoa_status status = standardise(run, &sets);
    stoa_release(run->allocator, sets.of);
    return status;
}

/* y = x / n, n = sum |x| off by (K + 1) n, or the root of the sum of squares, off by half of (K + 4) n: |y| (K + 5). */
enum stoa_status stoa_reference_lp_norm(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    int64_t signed_axis = stoa_read_int(&run->reader, "axis", -1, INT32_MIN, INT32_MAX);
    bool squares = stoa_read_int(&run->reader, "p", 2, 1, 2) == 2, along[STOA_MAX_RANK] = {0};
    STOA_TRY(run->reader.status);
    size_t axis, index[STOA_MAX_RANK] = {0};
    struct sets sets;
    struct reference_tensor *y;
    STOA_TRY(stoa_reference_axis(run, signed_axis, x->rank, false, &axis));
    along[axis] = true;
    STOA_TRY(stoa_reference_output_like(run, x, &y));
    STOA_TRY(make_sets(run, x, along, &sets));
    for (size_t i = 0; i < stoa_reference_count(x); i++)
        set_of(&sets, index)->squares += squares ? x->values[i] * x->values[i] : fabs(x->values[i]);
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        double sum = set_of(&sets, index)->squares, n = squares ? sqrt(sum) : sum;
        y->values[i] = n == 0 ? 0 : x->values[i] / n;
        y->slack[i] = fabs(y->values[i]) * (sets.K + 5);
    }
    stoa_release(run->allocator, sets.of);
    return STOA_OK;
}

#ifdef STOA_TRAINING
/* With g = dy * scale and xhat = d * r: dx = r * (g - mean(g) - xhat * mean(g * xhat)), dscale = sum of dy * xhat and
 * dbias = sum of dy over the R sets. */
static void give(struct sets *sets, const double *dy, const struct reference_tensor *scales,
                 struct reference_tensor *const made[3])
{
    const struct reference_tensor *x = sets->x;
    const double R = (double)stoa_reference_count(&sets->kept);
    size_t index[STOA_MAX_RANK] = {0}, places = stoa_reference_count(scales);
    for (size_t i = 0; i < stoa_reference_count(x); i++) {
        struct set *set = set_of(sets, index);
        double d = x->values[i] - set->mean, g = dy[i] * scales->values[i % places], xhat = d * set->r;
        double xhat_error = set->r * set->E + fabs(d) * (set->r_error + 4 * set->r);
        set->g += g;
        set->g_error += (sets->K + 2) * fabs(g);
        set->p += g * xhat;
        set->p_error += fabs(g) * (xhat_error + (sets->K + 4) * fabs(xhat));
        if (made[1]) {
            made[1]->values[i % places] += dy[i] * xhat;
            made[1]->slack[i % places] += fabs(dy[i]) * (xhat_error + (R + 4) * fabs(xhat));
        }
        if (made[2]) {
            made[2]->values[i % places] += dy[i];
            made[2]->slack[i % places] += (R + 1) * fabs(dy[i]);
        }
    }
    for (size_t i = 0; made[0] && i < stoa_reference_count(x); i++) {
        struct set *set = set_of(sets, index);
        double d = x->values[i] - set->mean, g = dy[i] * scales->values[i % places], xhat = d * set->r;
        double xhat_error = set->r * set->E + fabs(d) * (set->r_error + 4 * set->r), mean = set->g / sets->K;
        double slope = set->p / sets->K, sum = fabs(g) + fabs(mean) + fabs(xhat * slope);
        put(made[0], i, set->r * (g - mean - xhat * slope),
            set->r * (set->g_error / sets->K + fabs(xhat) * set->p_error / sets->K + xhat_error * fabs(slope) +
                      12 * sum) +
                set->r_error * sum);
    }
}

enum stoa_status stoa_reference_layer_norm_backward(struct reference_run *run)
{
    const struct reference_tensor *dy = stoa_reference_input(run, 0), *x = stoa_reference_input(run, 1);
    const struct reference_tensor *scales = stoa_reference_input(run, 2);
    struct reference_tensor *made[3];
    struct sets sets;
    double epsilon;
    if (!stoa_reference_same_dims(dy, x))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "inputs 0 and 1 differ in dims");
    for (size_t i = 0; i < 3; i++)
        STOA_TRY(stoa_reference_output(run, i, STOA_FLOAT, i ? scales->rank : x->rank, i ? scales->dims : x->dims,
                                       &made[i]));
    STOA_TRY(layer_sets(run, x, &sets, &epsilon));
    enum stoa_status status = check_places(run, &sets, 2);
    if (status == STOA_OK) {
        measure(&sets, true, epsilon);
        give(&sets, dy->values, scales, made);
    }
    stoa_release(run->allocator, sets.of);
    return status;
}
#endif
