/* NegativeLogLikelihoodLoss and SoftmaxCrossEntropyLoss: -w log p of each record's class. A sum of n of them adds
 * (n + 1) times their magnitudes to the slack, the mean's division by the sum of the weights (n + 3) |y|. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "reference/softmax.h"

enum reduction { MEAN, SUM, NONE };

/* x and slack: the logarithms of the probabilities. */
static enum stoa_status lose(struct reference_run *run, const double *x, const double *slack, enum reduction reduction)
{
    const struct reference_tensor *scores = stoa_reference_input(run, 0), *labels = stoa_reference_input(run, 1);
    const struct reference_tensor *weights = stoa_reference_input(run, 2);
    bool ignores = stoa_reader_has(&run->reader, "ignore_index");
    double ignored = (double)stoa_read_int(&run->reader, "ignore_index", 0, INT64_MIN, INT64_MAX);
    size_t C = scores->dims[1], places = stoa_reference_product(scores, 2, scores->rank);
    size_t n = stoa_reference_count(labels);
    struct reference_tensor *y;
    STOA_TRY(run->reader.status);
    if (n != scores->dims[0] * places || (weights && stoa_reference_count(weights) != C))
        return stoa_fail(run->error, STOA_ERROR_SHAPE,
                         "there must be a label for each record, a weight for each class");
    STOA_TRY(stoa_reference_output(run, 0, STOA_FLOAT, reduction == NONE ? labels->rank : 0, labels->dims, &y));
    double sum = 0, magnitude = 0, sum_slack = 0, weight_sum = 0;
    for (size_t i = 0; i < n; i++) {
        double label = labels->values[i];
        if (ignores && label == ignored)
            continue;
        if (!(label >= 0 && label < (double)C))
            return stoa_fail(run->error, STOA_ERROR_DATA, "record %zu has label %g of %zu classes", i, label, C);
        double w = weights ? weights->values[(size_t)label] : 1;
        size_t at = (i / places * C + (size_t)label) * places + i % places;
        double loss = -x[at] * w, loss_slack = (slack ? slack[at] * fabs(w) : 0) + (weights ? fabs(loss) : 0);
        if (y && reduction == NONE) {
            y->values[i] = loss;
            y->slack[i] = loss_slack;
        }
        sum += loss;
        magnitude += fabs(loss);
        sum_slack += loss_slack;
        weight_sum += w;
    }
    if (y && reduction != NONE) {
        double divisor = reduction == MEAN ? weight_sum : 1;
        y->values[0] = sum / divisor;
        y->slack[0] = (sum_slack + (double)(n + 1) * magnitude) / fabs(divisor) + (double)(n + 3) * fabs(y->values[0]);
    }
    return STOA_OK;
}

static enum stoa_status begin(struct reference_run *run, enum reduction *reduction)
{
    static const char *const reductions[] = {"mean", "sum", "none", NULL};
    *reduction = (enum reduction)stoa_read_choice(&run->reader, "reduction", reductions);
    if (stoa_reference_input(run, 0)->rank < 2)
        return stoa_fail(run->error, STOA_ERROR_SHAPE, "input 0 must have rank 2 or more");
    return run->reader.status;
}

enum stoa_status stoa_reference_negative_log_likelihood(struct reference_run *run)
{
    enum reduction reduction;
    STOA_TRY(begin(run, &reduction));
    return lose(run, stoa_reference_input(run, 0)->values, NULL, reduction);
}

enum stoa_status stoa_reference_softmax_cross_entropy_loss(struct reference_run *run)
{
    const struct reference_tensor *x = stoa_reference_input(run, 0);
    enum reduction reduction;
    struct reference_tensor *log_prob;
    double *values;
    size_t count = stoa_reference_count(x), C = x->dims[1], places = stoa_reference_product(x, 2, x->rank);
    STOA_TRY(begin(run, &reduction));
    STOA_TRY(stoa_reference_output(run, 1, STOA_FLOAT, x->rank, x->dims, &log_prob));
    STOA_TRY(stoa_allocate(run->allocator, 2 * count, sizeof *values, run->error, &values));
    double *slack = values + count;
    for (size_t n = 0; n < x->dims[0]; n++)
        for (size_t i = 0; i < places; i++) {
            size_t first = n * C * places + i;
            stoa_reference_softmax_row(C, places, x->values + first, true, values + first, slack + first);
        }
    if (log_prob && count) {
        memcpy(log_prob->values, values, count * sizeof *values);
        memcpy(log_prob->slack, slack, count * sizeof *values);
    }
    enum stoa_status status = lose(run, values, slack, reduction);
    stoa_release(run->allocator, values);
    return status;
}
