/* The losses and their gradients with regard to the scores, from their definitions. Outputs: the loss, a scalar, and
 * the gradient, of the scores' dims. The mean of N terms adds (N + 1) * sum |term| / N to the slack of the loss. */
#include <math.h>

#include "reference/internal.h"

struct loss {
    double value, slack;        /* of the sum so far */
    double divisor;             /* of the mean; 0: nothing counts */
    double *gradient, *g_slack; /* null when nobody wants it */
};

static enum stoa_status begin(struct reference_run *run, struct loss *loss)
{
    const struct reference_tensor *scores = stoa_reference_input(run, 0);
    struct reference_tensor *gradient;
    STOA_TRY(stoa_reference_output(run, 1, STOA_FLOAT, scores->rank, scores->dims, &gradient));
    if (gradient) {
        loss->gradient = gradient->values;
        loss->g_slack = gradient->slack;
    }
    return STOA_OK;
}

static enum stoa_status end(struct reference_run *run, const struct loss *loss)
{
    struct reference_tensor *value;
    STOA_TRY(stoa_reference_output(run, 0, STOA_FLOAT, 0, NULL, &value));
    if (value && loss->divisor > 0) {
        value->values[0] = loss->value / loss->divisor;
        value->slack[0] = loss->slack / loss->divisor + (loss->divisor + 1) * fabs(value->values[0]);
    }
    return STOA_OK;
}

static void pass(struct loss *loss, size_t at, double g, double slack)
{
    if (!loss->gradient)
        return;
    loss->gradient[at] = g / loss->divisor;
    loss->g_slack[at] = (slack + 2 * fabs(g)) / loss->divisor;
}

/* One record of K classes whose first score is element `first`. */
typedef void (*record)(struct loss *loss, double constant, size_t K, const double *s, size_t label, size_t first);

static enum stoa_status classes(struct reference_run *run, record f, double constant)
{
    const struct reference_tensor *scores = stoa_reference_input(run, 0), *labels = stoa_reference_input(run, 1);
    struct loss loss = {0};
    STOA_TRY(run->reader.status);
    if (scores->rank != 2 || labels->rank != 1 || labels->dims[0] != scores->dims[0])
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "there must be a label for each row of the scores");
    size_t N = scores->dims[0], K = scores->dims[1];
    for (size_t n = 0; n < N; n++) {
        if (!(labels->values[n] >= -1 && labels->values[n] < (double)K))
            return stoa_fail(run->error, STOA_ERROR_DATA, "record %zu has label %g of %zu classes", n,
                             labels->values[n], K);
        loss.divisor += labels->values[n] >= 0;
    }
    STOA_TRY(begin(run, &loss));
    for (size_t n = 0; n < N; n++)
        if (labels->values[n] >= 0)
            f(&loss, constant, K, scores->values + n * K, (size_t)labels->values[n], n * K);
    return end(run, &loss);
}

/* -sum t_k log p_k with p = softmax(s); t = (1 - smoothing) at the label, and smoothing / K at every class.
 *
 * Slack as for LogSoftmax (softmax.c) without the maximum itself, which a stable form takes off first: rounding s_k - m
 * and the exponentials cost spread + 8, the sum K, its logarithm 8 |log S|. */
static void cross_entropy(struct loss *loss, double smoothing, size_t K, const double *s, size_t label, size_t first)
{
    double m = -INFINITY, sum = 0, spread = 0;
    for (size_t k = 0; k < K; k++)
        if (s[k] > m || isnan(s[k]))
            m = s[k];
    for (size_t k = 0; k < K; k++) {
        double e = exp(s[k] - m);
        sum += e;
        if (e > 0)
            spread += e * fabs(s[k] - m);
    }
    spread /= sum;
    double value = 0;
    for (size_t k = 0; k < K; k++) {
        double t = (k == label ? 1 - smoothing : 0) + smoothing / (double)K, p = exp(s[k] - m) / sum;
        if (t > 0) {
            value += t * (m - s[k]) + t * log(sum);
            loss->slack += t * (4 * fabs(m - s[k]) + spread + (double)K + 8 + 8 * fabs(log(sum)));
        }
        pass(loss, first + k, p - t, p > 0 ? p * (fabs(s[k] - m) + spread + (double)K + 18) + 2 * t : 2 * t);
    }
    loss->value += value;
    loss->slack += (double)K * fabs(value);
}

/* sum over k != label of max(0, s_k - s_label + margin). Within rounding of the kink either side is right. */
static void hinge(struct loss *loss, double margin, size_t K, const double *s, size_t label, size_t first)
{
    double active = 0, doubtful = 0, value = 0;
    for (size_t k = 0; k < K; k++) {
        if (k == label)
            continue;
        double z = s[k] - s[label] + margin, roundings = 3 * (fabs(s[k]) + fabs(s[label]) + margin);
        bool doubt = z != 0 && fabs(z) <= roundings * 0x1p-24, counts = !(z <= 0);
        active += counts;
        doubtful += doubt;
        pass(loss, first + k, counts, doubt ? 0x1p24 : 0);
        if (counts) {
            value += z;
            loss->slack += roundings;
        }
    }
    pass(loss, first + label, -active, doubtful * 0x1p24);
    loss->value += value;
    loss->slack += (double)K * fabs(value);
}

enum stoa_status stoa_reference_softmax_cross_entropy(struct reference_run *run)
{
    return classes(run, cross_entropy, (double)stoa_read_float(&run->reader, "label_smoothing", 0));
}

enum stoa_status stoa_reference_multi_class_hinge(struct reference_run *run)
{
    return classes(run, hinge, (double)stoa_read_float(&run->reader, "margin", 1));
}

/* One element; returns its term and that term's slack, sets its gradient and that one's. */
typedef double (*element)(double s, double t, double *slack, double *g, double *g_slack);

static enum stoa_status elements(struct reference_run *run, element f)
{
    const struct reference_tensor *scores = stoa_reference_input(run, 0), *targets = stoa_reference_input(run, 1);
    if (!stoa_reference_same_dims(scores, targets))
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "the scores and the targets differ in dims");
    struct loss loss = {.divisor = (double)stoa_reference_count(scores)};
    STOA_TRY(begin(run, &loss));
    for (size_t i = 0; i < stoa_reference_count(scores); i++) {
        double slack, g, g_slack;
        loss.value += f(scores->values[i], targets->values[i], &slack, &g, &g_slack);
        loss.slack += slack;
        pass(&loss, i, g, g_slack);
    }
    return end(run, &loss);
}

static double square(double s, double t, double *slack, double *g, double *g_slack)
{
    double d = s - t;
    *slack = 3 * d * d;
    *g = 2 * d;
    *g_slack = fabs(*g);
    return d * d;
}

/* -t * log p - (1 - t) * log(1 - p) with p = 1 / (1 + e^-s), in the form that does not overflow, whose first terms may
 * cancel. */
static double logit(double s, double t, double *slack, double *g, double *g_slack)
{
    double high = s > 0 ? s : 0, low = log1p(exp(-fabs(s))), p = 1 / (1 + exp(-s));
    *slack = 3 * (high + fabs(s * t)) + 12 * low;
    *g = p - t;
    *g_slack = 12 * p + fabs(t);
    return high - s * t + low;
}

enum stoa_status stoa_reference_mean_squared_error(struct reference_run *run)
{
    return elements(run, square);
}

enum stoa_status stoa_reference_binary_cross_entropy(struct reference_run *run)
{
    return elements(run, logit);
}
